# SPDX-License-Identifier: Apache-2.0
"""
What karma, Grafana and amtool ask is answered in the shape in which Alertmanager and Prometheus answer it.

A shape is a value with its leaves replaced by their types.  Ours must have all that theirs has; it may have more.
"""

import re
import subprocess
import time

from lib import wait
from lib.api import call, rfc3339
from lib.configs import prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.process import tool

CONFIG = """
route: {receiver: pager, group_by: [alertname], group_wait: 0s, group_interval: 1m, repeat_interval: 1h, routes: [
  {matchers: [team="ml"], receiver: mail, group_by: [team, severity]}]}
inhibit_rules: [{source_matchers: [severity="critical"], target_matchers: [severity="info"], equal: [team]}]
receivers: [{name: pager}, {name: mail}]
"""


def shape(value):
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def lacks(ours, theirs, where=""):
    """What theirs has and ours has not, as text lines."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [line for key, member in theirs.items()
                for line in (lacks(ours[key], member, f"{where}.{key}") if key in ours else [f"{where}.{key} is missing"])]
    if isinstance(theirs, list) and isinstance(ours, list):
        if len(ours) != len(theirs):
            return [f"{where} has {len(ours)} items, not {len(theirs)}"]
        return [line for i, pair in enumerate(zip(ours, theirs)) for line in lacks(*pair, f"{where}[{i}]")]
    return [] if ours == theirs else [f"{where} is {ours}, not {theirs}"]


def fill(server):
    """Alerts of every state and a silence; returns the silence's id."""
    now = time.time()
    silence = server.silence({"n": "2"}, now, now + 600, "why <b>")
    server.post_alerts([{**alert("A", n="1", team="ml", severity="critical", annotations={"summary": "s & t"}),
                         "generatorURL": "http://prom.example/graph?g0.expr=up"},
                        alert("A", n="2", team="ml", severity="warning"), alert("A", n="3", team="ml", severity="info"),
                        alert("B", n="2"), alert("C")])
    wait.until("all of it", lambda: len(server.groups()) == 5 and
               {a["status"]["state"] for a in server.alerts()} == {"active", "suppressed"}, 10)
    return silence


def ask_both(t, requests):
    """requests: [(method, path with {silence}, body)]: status, type and shape as Alertmanager's."""
    servers = [t.tocsin(CONFIG), t.alertmanager(CONFIG)]
    silences = [fill(server) for server in servers]
    for method, path, body in requests:
        ours, theirs = [call(server.port, method, path.replace("{silence}", silence), body,
                             {"Accept": "application/json", "User-Agent": "karma/v0.100"})
                        for server, silence in zip(servers, silences)]
        assert ours.status == theirs.status, (method, path, ours, theirs)
        assert ours.headers["Access-Control-Allow-Origin"] == "*", path
        if path.startswith("/api") and theirs.status == 200 and theirs.body:
            assert ours.headers["Content-Type"] == theirs.headers["Content-Type"], path
            missing = lacks(shape(ours.json), shape(theirs.json))
            assert not missing, (method, path, missing, ours)
    return servers[0], silences[0]


def matcher(name, value, is_regex=False, **more):
    return {"name": name, "value": value, "isRegex": is_regex, **more}


def test_karma(t):
    """It reads the version from the metrics, then everything; silences are made, changed and ended through it."""
    now = time.time()
    body = {"matchers": [matcher("alertname", "A|B", True, isEqual=True), matcher("n", "9", isEqual=False)],
            "startsAt": rfc3339(now), "endsAt": rfc3339(now + 60), "createdBy": "me@example.com", "comment": "ACK! x"}
    tocsin, _ = ask_both(t, [
        ("GET", "/api/v2/status", None), ("GET", "/api/v2/silences", None), ("GET", "/api/v2/alerts/groups", None),
        ("POST", "/api/v2/silences", body), ("POST", "/api/v2/silences", {**body, "id": ""}),
        ("GET", "/api/v2/silences", None), ("DELETE", "/api/v2/silence/{silence}", None),
        ("GET", "/api/v2/silences", None), ("GET", "/api/v2/alerts/groups", None), ("GET", "/-/healthy", None)])
    metrics = tocsin.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain"), metrics.headers.items()
    version = re.search(r'^alertmanager_build_info\{.*version="(\d+)\.(\d+)\.(\d+)".*\} 1$', metrics.text, re.M)
    assert version and (int(version.group(1)), int(version.group(2))) >= (0, 22), version


