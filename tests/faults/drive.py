#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One failure at a time: every call that can fail, in every scenario, on every backend.

    drive.py PROGRAM [--backends LIST] [--scenarios LIST] [--jobs N] [--limit SECONDS] [--scale X]

Each scenario runs once to count the calls of each kind. Then each call fails once, with each error
that it can give: alone, and from then on together with all others that can give that error; and
each transfer is cut to one byte. The scenario must end, by an error or in success, and the same
process must then do all of it again without an error, and hold what a process without faults holds.
docs/fault-injection.md tells how to read the table.
"""
import argparse
import collections
import os
import queue
import re
import subprocess
import sys
import threading
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The tables of core/os, and what their entries are called among the sites.
TABLES = [
    ("core/os/table.hpp", "Table", "table", ""),
    ("core/os/memory.hpp", "MemoryTable", "memory_table", ""),
    ("core/os/linux/epoll.hpp", "EpollTable", "epoll_table", "epoll_"),
    ("core/os/linux/io_uring.hpp", "IoUringTable", "io_uring_table", "ring_"),
]
# Sites that no scenario calls, and why not.
UNREACHED = {
    "read_vector": "no public function reads pieces from a plain descriptor",
    "write_vector": "no public function writes pieces to a plain descriptor",
    "discard": "takes over a thousand tasks; tests/core/context/stack_pool_test.cpp refuses it",
}
# A policy that comes after the runtime forbids its ring: every call may say so.
LATE_POLICY = re.compile(r"site=(ring_enable|ring_enroll|ring_setup),.*errno=EPERM")
BAD = ("crash", "hang", "broken", "again", "leak", "contract")
Outcome = collections.namedtuple("Outcome", "verdict detail failed resources counts")


class Server:
    """A process that runs scenarios, each in a process of its own."""

    def __init__(self, program, backend):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("ZIO_")}
        environment.update(backend)
        self.process = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)

    def run(self, scenario, plan, limit_ms):
        self.process.stdin.write(f"{limit_ms} {scenario} {plan}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"drive: the server ended at {scenario} {plan}")
        fields = line.rstrip("\n").split("\t") + [""] * 4
        numbers = dict(item.split("=") for item in fields[3].split())
        counts = dict(item.split("=") for item in fields[4].split(",") if item)
        return Outcome(fields[0], fields[1], int(fields[2] or 0),
                       {name: int(value) for name, value in numbers.items()},
                       {name: int(value) for name, value in counts.items()})

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def read_sites(program):
    """{site: (whether it moves bytes, its errors)} and the exempted calls."""
    sites, exempt = {}, set()
    for line in subprocess.run([program, "sites"], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        kind, name, rest = line.split(" ", 2)
        if kind == "site":
            moves, *errors = rest.split()
            sites[name] = (moves == "1", errors)
        else:
            exempt.add(name)
    return sites, exempt


def check_sites(sites, exempt):
    """Every entry of every table is a site or says why not."""
    faults = []
    for path, struct, table, prefix in TABLES:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            body = re.search(r"struct %s \{(.*?)\n\};" % struct, file.read(), re.S).group(1)
        entries = re.findall(r"\(\*(\w+)\)\(", body)
        if len(entries) < 5:
            faults.append(f"{path}: found {len(entries)} entries in {struct}")
        for entry in entries:
            if (prefix + entry in sites) == (f"{table}.{entry}" in exempt):
                faults.append(f"{table}.{entry}: neither a site nor exempted, or both")
    return faults


def read_contracts():
    """{function: the errors in the contract of its header}"""
    contracts, references = {}, {}
    folder = os.path.join(ROOT, "include/zio")
    for header in sorted(os.listdir(folder)):
        with open(os.path.join(folder, header), encoding="utf-8") as file:
            text = file.read()
        for comment, name in re.findall(
                r"/\*\*((?:(?!\*/).)*?)\*/\s*(?:ZIO_NODISCARD )?ZIO_API [^;(]*?(zio_\w+)\(", text,
                re.S):
            part = re.search(r"@par Errors(.*?)@", comment, re.S)
            words = part.group(1) if part else ""
            contracts[name] = set(re.findall(r"ZIO_E\w+", words))
            references[name] = set(re.findall(r"(zio_\w+)\(\)", words))
    for _ in range(3):
        for name, others in references.items():
            for other in others:
                contracts[name] |= contracts.get(other, set())
    return contracts


def plans_of(counts, sites, scale):
    """Every way to fail each of the calls that were counted, or a part of them."""
    plans = []
    for site, count in sorted(counts.items()):
        moves, errors = sites[site]
        for number in range(1, count + 1):
            ways = [f"errno={error}" for error in errors] + (["short=1"] if moves else [])
            for way in ways:
                for more in ("", ",persist"):
                    plans.append((site, f"site={site},nth={number},{way}{more}"))
    if scale < 1:
        plans = [plan for plan in plans if zlib.crc32(plan[1].encode()) % 1000 < scale * 1000]
    return plans * max(1, round(scale))


def must_succeed(scenario, plan):
    """A backend that cannot be had is no error to who asked for none in particular."""
    shortage = re.search(r"errno=(EMFILE|ENFILE)", plan)
    return scenario == "fallback" and re.match(r"site=ring_(setup|map|enroll)", plan) \
        and not shortage and "persist" not in plan


class Cell:
    """What came of one scenario on one backend."""

    def __init__(self):
        self.calls = self.runs = self.missed = 0
        self.verdicts = collections.Counter()
        self.sites = collections.Counter()


class Driver:
    def __init__(self, options):
        self.options = options
        self.sites, exempt = read_sites(options.program)
        self.faults = check_sites(self.sites, exempt)
        self.contracts = read_contracts()
        self.cells = {}
        self.reached = collections.Counter()
        self.findings = collections.defaultdict(list)
        self.lock = threading.Lock()

    def count(self, server, cell, scenario):
        """The calls to fail, and what a process holds afterwards."""
        held = collections.Counter()
        for _ in range(3):
            outcome = server.run(scenario, "count", self.limit_ms())
            if outcome.verdict != "success":
                raise SystemExit(f"drive: {scenario} without faults: {' '.join(outcome[:2])}")
            for site, number in outcome.counts.items():
                cell.sites[site] = max(cell.sites[site], number)
            for name, number in outcome.resources.items():
                held[name] = max(held[name], number)
        cell.calls = sum(cell.sites.values())
        return held

    def limit_ms(self):
        return int(self.options.limit * 1000)

    def judge(self, scenario, plan, outcome, held):
        """The outcome, or what is wrong with it."""
        if outcome.verdict not in ("error", "success"):
            return outcome.verdict, outcome.detail
        for name, number in outcome.resources.items():
            if number > held[name]:
                return "leak", f"{number} {name}, not {held[name]}"
        if outcome.verdict == "error":
            call, error = outcome.detail.split()
            is_policy = error == "ZIO_EPERM" and LATE_POLICY.match(plan)
            if error not in self.contracts.get(call, error) and not is_policy:
                return "contract", outcome.detail
            if must_succeed(scenario, plan):
                return "broken", "no other backend: " + outcome.detail
        return outcome.verdict, ""

    def work(self, backend, jobs):
        server = Server(self.options.program, backend)
        while True:
            try:
                cell, label, scenario, plan, held = jobs.get_nowait()
            except queue.Empty:
                break
            outcome = server.run(scenario, plan, self.limit_ms())
            verdict, detail = self.judge(scenario, plan, outcome, held)
            with self.lock:
                cell.runs += 1
                cell.verdicts[verdict] += 1
                missed = verdict in ("error", "success") and outcome.failed == 0
                cell.missed += missed
                self.reached.update(outcome.counts)
                if verdict in BAD:
                    where = re.sub(r",nth=\d+", "", plan)
                    self.findings[verdict, scenario, detail].append((label, where, plan))
        server.end()

    def run(self):
        lines = subprocess.run([self.options.program, "list"], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        names = {line.split()[0]: line.split()[1] == "1" for line in lines}
        wanted = self.options.scenarios.split(",") if self.options.scenarios else list(names)
        for number, label in enumerate(self.options.backends.split(",")):
            for any_backend in (False, True):
                if any_backend and number != 0:
                    continue
                chosen = [name for name in wanted if names[name] == any_backend]
                self.run_backend("any" if any_backend else label,
                                 {} if any_backend else {"ZIO_BACKEND": label}, chosen)

    def run_backend(self, label, backend, scenarios):
        jobs = queue.Queue()
        server = Server(self.options.program, backend)
        for scenario in scenarios:
            cell = self.cells[scenario, label] = Cell()
            held = self.count(server, cell, scenario)
            for _, plan in plans_of(cell.sites, self.sites, self.options.scale):
                jobs.put((cell, label, scenario, plan, held))
        server.end()
        workers = [threading.Thread(target=self.work, args=(backend, jobs))
                   for _ in range(self.options.jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def report(self):
        columns = ("calls", "runs", "errors", "successes", "missed", "crashes", "hangs", "leaks",
                   "other")
        print(f"{'scenario':<10} {'backend':<9}" + "".join(f"{name:>10}" for name in columns))
        total = collections.Counter()
        for (scenario, label), cell in self.cells.items():
            row = collections.Counter(
                calls=cell.calls, runs=cell.runs, errors=cell.verdicts["error"],
                successes=cell.verdicts["success"], missed=cell.missed,
                crashes=cell.verdicts["crash"], hangs=cell.verdicts["hang"],
                leaks=cell.verdicts["leak"],
                other=sum(cell.verdicts[name] for name in ("broken", "again", "contract")))
            total += row
            print(f"{scenario:<10} {label:<9}" + "".join(f"{row[name]:>10}" for name in columns))
        print(f"{'all':<20}" + "".join(f"{total[name]:>10}" for name in columns))
        for (verdict, scenario, detail), runs in sorted(self.findings.items()):
            where = collections.Counter((label, place) for label, place, _ in runs)
            print(f"\n{verdict}: {scenario}: {detail} ({len(runs)} runs), e.g. {runs[0][0]} "
                  f"{runs[0][2]}")
            for (label, place), number in sorted(where.items())[:12]:
                print(f"    {number:4} {label} {place}")
        self.judge_all(total)
        for fault in self.faults:
            print(f"drive: {fault}")
        return 1 if self.findings or self.faults else 0

    def judge_all(self, total):
        """That the faults did happen."""
        if total["missed"] * 5 > total["runs"]:
            self.faults.append(f"{total['missed']} of {total['runs']} runs met no fault")
        if self.options.scenarios or len(self.options.backends.split(",")) < 3:
            return
        for site in self.sites:
            if (self.reached[site] == 0) != (site in UNREACHED):
                self.faults.append(f"{site}: called {self.reached[site]} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--backends", default="io_uring,epoll,poll")
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--jobs", type=int, default=3 * (os.cpu_count() or 1))
    parser.add_argument("--limit", type=float, default=20)
    parser.add_argument("--scale", type=float, default=os.environ.get("ZIO_TEST_SCALE", "1"))
    driver = Driver(parser.parse_args())
    driver.run()
    return driver.report()


if __name__ == "__main__":
    sys.exit(main())
