# SPDX-License-Identifier: Apache-2.0
"""
Silences and what the API shows, side by side with Debian's Alertmanager: see test_routing_timers.
"""

import time

from lib.api import call, rfc3339
from lib.differential import alert, compare_runs, seen_alerts, seen_groups, seen_silences, webhooks

CONFIG = """
route: {receiver: hook, group_by: [alertname], group_wait: 300ms, group_interval: 1s, repeat_interval: 1h}
""" + webhooks("hook")


def matcher(name, value, op="="):
    return {"name": name, "value": value, "isRegex": "~" in op, "isEqual": not op.startswith("!")}


def test_silences_before_and_during_end_by_themselves(t):
    """What was never told is told at the tick after the end; what was told before is not told again."""
    compare_runs(t, CONFIG, [
        (0.0, lambda s: s.silence("before", 0, 1.0, {"alertname": "Before"})),
        (0.1, lambda s: s.post(alert("Before"), alert("During"), alert("During", n="2"))),
        (0.7, lambda s: s.silence("during", 0, 1.3, {"alertname": "During"})),
        (0.8, lambda s: (seen_alerts(s, "both silenced"), seen_silences(s, "both active"))),
        (0.9, lambda s: s.post(alert("During", n="3"))),
        (1.7, lambda s: (seen_alerts(s, "one silenced"), seen_silences(s, "one expired"))),
        (2.6, lambda s: s.post(alert("During", n="2", ends=time.time()))),
    ], 3.7, 4)


def test_a_silence_that_starts_later(t):
    """Pending, then active; a pending one is changed in place and expired before it began."""
    compare_runs(t, CONFIG, [
        (0.0, lambda s: (s.silence("later", 0.9, 60, {"alertname": "A"}), s.silence("never", 30, 60, {"n": "1"}),
                         s.silence("moved", 20, 60, {"n": "2"}))),
        (0.1, lambda s: s.post(alert(n="1"))),
        (0.2, lambda s: (s.silence("moved", 10, 70, {"n": "2"}, "sooner", edit="moved"),
                         seen_silences(s, "three pending"))),
        (0.3, lambda s: (s.server.expire(s.silences["never"]), seen_silences(s, "one expired"))),
        (0.6, lambda s: seen_alerts(s, "not yet")),
        (1.0, lambda s: (s.post(alert(n="2")), seen_silences(s, "one active"))),
        (1.6, lambda s: seen_groups(s, "silenced")),
        (1.7, lambda s: s.silence("moved", -1, 70, {"n": "2"}, "cannot start in the past in place", edit="moved")),
        (1.8, lambda s: seen_silences(s, "moved")),
        (1.9, lambda s: s.server.expire(s.silences["later"])),
        (2.0, lambda s: s.server.expire(s.silences["moved"])),
    ], 3.0, 2)


def test_editing_an_active_silence(t):
    """
    The same matchers and start: in place.  Others: the old one expires and there is a new one.  An expired one is
    never opened again.
    """
    starts = {}

    def edit(name, matchers, of, start=None, end=60.0, comment="edited"):
        def act(side):
            first = side.server.good(f"/api/v2/silence/{side.silences[of]}")
            begins = first["startsAt"] if start is None else rfc3339(time.time() + start)
            body = {"id": side.silences[of], "matchers": matchers, "startsAt": begins,
                    "endsAt": rfc3339(time.time() + end), "createdBy": "editor", "comment": comment}
            answer = side.server.post("/api/v2/silences", body)
            if answer.status == 200:
                side.silences[name] = answer.json["silenceID"]
            side.look(f"{name} of {of}", (answer.status, side.silences.get(name) == side.silences[of]))
        return act

    a, b = [matcher("n", "1")], [matcher("n", "2")]
    compare_runs(t, CONFIG, [
        (0.0, lambda s: starts.update({s.name: s.silence("first", 0, 30, {"n": "1"})})),
        (0.1, lambda s: s.post(alert(n="1"), alert(n="2"))),
        (0.3, edit("longer", a, "first", end=90.0)),
        (0.4, lambda s: seen_silences(s, "in place")),
        (0.7, edit("other", b, "longer")),
        (0.8, lambda s: (seen_silences(s, "other matchers"), seen_alerts(s, "other matchers"))),
        (1.4, edit("other-end", b, "other", end=0.5)),
        (1.5, edit("other-start", b, "other-end", start=5.0)),
        (1.6, lambda s: seen_silences(s, "another start")),
        (1.7, edit("reopened", a, "longer")),
        (1.8, lambda s: (seen_silences(s, "reopened"), seen_alerts(s, "reopened"))),
        (1.9, edit("past", a, "reopened", end=-5.0)),
        (2.0, lambda s: seen_silences(s, "not in the past")),
    ], 2.6, 3)


