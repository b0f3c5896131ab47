# SPDX-License-Identifier: Apache-2.0
# cosmicman generate on the tiny model that the goldens made.
gen() { "$cm" generate --model "$tiny" --width 64 --height 64 --steps 2 --threads 1 "$@"; }

says "nothing asked" 2 "wants --model" "$cm" generate --prompt a
says "no prompt" 2 "either --prompt TEXT or --prompts FILE" gen
says "both kinds of prompt" 2 "either --prompt TEXT or --prompts FILE" gen --prompt a --prompts b
says "unknown sampler" 2 "'eular' is none of ddim, ddpm, pndm" gen --prompt a --sampler eular
says "unknown backend" 2 "'cuda9' is none of auto, ref, openblas, f32, bf16x3, bf16, int8" gen --prompt a --backend cuda9
says "unknown model" 2 "no model 'nano:darling'.*nano:daring" "$cm" generate --model nano:darling --prompt a
says "zero steps" 2 "steps: 0 is not within 1 to" gen --prompt a --steps 0
says "more steps than training had" 2 "1001 is more than the 1000" gen --prompt a --steps 1001
says "width" 2 "--width: 63 is not a multiple of 8" gen --prompt a --width 63
says "height" 2 "--height: 0 is not a multiple of 8" gen --prompt a --height 0
says "threads" 2 "0 is not within 1 to 1024" gen --prompt a --threads 0
says "invalid UTF-8" 1 "UTF-8" gen --prompt "$(printf 'red \377 shirt')"
absent "no picture of all these" image.png image.png.part

says "a picture" 0 "" gen --prompt "red shirt" --out one.png --save-latents one.safetensors
holds "the picture is a PNG" sh -c "head -c 8 one.png | od -An -tx1 | grep -q '89 50 4e 47 0d 0a 1a 0a'"
holds "its text says how it was made" grep -aq "red shirt" one.png
holds "latents are [1,4,8,8]" grep -aq '"shape": *\[1, *4, *8, *8\]' one.safetensors
says "the same again" 0 "" gen --prompt "red shirt" --out two.png --threads 2
holds "same seed, same picture" cmp one.png two.png
says "another seed" 0 "" gen --prompt "red shirt" --seed 1 --out three.png
holds "other seed, other picture" sh -c "! cmp -s one.png three.png"
says "without guidance" 0 "" gen --prompt "red shirt" --cfg 1 --out four.png
says "a coarse backend says how coarse" 0 "int8: one pass of the UNet is [0-9.]*e-0[23] off .relative L2, beside" gen --prompt "red shirt" --backend int8 --out int8.png
holds "and is another picture" sh -c "! cmp -s one.png int8.png"
says "quiet" 0 "" gen -q --prompt "red shirt" --out five.png
holds "quiet says nothing" test ! -s "$work/err"
says "steps are shown" 0 "s a step" gen --prompt "red shirt" --out six.png
says "a folder that is made" 0 "" gen --prompt a --out new/folder/one.png

long=$(printf 'red shirt, %.0s' $(seq 60))
says "a long prompt" 0 "warning: the prompt takes [0-9]+ tokens, the model reads 77; cut off: .*kangaroo" \
    gen --prompt "${long}kangaroo" --out long.png
says "a long negative prompt" 0 "warning: the negative prompt takes .*kangaroo" \
    gen --prompt a --negative "${long}kangaroo" --out long.png

touch file
says "a file where a folder should be" 1 "file" gen --prompt a --out file/one.png
says "an unwritable folder" 1 "/proc" gen --prompt a --out /proc/one.png
says "latents nowhere" 1 "/proc" gen --prompt a --out one.png --save-latents /proc/z.safetensors
says "a folder instead of a file" 2 "is a folder" gen --prompt a --out new
says "lean" 0 "peak memory [0-9]* MB" gen -v --prompt red --seed 3 --out lean.png --save-latents lean.st --lean
says "not lean" 0 "" gen -q --prompt red --seed 3 --out fat.png --save-latents fat.st
holds "lean latents are the same" cmp lean.st fat.st
holds "the lean picture is the same" cmp lean.png fat.png
# A file size limit stands for a full disk: writing fails after the first bytes.
full() { bash -c "trap '' XFSZ; ulimit -f 1; exec \"\$@\"" full "$@"; }
says "a full disk" 1 "full.png" full "$cm" generate --model "$tiny" --width 64 --height 64 --steps 2 --prompt a --out full.png
absent "nothing under the final name" full.png full.png.part

