# SPDX-License-Identifier: Apache-2.0
"""tocsin route, template and rule: what the configuration will do, said beforehand; amtool is the judge of routes."""

import json
import os
import subprocess

from lib import wait
from lib.configs import one_webhook, prometheus_source, rule_file, rule_group
from lib.differential import alert
from lib.doubles import Reply
from lib.tocsin import command

# The tree of Alertmanager's own routing test.
TREE = """
route:
  receiver: notify-def
  routes:
  - matchers: ['{owner="team-A"}']
    receiver: notify-A
    routes:
    - matchers: ['{env="testing"}']
      receiver: notify-testing
      group_by: ['...']
    - match: {env: production}
      receiver: notify-productionA
      group_wait: 1m
      continue: true
    - matchers: [env=~"produ.*", job=~".*"]
      receiver: notify-productionB
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      group_by: [job]
  - match_re: {owner: 'team-(B|C)'}
    group_by: [foo, bar]
    group_wait: 2m
    receiver: notify-BC
  - matchers: [group_by="role"]
    group_by: [role]
    routes:
    - matchers: [env="testing"]
      receiver: notify-testing
      routes:
      - matchers: [wait="long"]
        group_wait: 2m
  - matchers: ['severity!~"info|debug"', 'team!=""']
    receiver: notify-team
    continue: true
  - matchers: ['team="ml"']
    receiver: notify-ml
receivers:
- {name: notify-def}
- {name: notify-A}
- {name: notify-testing}
- {name: notify-productionA}
- {name: notify-productionB}
- {name: notify-BC}
- {name: notify-team}
- {name: notify-ml}
"""

LABELS = [
    "owner=team-A", "owner=team-A env=unset", "owner=team-A env=testing", "owner=team-A env=production",
    "owner=team-A env=production job=x", "owner=team-A env=produce", "owner=team-A env=prod", "owner=team-B",
    "owner=team-C", "owner=team-D", "owner=team-BC", "owner=xteam-B", "owner=team-Bx", "env=testing",
    "group_by=role", "group_by=role env=testing", "group_by=role env=testing wait=long", "group_by=role wait=long",
    "group_by=Role", "team=ml", "team=ml severity=info", "team=ml severity=warning", "team=web severity=debug",
    "team=web severity=critical", "team=", "severity=critical", "owner=team-A team=ml", "owner=team-B env=testing",
    "owner=team-C team=ml severity=debug", "group_by=role team=ml", "alertname=X instance=a:9090 job=node",
    "owner=team-A env=production env2=testing", 'owner="team-A" env="testing"', 'owner="team-\\"B"', "owner=team-A\\n",
]


def run(t, *arguments, files=None, env=None):
    for name, text in (files or {}).items():
        with open(t.path(name), "w", encoding="utf-8") as file:
            file.write(text)
    return command(*arguments, cwd=t.dir, env=env)


def good(t, *arguments, **more):
    done = run(t, *arguments, **more)
    assert done.returncode == 0 and not done.stderr, (arguments, done)
    return done.stdout


def amtool(t, *arguments):
    return subprocess.run([t.tool("amtool"), *arguments], capture_output=True, text=True, timeout=120, check=False,
                          cwd=t.dir, env={"HOME": t.dir, "TZ": "UTC"})


def test_routes_are_those_of_amtool(t):
    files, wrong, seen = {"am.yml": TREE}, [], set()
    for text in LABELS:
        labels = text.split()
        ours = run(t, "route", "test", "--config.file=am.yml", *labels, files=files)
        theirs = amtool(t, "config", "routes", "test", "--config.file=am.yml", *labels)
        files = None
        assert ours.returncode == theirs.returncode == 0, (text, ours, theirs)
        receivers = ours.stdout.splitlines()[0]
        seen.add(receivers)
        if receivers != theirs.stdout.strip():
            wrong.append(f"{text}: {receivers}, amtool: {theirs.stdout.strip()}")
    assert not wrong, "\n".join(wrong)
    assert len(LABELS) >= 30 and len(seen) == 9, seen


