#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two unchanged programs in one simulated world, a database of two workers and clients that know each
# answer, under many seeds: in calm weather and in bad.
#   tests/seeds/pair.sh BUILD SEEDS [FIRST]
set -u
build=$(realpath "${1:?which build?}") seeds=${2:?how many seeds?} first=${3:-1}
pair=(-- "$build/examples/kv_server" --port 6379 --workers 2 -- "$build/examples/kv_client" 127.0.0.1:6379)
sim() { "$build/bin/zio-sim" run --quiet --seeds "$((seeds / 2))" "$@" "${pair[@]}"; }
sim --first "$first" && sim --first "$((first + seeds / 2))" --faults reset,refuse=50,cut,lose --calm 60
