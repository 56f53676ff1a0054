# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus with Tocsin as its Alertmanager delivers its own alerts through it."""

from lib import wait
from lib.api import parse_time
from lib.configs import one_webhook

TIMEOUT = 90

RULES = """
groups:
- name: own
  interval: 1s
  rules:
  - alert: QueueLong
    expr: queue_length > 100
    labels: {severity: warning}
    annotations:
      summary: "{{ $value }} waiting in {{ $labels.queue }}"
      runbook_url: https://runbooks.example/queue
"""


def sent(prometheus):
    """How many alerts Prometheus has sent so far, by its own count."""
    page = prometheus.get("/metrics").text
    return sum(float(line.split()[-1]) for line in page.splitlines()
               if line.startswith("prometheus_notifications_sent_total"))


def test_prometheus_delivers_its_own_alerts(t):
    hook, exporter = t.webhook(), t.exporter()
    exporter.set("queue_length", 5, queue="jobs")
    tocsin = t.tocsin(one_webhook(hook.url))
    prometheus = t.prometheus([exporter.port], rules=RULES, alertmanager_port=tocsin.port,
                              external_labels={"region": "eu"})
    wait.until("the sender to know Tocsin",
               lambda: prometheus.good("/api/v1/alertmanagers")["data"]["activeAlertmanagers"], 20)
    exporter.set("queue_length", 150, queue="jobs")
    hook.wait_count(1, 15)
    _, alert = hook.alerts()[0]
    assert alert["labels"] == {"alertname": "QueueLong", "severity": "warning", "region": "eu", "queue": "jobs",
                               "instance": f"127.0.0.1:{exporter.port}", "job": "test"}, alert
    assert alert["annotations"]["summary"] == "150 waiting in jobs"
    assert "/graph?g0.expr=queue_length" in alert["generatorURL"]
    listed = tocsin.alerts(filter='alertname="QueueLong"')
    assert len(listed) == 1 and parse_time(listed[0]["endsAt"]) > parse_time(listed[0]["startsAt"])
    # Prometheus resends each second; a refresh is told to nobody and written nowhere
    tocsin.settled()
    written = len(tocsin.history())
    before = sent(prometheus)
    wait.until("three refreshes", lambda: sent(prometheus) >= before + 3, 10)
    hook.hold_count(1, 1.2)
    assert len(tocsin.history()) == written, "a refresh is no event"
    exporter.set("queue_length", 5, queue="jobs")
    hook.wait_count(2, 10)
    assert hook.statuses() == ["firing", "resolved"]
    # resolved alerts are resent for 15 minutes
    hook.hold_count(2, 2.5)
    page = prometheus.get("/metrics").text
    assert "prometheus_notifications_dropped_total 0" in page, "Prometheus had to drop alerts"


def test_alerts_survive_tocsin_while_prometheus_goes_on(t):
    hook, exporter = t.webhook(), t.exporter()
    exporter.set("queue_length", 150, queue="jobs")
    tocsin = t.tocsin(one_webhook(hook.url))
    t.prometheus([exporter.port], rules=RULES, alertmanager_port=tocsin.port)
    hook.wait_count(1, 20)
    tocsin.settled()
    tocsin.kill9()
    exporter.set("queue_length", 5, queue="jobs")
    tocsin.start()
    wait.until("the resolve", lambda: hook.statuses() == ["firing", "resolved"], 10)
    hook.hold_count(2, 1.5)
