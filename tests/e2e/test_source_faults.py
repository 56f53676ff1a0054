# SPDX-License-Identifier: Apache-2.0
"""
Every source that is asked over HTTP, and the same troubles for each: a refused rate, a server's failure, an answer that
is slow, cut short, partial, an HTML page, empty.  One double speaks the protocol that the table gives it; a fault is
never data.
"""

import json
import time

from lib.doubles import Hang, Reply, Reset, Server
from lib.stores import DBL_MAX
from test_sources import ask

TIMEOUT = 120
NOW = int(time.time())


class Anything(Server):
    """Answers with `body`, whatever is asked."""

    name = "anything"
    body = "{}"

    def answer(self, received):
        return Reply(200, self.body, Content_Type="application/json")


def prometheus(value, **more):
    return {"status": "success", **more, "data": {"resultType": "vector", "result": [
        {"metric": {"job": "a"}, "value": [NOW, value]}]}}


def tempo(**more):
    return {"series": [{"labels": [{"key": "svc", "value": {"stringValue": "a"}}], "value": 1.5},
                       {"labels": [{"key": "svc", "value": {"stringValue": "b"}}]}], **more}


def shards(failed=0, timed_out=False, value=1.5):
    return {"took": 1, "timed_out": timed_out, "_shards": {"total": 2, "successful": 2 - failed, "failed": failed},
            "aggregations": {"by": {"buckets": [{"key": "a", "doc_count": 3, "m": {"value": value}}]}}}


def esql(**more):
    return {"columns": [{"name": "job", "type": "keyword"}, {"name": "value", "type": "double"}],
            "values": [["a", 1.5]], "is_partial": False, **more}


def runs(value=1.5):
    return {"experiments": [{"experiment_id": "1", "name": "e"}], "runs": [
        {"info": {"run_id": "r", "run_name": "n", "experiment_id": "1"},
         "data": {"metrics": [{"key": "auc", "value": value, "timestamp": NOW * 1000}]}}]}


def datadog(points, **more):
    return {"status": "ok", **more, "series": [{"metric": "m", "tag_set": ["env:a"], "pointlist": points}]}


def nrql(**more):
    return {"data": {"actor": {"account": {"nrql": {"results": [{"facet": "a", "value": 1.5}]}}}}, **more}


def signoz(*points):
    return {"status": "success", "data": {"type": "time_series", "data": {"results": [{"queryName": "A", "aggregations": [
        {"index": 0, "series": [{"labels": [{"key": {"name": "svc"}, "value": "a"}], "values": list(points)}]}]}]}}}


def point(value, **more):
    return {"timestamp": NOW * 1000, "value": value, **more}


def wandb(summary, more=False, **errors):
    """summaryMetrics is JSON in a string, as W&B has it; what is NaN there is the bare word or a name for it."""
    node = {"name": "r1", "displayName": "first", "state": "finished", "heartbeatAt": "2025-01-01T00:00:00",
            "summaryMetrics": summary}
    return {"data": {"project": {"runs": {"edges": [{"node": node}], "pageInfo": {"hasNextPage": more}}}}, **errors}


PRESET = "type: http_json, url: '{url}', window: 5m, preset: "

