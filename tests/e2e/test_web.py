# SPDX-License-Identifier: Apache-2.0
"""The server behind TLS and users, below a path, and messages from template files: as operators run Alertmanager."""

import base64
import http.client
import json
import ssl
import subprocess
import time

from lib import wait
from lib.api import call
from lib.configs import FAST, one_webhook
from lib.differential import alert
from lib.process import tool
from lib.smtp import certificate
from lib.tocsin import Tocsin

# bcrypt of "secret"
HASH = "$2b$04$fbuGpDTUSW/l1Sqm8DzItOha6T4xpevUwzyuF6o6O8newT19nHFhK"


def web_config(directory, users=True):
    crt, key = certificate(directory)
    return f"""
tls_server_config: {{cert_file: {crt}, key_file: {key}, min_version: TLS12}}
http_server_config: {{headers: {{X-Frame-Options: deny}}}}
""" + (f"basic_auth_users: {{joe: '{HASH}'}}\n" if users else "")


class Secured(Tocsin):
    """Tocsin behind TLS; asked as joe unless told otherwise."""

    def __init__(self, directory, config, web, name="secured"):
        super().__init__(directory, config, {"web.yml": web}, (), name)
        self.process.argv.append(f"--web.config.file={self.directory}/web.yml")
        self.context = ssl.create_default_context(cafile=certificate(directory)[0])

    def ask(self, method, path, user="joe:secret", body=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=120, context=self.context)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def is_ready(self):
        self.process.require_running()
        return self.ask("GET", "/-/ready")[0] == 200


def test_tls_and_users(t):
    """Nothing is said without them, also not in the clear; a reload changes the users."""
    hook = t.webhook()
    tocsin = t._keep(Secured(t.dir, one_webhook(hook.url), web_config(t.dir))).start()
    assert tocsin.ask("POST", "/api/v2/alerts", body=[alert("A")])[0] == 200
    hook.wait_count(1)
    for user, method, path in [(None, "GET", "/api/v2/alerts"), (None, "POST", "/-/reload"), (None, "GET", "/metrics"),
                               (None, "GET", "/nothing"), ("joe:wrong", "GET", "/api/v2/alerts"),
                               ("jim:secret", "GET", "/api/v2/status"), ("joe:", "GET", "/metrics")]:
        status, headers, said = tocsin.ask(method, path, user)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic"), (user, path, status)
        assert b"alertname" not in said and b"joe" not in said, said
    assert tocsin.ask("GET", "/-/healthy", None)[0] == 200, "supervisors have no password"
    assert tocsin.ask("GET", "/api/v2/alerts")[1]["X-Frame-Options"] == "deny"
    try:
        assert call(tocsin.port, "GET", "/api/v2/alerts").status == 400
    except (ConnectionError, OSError):
        pass
    tocsin.write("web.yml", web_config(t.dir).replace("joe:", "ann:"))
    assert tocsin.ask("POST", "/-/reload")[0] == 200
    assert tocsin.ask("GET", "/api/v2/alerts")[0] == 401
    assert tocsin.ask("GET", "/api/v2/alerts", "ann:secret")[0] == 200
    tocsin.write("web.yml", web_config(t.dir) + "basic_auth_users: {joe: plain}\n")
    assert tocsin.ask("POST", "/-/reload", "ann:secret")[0] == 500
    assert tocsin.ask("GET", "/api/v2/alerts", "ann:secret")[0] == 200
    assert HASH not in tocsin.process.log()


def test_amtool_with_an_http_config_file(t):
    """Its own file with a user and the authority; without one of them it fails."""
    hook = t.webhook()
    tocsin = t._keep(Secured(t.dir, one_webhook(hook.url), web_config(t.dir))).start()
    good = f"""
basic_auth: {{username: joe, password: secret}}
tls_config: {{ca_file: {certificate(t.dir)[0]}}}
"""

    def amtool(text, *arguments):
        path = tocsin.write("http.yml", text)
        return subprocess.run([tool("amtool"), f"--alertmanager.url=https://127.0.0.1:{tocsin.port}",
                               f"--http.config.file={path}", *arguments], capture_output=True, text=True, timeout=120,
                              check=False, cwd=t.dir, env={"HOME": t.dir, "TZ": "UTC"})

    added = amtool(good, "alert", "add", "Secured", "n=1")
    assert added.returncode == 0, added
    hook.wait_count(1)
    silence = amtool(good, "silence", "add", "Secured", "-c", "c", "-a", "a")
    assert silence.returncode == 0, silence
    shown = amtool(good, "silence", "query", "-q")
    assert shown.stdout == silence.stdout, (shown, silence)
    for bad in (good.replace("secret", "wrong"), good.replace("tls_config", "#"), "{}"):
        assert amtool(bad, "alert", "query").returncode != 0, bad


