# SPDX-License-Identifier: MIT
"""Starts and stops the servers that the tests of the examples talk to, and a small test runner."""
import ctypes
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SKIPPED = 77
READY = re.compile(rb"listening on (\S+):(\d+) \(backend (\w+), workers (\d+)\)\n")


class NotAvailable(Exception):
    """The server says that it cannot have this backend here."""


def allow_many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


LIBC = ctypes.CDLL(None)
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def start_process(command, stdout, stderr):
    """No server outlives the test, not even one that is killed because it took too long."""
    return subprocess.Popen(command, stdout=stdout, stderr=stderr,
                            preexec_fn=lambda: LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Process:
    """What can be asked of a running server from outside."""

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settled_descriptors(self):
        """After a first client: what the server opens when it first waits is its own."""
        with self.connect():
            pass
        time.sleep(0.3)
        return self.descriptors()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, timeout=20):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Status and how many seconds it took; a server that does not stop is killed."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "killed: it did not stop"
        return status, time.monotonic() - begin

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")


class Server(Process):
    """A server of ours."""

    def __init__(self, binary, backend, port=0, more=(), timeout=30):
        self.errors = tempfile.TemporaryFile()
        command = [binary, "--port", str(port), "--backend", backend, *more]
        self.process = start_process(command, subprocess.PIPE, self.errors)
        line = self._ready_line(timeout)
        match = READY.fullmatch(line)
        if match is None:
            status, _ = self.stop()
            text = self.complaints()
            if status == 2 and "cannot make a runtime" in text:
                raise NotAvailable(text.strip())
            raise AssertionError(f"no ready line but {line!r}, status {status}: {text}")
        self.host = match[1].decode()
        self.port = int(match[2])
        self.backend = match[3].decode()
        self.workers = int(match[4])

    def _ready_line(self, timeout):
        line, end = b"", time.monotonic() + timeout
        descriptor = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            left = max(0, end - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                break
            piece = os.read(descriptor, 4096)
            if not piece:
                break
            line += piece
        return line


class Redis(Process):
    """Debian's redis-server: what ours is compared with."""

    @staticmethod
    def available():
        return shutil.which("redis-server") is not None

    def __init__(self, binary="redis-server"):
        self.errors = tempfile.TemporaryFile()
        self.backend = "redis-server"
        for _ in range(5):
            self.port = free_port()
            command = [binary, "--port", str(self.port), "--bind", "127.0.0.1",
                       "--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()]
            self.process = start_process(command, self.errors, self.errors)
            end = time.monotonic() + 10
            while self.process.poll() is None and time.monotonic() < end:
                try:
                    self.connect().close()
                    return
                except OSError:
                    time.sleep(0.02)
            self.stop()
        raise AssertionError("redis-server does not start: " + self.complaints())


def wait_until(what, condition, timeout=10):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"after {timeout} s still not: {what}"
        time.sleep(0.01)


def run_tests(tests, *arguments):
    """Runs them in order, tells about each; true when all passed."""
    passed = True
    for test in tests:
        begin = time.monotonic()
        try:
            note = test(*arguments)
            word = "ok  "
        except Exception:
            traceback.print_exc(file=sys.stdout)
            note, word, passed = None, "FAIL", False
        name = test.__name__.replace("_", " ")
        print(f"{word} {name} ({time.monotonic() - begin:.2f} s){': ' + note if note else ''}",
              flush=True)
    return passed


def is_sanitized(binary):
    """Then its memory says nothing: freed blocks are kept, and everything has a shadow."""
    with open(binary, "rb") as file:
        content = file.read()
    return b"__asan_" in content or b"__tsan_" in content
