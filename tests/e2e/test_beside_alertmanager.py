# SPDX-License-Identifier: Apache-2.0
"""
Each request and each amtool command to Tocsin and to Debian's Alertmanager: the same answer.

What differs on purpose stands in KNOWN, with why.
"""

import json
import re
import subprocess
import time

from lib.api import call, rfc3339

CONFIG = """
route: {receiver: b, group_by: [alertname], group_wait: 1h, routes: [
  {receiver: a, matchers: [team="ml"], continue: true}, {receiver: b, matchers: [team="ml"], group_by: ['...']},
  {receiver: "c d", matchers: [team="x"]}]}
receivers: [{name: a}, {name: b}, {name: "c d"}]
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [node]}]
"""
ALERTS, GROUPS, SILENCES = "/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences"
NOBODY = "/api/v2/silence/11111111-1111-4111-8111-111111111111"

# (method, path, part of the body): why the answers differ
KNOWN = [
    ("POST", ALERTS, '}}] x', "what follows the list is a mistake, not passed over"),
    ("DELETE", NOBODY, "", "404 as in newer ones, 0.25 says 500"),
    ("GET", NOBODY, "", "a 404 that says what was not found"),
    ("POST", SILENCES, "null", "no silence at all is a malformed body"),
    ("OPTIONS", "", "", "browsers ask so before other requests: 200"),
    ("HEAD", "", "", "is answered like GET"),
    ("GET", "/api/v1/", "", "Alertmanager's v1 is gone (410), Prometheus' v1 is there"),
    ("POST", "/api/v1/", "", "as above"),
    ("GET", "/api/v2/status", "", "the configuration as it was written"),
]


def normal(text):
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)", "TIME", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return text.replace(',"mutedBy":[]', "").rstrip()


def words(method, text):
    """An error of a parser is in its own words; lists of methods are in no order."""
    text = re.sub(r"parsing (alerts|silence) body.*", "parsing", text)
    text = re.sub(r'^"(bad matcher format|error parsing regexp).*', "bad matcher", text)
    text = re.sub(r"(invalid regular expression|failed to parse receiver param).*", r"\1", text)
    return re.sub(r"\[([A-Z,]+)\]", lambda found: str(sorted(found[1].split(","))), text) if method != "GET" else text


class Pair:
    def __init__(self, t):
        self.sides = t.tocsin(CONFIG), t.alertmanager(CONFIG)
        self.count, self.apart = 0, []

    def ask(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        answers = [call(side.port, method, path, body, {"Content-Type": "application/json"} if headers is None else headers)
                   for side in self.sides]
        self.count += 1
        ours, theirs = ((a.status, words(method, normal(a.text))) for a in answers)
        if path.startswith("/-/") or path in ("/metrics", "/nosuch", "/api"):
            ours, theirs = ours[:1], theirs[:1]         # text there, JSON here
        if ours == theirs or any(method == m and path.startswith(p) and part in (body or "") for m, p, part, _ in KNOWN):
            return
        self.apart.append(f"{method} {path} {body or ''} {headers or ''}\n  ours   {ours}\n  theirs {theirs}")

    def done(self, at_least):
        assert not self.apart, "\n".join(self.apart)
        assert self.count >= at_least, self.count


BAD_ALERTS = [
    "[]", "null", "{}", "", "[", "[1]", "[{}]", '"x"', '[{"labels":null}]', '[{"labels":{}}]', '[{"labels":{"a":""}}]',
    '[{"labels":{"a":1}}]', '[{"labels":{"a":null}}]', '[{"labels":[]}]', '[{"labels":{"a":"1"},"startsAt":"x"}]',
    '[{"labels":{"a":"1"},"startsAt":""}]', '[{"labels":{"a":"1"},"startsAt":null}]',
    '[{"labels":{"a":"1"},"startsAt":"2026-01-01"}]', '[{"labels":{"a":"1"},"generatorURL":"::"}]',
    '[{"labels":{"a":"1"},"generatorURL":"foo"}]', '[{"labels":{"a":"1"},"generatorURL":"/foo"}]',
    '[{"labels":{"a":"1"},"generatorURL":""}]', '[{"labels":{"a":"1"},"unknown":5}]',
    '[{"labels":{"a":"1"},"annotations":{"b":1}}]', '[{"labels":{"a":"1"},"annotations":null}]',
    '[{"labels":{"a":"\\ud800"}}]', '[{"labels":{"a":"1"}}] x', '[{"Labels":{"zz":"1"},"STARTSAT":"2026-01-01T00:00:00Z"}]',
    '[{"labels":{"a":"1"},"labels":{"b":"2"}}]',
    '[{"labels":{"a":"1"},"startsAt":"2027-01-01T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]',
    '[{"labels":{"a":"1"}},{"labels":{"a":""}},{"labels":{"b":"2"},"startsAt":"2027-01-01T00:00:00Z",'
    '"endsAt":"2026-01-01T00:00:00Z"}]',
]


def test_posted_alerts_are_taken_and_refused_alike(t):
    pair = Pair(t)
    for body in BAD_ALERTS:
        pair.ask("POST", ALERTS, body)
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-8"},
                 {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "APPLICATION/JSON"}):
        pair.ask("POST", ALERTS, "[]", kind)
    ours, theirs = (sorted(json.dumps([a["labels"], a["annotations"]], sort_keys=True) for a in side.alerts())
                    for side in pair.sides)
    assert ours == theirs and len(ours) > 2
    pair.done(30)


