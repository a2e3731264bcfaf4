#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gdb_walk_test.sh PROGRAM BACKEND: stopped in the backend while a task begins to read, a debugger
# shows the whole way there, from the user's function through the five files of the walk.
set -u
program=$1
backend=$2
if ! command -v gdb >/dev/null; then
    echo "skipped: gdb is not installed"
    exit 77
fi
case $backend in
    io_uring) stop=IoUring::start ;;
    sim) stop=Simulated::start ;;
    *) stop=ReadinessBackend::start ;;
esac
# A call that leaves by a jump has no return address: gdb finds its frame again by the call sites,
# and the symbol at that instruction, which is the last of the function, says which one it is.
walk='python
import gdb
frame = gdb.newest_frame()
while frame is not None:
    place = frame.pc() - (1 if frame.level() > 0 else 0)
    symbol = gdb.execute("info symbol %d" % place, to_string=True).split(" ")[0]
    print("frame: %s | %s" % (frame.name(), symbol))
    frame = frame.older()
end'
script=$(mktemp) || exit 1
trap 'rm -f "$script"' EXIT
printf '%s\n' 'set pagination off' 'set confirm off' 'break answer_client' 'run' \
    "break $stop" 'continue' "$walk" 'delete' 'continue' >"$script"
output=$(ZIO_BACKEND=$backend timeout 100 gdb -batch -nx -x "$script" "$program" 2>&1 </dev/null)
if grep -qi 'ptrace.*not permitted\|Cannot create process\|Could not trace' <<<"$output"; then
    echo "skipped: processes may not be traced here"
    exit 77
fi
if grep -q 'exited with code 01' <<<"$output" && ! grep -q 'Breakpoint 1,' <<<"$output"; then
    echo "skipped: this backend cannot be had here"
    exit 77
fi
frames=$(grep '^frame: ' <<<"$output")
faults=0
# In this order, from the inside out.
rest=$frames
for function in "$stop" runtime::await net::Stream::read zio_stream_read answer_client; do
    if ! grep -qF "$function" <<<"$rest"; then
        echo "no frame of $function (or not in its place)"
        faults=$((faults + 1))
        continue
    fi
    rest=$(sed -n "/$function/,\$p" <<<"$rest")
done
grep -q 'read 5' <<<"$output" || { echo "the program did not go on"; faults=$((faults + 1)); }
if [[ $faults != 0 ]]; then
    echo "$output"
    exit 1
fi
echo "$frames"
