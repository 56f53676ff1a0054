# SPDX-License-Identifier: Apache-2.0
"""Alertmanager's flags: limits, the start delay, those without a meaning here, and what is no flag at all."""

import os
import re
import socket
import time

from lib import wait
from lib.api import rfc3339
from lib.configs import one_webhook, prometheus_source
from lib.differential import alert
from lib.tocsin import command

NOW = "group_wait: 0s, group_interval: 1s, repeat_interval: 1h"


def silence(server, name, value, length=600.0, comment="c", silence_id=None, starts=None):
    """The answer to a silence that need not be taken."""
    now = time.time()
    return server.post("/api/v2/silences", {
        "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True}], "startsAt": starts or rfc3339(now),
        "endsAt": rfc3339(now + length), "createdBy": "e2e", "comment": comment,
        **({"id": silence_id} if silence_id else {})})


def test_silences_are_limited_in_number_and_size(t):
    """An edit in place is no further silence, one with other matchers is; the expired count until they are gone."""
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), arguments=[
        "--silences.max-silences=2", "--silences.max-silence-size-bytes=100"])
    first, second = (silence(tocsin, "a", value).json["silenceID"] for value in "12")
    refused = silence(tocsin, "a", "3")
    assert refused.status == 400 and refused.json == "exceeded maximum number of silences: 2 (limit: 2)", refused
    # one that began in another second would be another silence
    since = tocsin.good(f"/api/v2/silence/{first}")["startsAt"]
    assert silence(tocsin, "a", "1", 900.0, "longer", first, since).json["silenceID"] == first
    assert silence(tocsin, "a", "4", silence_id=second).status == 400, "it would leave one and make one"
    tocsin.expire(second)
    assert silence(tocsin, "a", "2", silence_id=second).status == 400
    assert [s["comment"] for s in tocsin.silences(expired="false")] == ["longer"]
    refused = silence(tocsin, "a", "1", comment="x" * 120, silence_id=first)
    assert refused.status == 400 and "silence exceeded maximum size: 125 bytes (limit: 100 bytes)" == refused.json, refused


def test_alerts_of_one_name_are_limited(t):
    """More are dropped with a 200, counted and logged; those that are there are refreshed; an end makes room."""
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), arguments=["--alerts.per-alertname-limit=2"])
    tocsin.post_alerts([alert("A", n=str(n)) for n in range(4)] + [alert("B", n="0")])

    def kept():
        return sorted(a["labels"]["alertname"] + a["labels"]["n"] for a in tocsin.alerts())

    assert kept() == ["A0", "A1", "B0"], kept()
    assert tocsin.metric("alertmanager_alerts_limited_total") == 2
    assert "too many of its name" in tocsin.process.log()
    tocsin.post_alerts([alert("A", n="1", annotations={"x": "y"}), alert("A", n="0", ends=time.time())])
    assert kept() == ["A1", "B0"]

    def room():
        tocsin.post_alerts([alert("A", n="7")])
        return kept() == ["A1", "A7", "B0"]

    wait.until("room for another", room, 5)
    assert tocsin.metric("alertmanager_alerts_received_total", status="resolved") == 1


def test_lists_under_way_are_limited(t):
    """While one is being read slowly the next is refused; everything else is answered."""
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), arguments=["--web.get-concurrency=1"])
    for batch in range(5):
        tocsin.post_alerts([alert("Big", n=f"{batch}-{n}", annotations={"text": "x" * 8000}) for n in range(300)])
    with socket.create_connection(("127.0.0.1", tocsin.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /api/v2/alerts HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        for path in ("/api/v2/alerts", "/api/v2/alerts/groups"):
            refused = tocsin.get(path)
            assert refused.status == 503 and "Limit of concurrent GET requests reached (1)" in refused.text, refused
        assert tocsin.get("/-/healthy").status == 200 and tocsin.get("/api/v2/status").status == 200
        assert tocsin.metric("alertmanager_http_concurrency_limit_exceeded_total", method="get") == 2
        assert tocsin.metric("alertmanager_http_requests_in_flight") == 1
    wait.until("a place", lambda: tocsin.get("/api/v2/alerts", filter="alertname=none").status == 200, 5)


def test_nothing_is_told_before_the_start_delay_has_passed(t):
    """Also what was told to be due before; afterwards all at once."""
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url, timers=NOW), arguments=["--dispatch.start-delay=4s"], start=False)
    spawned = time.monotonic()
    tocsin.start()
    tocsin.post_alerts([alert("A"), alert("Old", starts=time.time() - 60)])
    assert len(tocsin.alerts()) == 2 and len(tocsin.groups()) == 2
    first = hook.wait_count(2, 6)[0]
    assert first.mono - spawned >= 4, first.mono - spawned
    posted = time.monotonic()
    tocsin.post_alerts([alert("B")])
    assert hook.wait_count(3)[2].mono - posted < 4, "the delay is over"