def test_verify_receivers_is_amtools(t):
    files = {"am.yml": TREE}
    cases = [("notify-productionA,notify-productionB", 0), ("notify-productionB,notify-productionA", 1),
             ("notify-productionA", 1), ("nobody", 1)]
    for wanted, status in cases:
        words = [f"--verify.receivers={wanted}", "owner=team-A", "env=production"]
        ours = run(t, "route", "test", "--config.file=am.yml", *words, files=files)
        theirs = amtool(t, "config", "routes", "test", "--config.file=am.yml", *words)
        assert ours.returncode == theirs.returncode == status, (wanted, ours, theirs)
        assert (status == 1) == ("expected" in ours.stderr), ours


def test_a_route_is_explained(t):
    files = {"am.yml": TREE}
    answer = json.loads(good(t, "route", "test", "--config.file=am.yml", "-o", "json", "Slow", "owner=team-A",
                             "env=production", "job=j", files=files))
    assert answer["labels"] == {"alertname": "Slow", "owner": "team-A", "env": "production", "job": "j"}
    first, second = answer["routes"]
    assert (first["receiver"], first["groupWait"], first["groupBy"]) == ("notify-productionA", "1m", []), first
    assert first["path"] == ["{}", '{owner="team-A"}', '{env="production"}'], first
    assert (second["groupBy"], second["repeatInterval"]) == (["job"], "1h"), second
    assert second["groupKey"] == '{}/{owner="team-A"}/{env=~"produ.*",job=~".*"}:{job="j"}', second
    inherited = json.loads(good(t, "route", "test", "--config.file=am.yml", "-o", "json", "group_by=role",
                                "env=testing", "wait=long", "role=db"))["routes"][0]
    assert (inherited["groupBy"], inherited["groupWait"]) == (["role"], "2m"), inherited
    assert inherited["groupKey"].endswith(':{role="db"}'), inherited
    everything = json.loads(good(t, "route", "test", "--config.file=am.yml", "-o", "json", "owner=team-A",
                                 "env=testing"))["routes"][0]
    assert everything["groupBy"] == ["..."] and everything["groupKey"].endswith(':{env="testing", owner="team-A"}')
    text = good(t, "route", "test", "--config.file=am.yml", "owner=team-C")
    assert text.splitlines()[0] == "notify-BC" and "bar, foo" in text and "wait 2m" in text, text


def test_group_keys_are_those_the_server_uses(t):
    hook = t.webhook()
    config = f"""
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 100ms
  routes:
  - matchers: [team=~"ml|data"]
    continue: true
  - match: {{team: ml}}
    group_by: ['...']
receivers:
- name: hook
  webhook_configs: [{{url: '{hook.url}/hook'}}]
"""
    tocsin = t.tocsin(config)
    tocsin.post_alerts([alert("Slow", team="ml", model="ranker")])
    hook.wait_count(2)
    sent = {body["groupKey"] for body in hook.bodies()}
    said = json.loads(good(t, "route", "test", "--config.file=c.yml", "-o", "json", "Slow", "team=ml", "model=ranker",
                           files={"c.yml": config}))
    assert {route["groupKey"] for route in said["routes"]} == sent, (said, sent)


def test_route_show_draws_the_tree(t):
    tree = good(t, "route", "show", "--config.file=am.yml", files={"am.yml": TREE})
    lines = tree.splitlines()
    assert len(lines) == 11 and lines[0].startswith("{}  receiver: notify-def"), tree
    assert '├── {owner="team-A"}' in tree and '│   ├── {env="testing"}' in tree and "continue" in tree, tree
    assert "by all labels" in tree and "by bar, foo" in tree and "repeat 1h" in tree, tree
    nodes = json.loads(good(t, "route", "show", "--config.file=am.yml", "-o", "json"))
    assert [node["receiver"] for node in nodes["routes"]][:2] == ["notify-A", "notify-BC"], nodes
    assert nodes["routes"][0]["routes"][0]["groupBy"] == ["..."]


TIMES = """
route:
  receiver: all
  routes:
  - matchers: [team="ml"]
    receiver: ml
    continue: true
    mute_time_intervals: [nights]
  - matchers: [team="ml"]
    receiver: boss
    active_time_intervals: [office]
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]}]
- name: office
  time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}]
inhibit_rules:
- source_matchers: [alertname="NodeDown"]
  target_matchers: [alertname!="NodeDown"]
  equal: [node]
receivers: [{name: all}, {name: ml}, {name: boss}]
"""


