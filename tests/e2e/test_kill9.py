# SPDX-License-Identifier: Apache-2.0
"""
kill -9 at fifty random moments of a running script, a restart after each.

What was acknowledged (a 200 was read) must be there after every restart: alerts with their start, resolves, silences and
their ends; a rule's pending alerts keep their age.  At the end every alert was told firing, every resolve of a told
alert was told after it, and a notification came twice only when it was in flight at a kill, once per such kill.
E2E_SEED chooses other moments.

No verdict depends on how long something took.  Which life has sent a request is known because what a dead one has sent is
read before the next one starts.  What was on its way into the database was there for certain when a change was asked for
afterwards and acknowledged: changes are written in their order.
"""

import bisect
import os
import random
import threading
import time

from lib import wait
from lib.api import parse_time, rfc3339
from lib.configs import prometheus_source, rule_file, rule_group
from lib.doubles import Slow

TIMEOUT = 180

KILLS = 50
FOR = 4.0
# An evaluation a second, and what one takes.
EVALUATED = 1.4

CONFIG = """
route: {{receiver: hook, group_by: [id], group_wait: 50ms, group_interval: 300ms, repeat_interval: 1h}}
receivers:
- name: hook
  webhook_configs: [{{url: '{url}/hook', send_resolved: true, timeout: 5s}}]
{source}"""

RULES = rule_file(rule_group("ages", """
alert: Slow
expr: slow
for: 1h
""", """
alert: Quick
expr: quick
for: 4s
""", interval="1s"))