def test_flags_without_a_meaning_are_noted_and_others_are_errors(t):
    meaningless = ["--cluster.listen-address=", "--cluster.peer=10.0.0.1:9094", "--cluster.peer-timeout", "15s",
                   "--cluster.allow-insecure-public-advertise-address-discovery", "--data.maintenance-interval=15m",
                   "--alerts.gc-interval=30m", "--dispatch.maintenance-interval=30s", "--web.timeout=5s",
                   "--log.silences", "--web.ui-path=/usr/share/x", "--enable-feature=event-recorder,auto-gomaxprocs",
                   "--enable-feature", "auto-gomemlimit"]
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), arguments=meaningless)
    log = tocsin.process.log()
    for word in ("cluster.*", "data.maintenance-interval", "alerts.gc-interval", "dispatch.maintenance-interval",
                 "web.timeout", "log.silences", "web.ui-path"):
        assert f"flag={word}" in log, (word, log)
    assert "feature=event-recorder" in log and "feature=auto-gomemlimit" in log, log
    for bad, said in (("--enable-feature=teleport", "teleport"),
                      ("--enable-feature=classic-mode,utf8-strict-mode", "exclude each other"), ("--web.systemd-socket", "unknown option"),
                      ("--storage.pth=x", "did you mean --storage.path"), ("--silences.max-silences=many", "number"),
                      ("--dispatch.start-delay=soon", "start-delay"), ("--data.retention=1.5h", "retention")):
        done = command("serve", bad)
        assert done.returncode == 2 and said in done.stderr, (bad, done)


UTF8_ROUTES = """
route: {receiver: hook, routes: [{receiver: hook, matchers: ['café="x"']}]}
receivers: [{name: hook}]
"""


def said(server):
    """What each answers to names and matchers that only the UTF-8 syntax knows, and to what both know."""
    now = time.time()
    answers = [server.post("/api/v2/alerts", [alert("A", **{name: "x"})]) for name in ("ok", "café", "a b", "9")]
    answers.append(server.post("/api/v2/alerts", [alert("A", annotations={"café": "x"})]))
    answers.append(server.post("/api/v2/alerts", [alert("A", **{"café": ""})]))
    answers += [silence(server, name, "x") for name in ("café", "x:y", "a b")]
    answers.append(server.post("/api/v2/silences", {
        "matchers": [{"name": n, "value": "v", "isRegex": False} for n in ("ok", "no good")],
        "startsAt": rfc3339(now), "endsAt": rfc3339(now + 60), "createdBy": "e", "comment": "c"}))
    answers += [server.get("/api/v2/alerts", filter=text) for text in (
        "café=x", '"a"=x', "a=x y", 'a="x"', "a:b=x", "a={x", "a='x'", "a=x=y", "", "a", "{a=b}")]
    return [(a.status, a.text if a.status == 400 else "") for a in answers]


def test_classic_mode_reads_as_alertmanager_025_did(t):
    """The oracle knows no other syntax: the same is refused, in the same words."""
    config = one_webhook("http://127.0.0.1:9")
    ours = said(t.tocsin(config, arguments=["--enable-feature=classic-mode"]))
    theirs = said(t.alertmanager(config))
    # ours may go on to say why
    apart = [(a, b) for a, b in zip(ours, theirs) if a[0] != b[0] or not a[1].startswith(b[1].rstrip('\n"'))]
    assert not apart, apart
    assert [status for status, _ in ours].count(400) > 8


