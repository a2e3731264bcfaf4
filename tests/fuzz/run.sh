#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the fuzz targets of a build with ZIO_FUZZ=ON, two at a time: each first on its seeds and on
# what was found before, then for 25 seconds, times ZIO_TEST_SCALE.
#   bash tests/fuzz/run.sh BUILD [TARGET]...
# What a target dies of is left in BUILD/fuzz/crash-*; reduced and understood it belongs into
# tests/fuzz/found/<target>, where the ordinary tests replay it.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "${1:?which build?}")
shift
targets=("$@")
[[ $# -gt 0 ]] || mapfile -t targets < <(find "$build/tests/fuzz" -maxdepth 1 -type f -executable \
    -name 'fuzz_*' ! -name '*_replay' -printf '%f\n' | sed 's/^fuzz_//' | sort)
[[ ${#targets[@]} -gt 0 ]] || { echo "fuzz: $build has no fuzz target"; exit 2; }
seconds=$(awk -v scale="${ZIO_TEST_SCALE:-1}" 'BEGIN { s = 25 * scale; print s < 1 ? 1 : int(s) }')
work=$build/fuzz
mkdir -p "$work"

fuzz() {  # TARGET
    local program=$build/tests/fuzz/fuzz_$1 corpus=$work/$1 inputs
    inputs=("$build/tests/fuzz/seeds/$1")
    [[ ! -d tests/fuzz/found/$1 ]] || inputs+=("tests/fuzz/found/$1")
    mkdir -p "$corpus"
    "$program" -runs=0 -timeout=20 -artifact_prefix="$work/" "${inputs[@]}" >"$work/$1.log" 2>&1 &&
        "$program" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=3000 \
            -print_final_stats=1 -artifact_prefix="$work/" "$corpus" "${inputs[@]}" \
            >>"$work/$1.log" 2>&1
    echo $? >"$work/$1.status"
}

for ((i = 0; i < ${#targets[@]}; i += 2)); do
    for target in "${targets[@]:i:2}"; do fuzz "$target" & done
    wait
done

failed=0
for target in "${targets[@]}"; do
    log=$work/$target.log
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [[ $(cat "$work/$target.status") != 0 || ${runs:-0} == 0 ]]; then
        failed=$((failed + 1))
        grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)|^zio-sim:' "$log" | tail -n 60
    fi
    printf '%-12s %9s runs in %s s, %s\n' "$target" "${runs:-0}" "$seconds" \
        "$([[ $(cat "$work/$target.status") == 0 ]] && echo ok || echo FAILED)"
done
echo "fuzz: $((${#targets[@]} - failed)) of ${#targets[@]} targets in order"
[[ $failed == 0 ]]
