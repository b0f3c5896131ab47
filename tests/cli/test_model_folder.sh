# SPDX-License-Identifier: Apache-2.0
# Damaged model folders: one clear line each, and no picture.
unet=unet/diffusion_pytorch_model.safetensors

# broken NAME TEXT EDIT: a copy of the tiny model after EDIT (a shell command run in it) fails and says TEXT
broken() {
    rm -rf model
    cp -r "$tiny" model
    (cd model && eval "$3")
    says "$1" 1 "$2" "$cm" generate --model model --prompt a --width 64 --height 64 --steps 1 --threads 1 --out none.png
}

broken "a part is missing" "model/vae: this part of the model is missing" "rm -r vae"
broken "a configuration is missing" "unet/config.json" "rm unet/config.json"
broken "weights are missing" "unet" "rm $unet"
broken "malformed configuration" "unet/config.json" "echo '{' >unet/config.json"
broken "a truncated file" "safetensors.*(ends|truncated|short|beyond|bytes)" "truncate -s -100 $unet"
broken "a file of a few bytes" "safetensors" "printf abc >$unet"
broken "an empty file" "safetensors" ": >$unet"
broken "a header of 2 GB" "safetensors.*header" "printf '\\377\\377\\377\\177\\0\\0\\0\\0' | dd of=$unet conv=notrunc status=none"
broken "a header that is not JSON" "safetensors" "printf 'x' | dd of=$unet bs=1 seek=8 conv=notrunc status=none"
broken "a missing tensor" "conv_out.bias" "sed -i 's/\"conv_out.bias\"/\"conv_ouT.bias\"/' $unet"
broken "a wrong shape" "(conv_in.weight|shape)" "sed -i 's/\"in_channels\": 4/\"in_channels\": 9/' unet/config.json"
broken "overlapping tensors" "(overlap|gap|offset)" "sed -i 's/\[16,592\]/[14,590]/' $unet"
# The last two bytes are a weight in f16: 7e00 is not a number.
broken "a NaN weight" "(NaN|not a number|finite)" "truncate -s -2 $unet && printf '\\000\\176' >>$unet"
broken "an infinite weight" "(inf|not a number|finite)" "truncate -s -2 $unet && printf '\\000\\174' >>$unet"
broken "an unknown block" "NoBlock2D" "sed -i '0,/\"CrossAttnDownBlock2D\"/s//\"NoBlock2D\"/' unet/config.json"
broken "parts that do not fit" "(cross-attention wants|shape|attn2)" "sed -i 's/\"cross_attention_dim\": 32/\"cross_attention_dim\": 48/' unet/config.json"
broken "an unknown spacing" "timestep_spacing 'cubic'" "sed -i 's/\"leading\"/\"cubic\"/' scheduler/scheduler_config.json"
broken "an unknown prediction" "prediction_type 'flow'" "sed -i 's/\"epsilon\"/\"flow\"/' scheduler/scheduler_config.json"
broken "a sampler setting of a wrong type" "\"thresholding\" is 1, not true or false" "sed -i 's/\"thresholding\": false/\"thresholding\": 1/' scheduler/scheduler_config.json"
broken "a misspelled sampler setting" "unknown key \"thresholdin\"; the closest is \"thresholding\"" "sed -i 's/\"thresholding\": false/\"thresholdin\": true/' scheduler/scheduler_config.json"
broken "a scheduler that we lack" "there is no LCMScheduler here; --sampler" "sed -i 's/DDIMScheduler/LCMScheduler/' scheduler/scheduler_config.json"
broken "no vocabulary" "vocab.json" "rm tokenizer/vocab.json"
broken "malformed merges" "merges.txt" "echo 'a b c' >>tokenizer/merges.txt"
broken "a refiner's sizes and a base's UNet" "requires_aesthetics_score false" "rm -r * && cp -r '$tiny'/../refiner/* . && sed -i 's/\(aesthetics_score\": \)true/\1false/' model_index.json"
broken "half a second text encoder" "tokenizer_2: this part" "mkdir text_encoder_2"
says "a folder that is no model" 2 "no diffusers folder" "$cm" generate --model . --prompt a --out none.png
absent "no picture of all these" none.png none.png.part

