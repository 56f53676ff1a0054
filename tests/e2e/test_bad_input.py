# SPDX-License-Identifier: Apache-2.0
"""Bad input from every side: nothing crashes, nothing is lost, and the answer names what was wrong."""

import json
import os
import resource
import socket
import time

from lib import wait
from lib.api import call, parse_time, rfc3339
from lib.configs import FAST, one_webhook, prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.doubles import Garbage, Hang, Reply, Reset

UNKNOWN = "00000000-0000-4000-8000-000000000000"
MATCHER = {"name": "a", "value": "b", "isRegex": False, "isEqual": True}


def silence_body(**changes):
    now = time.time()
    body = {"matchers": [MATCHER], "startsAt": rfc3339(now), "endsAt": rfc3339(now + 3600), "createdBy": "me",
            "comment": "why"}
    body.update(changes)
    return {k: v for k, v in body.items() if v is not None}


def check_statuses(tocsin, cases):
    """cases: (what, status, method, path, body, headers); all wrong ones are shown together."""
    wrong = []
    for what, status, method, path, body, headers in cases:
        answer = call(tocsin.port, method, path, body, headers)
        if answer.status != status:
            wrong.append(f"{what}: {answer} instead of {status}")
        elif status >= 400 and answer.body:
            try:
                answer.json
            except ValueError:
                wrong.append(f"{what}: the error is not JSON: {answer}")
    assert not wrong, "\n".join(wrong)
    assert tocsin.get("/-/healthy").status == 200


JSON = {"Content-Type": "application/json"}


