# SPDX-License-Identifier: Apache-2.0
"""Recording rules and lints: what Tocsin writes is there to be asked for, in a real server, with its times and its end."""

import os

from lib import wait
from lib.api import Client
from lib.process import Process, free_port, tool
from lib.tocsin import command

TIMEOUT = 90

CONFIG = """
route: {{receiver: none}}
receivers: [{{name: none}}]
rule_files: [rules.yml]
sources:
- name: metrics
  type: prometheus
  url: {url}
  remote_write_url: {url}/api/v1/write
  remote_write_alerts: true
"""

RULES = """
groups:
- name: queues
  interval: 1s
  labels: {team: ml}
  rules:
  - record: team:queue_length:max
    expr: max by (queue) (queue_length)
    labels: {origin: tocsin}
  - alert: QueueLong
    expr: team:queue_length:max{origin="tocsin", team="ml"} > 100
    labels: {severity: warning}
  - record: broken:twice
    expr: queue_length
    labels: {queue: same, instance: same}
"""


class VictoriaMetrics(Client):
    """The single-node server of Debian's package: takes remote write, answers Prometheus' queries."""

    def __init__(self, directory, binary):
        super().__init__(free_port())
        self.directory = os.path.join(directory, "victoria")
        os.makedirs(self.directory, exist_ok=True)
        self.process = Process("victoria-metrics", [binary, f"-storageDataPath={self.directory}/data",
                                                    f"-httpListenAddr=127.0.0.1:{self.port}",
                                                    "-search.latencyOffset=0s"],
                               self.directory, {"GOMAXPROCS": "1"})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        wait.until("VictoriaMetrics to be ready", lambda: self.get("/health").status == 200, 20)
        return self

    def close(self):
        self.process.stop()


def with_recording(t):
    exporter = t.exporter()
    exporter.set("queue_length", 5, queue="jobs")
    exporter.set("queue_length", 7, queue="mail")
    prometheus = t.prometheus([exporter.port], arguments=["--web.enable-remote-write-receiver"])
    wait.until("the first scrape", lambda: prometheus.value('queue_length{queue="jobs"}') == 5, 20)
    tocsin = t.tocsin(CONFIG.format(url=prometheus.url), {"rules.yml": RULES})
    return exporter, prometheus, tocsin


def test_recorded_series_are_there_and_end(t):
    exporter, prometheus, tocsin = with_recording(t)
    recorded = 'team:queue_length:max{queue="%s", team="ml", origin="tocsin"}'
    wait.until("both series", lambda: (prometheus.value(recorded % "jobs"), prometheus.value(recorded % "mail")) == (5, 7), 15)
    exporter.set("queue_length", 150, queue="jobs")
    # the alert asks for what the rule before it has just written, in the same cycle
    wait.until("the alert", lambda: tocsin.rule_alerts("QueueLong"), 15)
    wait.until("its series", lambda: prometheus.value('ALERTS{alertname="QueueLong", alertstate="firing", queue="jobs", '
                                                      'team="ml", severity="warning"}') == 1, 10)
    since = prometheus.value('ALERTS_FOR_STATE{alertname="QueueLong"}')
    assert abs(since - prometheus.value("vector(time())")) < 60, since
    exporter.remove("queue_length", queue="mail")
    # far sooner than the five minutes after which a series that nobody ends is forgotten
    wait.until("the end of the series", lambda: prometheus.value(recorded % "mail") is None, 20)
    assert prometheus.value(recorded % "jobs") == 150
    exporter.set("queue_length", 5, queue="jobs")
    wait.until("the end of the alert's series", lambda: prometheus.value('ALERTS{alertname="QueueLong"}') is None, 15)
    # times are the slots: whole multiples of the interval apart
    points = prometheus.good("/api/v1/query", query=recorded % "jobs" + "[10s]")["data"]["result"][0]["values"]
    phases = {round(float(at) % 1, 3) for at, _ in points}
    assert len(points) >= 3 and len(phases) == 1, points
    rules = tocsin.rules()
    rule = rules["team:queue_length:max"]
    assert rule["type"] == "recording" and rule["health"] == "ok" and "alerts" not in rule and "state" not in rule, rule
    assert rule["labels"] == {"team": "ml", "origin": "tocsin"}, rule
    assert rules["QueueLong"]["type"] == "alerting"


