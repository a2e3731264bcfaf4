#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library as a loader sees it: its name, what it needs, how it is hardened; and that each
# of its files was compiled with the protections that cannot be seen in the result file by file.
#   bash tests/check/binary.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
library=$1/libzio.so
commands=$1/compile_commands.json
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
grep -qE '^ *LOAD .* RWE ' <<<"$headers" && fault "has memory that is writable and executable"
readelf -nW "$library" | grep -q SHSTK && fault "promises a shadow stack that it does not switch"
readelf -sW "$library" | grep -q '__stack_chk_fail' || fault "has no stack protector"
# What makes calls fail in a build with ZIO_FAULTS=ON: no name and no text of it.
readelf -sW "$library" | grep -qE '3zio5fault[0-9]' && fault "can make calls fail (zio::fault)"
grep -qa 'ZIO_FAULT' "$library" && fault "reads ZIO_FAULT"
most_kib=700
stripped=$(mktemp)
strip -o "$stripped" "$library" || fault "cannot be stripped"
kib=$((($(stat -c %s "$stripped") + 1023) / 1024))
rm -f "$stripped"
[[ $kib -le $most_kib ]] || fault "has $kib KiB stripped, more than $most_kib"

# A compiler records no flags for stack clash protection, and one protected function would hide all
# others, so the commands are asked. Branch protection has this name on x86 only.
flags="-fPIC -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection"
[[ $(readelf -hW "$library") != *X86-64* ]] || flags+=" -fcf-protection=branch"
files=0
while IFS=$'\t' read -r file command; do
    files=$((files + 1))
    for flag in $flags; do
        [[ " $command " == *" $flag "* ]] || fault "$file is compiled without $flag"
    done
    for flag in -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none -fno-PIC; do
        [[ " $command " != *" $flag "* ]] || fault "$file is compiled with $flag"
    done
done < <(awk '/^ *"command": / && match($0, /zio_objects\.dir\/[^ ]+\.o /) {
    print substr($0, RSTART + 16, RLENGTH - 19) "\t" $0 }' "$commands" 2>/dev/null)
((files > 0)) || fault "$commands does not tell how it was compiled"

[[ $faults == 0 ]] || exit 1
echo "libzio.so.0, hardened, $files files"
