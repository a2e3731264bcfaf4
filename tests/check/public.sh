#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every public function has a comment of its own in its header that is a contract: what it returns,
# the errors, whether it suspends, since when, and which file tests it. That file does name it.
set -u
cd "$(dirname "$0")/../.." || exit 2
mapfile -t names < <(bash tests/check/names.sh)
[[ ${#names[@]} -gt 0 ]] || { echo "public: no function is declared"; exit 1; }
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

# One line for each declaration: header, name, then the marks of the comment that ends right above it.
contracts() {
    find include -name '*.h' -exec awk '
        FNR == 1 { inside = 0; marks = "" ; declaration = "" }
        inside || /^[ \t]*\/\*\*?([^\/]|$)/ {
            if (!inside) marks = "comment"
            if (/@return/) marks = marks " return"
            if (/@par Errors/) marks = marks " errors"
            if (/@par Suspends/) marks = marks " suspends"
            if (/@since/) marks = marks " since"
            if (match($0, /@test [^ ]+/)) marks = marks " test=" substr($0, RSTART + 6, RLENGTH - 6)
            inside = !/\*\//
            next
        }
        /^#/ { marks = ""; next }
        declaration == "" && /ZIO_API/ { declaration = " " }
        declaration != "" {
            declaration = declaration " " $0
            if (/;/) {
                match(declaration, /zio_[a-z0-9_]+ *\(/)
                name = substr(declaration, RSTART, RLENGTH)
                sub(/ *\(/, "", name)
                gives = declaration ~ /ZIO_API +void +ZIO_CALL/ ? "void" : "value"
                print FILENAME, name, gives, marks
                declaration = ""
                marks = ""
            }
            next
        }
        { marks = "" }
    ' {} +
}

while read -r header name gives marks; do
    if [[ $marks != comment* ]]; then
        fault "$header: $name: has no comment"
        continue
    fi
    [[ $gives == void ]] || [[ " $marks " == *" return "* ]] || fault "$header: $name: no @return"
    for mark in errors suspends since; do
        [[ " $marks " == *" $mark "* ]] || fault "$header: $name: the comment lacks its $mark"
    done
    test=$(grep -oE 'test=[^ ]+' <<<"$marks" | head -n 1)
    test=${test#test=}
    if [[ -z $test ]]; then
        fault "$header: $name: no @test"
    elif [[ ! -f $test ]]; then
        fault "$header: $name: $test is missing"
    elif ! grep -qwF -- "$name" "$test"; then
        fault "$header: $name: $test does not name it"
    fi
done < <(contracts)
[[ $(contracts | wc -l) == "${#names[@]}" ]] || fault "$(contracts | wc -l) contracts for ${#names[@]} functions"

[[ $faults == 0 ]] || { echo "public: $faults faults in ${#names[@]} functions"; exit 1; }
echo "${#names[@]} functions documented and tested"
