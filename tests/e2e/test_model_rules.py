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
    before = {rule: reason(tocsin, rule)["explain"] for rule in every}
    since = {rule: [a["activeAt"] for a in tocsin.rule_alerts(rule)] for rule in every}
    asked = range_requests(prometheus)
    assert asked > 0 and before["VolumeUnusual"]["n_reference"] > 500, (asked, before)
    assert before["VolumeUnseasonal"]["n_reference"] >= 3 and before["VolumeUnseasonal"]["baseline"] > 10, before
    assert abs(before["LatencyUp"]["value"] - 0.2) < 1e-9 and before["LatencyUp"]["baseline"] == 0.2, before
    for _ in range(2):
        tocsin.kill9()
        tocsin.start()
        evaluated(tocsin, "VolumeUnusual", 3)
        for rule in every:
            after = reason(tocsin, rule)["explain"]
            more = after["n_reference"] - before[rule]["n_reference"]
            assert 0 <= more <= 2, f"{rule}: {before[rule]} {after}"
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
- {{name: pg, type: postgres, host: 127.0.0.1, port: '{port}', user: tocsin, dbname: ml, password_file: secret, timeout: 1s}}
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
    assert "longer than 1000 ms" in tocsin.rules()["Slow"]["lastError"], tocsin.rules()["Slow"]
    began, seen = time.monotonic(), {tocsin.rules()["Quick"]["lastEvaluation"]}

    def six_more():
        quick = tocsin.rules()["Quick"]
        assert quick["health"] == "ok", quick
        seen.add(quick["lastEvaluation"])
        return len(seen) > 6

    wait.until("six evaluations of the quick rule", six_more, 20)
    assert time.monotonic() - began < 8 * wait.SLOWDOWN, "one a second, whatever the other group waits for"
    assert tocsin.rules()["Slow"]["health"] == "err" and features("Slow") == {"age"}, "an error moves no state"
    pg.sql("UPDATE delay SET seconds = 0; UPDATE served SET value = value - 40 WHERE feature = 'age'")
    for rule in ("Slow", "Quick"):
        wait.until(f"{rule} to clear", lambda: features(rule) == set() and tocsin.rules()[rule]["health"] == "ok", 15)
    wait.until("both to be told", lambda: all(hook.statuses(alertname=rule) == ["firing", "resolved"]
                                              for rule in ("Slow", "Quick")), 15)
