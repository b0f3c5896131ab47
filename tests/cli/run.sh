#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line's tests: every tests/cli/test_*.sh, with the functions below. Last line: N passed, N failed.
# usage: tests/cli/run.sh BUILD [PART OF A FILE NAME]
set -u
cd "$(dirname "$0")/../.."
root=$PWD
build=$(cd "${1:?usage: tests/cli/run.sh BUILD}" && pwd)
cm=$build/cosmicman
tiny=$root/tests/golden/pipeline/model
[ -x "$cm" ] || {
    echo "$cm is not built"
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
export LC_ALL=C
unset COSMICMAN_HOME COSMICMAN_MODELS

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL $file: $1"
    sed 's/^/    /' "$work/err" | head -5
}

# says NAME EXIT TEXT COMMAND...: the exit code, and TEXT (a regular expression, or empty) on standard error;
# a failure is one line
says() {
    local name=$1 code=$2 text=$3
    shift 3
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    if [ "$got" -ne "$code" ]; then
        fail "$name: exit $got, not $code"
    elif [ -n "$text" ] && ! grep -aqE -- "$text" "$work/err"; then
        fail "$name: does not say '$text'"
    elif [ "$code" -ne 0 ] && [ "$(grep -ac '^cosmicman: ' "$work/err")" -ne 1 ]; then
        fail "$name: not one line of reason"
    else
        pass
    fi
}

# prints NAME TEXT COMMAND...: exit 0 and TEXT on standard output
prints() {
    local name=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    if [ "$got" -ne 0 ]; then
        fail "$name: exit $got"
    elif ! grep -aqE -- "$text" "$work/out"; then
        fail "$name: does not print '$text'"
    else
        pass
    fi
}

# holds NAME COMMAND...: the command succeeds
holds() {
    local name=$1
    shift
    if "$@" >/dev/null 2>"$work/err"; then pass; else fail "$name"; fi
}

# absent NAME PATH...: none of them is there
absent() {
    local name=$1 p
    shift
    : >"$work/err"
    for p in "$@"; do
        if [ -e "$p" ]; then
            fail "$name: $p is there"
            return
        fi
    done
    pass
}

for script in tests/cli/test_*"${2:-}"*.sh; do
    file=$(basename "$script" .sh)
    here=$work/$file
    mkdir -p "$here"
    cd "$here" || exit 1
    # shellcheck disable=SC1090
    . "$root/$script"
    cd "$root" || exit 1
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