class Story:
    """
    What was done and acknowledged so far.  `unsure`: the connection broke before the answer was read.
    written: for each life the moments at which acknowledged changes were asked for; ups: [(ready, end)] of the lives;
    borders: how many requests the receiver had when each life was over and all it had sent was read.
    """

    def __init__(self, t, rng):
        self.rng, self.hook, self.backend = rng, t.webhook(), t.backend()
        self.tocsin = t.tocsin(CONFIG.format(url=self.hook.url, source=prometheus_source(self.backend.port)),
                               {"rules.yml": RULES}, start=False)
        self.alerts, self.resolved, self.resolve_unsure = {}, set(), set()
        self.silences, self.expired, self.expire_unsure = {}, set(), set()
        self.written, self.ups, self.borders, self.start_up = [], [], [], 0.1
        self.active_at, self.seen_alive = {}, {}
        self.quick = []
        self.kills, self.dead_in_start_up, self.unsure = [], 0, 0
        self.number = 0

    # ---- the script

    def new_name(self, kind):
        self.number += 1
        return f"{kind}{self.number}"

    def body(self, name, ends):
        return {"labels": {"alertname": "Posted", "id": name}, "annotations": {"summary": name}, "endsAt": rfc3339(ends),
                "startsAt": rfc3339(self.alerts.get(name) or time.time())}

    def change(self, ask, *arguments):
        asked = time.monotonic()
        answer = ask(*arguments)
        self.written[-1].append(asked)
        return answer

    def post(self):
        names = [self.new_name("a") for _ in range(self.rng.randint(1, 3))]
        starts = round(time.time(), 3)
        bodies = [{**self.body(name, starts + 3600), "startsAt": rfc3339(starts)} for name in names]
        self.change(self.tocsin.post_alerts, bodies)
        self.alerts.update({name: starts for name in names})

    def resolve(self):
        told = {a["labels"].get("id") for body in self.hook_bodies(20) for a in body["alerts"]}
        firing = [name for name in self.alerts if name not in self.resolved | self.resolve_unsure]
        # mostly alerts the receiver knows of: their resolve must reach it
        chosen = [name for name in firing if name in told] if self.rng.random() < 0.75 else firing
        if not chosen:
            return
        name = self.rng.choice(chosen)
        self.resolve_unsure.add(name)
        self.change(self.tocsin.post_alerts, [self.body(name, time.time())])
        self.resolve_unsure.discard(name)
        self.resolved.add(name)

    def silence(self):
        name = self.new_name("s")
        now = time.time()
        self.silences[self.change(self.tocsin.silence, {"id": name}, now, now + 3600)] = name

    def expire(self):
        alive = [s for s in self.silences if s not in self.expired | self.expire_unsure]
        if not alive:
            return
        chosen = self.rng.choice(alive)
        self.expire_unsure.add(chosen)
        self.change(self.tocsin.expire, chosen)
        self.expire_unsure.discard(chosen)
        self.expired.add(chosen)

    def look(self):
        """A pending age that was shown before a change that was acknowledged is on disk."""
        for alert in self.tocsin.rule_alerts():
            key = (alert["labels"]["alertname"], alert["labels"]["id"])
            self.seen_alive.setdefault(key, (alert["activeAt"], time.monotonic()))

    def hook_bodies(self, newest):
        return [r.json for r in list(self.hook.requests)[-newest:]]

    # ---- after a restart

    def verify(self):
        """Everything acknowledged is there, with its times."""
        listed = {a["labels"]["id"]: a for a in self.tocsin.alerts() if a["labels"]["alertname"] == "Posted"}
        for name, starts in self.alerts.items():
            if name in self.resolved:
                assert name not in listed, f"the resolve of {name} was lost"
            elif name not in self.resolve_unsure:
                assert name in listed, f"alert {name} was lost"
                assert abs(parse_time(listed[name]["startsAt"]) - starts) < 0.002, f"{name} has another start"
        silences = {s["id"]: s["status"]["state"] for s in self.tocsin.silences()}
        for silence in self.silences:
            assert silence in silences, f"silence {silence} was lost"
            if silence not in self.expire_unsure:
                want = "expired" if silence in self.expired else "active"
                assert silences[silence] == want, f"silence {silence} is {silences[silence]}, not {want}"
        self.verify_ages()

    def verify_ages(self):
        now = {(a["labels"]["alertname"], a["labels"]["id"]): a for a in self.tocsin.rule_alerts()}
        for key, (active_at, seen) in self.seen_alive.items():
            if any(asked > seen for life in self.written for asked in life):
                self.active_at.setdefault(key, active_at)
        self.seen_alive.clear()
        for key, active_at in self.active_at.items():
            assert key in now, f"the pending or firing alert {key} was lost"
            assert now[key]["activeAt"] == active_at, f"{key} was active since {active_at}, now {now[key]['activeAt']}"
        # what the database gave back now must be so for ever
        self.active_at.update({key: alert["activeAt"] for key, alert in now.items()})

    # ---- one life

    def life(self, number):
        """Start, check, act until the kill comes."""
        early, delay = self.rng.random() < 0.1, self.rng.uniform(0.01, 1.5)
        self.hook.always(Slow(self.rng.uniform(0.0, 0.15)))
        if number % 5 == 0:
            self.quick.append(self.new_name("q"))
            self.backend.set("quick", *[({"id": name}, 1) for name in self.quick])
        process = self.tocsin.process
        self.written.append([])
        self.tocsin.spawn()
        spawned, ready = time.monotonic(), None
        dead = threading.Event()

        def kill():
            dead.set()
            process.child.kill()
            self.kills.append(time.monotonic())

        # some meet the start, however long it takes here; the others live for a while
        timer = threading.Timer(delay / 1.5 * self.start_up if early else delay, kill)
        if early:
            timer.start()
        try:
            wait.until("readiness", lambda: dead.is_set() or self.tocsin.is_ready(), 10)
            if not early:
                timer.start()
            if dead.is_set():
                self.dead_in_start_up += 1
            else:
                ready = time.time()
                self.start_up = time.monotonic() - spawned
                self.verify()
            while not dead.wait(self.rng.uniform(0.0, 0.03)):
                self.rng.choice([self.post, self.post, self.resolve, self.resolve, self.silence, self.expire,
                                 self.look])()
        except OSError:
            self.unsure += 1
            if not dead.is_set():
                timer.cancel()
                raise
        except AssertionError:
            if not dead.is_set():
                timer.cancel()
                raise
            self.dead_in_start_up += 1          # is_ready() met the corpse
        timer.join()
        process.kill9()
        if ready:
            self.ups.append((ready, time.time()))
        self.hook.drain()
        self.borders.append(len(self.hook.taken(accepted=False)))

    # ---- the end

    def told(self):
        """{(id, status): [request]} of everything the receiver saw, answered or not; each with the life that sent it."""
        told = {}
        for number, received in enumerate(self.hook.taken(accepted=False)):
            received.life = bisect.bisect_right(self.borders, number)
            for alert in received.json["alerts"]:
                told.setdefault((alert["labels"]["id"], alert["status"]), []).append(received)
        return told

    def missing(self):
        told = self.told()
        lost = []
        for name in list(self.alerts) + self.quick:
            if name in self.resolved:
                last = max(told.get((name, "firing"), []), key=lambda r: r.mono, default=None)
                after = [r for r in told.get((name, "resolved"), []) if last and r.mono > last.mono]
                if last and not after:
                    lost.append(f"{name}: told firing, its resolve was not told after it")
            elif name not in self.resolve_unsure and (name, "firing") not in told:
                lost.append(f"{name}: firing was never told")
        return lost

    def all_told(self):
        lost = self.missing()
        if lost:
            raise LookupError("; ".join(lost[:5]))
        return True

    def duplicates(self):
        """(count, violations): each repetition must follow a kill that met the earlier one in flight."""
        count, wrong = 0, []
        for key, receipts in self.told().items():
            for first, second in zip(receipts, receipts[1:]):
                count += 1
                if first.life == second.life:
                    wrong.append(f"{key} was told twice without a kill between")
                    continue
                later = [asked for asked in self.written[first.life] if first.answered and asked > first.answered]
                if later:
                    wrong.append(f"{key} was told again though it was answered {self.kills[first.life] - first.answered:.3f} "
                                 f"s before the kill, and {len(later)} changes were acknowledged after that")
        return count, wrong

    def in_flight(self):
        """How many deliveries the kills met between their arrival and their outcome."""
        return sum(1 for kill in self.kills for r in self.hook.taken(accepted=False)
                   if r.mono <= kill and (r.answered is None or kill <= r.answered + 0.02) and kill - r.mono < 1)


