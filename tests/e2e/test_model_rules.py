# SPDX-License-Identifier: Apache-2.0
"""
Rules about models on real servers over time: a baseline learned from the past of a Prometheus outlives kill -9 and is not
learned again; a statement of PostgreSQL that takes too long delays its own group alone; drift, change and deviation on
InfluxDB and ClickHouse.
"""

import math
import random
import time

from lib import wait
from lib.backfill import DAY, Past
from lib.configs import one_webhook, prometheus_source, rule_file, rule_group

TIMEOUT = 120

VOLUME = """
alert: VolumeUnusual
deviation: {query: "sum by (model) (rate(predictions_total[5m]))", method: %s, window: 3d, min_rel_dev: 0.2}
severity: warning
annotations: {summary: "{{ $explain.text }}", runbook_url: https://runbooks.example/volume}
"""

LATENCY = """
alert: LatencyUp
rate_of_change: {query: latency_seconds, window: 10m, compare: relative, op: ">=", value: 0.15, min_abs_change: 0.02}
severity: warning
annotations: {summary: "{{ $value | humanizePercentage }}", runbook_url: https://runbooks.example/latency}
"""


def model_of(alerts):
    return {a["labels"]["model"] for a in alerts if a["state"] == "firing"}


def range_requests(prometheus):
    return sum(float(line.split()[-1]) for line in prometheus.get("/metrics").text.splitlines()
               if line.startswith("prometheus_http_requests_total") and "/query_range" in line)


def reason(tocsin, rule):
    (alert,) = [a for a in tocsin.good("/api/v2/alerts") if a["labels"]["alertname"] == rule]
    return tocsin.good(f"/api/tocsin/v1/alerts/{alert['fingerprint']}/explain")


def evaluated(tocsin, rule, times=2):
    for _ in range(times):
        before = tocsin.rules()[rule]["lastEvaluation"]
        wait.until(f"an evaluation of {rule}", lambda: tocsin.rules()[rule]["lastEvaluation"] > before, 15)


def test_baselines_outlive_kill9_and_are_not_learned_again(t):
    past, rng = Past(int(time.time())), random.Random(11)

    def usual(age):
        return 20 + 8 * math.sin(age * 2 * math.pi / DAY) + rng.gauss(0, 0.4)

    past.counter("predictions_total", usual, days=3.2, step=120, model="good")
    past.counter("predictions_total", lambda age: 1 if age < 1500 else usual(age), days=3.2, step=120, model="odd")
    past.add("latency_seconds", 0.2, model="good")
    past.add("latency_seconds", lambda age: 0.24 if age < 300 else 0.2, model="odd")
    past.write(t.path("prometheus", "tsdb"))
    prometheus, hook = t.prometheus(), t.webhook()
    rules = [VOLUME % "auto", (VOLUME % "seasonal").replace("VolumeUnusual", "VolumeUnseasonal"), LATENCY]
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(prometheus.port)),
                      {"rules.yml": rule_file(rule_group("g", *rules, interval="1s"))})
    every = ("VolumeUnusual", "VolumeUnseasonal", "LatencyUp")
    for rule in every:
        wait.until(rule, lambda: model_of(tocsin.rule_alerts(rule)) == {"odd"}, 30)
    evaluated(tocsin, "VolumeUnusual")
    known, before = time.monotonic(), {rule: reason(tocsin, rule)["explain"] for rule in every}
    since = {rule: [a["activeAt"] for a in tocsin.rule_alerts(rule)] for rule in every}
    asked = range_requests(prometheus)
    assert asked > 0 and before["VolumeUnusual"]["n_reference"] > 500, (asked, before)
    assert before["VolumeUnseasonal"]["n_reference"] >= 3 and before["VolumeUnseasonal"]["baseline"] > 10, before
    assert abs(before["LatencyUp"]["value"] - 0.2) < 1e-9 and before["LatencyUp"]["baseline"] == 0.2, before
    for _ in range(2):
        tocsin.settled()
        tocsin.kill9()
        tocsin.start()
        evaluated(tocsin, "VolumeUnusual", 3)
        for rule in every:
            after = reason(tocsin, rule)["explain"]
            more = after["n_reference"] - before[rule]["n_reference"]
            # a point a minute comes by itself
            assert 0 <= more <= 2 + (time.monotonic() - known) / 60, f"{rule}: {before[rule]} {after}"
            assert abs(after["baseline"] - before[rule]["baseline"]) < 0.02 * before[rule]["baseline"], (before[rule], after)
            assert [a["activeAt"] for a in tocsin.rule_alerts(rule)] == since[rule], rule
        assert range_requests(prometheus) == asked, "what is remembered is not asked for again"
    for rule in every:
        assert hook.statuses(alertname=rule) == ["firing"], rule
    t.note(before["VolumeUnusual"]["text"])


