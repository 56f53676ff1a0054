# SPDX-License-Identifier: Apache-2.0
"""Tocsin under test: the binary named by $TOCSIN, its files in a private directory, its API, its commands."""

import os
import re
import signal
import subprocess

from . import wait
from .api import Client
from .process import MissingTool, Process, free_port


def binary():
    path = os.environ.get("TOCSIN", "")
    if not path:
        raise MissingTool("TOCSIN is not set: TOCSIN=/path/to/tocsin tests/e2e/run")
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        raise MissingTool(f"TOCSIN={path} is not an executable file")
    return path


class Tocsin(Client):
    def __init__(self, directory, config, files=None, arguments=(), name="tocsin"):
        """config: the text of tocsin.yml; files: {file name: text} beside it."""
        super().__init__(free_port())
        self.directory = os.path.join(str(directory), name)
        os.makedirs(self.directory, exist_ok=True)
        self.config_path = self.write("tocsin.yml", config)
        for file_name, text in (files or {}).items():
            self.write(file_name, text)
        self.storage = os.path.join(self.directory, "data")
        self.process = Process(name, [binary(), "serve", f"--config.file={self.config_path}",
                                      f"--storage.path={self.storage}",
                                      f"--web.listen-address=127.0.0.1:{self.port}", *arguments], self.directory)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def write(self, file_name, text):
        path = os.path.join(self.directory, file_name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def is_ready(self):
        self.process.require_running()
        return self.get("/-/ready").status == 200

    def spawn(self):
        self.process.start()
        return self

    def start(self, deadline=10.0):
        self.spawn()
        wait.until(f"{self.process.name} to be ready", self.is_ready, deadline)
        return self

    def kill9(self):
        self.process.kill9()

    def terminate(self):
        code = self.process.stop()
        assert code == 0, f"SIGTERM must end in exit status 0, not {code}:\n{self.process.tail()}"

    def close(self):
        """A clean end is part of every test: exit status 0 and a silent sanitizer."""
        code = self.process.stop()
        alarms = self.process.alarms()
        assert not alarms, f"{self.process.name} raised an alarm: {alarms[:5]}\n{self.process.tail(120)}"
        assert code in (None, 0), f"{self.process.name} ended with status {code}"

    def reload_by_signal(self):
        self.process.signal(signal.SIGHUP)

    def rules(self):
        """{rule name: rule} over all groups of /api/v1/rules."""
        answer = self.good("/api/v1/rules")
        assert answer["status"] == "success", answer
        return {rule["name"]: rule for group in answer["data"]["groups"] for rule in group["rules"]}

    def rule_alerts(self, name=None):
        """Pending and firing alerts of rules, as /api/v1/alerts shows them."""
        answer = self.good("/api/v1/alerts")
        assert answer["status"] == "success", answer
        return [a for a in answer["data"]["alerts"] if name in (None, a["labels"]["alertname"])]

    def deliveries(self, **query):
        return self.good("/api/tocsin/v1/deliveries", **query)["deliveries"]

    def settled(self):
        """The outcome of all that was told is written: a kill from now on repeats nothing."""
        wait.until("the outcomes to be written", lambda: all(d["state"] in ("delivered", "dead", "cancelled")
                                                             for d in self.deliveries(limit=1000)))

    def history(self, **query):
        return self.good("/api/tocsin/v1/history", **query)["events"]

    def metric(self, name, **labels):
        """The sum of the samples of a metric that carry these labels; 0 when there is none."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            found = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)", line)
            if not found or found.group(1) != name:
                continue
            have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found.group(2) or ""))
            if all(have.get(k) == v for k, v in labels.items()):
                total += float(found.group(3))
        return total

    def command(self, *arguments, stdin=None, env=None):
        """Run a client command of the binary against this server."""
        return command(*arguments, stdin=stdin, env={"TOCSIN_URL": self.url, **(env or {})}, cwd=self.directory)


def command(*arguments, stdin=None, env=None, cwd=None, timeout=30):
    clean = {k: v for k, v in os.environ.items() if k != "TOCSIN_URL"}
    return subprocess.run([binary(), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          env={**clean, **(env or {})}, cwd=cwd, timeout=timeout * wait.PATIENCE, check=False)