def test_methods_and_paths_are_known_alike(t):
    pair = Pair(t)
    paths = [ALERTS, GROUPS, SILENCES, NOBODY, "/api/v2/status", "/api/v2/receivers", "/-/healthy", "/-/ready", "/-/reload",
             "/metrics", "/api/v2/nosuch", "/nosuch"]
    for path in paths:
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"):
            if (method, path) != ("HEAD", "/metrics"):
                pair.ask(method, path)
    for path in [*paths, "/api/v2/", "/api/v2/silence/", "/api/v2/silence/x", "/api", "/-/nosuch", "/api/v2/openapi.json"]:
        if path != "/metrics":
            pair.ask("GET", path)
    pair.ask("DELETE", "/api/v2/silence/x")
    pair.ask("POST", "/-/reload")
    pair.done(80)


def silence_bodies(now):
    def body(**changes):
        whole = {"matchers": [{"name": "alertname", "value": "B", "isRegex": False, "isEqual": True}],
                 "startsAt": rfc3339(now - 5), "endsAt": rfc3339(now + 900), "createdBy": "me", "comment": "c", **changes}
        return {key: value for key, value in whole.items() if value is not None}

    def matcher(**keys):
        return body(matchers=[keys])

    return [
        body(), body(matchers=[]), body(matchers=None), body(startsAt=None), body(endsAt=None), body(createdBy=None),
        body(comment=None), body(comment=""), body(createdBy=""), matcher(name="a"), matcher(name="a", value="b"),
        matcher(name="a", value="", isRegex=False), matcher(name="a", value=".*", isRegex=True),
        matcher(name="a", value="(", isRegex=True), matcher(name="", value="x", isRegex=False),
        matcher(name="a", value="b", isRegex="x"), matcher(name="a", value="b", isRegex=None),
        matcher(name="a", value="", isRegex=False, isEqual=False), body(endsAt=rfc3339(now - 10)),
        body(startsAt=rfc3339(now + 1000)), body(endsAt=rfc3339(now - 5)), body(id="x"),
        body(id="11111111-1111-4111-8111-111111111111"), body(id=""), body(startsAt="0001-01-01T00:00:00Z"),
        body(endsAt="0001-01-01T00:00:00Z"), body(extra=1), body(status={"state": "active"}), body(annotations={"a": "b"}),
        "", "{}", "[]", "null", "x"]


def test_silences_are_taken_and_refused_alike(t):
    pair, now = Pair(t), time.time()
    for body in silence_bodies(now):
        pair.ask("POST", SILENCES, body)
    ours, theirs = ([(s["matchers"], s["comment"], s["createdBy"], s["status"]) for s in side.silences()]
                    for side in pair.sides)
    assert sorted(map(str, ours)) == sorted(map(str, theirs)) and len(ours) > 8
    for side in pair.sides:                 # a second end changes nothing
        known = side.silences()[0]["id"]
        assert [side.delete(f"/api/v2/silence/{known}").status for _ in range(2)] == [200, 200]
    pair.done(30)