# The shipped table: an architecture with random weights, its own size, any sampler.
for sampler in $("$cm" list samplers | cut -d ' ' -f 1); do
    says "random:nano with $sampler" 0 "" "$cm" generate --model random:nano --prompt "red shirt" --steps 2 --threads 1 --sampler "$sampler" --out "$sampler.png"
    holds "$sampler.png is 64x96" sh -c "head -c 24 $sampler.png | tail -c 8 | od -An -tx1 | grep -q '00 00 00 40 00 00 00 60'"
done
says "other random weights" 0 "" "$cm" generate --model random:nano --prompt "red shirt" --steps 2 --threads 1 --sampler ddim --weights-seed 1 --out weights.png
holds "other weights, other picture" sh -c "! cmp -s ddim.png weights.png"

# Recipes, guidance, another UNet, two text towers.
prints "recipes" "^cosmicman-sdxl-infer +euler_a +50 steps" "$cm" list recipes
says "unknown recipe" 2 "recipe: 'nope' is none of cosmicman-sdxl-readme" gen --prompt a --recipe nope
says "a recipe, but for size and steps" 0 "" gen --prompt "red shirt" --recipe cosmicman-sd-infer --out recipe.png
says "the same by hand" 0 "" gen --prompt "red shirt, " --sampler ddim --cfg 7.5 --seed 17 --out by_hand.png
says "guidance rescale" 2 "cfg-rescale: 2 is not within 0 to 1" gen --prompt a --cfg-rescale 2
says "guidance interval" 2 "3 to 1 is not one" gen --prompt a --cfg-from 3 --cfg-to 1
says "guidance nowhere is no guidance" 0 "" gen --prompt "red shirt" --cfg-from 1000 --cfg-to 1001 --out nowhere.png --save-latents a.st
says "no guidance" 0 "" gen --prompt "red shirt" --cfg 1 --out none.png --save-latents b.st
holds "and they are the same" cmp a.st b.st
says "its own UNet, named" 0 "" gen --prompt "red shirt" --unet "$tiny/unet" --out own.png --save-latents c.st
says "latents of one" 0 "" gen --prompt "red shirt" --out one.png --save-latents d.st
holds "are the model's" cmp c.st d.st
says "three of one prompt" 0 "" gen --prompt "red shirt" --seed 4 --images 3 --out many.png
says "the last of them alone" 0 "" gen --prompt "red shirt" --seed 6 --out last.png
holds "seeds count up" cmp many-2.png last.png
absent "no picture without a number" many.png many-3.png
says "no images" 2 "0 is not within 1" gen --prompt a --images 0
says "noise of its own" 0 "" gen --prompt "red shirt" --from-latents d.st --out latents.png --save-latents e.st
says "the same noise" 0 "" gen --prompt "red shirt" --from-latents d.st --seed 9 --out latents2.png --save-latents f.st
holds "the seed does not matter then" sh -c "cmp e.st f.st && ! cmp -s d.st e.st"
says "a second pass over it" 0 "" gen --prompt "red shirt" --from-latents d.st --strength 0.5 --seed 9 --out again.png --save-latents g.st
holds "is neither the first nor from noise" sh -c "! cmp -s g.st d.st && ! cmp -s g.st e.st"
says "a second pass of no step" 2 "0.3 of 2 steps is none" gen --prompt a --from-latents d.st --strength 0.3 --out no.png
says "a second pass too strong" 2 "strength: 2 is not within 0 to 1" gen --prompt a --from-latents d.st --strength 2 --out no.png
says "a second pass over nothing" 2 "wants --from-latents" gen --prompt a --strength 0.5 --out no.png
says "a sampler that must begin at the beginning" 2 "lms cannot begin in the middle" \
    gen --prompt a --from-latents d.st --strength 0.5 --sampler lms --out no.png
two="$cm generate --threads 1 --width 64 --height 64 --steps 10 --prompt red"
says "a first model's share" 0 "" $two --model "$tiny/../xl" --end 0.8 --out half.png --save-latents half.st
says "the refiner's" 0 "" $two --model "$tiny/../refiner" --start 0.8 --from-latents half.st --out whole.png --save-latents whole.st
says "the refiner over a finished one" 0 "" $two --model "$tiny/../refiner" --strength 0.3 --from-latents half.st --out over.png
says "a refiner's single file" 0 "" $two --model "$tiny/../single_refiner.safetensors" --config "$tiny/../refiner" --start 0.8 \
    --from-latents half.st --out single.png --save-latents single.st
