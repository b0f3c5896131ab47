# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Files of our own: an unknown key, a wrong type and a value out of range are refused by name, before anything is made.
suite=$root/tests/cli/mock_suite.json

# suite_says NAME TEXT SED: the mock suite after SED is refused
suite_says() {
    sed "$3" "$suite" >s.json
    says "suite: $1" 1 "s.json: $2" "$cm" bench -q --no-speed --count 2 --suite ./s.json --out x
}
suite_says "a misspelt key" 'suite: unknown key "samplr"; the closest is "sampler"' 's/"sampler"/"samplr"/'
suite_says "a key that means nothing" 'suite: unknown key "colour"$' 's/"sampler"/"colour": 1, "sampler"/'
suite_says "a number as text" 'suite: "steps" is "2", not a whole number' 's/"steps": 2/"steps": "2"/'
suite_says "a broken number" 'suite: "steps" is 2.5, not a whole number' 's/"steps": 2/"steps": 2.5/'
suite_says "guidance as text" 'suite: "guidance" is "3", not a number' 's/"guidance": [0-9.]*/"guidance": "3"/'
suite_says "a negative that is no text" 'suite: "negative" is 3, not a text' 's/"sampler"/"negative": 3, "sampler"/;s/"negative": "",//'
suite_says "a seed below 0" 'suite: "run_seed" is -1, which is below 0' 's/"run_seed": [0-9]*/"run_seed": -1/'
suite_says "too many steps" 'suite: "steps" is 200000, not within 1 to 100000' 's/"steps": 2/"steps": 200000/'
suite_says "a UNet for a folder of images" "arm 'hq': \"unet\" says nothing of an arm that is a folder of images" 's/"model": "mock:hq"/"images": "x", "unet": "y"/'
suite_says "two kinds of arm in one" "arm 'hq': one of \"model\", \"images\" and \"exec\" is wanted" 's/"model": "mock:hq"/"model": "mock:hq", "images": "x"/'
suite_says "a name that files of the run have" "arm 'reference': an arm cannot be called 'reference'" 's/"name": "daring"/"name": "reference"/; s/\["daring"/["reference"/'
suite_says "an arm's misspelt key" "arm 'hq': unknown key \"modle\"; the closest is \"model\"" 's/"name": "hq", "model"/"name": "hq", "modle"/'
suite_says "an arm's number for a name" 'arm 2: "name" is 3, not a text' 's/"name": "hq"/"name": 3/'
suite_says "two arms of one name" "two arms are named 'hq'" 's/"name": "daring"/"name": "hq"/'
suite_says "a reference's misspelt key" 'reference: unknown key "cuont"; the closest is "count"' '/"reference"/s/"count"/"cuont"/'
suite_says "a reference's count as text" 'reference: "count" is "[0-9]*", not a whole number' '/"reference"/s/"count": \([0-9]*\)/"count": "\1"/'
suite_says "a pair of three" 'pairs: entry 1 is not two arms' 's/\[\["daring", "hq"\]/[["daring", "hq", "base"]/'
sed 's/\["daring", "hq"\]/["darng", "hq"]/' "$suite" >s.json
says "suite: a pair's misspelt arm" 2 "pairs: entry 1: 'darng' is none of base, hq, daring; the closest is 'daring'" "$cm" bench -q --no-speed --suite ./s.json --out x
sed 's/"repeats"/"repeat"/' "$suite" >s.json
says "suite: a speed row's misspelt key" 1 's.json: speed row 1: unknown key "repeat"; the closest is "repeats"' "$cm" bench -q --no-speed --suite ./s.json --out x
sed 's/"repeats"/"stages": ["decod"], "repeats"/' "$suite" >s.json
says "suite: a speed row's misspelt stage" 2 "speed row 1: stages: 'decod' is none of .*closest is 'decode'" "$cm" bench -q --suite ./s.json --out x
suite_says "no prompts" 'suite: "count" is 0, not within 1 to' 's/"sampler"/"count": 0, "sampler"/'
absent "nothing was made of these" x
sed 's/"sampler"/"count": 3, "sampler"/' "$suite" >s.json
says "suite: the first so many prompts" 0 "" "$cm" bench -q --no-speed --arms hq --suite ./s.json --out three
holds "are taken" grep -q '"kind":"run".*"prompts":"people-64".*"count":3,' three/records.jsonl
sed 's/mock:hq/mock:daring/' "$suite" >s.json
says "suite: the same model twice is told" 0 "warning: arms 'hq' and 'daring' are the same model, mock:daring" "$cm" bench -q --no-speed --count 2 --suite ./s.json --out twice
says "suite: a misspelt name" 2 "'quik' is no file and no name in harness/suites; the closest is 'quick'" "$cm" bench --suite quik --out x
says "prompts: a misspelt name" 2 "'people-46' is no file and no name in prompts/sets; the closest is 'people-64'" "$cm" bench --prompts people-46 --out x

# Training recipes and cards.
vae=$root/core/models/nano/recipes/vae.json
recipe_says() {
    sed "$4" "$vae" >r.json
    says "training recipe: $1" "$2" "$3" "$cm" train vae --recipe r.json --out t --threads 1
}
recipe_says "a misspelt key" 1 'recipe: unknown key "warmpu"; the closest is "warmup"' 's/"warmup"/"warmpu"/'
recipe_says "a text for a number" 1 'recipe: "batch" is "16", not a whole number' 's/"batch": 16/"batch": "16"/'
recipe_says "out of range" 1 'recipe: "ema" is 9.98, not within 0 to 1' 's/0.998/9.98/'
recipe_says "another stage's key" 2 '"min_snr" means nothing to stage vae .it is read by: unet' 's/"kl"/"min_snr": 5, "kl"/'
says "another stage's option" 2 '"hola" means nothing to stage vae' "$cm" train vae --hola 1 --out t
says "training recipe: a misspelt name" 2 "'unet-bas' is no file and no recipe of .*; the closest is 'unet-base'" "$cm" train unet --recipe unet-bas --out t
absent "no run of these" t

