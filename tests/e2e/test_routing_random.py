# SPDX-License-Identifier: Apache-2.0
"""
A random life beside Debian's Alertmanager: alerts that fire, end, end by themselves, change, are silenced and inhibited,
over nested routes.  E2E_SEED chooses another life.

Everything is done at full seconds, every flush falls 0.4 s later, what ends by itself ends 0.7 s later, and the lists are
looked at 0.9 s later, so that nothing races a flush or an end.  Left out is what newer Alertmanagers do otherwise than
0.25: `group_by: []` below a route that groups, and a log entry that has expired (twice the repeat_interval) but waits to
be collected.
"""

import os
import random
import time

from lib.differential import Run, alert, both_sides, seen_alerts, seen_groups, until_calm

TIMEOUT = 90
STEPS = 14

CONFIG = """
global: {resolve_timeout: 2650ms}
route:
  receiver: root
  group_by: [alertname]
  group_wait: 400ms
  group_interval: 1s
  repeat_interval: 8500ms
  routes:
  - matchers: ['team=~"ml|data"']
    receiver: ml
    group_by: [alertname, cluster]
    continue: true
  - matchers: ['severity!="info"', team!="web"]
    receiver: pager
    group_by: ['...']
    repeat_interval: 1h
  - matchers: [severity="info"]
    receiver: quiet
    group_by: [team]
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="info"]
  equal: [cluster]
- source_matchers: [alertname="A", severity="warning"]
  target_matchers: [alertname="B"]
  equal: [team]
receivers:
- name: root
  webhook_configs: [{url: '{url}/root'}]
- name: ml
  webhook_configs: [{url: '{url}/ml'}, {url: '{url}/ml-quiet', send_resolved: false}]
- name: pager
  webhook_configs: [{url: '{url}/pager', max_alerts: 1}]
- name: quiet
  webhook_configs: [{url: '{url}/quiet', send_resolved: false}]
"""


class Life:
    """The same choices for both sides: each step is decided once.  crashes: Tocsin is killed now and then."""

    def __init__(self, seed, crashes=False):
        self.rng = random.Random(seed)
        self.crashes = crashes
        self.silences = []
        self.script = []
        self.kinds = [
            {"name": name, "severity": severity, "team": team, "cluster": cluster}
            for name in "AB" for severity in ("critical", "warning", "info")
            for team in ("ml", "web") for cluster in ("a", "b")]

    def some(self):
        return self.rng.sample(self.kinds, self.rng.randint(1, 4))

    def post(self, at):
        """Open-ended, ending by itself, or ending now; sometimes with other annotations."""
        # a crash gives a sender's alert its lead once more: then nothing may end by itself
        ways = ["far", "over"] if self.crashes else ["open", "open", "soon", "over", "over"]
        chosen = [(kind, self.rng.choice(ways), self.rng.randint(1, 2)) for kind in self.some()]

        def act(side):
            now = time.time()
            ends = {"open": None, "soon": now + 1.65, "over": now, "far": now + 3600}
            side.post(*[alert(**kind, ends=ends[end], starts=now if end in ("soon", "far") else None,
                              annotations={"note": str(note)}) for kind, end, note in chosen])

        self.script.append((at, act))

    def silence(self, at):
        label = self.rng.choice(["team", "cluster", "severity"])
        value = self.rng.choice(sorted({kind[label] for kind in self.kinds}))
        name, length = f"s{at}", self.rng.choice([0.65, 1.65, 3.65])
        self.silences.append(name)

        def act(side):
            now = time.time()
            side.silences[name] = side.server.silence({label: value}, now, now + length)

        self.script.append((at, act))

    def expire(self, at):
        if not self.silences:
            return
        name = self.silences.pop(self.rng.randrange(len(self.silences)))

        def act(side):
            state = {s["id"]: s["status"]["state"] for s in side.server.silences()}
            if state.get(side.silences[name]) == "active":
                side.server.expire(side.silences[name])

        self.script.append((at, act))

    def live(self):
        for at in range(STEPS):
            self.post(float(at))
            self.post(at + 0.02)
            self.rng.choice([self.silence, self.expire, self.expire])(at + 0.04)
            if self.crashes and at % 3 == 1:
                self.script.append((at + 0.55, crash))
            if at % 4 == 3:
                self.script.append((at + 0.88, lambda side: seen_alerts(side, "alerts", not self.crashes)))
            if at == STEPS - 1:
                self.script.append((at + 0.93, lambda side: seen_groups(side, "groups", not self.crashes)))
        return self.script


def crash(side):
    if side.name == "tocsin":
        side.server.settled()       # else it may tell something twice, as Alertmanager does not
        side.server.kill9()
        side.server.start()


crash.starts_a_process = True


def compare(t, crashes):
    seed = int(os.environ.get("E2E_SEED", "20261120"))
    t.note(f"seed {seed}")

    def attempt(number):
        return Run(*both_sides(t, CONFIG, number), Life(seed, crashes).live(), STEPS + 2.0)

    told = len(until_calm(t, attempt).sides[1].hook.taken())
    t.note(f"{told} notifications")
    assert told > 15, "too short a life to prove anything"


def test_a_random_life_is_told_as_alertmanager_tells_it(t):
    compare(t, crashes=False)


def test_a_life_with_crashes_is_told_as_alertmanager_tells_it_without(t):
    compare(t, crashes=True)
