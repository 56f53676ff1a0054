# SPDX-License-Identifier: Apache-2.0
"""Drift stores in their own formats: what a query returns of whylogs' profiles and Evidently's results."""

import datetime
import json
import os
import time

from lib import stores
from lib.configs import one_webhook, rule_file, rule_group
from lib.doubles import Reply
from lib.mlflow import MLflow
from lib.tocsin import command
from lib import wait
from test_sources import bad, good

TIMEOUT = 90

HOUR = 3600


def write(t, name, data):
    path = t.path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path


def ms_ago(seconds):
    return int((time.time() - seconds) * 1000)


# ---- whylogs

AGES = [20.0, 30.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]


def whylogs_config(path, **more):
    settings = "".join(f", {name}: {value}" for name, value in more.items())
    return f"sources:\n- {{name: w, type: whylogs, path: '{path}'{settings}}}\n"


def test_whylogs_numbers_of_a_column(t):
    columns = {"age": stores.numbers(AGES, nulls=2), "plan": stores.texts({"gold": 3, "free": 7})}
    reference = {"age": stores.numbers([x - 10 for x in AGES])}
    write(t, "store/prod/p1.bin", stores.profile(columns, ms_ago(HOUR), {"region": "eu"}, {"model": "fraud"}))
    write(t, "reference.bin", stores.profile(reference, ms_ago(90 * 86400)))
    config = whylogs_config("store", reference="reference.bin", metadata_labels="[model]")
    age, plan = ("column=%s dataset=prod model=fraud region=eu" % name for name in ("age", "plan"))

    def query(text):
        return {key: float(value) for key, value in good(t, config, "w", text).items()}

    assert query("counts/null / counts/n") == {age: 0.2, plan: 0}
    assert query("null_ratio") == {age: 0.2, plan: 0}
    assert query("mean") == {age: 47.5} and query("distribution/mean * 2 - (1 + 1)") == {age: 93}
    assert abs(query("stddev")[age] - (sum((x - 47.5) ** 2 for x in AGES) / 7) ** 0.5) < 1e-9
    assert query("min") == {age: 20} and query("max") == {age: 80}
    assert query("quantile(0.5)") == {age: 50} and query("rank(30)") == {age: 0.375}
    assert query("types/string / counts/n") == {plan: 1}
    assert round(query("distinct")[plan], 6) == 2
    assert query('frequency("gold") / counts/n') == {plan: 0.3}
    assert query("frequent_items") == {f"{plan.replace('dataset=prod', 'dataset=prod item=free')}": 7,
                                       f"{plan.replace('dataset=prod', 'dataset=prod item=gold')}": 3}
    assert query("mean - reference(mean)") == {age: 10}
    assert query("ks") == {age: 0.25}
    assert 0.24 < query("ks_excess")[age] < 0.25, "less both sketches' errors"
    assert query('null_ratio {column=~"pl.*"}') == {plan: 0}
    assert query('null_ratio {region="us"}') == {}
    assert 0.002 < query("rank_error")[age] < 0.003
    assert "none of 2 columns has what 'count/null' asks for" in bad(t, config, "w", "count/null")
    assert "unknown name 'average'" in bad(t, config, "w", "average")
    assert "number from 0 to 1" in bad(t, config, "w", "quantile(50)")
    assert "white space around it" in bad(t, config, "w", "mean quantile(0.5)")
    alone = whylogs_config("store")
    assert "no reference profile" in bad(t, alone, "w", "reference(mean)")
    assert "ks compares with a reference" in bad(t, alone, "w", "ks")


