# SPDX-License-Identifier: Apache-2.0
"""The commands: help everywhere, a table for people, JSON for programs, exit statuses 0, 1, 2 and 3."""

import json
import time

from lib import wait
from lib.configs import one_webhook, prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.process import free_port
from lib.tocsin import command

COMMANDS = [["serve"], ["check"], ["alert"], ["alert", "list"], ["alert", "add"], ["silence"], ["silence", "add"],
            ["silence", "list"], ["silence", "expire"], ["history"], ["why"], ["delivery"], ["receiver"], ["report"], ["audit"],
            ["query"], ["version"]]

ASK_THE_SERVER = [["alert", "list"], ["alert", "add", "A", "job=x"],
                  ["silence", "add", "alertname=A", "--comment=c", "--duration=1h"], ["silence", "list"],
                  ["silence", "expire", "00000000-0000-4000-8000-000000000000"], ["history"], ["audit"]]


def good(tocsin, *arguments):
    done = tocsin.command(*arguments)
    assert done.returncode == 0, f"{arguments}: {done}"
    assert not done.stderr, f"{arguments} complains: {done.stderr}"
    return done.stdout


def good_json(tocsin, *arguments):
    return json.loads(good(tocsin, *arguments, "-o", "json"))


def test_every_command_has_help(t):
    for words in [[], *COMMANDS]:
        done = command(*words, "--help")
        assert done.returncode == 0, (words, done)
        assert "usage" in done.stdout.lower() and not done.stderr, (words, done)
        assert max(len(line) for line in done.stdout.splitlines()) <= 100, (words, "fits no terminal")
    top = command("--help").stdout
    assert all(words[0] in top for words in COMMANDS), top


def test_version_names_the_program_and_its_version(t):
    done = command("version")
    assert done.returncode == 0 and done.stdout.startswith("tocsin "), done
    assert command("--version").stdout == done.stdout
    assert "version" in json.loads(command("version", "-o", "json").stdout)


def test_wrong_usage_is_status_2_and_says_what(t):
    cases = [[], ["frobnicate"], ["alert", "frobnicate"], ["alert", "list", "--frobnicate"], ["check"],
             ["silence", "add", "--comment=c"], ["silence", "add", "no matcher", "--comment=c"], ["silence", "expire"],
             ["query"], ["query", "only-a-source"], ["alert", "add"], ["alert", "list", "-o", "xml"],
             ["silence", "add", "a=b", "--comment=c", "--duration=soon"], ["serve", "--config.file"],
             ["serve", "--web.listen-address=nonsense:nonsense"], ["alert", "list", "--url=ftp://x"]]
    wrong = []
    for words in cases:
        done = command(*words)
        if done.returncode != 2 or not done.stderr or done.stdout:
            wrong.append(f"{words}: {done}")
    assert not wrong, "\n".join(wrong)
    assert "did you mean" in command("silense", "list").stderr


def test_unreachable_server_is_status_3(t):
    url = f"http://127.0.0.1:{free_port()}"
    for words in ASK_THE_SERVER:
        for done in (command(*words, f"--url={url}"), command(*words, env={"TOCSIN_URL": url})):
            assert done.returncode == 3 and url in done.stderr, (words, done)


def test_alert_add_and_list(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url))
    good(tocsin, "alert", "add", "GpuHot", "node=n1", "severity=critical", "--annotation=summary=too hot")
    good(tocsin, "alert", "add", "alertname=DiskFull", "node=n2")
    hook.wait_count(2)
    listed = good_json(tocsin, "alert", "list")
    assert {a["labels"]["alertname"] for a in listed} == {"GpuHot", "DiskFull"}, listed
    assert [a["labels"]["node"] for a in good_json(tocsin, "alert", "list", 'alertname="GpuHot"')] == ["n1"]
    table = good(tocsin, "alert", "list")
    rows = table.splitlines()
    assert len(rows) == 3 and "GpuHot" in table and "too hot" in table and "n1" in table, table
    assert good(tocsin, "alert", "list", "node=nowhere").count("\n") <= 1
    assert good_json(tocsin, "alert", "list", "node=nowhere") == []
    done = tocsin.command("alert", "list", "a=~(")
    assert done.returncode in (1, 2) and "(" in done.stderr, done


