# SPDX-License-Identifier: Apache-2.0
"""Receivers at their limits: a huge group, mail over STARTTLS with a login, ids that outlive retries, the log."""

import json
import os
import time

from lib import services, wait
from lib.configs import FAST, one_webhook
from lib.differential import alert
from lib.doubles import Reply, Reset

TIMEOUT = 90

BIG = 2500
RUNBOOK = "https://runbooks.example/big"
KEY = "0123456789abcdef0123456789abcdef"


def big_group(ends):
    """Every alert is firing, none is short: umlauts, emoji, markup, quotes, lines beyond every mail's limit."""
    return [alert("Big", ends=ends, severity="critical" if i == BIG - 1 else "warning", instance=f"node-{i:04d}",
                  path="/α/<b>&\"'" + "x" * 200, model="ünïcödé-🔥",
                  annotations={"summary": f"node {i}: <!channel> *{'ü🔥' * 60}* `{'y' * 1100}`", "runbook_url": RUNBOOK})
            for i in range(BIG)]


def mail_config(smtp, **changes):
    keys = {"to": "oncall@example.org", "from": "tocsin@example.org", "smarthost": smtp.smarthost,
            "auth_username": "tocsin", "auth_password": "secret", "send_resolved": True,
            "tls_config": {"ca_file": smtp.certificate}, **changes}
    return json.dumps(keys)


def mail_only(smtp, **changes):
    return f"""
route: {{receiver: mail, group_by: [alertname], {FAST}}}
receivers:
- name: mail
  email_configs: [{mail_config(smtp, **changes)}]
"""