def test_whylogs_takes_the_newest_of_each_data_set_and_segment(t):
    def put(name, value, age, tags=None):
        columns = {"age": stores.numbers([value] * 3)}
        write(t, f"store/{name}.bin", stores.profile(columns, ms_ago(age), tags, segmented=bool(tags)))

    put("a/late", 3.0, HOUR)
    put("a/early", 2.0, 5 * HOUR)
    put("b/eu", 4.0, HOUR, {"region": "eu"})
    put("b/us", 5.0, 3 * HOUR, {"region": "us"})
    put("b/us_old", 6.0, 9 * HOUR, {"region": "us"})
    put("c/ancient", 7.0, 60 * 86400)
    put("d/future", 8.0, -5 * HOUR)
    config = whylogs_config("store")
    assert good(t, config, "w", "mean") == {
        "column=age dataset=a": "3", "column=age dataset=b region=eu": "4", "column=age dataset=b region=us": "5"}
    assert good(t, whylogs_config("store", lookback="2h"), "w", "mean") == {
        "column=age dataset=a": "3", "column=age dataset=b region=eu": "4"}
    assert len(good(t, whylogs_config("store", lookback="100d"), "w", "mean")) == 4
    # whylogs' SQLiteStore
    dates = [datetime.datetime.fromtimestamp(time.time() - age, datetime.timezone.utc) for age in (5 * HOUR, HOUR)]
    stores.profile_store(t.path("store.db"), [
        ("prod", str(date), stores.profile({"age": stores.numbers([value] * 2)}, int(date.timestamp() * 1000)))
        for date, value in zip(dates, (1.0, 2.0))])
    assert good(t, whylogs_config("store.db"), "w", "mean") == {"column=age dataset=prod": "2"}


def test_whylogs_says_what_is_wrong_with_a_file(t):
    good_one = stores.profile({"age": stores.numbers(AGES)}, ms_ago(HOUR))
    config = whylogs_config("p.bin")
    write(t, "p.bin", stores.profile_v0())
    assert "version 0" in bad(t, config, "w", "mean") and "performance metrics" in bad(t, config, "w", "mean")
    write(t, "p.bin", b"PK\3\4 a zip")
    assert "does not begin with WHY1" in bad(t, config, "w", "mean")
    for cut in (5, 40, len(good_one) // 2, len(good_one) - 1):
        write(t, "p.bin", good_one[:cut])
        message = bad(t, config, "w", "mean")
        assert "p.bin" in message and ("mangled or cut short" in message or "is cut short" in message), message
    write(t, "p.bin", good_one)
    assert good(t, config, "w", "mean") == {"column=age": "47.5"}
    assert "No such file" in bad(t, whylogs_config("nowhere"), "w", "mean")


def test_whylogs_rule_fires_when_a_new_profile_arrives_and_resolves(t):
    hook = t.webhook()
    write(t, "profiles/prod/1.bin", stores.profile({"age": stores.numbers(AGES, 1)}, ms_ago(HOUR)))
    rule = "alert: MissingValues\nthreshold: {query: counts/null / counts/n, op: '>', value: 0.3}\n"
    config = one_webhook(hook.url, extra="rule_files: [rules.yml]\n" + whylogs_config("profiles"))
    tocsin = t.tocsin(config, {"rules.yml": rule_file(rule_group("g", rule, source="w", interval="1s"))})
    folder = os.path.join(tocsin.directory if hasattr(tocsin, "directory") else t.path("."), "profiles/prod")
    os.makedirs(folder, exist_ok=True)
    wait.until("a first evaluation", lambda: tocsin.rules()["MissingValues"]["health"] == "ok", 10)

    def arrives(name, nulls, age):
        data = stores.profile({"age": stores.numbers(AGES, nulls)}, ms_ago(age))
        with open(os.path.join(folder, name + ".part"), "wb") as file:
            file.write(data)
        os.rename(os.path.join(folder, name + ".part"), os.path.join(folder, name))

    arrives("2.bin", 8, 600)
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="MissingValues"), 10)[0]
    assert alert["labels"] == {"alertname": "MissingValues", "column": "age", "dataset": "prod"}, alert
    arrives("3.bin", 0, 60)
    wait.until("the resolve", lambda: hook.statuses(alertname="MissingValues")[-1] == "resolved", 10)


# ---- Evidently

PROJECT = "0198c0de000070008000" + "0" * 10 + "aa"


def local(ago, zone_hours=0):
    """Evidently's naive local time."""
    at = datetime.datetime.fromtimestamp(time.time() - ago, datetime.timezone.utc)
    return (at + datetime.timedelta(hours=zone_hours)).replace(tzinfo=None).isoformat(sep=" ")


