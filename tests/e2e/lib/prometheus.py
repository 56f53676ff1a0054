# SPDX-License-Identifier: Apache-2.0
"""Real servers from Debian packages: Prometheus and Alertmanager."""

import os

from . import wait
from .api import Client
from .process import Process, free_port, tool


class Prometheus(Client):
    """Scrapes the given ports each second; rules and an Alertmanager to send to are optional."""

    def __init__(self, directory, targets=(), rules=None, alertmanager_port=None, external_labels=None,
                 name="prometheus", arguments=()):
        super().__init__(free_port())
        self.directory = os.path.join(str(directory), name)
        os.makedirs(self.directory, exist_ok=True)
        lines = ["global:", "  scrape_interval: 1s", "  evaluation_interval: 1s"]
        if external_labels:
            lines.append("  external_labels:")
            lines += [f"    {k}: {v}" for k, v in external_labels.items()]
        if rules:
            with open(os.path.join(self.directory, "rules.yml"), "w") as file:
                file.write(rules)
            lines.append("rule_files: [rules.yml]")
        if alertmanager_port:
            lines += ["alerting:", "  alertmanagers:", "  - static_configs:",
                      f"    - targets: ['127.0.0.1:{alertmanager_port}']"]
        lines += ["scrape_configs:", "- job_name: test", "  static_configs:",
                  "  - targets: [" + ", ".join(f"'127.0.0.1:{port}'" for port in targets) + "]"]
        path = os.path.join(self.directory, "prometheus.yml")
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.process = Process(name, [tool("prometheus"), f"--config.file={path}",
                                      f"--storage.tsdb.path={self.directory}/tsdb", "--log.level=warn",
                                      "--rules.alert.resend-delay=1s",
                                      f"--web.listen-address=127.0.0.1:{self.port}", *arguments],
                               self.directory, {"GOMAXPROCS": "1"})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        self.process.require_running()
        return self.get("/-/ready").status == 200

    def start(self):
        self.process.start()
        wait.until("Prometheus to be ready", self.is_ready, 20)
        return self

    def query(self, expression):
        answer = self.good("/api/v1/query", query=expression)
        return answer["data"]["result"]

    def value(self, expression):
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def close(self):
        self.process.stop()


class Alertmanager(Client):
    """Debian's Alertmanager: the oracle.  It shows times of the zone it runs in; Tocsin shows UTC wherever it runs."""

    def __init__(self, directory, config, name="alertmanager", arguments=()):
        super().__init__(free_port())
        self.directory = os.path.join(str(directory), name)
        os.makedirs(self.directory, exist_ok=True)
        self.config_path = os.path.join(self.directory, "alertmanager.yml")
        with open(self.config_path, "w") as file:
            file.write(config)
        self.process = Process(name, [tool("prometheus-alertmanager"), f"--config.file={self.config_path}",
                                      f"--storage.path={self.directory}/data", "--cluster.listen-address=",
                                      f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn", *arguments],
                               self.directory, {"GOMAXPROCS": "1", "TZ": "UTC"})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        self.process.require_running()
        return self.get("/-/ready").status == 200

    def start(self):
        self.process.start()
        wait.until("Alertmanager to be ready", self.is_ready, 20)
        return self

    def close(self):
        self.process.stop()
