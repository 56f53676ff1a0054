# SPDX-License-Identifier: Apache-2.0
"""
Processes that die with the test that started them, ports nobody else uses, and tools that must be there.

A process is only ever ended by its own pid.  PR_SET_PDEATHSIG ends it when the test process dies, so it must be
started from the test's main thread (the kernel ties the signal to the parent thread).
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from . import wait

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_RESERVED = []
_CHANCE = random.Random(os.getpid() * 7919 + time.time_ns())

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "openssl": "openssl",
    "influxd": "influxdb",
}

# What a sanitizer or an abort writes into the log of a program that misbehaved.
ALARMS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer", "runtime error:",
          "Assertion", "assertion", "double free", "stack smashing")


class MissingTool(AssertionError):
    pass


def tool(name):
    """The path of a program, or a failure that says which package has it."""
    path = shutil.which(name)
    if not path:
        raise MissingTool(f"{name} is not installed: apt-get install {PACKAGES.get(name, name)}")
    return path


def _port_range():
    """Ports below the ephemeral ones: no outgoing connection takes one meanwhile."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            end = min(int(file.read().split()[0]), 32000)
    except (OSError, ValueError):
        end = 32000
    return (max(end - 17000, 2000), end) if end > 4000 else (15000, 32000)


def free_port():
    """
    A port that is free and stays so: no other test, of this run or another, gets it while this process lives.  A name
    among the abstract sockets says whose it is; the kernel forgets it with the process.
    """
    for _ in range(500):
        port = _CHANCE.randrange(*_port_range())
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0tocsin-e2e-port-{port}")
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))
        except OSError:
            name.close()
            continue
        _RESERVED.append(name)
        return port
    raise AssertionError("no free loopback port found")


def die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """One child with its log.  `killed` is set when a test ended it on purpose with SIGKILL."""

    def __init__(self, name, argv, directory, env=None):
        self.name, self.argv, self.directory = name, [str(a) for a in argv], str(directory)
        self.log_path = os.path.join(self.directory, f"{name}.log")
        self.env = {**os.environ, **(env or {})}
        self.child = None
        self.killed = False

    def start(self):
        assert self.child is None, f"{self.name} runs already"
        self.killed = False
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=self.directory, env=self.env, preexec_fn=die_with_parent)
        return self

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child is not None and self.child.poll() is None

    def require_running(self):
        if not self.running():
            code = self.child.returncode if self.child else None
            raise AssertionError(f"{self.name} is not running (exit status {code}):\n{self.tail()}")

    def signal(self, number):
        self.child.send_signal(number)

    def kill9(self):
        self.killed = True
        self.child.kill()
        self.child.wait()
        self.child = None

    def stop(self, deadline=15.0):
        """SIGTERM, then the exit status; a program that does not go is killed and that is a failure."""
        if self.child is None:
            return None
        if self.child.poll() is None:
            self.child.terminate()
        try:
            code = self.child.wait(deadline * wait.PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            self.child = None
            raise AssertionError(f"{self.name} did not stop within {deadline} s of SIGTERM:\n{self.tail()}") from None
        self.child = None
        return code

    def log(self):
        try:
            with open(self.log_path, "r", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def alarms(self):
        return [line for line in self.log().splitlines() if any(word in line for word in ALARMS)]