def drift(column, method, threshold):
    return {"column": column, "method": method, "threshold": threshold}


def evidently_points():
    old = [("ValueDrift", drift("age", "K-S p_value", 0.05), 0.9), ("RowCount", {}, 100)]
    new = [("ValueDrift", drift("age", "K-S p_value", 0.05), 0.001),
           ("ValueDrift", drift("plan", "Jensen-Shannon distance", 0.1), 0.4),
           ("ValueDrift", drift("zip", "psi", 0.2), 0.3),
           ("DriftedColumnsCount", {"drift_share": 0.5, "method": None, "value_type": "count"}, 2),
           ("DriftedColumnsCount", {"drift_share": 0.5, "method": None, "value_type": "share"}, 0.66)]
    return [(local(5 * HOUR), old), (local(HOUR), new)]


DRIFT = {
    "column=age direction=low method=K-S p_value metric=ValueDrift project={p} project_name=fraud threshold=0.05": "0.001",
    "column=plan direction=high method=Jensen-Shannon distance metric=ValueDrift project={p} project_name=fraud threshold=0.1":
        "0.4",
    "column=zip direction=high method=psi metric=ValueDrift project={p} project_name=fraud threshold=0.2": "0.3"}


def expect_storage(t, config, **more):
    def query(text):
        return good(t, config, "e", text, **more)

    wanted = {key.format(p=PROJECT): value for key, value in DRIFT.items()}
    assert query("ValueDrift") == wanted, query("ValueDrift")
    assert query('ValueDrift{column="age"}') == dict(list(wanted.items())[:1])
    assert query('Value*{direction="high"}') == dict(list(wanted.items())[1:])
    assert query('DriftedColumnsCount{value_type="share"}') == {
        f"direction=high drift_share=0.5 metric=DriftedColumnsCount project={PROJECT} project_name=fraud value_type=share":
            "0.66"}
    assert query("RowCount") == {f"metric=RowCount project={PROJECT} project_name=fraud": "100"}, "an older snapshot's"
    assert len(query("*")) == 6 and len(query("")) == 6
    assert query("Nothing") == {}


def test_evidently_sql_storage_in_sqlite_and_postgresql(t):
    rows = stores.evidently_rows(PROJECT, "fraud", evidently_points())
    stores.evidently_sqlite(t.path("evidently.db"), rows)
    expect_storage(t, "sources: [{name: e, type: evidently, path: evidently.db}]\n")
    pg = t.postgres()
    pg.sql(stores.evidently_sql(rows))
    expect_storage(t, f"""
sources:
- {{name: e, type: evidently, postgres: {{host: 127.0.0.1, port: '{pg.port}', user: tocsin, dbname: ml, password_file: secret}}}}
""", files={"secret": pg.PASSWORD + "\n"})


def test_evidently_methods_it_does_not_know_and_times_of_a_zone(t):
    rows = stores.evidently_rows(PROJECT, "fraud", [(local(HOUR), [("ValueDrift", drift("age", "my_own", 1), 3.5)])])
    stores.evidently_sqlite(t.path("own.db"), rows)
    config = "sources: [{name: e, type: evidently, path: own.db%s}]\n"
    message = bad(t, config % "", "e", "ValueDrift")
    assert "method 'my_own'" in message and "methods: {'my_own': high}" in message, message
    assert list(good(t, config % ", methods: {my_own: low}", "e", "ValueDrift"))[0].count("direction=low") == 1
    assert "expected low" in bad(t, config % ", methods: {my_own: up}", "e", "ValueDrift")
    # One hour ago on a clock that is 5:30 ahead: without its zone it lies in the future.
    rows = stores.evidently_rows(PROJECT, "x", [(local(HOUR, 5.5), [("RowCount", {}, 5)]), (local(HOUR * 9, 5.5), [
        ("RowCount", {}, 4)])])
    stores.evidently_sqlite(t.path("zone.db"), rows)
    config = "sources: [{name: e, type: evidently, path: zone.db, lookback: 5h%s}]\n"
    assert list(good(t, config % ", time_zone: Asia/Kolkata", "e", "RowCount").values()) == ["5"]
    assert list(good(t, config % "", "e", "RowCount").values()) == ["4"], "3:30 ago, says UTC"
    assert "no time zone 'Nowhere/Land'" in bad(t, config % ", time_zone: Nowhere/Land", "e", "RowCount")
    assert "either 'path' or 'postgres'" in bad(t, "sources: [{name: e, type: evidently}]\n", "e", "RowCount")
    assert "expected a metric's name" in bad(t, config % "", "e", "SELECT 1 AS value")


