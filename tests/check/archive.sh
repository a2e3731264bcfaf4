#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The static library as its users meet it: its code may go into a shared object, it shows no name but
# zio_*, brings no other library's code along, and a program that has names like ours inside works.
#   bash tests/check/archive.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
archive=$1/libzio.a
[[ -e $archive ]] || { echo "archive: $archive is missing"; exit 1; }
archive=$(realpath "$archive")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "libzio.a: $*"; faults=$((faults + 1)); }

# Weak and unique symbols count too: a user's program could have them.
nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u >"$work/seen"
for name in $(grep -v '^zio_' "$work/seen"); do fault "shows $name"; done
# What libzio.map has for debuggers is no function of the headers.
private=$(sed -n '/^ZIO_PRIVATE /,/^}/p' capi/libzio.map | grep -oE '\bzio_[a-z0-9_]+')
bash tests/check/names.sh | sort - <(echo "$private") | comm -3 - <(grep '^zio_' "$work/seen") >"$work/difference"
while read -r name; do fault "$name: in the headers or in the archive, not in both"; done <"$work/difference"

# Position independent: all of it goes into a shared object without relocations of its text.
if ! gcc -shared -Wl,-z,text -Wl,-z,defs -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
    -lstdc++ -lm -o "$work/libuser.so" 2>"$work/said"; then
    fault "cannot go into a shared object: $(grep -m 1 -E 'relocation|undefined|error' "$work/said")"
else
    readelf -dW "$work/libuser.so" | grep -q TEXTREL && fault "brings relocations of the text"
    readelf -lW "$work/libuser.so" | grep -qE 'GNU_STACK.* RWE' && fault "asks for an executable stack"
    if gcc -Iinclude tests/package/smoke.c -L"$work" -luser -o "$work/shared" 2>"$work/said"; then
        LD_LIBRARY_PATH=$work timeout 60 "$work/shared" >"$work/said" 2>&1 ||
            fault "does not work inside a shared object: $(tail -n 1 "$work/said")"
    else
        fault "a program does not link to a shared object of it: $(tail -n 1 "$work/said")"
    fi
fi

# A program that defines what the library has inside must not notice.
cat >"$work/same.cpp" <<'PROGRAM'
#include <cstdio>
namespace zio { struct Failure {}; namespace runtime { struct Task { int a; }; int worker = 7; }
namespace loop { class Loop { public: virtual ~Loop() {} virtual int poll() { return 3; } }; } }
extern "C" int smoke_main(void);
int main() {
    zio::loop::Loop loop;
    return smoke_main() + (zio::runtime::worker == 7 && loop.poll() == 3 ? 0 : 1);
}
PROGRAM
gcc -Iinclude -Dmain=smoke_main -c tests/package/smoke.c -o "$work/smoke.o" 2>"$work/said" &&
    g++ -c "$work/same.cpp" -o "$work/same.o" 2>>"$work/said" &&
    g++ "$work/same.o" "$work/smoke.o" "$archive" -lm -o "$work/same" 2>>"$work/said" &&
    timeout 60 "$work/same" >>"$work/said" 2>&1 ||
    fault "does not work beside a program with names like its own: $(tail -n 1 "$work/said")"

[[ $faults == 0 ]] || { echo "archive: $faults faults"; exit 1; }
echo "$(wc -l <"$work/seen") names, position independent, nothing else to be seen"
