#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs on a system that refuses io_uring, in each way a system may: they run unchanged on
epoll, and whoever asked for io_uring by name gets the error that the header tells.
     refusal_test.py ZIO_CONFORMANCE ECHO_SERVER ZIO

The switch kernel.io_uring_disabled holds for the whole machine and is left alone. What it does, 1 for
the unprivileged and 2 for all, is to let io_uring_setup give EPERM; a filter does that for one
process. Status 0: passed, 1: failed, 77: there is no io_uring here."""
import errno
import os
import re
import sys
import traceback

sys.dont_write_bytecode = True  # nothing is left behind in the tree
import zio_command
from zio_command import (IO_URING_ENTER, IO_URING_REGISTER, IO_URING_SETUP, ROOT, SKIPPED,
                         refuse_calls)
from example_server import Server, run_tests

REASONS = {"EPERM": "a security policy of this system forbids io_uring (not permitted)",
           "EACCES": "a security policy of this system forbids io_uring (access denied)",
           "ENOSYS": "this kernel has no io_uring, or a sandbox hides it",
           "EINVAL": "this kernel's io_uring knows none of the set-ups that are needed",
           "ENOMEM": "there is no memory for an io_uring, or too little may be locked"}
CALLS = {"setup": IO_URING_SETUP, "enter": IO_URING_ENTER, "register": IO_URING_REGISTER}
WAYS = [(call, name) for call in CALLS for name in REASONS]
FEW = ("--case", "connect.bytes_go_both_ways", "--case", "read.waits_for_bytes",
       "--case", "cancel.of_waiting_reads", "--case", "runtime.tells_its_backend")


def refuse(call, name):
    return refuse_calls(CALLS[call], CALLS[call], getattr(errno, name))


def documented_errors():
    with open(os.path.join(ROOT, "include", "zio", "rt.h"), encoding="utf-8") as file:
        comment = file.read().split("ZIO_CALL zio_rt_create(")[0].rpartition("/**")[2]
    return set(re.findall(r"ZIO_E[A-Z0-9]+", comment))


def the_same_cases_run_on_epoll(zio):
    for call, name in WAYS:
        done = zio.command("--backend", "auto", *FEW, prepare=refuse(call, name))
        assert done.returncode == 0 and done.stderr == "", (call, name, done.stdout, done.stderr)
        assert f"\nauto      epoll: {REASONS[name]}\n" in done.stdout, (call, name, done.stdout)
        assert "4 cases, 4 outcomes, 0 differences" in done.stdout, (call, name, done.stdout)
    return f"{len(WAYS)} ways"


def all_cases_run_on_epoll(zio):
    done = zio.command("--backend", "auto", "--csv", prepare=refuse("setup", "EPERM"), timeout=110)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) > 160, done.stdout
    return f"{len(lines) - 1} cases"


def who_asks_by_name_gets_the_documented_error(zio):
    documented = documented_errors()
    assert {"ZIO_EPERM", "ZIO_EACCES", "ZIO_ENOSYS", "ZIO_EINVAL", "ZIO_ENOMEM"} <= documented
    for call, name in WAYS:
        expected = f"zio-conformance: no backend io_uring: ZIO_{name}, {REASONS[name]}\n"
        done = zio.command("--backend", "io_uring", prepare=refuse(call, name))
        assert done.returncode == 2 and done.stderr == expected, (call, name, done.stderr)
        # A variable asks by name, too: never another backend.
        done = zio.command("--backend", "auto", prepare=refuse(call, name), ZIO_BACKEND="io_uring")
        assert done.returncode == 2, (call, name, done.stdout)
        assert done.stderr == expected.replace("no backend io_uring", "no backend auto"), done.stderr


def it_is_left_out_of_a_comparison(zio):
    for name, reason in REASONS.items():
        done = zio.command(*FEW, prepare=refuse("setup", name))
        assert done.returncode == 0, (name, done.stdout)
        assert done.stdout.startswith(f"io_uring is left out: ZIO_{name}, {reason}\n"), done.stdout
        header = re.search(r"^case +(.*)$", done.stdout, re.M)
        assert "io_uring" not in header[1] and "epoll" in header[1], header[1]


def in_refused_process(prepare, work):
    """Server and client are children of a process that is filtered itself."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            for name in [name for name in os.environ if name.startswith("ZIO_")]:
                del os.environ[name]
            prepare()
            work()
            os._exit(0)
        except BaseException:  # whatever it is, it must not run on as the test itself
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def serve_and_ask(binary):
    server = Server(binary, "auto")
    assert server.backend == "epoll", server.backend
    connections = [server.connect() for _ in range(20)]
    for turn in range(10):
        for number, connection in enumerate(connections):
            connection.sendall(bytes([turn, number]) * 5000)
        for number, connection in enumerate(connections):
            expected = bytes([turn, number]) * 5000
            got = b""
            while len(got) < len(expected):
                piece = connection.recv(65536)
                assert piece, "closed"
                got += piece
            assert got == expected
    for connection in connections:
        connection.close()
    status, seconds = server.stop()
    assert status == 0 and seconds < 5, (status, seconds, server.complaints())


def a_server_serves_all_the_same(zio):
    for call, name in WAYS:
        in_refused_process(refuse(call, name), lambda: serve_and_ask(zio.server))
    return f"{len(WAYS)} ways"


def main():
    zio = zio_command.Zio(sys.argv[1], None)
    zio.server = sys.argv[2]
    doctor = zio_command.Zio(sys.argv[3], None)
    if not zio_command.has_io_uring(doctor):
        print("SKIP: there is no io_uring here that could be refused")
        return SKIPPED
    tests = [the_same_cases_run_on_epoll, all_cases_run_on_epoll,
             who_asks_by_name_gets_the_documented_error, it_is_left_out_of_a_comparison,
             a_server_serves_all_the_same]
    return 0 if run_tests(tests, zio) else 1


if __name__ == "__main__":
    sys.exit(main())