def test_time_intervals_are_told_for_a_time(t):
    files = {"am.yml": TIMES}
    for at, muted in [("2026-11-20T03:00:00Z", ["nights", "office"]), ("2026-11-20T12:00:00Z", []),
                      ("2026-11-21T12:00:00Z", ["office"])]:
        routes = json.loads(good(t, "route", "test", "--config.file=am.yml", "-o", "json", f"--at={at}", "team=ml",
                                 files=files))["routes"]
        assert [name for route in routes for name in route["mutedBy"]] == muted, (at, routes)
        assert [route["muted"] for route in routes] == [bool(route["mutedBy"]) for route in routes]


CASES = """
config: am.yml
cases:
- name: by day both are told
  alert: {alertname: Slow, team: ml}
  at: 2026-11-20T12:00:00Z
  expect: {receivers: [ml, boss], silenced: false, inhibited: false, muted: false}
- name: at night nobody is
  alert: {alertname: Slow, team: ml}
  at: 2026-11-20T03:00:00Z
  expect: {receivers: [], routes_to: [ml, boss], muted: true}
- name: on Saturday the boss sleeps
  alert: {alertname: Slow, team: ml}
  at: 2026-11-21T12:00:00+00:00
  expect: {receivers: [ml], muted: true}
- name: a node that is down speaks for its pods
  alert: {alertname: PodDown, node: n1}
  firing: [{alertname: Other, node: n1}, {alertname: NodeDown, node: n1}]
  expect: {receivers: [], inhibited: true, silenced: false, routes_to: [all]}
- name: but not for those of another node
  alert: {alertname: PodDown, node: n1}
  firing: [{alertname: NodeDown, node: n2}]
  expect: {receivers: [all], inhibited: false, group_by: [], group_wait: 30s, repeat_interval: 4h}
- name: a silence holds
  alert: {alertname: PodDown, node: n1}
  silences: ['node=~"n[0-9]"', '{team="ml"}']
  expect: {receivers: [], silenced: true}
- name: another does not
  alert: {alertname: PodDown, node: n1}
  silences: ['node=~"n[0-9]",team="ml"']
  expect: {receivers: [all], silenced: false}
"""


def test_cases_that_hold(t):
    out = good(t, "route", "test", "cases.yml", files={"am.yml": TIMES, "cases.yml": CASES})
    assert [line[:4] for line in out.splitlines()] == ["ok  "] * 7 + ["7 ca"], out
    found = json.loads(good(t, "route", "test", "--cases", "cases.yml", "-o", "json"))
    assert len(found) == 7 and all(case["ok"] for case in found), found
    os.mkdir(t.path("sub"))
    good(t, "route", "test", "sub/cases.yml", files={"sub/cases.yml": CASES.replace("am.yml", "../am.yml")})
    nameless = CASES[CASES.index("cases"):]
    good(t, "route", "test", "--config.file=am.yml", "sub/none.yml", files={"sub/none.yml": nameless})


def test_every_expectation_can_fail(t):
    turned = {
        "receivers: [ml, boss]": ("receivers: [boss, ml]", "receivers: expected boss, ml, got ml, boss"),
        "silenced: false, inhibited: false, muted: false": ("silenced: true", "silenced: expected true"),
        "muted: false}": ("muted: true}", "muted: expected true"),
        "routes_to: [ml, boss]": ("routes_to: [ml]", "routes_to: expected ml, got ml, boss"),
        "receivers: [], routes_to: [ml, boss]": (
            "receivers: [ml]", "expected ml, got nobody (ml muted: nights; boss muted: not in office)"),
        "receivers: [ml], muted": ("receivers: [], muted", "expected nobody, got ml"),
        "inhibited: true": (
            "inhibited: false", 'inhibited: expected false (inhibited by {alertname="NodeDown", node="n1"})'),
        "group_by: []": ("group_by: [node]", "group_by: the route to all has []"),
        "group_wait: 30s": ("group_wait: 31s", "group_wait: expected 31s, the route to all has 30s"),
        "repeat_interval: 4h": ("repeat_interval: 1h", "repeat_interval: expected 1h"),
        "silenced: true}": ("silenced: false}", 'silenced: expected false (silenced by {node=~"n[0-9]"})'),
    }
    for old, (new, says) in turned.items():
        assert CASES.count(old) >= 1, old
        done = run(t, "route", "test", "cases.yml", files={"am.yml": TIMES, "cases.yml": CASES.replace(old, new, 1)})
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL  ")]
        assert done.returncode == 1 and len(failed) == 1 and says in failed[0], (old, new, done)
        assert "7 cases, 1 failed" in done.stdout and "(cases.yml:" in failed[0], done.stdout


