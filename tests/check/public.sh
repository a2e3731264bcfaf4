#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every public function has a comment of its own in its header, before it or on its line, and a test
# of the C ABI that names it.
set -u
cd "$(dirname "$0")/../.." || exit 2
mapfile -t names < <(bash tests/check/names.sh)
[[ ${#names[@]} -gt 0 ]] || { echo "public: no function is declared"; exit 1; }
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

# A comment belongs to the declaration that starts on the next line, or that ends on its line.
undocumented=$(find include -name '*.h' -exec awk '
    FNR == 1 { commented = 0; open = 0; pending = "" }
    { line = $0; ends_comment = (line ~ /\*\/[ \t]*$/); starts_alone = (line ~ /^[ \t]*(\/\*|\*|\/\/)/) }
    open { if (line ~ /\*\//) { open = 0; commented = 1 }; next }
    pending == "" && line ~ /^[ \t]*\/\*/ && line !~ /\*\// { open = 1; next }
    pending == "" && line ~ /^[ \t]*\/\*.*\*\/[ \t]*$/ { commented = 1; next }
    pending == "" && line ~ /ZIO_API/ && line !~ /^#/ { pending = "x"; own = commented; name = "" }
    pending != "" {
        if (name == "" && match(line, /zio_[a-z0-9_]+ *\(/)) {
            name = substr(line, RSTART, RLENGTH); sub(/ *\(/, "", name)
        }
        if (line ~ /;/) {
            if (!own && line !~ /;[ \t]*(\/\*|\/\/)/) print FILENAME ": " name
            pending = ""; commented = 0
        }
        next
    }
    { commented = 0 }
' {} +)
while read -r line; do [[ -z $line ]] || fault "$line: has no comment"; done <<<"$undocumented"

for name in "${names[@]}"; do
    grep -rqwF --include='*.c' --include='*.h' -- "$name" tests/capi 2>/dev/null ||
        fault "$name: no test names it"
done

[[ $faults == 0 ]] || { echo "public: $faults faults in ${#names[@]} functions"; exit 1; }
echo "${#names[@]} functions documented and tested"
