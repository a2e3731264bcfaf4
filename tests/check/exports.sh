#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The functions that the installed headers declare, the names in the version script and the symbols
# of the shared library are one and the same set; the archive brings no name a user could have.
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

sed 's#/\*.*\*/##' capi/libzio.map | grep -oE '\bzio_[a-z0-9_]+;' | tr -d ';' >"$work/map.order"
sort "$work/map.order" >"$work/mapped"
for name in $(uniq -d "$work/mapped"); do fault "$name: twice in libzio.map"; done
grep -qF '*' <(grep -A99 'global:' capi/libzio.map | sed '/local:/,$d') &&
    fault "libzio.map: a pattern under global"

nm -D --defined-only "$build/libzio.so" | awk '$2 != "A" { print $3 }' >"$work/symbols"
sed 's/@.*//' "$work/symbols" | sort >"$work/exported"
for name in $(grep -vE '@@?ZIO_[0-9]+\.[0-9]+$' "$work/symbols"); do
    fault "$name: exported without a version"
done
for name in $(grep -vE '^zio_' "$work/exported"); do fault "$name: exported, not zio_*"; done
nm -D --defined-only "$build/libzio.so" | awk '$2 == "A" && $3 !~ /^ZIO_[0-9]+\.[0-9]+(@.*)?$/' |
    while read -r line; do echo "$line: a version node of another name"; exit 1; done ||
    faults=$((faults + 1))

same "$work/declared" "$work/mapped" "declared" "in libzio.map"
same "$work/mapped" "$work/exported" "in libzio.map" "exported"

# All global names of the archive, weak ones and instantiations too.
nm -g --defined-only "$build/libzio.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$work/archive"
for name in $(grep -v '^zio_' "$work/archive"); do
    fault "$name: global in libzio.a"
done

[[ $faults == 0 ]] || { echo "exports: $faults faults"; exit 1; }
echo "$(wc -l <"$work/exported") functions declared, mapped and exported"
