#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trains the arms of docs/DARING.md's experiments, one after another: experiments.sh [NAME...], all without a name.
# Stopped, it goes on where it was. Runs are kept in out/daring/NAME; the latents of all people are made once for all of them.
# CM: the program. One worker each, so that the arms of a pair see the same order of sums.
set -eu
cd "$(dirname "$0")/../../.."
cm=${CM:-build/cosmicman} recipes=core/models/nano/recipes out=out/daring
export COSMICMAN_MODELS="${COSMICMAN_MODELS:-$PWD/core/models}" OMP_WAIT_POLICY=passive
garments="--hola 0.1 --hola-form garments --hola-factor 8"

# NAME: what it changes of the recipe unet-hq
list() {
    for s in 1 2 3; do
        echo "hq-5000-$s --seed $s --steps 5000"
        echo "garments-5000-$s --seed $s --steps 5000 $garments"
        echo "worn-5000-$s --seed $s --steps 5000 $garments --set hola_least_share=0"
        echo "audit-5000-$s --seed $s --steps 5000 $garments --set hola_least_share=0 --set hola_masks=bilinear --set hola_keep_empty=true"
    done
    for s in 1 2; do
        for steps in 500 1000 2000; do
            echo "hq-$steps-$s --seed $s --steps $steps"
            echo "garments-$steps-$s --seed $s --steps $steps $garments"
        done
        echo "shared-2000-$s --seed $s --steps 2000 $garments --set hola_targets=shared"
        echo "both-sizes-2000-$s --seed $s --steps 2000 $garments --set hola_factor=[8,16]"
        for weight in 0.03 0.3 1; do echo "weight-$weight-2000-$s --seed $s --steps 2000 $garments --set hola=$weight"; done
        echo "first-third-2000-$s --seed $s --steps 2000 $garments --set hola_end=0.333"
        echo "noise-2000-$s --seed $s --steps 2000 $garments --set hola_least_t=400"
        echo "hq-seen-2000-$s --seed $s --steps 2000 --set pairs=seen"
        echo "garments-seen-2000-$s --seed $s --steps 2000 $garments --set pairs=seen"
        echo "hq-contrast-2000-$s --seed $s --steps 2000 --text-encoder ./out/daring/contrast/weights/text_encoder"
        echo "garments-contrast-2000-$s --seed $s --steps 2000 $garments --text-encoder ./out/daring/contrast/weights/text_encoder"
        echo "hq-10000-$s --seed $s --steps 10000"
        echo "garments-10000-$s --seed $s --steps 10000 $garments"
    done
}

train() { # the words of one line
    name=$1
    shift
    case $name in *-contrast-*)
        $cm train clip --recipe $recipes/clip.json --set naming=0 --set contrast=1 --threads 1 --out $out/contrast ;;
    esac
    [ -f "$out/$name/weights/diffusion_pytorch_model.safetensors" ] && [ -f "$out/$name/done" ] && return
    # shellcheck disable=SC2086 # words are options
    $cm train unet --recipe $recipes/unet-hq.json --set fresh_captions=true --cache $out/cache --threads 1 "$@" --out "$out/$name"
    touch "$out/$name/done"
}

mkdir -p $out
if [ "${1-}" = --list ]; then list; exit; fi
for one in ${*:-$(list | cut -d' ' -f1)}; do
    line=$(list | grep "^$one ") || { echo "experiments.sh: no arm '$one'; --list names them" >&2; exit 2; }
    # shellcheck disable=SC2086
    train $line
done
