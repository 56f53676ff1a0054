# SPDX-License-Identifier: Apache-2.0
"""
What is grouped with what, merged, told again, and when, side by side with Debian's Alertmanager: see test_routing_timers.
"""

import time

from lib.differential import alert, compare_runs, seen_alerts, seen_groups, webhooks
from lib.doubles import Reply

FAST = "group_wait: 300ms, group_interval: 1s, repeat_interval: 1h"


def over(*args, **labels):
    return alert(*args, ends=time.time(), **labels)


def test_group_wait_zero_and_the_fixed_period(t):
    """Told at once; then the period holds, whatever comes between two ticks."""
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(n="1"))),
        (0.4, lambda s: s.post(alert(n="2"))),
        (0.6, lambda s: s.post(alert(n="3"), alert("Other"))),
        (1.5, lambda s: s.post(over(n="1"))),
        (2.5, lambda s: s.post(alert("Late", starts=time.time() - 3600))),
    ], 3.3, 5)


def test_refreshes_are_not_told(t):
    """Later ends, other annotations, another generator: the same alert, told once and once that it is over."""
    config = f"route: {{receiver: hook, group_by: [alertname], {FAST}}}\n" + webhooks("hook")

    def refresh(number):
        def act(side):
            body = alert(job="a", starts=time.time() - 60, ends=time.time() + 60 + number,
                         annotations={"summary": f"number {number}", **({"more": "x"} if number > 1 else {})})
            side.post({**body, "generatorURL": f"http://prom.example/graph?n={number}&x=<y>"})
        return act

    compare_runs(t, config, [
        (0.0, refresh(0)), (0.7, refresh(1)), (1.1, lambda s: seen_alerts(s, "refreshed once")), (1.6, refresh(2)),
        (1.9, lambda s: seen_groups(s, "refreshed twice")),
        (2.6, lambda s: s.post(over(job="a"))),
        (2.8, lambda s: seen_alerts(s, "over")),
    ], 3.7, 2)


def test_repeat_interval_below_the_tick(t):
    """Sent at each tick, and the resolve once."""
    config = """
route: {receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1ms}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(job="a"))),
        (2.6, lambda s: s.post(over(job="a"))),
    ], 4.6, 4)


def test_continue_and_one_receiver_by_several_routes(t):
    """Each route that takes an alert has a group of its own, also for the same receiver."""
    config = f"""
route:
  {{receiver: root, group_by: [alertname], {FAST}, routes: [
    {{matchers: ['a="1"'], receiver: one, continue: true}},
    {{matchers: ['b="1"'], receiver: one, continue: true, routes: [
      {{matchers: ['c="1"'], continue: true}},
      {{matchers: ['c=~"1|2"'], receiver: two, group_by: [c]}},
      {{matchers: ['c="2"'], receiver: root}}]}},
    {{matchers: ['a!=""', 'b!=""'], receiver: two}},
    {{receiver: root, matchers: ['stop="yes"']}}]}}
""" + webhooks("root", "one", "two")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert("A", a="1"), alert("A", b="1"), alert("A", a="1", b="1", c="1"),
                               alert("A", b="1", c="2"), alert("A", a="1", stop="yes"), alert("A", c="1"))),
        (0.8, lambda s: seen_alerts(s, "receivers")),
        (0.9, lambda s: seen_groups(s, "groups")),
        (1.0, lambda s: s.post(over("A", a="1", b="1", c="1"))),
    ], 2.0, 12)


def test_group_by_all_and_by_nothing(t):
    """Without group_by there is one group; '...' makes one of each label set, for the routes below too."""
    config = f"""
route:
  {{receiver: root, {FAST}, routes: [
    {{matchers: ['all="yes"'], group_by: ['...'], routes: [
      {{matchers: ['deep="1"'], receiver: deep}},
      {{matchers: ['deep="2"'], receiver: deep, group_by: [team, missing]}}]}}]}}
""" + webhooks("root", "deep")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(*[alert("A", node=str(n)) for n in range(3)], alert("B"),
                               *[alert("C", all="yes", node=str(n)) for n in range(2)],
                               *[alert("D", all="yes", deep=str(d), node=str(n), team="ml")
                                 for n in range(2) for d in (1, 2)])),
        (0.9, lambda s: seen_groups(s, "groups")),
        (1.0, lambda s: s.post(over("B"), over("C", all="yes", node="0"))),
    ], 2.0, 8)


def test_group_keys_of_every_kind_of_matcher(t):
    """Deprecated and new keys, all four operators, quotes, backslashes and other languages: in sorted order, escaped."""
    config = f"""