# The tables of models and recipes.
mkdir models && cp "$root"/core/models/*.json models/ && sed -i 's/"guidance": 7.5/"guidence": 7.5/' models/recipes.json
says "recipes.json: a misspelt key" 1 'recipes.json: row 1: recipe: unknown key "guidence"; the closest is "guidance"' \
    env COSMICMAN_MODELS="$PWD/models" "$cm" list recipes
sed -i 's/"width": 64/"width": "64"/' models/models.json
says "models.json: a text for a number" 1 'models.json: row 1: model: "width" is "64", not a whole number' \
    env COSMICMAN_MODELS="$PWD/models" "$cm" list models

# Prompt rows, from anywhere: near misses and wrong types are refused with their line, other keys are told once.
gen() { "$cm" generate -q --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps 1 "$@"; }
row_says() {
    printf '{"id": "a", "prompt": "x"}\n\n%s\n' "$3" >rows.jsonl
    says "generate: $1" 1 "rows.jsonl:3: $2" gen --prompts rows.jsonl --out x
    says "bench: $1" 1 "rows.jsonl:3: $2" "$cm" bench -q --no-speed --suite "$suite" --prompts ./rows.jsonl --out x
    says "score: $1" 1 "rows.jsonl:3: $2" "$cm" score -q --images . --prompts ./rows.jsonl --suite "$suite" --out x
}
row_says "a misspelt seed" 'unknown key "sead"; the closest is "seed"' '{"id": "b", "prompt": "x", "sead": 4}'
row_says "a misspelt negative" 'unknown key "negativ"; the closest is "negative"' '{"id": "b", "prompt": "x", "negativ": "hat"}'
row_says "a negative that is no text" '"negative" is 3, not a text' '{"id": "b", "prompt": "x", "negative": 3}'
row_says "a seed that is text" '"seed" is "4", not a whole number' '{"id": "b", "prompt": "x", "seed": "4"}'
row_says "an id that is neither" '"id" is neither a text nor a whole number' '{"id": 4.5, "prompt": "x"}'
row_says "a row that is no object" 'not a JSON object' '["b", "x"]'
row_says "a newline in an id" 'id .* has U\+000A in it; only letters, digits' '{"id": "b\nc", "prompt": "x"}'
row_says "a tab in an id" 'id .* has U\+0009 in it' '{"id": "b\tc", "prompt": "x"}'
row_says "an id that turns its end around" 'id .* has U\+202E in it' '{"id": "b\u202egnp", "prompt": "x"}'
row_says "an id of blanks" "id .* has U\\+0020 in it" '{"id": "b c", "prompt": "x"}'
row_says "a long id" "id 'b*\.\.\.' is 240 bytes long; at most 200 can name a file" "{\"id\": \"$(printf 'b%.0s' $(seq 240))\", \"prompt\": \"x\"}"
row_says "a hidden file's id" "id '.b': an id that begins with a dot" '{"id": ".b", "prompt": "x"}'
suite_says "no prompts" 'suite: "count" is 0, not within 1 to' 's/"sampler"/"count": 0, "sampler"/'
absent "nothing was made of these" x
sed 's/"sampler"/"count": 3, "sampler"/' "$suite" >s.json
says "suite: the first so many prompts" 0 "" "$cm" bench -q --no-speed --arms hq --suite ./s.json --out three
holds "are taken" grep -q '"kind":"run".*"prompts":"people-64".*"count":3,' three/records.jsonl
printf '{"id": "a", "prompt": "x", "url": "u", "negative_prompt": "hat"}\n{"id": "b", "prompt": "x", "url": "v", "seed": null}\n' >more.jsonl
says "other keys are told once" 0 'warning: more.jsonl: 2 rows with keys that mean nothing here: "url", "negative_prompt" .known is "negative".$' gen --prompts more.jsonl --out more
printf '{"id": "Ab", "prompt": "x"}\n{"id": "ab", "prompt": "x"}\n{"id": "e\\u0301", "prompt": "x"}\n{"id": "\\u00e9", "prompt": "x"}\n' >alike.jsonl
says "ids that some systems take for one" 0 "2 ids are like another but for case or Unicode form .'Ab' and 'ab'" gen --prompts alike.jsonl --out alike
holds "each has its picture" ls alike/Ab.png alike/ab.png alike/é.png
printf '\357\273\277{"id": "a", "prompt": "x"}\r\n\r\n{"id": "b", "prompt": "x"}\r\n' >bom.jsonl
says "a mark before UTF-8, and lines that end as elsewhere" 0 "" gen --prompts bom.jsonl --out bom
holds "both are made" ls bom/a.png bom/b.png
printf '{"id": "p0001", "prompt": "x"}\n{"id": "p0002", "prompt": "x", "groups": [{"group": 3, "txt": "x"}]}\n' >groups.jsonl
says "a group's misspelt key" 1 'groups.jsonl:2: groups: unknown key "txt"; the closest is "text"' "$cm" bench -q --no-speed --suite "$suite" --prompts ./groups.jsonl --out x
