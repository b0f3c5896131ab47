# SPDX-License-Identifier: Apache-2.0
# The frame: commands, options, help.
prints "alone it lists the commands" "^  generate " "$cm"
prints "version" "^cosmicman [0-9]" "$cm" --version
says "unknown command" 2 "no command 'generat'; the closest is 'generate'" "$cm" generat
says "a misspelt --help" 2 "no option '--halp' before a command; the closest is '--help'" "$cm" --halp
says "another program's version" 2 "the closest is '--version'" "$cm" -V
says "options before the command" 2 "'--model' stands where a command is wanted: cosmicman COMMAND" "$cm" --model nano:hq generate
says "unknown option" 2 "no option --sampelr; the closest is --sampler" "$cm" generate --sampelr euler
says "an option far from all" 2 "no option --zzz; .*--help" "$cm" generate --zzz
says "unknown short option" 2 "unknown option -x" "$cm" generate -x
says "missing value" 2 "--seed needs a value" "$cm" generate --seed
says "value that is the next option" 2 "--prompt needs a value" "$cm" generate --prompt --seed 3
says "flag with a value" 2 "takes no value|no option" "$cm" list --quiet=3 samplers
for bad in -1 1.5 ten "" " 7" 7x 18446744073709551616; do
    says "steps '$bad'" 2 "--steps: '$bad' is not a whole number" "$cm" generate "--steps=$bad"
done
for bad in nan inf 1e999 five ""; do
    says "guidance '$bad'" 2 "--cfg: '$bad' is not a number" "$cm" generate "--cfg=$bad"
done
says "a stray word" 2 "what is 'cat' for" "$cm" generate cat
says "list of nothing" 2 "list wants models" "$cm" list
says "list of what is not there" 2 "the closest is 'samplers'" "$cm" list sampler
prints "samplers" "^ddim " "$cm" list samplers
prints "backends" "^f32 " "$cm" list backends
prints "the library that people know" "^openblas +OpenBLAS" "$cm" list backends
prints "models" "^random:sd15 .*nano's tokenizer" "$cm" list models
prints "single files, and what they need" "^FILE .*safetensors.*--config DIR" "$cm" list models
prints "metrics" "^acc_tex +higher" "$cm" list metrics
prints "suites" "^quick " "$cm" list suites
prints "growth among them" "^growth +time over operations" "$cm" list suites
prints "prompts" "^people-64 +64 prompts" "$cm" list prompts
for subject in models backends samplers recipes metrics networks suites prompts; do
    prints "$subject as JSON" "^  \"$subject\": \[" "$cm" list $subject --json
    keys=$(sed -n "s/^| \(.*, \)*\`$subject\`.*| \(\`name\`.*\)/\2/p" "$root/docs/INSTALL.md" | sed 's/([^)]*)//g' | tr -dc 'a-z_,' | tr , ' ')
    holds "$subject has documented keys" test -n "$keys"
    found=$(sed -n 's/^      "\([a-z_]*\)": .*/\1/p' "$work/out" | sort -u | tr '\n' ' ')
    holds "$subject: the keys '$found' are those documented" test "$found" = "$(printf '%s\n' $keys | sort -u | tr '\n' ' ')"
done
"$cm" doctor --json >doctor.json
for key in machine libraries program advice; do
    holds "doctor's JSON has $key" grep -q "^  \"$key\": " doctor.json
done
for key in $(sed -n 's/^    "\([a-z_]*\)": .*/\1/p' doctor.json); do
    holds "doctor's key $key is documented" grep -q "\`$key\`" "$root/docs/INSTALL.md"
done
prints "doctor" "core type" "$cm" doctor
prints "doctor on the level of kernels" "kernels +[a-z]" "$cm" doctor
prints "a level that the user chose" "kernels +portable" env CM_KERNELS=portable "$cm" doctor
says "no such level" 2 "CM_KERNELS: 'avx3' is none of portable, avx2, avx512, avx512-bf16, amx; the closest is 'avx2'" \
    env CM_KERNELS=avx3 "$cm" list backends
