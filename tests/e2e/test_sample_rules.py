# SPDX-License-Identifier: Apache-2.0
"""
Rules over samples, scores and tables, on SQLite: drift of a sensor group, many features in one alert, stored scores counted
by their own time, a canary, fairness, accuracy with late labels, stale tables; and `tocsin drift` on the same data.
"""

import json
import random
import sqlite3
import time

from lib import wait
from lib.configs import one_webhook, prometheus_source, rule_file, rule_group
from lib.tocsin import command

TIMEOUT = 120
FAR_MONTH = (time.gmtime().tm_mon + 5) % 12 + 1     # today is no holiday

SOURCE = """
evaluation_interval: 1s
rule_files: [rules.yml]
time_intervals:
- name: holidays
  time_intervals: [{{months: ['{far_month}'], days_of_month: ['1']}}]
sources:
- name: drift
  type: sqlite
  path: '{path}'
  time_column: ts
"""

TABLES = """
CREATE TABLE training(sensor_group TEXT, feature TEXT, value REAL);
CREATE TABLE served(sensor_group TEXT, feature TEXT, value REAL, ts REAL);
CREATE TABLE scores(model TEXT, feature TEXT, method TEXT, value REAL, threshold REAL, ts REAL);
CREATE TABLE requests(arm TEXT, bad INTEGER, total INTEGER);
CREATE TABLE decisions(gender TEXT, approved INTEGER, total INTEGER);
CREATE TABLE predictions(pred TEXT, label TEXT, ts REAL);
CREATE TABLE together(model TEXT, speed REAL, torque REAL, ts REAL);
CREATE TABLE loads(dataset TEXT, loaded_at TEXT);
"""

SENSORS = """
alert: SensorGroupBDrift
drift:
  reference: {query: "SELECT feature, value FROM training WHERE sensor_group = 'B'"}
  current: {query: "SELECT feature, value FROM served WHERE sensor_group = 'B' AND ts >= :from AND ts < :to", window: 1h}
  by: [feature]
  test: ks
  p_value: 0.01
  correct: bh
  aggregate: any
  min_samples: {reference: 500, current: 200}
severity: critical
annotations: {summary: "Drift in {{ $labels.feature }}: p={{ $value }}", runbook_url: https://runbooks.example/drift}
"""

TOGETHER = """
alert: ModelDrift
drift:
  reference: {query: "SELECT feature, value FROM training"}
  current: {query: "SELECT feature, value FROM served WHERE ts >= :from AND ts < :to", window: 1h}
  by: [feature]
  test: psi
  aggregate: {share: 0.3}
severity: warning
annotations:
  summary: "{{ $value | humanizePercentage }} of features drift: {{ $explain.features }}"
  runbook_url: https://runbooks.example/drift
"""

SCORES = """
alert: StoredDrift
score:
  query: "SELECT model, feature, method, value, threshold, ts FROM scores"
  by: [model, feature]
  direction: by_method
  threshold: column
for_points: {n: 2, of: 2}
severity: warning
annotations: {summary: "{{ $labels.feature }}: {{ $explain.method }} {{ $value }}", runbook_url: https://runbooks.example/score}
"""

POINTS = """
alert: InputsNoLongerTogether
drift:
  reference: {query: "SELECT model, speed, torque FROM together WHERE ts < 1000"}
  current: {query: "SELECT model, speed, torque, ts FROM together WHERE ts >= 1000"}
  by: [model]
  test: mmd
  columns: [speed, torque]
  p_value: 0.001
severity: warning
annotations: {summary: "{{ $labels.model }}: {{ $explain.detail }}", runbook_url: https://runbooks.example/points}
"""

CANARY = """
alert: CanaryWorse
compare:
  a: {query: "SELECT bad AS x, total AS n FROM requests WHERE arm = 'canary'"}
  b: {query: "SELECT bad AS x, total AS n FROM requests WHERE arm = 'stable'"}
  test: two_proportions
  alternative: a_greater
  min_effect: 0.005
  min_total: 200
severity: page
annotations: {summary: "canary is {{ $value | humanizePercentage }} worse", runbook_url: https://runbooks.example/canary}
"""

