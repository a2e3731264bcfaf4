#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The reference can be made without a warning, and it has a manual page for every public header and
# every public function, which the formatter takes without a complaint.
#   bash tests/check/docs.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
command -v doxygen >/dev/null || { echo "docs: doxygen is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

bash docs/build.sh "$work" >"$work/said" 2>&1 || fault "docs/build.sh fails: $(head -n 5 "$work/said")"
pages=$work/docs/man/man3
for header in include/zio.h include/zio/*.h; do
    name=${header#include/}
    [[ -s $pages/${name//\//_}.3 ]] || fault "$header: has no manual page"
done
for name in $(bash tests/check/names.sh); do
    page=$(sed -n 's#^\.so man3/##p' "$pages/$name.3" 2>/dev/null)
    [[ -n $page ]] && grep -q "^\.SS $name\$" "$pages/$page" || fault "$name: has no manual page"
done
if command -v groff >/dev/null; then
    for page in "$pages"/*.h.3 tools/*/*.1.in; do
        said=$(groff -man -Tutf8 -ww -rLL=100n "$page" 2>&1 >/dev/null | head -n 1)
        [[ -z $said ]] || fault "${page##*/}: $said"
    done
fi
[[ -s $work/docs/html/index.html ]] || fault "there is no HTML"

[[ $faults == 0 ]] || { echo "docs: $faults faults"; exit 1; }
echo "$(find "$pages" -name '*.h.3' | wc -l) manual pages for headers, $(grep -l '^\.so' "$pages"/* | wc -l) for functions, HTML"
