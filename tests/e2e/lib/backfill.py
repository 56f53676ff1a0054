# SPDX-License-Identifier: Apache-2.0
"""
A past for a real Prometheus: series written as OpenMetrics and made into blocks with promtool.

A series is (metric, labels, function of its age in seconds).  Points lie RECENT seconds apart for two hours, five minutes
apart before that.  A function that returns None leaves a gap.
"""

import os
import shutil
import subprocess
import time

from . import wait
from .process import tool

RECENT = 30
HOUR = 3600
DAY = 24 * HOUR
FILE = 12 * HOUR        # promtool reads a file once for each block of two hours in it
FRESH = 45              # what ended longer ago, windows of minutes no longer see whole


class Past:
    def __init__(self, now):
        self.now = now
        self._series = []

    def add(self, metric, value, days=1.2, step=300, **labels):
        """value: a number, or a function of the age in seconds."""
        self._series.append((metric, labels, value if callable(value) else lambda _age: value, days * DAY, step))

    def counter(self, metric, rate, days=1.2, step=300, **labels):
        """rate: per second, a number or a function of the age; nothing is ever reset."""
        total, points = 0.0, {}
        ages = self._ages(days * DAY, step)
        for older, newer in zip(ages, ages[1:]):
            points.setdefault(older, 0.0)
            total += (rate(newer) if callable(rate) else rate) * (older - newer)
            points[newer] = total
        self.add(metric, points.get, days=days, step=step, **labels)

    def histogram(self, metric, rates, days=1.2, **labels):
        """rates: {le: cumulative rate or function of the age}."""
        for le, rate in rates.items():
            self.counter(metric, rate, days=days, le=le, **labels)

    @staticmethod
    def _ages(span, step):
        return list(range(int(span), 2 * HOUR, -step)) + list(range(2 * HOUR, -1, -RECENT))

    def _points(self):
        """(series as text, value, time), metric by metric."""
        for metric, labels, value, span, step in sorted(self._series, key=lambda s: s[0]):
            inner = ",".join(f'{name}="{text}"' for name, text in labels.items())
            head = f"{metric}{{{inner}}}" if inner else metric
            for age in self._ages(span, step):
                number = value(age)
                if number is not None:
                    yield head, number, self.now - age

    def exposition(self):
        """Chunks of the text format with times, for VictoriaMetrics' /api/v1/import/prometheus."""
        lines = [f"{head} {number!r} {at * 1000:.0f}\n" for head, number, at in self._points()]
        return ["".join(lines[i:i + 50000]) for i in range(0, len(lines), 50000)]

    def write(self, directory):
        """Blocks for --storage.tsdb.path={directory}.  Where that takes long, it is done for the moment when it is done."""
        while True:
            self._write(directory)
            late = time.time() - self.now
            if late <= FRESH:
                break
            shutil.rmtree(directory)
            self.now = int(time.time() + 1.5 * late)
        wait.until("the past to be over", lambda: time.time() >= self.now, 2 * HOUR)

    def _write(self, directory):
        files = {}
        for head, number, at in self._points():
            files.setdefault(int(at // FILE), []).append(f"{head} {number!r} {at:.3f}\n")
        os.makedirs(directory, exist_ok=True)
        for number, lines in sorted(files.items()):
            path = os.path.join(directory, f"past-{number}.txt")
            with open(path, "w") as file:
                file.writelines(lines)
                file.write("# EOF\n")
            done = subprocess.run([tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "-q", path, directory],
                                  capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            os.remove(path)