FAIRNESS = """
alert: FairnessGap
compare_groups:
  query: "SELECT gender, approved AS x, total AS n FROM decisions"
  metric: rate_ratio
  op: "<"
  value: 0.8
severity: warning
annotations: {summary: "{{ $labels.gender }} at {{ $value }}", runbook_url: https://runbooks.example/fairness}
"""

QUALITY = """
alert: AccuracyDrop
quality:
  query: "SELECT pred, label FROM predictions WHERE ts >= :from AND ts < :to"
  metric: accuracy
  op: "<"
  value: 0.9
  window: 7d
  label_delay: 3d
  lower_confidence: 0.95
severity: page
annotations: {summary: "accuracy {{ $value }}", runbook_url: https://runbooks.example/quality}
"""

FRESHNESS = """
alert: FeatureTableStale
freshness:
  query: "SELECT dataset, max(loaded_at) AS loaded FROM loads GROUP BY 1"
  column: loaded
  max_age: 2h
  by: [dataset]
  expect: [users, items]
  calendar: {intervals: [holidays]}
severity: page
annotations: {summary: "{{ $labels.dataset }}", runbook_url: https://runbooks.example/stale}
"""


class Store:
    def __init__(self, path):
        self.path = path
        self.rng = random.Random(3)
        with sqlite3.connect(path) as connection:
            connection.executescript(TABLES)
        connection.close()

    def many(self, sql, rows):
        with sqlite3.connect(self.path, timeout=10) as connection:
            connection.executemany(sql, rows)
        connection.close()

    def train(self, feature, n, group="B"):
        self.many("INSERT INTO training VALUES (?, ?, ?)", [(group, feature, self.rng.gauss(0, 1)) for _ in range(n)])

    def serve(self, feature, n, mean=0.0, ago=60, group="B"):
        at = time.time() - ago
        self.many("INSERT INTO served VALUES (?, ?, ?, ?)",
                  [(group, feature, self.rng.gauss(mean, 1), at) for _ in range(n)])


def start(t, *rules):
    store, hook = Store(t.path("drift.db")), t.webhook()
    return store, hook, lambda: t.tocsin(
        one_webhook(hook.url, extra=SOURCE.format(path=store.path, far_month=FAR_MONTH)),
        {"rules.yml": rule_file(rule_group("drift", *rules, source="drift", interval="1s"))})


def firing(tocsin, rule):
    return {tuple(sorted(a["labels"].items())): a for a in tocsin.rule_alerts(rule) if a["state"] == "firing"}


def test_drift_of_a_sensor_group_names_its_feature_and_its_reason(t):
    store, hook, run = start(t, SENSORS)
    for feature in ("temperature", "vibration", "noise"):
        store.train(feature, 600)
    store.serve("temperature", 250)
    store.serve("vibration", 250, mean=0.7)
    store.serve("noise", 150, mean=3)  # too few
    store.serve("temperature", 500, mean=3, ago=2 * 3600)  # before the window
    store.serve("temperature", 500, mean=3, group="A")
    tocsin = run()
    status, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="SensorGroupBDrift"), 10)[0]
    assert status == "firing" and alert["labels"]["feature"] == "vibration", alert
    assert alert["labels"]["severity"] == "critical", alert
    assert alert["annotations"]["summary"].startswith("Drift in vibration: p="), alert
    assert len(tocsin.rule_alerts("SensorGroupBDrift")) == 1, tocsin.rule_alerts()
    done = command("alert", "explain", "--url", tocsin.url, "-o", "json", alert["fingerprint"])
    assert done.returncode == 0, done.stderr
    (why,) = json.loads(done.stdout)
    why = why.get("explain", why)
    assert why["method"] == "ks" and why["n_reference"] == 600 and why["n_current"] == 250, why
    assert 0 < why["p_value"] < 0.01 and why["statistic"] > 0.2 and why["threshold"] == 0.01, why


