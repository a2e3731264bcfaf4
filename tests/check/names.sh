#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prints the functions that the installed headers declare, one a line, sorted.
cd "$(dirname "$0")/../.." || exit 2
find include -name '*.h' -exec gcc -fpreprocessed -dD -E -P -xc -w {} + |
    tr '\n' ' ' | grep -oE 'ZIO_CALL +\**zio_[a-z0-9_]+ *\(' | grep -oE 'zio_[a-z0-9_]+' | sort