# Single files in the original layout.
pipeline=$tiny/..
one() { "$cm" generate --prompt a --width 64 --height 64 --steps 2 --threads 1 --seed 3 "$@"; }
says "a single file" 0 "" one --model "$pipeline/single.safetensors" --config "$tiny" --out single.png --save-latents single.st
says "its folder" 0 "" one --model "$tiny" --out folder.png --save-latents folder.st
holds "say the same" cmp single.st folder.st
says "a single file and another UNet" 0 "" one --model "$pipeline/single.safetensors" --config "$tiny" --unet "$tiny" --out both.png
says "no tokenizer" 2 "holds no tokenizer: --config DIR" one --model "$pipeline/single.safetensors" --out none.png
says "configurations of another size" 1 "(missing|not \[)" one --model "$pipeline/single.safetensors" --config "$pipeline/xl" --out none.png
says "a file that is no checkpoint" 1 "not a checkpoint in the original layout" one --model "$pipeline/latents.safetensors" --out none.png
sed 's/model.diffusion_model.out.2.bias/model.diffusion_model.oud.2.bias/' "$pipeline/single.safetensors" >strange.safetensors
says "a name that is unknown" 1 "missing: conv_out.bias; 1 left over: model.diffusion_model.oud.2.bias" one --model strange.safetensors --config "$tiny" --out none.png
head -c 400000 "$pipeline/single.safetensors" >short.safetensors
says "a single file cut short" 1 "short.safetensors" one --model short.safetensors --config "$tiny" --out none.png
# What no network uses is one warning; what must be there is an error.
# with_tensor FROM TO ENTRY: a copy with one more tensor, of no values
with_tensor() {
    local n header
    n=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    header=$(tail -c +9 "$1" | head -c "$n" | sed 's/ *$//')
    header="${header%\}},$3:{\"dtype\":\"${4:-F32}\",\"shape\":[0],\"data_offsets\":[0,0]}}"
    n=${#header}
    printf "$(printf '\\%03o' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) 0 0 0 0 0)" >"$2"
    printf '%s' "$header" >>"$2"
    tail -c +$((9 + $(od -An -tu8 -N8 "$1" | tr -d ' '))) "$1" >>"$2"
}
with_tensor "$pipeline/single_xl.safetensors" extra.safetensors '"conditioner.embedders.0.transformer.text_projection.weight"'
says "ComfyUI's unused projection" 0 "warning: extra.safetensors: 1 tensor that no network uses: text_projection.weight" \
    one --model extra.safetensors --config "$pipeline/xl" --out extra.png --save-latents extra.st
with_tensor "$pipeline/single_xl.safetensors" other.safetensors '"control_model.input_hint_block.0.weight"' I16
says "tensors of no part, of any type" 0 "warning: other.safetensors: 1 tensor that no network uses: control_model" \
    one --model other.safetensors --config "$pipeline/xl" --out extra.png --save-latents other.st
holds "both are the model without them" cmp extra.st other.st
with_tensor "$pipeline/single_xl.safetensors" averaged.safetensors '"model_ema.decay"'
says "averaged weights are known" 0 "" one --model averaged.safetensors --config "$pipeline/xl" --out extra.png
holds "and no warning" sh -c "! grep -q warning '$work/err'"
with_tensor "$pipeline/single_xl.safetensors" v.safetensors '"v_pred"'
says "a marker of v-prediction" 0 "" one --model v.safetensors --config "$pipeline/xl" --out v.png --save-latents v.st
sed 's/"prediction_type": "epsilon"/"prediction_type": "v_prediction"/' "$pipeline/xl/scheduler/scheduler_config.json" >said.json
rm -rf vmodel && cp -r "$pipeline/xl" vmodel && cp said.json vmodel/scheduler/scheduler_config.json
says "a folder that says so" 0 "" one --model vmodel --out v.png --save-latents vfolder.st
holds "is followed alike" cmp v.st vfolder.st
holds "and not epsilon" sh -c "! cmp -s v.st extra.st"
with_tensor "$pipeline/single_xl.safetensors" edm.safetensors '"edm_mean"'
says "a marker of EDM" 1 "edm_mean" one --model edm.safetensors --config "$pipeline/xl" --out none.png
# What takes the place of the UNet and the autoencoder, and what a file lacks.
says "Stable Diffusion 2's text tower, the UNet and autoencoder from folders" 0 "" one --model "$pipeline/single_sd2.safetensors" \
    --config "$tiny" --unet "$tiny" --out second.png --save-latents second.st
holds "says the same" cmp second.st folder.st
holds "without a word of the layer that nobody uses" sh -c "! grep -q warning '$work/err'"
mkdir -p noscheduler && cp -r "$tiny/tokenizer" "$tiny/vae" noscheduler
says "a Stable Diffusion 2 of unknown prediction" 2 "does not say whether it predicts noise or v" one \
    --model "$pipeline/single_sd2.safetensors" --config noscheduler --out none.png
rm -rf novae && mkdir novae && cp -r "$tiny/tokenizer" "$tiny/scheduler" novae
says "no autoencoder" 2 "holds no autoencoder: --vae" one --model "$pipeline/single_sd2.safetensors" --config novae --out none.png
says "an autoencoder of its own" 0 "" one --model "$pipeline/single.safetensors" --config "$tiny" --vae "$tiny" --out vae.png
same_pixels() { [ "$(tail -c 2000 "$1" | cksum)" = "$(tail -c 2000 "$2" | cksum)" ]; } # texts stand before them
holds "paints the same" same_pixels vae.png single.png
says "an autoencoder in one file" 0 "" one --model "$tiny" --vae "$tiny/vae/diffusion_pytorch_model.safetensors" --out vae.png
says "an autoencoder out of a checkpoint" 0 "" one --model "$tiny" --vae "$pipeline/single.safetensors" --out vae2.png
holds "paints the same too" same_pixels vae.png vae2.png
says "no such autoencoder" 2 "--vae nowhere: no such folder or file" one --model "$tiny" --vae nowhere --out none.png
says "a UNet in one file" 0 "" one --model "$tiny" --unet "$tiny/unet/diffusion_pytorch_model.safetensors" --out unet.png --save-latents unet.st
holds "is the model's own" cmp unet.st folder.st
says "a UNet out of a checkpoint" 0 "" one --model "$tiny" --unet "$pipeline/single.safetensors" --out unet.png --save-latents unet.st
holds "is the model's own, too" cmp unet.st folder.st
says "a UNet as a model" 1 "a UNet alone, without text encoders: give it as --unet" one \
    --model "$tiny/unet/diffusion_pytorch_model.safetensors" --config "$tiny" --out none.png
says "another network's file as a UNet" 1 "missing" one --model "$tiny" --unet "$tiny/vae/diffusion_pytorch_model.safetensors" --out none.png
# The hub's cache: refs/main names the snapshot; a name finds it.
mkdir -p hub/models--who--tiny/snapshots/abc hub/models--who--tiny/refs hub/models--who--two/snapshots/a hub/models--who--two/snapshots/b
cp -r "$tiny"/. hub/models--who--tiny/snapshots/abc
printf abc >hub/models--who--tiny/refs/main
export HF_HUB_CACHE=$PWD/hub
says "a root of the hub's cache" 0 "" one --model hub/models--who--tiny --out hub.png --save-latents hub.st
holds "is the snapshot" cmp hub.st folder.st
says "a name in the hub's cache" 0 "" one --model who/tiny --unet who/tiny --vae who/tiny --out hub.png --save-latents hub.st
holds "is the snapshot, too" cmp hub.st folder.st
says "a name that is not there" 1 "who/none: no such file or folder, nor this repository in the hub's cache" one --model who/none --out none.png
says "two snapshots and no main" 1 "no refs/main, and 2 snapshots" one --model who/two --out none.png
rm hub/models--who--tiny/refs/main
says "the only snapshot" 0 "" one --model who/tiny --out hub.png
unset HF_HUB_CACHE
HF_HOME=$PWD/home; export HF_HOME
mkdir -p home && mv hub home/hub
says "the cache in HF_HOME" 0 "" one --model who/tiny --out hub.png
unset HF_HOME
# torch's own files.
says "a folder of torch's files" 0 "" one --model "$pipeline/torch" --out torch.png --save-latents torch.st
holds "say the same as safetensors" cmp torch.st folder.st
says "a checkpoint of a training run" 0 "" one --model "$pipeline/single.ckpt" --config "$tiny" --out ckpt.png --save-latents ckpt.st
holds "says the same" cmp ckpt.st folder.st
head -c 400000 "$pipeline/single.ckpt" >short.ckpt
says "a checkpoint cut short" 1 "short.ckpt: truncated" one --model short.ckpt --config "$tiny" --out none.png
says "torch's old format, with other weights" 1 "old.pt: not a checkpoint in the original layout" one --model "$pipeline/../torch/old.pt" --config "$tiny" --out none.png
says "a pickle that wants to run a command" 1 "object of posix.system" one --model "$pipeline/../torch/hostile_root.pt" --out none.png
absent "no picture of these" none.png none.png.part executed-by-a-pickle

# What was given instead of a model, of weights, of a configuration.
rm -rf model && cp -r "$tiny" model && mkdir bare && cp "$root/tests/golden/images/rgb.png" . && echo '{"id": "a", "prompt": "x"}' >rows.jsonl
given() { "$cm" generate -q --prompt a --width 64 --height 64 --steps 1 --threads 1 --out none.png "$@"; }
says "an empty folder as a model" 2 "^cosmicman: bare: no diffusers folder: neither model_index.json nor unet/" given --model bare
says "a network's folder as a model" 2 "model/unet: one network's folder; a model is the folder above it" given --model model/unet
says "a picture as a model" 2 "rgb.png: is no model: a diffusers folder, or a checkpoint file .\\.safetensors" given --model rgb.png
says "a configuration without a tokenizer" 2 "--config: bare: no tokenizer/ is in it, which the single file lacks" \
    given --model "$pipeline/single.safetensors" --config bare
says "a picture as a UNet" 1 "^cosmicman: --unet: rgb.png: not safetensors but a PNG image" given --model model --unet rgb.png
says "a JSON text as an autoencoder" 1 "^cosmicman: --vae: rows.jsonl: not safetensors but a JSON text" given --model model --vae rows.jsonl
says "a picture as latents" 1 "rgb.png: not safetensors but a PNG image" given --model model --from-latents rgb.png
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3438354725\n' >model/$unet
says "a pointer instead of weights" 1 "not safetensors but a pointer of Git LFS, which 'git lfs pull' replaces" given --model model
cp model/$unet pointer.ckpt && echo '<html>' >page.pt && cp rgb.png model/unet/config.json
says "a pointer instead of a checkpoint" 1 "pointer.ckpt: not a torch checkpoint but a pointer of Git LFS" given --model pointer.ckpt --config "$tiny"
says "a web page instead of one" 1 "page.pt: not a torch checkpoint but a web page" given --model page.pt --config "$tiny"
says "a picture as a configuration" 1 "unet/config.json: not JSON but a PNG image" given --model model
printf '{"id": "a", "prompt": "x\\u0000y"}\n' >nul.jsonl
says "a zero in a prompt" 1 'nul.jsonl:1: a text has .u0000 in it' "$cm" generate --model "$tiny" --prompts nul.jsonl --out nul
absent "no picture of these, either" none.png nul
