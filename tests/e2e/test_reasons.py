# SPDX-License-Identifier: Apache-2.0
"""
Windows of real servers, what rules remember of them, and why an alert is as it is: by the API, in its texts, by
`tocsin alert explain`, and after its end from the history.
"""

import json
import sqlite3
import time

from lib import wait
from lib.configs import one_webhook, rule_file, rule_group
from lib.process import tool
from lib.tocsin import command
from test_recording import VictoriaMetrics

TIMEOUT = 90

SOURCE = "evaluation_interval: 1s\nrule_files: [rules.yml]\nsources:\n- {name: store, type: sqlite, path: '%s'}\n"

RULES = [
    "alert: Level\nthreshold: {query: 'SELECT model, value FROM now', op: '>', value: 100}\n"
    "annotations: {why: 'x{{ $explain.text }}'}\n",
    "alert: Twice\nthreshold: {query: 'SELECT model, ts, value FROM scores', op: '>', value: 0.2}\n"
    "for_points: {n: 2, of: 3}\n",
]


def check_ranges(t, url):
    path = t.path("query.yml")
    with open(path, "w") as file:
        file.write(f"sources: [{{name: prom, type: prometheus, url: '{url}'}}]\n")
    for window, step, expected in (("1h", "1m", (60, 61)), ("12000s", "1s", (12000, 12001))):
        done = command("query", "--config.file", path, "-o", "json", "--window", window, "--step", step, "prom", "time()")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert len(rows) in expected, len(rows)
        # VictoriaMetrics repeats the value before for the newest point.
        values = [float(row["value"]) for row in rows][:-1]
        assert all(round(b - a) == (60 if step == "1m" else 1) for a, b in zip(values, values[1:])), "in order, without a gap"
        assert abs(values[-1] - time.time()) < 120, values[-1]
    done = command("query", "--config.file", path, "--window", "1h", "prom", "time() +")
    assert done.returncode != 0 and ("parse error" in done.stderr or "unexpected token" in done.stderr), done.stderr


def test_ranges_of_prometheus_are_whole_however_long(t):
    check_ranges(t, t.prometheus().url)


def test_ranges_of_victoria_metrics_are_whole_however_long(t):
    check_ranges(t, t._keep(VictoriaMetrics(t.dir, tool("victoria-metrics"))).start().url)


def explain(tocsin, *words):
    done = tocsin.command("alert", "explain", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_alert_says_why_while_it_is_and_after(t):
    store, hook = t.path("store.db"), t.webhook()

    def run(sql, *values):
        with sqlite3.connect(store, timeout=10) as connection:
            connection.execute(sql, values)
        connection.close()

    run("CREATE TABLE now(model TEXT, value REAL)")
    run("INSERT INTO now VALUES('fraud', 150)")
    config = one_webhook(hook.url, extra=SOURCE % store)
    rules = rule_file(rule_group("g", *RULES[:1], source="store", interval="1s"))
    tocsin = t.tocsin(config, {"rules.yml": rules})
    _, alert = wait.until("the alert", lambda: hook.alerts(alertname="Level"), 20)[0]
    assert alert["annotations"]["why"] == "x", "threshold has nothing to say in texts"
    answer = tocsin.good(f"/api/tocsin/v1/alerts/{alert['fingerprint']}/explain")
    assert answer["from"] == "present" and answer["state"] == "firing" and answer["rule"] == "Level", answer
    assert answer["query"] == "SELECT model, value FROM now" and answer["labels"]["model"] == "fraud", answer
    assert answer["explain"] == {"text": "150 against the threshold 100", "value": 150, "threshold": 100}, answer
    text = explain(tocsin, "Level")
    assert "Level firing: 150 against the threshold 100" in text and "SELECT model, value FROM now" in text, text
    run("UPDATE now SET value = 1")
    wait.until("the resolve", lambda: hook.statuses(alertname="Level")[-1] == "resolved", 20)
    answer = tocsin.good(f"/api/tocsin/v1/alerts/{alert['fingerprint']}/explain")
    assert answer["from"] == "history" and answer["state"] == "resolved", answer
    assert tocsin.get("/api/tocsin/v1/alerts/0123456789abcdef/explain").status == 404
    assert tocsin.get("/api/tocsin/v1/alerts/nonsense/explain").status == 400
    states = {rule["name"]: rule for rule in tocsin.good("/api/tocsin/v1/rules")["rules"]}
    assert states["Level"]["outcomes"]["ok"] == 1 and states["Level"]["kind"] == "threshold", states


def test_scores_count_once_over_kills(t):
    store, hook = t.path("store.db"), t.webhook()

    def score(value):
        with sqlite3.connect(store, timeout=10) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS scores(ts REAL, model TEXT, value REAL)")
            connection.execute("DELETE FROM scores")
            connection.execute("INSERT INTO scores VALUES(?, 'fraud', ?)", (time.time(), value))
        connection.close()

    def state():
        return [alert["state"] for alert in tocsin.rule_alerts("Twice")]

    score(0.5)
    config = one_webhook(hook.url, extra=(SOURCE % store).replace("path:", "time_column: ts, path:"))
    tocsin = t.tocsin(config, {"rules.yml": rule_file(rule_group("g", RULES[1], source="store", interval="1s"))})
    wait.until("the pending alert", lambda: state() == ["pending"], 20)
    before = tocsin.rules()["Twice"]["lastEvaluation"]
    tocsin.kill9()
    tocsin.start()
    # The same score again and again is the same score.
    wait.until("further evaluations", lambda: tocsin.rules()["Twice"]["lastEvaluation"] > before and state() != [], 20)
    assert state() == ["pending"]
    score(0.1)
    time_of = tocsin.rules()["Twice"]["lastEvaluation"]
    wait.until("an evaluation", lambda: tocsin.rules()["Twice"]["lastEvaluation"] > time_of, 20)
    tocsin.kill9()
    tocsin.start()
    score(0.6)
    wait.until("the firing alert", lambda: state() == ["firing"], 20)
    wait.until("the notification", lambda: hook.statuses(alertname="Twice") == ["firing"], 20)