def test_alerts_api_status_codes(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    path = "/api/v2/alerts"
    label = {"labels": {"alertname": "A"}}
    cases = [
        ("empty list", 200, "POST", path, "[]", JSON),
        ("null", 200, "POST", path, "null", JSON),
        ("an object", 400, "POST", path, "{}", JSON),
        ("broken JSON", 400, "POST", path, '[{"labels":', JSON),
        ("no body", 422, "POST", path, "", JSON),
        ("another content type", 415, "POST", path, "[]", {"Content-Type": "text/plain"}),
        ("no labels", 422, "POST", path, [{"annotations": {}}], None),
        ("only empty labels", 400, "POST", path, [{"labels": {"a": ""}}], None),
        ("bad time", 400, "POST", path, [{**label, "startsAt": "yesterday"}], None),
        ("label value is a number", 400, "POST", path, [{"labels": {"a": 1}}], None),
        ("end before start", 400, "POST", path,
         [{**label, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}], None),
        ("unknown field", 200, "POST", path, [{**label, "surprise": [1, {"x": None}]}], None),
        ("bad matcher", 400, "GET", path + "?filter=%7B", None, None),
        ("bad receiver regex", 400, "GET", path + "?receiver=%28", None, None),
        ("wrong method", 405, "PUT", path, "[]", JSON),
        ("wrong method on groups", 405, "POST", path + "/groups", "[]", JSON),
        ("bad matcher on groups", 400, "GET", path + "/groups?filter=x", None, None),
        ("unknown path", 404, "GET", "/api/v2/nothing", None, None),
    ]
    check_statuses(tocsin, cases)


def test_one_bad_alert_does_not_take_the_others_along(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    answer = tocsin.post("/api/v2/alerts", [alert("Good"), {"labels": {"empty": ""}}, alert("Fine")])
    assert answer.status == 400, answer
    assert {a["labels"]["alertname"] for a in tocsin.alerts()} == {"Good", "Fine"}


def test_silences_api_status_codes(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    path, now = "/api/v2/silences", time.time()
    known = tocsin.silence({"a": "b"}, now, now + 60)
    cases = [
        ("no comment", 422, "POST", path, silence_body(comment=None), None),
        ("no creator", 422, "POST", path, silence_body(createdBy=None), None),
        ("no matchers", 422, "POST", path, silence_body(matchers=None), None),
        ("empty matchers", 422, "POST", path, silence_body(matchers=[]), None),
        ("matches the empty string", 400, "POST", path, silence_body(matchers=[{**MATCHER, "value": ""}]), None),
        ("bad regex", 400, "POST", path, silence_body(matchers=[{**MATCHER, "value": "(", "isRegex": True}]), None),
        ("ends before it starts", 400, "POST", path,
         silence_body(startsAt=rfc3339(now + 100), endsAt=rfc3339(now + 50)), None),
        ("ended already", 400, "POST", path,
         silence_body(startsAt=rfc3339(now - 100), endsAt=rfc3339(now - 50)), None),
        ("bad time", 400, "POST", path, silence_body(startsAt="soon"), None),
        ("broken JSON", 400, "POST", path, "{", JSON),
        ("a list", 400, "POST", path, "[]", JSON),
        ("unknown id", 404, "POST", path, silence_body(id=UNKNOWN), None),
        ("unknown silence", 404, "GET", f"/api/v2/silence/{UNKNOWN}", None, None),
        ("not a uuid", 422, "GET", "/api/v2/silence/abc", None, None),
        ("delete not a uuid", 422, "DELETE", "/api/v2/silence/abc", None, None),
        ("bad filter", 400, "GET", path + "?filter=%7Ba", None, None),
        ("a negative matcher alone", 200, "POST", path,
         silence_body(matchers=[{**MATCHER, "isEqual": False}]), None),
        ("delete", 200, "DELETE", f"/api/v2/silence/{known}", None, None),
        ("delete again", 200, "DELETE", f"/api/v2/silence/{known}", None, None),
        ("wrong method", 405, "PUT", path, "{}", JSON),
    ]
    check_statuses(tocsin, cases)


def test_own_api_status_codes(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    check_statuses(tocsin, [
        ("delete an unknown silence", 404, "DELETE", f"/api/v2/silence/{UNKNOWN}", None, None),
        ("reload wants POST", 405, "GET", "/-/reload", None, None),
        ("unknown delivery state", 400, "GET", "/api/tocsin/v1/deliveries?state=asleep", None, None),
        ("bad limit", 400, "GET", "/api/tocsin/v1/deliveries?limit=many", None, None),
        ("bad since", 400, "GET", "/api/tocsin/v1/history?since=whenever", None, None),
        ("bad history filter", 400, "GET", "/api/tocsin/v1/history?filter=%7B", None, None),
        ("bad rule type", 400, "GET", "/api/v1/rules?type=foo", None, None),
        ("no catch-all for Mimir probes", 404, "GET", "/alertmanager/api/v2/status", None, None),
    ])


def test_oversized_and_strange_requests_are_refused(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    path = "/api/v2/alerts"
    huge = "[" + " " * (9 << 20) + "]"
    try:
        answer = call(tocsin.port, "POST", path, huge, JSON)
        assert answer.status == 413 and answer.json, answer
    except OSError:
        pass                    # refused before the body was sent
    assert call(tocsin.port, "POST", path, "[" * 100000, JSON).status == 400
    assert call(tocsin.port, "POST", path, '[{"labels":{"a":"\\ud800"}}]', JSON).status in (200, 400)
    assert call(tocsin.port, "POST", path, b'[{"labels":{"a":"\xff\xfe"}}]', JSON).status == 400
    long_label = [{"labels": {"alertname": "x" * (1 << 20)}}]
    assert call(tocsin.port, "POST", path, long_label).status == 400
    try:
        assert call(tocsin.port, "GET", path, None, {"X-Big": "y" * (1 << 20)}).status in (400, 413, 431)
    except OSError:
        pass
    for raw in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                b"POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", tocsin.port), timeout=60) as raw_socket:
            raw_socket.sendall(raw)
            raw_socket.settimeout(2)
            try:
                answered = raw_socket.recv(200)
            except OSError:
                answered = b""
            assert not answered.startswith(b"HTTP/1.1 2"), answered
    assert tocsin.get("/-/healthy").status == 200
    assert tocsin.alerts() == [] or all(len(a["labels"]["a"]) < 10 for a in tocsin.alerts())


def test_too_many_connections_are_refused_and_then_forgotten(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    crowd = []
    try:
        for _ in range(2000):
            one = socket.socket()
            one.settimeout(5)
            try:
                one.connect(("127.0.0.1", tocsin.port))
            except OSError:
                one.close()
                break
            crowd.append(one)
        tocsin.process.require_running()
    finally:
        for one in crowd:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(crowd) > 100, len(crowd)
    wait.until("answers again", lambda: tocsin.get("/-/healthy").status == 200, 10)


# ---- a backend in trouble

def vector(count, padding=0):
    result = [{"metric": {"i": str(i), "pad": "x" * padding}, "value": [1, "1"]} for i in range(count)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def answer_json(body):
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(200, text.encode(), Content_Type="application/json")       # once, not for each request


def test_backend_in_trouble_freezes_its_rules_and_no_others(t):
    troubles = {
        "hang": Hang(), "reset": Reset(), "garbage": Garbage(), "server_error": Reply(500, "oops"),
        "redirect_loop": Reply(302, Location="/api/v1/query?query=redirect_loop"),
        "truncated": answer_json(vector(3)[:-20]),
        "not_json": Reply(200, "<html>welcome to the portal</html>", Content_Type="text/html"),
        "oversized": answer_json(vector(100, 100000)),
        "too_many_series": answer_json(vector(60000)),
        "bad_data": Reply(400, '{"status":"error","errorType":"bad_data","error":"parse error: xyz"}'),
        "status_error": answer_json({"status": "error", "errorType": "timeout", "error": "query timed out"}),
        "partial": answer_json({"status": "success", "warnings": ["store-7 is away"],
                                "data": {"resultType": "vector", "result": []}}),
        "wrong_shape": answer_json({"status": "success", "data": {"resultType": "vector", "result": {"a": 1}}}),
        "value_is_no_number": answer_json({"status": "success", "data": {
            "resultType": "vector", "result": [{"metric": {}, "value": [1, "banana"]}]}}),
        "duplicate_series": answer_json({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"__name__": "a"}, "value": [1, "1"]}, {"metric": {"__name__": "b"}, "value": [1, "1"]}]}}),
    }
    hook, backend = t.webhook(), t.backend()
    names = ["fine", *troubles]
    for name in names:
        backend.set(name, ({"job": name}, 1))
    rules = rule_file(*[rule_group(name, f"alert: R_{name}\nexpr: {name}\n", interval="1s") for name in names])
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(backend.port, timeout="3s")), {"rules.yml": rules})
    wait.until("all to fire", lambda: len(tocsin.rule_alerts()) == len(names) and len(hook.alerts()) == len(names), 10)
    failures = tocsin.metric("tocsin_rule_evaluation_failures_total")
    for name, behaviour in troubles.items():
        backend.trouble(name, behaviour)
    wait.until("all troubled rules to be unhealthy", lambda: unhealthy(tocsin) == sorted(f"R_{n}" for n in troubles), 10)
    errors = {name: rule.get("lastError") for name, rule in tocsin.rules().items()}
    assert all(errors[f"R_{name}"] for name in troubles), errors
    for name, word in (("server_error", "500"), ("bad_data", "parse error: xyz"), ("partial", "store-7"),
                       ("status_error", "query timed out"), ("hang", "3s")):
        assert word in errors[f"R_{name}"].lower(), f"{name}: {errors[f'R_{name}']}"
    # the others go on, every state is kept, nobody hears of it
    asked = len(backend.asked("fine"))
    told = len(hook.taken())
    wait.until("three more evaluations of the healthy rule", lambda: len(backend.asked("fine")) >= asked + 3, 8)
    assert len(tocsin.rule_alerts()) == len(names) and len(hook.taken()) == told
    assert tocsin.metric("tocsin_rule_evaluation_failures_total") > failures
    for name in troubles:
        backend.set(name)
    backend.release()
    wait.until("health", lambda: not unhealthy(tocsin), 10)
    wait.until("the resolves", lambda: all(hook.statuses(job=name) == ["firing", "resolved"] for name in troubles), 10)
    assert hook.statuses(job="fine") == ["firing"]


