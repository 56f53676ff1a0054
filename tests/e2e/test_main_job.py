# SPDX-License-Identifier: Apache-2.0
"""
The main job: a real Prometheus scrapes an exporter whose value the test moves, a plain Prometheus rule goes pending,
firing and resolved at the right times, and a webhook, Slack, PagerDuty and a mail server hear of both changes once.
"""

import hashlib
import json
import time

from lib import wait
from lib.api import parse_time

TIMEOUT = 90

RULES = """
groups:
- name: serving
  interval: 1s
  rules:
  - alert: LatencyHigh
    expr: model_latency_seconds > 0.5
    for: 3s
    labels:
      severity: critical
    annotations:
      summary: "p95 of {{ $labels.model }} is {{ $value }} s"
      runbook_url: https://runbooks.example/latency-high
"""

CONFIG = """
global:
  smtp_smarthost: '{smarthost}'
  smtp_from: tocsin@example.org
  smtp_auth_username: tocsin
  smtp_auth_password: secret
  smtp_require_tls: true
route:
  receiver: everyone
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
- name: everyone
  webhook_configs:
  - url: '{webhook}/hook'
  slack_configs:
  - api_url: '{slack}'
    channel: '#ml'
    send_resolved: true
  pagerduty_configs:
  - url: '{pagerduty}'
    routing_key: 0123456789abcdef0123456789abcdef
  email_configs:
  - to: oncall@example.org
    send_resolved: true
    tls_config: {{ca_file: '{ca}'}}
rule_files: [rules.yml]
evaluation_interval: 1s
sources:
- name: prom
  type: prometheus
  url: http://127.0.0.1:{prometheus}
"""

FOR = 3.0
RUNBOOK = "https://runbooks.example/latency-high"


class House:
    """The exporter, Prometheus, four receivers and Tocsin between them."""

    def __init__(self, t, rules=RULES):
        self.exporter = t.exporter()
        self.exporter.set("model_latency_seconds", 0.1, model="ranker")
        self.prometheus = t.prometheus([self.exporter.port])
        self.webhook, self.slack, self.pagerduty = t.webhook(), t.slack(), t.pagerduty()
        self.smtp = t.smtp(tls=True, login=("tocsin", "secret"), require_tls=True)
        wait.until("Prometheus to know the metric",
                   lambda: self.prometheus.value("model_latency_seconds") is not None, 15)
        self.tocsin = t.tocsin(CONFIG.format(
            smarthost=self.smtp.smarthost, ca=self.smtp.certificate, webhook=self.webhook.url,
            slack=self.slack.api_url, pagerduty=self.pagerduty.api_url, prometheus=self.prometheus.port),
            {"rules.yml": rules})
        wait.until("a first evaluation", lambda: self.tocsin.rules()["LatencyHigh"]["health"] == "ok", 5)

    def state(self):
        return self.tocsin.rules()["LatencyHigh"]["state"]

    def everyone(self):
        return (self.webhook, self.slack, self.pagerduty, self.smtp)

    def fire(self):
        """Move the value; returns the alert as it was seen pending and as it was seen firing, with the moments."""
        moved = time.time()
        self.exporter.set("model_latency_seconds", 0.75, model="ranker")
        pending = wait.until("the pending alert", lambda: self.tocsin.rule_alerts("LatencyHigh"), 5)[0]
        seen_pending = time.time()
        states = pending["state"], self.state()
        assert states == ("pending", "pending") or time.time() >= parse_time(pending["activeAt"]) + FOR, (pending, states)
        wait.until("the firing alert",
                   lambda: self.tocsin.rule_alerts("LatencyHigh")[0]["state"] == "firing", FOR + 5)
        seen_firing = time.time()
        firing = self.tocsin.rule_alerts("LatencyHigh")[0]
        assert self.state() == "firing"
        return moved, pending, seen_pending, firing, seen_firing

    def resolve(self):
        self.exporter.set("model_latency_seconds", 0.1, model="ranker")
        wait.until("the rule to be inactive", lambda: self.state() == "inactive", 5)
        assert self.tocsin.rule_alerts("LatencyHigh") == []


def test_pending_firing_resolved_at_the_right_times(t):
    house = House(t)
    assert house.state() == "inactive"
    begun = time.monotonic()

    def lost():
        """What the machine has kept from us since: seconds, and evaluations that were due meanwhile."""
        return 3 * wait.lost(begun) + house.tocsin.metric("tocsin_rule_group_iterations_missed_total")

    moved, pending, seen_pending, firing, seen_firing = house.fire()
    active_at = parse_time(pending["activeAt"])
    # scraped within 1 s, evaluated within 1 s of that
    assert moved - 0.05 <= active_at <= moved + 2.5 + lost(), (moved, pending)
    assert seen_pending - active_at < 1.0 + lost(), "a pending alert must be visible at once"
    assert firing["activeAt"] == pending["activeAt"], "activeAt must not move"
    late = seen_firing - active_at - FOR
    assert -0.1 <= late <= 1.5 + lost(), f"firing {late:.2f} s after `for` was over"
    story = [event["kind"] for event in sorted(house.tocsin.history(), key=lambda event: event["id"])]
    assert story[:2] == ["pending", "firing"], story
    assert firing["labels"] == {"alertname": "LatencyHigh", "severity": "critical", "model": "ranker",
                                "instance": f"127.0.0.1:{house.exporter.port}", "job": "test"}, firing
    assert float(firing["value"]) == 0.75, firing
    assert firing["annotations"]["summary"] == "p95 of ranker is 0.75 s", firing
    rule = house.tocsin.rules()["LatencyHigh"]
    assert rule["type"] == "alerting" and rule["duration"] == 3 and rule["query"] == "model_latency_seconds > 0.5"
    assert rule["annotations"]["summary"] == "p95 of {{ $labels.model }} is {{ $value }} s", "rule level is unexpanded"
    first = house.webhook.wait_count(1, 3)[0]
    told = first.json["alerts"][0]
    assert first.wall - active_at <= FOR + 2.0 + lost(), "told later than for + interval + group_wait"
    assert -0.1 <= parse_time(told["startsAt"]) - (active_at + FOR) <= 1.1 + lost(), (told, pending)
    house.resolve()
    t.note(f"moved -> pending {active_at - moved:.2f} s, pending -> firing {seen_firing - active_at:.2f} s, "
           f"firing -> webhook {first.wall - seen_firing:.2f} s")


