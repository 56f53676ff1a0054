# SPDX-License-Identifier: Apache-2.0
"""
The same script against two servers side by side; the webhook streams must be equal.

A script is a list of (seconds, function); each function gets a Side and acts on it.  Compared per receiver path and
group key, in order: everything a webhook body says, fingerprints included, and within TOLERANCE the time since the
start and each alert's own start and end.
`look` steps also compare what the API shows at that moment.

Two servers can only be compared in time when both are given the processor when they need it.  So each is asked for a
sign of life all the while (Pulse), and each step of the script is timed.  Servers that were kept waiting may differ
without being different: then, and only then, the script is run again with new ones (until_calm).
"""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from . import wait
from .api import parse_time, rfc3339

TOLERANCE = 0.4
# Steps keep this distance from the ticks of groups: who was never kept waiting for longer has no excuse.
CALM = 0.1
ROUNDS_SECONDS = 240


class Near:
    """A number that is equal to another nearby; None is equal to None only."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return abs(self.number - other.number) <= TOLERANCE

    def __repr__(self):
        return f"~{self.number:.2f}"


class Pulse:
    """
    Asks a server for a sign of life twenty times a second.  worst: the longest wait for it, late moments included;
    drift: what the usual wait comes to when, as with Alertmanager's groups, each of a tick a second adds its own.
    """

    EVERY = 0.05

    def __init__(self, server):
        self.server, self.worst = server, 0.0
        self._begun, self._waits = time.monotonic(), []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            try:
                self.server.get("/-/healthy")
                self._waits.append(time.monotonic() - due)
                self.worst = max(self.worst, self._waits[-1])
            except OSError:
                pass            # it is restarted just now
            due = time.monotonic() + self.EVERY

    def stop(self):
        self._over.set()
        self._thread.join()
        drift = sum(self._waits) / max(1, len(self._waits)) * (time.monotonic() - self._begun)
        return max(self.worst, drift)


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


class Run:
    """Both sides were driven through the script: their differences as text lines, and how long one was kept waiting."""

    def __init__(self, left, right, script, length, tolerance=TOLERANCE):
        self.sides = left, right
        self.late = 0.0
        self.clock = left.clock = right.clock = wait.Timetable()
        pulses = [Pulse(side.server) for side in self.sides]
        try:
            self._drive(script)
            self.clock.due(length)
        finally:
            waits = [pulse.stop() for pulse in pulses]
        self.waited = max(self.late, self.clock.now() - length, *waits)
        self.differences = compare(left, right, tolerance)

    def _drive(self, script):
        with ThreadPoolExecutor(2) as pool:
            for at, action in sorted(script, key=lambda step: step[0]):
                self.clock.due(at)
                if getattr(action, "starts_a_process", False):      # it dies with the thread that starts it
                    for side in self.sides:
                        self._act(at, action, side)
                    continue
                for done in [pool.submit(self._act, at, action, side) for side in self.sides]:
                    done.result()

    def _act(self, at, action, side):
        self.late = max(self.late, self.clock.now() - at)
        action(side)


def until_calm(t, attempt, judge=lambda done: done.differences):
    """
    attempt(number): a Run with servers of that number; judge(run): what is wrong with it, as text lines.  Fails when
    something is wrong though nobody was kept waiting, or when somebody was in every run for some minutes.
    """
    started = time.monotonic()
    for number in itertools.count():
        done = attempt(number)
        wrong = judge(done)
        if not wrong:
            return done
        excuse = f"in run {number + 1} a server or the script was kept waiting for {done.waited:.2f} s"
        assert done.waited > CALM and time.monotonic() - started < ROUNDS_SECONDS, "\n".join([*wrong, excuse])
        t.note(f"{excuse}: run again, as {len(wrong)} differences prove nothing ({wrong[0][:200]})")
        for side in done.sides:
            side.server.close()


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


def both_sides(t, config, number, second=False):
    """Tocsin and Alertmanager with the same configuration; {url}, {url2}: a receiver of its own for each."""
    sides = []
    for name, start in (("tocsin", t.tocsin), ("alertmanager", t.alertmanager)):
        hook, other = t.webhook(), t.webhook() if second else None
        text = config.replace("{url}", hook.url).replace("{url2}", other.url if other else "")
        sides.append(Side(name, start(text, name=f"{name}{number or ''}"), hook, other))
    return sides


def compare_runs(t, config, script, length, expect, tolerance=TOLERANCE, second=False, also=lambda sides: []):
    """
    config: text with {url}, and {url2} for the second receiver; expect: the number of notifications the oracle must
    have sent, so that no script is empty; also: what else is wrong with two sides.
    """
    def attempt(number):
        return Run(*both_sides(t, config, number, second), script, length, tolerance)

    def judge(done):
        told = len(done.sides[1].taken())
        return done.differences + also(done.sides) + (
            [] if told == expect else [f"{told} notifications, not {expect}: {done.sides[1].stream()}"])

    return until_calm(t, attempt, judge).sides


def webhooks(*names, resolved="true"):
    """The receivers block: each name to {url}/name."""
    return "receivers:\n" + "".join(
        f"- name: {name}\n  webhook_configs: [{{url: '{{url}}/{name}', send_resolved: {resolved}}}]\n" for name in names)
