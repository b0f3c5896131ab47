#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every test of a build folder: the same steps a person runs. Last line: N passed, N failed.
# usage: ci/test.sh BUILD
set -u
cd "$(dirname "$0")/.."
build=${1:?usage: ci/test.sh BUILD}
log=$build/test-logs
mkdir -p "$log"
passed=0 failed=0 skipped=0

# count NAME PASSED FAILED SKIPPED
count() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    printf '%-18s %5d passed, %d failed%s\n' "$1" "$2" "$3" "$([ "$4" -gt 0 ] && echo ", $4 skipped")"
}

show_end() { tail -20 "$1" | sed 's/^/    /'; }

# step NAME COMMAND...: one pass or one failure, by exit code
step() {
    name=$1
    shift
    if "$@" >"$log/$name.log" 2>&1; then
        count "$name" 1 0 0
    else
        count "$name" 0 1 0
        show_end "$log/$name.log"
    fi
}

# counted NAME COMMAND...: by the program's own last line "N passed, N failed[, N skipped]"
counted() {
    name=$1
    shift
    "$@" >"$log/$name.log" 2>&1
    code=$?
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log/$name.log" | tail -1)
    if [ -z "$line" ]; then
        count "$name" 0 1 0
        show_end "$log/$name.log"
        return
    fi
    p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    f=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    s=$(echo "$line" | sed -n 's/.* \([0-9]*\) skipped.*/\1/p')
    [ "$code" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    count "$name" "$p" "$f" "${s:-0}"
    [ "$f" -gt 0 ] && grep -aE 'FAIL|mismatch|ERROR' "$log/$name.log" | head -30 | sed 's/^/    /'
}

# criterion NAME PROGRAM: tests run, failing and crashing from its synthesis line
criterion() {
    name=$1
    shift
    "$@" --jobs 2 >"$log/$name.log" 2>&1
    line=$(grep -a 'Synthesis' "$log/$name.log" | tail -1 | sed 's/\x1b\[[0-9;]*m//g')
    t=$(echo "$line" | sed -n 's/.*Tested: *\([0-9]*\).*/\1/p')
    f=$(echo "$line" | sed -n 's/.*Failing: *\([0-9]*\).*/\1/p')
    c=$(echo "$line" | sed -n 's/.*Crashing: *\([0-9]*\).*/\1/p')
    if [ -z "$t" ]; then
        count "$name" 0 1 0
        show_end "$log/$name.log"
        return
    fi
    count "$name" "$((t - f - c))" "$((f + c))" 0
    [ "$((f + c))" -gt 0 ] && grep -aE 'FAIL|----|!!!!' "$log/$name.log" | head -40 | sed 's/^/    /'
}

step layers ci/layers.sh
step headers ci/headers.sh
step style ci/style.sh
[ -x "$build/unit" ] && criterion unit "$build/unit"
if [ -x "$build/cm_check" ]; then
    for seed in 1 2 3; do counted "kernels-seed-$seed" "$build/cm_check" --seed=$seed; done
    # Every level below this machine's: what other CPUs run.
    for level in $("$build/cm_check" --levels | sed '$d'); do
        counted "kernels-$level" env CM_KERNELS="$level" "$build/cm_check" --seed=1
    done
fi
[ -x "$build/golden" ] && counted golden "$build/golden"
[ -x tests/cli/run.sh ] && counted cli tests/cli/run.sh "$build"
[ -x "$build/fuzz" ] && counted fuzz "$build/fuzz"

[ "$failed" -gt 0 ] && echo "logs: $log"
printf '%d passed, %d failed%s\n' "$passed" "$failed" "$([ "$skipped" -gt 0 ] && echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
