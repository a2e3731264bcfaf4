#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same source gives the same bytes, wherever and whenever it is built: a copy of the tree in
# another folder, built in another folder at another time by another number of jobs, with another
# locale, time zone and umask, makes the same libzio.so and libzio.a as BUILD has.
#   bash tests/check/reproducible.sh BUILD
set -eu
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

tree="$work/some other folder/tree"
mkdir -p "$tree"
cp -r CMakeLists.txt core capi include "$tree"
(
    umask 077
    export LC_ALL=C.UTF-8 TZ=Pacific/Chatham HOME=$work SOURCE_DATE_EPOCH=1
    cmake -S "$tree" -B "$work/built" -G Ninja -DZIO_TESTS=OFF -DZIO_EXAMPLES=OFF -DZIO_BENCH=OFF \
        -DZIO_TOOLS=OFF -DZIO_INSTALL=OFF -DCMAKE_BUILD_TYPE="$(cached CMAKE_BUILD_TYPE)" \
        -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" \
        -DCMAKE_C_COMPILER="$(cached CMAKE_C_COMPILER)" \
        -DCMAKE_CXX_FLAGS="$(cached CMAKE_CXX_FLAGS)" -DCMAKE_C_FLAGS="$(cached CMAKE_C_FLAGS)"
    cmake --build "$work/built" -j "$(($(nproc) + 1))"
) >"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }

faults=0
compared=0
for library in "$work"/built/libzio.so.*.*.* "$work/built/libzio.a"; do
    name=${library##*/}
    compared=$((compared + 1))
    if ! cmp "$build/$name" "$library"; then
        faults=$((faults + 1))
        echo "$name: two builds differ"
        # Which part: the sections of both, by their checksums.
        for side in "$build/$name" "$library"; do
            objdump -h "$side" 2>/dev/null | awk '/^ *[0-9]+ /{ print $2, $3 }' >"$work/sections.${#side}"
        done
        diff "$work"/sections.* | head -n 10 || true
    fi
done
[[ $faults == 0 && $compared == 2 ]] || { echo "reproducible: $faults of $compared differ"; exit 1; }
echo "libzio.so and libzio.a, byte by byte"
