#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, with gcc and, where present, clang.
set -eu
cd "$(dirname "$0")/.."
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror -Wno-unused-function -I. -fsyntax-only -x c"
libraries=$(pkg-config --cflags cairo jansson openblas)
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    for h in $(git ls-files core metrics prompts harness reports tests | grep '\.h$'); do
        $cc $flags $libraries "$h" || echo "$h: does not compile alone with $cc"
    done
done 2>&1 | awk '{ print } END { exit NR > 0 }'
