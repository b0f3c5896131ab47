# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Faults that outsiders found, by kind, each with inputs of its own: what runs from data, what is substituted in silence,
# what peers only warn of, layouts that are common elsewhere, what belongs to a set, crash edges, busy machines.
suite=$root/tests/cli/mock_suite.json
golden=$root/tests/golden
draw() { "$cm" generate -q --model "$1" --prompt "red shirt" --width 64 --height 64 --cfg 3 --steps 2 --threads 1 --seed 3 "${@:2}"; }
draw "$tiny" --out plain.png --save-latents plain.st >/dev/null 2>&1

# edited NAME EXIT TEXT EDIT [OPTION...]: the tiny model after EDIT, a shell command run in it
edited() {
    rm -rf model && cp -r "$tiny" model && (cd model && eval "$4")
    says "$1" "$2" "$3" draw model --out edited.png --save-latents edited.st "${@:5}"
}
# drawn_alike NAME: with the same latents as the model before the edit
drawn_alike() { holds "$1" cmp plain.st edited.st; }

# --- data does not run ------------------------------------------------------------
"$cm" bench -q --suite "$suite" --no-speed --count 4 --out run >/dev/null 2>&1
cp -r run marked && sed -i 's/"model":"mock:hq"/"model":"<img src=x onerror=alert(7)>"/g; s/a .*female/<svg onload=alert(7)>&/' marked/records.jsonl
says "a report of marked records" 0 "" "$cm" report marked
holds "no markup of theirs is in the page" sh -c "! grep -qE '<(img src=x|svg onload)' marked/report.html"
cp -r run named && sed -i 's/"arm":"hq"/"arm":"`touch pwned`"/; s/"name":"hq"/"name":"`touch pwned`"/' named/records.jsonl
"$cm" report named >/dev/null 2>&1
absent "no name of an arm runs" pwned named/pwned named/plots/pwned
cp plain.png secret.png && cp -r run away && sed -i 's|"picture":"images/hq/p0001.png"|"picture":"../secret.png"|' away/records.jsonl
"$cm" report away >/dev/null 2>&1
holds "a picture outside the run is not put into the page" sh -c "! grep -q \"\$(base64 -w0 secret.png | cut -c200-260)\" away/report.html"
echo precious >target && ln -s "$PWD/target" linked.png.part
says "a link where the temporary file would be" 0 "" draw "$tiny" --out linked.png
holds "is not written through" grep -qx precious target
cp plain.png kept.png && chmod 600 kept.png && draw "$tiny" --out kept.png >/dev/null 2>&1
holds "a file that is replaced keeps its mode" test "$(stat -c %a kept.png)" = 600

# --- lost data does not score -----------------------------------------------------
"$cm" data people --count 12 --seed 5 --out people >/dev/null 2>&1
"$cm" data people --count 12 --seed 77 --out others >/dev/null 2>&1
score() { "$cm" score -q --weights nano --images people/images --reference others/images --metric fid@clean "$@"; }
fid() { grep -a '"kind":"score"' "$1/records.jsonl" | sed 's/.*"value":\([^,}]*\).*/\1/'; }
score --out whole >/dev/null 2>&1
for loss in 'rm -f' 'truncate -s 0' 'truncate -s -4'; do
    rm -rf lost && cp -r whole lost && sed -i '/"kind":"\(score\|done\)"/d' lost/records.jsonl
    $loss lost/features/pictures-*.f32
    score --out lost >"$work/out" 2>"$work/err"
    code=$?
    holds "features after $loss are read again or refused" test "$code" -ne 0 -o "$(fid lost)" = "$(fid whole)"
done
head -c 400 "$golden/npz/plain.npz" >cut.npz
says "an archive cut short" 1 "cut.npz" "$cm" score -q --weights nano --images cut.npz --reference others/images --unequal --metric fid@clean --out x

# --- nothing is substituted in silence --------------------------------------------
scheduler=scheduler/scheduler_config.json
edited "a scheduler that we lack" 1 "HeunDiscreteScheduler.*--sampler" "sed -i s/DDIMScheduler/HeunDiscreteScheduler/ $scheduler"
edited "and a sampler in its place" 0 "" "sed -i s/DDIMScheduler/HeunDiscreteScheduler/ $scheduler" --sampler ddim
edited "steps as text" 1 "num_train_timesteps" "sed -i 's/1000/\"1000\"/' $scheduler"
edited "a spread as text" 1 "beta_start" "sed -i 's/0.00085/\"0.00085\"/' $scheduler"
edited "a misspelt key" 1 "predicton_type" "sed -i 's/\"prediction_type\": \"epsilon\"/\"predicton_type\": \"v_prediction\"/' $scheduler"
edited "flow matching" 1 "FlowMatchEulerDiscreteScheduler" "sed -i s/DDIMScheduler/FlowMatchEulerDiscreteScheduler/ $scheduler" --sampler euler
edited "Python's infinity" 0 "" "sed -i 's/DDIMScheduler/DPMSolverMultistepScheduler/; s/\"trained_betas\"/\"lambda_min_clipped\": -Infinity, \"trained_betas\"/; /clip_sample\|set_alpha/d' $scheduler"
edited "an attention mask of the text" 1 "use_attention_mask" "sed -i 's/\"model_type\"/\"use_attention_mask\": true, \"model_type\"/' text_encoder/config.json"
edited "merges that are lost" 1 "merges.txt" ": >tokenizer/merges.txt"
edited "merges without their pairs" 1 "merges.txt" "echo '#version: 0.2' >tokenizer/merges.txt"

