#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/ledger.csv holds lines as tests/ledger.sh writes them, and nothing else.
set -u
cd "$(dirname "$0")/../.." || exit 2
ledger=docs/ledger.csv
[[ -f $ledger ]] || { echo "ledger: $ledger is missing"; exit 1; }
awk -F, '
    function fault(why) { print FILENAME ":" NR ": " why; faults++ }
    NR == 1 {
        if ($0 != "date,commit,what,backend,counts,failures,seconds,command") fault("not the header")
        next
    }
    NF != 8 { fault(NF " fields, not 8"); next }
    $1 !~ /^20[0-9][0-9]-[01][0-9]-[0-3][0-9]$/ { fault("no date") }
    $1 < last { fault("earlier than the line before") }
    { last = $1 }
    $2 !~ /^[0-9a-f]+$/ || length($2) != 12 { fault("no commit") }
    $3 !~ /^(cancels|closes|misuse|wakes|seeds|programs|pair)$/ { fault("no run is called " $3) }
    $4 !~ /^(io_uring|epoll|poll|sim)$/ { fault("no backend is called " $4) }
    $5 !~ /^[a-z_]+=[0-9]+( [a-z_]+=[0-9]+)*$/ { fault("no counts") }
    $6 !~ /^[0-9]+$/ { fault("no number of failures") }
    $6 == 0 && $5 ~ /=0( |$)/ { fault("nothing was counted") }
    $7 !~ /^[0-9]+$/ { fault("no seconds") }
    $8 !~ ("^ZIO_SEED=[0-9]+ ZIO_TEST_SCALE=[0-9.]+ bash tests/ledger.sh " $3 "$") { fault("not the command") }
    END { if (!faults) print NR - 1 " runs"; exit faults > 0 }' "$ledger"