def test_grafana_reads_alertmanager(t):
    """A catch-all answer would make it take the server for Mimir."""
    queries = ("", "?active=true&silenced=true&inhibited=true", "?filter=team%3D%22ml%22&silenced=false",
               "?filter=team%3D~%22m.%2A%22&filter=severity%21%3D%22info%22", "?receiver=mail", "?active=false")
    ask_both(t, [
        ("GET", "/api/v2/status", None), ("GET", "/api/v2/receivers", None), ("GET", "/api/v2/silences", None),
        ("GET", "/api/v2/silence/{silence}", None),
        *[("GET", f"/api/v2/alerts{query}", None) for query in queries],
        *[("GET", f"/api/v2/alerts/groups{query}", None) for query in queries],
        ("GET", "/alertmanager/api/v2/status", None), ("GET", "/api/v1/alerts/groups/x", None),
        ("DELETE", "/api/v2/silence/{silence}", None), ("GET", "/api/v2/silence/{silence}", None)])


RULES = rule_file(
    rule_group("first", """
alert: Fires
expr: vector(42) > 1
labels: {severity: page, team: "ml"}
annotations: {summary: 'value {{ $value }} <b>'}
""", """
alert: Waits
expr: vector(1)
for: 1h
""", """
alert: Quiet
expr: vector(1) > 2
keep_firing_for: 5m
""", interval="1s"),
    rule_group("second", """
alert: Other
expr: vector(0.5)
""", interval="1s"))


def rules_of(server):
    return server.good("/api/v1/rules")["data"]["groups"]


def evaluated(server):
    rules = [rule for group in rules_of(server) for rule in group["rules"]]
    return all(rule["health"] == "ok" for rule in rules) and {r["state"] for r in rules} == {
        "firing", "pending", "inactive"}


def test_grafana_reads_rules(t):
    """The rules and their alerts in the shape of Prometheus, under all parameters that Grafana sends."""
    rules = RULES.replace("keep_firing_for: 5m", "for: 5m")
    prometheus = t.prometheus(rules=rules)
    tocsin = t.tocsin(prometheus_source(prometheus.port), files={"rules.yml": rules})
    for server in (tocsin, prometheus):
        wait.until("the rules to be evaluated", lambda server=server: evaluated(server), 10)
    for path in ("/api/v1/rules", "/api/v1/rules?type=alert", "/api/v1/alerts",
                 "/api/v1/status/buildinfo"):
        ours, theirs = tocsin.get(path), prometheus.get(path)
        assert (ours.status, ours.headers["Content-Type"]) == (theirs.status, theirs.headers["Content-Type"]), path
        ordered = ours.json
        if path == "/api/v1/alerts":
            ordered["data"]["alerts"].sort(key=lambda a: a["labels"]["alertname"])
        other = theirs.json
        if path == "/api/v1/alerts":
            other["data"]["alerts"].sort(key=lambda a: a["labels"]["alertname"])
        missing = lacks(shape(ordered), shape(other))
        assert not missing, (path, missing, ours)
    assert "features" not in tocsin.good("/api/v1/status/buildinfo")["data"]
    assert tocsin.get("/api/v1/status/flags").status != 200, "Grafana would take it for Thanos"
    for group_key in ("rule_group", "rule_group[]"):
        assert [g["name"] for g in tocsin.good("/api/v1/rules", **{group_key: "second"})["data"]["groups"]] == ["second"]
    for rule_key in ("rule_name", "rule_name[]"):
        found = tocsin.good("/api/v1/rules", **{rule_key: ["Waits", "Other"]})["data"]["groups"]
        assert [[r["name"] for r in g["rules"]] for g in found] == [["Waits"], ["Other"]], found
    first = tocsin.good("/api/v1/rules", group_limit=1, exclude_alerts="true")["data"]
    assert [g["name"] for g in first["groups"]] == ["first"] and not first["groups"][0]["rules"][0]["alerts"]
    second = tocsin.good("/api/v1/rules", group_limit=1, group_next_token=first["groupNextToken"])["data"]
    assert [g["name"] for g in second["groups"]] == ["second"] and not second.get("groupNextToken"), second
    fires = [r for g in rules_of(tocsin) for r in g["rules"] if r["name"] == "Fires"][0]
    assert fires["alerts"][0]["value"] == "4.2e+01" and fires["alerts"][0]["annotations"] == {"summary": "value 42 <b>"}