def test_silences_of_every_kind_of_matcher(t):
    """Four operators, missing labels, several on one alert, and what GET /silences?filter= finds."""
    def post(name, *matchers):
        return lambda s: s.silence(name, 0, 60, list(matchers))

    def filters(side):
        for text in ('n="1"', 'n=~"1|2"', "n=1", 'missing=""', 'n!="1"', "nonsense", 'job!~"a.*"'):
            answer = side.server.get("/api/v2/silences", filter=text)
            side.look(text, (answer.status, sorted(side.name_of(found["id"]) for found in answer.json)
                             if answer.status == 200 else None))

    compare_runs(t, CONFIG, [
        (0.0, post("regex", matcher("n", "1|2", "=~"))),
        (0.02, post("not", matcher("alertname", "A"), matcher("n", "3", "!="), matcher("n", "4", "!="))),
        (0.04, post("unlike", matcher("job", "a.*", "!~"), matcher("alertname", "B"))),
        (0.06, post("absent", matcher("missing", "", "="), matcher("n", "4"))),
        (0.1, lambda s: s.post(*[alert("A", n=str(n)) for n in range(1, 5)], alert("B", job="abc"),
                               alert("B", job="xyz"), alert("B"), alert("C", n="4", missing="not"))),
        (0.8, lambda s: (seen_alerts(s, "silenced by"), seen_silences(s, "list"))),
        (0.9, filters),
    ], 1.3, 3)


def test_what_the_lists_show(t):
    """Every parameter of GET /alerts and /alerts/groups, alone and together, and what is refused."""
    config = """
route: {receiver: root, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h, routes: [
  {matchers: [team="ml"], receiver: ml-pager, continue: true}, {matchers: [team="ml"], receiver: ml-mail}]}
inhibit_rules: [{source_matchers: [severity="critical"], target_matchers: [severity="info"], equal: [team]}]
""" + webhooks("root", "ml-pager", "ml-mail")
    queries = [{}, {"active": "false"}, {"silenced": "false"}, {"inhibited": "false"}, {"unprocessed": "false"},
               {"active": "false", "silenced": "false"}, {"active": "0", "inhibited": "nonsense"}, {"silenced": ""},
               {"filter": 'team="ml"'}, {"filter": ['team="ml"', "severity!=info"]}, {"filter": 'team=""'},
               {"filter": 'team!=""'}, {"filter": "alertname=~A|C"}, {"filter": "alertname=~A.*", "active": "false"},
               {"receiver": "ml"}, {"receiver": "ml-.*"}, {"receiver": "ml-mail", "filter": 'severity="info"'},
               {"filter": "broken"}, {"filter": '{team="ml"}'}, {"filter": "a=~("}, {"receiver": "("}, {"unknown": "x"}]

    def look(side):
        for path in ("/api/v2/alerts", "/api/v2/alerts/groups"):
            for query in queries:
                answer = side.server.get(path, **query)
                found = answer.json
                if answer.status == 200 and path.endswith("groups"):
                    found = [(g["labels"], g["receiver"], [a["fingerprint"] for a in g["alerts"]]) for g in found]
                elif answer.status == 200:
                    found = [(a["labels"], a["status"]["state"], [r["name"] for r in a["receivers"]],
                              a["status"]["inhibitedBy"]) for a in found]
                else:
                    found = type(found).__name__
                side.look(f"{path} {query}", (answer.status, found))
        side.look("receivers", sorted(r["name"] for r in side.server.good("/api/v2/receivers")))

    compare_runs(t, config, [
        (0.0, lambda s: s.silence("s", 0, 60, {"n": "2"})),
        (0.1, lambda s: s.post(alert("A", n="1", team="ml", severity="critical"),
                               alert("A", n="2", team="ml", severity="info"),
                               alert("A", n="3", team="ml", severity="info"), alert("B", n="1"), alert("B", n="2"),
                               alert("C", severity="info"), alert("Over", ends=time.time()))),
        (0.8, look),
    ], 1.0, 4)


