#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The functions that the installed headers declare, the names in the version script and the symbols
# of the shared library are one and the same set; the archive brings no name a user could have. Data
# is exported under ZIO_PRIVATE only, for debuggers.
#   bash tests/check/exports.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }
same() {  # FILE FILE TEXT TEXT: the sets are equal, or each side's surplus is named
    local name
    for name in $(comm -23 "$1" "$2"); do fault "$name: $3 but not $4"; done
    for name in $(comm -13 "$1" "$2"); do fault "$name: $4 but not $3"; done
}

bash tests/check/names.sh >"$work/declared"
[[ -s $work/declared ]] || { echo "exports: no function is declared"; exit 1; }
for name in $(uniq -d "$work/declared"); do fault "$name: declared twice"; done
# A declaration that is not written `ZIO_API ... ZIO_CALL name(` would be overlooked above.
api=$(find include -name '*.h' -exec gcc -fpreprocessed -dD -E -P -xc -w {} + |
    grep -v '^#' | grep -o '\bZIO_API\b' | wc -l)
[[ $api == $(wc -l <"$work/declared") ]] ||
    fault "$api times ZIO_API for $(wc -l <"$work/declared") functions"

names_in() { sed 's#/\*.*\*/##' | grep -oE '\bzio_[a-z0-9_]+;' | tr -d ';' | sort; }
sed '/^ZIO_PRIVATE /,/^}/d' capi/libzio.map | names_in >"$work/mapped"
sed -n '/^ZIO_PRIVATE /,/^}/p' capi/libzio.map | names_in >"$work/private"
for name in $(sort "$work/mapped" "$work/private" | uniq -d); do fault "$name: twice in libzio.map"; done
grep -qF '*' <(grep -A99 'global:' capi/libzio.map | sed '/local:/,$d') &&
    fault "libzio.map: a pattern under global"

nm -D --defined-only "$build/libzio.so" | awk '$2 ~ /[BDR]/ { print $3 }' >"$work/data.symbols"
nm -D --defined-only "$build/libzio.so" | awk '$2 !~ /[ABDR]/ { print $3 }' >"$work/symbols"
sed 's/@.*//' "$work/symbols" | sort >"$work/exported"
sed 's/@.*//' "$work/data.symbols" | sort >"$work/data"
for name in $(grep -vE '@@?ZIO_[0-9]+\.[0-9]+$' "$work/symbols"; grep -v '@@ZIO_PRIVATE$' "$work/data.symbols"); do
    fault "$name: exported without a version"
done
for name in $(grep -vhE '^zio_' "$work/exported" "$work/data"); do fault "$name: exported, not zio_*"; done
nm -D --defined-only "$build/libzio.so" | awk '$2 == "A" && $3 !~ /^ZIO_([0-9]+\.[0-9]+|PRIVATE)(@.*)?$/' |
    while read -r line; do echo "$line: a version node of another name"; exit 1; done ||
    faults=$((faults + 1))

same "$work/declared" "$work/mapped" "declared" "in libzio.map"
same "$work/mapped" "$work/exported" "in libzio.map" "exported"
same "$work/private" "$work/data" "private in libzio.map" "exported data"

# All global names of the archive, weak ones and instantiations too.
nm -g --defined-only "$build/libzio.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$work/archive"
for name in $(grep -v '^zio_' "$work/archive"); do
    fault "$name: global in libzio.a"
done

[[ $faults == 0 ]] || { echo "exports: $faults faults"; exit 1; }
echo "$(wc -l <"$work/exported") functions declared, mapped and exported, $(wc -l <"$work/data") object for debuggers"