def test_columns_that_no_longer_go_together_are_drift(t):
    store, hook, run = start(t, POINTS)

    def pairs(model, rho, ts, n):
        for _ in range(n):
            u, v = store.rng.gauss(0, 1), store.rng.gauss(0, 1)
            yield model, u, 100 * (rho * u + (1 - rho * rho) ** 0.5 * v), ts

    for model, rho in (("press", 0.9), ("mill", -0.2)):
        store.many("INSERT INTO together VALUES (?, ?, ?, ?)", [*pairs(model, 0.9, 1, 300), *pairs(model, rho, 2000, 200)])
    tocsin = run()
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="InputsNoLongerTogether"), 20)[0]
    assert alert["labels"]["model"] == "mill", alert
    (mine,) = tocsin.rule_alerts("InputsNoLongerTogether")
    assert '"shift":{"speed":' in alert["annotations"]["summary"], alert
    # The command says the same of the same rows.
    connection, paths = sqlite3.connect(store.path), []
    for which in ("<", ">="):
        paths.append(t.path(f"rows{len(paths)}.csv"))
        with open(paths[-1], "w") as file:
            file.write("model,speed,torque\n")
            file.writelines(f"{m},{x!r},{y!r}\n" for m, x, y in
                            connection.execute(f"SELECT model, speed, torque FROM together WHERE ts {which} 1000"))
    connection.close()
    common = ["drift", "--reference", paths[0], "--current", paths[1], "--by", "model", "-o", "json"]
    joint = command(*common, "--test", "mmd", "--columns", "speed,torque")
    assert joint.returncode == 1, (joint.returncode, joint.stderr)
    found = {f["labels"]["model"]: f for f in json.loads(joint.stdout)["features"]}
    assert found["mill"]["verdict"] == "drift" and found["press"]["verdict"] == "no drift", found
    assert abs(found["mill"]["p_value"] - float(mine["value"])) < 1e-9, (found, mine)
    each = command(*common, "--test", "ks", "--column", "speed", "--column", "torque")
    assert each.returncode == 0, (each.stdout, each.stderr)
    assert command(*common, "--test", "ks", "--columns", "speed,torque").returncode == 2


def test_many_features_are_one_alert_that_lists_them(t):
    store, hook, run = start(t, TOGETHER)
    for i in range(6):
        store.train(f"f{i}", 400)
        store.serve(f"f{i}", 200, mean=1.5 if i in (1, 4) else 0)
    run()
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="ModelDrift"), 10)[0]
    assert "feature" not in alert["labels"], alert
    assert alert["annotations"]["summary"] in ("33.33% of features drift: f1, f4", "33.33% of features drift: f4, f1"), alert


def test_stored_scores_count_once_each(t):
    store, hook, run = start(t, SCORES)
    now = time.time()
    store.many("INSERT INTO scores VALUES ('fraud', ?, ?, ?, ?, ?)",
               [("age", "K-S p_value", 0.01, 0.05, now - 3600), ("city", "Jensen-Shannon distance", 0.01, 0.1, now - 3600)])
    tocsin = run()
    for _ in range(3):
        before = wait.until("an evaluation", lambda: tocsin.rules()["StoredDrift"]["lastEvaluation"], 5)
        wait.until("the next one", lambda: tocsin.rules()["StoredDrift"]["lastEvaluation"] != before, 5)
    assert firing(tocsin, "StoredDrift") == {}, "one score, however often it is looked at, is one point"
    store.many("INSERT INTO scores VALUES ('fraud', ?, ?, ?, ?, ?)", [("age", "K-S p_value", 0.02, 0.05, now)])
    _, alert = wait.until("the second score's alert", lambda: hook.alerts(alertname="StoredDrift"), 10)[0]
    assert alert["labels"]["feature"] == "age", alert
    assert alert["annotations"]["summary"] == "age: kspvalue 0.02", alert