def test_evidently_workspace_and_reports(t):
    results = [stores.single("ValueDrift", {"column": "age", "method": "K-S p_value", "threshold": 0.05}, 0.02),
               stores.single("MeanValue", {"column": "age", "tests": None}, float("nan")),
               stores.counted("MissingValueCount", {"column": "age"}, 3, 0.03),
               stores.by_label("F1ByLabel", {"probas_threshold": None}, {"yes": 0.8, "no": 0.7})]
    old = [stores.single("ValueDrift", {"column": "age", "method": "K-S p_value", "threshold": 0.05}, 0.7)]
    stores.workspace(t.path("ws"), PROJECT, "fraud", [
        stores.snapshot(local(HOUR).replace(" ", "T"), results), stores.snapshot(local(3 * HOUR).replace(" ", "T"), old)])
    config = "sources: [{name: e, type: evidently, path: ws}]\n"
    project = f"project={PROJECT} project_name=fraud"
    assert good(t, config, "e", "*") == {
        f"column=age direction=low method=K-S p_value metric=ValueDrift {project} threshold=0.05": "0.02",
        f"column=age metric=MeanValue {project}": "NaN",
        f"column=age metric=MissingValueCount {project} value_type=count": "3",
        f"column=age metric=MissingValueCount {project} value_type=share": "0.03",
        f"label=yes metric=F1ByLabel probas_threshold=None {project}".replace("probas_threshold=None ", ""): "0.8",
        f"label=no metric=F1ByLabel {project}": "0.7"}
    # report.json() of 0.7, without a time
    write(t, "r7.json", json.dumps({
        "metrics": [
            {"id": "a", "metric_name": "ValueDrift(column=age,method=psi,threshold=0.2)",
             "config": {"type": "evidently:metric_v2:ValueDrift", "column": "age", "method": "psi", "threshold": 0.2},
             "value": 0.31},
            {"id": "b", "metric_name": "MissingValueCount(column=age)",
             "config": {"type": "evidently:metric_v2:MissingValueCount", "column": "age"}, "value": {"count": 2, "share": 0.1}},
            {"id": "c", "metric_name": "UniqueValueCount(column=plan)", "config": {
                "type": "evidently:metric_v2:UniqueValueCount", "column": "plan"}, "value": {"gold": 3, "free": 4}}],
        "tests": [{"id": "t", "name": "Drift of age", "status": "FAIL"}, {"id": "u", "name": "Rows", "status": "SUCCESS"},
                  {"id": "v", "name": "Broken", "status": "ERROR"}, {"id": "w", "name": "Other", "status": "SKIPPED"}]}))
    assert good(t, "sources: [{name: e, type: evidently, path: r7.json}]\n", "e", "") == {
        "column=age direction=high method=psi metric=ValueDrift threshold=0.2": "0.31",
        "column=age metric=MissingValueCount value_type=count": "2",
        "column=age metric=MissingValueCount value_type=share": "0.1",
        "column=plan label=gold metric=UniqueValueCount": "3", "column=plan label=free metric=UniqueValueCount": "4",
        "metric=Test test=Drift of age": "1", "metric=Test test=Rows": "0", "metric=Test test=Broken": "missing"}
    # the first reports of 0.7: no config, and the name is called metric_id
    write(t, "r70.json", json.dumps({"metrics": [
        {"id": "a", "metric_id": "ValueDrift(column=age (years), all)", "value": 0.31},
        {"id": "b", "metric_id": "DriftedColumnsCount(drift_share=0.5)", "value": {"count": 1.0, "share": 0.5}},
        {"id": "c", "metric_name": "ValueDrift(column=plan,method=Wasserstein distance (normed),threshold=0.1)", "value": 0.2},
        {"id": "d", "metric_id": "RowCount()", "value": 7}, {"id": "e", "metric_id": "", "value": 7}]}))
    assert good(t, "sources: [{name: e, type: evidently, path: r70.json}]\n", "e", "") == {
        "column=age (years), all metric=ValueDrift": "0.31",
        "direction=high drift_share=0.5 metric=DriftedColumnsCount value_type=count": "1",
        "direction=high drift_share=0.5 metric=DriftedColumnsCount value_type=share": "0.5",
        "column=plan direction=high method=Wasserstein distance (normed) metric=ValueDrift threshold=0.1": "0.2",
        "metric=RowCount": "7"}
    # 0.4 to 0.6: a report and a suite, with bare NaN
    columns = {"age": {"column_name": "age", "column_type": "num", "stattest_name": "Wasserstein distance (normed)",
                       "drift_score": 0.5, "drift_detected": True, "stattest_threshold": 0.1},
               "plan": {"column_name": "plan", "column_type": "cat", "stattest_name": "chi-square p_value",
                        "drift_score": float("nan"), "drift_detected": False, "stattest_threshold": 0.05}}
    write(t, "r4.json", json.dumps({"version": "0.4.30", "timestamp": local(60), "metrics": [
        {"metric": "DataDriftTable", "result": {"number_of_columns": 2, "share_of_drifted_columns": 0.5,
                                                "dataset_drift": True, "drift_by_columns": columns}},
        {"metric": "DatasetMissingValuesMetric", "result": {"current": {"share_of_missing_values": 0.01}}}]}))
    config = "sources: [{name: e, type: evidently, path: r4.json}]\n"
    assert good(t, config, "e", "DataDriftTable{method!=''}".replace("''", '""')) == {
        "column=age direction=high method=Wasserstein distance (normed) metric=DataDriftTable threshold=0.1": "0.5",
        "column=plan direction=low method=chi-square p_value metric=DataDriftTable threshold=0.05": "NaN"}
    assert good(t, config, "e", 'DataDriftTable{field!=""}') == {
        "field=number_of_columns metric=DataDriftTable": "2", "field=share_of_drifted_columns metric=DataDriftTable": "0.5",
        "field=dataset_drift metric=DataDriftTable": "1"}
    assert good(t, config, "e", "DatasetMissing*") == {
        "field=current.share_of_missing_values metric=DatasetMissingValuesMetric": "0.01"}
    write(t, "r4.json", json.dumps({"version": "0.4.30", "tests": [
        {"name": "Share of Drifted Columns", "status": "FAIL", "group": "data_drift", "parameters": {}},
        {"name": "Nulls", "status": "WARNING", "group": "data_quality", "parameters": {}}],
        "summary": {"all_passed": False, "total_tests": 2, "by_status": {"FAIL": 1}}}))
    assert good(t, config, "e", "Test*") == {
        "group=data_drift metric=Test test=Share of Drifted Columns": "1", "group=data_quality metric=Test test=Nulls": "0",
        "field=all_passed metric=TestSuite": "0", "field=total_tests metric=TestSuite": "2",
        "field=by_status.FAIL metric=TestSuite": "1"}
    write(t, "r4.json", '{"metrics": [{"metric": "X", "result": {"a": 1}')
    assert "r4.json" in bad(t, config, "e", "") and "cannot read" in bad(t, config, "e", "")


