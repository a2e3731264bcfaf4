#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the programs that the section `workers` of the benchmarks compares the library with, as far
# as their tool chains are there. Rust's fetches the packages that Cargo.toml names, so this is never
# part of an ordinary build.
#   bash tests/bench/peers/build.sh [BUILD]
set -u
cd "$(dirname "$0")/../../.." || exit 1
here=$PWD/tests/bench/peers
mkdir -p "${1:-build}/bench/peers" || exit 1
peers=$(realpath "${1:-build}")/bench/peers
failed=0

built() {  # NAME STATUS
    if [[ $2 == 0 ]]; then echo "peers: $1 is built"; return; fi
    echo "peers: $1 could not be built" >&2
    failed=1
}

if command -v go >/dev/null; then
    (cd "$here/go" && GOWORK=off GOFLAGS=-buildvcs=false go build -o "$peers/go" .)
    built go $?
else
    echo "peers: go is missing"
fi

# In a copy: what the tool chain writes beside the manifest is not ours to keep.
if command -v cargo >/dev/null; then
    mkdir -p "$peers/rust" && cp -R "$here/rust/." "$peers/rust" &&
        (cd "$peers/rust" && cargo build --release --quiet --target-dir "$peers/target") &&
        cp "$peers/target/release/tokio" "$peers/tokio"
    built tokio $?
else
    echo "peers: cargo is missing"
fi
exit $failed
