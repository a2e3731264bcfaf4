# SPDX-License-Identifier: MIT
"""Runs the command `zio` under limits and filters, and reads what it says."""
import ctypes
import errno
import json
import os
import platform
import re
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))

SKIPPED = 77
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LINE = re.compile(r"^(ok|warn|fail) +(\S+) +(\S.*)$")

# --- a filter of system calls, as containers have them ---------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2
RET_ERRNO, RET_KILL_PROCESS, RET_ALLOW = 0x00050000, 0x80000000, 0x7FFF0000
IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8),
                ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]


def forbid_calls(first, last, verdict):
    """From now on the system calls of these numbers end in `verdict`, here and in all children."""
    code = (Instruction * 5)(
        Instruction(0x20, 0, 0, 0),            # load the number of the call
        Instruction(0x35, 0, 2, first),        # less: allowed
        Instruction(0x25, 1, 0, last),         # greater: allowed
        Instruction(0x06, 0, 0, verdict),
        Instruction(0x06, 0, 0, RET_ALLOW))
    program = Program(len(code), code)
    if LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            LIBC.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter")


def refuse_calls(first, last, code):
    return lambda: forbid_calls(first, last, RET_ERRNO | code)


def refuse_io_uring():
    forbid_calls(IO_URING_SETUP, IO_URING_REGISTER, RET_ERRNO | errno.EPERM)


def kill_for_io_uring():
    forbid_calls(IO_URING_SETUP, IO_URING_REGISTER, RET_KILL_PROCESS)


def limit(what, value):
    return lambda: resource.setrlimit(what, (value, value))


# --- the command ------------------------------------------------------------------------------


class Report:
    """What `zio doctor --json` said, and its exit status."""

    def __init__(self, status, text):
        self.status = status
        self.all = json.loads(text)
        self.checks = self.all["checks"]

    def finding(self, section, name):
        return self.checks[section][name]

    def verdict(self, section, name):
        return self.finding(section, name)["status"]


class Zio:
    def __init__(self, binary, filler):
        self.binary = binary
        self.filler = filler

    def run(self, *arguments, prepare=None, timeout=60, stdout=subprocess.PIPE, **variables):
        """Nothing of the caller's own ZIO_ variables reaches it."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("ZIO_")}
        environment.update(variables)
        return subprocess.run(list(arguments), stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, env=environment,
                              preexec_fn=prepare, timeout=timeout)

    def command(self, *arguments, **options):
        return self.run(self.binary, *arguments, **options)

    def text(self, *arguments, **options):
        done = self.command("doctor", *arguments, **options)
        assert done.stderr == "", done.stderr
        return done.returncode, done.stdout

    def report(self, *arguments, **options):
        done = self.command("doctor", "--json", *arguments, **options)
        assert done.stderr == "", done.stderr
        report = Report(done.returncode, done.stdout)
        assert report.all["exit"] == report.status, (report.all["exit"], report.status)
        return report


def has_io_uring(zio):
    """And with numbers of system calls that the filter knows."""
    return platform.machine() in ("x86_64", "aarch64") and \
        zio.report("--tasks", "10").finding("backend", "io_uring")["value"] == "works"
