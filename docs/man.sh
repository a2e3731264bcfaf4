#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A manual page for each public header, and for each function a name that leads to it. Needs awk and
# nothing else.   bash docs/man.sh FOLDER      makes FOLDER/man3
set -eu
output=$(realpath -m "$1")/man3
cd "$(dirname "$0")/.."
rm -rf "$output"
mkdir -p "$output"
version=$(sed -n 's/^#define ZIO_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/zio/base.h | paste -sd.)
for header in include/zio.h include/zio/*.h; do
    LC_ALL=C awk -v out="$output" -v version="$version" -f docs/man.awk "$header"
done
