# SPDX-License-Identifier: Apache-2.0
"""
Every rule in rules/, as it is shipped but for its waiting times, on real servers: what is healthy raises nothing, what is
broken raises exactly its alert, and the alert's texts can be read.

The PromQL rules run on a Prometheus with a past of some days in which, beside something healthy for each rule, one thing
is broken for each.  The SQL rules run on the quickstart's drift store in SQLite and on a warehouse in PostgreSQL, into
which one fault after another is put.
"""

import importlib.machinery
import importlib.util
import json
import math
import os
import random
import re
import shutil
import sqlite3
import time

from lib import stores, wait
from lib.api import call
from lib.backfill import DAY, HOUR, Past
from lib.configs import one_webhook
from test_recording import VictoriaMetrics

TIMEOUT = 300

RULES = os.path.join(os.path.dirname(__file__), "../../rules")
UNREADABLE = re.compile(r"<no value>|NaN|%!|error (expanding|calling)|\{\{|\(null\)")


def shipped(name, interval="1s", groups=None):
    """A file of rules/ whose groups do not wait; groups: only these."""
    with open(os.path.join(RULES, name)) as file:
        text = file.read()
    text = re.sub(r"^  interval: \w+$", f"  interval: {interval}", text, flags=re.M)
    text = re.sub(r"^    for: \w+\n", "", text, flags=re.M)
    if groups:
        head, *rest = re.split(r"^(?=- name: )", text, flags=re.M)
        text = head + "".join(part for part in rest if part.split()[2] in groups)
    return text


def names(text):
    return set(re.findall(r"^  - alert: (\w+)$", text, re.M))


def firing(tocsin):
    """{(rule, label set)}: alertname and runbook apart."""
    return {(a["labels"]["alertname"], frozenset((k, v) for k, v in a["labels"].items() if k != "alertname")): a
            for a in tocsin.rule_alerts() if a["state"] == "firing"}


def expect_readable(alerts):
    for (rule, _), alert in alerts.items():
        for name in ("summary", "description", "runbook_url"):
            text = alert["annotations"].get(name, "")
            assert text and not UNREADABLE.search(text), f"{rule}: {name}: {text!r}"
        assert not re.search(r"\.\d{5}", alert["annotations"]["summary"]), alert["annotations"]
        assert alert["annotations"]["runbook_url"].endswith("#" + rule.lower()), alert


def healthy(tocsin, among=None):
    """Every rule was evaluated, none failed."""
    rules = tocsin.rules()
    return all(r["health"] == "ok" for name, r in rules.items() if among is None or name in among) and rules


# ---- PromQL rules, and kinds over metrics


def since(age, before, after):
    """A value that changed `age` seconds ago."""
    return lambda at: after if at < age else before


def servers(past):
    past.add("up", 1, job="ml-serving", instance="good:80")
    past.add("up", since(600, 1, 0), job="ml-serving", instance="down:80")
    past.add("up", lambda age: None if age < 1200 else 1, job="ml-serving", instance="vanished:80")
    past.add("up", 1, job="dcgm", instance="good:9400")
    past.add("up", 0, job="dcgm", instance="down:9400")

    def requests(job, rates, **labels):
        for status, rate in rates.items():
            past.counter("http_requests_total", rate, job=job, handler="/predict", status=status, **labels)

    def latency(job, fast, slow=None, age=0):
        """Requests a second by bucket; `slow` ones in the last `age` seconds."""
        buckets = {le: (a if slow is None else since(age, a, b)) for le, a, b in
                   zip(("0.05", "0.1", "0.2", "0.4", "1", "+Inf"), fast, slow or fast)}
        past.histogram("http_request_duration_seconds_bucket", buckets, job=job, handler="/predict")
        past.counter("http_request_duration_seconds_count", fast[-1], job=job, handler="/predict")

    quick = (5, 9.9, 10, 10, 10, 10)
    for job in ("healthy", "failing", "rejecting", "slow", "slower", "quiet"):
        fewer = {"failing": since(1800, 10, 8), "rejecting": since(1800, 10, 6), "quiet": since(3 * HOUR, 20, 2)}
        requests(job, {
            "2xx": fewer.get(job, 10),
            "4xx": since(1800, 0.1, 4) if job == "rejecting" else 0.1,
            "5xx": since(1800, 0.001, 2) if job == "failing" else 0.001})
        latency(job, (0, 0, 1, 2, 10, 10) if job == "slow" else quick, (1, 5, 10, 10, 10, 10) if job == "slower" else None, 360)
    for job, bad in (("steady", 0.001), ("rollout", 0.25)):
        requests(job, {"2xx": 50, "5xx": 0.001}, track="stable")
        requests(job, {"2xx": 5, "5xx": since(1200, 0.001, bad)}, track="canary")
    for stage in ("predict", "preprocess"):
        for model, slow in (("good", False), (f"slow-{stage}", True)):
            counts = {"0.05": 0 if slow else 1, "0.1": 0 if slow else 1, "0.5": 1, "+Inf": 1}
            past.histogram(f"request_{stage}_seconds_bucket", counts, model_name=model)
            past.counter(f"request_{stage}_seconds_count", 1, model_name=model)
    for model, success, failure, queue, duration in (
            ("good", 10, 0.01, 1e4, 1e5), ("failing", 10, 1, 1e4, 1e5), ("queueing", 10, 0.01, 1.5e6, 2e6)):
        past.counter("nv_inference_request_success", success, model=model)
        past.counter("nv_inference_request_failure", failure, model=model)
        past.counter("nv_inference_queue_duration_us", queue, model=model)
        past.counter("nv_inference_request_duration_us", duration, model=model)