def test_each_receiver_hears_the_firing_and_the_resolve_once(t):
    house = House(t)
    house.fire()
    for double in house.everyone():
        double.wait_count(1, 5)
    # two more group intervals tell nobody anything
    wait.hold("one message each", lambda: [len(d.taken()) for d in house.everyone()] == [1, 1, 1, 1], 2.5)
    house.resolve()
    for double in house.everyone():
        double.wait_count(2, 5)
    wait.hold("two messages each", lambda: [len(d.taken()) for d in house.everyone()] == [2, 2, 2, 2], 2.5)
    check_webhook(house)
    check_slack(house)
    check_pagerduty(house)
    check_mail(house)
    wait.until("eight delivered rows", lambda: [d["state"] for d in house.tocsin.deliveries()] == ["delivered"] * 8, 3)


def check_webhook(house):
    firing, resolved = house.webhook.bodies()
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert firing["groupKey"] == '{}:{alertname="LatencyHigh"}'
    assert firing["receiver"] == "everyone"
    for body in (firing, resolved):
        assert body["alerts"][0]["labels"]["severity"] == "critical"
        assert body["alerts"][0]["annotations"]["runbook_url"] == RUNBOOK
        assert len(body["alerts"]) == 1
    assert resolved["alerts"][0]["startsAt"] == firing["alerts"][0]["startsAt"]


def check_slack(house):
    firing, resolved = (r.json for r in house.slack.taken())
    for body in (firing, resolved):
        text = json.dumps(body)
        assert "critical" in text and RUNBOOK in text and "LatencyHigh" in text, text
        assert len(body["attachments"]) == 1, "one attachment for the notification"
        assert body.get("channel") == "#ml"
    assert firing["attachments"][0]["color"] != resolved["attachments"][0]["color"], "the colour tells the state"
    assert "FIRING" in json.dumps(firing) and "RESOLVED" in json.dumps(resolved)
    assert "0.75" in json.dumps(firing), "the value is part of the message"


def check_pagerduty(house):
    trigger, resolve = house.pagerduty.events()
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    key = hashlib.sha256(house.webhook.bodies()[0]["groupKey"].encode()).hexdigest()
    assert trigger["dedup_key"] == resolve["dedup_key"] == key, "the key Alertmanager would use"
    assert trigger["payload"]["severity"] == "critical"
    assert RUNBOOK in [link["href"] for link in trigger["links"]], trigger
    assert house.pagerduty.incidents == {key: "resolved"} and not house.pagerduty.stray_resolves


def check_mail(house):
    firing, resolved = house.smtp.taken()
    for mail in (firing, resolved):
        assert mail.encrypted and mail.login == "tocsin"
        assert mail.sender == "tocsin@example.org" and mail.recipients == ["oncall@example.org"]
        assert mail.message.get_content_type() == "multipart/alternative"
        assert [p.get_content_type() for p in mail.message.iter_parts()] == ["text/plain", "text/html"]
        for kind in ("text/plain", "text/html"):
            text = mail.part(kind)
            assert "critical" in text and RUNBOOK in text, (kind, text)
        assert mail.header("Auto-Submitted") == "auto-generated"
        assert mail.header("Message-ID").startswith("<") and "@" in mail.header("Message-ID")
        assert mail.header("References"), "mails of one group form a thread"
    assert firing.header("Message-ID") != resolved.header("Message-ID")
    assert firing.header("References").split()[0] == resolved.header("References").split()[0]
    assert "FIRING" in firing.header("Subject") and "RESOLVED" in resolved.header("Subject")
    assert "LatencyHigh" in firing.header("Subject")


def test_value_that_dips_before_for_is_over_tells_nobody(t):
    house = House(t, RULES.replace("for: 3s", "for: 5m"))
    house.exporter.set("model_latency_seconds", 0.75, model="ranker")
    wait.until("pending", lambda: house.state() == "pending", 5)
    house.exporter.set("model_latency_seconds", 0.1, model="ranker")
    wait.until("inactive again", lambda: house.state() == "inactive", 5)
    wait.hold("nobody is told", lambda: not any(d.taken() for d in house.everyone()), 1.5)
    kinds = [event["kind"] for event in house.tocsin.history()]
    assert "pending" in kinds and "firing" not in kinds, kinds
