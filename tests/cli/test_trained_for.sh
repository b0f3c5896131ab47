# SPDX-License-Identifier: Apache-2.0
# One line for a size far from the model's own, one for words that a small vocabulary lacks.
draw() { "$cm" generate -q --steps 1 --threads 1 --out p.png "$@"; }
# warned NAME COUNT: so many warnings of the command before
warned() {
    local name=$1 count=$2
    if [ "$(grep -c '^warning: ' "$work/err")" -eq "$count" ]; then pass; else fail "$name: not $count warnings"; fi
}

says "a far size" 0 "warning: nano:daring: 256x96 is far from 64x96, the size that the model was trained at" draw --model nano:daring --prompt "red shirt" --width 256
warned "in one line" 1
says "the model's own size" 0 "" draw --model nano:daring --prompt "red shirt"
warned "says nothing" 0
says "random weights" 0 "" draw --model random:nano --prompt "a kangaroo" --width 256
warned "have no size and no words" 0
says "unknown words" 0 "warning: nano:hq: 4 words are not in the model's vocabulary, which only spells them: 'kangaroo', 'zeppelin', 'quagmire', \.\.\.$" \
    draw --model nano:hq --prompt "a kangaroo, a zeppelin, a red quagmire" --negative "kangaroo, yurt" --images 2
warned "in one line for several pictures" 1

for i in 1 2 3 4 5; do echo "{\"id\": \"p$i\", \"prompt\": \"a red kangaroo\", \"negative\": \"zeppelin$i\"}"; done >many.jsonl
says "a file of prompts" 0 "warning: nano:daring: 2 words are .*'kangaroo', 'zeppelin'$" "$cm" generate -q --model nano:daring --steps 1 --prompts many.jsonl --out many
warned "in one line for the whole file" 1
says "a recipe's own size" 0 "" draw --model nano:daring --recipe cosmicman-sd-infer --steps 1 --prompt "red shirt" --width 64 --height 96
warned "a size that was given over it is looked at" 0

sed 's/mock:base/nano:base/; s/mock:hq/nano:hq/; s/mock:daring/nano:daring/; s/"width": 64/"width": 192/; s/"steps": 2/"steps": 1/; s/"illustrated": 2/"illustrated": 0/' "$root/tests/cli/mock_suite.json" >suite.json
says "bench at a far size" 0 "warning: nano:base: 192x96 is far from 64x96" "$cm" bench -q --suite suite.json --no-speed --count 2 --out far
warned "one line for three arms of one size, none for words" 1
head -2 many.jsonl >two.jsonl
says "bench with unknown words" 0 "warning: nano:base: 2 words are .*'kangaroo', 'zeppelin'$" "$cm" bench -q --suite suite.json --metric clip@nano --prompts two.jsonl --no-speed --out words
