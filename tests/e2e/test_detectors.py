# SPDX-License-Identifier: Apache-2.0
"""Drift detectors: Alibi Detect's dictionary and V2 inference responses over HTTP, and Seldon's topic in Kafka."""

import json
import os
import time

from lib import stores, wait
from lib.configs import one_webhook, rule_file, rule_group
from lib.doubles import Reply, Server
from lib.kafka import Broker, response
from lib.mlflow import MLflow
from lib.tocsin import command
from test_drift_stores import PROJECT, evidently_points, mlflow_data, write
from test_sources import bad, good

TIMEOUT = 90


class Detector(Server):
    name = "detector"

    def __init__(self):
        super().__init__()
        self.reply = {}

    def answer(self, received):
        return Reply(200, json.dumps(self.reply), Content_Type="application/json")


def tensor(name, data, datatype="FP64"):
    return {"name": name, "datatype": datatype, "shape": [1, len(data)], "parameters": {"content_type": "np"}, "data": data}


def test_alibi_and_v2_answers_over_http(t):
    server = t.double(Detector())
    config = "sources: [{name: d, type: alibi, url: '" + server.url + "/v2/models/income/infer'%s}]\n"
    alibi = {"data": {"is_drift": 1, "distance": [0.5, 0.125], "p_val": [0.001, float("nan")], "threshold": 0.025,
                      "is_drift_text": "yes", "model": None},
             "meta": {"name": "KSDrift", "online": False, "data_type": None, "version": "0.11.4",
                      "detector_type": "drift"}}
    server.reply = alibi
    assert good(t, config % "", "d", "is_drift") == {"detector=KSDrift": "1"}
    assert good(t, config % ", features: [age, sex]", "d", "p_val") == {
        "detector=KSDrift direction=low feature=age threshold=0.025": "0.001",
        "detector=KSDrift direction=low feature=sex threshold=0.025": "NaN"}
    assert good(t, config % "", "d", 'distance{feature="1"}') == {"detector=KSDrift direction=high feature=1": "0.125"}
    assert good(t, config % "", "d", "threshold") == {"detector=KSDrift": "0.025"}
    assert "gave no 'p_value', only is_drift, distance" in bad(t, config % "", "d", "p_value")
    assert server.requests[-1].method == "GET"
    server.reply = {"model_name": "income", "model_version": "3", "id": "x", "parameters": {"name": "MMDDrift"}, "outputs": [
        tensor("is_drift", [[0]], "INT64"), tensor("p_val", [0.4]), tensor("distance", ["0.01"]),
        tensor("distance_threshold", [0.02]), tensor("note", ["text"], "BYTES")]}
    body = ", body: '{\"inputs\": []}'"
    labels = "detector=MMDDrift model=income model_version=3"
    assert good(t, config % body, "d", "is_drift") == {labels: "0"}
    assert server.requests[-1].method == "POST" and server.requests[-1].json == {"inputs": []}
    assert good(t, config % body, "d", "distance") == {labels.replace("model=", "direction=high model=", 1): "0.01"}
    server.reply = {"model_name": "income", "outputs": []}
    assert good(t, config % "", "d", "is_drift") == {}, "a batch that is not complete is no data"
    for reply, text in ((Reply(200, json.dumps(alibi)[:-9]), "cannot read the answer"),
                        (Reply(200, '{"error": "model not ready"}'), "model not ready"),
                        (Reply(200, '{"x": 1}'), "neither Alibi"), (Reply(429, "{}"), "limits the rate"),
                        (Reply(500, "oops"), "HTTP 500: oops")):
        server.always(reply)
        assert text in bad(t, config % "", "d", "is_drift"), text
    assert "name of an output" in bad(t, config % "", "d", "is_drift > 0")


KAFKA = """
sources:
- {{name: k, type: kafka, brokers: '{bootstrap}', topic: '{topic}', timeout: 40s, window: 1h{more}}}
"""


def batch(drift, p, raw=False, model="income"):
    return response(model, {"is_drift": ("INT64", [drift]), "p_val": ("FP32", p), "threshold": ("FP64", [0.05])}, raw=raw)


def put_history(broker):
    now = int(time.time() * 1000)
    for minutes, drift, p, raw in ((90, 1, [0.0, 0.0], False), (30, 1, [0.25, 0.5], False), (20, 0, [0.5, 0.5], True),
                                   (10, 1, [0.125, 0.75], False)):
        broker.put(batch(drift, p, raw), now - minutes * 60000)
    broker.put(response("income", {}), now - 5 * 60000)
    broker.put(json.dumps({"model_name": "other", "outputs": [tensor("is_drift", [1])]}).encode(), now - 60000)


