#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: prints each breach, fails if there is one.
#
#   1. The folders below are in an order, from the bottom: a file includes its own folder and those before it.
#   2. Some see less than that (`sees`), and core's kernels (ref, cpu, cuda) are seen by nobody outside core.
#   3. No circle of files. NAME.c, NAME.h and NAME_parts.h (what the files of NAME share, seen by no one else) are one.
#   4. A library's headers appear in the files that are its place.
set -eu
cd "$(dirname "$0")/.."

# harness/: attention and arms make images, suite says which, records keep what was seen, scores are made of records
# alone; speed times, run does all of it, verify holds a folder against its records, cli are the commands.
order="core/base core/tensor core/ref core/cpu/simd core/cpu/f32 core/cpu/blas core/cpu/bf16 core/cpu/int8 core/cpu core/cuda
    core/io core/networks core/labels core/generator core/api core/data/people core/data/labelled core/train
    prompts metrics reports
    harness/attention harness/arms harness/suite harness/records harness/scores harness/speed harness/run
    harness/verify harness/cli"

git ls-files core metrics prompts harness reports | grep -E '\.(c|h|cu)$' | xargs grep -n '^#include [<"]' /dev/null |
awk -v order="$order" '
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function unit_of(path) { sub(/\.[^.\/]*$/, "", path); sub(/_parts$/, "", path); return path }
function breach(line) { bad = 1; print line | "sort -u" }

# Of folders that see less than all before them: what a path must begin with.
function sees(folder) {
    if (folder ~ /^core\/(ref|cuda)$/) return "^(core/(base|tensor)|" folder ")/"
    if (folder ~ /^core\/cpu/) return "^core/(base|tensor|cpu)/"
    if (folder == "prompts") return "^(core|prompts)/"
    if (folder == "reports") return "^(core/base|core/io|reports)/"
    if (folder ~ /^harness/ && folder != "harness/cli") return "^(core|prompts|metrics|harness)/"
    return "."
}

# Which files may have a header of this library; "": no library that is held to a place.
function place_of(header) {
    if (header ~ /^(cblas|lapacke|openblas_config|dnnl|cuda)/)
        return "^core/cpu/f32/f32\\.c$|^core/cpu/blas/|^metrics/(frechet|frechet_spectrum|dot_blocks)\\.c$|" \
               "^core/train/check.*\\.c$|^harness/cli/(doctor|machine)\\.c$"
    if (header ~ /^(png|jpeglib|zlib|gif_lib|webp)/) return "^core/io/|^harness/cli/doctor\\.c$"
    if (header ~ /^cairo/) return "^core/data/people/|^harness/cli/doctor\\.c$"
    return ""
}

function check_folder(file, header,    from, to) {
    from = folder_of(file)
    to = folder_of(header)
    if (!(from in rank)) breach(file ": its folder has no place in the order of ci/layers.sh")
    else if (!(to in rank)) breach(file ": includes " header ", whose folder has no place in the order")
    else if (rank[to] > rank[from]) breach(file ": includes " header ", which is above it")
    else if (header !~ sees(from)) breach(file ": must not include " header)
    else if (from !~ /^core\// && to ~ /^core\/(ref|cpu|cuda)/) breach(file ": must not include " header)
}

function note_edge(file, header,    a, b) {
    a = unit_of(file)
    b = unit_of(header)
    if (a == b || ((a, b) in edge)) return
    edge[a, b] = 1
    uses[a] = uses[a] " " b
    open[a]++
    if (!(b in open)) open[b] = 0
    users[b] = users[b] " " a
}

# Takes away what uses nothing that is left, again and again; of what then stays, what nobody uses. The rest is circles.
function strip(count, neighbours,    u, n, list, i, again) {
    do {
        again = 0
        for (u in count) {
            if ((u in gone) || count[u] > 0) continue
            gone[u] = again = 1
            n = split(neighbours[u], list, " ")
            for (i = 1; i <= n; i++) count[list[i]]--
        }
    } while (again)
}

function find_circles(    u, n, list, i) {
    strip(open, users)
    for (u in open) {
        n = split(uses[u], list, " ")
        if (u in gone) continue
        used[u] += 0
        for (i = 1; i <= n; i++) if (!(list[i] in gone)) used[list[i]]++
    }
    strip(used, uses)
    for (u in open) {
        n = split(uses[u], list, " ")
        for (i = 1; i <= n; i++)
            if (!(u in gone) && !(list[i] in gone)) breach(u " includes " list[i] ": in a circle of files")
    }
}

BEGIN {
    n = split(order, folders, " ")
    for (i = 1; i <= n; i++) rank[folders[i]] = i
}

{
    file = $0
    sub(/:.*/, "", file)
    header = $0
    sub(/^[^<"]*[<"]/, "", header)
    sub(/[>"].*/, "", header)
    if ($0 ~ /:#include "/) {
        check_folder(file, header)
        note_edge(file, header)
    } else if (place_of(header) != "" && file !~ place_of(header)) breach(file ": <" header "> does not belong here")
}

END {
    find_circles()
    close("sort -u")
    exit bad
}'
