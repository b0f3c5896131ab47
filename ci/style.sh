#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules a few lines of shell can check. Prints each breach; fails if there is one.
set -eu
cd "$(dirname "$0")/.."

{
    for f in $(git ls-files core metrics prompts harness reports tests | grep -E '\.(c|h|cu)$'); do
        head -1 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f: no SPDX line"
        [ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at the end"
    done
    git grep -nP '\t' -- '*.c' '*.h' | cut -d: -f1,2 | sed 's/$/: tab/' || true
    git grep -nE ' +$' -- '*.c' '*.h' '*.sh' | cut -d: -f1,2 | sed 's/$/: trailing blank/' || true
    git ls-files '*.c' '*.h' | grep -v '_tables\.c$' | LC_ALL=C.UTF-8 xargs grep -nE '^.{121}' |
        cut -d: -f1,2 | sed 's/$/: longer than 120/' || true
    # One layout for all, where the clang-format that it was made with is installed; others break lines differently.
    if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
        git ls-files '*.c' '*.h' | grep -v '_tables\.c$' | xargs clang-format --dry-run 2>&1 | grep -o '^[^ :]*:[0-9]*' | sort -u |
            sed 's/$/: clang-format would lay it out differently/'
    fi
    git grep -nE '\b(TODO|FIXME|XXX)\b|#if 0' -- '*.c' '*.h' || true
    git grep -nE 'ffast-math|Ofast' -- CMakeLists.txt '*/CMakeLists.txt' || true
    # No exit or printing below the command line; strto* with end checks instead of ato*.
    git grep -nE '(^|[^a-z_])(exit|abort|printf|puts|perror)\(' -- 'core/*.c' 'metrics/*.c' 'prompts/*.c' 'reports/*.c' \
        'harness/*.c' ':!harness/cli/*' | grep -v '^core/base/progress.c' || true
    git grep -nE '\b(atoi|atof|atol|strcpy|strcat|sprintf|gets)\(' -- '*.c' || true
    # File names are unique in the tree.
    git ls-files core metrics prompts harness reports tests | grep -E '\.(c|h)$' | sed 's|.*/||' | sort | uniq -d |
        sed 's/$/: two files of this name/'
    # Weights stay small.
    git ls-files 'core/models/*.safetensors' | xargs -r stat -c %s 2>/dev/null |
        awk '{ s += $1 } END { if (s > 24 * 1048576) printf "core/models: %.1f MiB of weights, more than 24\n", s / 1048576 }'
} | awk '{ print } END { exit NR > 0 }'
