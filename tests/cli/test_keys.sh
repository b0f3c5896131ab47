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
suite_says "too many steps" 'suite: "steps" is 100000, not within 1 to 1000' 's/"steps": 2/"steps": 100000/'
suite_says "an arm's own UNet" "arm 'hq': an arm cannot bring its own \"unet\"" 's/"name": "hq",/"name": "hq", "unet": "x",/'
suite_says "an arm's own sampler" "arm 'hq': \"sampler\" is the suite's, the same for all arms" 's/"name": "hq",/"name": "hq", "sampler": "euler",/'
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
absent "nothing was made of these" x
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