def test_mistakes_in_cases_have_a_caret(t):
    wrong = {
        "receivers: [ml], muted": ("receivers: [bos], muted", "there is no receiver 'bos' (did you mean 'boss'?)"),
        "silenced: true}": ("silencd: true}", "unknown key 'silencd'"),
        "at: 2026-11-20T03:00:00Z": ("at: tonight", "expected a time such as"),
        "['node=~\"n[0-9]\",team=\"ml\"']": ("['node=~\"n(\"']", "regular expression"),
        "firing: [{alertname: NodeDown, node: n2}]": ("firing: NodeDown", "expected a list such as"),
        "  at: 2026-11-20T12:00:00Z\n": ("", "'muted' needs the case's time"),
        "group_wait: 30s": ("group_wait: long", "expected a duration"),
        "alert: {alertname: PodDown, node: n1}\n  silences: ['node=~\"n[0-9]\"', '{team": (
            "alert: PodDown\n  silences: ['node=~\"n[0-9]\"', '{team", "expected labels such as"),
        "config: am.yml": ("config: none.yml", "cannot read"),
    }
    for old, (new, says) in wrong.items():
        assert CASES.count(old) >= 1, old
        done = run(t, "route", "test", "cases.yml", files={"am.yml": TIMES, "cases.yml": CASES.replace(old, new, 1)})
        assert done.returncode == 1 and says in done.stderr and not done.stdout, (old, new, done)
        assert "^" in done.stderr or "none.yml" in done.stderr, done
    done = run(t, "route", "test", "cases.yml", files={"am.yml": TIMES.replace("receiver: boss", "receiver: bos"),
                                                              "cases.yml": CASES})
    assert done.returncode == 1 and "am.yml:" in done.stderr, done
    done = run(t, "route", "test", "none.yml")
    assert done.returncode == 1 and "none.yml" in done.stderr, done


PREVIEW = """
global: {smtp_smarthost: 'mail.example.org:587', smtp_from: a@example.org}
templates: ['*.tmpl']
route: {receiver: all, group_by: [alertname]}
receivers:
- name: all
  slack_configs:
  - api_url: https://hooks.slack.example/services/T1/B2/xyzzy
    channel: '#a'
    title: '{{ template "mine" . }}'
  pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
  email_configs: [{to: 'x@example.org, y@example.org', headers: {Subject: 'S {{ .CommonLabels.alertname }} ä'}}]
  pushover_configs: [{user_key: userkey1, token: token=2&3}]
  telegram_configs: [{bot_token: '123:botsecret', chat_id: 5, message: 'see 123:botsecret & <b>'}]
  opsgenie_configs: [{api_key: ogkey123}]
- name: quiet
  webhook_configs: [{url: 'http://user:pass@h:1/hook?token=abc', send_resolved: false}]
"""
MINE = '{{ define "mine" }}M {{ .CommonLabels.alertname }} x{{ .Alerts.Firing | len }}{{ end }}'
FILES = {"c.yml": PREVIEW, "mine.tmpl": MINE}