def unhealthy(tocsin):
    return sorted(name for name, rule in tocsin.rules().items() if rule["health"] == "err")


def test_every_kind_of_prometheus_answer(t):
    hook, backend = t.webhook(), t.backend()
    now = time.time()
    backend.trouble("a_scalar", answer_json({"status": "success", "data": {"resultType": "scalar", "result": [now, "3"]}}))
    backend.trouble("a_string", answer_json({"status": "success", "data": {"resultType": "string", "result": [now, "x"]}}))
    backend.trouble("a_matrix", answer_json({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {}, "values": [[now, "1"]]}]}}))
    backend.set("special", ({"v": "nan"}, "NaN"), ({"v": "inf"}, "+Inf"), ({"v": "small"}, "1e-07"))
    rules = rule_file(*[rule_group(name, f"alert: R_{name}\nexpr: {name}\n", interval="1s")
                        for name in ("a_scalar", "a_string", "a_matrix", "special")])
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(backend.port)), {"rules.yml": rules})
    wait.until("evaluations", lambda: all(r["health"] != "unknown" for r in tocsin.rules().values()), 5)
    health = {name: rule["health"] for name, rule in tocsin.rules().items()}
    assert health == {"R_a_scalar": "ok", "R_a_string": "err", "R_a_matrix": "err", "R_special": "ok"}, health
    values = {a["labels"]["v"]: a["value"] for a in tocsin.rule_alerts("R_special")}
    assert values == {"nan": "NaN", "inf": "+Inf", "small": "1e-07"}, values
    assert float(tocsin.rule_alerts("R_a_scalar")[0]["value"]) == 3


