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
says "prompts with pairs that training can hold out" 0 "" "$cm" data prompts --count 20 --seed 1 --held-out --out held.jsonl
holds "all of them ask for one" test "$(wc -l <held.jsonl)" -eq 20
says "pairs of people" 2 "--held-out means nothing to data people" "$cm" data people --count 3 --out held --held-out
says "pairs of a recipe" 2 "pairs.*none of all, seen, held-out" "$cm" train vae --recipe <(echo "{\"pairs\": \"some\"}") --out held
says "prompts into a folder that cannot be" 1 "" "$cm" data prompts --count 5 --out /dev/null/p.jsonl
says "vocabulary without a folder" 2 "--out DIR" "$cm" data vocabulary

# What would be ignored, overwritten late or read as something else.
printf 'precious\n' >notes.txt && mkdir folder
says "a page's option of prompts" 2 "--page means nothing to data prompts; it goes with data people" "$cm" data prompts --count 3 --out p.jsonl --page p.png
says "a size of prompts" 2 "--width means nothing to data prompts" "$cm" data prompts --count 3 --out p.jsonl --width 32
says "a number of vocabularies" 2 "--count means nothing to data vocabulary; it goes with data people or prompts" "$cm" data vocabulary --out voc --count 4
says "no prompts" 2 "--count: 0 is no prompts" "$cm" data prompts --count 0 --out p.jsonl
says "a seed of nobody" 2 "people's seeds are below 2\\^62" "$cm" data prompts --count 3 --seed 18446744073709551615 --out p.jsonl
for name in p.csv p.png p.txt; do
    says "prompts as $name" 2 "--out: $name: prompts are written as JSON lines" "$cm" data prompts --count 3 --out $name
done
says "prompts into a folder" 2 "folder: is a folder; a file name is wanted" "$cm" data prompts --count 3 --out folder
says "a page over a text" 2 "notes.txt: images are written as PNG or JPEG" people --count 2 --page notes.txt
holds "which stays" grep -qx precious notes.txt
says "a page into a folder" 2 "folder: is a folder" people --count 2 --page folder
holds "before anyone is drawn" sh -c "! grep -q people: '$work/err'"
says "a page as JPEG" 0 "" people --count 2 --page two.jpg
holds "is one" sh -c "head -c 3 two.jpg | od -An -tx1 | grep -q 'ff d8 ff'"
absent "nothing was made of the others" p.jsonl p.csv p.png p.txt voc