route:
  {{receiver: hook, group_by: [alertname, z], {FAST}, routes: [
    {{match_re: {{zone: 'eu-.*|us\\.1', app: '[a-c]+'}}, match: {{zz: 'q"uo\\te'}}, continue: true}},
    {{matchers: [b=~"x.*", 'a!="no"', c!~"no|never", a=~".+", d = bare], continue: true}},
    {{match: {{place: 'ünï «code» 漢字'}}, continue: true}},
    {{matchers: ['e="tab\\there"', "f='single'"], continue: true}},
    {{matchers: ['{{g="1",h=~"2"}}'], continue: true}}]}}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(
            alert("A", zone="eu-west", app="abc", zz='q"uo\\te'), alert("A", zone="us.1", app="b", zz='q"uo\\te'),
            alert("B", a="yes", b="xyz", c="maybe", d="bare", z='"quoted" \\ {a="b", c="d"}'),
            alert("C", place="ünï «code» 漢字", z="漢字\n\ttabs"), alert("D", e="tab\there", f="'single'"),
            alert("E", g="1", h="2"), alert("F", a="no", zone="eu"))),
        (0.8, lambda s: seen_groups(s, "groups")),
    ], 1.2, 6)


def test_values_in_every_language_and_empty_ones(t):
    """An empty label is no label; an empty annotation stays; what JSON, HTML and keys must escape comes out whole."""
    strange = "grün <b>&amp; \"q\" 'a' \\ / \u2028 \x7f 🔔"
    config = f"route: {{receiver: hook, group_by: [text], {FAST}}}\n" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(text=strange, gone=""),
                               alert("B", text="", annotations={"empty": "", "text": strange, "two": "a\nb\r\n"}),
                               alert("", only="this"))),
        (0.1, lambda s: s.post(alert(text=strange, n="2"))),
        (0.8, lambda s: seen_alerts(s, "alerts")),
        (0.9, lambda s: seen_groups(s, "groups")),
        (1.0, lambda s: seen_alerts(s, "one", filter=f'text="{strange[:4]} <b>&amp; \\"q\\" \'a\' \\\\ / '
                                                     '\u2028 \x7f 🔔"')),
    ], 1.2, 2)


def test_alerts_end_one_after_another_by_timeout(t):
    """Each resolve is told at the tick after it, with the whole group as it is then; a refresh puts the end off."""
    config = f"""
global: {{resolve_timeout: 1s}}
route: {{receiver: hook, group_by: [alertname], {FAST}}}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(n="short", starts=time.time(), ends=time.time() + 1.9), alert(n="timeout"),
                               alert(n="kept"), alert("Late", starts=time.time(), ends=time.time() + 2.8))),
        (0.9, lambda s: s.post(alert(n="kept"))),
        (1.6, lambda s: seen_alerts(s, "the timeout has passed")),
        (1.7, lambda s: s.post(alert(n="kept"))),
        (3.0, lambda s: seen_alerts(s, "nothing is left")),
    ], 4.0, 6)


def test_merge_keeps_the_earliest_start_and_the_newest_words(t):
    """Twice over: the later end; fired again after that: a new start; an older start comes late: it counts."""
    config = f"route: {{receiver: hook, group_by: [alertname], {FAST}}}\n" + webhooks("hook")

    def post(start, end, text, name="Merged"):
        def act(side):
            now = time.time()
            side.post(alert(name, starts=now + start, ends=now + end, annotations={"text": text}))
        return act

    compare_runs(t, config, [
        (0.0, post(-10, 60, "first")),
        (0.1, post(-30, 30, "earlier, ends sooner")),
        (0.2, post(-5, 90, "later, ends later")),
        (0.3, lambda s: s.post(alert("Steady"))),
        (0.8, lambda s: seen_alerts(s, "merged")),
        (0.9, post(-20, 0, "over")),
        (1.6, post(-20, 0, "over again")),
        (1.8, lambda s: seen_groups(s, "over twice")),
        (2.6, post(0, 60, "fires anew")),
        (2.7, lambda s: seen_alerts(s, "a new start")),
        (2.8, post(-3000, -2000, "long ago", "Steady")),
        (2.9, lambda s: seen_alerts(s, "what ended long ago replaces nothing, or all")),
    ], 3.8, 5)


def test_send_resolved_mixes(t):
    """A quiet integration beside a talkative one: what ends and fires again meanwhile is news to one of them only."""
    config = f"""
route: {{receiver: mix, group_by: [alertname], {FAST}, routes: [{{matchers: [team="q"], receiver: quiet}}]}}
receivers:
- name: mix
  webhook_configs: [{{url: '{{url}}/talks'}}, {{url: '{{url}}/hushed', send_resolved: false, max_alerts: 2}}]
- name: quiet
  webhook_configs: [{{url: '{{url}}/quiet', send_resolved: false}}]
"""
    compare_runs(t, config, [
        (0.0, lambda s: s.post(*[alert(n=n) for n in "abc"], alert("Q", team="q", n="a"), alert("Q", team="q", n="b"))),
        (0.7, lambda s: s.post(over(n="a"), over("Q", team="q", n="a"))),
        (1.7, lambda s: s.post(alert(n="a"), alert("Q", team="q", n="a"))),
        (2.7, lambda s: s.post(alert(n="d"), *[over("Q", team="q", n=n) for n in "ab"])),
    ], 3.8, 7)


def test_one_of_several_receivers_fails(t):
    """Only it is tried again, and what it missed does not come back to the others."""
    config = """
