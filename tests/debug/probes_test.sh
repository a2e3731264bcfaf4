#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# probes_test.sh PROGRAM LIBRARY BACKEND: the library has exactly the probes it is said to have, each
# of them is a nop, and a debugger that stops at them sees tasks and operations go their known ways.
set -u
program=$1 library=$2
export ZIO_BACKEND=$3
skip() { echo "skipped: $*"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

# Name, place, semaphore and number of arguments of each.
readelf -n "$library" | awk '
    /Provider: / { provider = $2 }
    /Name: / { name = $2 }
    /Location: / { place = $2; semaphore = $6; sub(/,$/, "", place); sub(/^0x0*/, "", place) }
    /Arguments: / { print provider, name, NF - 1, semaphore, place }' >"$work/probes"
cut -d' ' -f1-3 "$work/probes" | sort -u >"$work/found"
diff - "$work/found" <<'PROBES' || fault "the probes are others"
zio blocked 2
zio cancel 1
zio operation_end 2
zio operation_start 3
zio park 2
zio run 1
zio spawn 2
zio wake 2
PROBES
grep -v ' 0x0* ' "$work/probes" && fault "these have a semaphore, so they cost more than a nop"
objdump -d --no-show-raw-insn "$library" | awk '$2 == "nop" { sub(/:$/, "", $1); print $1 }' | sort >"$work/nops"
cut -d' ' -f5 "$work/probes" | sort | comm -23 - "$work/nops" >"$work/others"
[[ ! -s $work/others ]] || fault "not a nop: $(tr '\n' ' ' <"$work/others")"
[[ $faults == 0 ]] || exit 1

command -v gdb >/dev/null || skip "the notes are in order; gdb is not installed"
{
    printf '%s\n' 'set pagination off' 'set confirm off' 'set width 0' 'break main' 'run'
    while read -r _ name count; do
        printf 'break -probe-stap zio:%s\ncommands\nsilent\nprintf "probe %s"\n' "$name" "$name"
        for ((i = 0; i < count; i++)); do
            printf 'printf " "\noutput/a (long)$_probe_arg%d\n' "$i"
        done
        printf 'printf "\\n"\ncontinue\nend\n'
    done <"$work/found"
    echo continue
} >"$work/commands"
timeout 100 gdb -batch -nx -x "$work/commands" "$program" >"$work/said" 2>&1 </dev/null
if grep -qi 'ptrace.*not permitted\|Cannot create process\|Could not trace' "$work/said"; then
    skip "the notes are in order; processes may not be traced here"
fi
if grep -q 'exited with code 01' "$work/said"; then
    skip "the notes are in order; this backend cannot be had here"
fi
grep '^probe ' "$work/said" >"$work/events"
grep -q 'exited normally' "$work/said" || fault "the program did not end well"

# Each task by what it was seen to do: spawned, run, parked for its reason, woken with its verdict.
awk '
    function fail(text) { print text; faults++ }
    $2 == "spawn" { if (match($0, /<[a-z_]+>/)) task[substr($0, RSTART + 1, RLENGTH - 2)] = $3 }
    { story[$3] = story[$3] " " $2 ($2 == "park" || $2 == "wake" ? ":" $4 : "") }
    $2 == "blocked" { blocked++ }
    $2 == "operation_start" && $4 == "0x0" { receiving = $3; descriptor = $5 }
    $2 == "operation_end" && $3 == receiving && $4 == "0x5" { received = 1 }
    END {
        expected["plays"] = "spawn run park:0x7 wake:0xf+92 run( park:0x8 wake:0x0 run)*"
        expected["sleeps"] = "spawn run park:0x7 wake:0xf+92 run"
        expected["parks"] = "spawn run park:0x6 wake:0x0 run"
        expected["receives"] = "spawn run park:0xa wake:0x0 run"
        expected["is_canceled"] = "spawn run park:0x7 cancel wake:0xf+83 run"
        for (name in expected) {
            if (!(name in task)) { fail(name ": no spawn"); continue }
            if (story[task[name]] !~ ("^ " expected[name] "$"))
                fail(name ":" story[task[name]] ", not " expected[name])
        }
        if (!received) fail("no receive that ended with 5 bytes")
        if (descriptor !~ /^0x[1-9a-f]/) fail("its descriptor is " descriptor)
        if (!blocked) fail("the worker was never blocked")
        exit faults > 0
    }' "$work/events" || fault "the tasks went other ways"
if [[ $faults != 0 ]]; then
    cat "$work/said"
    exit 1
fi
echo "$(wc -l <"$work/probes") places of $(wc -l <"$work/found") probes, $(wc -l <"$work/events") events"