# ---- MLflow


def mlflow_data():
    now = int(time.time() * 1000)
    inf, nan = float("inf"), float("nan")

    def at(hours):
        return now - hours * HOUR * 1000

    experiments = [(1, "fraud", "active"), (2, "it's churn", "active"), (3, "gone", "deleted")]
    runs = [("a" * 32, "nightly-1", 1, {"env": "prod"}, {"auc": [(at(30), 0.91), (at(6), 0.9), (at(2), 0.8)],
                                                         "val loss": [(at(2), nan)]}),
            ("b" * 32, "nightly-2", 1, {"env": "dev"}, {"auc": [(at(3), 0.7)], "rmse": [(at(3), inf)]}),
            ("c" * 32, "other", 2, {}, {"auc": [(at(1), 0.5)], "rmse": [(at(1), -inf)]}),
            ("d" * 32, "late", 1, {"env": "prod"}, {"auc": [(at(24 * 60), 0.1)]}),
            ("e" * 32, "deleted", 3, {}, {"auc": [(at(1), 0.2)]})]
    return experiments, runs, [("fraud", 1, "b" * 32), ("fraud", 2, "a" * 32)], [("fraud", "champion", 2)]


def run_labels(metric, run, name, experiment="fraud", more=""):
    return f"experiment={experiment} metric={metric} {more}run={name} run_id={run * 32}"