def test_batches_that_come_together_are_points_each(t):
    store, hook, run = start(t, SCORES.replace("{n: 2, of: 2}", "{n: 2, of: 3}"))
    now = time.time()

    def batches(*values):  # five minutes apart, the last one now, all in one transaction
        store.many("INSERT INTO scores VALUES ('fraud', 'age', 'K-S p_value', ?, 0.05, ?)",
                   [(value, now - 300 * (len(values) - 1 - i)) for i, value in enumerate(values)])

    def states():
        return [alert["state"] for alert in tocsin.rule_alerts("StoredDrift")]

    def evaluate():
        before = tocsin.rules()["StoredDrift"]["lastEvaluation"]
        wait.until("an evaluation", lambda: tocsin.rules()["StoredDrift"]["lastEvaluation"] > before, 20)

    tocsin = run()
    batches(0.5, 0.5)
    evaluate()
    assert states() == [], "nothing has breached"
    now += 900
    batches(0.01, 0.02, 0.5)  # the newest is fine, two of the last three are not
    _, alert = wait.until("the alert of batches in between", lambda: hook.alerts(alertname="StoredDrift"), 20)[0]
    assert alert["annotations"]["summary"].endswith(" 0.02"), alert
    tocsin.settled()
    tocsin.kill9()
    now += 600
    batches(0.03, 0.6)  # while it is down: 0.5, 0.03, 0.6
    tocsin.start()
    wait.until("the end", lambda: hook.statuses(alertname="StoredDrift") == ["firing", "resolved"], 30)
    assert states() == ["pending"], "one of the last three breaches"
    now += 600
    batches(0.5, 0.5)
    wait.until("nothing is left", lambda: states() == [], 20)
    # A late one, older than the newest: in its place it makes two of the last three with one more.
    store.many("INSERT INTO scores VALUES ('fraud', 'age', 'K-S p_value', ?, 0.05, ?)", [(0.01, now - 10), (0.01, now - 20)])
    wait.until("it counts in its place", lambda: states() == ["firing"], 20)


def test_tables_are_judged(t):
    store, hook, run = start(t, CANARY, FAIRNESS, QUALITY, FRESHNESS)
    now = time.time()
    store.many("INSERT INTO requests VALUES (?, ?, ?)", [("canary", 30, 1000), ("stable", 100, 10000)])
    store.many("INSERT INTO decisions VALUES (?, ?, ?)", [("a", 500, 1000), ("b", 350, 1000), ("c", 480, 1000)])
    store.many("INSERT INTO predictions VALUES ('1', ?, ?)",
               [("1" if i % 5 else "0", now - 4 * 86400) for i in range(500)] + [("0", now - 60)] * 5000)
    store.many("INSERT INTO loads VALUES (?, strftime('%Y-%m-%d %H:%M:%S', ?, 'unixepoch'))",
               [("users", int(now) - 600), ("orders", int(now) - 8000)])
    tocsin = run()
    for name in ("CanaryWorse", "FairnessGap", "AccuracyDrop", "FeatureTableStale"):
        wait.until(name, lambda: hook.alerts(alertname=name), 10)
    told = {(a["labels"]["alertname"], a["annotations"]["summary"]) for _, a in hook.alerts()}
    wait.until("both stale tables", lambda: len(hook.alerts(alertname="FeatureTableStale")) == 2, 10)
    told = {(a["labels"]["alertname"], a["annotations"]["summary"]) for _, a in hook.alerts()}
    assert told == {("CanaryWorse", "canary is 2% worse"), ("FairnessGap", "b at 0.7"), ("AccuracyDrop", "accuracy 0.8"),
                    ("FeatureTableStale", "orders"), ("FeatureTableStale", "items")}, told
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}, tocsin.rules()