def test_what_is_recorded_twice_is_an_error_of_the_rule(t):
    exporter, prometheus, tocsin = with_recording(t)
    wait.until("the error", lambda: tocsin.rules()["broken:twice"]["health"] == "err", 15)
    assert tocsin.rules()["broken:twice"]["lastError"] == \
        "vector contains metrics with the same labelset after applying rule labels"
    exporter.remove("queue_length", queue="mail")
    wait.until("one series alone", lambda: prometheus.value('broken:twice{queue="same"}') == 5, 20)
    wait.until("health", lambda: tocsin.rules()["broken:twice"]["health"] == "ok", 10)


def test_a_rule_taken_away_ends_its_series(t):
    _, prometheus, tocsin = with_recording(t)
    wait.until("the series", lambda: prometheus.value('team:queue_length:max{queue="jobs"}') == 5, 15)
    tocsin.write("rules.yml", "groups: []\n")
    tocsin.reload_by_signal()
    wait.until("the end of the series", lambda: prometheus.value('team:queue_length:max{queue="jobs"}') is None, 10)


def test_samples_wait_for_a_server_that_is_down(t):
    exporter = t.exporter()
    exporter.set("queue_length", 5, queue="jobs")
    asked = t.prometheus([exporter.port], name="asked")
    written = t.prometheus(name="written", arguments=["--web.enable-remote-write-receiver"])
    wait.until("the first scrape", lambda: asked.value("queue_length") == 5, 20)
    config = CONFIG.format(url=asked.url).replace(f"{asked.url}/api/v1/write", f"{written.url}/api/v1/write")
    tocsin = t.tocsin(config, {"rules.yml": "groups: [{name: g, interval: 1s, rules: [{record: r, expr: queue_length}]}]\n"})
    wait.until("the series", lambda: written.value("r") == 5, 15)
    written.process.kill9()
    wait.until("the error", lambda: tocsin.rules()["r"]["health"] == "err", 15)
    assert tocsin.rules()["r"]["lastError"].startswith("remote write: "), tocsin.rules()
    # what waits outlives a change of the configuration
    tocsin.write("rules.yml", "groups: [{name: g, interval: 1s, rules: [{record: r, expr: queue_length + 0}]}]\n")
    tocsin.reload_by_signal()
    wait.until("a few samples to wait", lambda: tocsin.metric("tocsin_remote_write_samples_pending") >= 3, 15)
    written.start()
    wait.until("the samples to be written", lambda: tocsin.metric("tocsin_remote_write_samples_pending") == 0, 40)
    wait.until("health", lambda: tocsin.rules()["r"]["health"] == "ok", 10)
    assert tocsin.metric("tocsin_remote_write_samples_dropped_total") == 0
    times = [at for at, _ in written.good("/api/v1/query", query="r[60s]")["data"]["result"][0]["values"]]
    # every second has its sample, those of the time without a server as well; but for slots that a busy machine missed
    absent = round(times[-1] - times[0]) + 1 - len(times)
    assert len(times) >= 6 and absent <= tocsin.metric("tocsin_rule_group_iterations_missed_total"), (absent, times)


def test_a_server_that_refuses_one_sample_gets_the_others(t):
    prometheus = t.prometheus(arguments=["--web.enable-remote-write-receiver"])
    groups = "".join(f"- {{name: g{i}, interval: 1s, rules: [{{record: 'fine{i}', expr: vector({i})}}]}}\n" for i in range(4))
    tocsin = t.tocsin(CONFIG.format(url=prometheus.url),
                      {"rules.yml": "groups:\n" + groups + "- {name: clash, interval: 1s, rules: ["
                       "{record: clash, expr: vector(1)}, {record: clash, expr: vector(2)}]}\n"})
    wait.until("the good ones", lambda: [prometheus.value(f"fine{i}") for i in range(4)] == [0, 1, 2, 3], 20)

    def clashing():
        answer = tocsin.good("/api/v1/rules", **{"rule_group[]": "clash"})
        return [rule["lastError"] for rule in answer["data"]["groups"][0]["rules"] if "lastError" in rule]

    errors = wait.until("the error", clashing, 15)
    assert len(errors) == 1 and errors[0].startswith("remote write: status 400: "), errors
    assert prometheus.value("clash") == 1
    assert tocsin.metric("tocsin_remote_write_samples_dropped_total") >= 1


