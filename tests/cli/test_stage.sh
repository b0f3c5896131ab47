# SPDX-License-Identifier: Apache-2.0
# cosmicman stage: one stage on given inputs.
# zeros FILE NAME SHAPE COUNT...: a safetensors file of f32 zeros
zeros() {
    local file=$1 header="" at=0
    shift
    while [ $# -gt 0 ]; do
        header="$header${header:+,}\"$1\":{\"dtype\":\"F32\",\"shape\":[$2],\"data_offsets\":[$at,$((at + 4 * $3))]}"
        at=$((at + 4 * $3))
        shift 3
    done
    header="{$header}"
    { printf "\\$(printf %o $((${#header} % 256)))\\$(printf %o $((${#header} / 256)))\\0\\0\\0\\0\\0\\0%s" "$header"; head -c $at /dev/zero; } >"$file"
}

# runs N OPTION...: a stage that is asked N times
runs() {
    local n=$1
    shift
    for _ in $(seq "$n"); do echo run; done | "$cm" stage --threads 1 "$@"
}
zeros unet.st latents 2,4,8,8 512 timestep 2 2 text 2,77,32 4928
zeros xl.st latents 2,4,8,8 512 timestep 2 2 text 2,77,40 6160 pooled 2,12 24 sizes 2,6 12
prints "a UNet step" '^\{"seconds": [0-9.]+, "peak_rss_mb": [0-9.]+\}$' runs 2 --model "$tiny" --stage unet --in unet.st --out noise.st
holds "a line when ready and one a run" test "$(wc -l <"$work/out")" -eq 3
holds "its noise" grep -aq '"noise".*\[2,4,8,8\]' noise.st
says "on ref" 0 "" runs 1 --model "$tiny" --stage unet --in unet.st --out ref.st --backend ref
prints "a lean UNet step" seconds runs 2 --model "$tiny" --stage unet --in unet.st --out lean.st --lean
holds "lean noise is the same" cmp noise.st lean.st
prints "a UNet step with added conditions" seconds runs 1 --model "$root/tests/golden/pipeline/xl" --stage unet --in xl.st --out xl_noise.st
says "latents" 0 "" "$cm" generate -q --prompt a --model "$tiny" --width 64 --height 64 --steps 1 --out a.png --save-latents a.st
prints "a decoder" seconds runs 1 --model "$tiny" --stage decode --in a.st --out pixels.st
prints "a lean decoder" seconds runs 1 --model "$tiny" --stage decode --in a.st --out lean_pixels.st --lean
holds "lean pixels are the same" cmp pixels.st lean_pixels.st
holds "its pixels" grep -aq '"pixels".*\[1,3,64,64\]' pixels.st
prints "a scoring network with random weights" '^fid$' "$cm" export --model random:inception-2015-12-05 --type bf16 --out fid
zeros faces.st pixels 1,3,299,299 268203
prints "its features" seconds runs 1 --model fid --stage inception --in faces.st --out features.st
holds "as many as FID has" grep -aq '"features".*\[1,2048\]' features.st
says "as another network" 1 "inception-torchvision .1000 classes, torchvision.s inception_v3.: fid: weights 2 of another shape: fc.weight is \[1008,2048\], not \[1000,2048\]" runs 1 \
    --model fid --stage inception-torchvision --in faces.st --out x.st
says "latents are no pictures" 1 "a.st: no tensor 'pixels'" runs 1 --model fid --stage inception --in a.st --out x.st
zeros small.st pixels 1,3,64,64 12288
says "small pictures" 1 "small.st: 'pixels' has 64 in dimension 2, not 299" runs 1 --model fid --stage inception --in small.st --out x.st
says "over another" 2 "fid/model.safetensors: is there already" "$cm" export --model random:inception-2015-12-05 --out fid
rm -r fid
says "no stage" 2 "wants --stage" "$cm" stage --model "$tiny" --in a.st --out x.st
says "unknown stage" 2 "'text' is none of unet, decode, inception" "$cm" stage --model "$tiny" --stage text --in a.st --out x.st
says "no such folder" 2 "nowhere/unet: no such folder" "$cm" stage --model nowhere --stage unet --in unet.st --out x.st
says "no text" 1 "a.st: no tensor 'timestep'" "$cm" stage --model "$tiny" --stage unet --in a.st --out x.st
says "no pooled text" 1 "unet.st: 'text' has 32 in dimension 2, not 40" "$cm" stage --model "$root/tests/golden/pipeline/xl" --stage unet --in unet.st --out x.st
says "a word it does not know" 2 "understands 'run', not 'walk'" sh -c "echo walk | '$cm' stage --model '$tiny' --stage unet --in unet.st --out x.st"
says "a model of two sets" 2 "--model means nothing to --stage kid, which asks no network" "$cm" stage --model "$tiny" --stage kid --in a.st --out x.st
touch file
says "inputs that are no safetensors" 1 "file" "$cm" stage --model "$tiny" --stage unet --in file --out x.st
absent "no output of these" x.st x.st.part
