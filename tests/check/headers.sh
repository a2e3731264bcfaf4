#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header alone, and twice, in every C and C++ that users have, by both compilers.
set -u
cd "$(dirname "$0")/../.." || exit 2
mapfile -t headers < <(cd include && find . -name '*.h' | sed 's#^\./##' | sort)
[[ ${#headers[@]} -gt 0 ]] || { echo "headers: none found"; exit 1; }
compilers=()
for compiler in gcc clang clang-19; do
    ! command -v "$compiler" >/dev/null || compilers+=("$compiler")
done
warnings="-Wall -Wextra -Wundef -pedantic-errors -Werror"
faults=0 count=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT
try() {  # COMPILER LANGUAGE STANDARD HEADER [FLAG...]
    local compiler=$1 language=$2 standard=$3 header=$4
    shift 4
    count=$((count + 1))
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$compiler" -fsyntax-only -x "$language" -std="$standard" $warnings "$@" -Iinclude - \
            >"$said" 2>&1 && return
    echo "headers: $header fails with $compiler -std=$standard: $(grep -m 1 'error' "$said")"
    faults=$((faults + 1))
}
for compiler in "${compilers[@]}"; do
    for header in "${headers[@]}"; do
        for standard in c99 c11 c17 c2x; do
            try "$compiler" c $standard "$header" -Wstrict-prototypes
        done
        for standard in c++11 c++14 c++17 c++20; do
            try "$compiler" c++ $standard "$header"
        done
    done
done

# Every header says its version once, and it is the project's.
number() { sed -n "s/^#define ZIO_VERSION_$1 \([0-9a-fx]*\).*/\1/p" include/zio/base.h; }
major=$(number MAJOR) minor=$(number MINOR) patch=$(number PATCH)
[[ $(number NUMBER) == $(printf '0x%02x%02x%02x' "$major" "$minor" "$patch") ]] ||
    { echo "headers: ZIO_VERSION_NUMBER is not $major.$minor.$patch"; faults=$((faults + 1)); }

[[ $faults == 0 ]] || exit 1
[[ " ${compilers[*]} " == *" gcc "* && " ${compilers[*]} " == *" clang"* ]] ||
    { echo "headers: needs gcc and clang, found ${compilers[*]}; the rest is in order"; exit 77; }
echo "${#headers[@]} headers, $count compilations by ${compilers[*]}"
