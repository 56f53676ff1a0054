# SPDX-License-Identifier: Apache-2.0
"""
The same script against two servers side by side; the webhook streams must be equal.

A script is a list of (seconds, function); each function gets a Side and acts on it.  Compared per receiver path and
group key, in order: everything a webhook body says, fingerprints included, and within TOLERANCE the time since the
start and each alert's own start and end.
`look` steps also compare what the API shows at that moment.
"""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

from . import wait
from .api import parse_time, rfc3339

TOLERANCE = 0.4


class Near:
    """A number that is equal to another nearby; None is equal to None only."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return abs(self.number - other.number) <= TOLERANCE

    def __repr__(self):
        return f"~{self.number:.2f}"


class Side:
    def __init__(self, name, server, hook, second=None):
        """second: a receiver of its own that may fail alone."""
        self.name, self.server, self.hook, self.second = name, server, hook, second
        self.silences = {}
        self.seen = []
        self.clock = None

    def post(self, *alerts):
        self.server.post_alerts(list(alerts))

    def look(self, what, value):
        self.seen.append((what, value))

    def taken(self):
        return self.hook.taken() + (self.second.taken() if self.second else [])

    def since_start(self, text):
        return Near(parse_time(text) - self.clock.start_wall)

    def reload(self, config):
        """The status of POST /-/reload with this configuration."""
        config = config.replace("{url}", self.hook.url)
        with open(self.server.config_path, "w") as file:
            file.write(config)
        return self.server.post("/-/reload").status

    def silence(self, name, start, end, matchers, comment="test", edit=None):
        """start, end: seconds from now; edit: the name of the silence that is changed."""
        now = time.time()
        self.silences[name] = self.server.silence(matchers, now + start, now + end, comment,
                                                  silence_id=self.silences[edit] if edit else None)

    def name_of(self, silence_id):
        return min((name for name, known in self.silences.items() if known == silence_id), default="unknown")

    def stream(self):
        """{(path, group key): [(times, status, alerts)]} in order of arrival; times: of the request, then of the alerts."""
        streams = {}
        for received in self.taken():
            body = received.json
            head = {key: body[key] for key in ("version", "receiver", "truncatedAlerts", "groupLabels", "commonLabels",
                                               "commonAnnotations")}
            alerts = [head] + sorted((sorted(a["labels"].items()), sorted(a["annotations"].items()), a["status"],
                                      a["fingerprint"], a["generatorURL"]) for a in body["alerts"])
            times = [received.mono - self.clock.start]
            for told in sorted(body["alerts"], key=lambda a: sorted(a["labels"].items())):
                times.append(parse_time(told["startsAt"]) - self.clock.start_wall)
                if told["status"] == "resolved":
                    times.append(parse_time(told["endsAt"]) - self.clock.start_wall)
            streams.setdefault((received.path, body["groupKey"]), []).append((times, body["status"], alerts))
        return streams


def alert(name="A", starts=None, ends=None, annotations=None, **labels):
    """An alert to post; starts, ends: seconds since 1970."""
    body = {"labels": {"alertname": name, **labels}, "annotations": annotations or {}}
    if starts is not None:
        body["startsAt"] = rfc3339(starts)
    if ends is not None:
        body["endsAt"] = rfc3339(ends)
    return body


def run(left, right, script, length, tolerance=TOLERANCE):
    """Drive both sides through the script; returns the differences as text lines."""
    clock = wait.Timetable()
    left.clock = right.clock = clock
    with ThreadPoolExecutor(2) as pool:
        for at, action in sorted(script, key=lambda step: step[0]):
            clock.due(at)
            if getattr(action, "starts_a_process", False):      # it dies with the thread that starts it
                action(left)
                action(right)
                continue
            for done in [pool.submit(action, side) for side in (left, right)]:
                done.result()
    clock.due(length)
    return compare(left, right, tolerance)


def compare(left, right, tolerance=TOLERANCE):
    differences = []
    ours, theirs = left.stream(), right.stream()
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key, []), theirs.get(key, [])
        if len(a) != len(b):
            differences.append(f"{key}: {len(a)} notifications at {left.name} {_times(a)}, "
                               f"{len(b)} at {right.name} {_times(b)}")
            continue
        for i, ((times_a, status_a, alerts_a), (times_b, status_b, alerts_b)) in enumerate(zip(a, b)):
            if (status_a, alerts_a) != (status_b, alerts_b):
                differences.append(f"{key}[{i}]: {left.name} {status_a} {alerts_a}, {right.name} {status_b} {alerts_b}")
            elif any(abs(x - y) > tolerance for x, y in zip(times_a, times_b)):
                differences.append(f"{key}[{i}]: {left.name} at {_seconds(times_a)}, {right.name} at {_seconds(times_b)}")
    for (what_a, value_a), (what_b, value_b) in zip(left.seen, right.seen):
        if (what_a, value_a) != (what_b, value_b):
            differences.append(f"{what_a}: " + _apart(left.name, value_a, right.name, value_b))
    return differences


def _apart(name_a, a, name_b, b):
    """Of two lists only what is not equal."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        a, b = zip(*[(x, y) for x, y in zip(a, b) if x != y])
    return f"{name_a} shows {a}, {name_b} shows {b}"