def test_fifty_kills_lose_nothing(t):
    seed = int(os.environ.get("E2E_SEED", "20261120"))
    t.note(f"seed {seed}")
    story = Story(t, random.Random(seed))
    story.backend.set("slow", *[({"id": f"slow{i}"}, i) for i in range(3)])
    started = time.monotonic()
    for number in range(KILLS):
        story.life(number)
    assert len(story.kills) == KILLS, story.kills
    settle = time.time()
    story.hook.always(None)
    story.tocsin.start()
    story.ups.append((time.time(), float("inf")))
    story.verify()
    wait.until("everything to be told", story.all_told, FOR + 8, every=0.2)
    wait.until("an empty outbox", lambda: not story.tocsin.deliveries(state="pending")
               and not story.tocsin.deliveries(state="sending"), 5)
    story.verify()
    duplicates, wrong = story.duplicates()
    in_flight = story.in_flight()
    t.note(f"{KILLS} kills in {time.monotonic() - started:.0f} s, {story.dead_in_start_up} of them before it was ready, "
           f"{story.unsure} met a request")
    t.note(f"acknowledged: {len(story.alerts)} alerts, {len(story.resolved)} resolves, {len(story.silences)} silences, "
           f"{len(story.expired)} ends of silences; ages held: {len(story.active_at)}; lost: {len(story.missing())}")
    t.note(f"{len(story.hook.taken(accepted=False))} requests at the receiver, {in_flight} in flight at a kill, "
           f"{duplicates} told twice")
    assert not wrong, "\n".join(wrong[:10])
    assert len(story.alerts) >= KILLS and story.resolved and story.expired, "the script did too little to prove anything"
    check_quick(story, settle)


def check_quick(story, settle):
    """A rule's alert fired when its `for` was over, though no life lasted that long."""
    fired = {alert["labels"]["id"]: parse_time(alert["startsAt"])
             for status, alert in story.hook.alerts(alertname="Quick") if status == "firing"}
    early = 0
    for name in story.quick:
        age = fired[name] - parse_time(story.active_at[("Quick", name)])
        due = fired[name] - age + FOR
        first = min(max(ready, due) for ready, end in story.ups if end - max(ready, due) > EVALUATED)
        to_mono = time.monotonic() - time.time()
        lost = wait.lost(first + to_mono, fired[name] + to_mono)
        assert age >= FOR - 0.01, f"{name} fired after {age:.2f} s instead of {FOR}"
        assert fired[name] <= first + EVALUATED + lost, f"{name} fired {fired[name] - first:.2f} s after it could"
        early += fired[name] < settle
    assert early >= len(story.quick) // 2, f"only {early} of {len(story.quick)} fired while the kills went on"
    assert not [1 for status, alert in story.hook.alerts(alertname="Quick") if status == "resolved"], "a false resolve"
    assert not story.hook.alerts(alertname="Slow"), "a pending alert was told"