def test_kafka_topic_of_a_detector(t):
    broker = t.double(Broker("seldon.default.model.income.outputs", partitions=2))
    put_history(broker)
    config = KAFKA.format(bootstrap=broker.bootstrap, topic=broker.topic, more=", features: [age, sex]")

    def query(text):
        return good(t, config, "k", text)

    income, other = "model=income model_version=1", "model=other"
    assert query("mean(is_drift)") == {income: "0.6666666666666666", other: "1"}
    assert query("count()") == {income: "4", other: "1"}, "the first is older than the window"
    assert query('sum(is_drift) {model="income"}') == {income: "2"}
    p = "direction=low feature={} model=income model_version=1 threshold=0.05"
    assert query("p_val") == {p.format("age"): "0.125", p.format("sex"): "0.75"}, "the last event's"
    assert query('min(p_val) {feature="age"}') == {p.format("age"): "0.125"}
    assert query("max(p_val)")[p.format("sex")] == "0.75"
    assert "expected mean(output)" in bad(t, config, "k", "median(p_val)")
    assert "nothing in its parentheses" in bad(t, config, "k", "count(p_val)")
    with open(t.path("query.yml"), "w") as file:
        file.write(config)
    done = command("query", "--config.file", t.path("query.yml"), "--window=50m", "-o", "json", "k", 'is_drift{model="income"}')
    assert [row["value"] for row in json.loads(done.stdout)] == ["1", "0", "1"], done
    done = command("query", "--config.file", t.path("query.yml"), "--window=5h", "k", "is_drift")
    assert "raise its 'window'" in done.stderr, done
    few = KAFKA.format(bootstrap=broker.bootstrap, topic=broker.topic, more=", events_max: 2")
    assert "more than 2 events" in bad(t, few, "k", "mean(is_drift)")
    nobody = KAFKA.format(bootstrap="127.0.0.1:1", topic="x", more="").replace("40s", "3s")
    assert "could not be read in time" in bad(t, nobody, "k", "mean(is_drift)")
    wrong = KAFKA.format(bootstrap=broker.bootstrap, topic=broker.topic, more=", username: u")
    assert "belong together" in bad(t, wrong, "k", "count()")


def test_kafka_rule_fires_survives_the_broker_and_a_restart(t):
    broker, hook = t.double(Broker("drift")), t.webhook()
    broker.put(batch(0, [0.5]))
    rule = "alert: DetectorDrift\nthreshold: {query: mean(is_drift), op: '>=', value: 0.5}\n"
    config = one_webhook(hook.url, extra="rule_files: [rules.yml]\n" + KAFKA.format(
        bootstrap=broker.bootstrap, topic="drift", more=""))
    tocsin = t.tocsin(config, {"rules.yml": rule_file(rule_group("g", rule, source="k", interval="1s"))})
    wait.until("a first evaluation", lambda: tocsin.rules()["DetectorDrift"]["health"] == "ok", 20)
    broker.put(batch(1, [0.01]))
    broker.put(b"\xff\xff not a response")
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="DetectorDrift"), 20)[0]
    assert alert["labels"] == {"alertname": "DetectorDrift", "model": "income", "model_version": "1"}, alert
    broker.down()
    wait.until("the error", lambda: tocsin.rules()["DetectorDrift"]["health"] == "err", 40)
    broker.up()
    wait.until("health again", lambda: tocsin.rules()["DetectorDrift"]["health"] == "ok", 40)
    tocsin.terminate()
    tocsin.start()
    wait.until("an evaluation after the restart", lambda: tocsin.rules()["DetectorDrift"]["health"] == "ok", 20)
    assert hook.statuses(alertname="DetectorDrift") == ["firing"], "the window was read again"
    for _ in range(3):
        broker.put(batch(0, [0.5]))
    wait.until("the resolve", lambda: hook.statuses(alertname="DetectorDrift")[-1] == "resolved", 20)


def test_the_example_rules_fire(t):
    """rules/sources: as they are shipped, on stores in the real formats."""
    shipped = os.path.join(os.environ["TOCSIN_SRCDIR"], "rules/sources")
    hook, detector = t.webhook(), t.double(Detector())
    broker, server = t.double(Broker("drift")), t.double(MLflow(*mlflow_data()))
    detector.reply = {"model_name": "income", "outputs": [tensor("is_drift", [1])]}
    broker.put(batch(1, [0.01]))
    for _ in range(2):
        broker.put(batch(0, [0.5]))
    stores.evidently_sqlite(t.path("evidently.db"), stores.evidently_rows(PROJECT, "fraud", evidently_points()))
    write(t, "profiles/prod/1.bin", stores.profile({"age": stores.numbers([1.0, 2.0], nulls=2)},
                                                   int(time.time() * 1000) - 60000))
    names = ["alibi", "evidently", "kafka", "mlflow", "whylogs"]
    files = ", ".join(f"'{shipped}/{name}.rules.yml'" for name in names)
    config = one_webhook(hook.url, extra=f"""
evaluation_interval: 1s
rule_files: [{files}]
sources:
- {{name: alibi, type: alibi, url: '{detector.url}/v2/models/income-drift/infer'}}
- {{name: evidently, type: evidently, path: '{t.path("evidently.db")}'}}
- {{name: kafka, type: kafka, brokers: '{broker.bootstrap}', topic: drift}}
- {{name: mlflow, type: mlflow, url: '{server.url}', model: fraud, alias: champion}}
- {{name: whylogs, type: whylogs, path: '{t.path("profiles")}'}}
""")
    tocsin = t.tocsin(config)
    wanted = {"DetectorFlagsDrift": {"income"}, "FeatureDrift": {"age", "plan", "zip"}, "DetectorDriftShare": {"income"},
              "ColumnNullsUp": {"age"}}
    for alert, subjects in wanted.items():
        wait.until(f"{alert} for {subjects}", lambda a=alert, s=subjects: {
            found["labels"].get("column") or found["labels"].get("model") for _, found in hook.alerts(alertname=a)} == s, 30)
    assert tocsin.rules()["ModelQualityDown"]["health"] == "ok", "the champion has no val_auc: no data, no alert"
    score = [alert for _, alert in hook.alerts(alertname="FeatureDrift") if alert["labels"]["column"] == "age"][0]
    assert "threshold" not in score["labels"] and "method" not in score["labels"], score