def test_cached_reference_is_asked_once(t):
    rule = """
alert: {name}
drift:
  reference: {{query: "SELECT value FROM training", cache: {cache}}}
  current: {{query: "SELECT value FROM served"}}
  test: ks
annotations: {{runbook_url: https://runbooks.example/drift, summary: drift}}
"""
    store, hook, run = start(t, rule.format(name="Cached", cache="1h"), rule.format(name="Asked", cache="0s"))
    store.train("f", 300)
    store.serve("f", 100)
    tocsin = run()
    for name in ("Cached", "Asked"):
        wait.until("an evaluation", lambda: tocsin.rules()[name]["health"] == "ok", 10)
    store.many("UPDATE training SET value = value + ?", [(5,)])
    wait.until("the rule that asks again", lambda: hook.alerts(alertname="Asked"), 10)
    before = tocsin.rules()["Cached"]["lastEvaluation"]
    wait.until("one more evaluation", lambda: tocsin.rules()["Cached"]["lastEvaluation"] != before, 5)
    assert tocsin.rule_alerts("Cached") == [], tocsin.rule_alerts()
    store.many("UPDATE served SET value = value + ?", [(-5,)])
    wait.until("the current data are asked for", lambda: hook.alerts(alertname="Cached"), 10)
    tocsin.reload_by_signal()
    # A changed file would be another generation; this one is the same, and so is what is kept.
    assert {a["state"] for a in tocsin.rule_alerts("Cached")} == {"firing"}


def test_drift_command_says_what_the_rule_says(t):
    store, hook, run = start(t, SENSORS)
    for feature in ("temperature", "vibration"):
        store.train(feature, 600)
        store.serve(feature, 250, mean=0.7 if feature == "vibration" else 0)
    tocsin = run()
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="SensorGroupBDrift"), 10)[0]
    config = t.path("tocsin-drift.yml")
    with open(config, "w") as file:
        source = SOURCE.format(path=store.path, far_month=FAR_MONTH).replace("rule_files: [rules.yml]", "")
        file.write(one_webhook(hook.url, extra=source))
    common = ["drift", "--test", "ks", "--p-value", "0.01", "--by", "feature", "-o", "json"]
    asked = command(*common, "--config.file", config, "--source", "drift", "--window", "1h",
                    "--reference", "SELECT feature, value FROM training",
                    "--current", "SELECT feature, value FROM served WHERE ts >= :from AND ts < :to")
    assert asked.returncode == 1, (asked.returncode, asked.stderr)
    features = {f["labels"]["feature"]: f for f in json.loads(asked.stdout)["features"]}
    assert features["vibration"]["verdict"] == "drift" and features["temperature"]["verdict"] == "no drift", features
    assert f"p={features['vibration']['p_value']:.10g}"[:8] == alert["annotations"]["summary"].split()[-1][:8], alert
    connection = sqlite3.connect(store.path)
    paths = {}
    for table in ("training", "served"):
        paths[table] = t.path(f"{table}.csv")
        with open(paths[table], "w") as file:
            file.write("feature,value\n")
            file.writelines(f"{f},{v!r}\n" for f, v in connection.execute(f"SELECT feature, value FROM {table}"))
    connection.close()
    read = command(*common, "--reference", paths["training"], "--current", paths["served"])
    assert read.returncode == 1, (read.returncode, read.stderr)
    assert json.loads(read.stdout) == json.loads(asked.stdout)
    same = command(*common, "--reference", paths["training"], "--current", paths["training"])
    assert same.returncode == 0, (same.returncode, same.stdout)
    assert command(*common, "--reference", paths["training"], "--current", t.path("nowhere.csv")).returncode == 2
    assert command("drift", "--reference", paths["training"]).returncode == 2
    assert tocsin.url


# ---- the same kinds on a real Prometheus

SKEW = """
alert: PredictionSkew
drift:
  reference: {query: 'sum by (le) (prediction_score_bucket{window="last_week"})'}
  current: {query: 'sum by (le) (prediction_score_bucket{window="now"})'}
  form: cumulative_buckets
  test: js
  log_base: 2
  value: 0.15
  min_samples: {reference: 5000, current: 500}
severity: warning
annotations: {summary: "scores moved by {{ $value }}", runbook_url: https://runbooks.example/skew}
"""