def llms(past):
    for model in ("good", "crawling", "queue", "stalled", "collapsed", "full", "uncached", "aborting", "greedy"):
        bad = {model: True}.get
        slow = bad("crawling", False)
        for metric, le in (("time_to_first_token", ("0.5", "5")), ("inter_token_latency", ("0.05", "0.5"))):
            past.histogram(f"vllm:{metric}_seconds_bucket", {le[0]: 0 if slow else 5, le[1]: 5, "+Inf": 5}, model_name=model)
            past.counter(f"vllm:{metric}_seconds_count", 5, model_name=model)
        days = 8.2 if model in ("good", "greedy") else 1.2
        past.counter("vllm:prompt_tokens_total", since(2 * HOUR, 200, 2000) if bad("greedy") else 200, days, model_name=model)
        past.counter("vllm:generation_tokens_total", 0 if bad("stalled") else since(1200, 100, 10) if bad("collapsed") else 100,
                     days, model_name=model)
        past.add("vllm:num_requests_running", 3, model_name=model)
        waiting = {"queue": lambda age: max(20, 60 - age / 10), "collapsed": 8}.get(model, 0)
        past.add("vllm:num_requests_waiting", waiting, model_name=model)
        past.add("vllm:kv_cache_usage_perc", 0.99 if bad("full") else 0.5, model_name=model, instance="a")
        past.counter("vllm:num_preemptions_total", 1 if bad("full") else 0, model_name=model, instance="a")
        past.counter("vllm:prefix_cache_queries_total", 100, model_name=model)
        past.counter("vllm:prefix_cache_hits_total", since(3000, 80, 30) if bad("uncached") else 80, model_name=model)
        past.counter("vllm:request_success_total", 2, model_name=model, finished_reason="stop")
        past.counter("vllm:request_success_total", 0.5 if bad("aborting") else 0.01, model_name=model, finished_reason="abort")
        past.counter("llm_prompt_cache_lookups_total", 10, model=model)
        past.counter("llm_prompt_cache_hits_total", since(3 * HOUR, 8, 3) if bad("uncached") else 8, model=model)
    for model, rate in (("cheap", 10), ("dear", 1000)):
        for kind, price in (("input", 1e-6), ("output", 2e-5)):
            past.counter("gen_ai_client_token_usage_sum", rate, gen_ai_request_model=model, gen_ai_token_type=kind)
            past.add("llm_price_usd_per_token", price, gen_ai_request_model=model, gen_ai_token_type=kind)