DRIFT_PG = """
alert: %s
drift:
  reference: {query: "SELECT feature, value FROM training", cache: 1h}
  current: {query: "SELECT feature, value FROM served%s WHERE ts >= :from AND ts < :to", window: 1h}
  by: [feature]
  test: ks
severity: warning
annotations: {summary: "{{ $labels.feature }}: {{ $explain.text }}", runbook_url: https://runbooks.example/drift}
"""

PG = """
rule_files: [rules.yml]
sources:
- {{name: pg, type: postgres, host: 127.0.0.1, port: '{port}', user: tocsin, dbname: ml, password_file: secret, timeout: 5s}}
"""


def test_a_slow_statement_delays_its_own_group_only(t):
    pg, hook = t.postgres(), t.webhook()
    pg.sql("CREATE TABLE training(feature text, value float8); CREATE TABLE served(ts timestamptz, feature text, value float8);"
           "CREATE TABLE delay(seconds float8); INSERT INTO delay VALUES (0);"
           "INSERT INTO training SELECT f, i % 97 FROM generate_series(1, 500) i, (VALUES ('age'), ('zip')) AS g(f);"
           "INSERT INTO served SELECT now() - i * interval '1 second', f, i % 97 + CASE f WHEN 'age' THEN 40 ELSE 0 END"
           "  FROM generate_series(1, 300) i, (VALUES ('age'), ('zip')) AS g(f)")
    rules = rule_file(
        rule_group("slow", DRIFT_PG % ("Slow", ", (SELECT pg_sleep(seconds) FROM delay) AS d"), source="pg", interval="1s"),
        rule_group("quick", DRIFT_PG % ("Quick", ""), source="pg", interval="1s"))
    tocsin = t.tocsin(one_webhook(hook.url, extra=PG.format(port=pg.port)), {"rules.yml": rules, "secret": pg.PASSWORD + "\n"})

    def features(rule):
        return {a["labels"]["feature"] for a in tocsin.rule_alerts(rule) if a["state"] == "firing"}

    for rule in ("Slow", "Quick"):
        wait.until(rule, lambda: features(rule) == {"age"}, 15)
    pg.sql("UPDATE delay SET seconds = 30")
    wait.until("the slow rule to fail", lambda: tocsin.rules()["Slow"]["health"] == "err", 15)
    assert "longer than 5000 ms" in tocsin.rules()["Slow"]["lastError"], tocsin.rules()["Slow"]
    began, seen = time.monotonic(), {tocsin.rules()["Quick"]["lastEvaluation"]}

    def six_more():
        quick = tocsin.rules()["Quick"]
        assert quick["health"] == "ok", quick
        seen.add(quick["lastEvaluation"])
        return len(seen) > 6

    wait.until("six evaluations of the quick rule", six_more, 20)
    # one a second; if each waited for the other group's five seconds, they would take thirty
    assert time.monotonic() - began < 20 + wait.lost(began), f"{time.monotonic() - began:.1f} s"
    assert tocsin.rules()["Slow"]["health"] == "err" and features("Slow") == {"age"}, "an error moves no state"
    pg.sql("UPDATE delay SET seconds = 0; UPDATE served SET value = value - 40 WHERE feature = 'age'")
    for rule in ("Slow", "Quick"):
        wait.until(f"{rule} to clear", lambda: features(rule) == set() and tocsin.rules()[rule]["health"] == "ok", 15)
    wait.until("both to be told", lambda: all(hook.statuses(alertname=rule) == ["firing", "resolved"]
                                              for rule in ("Slow", "Quick")), 15)