def test_a_huge_group_stays_within_every_limit(t):
    hook, slack, duty = t.webhook(), t.slack(), t.pagerduty()
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    tocsin = t.tocsin(f"""
route: {{receiver: all, group_by: [alertname], group_wait: 500ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: all
  webhook_configs: [{{url: '{hook.url}/all'}}, {{url: '{hook.url}/ten', max_alerts: 10}}]
  slack_configs: [{{api_url: '{slack.api_url}', send_resolved: true}}]
  pagerduty_configs: [{{url: '{duty.api_url}', routing_key: {KEY}}}]
  email_configs: [{mail_config(smtp)}]
  log_configs: [{{path: big.jsonl}}, {{path: '-'}}]
""")
    ends = time.time() + 3600
    tocsin.post_alerts(big_group(ends))
    # posted in one request: one flush tells all of them
    hook.wait_count(2, 20)
    for double in (slack, duty, smtp):
        double.wait_count(1, 20)
    told = {r.path: r.json for r in hook.taken()}
    assert len(told["/all"]["alerts"]) == BIG and told["/all"]["truncatedAlerts"] == 0
    assert len(told["/ten"]["alerts"]) == 10 and told["/ten"]["truncatedAlerts"] == BIG - 10
    check_big_slack(slack.taken()[0].json)
    check_big_pagerduty(duty.taken()[0])
    check_big_mail(smtp.taken()[0])
    tocsin.post_alerts(big_group(time.time()))
    hook.wait_count(4, 20)
    for double in (slack, duty, smtp):
        double.wait_count(2, 20)
    assert list(duty.incidents.values()) == ["resolved"] and not duty.stray_resolves
    wait.until("fourteen deliveries",
               lambda: [d["state"] for d in tocsin.deliveries(limit=100)] == ["delivered"] * 14, 5)
    with open(os.path.join(tocsin.directory, "big.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    assert [(line["status"], len(line["alerts"])) for line in lines] == [("firing", BIG), ("resolved", BIG)]
    assert f"and {BIG - 10} more" in tocsin.process.log()


def test_a_huge_group_at_every_other_service(t):
    made = {kind: t.double(kind()) for kind in services.ALL}
    tocsin = t.tocsin(f"""
route: {{receiver: all, group_by: [alertname], group_wait: 500ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: all
{services.receivers(made)}""")
    tocsin.post_alerts(big_group(time.time() + 3600))
    for double in made.values():
        double.wait_count(1, 20)
    tocsin.post_alerts(big_group(time.time()))
    for double in made.values():
        double.wait_count(2, 20)
    assert [a["open"] for a in made[services.Opsgenie].alerts.values()] == [False]
    assert [r.json["message_type"] for r in made[services.VictorOps].taken()] == ["CRITICAL", "RECOVERY"]


def test_wecom_is_asked_for_a_token_with_each_message(t):
    wecom = t.double(services.WeCom())
    tocsin = t.tocsin(f"""
route: {{receiver: all, group_by: [alertname], group_wait: 500ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: all
{services.wecom(wecom)}""")
    tocsin.post_alerts(big_group(time.time() + 3600))
    wecom.wait_count(2, 20)
    # the token is too old when it is used: another one is asked for
    wecom.script(Reply(200, json.dumps({"errcode": 0, "errmsg": "ok", "access_token": "old"})))
    tocsin.post_alerts(big_group(time.time()))
    wait.until("the end, told with a second token", lambda: len(wecom.sent) == 2, 20)
    assert "FIRING" in wecom.sent[0]["text"]["content"] and "RESOLVED" in wecom.sent[1]["text"]["content"]
    assert [r.method for r in wecom.taken()] == ["GET", "POST", "GET", "POST", "GET", "POST"]
    tried = tocsin.command("receiver", "test", "all")
    assert tried.returncode == 0 and len(wecom.sent) == 3, tried
    everything = tocsin.process.log() + json.dumps(tocsin.deliveries(limit=100)) + tried.stdout
    assert "wc-secret" not in everything and "token-" not in everything, "a secret was printed"


def test_a_group_is_an_issue_of_jira(t):
    """One issue while it fires, whatever joins; done when it is over; another one the next time; none for the end alone."""
    jira = t.double(services.Jira())
    tocsin = t.tocsin(f"""
route: {{receiver: all, group_by: [alertname], {FAST}}}
receivers:
- name: all
{services.jira(jira)}""")

    def post(*names, ends):
        tocsin.post_alerts([alert("A", ends=ends, severity="critical", n=name) for name in names])

    def is_written(summary):
        return any(i["fields"]["summary"].startswith(summary) for i in jira.issues.values())

    def categories():
        return [issue["category"] for issue in jira.issues.values()]

    post("1", ends=time.time() + 3600)
    wait.until("the issue", lambda: is_written("[FIRING:1]"), 10)
    post("1", "2", ends=time.time() + 3600)
    wait.until("the issue with both", lambda: is_written("[FIRING:2]"), 10)
    post("1", "2", ends=time.time())
    wait.until("the issue is done", lambda: categories() == ["done"], 10)
    wait.until("all is told", lambda: {d["state"] for d in tocsin.deliveries()} == {"delivered"}, 10)
    issue = jira.issues["OPS-1"]["fields"]
    assert issue["priority"] == {"name": "High"} and issue["labels"][0] == "on_call"
    post("1", ends=time.time() + 3600)
    wait.until("another issue", lambda: categories() == ["done", "new"], 10)
    tocsin.settled()
    tocsin.kill9()
    tocsin.start()
    post("1", ends=time.time())
    wait.until("it is done, too", lambda: categories() == ["done", "done"], 10)


def test_opsgenie_changes_the_words_of_an_open_alert_as_alertmanager_does(t):
    """update_alerts: create, message and description with each notification that fires; one request to close."""
    seen = {}
    for name, start in (("ours", t.tocsin), ("theirs", t.alertmanager)):
        genie = t.double(services.Opsgenie())
        server = start(f"""
route: {{receiver: genie, group_by: [alertname], {FAST}}}
receivers:
- name: genie
  opsgenie_configs: [{{api_url: '{genie.url}/', api_key: {genie.key}, update_alerts: true, source: here}}]
""")
        server.post_alerts([alert("A", ends=time.time() + 3600, n="1")])
        genie.wait_count(3)
        server.post_alerts([alert("A", ends=time.time() + 3600, n="2")])
        genie.wait_count(6)
        assert [a["message"] for a in genie.alerts.values()] == ["[FIRING:2] A "], genie.alerts
        server.post_alerts([alert("A", ends=time.time(), n=n) for n in "12"])
        genie.wait_count(7)
        seen[name] = [(r.method, r.path, r.json) for r in genie.taken()]
    assert seen["ours"] == seen["theirs"], seen


def test_a_key_may_be_a_template_as_in_alertmanager(t):
    """One receiver for all teams: whose key it is, and here also where to, the alerts say."""
    for start in (t.tocsin, t.alertmanager):
        duty, genie, hook = t.pagerduty(), t.double(services.Opsgenie()), t.webhook()
        ours = f"webhook_configs: [{{url: '{hook.url}/{{{{ .CommonLabels.team }}}}'}}]" if start == t.tocsin else ""
        server = start(f"""
global: {{opsgenie_api_url: '{genie.url}/', opsgenie_api_key: '{{{{ .CommonLabels.team }}}}-key'}}
route: {{receiver: all, group_by: [alertname], {FAST}}}
receivers:
- name: all
  pagerduty_configs: [{{url: '{duty.api_url}', routing_key: '{{{{ .CommonLabels.pager }}}}'}}]
  opsgenie_configs: [{{}}]
  {ours}
""")
        server.post_alerts([alert("A", ends=time.time() + 3600, team="genie", pager=KEY)])
        assert duty.wait_count(1)[0].json["routing_key"] == KEY
        genie.wait_count(1)
        if ours:
            assert hook.wait_count(1)[0].path == "/genie"


def test_a_secret_that_is_not_there_yet_is_waited_for(t):
    """Alertmanager starts without the files and reads them with each message; here a message waits for them."""
    hook, slack, duty = t.webhook(), t.slack(), t.pagerduty()
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    files = {name: t.path("secrets", name) for name in ("url", "slack", "key", "token", "password")}
    os.makedirs(t.path("secrets"))
    tocsin = t.tocsin(f"""
route: {{receiver: all, group_by: [alertname], {FAST}}}
receivers:
- name: all
  webhook_configs:
  - url_file: {files['url']}
  - {{url: '{hook.url}/token', http_config: {{authorization: {{credentials_file: {files['token']}}}}}}}
  slack_configs: [{{api_url_file: {files['slack']}, channel: c}}]
  pagerduty_configs: [{{url: '{duty.api_url}', routing_key_file: {files['key']}}}]
  email_configs: [{{to: a@example.org, from: b@example.org, smarthost: '{smtp.smarthost}',
                    tls_config: {{ca_file: {smtp.certificate}}}, auth_username: tocsin,
                    auth_password_file: {files['password']}}}]
""")
    assert tocsin.process.log().count("cannot read") == 5
    tocsin.post_alerts([alert("A", ends=time.time() + 3600)])
    wait.until("five failures", lambda: len([d for d in tocsin.deliveries() if d["error"]]) == 5, 10)
    assert {d["state"] for d in tocsin.deliveries()} == {"pending"}, tocsin.deliveries()
    assert not hook.taken(accepted=False) and not smtp.taken()
    for name, text in (("url", hook.url + "/hook"), ("slack", slack.api_url), ("key", KEY), ("token", "t0ken"),
                       ("password", "secret")):
        with open(files[name], "w") as file:
            file.write(text + "\n")
    hook.wait_count(2, 30)
    for double in (slack, duty, smtp):
        double.wait_count(1, 30)
    assert [r.headers["Authorization"] for r in hook.taken() if r.path == "/token"] == ["Bearer t0ken"]


def check_big_slack(body):
    assert len(body["attachments"]) == 1
    text = json.dumps(body, ensure_ascii=False)
    assert str(BIG) in text, "how many there are"
    assert "critical" in text and RUNBOOK in text and "ünïcödé-🔥" in text, text[:3000]
    assert "<!channel>" not in text, "an annotation must not call everybody"


def check_big_pagerduty(received):
    event = received.json
    assert event["payload"]["severity"] == "critical", "the worst of the group"
    assert str(BIG) in event["payload"]["summary"] or str(BIG) in json.dumps(event["payload"]["custom_details"])
    assert RUNBOOK in [link["href"] for link in event["links"]]


def check_big_mail(mail):
    assert mail.encrypted and mail.login == "tocsin"
    assert str(BIG) in mail.header("Subject"), mail.header("Subject")
    for kind in ("text/plain", "text/html"):
        text = mail.part(kind)
        assert "ünïcödé-🔥" in text and RUNBOOK in text and "critical" in text, (kind, text[:2000])
    assert "<!channel>" not in mail.part("text/html"), "annotations are escaped"
    assert len(mail.raw) < 1 << 20, f"a mail of {len(mail.raw)} bytes"


def test_mail_goes_out_over_starttls_with_a_login(t):
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    tocsin = t.tocsin(mail_only(smtp))
    tocsin.post_alerts([alert("Café", ends=time.time() + 3600, severity="critical",
                              annotations={"summary": "grüße 🔥", "runbook_url": RUNBOOK})])
    mail = smtp.wait_count(1)[0]
    assert mail.encrypted and mail.login == "tocsin"
    assert mail.recipients == ["oncall@example.org"] and "Café" in mail.header("Subject")
    assert "grüße 🔥" in mail.part("text/plain") and "grüße 🔥" in mail.part("text/html")
    assert mail.header("X-Mailer") is None or "ocsin" in mail.header("X-Mailer")


def first_failure(tocsin):
    return wait.until("the failed try", lambda: [d for d in tocsin.deliveries() if d["error"]], 10)[0]


def test_mail_with_a_wrong_password_says_so(t):
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    tocsin = t.tocsin(mail_only(smtp, auth_password="wr0ng-pa55"))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    row = first_failure(tocsin)
    assert "535" in row["error"] or "login" in row["error"].lower() or "auth" in row["error"].lower(), row
    everything = tocsin.process.log() + json.dumps(row) + tocsin.get("/api/v2/status").text
    assert "wr0ng-pa55" not in everything, "a secret was printed"
    assert not smtp.taken() and smtp.logins_failed


def test_mail_is_not_given_to_a_server_with_an_unknown_certificate(t):
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    tocsin = t.tocsin(mail_only(smtp, tls_config={}))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    row = first_failure(tocsin)
    assert "certificate" in row["error"].lower(), row
    assert not smtp.taken() and not smtp.logins_failed


def test_the_idempotency_key_outlives_retries_and_restarts(t):
    hook = t.webhook()
    hook.script(Reply(500), Reset())
    hook.always(Reply(503, Retry_After=2))
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    hook.wait_count(3, 15, accepted=False)
    wait.until("the third failure in the outbox", lambda: any(d["attempts"] >= 3 for d in tocsin.deliveries()), 3)
    tocsin.kill9()
    hook.always(None)
    tocsin.start()
    hook.wait_count(1, 10)
    tocsin.post_alerts([alert(ends=time.time())])
    hook.wait_count(2, 5)
    *tries, last = hook.taken(accepted=False)
    keys = [r.headers.get("Idempotency-Key") for r in tries]
    assert len(tries) >= 4 and all(keys), keys
    assert len(set(keys)) == 1, f"tries of one delivery: {keys}"
    assert len({r.body for r in tries}) == 1, "every try says the same"
    assert last.headers["Idempotency-Key"] not in (None, keys[0]), "another delivery, another key"


def test_a_log_that_cannot_be_written_is_tried_again(t):
    tocsin = t.tocsin(f"""
route: {{receiver: log, group_by: [alertname], {FAST}}}
receivers:
- name: log
  log_configs: [{{path: logs/notifications.jsonl}}]
""")
    tocsin.post_alerts([alert("Kept", ends=time.time() + 3600)])
    row = first_failure(tocsin)
    assert "notifications.jsonl" in row["error"] and "No such file" in row["error"], row
    os.mkdir(os.path.join(tocsin.directory, "logs"))
    wait.until("the delivery", lambda: tocsin.deliveries()[0]["state"] == "delivered", 10)
    with open(os.path.join(tocsin.directory, "logs", "notifications.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    assert [line["commonLabels"]["alertname"] for line in lines] == ["Kept"]