def test_template_render_shows_requests_without_secrets(t):
    text = good(t, "template", "render", "--config.file=c.yml", files=FILES)
    for secret in ("xyzzy", "0123456789abcdef0123456789abcdef", "userkey1", "token=2", "token%3D2", "botsecret",
                   "ogkey123", "pass@", "token=abc"):
        assert secret not in text, (secret, text)
    for shown in ("POST https://hooks.slack.example/<secret>\n", "POST https://api.telegram.org/bot<secret>/sendMessage",
                  '"title": "M PredictionLatencyHigh x2"', "Authorization: GenieKey <secret>", "see <secret> & <b>",
                  "RCPT TO:<y@example.org>", "token=<secret>\nuser=<secret>\n", '"routing_key": "<secret>"'):
        assert shown in text, (shown, text)
    slack = json.loads(good(t, "template", "render", "--config.file=c.yml", "--receiver=all", "--type=slack", "-o",
                            "json"))
    assert len(slack) == 1 and slack[0]["body"]["attachments"][0]["title"] == "M PredictionLatencyHigh x2", slack


def test_template_render_is_what_is_sent(t):
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert("Slow", team="ml", model="ranker"), alert("Slow", team="ml", model="other")])
    hook.wait_count(1)
    sent = hook.bodies()[0]
    with open(t.path("sent.json"), "w", encoding="utf-8") as file:
        json.dump(sent, file)
    files = {"c.yml": one_webhook(hook.url)}
    again = json.loads(good(t, "template", "render", "--config.file=c.yml", "--data=sent.json", "-o", "json",
                            files=files))
    assert again[0]["body"] == sent, (again, sent)
    live = json.loads(good(t, "template", "render", "--config.file=c.yml", f"--url={tocsin.url}", "--group",
                           sent["groupKey"], f"--web.external-url={sent['externalURL']}", "-o", "json"))[0]["body"]
    for one in live["alerts"] + sent["alerts"]:
        one["startsAt"] = one["startsAt"][:19]
    assert live == sent, (live, sent)
    by_matchers = good(t, "template", "render", f"--url={tocsin.url}", "--group", "alertname=Slow",
                       "--template.text={{ len .Alerts }} {{ .GroupLabels.alertname }}")
    assert by_matchers == "2 Slow\n", by_matchers
    none = run(t, "template", "render", "--config.file=c.yml", f"--url={tocsin.url}", "--group", "alertname=Fast")
    assert none.returncode == 1 and "0 groups match" in none.stderr, none


def test_template_text_is_amtools(t):
    data = {"receiver": "r", "status": "firing", "externalURL": "http://am", "groupLabels": {"a": "1"},
            "commonLabels": {"a": "1", "b": "<x>"}, "commonAnnotations": {"summary": "s & t"}, "alerts": [
                {"status": "firing", "labels": {"a": "1", "b": "<x>"}, "annotations": {"summary": "s & t"},
                 "startsAt": "2026-11-20T06:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://g",
                 "fingerprint": "f"}]}
    texts = ["{{ .Status | toUpper }}", "{{ range .Alerts }}{{ .Labels.b }} {{ .Annotations.summary }}{{ end }}",
             "{{ .GroupLabels.SortedPairs.Values }} {{ .ExternalURL }} {{ .Receiver }}", '{{ template "mine" . }}',
             "{{ (index .Alerts 0).StartsAt }}", "{{ .CommonLabels.Names }}"]
    files = {**FILES, "data.json": json.dumps(data), "mine.tmpl": '{{ define "mine" }}[{{ .Status }}]{{ end }}'}
    for text in texts:
        for kind in ("text", "html"):
            words = ["template", "render", "--template.glob=*.tmpl", f"--template.text={text}",
                     f"--template.type={kind}", "--template.data=data.json"]
            ours = good(t, *words, files=files)
            theirs = amtool(t, *words)
            assert theirs.returncode == 0 and ours.strip() == theirs.stdout.strip(), (text, kind, ours, theirs)


