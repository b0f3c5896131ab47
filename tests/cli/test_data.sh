# SPDX-License-Identifier: Apache-2.0
# cosmicman data: sets that go on, pages, the nano vocabulary, prompt sets.
people() { "$cm" data people "$@"; }

says "seventy people" 0 "" people --count 70 --seed 5 --out whole
holds "a line each" test "$(wc -l <whole/labels.jsonl)" -eq 70
holds "three pictures each" ls whole/images/000069.png whole/classes/000069.png whole/groups/000069.png
says "the first few of them" 0 "" people --count 3 --seed 5 --out part
printf '{"id": "0000' >>part/labels.jsonl
says "going on after a half-written line" 0 "" people --count 70 --seed 5 --out part
holds "ends with the same labels" cmp whole/labels.jsonl part/labels.jsonl
holds "and the same pictures" cmp whole/images/000069.png part/images/000069.png
says "another seed into the same folder" 2 "from seed 5" people --count 80 --seed 6 --out part
says "another size into the same folder" 2 "64x96" people --count 80 --seed 5 --width 32 --out part
says "the simple world into the same folder" 2 "whole|part holds people" people --count 80 --seed 5 --simple --out part
says "one alone" 0 "" people --count 1 --seed 7 --out one
holds "is the same person as in the set" cmp one/images/000000.png whole/images/000002.png
says "a page" 0 "" people --count 9 --page nine.png
holds "of pictures" test "$(head -c 4 nine.png | tail -c 3)" = PNG
says "neither a folder nor a page" 2 "--out DIR" people --count 1
says "nobody" 2 "nothing to draw" people --count 0 --out none
says "a size that cannot be drawn" 2 "8 to 4096" people --count 1 --width 4 --out small
says "a folder that cannot be made" 1 "" people --count 1 --out /dev/null/people
holds "no part is left" test -z "$(find . -name '*.part')"

says "vocabulary" 0 "" "$cm" data vocabulary --out words
for part in vocab.json merges.txt tokenizer_config.json; do
    holds "$part is the shipped one" cmp "words/$part" "$root/core/models/nano/tokenizer/$part"
done
says "prompts" 0 "" "$cm" data prompts --count 512 --seed 1099511627776 --out prompts.jsonl
holds "are the shipped ones" cmp prompts.jsonl "$root/prompts/sets/people-512.jsonl"
holds "people-64 is their beginning" cmp <(head -64 prompts.jsonl) "$root/prompts/sets/people-64.jsonl"
says "prompts into a folder that cannot be" 1 "" "$cm" data prompts --count 5 --out /dev/null/p.jsonl
says "vocabulary without a folder" 2 "--out DIR" "$cm" data vocabulary