# ---- a receiver in trouble

def one_alert(t, *behaviours, config=one_webhook("{url}")):
    hook = t.webhook()
    hook.script(*behaviours)
    tocsin = t.tocsin(config.replace("{url}", hook.url))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    return hook, tocsin


def test_receiver_429_is_tried_again_when_it_said(t):
    hook, tocsin = one_alert(t, Reply(429, "slow down", Retry_After=4))
    first = hook.wait_count(1, accepted=False)[0]
    row = wait.until("the failed try", lambda: [d for d in tocsin.deliveries(state="pending") if d["attempts"]], 3)[0]
    seen = time.time()
    assert row["attempts"] == 1 and "429" in row["error"], row
    assert first.wall + 3.99 <= parse_time(row["dueAt"]) <= seen + 4, (first.wall, row, seen)
    second = hook.wait_count(1, 6)[0]
    assert second.wall >= parse_time(row["dueAt"]) - 0.01, (second.wall, row)
    hook.hold_count(1, 1.5)


def test_receiver_500_reset_and_garbage_are_tried_again(t):
    hook, tocsin = one_alert(t, Reply(500), Reset(), Garbage(), Reply(503))
    hook.wait_count(1, 20)
    requests = hook.taken(accepted=False)
    assert len(requests) == 5, requests
    gaps = [b.mono - a.mono for a, b in zip(requests, requests[1:])]
    assert all(gap > 0.05 for gap in gaps), f"no pause between tries: {gaps}"
    assert len({r.body for r in requests}) == 1, "every try says the same"
    row = wait.until("the outcome", lambda: tocsin.deliveries(state="delivered"), 3)[0]
    assert row["attempts"] == 5, row
    hook.hold_count(1, 1.5)


def test_receiver_that_hangs_is_cut_off_and_tried_again(t):
    config = one_webhook("{url}").replace("send_resolved: true", "send_resolved: true, timeout: 4s")
    begun = time.monotonic()
    hook, tocsin = one_alert(t, Hang(), config=config)
    hook.wait_count(1, accepted=False)
    tocsin.post_alerts([alert("Meanwhile", ends=time.time() + 3600)])
    wait.until("the second try", lambda: hook.statuses(alertname="A") == ["firing"], 9)
    meanwhile, second = hook.taken()
    assert "Meanwhile" in meanwhile.body.decode(), "another group goes out while the first one hangs"
    assert second.mono - begun >= 4, "cut off before its time"


