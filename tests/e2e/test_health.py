# SPDX-License-Identifier: Apache-2.0
"""Why somebody was told or not, and receivers that fail: on the real binary, with kill -9 in between."""

import json
import time

from lib import wait
from lib.configs import FAST, one_webhook, prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.doubles import Reply, Reset

TIMEOUT = 90


def fingerprint_of(tocsin, name):
    (found,) = [a for a in tocsin.alerts() if a["labels"]["alertname"] == name]
    return found["fingerprint"]


def decisions(tocsin, fingerprint):
    return tocsin.good(f"/api/tocsin/v1/alerts/{fingerprint}/decisions")


def verdicts(tocsin, fingerprint):
    return [d["verdict"] for d in decisions(tocsin, fingerprint)["decisions"]]


def said(tocsin, *arguments, status=0):
    done = tocsin.command(*arguments)
    assert done.returncode == status, done
    return done.stdout


def labels_told(hook, status):
    return {a["labels"]["alertname"] for r in hook.taken() for a in r.json["alerts"] if a["status"] == status}


def test_why_says_who_was_told_and_who_was_not(t):
    hook = t.webhook()
    tocsin = t.tocsin(f"""
route:
  receiver: hook
  group_by: [alertname]
  {FAST.replace(', ', chr(10) + '  ')}
  routes:
  - {{receiver: hook, matchers: [night=yes], mute_time_intervals: [always]}}
  - {{receiver: nobody, matchers: [null=yes]}}
receivers:
- {{name: hook, webhook_configs: [{{url: '{hook.url}/hook'}}]}}
- {{name: nobody}}
time_intervals: [{{name: always, time_intervals: [{{times: [{{start_time: '00:00', end_time: '24:00'}}]}}]}}]
inhibit_rules: [{{source_matchers: [alertname=Told], target_matchers: [alertname=Inhibited]}}]
""")
    now, ends = time.time(), time.time() + 3600
    silence = tocsin.silence([{"name": "alertname", "value": "Silenced", "isRegex": False}], now - 1, ends, comment="planned work")
    tocsin.post_alerts([alert("Told", ends=ends), alert("Silenced", ends=ends), alert("Inhibited", ends=ends),
                        alert("Muted", ends=ends, night="yes"), alert("Nobody", ends=ends, null="yes")])
    hook.wait_count(1)
    reasons = {"Told": "sent", "Silenced": "silenced", "Inhibited": "inhibited", "Muted": "muted", "Nobody": "nobody"}
    for name, verdict in reasons.items():
        fingerprint = fingerprint_of(tocsin, name)
        wait.until(f"{name}: {verdict}", lambda: verdict in verdicts(tocsin, fingerprint))
    told = fingerprint_of(tocsin, "Told")
    wait.until("the delivery's fate", lambda: any(d["verdict"] == "sent" and d["delivery"]["state"] == "delivered"
                                                  for d in decisions(tocsin, told)["decisions"]))
    text = said(tocsin, "why", "Told")
    assert "was told that it fires" in text and "arrived at" in text, text
    text = said(tocsin, "why", "Silenced")
    assert "silenced by e2e" in text and "planned work" in text and "was NOT told" in text and silence in text, text
    assert "inhibited by Told" in said(tocsin, "why", "alertname=Inhibited")
    assert "interval always" in said(tocsin, "why", fingerprint_of(tocsin, "Muted"))
    assert "tells NOBODY" in said(tocsin, "why", "Nobody")
    assert "is known" in said(tocsin, "why", "Unheard", status=1)
    (answer,) = json.loads(said(tocsin, "why", "Silenced", "-o", "json"))
    assert answer["alert"]["silencedBy"][0]["id"] == silence, answer

    # One row, however many flushes, and it outlives a kill.
    silenced = fingerprint_of(tocsin, "Silenced")
    time_of = decisions(tocsin, silenced)["decisions"][0]["at"]
    wait.until("three more flushes", lambda: tocsin.metric("alertmanager_notifications_suppressed_total",
                                                           reason="silence") >= 4)
    tocsin.kill9()
    tocsin.start()
    wait.until("a flush after the kill", lambda: tocsin.metric("alertmanager_notifications_suppressed_total",
                                                               reason="silence") >= 2)
    rows = [d for d in decisions(tocsin, silenced)["decisions"] if d["verdict"] == "silenced"]
    assert len(rows) == 1 and rows[0]["at"] == time_of and rows[0]["until"] is None, rows
    tocsin.expire(silence)
    wait.until("its end in the log", lambda: [d for d in decisions(tocsin, silenced)["decisions"]
                                              if d["verdict"] == "silenced" and d["until"]])
    wait.until("it is told", lambda: "sent" in verdicts(tocsin, silenced))


