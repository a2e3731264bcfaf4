#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bpftrace_test.sh PROGRAM FOLDER: the scripts for bpftrace name reasons and kinds as the library
# does, and attached to a running process they print what it is known to do.
set -u
program=$(realpath "$1") folder=$(realpath "$2")
core=$(dirname "$0")/../../core
work=$(mktemp -d)
child=
trap '[[ -z $child ]] || kill "$child" 2>/dev/null; rm -rf "$work"' EXIT
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

# The enumerators, numbered, against the script's table.
numbers() {  # ENUM FILE
    sed -n "/^enum class $1 /,/^};/p" "$2" | sed 's#//.*##' | tr -d '\n' | sed 's/.*{//; s/}.*//; s/ //g' |
        tr ',' '\n' | awk 'NF { print NR - 1, $1 }'
}
table() { sed -nE "s/^ *@$1\\[([0-9]+)\\] = \"([a-z_]+)\";/\\1 \\2/p" "$folder/$2"; }
diff <(numbers OperationKind "$core/loop/operation.hpp") <(table name zio-operations.bt) ||
    fault "zio-operations.bt: other kinds than loop::OperationKind"
diff <(numbers TaskState "$core/runtime/task.hpp" | sed '1,/ ready$/d') <(table reason zio-latency.bt) ||
    fault "zio-latency.bt: other reasons than runtime::TaskState"
[[ $faults == 0 ]] || exit 1

skip() { echo "skipped: the names are in order; $*"; exit 77; }
command -v bpftrace >/dev/null || skip "bpftrace is not installed"
[[ $(id -u) == 0 ]] || skip "bpftrace needs root"
# Where nobody has mounted what bpftrace looks for, in a name space of its own.
trace=(bpftrace)
if [[ ! -e /sys/kernel/tracing/events ]]; then
    trace=(unshare -m sh -c 'mount -t tracefs none /sys/kernel/tracing && exec bpftrace "$@"' trace)
fi
timeout 20 "${trace[@]}" -e 'BEGIN { exit(); }' >"$work/said" 2>&1 ||
    skip "bpftrace does not work here: $(grep -m 1 -i error "$work/said")"

# Maps are printed at the end, and how long bpftrace takes to begin depends on the machine: one that
# has seen too little gets another, longer look.
attach() {  # SCRIPT SECONDS
    "$program" 1000 &
    child=$!
    sleep 0.3
    (cd "$work" && timeout -s INT -k 10 "$2" "${trace[@]}" -p "$child" "$folder/$1") >"$work/said" 2>&1
    kill "$child" 2>/dev/null || fault "$1: the process did not survive it"
    wait "$child" 2>/dev/null
    child=
}
missing() {  # PATTERN...
    local pattern
    for pattern; do grep -qE -- "$pattern" "$work/said" || echo "$pattern"; done
}
look() {  # SCRIPT PATTERN...
    local script=$1 seconds
    shift
    for seconds in 4 8 16; do
        attach "$script" "$seconds"
        if grep -q 'uprobe_events\|perf_event_open.*not permitted' "$work/said"; then
            skip "probes in programs cannot be used here"
        fi
        [[ -n $(missing "$@") ]] || break
    done
    [[ -z $(missing "$@") ]] || fault "$script: nothing like $(missing "$@")"
    [[ $faults == 0 ]] || { cat "$work/said"; exit 1; }
}
look zio-latency.bt '^@waited_us\[sleeping\]: $' '^@waited_us\[parked\]: $' '^@waited_us\[joining\]: $' \
    '^@waited_us\[operating\]: $' '^@ready_to_run_us: $' '^@longest_ready_us\[(receives|0x[0-9a-f]+)\]: '
look zio-operations.bt '^@operations\[receive\]: [1-9]' '^@operations\[send\]: [1-9]' '^@took_us\[receive\]: $' \
    '^@at_once\[send\]: [1-9]' '^@blocked\[0\]: [1-9]'
echo "both scripts, attached to a process that went on"
