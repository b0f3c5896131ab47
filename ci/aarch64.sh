#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds for aarch64 and runs the unit tests and one seed of the kernel checks under qemu-user. Last line: N passed,
# N failed. What it unpacks and builds lies in build-aarch64; the machine's own packages stay as they are.
# Needs: mmdebstrap, gcc-aarch64-linux-gnu, qemu-user-static, a Debian mirror; root, so that the system runs arm64
# programs by itself (binfmt_misc), for Criterion starts each test as a process of its own.
# usage: ci/aarch64.sh [TESTS [KERNELS]]    only unit tests of a pattern ("tensor/*"), kernels with this in their names ("norm")
#   SUITE (bookworm), MIRROR (http://deb.debian.org/debian), JOBS (2)
set -u
cd "$(dirname "$0")/.."
build=$PWD/build-aarch64 filter=${1:-*} kernels=${2:-} jobs=${JOBS:-2}
root=$build/root
for program in mmdebstrap aarch64-linux-gnu-gcc qemu-aarch64-static; do
    command -v $program >/dev/null || { echo "ci/aarch64.sh: $program is wanted" >&2; exit 1; }
done
mkdir -p "$build"

packages=libc6-dev,libgcc-12-dev,libopenblas-openmp-dev,liblapacke-dev,libgfortran5,libgomp1,libpng-dev,libjpeg62-turbo-dev
packages=$packages,libwebp-dev,libgif-dev,libjansson-dev,zlib1g-dev,libcairo2-dev,libssl-dev,libcriterion-dev
if [ ! -d "$root/usr/lib/aarch64-linux-gnu/openblas-openmp" ]; then
    mmdebstrap --architectures=arm64 --variant=extract --include=$packages "${SUITE:-bookworm}" "$root" \
        "${MIRROR:-http://deb.debian.org/debian}" >"$build/root.log" 2>&1 || { tail -5 "$build/root.log" >&2; exit 1; }
fi

# The system starts arm64 programs by qemu: a handler for the first bytes of their ELF headers, while this script runs.
handlers=/proc/sys/fs/binfmt_misc
[ -e $handlers/register ] || mount -t binfmt_misc binfmt_misc $handlers
if ! grep -lqs '^interpreter.*qemu-aarch64' $handlers/*; then
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" >$handlers/register || exit 1
    trap 'echo -1 >$handlers/qemu-aarch64' EXIT
fi

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$PWD/ci/aarch64.cmake" \
    -DCM_SYSROOT="$root" >"$build/cmake.log" 2>&1 || { tail -20 "$build/cmake.log" >&2; exit 1; }
cmake --build "$build" -j "$jobs" --target cosmicman unit cm_check pages >"$build/build.log" 2>&1 ||
    { grep -E 'error|FAILED' "$build/build.log" | head -20 >&2; exit 1; }

# For qemu, and the arm64 programs that the tests start.
export QEMU_LD_PREFIX=$root LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu/openblas-openmp LC_ALL=C OMP_WAIT_POLICY=passive
passed=0 failed=0
"$build/unit" --jobs "$jobs" --filter "$filter" >"$build/unit.log" 2>&1
line=$(grep -a Synthesis "$build/unit.log" | tail -1 | sed 's/\x1b\[[0-9;]*m//g')
passed=$(echo "$line" | sed -n 's/.*Passing: *\([0-9]*\).*/\1/p')
tested=$(echo "$line" | sed -n 's/.*Tested: *\([0-9]*\).*/\1/p')
[ -n "$line" ] || { tail -20 "$build/unit.log" >&2; exit 1; }
failed=$((tested - passed))
echo "unit: $passed passed, $failed failed"
grep -aE '\[(FAIL|----|!!!!)\]' "$build/unit.log" | head -40

"$build/cm_check" --seed=1 "--kernel=$kernels" >"$build/check.log" 2>&1
line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$build/check.log" | tail -1)
[ -n "$line" ] || { tail -20 "$build/check.log" >&2; exit 1; }
echo "kernels: $line"
passed=$((passed + $(echo "$line" | sed 's/ passed.*//')))
failed=$((failed + $(echo "$line" | sed 's/.*passed, \([0-9]*\) failed.*/\1/')))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