# ---- amtool, each command against both servers: the same words and exit status

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|0xc[0-9a-f]+")   # it prints the address of one, too
TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:]+(\.\d+)?( ?(Z|UTC))*")


class Both:
    """amtool with the two servers in turn; `same` compares what it says apart from ids, times and ports."""

    def __init__(self, t, config):
        self.dir, self.path = t.dir, tool("amtool")
        self.servers = [t.tocsin(config), t.alertmanager(config)]

    def run(self, server, arguments, stdin=None):
        return subprocess.run([self.path, f"--alertmanager.url={server.url}", *arguments], input=stdin, text=True,
                              capture_output=True, timeout=120, check=False, cwd=self.dir, env={"HOME": self.dir, "TZ": "UTC"})

    def each(self, *arguments, stdin=(None, None)):
        return [self.run(server, [self.named(server, a) if a.startswith("{") else a for a in arguments], text)
                for server, text in zip(self.servers, stdin)]

    @staticmethod
    def named(server, name):
        """{Disk}: the id of a silence of alertname="Disk"."""
        return [s["id"] for s in server.silences() if s["status"]["state"] != "expired" and
                any(m["value"] == name[1:-1] for m in s["matchers"])][0]

    @staticmethod
    def plain(text):
        text = TIMES.sub("TIME", UUID.sub("UUID", text))
        return sorted(re.sub(r"[ \t]+", " ", re.sub(r":\d{4,5}/", ":PORT/", text)).strip().splitlines())

    def same(self, *arguments, status=0, words=(), stdin=(None, None)):
        ours, theirs = self.each(*arguments, stdin=stdin)
        assert theirs.returncode == status, f"amtool {arguments}: Alertmanager {theirs}"
        assert ours.returncode == status, f"amtool {arguments}: Tocsin {ours}"
        assert self.plain(ours.stdout) == self.plain(theirs.stdout), \
            f"amtool {arguments}: Tocsin says\n{ours.stdout}\nAlertmanager says\n{theirs.stdout}"
        for word in words:
            assert word in ours.stdout + ours.stderr, (arguments, word, ours)
        return ours, theirs


