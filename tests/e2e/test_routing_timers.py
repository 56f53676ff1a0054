# SPDX-License-Identifier: Apache-2.0
"""
Routing, grouping, timers and the dedup rule, side by side with Debian's Alertmanager: the same script drives both and
the webhook streams must be equal in group key, alerts, status and time (0.4 s).
"""

import time

from lib.differential import alert, compare_runs, seen_alerts, seen_groups, seen_inhibited, webhooks

from lib.doubles import Reply
from test_routing_groups import tries


def test_grouping_waits_then_ticks(t):
    """News join the group at its next tick and the whole group is sent again; other groups keep their own time."""
    config = """
route: {receiver: hook, group_by: [alertname, region], group_wait: 500ms, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("A", region="eu", node="1"), alert("A", region="us", node="1"))),
        (0.2, lambda s: s.post(alert("A", region="eu", node="2", annotations={"summary": "second"}))),
        (0.9, lambda s: s.post(alert("A", region="eu", node="3"))),
        (1.1, lambda s: seen_alerts(s, "four alerts")),
        (1.2, lambda s: seen_groups(s, "two groups")),
        (1.3, lambda s: s.post(alert("B"), alert("A", region='q"uo\\te', node="ünï"))),
        (2.0, lambda s: s.post(alert("A", region="eu", node="2", ends=time.time()))),
        (3.0, lambda s: s.post(alert("A", region="eu", node="1", ends=time.time()),
                               alert("A", region="eu", node="3", ends=time.time()))),
    ], 4.3, 7)


def test_repeat_interval_rounds_up_to_a_tick(t):
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1500ms}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(job="a"))),
        (4.7, lambda s: s.post(alert(job="a", ends=time.time()))),
    ], 6.0, 4)


def test_fires_and_resolves_between_flushes_is_never_told(t):
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 800ms, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("Short"), alert("Long", job="a"))),
        (0.3, lambda s: s.post(alert("Short", ends=time.time()))),
        (1.0, lambda s: s.post(alert("Long", job="b"))),
        (1.4, lambda s: s.post(alert("Long", job="b", ends=time.time()))),
        # resolved and fired again before the tick: the receiver sees no change of the firing set
        (2.1, lambda s: s.post(alert("Long", job="a", ends=time.time()))),
        (2.4, lambda s: s.post(alert("Long", job="a"))),
        (3.2, lambda s: s.post(alert("Long", job="a", ends=time.time()))),
        (3.3, lambda s: seen_alerts(s, "at the end")),
    ], 5.0, 3)


def test_send_resolved_false_beside_true(t):
    config = """
route:
  receiver: both
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
- name: both
  webhook_configs:
  - {url: '{url}/quiet', send_resolved: false}
  - {url: '{url}/full', send_resolved: true}
"""
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(job="a"), alert(job="b"))),
        (0.6, lambda s: s.post(alert(job="a", ends=time.time()))),
        (1.7, lambda s: s.post(alert(job="b", ends=time.time()))),
        # the group is empty since 2.2 s: gone here, as in newer Alertmanagers, while 0.25 keeps it and its ticks for up
        # to 30 s; posted now, a new group's wait and the old group's next tick end nearly together
        (2.9, lambda s: s.post(alert(job="c"))),
    ], 4.0, 6)


def test_nested_routes_continue_and_group_keys(t):
    config = """
route:
  receiver: root
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
  - matchers: ['team=~"ml|data"', 'env!="dev"']
    receiver: ml
    group_by: [alertname, model]
    continue: true
    routes:
    - match: {severity: critical}
      receiver: pager
      group_wait: 700ms
    - match_re: {severity: "warn.*"}
      group_by: ['...']
      continue: true
    - matchers: ['owner=""', 'severity=~"warning|page"']
      receiver: nobody
      group_by: [severity]
  - matchers: [audit="yes"]
    receiver: audit
  - receiver: never
    matchers: [x!~".*"]
""" + webhooks("root", "ml", "pager", "nobody", "audit", "never")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(
            alert("A", team="ml", severity="critical", model="m1", audit="yes"),
            alert("A", team="ml", severity="critical", model="m2"),
            alert("A", team="data", severity="warning", model="m1", owner="x"),
            alert("A", team="data", severity="warning", model="m1"),
            alert("B", team="data", severity="page"),
            alert("C", team="ml", env="dev", audit="yes"),
            alert("C", team="mlx"), alert("D"))),
        (0.4, lambda s: seen_alerts(s, "receivers")),
        (0.5, lambda s: seen_groups(s, "groups")),
        (1.0, lambda s: s.post(alert("A", team="ml", severity="critical", model="m1", audit="yes", ends=time.time()))),
    ], 3.0, 12)


def test_silence_mutes_from_the_next_flush_and_lets_through_on_expire(t):
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 300ms, group_interval: 1s, repeat_interval: 2500ms}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.silence("b", 0, 60, {"job": "b"})),
        (0.1, lambda s: s.post(alert(job="a"), alert(job="b"))),
        (0.7, lambda s: seen_alerts(s, "b is silenced")),
        (0.8, lambda s: s.silence("late", 60, 90, {"alertname": "A"})),
        (1.7, lambda s: s.server.expire(s.silences["b"])),
        (1.8, lambda s: seen_alerts(s, "b is let through")),
        (2.9, lambda s: s.silence("all", 0, 60, {"alertname": "A"})),
        (3.0, lambda s: seen_groups(s, "all silenced")),
        (3.6, lambda s: s.post(alert(job="c"), alert("Other"))),
        (5.6, lambda s: s.server.expire(s.silences["all"])),
    ], 7.2, 5)


def test_failing_integration_alone_is_retried(t):
    config = """
