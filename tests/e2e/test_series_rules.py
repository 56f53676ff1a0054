# SPDX-License-Identifier: Apache-2.0
"""Kinds that compare a series with its past, on a real Prometheus.

Functions of time() have a past of any length without anybody having stored it, so rules that learn can ask for two
hours of history a moment after the server has started.
"""

import time

from lib import wait
from lib.configs import one_webhook, prometheus_source, rule_file, rule_group

TIMEOUT = 120

# Between 0 and 6 in the past, and what the exporter says on top of it now.
UNUSUAL = """
alert: Unusual
deviation:
  query: 'label_replace(floor(vector(time() / 60)) % 7, "model", "x", "", "") + on() group_left() (sum(jump) or vector(0))'
  method: robust
  window: 2h
  step: 1m
severity: warning
annotations: {summary: "{{ $labels.model }}", runbook_url: https://runbooks.example/unusual}
"""

USUAL = """
alert: Usual
deviation: {query: 'floor(vector(time() / 60)) % 7', method: auto, window: 2d, step: 1m}
severity: warning
annotations: {summary: "never", runbook_url: https://runbooks.example/usual}
"""

FULL = """
alert: DiskFull
forecast: {query: 'label_replace(vector((time() - %d) / 3600), "disk", "sda", "", "")', window: 1h, horizon: 4h, op: ">", value: 3}
severity: warning
annotations: {summary: "{{ $labels.disk }}", runbook_url: https://runbooks.example/full}
"""

GROWN = """
alert: Grown
rate_of_change: {query: 'label_replace(vector(time()), "queue", "q", "", "")', window: 10m, compare: absolute, op: ">=", value: 599}
severity: warning
annotations: {summary: "{{ $labels.queue }}", runbook_url: https://runbooks.example/grown}
"""

BURN = """
alert: Burn
burn_rate:
  bad: sum by (job) (max_over_time(bad_events[$window]))
  total: sum by (job) (max_over_time(events[$window]))
  objective: 0.99
annotations: {summary: "{{ $labels.job }}", runbook_url: https://runbooks.example/burn}
"""

GONE = """
alert: Gone
absent: {query: events, expected: [{model: here}, {model: lost}]}
for: 3s
severity: warning
annotations: {summary: "{{ $labels.model }}", runbook_url: https://runbooks.example/gone}
"""

BOTH = """
alert: Both
composite: {when: Unusual and Grown and not Usual}
severity: warning
annotations: {summary: "both", runbook_url: https://runbooks.example/both}
"""


def test_kinds_over_series_on_prometheus(t):
    exporter, hook = t.exporter(), t.webhook()
    exporter.set("events", 100, model="here")
    exporter.set("bad_events", 20)
    prometheus = t.prometheus([exporter.port])
    wait.until("a first scrape", lambda: prometheus.query("bad_events"), 10)
    rules = [UNUSUAL, USUAL, FULL % int(time.time()), GROWN, BURN, GONE, BOTH]
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(prometheus.port)),
                      {"rules.yml": rule_file(rule_group("g", *rules, interval="1s"))})
    calm = {("DiskFull", "sda"), ("Grown", "q"), ("Burn", "critical test"), ("Burn", "warning test"), ("Gone", "lost")}

    def told():
        # Of a budget's two alerts the severity is what tells them apart.
        return {(a["labels"]["alertname"], (a["labels"]["severity"] + " " if a["labels"]["alertname"] == "Burn" else "") +
                 a["annotations"]["summary"]) for _, a in hook.alerts()}

    wait.until("what is wrong from the start", lambda: told() >= calm, 30)
    assert told() == calm, told()
    exporter.set("jump", 1000)
    wait.until("the jump", lambda: told() >= calm | {("Unusual", "x"), ("Both", "both")}, 30)
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}, tocsin.rules()
    # What was learnt is not asked for again, and the alert does not begin anew.
    tocsin.kill9()
    n = len(hook.alerts())
    tocsin.start()
    wait.until("rules work again", lambda: {r["health"] for r in tocsin.rules().values()} == {"ok"}, 30)
    again = {a["labels"]["alertname"] for _, a in hook.alerts()[n:] if a["status"] == "resolved"}
    assert again == set(), again
