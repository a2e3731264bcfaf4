#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `zio doctor` says would fail is held against what the library then does, at exactly the
number it says:  limits_test.py ZIO FILL_DESCRIPTORS

Status 0: passed, 1: failed, 77: limits mean nothing in this build."""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # nothing is left behind in the tree
import zio_command
from zio_command import SKIPPED, limit
from example_server import is_sanitized, run_tests

GIB = 1 << 30


def park(zio, tasks, **options):
    """What the doctor says when it parks so many, and what became of them."""
    report = zio.report("--tasks", str(tasks), "--connections", "0", "--try", **options)
    return report, report.finding("try", "parked")


def holds(zio, section, name, tasks, **options):
    """The doctor says that something fails beyond a number of tasks: so many work, and one more
    does not, at the number itself. Returns that number."""
    forecast = zio.report("--tasks", str(tasks), "--connections", "0", **options)
    finding = forecast.finding(section, name)
    assert finding["status"] == "fail" and forecast.status == 1, finding
    count = finding["fails_at"]
    assert 0 < count < tasks, finding
    assert finding["fix"] is not None, finding
    enough, parked = park(zio, count, **options)
    assert enough.verdict(section, name) == "ok" and enough.status == 0, enough.all
    assert parked["status"] == "ok" and parked["value"] == count, parked
    more, parked = park(zio, count + 1, **options)
    assert more.verdict(section, name) == "fail" and more.status == 1, more.all
    assert parked["status"] == "fail" and parked["fails_at"] == count, (parked, count)
    assert "ZIO_ESTACK" in parked["text"], parked
    return count, parked


def few_tasks_and_no_limit(zio):
    report, parked = park(zio, 10)
    assert report.status == 0 and parked["value"] == 10, parked


def what_a_task_takes_is_what_was_seen(zio):
    report, parked = park(zio, 20000)
    forecast = report.finding("tasks", "memory")["value"]
    seen = report.finding("try", "bytes_per_task")["value"]
    assert report.status == 0 and parked["value"] == 20000, parked
    assert 0.8 < seen / forecast < 1.25, (seen, forecast)
    return f"forecast {forecast}, seen {seen} bytes"


def little_address_space_is_met_by_the_sample(zio):
    count, parked = holds(zio, "tasks", "stacks", 100000, prepare=limit(resource.RLIMIT_AS, GIB))
    assert "address space limit reached" in parked["text"], parked
    assert parked["fix"] == "ulimit -v unlimited", parked
    assert count < 2048, count
    return f"{count} tasks"


def more_address_space_is_calculated(zio):
    counts = []
    for gibibytes in (8, 16):
        count, parked = holds(zio, "tasks", "stacks", 100000,
                              prepare=limit(resource.RLIMIT_AS, gibibytes * GIB))
        assert "address space limit reached" in parked["text"], parked
        counts.append(count)
    assert counts[0] < counts[1] and counts[1] > 2048, counts  # more than the sample had
    return f"{counts[0]} and {counts[1]} tasks"


def a_limit_of_data_is_one_of_stacks(zio):
    count, parked = holds(zio, "tasks", "stacks", 100000,
                          prepare=limit(resource.RLIMIT_DATA, 16 * GIB))
    assert parked["fix"] == "ulimit -d unlimited", parked
    return f"{count} tasks"


def no_address_space_is_no_library(zio):
    """The least with which the command itself can be loaded."""
    for mebibytes in range(4, 64):
        done = zio.command("doctor", "--json", "--tasks", "10",
                           prepare=limit(resource.RLIMIT_AS, mebibytes << 20))
        if done.stdout != "":
            break
    report = zio_command.Report(done.returncode, done.stdout)
    chosen = report.finding("backend", "chosen")
    assert report.status == 2 and chosen["status"] == "fail", chosen
    # The library refuses, or there is not even room for the process that would ask it.
    reasons = ("ZIO_ENOMEM", "ZIO_ESTACK", "no memory to try it")
    assert any(reason in chosen["text"] for reason in reasons), chosen
    return f"{mebibytes} MiB: {chosen['text']}"


def guards_by_rights_end_at_the_mappings(zio):
    with open("/proc/sys/vm/max_map_count", encoding="ascii") as file:
        limit_of_mappings = int(file.read())
    if limit_of_mappings > 200000:
        return "not tried: so many mappings would take too long"
    count, parked = holds(zio, "tasks", "mappings", limit_of_mappings, ZIO_STACK_GUARD="mprotect")
    assert "mapping limit reached" in parked["text"], parked
    return f"{count} tasks"


def guards_by_advice_need_no_mappings(zio):
    report = zio.report("--tasks", "10")
    if report.finding("kernel", "stack_guards")["value"] != "advice":
        return "not tried: this kernel has none"
    plenty, parked = park(zio, 30000)
    assert parked["status"] == "ok" and plenty.verdict("tasks", "mappings") == "ok", parked


def descriptors_end_where_it_says(zio):
    counts = []
    for backend in ("io_uring", "epoll", "poll"):
        if zio.report("--tasks", "10").finding("backend", backend)["value"] != "works":
            continue
        for most in (64, 333):
            options = {"prepare": limit(resource.RLIMIT_NOFILE, most), "ZIO_BACKEND": backend}
            report = zio.report("--tasks", "10", "--connections", "1000", **options)
            finding = report.finding("connections", "descriptors")
            assert finding["status"] == "fail" and report.status == 1, finding
            done = zio.run(zio.filler, **options)
            match = re.fullmatch(r"(\d+) streams, then ZIO_EMFILE\n", done.stdout)
            assert done.returncode == 0 and match, done.stdout
            # There was no listener, for which the doctor keeps one; streams come in pairs.
            left = finding["fails_at"] + 1 - int(match[1])
            assert left in (0, 1), (backend, finding, match[1])
            counts.append(match[1])
            enough = zio.report("--tasks", "10", "--connections", str(finding["fails_at"]),
                                **options)
            assert enough.verdict("connections", "descriptors") == "ok" and enough.status == 0
    assert len(counts) >= 4, counts
    return f"{' '.join(counts)} streams"


def its_advice_about_descriptors_is_enough(zio):
    """Where the hard limit is higher, the line it gives makes the finding good."""
    def low():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))
    options = ("--tasks", "10", "--connections", "400")
    finding = zio.report(*options, prepare=low).finding("connections", "descriptors")
    match = re.fullmatch(r"ulimit -n (\d+)", finding["fix"])
    assert finding["status"] == "fail" and match, finding
    def raised():
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(match[1]), 512))
    assert zio.report(*options, prepare=raised).verdict("connections", "descriptors") == "ok"
    def one_less():
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(match[1]) - 1, 512))
    assert zio.report(*options, prepare=one_less).verdict("connections", "descriptors") == "fail"


def in_groups(zio, folder, groups, mounts, *arguments):
    """The report of a process that sees these files as its own /proc/self/cgroup and mountinfo."""
    for name, text in (("cgroup", groups), ("mountinfo", mounts)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    if shutil.which("unshare") is None:
        return None
    script = 'for name in cgroup mountinfo; do mount --bind "$1/$name" /proc/$$/$name || exit 99;' \
             'done; shift; exec "$@"'
    done = zio.run("unshare", *(["-m"] if os.geteuid() == 0 else ["-r", "-m"]), "sh", "-c", script,
                   "sh", folder, zio.binary, "doctor", "--json", *arguments)
    if done.returncode == 99 or done.stdout == "":
        return None
    return zio_command.Report(done.returncode, done.stdout)


def write_group(*path, **files):
    folder = os.path.join(*path)
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name.replace("__", ".")), "w", encoding="ascii") as file:
            file.write(f"{text}\n")


def check_groups(report, memory_file):
    """Both versions below say the same."""
    memory = report.finding("kernel", "cgroup_memory")
    assert memory["value"] == 100 << 20 and "90.0 MiB left" in memory["text"], memory
    assert report.finding("kernel", "cgroup_cpu")["value"] == 1500
    assert report.finding("kernel", "cgroup_pids")["value"] == 100
    assert "60 left" in report.finding("kernel", "cgroup_pids")["text"]
    assert report.finding("processors", "quota")["value"] == 2
    tasks = report.finding("tasks", "memory")
    assert tasks["status"] == "fail" and tasks["fails_at"] == (90 << 20) // tasks["value"], tasks
    assert tasks["fix"] == f"echo {(10 << 20) + 100000 * tasks['value']} >{memory_file}", tasks


def groups_of_version_2_are_seen(zio):
    with tempfile.TemporaryDirectory() as folder:
        write_group(folder, "fs", cpu__max="max 100000")
        write_group(folder, "fs", "top", memory__max=100 << 20, memory__current=20 << 20,
                    memory__stat=f"anon 5\ninactive_file {8 << 20}\nactive_file {2 << 20}",
                    cpu__max="400000 100000", pids__max=1000, pids__current=50)
        write_group(folder, "fs", "top", "inner", memory__max=200 << 20, memory__current=1,
                    cpu__max="150000 100000", pids__max=100, pids__current=40)
        report = in_groups(zio, folder, "0::/outer/top/inner\n",
                           f"36 31 0:30 /outer {folder}/fs rw shared:9 - cgroup2 cgroup2 rw\n",
                           "--tasks", "100000")
        if report is None:
            return "not tried: nothing can be mounted here"
        check_groups(report, f"{folder}/fs/top/memory.max")
        return None


def groups_of_version_1_are_seen(zio):
    with tempfile.TemporaryDirectory() as folder:
        write_group(folder, "memory", memory__limit_in_bytes=9223372036854771712,
                    memory__usage_in_bytes=1)
        write_group(folder, "memory", "a", memory__limit_in_bytes=100 << 20,
                    memory__usage_in_bytes=20 << 20, memory__stat="inactive_file 7\n"
                    f"total_inactive_file {8 << 20}\ntotal_active_file {2 << 20}")
        write_group(folder, "cpu", "b", cpu__cfs_quota_us=150000, cpu__cfs_period_us=100000)
        write_group(folder, "cpu", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
        write_group(folder, "pids", pids__max=100, pids__current=40)
        report = in_groups(zio, folder, "4:memory:/a\n3:cpuset:/\n2:cpu,cpuacct:/b\n1:pids:/\n0::/\n",
                           f"30 1 0:3 / {folder}/cpuset rw - cgroup cgroup rw,cpuset\n"
                           f"31 1 0:4 / {folder}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                           f"32 1 0:5 / {folder}/memory rw - cgroup cgroup rw,memory\n"
                           f"33 1 0:6 / {folder}/pids rw - cgroup cgroup rw,pids\n",
                           "--tasks", "100000")
        if report is None:
            return "not tried: nothing can be mounted here"
        check_groups(report, f"{folder}/memory/a/memory.limit_in_bytes")
        return None


def no_thread_is_told(zio):
    """Root may have as many as it likes, so the limit is tried as somebody else."""
    def nobody():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresuid(65534, 65534, 65534)
    try:
        done = zio.command("doctor", "--json", "--tasks", "10", prepare=nobody)
    except (PermissionError, subprocess.SubprocessError):
        return "not tried: nobody else may run the command"
    if done.stdout == "":
        return "not tried: " + done.stderr.strip()
    report = zio_command.Report(done.returncode, done.stdout)
    workers = report.finding("processors", "workers")
    if workers["value"] == 1:
        return "not tried: there is one processor"
    assert report.status == 1 and workers["status"] == "fail", workers
    assert "ZIO_EAGAIN" in workers["text"] and workers["fix"] is not None, workers
    assert report.verdict("backend", "chosen") == "ok", report.all
    assert "fork gives ZIO_EAGAIN" in report.finding("backend", "sim")["text"]
    return None


def main():
    zio = zio_command.Zio(sys.argv[1], sys.argv[2])
    if is_sanitized(zio.binary):
        print("SKIP: a sanitizer takes address space, memory and descriptors of its own")
        return SKIPPED
    tests = [few_tasks_and_no_limit, what_a_task_takes_is_what_was_seen,
             little_address_space_is_met_by_the_sample, more_address_space_is_calculated,
             a_limit_of_data_is_one_of_stacks, no_address_space_is_no_library,
             guards_by_rights_end_at_the_mappings, guards_by_advice_need_no_mappings,
             descriptors_end_where_it_says, groups_of_version_2_are_seen,
             groups_of_version_1_are_seen, no_thread_is_told, its_advice_about_descriptors_is_enough]
    return 0 if run_tests(tests, zio) else 1


if __name__ == "__main__":
    sys.exit(main())
