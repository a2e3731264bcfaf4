#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every check of the tree, one line each; what a check says is shown when it fails or is skipped.
#   bash tests/check/run.sh [BUILD] [--strict]      --strict: a skipped check counts as failed
# BUILD is an ordinary build of this tree, by gcc or clang without sanitizers.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "${1:-build}")
strict=${2:-}
here=tests/check
failed=0 count=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT

check() {  # NAME COMMAND...
    local name=$1 status verdict
    shift
    "$@" >"$report" 2>&1
    status=$?
    count=$((count + 1))
    case $status in
        0) verdict=ok ;;
        77) verdict=SKIPPED; [[ $strict != --strict ]] || failed=$((failed + 1)) ;;
        *) verdict=FAILED; failed=$((failed + 1)) ;;
    esac
    printf '%-12s %-8s %s\n' "$name" "$verdict" "$([[ $status == 0 ]] && tail -n 1 "$report")"
    [[ $status == 0 ]] || sed 's/^/    /' "$report"
}

check style bash $here/style.sh
check layers cmake -P $here/layers.cmake
check doors bash $here/doors.sh
check headers bash $here/headers.sh
check exports bash $here/exports.sh "$build"
check binary bash $here/binary.sh "$build"
check archive bash $here/archive.sh "$build"
check abi bash $here/abi.sh "$build"
check public bash $here/public.sh
check docs bash $here/docs.sh
check guide bash $here/guide.sh "$build"
check debian bash $here/debian.sh
check sizes bash $here/sizes.sh
check ledger bash $here/ledger.sh
echo "check: $((count - failed)) of $count in order"
[[ $failed == 0 ]]