FLAGS = ["false", "0", "1", "true", "nonsense", "", "FALSE", "f", "no", "yes", "t", "on", "ok", "checked", "enabled", "y"]


def test_lists_are_filtered_and_sorted_alike(t):
    """Every parameter, also malformed, repeated and empty ones."""
    pair, now = Pair(t), time.time()

    def ringing(annotations=None, ends=600, **labels):
        return {"labels": labels, "annotations": annotations or {}, "startsAt": rfc3339(now - 60),
                "endsAt": rfc3339(now + ends)}

    for side in pair.sides:
        side.post_alerts([
            ringing(alertname="A", team="ml", node="1", severity="critical"),
            ringing(alertname="A", team="ml", node="1", severity="warning"), ringing(alertname="B", team="x", node="2"),
            ringing({"x": "<b>&\u2028é"}, alertname="C", foo="bar"), ringing(alertname="C", foo="baz", job="j", instance="i"),
            ringing(ends=-30, alertname="Old", foo="bar")])
        side.silence({"alertname": "B"}, now - 1, now + 600)
    queries = [f"{name}={value}" for name in ("active", "silenced", "inhibited", "unprocessed") for value in FLAGS]
    queries += ["", "silenced=false&inhibited=false", "active=true&active=false", "unknown=1", "ACTIVE=false"]
    queries += [f"receiver={value}" for value in ("a", "a%7Cb", "c%20d", "(", "", ".%2A", "a&receiver=b")]
    filters = ["a%3Db", "alertname%3DB", "alertname%3D%22B%22", "%7Balertname%3DB%7D", "xx", "", "alertname%3D~%22B%7CC%22",
               "alertname!%3DB", "a!%3D%22%22", "alertname%3DB&filter=team%3Dx", "alertname%3D~%22(%22", "foo%3D~.%2A"]
    for query in queries + [f"filter={text}" for text in filters]:
        pair.ask("GET", f"{ALERTS}?{query}")
        pair.ask("GET", f"{GROUPS}?{query}")
    for text in filters:
        pair.ask("GET", f"{SILENCES}?filter={text}")
    pair.ask("GET", "/api/v2/receivers")
    pair.done(170)


# ---- amtool


class Amtool:
    def __init__(self, t, side, name):
        self.t, self.side, self.name, self.ids = t, side, name, {}

    def run(self, *arguments):
        """(exit status, stdout and stderr) without what must differ; {NAME} in an argument is a silence's id."""
        arguments = [re.sub(r"\{(\w+)\}", lambda found: self.ids[found[1]], word) for word in arguments]
        done = subprocess.run([self.t.tool("amtool"), f"--alertmanager.url={self.side.url}", *arguments],
                              capture_output=True, text=True, timeout=120, check=False, cwd=self.t.dir,
                              env={"HOME": self.t.dir, "TZ": "UTC"})
        return done.returncode, done.stdout, done.stderr


def plain(side, text):
    text = text.replace(str(side.port), "PORT")
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?", "TIME", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"\b\d\d:\d\d:\d\d\.\d+\b", "TIME", text)
    text = re.sub(r',?"mutedBy":\[\]', "", text)
    text = re.sub(r"\b0xc[0-9a-f]+\b", "POINTER", text)         # amtool's own slip
    return re.sub(r" +", " ", text)