def test_the_syntax_of_matchers_is_chosen(t):
    """fallback: either; utf8-strict-mode: no classic reading; classic-mode: nothing else."""
    both, new, old = ([], ["--enable-feature=utf8-strict-mode"], ["--enable-feature=classic-mode"])
    for arguments, taken in ((both, {"classic": 200, "utf8": 200}), (new, {"classic": 400, "utf8": 200}),
                             (old, {"classic": 200, "utf8": 400})):
        tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), arguments=arguments, name="-".join(["s", *arguments]))
        texts = {"classic": "a=x y", "utf8": '"café"=x'}
        assert {k: tocsin.get("/api/v2/alerts", filter=text).status for k, text in texts.items()} == taken, arguments
    path = t.path("utf8.yml")
    with open(path, "w") as file:
        file.write(UTF8_ROUTES)
    assert command("check", path).returncode == 0
    assert command("check", "--enable-feature=utf8-strict-mode", path).returncode == 0
    assert command("check", "--enable-feature=classic-mode", path).returncode == 1
    # a text that the two read differently: the classic reading counts, and the log says so
    tocsin = t.tocsin(one_webhook("http://127.0.0.1:9"), name="differs")
    tocsin.post_alerts([alert("Tab", a="\t"), alert("Letters", a="\\t")])
    shown = tocsin.alerts(filter=r'a="\t"')
    assert [a["labels"]["alertname"] for a in shown] == ["Letters"], shown
    assert "the classic and the UTF-8 syntax differ" in tocsin.process.log()


# What dashboards and mixins read, beside what Debian's Alertmanager has.
METRICS = """alertmanager_notifications_suppressed_total alertmanager_config_hash alertmanager_cluster_members
alertmanager_cluster_failed_peers alertmanager_peer_position alertmanager_inhibition_rules process_start_time_seconds
process_open_fds process_max_fds process_virtual_memory_bytes process_resident_memory_bytes process_cpu_seconds_total
prometheus_rule_evaluations_total prometheus_rule_evaluation_failures_total prometheus_rule_evaluation_duration_seconds
prometheus_rule_group_duration_seconds prometheus_rule_group_interval_seconds prometheus_rule_group_iterations_total
prometheus_rule_group_iterations_missed_total prometheus_rule_group_last_duration_seconds
prometheus_rule_group_last_rule_duration_sum_seconds prometheus_rule_group_last_evaluation_timestamp_seconds
prometheus_rule_group_last_evaluation_samples prometheus_rule_group_rules""".split()
# Gossip between servers; receiver types that are not built.
ELSEWHERE = {"alertmanager_nflog_gossip_messages_propagated_total",
             "alertmanager_silences_gossip_messages_propagated_total"}


def scrape(server):
    """({name: type}, {name: set of label names}) of /metrics."""
    types, labels = {}, {}
    for line in server.get("/metrics").text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("#"):
            name, _, rest = line.partition("{")
            name = name.partition(" ")[0]
            labels.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', rest))
    return types, labels