def test_silence_add_list_expire(t):
    tocsin = t.tocsin(one_webhook(t.webhook().url))
    silence = good(tocsin, "silence", "add", "alertname=GpuHot", "node=~n.*", "--comment=looking at it",
                   "--author=ops", "--duration=2h").strip()
    server = tocsin.silences()
    assert [s["id"] for s in server] == [silence]
    assert server[0]["comment"] == "looking at it" and server[0]["createdBy"] == "ops"
    assert [(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in server[0]["matchers"]] == [
        ("alertname", "GpuHot", False, True), ("node", "n.*", True, True)]
    assert [s["id"] for s in good_json(tocsin, "silence", "list")] == [silence]
    table = good(tocsin, "silence", "list")
    assert silence in table and "looking at it" in table and len(table.splitlines()) == 2, table
    good(tocsin, "silence", "expire", silence)
    assert tocsin.silences()[0]["status"]["state"] == "expired"
    done = tocsin.command("silence", "expire", "00000000-0000-4000-8000-000000000000")
    assert done.returncode == 1 and "not found" in done.stderr, done
    added = good_json(tocsin, "silence", "add", "a=b", "--comment=c", "--duration=1h")
    assert added["silenceID"] in [s["id"] for s in tocsin.silences()]


def test_history_tells_what_happened(t):
    hook, backend = t.webhook(), t.backend()
    rules = rule_file(rule_group("g", 'alert: Hot\nexpr: temperature > 80\nfor: 1s\nlabels: {severity: warning}',
                                 interval="1s"))
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(backend.port)), {"rules.yml": rules})
    backend.set("temperature > 80", ({"gpu": "0"}, 85))
    wait.until("the firing alert", lambda: hook.statuses() == ["firing"], 6)
    backend.set("temperature > 80")
    wait.until("the resolve", lambda: hook.statuses() == ["firing", "resolved"], 6)
    events = wait.until("the whole story", lambda: (lambda e: e if len(story(e)) >= 5 else None)(tocsin.history()), 5)
    assert story(events) == ["pending", "firing", "notified", "resolved", "notified"], events
    assert all(e["labels"]["alertname"] == "Hot" for e in events if e["kind"] in ("pending", "firing", "resolved"))
    assert good_json(tocsin, "history")["events"] == events, "the API's answer as it is"
    table = good(tocsin, "history")
    assert all(word in table for word in ("pending", "firing", "resolved", "notified", "Hot")), table
    assert [e["kind"] for e in tocsin.history(kind="firing")] == ["firing"]
    assert len(tocsin.history(limit=2)) == 2
    assert tocsin.history(filter='alertname="Other"') == []


def story(events):
    return [e["kind"] for e in sorted(events, key=lambda e: e["id"])]


def test_query_asks_a_source(t):
    backend = t.backend()
    backend.set("up", ({"__name__": "up", "job": "a"}, 1), ({"__name__": "up", "job": "b"}, 0))
    tocsin = t.tocsin(one_webhook(t.webhook().url, extra=prometheus_source(backend.port, rules="[]")))
    config = f"--config.file={tocsin.config_path}"
    table = good(tocsin, "query", config, "prom", "up")
    assert "job" in table and "a" in table and "b" in table, table
    answer = good_json(tocsin, "query", config, "prom", "up")
    assert json.dumps(answer).count('"job"') == 2, answer
    done = tocsin.command("query", config, "nowhere", "up")
    assert done.returncode in (1, 2) and "nowhere" in done.stderr and "prom" in done.stderr, done


