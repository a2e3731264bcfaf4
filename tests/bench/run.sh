#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# All benchmarks, as tables; docs/benchmarks.md says how to read them.
#   bash tests/bench/run.sh [BUILD] [--quick] [tasks|parked|echo|server-bound|fairness|kv|workers]...
# Servers run on CPU 0, clients on CPU 1; as root (and unless BENCH_FIFO=0) both before everything
# else there. In `workers` all run on both. BENCH_WORKERS=2: the library has that many workers in
# all sections (on CPU 0 if the servers are there). Nothing here fails because something is slow.
set -u
build=build quick=
sections=()
for argument; do
    case $argument in
        --quick) quick=yes ;;
        tasks | parked | echo | server-bound | fairness | kv | workers) sections+=("$argument") ;;
        *) build=$argument ;;
    esac
done
[[ ${#sections[@]} -gt 0 ]] || sections=(tasks parked echo server-bound fairness kv workers)
build=$(realpath "$build") || exit 1
work=$(mktemp -d)
servers=()
server_cpu=0
workers=${BENCH_WORKERS:-1}
trap 'kill -KILL "${servers[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { echo "bench: $*" >&2; exit 1; }

# Two workers on one CPU take turns, which SCHED_FIFO knows nothing of.
urgent=()
if [[ ${BENCH_FIFO:-1} != 0 && $workers == 1 ]] && chrt -f 10 true 2>/dev/null; then urgent=(chrt -f 10); fi
favoured=()
if [[ ${BENCH_FIFO:-1} != 0 && $(nice -n -15 nice 2>/dev/null) == -15 ]]; then favoured=(nice -n -15); fi
on() {  # CPU|all|shared PROGRAM...
    local cpu=$1
    shift
    if [[ $cpu == all ]]; then exec "${urgent[@]}" "$@"; fi
    if [[ $cpu == shared ]]; then exec "${favoured[@]}" "$@"; fi
    if [[ $(nproc) -gt 1 ]]; then set -- taskset -c "$cpu" "$@"; fi
    exec "${urgent[@]}" "$@"
}

ready='^listening on [^ ]*:([0-9]+) \(backend ([^,]+), '

# Starts an echo server and adds it to targets. BASE is the hand-written one of its interface.
start() {  # NAME BASE PROGRAM [ARGUMENT]...
    local name=$1 base=$2 line=
    shift 2
    if [[ ! -x $1 ]]; then
        echo "skipped: $name, as $(basename "$1") was not built"
        return
    fi
    : >"$work/$name"
    (on "$server_cpu" "$@") >"$work/$name" 2>"$work/errors" &
    servers+=($!)
    for ((tenths = 0; tenths < 100; tenths++)); do
        line=$(head -n 1 "$work/$name")
        [[ $line != listening* ]] || break
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    if [[ ! $line =~ $ready ]]; then
        echo "skipped: $name does not start: $(head -n 1 "$work/errors")"
        return
    fi
    port=${BASH_REMATCH[1]}
    if [[ $name == zio* && ${BASH_REMATCH[2]} != "${name#zio_}" ]]; then
        echo "skipped: $name runs on ${BASH_REMATCH[2]} here"
        return
    fi
    targets+=("$name=$port:$!:$base")
}

start_all() {  # ZIO_SERVER [BACKEND]...
    local program=$1 backend
    shift
    targets=()
    start raw_epoll raw_epoll "$build/bench/server_epoll"
    start raw_io_uring raw_io_uring "$build/bench/server_uring"
    for backend; do
        case $backend in
            io_uring) start zio_io_uring raw_io_uring "$program" --port 0 --workers "$workers" --backend io_uring ;;
            *) start "zio_$backend" raw_epoll "$program" --port 0 --workers "$workers" --backend "$backend" ;;
        esac
    done
    start libuv raw_epoll "$build/bench/server_libuv"
}

stop_all() {
    kill -KILL "${servers[@]}" 2>/dev/null
    wait "${servers[@]}" 2>/dev/null
    servers=()
}

load() { (on 1 "$build/bench/load" "$@" "${targets[@]}") || fail "the load ended with status $?"; }

run_tasks() {
    echo
    (on 1 "$build/bench/tasks" "$([[ $quick ]] && echo 15 || echo 51)" "$workers") || fail "tasks ended with status $?"
}

# With less memory than a million tasks take, as many as fit well.
run_parked() {
    local count=1000000 fits
    [[ ! $quick ]] || count=100000
    fits=$(awk '/^MemAvailable:/ { printf "%d", $2 * 1024 * 0.8 / 5000 }' /proc/meminfo)
    [[ $fits -ge $count ]] || count=$fits
    echo
    "$build/bench/parked" "$count" "$workers" || fail "parked ended with status $?"
}

run_echo() {
    local rounds=7 slice=400 connections
    if [[ $quick ]]; then rounds=3 slice=150; fi
    start_all "$build/examples/echo_server" io_uring epoll
    for connections in 1 64 1000; do load closed $connections $rounds $slice 0; done
    stop_all
}

run_server_bound() {
    local rounds=5 slice=400 connections
    if [[ $quick ]]; then rounds=3 slice=150; fi
    export BENCH_WORK_NS=3000
    start_all "$build/bench/server_zio" io_uring epoll
    for connections in 64 1000; do load saturated $connections $rounds $slice $BENCH_WORK_NS; done
    stop_all
    unset BENCH_WORK_NS
}

# For each backend: few/med is to be 0.7 at least, max/avg 5 at most. Four slices in place of one long
# one, each judged alone: as urgent as this is, the kernel lets others in once a second.
run_fairness() {
    local slice=${BENCH_SLICE_MS:-800}
    [[ ! $quick ]] || slice=300
    echo
    echo "fairness: bars 0.7 for few/med and 5 for max/avg, worst of four slices"
    start_all "$build/examples/echo_server" io_uring epoll poll
    load closed 1000 2 $slice 0
    stop_all
    export BENCH_WORK_NS=3000
    start_all "$build/bench/server_zio" io_uring epoll poll
    load saturated 1000 2 $slice $BENCH_WORK_NS
    stop_all
    unset BENCH_WORK_NS
}

# Nanoseconds that all threads of a process ran.
ran_ns() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$1"/task/*/schedstat; }

gets() {  # PID PORT REQUESTS: nanoseconds of the server's CPU for each GET
    local before after
    before=$(ran_ns "$1")
    (on 1 redis-benchmark -p "$2" -t get -c 50 -P 16 -n "$3" --csv) >/dev/null 2>"$work/errors" ||
        fail "redis-benchmark: $(cat "$work/errors")"
    after=$(ran_ns "$1")
    awk -v ns=$((after - before)) -v n="$3" 'BEGIN { printf "%.1f", ns / n }'
}

run_kv() {
    local rounds=7 requests=300000 port redis_port=0 round ours theirs again tool
    if [[ $quick ]]; then rounds=2 requests=100000; fi
    echo
    for tool in redis-server redis-benchmark redis-cli; do
        command -v $tool >/dev/null || { echo "skipped: kv, as $tool is missing"; return; }
    done
    targets=()
    start kv_server - "$build/examples/kv_server" --port 0 --workers "$workers"
    [[ ${#targets[@]} == 1 ]] || return
    while redis_port=$((20000 + RANDOM % 10000)); (: >"/dev/tcp/127.0.0.1/$redis_port") 2>/dev/null; do :; done
    (cd "$work" && on 0 redis-server --port $redis_port --bind 127.0.0.1 --save '' --appendonly no) >"$work/redis" &
    servers+=($!)
    for ((tenths = 0; tenths < 100; tenths++)); do
        [[ $(redis-cli -p $redis_port ping 2>/dev/null) != PONG ]] || break
        sleep 0.1
    done
    for round in $port $redis_port; do
        [[ $(redis-cli -p "$round" set key:__rand_int__ xxx) == OK ]] || fail "no SET on port $round"
    done
    for ((round = 0; round < rounds; round++)); do  # theirs ours ours theirs
        theirs=$(gets "${servers[1]}" $redis_port $requests) || exit 1
        ours=$(gets "${servers[0]}" "$port" $requests) || exit 1
        again=$(gets "${servers[0]}" "$port" $requests) || exit 1
        echo "$ours $again $theirs $(gets "${servers[1]}" $redis_port $requests)"
    done | awk '{ ours += $1 + $2; theirs += $3 + $4; ratio[NR] = ($1 + $2) / ($3 + $4) }
        END { for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++)
                  if (ratio[j] < ratio[i]) { swap = ratio[i]; ratio[i] = ratio[j]; ratio[j] = swap }
              printf "GET, 50 clients, 16 in a pipeline, server CPU: kv_server %.0f ns, redis-server %.0f ns;", ours / NR / 2, theirs / NR / 2
              printf " ratio %.2f (%.2f..%.2f), bar 1.25\n", ratio[int((NR + 1) / 2)], ratio[1], ratio[NR] }'
    stop_all
}

# shellcheck source=tests/bench/workers.sh
. "$(dirname "$0")/workers.sh"

echo "Linux $(uname -r), $(nproc) CPUs,$(sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1);" \
    "load $(cut -d' ' -f1-3 /proc/loadavg)$([[ ${#urgent[@]} == 0 ]] || echo ', SCHED_FIFO')," \
    "$workers worker(s)"
for section in "${sections[@]}"; do "run_${section//-/_}"; done
echo
echo "load at the end $(cut -d' ' -f1-3 /proc/loadavg)"
