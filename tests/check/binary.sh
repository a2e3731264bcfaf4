#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library as a loader sees it: its name, what it needs, how it is hardened.
#   bash tests/check/binary.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
library=$1/libzio.so
[[ -e $library ]] || { echo "binary: $library is missing"; exit 1; }
faults=0
fault() { echo "libzio.so: $*"; faults=$((faults + 1)); }

dynamic=$(readelf -dW "$library")
headers=$(readelf -lW "$library")
grep -q 'SONAME.*\[libzio\.so\.0\]' <<<"$dynamic" || fault "its name is not libzio.so.0"
for needed in $(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic"); do
    case $needed in
        libc.so.* | libm.so.* | libgcc_s.so.* | libstdc++.so.* | ld-linux*) ;;
        *) fault "needs $needed" ;;
    esac
done
grep -qE '\(FLAGS(_1)?\).*(BIND_)?NOW' <<<"$dynamic" || fault "symbols are not bound at load"
grep -q 'NODELETE' <<<"$dynamic" || fault "can be unloaded under its threads"
grep -q 'TEXTREL' <<<"$dynamic" && fault "has relocations in its text"
grep -qE 'RPATH|RUNPATH' <<<"$dynamic" && fault "holds a path of its build"
grep -q 'GNU_RELRO' <<<"$headers" || fault "relocations stay writable"
grep -qE 'GNU_STACK.* RW ' <<<"$headers" || fault "asks for an executable stack"
readelf -nW "$library" | grep -q SHSTK && fault "promises a shadow stack that it does not switch"
readelf -sW "$library" | grep -q '__stack_chk_fail' || fault "has no stack protector"

[[ $faults == 0 ]] || exit 1
echo "libzio.so.0, hardened"