# ---- backends over HTTP

CH_DRIFT = """
alert: ScoreDrift
drift:
  reference: {query: "SELECT feature, value FROM training", cache: 1h}
  current:
    query: SELECT feature, value FROM served WHERE toUnixTimestamp(at) >= :from AND toUnixTimestamp(at) < :to
    window: 1h
  by: [feature]
  test: psi
severity: warning
annotations: {summary: "{{ $labels.feature }}: {{ $explain.text }}", runbook_url: https://runbooks.example/drift}
"""

CH_CANARY = """
alert: CanaryWorse
compare:
  a: {query: "SELECT countIf(bad = 1) AS x, count() AS n FROM requests WHERE arm = 'canary'"}
  b: {query: "SELECT countIf(bad = 1) AS x, count() AS n FROM requests WHERE arm = 'stable'"}
  test: two_proportions
  alternative: a_greater
severity: warning
annotations: {summary: "{{ $explain.text }}", runbook_url: https://runbooks.example/canary}
"""

CH_CHANGE = """
alert: VolumeFell
rate_of_change:
  query: |
    SELECT feature, count() AS value FROM served
    WHERE toUnixTimestamp(at) > :now - 600 AND toUnixTimestamp(at) <= :now GROUP BY feature
  window: 30m
  direction: down
  op: ">="
  value: 0.5
severity: warning
annotations: {summary: "{{ $labels.feature }}: {{ $explain.text }}", runbook_url: https://runbooks.example/volume}
"""


def told(hook):
    return {(a["labels"]["alertname"], a["labels"].get("feature") or a["labels"].get("host")) for _, a in hook.alerts()}


def test_drift_canary_and_change_on_clickhouse(t):
    house, hook = t.clickhouse(), t.webhook()
    house.sql("CREATE TABLE training(feature String, value Float64) ENGINE = Memory")
    house.sql("CREATE TABLE served(feature String, value Float64, at DateTime) ENGINE = Memory")
    house.sql("CREATE TABLE requests(arm String, bad UInt8) ENGINE = Memory")
    rng, now = random.Random(2), int(time.time())

    def insert(table, rows):
        house.sql(f"INSERT INTO {table} VALUES " + ", ".join(rows))

    for feature, shift, rest in (("age", 0.0, 300), ("zip", 1.0, 300), ("city", 0.0, 60)):
        insert("training", [f"('{feature}', {rng.gauss(0, 1)!r})" for _ in range(2000)])
        insert("served", [f"('{feature}', {rng.gauss(shift, 1)!r}, toDateTime({now - 1 - i}))" for i in range(rest)])
        insert("served", [f"('{feature}', {rng.gauss(shift, 1)!r}, toDateTime({now - 1900 - i}))" for i in range(300)])
        insert("served", [f"('{feature}', {rng.gauss(5, 1)!r}, toDateTime({now - 8000 - i}))" for i in range(300)])
    insert("requests", [f"('{arm}', {int(i < bad)})" for arm, bad in (("canary", 60), ("stable", 10)) for i in range(1000)])
    config = f"""
rule_files: [rules.yml]
sources:
- {{name: ch, type: clickhouse, url: '{house.url}', http_config: {{basic_auth: {{username: default, password: sesame}}}}}}
"""
    tocsin = t.tocsin(one_webhook(hook.url, extra=config),
                      {"rules.yml": rule_file(rule_group("g", CH_DRIFT, CH_CANARY, CH_CHANGE, source="ch", interval="1s"))})
    want = {("ScoreDrift", "zip"), ("CanaryWorse", None), ("VolumeFell", "city")}
    wait.until("what is wrong", lambda: told(hook) >= want, 30)
    evaluated(tocsin, "VolumeFell")
    assert told(hook) == want, told(hook)
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}, tocsin.rules()
    why = reason(tocsin, "ScoreDrift")["explain"]
    assert (why["method"], why["n_reference"], why["n_current"]) == ("psi", 2000, 600) and why["value"] > 0.2, why