def test_amtool_says_the_same_of_both(t):
    both = Both(t, CONFIG)
    same = both.same
    same("alert", "add", "Disk", "n=1", "team=ml", "severity=critical", "--annotation=summary=a b",
         "--annotation=runbook=http://r.example", "--generator-url=http://p.example/x",
         "--start=2026-01-02T15:04:05Z")
    same("alert", "add", "alertname=Net", "severity=info")
    same("alert", "add", "alertname=Info", "severity=info", "team=ml")
    same("alert", "add", "bad-label-name!", status=0)
    same("alert", "add", "Over", "--end=2026-01-02T15:04:05Z", "--start=2026-01-01T15:04:05Z")
    for server in both.servers:
        wait.until("groups", lambda server=server: len(server.groups()) >= 3, 5)
    for output in ("simple", "extended", "json"):
        if output != "json":            # ids, times and the order of keys
            same("alert", "query", "-o", output)
            same("alert", "query", "-o", output, "--inhibited", "--active", "--silenced")
    same("alert", "query", "Disk", words=["Disk"])
    same("alert", "query", "severity=~crit.*", "team!=web")
    same("alert", "query", "--receiver=ma.*")
    same("alert", "query", "a=~(")
    same("alert")
    same("silence", "add", "Disk", "n=~[0-9]", "team!=x", "-c", "words", "-a", "me", "-d", "2h", words=["-"])
    same("silence", "add", "Net", "-c", "later", "-a", "me", "--start=2099-01-01T00:00:00Z",
         "--end=2099-01-02T00:00:00Z")
    same("silence", "add", "X", "-a", "me", status=1)
    same("silence", "add", "X=~(", "-a", "me", "-c", "c")
    same("silence", "add", "X", "-a", "me", "-c", "c", "--end=2001-01-01T00:00:00Z", status=1)
    for arguments in (["-o", "simple"], ["-o", "extended"], ["Disk"], ["alertname=Net"], ["--within=3h"],
                      ["--created-by=me"], ["--created-by=you"], ["-q"], ["--expired"], ["--expired", "--within=1h"],
                      ["n=~[0-9]"]):
        same("silence", "query", *arguments)
    same("silence", "update", "{Net}", "-c", "changed", "-d", "3h", "--start=2099-01-01T00:00:00Z")
    same("silence", "update", "-q", "{Net}", "--end=2099-02-01T00:00:00Z")
    same("silence", "update", "00000000-0000-4000-8000-000000000000", "-d", "1h", status=1)
    exported = [done.stdout for done in both.each("silence", "query", "-o", "json")]
    same("silence", "import", "--force", stdin=exported)
    same("silence", "import", stdin=exported)
    same("silence", "import", stdin=("nonsense", "nonsense"), status=1)
    for done in both.each("silence", "import", stdin=('[{"comment": "no more"}]',) * 2):    # its exit status is a race
        assert "status 422" in done.stderr, done
    same("silence", "query")
    same("silence", "expire", "{Disk}")
    same("silence", "expire", "00000000-0000-4000-8000-000000000000", status=1)
    same("silence", "expire", "nonsense", status=1)
    same("silence", "expire", status=1)
    same("silence", "query", "--expired")
    same("cluster", "show")
    same("config", "routes")
    same("config", "routes", "show")
    same("config", "routes", "test", "team=ml", words=["mail"])
    same("config", "routes", "test", "--verify.receivers=pager", "team=ml", status=1)
    same("config", "routes", "test", "--tree", "team=ml")
    assert all(done.returncode == 0 for done in both.each("config", "show", "-o", "extended"))


def test_amtool_on_files(t):
    """check-config and template render need no server: ours take and refuse the same files."""
    tocsin = t.tocsin(CONFIG, files={"words.tmpl": '{{ define "words" }}{{ len .Alerts }} {{ .Status | toUpper }}{{ end }}'})
    template = f"templates: ['{tocsin.directory}/*.tmpl']\n"
    for text, good in ((CONFIG, True), (CONFIG + template, True), (CONFIG.replace("receiver: pager", "receiver: x"), False),
                       (CONFIG + "time_intervals: [{name: a}, {name: a}]\n", False), (CONFIG + "unknown: 1\n", False)):
        path = tocsin.write("checked.yml", text)
        theirs = subprocess.run([tool("amtool"), "check-config", path], capture_output=True, text=True, check=False)
        ours = tocsin.command("check", path)
        assert (theirs.returncode == 0, ours.returncode == 0) == (good, good), (text, theirs, ours)
    rendered = subprocess.run([tool("amtool"), "template", "render", f"--template.glob={tocsin.directory}/*.tmpl",
                               '--template.text={{ template "words" . }}'], capture_output=True, text=True, check=False)
    assert rendered.returncode == 0 and rendered.stdout.startswith("2 "), rendered
