# SPDX-License-Identifier: MIT
# The section `workers` of the benchmarks, read by run.sh: two workers, on both CPUs, beside the same
# in Go and on Tokio (tests/bench/peers, built by `make bench-peers`).

peers=$build/bench/peers

program_of() {  # zio|go|tokio
    case $1 in
        zio) echo "$build/bench/workers" ;;
        *) echo "$peers/$1" ;;
    esac
}

# One case of several programs in turn, there and back in each round. A program is NAME:CASE.
compare() {  # LABEL BAR_NS|- PROGRAM...
    local label=$1 bar=$2 rounds=7 round program ns there=() back=()
    shift 2
    [[ ! $quick ]] || rounds=3
    for program; do
        [[ ! -x $(program_of "${program%%:*}") ]] || there+=("$program")
    done
    for program in "${there[@]}"; do back=("$program" "${back[@]}"); done
    for ((round = 0; round < rounds; round++)); do
        for program in "${there[@]}" "${back[@]}"; do
            # A case and its number are two words.
            # shellcheck disable=SC2086
            ns=$( (on all "$(program_of "${program%%:*}")" ${program#*:}) 2>"$work/errors") ||
                fail "$program: $(cat "$work/errors")"
            echo "$round ${program%%:*} $ns"
        done
    done | awk -v label="$label" -v bar="$bar" '
        function order(list, n,  i, j, swap) {
            for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
                if (list[j] < list[i]) { swap = list[i]; list[i] = list[j]; list[j] = swap }
        }
        { if (!($2 in place)) { place[$2] = ++count; names[count] = $2 }
          sum[$1, $2] += $3 / 2; rounds = $1 + 1 }
        END {
            for (k = 1; k <= count; k++) {
                for (r = 0; r < rounds; r++) values[r + 1] = sum[r, names[k]]
                order(values, rounds)
                middle = values[int((rounds + 1) / 2)]
                if (k == 1) {
                    line = sprintf("%-30s %9.0f ns (%.0f..%.0f)", label, middle, values[1], values[rounds])
                    if (bar != "-") line = line sprintf(", bar %d %s", bar, middle <= bar ? "held" : "MISSED")
                    continue
                }
                for (r = 0; r < rounds; r++) ratios[r + 1] = sum[r, names[1]] / sum[r, names[k]]
                order(ratios, rounds)
                line = line sprintf("; %s %.0f ns, ratio %.2f (%.2f..%.2f)", names[k], middle,
                    ratios[int((rounds + 1) / 2)], ratios[1], ratios[rounds])
            }
            print line
        }'
    [[ ${PIPESTATUS[0]} == 0 ]] || exit 1
}

# How often the threads of a process gave up their CPU, so: how often they were woken.
sleeps_of() { awk '/^voluntary/ { sum += $2 } END { print sum }' /proc/"$1"/task/*/status; }

# Wake-ups of a process that has nothing to do.
watch_idle() {  # NAME
    local program seconds=5 before after
    [[ ! $quick ]] || seconds=2
    program=$(program_of "$1")
    [[ -x $program ]] || return
    : >"$work/idle"
    (on all "$program" idle $((seconds + 3))) >"$work/idle" 2>"$work/errors" &
    servers+=($!)
    for ((tenths = 0; tenths < 200; tenths++)); do
        [[ $(head -n 1 "$work/idle") != ready ]] || break
        kill -0 $! 2>/dev/null || fail "$1 idle: $(cat "$work/errors")"
        sleep 0.1
    done
    sleep 1
    before=$(sleeps_of $!)
    sleep $seconds
    after=$(sleeps_of $!)
    wait $!
    printf '%s %d in %d s' "$1" $((after - before)) $seconds
    [[ $1 != zio ]] ||
        printf ' (%d polls of the loops), bar 0 %s' "$(tail -n 1 "$work/idle")" "$([[ $after == "$before" ]] && echo held || echo MISSED)"
}

start_crew() {  # EXAMPLE PEERS_CASE BACKEND...
    local example=$1 peers_case=$2 backend peer
    shift 2
    targets=()
    server_cpu=shared
    for backend; do
        start "zio_$backend" - "$build/examples/$example" --port 0 --workers 2 --backend "$backend"
    done
    for peer in go tokio; do start $peer - "$peers/$peer" "$peers_case"; done
    server_cpu=0
}

crew_load() {  # MODE CONNECTIONS...
    local mode=$1 rounds=7 slice=400 connections
    shift
    if [[ $quick ]]; then rounds=3 slice=150; fi
    for connections; do
        (on shared "$build/bench/load" "$mode" "$connections" $rounds $slice 0 "${targets[@]}") ||
            fail "the load ended with status $?"
    done
}

run_workers() {
    local backend peer
    echo
    for peer in go tokio; do
        [[ -x $peers/$peer ]] || echo "skipped: $peer, as it was not built (make bench-peers)"
    done
    echo "two workers"
    (on all "$build/bench/tasks" "$([[ $quick ]] && echo 15 || echo 51)" 2) || fail "tasks ended with status $?"
    echo
    compare "round trip, both awake" 1000 zio:round-trip go:round-trip-apart tokio:round-trip-apart
    compare "the same, peers place freely" - zio:round-trip go:round-trip tokio:round-trip
    compare "round trip, both asleep" - zio:round-trip-asleep go:round-trip-asleep tokio:round-trip-asleep
    compare "foreign wake, worker busy" 500 zio:wake-busy go:wake-busy tokio:wake-busy
    compare "foreign wake, worker asleep" - zio:wake-asleep go:wake-asleep tokio:wake-asleep
    for backend in io_uring epoll poll; do
        export ZIO_BACKEND=$backend
        compare "a runtime's life, 1, $backend" 300000 "zio:life 1" "tokio:life 1"
        compare "a runtime's life, 2, $backend" 300000 "zio:life 2" "tokio:life 2"
        unset ZIO_BACKEND
    done
    echo "idle, 1 000 timers and 1 000 connections, wake-ups:" \
        "$(watch_idle zio); $(watch_idle go); $(watch_idle tokio)"
    start_crew echo_server echo io_uring epoll
    crew_load echo 64 1000
    crew_load brief 64
    stop_all
    start_crew http_server http io_uring epoll
    crew_load http 64 200
    stop_all
}
