#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs libFuzzer on each parser of tests/fuzz, or on those named. A line each: how many inputs, how many a second, how
# many that crashed, leaked or took too long; those lie in BUILD/fuzz/NAME/found.
# usage: ci/fuzz.sh BUILD SECONDS [TARGET...]
set -u
cd "$(dirname "$0")/.."
build=${1:?usage: ci/fuzz.sh BUILD SECONDS [TARGET...]}
seconds=${2:?usage: ci/fuzz.sh BUILD SECONDS [TARGET...]}
shift 2
[ $# -gt 0 ] || set -- $(CM_FUZZ_TARGET=? "$build/libfuzzer" 2>&1 | sed 's/.*is none of//')
bad=0 all=0
for target; do
    folder=$build/fuzz/$target
    mkdir -p "$folder/seeds" "$folder/grown" "$folder/found"
    [ -d "tests/fuzz/corpus/$target" ] && cp "tests/fuzz/corpus/$target/"* "$folder/seeds/"
    CM_FUZZ_TARGET=$target CM_FUZZ_SEEDS=$folder/seeds OMP_NUM_THREADS=1 "$build/libfuzzer" "$folder/grown" "$folder/seeds" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$folder/found/" \
        -verbosity=1 >"$folder/log" 2>&1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$folder/log")
    found=$(ls "$folder/found" | wc -l)
    bad=$((bad + found)) all=$((all + ${runs:-0}))
    printf '%-18s %10s inputs, %6s a second, %d found\n' "$target" "${runs:-none}" "${rate:-0}" "$found"
done
echo "$all inputs, $bad found"
[ "$bad" -eq 0 ]
