# SPDX-License-Identifier: Apache-2.0
"""Debian's amtool works against Tocsin as it does against Alertmanager."""

import json
import re
import subprocess
import time

from lib import wait
from lib.configs import one_webhook

# A file that both programs must accept.
SHARED = """
global:
  resolve_timeout: 5m
  slack_api_url: https://hooks.slack.example/services/T/B/X
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
route:
  receiver: default
  group_by: [alertname, cluster]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 2h
  routes:
  - matchers: [severity="critical", team=~"ml|data"]
    receiver: pager
    continue: true
  - match: {service: files}
    match_re: {severity: warning|critical}
    receiver: mail
    routes:
    - matchers: ['owner!=""']
      receiver: slack
receivers:
- name: default
- name: pager
  pagerduty_configs:
  - routing_key: 0123456789abcdef0123456789abcdef
- name: mail
  email_configs:
  - to: team@example.org
- name: slack
  slack_configs:
  - channel: '#alerts'
- name: hook
  webhook_configs:
  - url: http://127.0.0.1:9/hook
"""


class Amtool:
    def __init__(self, t, url):
        self.path, self.url, self.dir = t.tool("amtool"), url, t.dir

    def run(self, *arguments):
        return subprocess.run([self.path, f"--alertmanager.url={self.url}", *arguments], capture_output=True,
                              text=True, timeout=120, check=False, cwd=self.dir, env={"HOME": self.dir, "TZ": "UTC"})

    def good(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, f"amtool {' '.join(arguments)}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.good(*arguments, "-o", "json"))


def start(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url))
    return tocsin, hook, Amtool(t, tocsin.url)


def test_alert_add_and_query(t):
    tocsin, hook, amtool = start(t)
    amtool.good("alert", "add", "GpuHot", "node=n1", "severity=critical", "--annotation=summary=too hot",
                "--generator-url=http://prom.example/graph")
    amtool.good("alert", "add", "alertname=DiskFull", "node=n2")
    alerts = {a["labels"]["alertname"]: a for a in tocsin.alerts()}
    assert set(alerts) == {"GpuHot", "DiskFull"}
    assert alerts["GpuHot"]["annotations"] == {"summary": "too hot"}
    assert alerts["GpuHot"]["generatorURL"] == "http://prom.example/graph"
    assert hook.wait_count(2)
    queried = wait.until("both alerts active", lambda: (lambda a: a if len(a) == 2 else None)(
        amtool.json("alert", "query")), 5)
    assert {a["labels"]["alertname"] for a in queried} == {"GpuHot", "DiskFull"}
    assert [a["labels"]["node"] for a in amtool.json("alert", "query", "GpuHot")] == ["n1"]
    assert [a["labels"]["node"] for a in amtool.json("alert", "query", "node=~n[23]")] == ["n2"]
    assert "GpuHot" in amtool.good("alert", "query") and "too hot" in amtool.good("alert", "query", "-o", "extended")
    assert amtool.json("alert", "query", "--receiver=hook") and not amtool.json("alert", "query", "--receiver=nobody")
    amtool.good("alert", "add", "GpuHot", "node=n1", "severity=critical",
                "--end=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)),
                "--start=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)))
    wait.until("the resolve", lambda: hook.statuses(alertname="GpuHot")[-1] == "resolved", 5)


def test_silence_add_query_update_expire(t):
    tocsin, _, amtool = start(t)
    amtool.good("alert", "add", "GpuHot", "node=n1")
    silence = amtool.good("silence", "add", "alertname=GpuHot", "node=~n.*", "--comment=maintenance",
                          "--author=ops", "--duration=1h").strip()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", silence), silence
    listed = amtool.json("silence", "query")
    assert [s["id"] for s in listed] == [silence] and listed[0]["comment"] == "maintenance"
    assert listed[0]["createdBy"] == "ops" and listed[0]["status"]["state"] == "active"
    assert tocsin.alerts()[0]["status"]["silencedBy"] == [silence], "a silence shows at once"
    assert amtool.json("alert", "query") == [] and len(amtool.json("alert", "query", "--silenced")) == 1
    assert amtool.good("silence", "query", "-q").strip() == silence
    assert amtool.json("silence", "query", "alertname=Other") == []
    amtool.good("silence", "update", silence, "--duration=2h", "--comment=longer")
    changed = [(s["id"], s["comment"]) for s in tocsin.silences()]
    assert changed == [(silence, "longer")], "an active silence with the same matchers is changed in place"
    amtool.good("silence", "expire", silence)
    assert amtool.json("silence", "query") == []
    assert [s["id"] for s in amtool.json("silence", "query", "--expired")] == [silence]
    assert tocsin.alerts()[0]["status"]["state"] == "active"
    assert amtool.run("silence", "expire", "00000000-0000-4000-8000-000000000000").returncode != 0
    assert amtool.run("silence", "add", "--comment=x").returncode != 0


def test_silence_import_keeps_what_was_exported(t):
    _, _, amtool = start(t)
    first = amtool.good("silence", "add", "alertname=A", "--comment=c", "--author=a").strip()
    exported = amtool.good("silence", "query", "-o", "json")
    amtool.good("silence", "expire", first)
    with open(t.path("silences.json"), "w") as file:
        file.write(exported)
    amtool.good("silence", "import", "--force", t.path("silences.json"))
    listed = amtool.json("silence", "query")
    assert [s["matchers"] for s in listed] == [json.loads(exported)[0]["matchers"]], listed


def test_config_show_is_what_alertmanager_would_parse(t):
    tocsin = t.tocsin(SHARED)
    amtool = Amtool(t, tocsin.url)
    shown = amtool.good("config", "show")
    assert "receiver: pager" in shown and "0123456789abcdef0123456789abcdef" not in shown
    assert "pager" in amtool.good("config", "routes", "show")
    routed = amtool.good("config", "routes", "test", "severity=critical", "team=ml", "service=files")
    assert routed.strip() == "pager,mail", routed


def test_config_show_leaves_our_extensions_out(t):
    hook, backend = t.webhook(), t.backend()
    tocsin = t.tocsin(one_webhook(hook.url, extra=f"""
evaluation_interval: 1s
sources:
- name: prom
  type: prometheus
  url: {backend.url}
"""))
    amtool = Amtool(t, tocsin.url)
    assert "receiver: hook" in amtool.good("config", "show")
    assert amtool.good("config", "routes", "test", "a=b").strip() == "hook"


def test_check_config_of_a_shared_file(t):
    tocsin = t.tocsin(SHARED)
    checked = subprocess.run([t.tool("amtool"), "check-config", tocsin.config_path], capture_output=True, text=True,
                             check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = tocsin.command("check", tocsin.config_path)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tocsin.write("broken.yml", SHARED.replace("receiver: pager", "receiver: nobody"))
    assert subprocess.run([t.tool("amtool"), "check-config", broken], capture_output=True,
                          check=False).returncode == 1
    done = tocsin.command("check", broken)
    assert done.returncode == 1 and "nobody" in done.stdout + done.stderr


def test_version_handshake(t):
    tocsin, _, amtool = start(t)
    done = amtool.run("alert", "query")
    assert "version" not in done.stderr.lower(), done.stderr
    status = tocsin.good("/api/v2/status")
    assert status["cluster"]["status"] in ("ready", "disabled") and status["uptime"]
    assert set(status["versionInfo"]) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
