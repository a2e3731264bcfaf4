#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything nondeterministic goes through three doors: the backend, the os table, the scheduler's
# pick. So no clock, random number, thread, lock or system call stands outside core/os; this is what
# makes simulation and the failing of one call at a time possible for the real code.
set -u
cd "$(dirname "$0")/../.." || exit 2

clocks='clock_gettime|clock_getres|gettimeofday|timespec_get|nanosleep|clock_nanosleep|usleep|sleep_for|sleep_until|steady_clock|system_clock|__rdtsc|__builtin_ia32_rdtscp?'
randoms='getrandom|getentropy|s?rand|s?random|rand_r|[dlm]rand48|random_device|mt19937(_64)?|arc4random\w*'
threads='pthread_\w+|std::j?thread|std::async|std::future|std::(recursive_|shared_|timed_)?mutex|std::condition_variable\w*|thrd_\w+|sched_\w+|std::this_thread|std::chrono'
calls='syscall|fork|vfork|clone3?|execve?|mmap|munmap|mprotect|madvise|epoll_\w+|io_uring_(setup|enter|register)|eventfd|timerfd_\w+|ppoll|signalfd|sigaction|sigprocmask|getenv|secure_getenv|setenv'
streams='std::(cout|cerr|clog|function|any)|printf|fprintf|puts|fputs|perror'
door="(^|[^A-Za-z0-9_:.>])(::|std::)?($clocks|$randoms|$calls)[[:space:]]*\("
word="(^|[^A-Za-z0-9_])($threads|$streams)([^A-Za-z0-9_]|$)"
# errno is spoken in these folders only.
errno='(^|[^A-Za-z0-9_"])errno([^A-Za-z0-9_]|$)'

# Sources without comments and strings, each line led by file:line.
strip() {
    local file
    for file; do
        gcc -fpreprocessed -dD -E -xc++ -w "$file" 2>/dev/null |
            awk -v file="$file" '/^# [0-9]+ "/ { n = $2 - 1; next } { n++; gsub(/"([^"\\]|\\.)*"/, "\"\""); print file ":" n ": " $0 }'
    done
}

outside() { find core capi -name '*.[ch]pp' -o -name '*.h' -o -name '*.c' | grep -Ev "^core/($1)/" | sort; }
mapfile -t all < <(outside os)
mapfile -t errno_free < <(outside 'os|context|loop/backends')
[[ ${#all[@]} -gt 0 ]] || { echo "doors: found no source"; exit 1; }

found=$(strip "${all[@]}" | grep -E ": .*($door|$word)"
        strip "${errno_free[@]}" | grep -E ": .*$errno")
if [[ -n $found ]]; then
    echo "$found"
    echo "doors: $(wc -l <<<"$found") ways around the doors"
    exit 1
fi
echo "${#all[@]} sources outside core/os"
