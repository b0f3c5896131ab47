#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trains every nano model again, in order, each stage only from those before it: make nano.
# Stopped, it goes on where it was. Runs are kept in out/train; finished weights go to core/models/nano.
set -eu
cd "$(dirname "$0")/../../.."
nano=core/models/nano
export COSMICMAN_MODELS="$PWD/core/models" OMP_WAIT_POLICY=passive
train() { # NAME STAGE RECIPE WEIGHTS
    build/cosmicman train "$2" --recipe "$nano/recipes/$3.json" --out "out/train/$1" --weights "$4"
}
train vae vae vae $nano/vae
train clip clip clip $nano
train clip-vision clip clip-vision $nano
train parser parser parser $nano/parser
train features features features $nano/features
train unet-base unet unet-base $nano/unet-base
train unet-hq unet unet-hq $nano/unet-hq
train unet-daring unet unet-daring $nano/unet-daring
gates=0
check() { # a gate that does not hold (5) is in the card, and the others are measured all the same
    build/cosmicman train check "$@" --cards || gates=$?
    [ "$gates" -eq 0 ] || [ "$gates" -eq 5 ] || exit "$gates"
}
for part in vae clip features; do check --part $part; done
check --part parser --count 1024 # rare things decide which questions are asked
for arm in base hq daring; do check --model nano:$arm --part unet --count 512; done
exit $gates