FLUX_LEVEL = """
alert: LatencyLevel
compare:
  a: {query: "SELECT value, host FROM latency WHERE time >= :from AND time < :to", window: 10m}
  b: {query: "SELECT value, host FROM latency WHERE time >= :from AND time < :to", window: 2h, lag: 10m}
  by: [host]
  test: mann_whitney
  alternative: a_greater
  min_effect: 0.2
severity: warning
annotations: {summary: "{{ $labels.host }}: {{ $explain.text }}", runbook_url: https://runbooks.example/latency}
"""

FLUX_CHANGE = """
alert: LatencyUp
rate_of_change:
  query: SELECT mean(value) AS value FROM latency WHERE time > :now - 5m AND time <= :now GROUP BY host
  window: 20m
  op: ">="
  value: 0.15
severity: warning
annotations: {summary: "{{ $labels.host }}: {{ $explain.text }}", runbook_url: https://runbooks.example/latency}
"""

FLUX_LEARNING = """
alert: LatencyUnusual
deviation: {query: "SELECT last(value) AS value FROM latency GROUP BY host", method: robust, window: 30m, min_rel_dev: 0.2}
severity: warning
annotations: {summary: "{{ $labels.host }}: {{ $explain.text }}", runbook_url: https://runbooks.example/latency}
"""


def test_levels_changes_and_deviations_on_influxdb(t):
    influx, hook, rng = t.influxdb(), t.webhook(), random.Random(4)
    now = time.time()

    def point(host, value, ago=0.0):
        return f"latency,host={host} value={value!r} {int((now - ago) * 1000)}"

    for host in ("steady", "slow"):
        influx.write(*(point(host, rng.gauss(0.5 if host == "slow" and ago < 600 else 0.2, 0.02), ago)
                       for ago in range(7000, 4, -10)))
    config = f"rule_files: [rules.yml]\nsources: [{{name: tele, type: influxdb, url: '{influx.url}', database: tele}}]\n"
    rules = rule_file(rule_group("g", FLUX_LEVEL, FLUX_CHANGE, FLUX_LEARNING, source="tele", interval="1s"))
    tocsin = t.tocsin(one_webhook(hook.url, extra=config), {"rules.yml": rules})
    want = {("LatencyLevel", "slow"), ("LatencyUp", "slow")}
    wait.until("what is wrong", lambda: told(hook) >= want, 30)
    assert told(hook) == want, told(hook)
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}, tocsin.rules()
    why = reason(tocsin, "LatencyLevel")["explain"]
    assert why["method"] == "mann_whitney" and 50 < why["n_current"] <= 60 and why["n_reference"] > 600, why
    t.note(why["text"])
    # What last() says has no past that could be asked for: it is learned from what is seen, 30 points at least.
    seen = set()

    def thirty_evaluations():
        nonlocal now
        now = time.time()
        influx.write(point("steady", rng.gauss(0.2, 0.02)), point("slow", rng.gauss(0.5, 0.02)))
        seen.add(tocsin.rules()["LatencyUnusual"]["lastEvaluation"])
        return len(seen) > 34

    wait.until("thirty evaluations", thirty_evaluations, 60, every=0.5)
    assert told(hook) == want, told(hook)
    now = time.time()
    influx.write(point("steady", 2.0))
    wait.until("the outlier", lambda: ("LatencyUnusual", "steady") in told(hook), 15)
    why = reason(tocsin, "LatencyUnusual")["explain"]
    assert why["n_reference"] >= 30 and abs(why["baseline"] - 0.2) < 0.03 and why["value"] == 2, why
    assert ("LatencyUnusual", "slow") not in told(hook), told(hook)