def kafka(past):
    def growing(age):
        return 10000 + 40 * max(0, 1800 - age)

    def group(name, lag, rate, parts=(1 / 3, 1 / 3, 1 / 3), topic=None, written=100):
        topic = topic or f"{name}-topic"
        lag = lag if callable(lag) else (lambda age, lag=lag: lag)
        past.add("kafka_consumergroup_lag_sum", lag, consumergroup=name, topic=topic)
        past.add("kafka_topic_partitions", 3, topic=topic)
        for number, share in enumerate(parts):
            past.add("kafka_consumergroup_lag", lambda age, s=share: None if lag(age) is None else lag(age) * s,
                     consumergroup=name, topic=topic, partition=str(number))
        past.counter("kafka_consumergroup_current_offset", rate, consumergroup=name, topic=topic, partition="0")
        past.counter("kafka_topic_partition_current_offset", written, topic=topic, partition="0")
        past.add("kafka_topic_partition_under_replicated_partition", 1 if name == "thin" else 0, topic=topic, partition="0")

    group("good", 2000, 100)
    group("behind", growing, 1000)
    group("old", 40000, 10)
    group("stopped", 3000, since(1500, 100, 0))
    group("gone", lambda age: None if age < 1800 else 500, 100)
    group("skewed", 9200, 100, (0.96, 0.02, 0.02))
    group("silent", 0, 0.001, written=since(HOUR, 100, 0))
    group("thin", 10, 100)


def gpus(past):
    for gpu, name in enumerate(("good", "xid", "application", "faulty", "full", "held", "replays", "hot", "burning")):
        labels = {"gpu": str(gpu), "Hostname": name, "modelName": "A100"}
        past.add("DCGM_FI_DEV_XID_ERRORS", since(240, 0, {"xid": 79, "application": 13}.get(name, 0)), **labels)
        past.add("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", since(300, 0, 2 if name == "faulty" else 0), **labels)
        past.add("DCGM_FI_DEV_ROW_REMAP_FAILURE", 0, **labels)
        past.add("DCGM_FI_DEV_FB_USED", 79000 if name == "full" else 20000, **labels)
        past.add("DCGM_FI_DEV_FB_FREE", 1000 if name == "full" else 60000, **labels)
        past.add("DCGM_FI_DEV_GPU_UTIL", 0 if name == "held" else 60, **labels)
        past.counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", 1 if name == "replays" else 0, **labels)
        past.add("DCGM_FI_DEV_GPU_TEMP", 85 if name == "hot" else 60, **labels)
        past.add("DCGM_FI_DEV_MEMORY_TEMP", 105 if name == "burning" else 70, **labels)


def models(past):
    rng = random.Random(7)

    def usual(age):
        return 20 + 8 * math.sin(age * 2 * math.pi / DAY) + rng.gauss(0, 0.4)

    past.counter("predictions_total", usual, days=4, step=120, model="good")
    past.counter("predictions_total", lambda age: 2 if age < 1500 else usual(age), days=4, step=120, model="unusual")
    same = {"0.2": 3, "0.5": 6, "0.8": 9, "+Inf": 10}
    for model, moved in (("good", same), ("skewed", {"0.2": 0.2, "0.5": 1, "0.8": 3, "+Inf": 10})):
        past.histogram("prediction_score_bucket", {le: since(4200, same[le], moved[le]) for le in same}, days=8.2, model=model)


def gpu(name, number):
    return f"Hostname={name} gpu={number} modelName=A100"