# --- what peers only warn of, or read -----------------------------------------------
edited "a mark before a configuration" 0 "" "printf '\357\273\277' | cat - unet/config.json >c && mv c unet/config.json"
drawn_alike "is read over"
edited "keys of a moving average" 0 "" "sed -i 's/\"in_channels\"/\"decay\": 0.9999, \"inv_gamma\": 1.0, \"min_decay\": 0.0, \"optimization_step\": 7, \"power\": 0.667, \"update_after_step\": 0, \"use_ema_warmup\": false, \"in_channels\"/' unet/config.json"
drawn_alike "change nothing"

# --- common layouts -----------------------------------------------------------------
mkdir -p hub/models--a--b/refs hub/models--a--b/snapshots && cp -r "$tiny" hub/models--a--b/snapshots/abc123 && printf abc123 >hub/models--a--b/refs/main
says "the hub's cache" 0 "" draw hub/models--a--b --out edited.png --save-latents edited.st
drawn_alike "names its snapshot"
says "a UNet's file alone" 0 "" draw "$tiny" --unet "$tiny/unet/diffusion_pytorch_model.safetensors" --out edited.png --save-latents edited.st
drawn_alike "is the model's own"
cp "$golden/npz/plain.npz" UPPER.NPZ
prints "an archive in capitals" "14 scored" "$cm" score -q --weights nano --images UPPER.NPZ --reference others/images --unequal --metric fid@clean --out upper

# --- what belongs to a set ----------------------------------------------------------
set_counts() { # NAME COUNT: the folder s holds so many
    timeout 60 "$cm" score --weights nano --images s --reference others/images --unequal --metric fid@clean --fresh --out sets >"$work/out" 2>told
    holds "$1" grep -qE "^fid@clean.* $2/12 " "$work/out"
}
fresh_set() { rm -rf s && mkdir s && cp people/images/00000[0-3].png s/; }
fresh_set && ln -s . s/again && ln -s .. s/up
set_counts "folders that lead back" 4
fresh_set && mkfifo s/pipe.png
set_counts "a pipe among the images" 4
fresh_set && cp people/images/000007.png "$(printf 's/caf\351.png')"
set_counts "a name that is not UTF-8" 5
fresh_set && ln -s 000001.png s/same.png
set_counts "the same file twice" 4
fresh_set && cp people/images/000008.png s/000001.step-0005.png && cp people/images/000008.png s/000002.attention.png
set_counts "previews beside their images" 4
fresh_set && : >s/empty.png && printf nothing >s/text.png
set_counts "two bad entries" 4
holds "which are named" sh -c "grep -q empty.png told && grep -q text.png told"

# --- crash edges --------------------------------------------------------------------
printf '{"id": "a", "prompt": "red shirt"}\n{"id": "b", "prompt": "blue shirt"}\n' >two.jsonl
many() { "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps 2 --prompts two.jsonl "$@"; }
many --out made >/dev/null 2>&1 && cp made/a.png a.png && truncate -s 100 made/a.png
says "an image cut by a crash" 0 "1 of 2 were there" many --out made
holds "is made again" cmp a.png made/a.png
: >made/b.png
says "an image of no bytes" 0 "1 of 2 were there" many --out made
holds "is made again, too" test -s made/b.png
cp -r run torn && printf '{"kind":"sco' >>torn/records.jsonl
says "a report after a torn line" 0 "" "$cm" report torn
cp -r run broken && sed -i '3s/.*/{"kind":"ima/' broken/records.jsonl
says "a line torn in the middle is named" 1 "broken/records.jsonl:3" "$cm" report broken
env --default-signal=INT "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps 400 --prompts two.jsonl --out shared >/dev/null 2>&1 &
first=$!
for _ in $(seq 200); do
    [ -d shared ] && break
    sleep 0.02
done
sleep 0.2
says "a second run into the same folder" 2 "shared is in use: another cosmicman is writing here" many --out shared
kill -INT $first
wait $first
holds "Ctrl-C: exit 130" test $? -eq 130

# --- busy machines ------------------------------------------------------------------
for _ in 1 2 3 4; do (while :; do :; done) & done
busy=$(jobs -p)
holds "a few steps of two threads on a busy machine" timeout 60 "$cm" generate -q --model nano:daring --prompt "red shirt" --steps 10 --threads 2 --out busy.png
# shellcheck disable=SC2086
kill $busy && wait 2>/dev/null
