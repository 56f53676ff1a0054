# SPDX-License-Identifier: Apache-2.0
"""SIGTERM ends cleanly, and after the next start everything is as it was and everything due comes when it was due."""

import time

from lib import wait
from lib.api import parse_time, rfc3339
from lib.configs import FAST, one_webhook, prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.doubles import Hang, Reply, Slow

RULES = rule_file(rule_group("g", """
alert: Pending
expr: pending
for: 1h
""", """
alert: Firing
expr: firing
labels: {severity: critical}
annotations: {summary: "value {{ $value }}"}
""", interval="1s"))


def with_rules(t, hook, rules=RULES, timers=FAST):
    backend = t.backend()
    tocsin = t.tocsin(one_webhook(hook.url, timers=timers, extra=prometheus_source(backend.port)), {"rules.yml": rules})
    return backend, tocsin


def restart(tocsin):
    tocsin.terminate()
    tocsin.start()


def picture(tocsin):
    """Everything that must not change by a restart."""
    return {
        "rules": {name: (rule["state"], [(a["labels"], a["annotations"], a["state"], a["activeAt"])
                                         for a in rule["alerts"]]) for name, rule in tocsin.rules().items()},
        "alerts": [(a["labels"], a["annotations"], a["startsAt"], a["fingerprint"], a["status"], a["receivers"])
                   for a in tocsin.alerts()],
        "groups": [(g["labels"], g["receiver"], len(g["alerts"])) for g in tocsin.groups()],
        "silences": tocsin.silences(),
        "deliveries": [(d["id"], d["state"], d["receiver"], d["groupKey"], d["attempts"]) for d in tocsin.deliveries()],
    }


def test_everything_is_as_it_was(t):
    hook = t.webhook()
    backend, tocsin = with_rules(t, hook)
    backend.set("pending", ({"job": "a"}, 1), ({"job": "b"}, 2))
    backend.set("firing", ({"job": "a"}, 3))
    now = time.time()
    tocsin.post_alerts([alert("Posted", ends=now + 3600, job="x"), alert("Muted", ends=now + 3600, job="y")])
    silence = tocsin.silence({"alertname": "Muted"}, now, now + 3600, comment="keep me")
    ended = tocsin.silence({"alertname": "Other"}, now, now + 3600)
    tocsin.expire(ended)
    waiting = tocsin.silence({"alertname": "Later"}, now + 1800, now + 3600)
    wait.until("all is told", lambda: {"Firing", "Posted"} <= {a["labels"]["alertname"] for _, a in hook.alerts()}
               and len(tocsin.rule_alerts()) == 3, 6)
    wait.until("nothing is under way", lambda: all(d["state"] == "delivered" for d in tocsin.deliveries()), 5)
    requests = len(hook.taken())
    before = picture(tocsin)
    assert {s["id"]: s["status"]["state"] for s in before["silences"]} == {
        silence: "active", ended: "expired", waiting: "pending"}
    restart(tocsin)
    after = picture(tocsin)
    for part, value in before.items():
        assert after[part] == value, f"{part} differ:\n{value}\n{after[part]}"
    # two evaluations and two ticks later: nobody heard a thing, the ages are the old ones
    hook.hold_count(requests, 2.2)
    assert picture(tocsin)["rules"] == before["rules"]


def test_group_wait_goes_on_where_it_was(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url, timers="group_wait: 6s, group_interval: 5s, repeat_interval: 1h"))
    clock = wait.Timetable()
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    clock.due(3.0)
    tocsin.terminate()
    down = clock.now()
    tocsin.start()
    told = hook.wait_count(1, 8)[0].mono - clock.start
    assert 6 <= told < down + 6, f"told {told:.2f} s after the post, down at {down:.2f} s: the wait began anew"


def test_repeat_goes_on_where_it_was(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url, timers="group_wait: 100ms, group_interval: 1s, repeat_interval: 5500ms"))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    clock = wait.Timetable()
    first = hook.wait_count(1)[0]
    wait.until("the outcome", lambda: tocsin.deliveries()[0]["state"] == "delivered", 3)
    clock.due(3.5)
    tocsin.terminate()
    down = time.monotonic()
    tocsin.start()
    second = hook.wait_count(2, 8)[1]
    # ticks at 1, 2, ... 6 s: the first one later than 5.5 s; a repeat that began anew comes 9 s after the first
    assert second.mono - first.mono >= 5, f"repeated after {second.mono - first.mono:.2f} s"
    assert second.mono < down + 5.5, f"repeated {second.mono - down:.2f} s after the end of the first life"


def test_retry_is_due_when_the_receiver_said(t):
    hook = t.webhook()
    hook.script(Reply(503, Retry_After=6))
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    first = hook.wait_count(1, accepted=False)[0]
    (before,) = wait.until("the failed try in the outbox",
                           lambda: [d for d in tocsin.deliveries(state="pending") if d["attempts"] == 1], 3)
    seen = time.time()
    assert first.wall + 5.99 <= parse_time(before["dueAt"]) <= seen + 6, (first.wall, before, seen)
    restart(tocsin)
    (after,) = tocsin.deliveries()
    assert after["dueAt"] in (before["dueAt"], None), (before, after)       # None: it has been sent
    second = hook.wait_count(1, 8)[0]
    assert second.wall >= parse_time(before["dueAt"]) - 0.01, (second.wall, before)
    assert second.json == first.json, "a retry says the same"
    hook.hold_count(1, 1.5)