def test_why_of_a_rule_that_fired_and_of_one_that_fails(t):
    hook, backend = t.webhook(), t.backend()
    backend.set("up == 1", ({"job": "x"}, 1))
    backend.trouble("broken > 1", Reply(422, json.dumps({"status": "error", "error": "no such thing"})))
    tocsin = t.tocsin(one_webhook(hook.url) + prometheus_source(backend.port), {"rules.yml": rule_file(rule_group(
        "g", "alert: Up\nexpr: up == 1", "alert: Broken\nexpr: broken > 1"))})
    hook.wait_count(1)
    text = said(tocsin, "why", "Up")
    assert "says a rule of this server" in text and "became firing, value 1" in text, text
    wait.until("the failure", lambda: "FAILED" in tocsin.command("why", "Broken").stdout)
    backend.set("up == 1")
    hook.wait_count(2)
    wait.until("it is gone", lambda: "No such alert fires now" in tocsin.command("why", "Up").stdout)
    text = said(tocsin, "why", "Up")
    assert "became resolved" in text and "(it is over)" in text, text
    assert "1" in said(tocsin, "history", "--kind=firing").splitlines()[1].split()[3:], "history shows the value"
    report = json.loads(said(tocsin, "report", "noise", "-o", "json"))
    (up,) = report["rules"]
    assert up["rule"] == "Up" and up["fires"] == 1 and up["under5m"] == 1 and up["medianSeconds"] >= 0, report
    assert report["neverMatched"] == ["Broken"] and sorted(report["noRunbook"]) == ["Broken", "Up"], report
    assert "Up" in said(tocsin, "report", "noise")


def test_a_dead_receiver_has_a_fallback_and_comes_back(t):
    hook, boss = t.webhook(), t.webhook()
    tocsin = t.tocsin(f"""
route: {{receiver: hook, group_by: [alertname], {FAST}}}
receivers:
- name: hook
  webhook_configs: [{{url: '{hook.url}/hook'}}]
  circuit_breaker: {{failures: 2, probe_interval: 1s}}
  fallback_receiver: boss
  fallback_after: 2s
- name: boss
  webhook_configs: [{{url: '{boss.url}/boss'}}]
""")
    hook.always(Reset())
    ends = time.time() + 3600
    tocsin.post_alerts([alert("A", ends=ends), alert("B", ends=ends)])
    wait.until("the circuit to open", lambda: tocsin.metric("tocsin_receiver_circuit_open", receiver="hook") == 1)
    wait.until("the fallback to know", lambda: labels_told(boss, "firing") == {"TocsinReceiverDown", "A", "B"})
    assert "DOWN" in said(tocsin, "receiver", "list")
    wait.until("what the fallback was told to be written", lambda: all(
        d["state"] == "delivered" for d in tocsin.deliveries() if d["receiver"] == "boss"))
    tocsin.kill9()
    tocsin.start()
    assert tocsin.metric("tocsin_receiver_circuit_open", receiver="hook") == 1, "an open circuit outlives a kill"
    hook.always(None)
    wait.until("the receiver to know", lambda: labels_told(hook, "firing") == {"A", "B"})
    wait.until("the notice to end", lambda: "TocsinReceiverDown" in labels_told(boss, "resolved"))
    tocsin.post_alerts([alert("A", ends=time.time() - 1)])
    wait.until("both to hear of the end", lambda: "A" in labels_told(hook, "resolved") and
               "A" in labels_told(boss, "resolved"))
    assert len([r for r in boss.taken() for a in r.json["alerts"] if a["labels"]["alertname"] == "B"]) == 1