def test_requests_that_are_refused_alike(t):
    """The same status for the same mistake, and nothing is changed by it."""
    now = time.time()
    whole = {"matchers": [matcher("a", "b")], "startsAt": rfc3339(now), "endsAt": rfc3339(now + 60), "createdBy": "x",
             "comment": "y"}
    requests = [("POST", "/api/v2/silences", {**whole, **change}) for change in (
        {"matchers": []}, {"matchers": [matcher("a", "")]}, {"matchers": [matcher("a", "", "!=")]},
        {"matchers": [matcher("a", ".*", "=~")]}, {"matchers": [matcher("a", "(", "=~")]},
        {"matchers": [matcher("", "x")]}, {"endsAt": rfc3339(now - 60)}, {"endsAt": "soon"},
        {"startsAt": rfc3339(now + 90)}, {"id": "nonsense"}, {"id": "00000000-0000-4000-8000-000000000000"},
        {"comment": ""}, {"createdBy": ""}, {"matchers": [{"name": "a", "value": "b"}]},
        {"matchers": [{"name": "a", "value": "b", "isRegex": False}]}, {"unknown": 1})]
    requests += [("POST", "/api/v2/silences", {k: v for k, v in whole.items() if k != missing}) for missing in whole]
    requests += [("POST", "/api/v2/alerts", body) for body in (
        [], None, {}, [{}], [{"labels": {}}], [{"labels": {"a": ""}}], [{"labels": {"a": 1}}],
        [{"labels": {"a": "b"}, "startsAt": "x"}], [{"labels": {"a": "b"}, "generatorURL": "::"}],
        [{"labels": {"a": "b"}, "startsAt": rfc3339(now), "endsAt": rfc3339(now - 9)}],
        [{"labels": {"c": "d"}, "more": 1}], "text", [1], [{"labels": {"a": "b"}, "annotations": {"x": None}}])]
    requests += [("GET", "/api/v2/silence/nonsense", None), ("DELETE", "/api/v2/silence/nonsense", None),
                 ("GET", "/api/v2/silence/00000000-0000-4000-8000-000000000000", None),
                 ("GET", "/api/v2/nothing", None), ("GET", "/nothing", None), ("GET", "/-/reload", None),
                 ("DELETE", "/api/v2/alerts", None), ("PUT", "/api/v2/silences", {}), ("POST", "/api/v2/status", {}),
                 ("GET", "/api/v2/alerts/", None), ("GET", "/-/healthy", None), ("GET", "/-/ready", None),
                 ("HEAD", "/-/healthy", None)]

    def ask(side):
        for method, path, body in requests:
            answer = call(side.server.port, method, path, body)
            side.look(f"{method} {path} {body}", answer.status)
        side.look("alerts", sorted(str(a["labels"]) for a in side.server.alerts()))

    compare_runs(t, CONFIG, [(0.0, ask)], 0.9, 1)
