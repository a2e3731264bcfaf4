#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The example servers under real clients, and what they did, in numbers: an echo server with
# thousands of clients that are tasks themselves, a database under redis-benchmark, 100 000 tasks
# that wait.   bash examples/demo.sh [BUILD]
# Ends with status 0 only when every answer was right and every server stopped in order.
set -u
programs=$(realpath "${1:-build}")/examples || exit 1
clients=2000 seconds=3 parked=100000
work=$(mktemp -d)
server=

fail() { echo "demo: $*" >&2; exit 1; }

# Nothing is left running, however this ends.
end() {
    if [[ -n $server ]]; then
        kill -KILL "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    fi
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a server on a free port; sets server, address, port, backend.
start() {  # PROGRAM
    local line
    : >"$work/$1"
    "$programs/$1" --port 0 --backend auto >"$work/$1" 2>"$work/errors" &
    server=$!
    for ((tenths = 0; tenths < 100; tenths++)); do
        line=$(head -n 1 "$work/$1")
        [[ $line != listening* ]] || break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    [[ $line =~ ^listening\ on\ ([^ ]+:([0-9]+))\ \(backend\ ([a-z_]+), ]] ||
        fail "$1 does not listen: $line $(cat "$work/errors")"
    address=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]} backend=${BASH_REMATCH[3]}
}

# Asks the server to end, which it does with status 0 within 5 s.
stop() {  # PROGRAM
    local status
    kill -TERM "$server"
    for ((tenths = 0; tenths < 60; tenths++)); do
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$server" 2>/dev/null; then fail "$1 does not stop"; fi
    wait "$server"
    status=$?
    server=
    [[ $status == 0 ]] || fail "$1 ended with status $status: $(cat "$work/errors")"
    [[ ! -s $work/errors ]] || fail "$1 complained: $(cat "$work/errors")"
}

# The value of NAME in a line of name=value.
value() { sed -E "s/(.* )?$1=([^ ]*).*/\2/" "$work/line"; }

headline() { printf '\n%-36s %-9s %8s %12s %8s %8s\n' work backend clients requests/s 'p50 ms' 'p99 ms'; }
row() { printf '%-36s %-9s %8s %12.0f %8.2f %8.2f\n' "$@"; }

echo_clients() {
    start echo_server
    timeout 20 "$programs/demo_clients" "$address" "$clients" "$seconds" >"$work/line" ||
        fail "the echo clients ended with status $?"
    stop echo_server
    row "echo_server, 64 bytes" "$backend" "$(value clients)" "$(value per_second)" \
        "$(value p50_ms)" "$(value p99_ms)"
    facts+=("$(value requests) answers compared, none wrong; each of $(value clients) clients had\
 $(value least) to $(value most)")
}

redis() { timeout 20 redis-cli -h "${address%:*}" -p "$port" "$@"; }

redis_clients() {
    local name rate rest p50 p99
    start kv_server
    [[ $(redis set demo "a value") == OK && $(redis get demo) == "a value" ]] ||
        fail "kv_server does not keep a value"
    timeout 20 redis-benchmark -h "${address%:*}" -p "$port" -t set,get -c 50 -P 16 -n 200000 \
        -r 10000 --csv >"$work/csv" 2>"$work/complaints" || fail "redis-benchmark: $(cat "$work/complaints")"
    timeout 20 redis-benchmark -h "${address%:*}" -p "$port" -t incr -c 500 -n 50000 \
        --csv >>"$work/csv" 2>"$work/complaints" || fail "redis-benchmark: $(cat "$work/complaints")"
    while IFS=, read -r name rate _ _ p50 _ p99 rest; do
        case $name in
            SET | GET) row "kv_server, $name, 16 in a pipeline" "$backend" 50 "$rate" "$p50" "$p99" ;;
            INCR) row "kv_server, $name" "$backend" 500 "$rate" "$p50" "$p99" ;;
        esac
    done < <(tr -d '"' <"$work/csv")
    [[ $(redis get counter:__rand_int__) == 50000 ]] || fail "kv_server lost increments"
    facts+=("50000 increments by 500 clients counted to $(redis get counter:__rand_int__)")
    stop kv_server
}

parked_tasks() {
    timeout 20 "$programs/demo_parked" "$parked" >"$work/line" || fail "the parked tasks ended with status $?"
    printf '\n%-36s %-9s %8s %12s\n' work '' tasks 'bytes per task'
    printf '%-36s %-9s %8s %12s\n' 'parked, page tables included' '' "$(value tasks)" \
        "$(value bytes_per_task)"
    facts+=("$(value woken) tasks woken and joined, $(value wake_ns) ns each")
}

for tool in redis-benchmark redis-cli; do
    command -v $tool >/dev/null || fail "$tool is missing (Debian: redis-tools)"
done
facts=()
echo "libzio, $(uname -m), Linux $(uname -r), $(nproc) CPUs shared by servers and clients"
headline
echo_clients
redis_clients
parked_tasks
echo
printf '%s\n' "${facts[@]}"
echo "demo: in order, ${SECONDS} s"
