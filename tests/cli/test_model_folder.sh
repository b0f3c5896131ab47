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
broken "a sampler setting we lack" "thresholding is not supported" "sed -i 's/\"thresholding\": false/\"thresholding\": true/' scheduler/scheduler_config.json"
broken "no vocabulary" "vocab.json" "rm tokenizer/vocab.json"
broken "malformed merges" "merges.txt" "echo 'a b c' >>tokenizer/merges.txt"
broken "half a second text encoder" "tokenizer_2: this part" "mkdir text_encoder_2"
says "a folder that is no model" 1 "missing" "$cm" generate --model . --prompt a --out none.png
absent "no picture of all these" none.png none.png.part