# name: (settings, query, good body, what it gives, {odd but good body: what it gives}, {partial body: error})
SOURCES = {
    "prometheus": ("type: prometheus, url: '{url}'", "up", prometheus("1.5"), {"job=a": "1.5"},
                   [(prometheus("NaN"), {"job=a": "NaN"}), (prometheus("+Inf"), {"job=a": "+Inf"}),
                    (prometheus("1", warnings=["PromQL warning: quantile value"]), {"job=a": "1"}),
                    ({"status": "success", "data": {"resultType": "vector", "result": []}}, {})],
                   [(prometheus("1", warnings=["store 10.0.0.7 is down"]), "store 10.0.0.7"),
                    (prometheus("1", isPartial=True), "partial")]),
    "loki": ("type: prometheus, url: '{url}/loki', language: logql, "
             "http_config: {{http_headers: {{X-Scope-OrgID: {{values: [ml]}}}}}}",
             'sum(rate({app="x"}[5m]))', prometheus("1.5"), {"job=a": "1.5"}, [],
             [({"status": "success", "data": {"resultType": "streams", "result": [
                 {"stream": {"app": "x"}, "values": [[str(NOW * 10 ** 9), "line"]]}]}}, "log lines, not numbers")]),
    "tempo": ("type: tempo, url: '{url}'", "{} | rate()", tempo(), {"svc=a": "1.5", "svc=b": "0"},
              [({"series": [{"labels": [{"key": "n", "value": {"intValue": "7"}}], "value": "NaN"}]}, {"n=7": "NaN"}),
               ({}, {}), (tempo(status="COMPLETE"), {"svc=a": "1.5", "svc=b": "0"})],
              [(tempo(status="PARTIAL", message="too many spans"), "partial answer: too many spans"),
               (tempo(status=1), "partial")]),
    "clickhouse": ("type: clickhouse, url: '{url}'", "SELECT job, value FROM t",
                   {"meta": [{"name": "job", "type": "String"}, {"name": "value", "type": "Float64"}],
                    "data": [["a", 1.5]], "rows": 1}, {"job=a": "1.5"},
                   [({"meta": [{"name": "job", "type": "String"}, {"name": "value", "type": "Float64"}],
                      "data": [["a", "nan"], ["b", "-inf"], ["c", None]],
                      "rows": 3}, {"job=a": "NaN", "job=b": "-Inf", "job=c": "missing"})], []),
    "influxdb": ("type: influxdb, url: '{url}', database: d", "SELECT mean(v) AS value FROM m GROUP BY job",
                 {"results": [{"statement_id": 0, "series": [{"name": "m", "tags": {"job": "a"}, "columns": ["time", "value"],
                                                              "values": [[NOW * 1000, 1.5]]}]}]},
                 {"job=a measurement=m": "1.5"}, [({"results": [{"statement_id": 0}]}, {})],
                 [({"results": [{"statement_id": 0, "error": "database not found: d"}]}, "database not found"),
                  ({"results": [{"statement_id": 0, "partial": True, "series": [
                      {"name": "m", "columns": ["time", "value"], "values": [[1, 1]]}]}]}, "partial")]),
    "influxdb 3": ("type: influxdb, url: '{url}', database: d, version: 3", "SELECT job, value FROM m",
                   [{"job": "a", "value": 1.5}], {"job=a": "1.5"}, [([], {})], []),
    "elasticsearch": ("type: elasticsearch, url: '{url}', index: i",
                      '{"size":0,"aggs":{"by":{"terms":{"field":"job"},"aggs":{"m":{"avg":{"field":"v"}}}}}}',
                      shards(), {"by=a metric=m": "1.5"}, [(shards(value=None), {"by=a metric=m": "missing"})],
                      [(shards(failed=1), "shard"), (shards(timed_out=True), "timed")]),
    "es|ql": ("type: elasticsearch, url: '{url}'", "FROM i | STATS value = AVG(v) BY job", esql(), {"job=a": "1.5"},
              [(esql(values=[["a", None]]), {"job=a": "missing"})], [(esql(is_partial=True), "partial")]),
    "mlflow": ("type: mlflow, url: '{url}'", "auc", runs(), {"experiment=e metric=auc run=n run_id=r": "1.5"},
               [(runs("NaN"), {"experiment=e metric=auc run=n run_id=r": "NaN"}),
                (runs(DBL_MAX), {"experiment=e metric=auc run=n run_id=r": "+Inf"}), ({}, {})], []),
    "alibi": ("type: alibi, url: '{url}'", "is_drift", {"data": {"is_drift": 1}, "meta": {"name": "KS"}},
              {"detector=KS": "1"}, [({"model_name": "m", "outputs": []}, {})], []),
    "datadog": (PRESET + "datadog", "avg:m{{*}}", datadog([[NOW * 1000 - 60000, 9], [NOW * 1000, 1.5]]),
                {"env=a metric=m": "1.5"}, [(datadog([[NOW * 1000, None]]), {"env=a metric=m": "missing"})],
                [(datadog([[1, 1]], error="Rate limited") | {"status": "error"}, "Rate limited")]),
    "newrelic": (PRESET + "newrelic, variables: {{account: '1'}}", "SELECT 1", nrql(), {"facet=a": "1.5"}, [],
                 [(nrql(errors=[{"message": "NRQL timed out"}]), "NRQL timed out")]),
    "signoz": (PRESET + "signoz", "up", signoz(point(1.5), point(0.1, partial=True)), {"svc=a": "1.5"},
               [(signoz(point("NaN")), {"svc=a": "NaN"}), (signoz(point("-Inf")), {"svc=a": "-Inf"})],
               [({"status": "error", "error": {"message": "no such metric"}}, "no such metric")]),
    "jaeger": (PRESET + "jaeger", "errors?service=a", {"name": "x", "metrics": [
        {"labels": [{"name": "service_name", "value": "a"}],
         "metricPoints": [{"gaugeValue": {"doubleValue": 1.5}, "timestamp": "2025-01-01T00:00:00Z"}]}]},
        {"service_name=a": "1.5"}, [], []),
    "wandb": (PRESET + "wandb, variables: {{entity: e, project: p}}", "node.summaryMetrics@json.loss",
              wandb('{"loss": 1.5, "acc": 0.5}'), {"run=r1 run_name=first state=finished": "1.5"},
              [(wandb('{"loss": NaN}'), {"run=r1 run_name=first state=finished": "NaN"}),
               (wandb('{"loss": "Infinity"}'), {"run=r1 run_name=first state=finished": "+Inf"}),
               ({"data": {"project": {"runs": {"edges": [], "pageInfo": {"hasNextPage": False}}}}}, {})],
              [(wandb('{"loss": 1.5}', more=True), "partial"),
               (wandb('{"loss": 1.5}', errors=[{"message": "permission denied"}]), "permission denied"),
               (wandb('{"acc": 0.5}'), "leads nowhere"),
               ({"data": {"project": None}}, "project")]),
    "langsmith": (PRESET + "langsmith, variables: {{session: s}}", "latency_p99", {"run_count": 3, "latency_p99": 1.5},
                  {"": "1.5"}, [({"latency_p99": "0.25"}, {"": "0.25"})], []),
}

