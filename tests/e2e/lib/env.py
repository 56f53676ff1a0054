# SPDX-License-Identifier: Apache-2.0
"""
What a test gets as `t`: a private directory and everything it may start, all of it ended after the test.

The end of a test checks what no test may forget: a double that saw a forbidden request, a Tocsin that did not stop
with status 0, a sanitizer that spoke.
"""

import os
import shutil
import tempfile
import traceback

from . import databases, doubles, smtp
from .exporter import Exporter
from .prometheus import Alertmanager, Prometheus
from .process import tool
from .tocsin import Tocsin


class Env:
    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="tocsin-e2e-")
        self._servers, self._doubles = [], []
        self.notes = []

    # ---- starting things

    def tool(self, name):
        return tool(name)

    def tocsin(self, config, files=None, arguments=(), name="tocsin", start=True):
        server = self._keep(Tocsin(self.dir, config, files, arguments, name))
        return server.start() if start else server

    def prometheus(self, *args, **kwargs):
        return self._keep(Prometheus(self.dir, *args, **kwargs)).start()

    def alertmanager(self, config, name="alertmanager", arguments=()):
        return self._keep(Alertmanager(self.dir, config, name, arguments)).start()

    def postgres(self):
        return self._keep(databases.Postgres()).start()

    def influxdb(self):
        return self._keep(databases.Influx(self.dir)).start()

    def clickhouse(self):
        return self._keep(databases.ClickHouse(self.dir)).start()

    def double(self, double):
        """Any other double, ended with the test."""
        return self._double(double)

    def exporter(self):
        exporter = Exporter()
        self._doubles.append(exporter)
        return exporter

    def webhook(self):
        return self._double(doubles.Webhook())

    def slack(self):
        return self._double(doubles.Slack())

    def pagerduty(self):
        return self._double(doubles.PagerDuty())

    def backend(self):
        return self._double(doubles.Backend())

    def smtp(self, **options):
        return self._double(smtp.Smtp(self.dir, **options))

    def note(self, text):
        """A line for the reader of the report, passed or failed."""
        self.notes.append(text)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # ---- ending things

    def _keep(self, server):
        self._servers.append(server)
        return server

    def _double(self, double):
        self._doubles.append(double)
        return double

    def finish(self, failed):
        """Ends everything; returns the failures found on the way."""
        problems = []
        for double in self._doubles:
            if hasattr(double, "release"):
                double.release()
        for server in reversed(self._servers):
            try:
                server.close()
            except Exception as err:
                problems.append(str(err) if isinstance(err, AssertionError) else traceback.format_exc())
        for double in self._doubles:
            problems += getattr(double, "violations", [])[:5]
            double.close()
        if failed or problems:
            for server in self._servers:
                problems.append(f"--- end of {server.process.name}'s log\n{server.process.tail()}")
        if (failed or problems) and os.environ.get("E2E_KEEP"):
            problems.append(f"files kept in {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return problems
