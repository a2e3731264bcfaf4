# SPDX-License-Identifier: MIT
"""The command zio-sim, with the worked example: a bug is found, shrunk and replayed."""
import os
import re
import subprocess
import sys
import tempfile

TOOL, COUNTER, CHEAT, SERVER, CLIENT = sys.argv[1:6]
SCALE = max(1, int(os.environ.get("ZIO_TEST_SCALE", "1")))


def sim(*arguments, status=0):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZIO_")}
    result = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True,
                            timeout=300, env=clean, cwd=FOLDER, check=False)
    assert result.returncode == status, (arguments, result)
    return result.stdout + result.stderr


def a_bug_is_found_shrunk_and_replayed():
    text = sim("run", "--seeds", 1000, "--jobs", 2, "--", COUNTER, status=1)
    found = re.search(r'^seed (\d+) does not hold: "no addition is lost"$', text, re.M)
    assert found and f"ZIO_SEED={found[1]} {COUNTER}" in text, text
    assert "never true: an addition gets no answer" in text
    seed = found[1]
    text = sim("shrink", seed, "--", COUNTER, status=1)
    counts = re.search(r"^(\d+) of (\d+) faults are needed", text, re.M)
    assert int(counts[1]) <= 10 < int(counts[2]), text
    kept = f"zio-sim-{seed}.faults"
    assert kept in text
    with open(os.path.join(FOLDER, kept), encoding="ascii") as lines:
        assert len(lines.readlines()) == int(counts[1])
    text = sim("replay", seed, "--only", kept, "--", COUNTER, status=1)
    assert 'stopped=always "no addition is lost"' in text and f"seed={seed} " in text, text
    # Fewer than are needed do not do it.
    if int(counts[1]) > 0:
        sim("replay", seed, "--only", "/dev/null", "--", COUNTER)
    assert "the same, " in sim("diff", seed, "--", COUNTER)
    return f"seed {seed}, {counts[1]} of {counts[2]} faults"


def the_mended_program_passes():
    text = sim("run", "--seeds", 200 * SCALE, "--", COUNTER, "--careful")
    assert re.search(rf"^{200 * SCALE} seeds from 1: 0 failed; \d+ events", text, re.M), text
    text = sim("run", "--seeds", 200 * SCALE, "--first", 7000, "--faults", "reset,refuse=100,lose,cut",
               "--calm", 60, "--limit", 3600, "--", COUNTER, "--careful")
    assert "seeds from 7000: 0 failed" in text, text
    assert re.search(r"^true in \d+ runs: an addition gets no answer$", text, re.M), text


def failures_are_counted_and_told():
    text = sim("run", "--seeds", 60, "--keep-going", "--", COUNTER, status=1)
    counts = re.search(r"^60 seeds from 1: (\d+) failed", text, re.M)
    assert int(counts[1]) == len(re.findall(r"^seed \d+ does not hold", text, re.M)) > 0, text
    one = sim("run", "--seeds", 60, "--jobs", 1, "--keep-going", "--", COUNTER, status=1)
    numbers = [sorted(re.findall(r"^seed (\d+) ", each, re.M)) for each in (text, one)]
    assert numbers[0] == numbers[1]  # the order in which they end does not matter


def a_timeline_is_shown():
    text = sim("timeline", 2, "--", COUNTER, "--careful")
    for word in ("virtual seconds", " accepted ", " sent ", "  !! schedule:"):
        assert word in text, word
    events = int(re.search(r"^(\d+) events, seed 2 ", text, re.M)[1])
    assert events == len(re.findall(r"^ +\d+\.\d{9}  [a-z]", text, re.M)), text[-300:]


def who_cheats_is_found():
    text = sim("diff", 1, "--", CHEAT, "sends", status=1)
    assert "they differ from event " in text and re.search(r"^  1 .* sent ", text, re.M), text
    text = sim("diff", 1, "--", CHEAT, status=1)
    assert "but they end otherwise" in text, text


def has_thread_sanitizer():
    """It wants the addresses of a world that programs share for itself."""
    with open(SERVER, "rb") as program:
        return b"__tsan_init" in program.read()


PAIR = ("--", SERVER, "--port", 7000, "--workers", 2, "--", CLIENT, "127.0.0.1:7000", 6, 20)


def several_programs_share_a_world():
    if has_thread_sanitizer():
        return "not under a thread sanitizer"
    text = sim("run", "--seeds", 40 * SCALE, *PAIR)
    assert f"{40 * SCALE} seeds from 1: 0 failed" in text, text
    text = sim("run", "--seeds", 40 * SCALE, "--faults", "reset,refuse=50,cut,lose", "--calm", 60, *PAIR)
    assert f"{40 * SCALE} seeds from 1: 0 failed" in text, text
    assert "true in " in text and "a client lost its connection" in text, text
    hashes = {re.findall(r"hash=(\w+)", sim("replay", 7, *PAIR))[-1] for _ in range(5)}
    assert len(hashes) == 1, hashes
    assert "the same, " in sim("diff", 3, *PAIR)
    text = sim("timeline", 3, *PAIR)
    for word in (" turn ", " listening ", " accepted "):
        assert word in text, word
    return "one hash"


def a_program_that_fails_fails_the_world():
    if has_thread_sanitizer():
        return "not under a thread sanitizer"
    text = sim("run", "--seeds", 1, "--", SERVER, "--port", 7000, "--", "/bin/true", status=1)
    assert "/bin/true ended and made no simulated runtime" in text, text
    text = sim("run", "--seeds", 1, "--", "sh", "-c", "kill -9 $$", "--", CLIENT, "127.0.0.1:7000", status=1)
    assert "sh failed" in text and "ended by signal 9" in text, text
    text = sim("run", "--seeds", 1, "--", SERVER, "--", status=1)
    assert "a program is missing after --" in text, text
    # Nobody listens there.
    text = sim("run", "--seeds", 1, "--", SERVER, "--port", 7000, "--", CLIENT, "127.0.0.1:7001", status=1)
    assert "Connection refused" in text or "refused" in text, text
    assert "zio-sim replay 1 -- " in text, text
    return "four ways"


def what_cannot_be_told_is_2():
    assert "made no simulated runtime" in sim("run", "--", "/bin/true", status=2)
    assert "no trace" in sim("timeline", 1, "--", "/bin/true", status=2)
    assert "does not fail" in sim("shrink", 1, "--", COUNTER, "--careful", status=2)
    for wrong in (["run"], ["run", "--"], ["run", "--seeds", "0", "--", "x"], ["replay", "--", "x"],
                  ["run", "--sed", "1", "--", "x"], ["run", "--timeout", "-1", "--", "x"], [],
                  ["shrink", "x", "--", "y"], ["run", "--jobs", "--", "x"], ["walk", "--", "x"]):
        assert sim(*wrong, status=2), wrong
    assert "usage: zio-sim" in sim("--help")


def what_takes_too_long_is_stopped():
    text = sim("run", "--seeds", 2, "--timeout", 0.3, "--", "sleep", 60, status=1)
    assert "took too long, in real time" in text, text


with tempfile.TemporaryDirectory() as FOLDER:
    for test in (a_bug_is_found_shrunk_and_replayed, the_mended_program_passes,
                 failures_are_counted_and_told, a_timeline_is_shown, who_cheats_is_found,
                 several_programs_share_a_world, a_program_that_fails_fails_the_world,
                 what_cannot_be_told_is_2, what_takes_too_long_is_stopped):
        note = test()
        print("ok  ", test.__name__.replace("_", " "), f"({note})" if note else "")