def expect_mlflow(t, config, **more):
    def query(text, settings=""):
        return good(t, config % settings, "m", text, **more)

    auc = {run_labels("auc", "a", "nightly-1"): "0.8", run_labels("auc", "b", "nightly-2"): "0.7",
           run_labels("auc", "c", "other", "it's churn"): "0.5"}
    assert query("auc") == auc, query("auc")
    assert query('auc{run=~"nightly.*"}') == dict(list(auc.items())[:2])
    assert query("rmse") == {run_labels("rmse", "b", "nightly-2"): "+Inf",
                             run_labels("rmse", "c", "other", "it's churn"): "-Inf"}
    assert query("val loss") == {run_labels("val loss", "a", "nightly-1"): "NaN"}
    assert len(query("*")) == 6 and len(query("")) == 6 and query("nothing") == {}
    assert query("auc", ", experiments: [\"it's churn\"]") == dict(list(auc.items())[2:])
    assert len(query("auc", ", lookback: 150m")) == 2 and len(query("auc", ", lookback: 90d")) == 4
    assert query("auc", ", tag_labels: [env]")[f"env=prod {run_labels('auc', 'a', 'nightly-1')}"] == "0.8"
    champion = ", model: fraud, alias: champion"
    model = "experiment={} metric=auc model=fraud model_version=2 run=nightly-1 run_id=" + "a" * 32
    assert list(query("auc", champion).values()) == ["0.8"]
    assert list(query("auc", champion))[0].startswith(model[:10]) and "model_version=2" in list(query("auc", champion))[0]
    assert list(query("@version", champion).values()) == ["2"]
    assert "needs the source's settings model" in bad(t, config % "", "m", "@version", **more)
    assert "expected a metric's key" in bad(t, config % "", "m", "SELECT 1;", **more)


def test_mlflow_store_in_sqlite_and_postgresql(t):
    statements = stores.mlflow_statements(*mlflow_data())
    stores.sqlite_file(t.path("mlflow.db"), statements)
    expect_mlflow(t, "sources: [{name: m, type: mlflow, path: mlflow.db%s}]\n")
    pg = t.postgres()
    pg.sql("; ".join(statements))
    expect_mlflow(t, "sources: [{name: m, type: mlflow, postgres: {host: 127.0.0.1, port: '" + str(pg.port)
                  + "', user: tocsin, dbname: ml, password_file: secret}%s}]\n", files={"secret": pg.PASSWORD + "\n"})


