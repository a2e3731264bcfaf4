#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Formatting by .clang-format, the licence line, include guards, no marks of unfinished work.
set -u
cd "$(dirname "$0")/../.." || exit 2
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

mapfile -t code < <(find core capi include tests examples tools bindings -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \) \
    -not -path '*/build/*' 2>/dev/null | sort)
mapfile -t others < <(find . -path ./.git -prune -o -path ./build -prune -o -path './build-*' -prune -o \
    -path '*/build/*' -prune -o -type f \( -name '*.S' -o -name '*.sh' -o -name '*.cmake' -o \
    -name '*.py' -o -name 'CMakeLists.txt' -o -name 'GNUmakefile' -o -path './.ci/*' \) -print | sort)
[[ ${#code[@]} -gt 0 ]] || { echo "style: found no source"; exit 1; }

for file in "${code[@]}" "${others[@]}"; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || fault "$file: no SPDX line"
done
# Marks are spelt apart here, so that this file does not hold them.
marks="\b(TO""DO|FIX""ME|XX""X|HA""CK)\b"
while read -r line; do fault "$line: unfinished"; done \
    < <(grep -nEH "$marks" "${code[@]}" "${others[@]}" | cut -d: -f1,2)
while read -r line; do fault "$line: tab or space at the end of a line"; done \
    < <(grep -nPH '\t|\s$' "${code[@]}" | cut -d: -f1,2)
for file in "${code[@]}"; do
    [[ $file != *.hpp ]] || grep -q '^#pragma once$' "$file" || fault "$file: no #pragma once"
    [[ -z $(tail -c 1 "$file") ]] || fault "$file: no newline at the end"
done

format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -n $format ]]; then
    while read -r places file; do
        fault "$file: $places places differ from clang-format -i"
    done < <("$format" --dry-run -Werror "${code[@]}" 2>&1 | sed -n 's/:[0-9:]* error: .*//p' | uniq -c)
fi

[[ $faults == 0 ]] || { echo "style: $faults faults"; exit 1; }
[[ -n $format ]] || { echo "style: clang-format is not installed; the rest is in order"; exit 77; }
echo "${#code[@]} sources"
