# SPDX-License-Identifier: Apache-2.0
"""The tools of the tests, tested: a double that accepts everything or a comparison that never differs proves nothing."""

import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time

from lib import differential, services, wait
from lib.api import call, parse_time, rfc3339
from lib.differential import Side, alert
from lib.doubles import Garbage, Hang, Reply, Reset, Slow, fingerprint, webhook_errors
from lib.process import MissingTool, Process, tool


def raises(kind, action):
    try:
        action()
    except kind as err:
        return err
    raise AssertionError(f"{kind.__name__} expected")


def test_until_returns_the_answer_or_names_what_did_not_come(t):
    assert wait.until("seven", lambda: 7) == 7
    err = raises(wait.Deadline, lambda: wait.until("the moon", lambda: 0, 0.1))
    assert "the moon" in str(err), err
    raises(AssertionError, lambda: wait.hold("no", lambda: False, 0.1))
    wait.hold("yes", lambda: True, 0.1)


def test_times_are_read_in_every_spelling_and_written_in_one(t):
    for text in ("2026-11-20T04:24:45.719Z", "2026-11-20T04:24:45.719700585Z", "2026-11-20T05:24:45.719+01:00"):
        assert abs(parse_time(text) - 1795148685.719) < 0.001, (text, parse_time(text))
    assert rfc3339(parse_time("2026-11-20T04:24:45.719Z")) == "2026-11-20T04:24:45.719Z"
    assert parse_time("0001-01-01T00:00:00Z") < 0


def test_a_missing_tool_names_its_package(t):
    err = raises(MissingTool, lambda: tool("no-such-tool-here"))
    assert "apt-get install no-such-tool-here" in str(err)