def test_mlflow_over_http(t):
    server = t.double(MLflow(*mlflow_data()))
    config = "sources: [{name: m, type: mlflow, url: '" + server.url + "'%s}]\n"
    expect_mlflow(t, config)
    assert list(good(t, config % ", filter: \"tags.env = 'dev'\"", "m", "auc").values()) == ["0.7"]
    assert "there is no experiment 'none'" in bad(t, config % ", experiments: [none]", "m", "auc")
    assert "alias nobody not found" in bad(t, config % ", model: fraud, alias: nobody", "m", "auc")
    assert "one of 'url'" in bad(t, "sources: [{name: m, type: mlflow}]\n", "m", "auc")
    assert "belong together" in bad(t, config % ", model: fraud", "m", "auc")
    server.always(Reply(429, "{}"))
    assert "limits the rate" in bad(t, config % "", "m", "auc")
    server.always(Reply(200, '{"experiments": [{"experiment_id": "1", "na'))
    assert "cannot read the answer" in bad(t, config % "", "m", "auc")
    server.always(Reply(200, '<html>login</html>'))
    assert "HTML page" in bad(t, config % "", "m", "auc")
    server.always(Reply(503, json.dumps({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"})))
    assert "HTTP 503" in bad(t, config % "", "m", "auc")


def history(t, config, source, text, *options, files=None):
    """`tocsin query --window`: [(labels, value)] in its order; every row has a time."""
    with open(t.path("query.yml"), "w") as file:
        file.write(config)
    for name, content in (files or {}).items():
        with open(t.path(name), "w") as file:
            file.write(content)
    done = command("query", "--config.file", t.path("query.yml"), "-o", "json", *options, source, text)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert all(row["time"] for row in rows), rows
    return [(row["labels"].get("column") or row["labels"].get("run"), row["value"]) for row in rows]


def test_history_of_scores(t):
    for name, value, age in (("1", 1.0, 50 * HOUR), ("2", 2.0, 5 * HOUR), ("3", 3.0, HOUR)):
        write(t, f"store/{name}.bin", stores.profile({"age": stores.numbers([value] * 4), "b": stores.numbers([9.0] * 2)},
                                                     ms_ago(age)))
    config = whylogs_config("store")
    assert history(t, config, "w", 'mean {column="age"}', "--window=24h") == [("age", "2"), ("age", "3")]
    assert history(t, config, "w", "mean", "--window=72h", "--step=24h") == [
        ("age", "1"), ("age", "3"), ("b", "9"), ("b", "9")], "series together, the last of each step"
    assert history(t, config, "w", "mean", "--window=24h", "--rows") == [
        ("age", "2"), ("b", "9"), ("age", "3"), ("b", "9")], "rows are in order of time"
    assert history(t, config, "w", "samples(2)", "--window=24h", "--rows") == [
        ("age", "2")] * 2 + [("b", "9")] * 2 + [("age", "3")] * 2 + [("b", "9")] * 2
    stores.evidently_sqlite(t.path("evidently.db"), stores.evidently_rows(PROJECT, "fraud", evidently_points()))
    config = "sources: [{name: e, type: evidently, path: evidently.db}]\n"
    assert history(t, config, "e", 'ValueDrift{column="age"}', "--window=24h") == [("age", "0.9"), ("age", "0.001")]
    assert history(t, config, "e", 'ValueDrift{column="age"}', "--window=3h") == [("age", "0.001")]
    server = t.double(MLflow(*mlflow_data()))
    stores.sqlite_file(t.path("mlflow.db"), stores.mlflow_statements(*mlflow_data()))
    for place in (f"url: '{server.url}'", "path: mlflow.db"):
        config = f"sources: [{{name: m, type: mlflow, {place}, experiments: [fraud]}}]\n"
        assert history(t, config, "m", "auc", "--window=24h") == [
            ("nightly-1", "0.9"), ("nightly-1", "0.8"), ("nightly-2", "0.7")]
        assert history(t, config, "m", 'auc{run="nightly-1"}', "--window=48h") == [
            ("nightly-1", "0.91"), ("nightly-1", "0.9"), ("nightly-1", "0.8")]
        champion = config.replace(", experiments: [fraud]", ", model: fraud, alias: champion")
        assert len(history(t, champion, "m", "auc", "--window=48h")) == 3
    many = command("query", "--config.file", t.path("query.yml"), "--window=1h", "m", "*")
    assert many.returncode == 0, "in its database every metric has a history"
    with open(t.path("query.yml"), "w") as file:
        file.write(f"sources: [{{name: m, type: mlflow, url: '{server.url}'}}]\n")
    done = command("query", "--config.file", t.path("query.yml"), "--window=1h", "m", "*")
    assert done.returncode == 1 and "one metric's whole key" in done.stderr, done