# NAME= keeps the id that is printed; words as amtool gets them.
COMMANDS = """
alert
alert query
alert add Hot node=n1 severity=critical --annotation=summary=hot --generator-url=http://p.example/g
alert add alertname=Disk node=n2 --start=2026-01-01T00:00:00Z
alert add Over --end=2026-01-01T00:00:00Z
alert add nolabel= =x
alert query
alert query -o extended
alert query -o json
alert query Hot
alert query node=~n.* severity!=warning
alert query --active --silenced --inhibited --unprocessed
alert query -r b
alert query --receiver=nobody
alert query alertname=~(
alert query --date.format=2006
one= silence add alertname=Hot --author=me --comment=work --duration=2h
two= silence add node=~n.+ severity!=critical -a you -c later --start=2030-01-01T00:00:00Z --end=2030-01-02T00:00:00Z
silence add --comment=x
silence add a=b
silence add a=b -c x --duration=bad
silence add a=b -c x --end=2020-01-01T00:00:00Z
silence query
silence query -o extended
silence query -o json
silence query -q
silence query alertname=Hot
silence query --created-by=you
silence query --within=3h
silence query --expired
alert query
alert query -s
silence update {one} --comment=longer --duration=3h
silence update {one} -q -d 1h
three= silence update {two} -q --start=2030-01-01T12:00:00Z --end=2030-02-01T00:00:00Z
silence update 00000000-0000-4000-8000-000000000000 -c x
silence query -q
silence expire {one}
silence expire {one}
silence expire 00000000-0000-4000-8000-000000000000
silence expire
silence query --expired -q
silence query --expired --within=1h -q
silence import -f import.json
silence import import.json
silence import --worker=1 broken.json
silence import past.json
silence query -o json
cluster show
config routes
config routes show
config routes test team=ml severity=critical
config routes test --tree team=x
config routes test --verify.receivers=b team=ml
config routes test --verify.receivers=a,b team=ml
config routes test --config.file=am.yml team=x
config routes show --config.file=am.yml
check-config am.yml
check-config bad.yml
--version-check alert query -o json
--no-version-check --timeout=5s --verbose silence query -q
--http.config.file=http.yml alert query
template render --template.glob=t.tmpl --template.text={{template\u00a0"x"\u00a0.}}
""".strip().splitlines()

# What these print is the servers' own: names of peers, errors of a newer API.
OWN_TEXT = ("silence expire 00000000", "cluster show", "silence update 00000000")
# amtool 0.25 does not wait for the last of its workers before it says how it went.
RACE = ("silence import past.json",)


def test_every_amtool_command_does_the_same(t):
    pair, now = Pair(t), time.time()
    new = {"matchers": [{"name": "i", "value": "1", "isRegex": False, "isEqual": True}], "startsAt": rfc3339(now),
           "endsAt": rfc3339(now + 3600), "createdBy": "i", "comment": "imported"}
    for name, text in (("am.yml", CONFIG), ("bad.yml", CONFIG.replace("{name: a}", "{name: z}")),
                       ("import.json", json.dumps([{**new, "id": "11111111-1111-4111-8111-111111111111"}, new])),
                       ("broken.json", '[{"matchers": '), ("http.yml", "follow_redirects: true\n"),
                       ("past.json", json.dumps([{**new, "endsAt": rfc3339(now - 60), "startsAt": rfc3339(now - 90)}])),
                       ("t.tmpl", '{{ define "x" }}{{ .Status }}{{ end }}')):
        with open(t.path(name), "w") as file:
            file.write(text)
    tools = [Amtool(t, side, name) for side, name in zip(pair.sides, ("ours", "theirs"))]
    apart = []
    for line in COMMANDS:
        keep, _, command = line.rpartition("= ")
        if not re.fullmatch(r"\w+", keep):
            keep, command = "", line
        answers = []
        for tool in tools:
            status, out, err = tool.run(*[word.replace("\u00a0", " ") for word in command.split(" ")])
            if keep:
                tool.ids[keep] = out.strip()
            text = plain(tool.side, out + err)
            answers.append((status, "" if command.startswith(OWN_TEXT) else "\n".join(sorted(text.splitlines()))))
        if answers[0] != answers[1] and command not in RACE:
            apart.append(f"amtool {line}\n  ours   {answers[0]}\n  theirs {answers[1]}")
    assert not apart, "\n".join(apart)
    assert tools[0].ids["two"] and tools[0].ids["three"], tools[0].ids


def test_amtool_shows_our_configuration_as_one_that_alertmanager_loads(t):
    tocsin = t.tocsin(CONFIG)
    shown = Amtool(t, tocsin, "ours").run("config", "show")
    with open(t.path("shown.yml"), "w") as file:
        file.write(shown[1])
    assert shown[0] == 0 and Amtool(t, tocsin, "ours").run("check-config", "shown.yml")[0] == 0
    assert Amtool(t, tocsin, "ours").run("config")[1] == shown[1]
