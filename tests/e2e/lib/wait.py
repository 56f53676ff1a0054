# SPDX-License-Identifier: Apache-2.0
"""
Waiting for things that can be seen.

until()  polls for an event up to a deadline: the only way a test may wait.
hold()   watches that something stays true for a time: the only way to show that something does NOT happen.
Timetable  says when the steps of a script are due, measured from one start.

E2E_SLOWDOWN multiplies the deadlines (not the timetables), for sanitizer builds and crowded machines.
"""

import os
import threading
import time

SLOWDOWN = float(os.environ.get("E2E_SLOWDOWN", "1"))
_NEVER = threading.Event()


class Deadline(AssertionError):
    """The awaited event did not come in time."""


def _nap(seconds):
    _NEVER.wait(max(0.0, seconds))


def until(what, probe, deadline=10.0, every=0.02):
    """Return probe()'s first true answer.  A refused or broken connection counts as "not yet"."""
    end = time.monotonic() + deadline * SLOWDOWN
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except (OSError, LookupError, ValueError) as err:
            last = err
        if time.monotonic() >= end:
            raise Deadline(f"waited {deadline * SLOWDOWN:.1f} s for {what}; last seen: {str(last)[:600]!r}")
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


class Timetable:
    """The clock of a script: `due(t)` returns t seconds after the start, or at once when late."""

    def __init__(self):
        self.start = time.monotonic()
        self.start_wall = time.time()

    def now(self):
        return time.monotonic() - self.start

    def due(self, t):
        _nap(self.start + t - time.monotonic())
