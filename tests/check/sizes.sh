#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ratchet: no figure of sizes.csv may be worse than its limit. A limit above the aim is an
# exception somebody agreed to; when the figure has become better, the limit is to follow it.
set -u
cd "$(dirname "$0")/../.." || exit 2
code() { find "$@" -type f \( -name '*.[chS]' -o -name '*.[ch]pp' \) -not -path '*/build/*' | sort; }
mapfile -t library < <(code core capi include)
mapfile -t users < <(code tests examples tools)
[[ ${#library[@]} -gt 0 ]] || { echo "sizes: found no source"; exit 1; }
if ! ctags --version 2>/dev/null | grep -q 'Universal Ctags'; then
    echo "sizes: universal-ctags is not installed"
    exit 77
fi

lines() { for file; do echo "$(wc -l <"$file") $file"; done | sort -n; }
long_functions() {
    ctags --fields=+ne --kinds-c=f --kinds-c++=f --languages=c,c++ -f - "$@" 2>/dev/null |
        awk -F'\t' '{ from = to = 0
            for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) from = substr($i, 6)
                                        if ($i ~ /^end:/) to = substr($i, 5) }
            if (to - from + 1 > 70) print $2 ":" from ": " $1 ", " to - from + 1 " lines" }'
}
conditional='^[[:space:]]*#[[:space:]]*(el)?if.*\b(_WIN32|_WIN64|__CYGWIN__|__linux__|__linux|__APPLE__|__unix__|__(Free|Net|Open)BSD__|__ANDROID__|__sun)\b'

worst=$(lines "${library[@]}" | tail -n 1)
worst_user=$(lines "${users[@]}" | tail -n 1)
functions=$(long_functions "${library[@]}" "${users[@]}")
misplaced=$(grep -nHE "$conditional" $(printf '%s\n' "${library[@]}" |
    grep -Ev '^core/(os|context|loop/backends)/|^include/'))
count() { [[ -z $1 ]] && echo 0 || wc -l <<<"$1"; }
declare -A figure=(
    ["longest file in lines"]=${worst%% *}
    ["longest test or example in lines"]=${worst_user%% *}
    ["functions over 70 lines"]=$(count "$functions")
    ["median file in lines"]=$(lines "${library[@]}" | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }')
    ["system conditionals outside their folders"]=$(count "$misplaced")
)

faults=0 seen=0
while IFS=, read -r name limit aim; do
    [[ $name != figure ]] || continue
    now=${figure[$name]:-}
    [[ -n $now ]] || { echo "sizes.csv: nothing measures '$name'"; faults=$((faults + 1)); continue; }
    seen=$((seen + 1))
    if ((now > limit)); then
        echo "$name: $now, limit $limit"
        faults=$((faults + 1))
    elif ((limit > aim && now < limit)); then
        echo "$name: $now, so its limit of $limit can come down"
        faults=$((faults + 1))
    fi
done <tests/check/sizes.csv
[[ $seen == "${#figure[@]}" ]] || { echo "sizes.csv: $seen of ${#figure[@]} figures"; faults=$((faults + 1)); }
if [[ $faults != 0 ]]; then
    printf '%s\n' "longest: $worst; $worst_user" ${functions:+"$functions"} ${misplaced:+"$misplaced"}
    exit 1
fi
echo "${#library[@]} files, median ${figure["median file in lines"]}, longest ${worst% *} (${worst#* })"