def test_dead_letters_are_replayed_and_receivers_tried(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url, timers="group_wait: 100ms, group_interval: 1h, repeat_interval: 4h"))
    hook.always(Reply(400, "no such channel"))
    tocsin.post_alerts([alert("A", ends=time.time() + 3600)])
    wait.until("a dead letter", lambda: tocsin.deliveries(state="dead"))
    (dead,) = tocsin.deliveries(state="dead")
    assert "no such channel" in said(tocsin, "delivery", "list", "--state=dead")
    failed = tocsin.command("receiver", "test", "hook")
    assert failed.returncode == 1 and "refused" in failed.stdout and "400" in failed.stdout, failed
    hook.always(None)
    text = said(tocsin, "receiver", "test", "hook")
    assert "delivered" in text and "200" in text, text
    wait.until("the test arrives", lambda: "TocsinTest" in labels_told(hook, "firing"))
    (test,) = [r for r in hook.taken() if r.json["alerts"][0]["labels"]["alertname"] == "TocsinTest"]
    assert "Nothing is wrong" in test.json["alerts"][0]["annotations"]["summary"], test.json
    assert "no receiver 'nope'" in tocsin.command("receiver", "test", "nope").stderr
    assert f"{dead['id']} is on its way again" in said(tocsin, "delivery", "replay", str(dead["id"]))
    wait.until("it arrives", lambda: "A" in labels_told(hook, "firing"))
    again = tocsin.command("delivery", "replay", str(dead["id"]))
    assert again.returncode == 1 and "is not dead" in again.stderr, again
    assert tocsin.post("/api/tocsin/v1/deliveries/99999999/replay").status == 404
    assert not tocsin.deliveries(state="dead")


def test_a_flood_is_summed_up_and_nothing_is_lost(t):
    hook = t.webhook()
    tocsin = t.tocsin(f"""
route: {{receiver: hook, group_by: [alertname], {FAST}}}
receivers:
- name: hook
  webhook_configs: [{{url: '{hook.url}/hook'}}]
  max_per_interval: {{n: 3, interval: 6s}}
""")
    ends = time.time() + 3600
    tocsin.post_alerts([alert(f"N{i}", ends=ends) for i in range(8)] + [alert("C", ends=ends, severity="critical")])
    wait.until("three and the critical one", lambda: "C" in labels_told(hook, "firing") and
               len(labels_told(hook, "firing")) >= 3)
    wait.until("some wait", lambda: tocsin.metric("tocsin_receiver_waiting_for_budget", receiver="hook") >= 4)
    wait.until("all are told in turn", lambda: {f"N{i}" for i in range(8)} <= labels_told(hook, "firing"), 40)


def test_heartbeats_in_and_out(t):
    hook, outside = t.webhook(), t.backend()
    tocsin = t.tocsin(one_webhook(hook.url, extra=f"""
heartbeats: [{{name: dms, url: '{outside.url}/ping', interval: 1s}}]
expected_heartbeats: [{{name: train, interval: 2s, grace: 1s, labels: {{team: ml}}}}]
"""))
    outside.wait_count(2)
    assert outside.taken()[0].path == "/ping"
    assert tocsin.get("/api/tocsin/v1/heartbeats/nope").status == 404
    wait.until("the job is missed", lambda: "HeartbeatMissing" in labels_told(hook, "firing"))
    (missed,) = tocsin.alerts()
    assert missed["labels"] == {"alertname": "HeartbeatMissing", "heartbeat": "train", "severity": "critical",
                                "team": "ml"}, missed
    tocsin.kill9()
    tocsin.start()
    assert tocsin.good("/api/tocsin/v1/heartbeats")["expected"][0]["state"] == "missing"


    def beat():
        assert tocsin.post("/api/tocsin/v1/heartbeats/train").status == 200

    # it goes on to check in, as the next one must not be missed before the end of this was told
    wait.until("its end is told", lambda: beat() or "HeartbeatMissing" in labels_told(hook, "resolved"), every=0.5)
    beat()
    beats = tocsin.good("/api/tocsin/v1/heartbeats")
    assert beats["expected"][0]["lastAt"] and not beats["outgoing"][0]["trouble"], beats
    assert tocsin.metric("tocsin_heartbeat_up") == 1


def test_an_alert_that_flaps_is_told_once(t):
    hook = t.webhook()
    tocsin = t.tocsin(f"""
route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h,
  flap_detection: {{changes: 3, within: 1m, quiet: 30s}}}}
receivers: [{{name: hook, webhook_configs: [{{url: '{hook.url}/hook'}}]}}]
""")
    for change in range(4):
        ends = time.time() + (3600 if change % 2 == 0 else -0.1)
        tocsin.post_alerts([alert("F", starts=time.time() - 1, ends=ends)])
        wait.until("a flush sees it", lambda: len(hook.taken()) > change or tocsin.metric("tocsin_alerts_flapping"))
    wait.until("the notice", lambda: "TocsinFlapping" in labels_told(hook, "firing"))
    (flapping,) = tocsin.good("/api/tocsin/v1/flapping")["flapping"]
    assert flapping["groupKey"] == '{}:{alertname="F"}', flapping