route: {receiver: three, group_by: [alertname], group_wait: 200ms, group_interval: 2s, repeat_interval: 1h}
receivers:
- name: three
  webhook_configs: [{url: '{url}/a'}, {url: '{url2}/failing'}, {url: '{url}/b', send_resolved: false}]
"""
    compare_runs(t, config, [
        (0.0, lambda s: (s.second.script(Reply(500), Reply(503)), s.post(alert(n="1")))),
        (1.9, lambda s: s.post(alert(n="2"))),
        (3.9, lambda s: s.post(over(n="1"))),
    ], 5.2, 8, tolerance=1.9, second=True, also=tries(5, 5))


def tries(failing, good):
    """How often the receiver that fails was tried, and the others."""
    def wrong(sides):
        seen = [(len(side.second.taken(accepted=False)), len(side.hook.taken(accepted=False))) for side in sides]
        return [] if seen == [(failing, good)] * 2 else [f"tries {seen} instead of {(failing, good)}"]
    return wrong


def test_max_alerts(t):
    """
    The first in the order of job, instance and the rest; how many are missing is told.  Status and what is common are
    those of the alerts that are shown: a group that fires may arrive as resolved.
    """
    config = f"""
route: {{receiver: few, group_by: [alertname], {FAST}}}
receivers:
- name: few
  webhook_configs: [{{url: '{{url}}/two', max_alerts: 2}}, {{url: '{{url}}/all', max_alerts: 0}},
                    {{url: '{{url}}/one', max_alerts: 1}}, {{url: '{{url}}/five', max_alerts: 5}}]
"""
    compare_runs(t, config, [
        (0.0, lambda s: s.post(alert(job="z", instance="1", a="1"), alert(job="b", instance="2", z="1"),
                               alert(job="b", instance="1", z="2"), alert(instance="9"), alert(a="a", job="a"))),
        (0.9, lambda s: s.post(over(instance="9"))),
    ], 1.9, 8)


def test_inhibition_by_sources_that_are_silenced_inhibited_or_bare(t):
    """A silenced source inhibits, an inhibited one too; a rule without equal takes any pair; an empty rule does nothing."""
    config = f"""
route: {{receiver: hook, group_by: [alertname], {FAST}}}
inhibit_rules:
- {{source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [cluster]}}
- {{source_matchers: [severity="warning"], target_matchers: ['severity=~"inf.*"'], equal: [cluster]}}
- {{source_match: {{everything: stop}}, target_match_re: {{severity: 'inf.|debug'}}}}
- {{}}
""" + webhooks("hook")
    compare_runs(t, config, [
        (0.0, lambda s: s.silence("s", 0, 60, {"severity": "critical"})),
        (0.1, lambda s: s.post(alert("C", severity="critical", cluster="a"))),
        (0.2, lambda s: s.post(alert("W", severity="warning", cluster="a"), alert("I", severity="info", cluster="a"),
                               alert("D", severity="debug"))),
        (0.9, lambda s: seen_alerts(s, "C is silenced, the others by each other", active="false")),
        (1.0, lambda s: s.post(alert("Stop", everything="stop"))),
        (1.1, lambda s: seen_alerts(s, "and the rest")),
        (1.2, lambda s: s.post(over("C", severity="critical", cluster="a"))),
        (2.0, lambda s: s.post(over("Stop", everything="stop"), over("W", severity="warning", cluster="a"))),
    ], 3.8, 6)


def test_labels_of_routes_reach_receivers_and_templates(t):
    """Newer than the oracle: inherited, expanded for each message, a child's win; other messages stay as they were."""
    hook, slack = t.webhook(), t.slack()
    tocsin = t.tocsin(f"""
route:
  receiver: plain
  group_wait: 0s
  routes:
  - receiver: labelled
    matchers: [team="ml"]
    labels: {{team: '{{{{ .CommonLabels.team }}}}', level: parent}}
    routes: [{{receiver: labelled, matchers: [x="y"], labels: {{level: child}}}}]
receivers:
- name: plain
  webhook_configs: [{{url: '{hook.url}/plain'}}]
- name: labelled
  webhook_configs: [{{url: '{hook.url}/labelled'}}]
  slack_configs: [{{api_url: '{slack.api_url}', channel: c, text: '{{{{ .RouteLabels.level }}}}/{{{{ routeLabels.team }}}}'}}]
""")
    tocsin.post_alerts([alert("A", team="ml", x="y"), alert("B", n="1")])
    hook.wait_count(2)
    told = {r.path: r.json for r in hook.taken()}
    assert told["/labelled"]["routeLabels"] == {"level": "child", "team": "ml"}
    assert "routeLabels" not in told["/plain"]
    assert slack.wait_count(1)[0].json["attachments"][0]["text"] == "child/ml"
    groups = {g["receiver"]["name"]: g.get("routeLabels") for g in tocsin.groups()}
    assert groups == {"plain": None, "labelled": {"level": "child", "team": "{{ .CommonLabels.team }}"}}, groups