def test_receiver_400_ends_as_a_dead_letter(t):
    hook, tocsin = one_alert(t, Reply(400, "you may not"))
    dead = wait.until("the dead letter", lambda: tocsin.deliveries(state="dead"), 5)
    assert len(dead) == 1 and dead[0]["receiver"] == "hook" and dead[0]["integration"] == "webhook[0]", dead
    assert "400" in dead[0]["error"] and "you may not" in dead[0]["error"], dead
    assert dead[0]["groupKey"] == '{}:{alertname="A"}' and dead[0]["finishedAt"]
    tocsin.post_alerts([alert("Other", ends=time.time() + 3600)])
    wait.until("others to go on", lambda: hook.statuses(alertname="Other"), 5)
    assert tocsin.deliveries(state="dead", receiver="nobody") == []


def test_slack_and_pagerduty_refusals(t):
    slack, duty = t.slack(), t.pagerduty()
    slack.script(Reply(200, '{"ok":false,"error":"channel_not_found"}'), Reply(429, "rate_limited", Retry_After=1))
    duty.script(Reply(400, '{"status":"invalid event","message":"no","errors":["x"]}'), Reply(429), Reply(500))
    tocsin = t.tocsin(f"""
route: {{receiver: both, group_by: [alertname], {FAST}}}
receivers:
- name: both
  slack_configs: [{{api_url: '{slack.api_url}'}}]
  pagerduty_configs: [{{url: '{duty.api_url}', routing_key: 0123456789abcdef0123456789abcdef}}]
""")
    tocsin.post_alerts([alert("First", ends=time.time() + 3600)])
    dead = wait.until("two dead letters",
                      lambda: (lambda d: d if len(d) >= 2 else None)(tocsin.deliveries(state="dead")), 5)
    assert {d["integration"] for d in dead} == {"slack[0]", "pagerduty[0]"}, dead
    assert "channel_not_found" in next(d["error"] for d in dead if d["integration"] == "slack[0]")
    tocsin.post_alerts([alert("Second", ends=time.time() + 3600)])
    wait.until("the second alert at Slack", lambda: [r for r in slack.taken() if "Second" in r.body.decode()], 15)
    wait.until("the second alert at PagerDuty", lambda: [r for r in duty.taken() if "Second" in r.body.decode()], 15)


def mail_config(smarthost, extra=""):
    return f"""
route: {{receiver: mail, group_by: [alertname], {FAST}}}
receivers:
- name: mail
  email_configs: [{{to: 'a@example.org', from: 'b@example.org', smarthost: '{smarthost}'{extra}}}]
"""


def test_mail_4xx_is_tried_again_and_5xx_is_not(t):
    smtp = t.smtp()
    smtp.refuse("451 4.7.1 greylisted, come back")
    tocsin = t.tocsin(mail_config(smtp.smarthost, ", require_tls: false"))
    tocsin.post_alerts([alert("Greylisted", ends=time.time() + 3600)])
    mails = smtp.wait_count(1, 15)
    assert mails[0].header("Message-ID") == smtp.refused[0].header("Message-ID"), "the same mail, the same id"
    smtp.refuse("550 5.7.1 never")
    tocsin.post_alerts([alert("Refused", ends=time.time() + 3600)])
    dead = wait.until("the dead letter", lambda: tocsin.deliveries(state="dead"), 8)
    assert "550" in dead[0]["error"], dead


def test_mail_is_not_sent_in_the_clear_when_tls_is_required(t):
    smtp = t.smtp()
    tocsin = t.tocsin(mail_config(smtp.smarthost))
    tocsin.post_alerts([alert("Secret", ends=time.time() + 3600)])
    wait.until("the failed try", lambda: [d for d in tocsin.deliveries() if d["error"]], 8)
    assert not smtp.taken() and not smtp.refused


# ---- configuration

GOOD_RULES = rule_file(rule_group("g", "alert: A\nexpr: up == 0\n"))


