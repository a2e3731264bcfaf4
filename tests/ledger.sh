#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs one of the long runs and appends to docs/ledger.csv what it measured, a line for each backend:
#   ZIO_TEST_SCALE=10 bash tests/ledger.sh RUN [BUILD]
#   cancels   calls canceled at random moments; each byte and each descriptor is accounted for
#   closes    streams and listeners closed while others use them
#   misuse    wrong calls, by chance from four threads and by table from every place
#   wakes     tasks woken across the workers of a runtime that steals
#   seeds     simulated programs, each run twice with one seed, which must be the same run
#   programs  the programs of tests/seeds, many seeds of each; and one seed of each, many times
#   pair      a server and its client, two processes in one simulated world
# The tree must be committed: a line names its commit. A run that fails gets its line too, with the
# number of tests that failed. Published figures are the sums of lines (sum: bash tests/ledger.sh sum).
set -u
cd "$(dirname "$0")/.." || exit 2
ledger=docs/ledger.csv
run=${1:?which run?}
build=${2:-build}
scale=${ZIO_TEST_SCALE:-1}
seed=${ZIO_SEED:-$(date +%s)}  # another one each time; the line says which

if [[ $run == sum ]]; then
    awk -F, 'NR > 1 { failures[$3] += $6; seconds[$3] += $7; count = split($5, pairs, " ")
        for (i = 1; i <= count; i++) { split(pairs[i], pair, "="); sums[$3 " " pair[1]] += pair[2] } }
        END { for (name in sums) printf "%s %.0f\n", name, sums[name]
              for (name in failures) printf "%s failures %d, seconds %d\n", name, failures[name], seconds[name] }' \
        "$ledger" | sort
    exit
fi

changed=$(git status --porcelain -- . ":!$ledger") || exit 2
[[ -z $changed ]] || { printf '%s\n' "ledger: commit first; changed:" "$changed" >&2; exit 2; }
commit=$(git rev-parse --short=12 HEAD) || exit 2
output=$(mktemp)
trap 'rm -f "$output"' EXIT
worst=0

count() {  # NAME PATTERN: the sum of the numbers in what PATTERN finds
    local sum
    sum=$(grep -oE "$2" "$output" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { printf "%.0f", sum }')
    counts+="${counts:+ }$1=$sum"
}

record() {  # BACKEND PROGRAM [ARGUMENT]...: runs it; `what` says what to count in its output
    local backend=$1 began=$SECONDS status failures=0 counts=""
    shift
    [[ -x $1 ]] || { echo "ledger: $1 is not built" >&2; exit 2; }
    ZIO_BACKEND=$backend ZIO_SEED=$seed ZIO_TEST_SCALE=$scale "$@" >"$output" 2>&1
    status=$?
    if [[ $status != 0 ]]; then
        failures=$(sed -n 's/^ *\([0-9]*\) FAILED TEST.*/\1/p' "$output")
        failures=${failures:-1}
        worst=1
        tail -n 30 "$output" >&2
    fi
    what
    [[ -f $ledger ]] || echo "date,commit,what,backend,counts,failures,seconds,command" >"$ledger"
    echo "$(date -u +%F),$commit,$run,$backend,$counts,$failures,$((SECONDS - began)),ZIO_SEED=$seed ZIO_TEST_SCALE=$scale bash tests/ledger.sh $run" |
        tee -a "$ledger"
}

real=(io_uring epoll poll)
case $run in
    cancels)
        what() { count canceled '[0-9]+ canceled, '; count effects '[0-9]+ with an effect'; }
        for backend in "${real[@]}" sim; do
            record "$backend" "$build/tests/capi/capi_net_conservation_test"
        done ;;
    closes)
        what() { count closes '^[0-9]+ closes'; count closed_calls 'ended by a close [0-9]+'; }
        for backend in "${real[@]}"; do record "$backend" "$build/tests/capi/capi_net_close_test"; done ;;
    misuse)
        what() { count calls '[0-9]+ calls'; count refused '[0-9]+ refused'; }
        for backend in "${real[@]}"; do
            record "$backend" "$build/tests/misuse/misuse_random_test"
            record "$backend" "$build/tests/misuse/misuse_table_test"
        done ;;
    wakes)
        what() { count tokens 'tokens: [0-9]+'; count steals 'steals: [0-9]+'; }
        for backend in "${real[@]}"; do record "$backend" "$build/tests/capi/capi_migrate_test"; done ;;
    seeds)
        what() { count programs '[0-9]+ made from them'; count corpus '^[0-9]+ inputs'; }
        record sim "$build/tests/fuzz/fuzz_simulation_replay" --random 20000 "$build/tests/fuzz/seeds/simulation" ;;
    programs)
        what() { count seeds '[0-9]+ seeds from'; count events '[0-9]+ events, '; }
        record sim tests/seeds/run.sh "$build" 1000 "$seed"
        what() { count replays ': [0-9]+ of'; }
        record sim tests/seeds/run.sh "$build" --replays 75 "$seed" ;;
    pair)
        what() { count seeds '[0-9]+ seeds from'; count events '[0-9]+ events, '; }
        record sim tests/seeds/pair.sh "$build" "$((1000 * scale))" "$seed" ;;
    *)
        echo "ledger: no run '$run'" >&2
        exit 2 ;;
esac
exit "$worst"
