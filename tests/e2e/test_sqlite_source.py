# SPDX-License-Identifier: Apache-2.0
"""A SQLite drift store as a source: SQL as `expr`, and `threshold` with two levels that recover late."""

import sqlite3
import time

from lib import wait
from lib.configs import one_webhook, rule_file, rule_group

TIMEOUT = 90

SOURCE = """
evaluation_interval: 1s
rule_files: [rules.yml]
sources:
- name: drift
  type: sqlite
  path: '{path}'
"""

DRIFT = """
alert: FeatureDrift
expr: SELECT feature, sensor_group, score AS value FROM drift_scores WHERE score > 0.25
labels: {severity: critical}
annotations: {summary: "{{ $labels.feature }} drifted: {{ $value }}", runbook_url: https://runbooks.example/drift}
"""

LEVELS = """
alert: LatencyLevel
threshold:
  query: SELECT sensor_group, latency AS value FROM latencies
  op: ">"
  levels: {warning: 80, critical: 90}
  recover: {warning: 75, critical: 85}
annotations: {summary: "latency {{ $value }}", runbook_url: https://runbooks.example/latency}
"""

VALUE = """
alert: LatencyPlain
threshold:
  query: SELECT sensor_group, latency AS value FROM latencies
  op: ">="
  value: 100
severity: warning
runbook_url: https://runbooks.example/plain
"""


class Store:
    def __init__(self, path):
        self.path = path
        self.run("CREATE TABLE drift_scores(feature TEXT, sensor_group TEXT, score REAL, ts INTEGER)")
        self.run("CREATE TABLE latencies(sensor_group TEXT PRIMARY KEY, latency REAL)")

    def run(self, sql, *values):
        with sqlite3.connect(self.path, timeout=10) as connection:
            connection.execute(sql, values)
        connection.close()

    def score(self, feature, value):
        self.run("DELETE FROM drift_scores WHERE feature = ?", feature)
        self.run("INSERT INTO drift_scores VALUES (?, 'B', ?, ?)", feature, value, int(time.time()))

    def latency(self, value, group="B"):
        self.run("INSERT OR REPLACE INTO latencies VALUES (?, ?)", group, value)


def start(t, *rules):
    store, hook = Store(t.path("drift.db")), t.webhook()
    store.latency(70)
    tocsin = t.tocsin(one_webhook(hook.url, extra=SOURCE.format(path=store.path)),
                      {"rules.yml": rule_file(rule_group("drift", *rules, source="drift", interval="1s"))})
    return store, hook, tocsin


def test_sql_expr_fires_per_row_and_resolves(t):
    store, hook, tocsin = start(t, DRIFT)
    wait.until("a first evaluation", lambda: tocsin.rules()["FeatureDrift"]["health"] == "ok", 5)
    store.score("temperature", 0.1)
    store.score("vibration", 0.31)
    told = wait.until("the firing alert", lambda: hook.alerts(alertname="FeatureDrift"), 5)
    status, alert = told[0]
    assert status == "firing"
    assert alert["labels"] == {"alertname": "FeatureDrift", "feature": "vibration", "sensor_group": "B",
                               "severity": "critical"}, alert
    assert alert["annotations"]["summary"] == "vibration drifted: 0.31", alert
    store.score("temperature", 0.5)
    wait.until("the second feature", lambda: hook.statuses(feature="temperature") == ["firing"], 5)
    store.score("vibration", 0.1)
    wait.until("the resolve", lambda: hook.statuses(feature="vibration")[-1] == "resolved", 5)
    assert {a["labels"]["feature"] for a in tocsin.rule_alerts()} == {"temperature"}


def severities(tocsin):
    return sorted(a["labels"]["severity"] for a in tocsin.rule_alerts("LatencyLevel") if a["state"] == "firing")


def evaluated_again(tocsin, rule):
    """Two further evaluations have ended, so that the newest value was surely seen."""
    for _ in range(2):
        before = tocsin.rules()[rule]["lastEvaluation"]
        wait.until("the next evaluation", lambda: tocsin.rules()[rule]["lastEvaluation"] != before, 5)


def test_levels_rise_at_once_and_recover_late(t):
    store, hook, tocsin = start(t, LEVELS)
    # value -> the level that is told, following levels 80/90 with recovery at 75/85
    story = [(70, None), (82, "warning"), (78, "warning"), (92, "critical"), (86, "critical"), (83, "warning"),
             (76, "warning"), (74, None), (78, None), (95, "critical"), (70, None)]
    for value, level in story:
        store.latency(value)
        evaluated_again(tocsin, "LatencyLevel")
        firing = severities(tocsin)
        highest = "critical" if "critical" in firing else "warning" if firing else None
        assert highest == level, f"at {value}: {firing} instead of {level}"
    wait.until("the end of the story at the receiver",
               lambda: hook.statuses(alertname="LatencyLevel", severity="critical")[-1:] == ["resolved"]
               and hook.statuses(alertname="LatencyLevel", severity="warning")[-1:] == ["resolved"], 5)


def test_single_threshold_with_rule_level_severity_and_runbook(t):
    store, hook, tocsin = start(t, VALUE)
    store.latency(99.9)
    evaluated_again(tocsin, "LatencyPlain")
    assert tocsin.rule_alerts("LatencyPlain") == []
    store.latency(100)
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="LatencyPlain"), 5)[0]
    assert alert["labels"]["severity"] == "warning", alert
    assert alert["annotations"]["runbook_url"] == "https://runbooks.example/plain", alert


def test_broken_sql_is_an_error_of_its_rule_only(t):
    broken = DRIFT.replace("FeatureDrift", "Broken").replace("drift_scores", "no_such_table")
    writer = DRIFT.replace("FeatureDrift", "Writer").replace(
        "SELECT feature, sensor_group, score AS value FROM drift_scores WHERE score > 0.25",
        "DELETE FROM latencies RETURNING latency AS value")
    store, _, tocsin = start(t, broken, writer, VALUE)
    wait.until("the errors", lambda: [tocsin.rules()[n]["health"] for n in ("Broken", "Writer")] == ["err", "err"], 5)
    rules = tocsin.rules()
    assert "no_such_table" in rules["Broken"]["lastError"], rules["Broken"]
    wait.until("the good rule", lambda: tocsin.rules()["LatencyPlain"]["health"] == "ok", 5)
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM latencies").fetchone() == (1,), "a source must never write"


def test_locked_or_missing_store_freezes_the_state(t):
    store, hook, tocsin = start(t, DRIFT)
    store.score("vibration", 0.31)
    wait.until("the firing alert", lambda: hook.statuses() == ["firing"], 5)
    store.run("ALTER TABLE drift_scores RENAME TO elsewhere")
    wait.until("the error", lambda: tocsin.rules()["FeatureDrift"]["health"] == "err", 5)
    wait.hold("the alert stays firing", lambda: len(tocsin.rule_alerts("FeatureDrift")) == 1, 2)
    assert hook.statuses() == ["firing"], "an error resolves nothing"
    store.run("ALTER TABLE elsewhere RENAME TO drift_scores")
    wait.until("health again", lambda: tocsin.rules()["FeatureDrift"]["health"] == "ok", 5)
