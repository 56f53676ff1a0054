# SPDX-License-Identifier: Apache-2.0
"""
Mute and active time intervals, side by side with Debian's Alertmanager: what is inside and outside now, in zones and
out of them, must send and not send the same.
"""

import time

from lib.differential import alert, compare_runs, webhooks

TIMEOUT = 60


def clock(seconds):
    return time.strftime("%H:%M", time.gmtime(seconds))


def intervals():
    """Names: now (holds), later (does not), both within today's UTC day; always; never; berlin, which always holds."""
    now = time.time()
    start, end = clock(now - 600), clock(now + 600)

    def ranges(*pairs):
        return "[" + ", ".join(f"{{start_time: '{a}', end_time: '{b}'}}" for a, b in pairs if a < b) + "]"

    if start < end:
        times, rest = ranges((start, end)), ranges(("00:00", start), (end, "24:00"))
    else:                                               # around midnight
        times, rest = ranges(("00:00", end), (start, "24:00")), ranges((end, start))
    return f"""
mute_time_intervals:
- {{name: now, time_intervals: [{{times: {times}}}]}}
time_intervals:
- {{name: later, time_intervals: [{{times: {rest}}}]}}
- {{name: always, time_intervals: [{{}}]}}
- {{name: never, time_intervals: [{{times: []}}]}}
- name: berlin
  time_intervals:
  - {{weekdays: ['sunday:wednesday'], days_of_month: ['1:-1'], location: Europe/Berlin}}
  - {{weekdays: ['Thursday:Saturday'], months: ['1:12'], years: ['2000:2999'], location: Europe/Berlin}}
"""


CASES = [
    ("mute-now", "mute_time_intervals: [now]", False),
    ("mute-later", "mute_time_intervals: [later, never]", True),
    ("mute-always", "mute_time_intervals: [never, always]", False),
    ("mute-berlin", "mute_time_intervals: [berlin]", False),
    ("active-now", "active_time_intervals: [now]", True),
    ("active-later", "active_time_intervals: [later]", False),
    ("active-never", "active_time_intervals: [never]", False),
    ("active-berlin", "active_time_intervals: [later, berlin]", True),
    ("both", "active_time_intervals: [now], mute_time_intervals: [always]", False),
    ("active-not-muted", "active_time_intervals: [now], mute_time_intervals: [later]", True),
]


def test_routes_are_silent_at_their_times(t):
    """Each route by its own times; its children do not inherit them; what ends unheard is never told."""
    routes = "".join(f"  - {{matchers: [route={name}], {keys}, receiver: hook}}\n" for name, keys, _ in CASES)
    routes += ("  - matchers: [parent=muted]\n    mute_time_intervals: [always]\n    routes:\n"
               "    - {matchers: [child=yes]}\n")
    config = """
route:
  receiver: hook
  group_by: [route, parent]
  group_wait: 300ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
""" + routes + webhooks("hook") + intervals()
    names = [name for name, _, _ in CASES]
    heard = sum(told for _, _, told in CASES)
    compare_runs(t, config, [
        (0.0, lambda s: s.post(*[alert(route=name) for name in names], alert(parent="muted"),
                               alert(parent="muted", child="yes"))),
        (1.6, lambda s: s.post(*[alert(route=name, ends=time.time()) for name in names])),
    ], 3.6, heard * 2 + 1)