def test_victoria_metrics_takes_the_same_writes(t):
    victoria = t._keep(VictoriaMetrics(t.dir, tool("victoria-metrics"))).start()
    tocsin = t.tocsin(CONFIG.format(url=victoria.url),
                      {"rules.yml": "groups: [{name: g, interval: 1s, rules: [{record: own, expr: vector(42)}]}]\n"})

    def value():
        result = victoria.good("/api/v1/query", query="own")["data"]["result"]
        return result and float(result[0]["value"][1])

    wait.until("the series", lambda: value() == 42, 30)
    assert tocsin.rules()["own"]["health"] == "ok"


def names(answer):
    return [[rule["name"] for rule in group["rules"]] for group in answer["data"]["groups"]]


def test_rules_by_type_and_in_pages(t):
    backend = t.backend()
    groups = "".join(f"- {{name: g{i}, rules: [{{record: 'r{i}', expr: m}}, {{alert: A{i}, expr: m}}]}}\n" for i in range(5))
    tocsin = t.tocsin(CONFIG.format(url=f"http://127.0.0.1:{backend.port}"),
                      {"rules.yml": "groups:\n" + groups + "- {name: only, rules: [{alert: B, expr: m}]}\n"})
    assert names(tocsin.good("/api/v1/rules", type="record")) == [[f"r{i}"] for i in range(5)]
    assert names(tocsin.good("/api/v1/rules", type="alert")) == [[f"A{i}"] for i in range(5)] + [["B"]]
    bad = tocsin.get("/api/v1/rules", type="foo")
    assert bad.status == 400 and bad.json["error"] == 'not supported value "foo"', bad
    seen, token = [], None
    for page in range(3):
        query = {"group_limit": 2, **({"group_next_token": token} if token else {})}
        answer = tocsin.good("/api/v1/rules", **query)
        seen += [group["name"] for group in answer["data"]["groups"]]
        token = answer["data"].get("groupNextToken")
        assert (token is None) == (page == 2), answer
    assert seen == ["g0", "g1", "g2", "g3", "g4", "only"], seen
    # what is filtered out is not counted
    answer = tocsin.good("/api/v1/rules", type="record", group_limit=5)
    assert len(answer["data"]["groups"]) == 5 and "groupNextToken" not in answer["data"], answer
    for query, text in (({"group_limit": 1, "group_next_token": "x"},
                         "invalid group_next_token 'x'. were rule groups changed?"),
                        ({"group_next_token": "x"}, "group_limit needs to be present"),
                        ({"group_limit": 0}, "greater than 0"), ({"group_limit": "many"}, "a valid number")):
        bad = tocsin.get("/api/v1/rules", **query)
        assert bad.status == 400 and text in bad.json["error"], bad


LINTED = """
groups:
- name: g
  rules:
  - {alert: A, expr: up == 0}
"""


def test_lints_warn_and_fail_only_when_told_to(t):
    path = t.path("rules.yml")
    with open(path, "w") as file:
        file.write(LINTED)
    found = command("check", path)
    assert found.returncode == 0 and "ok, 1 rule" in found.stdout, found
    assert ":5:5: warning: 'A' has no label 'severity' and no annotation 'runbook_url'" in found.stderr, found
    silent = command("check", "--lint=none", "--lint-fatal", path)
    assert silent.returncode == 0 and silent.stderr == "", silent
    fatal = command("check", "--lint-fatal", path)
    assert fatal.returncode == 1 and "1 of 1 files with errors" in fatal.stderr, fatal
    assert command("check", "--lint=some", path).returncode == 2