def _seconds(times):
    return "[" + ", ".join(f"{at:.2f}" for at in times) + "] s"


def _times(stream):
    return "at " + ", ".join(f"{times[0]:.2f} s ({status}, {len(alerts) - 1})" for times, status, alerts in stream)


def shown(side, a, refreshed=True):
    """An alert of the API without what must differ (ids; times a little).  refreshed: are the times of refreshes equal?"""
    return (a["labels"], a["annotations"], a["fingerprint"], a.get("generatorURL"), a["status"]["state"],
            sorted(side.name_of(silence) for silence in a["status"]["silencedBy"]), [r["name"] for r in a["receivers"]],
            [side.since_start(a[key]) for key in ("startsAt", "updatedAt", "endsAt")[:3 if refreshed else 1]])


def seen_alerts(side, what, refreshed=True, **query):
    """A look at GET /api/v2/alerts."""
    side.look(what, [shown(side, a, refreshed) for a in side.server.alerts(**query)])


def seen_inhibited(side, what):
    """By whom, for alerts that only one other inhibits; which of several is named is a matter of chance."""
    side.look(what, [(a["labels"], a["status"]["state"], a["status"]["inhibitedBy"]) for a in side.server.alerts()])


def seen_groups(side, what, refreshed=True, **query):
    """Groups with the same labels and receiver (of several routes) are in no order."""
    groups = [(g["labels"], g["receiver"]["name"], [shown(side, a, refreshed) for a in g["alerts"]])
              for g in side.server.groups(**query)]
    side.look(what, [group for _, run in itertools.groupby(groups, lambda group: group[:2])
                     for group in sorted(run, key=lambda group: [sorted(a[0].items()) for a in group[2]])])


def seen_silences(side, what, **query):
    side.look(what, [(side.name_of(s["id"]), s["status"]["state"], s["matchers"], s["comment"], s["createdBy"],
                      [side.since_start(s[key]) for key in ("startsAt", "endsAt", "updatedAt")])
                     for s in side.server.silences(**query)])


def compare_runs(t, config, script, length, expect, tolerance=TOLERANCE, second=False):
    """
    config: text with {url}, and {url2} for the second receiver; expect: the number of notifications the oracle must
    have sent, so that no script is empty.
    """
    sides = []
    for name, start in (("tocsin", t.tocsin), ("alertmanager", t.alertmanager)):
        hook, other = t.webhook(), t.webhook() if second else None
        text = config.replace("{url}", hook.url).replace("{url2}", other.url if other else "")
        sides.append(Side(name, start(text), hook, other))
    differences = run(*sides, script, length, tolerance)
    assert not differences, "\n".join(differences)
    told = len(sides[1].taken())
    assert told == expect, f"{told} notifications, not {expect}: {sides[1].stream()}"
    return sides


def webhooks(*names, resolved="true"):
    """The receivers block: each name to {url}/name."""
    return "receivers:\n" + "".join(
        f"- name: {name}\n  webhook_configs: [{{url: '{{url}}/{name}', send_resolved: {resolved}}}]\n" for name in names)
