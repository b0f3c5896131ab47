# SPDX-License-Identifier: Apache-2.0
# cosmicman export: a folder that draws the same.
draw() { "$cm" generate -q --prompt "red shirt" --width 64 --height 64 --steps 2 --threads 1 --cfg 3 "$@"; }

# same NAME MODEL FOLDER [OPTION OF EXPORT]...: FOLDER, exported from MODEL, draws what MODEL draws
same() {
    local name=$1 model=$2 folder=$3
    shift 3
    prints "$name: exported" "^$folder$" "$cm" export --model "$model" --out "$folder" "$@"
    says "$name: the source draws" 0 "" draw --model "$model" --out a.png --save-latents a.st --weights-seed 3
    says "$name: the copy draws" 0 "" draw --model "$folder" --out b.png --save-latents b.st
    holds "$name: the same latents" cmp a.st b.st
}

same "a folder" "$tiny" copy
same "its copy, over an empty folder" copy "$(mkdir empty && echo empty)"
same "two text towers" "$root/tests/golden/pipeline/xl" xl
same "the refiner" "$tiny/../refiner" refiner
holds "the refiner's tower is the second" sh -c "test -s refiner/text_encoder_2/config.json && test -s refiner/tokenizer_2/vocab.json && test ! -e refiner/text_encoder"
holds "its index says what it is" grep -q '"StableDiffusionXLImg2ImgPipeline"' refiner/model_index.json
holds "and what it asks for" grep -q '"requires_aesthetics_score": true' refiner/model_index.json
same "trained weights" nano:hq hq
holds "its text tower gives hidden states first, as diffusers wants" sh -c "grep -q '\"CLIPTextModel\"' hq/model_index.json &&
    grep -q '\"CLIPTextModel\"' hq/text_encoder/config.json && ! grep -q text_projection hq/text_encoder/model.safetensors"
holds "XL's second keeps its projection" grep -q text_projection xl/text_encoder_2/model.safetensors
same "weights that are f16, as f16" nano:hq hq16 --type f16
same "random weights" random:nano random --seed 3
same "a slash at the end" "$tiny" slash && rm -r slash
holds "random weights are half as long in bf16" sh -c "'$cm' export --model random:nano --seed 3 --type bf16 --out half >/dev/null &&
    test \$(du -sb half/unet | cut -f 1) -lt \$(du -sb random/unet | cut -f 1)"
says "and open" 0 "" draw --model half --out half.png
holds "a second tower has its tokenizer" test -s xl/tokenizer_2/vocab.json
says "a size of its own" 0 "" "$cm" generate -q --model hq --prompt a --steps 1 --out size.png
holds "is 64x96, as the source's" sh -c "head -c 24 size.png | tail -c 8 | od -An -tx1 | grep -q '00 00 00 40 00 00 00 60'"
holds "the index names the pipeline" grep -q '"StableDiffusionXLPipeline"' xl/model_index.json
prints "a single file" "^single$" "$cm" export --model "$tiny/../single.safetensors" --config "$tiny" --out single
says "what it was made from draws" 0 "" draw --model "$tiny" --out a.png --save-latents a.st
says "and it" 0 "" draw --model single --out b.png --save-latents b.st
holds "the same latents" cmp a.st b.st
says "another UNet" 0 "" "$cm" export --model "$tiny" --unet "$tiny/unet" --out other
holds "no unfinished files" test -z "$(find . -name '*.part')"

says "no model" 2 "wants --model" "$cm" export --out x
says "no folder" 2 "wants --out" "$cm" export --model "$tiny"
says "unknown type" 2 "'f8' is none of f32, f16, bf16" "$cm" export --model "$tiny" --type f8 --out x
says "unknown model" 2 "no model 'nano:darling'" "$cm" export --model nano:darling --out x
says "a folder that is not empty" 2 "copy: is there already" "$cm" export --model "$tiny" --out copy
says "a folder named as a file" 2 "--out: x.safetensors: a folder is written, not one file" "$cm" export --model "$tiny" --out x.safetensors
says "a scoring network's UNet" 2 "--unet means nothing to random:inception-2015-12-05" "$cm" export --model random:inception-2015-12-05 --unet x --out x
says "configurations beside a folder's own" 2 "--config goes with a single-file model" "$cm" export --model "$tiny" --config "$tiny" --out x
says "a seed of weights that are there" 0 "warning: --seed changes nothing: only a random: model" "$cm" export --model "$tiny" --seed 4 --out seeded
touch file
says "a file" 2 "file: is a file" "$cm" export --model "$tiny" --out file
says "below a file" 1 "file" "$cm" export --model "$tiny" --out file/x
says "where nothing can be written" 1 "" "$cm" export --model "$tiny" --out /proc/nowhere/x
says "a disk that is full" 1 "cannot write" sh -c "ulimit -f 16; trap '' XFSZ; '$cm' export --model '$tiny' --out x"
absent "nothing of these" x x.part file.part copy.part