CLASSES = """
alert: ClassMix
drift:
  reference: {query: 'predictions{window="last_week"}'}
  current: {query: 'predictions{window="now"}'}
  form: counts
  category: class
  by: [model]
  test: chi2
severity: warning
annotations: {summary: "{{ $labels.model }}", runbook_url: https://runbooks.example/mix}
"""

LEVEL = """
alert: LatencyLevel
drift:
  reference: {query: 'latency_seconds{arm="stable"}', window: 5m}
  current: {query: 'latency_seconds{arm="canary"}', window: 5m}
  by: [model]
  test: mann_whitney
  p_value: 0.01
  min_samples: 5
severity: warning
annotations: {summary: "{{ $labels.model }}", runbook_url: https://runbooks.example/level}
"""

METRIC_CANARY = """
alert: CanaryWorse
compare:
  a: {query: 'requests{arm="canary",code="500"}', total: 'requests{arm="canary"}'}
  b: {query: 'requests{arm="stable",code="500"}', total: 'requests{arm="stable"}'}
  test: fisher
  alternative: a_greater
severity: page
annotations: {summary: "{{ $value | humanizePercentage }}", runbook_url: https://runbooks.example/canary}
"""

METRIC_FRESHNESS = """
alert: JobStale
freshness: {query: last_success_timestamp_seconds, max_age: 1h, by: [job_name], expect: [nightly, hourly]}
severity: page
annotations: {summary: "{{ $labels.job_name }}", runbook_url: https://runbooks.example/stale}
"""


def test_kinds_over_samples_on_prometheus(t):
    exporter, hook = t.exporter(), t.webhook()
    for window, counts in (("last_week", [1000, 5000, 9000, 10000]), ("now", [20, 150, 400, 600])):
        for le, count in zip(("0.2", "0.5", "0.8", "+Inf"), counts):
            exporter.set("prediction_score_bucket", count, window=window, le=le)
    for model, now in (("steady", (52, 48)), ("moved", (80, 20))):
        for name, before, count in zip(("yes", "no"), (5000, 5000), now):
            exporter.set("predictions", before, window="last_week", **{"class": name, "model": model})
            exporter.set("predictions", count, window="now", **{"class": name, "model": model})
    for arm, bad in (("canary", 40), ("stable", 10)):
        exporter.set("requests", bad, arm=arm, code="500")
        exporter.set("requests", 1000 - bad, arm=arm, code="200")
    exporter.set("last_success_timestamp_seconds", int(time.time()) - 60, job_name="hourly")
    exporter.set("last_success_timestamp_seconds", int(time.time()) - 7200, job_name="daily")
    for model in ("same", "slow"):
        for arm in ("canary", "stable"):
            exporter.set("latency_seconds", 9 if (model, arm) == ("slow", "canary") else 1, model=model, arm=arm)
    prometheus = t.prometheus([exporter.port])
    # What is expected and not there is stale: not before Prometheus knows it, and the first slot is a second ago.
    wait.until("two scrapes", lambda: len(prometheus.query("last_success_timestamp_seconds offset 2s")) == 2, 20)
    rules = [SKEW, CLASSES, LEVEL, METRIC_CANARY, METRIC_FRESHNESS]
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(prometheus.port)),
                      {"rules.yml": rule_file(rule_group("g", *rules, interval="1s"))})
    want = {("PredictionSkew", "scores"), ("ClassMix", "moved"), ("CanaryWorse", "3%"), ("JobStale", "daily"),
            ("JobStale", "nightly"), ("LatencyLevel", "slow")}

    def told():
        return {(a["labels"]["alertname"], a["annotations"]["summary"].split()[0]) for _, a in hook.alerts()}

    wait.until("all that is wrong", lambda: told() >= want, 30)
    assert told() == want, told()
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}, tocsin.rules()