def test_a_child_dies_with_the_process_that_started_it(t):
    code = ("import sys; sys.path.insert(0, sys.argv[1]); from lib.process import Process; import time; "
            "p = Process('child', ['/bin/sleep', '60'], sys.argv[2]).start(); print(p.pid, flush=True); "
            "sys.stdin.read()")
    parent = subprocess.Popen([sys.executable, "-B", "-c", code, os.path.dirname(os.path.abspath(__file__)), t.dir],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert os.path.exists(f"/proc/{child}")
    parent.kill()
    parent.wait()

    def gone():
        try:
            with open(f"/proc/{child}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait.until("the child to be gone", gone, 5)


def test_kill9_and_stop_tell_how_a_process_ended(t):
    process = Process("sleeper", ["/bin/sleep", "60"], t.dir).start()
    assert process.running()
    process.kill9()
    assert not process.running()
    process.start()
    assert process.stop() == -signal.SIGTERM


# ---- the doubles refuse what the services refuse

def post(double, path, body, **headers):
    return call(double.port, "POST", path, body, headers or None)


def refused(double, answers):
    """Every answer is a refusal and each left a violation; forgets them, as they were provoked."""
    assert all(a.status >= 400 for a in answers), answers
    assert len(double.violations) == len(answers), double.violations
    double.violations.clear()


def test_slack_enforces_the_documented_limits(t):
    slack = t.slack()

    def send(body):
        return post(slack, slack.path, body)

    assert send({"text": "hello"}).text == "ok"
    assert send({"attachments": [{"color": "#ff0000", "title": "T", "fields": [{"title": "a", "value": "b"}]}]}).text == "ok"
    refused(slack, [send({}), send({"attachments": []}), send("{"), send({"text": "x" * 40001}),
                    send({"attachments": [{"text": "x"}] * 101}), send({"attachments": [{}]}),
                    send({"attachments": [{"text": "x", "color": "reddish"}]}),
                    send({"blocks": [{"type": "header", "text": {"text": "x" * 151}}]}),
                    send({"blocks": [{"type": "divider"}] * 51}),
                    send({"blocks": [{"type": "section", "text": {"text": "x" * 3001}}]}),
                    post(slack, "/services/wrong", {"text": "x"}),
                    call(slack.port, "POST", slack.path, '{"text":"x"}', {"Content-Type": "text/plain"})])
    assert len(slack.taken()) == 2


def pagerduty_event(**changes):
    event = {"routing_key": "0123456789abcdef0123456789abcdef", "event_action": "trigger", "dedup_key": "k",
             "payload": {"summary": "s", "source": "here", "severity": "critical"},
             "links": [{"href": "https://runbooks.example/x", "text": "runbook"}]}
    event.update(changes)
    return event


def test_pagerduty_enforces_the_documented_limits(t):
    duty = t.pagerduty()

    def send(**changes):
        return post(duty, "/v2/enqueue", pagerduty_event(**changes))

    good = send()
    assert good.status == 202 and good.json["dedup_key"] == "k", good
    assert duty.incidents == {"k": "open"}
    payload = pagerduty_event()["payload"]
    bad = [send(routing_key="short"), send(event_action="fire"), send(dedup_key="x" * 256), send(payload=None),
           send(payload={**payload, "summary": "x" * 1025}), send(payload={**payload, "severity": "page"}),
           send(payload={**payload, "source": ""}), send(payload={**payload, "timestamp": "soon"}),
           send(links=[{"text": "no href"}]), send(links=[{"href": "not a url"}]), send(links=["https://x.example"]),
           send(images=[{"src": "http://plain.example/x.png"}]), send(event_action="resolve", dedup_key=None),
           send(payload={**payload, "custom_details": {"x": "y" * 600000}}), send(surprise=1)]
    assert all("errors" in a.json for a in bad)
    refused(duty, bad)
    assert send(event_action="resolve").status == 202 and duty.incidents == {"k": "resolved"}
    assert send(event_action="resolve").status == 202 and duty.stray_resolves == ["k"]


def webhook_body():
    labels = {"alertname": "A", "job": "x"}
    return {"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "r",
            "groupLabels": {"alertname": "A"}, "commonLabels": labels, "commonAnnotations": {}, "externalURL": "",
            "alerts": [{"status": "firing", "labels": labels, "annotations": {}, "generatorURL": "",
                        "startsAt": "2026-11-20T04:24:45.719Z", "endsAt": "0001-01-01T00:00:00Z",
                        "fingerprint": fingerprint(labels)}]}


def test_webhook_enforces_the_version_4_body(t):
    hook = t.webhook()
    assert post(hook, "/", webhook_body()).status == 200
    assert webhook_errors(webhook_body()) == []
    for change in ({"version": "3"}, {"groupKey": None}, {"status": "resolved"}, {"alerts": []}, {"commonLabels": {}},
                   {"commonAnnotations": {"a": "b"}}, {"groupLabels": {"alertname": "B"}}, {"truncatedAlerts": "0"}):
        assert webhook_errors({**webhook_body(), **change}), change
    for key in webhook_body():
        body = webhook_body()
        del body[key]
        assert webhook_errors(body), key
    for change in ({"status": "ok"}, {"status": "resolved"}, {"fingerprint": "0" * 16}, {"labels": {}},
                   {"endsAt": "2026-11-20T04:24:45Z"}, {"generatorURL": None}):
        body = webhook_body()
        body["alerts"][0].update(change)
        assert webhook_errors(body), change
    refused(hook, [post(hook, "/", {}), post(hook, "/", "[")])


def test_doubles_make_trouble_on_demand(t):
    hook = t.webhook()
    hook.script(Reply(429, "slow down", Retry_After=3), Reply(302, Location="http://127.0.0.1:9/"), Reset(), Garbage())
    limited = post(hook, "/", webhook_body())
    assert (limited.status, limited.headers["Retry-After"]) == (429, "3")
    assert post(hook, "/", webhook_body()).headers["Location"] == "http://127.0.0.1:9/"
    raises(OSError, lambda: post(hook, "/", webhook_body()))
    raises(OSError, lambda: post(hook, "/", webhook_body()))
    assert post(hook, "/", webhook_body()).status == 200
    hook.script(Hang())
    raises(OSError, lambda: call(hook.port, "POST", "/", webhook_body(), timeout=0.3))
    assert len(hook.wait_count(6, accepted=False)) == 6 and len(hook.taken()) == 1


def test_backend_answers_by_expression_and_troubles_only_one(t):
    backend = t.backend()
    backend.set("up == 0", ({"job": "a"}, 1))
    backend.trouble("bad", Reply(500, "no"))
    good = call(backend.port, "GET", "/api/v1/query?query=up+%3D%3D+0").json
    assert good["data"]["result"][0]["metric"] == {"job": "a"}, good
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_form = call(backend.port, "POST", "/api/v1/query", "query=up+%3D%3D+0", form).json
    assert by_form["data"]["result"][0]["metric"] == {"job": "a"}, by_form
    assert call(backend.port, "POST", "/api/v1/query", "query=bad", form).status == 500
    backend.set("bad")
    assert call(backend.port, "POST", "/api/v1/query", "query=bad", form).json["data"]["result"] == []
    assert len(backend.asked("bad")) == 2


# ---- real servers

def test_smtp_takes_mail_over_starttls_with_login_and_refuses_the_rest(t):
    server = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    context = ssl.create_default_context(cafile=server.certificate)
    mail = ("Date: Fri, 20 Nov 2026 04:24:45 +0000\r\nFrom: a@example.org\r\nTo: b@example.org\r\nSubject: s\r\n"
            "Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nbody\r\n")
    with smtplib.SMTP("127.0.0.1", server.port, timeout=120) as client:
        raises(smtplib.SMTPException, lambda: client.sendmail("a@example.org", ["b@example.org"], mail))
    with smtplib.SMTP("127.0.0.1", server.port, timeout=120) as client:
        client.starttls(context=context)
        raises(smtplib.SMTPAuthenticationError, lambda: client.login("tocsin", "wrong"))
    for mechanism in ("plain", "login"):
        with smtplib.SMTP("127.0.0.1", server.port, timeout=120) as client:
            client.starttls(context=context)
            client.ehlo()
            client.user, client.password = "tocsin", "secret"
            client.auth(mechanism, getattr(client, f"auth_{mechanism}"))
            server.refuse("451 4.7.1 come back later")
            raises(smtplib.SMTPDataError, lambda: client.sendmail("a@example.org", ["b@example.org"], mail))
            client.sendmail("a@example.org", ["b@example.org"], mail)
    mails = server.wait_count(2)
    assert [m.login for m in mails] == ["tocsin", "tocsin"] and all(m.encrypted for m in mails)
    assert mails[0].header("Subject") == "s" and mails[0].part("text/plain") == "body\r\n", mails[0].raw
    assert len(server.refused) == 2 and server.logins_failed > 0
    assert not server.violations
    with smtplib.SMTP("127.0.0.1", server.port, timeout=120) as client:
        client.starttls(context=context)
        client.login("tocsin", "secret")
        raises(smtplib.SMTPDataError,
               lambda: client.sendmail("a@example.org", ["b@example.org"], mail.replace("Message-ID", "X-Other")))
    assert len(server.violations) == 1
    server.violations.clear()


def test_a_real_prometheus_scrapes_the_exporter(t):
    exporter = t.exporter()
    exporter.set("model_latency_seconds", 0.25, model="m")
    prometheus = t.prometheus([exporter.port])
    wait.until("the first value", lambda: prometheus.value("model_latency_seconds") == 0.25)
    exporter.set("model_latency_seconds", 0.75, model="m")
    wait.until("the moved value", lambda: prometheus.value("model_latency_seconds") == 0.75)
    exporter.remove("model_latency_seconds", model="m")
    wait.until("the series to end", lambda: prometheus.value("model_latency_seconds") is None)


DIFFERENTIAL = """
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
- name: hook
  webhook_configs: [{{url: '{url}/hook', send_resolved: true}}]
"""


def oracle_pair(t, script, length):
    """attempt() of until_calm: two Alertmanagers."""
    def attempt(number):
        sides = []
        for name in ("left", "right"):
            hook = t.webhook()
            sides.append(Side(name, t.alertmanager(DIFFERENTIAL.format(url=hook.url), f"{name}{number}"), hook))
        return differential.Run(*sides, script, length)
    return attempt


def test_differential_finds_no_difference_between_two_equal_servers(t):
    script = [
        (0.0, lambda side: side.post(alert(job="a"))),
        (0.9, lambda side: side.post(alert(job="b"))),
        (1.0, lambda side: differential.seen_alerts(side, "two alerts")),
        (1.1, lambda side: differential.seen_groups(side, "one group")),
        (2.0, lambda side: side.post(alert(job="a", ends=time.time()))),
    ]

    def judge(done):
        told = [status for _, status, _ in next(iter(done.sides[0].stream().values()))]
        return done.differences + ([] if told == ["firing", "firing", "firing"] else [f"told {told}"])

    differential.until_calm(t, oracle_pair(t, script, 4.2), judge)


def test_differential_finds_every_kind_of_difference(t):
    def left(side):
        return side.name == "left"

    script = [
        (0.0, lambda side: side.post(alert("Missing")) if left(side) else None),
        (0.0, lambda side: side.post(alert("Labels", job="a" if left(side) else "b"))),
        (0.0, lambda side: side.post(alert("Annotations", annotations={"side": side.name}))),
        (0.0, lambda side: side.post(alert("Same"))),
        (0.0, lambda side: side.post(alert("Time")) if left(side) else None),
        (0.6, lambda side: side.post(alert("Time")) if not left(side) else None),
        (0.0, lambda side: side.post(alert("Start", starts=time.time() - (0 if left(side) else 30)))),
        (0.8, lambda side: side.post(alert("Status", ends=time.time() + (60 if left(side) else 0.5)))),
        (0.9, lambda side: differential.seen_alerts(side, "look")),
    ]

    def judge(done):
        found = "\n".join(done.differences)
        return [f"{word} is not in {found}" for word in (
            "Missing", "Labels", "Annotations", "Time", "Start", "Status", "look") if word not in found] + (
                [f"Same is in {found}"] if 'alertname="Same"' in found else [])

    differential.until_calm(t, oracle_pair(t, script, 3.0), judge)


def test_a_difference_counts_unless_a_server_was_kept_waiting(t):
    """A calm run with a difference fails at once; after one that was not, the next decides."""
    class Told:
        def __init__(self, waited, *differences):
            self.waited, self.differences, self.sides = waited, list(differences), ()

    assert "apart" in str(raises(AssertionError, lambda: differential.until_calm(t, lambda number: Told(0.01, "apart"))))
    runs = [Told(0.5, "apart"), Told(0.3)]
    assert differential.until_calm(t, lambda number: runs[number]) is runs[1]
    runs = [Told(0.5, "apart"), Told(0.01, "apart again")]
    assert "apart again" in str(raises(AssertionError, lambda: differential.until_calm(t, lambda number: runs[number])))
    server = t.backend()

    class Stopped:
        port = server.port
        get = staticmethod(lambda path: call(server.port, "GET", path))

    server.always(Slow(0.4))
    pulse = differential.Pulse(Stopped)
    wait.until("two signs of life", lambda: len(server.taken()) >= 2)
    assert pulse.stop() >= 0.4, pulse.worst


def test_the_doubles_accept_what_alertmanager_sends(t):
    """Refusing a request that is known to be good would be as wrong as taking a bad one."""
    hook, slack, duty = t.webhook(), t.slack(), t.pagerduty()
    smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
    server = t.alertmanager(f"""
route: {{receiver: all, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: all
  webhook_configs: [{{url: '{hook.url}/hook'}}]
  slack_configs: [{{api_url: '{slack.api_url}', channel: '#ml', send_resolved: true}}]
  pagerduty_configs:
  - url: '{duty.api_url}'
    routing_key: 0123456789abcdef0123456789abcdef
    links: [{{href: 'https://runbooks.example/x', text: runbook}}]
  email_configs:
  - to: a@example.org
    from: b@example.org
    smarthost: '{smtp.smarthost}'
    auth_username: tocsin
    auth_password: secret
    send_resolved: true
    tls_config: {{ca_file: '{smtp.certificate}'}}
""")
    server.post_alerts([alert(job="a", ends=time.time() + 60)])
    for double in (hook, slack, duty, smtp):
        double.wait_count(1, 5)
    server.post_alerts([alert(job="a", ends=time.time())])
    for double in (hook, slack, duty, smtp):
        double.wait_count(2, 5)
    assert list(duty.incidents.values()) == ["resolved"] and not duty.stray_resolves
    assert all(mail.encrypted and mail.login == "tocsin" for mail in smtp.taken())


REFUSED = [
    (services.Opsgenie, "/v2/alerts", {"message": "x" * 131, "alias": "a"}, "more than 130"),
    (services.Opsgenie, "/v2/alerts", {"message": "m", "alias": "a", "tags": ["t"] * 21}, "tags"),
    (services.Opsgenie, "/v2/alerts/x/close?identifierType=alias", {}, "/close"),
    (services.VictorOps, None, {"message_type": "BAD", "entity_id": "e"}, "BAD"),
    (services.VictorOps, None, {"message_type": "INFO", "entity_id": "e", "state_message": "x" * 20481}, "20480"),
    (services.Pushover, None, "token=po-token&user=po-user&message=" + "x" * 1025, "1024"),
    (services.Pushover, None, "token=po-token&user=po-user&message=m&priority=2&retry=5&expire=60", "retry"),
    (services.Telegram, None, {"chat_id": -100123, "text": "x" * 4097}, "4096"),
    (services.Telegram, None, {"chat_id": -100123, "text": "<b>x", "parse_mode": "HTML"}, "end tag"),
    (services.Discord, None, {"embeds": [{"title": "x" * 257}]}, "256"),
    (services.Discord, None, {"embeds": [{"title": "t", "description": "x" * 4000}] * 2}, "in all embeds"),
    (services.Teams, None, {"type": "message", "attachments": [], "pad": "x" * 29000}, "29"),
    (services.Webex, None, {"roomId": "room", "markdown": "ü" * 3720}, "7439"),
]


def test_the_services_refuse_what_is_beyond_their_limits(t):
    for kind, path, body, why in REFUSED:
        double = kind()
        headers = {"Content-Type": kind.content_type, "Authorization": "GenieKey genie-key"
                   if kind is services.Opsgenie else "Bearer wx-token"}
        answer = call(double.port, "POST", path or kind.path, body if isinstance(body, str) else json.dumps(body), headers)
        double.close()
        assert 400 <= answer.status < 500, (kind, body, answer)
        assert why in " ".join(double.violations), (kind, double.violations)
