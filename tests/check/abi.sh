#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The binary interface is reviewed data: tests/abi holds every function, type and number that a
# compiled program may rely on. The headers must say exactly that, and the library must have it.
# `--refresh` writes the file anew: after additions, or after a break that CHANGELOG.md tells of.
#   bash tests/check/abi.sh BUILD [--refresh]
set -u
cd "$(dirname "$0")/../.." || exit 2
library=$1/libzio.so
[[ -e $library ]] || { echo "abi: $library is missing"; exit 1; }
baseline=tests/abi/libzio.$(uname -m).abi
for tool in abidw abidiff; do
    command -v $tool >/dev/null || { echo "abi: $tool is not installed (Debian: abigail-tools)"; exit 77; }
done
[[ -e $baseline || ${2:-} == --refresh ]] || { echo "abi: nothing is known of $(uname -m)"; exit 77; }
library=$(realpath "$library")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the headers say: a library of empty functions, made of the declarations themselves, with every
# type of theirs in its debug information; the real one has only what its functions happen to use.
# Freestanding: with the compiler's own <stdint.h>, for a system's differs from its next version's.
cp -r include "$work/include"
sed -i 's/ZIO_NOEXCEPT;/ZIO_NOEXCEPT { __builtin_trap(); }/' "$work"/include/zio/*.h
printf '#include <zio.h>\n' >"$work/libzio.c"
map=$PWD/capi/libzio.map
(cd "$work" && gcc -std=c99 -ffreestanding -w -g -fno-eliminate-unused-debug-types -fPIC -shared \
    -nostdlib -Iinclude libzio.c -Wl,-soname,libzio.so.0 -Wl,--version-script="$map" -o libzio.so) ||
    { echo "abi: the headers do not compile"; exit 1; }
abidw --load-all-types --headers-dir "$work/include" --drop-private-types --type-id-style hash \
    --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed \
    --out-file "$work/now.abi" "$work/libzio.so" || { echo "abi: abidw failed"; exit 1; }

if [[ ${2:-} == --refresh ]]; then
    cp "$work/now.abi" "$baseline"
fi
abidiff --non-reachable-types --harmless "$baseline" "$work/now.abi" >"$work/said" 2>&1
status=$?
if [[ $status != 0 ]]; then
    grep -v '^ *$' "$work/said"
    # An enumeration that got one more number counts as changed for abidiff.
    if ((status & 3)) || grep -qE \
        -e '^(Functions|Variables) .*: ([1-9][0-9]* Removed|0 Removed, [1-9][0-9]* Changed)' \
        -e '^Unreachable .*: [1-9][0-9]* removed' \
        -e 'deletion|enumerator change|data member|(size|type|name) .*changed [tf]' "$work/said"; then
        echo "abi: programs built before would break. If that is meant: a line in CHANGELOG.md, then"
    else
        echo "abi: something is new. If that is meant:"
    fi
    echo "    bash tests/check/abi.sh $1 --refresh"
    exit 1
fi

# The library has the same functions, of the same types. What it has for debuggers is no promise.
printf '[suppress_variable]\nsymbol_version = ZIO_PRIVATE\n' >"$work/private"
abidiff --headers-dir2 include --drop-private-types --suppressions "$work/private" \
    "$baseline" "$library" >"$work/said" 2>&1 ||
    { cat "$work/said"; echo "abi: the library is not what $baseline says"; exit 1; }
echo "$(grep -c '<elf-symbol ' "$baseline") functions, $(grep -c '<enumerator ' "$baseline") numbers as in $baseline"
