# SPDX-License-Identifier: Apache-2.0
"""Real databases from Debian packages, each in a directory of its own on a free loopback port."""

import glob
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.parse

from . import wait
from .api import call
from .process import MissingTool, Process, free_port, tool


class Postgres:
    """A cluster of its own, owned by an unprivileged user; role tocsin with a password, database ml."""

    PASSWORD = "p w'd$"

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise MissingTool("postgres is not installed: apt-get install postgresql")
        self.bin, self.port = found[-1], free_port()
        self.directory = tempfile.mkdtemp(prefix="tocsin-pg-")
        self._as = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self._as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                        "--pdeathsig", "KILL"]
        password = self._file("password", self.PASSWORD)
        self._run("initdb", "-D", f"{self.directory}/data", "-U", "tocsin", "--auth=scram-sha-256", "-N", "-E", "UTF8",
                  "--locale=C", f"--pwfile={password}")
        self.process = Process("postgres", [*self._as, f"{self.bin}/postgres", "-D", f"{self.directory}/data",
                                            "-h", "127.0.0.1", "-p", self.port, "-k", self.directory, "-F",
                                            "-c", "max_connections=20", "-c", "shared_buffers=4MB"], self.directory)

    def _file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def _run(self, program, *arguments):
        done = subprocess.run([*self._as, f"{self.bin}/{program}", *arguments], cwd=self.directory,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def start(self):
        self.process.start()
        wait.until("PostgreSQL to be ready", lambda: self.process.require_running() or self._ping(), 20)
        if not self.sql("SELECT 1 FROM pg_database WHERE datname = 'ml'", "postgres"):
            self.sql("CREATE DATABASE ml", "postgres")
        return self

    def _psql(self, sql, database):
        return subprocess.run([f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port),
                               "-U", "tocsin", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql],
                              env={**os.environ, "PGPASSWORD": self.PASSWORD}, capture_output=True, text=True,
                              check=False)

    def _ping(self):
        return self._psql("SELECT 1", "postgres").returncode == 0

    def sql(self, sql, database="ml"):
        done = self._psql(sql, database)
        assert done.returncode == 0, f"{sql}: {done.stderr}"
        return done.stdout.strip()

    def close(self):
        self.process.signal(2) if self.process.running() else None      # SIGINT: fast shutdown
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Influx:
    """InfluxDB 1.6 with a database `tele`."""

    def __init__(self, directory):
        self.port, rpc = free_port(), free_port()
        self.directory = os.path.join(str(directory), "influx")
        os.makedirs(self.directory)
        config = os.path.join(self.directory, "influx.conf")
        with open(config, "w") as file:
            file.write(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{self.directory}/meta"
[data]
  dir = "{self.directory}/data"
  wal-dir = "{self.directory}/wal"
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
[monitor]
  store-enabled = false
""")
        self.process = Process("influxd", [tool("influxd"), "-config", config], self.directory, {"GOMAXPROCS": "1"})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        wait.until("InfluxDB to be ready",
                   lambda: self.process.require_running() or call(self.port, "GET", "/ping").status == 204, 20)
        query = urllib.parse.quote("CREATE DATABASE tele")
        assert call(self.port, "POST", f"/query?q={query}").status == 200
        return self

    def write(self, *lines):
        answer = call(self.port, "POST", "/write?db=tele&precision=ms", "\n".join(lines))
        assert answer.status == 204, answer

    def close(self):
        self.process.stop()


class ClickHouse:
    """ClickHouse 18.16."""

    def __init__(self, directory):
        self.port = free_port()
        self.directory = os.path.join(str(directory), "clickhouse")
        os.makedirs(os.path.join(self.directory, "tmp"))
        with open(os.path.join(self.directory, "config.xml"), "w") as file:
            file.write(f"""<yandex>
<logger><level>warning</level><console>1</console></logger>
<http_port>{self.port}</http_port><tcp_port>{free_port()}</tcp_port>
<interserver_http_port>{free_port()}</interserver_http_port><listen_host>127.0.0.1</listen_host>
<path>{self.directory}/data/</path><tmp_path>{self.directory}/tmp/</tmp_path>
<user_files_path>{self.directory}/files/</user_files_path><users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>5368709</mark_cache_size>
</yandex>
""")
        with open(os.path.join(self.directory, "users.xml"), "w") as file:
            file.write("""<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default>
<password>sesame</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
</default></users></yandex>
""")
        self.process = Process("clickhouse-server", [tool("clickhouse-server"),
                                                     f"--config-file={self.directory}/config.xml"], self.directory)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        wait.until("ClickHouse to be ready",
                   lambda: self.process.require_running() or call(self.port, "GET", "/ping").status == 200, 30)
        return self

    def sql(self, sql):
        answer = call(self.port, "POST", "/", sql, {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "sesame"})
        assert answer.status == 200, answer
        return answer.text.strip()

    def close(self):
        self.process.stop()


def pretty(answer):
    """`tocsin query -o json` as {labels: value}, labels as sorted "name=value" words."""
    return {" ".join(sorted(f"{k}={v}" for k, v in row["labels"].items())): row["value"]
            for row in json.loads(answer)}