USUAL = """
alert: ConfidenceUnusual
deviation: {query: "SELECT ts, model, value FROM confidence WHERE ts >= :from AND ts <= :to", method: robust, window: 1d, step: 1m}
severity: warning
annotations: {runbook_url: https://runbooks.example/drift, summary: "{{ $labels.model }}: {{ $explain.text }}"}
"""

FULL = """
alert: QueueFull
forecast: {query: "SELECT ts, model, value * 10 AS value FROM backlog WHERE ts >= :from AND ts <= :to", window: 2h,
  horizon: 4h, op: ">", value: 100, step: 1m}
severity: warning
annotations: {runbook_url: https://runbooks.example/drift, summary: "{{ $labels.model }}: {{ $explain.text }}"}
"""


def test_texts_where_numbers_belong_are_told_what_to_do(t):
    store, _, run = start(t, SENSORS)
    store.many("INSERT INTO training VALUES ('B', 'colour', ?)", [("red",), ("blue",)])
    tocsin = run()
    error = wait.until("an error", lambda: tocsin.rules()["SensorGroupBDrift"].get("lastError"), 30)
    assert error == ("row 1: value 'red' is no number; texts are compared by chi2, or by a distance with bins: distinct"), error


def test_nothing_served_is_no_data_whatever_was_trained(t):
    store, hook, run = start(t, SENSORS.rstrip() + "\non_no_data: alert\n")
    store.train("vibration", 600)
    tocsin = run()
    (alert,) = wait.until("no data", lambda: firing(tocsin, "SensorGroupBDrift"), 30).values()
    assert alert["annotations"]["no_data"] == "the query returned no series", alert
    store.serve("vibration", 300)
    wait.until("the end", lambda: not firing(tocsin, "SensorGroupBDrift"), 30)
    wait.until("messages", lambda: hook.statuses(alertname="SensorGroupBDrift") == ["firing", "resolved"], 30)


def test_a_table_of_numbers_has_a_past(t):
    """The rows before the first start are the baseline; later only the newest of each series are asked for."""
    store, hook, run = start(t, USUAL, FULL)
    now, rng = int(time.time()), random.Random(5)
    for table in ("confidence", "backlog"):
        store.many(f"CREATE TABLE {table}(ts INTEGER, model TEXT, value REAL)", [()])
    past = [(now - 60 * k, model, 0.8 + rng.gauss(0, 0.01)) for k in range(1, 1000) for model in ("good", "odd")]
    store.many("INSERT INTO confidence VALUES (?, ?, ?)", past + [(now, "good", 0.801), (now, "odd", 0.6)])
    store.many("INSERT INTO backlog VALUES (?, ?, ?)",
               [(now - 60 * k, "full", 8.0 - k / 60 + rng.gauss(0, 0.01)) for k in range(120)]
               + [(now - 60 * k, "even", 2.0 + rng.gauss(0, 0.01)) for k in range(120)])
    tocsin = run()
    for rule, model in (("ConfidenceUnusual", "odd"), ("QueueFull", "full")):
        wait.until(rule, lambda: [dict(labels)["model"] for labels in firing(tocsin, rule)] == [model], 30)
    (alert,) = firing(tocsin, "ConfidenceUnusual").values()
    assert "odd: 0.6 is below the expected 0.7" in alert["annotations"]["summary"], alert
    assert "999 reference points" in alert["annotations"]["summary"], alert
    (alert,) = firing(tocsin, "QueueFull").values()
    summary = alert["annotations"]["summary"]
    assert summary.startswith("full: 80") or summary.startswith("full: 79"), summary
    assert " now, 1" in summary and " expected in 4h (" in summary, summary
    assert ", against the threshold 100, reached in " in summary, summary
    store.many("INSERT INTO confidence VALUES (?, ?, ?)", [(max(int(time.time()), now + 1), "odd", 0.8)])
    wait.until("the end", lambda: not firing(tocsin, "ConfidenceUnusual"), 30)
    wait.until("messages", lambda: hook.statuses(alertname="ConfidenceUnusual") == ["firing", "resolved"], 30)
