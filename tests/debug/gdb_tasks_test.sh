#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gdb_tasks_test.sh PROGRAM LIBRARY SCRIPT BACKEND STATIC_PROGRAM: the commands of the script for gdb show the tasks
# of a process, what each waits for, and the functions on its stack: of a process that lives and goes
# on afterwards, of one that left a core file, and with a library of which nothing is left but what a
# program needs to run, or with the archive. gdb finds the script by itself, as it would an installed
# one; only where there is no shared library it must be told.
set -u
program=$(realpath "$1") library=$(realpath "$2") script=$3
export ZIO_BACKEND=$4
static_program=$(realpath "$5")
source=$(dirname "$0")/tasks.c
skip() { echo "skipped: $*"; exit 77; }
command -v gdb >/dev/null || skip "gdb is not installed"
[[ $(gdb -batch -nx -ex 'python print(6 * 7)' 2>&1) == 42 ]] || skip "this gdb has no Python"
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "$what: $*"; faults=$((faults + 1)); }

install_library() {  # FOLDER: what is in there is what the program will use
    local name=${library##*/}
    cp "$library" "$work/$1/$name"
    ln -sf "$name" "$work/$1/libzio.so.0"
    mkdir -p "$work/auto$work/$1"
    cp "$script" "$work/auto$work/$1/$name-gdb.py"
}
mkdir "$work/whole" "$work/stripped"
install_library whole
install_library stripped
strip --strip-all "$work/stripped/${library##*/}"

tasks=(sleeper parker receiver joiner yielder runner)
commands() {
    echo 'echo == tasks\n' && echo 'zio tasks'
    echo 'echo == workers\n' && echo 'zio workers'
    for task in "${tasks[@]}"; do
        echo "echo == $task\\n" && echo "zio bt $task"
    done
    echo 'echo == by name\n' && echo 'zio bt "parker" 3'
    echo 'echo == by block\n' && echo 'python gdb.execute("zio bt %d" % Process().task_named("parker").address)'
    echo 'echo == all\n' && echo 'zio bt all'
    echo 'echo == apply\n' && echo 'zio apply receiver print size'
    echo 'echo == errors\n' && cat <<'PYTHON'
python
for command in ("bt unstarted", "bt 77", 'bt "nobody"', "bt", "apply sleeper"):
    try:
        gdb.execute("zio " + command)
        print("no error: " + command)
    except gdb.error as error:
        print("error: %s" % error)
end
PYTHON
    echo 'echo == end\n'
}
debug() {  # ARGUMENT...
    timeout 100 gdb -batch -nx -iex "add-auto-load-scripts-directory $work/auto" \
        -iex "add-auto-load-safe-path $work" -iex 'set width 0' -iex 'set pagination off' \
        -iex 'set confirm off' "$@" 2>&1 </dev/null
}

section() { sed -n "/^== $1\$/,/^== /p" <<<"$output"; }
says() {  # SECTION PATTERN
    section "$1" | grep -qE -- "$2" || fault "$1: nothing like '$2'"
}
# The functions of the program itself on a task's stack, from the inside out.
functions() {
    section "$1" | sed -nE 's/^#[0-9]+ +(0x[0-9a-f]+ in )?([A-Za-z_][A-Za-z0-9_]*) \(.*/\2/p' |
        grep -v '^zio_' | tr '\n' ' '
}
line_of() { grep -nF -- "$1" "$source" | head -n 1 | cut -d: -f1; }
stack() {  # SECTION FUNCTION... : exactly these, and the innermost at the line of LINE
    local section=$1 found expected="${*:2} "
    found=$(functions "$section")
    [[ $found == "$expected" ]] || fault "$section: the stack is '$found', not '$expected'"
    says "$section" "^#[0-9]+ .* $2 \\(.*tasks\\.c:($line)\$"
}

look() {
    local id first second
    id() { section tasks | sed -nE "s/^task ([0-9]+) \"$1\" .*/\\1/p"; }
    says tasks '^task [0-9]+ "sleeper" waiting for its time, worker [01], in wait_asleep at .*tasks\.c:[0-9]+$'
    says tasks '^task [0-9]+ "parker" waiting for unpark, worker [01], in parks at '
    says tasks '^task [0-9]+ "receiver" waiting for receive on descriptor [0-9]+, worker [01], in receive_into at '
    says tasks "^task [0-9]+ \"joiner\" waiting for task $(id sleeper), worker [01], in joins at "
    says tasks '^task [0-9]+ "yielder" ready, worker [01], in yields at '
    says tasks '^task [0-9]+ "runner" running, worker [01], thread [23], in compute at '
    says tasks '^task [0-9]+ "other runner" running, worker [01], thread [23], in compute at '
    says tasks '^task [0-9]+ "unstarted" not started, worker [01]$'
    says tasks '^8 tasks$'
    first=$(id runner) second=$(id "other runner")
    says workers "^worker 0 of runtime [0-9]+, thread [23] runs task ($first|$second)\$"
    says workers "^worker 1 of runtime [0-9]+, thread [23] runs task ($first|$second)\$"
    for id in "$first" "$second"; do says workers " runs task $id\$"; done
    line=$(line_of 'zio_sleep_until(ZIO_NEVER)') stack sleeper wait_asleep wait_asleep wait_asleep wait_asleep sleeps
    line=$(line_of 'zio_task_park(') stack parker parks
    line=$(line_of 'zio_stream_read(') stack receiver receive_into receives
    line=$(line_of 'zio_task_join(sleeper') stack joiner joins
    line=$(line_of 'zio_yield()') stack yielder yields
    line=$(line_of 'while (__atomic_load_n(&released') line+="|$((line + 1))" stack runner compute runs
    [[ $(section 'by name' | grep -c '^#') == 3 ]] || fault "not three frames of the parker"
    says 'by name' '^#0 '
    line=$(line_of 'zio_task_park(') stack 'by block' parks
    [[ $(section all | grep -c '^task ') == 7 ]] || fault "not all tasks with a stack"
    says all ' compute \(what=.*"other runner"'
    says apply '^\$[0-9]+ = 16$'
    [[ $(section errors | grep -c '^error: ') == 5 ]] || fault "not every mistake is an error"
    says errors '^error: This task has no stack yet\.$'
    says errors '^error: No task has the id 77 now\.$'
    says errors '^error: No task is called "nobody"\.$'
}

finish() {
    [[ $faults == 0 ]] || { echo "$output"; exit 1; }
}

commands >"$work/commands"
for kind in whole stripped archived; do
    what="a live process, the library $kind"
    export LD_LIBRARY_PATH=$work/$kind
    run=("$program")
    [[ $kind != archived ]] || run=(-iex "source $script" "$static_program")
    # In main, one up from where it stops: afterwards gdb must still be there.
    output=$(debug -ex 'break everybody_is_there' -ex run -ex up -x "$work/commands" -ex frame \
        -ex 'frame 0' -ex finish -ex 'echo == in main\n' -ex 'zio bt sleeper' -ex 'echo == rest\n' \
        -ex delete -ex continue "${run[@]}")
    if grep -qi 'ptrace.*not permitted\|Cannot create process\|Could not trace' <<<"$output"; then
        skip "processes may not be traced here"
    fi
    if grep -q 'exited with code 01' <<<"$output" && ! grep -q 'Breakpoint 1,' <<<"$output"; then
        skip "this backend cannot be had here"
    fi
    look
    says end '^#1 .* main \('
    line=$(line_of 'zio_sleep_until(ZIO_NEVER)') stack 'in main' wait_asleep wait_asleep wait_asleep wait_asleep sleeps
    says rest 'all ended well$'
    finish
done

# The core that the kernel writes; it must not be as large as what the library has reserved.
if [[ $(cat /proc/sys/kernel/core_pattern) =~ ^[|/] ]]; then
    echo "live processes are in order; where cores go here is not ours to look"
    exit 0
fi
for kind in whole stripped; do
    what="a core file, the library $kind"
    export LD_LIBRARY_PATH=$work/$kind
    output=
    (cd "$work" && ulimit -c 2000000 && exec "$program" abort) >/dev/null 2>&1
    core=$(find "$work" -maxdepth 1 -name 'core*')
    [[ -n $core ]] || fault "there is none"
    finish
    (($(stat -c %s "$core") < 1 << 29)) || fault "of $(stat -c %s "$core") bytes"
    output=$(debug -x "$work/commands" "$program" "$core")
    rm -f "$core"
    look
    finish
done
echo "live and dead, whole and stripped: all tasks and their stacks"
