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
says "hola form" 2 "none of authors, paper, garments" "$cm" train unet --captions dense --hola-form all --out "$work/t"
says "check of an unknown part" 2 "none of all" "$cm" train check --part head
says "check of an unknown model" 2 "not like nano" "$cm" train check --part unet --model daring --count 8
says "a few steps" 0 "" "$cm" train vae --out "$work/vae" --steps 2 --batch 2 --people 4 --threads 2
says "and two more" 0 "step 2 of 4" "$cm" train vae --out "$work/vae" --steps 4 --batch 2 --people 4 --threads 2
[ -f "$work/vae/weights/diffusion_pytorch_model.safetensors" ] && pass || fail "no weights"
[ "$(grep -c '"kind":"step"' "$work/vae/train.jsonl")" -eq 2 ] && pass || fail "train.jsonl has not one line a session"
# A closed terminal (SIGHUP) is a polite stop as well: saved, and the same command goes on. (Under nohup it would be ignored.)
env --default-signal=HUP "$cm" train vae --people 8 --batch 2 --threads 1 --steps 5000 --out "$work/hup" >/dev/null 2>"$work/said" &
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

# An option's value is the command line's: exit 2, by the option's name, before a folder is made.
wrong_value() { says "train: --$1 $2" 2 "$3" "$cm" train "${4:-vae}" --out none "--$1" "$2"; }
wrong_value steps 0 '--steps: "steps" is 0, which is below 1'
wrong_value people 0 '--people: "people" is 0, not within 1 to'
wrong_value rate -1 '--rate: "rate" is -1.0, not within 0 to 100'
wrong_value hola -1 '--hola: "hola" is -1.0, not within' unet
wrong_value seed 18446744073709551615 '--seed: 18446744073709551615 is too large'
wrong_value vae nowhere '--vae: nowhere: no such folder, here or in .*core/models' unet
wrong_value init ./nowhere '--init: ./nowhere: no such folder'
mkdir bare
says "a folder of this place, not of core/models" 1 "[^/]./bare/config.json: No such file" "$cm" train unet --out none --vae bare
says "a check's option" 2 "--cards goes with train check" "$cm" train vae --out none --cards
says "a stage's option" 2 "--steps means nothing to train check" "$cm" train check --part vae --steps 3
says "a stage's folder" 2 "--out means nothing to train check" "$cm" train check --part vae --out none
absent "nothing was made of these but the run's folder" none/train.jsonl none/weights
few="--batch 2 --people 4 --threads 1"
cp -r "$tiny/vae" other && sha256sum other/* >before
says "weights over another network's" 2 'other: holds the weights of another network .*, which would be lost' "$cm" train vae --out over --steps 1 $few --weights other
holds "which stay" sha256sum -c --quiet before
touch file
says "weights into a file" 2 "file: is a file; weights go to a folder" "$cm" train vae --out over --steps 1 $few --weights file
absent "before a step is made" over/train.jsonl
cp -r "$root/core/models/nano/vae" ours
says "weights over the same network's" 0 "" "$cm" train vae --out again --steps 1 $few --weights ours
says "the same once more" 0 "nothing is left to do: 1 steps are done, 1 are asked for in all" "$cm" train vae --out again --steps 1 $few --weights ours
holds "without a warning" sh -c "! grep -q warning '$work/err'"
says "going on with others" 0 'warning: again: goes on with another "people": 6 from here on, 4 before' \
    "$cm" train vae --out again --steps 2 --batch 2 --people 6 --threads 1 --weights ours
says "a model of another part" 2 "--model goes with --part unet or all" "$cm" train check --part vae --count 8 --model nano:hq

# What HOLA can reach, and for which groups the maps are too coarse.
prints "HOLA's floor" "at the least 0.0" "$cm" train hola-floor --recipe unet-daring --count 40
prints "groups that are left out" "belts .*left out" "$cm" train hola-floor --recipe unet-daring --hola-form garments --hola-factor 8 --count 100
says "a floor without a recipe" 2 "says which setting" "$cm" train hola-floor
says "a floor's option" 2 "threads means nothing to train hola-floor" "$cm" train hola-floor --recipe unet-daring --threads 2
says "a factor without a layer" 2 "no cross-attention layer has 1/32 of the sides of 64x96" "$cm" train unet --recipe unet-daring --init "" --hola-factor 32 --out "$work/no" --steps 1 --batch 2 --people 2 --threads 1

# Any key of a recipe from the command line.
prints "a key that is set" "HOLA at the least 0.00000" "$cm" train hola-floor --recipe unet-daring --count 20 --set hola_targets=shared --set hola_phrases='["tops","bottoms"]'
says "a key that there is not" 2 'train: --set: unknown key .hola_target.; the closest is .hola_targets' "$cm" train hola-floor --recipe unet-daring --set hola_target=shared
says "a key without a value" 2 "'hola' is not KEY=VALUE" "$cm" train unet --out "$work/no" --set hola
says "a key of another kind" 2 '--set: "steps" is "many"' "$cm" train unet --out "$work/no" --set steps=many

# A gate that does not hold ends a check with 5; cards are written where asked only.
mkdir -p models/nano && cp -r ours models/nano/vae && sha256sum models/nano/vae/card.json >before
check_bad() { COSMICMAN_MODELS=$PWD/models "$cm" train check --part vae --count 8 "$@"; }
check_bad >said 2>/dev/null
[ $? -eq 5 ] && pass || fail "the check of a bad autoencoder does not end with 5"
holds "and says so" grep -q "least 27  DOES NOT HOLD" said
holds "its card stays" sha256sum -c --quiet before
check_bad --cards >said 2>told
[ $? -eq 5 ] && pass || fail "with cards, another status"
holds "which file has it is told" grep -q "the criteria of vae and their results are in .*models/nano/vae/card.json" told
holds "and it has it" grep -q '"holds": false' models/nano/vae/card.json