# What each answers at every kind of trouble.
TROUBLES = [
    ("429", lambda body: Reply(429, "{}", Retry_After="30"), "429"),
    ("500", lambda body: Reply(500, "internal error"), "500"),
    ("502 with a page", lambda body: Reply(502, "<html><body>Bad gateway</body></html>"), "502"),
    ("401", lambda body: Reply(401, '{"message": "unauthorized"}'), "401"),
    ("redirect", lambda body: Reply(302, "", Location="http://127.0.0.1:1/login"), ""),
    ("truncated", lambda body: Reply(200, body[:-7], Content_Type="application/json"), ""),
    ("an HTML page", lambda body: Reply(200, "<html>login</html>"), ""),
    ("nothing", lambda body: Reply(200, ""), ""),
    ("no JSON", lambda body: Reply(200, "OK"), ""),
    ("slow", lambda body: Hang(), "no answer within"),
    ("reset", lambda body: Reset(), ""),
]


def each_source():
    for name, (settings, query, body, rows, odd, partial) in SOURCES.items():
        yield name, settings, query, body, rows, odd, partial


def config_of(settings, server, timeout="30s"):
    return "sources: [{name: s, " + settings.format(url=server.url) + f", timeout: {timeout}}}]\n"


def test_every_source_over_http_answers_and_normalises(t):
    server, wrong = t.double(Anything()), []
    for name, settings, query, body, rows, odd, _ in each_source():
        config = config_of(settings, server)
        for answer, want in [(body, rows), *odd]:
            server.body = json.dumps(answer)
            code, got, stderr = ask(t, config, "s", query)
            if got != want:
                wrong.append(f"{name}: {got or stderr}, want {want}")
        if name == "loki":
            assert server.requests[-1].path.startswith("/loki/api/v1/query?"), server.requests[-1]
            assert server.requests[-1].headers.get("X-Scope-OrgID") == "ml"
    assert not wrong, "\n".join(wrong)


def test_every_source_over_http_in_trouble(t):
    server, wrong = t.double(Anything()), []
    for name, settings, query, body, _, _, partial in each_source():
        config = config_of(settings, server)
        server.body = json.dumps(body)
        for trouble, reply, text in TROUBLES:
            server.always(reply(server.body))
            code, got, stderr = ask(t, config_of(settings, server, "1s") if trouble == "slow" else config, "s", query)
            if code == 0 or text not in stderr or not stderr.startswith("tocsin query:"):
                wrong.append(f"{name}, {trouble}: {got} {stderr}")
        server.always(None)
        for answer, text in partial:
            server.body = json.dumps(answer)
            code, got, stderr = ask(t, config, "s", query)
            if code == 0 or text not in stderr:
                wrong.append(f"{name}, partial: {got} {stderr}")
    assert not wrong, "\n".join(wrong)
