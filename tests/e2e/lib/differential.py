# SPDX-License-Identifier: Apache-2.0
"""
The same script against two servers side by side; the webhook streams must be equal.

A script is a list of (seconds, function); each function gets a Side and acts on it.  Compared per receiver path and
group key, in order: status, the set of (labels, annotations, status), and within TOLERANCE the time since the start and
each alert's own start and end.
`look` steps also compare what the API shows at that moment.
"""

from concurrent.futures import ThreadPoolExecutor

from . import wait
from .api import parse_time, rfc3339

TOLERANCE = 0.4


class Side:
    def __init__(self, name, server, hook):
        self.name, self.server, self.hook = name, server, hook
        self.silences = {}
        self.seen = []
        self.clock = None

    def post(self, *alerts):
        self.server.post_alerts(list(alerts))

    def look(self, what, value):
        self.seen.append((what, value))

    def stream(self):
        """{(path, group key): [(times, status, alerts)]} in order of arrival; times: of the request, then of the alerts."""
        streams = {}
        for received in self.hook.taken():
            body = received.json
            alerts = sorted((sorted(a["labels"].items()), sorted(a["annotations"].items()), a["status"])
                            for a in body["alerts"])
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


def compare(left, right, tolerance):
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
            differences.append(f"{what_a}: {left.name} shows {value_a}, {right.name} shows {value_b}")
    return differences


def _seconds(times):
    return "[" + ", ".join(f"{at:.2f}" for at in times) + "] s"


def _times(stream):
    return "at " + ", ".join(f"{times[0]:.2f} s ({status}, {len(alerts)})" for times, status, alerts in stream)


def seen_alerts(side, what):
    """A look at GET /api/v2/alerts without what must differ (times, ids)."""
    side.look(what, [(a["labels"], a["annotations"], a["fingerprint"], a["status"]["state"],
                      len(a["status"]["silencedBy"]), [r["name"] for r in a["receivers"]])
                     for a in side.server.alerts()])


def seen_inhibited(side, what):
    """By whom, for alerts that only one other inhibits; which of several is named is a matter of chance."""
    side.look(what, [(a["labels"], a["status"]["state"], a["status"]["inhibitedBy"]) for a in side.server.alerts()])


def seen_groups(side, what):
    side.look(what, [(g["labels"], g["receiver"]["name"], [(a["labels"], a["status"]["state"]) for a in g["alerts"]])
                     for g in side.server.groups()])
