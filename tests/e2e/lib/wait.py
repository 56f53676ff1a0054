# SPDX-License-Identifier: Apache-2.0
"""
Waiting for things that can be seen.

until()  polls for an event up to a deadline: the only way a test may wait.
hold()   watches that something stays true for a time: the only way to show that something does NOT happen.
lost()   how much time the machine has kept from us since a moment: what an upper bound on time must add.
Timetable  says when the steps of a script are due, measured from one start.

A deadline says how long something takes at most on a machine that has nothing else to do; it is waited for PATIENCE times
as long before it counts as failed, so that no test depends on how fast or how busy the machine is.  What must be sooner
than something else is shown by the order of events, never by a deadline.
E2E_SLOWDOWN multiplies the deadlines (not the timetables) once more, for builds that are slow on purpose.
"""

import os
import threading
import time

PATIENCE = 6.0 * float(os.environ.get("E2E_SLOWDOWN", "1"))
_NEVER = threading.Event()


class Deadline(AssertionError):
    """The awaited event did not come in time."""


def _nap(seconds):
    _NEVER.wait(max(0.0, seconds))


def until(what, probe, deadline=10.0, every=0.02):
    """Return probe()'s first true answer.  A refused or broken connection counts as "not yet"."""
    end = time.monotonic() + deadline * PATIENCE
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except (OSError, LookupError, ValueError) as err:
            last = err
        if time.monotonic() >= end:
            raise Deadline(f"waited {deadline * PATIENCE:.1f} s for {what}; last seen: {str(last)[:600]!r}")
        _nap(every)


def hold(what, probe, seconds, every=0.05):
    """Fail as soon as probe() is false within the next seconds."""
    end = time.monotonic() + seconds
    while True:
        if not probe():
            raise AssertionError(f"{what}: did not stay so for {seconds} s")
        if time.monotonic() >= end:
            return
        _nap(every)


class Meter:
    """Naps and writes down by how much each was too long: (moment it ended, seconds too long)."""

    NAP = 0.01
    USUAL = 0.002       # so late is every nap

    def __init__(self):
        self.late = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            begun = time.monotonic()
            _nap(self.NAP)
            now = time.monotonic()
            if now - begun > self.NAP + self.USUAL:
                self.late.append((now, now - begun - self.NAP))

    def lost(self, since, until):
        return sum(late for ended, late in list(self.late) if since <= ended <= until)


_METER = None


def start_meter():
    global _METER
    _METER = _METER or Meter()


def lost(since, until=float("inf")):
    """Seconds that were lost between two monotonic moments: other processes had the processor, or nobody had it."""
    return _METER.lost(since, until) if _METER else 0.0


class Timetable:
    """The clock of a script: `due(t)` returns t seconds after the start, or at once when late."""

    def __init__(self):
        self.start = time.monotonic()
        self.start_wall = time.time()

    def now(self):
        return time.monotonic() - self.start

    def due(self, t):
        _nap(self.start + t - time.monotonic())
