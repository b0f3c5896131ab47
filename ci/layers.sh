#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom. For each source file every #include "x/..." must name a folder that the file may see.
# Prints each breach; fails if there is one.
set -eu
cd "$(dirname "$0")/.."

# core's layers, from the bottom: a folder may include itself and those before it.
layers="base tensor io networks labels generator data train"

allowed() {
    case $1 in
        core/base/*) echo "core/base" ;;
        core/tensor/*) echo "core/base core/tensor" ;;
        core/ref/* | core/cuda/*) echo "core/base core/tensor $(dirname "$1")" ;;
        core/cpu/*) echo "core/base core/tensor core/cpu" ;;
        core/*)
            folder=${1#core/}
            folder=${folder%%/*}
            list=
            for l in $layers; do
                list="$list core/$l"
                [ "$l" = "$folder" ] && break
            done
            echo "$list" ;;
        prompts/*) echo "core prompts" ;;
        metrics/*) echo "core prompts metrics" ;;
        reports/*) echo "core/base core/io reports" ;;
        harness/cli/*) echo "core prompts metrics harness reports" ;;
        harness/*) echo "core prompts metrics harness" ;;
    esac
}

# only LIBRARY-PATTERN FILE: that library's headers appear in FILE, which is not their place
foreign() {
    sed -n "s/^#include <\($1[^>]*\)>.*/\1/p" "$2" | while read -r h; do echo "$2: <$h> does not belong here"; done
}

git ls-files core metrics prompts harness reports | grep -E '\.(c|h|cu)$' | while read -r f; do
    may=$(allowed "$f")
    sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f" | while read -r h; do
        ok=no
        for m in $may; do
            case $h in "$m"/*) ok=yes ;; esac
        done
        case $f in core/*) ;; *)
            case $h in core/ref/* | core/cpu/* | core/cuda/*) ok=no ;; esac ;;
        esac
        [ "$ok" = yes ] || echo "$f: must not include $h"
    done
    case $f in
        core/cpu/f32/f32.c | metrics/frechet.c | metrics/frechet_spectrum.c | metrics/dot_blocks.c | core/train/check*.c | harness/cli/doctor.c | harness/cli/machine.c) ;;
        *) foreign 'cblas\|lapacke\|openblas_config\|dnnl\|cuda' "$f" ;;
    esac
    case $f in core/io/* | harness/cli/doctor.c) ;; *) foreign 'png\|jpeglib\|zlib\|gif_lib\|webp' "$f" ;; esac
    case $f in core/data/people/* | harness/cli/doctor.c) ;; *) foreign 'cairo' "$f" ;; esac
done | sort -u | awk '{ print } END { exit NR > 0 }'
