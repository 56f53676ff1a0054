# SPDX-License-Identifier: Apache-2.0
"""
Reload and restart, side by side with Debian's Alertmanager: see test_routing_timers.

Alertmanager starts every group's time anew at a reload while Tocsin keeps it, so a reload is made shortly before a tick:
then both agree within the tolerance.
"""

import time

from lib.differential import alert, compare_runs, seen_alerts, seen_groups, webhooks

TIMERS = "group_by: [alertname], group_wait: 500ms, group_interval: 1s, repeat_interval: 1h"
FIRST = f"route: {{receiver: hook, {TIMERS}}}\n" + webhooks("hook", "other")


def reload(config):
    return lambda s: s.look("reload", s.reload(config))


def test_an_unchanged_reload_repeats_nothing(t):
    """Nor does one that only adds a receiver; news come at the tick; a broken file changes nothing."""
    compare_runs(t, FIRST, [
        (0.0, lambda s: s.post(alert(n="1"), alert("Over", n="1"))),
        (0.7, lambda s: s.post(alert("Over", n="1", ends=time.time()))),
        (1.3, reload(FIRST)),
        (1.7, lambda s: s.post(alert(n="2"))),
        # Not while news wait: Alertmanager starts its groups anew and may tell such news twice.
        (2.7, reload(FIRST + "- name: one-more\n")),
        (2.9, reload(FIRST.replace("receiver: hook", "receiver: nobody"))),
        (3.0, lambda s: s.post(alert(n="1", ends=time.time()))),
    ], 4.2, 5)


def test_a_reload_that_changes_the_receiver(t):
    """The new one hears of what fires, at once or at the tick; the old one nothing more."""
    compare_runs(t, FIRST, [
        (0.0, lambda s: s.post(alert(n="1"), alert(n="2"))),
        (1.3, reload(FIRST.replace("receiver: hook", "receiver: other"))),
        (1.8, lambda s: seen_alerts(s, "receivers")),
        (1.9, lambda s: s.post(alert(n="1", ends=time.time()))),
    ], 3.0, 3)


def test_a_reload_that_changes_the_routes(t):
    """What now goes another way makes new groups; what does not stays as it was."""
    second = f"""
route: {{receiver: hook, {TIMERS}, routes: [{{matchers: [team="ml"], receiver: other, group_by: [team]}}]}}
""" + webhooks("hook", "other")
    compare_runs(t, FIRST, [
        (0.0, lambda s: s.post(alert("A", n="1"), alert("A", team="ml"), alert("B", team="ml"))),
        (1.3, reload(second)),
        (1.8, lambda s: seen_groups(s, "groups")),
        (1.9, lambda s: s.post(alert("B", team="ml", ends=time.time()))),
        (2.9, lambda s: s.post(alert("A", n="1", ends=time.time()), alert("A", team="ml", ends=time.time()))),
    ], 3.9, 6)


def test_a_reload_that_mutes_and_unmutes(t):
    """Inside a mute interval nothing is told; afterwards what is new."""
    muted = f"""
route: {{receiver: hook, {TIMERS}, routes: [{{matchers: [alertname="A"], mute_time_intervals: [always]}},
  {{matchers: [alertname="B"], active_time_intervals: [never]}}, {{matchers: [alertname="C"],
  active_time_intervals: [never, always], mute_time_intervals: [never]}}]}}
time_intervals:
- {{name: always, time_intervals: [{{times: [{{start_time: '00:00', end_time: '24:00'}}], months: ['1:12'],
    days_of_month: ['1:31'], weekdays: ['sunday:saturday'], years: ['2020:2100'], location: Europe/Berlin}}]}}
- {{name: never, time_intervals: [{{years: ['2001']}}, {{months: [february], days_of_month: ['30:31']}}]}}
""" + webhooks("hook")
    heard = muted.replace("mute_time_intervals: [always]", "mute_time_intervals: [never]")
    compare_runs(t, muted, [
        (0.0, lambda s: s.post(*[alert(name, n="1") for name in "ABC"])),
        (0.9, lambda s: seen_alerts(s, "muted")),
        (1.4, reload(heard)),
        (1.9, lambda s: s.post(*[alert(name, n="2") for name in "ABC"])),
        (2.2, reload(muted)),
        (2.8, lambda s: s.post(*[alert(name, n="2", ends=time.time()) for name in "ABC"])),
    ], 3.9, 4)


def restart(side):
    side.server.process.stop()
    side.server.start()


restart.starts_a_process = True


def test_a_clean_restart_repeats_nothing(t):
    """With its senders' refreshes Alertmanager tells nothing twice; the resolve comes through and silences stay."""
    def send(side):
        start = side.clock.start_wall - 60
        side.post(alert("Told", starts=start, ends=time.time() + 60),
                  alert("Hushed", starts=start, ends=time.time() + 60))

    compare_runs(t, FIRST, [
        (0.0, lambda s: s.silence("s", 0, 60, {"alertname": "Hushed"})),
        (0.1, send),
        (0.6, restart),
        (3.0, send),
        (4.2, lambda s: s.post(alert("Told", starts=s.clock.start_wall - 60, ends=time.time()))),
        (4.3, lambda s: seen_alerts(s, "after the restart")),
    ], 5.6, 2, tolerance=1.5)