holds "is the same refiner" cmp whole.st single.st
says "a start without latents" 2 "wants --from-latents" gen --prompt a --start 0.5 --out no.png
says "two ways to begin" 2 "one is wanted" gen --prompt a --from-latents d.st --start 0.5 --strength 0.5 --out no.png
says "an end beyond all" 2 "end: 1.5 is not within 0 to 1" gen --prompt a --end 1.5 --out no.png
says "an end before the start" 2 "not behind the start" gen --prompt a --from-latents d.st --start 0.5 --end 0.4 --out no.png
says "a start behind the last step" 2 "leave" gen --prompt a --from-latents d.st --start 0.9999 --out no.png
says "noise of another size" 1 "not of floats .1,4,12,8." gen --prompt a --from-latents d.st --height 96 --out no.png
says "noise that is not there" 2 "nothere.st" gen --prompt a --from-latents nothere.st --out no.png
says "a UNet of another family" 1 "pooled text" gen --prompt a --unet "$tiny/../xl/unet" --out no.png
says "a UNet that is not there" 2 "unet nowhere: no such folder or file" gen --prompt a --unet nowhere --out no.png
says "two text towers" 0 "" "$cm" generate --model "$tiny/../xl" --width 64 --height 64 --steps 2 --threads 1 \
    --prompt "red shirt" --recipe cosmicman-sdxl-readme --out xl.png
for sampler in ddim ddpm pndm lms euler euler_a dpmpp_2m dpmpp_2m_karras; do
    says "sampler $sampler" 0 "" gen --prompt a --sampler $sampler --out sampler.png
done

# Previews.
says "previews" 0 "2 previews in [0-9.]+ s, not in the steps' time" gen --prompt "red shirt" --steps 5 --save-every 2 --out seen.png
holds "each under its step" test -e seen.step-0002.png -a -e seen.step-0004.png -a -e seen.png
holds "and it says so" grep -aq "preview after step" seen.step-0002.png
absent "no others" seen.step-0001.png seen.step-0005.png
says "without previews" 0 "" gen --prompt "red shirt" --steps 5 --out unseen.png
holds "the picture is the same" cmp seen.png unseen.png
says "previews of several" 0 "" gen --prompt "red shirt" --images 2 --save-every 1 --out each.png
holds "beside each" test -e each-0.step-0002.png -a -e each-1.step-0001.png
says "previews never" 2 "0 is never" gen --prompt a --save-every 0
says "previews of too few steps" 2 "3 is more than the 2 steps" gen --prompt a --save-every 3
says "previews after the last step of a second pass" 2 "there are only 1" \
    gen --prompt a --from-latents d.st --strength 0.5 --save-every 2 --out no.png
says "previews every few" 2 "'few' is not a whole number" gen --prompt a --save-every few
says "previews nowhere" 1 "/proc" gen --prompt a --save-every 1 --out /proc/seen.png

# Where the groups looked.
says "groups" 0 "capture: [0-9.]+ s a step with it, [0-9.]+ s without, x [0-9.]+" \
    gen --prompt "red shirt, black hair" --steps 3 --capture groups --out looked.png --save-latents looked.st
holds "maps [layer,step,group,h,w]" grep -aq '"shape": *\[5, *3, *2, *4, *4\]' looked.attention.safetensors
holds "their groups" grep -aq 'tops.*red shirt.*hair.*black hair' looked.attention.safetensors
holds "an overview" grep -aq "tops, hair" looked.attention.png
says "without looking" 0 "" gen --prompt "red shirt, black hair" --steps 3 --out unlooked.png --save-latents unlooked.st
holds "the latents are the same" cmp looked.st unlooked.st
cp looked.attention.safetensors before.safetensors
says "again" 0 "" gen --prompt "red shirt, black hair" --steps 3 --capture groups --out looked.png
holds "the maps are the same" cmp before.safetensors looked.attention.safetensors
says "every layer" 0 "" gen --prompt "red shirt" --steps 1 --capture groups --capture-all --out all.png
holds "maps of three sizes" sh -c "grep -aq maps.8x8 all.attention.safetensors && grep -aq maps.2x2 all.attention.safetensors"
says "no groups in it" 1 "no phrase of the prompt names a group" gen --prompt "blue moon" --capture groups --out no.png
absent "no picture then" no.png
says "no such layers" 2 "no cross-attention layer has 1/16 of the sides of 72x64; the nearest sizes .width x height. where one has: 64x64" gen --prompt "red shirt" --width 72 --capture groups --out no.png
says "capture of something else" 2 "'heads' is none of groups" gen --prompt a --capture heads
says "all of nothing" 2 "wants --capture groups" gen --prompt a --capture-all