route: {receiver: two, group_by: [alertname], group_wait: 200ms, group_interval: 5s, repeat_interval: 1h}
receivers:
- name: two
  webhook_configs: [{url: '{url}/good'}, {url: '{url2}/failing'}]
"""
    def fail_twice(side):
        side.second.script(Reply(500), Reply(503))
        side.post(alert(job="a"))

    # the pauses between tries are random on both sides: compare what arrives, not when
    compare_runs(t, config, [(0.0, fail_twice)], 4.0, 2, tolerance=4.0, second=True, also=tries(3, 1))


def test_merge_of_posts_and_the_timeout_resolve(t):
    """
    Newest annotations, earliest start, and an alert without endsAt resolves by resolve_timeout.  An explicit end in the
    future outlives a post without one, unless it came without a start (then it starts where it ends).
    """
    config = """
global: {resolve_timeout: 2s}
route: {receiver: hook, group_by: [alertname], group_wait: 300ms, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("Timeout", annotations={"n": "1"}), alert("Ahead", ends=time.time() + 30),
                               alert("Kept", starts=time.time(), ends=time.time() + 30))),
        (0.1, lambda s: s.post(alert("Timeout", annotations={"n": "2"}))),
        (0.6, lambda s: seen_alerts(s, "newest annotations")),
        (1.0, lambda s: s.post(alert("Ahead", annotations={"n": "new"}), alert("Kept", annotations={"n": "new"}))),
        (1.5, lambda s: seen_alerts(s, "merged")),
        (3.9, lambda s: seen_alerts(s, "only one is left")),
    ], 4.5, 5)


def test_start_in_the_past_flushes_at_once(t):
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 2s, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("Old", starts=time.time() - 60), alert("New"))),
    ], 3.0, 2)


INHIBIT = """
route: {receiver: hook, group_by: [alertname], group_wait: 300ms, group_interval: 1s, repeat_interval: 1h}
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: ['severity=~"warning|info"']
  equal: [cluster, rack]
"""


def test_inhibition_needs_equal_labels(t):
    """An equal label that both lack is equal; one that only one of them has is not."""
    compare_runs(t, INHIBIT + webhooks("hook"), [
        (0.0, lambda s: s.post(alert("Down", severity="critical", cluster="a"),
                               alert("Bare", severity="critical"))),
        (0.1, lambda s: s.post(alert("Same", severity="warning", cluster="a"),
                               alert("OtherCluster", severity="warning", cluster="b"),
                               alert("MoreLabels", severity="warning", cluster="a", rack="r1"),
                               alert("NoCluster", severity="info"),
                               alert("Same", severity="none", cluster="a"),
                               alert("Same", severity="info", cluster="a", team="x"))),
        (0.8, lambda s: seen_inhibited(s, "who is inhibited by whom")),
        (0.9, lambda s: seen_groups(s, "groups")),
    ], 2.0, 5)


def test_inhibition_ends_with_its_source(t):
    """The target is told at its next tick; a target that came and went meanwhile is never told."""
    compare_runs(t, INHIBIT + webhooks("hook"), [
        (0.0, lambda s: s.post(alert("Down", severity="critical", cluster="a"))),
        (0.1, lambda s: s.post(alert("Held", severity="warning", cluster="a"),
                               alert("Gone", severity="warning", cluster="a"))),
        (0.8, lambda s: s.post(alert("Gone", severity="warning", cluster="a", ends=time.time()))),
        (0.9, lambda s: seen_alerts(s, "inhibited")),
        (1.8, lambda s: s.post(alert("Down", severity="critical", cluster="a", ends=time.time()))),
        (1.9, lambda s: seen_alerts(s, "free")),
    ], 3.8, 3)


def test_inhibition_of_what_was_told_already(t):
    """What is inhibited is not resolved: it is told again afterwards; what ends while inhibited is never told to be over."""
    compare_runs(t, INHIBIT + webhooks("hook"), [
        (0.0, lambda s: s.post(alert("Early", severity="warning", cluster="a", n="1"),
                               alert("Early", severity="warning", cluster="b", n="2"),
                               alert("Alone", severity="info", cluster="a"))),
        (0.7, lambda s: s.post(alert("Down", severity="critical", cluster="a"))),
        (1.6, lambda s: s.post(alert("Alone", severity="info", cluster="a", ends=time.time()),
                               alert("Early", severity="warning", cluster="b", n="2", ends=time.time()))),
        (2.5, lambda s: seen_alerts(s, "while inhibited")),
        (2.8, lambda s: s.post(alert("Down", severity="critical", cluster="a", ends=time.time()))),
    ], 4.8, 6)


def test_inhibition_when_both_sides_match(t):
    """An alert that is source and target neither inhibits itself nor another that is both."""
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 300ms, group_interval: 1s, repeat_interval: 1h}
inhibit_rules:
- source_matchers: ['severity=~"critical|page"']
  target_matchers: ['kind="symptom"']
  equal: [cluster]
- source_match: {alertname: Self}
  target_match_re: {alertname: 'Self|Other'}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("Both", severity="page", kind="symptom", cluster="a"),
                               alert("BothToo", severity="critical", kind="symptom", cluster="a"))),
        (0.1, lambda s: s.post(alert("Target", kind="symptom", cluster="a"), alert("Elsewhere", kind="symptom"),
                               alert("Self", n="1"), alert("Self", n="2"), alert("Other"))),
        (0.8, lambda s: seen_alerts(s, "two that are both stay")),
        (0.9, lambda s: s.post(alert("Cause", severity="critical", cluster="a"))),
        (1.0, lambda s: seen_alerts(s, "a source that is no target inhibits them")),
    ], 2.0, 5)
