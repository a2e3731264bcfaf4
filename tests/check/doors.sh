#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything nondeterministic goes through three doors: the backend, the os table, the scheduler's
# pick. So no clock, random number, thread or system call stands outside core/os; this is what
# makes simulation and the failing of one call at a time possible for the real code.
set -u
cd "$(dirname "$0")/../.." || exit 2

clocks='clock_gettime|clock_getres|gettimeofday|timespec_get|nanosleep|clock_nanosleep|usleep|steady_clock|system_clock|__rdtsc|__builtin_ia32_rdtscp?'
randoms='getrandom|getentropy|s?rand|srandom|rand_r|[dlm]rand48|random_device|mt19937(_64)?|arc4random\w*'
threads='pthread_\w+|std::j?thread|std::async|std::future|thrd_\w+|sched_\w+|std::this_thread|std::chrono'
calls='syscall|fork|vfork|clone3?|execve?|mmap|munmap|mprotect|madvise|epoll_\w+|io_uring_(setup|enter|register)|eventfd|timerfd_\w+|ppoll|signalfd|sigaction|sigprocmask|getenv|secure_getenv|setenv'
streams='std::(cout|cerr|clog|function|any)|printf|fprintf|puts|fputs|perror'
# A call by these names, but not a member's or another namespace's.
call() { echo "(^|[^A-Za-z0-9_:.>])(::|std::)?($1)[[:space:]]*\\("; }
word() { echo "(^|[^A-Za-z0-9_])($1)([^A-Za-z0-9_]|\$)"; }

# Sources without comments and strings, each line led by file:line.
strip() {
    local file
    for file; do
        gcc -fpreprocessed -dD -E -xc++ -w "$file" 2>/dev/null |
            awk -v file="$file" '/^# [0-9]+ "/ { n = $2 - 1; next } { n++; gsub(/"([^"\\]|\\.)*"/, "\"\""); print file ":" n ": " $0 }'
    done
}

outside() { find core capi -name '*.[ch]pp' -o -name '*.h' -o -name '*.c' | grep -Ev "^core/($1)/" | sort; }
mapfile -t no_os < <(outside os)
mapfile -t no_kernel < <(outside 'os|context|loop/backends')
[[ ${#no_os[@]} -gt 0 ]] || { echo "doors: found no source"; exit 1; }

# The one file that the library ever writes, where ZIO_SIM_TRACE asks for it.
asked='^core/loop/backends/simulated/trace\.cpp:[0-9]+: +std::f(printf|puts)\('

# The switch and the backends may call the kernel, and know errno; nobody but os knows the rest.
found=$(strip "${no_os[@]}" | grep -Ev "$asked" | grep -E ":[0-9]+:.*($(call "$clocks|$randoms")|$(word "$threads|$streams"))"
        strip "${no_kernel[@]}" | grep -E ":[0-9]+:.*($(call "$calls")|$(word errno))")
if [[ -n $found ]]; then
    echo "$found"
    echo "doors: $(wc -l <<<"$found") ways around the doors"
    exit 1
fi
echo "${#no_os[@]} sources outside core/os"
