#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - verifies the protocol models exhaustively and checks that every planted mistake (mutant) is caught.
#   run.sh            small configurations and all mutants: minutes on one core
#   run.sh --full     the large configurations too (up to 4 GB and several minutes each)
#   run.sh MODEL...   only these models (with --full in front: all of their configurations)
# Needs spin and a C compiler. Exit status 0: every correct model passed and no mutant survived.
# Environment: CC, MODELS_BUILD (where to build; a fresh temporary directory otherwise).
cd "$(dirname "$0")" || exit 2
full=0
[ "$1" = --full ] && { full=1; shift; }
only=" $* "
command -v spin >/dev/null || { echo "run.sh: spin is not installed" >&2; exit 2; }
build=${MODELS_BUILD:-$(mktemp -d)} || exit 2
mkdir -p "$build" || exit 2
[ -n "$MODELS_BUILD" ] || trap 'rm -rf "$build"' EXIT
bad=0 checks=0 mutants=0 heavy=

wanted() { [ "$only" = "  " ] || [[ $only == *" $1 "* ]]; }

# check MODEL MUTANT OPTIONS...: mutant 0 must pass, every other one must be caught. A run counts only when spin,
# the compiler and the search all came to their end: out of memory, out of depth or out of time is a failure.
check() {
    local model=$1 mutant=$2 dir out verdict=FAIL errors states depth memory seconds why optimize=-O0
    shift 2
    wanted "$model" || return
    [ -z "$heavy" ] || optimize=-O2
    dir=$build/$model.$mutant$(echo "$*" | tr -d ' -') out=
    rm -rf "$dir" && mkdir -p "$dir" && cp "$model.pml" "$dir" || exit 2
    if (cd "$dir" && spin -DMUTANT="$mutant" "$@" -a "$model.pml" >spin.out 2>&1 &&
        nice ${CC:-gcc} $optimize -w -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=5000 -o pan pan.c 2>cc.out); then
        (cd "$dir" && nice timeout 1800 ./pan -m1000000 >out 2>&1)
        out=$dir/out
        errors=$(grep -o 'errors: [0-9]*' "$out" | grep -o '[0-9]*$')
        states=$(awk '/states, stored/{print $1}' "$out")
        depth=$(grep -o 'depth reached [0-9]*' "$out" | awk '{print $3}')
        memory=$(awk '/total actual memory usage/{print int($1)}' "$out")
        seconds=$(awk '/elapsed time/{print $4}' "$out")
        why=$(grep -m1 -E '^pan:[0-9]+' "$out" | sed 's/^pan:[0-9]*: //' | cut -c1-70)
        if grep -qE 'search depth too small|out of memory|reached -DMEMLIM|VECTORSZ|Search not completed' "$out" &&
            [ "${errors:-0}" = 0 ]; then
            why="search not completed"
        elif [ "$mutant" = 0 ] && [ "$errors" = 0 ]; then
            verdict=ok
        elif [ "$mutant" != 0 ] && [ "${errors:-0}" -gt 0 ]; then
            verdict=ok
        elif [ "$mutant" != 0 ] && [ "$errors" = 0 ]; then
            why="mutant survived"
        fi
        rm -f "$dir/pan"
    else
        why="does not build: $(head -c 60 "$dir/spin.out" | tr '\n' ' ')"
    fi
    checks=$((checks + 1))
    [ "$mutant" = 0 ] || mutants=$((mutants + 1))
    [ "$verdict" = ok ] || bad=$((bad + 1))
    printf '%-4s %-8s %6s  %-22s %10s %5s %6s %7s  %s\n' "$verdict" "$model" \
        "$([ "$mutant" = 0 ] && echo - || echo "$mutant")" "$*" "${states:-?}" "${depth:-?}" "${memory:-?}" \
        "${seconds:-?}" "$why"
}
range() { # MODEL FROM TO OPTIONS...: mutants FROM to TO
    local model=$1 from=$2 to=$3 mutant
    shift 3
    for mutant in $(seq "$from" "$to"); do check "$model" "$mutant" "$@"; done
}
# Compiling with optimization takes longer than most searches: only where there are many states.
heavy() { heavy=1 check "$@"; }
large() { [ $full = 0 ] || heavy "$@"; }

printf '%-4s %-8s %6s  %-22s %10s %5s %6s %7s  %s\n' '' model mutant options states depth MB seconds violation
check task 0 -DSMALL
heavy task 0 -DPOOL
large task 0 -DREFS
large task 0
check task 1 -DSMALL
check task 2 -DPOOL
range task 3 17 -DSMALL
check refs 0
large refs 0 -DSTRAY
large refs 0 -DOPS=4
check refs 1
check refs 2 -DSTRAY
range refs 3 4
range grant 0 5
check join 0 -DSAME
heavy join 0 -DSMALL
heavy join 0 -DSAME -DPREPARED
heavy join 0 -DSAME -DSTRAY -DTWO
large join 0
large join 0 -DSMALL -DSTRAY
large join 0 -DSMALL -DPREPARED
range join 1 6 -DSAME
range join 7 9 -DSMALL
check join 10 -DSAME -DSTRAY -DTWO
check join 11 -DSMALL
range join 12 15 -DSAME
check join 16 -DSMALL
check join 16 -DSAME -DSTRAY -DTWO
check join 17 -DSAME -DSTRAY -DTWO
check join 18 -DSAME
range join 19 22 -DSAME -DPREPARED
check tso 0 -DDESIGN=1
check tso 0 -DDESIGN=2
check tso 0 -DDESIGN=3
range tso 1 2 -DDESIGN=2
check surplus 0 -DPUTS=1
large surplus 0
large surplus 0 -DT=3 -DPUTS=1
large surplus 0 -DM=3 -DPUTS=1
large surplus 0 -DT=3 -DM=1
range surplus 1 11 -DPUTS=1
check crew 0 -DW=1
heavy crew 0
range crew 1 10 -DW=1
check idle 0
check idle 0 -DSHORT
check idle 0 -DP=2 -DN=1 -DOWN=0
large idle 0 -DP=2 -DN=1
large idle 0 -DQ=3 -DOWN=0
range idle 1 8
range migrate 0 2
range handle 0 5
heavy turn 0
range turn 1 4
check mutex 0
large mutex 0 -DROUNDS=2
large mutex 0 -DDESTROY
check mutex 0 -DN=2 -DDESTROY
range mutex 1 3
check mutex 4 -DROUNDS=2
check mutex 5 -DN=2 -DDESTROY
check mutex 6
range sem 0 2
check chan 0 -DR=1
check chan 0 -DR=1 -DCAP=1
large chan 0
large chan 0 -DCAP=1
range chan 1 4
range chan 1 4 -DCAP=1
range cond 0 3
large cond 0 -DITEMS=3
range event 0 2 -DN=3
check select 0 -DN=2
large select 0
range select 1 4
heavy group 0
range group 1 4
check shutdown 0 -DSPAWNS=2
large shutdown 0
range shutdown 1 2
heavy shutdown 3
check shutdown 4
echo "$checks checks ($mutants mutants), $bad not as expected"
[ $bad = 0 ]
