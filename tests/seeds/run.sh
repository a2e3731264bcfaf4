#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many seeds of each simulated program of this folder.
#   bash tests/seeds/run.sh BUILD SEEDS [FIRST]            a table; failures, and how to repeat them, come first
#   bash tests/seeds/run.sh BUILD --replays COUNT [SEED]   one hash
#   bash tests/seeds/run.sh BUILD --bugs SEEDS             the planted bug is found within so many
#   bash tests/seeds/run.sh BUILD --golden                 the runs of golden.csv, and how a fork runs them
#   bash tests/seeds/run.sh BUILD --refresh                makes golden.csv: after a change that is meant
# Counts are of each program, and times ZIO_TEST_SCALE.
set -u
cd "$(dirname "$0")/../.." || exit 2
seeds=$(realpath "${1:?which build?}")/tests/seeds/seeds
golden=tests/seeds/golden.csv
[[ -x $seeds ]] || { echo "seeds: $seeds is not built" >&2; exit 2; }
mapfile -t programs < <("$seeds" --list)
[[ ${#programs[@]} -ge 12 ]] || { echo "seeds: only ${#programs[@]} programs" >&2; exit 2; }
for name in ${!ZIO_SIM_*}; do unset "$name"; done

scaled() {
    awk -v count="$1" -v scale="${ZIO_TEST_SCALE:-1}" 'BEGIN { n = int(count * scale); print n < 1 ? 1 : n }'
}

each() {  # ARGUMENT...: the command with the program in the place of {}, several at a time
    printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -I '{}' "$seeds" "$@"
}

rows() {  # as golden.csv has them
    echo "program,seed,events,virtual_ns,hash"
    local program seed
    for program in "${programs[@]}"; do
        for seed in 1 2 3 4 5; do
            ZIO_BACKEND=sim ZIO_SEED=$seed "$seeds" "$program" 2>&1 |
                sed -n "s/^zio-sim: seed=\([0-9]*\) events=\([0-9]*\) virtual_ns=\([0-9]*\) hash=\([0-9a-f]*\)$/$program,\1,\2,\3,\4/p"
        done
    done
}

case ${2:?how many seeds?} in
    --golden)
        rows | diff -u "$golden" - || { echo "seeds: not the runs of $golden"; exit 1; }
        # The same runs in forked processes.
        for program in "${programs[@]}"; do "$seeds" --hashes "$program" 1 5; done |
            diff -u <(tail -n +2 "$golden") - || { echo "seeds: a fork runs otherwise"; exit 1; }
        echo "$(($(wc -l <"$golden") - 1)) runs are those of $golden" ;;
    --refresh)
        rows >"$golden.new" && mv "$golden.new" "$golden"
        [[ $(wc -l <"$golden") == $((5 * ${#programs[@]} + 1)) ]] || { echo "seeds: a run failed"; exit 1; } ;;
    --replays)
        each --replay '{}' "${4:-1}" "$(scaled "${3:?how many?}")" ;;
    --bugs)
        each --find '{}' 1 "$(scaled "${3:?how many?}")" --bug ;;
    *)
        began=$SECONDS table=$(mktemp)
        trap 'rm -f "$table"' EXIT
        each --run '{}' "${3:-1}" "$(scaled "$2")" >"$table"
        status=$?
        { echo "program,seeds,events,failures,seconds"; sort "$table"; } | column -s, -t
        awk -F, -v first="${3:-1}" -v span=$((SECONDS - began)) \
            '{ seeds += $2; events += $3; failures += $4 }
             END { printf "%d programs, %d seeds from %s, %d events, %d failures, %d s\n",
                       NR, seeds, first, events, failures, span }' "$table"
        [[ $(wc -l <"$table") == "${#programs[@]}" ]] || status=1
        exit "$status" ;;
esac