def test_check_tells_good_from_bad(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    good = tocsin.write("good.yml", GOOD_RULES)
    assert tocsin.command("check", tocsin.config_path, good).returncode == 0
    for name, text, words in (
            ("typo.yml", GOOD_RULES.replace("expr:", "exprr:"), ["typo.yml:5:", "exprr", "did you mean 'expr'"]),
            ("duration.yml", GOOD_RULES.replace("expr: up == 0", "expr: up == 0\n    for: 5 minutes"), ["duration.yml:6:"]),
            ("template.yml", GOOD_RULES + "    annotations: {summary: '{{ range .X }}'}\n", ["template.yml:6:"]),
            ("yaml.yml", "groups: [", ["yaml.yml:"]),
            ("two.yml", GOOD_RULES.replace("expr:", "exprr:").replace("name:", "nmae:"), ["exprr", "nmae"])):
        done = tocsin.command("check", tocsin.write(name, text))
        said = done.stdout + done.stderr
        assert done.returncode == 1, (name, done)
        assert all(word in said for word in words), (name, said)
        assert "^" in said or name == "yaml.yml", "a caret shows the place"
    assert tocsin.command("check", tocsin.directory + "/not-there.yml").returncode == 1


def test_reload_is_all_or_nothing(t):
    hook = t.webhook()
    old = one_webhook(hook.url, extra="rule_files: [rules.yml]\nsources: [{name: p, type: prometheus, url: 'http://127.0.0.1:9'}]\n")
    tocsin = t.tocsin(old, {"rules.yml": GOOD_RULES})
    for name, text in (("tocsin.yml", old.replace("receiver: hook", "receiver: nobody")),
                       ("rules.yml", GOOD_RULES.replace("expr", "exprr"))):
        good = old if name == "tocsin.yml" else GOOD_RULES
        tocsin.write(name, text)
        answer = tocsin.post("/-/reload")
        assert answer.status == 500 and name in answer.text, answer
        assert "receiver: hook" in tocsin.good("/api/v2/status")["config"]["original"]
        assert set(tocsin.rules()) == {"A"}
        tocsin.write(name, good)
    tocsin.post_alerts([alert("Still", ends=time.time() + 3600)])
    hook.wait_count(1)
    tocsin.write("rules.yml", GOOD_RULES.replace("alert: A", "alert: B"))
    assert tocsin.post("/-/reload").status == 200
    assert set(tocsin.rules()) == {"B"}
    hook.hold_count(1, 1.2)


def test_broken_configuration_does_not_start(t):
    tocsin = t.tocsin("route: {receiver: nobody}\nreceivers: []\n", start=False)
    tocsin.spawn()
    wait.until("the exit", lambda: not tocsin.process.running(), 5)
    assert tocsin.process.child.returncode == 1
    assert "tocsin.yml:1:" in tocsin.process.log()
    tocsin.process.child = None


# ---- a start that cannot be

def refused_start(tocsin, *words):
    """The server ends with status 1 and says why."""
    tocsin.spawn()
    wait.until("the exit", lambda: not tocsin.process.running(), 10)
    assert tocsin.process.child.returncode == 1, tocsin.process.child.returncode
    log = tocsin.process.log()
    assert all(word in log for word in words), log
    tocsin.process.child = None


def test_two_servers_never_share_a_store_or_a_port(t):
    hook = t.webhook()
    first = t.tocsin(one_webhook(hook.url))
    second = t.tocsin(one_webhook(hook.url), start=False, name="second",
                      arguments=[f"--storage.path={first.storage}"])
    refused_start(second, first.storage)
    third = t.tocsin(one_webhook(hook.url), start=False, name="third",
                     arguments=[f"--web.listen-address=127.0.0.1:{first.port}"])
    refused_start(third, str(first.port), "in use")
    assert first.get("/-/ready").status == 200
    first.post_alerts([alert(ends=time.time() + 3600)])
    hook.wait_count(1)
    hook.hold_count(1, 1.2)


def test_a_damaged_store_is_named_and_left_alone(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    tocsin.terminate()
    files = [os.path.join(tocsin.storage, name) for name in os.listdir(tocsin.storage)]
    database = max(files, key=os.path.getsize)
    damage = b"this is no database " * 1000
    with open(database, "wb") as file:
        file.write(damage)
    refused_start(tocsin, database)
    with open(database, "rb") as file:
        assert file.read() == damage, "what may be saved by hand must not be overwritten"
