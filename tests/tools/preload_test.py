# SPDX-License-Identifier: MIT
"""zio-sim --preload: programs that ask past the library, for the time or for chance, are replayed
all the same; without it they are not. Where nothing is simulated the preloaded library is as good
as not there."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOOL, PRELOAD, STRANGER, LIBRARY = sys.argv[1:5]
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = [sys.executable, os.path.join(HERE, "stranger.py"), LIBRARY]
DAY = 86400
BEGIN = 946684800  # 2000-01-01 00:00:00 UTC
NAMES = """_ZNSt13random_device9_M_getvalEv arc4random arc4random_buf arc4random_uniform clock
    clock_gettime clock_nanosleep cnd_timedwait epoll_wait getentropy getrandom gettimeofday
    mtx_timedlock nanosleep poll ppoll pselect pthread_cond_clockwait pthread_cond_timedwait
    pthread_mutex_clocklock pthread_mutex_timedlock pthread_rwlock_clockrdlock
    pthread_rwlock_clockwrlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock select sem_clockwait sem_timedwait sleep syscall
    thrd_sleep time timespec_get usleep""".split()
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith("ZIO_") and name not in ("LD_PRELOAD", "PYTHONHASHSEED")}


def run(*command, status=0, **environment):
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=100,
                            env={**CLEAN, **environment}, cwd=FOLDER, check=False)
    assert result.returncode == status, (command, result)
    return result.stdout + result.stderr


def replay(seed, *program):
    return run(TOOL, "replay", seed, "--preload", "--", *program)


def hash_of(text):
    return re.search(r" hash=([0-9a-f]{16})$", text, re.M)[1]


def who_asks_past_the_library_differs_without_it():
    text = run(TOOL, "diff", 7, "--", STRANGER, "talks", status=1)
    assert "they differ from event " in text, text
    assert "the same, " in run(TOOL, "diff", 7, "--preload", "--", STRANGER, "talks")


def a_hundred_runs_are_one():
    texts = {replay(7, STRANGER, "talks") for _ in range(100)}
    assert len(texts) == 1, texts
    hashes = {hash_of(replay(seed, STRANGER, "talks")) for seed in range(1, 9)}
    assert len(hashes) == 8, hashes
    return hash_of(texts.pop())


def several_workers_are_replayed():
    texts = {replay(7, STRANGER, "crowd") for _ in range(20)}
    assert len(texts) == 1, texts
    return hash_of(texts.pop())


def all_clocks_fit_together():
    for seed in (0, 1, 2, 18446744073709551615):
        assert replay(seed, STRANGER, "clocks") == replay(seed, STRANGER, "clocks")


def the_seed_says_when_the_day_begins():
    begins = []
    for seed in range(1, 21):
        first = int(replay(seed, STRANGER, "talks").split()[0])
        assert BEGIN <= first < BEGIN + DAY, first
        begins.append(first)
    assert len(set(begins)) == 20 and max(begins) - min(begins) > DAY / 2, begins


def another_language_is_replayed():
    text = run(TOOL, "diff", 7, "--", *PYTHON, status=1)
    assert "they differ from event " in text, text
    texts = {replay(7, *PYTHON, "sleeps") for _ in range(5)}
    assert len(texts) == 1, texts
    text = texts.pop()
    assert re.match(r"Sat Jan  1 \d\d:\d\d:\d\d 2000 |Sun Jan  2 ", text), text
    assert hash_of(replay(8, *PYTHON, "sleeps")) != hash_of(text)
    return text.split("\n", maxsplit=1)[0]


def all_commands_take_it():
    text = run(TOOL, "run", "--preload", "--seeds", 20, "--", STRANGER, "talks")
    assert "20 seeds from 1: 0 failed" in text, text
    text = run(TOOL, "timeline", 2, "--preload", "--", STRANGER, "talks")
    assert " sent " in text, text
    text = run(TOOL, "run", "--preload", "--seeds", 1, "--", "false", status=1)
    assert f"LD_PRELOAD='{PRELOAD}' false" in text, text
    text = run(TOOL, "shrink", 1, "--preload", "--", STRANGER, "talks", status=2)
    assert "does not fail" in text, text


def where_nothing_is_simulated_it_is_not_there():
    for program in ([sys.executable, "-c", "import time; print(time.time())"], [STRANGER, "moment"]):
        text = run(*program, LD_PRELOAD=PRELOAD)
        said = float(re.findall(r"\d+\.?\d*", text)[0])
        assert abs(said - time.time()) < 5, (program, text)
    drawn = {run(STRANGER, "moment", LD_PRELOAD=PRELOAD).split()[1] for _ in range(5)}
    assert len(drawn) == 5, drawn
    # No libzio, but asked for: only chance is decided.
    text = replay(1, sys.executable, "-c", "import os, time; print(time.time(), os.urandom(8))")
    assert abs(float(text.split()[0]) - time.time()) < 5, text
    drawn = {replay(1, sys.executable, "-c", "import os; print(os.urandom(8), hash('x'))")
             for _ in range(5)}
    assert len(drawn) == 1, drawn
    # A sleep is one there.
    begin = time.monotonic()
    replay(1, "sleep", 0.3)
    assert time.monotonic() - begin >= 0.3


def others_in_front_stay():
    text = run(TOOL, "replay", 1, "--preload", "--", "env", LD_PRELOAD="libm.so.6")
    assert f"LD_PRELOAD={PRELOAD}:libm.so.6\n" in text, text
    text = run(TOOL, "replay", 1, "--preload", "--", "env", LD_PRELOAD="")
    assert f"LD_PRELOAD={PRELOAD}\n" in text, text


def it_is_found_where_it_is_installed():
    folder = os.path.join(FOLDER, "bin")
    os.mkdir(folder)
    tool = shutil.copy(TOOL, folder)
    text = run(tool, "replay", 1, "--preload", "--", "env", status=2)
    where = re.search(r"^zio-sim: --preload: there is no (/.*/libzio-sim-preload\.so)$", text, re.M)
    assert where, text
    for name, status in (("there", 0), ("with space", 2), ("with:colon", 2)):
        place = os.path.join(FOLDER, name, "bin")
        os.makedirs(place)
        tool = shutil.copy(TOOL, place)
        library = os.path.normpath(where[1].replace(folder, place))
        os.makedirs(os.path.dirname(library))
        shutil.copy(PRELOAD, library)
        text = run(tool, "replay", 1, "--preload", "--", "env", status=status)
        assert ("LD_PRELOAD=" if status == 0 else "space or colon") in text, text


def nothing_else_is_in_the_way():
    names = [line.split()[-1] for line in run("nm", "-D", "--defined-only", PRELOAD).splitlines()]
    assert set(names) <= set(NAMES), set(names) - set(NAMES)
    assert set(NAMES) - set(names) <= {name for name in NAMES if "arc4" in name}, names


with tempfile.TemporaryDirectory() as FOLDER:
    for test in (who_asks_past_the_library_differs_without_it, a_hundred_runs_are_one, several_workers_are_replayed,
                 all_clocks_fit_together, the_seed_says_when_the_day_begins,
                 another_language_is_replayed, all_commands_take_it,
                 where_nothing_is_simulated_it_is_not_there, others_in_front_stay,
                 it_is_found_where_it_is_installed, nothing_else_is_in_the_way):
        note = test()
        print("ok  ", test.__name__.replace("_", " "), f"({note})" if note else "")