def test_metrics_have_alertmanagers_names_types_and_labels(t):
    """Each of Debian's Alertmanager, except what its cluster says; more labels only where newer ones have them."""
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 0s}
receivers: [{name: hook, webhook_configs: [{url: '{url}/x'}]}]
"""
    seen = {}
    for name, start in (("ours", t.tocsin), ("theirs", t.alertmanager)):
        hook = t.webhook()
        server = start(config.replace("{url}", hook.url))
        server.post_alerts([alert("A")])
        hook.wait_count(1)
        for path in ("/-/healthy", "/metrics", "/api/v2/alerts"):
            assert server.get(path).status == 200
        seen[name] = scrape(server)
    types, labels = seen["theirs"]
    assert len(types) > 30
    for name, kind in types.items():
        if name.startswith("alertmanager_") and "_cluster_" not in name and name not in ELSEWHERE:
            assert seen["ours"][0].get(name) == kind, (name, kind, seen["ours"][0].get(name))
    newer = {"reason", "tags"}
    for name, known in labels.items():
        if name in seen["ours"][1] and name.startswith("alertmanager_"):
            assert seen["ours"][1][name] - newer == known, (name, seen["ours"][1][name], known)


RULES = """groups:
- {name: g, interval: 1s, rules: [{alert: A, expr: 'vector(1) > 0'}, {alert: B, expr: 'vector(2) > 3'}]}
"""


def test_rule_groups_have_prometheus_metrics(t):
    """Each prometheus_rule_ name of Debian's Prometheus, with its type and labels."""
    prometheus = t.prometheus(rules=RULES)
    tocsin = t.tocsin(prometheus_source(prometheus.port) + one_webhook("http://127.0.0.1:9"),
                      files={"rules.yml": RULES})
    group = {"rule_group": os.path.join(tocsin.directory, "rules.yml") + ";g"}
    for server in (tocsin, prometheus):
        wait.until("an evaluation", lambda: "prometheus_rule_group_last_evaluation_samples{" in
                   server.get("/metrics").text, 10)
    wait.until("two evaluations", lambda: tocsin.metric("prometheus_rule_evaluations_total", **group) >= 2, 10)
    assert tocsin.metric("prometheus_rule_group_rules", **group) == 2
    assert tocsin.metric("prometheus_rule_group_interval_seconds", **group) == 1
    assert tocsin.metric("prometheus_rule_group_last_evaluation_samples", **group) == 1
    assert tocsin.metric("prometheus_rule_evaluation_failures_total", **group) == 0
    (types, labels), (our_types, our_labels) = scrape(prometheus), scrape(tocsin)
    names = {name for name in types if name.startswith("prometheus_rule_")}
    assert len(names) > 10 and not names - set(our_types), names - set(our_types)
    for name in names:
        assert our_types[name] == types[name], name
        if types[name] != "summary":        # theirs have quantiles
            assert our_labels.get(name) == labels.get(name), (name, our_labels.get(name), labels.get(name))


def test_alerts_are_counted_by_state_as_alertmanager_does(t):
    """Firing ones, those that are silenced or inhibited apart; those that are over not at all."""
    config = """
route: {receiver: none, group_wait: 0s, group_interval: 1s}
receivers: [{name: none}]
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning]}]
"""
    for server in (t.tocsin(config), t.alertmanager(config)):
        now = time.time()
        server.silence({"alertname": "Silent"}, now, now + 600)
        server.post_alerts([alert("Loud", severity="critical"), alert("Silent", n="1"), alert("Silent", n="2"),
                            alert("Quiet", severity="warning"), alert("Plain"), alert("Over", ends=now)])

        def counts():
            _, _ = scrape(server)
            return {line.split('"')[1]: int(line.split()[-1]) for line in server.get("/metrics").text.splitlines()
                    if line.startswith("alertmanager_alerts{")}

        wait.until(f"the counts, not {counts()}",
                   lambda: counts() == {"active": 2, "suppressed": 3, "unprocessed": 0}, 5)


def test_receivers_are_named_in_metrics_when_asked_for(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url), arguments=["--enable-feature=receiver-name-in-metrics"])
    tocsin.post_alerts([alert("A")])
    hook.wait_count(1)
    wait.until("the count", lambda: tocsin.metric("alertmanager_notifications_total", integration="webhook",
                                                  receiver_name="hook") == 1, 5)


def test_metrics_that_dashboards_read(t):
    """All are there with their numbers; the hash is that of the configuration."""
    hook = t.webhook()
    config = one_webhook(hook.url)
    tocsin = t.tocsin(config)
    tocsin.post_alerts([alert("A")])
    hook.wait_count(1)
    names = scrape(tocsin)[0]
    assert not set(METRICS) - set(names), set(METRICS) - set(names)
    assert tocsin.metric("alertmanager_integrations") == tocsin.metric("alertmanager_receivers") == 1
    assert abs(tocsin.metric("process_start_time_seconds") - time.time()) < 60
    before = tocsin.metric("alertmanager_config_hash")
    assert tocsin.post("/-/reload").status == 200 and tocsin.metric("alertmanager_config_hash") == before
    tocsin.write("tocsin.yml", config.replace("repeat_interval: 1h", "repeat_interval: 2h"))
    assert tocsin.post("/-/reload").status == 200 and tocsin.metric("alertmanager_config_hash") != before
