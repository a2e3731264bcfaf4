#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the command `zio-conformance` itself, above all that it finds what differs:
     conformance_test.py ZIO_CONFORMANCE

Status 0: passed, 1: failed."""
import csv
import errno
import io
import os
import platform
import re
import shutil
import sys

sys.dont_write_bytecode = True  # nothing is left behind in the tree
import zio_command
from zio_command import ROOT, refuse_calls
from example_server import is_sanitized, run_tests

SOCKETPAIR = {"x86_64": 53, "aarch64": 199}.get(platform.machine())


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def usage_is_checked(zio):
    for arguments in (["nonsense"], ["--backend"], ["--backend", "nonsense"], ["--case"],
                      ["--case", "nonsense"], ["--case=rea"], ["--repeat", "0"], ["--repeat", "x"],
                      ["--cancels", "-1"], ["--csv=1"], ["--quirk", "nonsense"]):
        done = zio.command(*arguments)
        assert done.returncode == 2 and done.stdout == "", (arguments, done.returncode, done.stdout)
        assert done.stderr.startswith("zio-conformance: "), (arguments, done.stderr)
    done = zio.command("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: zio-conformance")
    with open("/dev/full", "w", encoding="utf-8") as full:
        assert zio.command("--list", stdout=full).returncode == 2


def the_manual_page_has_all_options(zio):
    page = read("tools", "conformance", "zio-conformance.1.in").replace("\\-", "-")
    options = re.findall(r"^  (--[a-z]+)", zio.command("--help").stdout, re.M)
    assert len(options) == 8, options
    for word in options:
        assert re.search(rf"^\.BI? {word}\b", page, re.M), word


def every_case_has_a_name_and_an_outcome(zio):
    lines = [line.split(None, 1) for line in zio.command("--list").stdout.splitlines()]
    names = [line[0] for line in lines]
    assert len(names) > 160 and len(set(names)) == len(names), len(names)
    assert all(re.fullmatch(r"[a-z]+\.[a-z0-9_]+", name) for name in names), names
    assert all(len(line) == 2 and line[1] for line in lines)
    some = zio.command("--list", "--case", "read", "--case", "write.of_no_length").stdout
    assert {line.split(".")[0] for line in some.splitlines()} == {"read", "write"}
    return f"{len(names)} cases"


def values_say_the_same_as_the_table(zio):
    arguments = ("--case", "read", "--case", "thread.unparks_a_task", "--backend", "sim",
                 "--backend", "poll")
    table, values = zio.command(*arguments), zio.command("--csv", *arguments)
    assert table.returncode == values.returncode == 0, (table.stdout, values.stdout)
    verdicts = {line.split()[0]: line.split()[1:] for line in table.stdout.splitlines()
                if re.match(r"(read|thread)\.", line)}
    rows = rows_of(values.stdout)
    assert len(rows) == 2 * len(verdicts) > 20, (len(rows), verdicts)
    for row in rows:
        verdict = verdicts[row["case"]][["sim", "poll"].index(row["backend"])]
        assert row["verdict"] == verdict, (row, verdict)
        assert (row["outcome"] == row["expected"]) == (verdict == "ok"), row
    assert verdicts["thread.unparks_a_task"] == ["-", "ok"], verdicts


def what_differs_is_found_and_shown(zio):
    """On a kernel that makes no pairs of sockets only the simulated backend has any."""
    if SOCKETPAIR is None:
        return "not tried: the number of the call is not known"
    refuse = refuse_calls(SOCKETPAIR, SOCKETPAIR, errno.EMFILE)
    cases = ("--case", "address.of_a_pair", "--case", "read.in_pieces", "--case", "listen")
    done = zio.command("--csv", *cases, "--backend", "sim", "--backend", "epoll", prepare=refuse)
    assert done.returncode == 1, (done.returncode, done.stdout)
    differing = {(row["case"], row["backend"]) for row in rows_of(done.stdout)
                 if row["verdict"] == "DIFFERS"}
    assert differing == {("address.of_a_pair", "epoll"), ("read.in_pieces", "epoll")}, differing
    done = zio.command(*cases, "--backend", "sim", "--backend", "epoll", prepare=refuse)
    assert done.returncode == 1 and "\n    sim: " in done.stdout, done.stdout
    assert re.search(r"^    epoll: .*zio_stream_pair.* == 0$", done.stdout, re.M), done.stdout
    # The kinds of streams are told apart.
    assert re.search(r"^    epoll: tcp4: bytes=abcdefg .* \| pair: kit\.c", done.stdout, re.M)


def a_death_is_an_outcome(zio):
    if SOCKETPAIR is None or is_sanitized(zio.binary):
        return "not tried"
    kill = lambda: zio_command.forbid_calls(SOCKETPAIR, SOCKETPAIR, zio_command.RET_KILL_PROCESS)
    done = zio.command("--case", "address.of_a_pair", "--backend", "poll", prepare=kill)
    assert done.returncode == 1 and "(killed by signal 31, " in done.stdout, done.stdout


def cancels_that_lose_nothing_are_counted(zio):
    done = zio.command("--cancels", "400", "--backend", "epoll", "--csv")
    rows = rows_of(done.stdout)
    assert done.returncode == 0, done.stdout
    assert [row["race"] for row in rows] == ["receives", "sends", "accepts", "connects"]
    for row in rows:
        assert int(row["canceled"]) >= 100 and int(row["with_an_effect"]) > 0, row
        assert row["wrong"] == "0", row


def each_quirk_names_a_case(zio):
    lines = re.findall(r'^QUIRK\(([a-z0-9_]+), "([^"]+)", "([^"]+)", "[^"]+", "([^"]+)"\)$',
                       read("tools", "conformance", "quirks.inc"), re.M)
    assert len(lines) == read("tools", "conformance", "quirks.inc").count("\nQUIRK(") > 30
    cases = {line.split()[0] for line in zio.command("--list").stdout.splitlines()}
    for name, since, until, case in lines:
        assert case in cases, (name, case)
        assert all(re.fullmatch(r"-|\d+\.\d+", version) for version in (since, until)), name
    assert len({line[0] for line in lines}) == len(lines)
    return f"{len(lines)} quirks"


def a_setting_of_the_system_is_no_difference(zio):
    """With net.ipv6.bindv6only the wildcard takes both versions all the same, as the header says."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "not tried: there is no unshare or no ip"
    script = 'ip link set lo up && echo 1 >/proc/sys/net/ipv6/bindv6only || exit 99; exec "$@"'
    done = zio.run("unshare", *(["-n"] if os.geteuid() == 0 else ["-r", "-n"]), "sh", "-c", script,
                   "sh", zio.binary, "--csv", "--case", "listen")
    if done.returncode == 99 or done.stdout == "":
        return "not tried: there is no network of one's own here"
    assert done.returncode == 0, done.stdout
    return None


def main():
    zio = zio_command.Zio(sys.argv[1], None)
    tests = [usage_is_checked, the_manual_page_has_all_options,
             every_case_has_a_name_and_an_outcome, values_say_the_same_as_the_table,
             what_differs_is_found_and_shown, a_death_is_an_outcome,
             cancels_that_lose_nothing_are_counted, each_quirk_names_a_case,
             a_setting_of_the_system_is_no_difference]
    return 0 if run_tests(tests, zio) else 1


if __name__ == "__main__":
    sys.exit(main())