def test_log_receiver_writes_one_line_for_each_notification(t):
    path = t.path("notifications.jsonl")
    tocsin = t.tocsin(f"""
route: {{receiver: log, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: log
  log_configs: [{{path: '{path}'}}, {{path: '-'}}]
""")
    tocsin.post_alerts([alert("Logged", ends=time.time() + 3600, annotations={"summary": "for people"})])

    def lines():
        with open(path) as file:
            return [json.loads(line) for line in file]

    wait.until("the first line", lambda: len(lines()) == 1, 5)
    tocsin.post_alerts([alert("Logged", ends=time.time(), annotations={"summary": "for people"})])
    wait.until("the second line", lambda: len(lines()) == 2, 5)
    assert [line["status"] for line in lines()] == ["firing", "resolved"]
    assert lines()[0]["groupKey"] == '{}:{alertname="Logged"}' and lines()[0]["version"] == "4"
    assert "Logged" in tocsin.process.log() and "for people" in tocsin.process.log()


def test_metrics_count_what_happened(t):
    hook, backend = t.webhook(), t.backend()
    rules = rule_file(rule_group("g", "alert: Hot\nexpr: hot", interval="1s"))
    tocsin = t.tocsin(one_webhook(hook.url, extra=prometheus_source(backend.port)), {"rules.yml": rules})
    wait.until("evaluations", lambda: tocsin.metric("tocsin_rule_evaluations_total") >= 2, 6)
    page = tocsin.get("/metrics").text
    for name in ("tocsin_rule_evaluations_total", "tocsin_rule_evaluation_failures_total",
                 "tocsin_rule_group_iterations_missed_total", "tocsin_build_info"):
        assert f"# TYPE {name} " in page and f"# HELP {name} " in page, name
    assert tocsin.metric("tocsin_rule_evaluation_failures_total") == 0
    types = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types)), "a metric is described twice"
    assert "alertmanager_build_info{" in page, "karma reads the version there"


# Each names the time that it is asked for, in its source's own way.
TIMED = [
    ("influx", 'burn_rate: {bad: "SELECT count(v) AS value FROM e WHERE time > :now - $window", '
               'total: "SELECT count(v) AS value FROM r WHERE time > :now - $window", objective: 0.99}'),
    ("influx", 'rate_of_change: {query: "SELECT last(v) AS value FROM m WHERE time <= :now", window: 10m, op: ">", value: 1}'),
    ("click", 'burn_rate: {bad: "SELECT 1 AS value FROM e WHERE ts >= :from", total: "SELECT 2 AS value FROM e WHERE ts >= :from", '
              'objective: 0.99}'),
    ("click", 'drift: {reference: {query: SELECT value FROM t}, current: {query: "SELECT value FROM s WHERE ts >= :from", window: 1h}, '
              'test: ks}'),
    ("click", 'deviation: {query: "SELECT ts, value FROM t WHERE ts >= :from AND ts <= :to"}'),
    ("search", 'compare_groups: {query: \'{"query": {"range": {"t": {"gte": ":from"}}}}\', window: 1d, metric: rate_ratio, '
               'op: "<", value: 0.8}'),
    ("datadog", 'rate_of_change: {query: "avg:m{*}", window: 10m, op: ">", value: 1}'),
    ("metrics", 'rate_of_change: {query: up, window: 10m, op: ">", value: 1}'),
    ("profiles", "drift: {reference: {query: samples(100)}, current: {query: samples(100), window: 1d}, test: ks}"),
]


def test_check_knows_which_queries_name_a_time(t):
    """Beside tests/bad-config, which has those that do not."""
    with open(t.path("tocsin.yml"), "w", encoding="utf-8") as file:
        file.write("""
rule_files: [rules.yml]
sources:
- {name: influx, type: influxdb, url: 'http://127.0.0.1:1', database: d}
- {name: click, type: clickhouse, url: 'http://127.0.0.1:1'}
- {name: search, type: elasticsearch, url: 'http://127.0.0.1:1', index: i}
- {name: datadog, type: http_json, preset: datadog, api_key: k, app_key: k}
- {name: metrics, type: prometheus, url: 'http://127.0.0.1:1'}
- {name: profiles, type: whylogs, path: /nowhere}
""")
    with open(t.path("rules.yml"), "w", encoding="utf-8") as file:
        file.write("groups:\n- name: g\n  rules:\n" + "".join(
            f"  - {{alert: A{i}, source: {source}, {condition}}}\n" for i, (source, condition) in enumerate(TIMED)))
    done = command("check", "--lint", "none", t.path("tocsin.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