def test_below_a_path(t):
    """The external URL's path, or another where a proxy cuts it off; links say the external one."""
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url), arguments=["--web.external-url=https://mon.example/alerts/am/"], start=False)
    tocsin.spawn()
    wait.until("readiness below the path", lambda: tocsin.get("/alerts/am/-/ready").status == 200)
    assert tocsin.post("/alerts/am/api/v2/alerts", [alert("A")]).status == 200
    assert tocsin.get("/api/v2/alerts").status == 404 and tocsin.get("/alerts/am/api/v2/alerts").status == 200
    assert hook.wait_count(1)[0].json["externalURL"] == "https://mon.example/alerts/am"
    assert tocsin.post("/alerts/am/-/reload").status == 200
    amtool = subprocess.run([tool("amtool"), f"--alertmanager.url={tocsin.url}/alerts/am", "alert", "query"],
                            capture_output=True, text=True, timeout=120, check=False, cwd=t.dir, env={"HOME": t.dir, "TZ": "UTC"})
    assert amtool.returncode == 0 and " active" in amtool.stdout, amtool
    cut = t.tocsin(one_webhook(hook.url), arguments=["--web.external-url=https://mon.example/am", "--web.route-prefix=/"],
                   name="cut")
    cut.post_alerts([alert("B")])
    assert hook.wait_count(2)[1].json["externalURL"] == "https://mon.example/am"


TEMPLATES = {
    "words.tmpl": """{{ define "who" }}{{ .CommonLabels.team | toUpper }}{{ end }}
{{ define "list" }}{{ range .Alerts.Firing }}{{ .Labels.n }}={{ .Annotations.text }};{{ end }}{{ end }}""",
    "slack.default.title.tmpl": """{{ define "slack.default.title" }}ours: {{ template "who" . }}{{ end }}""",
}


def test_template_files_reach_the_receivers(t):
    """Named templates from globs, a stock one replaced, a reload that reads them again, and one that is refused."""
    slack, smtp = t.slack(), t.smtp()
    config = f"""
templates: ['*.tmpl']
route: {{receiver: all, group_by: [alertname], {FAST}}}
receivers:
- name: all
  slack_configs: [{{api_url: '{slack.api_url}', channel: '#ml', title: '{{{{ template "slack.default.title" . }}}}',
     text: '{{{{ template "list" . }}}}', send_resolved: true}}]
  email_configs:
  - {{to: a@example.org, from: b@example.org, smarthost: '{smtp.smarthost}', require_tls: false,
     html: '<p>{{{{ template "list" . }}}}</p>', headers: {{Subject: '{{{{ template "who" . }}}} {{{{ len .Alerts }}}}'}}}}
"""
    tocsin = t.tocsin(config, files=TEMPLATES)
    tocsin.post_alerts([alert(n=n, team="ml", annotations={"text": f"<{n}>"}) for n in "12"])
    message = slack.wait_count(1)[0].json["attachments"][0]
    assert message["title"] == "ours: ML" and message["text"].strip() in ("1=<1>;2=<2>;", "1=&lt;1&gt;;2=&lt;2&gt;;"), message
    mail = smtp.wait_count(1)[0]
    assert mail.header("Subject") == "ML 2" and "1=&lt;1&gt;;2=&lt;2&gt;;" in mail.part("text/html"), mail.raw
    tocsin.write("slack.default.title.tmpl", '{{ define "slack.default.title" }}now {{ .Status }}{{ end }}')
    assert tocsin.post("/-/reload").status == 200
    tocsin.post_alerts([alert(n=n, team="ml", ends=time.time()) for n in "12"])
    assert slack.wait_count(2)[1].json["attachments"][0]["title"] == "now resolved"
    tocsin.write("words.tmpl", "{{ define \"who\" }}{{ nonsense }}{{ end }}")
    refused = tocsin.post("/-/reload")
    assert refused.status == 500 and "words.tmpl" in refused.text and "nonsense" in refused.text, refused
    tocsin.post_alerts([alert("Still", n="3", team="ml", annotations={"text": "x"})])
    assert slack.wait_count(3)[2].json["attachments"][0]["title"] == "now firing"


def test_mute_times_change_what_is_told(t):
    """In the API, in the metrics and to the receiver; a reload ends it."""
    hook = t.webhook()
    config = one_webhook(hook.url, extra="time_intervals: [{name: always, time_intervals: [{}]}]\n").replace(
        "repeat_interval: 1h}", "repeat_interval: 1h, routes: [{matchers: [team=ml], mute_time_intervals: [always]}]}")
    tocsin = t.tocsin(config)
    tocsin.post_alerts([alert("Muted", team="ml"), alert("Heard")])
    hook.wait_count(1)
    states = {g["alerts"][0]["labels"]["alertname"]: g["alerts"][0]["status"] for g in tocsin.groups()}
    assert states["Muted"]["state"] == "suppressed" and states["Muted"]["mutedBy"] == ["always"], states
    assert states["Heard"]["state"] == "active" and states["Heard"]["mutedBy"] == []
    assert [g["alerts"][0]["labels"]["alertname"] for g in tocsin.groups(muted="false")] == ["Heard"]
    wait.until("the count", lambda: tocsin.metric("alertmanager_notifications_suppressed_total",
                                                  reason="mute_time_interval") >= 1)
    hook.hold_count(1, 0.3)
    tocsin.write("tocsin.yml", config.replace("mute_time_intervals: [always]", "active_time_intervals: [always]"))
    assert tocsin.post("/-/reload").status == 200
    assert hook.wait_count(2)[1].json["alerts"][0]["labels"]["alertname"] == "Muted"