def test_template_mistakes_have_a_caret(t):
    render = ["template", "render"]
    cases = [
        (["--template.text=a\n {{ nope }}"], "--template.text:2:5: error: function \"nope\""),
        (['--template.text={{ (index .Alerts 7).Status }}'], "index out of range"),
        (["--template.text=x", "--template.glob=bad.tmpl"], "bad.tmpl:1:4: error:"),
        (["--template.text=x", "--template.glob=none*"], "no file matches"),
        (["--template.text=x", "--data=bad.tmpl"], "bad.tmpl:1:2: error: this is no JSON"),
        (["--template.text=x", "--data=list.json"], "alert 1: it has no labels"),
        (["--config.file=c.yml", "--receiver=nobody"], "c.yml has no receiver 'nobody' (it has all, quiet)"),
        (["--config.file=c.yml", "--type=webex"], "there is no webex"),
    ]
    files = {"c.yml": PREVIEW, "mine.tmpl": MINE, "list.json": '[{"labels": {}}]'}
    files["bad.tmpl"] = "{{ nope }}"
    for words, says in cases:
        done = run(t, *render, *words, files={**files, "c.yml": PREVIEW.replace("*.tmpl", "mine.tmpl")})
        assert done.returncode == 1 and says in done.stderr and not done.stdout, (words, done)
    resolved = '[{"labels": {"a": "b"}, "endsAt": "2020-01-01T00:00:00Z"}]'
    quiet = good(t, *render, "--config.file=c.yml", "--receiver=quiet", "--data=over.json",
                 files={"over.json": resolved})
    assert "nothing is sent" in quiet, quiet


def test_rule_list(t):
    backend = t.backend()
    rules = rule_file(rule_group("g", "alert: Hot\nexpr: temperature > 80", "alert: Broken\nexpr: broken > 1",
                                 interval="1s"))
    tocsin = t.tocsin(one_webhook(t.webhook().url, extra=prometheus_source(backend.port)), {"rules.yml": rules})
    backend.set("temperature > 80", ({"gpu": "0"}, 85))
    backend.trouble("broken > 1", Reply(422, '{"status": "error", "errorType": "bad_data", "error": "no such thing"}'))

    def both_evaluated():
        found = json.loads(good(t, "rule", "list", "-o", "json", env={"TOCSIN_URL": tocsin.url}))
        return found if found[0]["state"] == "firing" and found[1]["health"] == "err" else None

    listed = wait.until("a firing rule and a broken one", both_evaluated, 8)
    assert [(r["name"], r["group"], r["source"], r["health"]) for r in listed][0] == ("Hot", "g", "prom", "ok"), listed
    table = good(t, "rule", "list", env={"TOCSIN_URL": tocsin.url}).splitlines()
    assert table[0].split()[:4] == ["RULE", "STATE", "HEALTH", "EVALUATED"] and len(table) == 3, table
    assert "firing" in table[1] and "ago" in table[1] and "prom" in table[1], table
    assert "err" in table[2].split() and "422" in table[2], table
    one = json.loads(good(t, "rule", "list", "Broken", "-o", "json", env={"TOCSIN_URL": tocsin.url}))
    assert [r["name"] for r in one] == ["Broken"], one
    assert json.loads(good(t, "rule", "list", "--group=other", "-o", "json", env={"TOCSIN_URL": tocsin.url})) == []
    firing = json.loads(good(t, "rule", "list", "--state=firing", "-o", "json", env={"TOCSIN_URL": tocsin.url}))
    assert [r["name"] for r in firing] == ["Hot"], firing


def test_help_and_wrong_use(t):
    for words in (["route"], ["route", "test"], ["template", "render"], ["rule", "list"]):
        done = command(*words, "--help")
        assert done.returncode == 0 and "usage" in done.stdout and not done.stderr, (words, done)
    wrong = [["route", "frobnicate"], ["route", "test"], ["route", "test", "a=b", "cases.yml"],
             ["route", "test", "a=~b"], ["route", "test", "A", "b"], ["route", "test", "a=b", "--at=soon"],
             ["route", "test", "c.yml", "--verify.receivers=a"], ["route", "show", "more"],
             ["route", "show", "-o", "table"], ["template"], ["template", "render", "x"],
             ["template", "render", "--data=a", "--group=b"], ["template", "render", "--template.glob=x"],
             ["template", "render", "--template.text=x", "--template.type=pdf"],
             ["template", "render", "--template.text=x", "--group=a=~("], ["rule", "frobnicate"],
             ["rule", "list", "--type=x"]]
    for words in wrong:
        done = command(*words)
        assert done.returncode == 2 and done.stderr and not done.stdout, (words, done)
    done = command("rule", "list", "--url=http://127.0.0.1:1")
    assert done.returncode == 3 and "127.0.0.1:1" in done.stderr, done
