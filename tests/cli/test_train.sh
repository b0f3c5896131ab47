# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# train: a few steps of real stages on a few people, going on after a stop, checks; wrong usage.
says "help" 0 "" "$cm" train --help
says "no stage" 2 "train wants vae" "$cm" train
says "unknown stage" 2 "none of vae.clip" "$cm" train vea
says "no folder" 2 "--out DIR" "$cm" train vae
says "no such recipe" 2 "'nothing' is no file and no recipe of" "$cm" train vae --recipe nothing --out "$work/t"
says "no such backend" 2 "backend: 'fast' is none of auto, ref" "$cm" train vae --backend fast --out "$work/t"
says "batch and workers" 2 "multiple of workers" "$cm" train vae --batch 3 --threads 2 --out "$work/t"
says "captions" 2 "none of poor, dense" "$cm" train unet --captions rich --out "$work/t"
says "hola on poor captions" 2 "needs dense" "$cm" train unet --captions poor --hola 1 --out "$work/t"
says "hola terms" 2 "none of both, mean, token" "$cm" train unet --captions dense --hola-terms all --out "$work/t"
says "check of an unknown part" 2 "none of all" "$cm" train check --part head
says "check of an unknown model" 2 "not like nano" "$cm" train check --part unet --model daring --count 8
says "a few steps" 0 "" "$cm" train vae --out "$work/vae" --steps 2 --batch 2 --people 4 --threads 2
says "and two more" 0 "step 2 of 4" "$cm" train vae --out "$work/vae" --steps 4 --batch 2 --people 4 --threads 2
[ -f "$work/vae/weights/diffusion_pytorch_model.safetensors" ] && pass || fail "no weights"
[ "$(grep -c '"kind":"step"' "$work/vae/train.jsonl")" -eq 2 ] && pass || fail "train.jsonl has not one line a session"
says "an arm with HOLA" 0 "" "$cm" train unet --recipe unet-daring --init "" --out "$work/arm" --steps 2 --batch 2 --people 4 --threads 2
