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
# A closed terminal (SIGHUP) is a polite stop as well: saved, and the same command goes on.
"$cm" train vae --people 8 --batch 2 --threads 1 --steps 5000 --out "$work/hup" >/dev/null 2>"$work/said" &
pid=$!
for _ in $(seq 100); do
    [ -s "$work/hup/train.jsonl" ] && break
    sleep 0.1
done
sleep 0.5
says "a second trainer" 2 "hup is in use: another cosmicman is writing here .process $pid." "$cm" train vae --people 8 --batch 2 --threads 1 --steps 5000 --out "$work/hup"
kill -HUP $pid
wait $pid
[ $? -eq 129 ] && pass || fail "not ended as by SIGHUP"
holds "it says where it stopped" grep -q "stopped at step [0-9]* of 5000; the same command continues" "$work/said"
holds "a checkpoint is there, and nothing half-written" test -s "$work/hup/checkpoint.safetensors" -a -z "$(find "$work/hup" -name '.cosmicman*')"
step=$(sed -n 's/.*stopped at step \([0-9]*\) of.*/\1/p' "$work/said")
says "it goes on" 0 "continues at step $step of" "$cm" train vae --people 8 --batch 2 --threads 1 --steps $((step + 1)) --out "$work/hup"
says "an arm with HOLA" 0 "" "$cm" train unet --recipe unet-daring --init "" --out "$work/arm" --steps 2 --batch 2 --people 4 --threads 2