def test_what_ended_while_down_is_told_after_the_start(t):
    """
    A rule's alert resolves at the first evaluation.  A sender could not refresh its alert while we were down: it gets
    the lead it had (endsAt less the time of the post) once more, so that a restart alone resolves nothing.
    """
    hook, lead = t.webhook(), 6.0
    backend, tocsin = with_rules(t, hook)
    backend.set("firing", ({"job": "a"}, 3))
    hook.wait_count(1)
    ends = time.time() + lead
    tocsin.post_alerts([alert("Posted", ends=ends)])
    lost = time.time() + lead - ends            # what the post took is missing from the lead
    wait.until("both are told", lambda: len(hook.alerts()) == 2, 5)
    tocsin.terminate()
    assert time.time() < ends, f"{lead} s were not enough to tell two alerts and to stop"
    backend.set("firing")
    wait.until("the end of the posted alert", lambda: time.time() > ends + 0.1, 8)
    down = time.time()
    tocsin.start()
    up = time.time()
    wait.until("both resolves", lambda: hook.statuses(alertname="Firing")[-1] == "resolved"
               and hook.statuses(alertname="Posted")[-1] == "resolved", 10)
    assert hook.statuses(alertname="Firing") == hook.statuses(alertname="Posted") == ["firing", "resolved"]
    told = parse_time(hook.alerts(alertname="Posted")[-1][1]["endsAt"])
    assert down + lead - 0.5 - lost <= told <= up + lead, f"not resolved by the restart: {told - up:.2f} s after it"


def test_stop_lets_a_delivery_finish(t):
    hook = t.webhook()
    hook.always(Slow(1.0))
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    hook.wait_count(1, accepted=False)
    tocsin.terminate()
    tocsin.start()
    hook.hold_count(1, 1.5)     # the answer was awaited
    assert [d["state"] for d in tocsin.deliveries()] == ["delivered"]


def test_reload_keeps_ages_and_tells_nobody_again(t):
    hook = t.webhook()
    backend, tocsin = with_rules(t, hook)
    backend.set("pending", ({"job": "a"}, 1))
    backend.set("firing", ({"job": "a"}, 3))
    wait.until("told", lambda: len(hook.alerts()) == 1 and len(tocsin.rule_alerts()) == 2, 5)
    ages = {a["labels"]["alertname"]: a["activeAt"] for a in tocsin.rule_alerts()}
    tocsin.write("rules.yml", RULES.replace("value {{ $value }}", "now {{ $value }}"))
    assert tocsin.post("/-/reload").status == 200
    wait.until("the new annotation", lambda: tocsin.rule_alerts("Firing")[0]["annotations"]["summary"] == "now 3", 5)
    assert {a["labels"]["alertname"]: a["activeAt"] for a in tocsin.rule_alerts()} == ages
    hook.hold_count(1, 2.2)
    # another meaning: what the rule had raised is resolved
    tocsin.write("rules.yml", RULES.replace("expr: firing", "expr: something_else"))
    tocsin.reload_by_signal()
    wait.until("the resolve", lambda: hook.statuses(alertname="Firing") == ["firing", "resolved"], 6)
    assert [a["labels"]["alertname"] for a in tocsin.rule_alerts()] == ["Pending"]


def test_stop_does_not_wait_for_a_receiver_that_hangs(t):
    hook = t.webhook()
    hook.script(Hang())
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert(ends=time.time() + 3600)])
    hook.wait_count(1, accepted=False)
    stopped = time.monotonic()
    tocsin.terminate()
    assert time.monotonic() - stopped < 20, "ten seconds are enough for a delivery under way; it would wait for thirty"
    tocsin.start()
    hook.wait_count(1, 10)
    first, second = hook.taken(accepted=False)
    assert first.body == second.body and first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    hook.hold_count(1, 1.5)


def test_annotations_of_silences_are_kept(t):
    """As newer Alertmanagers: given as texts, shown where there are some, changed with the silence, kept over kill -9."""
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"))
    now = time.time()
    body = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": rfc3339(now),
            "endsAt": rfc3339(now + 600), "createdBy": "me", "comment": "c"}
    notes = {"ticket": "OPS-1", "ünï": '<"x">'}
    known = tocsin.post("/api/v2/silences", {**body, "annotations": notes}).json["silenceID"]
    plain = tocsin.post("/api/v2/silences", {**body, "annotations": {}}).json["silenceID"]
    refused = tocsin.post("/api/v2/silences", {**body, "annotations": {"a": 1}})
    assert refused.status == 400 and "annotations are texts" in refused.text, refused
    assert tocsin.post("/api/v2/silences", {**body, "annotations": []}).status == 400
    for again in range(2):
        shown = {s["id"]: s.get("annotations") for s in tocsin.silences()}
        assert shown == {known: notes, plain: None}, shown
        if not again:
            tocsin.kill9()
            tocsin.start()
    changed = {**body, "id": known, "startsAt": tocsin.good(f"/api/v2/silence/{known}")["startsAt"]}
    assert tocsin.post("/api/v2/silences", {**changed, "annotations": {"b": "2"}}).json["silenceID"] == known
    assert tocsin.good(f"/api/v2/silence/{known}")["annotations"] == {"b": "2"}
