#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the command `zio` and what its doctor says in one environment and another:
     doctor_test.py ZIO FILL_DESCRIPTORS

Status 0: passed, 1: failed."""
import os
import pty
import re
import resource
import sys

sys.dont_write_bytecode = True  # nothing is left behind in the tree
import zio_command
from zio_command import LINE, ROOT, kill_for_io_uring, limit, refuse_io_uring
from example_server import is_sanitized, run_tests

SECTIONS = ["backend", "kernel", "processors", "limits", "environment", "tasks", "connections"]
FEW = ("--tasks", "10")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def verdicts_of_text(text):
    return [match.group(1, 2) for match in map(LINE.match, text.splitlines()) if match]


def verdicts_of_json(report):
    return [(finding["status"], name) for section in report.checks.values()
            for name, finding in section.items()]


def usage_is_checked(zio):
    for arguments in ([], ["nonsense"], ["doctor", "--tasks"], ["doctor", "--tasks", "x"],
                      ["doctor", "--tasks", "-1"], ["doctor", "--tasks=1x"],
                      ["doctor", "--tasks="], ["doctor", "--json=1"], ["doctor", "more"],
                      ["version", "more"], ["doctor", "--" + "x" * 100]):
        done = zio.command(*arguments)
        assert done.returncode == 2 and done.stdout == "", (arguments, done.returncode)
        assert "usage: zio" in done.stderr, (arguments, done.stderr)
    for arguments in (["help"], ["--help"], ["doctor", "--help"]):
        done = zio.command(*arguments)
        assert done.returncode == 0 and done.stderr == "" and "usage: zio" in done.stdout


def version_is_that_of_the_header(zio):
    header = read("include", "zio", "base.h")
    version = ".".join(re.search(rf"#define ZIO_VERSION_{part} (\d+)", header)[1]
                       for part in ("MAJOR", "MINOR", "PATCH"))
    for argument in ("version", "--version"):
        done = zio.command(argument)
        assert done.returncode == 0 and done.stdout == f"libzio {version}\n", done.stdout


def output_that_cannot_be_written_is_an_error(zio):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for arguments in (["version"], ["doctor", *FEW], ["doctor", "--json", *FEW]):
            done = zio.command(*arguments, stdout=full)
            assert done.returncode == 2, (arguments, done.returncode)


def text_is_plain_and_narrow(zio):
    status, text = zio.text(*FEW)
    assert status == 0, text
    lines = text.splitlines()
    assert all(line.isascii() and (line == "" or line.isprintable()) for line in lines), text
    assert max(map(len, lines)) < 80, max(lines, key=len)
    found = verdicts_of_text(text)
    assert len(found) > 40, text
    words = {word: sum(verdict == word for verdict, _ in found) for word in ("ok", "warn", "fail")}
    assert f"\n{words['ok']} ok, {words['warn']} warn, 0 fail\n" in text, text
    return f"{len(found)} findings"


def colour_is_for_terminals_only(zio):
    def of_terminal(**variables):
        leader, follower = pty.openpty()
        with os.fdopen(follower, "wb") as terminal:
            done = zio.command("doctor", *FEW, stdout=terminal, **variables)
        assert done.returncode == 0
        text = b""
        try:
            while piece := os.read(leader, 65536):
                text += piece
        except OSError:  # no more
            pass
        os.close(leader)
        return text
    assert b"\x1b[32mok\x1b[0m" in of_terminal(TERM="xterm", NO_COLOR="")
    assert b"\x1b" not in of_terminal(TERM="xterm", NO_COLOR="1")
    assert b"\x1b" not in of_terminal(TERM="dumb", NO_COLOR="")


def json_says_the_same(zio):
    cases = [(FEW, {}), ((), {}), (("--tasks=10", "--connections", "1000000000"), {}),
             (("--tasks", "300", "--try"), {}), (FEW, {"ZIO_BACKEND": "nonsense"}),
             (FEW, {"ZIO_WORKERS": "ab\"c\\\n\x01\u00e9", "ZIO_ODD": "1"}),
             (FEW, {"prepare": limit(resource.RLIMIT_NOFILE, 64)}),
             (("--tasks", "100"), {"prepare": limit(resource.RLIMIT_NOFILE, 64)})]
    statuses = set()
    for arguments, options in cases:
        status, text = zio.text(*arguments, **options)
        report = zio.report(*arguments, **options)
        assert report.status == status, (arguments, options)
        assert verdicts_of_text(text) == verdicts_of_json(report), (arguments, options)
        found = {verdict for verdict, _ in verdicts_of_json(report)}
        worst = [word for word in ("fail", "warn", "ok") if word in found][0]
        assert report.all["status"] == worst and (worst == "fail") == (status != 0)
        for section in report.checks.values():
            for finding in section.values():
                assert list(finding) == ["status", "value", "text", "fails_at", "fix"], finding
        if status != 2:
            assert set(SECTIONS) <= set(report.checks), list(report.checks)
        statuses.add(status)
    assert statuses == {0, 1, 2}, statuses


def the_first_failure_is_the_least(zio):
    report = zio.report("--tasks", "1000000000")
    assert report.status == 1
    failing = [(finding["fails_at"], section, name) for section, all in report.checks.items()
               for name, finding in all.items()
               if finding["status"] == "fail" and finding["fails_at"] is not None]
    first = report.all["first"]
    assert (first["fails_at"], first["section"], first["name"]) == min(failing), (first, failing)
    # Stacks or, where guards cost some, mappings; a sanitizer has mappings of its own for each task.
    assert "fail" in (report.verdict("tasks", "stacks"), report.verdict("tasks", "mappings"))
    assert report.verdict("tasks", "memory") == "fail"
    assert zio.report(*FEW).all["first"] is None
    return f"{len(failing)} failures"


def a_backend_that_was_asked_for_is_chosen(zio):
    for name in ("epoll", "poll", "sim"):
        report = zio.report(*FEW, "--try", ZIO_BACKEND=name)
        assert report.finding("backend", "chosen")["value"] == name
        assert report.verdict("backend", "chosen") == "ok" and report.status == 0
        assert report.verdict("environment", "ZIO_BACKEND") == "ok"
        assert report.finding("try", "parked")["value"] == 10
    for name in ("nonsense", "kqueue"):
        report = zio.report(*FEW, ZIO_BACKEND=name)
        assert report.status == 2 and report.verdict("backend", "chosen") == "fail"
        assert report.finding("backend", "chosen")["fix"] == "unset ZIO_BACKEND"
        assert report.finding("backend", "epoll")["value"] == "works"
    assert "ZIO_BACKEND names no backend" in \
        zio.report(*FEW, ZIO_BACKEND="nonsense").finding("backend", "chosen")["text"]


def workers_are_as_the_library_makes_them(zio):
    usable = len(os.sched_getaffinity(0))
    plain = zio.report(*FEW)
    least = plain.finding("processors", "workers")["value"]
    assert plain.finding("processors", "affinity")["value"] == usable and 1 <= least <= usable
    for value, workers, verdict in (("0", least, "ok"), ("abc", least, "warn"), ("3x", least, "warn"),
                                    ("3", 3, "ok"), (str(least + 1), least + 1, "ok")):
        report = zio.report(*FEW, ZIO_WORKERS=value)
        assert report.finding("processors", "workers")["value"] == workers, value
        assert report.verdict("environment", "ZIO_WORKERS") == verdict, value
        assert (report.verdict("processors", "workers") == "warn") == (workers > least), value
        assert report.status == 0
    one = zio.report(*FEW, prepare=lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]))
    assert one.finding("processors", "affinity")["value"] == 1
    assert one.finding("processors", "workers")["value"] == 1


def every_variable_of_the_library_is_known(zio):
    read_by_library = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "core")):
        if folder.endswith(os.path.join("os", "faults")):
            continue  # in no library that is installed
        for name in files:
            if name.endswith(".cpp"):
                read_by_library |= set(re.findall(r'environment\("(\w+)"\)', read(folder, name)))
    assert len(read_by_library) > 4, read_by_library
    known = zio.report(*FEW).checks["environment"]
    assert set(known) == read_by_library, set(known) ^ read_by_library
    page = read("tools", "zio", "zio.1.in")
    assert all(name in page for name in known)
    report = zio.report(*FEW, ZIO_SEED="x", ZIO_STACK_GUARD="none", ZIO_IO_URING_FLAGS="?",
                        ZIO_BACKND="poll")
    for name in ("ZIO_SEED", "ZIO_STACK_GUARD", "ZIO_IO_URING_FLAGS", "ZIO_BACKND"):
        assert report.verdict("environment", name) == "warn", name
    for name in ("ZIO_SIM_OFF", "ZIO_SIM_FAULTS", "ZIO_SIM_CALM", "ZIO_SIM_LIMIT", "ZIO_SIM_ONLY"):
        assert zio.report(*FEW, **{name: "x"}).verdict("environment", name) == "warn", name
    for name, value in (("ZIO_CLOCK", "auto"), ("ZIO_ORDER", "seeded")):
        assert zio.report(*FEW, **{name: "x"}).verdict("environment", name) == "fail", name
        report = zio.report(*FEW, "--try", **{name: value})
        assert report.verdict("environment", name) == "ok" and report.status == 0, report
    good = zio.report(*FEW, ZIO_SEED="7", ZIO_STACK_GUARD="mprotect", ZIO_IO_URING_FLAGS="coop")
    assert all(finding["status"] == "ok" for finding in good.checks["environment"].values())


def the_manual_page_has_all_options(zio):
    page = read("tools", "zio", "zio.1.in").replace("\\-", "-")
    options = re.findall(r"^  (--[a-z]+)", zio.command("doctor", "--help").stdout, re.M)
    assert len(options) == 5, options
    for word in options + SECTIONS + ["try"]:
        assert re.search(rf"^\.BI? {word}\b", page, re.M), word


def a_refused_io_uring_is_told_with_its_reason(zio):
    if not zio_command.has_io_uring(zio):
        return "not tried: there is no io_uring"
    report = zio.report(*FEW, "--try", prepare=refuse_io_uring)
    reason = "a security policy of this system forbids io_uring (not permitted)"
    chosen, refused = report.finding("backend", "chosen"), report.finding("backend", "io_uring")
    assert chosen["status"] == "warn" and chosen["value"] == "epoll", chosen
    assert reason in chosen["text"], chosen
    assert refused["status"] == "warn" and refused["value"] == "refused", refused
    assert "ZIO_EPERM" in refused["text"] and reason in refused["text"], refused
    assert "seccomp" in refused["fix"], refused
    assert report.finding("kernel", "seccomp")["value"] == "filter"
    assert report.status == 0 and report.finding("try", "parked")["value"] == 10
    asked = zio.report(*FEW, prepare=refuse_io_uring, ZIO_BACKEND="io_uring")
    assert asked.status == 2 and asked.verdict("backend", "chosen") == "fail"


def a_sandbox_that_kills_is_a_finding(zio):
    if not zio_command.has_io_uring(zio):
        return "not tried: there is no io_uring"
    report = zio.report(*FEW, prepare=kill_for_io_uring)
    chosen, refused = report.finding("backend", "chosen"), report.finding("backend", "io_uring")
    assert report.status == 2 and chosen["status"] == "fail", chosen
    assert "killed by signal 31" in chosen["text"] and "killed by signal 31" in refused["text"]
    assert chosen["fix"] == "export ZIO_BACKEND=epoll"
    advised = zio.report(*FEW, "--try", prepare=kill_for_io_uring, ZIO_BACKEND="epoll")
    assert advised.status == 0 and advised.finding("backend", "chosen")["value"] == "epoll"
    assert advised.finding("backend", "io_uring")["value"] == "refused"


def main():
    zio = zio_command.Zio(sys.argv[1], sys.argv[2])
    tests = [usage_is_checked, version_is_that_of_the_header,
             output_that_cannot_be_written_is_an_error, text_is_plain_and_narrow,
             colour_is_for_terminals_only, json_says_the_same, the_first_failure_is_the_least,
             a_backend_that_was_asked_for_is_chosen, workers_are_as_the_library_makes_them,
             every_variable_of_the_library_is_known, the_manual_page_has_all_options]
    # A sanitizer makes calls of its own when it is killed or ends in a filter.
    if not is_sanitized(zio.binary):
        tests += [a_refused_io_uring_is_told_with_its_reason, a_sandbox_that_kills_is_a_finding]
    return 0 if run_tests(tests, zio) else 1


if __name__ == "__main__":
    sys.exit(main())
