#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The programs in the README and the guide: each block with a main() is compiled by gcc and clang
# without a warning and run. One that a `text` block follows prints exactly that and ends by itself;
# the others are servers, and are talked to. Links between the pages lead somewhere.
#   bash tests/check/guide.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "$1")
[[ -e $build/libzio.so ]] || { echo "guide: $build/libzio.so is missing"; exit 1; }
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
faults=0 programs=0
fault() { echo "$*"; faults=$((faults + 1)); }
export LD_LIBRARY_PATH=$build

# page.1.c, page.1.out, page.2.cpp ...: a program, and what it is said to print.
extract() {  # PAGE STEM
    awk -v stem="$2" '
        /^```/ && !inside { inside = 1; language = substr($0, 4); text = ""; next }
        /^```$/ {
            inside = 0
            if ((language == "c" || language == "cpp") && text ~ /\nint main\(/) {
                name = stem "." ++count
                printf "%s", text >(name "." language)
            } else if (language == "text" && name) {
                printf "%s", text >(name ".out")
                name = ""
            }
            next
        }
        inside { text = text $0 "\n" }
    ' "$1"
}

# What a client of a server sees: the line it says when it is ready, then an answer.
converse() {  # NAME PROGRAM SENT EXPECTED
    local line port answer=
    timeout 60 "$2" 127.0.0.1:0 >"$work/said" 2>&1 &
    server=$!
    for _ in {1..100}; do
        line=$(head -n 1 "$work/said")
        [[ -z $line ]] || break
        sleep 0.1
    done
    port=${line##*:}
    if [[ $port =~ ^[0-9]+$ ]] && exec 3<>"/dev/tcp/127.0.0.1/$port"; then
        printf '%s\n' "$3" >&3
        read -r -t 10 answer <&3
        exec 3>&-
    fi
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
    [[ $answer == "$4" ]] || fault "$1: answers '$answer' to '$3', not '$4' (it said '$line')"
}

mapfile -t pages < <(ls README.md docs/*.md docs/guide/*.md)
for page in "${pages[@]}"; do
    stem=$work/${page//\//-}
    extract "$page" "$stem"
    for source in "$stem".*.c "$stem".*.cpp; do
        [[ -e $source ]] || continue
        name=${source%.*} name="$page, program ${name##*.}"
        expected=${source%.*}.out
        programs=$((programs + 1))
        case $source in
            *.cpp) compilers=("g++ -std=c++17" "clang++ -std=c++17") ;;
            *) compilers=("gcc -std=c11" "clang -std=c11") ;;
        esac
        for compiler in "${compilers[@]}"; do
            command -v "${compiler%% *}" >/dev/null || { echo "guide: no ${compiler%% *}"; exit 77; }
            if ! $compiler -Wall -Wextra -Werror -pedantic -O1 -Iinclude "$source" -L"$build" -lzio \
                -pthread -o "$work/program" 2>"$work/said"; then
                fault "$name: $compiler: $(grep -m 1 -E 'error|undefined' "$work/said")"
                continue
            fi
            if [[ -e $expected ]]; then
                timeout 30 "$work/program" >"$work/said" 2>&1
                status=$?
                [[ $status == 0 ]] || fault "$name: ends with $status: $(tail -n 1 "$work/said")"
                diff "$expected" "$work/said" >"$work/difference" ||
                    fault "$name: prints something else:$(echo; cat "$work/difference")"
            elif [[ $page == docs/guide/first-server.md ]]; then
                converse "$name" "$work/program" hello "you said: hello"
            elif [[ $page != README.md ]]; then
                fault "$name: nothing tells what it prints"
            fi
        done
    done
    while read -r link; do
        [[ -e $(dirname "$page")/$link ]] || fault "$page: there is no $link"
    done < <(grep -oE '\]\([^)#:]+' "$page" | cut -c3-)
done
((programs > 5)) || fault "found $programs programs"

[[ $faults == 0 ]] || { echo "guide: $faults faults"; exit 1; }
echo "$programs programs in ${#pages[@]} pages"