prints "doctor on waiting" "waiting +7 rounds .*GOMP_SPINCOUNT" env GOMP_SPINCOUNT=7 "$cm" doctor
prints "doctor on one core" "threads +1 unless" taskset -c "$(taskset -pc $$ | sed 's/.*[ ]//; s/[-,].*//')" "$cm" doctor
prints "doctor on load" "load +[0-9.]+ in the last minute" "$cm" doctor
prints "help alone is the overview" "^  COSMICMAN_HOME +folder" "$cm" help
prints "help of a command" "^cosmicman list - " "$cm" help list
prints "a man page" "^\.TH COSMICMAN-LIST 1 " "$cm" help --man list
prints "the program's man page" "^\.TH COSMICMAN 1 " "$cm" help --man
prints "completion" "^complete -F _cosmicman cosmicman" "$cm" help --completion bash
says "help of no command" 2 "no command 'lst'; the closest is 'list'" "$cm" help lst
says "completion of no shell" 2 "--completion: 'bsh' is none of bash, zsh, fish" "$cm" help --completion bsh
says "two kinds of help" 2 "do not go together" "$cm" help --man --commands
says "standard output on a full disk" 1 "cannot write" sh -c "'$cm' list samplers >/dev/full"
for command in $("$cm" | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    prints "$command --help" "^cosmicman $command - " "$cm" "$command" --help
    holds "$command --help is one screen" test "$(wc -l <"$work/out")" -le 60
done

# Wrong invocations: one line each, which says what is right, before a model is opened or a file is made.
wrong() { says "wrong: $1" 2 "$2" "$cm" "${@:3}"; }
gen="generate --model $tiny --prompt x"
touch file && mkdir -p folder && printf '{"id": "a", "prompt": "x"}\n' >one.jsonl
# Other programs' names.
wrong "diffusers' guidance" "no option --guidance-scale; here it is --cfg" generate --guidance-scale 7
wrong "with underscores" "no option --guidance_scale; here it is --cfg" generate --guidance_scale=7
wrong "diffusers' steps" "here it is --steps" generate --num-inference-steps 30
wrong "diffusers' scheduler" "here it is --sampler" generate --scheduler ddim
wrong "diffusers' device" "here it is --backend" generate --device cuda
wrong "diffusers' negative" "here it is --negative" generate --negative_prompt x
wrong "diffusers' number of images" "here it is --images" generate --num-images 2
wrong "an output" "here it is --out" generate --output x.png
wrong "a short output" "unknown option -o; here it is --out" generate -o x.png
wrong "CompVis' height" "unknown option -H; here it is --height" generate -H 512
wrong "a height in capitals" "no option --Height; here it is --height" generate --Height 512
wrong "our own with underscores" "no option --cfg_rescale; here it is --cfg-rescale" generate --cfg_rescale 1
wrong "a learning rate" "here it is --rate" train vae --lr 1e-3
wrong "torch-fidelity's input" "here it is --reference" score --input2 x
wrong "pytorch-fid's batch" "here it is --batch" score --batch-size 50
wrong "a limit" "here it is --count" bench --limit 5
wrong "export's dtype" "no option --dtype; here it is --type" export --dtype fp16
for command in generate bench score train doctor; do
    wrong "$command --quiet" "no option --quiet; here it is -q" $command --quiet
    wrong "$command --verbose" "no option --verbose; here it is -v" $command --verbose
done
wrong "what needs no option" "no option --resume; a stopped run goes on when the same command is given again" train vae --resume
wrong "an epoch" "no option --num_epochs; the length of a run is --steps" train vae --num_epochs 3
wrong "half precision" "here it is --backend" generate --fp16
wrong "half precision of weights" "here it is --type" export --half
wrong "an image to begin from" "no option --init-image; .*--from-latents FILE" generate --init-image x.png
wrong "an interval of guidance" "here it is --cfg-from and --cfg-to" generate --guidance_interval 0.2
wrong "torch-fidelity's number of images" "all of --images are scored" score --num-samples 9
wrong "a short prompt" "unknown option -p; here it is --prompt" generate -p x
# Values.
wrong "a sampler in capitals" "'DDIM' is none of .*closest is 'ddim'" $gen --sampler DDIM
wrong "a sampler as A1111 writes it" "'Euler a' is none of .*closest is 'euler_a'" $gen --sampler "Euler a"
wrong "a backend" "--backend: 'f33' is none of .*closest is 'f32'" $gen --backend f33
wrong "a recipe" "--recipe: 'cosmicman-sdx' is none of .*closest is 'cosmicman-sd" $gen --recipe cosmicman-sdx
wrong "a model" "no model 'nano:darin', and no such folder or file; the closest is 'nano:daring'" generate --model nano:darin --prompt x
wrong "a metric" "there is no 'fid@clen'; the closest is 'fid@clean'" score --images folder --metric fid@clen
wrong "a family of metrics" "'kid' is|'fid' has several protocols; one of fid@tf1, fid@pytorch" score --images folder --metric fid
wrong "a network" "there is no 'inceptoin'; the closest is 'inception'" score --images folder --metric kid --network inceptoin=x
wrong "a type" "--type: 'fp16' is none of f32, f16, bf16; the closest is 'f16'" export --model nano:hq --out x --type fp16
wrong "a stage" "'unett' is none of .*closest is 'unet'" stage --stage unett --in a --out b
wrong "too many steps" "--steps: 200000 is not within 1 to 100000" $gen --steps 200000
wrong "a giant" "--width: 100000000 is not within 8 to 16384" $gen --width 100000000
wrong "no height" "--height: 0 is not a multiple of 8" $gen --height 0
wrong "strength" "--strength: 2 is not within 0 to 1" $gen --strength 2 --from-latents file
wrong "a share" "--end: 7 is not within 0 to 1" $gen --end 7
wrong "rescaled guidance" "--cfg-rescale: 7 is not within 0 to 1" $gen --cfg-rescale 7
wrong "noise levels" "cfg-from: -3 is not within 0 to inf" $gen --cfg-from -3
wrong "threads" "--threads: 99999 is not within 1 to 1024" bench --threads 99999
wrong "people's width" "sides are 8 to 4096" data people --out x --width 0
wrong "an empty name" "--out: '' is no PATH" $gen --out ""
wrong "an empty model" "--model: '' is no NAME" generate --model "" --prompt x
wrong "empty arms" "--arms: '' is no A,B" bench --arms ""
wrong "an empty arm" "--arms: '' is none of base" bench --suite "$root/tests/cli/mock_suite.json" --arms base,,hq --out x
# Paths.
wrong "latents that are not there" "--from-latents: nowhere.st: no such file" $gen --from-latents nowhere.st
wrong "a configuration that is not there" "--config: nowhere: no such file" $gen --config nowhere
wrong "a folder for a picture" "folder: is a folder; a file name is wanted" $gen --out folder
wrong "options of the other kind of score" "--weights goes with --metric" score --images folder --prompts one.jsonl --weights nano
wrong "and of this" "--suite goes without --metric" score --images folder --metric kid --suite quick
for file in nowhere.jsonl folder; do
    says "wrong: prompts that are $file, before the model" 1 "$file: (No such file|is a folder)" "$cm" generate --model random:sdxl --prompts $file --out x
done
file=test_usage
says "wrong: a file where the folder goes, before the model" 1 "file: cannot make folder" "$cm" generate --model random:sdxl --prompts one.jsonl --out file
absent "nothing was made of these" x x.png image.png images
prints "help of a command" "^cosmicman score - " "$cm" help score
prints "exit codes are told" "^  3 +done, but some images" "$cm" --help

# Outputs over inputs, and over other files: nothing is lost.
cp -r "$tiny" mine && "$cm" generate -q --model "$tiny" --prompt x --width 64 --height 64 --steps 1 --out in.png --save-latents in.st >/dev/null 2>&1
cp one.jsonl records.jsonl && echo precious >NOTES && ln -s in.st link.st
find mine in.st records.jsonl one.jsonl NOTES -type f -exec sha256sum {} + >before
for out in mine/unet/config.json mine/unet/diffusion_pytorch_model.safetensors in.st; do
    wrong "a picture over $out" "$out: images are written as PNG or JPEG" $gen --out $out
done
wrong "a picture on standard output" "^cosmicman: -: images are written as" $gen --out -
wrong "a picture over a text" "NOTES: is there, and is no image: it would be lost" $gen --out NOTES
wrong "latents over those read" "--save-latents: in.st is the file of --from-latents too" $gen --from-latents in.st --save-latents in.st
wrong "by another path" "--save-latents: .*/in.st is the file of --from-latents" $gen --from-latents in.st --save-latents "$PWD/in.st"
wrong "through a link" "link.st is the file of --from-latents" $gen --from-latents in.st --save-latents link.st
wrong "latents and picture in one file" "--save-latents: ./x.png is the file of --out too" $gen --out x.png --save-latents ./x.png
wrong "latents over the prompts" "one.jsonl is the file of --prompts" generate --model mine --prompts one.jsonl --save-latents one.jsonl --out set
wrong "latents over a UNet" "is the file of --unet" $gen --unet mine/unet/diffusion_pytorch_model.safetensors \
    --save-latents mine/unet/diffusion_pytorch_model.safetensors
wrong "records over the prompts" "--out: ./records.jsonl is the file of --prompts" generate --model mine --prompts records.jsonl --out .
wrong "a stage's output over its input" "--out: in.st is the file of --in" stage --model mine --stage decode --in in.st --out in.st
holds "nothing of these is lost" sha256sum -c --quiet before
wrong "a folder named as a picture" "--out: set.png: with --prompts a folder is wanted" generate --model mine --prompts one.jsonl --out set.png
absent "which is not made" set set.png
says "devices may take both" 0 "" "$cm" $gen -q --width 64 --height 64 --steps 1 --out /dev/null --save-latents /dev/null
# What makes no difference is said.
small="$cm $gen -q --width 64 --height 64 --steps 1 --out small.png"
says "a negative prompt without guidance" 0 "warning: --negative changes nothing: at --cfg 1 there is no guidance" $small --cfg 1 --negative hat
says "an interval of no guidance" 0 "warning: --cfg-to changes nothing" $small --cfg 0.5 --cfg-to 9
says "a seed of weights that are there" 0 "warning: --weights-seed changes nothing: only a random: model" $small --weights-seed 3
says "an empty prompt" 0 "warning: --prompt is empty" $small --prompt " "
says "several alike" 0 "warning: --images 2: all begin from the same latents, and ddim adds no noise" $small --images 2 --from-latents in.st --sampler ddim
says "and not" 0 "" $small --images 2 --from-latents in.st --sampler ddpm
holds "of which nobody warns" sh -c "! grep -q alike '$work/err'"
wrong "configurations beside a folder's own" "--config goes with a single-file model; 'mine' has" generate --model mine --prompt x --config mine
wrong "guidance beyond all" "--cfg: 1e\+30 is not within 0 to 1000" $gen --cfg 1e30
wrong "guidance below nothing" "--cfg: -5 is not within 0 to 1000" $gen --cfg -5

says "an option twice" 2 "warning: --steps is given twice: '3' counts, '2' does not" "$cm" generate --steps 2 --steps 3
says "a list that was meant" 2 "warning: --metric is given twice: 'kid' counts, 'fid@clean' does not" "$cm" score --metric fid@clean --metric kid
says "the same twice" 2 "wants --model" "$cm" generate --steps 2 --steps 2
holds "is nothing to warn of" sh -c "! grep -q warning '$work/err'"
# Places and names.
wrong "a name too long for a file" "^cosmicman: i{40}\\.\\.\\.: File name too long" $gen --out "$(printf 'i%.0s' $(seq 300)).png"
wrong "a path too long for all" "i/i/\\.\\.\\.: File name too long" $gen --out "$(printf 'i/%.0s' $(seq 2100))x.png"
wrong "a shipped set's misspelt name" "'people-46' is no file and no name in prompts/sets; the closest is 'people-64'" \
    generate --model "$tiny" --prompts people-46 --out set
says "a shipped set's name" 1 "people-64.jsonl|file: cannot make folder" "$cm" generate --model "$tiny" --prompts people-64 --out file
says "a home that is not there" 1 "nowhere: no such folder .COSMICMAN_HOME" env COSMICMAN_HOME=nowhere "$cm" list suites
says "words without end" 0 "warning: .*'y{48}\\.\\.\\.'" $small --prompt "$(printf 'y%.0s' $(seq 5000))"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    mkdir locked && chmod 555 locked && chmod 755 . "$work"
    says "a folder that is another's" 1 "locked/new: cannot make folder: Permission denied" \
        setpriv --reuid 65534 --clear-groups "$cm" data vocabulary --out locked/new
fi
