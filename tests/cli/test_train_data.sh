# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# train --data: a folder of labelled people; what is wrong in it is told before a step is made, and what is trained is kept.
"$cm" data people --count 6 --seed 5 --out people -q
few="--batch 2 --threads 1 --steps 2"
vae() { "$cm" train vae $few "$@"; }
unet() { "$cm" train unet --recipe unet-daring --init "" $few "$@"; }
says "an autoencoder" 0 "" vae --data people --out vae
holds "with the data in its card" sh -c "grep -q '\"data\": \"people\"' vae/weights/card.json && grep -q '\"labels\": \"$(sha256sum <people/labels.jsonl | cut -c1-64)' vae/weights/card.json"
says "fewer people than a batch" 2 "labels.jsonl: 6 people; a batch has 8" vae --batch 8 --data people --out none
says "a number that is no multiple" 0 "the first 4 of 6 people are trained on: a multiple of the batch" vae --people 5 --data people --out five
says "an arm with HOLA" 0 "" unet --data people --out arm
says "its latents from a cache" 0 "the latents of 6 people are made once" unet --data people --cache cache --out arm2
says "which is found again" 0 "starts at step" unet --data people --cache cache --out arm3
holds "and is not made again" sh -c "! grep -q 'are made once' '$work/err'"
holds "with the same weights" cmp arm2/weights/diffusion_pytorch_model.safetensors arm3/weights/diffusion_pytorch_model.safetensors
cp -p people/images/000000.png kept.png && touch -r kept.png time
cp people/images/000001.png people/images/000000.png && touch -r time people/images/000000.png
says "another picture with the old one's time" 0 "the latents of 6 people are made once" unet --data people --cache cache --out arm4
cp kept.png people/images/000000.png
says "stages that take no data" 2 '"data" means nothing to stage parser .it is read by: vae unet.' "$cm" train parser --data people --out none
says "the simple world" 2 "simple: goes with drawn people" vae --data people --simple --out none

# Own data: pictures and texts, no maps.
mkdir -p own/images && cp people/images/00000[01].png own/images
cat >own/labels.jsonl <<'END'
{"id": "000000", "alt_text": "a woman in a hat", "description": "A woman wearing a red t-shirt and blue jeans.", "phrases": [{"name": "tops", "text": "red t-shirt"}, {"name": "bottoms", "text": "blue jeans"}]}
{"id": "000001", "alt_text": "a man", "description": "black shoes", "phrases": [{"group": 9, "begin": 0, "end": 11}]}
END
says "poor captions" 0 "" unet --recipe unet-base --data own --out poor
says "dense ones without maps" 0 "HOLA is not measured: not all of own/labels.jsonl have maps" unet --hola 0 --data own --out dense
says "HOLA without maps" 1 "own/labels.jsonl:1: classes: own/classes/000000.png is not there" unet --data own --out none

# What is wrong is told with file and line, before a run begins.
wrong() { # NAME TEXT STATUS; the folder is bad
    says "$1" "$3" "$2" unet --data bad --out none
    absent "$1: nothing is begun" none/train.jsonl none/weights
    rm -rf bad && cp -r people bad
}
cp -r people bad
rm bad/classes/000003.png && wrong "a map that is not there" "bad/labels.jsonl:4: classes: bad/classes/000003.png is not there" 1
rm bad/images/000004.png && wrong "a picture that is not there" "bad/labels.jsonl:5: image: bad/images/000004.png is not there" 1
sed -i '3s/"group":2,/"group":22,/' bad/labels.jsonl && wrong "an unknown group" "bad/labels.jsonl:3: phrase 4: group 22: groups are 0 to 19" 1
sed -i '2s/"id":"000001"/"id":"000000"/' bad/labels.jsonl && wrong "an id twice" 'bad/labels.jsonl:2: the id "000000" stands in line 1 already' 1
sed -i '2s/"id":"000001"/"id":"..\/x"/' bad/labels.jsonl && wrong "an id that leads out" 'bad/labels.jsonl:2: the id "../x" leads out of the folder' 1
sed -i '2s/"end":16/"end":17/' bad/labels.jsonl && wrong "a span beside its text" "bad/labels.jsonl:2: phrase 1: bytes 0 to 17 of the description are" 1
printf '{"id": \n' >>bad/labels.jsonl && wrong "no JSON" "bad/labels.jsonl:7: not JSON" 1
: >bad/labels.jsonl && wrong "nobody" "bad/labels.jsonl is empty: nobody is in it" 2
rm bad/labels.jsonl && wrong "no data set" "bad is no data set: it has no labels.jsonl" 2
rm -r bad && wrong "no folder" "bad: no such folder" 2
says "another size" 1 "people/labels.jsonl:1: 64x96; the recipe's width x height is 32x48" vae --recipe <(sed 's/"width": 64, "height": 96/"width": 32, "height": 48/' "$root/core/models/nano/recipes/vae.json") --data people --out none

# What is in a file shows when it is read.
rm -rf bad && cp -r people bad && cp bad/classes/000003.png whole.png && cp bad/images/000003.png bad/classes/000003.png
says "a map that is a picture" 1 "bad/labels.jsonl:4: bad/classes/000003.png: " unet --data bad --out late

# Where a step cannot be made, what was trained before it is saved, and the mended folder goes on.
long="--batch 2 --threads 1 --people 6 --steps 6 --data bad"
rm -rf bad && cp -r people bad && printf 'GIF8' >bad/images/000001.png
says "a picture that is broken" 1 "step 3: bad/labels.jsonl:2: bad/images/000001.png: .*; step 2 is saved, and the same command continues" "$cm" train vae $long --out late
holds "and is recorded" grep -q '"kind":"stop","step":2,"why":"step 3: bad/labels.jsonl:2' late/train.jsonl
cp people/images/000001.png bad/images
says "goes on when it is mended" 0 "continues at step 2 of 6" "$cm" train vae $long --out late
says "the same folder elsewhere" 0 "continues at step 6 of 8" "$cm" train vae --batch 2 --threads 1 --people 6 --steps 8 --data people --out late
prints "what HOLA can reach on it" "hair  *6 " "$cm" train hola-floor --recipe unet-daring --data people --count 6
sha256sum late/checkpoint.safetensors >before
says "a disk that is full" 1 "late/checkpoint.safetensors: cannot write: " bash -c "trap '' XFSZ; ulimit -f 16; exec \"\$@\"" full \
    "$cm" train vae --batch 2 --threads 1 --people 6 --steps 9 --data people --out late
holds "leaves the checkpoint whole" sha256sum -c --quiet before
says "other people" 2 "checkpoint.safetensors: was trained on people of a folder, not on drawn ones; give its --data" "$cm" train vae --batch 2 --threads 1 --people 6 --steps 9 --out late
head -c 5000 late/checkpoint.safetensors >half && cp half late/checkpoint.safetensors
says "half a checkpoint" 1 "late/checkpoint.safetensors: truncated" "$cm" train vae --batch 2 --threads 1 --people 6 --steps 9 --data people --out late
holds "which stays as it was" cmp half late/checkpoint.safetensors