EXPECTED = {
    "ModelServerDown": "instance=down:80 job=ml-serving", "ModelServerErrorRateHigh": "handler=/predict job=failing",
    "ModelServerRejectsInput": "handler=/predict job=rejecting", "ModelServerLatencyHigh": "handler=/predict job=slow",
    "ModelServerTrafficCollapsed": "job=quiet", "ModelPredictSlow": "model_name=slow-predict",
    "ModelPreprocessSlow": "model_name=slow-preprocess", "TritonFailureRateHigh": "model=failing",
    "TritonQueueDominates": "model=queueing",
    "LlmTimeToFirstTokenHigh": "model_name=crawling", "LlmInterTokenLatencyHigh": "model_name=crawling",
    "LlmQueueGrowing": "model_name=queue", "LlmEngineStalled": "model_name=stalled",
    "LlmThroughputCollapsed": "model_name=collapsed", "LlmKvCacheFull": "instance=a model_name=full",
    "LlmPreemptions": "instance=a model_name=full", "LlmPrefixCacheHitRateFell": "model_name=uncached",
    "LlmAbortedRequests": "model_name=aborting", "LlmTokenUseHigh": "model_name=greedy",
    "LlmTokenCostHigh": "gen_ai_request_model=dear",
    "KafkaLagGrowing": "consumergroup=behind topic=behind-topic", "KafkaLagSeconds": "consumergroup=old topic=old-topic",
    "KafkaConsumerStopped": "consumergroup=stopped topic=stopped-topic",
    "KafkaConsumerGroupGone": "consumergroup=gone topic=gone-topic",
    "KafkaPartitionSkew": "consumergroup=skewed topic=skewed-topic", "KafkaTopicSilent": "topic=silent-topic",
    "KafkaUnderReplicated": "topic=thin-topic",
    "GpuExporterDown": "instance=down:9400 job=dcgm", "GpuXidError": gpu("xid", 1), "GpuMemoryFault": gpu("faulty", 3),
    "GpuMemoryNearlyFull": gpu("full", 4), "GpuIdleButHeld": gpu("held", 5), "GpuPcieReplays": gpu("replays", 6),
    "GpuHot": gpu("hot", 7), "GpuMemoryHot": gpu("burning", 8),
    "LatencyUp15Percent": "job=slower", "PredictionVolumeUnusual": "model=unusual", "PromptCacheHitRateFell": "model=uncached",
    "KafkaLagAhead": "consumergroup=behind topic=behind-topic", "InferenceErrorBudgetBurn": "job=failing",
    "ModelServerVanished": "instance=vanished:80", "SlowUnderUnusualLoad": "",
    "PredictionSkew": "model=skewed", "CanaryWorseThanStable": "job=rollout",
}
EXPLAINED = {"LatencyUp15Percent", "PredictionVolumeUnusual", "PromptCacheHitRateFell", "KafkaLagAhead",
             "InferenceErrorBudgetBurn", "PredictionSkew", "CanaryWorseThanStable"}

PROM = """
evaluation_interval: 5s
rule_files: ['*.rules.yml']
sources:
- {{name: prom, type: prometheus, url: '{url}', timeout: 20s, language: {language}}}
"""


def all_metrics():
    past = Past(int(time.time()))
    for fill in (servers, llms, kafka, gpus, models):
        fill(past)
    return past


def test_rules_over_metrics_find_what_is_broken_and_nothing_else(t):
    all_metrics().write(t.path("prometheus", "tsdb"))
    check_metric_rules(t, t.prometheus().url, "promql")


def test_rules_over_victoria_metrics_find_the_same(t):
    victoria = t._keep(VictoriaMetrics(t.dir, t.tool("victoria-metrics"))).start()
    past = all_metrics()
    for chunk in past.exposition():
        assert call(victoria.port, "POST", "/api/v1/import/prometheus", chunk).status == 204
    wait.until("the import", lambda: victoria.good("/api/v1/query", query="count(up)")["data"]["result"], 20)
    check_metric_rules(t, victoria.url, "metricsql")


def check_metric_rules(t, url, language):
    hook = t.webhook()
    files = {f"{name}.rules.yml": shipped(f"{name}.yml", "5s")
             for name in ("ml-serving", "llm-serving", "kafka", "gpu", "gpu-levels", "changes")}
    files["model-drift.rules.yml"] = shipped("model-drift.yml", "5s", ["model-predictions"])
    wanted = set().union(*map(names, files.values()))
    assert wanted == set(EXPECTED), wanted ^ set(EXPECTED)
    tocsin = t.tocsin(one_webhook(hook.url, extra=PROM.format(url=url, language=language)), files)

    def told():
        return {(rule, " ".join(sorted(f"{k}={v}" for k, v in labels if k != "severity"))) for rule, labels in firing(tocsin)}

    want = set(EXPECTED.items())

    def all_told():
        missing = want - told()
        if missing:
            raise LookupError(missing)      # the deadline names them
        return True

    wait.until("what is broken", all_told, 60, every=0.5)
    wait.until("all rules to be evaluated", lambda: healthy(tocsin), 10)
    alerts = firing(tocsin)
    assert told() == want, told() - want
    expect_readable(alerts)
    for rule in EXPLAINED:
        why = {key: a for key, a in alerts.items() if key[0] == rule}
        for alert in why.values():
            t.note(f"{rule}: {alert['annotations']['summary']} | {alert['annotations']['description']}")
        done = tocsin.command("alert", "explain", "-o", "json", rule)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)[0]["explain"]["text"], done.stdout
    levels = {rule: {dict(labels).get("severity") for name, labels in alerts if name == rule}
              for rule in ("GpuHot", "GpuMemoryHot", "InferenceErrorBudgetBurn")}
    assert levels["GpuHot"] == {"warning"} and "critical" in levels["GpuMemoryHot"], levels
    assert "critical" in levels["InferenceErrorBudgetBurn"], levels
    wait.until("the notifications", lambda: {a["labels"]["alertname"] for _, a in hook.alerts()} >= wanted, 20)


# ---- SQL rules on the drift store of the quickstart


def check_rules():
    """tests/check-rules as a module: the store and a fault for each of its rules."""
    path = os.path.join(RULES, "../tests/check-rules")
    loader = importlib.machinery.SourceFileLoader("check_rules", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_rules", loader))
    loader.exec_module(module)
    return module


NEWEST = "UPDATE {table} SET ts = :now - 5 WHERE ts = (SELECT max(ts) FROM {table})"
# For rules whose kinds only the program knows: the fault, what comes as later data, and what is raised.
KIND_FAULTS = {
    "SensorGroupDrift": (
        "UPDATE features SET value = value + 1.5 WHERE sensor_group = 'D' AND feature = 'current' AND ts > :now - 21600",
        "INSERT INTO features SELECT :now - 5, 'D', 'D-1', 'current', 21.0", "feature=current sensor_group=D"),
    "ConfidenceShift": (
        "UPDATE predictions SET confidence = confidence - 0.06 WHERE sensor_group = 'A' AND ts > :now - 3600",
        "INSERT INTO predictions SELECT :now - 5, 'A', 'A-1', 0.02, 0.88, 20, 'fault-2.4.0'", "sensor_group=A"),
    "DriftHurtsModel": (
        "UPDATE features SET value = value + 1.5 WHERE sensor_group = 'D' AND feature = 'current' AND ts > :now - 21600;"
        "UPDATE predictions SET confidence = confidence - 0.06 WHERE sensor_group = 'D' AND ts > :now - 3600",
        "INSERT INTO features SELECT :now - 5, 'D', 'D-1', 'current', 21.0;"
        "INSERT INTO predictions SELECT :now - 5, 'D', 'D-1', 0.02, 0.88, 20, 'fault-2.4.0'", "sensor_group=D"),
}
# One fault, several ways to see it: who else may speak up.
ALSO = {
    "DriftHurtsModel": {"SensorGroupDrift", "ConfidenceShift", "FeatureMeanShift", "FeatureOutOfRange"},
    "SensorGroupDrift": {"FeatureMeanShift", "FeatureOutOfRange"},
    "FeatureMeanShift": {"SensorGroupDrift", "FeatureOutOfRange"},
    "FeatureOutOfRange": {"FeatureMeanShift", "SensorGroupDrift", "DriftHurtsModel"},
    "SensorStuck": {"SensorGroupDrift"},
    "PredictionsStale": {"PredictionVolumeCollapsed"},
    "PredictionVolumeCollapsed": {"PredictionsStale"},
    "LowConfidenceShare": {"ConfidenceShift"},
}

SQLITE = """
evaluation_interval: 1s
rule_files: ['*.rules.yml']
sources:
- {{name: drift, type: sqlite, path: '{path}', timeout: 20s}}
"""


# The quickstart's readings are drawn anew each time and group B begins to drift: where a rule looks, nothing is left to
# chance.  One reading far off among an hour's would keep alive what a fault has raised.
QUIET = """
UPDATE features SET value = t.mean FROM training_stats t
WHERE t.sensor_group = features.sensor_group AND t.feature = features.feature AND t.hour = features.ts / 3600 % 24
  AND features.ts > :now - 7200 AND (features.value IS NULL OR abs(features.value - t.mean) > 2.5 * t.stddev
    OR features.ts > :now - 600 AND features.sensor_group = 'B' AND features.feature = 'vibration')
"""


class Store:
    """made: the time at which the store ends; it is as old whenever it is made healthy again."""

    COLUMNS = {"features": "sensor_group, sensor_id, feature, value",
               "predictions": "sensor_group, sensor_id, prediction, confidence, latency_ms, model_version",
               "drift_scores": "sensor_group, feature, method, score, threshold, n"}

    def __init__(self, path, made):
        self.path, self.made = path, made
        self.run("PRAGMA journal_mode = WAL;" + QUIET)
        self.run(";".join(f"CREATE TABLE {table}_healthy AS SELECT * FROM {table}" for table in self.COLUMNS))

    def run(self, script):
        now = int(time.time())
        with sqlite3.connect(self.path, timeout=120) as connection:
            for statement in script.split(";"):
                connection.execute(statement, {"now": now, "age": now - self.made})
        connection.close()

    def restore(self):
        self.run(";".join(f"DELETE FROM {table};INSERT INTO {table}(ts, {columns}) SELECT ts + :age, {columns} FROM "
                          f"{table}_healthy" for table, columns in self.COLUMNS.items()))


def short(alerts):
    return {(rule, " ".join(sorted(f"{k}={v}" for k, v in labels if k != "severity"))) for rule, labels in alerts}


def none_left(tocsin):
    """True, or the deadline names those that are."""
    alerts = tocsin.rule_alerts()
    if alerts:
        raise LookupError([(a["state"], a["labels"], a["value"], a["annotations"].get("description")) for a in alerts])
    return True


def once_a_second(act):
    """Calls act in another second than before: a second reading of the same sensor and time is a duplicate,
    and a rule looks for these."""
    last = None

    def call_again():
        nonlocal last
        now = int(time.time())
        if now != last:
            last = now
            act()
    return call_again


def evaluated(tocsin, times=2):
    """All rules were evaluated anew, so often."""
    for _ in range(times):
        before = {name: r["lastEvaluation"] for name, r in tocsin.rules().items()}
        wait.until("an evaluation of every rule",
                   lambda: all(r["lastEvaluation"] != before[name] for name, r in tocsin.rules().items()), 20)


def test_rules_over_a_drift_store_find_each_fault_and_nothing_else(t):
    module = check_rules()
    t.tool("sqlite3")
    module.NOW = int(time.time())
    module.make_store(t.path("drift.db"), 0).close()
    store, hook = Store(t.path("drift.db"), module.NOW), t.webhook()
    files = {"drift-store.rules.yml": shipped("drift-store.yml"), "data-quality.rules.yml": shipped("data-quality.yml"),
             "model-drift.rules.yml": shipped("model-drift.yml", groups=["model-inputs"])}
    faults = {rule: (script, None, " ".join(sorted(f"{k}={v}" for k, v in labels)))
              for rule, (script, labels) in module.FAULTS.items() if rule != "SensorDrift"}
    faults.update(KIND_FAULTS)
    wanted = set().union(*map(names, files.values()))
    assert wanted == set(faults), wanted ^ set(faults)
    tocsin = t.tocsin(one_webhook(hook.url, extra=SQLITE.format(path=store.path)), files)
    wait.until("all rules to be evaluated", lambda: healthy(tocsin), 20)
    evaluated(tocsin)
    assert tocsin.rule_alerts() == [], [a["labels"] for a in tocsin.rule_alerts()]
    for rule, (fault, later, labels) in faults.items():
        store.run(fault)
        grow = once_a_second(lambda: store.run(later)) if later else lambda: None

        def raised():
            grow()                      # data with a time of its own, as for_points counts them
            return (rule, labels) in short(firing(tocsin))

        wait.until(rule, raised, 20, every=0.3)
        evaluated(tocsin, 1)
        alerts = firing(tocsin)
        others = {name for name, _ in short(alerts)} - {rule} - ALSO.get(rule, set())
        assert not others, f"{rule}'s fault also raised {others}: {short(alerts)}"
        assert {of for name, of in short(alerts) if name == rule} == {labels}, (rule, short(alerts))
        expect_readable(alerts)
        if rule in KIND_FAULTS:
            (alert,) = [a for (name, _), a in alerts.items() if name == rule]
            t.note(f"{rule}: {alert['annotations']['summary']} | {alert['annotations']['description']}")
        store.restore()

        def over():
            """Healthy data with times of their own end what for_points counts."""
            store.run(";".join(NEWEST.format(table=x) for x in ("features", "predictions")))
            return none_left(tocsin)

        wait.until(f"the end of {rule}", over, 25, every=0.3)
    assert {r["health"] for r in tocsin.rules().values()} == {"ok"}
    wait.until("all to be told", lambda: {a["labels"]["alertname"] for _, a in hook.alerts()} >= wanted, 20)


# ---- a warehouse in PostgreSQL

WAREHOUSE = """
CREATE TABLE served(id bigint, ts timestamptz, model text, pred text);
CREATE TABLE outcomes(id bigint, label text);
CREATE TABLE decisions(ts timestamptz, model text, grp text, approved boolean);
CREATE TABLE feature_loads(dataset text, loaded_at timestamptz);
CREATE TABLE feature_values(ts timestamptz, feature text, value double precision);
INSERT INTO served
  SELECT i, now() - interval '9 days' + i * interval '6 minutes', m, CASE WHEN i % 25 = 0 THEN 'no' ELSE 'yes' END
  FROM generate_series(1, 2160) i, (VALUES ('fraud'), ('churn')) AS g(m);
INSERT INTO outcomes SELECT i, 'yes' FROM generate_series(1, 1440) i;
INSERT INTO decisions SELECT now() - i * interval '1 hour', 'credit', g, i % 10 < 6 + (i + n) % 2
  FROM generate_series(1, 160) i, generate_series(1, 4) n, (VALUES ('a'), ('b'), ('c')) AS x(g);
INSERT INTO feature_loads SELECT now() - n * interval '30 minutes', d FROM generate_series(1, 9) n,
  (VALUES ('features_users'), ('features_items')) AS x(d);
INSERT INTO feature_values SELECT now() - i * interval '10 seconds', f, CASE WHEN i % 50 = 0 THEN NULL ELSE i END
  FROM generate_series(1, 300) i, (VALUES ('age'), ('income')) AS x(f);
""".replace("SELECT now() - n * interval '30 minutes', d FROM", "SELECT d, now() - n * interval '30 minutes' FROM")

WAREHOUSE_FAULTS = {
    "AccuracyDrop": ("UPDATE served SET pred = 'no' WHERE model = 'churn' AND id % 8 = 0", None, "model=churn"),
    "FairnessGap": ("UPDATE decisions SET approved = false WHERE grp = 'b' AND extract(hour FROM ts)::int % 3 = 0",
                    None, "grp=b"),
    "FeatureTableStale": ("DELETE FROM feature_loads WHERE dataset = 'features_items'", None, "dataset=features_items"),
    "MissingValues": ("UPDATE feature_values SET value = NULL WHERE feature = 'income' AND extract(second FROM ts) < 15",
                      "INSERT INTO feature_values VALUES (now(), 'income', NULL)", "feature=income"),
}
# What must stay silent however bad it looks.
WAREHOUSE_HARMLESS = {
    "AccuracyDrop": "UPDATE served SET pred = 'no' WHERE ts > now() - interval '3 days';"
                    "INSERT INTO outcomes SELECT id, 'yes' FROM served WHERE ts > now() - interval '3 days'",
    "FairnessGap": "UPDATE decisions SET approved = false WHERE grp = 'c' AND ts > now() - interval '3 hours'",
    "MissingValues": "DELETE FROM feature_values WHERE feature = 'age' AND value::int % 2 = 0;"
                     "UPDATE feature_values SET value = NULL WHERE feature = 'age'",
}

PG = """
evaluation_interval: 1s
rule_files: ['*.rules.yml']
sources:
- {{name: warehouse, type: postgres, host: 127.0.0.1, port: '{port}', user: tocsin, dbname: ml, password_file: secret}}
"""


def test_rules_over_a_warehouse_find_each_fault_and_nothing_else(t):
    pg, hook = t.postgres(), t.webhook()
    pg.sql(WAREHOUSE)
    tables = ("served", "outcomes", "decisions", "feature_loads", "feature_values")
    pg.sql(";".join(f"CREATE TABLE {x}_healthy AS TABLE {x}" for x in tables))
    restore = ";".join(f"TRUNCATE {x}; INSERT INTO {x} TABLE {x}_healthy" for x in tables)
    files = {"model-quality.rules.yml": shipped("model-quality.yml"), "secret": pg.PASSWORD + "\n"}
    assert names(files["model-quality.rules.yml"]) == set(WAREHOUSE_FAULTS)
    tocsin = t.tocsin(one_webhook(hook.url, extra=PG.format(port=pg.port)), files)
    wait.until("all rules to be evaluated", lambda: healthy(tocsin), 20)
    evaluated(tocsin)
    assert tocsin.rule_alerts() == [], [a["labels"] for a in tocsin.rule_alerts()]
    for rule, (fault, later, labels) in WAREHOUSE_FAULTS.items():
        if rule in WAREHOUSE_HARMLESS:
            pg.sql(WAREHOUSE_HARMLESS[rule])
            evaluated(tocsin, 3)
            assert tocsin.rule_alerts() == [], f"harmless for {rule}: {[a['labels'] for a in tocsin.rule_alerts()]}"
            pg.sql(restore)
        pg.sql(fault)

        def raised():
            if later:
                pg.sql(later)
            return (rule, labels) in short(firing(tocsin))

        wait.until(rule, raised, 20, every=0.3)
        alerts = firing(tocsin)
        assert short(alerts) == {(rule, labels)}, short(alerts)
        expect_readable(alerts)
        (alert,) = alerts.values()
        t.note(f"{rule}: {alert['annotations']['summary']} | {alert['annotations']['description']}")
        pg.sql(restore + "; UPDATE feature_values SET ts = now() WHERE ts = (SELECT max(ts) FROM feature_values)")
        wait.until(f"the end of {rule}", lambda: pg.sql("UPDATE feature_values SET ts = now() WHERE ts = (SELECT max(ts)"
                                                        " FROM feature_values)") is None or not tocsin.rule_alerts(),
                   20, every=0.3)
    wait.until("all to be told", lambda: {a["labels"]["alertname"] for _, a in hook.alerts()} == set(WAREHOUSE_FAULTS), 20)


# ---- whylogs


def test_rules_over_whylogs_profiles(t):
    hook, rng = t.webhook(), random.Random(5)
    os.makedirs(t.path("tocsin", "profiles", "prod"))

    def arrives(number, shift=0.0, nulls=4):
        columns = {"age": stores.numbers([rng.gauss(40 + shift, 9) for _ in range(300)], nulls=nulls),
                   "income": stores.numbers([rng.gauss(50, 12) for _ in range(300)], nulls=4)}
        path = t.path("tocsin", "profiles", "prod", f"{number}.bin")
        data = stores.profile(columns, int((time.time() - 3600 + number * 60) * 1000))
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path)
        return data

    arrives(1)
    shutil.copy(t.path("tocsin", "profiles", "prod", "1.bin"), t.path("tocsin", "reference.bin"))
    source = "evaluation_interval: 1s\nrule_files: ['*.rules.yml']\n" \
             "sources:\n- {name: whylogs, type: whylogs, path: profiles, reference: reference.bin}\n"
    tocsin = t.tocsin(one_webhook(hook.url, extra=source), {"whylogs.rules.yml": shipped("whylogs.yml")})
    wait.until("all rules to be evaluated", lambda: healthy(tocsin), 20)
    for number in (2, 3):
        arrives(number)
        evaluated(tocsin)
        assert tocsin.rule_alerts() == [], tocsin.rule_alerts()
    arrives(4, shift=15, nulls=60)
    evaluated(tocsin)
    assert firing(tocsin) == {}, "one profile may be an accident"
    arrives(5, shift=15, nulls=60)
    want = {("ColumnMissingValues", "column=age dataset=prod"), ("ColumnDistributionMoved", "column=age dataset=prod")}
    wait.until("both alerts", lambda: short(firing(tocsin)) >= want, 15)
    assert short(firing(tocsin)) == want, short(firing(tocsin))
    expect_readable(firing(tocsin))
    arrives(6)
    wait.until("their end", lambda: not tocsin.rule_alerts(), 15)
