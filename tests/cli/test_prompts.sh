# SPDX-License-Identifier: Apache-2.0
# Prompts in every format, by generate, bench and score.
draw() { "$cm" generate -q --model "$tiny" --width 64 --height 64 --cfg 1 --steps 1 --threads 1 "$@"; }
ids() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p' "$1/records.jsonl" | tr '\n' ' '; }

printf '\357\273\277Prompt,id,seed,url\r\n"red shirt, ""new""",7,5,u\r\n"black\nhair",,,v\r\n' >mine.csv
says "CSV as Excel writes it" 0 'warning: mine.csv: 2 rows with keys that mean nothing here: "url"' draw --prompts mine.csv --out csv
holds "a number is an id, and one is made" test "$(ids csv)" = "7 p0002 "
holds "quotes and line breaks reach the record" sh -c "grep -q 'red shirt, .\"new' csv/records.jsonl && grep -q 'black.nhair' csv/records.jsonl"
holds "and the seed" grep -q '"seed":5[,}]' csv/records.jsonl
printf 'id\tcaption\na\tred shirt, blue; hat\n' >mine.tsv
prints "TSV" "tsv/records.jsonl" draw --prompts mine.tsv --out tsv
printf 'red shirt\n\nblack hair\n' >mine.txt
prints "plain text" "txt/records.jsonl" draw --prompts mine.txt --out txt
holds "its ids are made" test "$(ids txt)" = "p0001 p0002 "
cat >coco.json <<'END'
{"images": [{"id": 42, "file_name": "42.jpg"}, {"id": 7, "file_name": "7.jpg"}],
 "annotations": [{"id": 9, "image_id": 7, "caption": "blue hat"}, {"id": 3, "image_id": 7, "caption": "red shirt"},
                 {"id": 5, "image_id": 42, "caption": "black hair"}]}
END
says "COCO captions" 0 "of 3 captions the first of each image is taken, by annotation id: 2" \
    "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --steps 1 --threads 1 --prompts coco.json --out coco
holds "its ids are the images'" test "$(ids coco)" = "42 7 "
holds "the lowest annotation's caption" sh -c "grep -q 'red shirt' coco/records.jsonl && ! grep -q 'blue hat' coco/records.jsonl"

printf 'id,short,long\na,shirt,red shirt with stripes\n' >two.csv
says "no usual column" 1 "two.csv: no column is called prompt, caption, .* the first row names id, short, long" draw --prompts two.csv --out x
prints "one by name" "named/records.jsonl" draw --prompts two.csv --prompt-column long --out named
holds "it is the one" grep -q "with stripes" named/records.jsonl
says "a misspelt one" 2 "no column 'lnog'; the closest is 'long'" draw --prompts two.csv --prompt-column lnog --out x
printf 'text,caption\nx,y\n' >which.csv
says "two that could be meant" 2 "may be column 'caption' or 'text': choose by --prompt-column" draw --prompts which.csv --out x
says "a column of nothing" 2 "--prompt-column goes with --prompts" draw --prompt x --prompt-column text --out x.png
says "a name that is no set's" 2 "'human-10' is no file and no name in prompts/sets; the closest is 'human-100'" draw --prompts human-10 --out x
printf 'id,prompt\na,x,y\n' >ragged.csv
says "a ragged row" 1 "ragged.csv:2: 3 cells where the header has 2" draw --prompts ragged.csv --out x
printf '\377\376p\0r\0' >wide.csv
says "UTF-16" 1 "wide.csv: UTF-16; save it as UTF-8" draw --prompts wide.csv --out x
printf 'prompt\ncaf\351\n' >latin.csv
says "Latin-1" 1 "latin.csv:2: byte 0xe9 is not UTF-8" draw --prompts latin.csv --out x
printf 'prompt,id\nx,%s\n' "$(printf 'i%.0s' $(seq 300))" >long.csv
says "an id of 300 bytes" 1 "long.csv:2: id 'i*\.\.\.' is 300 bytes long; at most 200" draw --prompts long.csv --out x
printf 'prompt,id\nx,a/b\n' >slash.csv
for of in "generate -q --model $tiny" "bench -q --no-speed --suite $root/tests/cli/mock_suite.json" \
    "score -q --images csv --suite $root/tests/cli/mock_suite.json" "score -q --images csv --metric kid --weights random --reference csv"; do
    says "an id with a slash: ${of%% *}" 1 "slash.csv:2: id 'a/b' has '/' in it" "$cm" $of --prompts ./slash.csv --out x
done
absent "nothing was made of these" x x.png

# Sets: made, checked, shown.
prints "a set of one's own" "^own.jsonl: 30 prompts" "$cm" prompts make human --count 30 --seed 5 --out own.jsonl
holds "says which it is" sh -c "head -1 own.jsonl | grep -q '\"kind\":\"set\",\"set\":\"human\",\"version\":1,\"count\":30,\"seed\":5'"
"$cm" prompts make human --count 30 --seed 5 --out again.jsonl >out
"$cm" prompts make human --count 30 --seed 6 --out other.jsonl >out
holds "the same seed, the same set" cmp own.jsonl again.jsonl
holds "another seed, another" sh -c "! cmp -s own.jsonl other.jsonl"
holds "spans of the tokenizer that is there" sh -c "sed -n 2p own.jsonl | grep -q '\"spans\":{\"nano\":\[\[[0-9]'"
says "a frozen set of another seed" 2 "human-100 is frozen; --seed and --count go with 'human'" "$cm" prompts make human-100 --seed 5 --out x.jsonl
says "no such set" 2 "'human-204' is none of .*the closest is 'human-2048'" "$cm" prompts make human-204 --out x.jsonl
says "no such command" 2 "'lnt' is none of .*the closest is 'lint'" "$cm" prompts lnt own.jsonl
says "a set without a file" 2 "give --out" "$cm" prompts make human
says "a part of a set" 0 "10 prompts where its first line says 30: a part of the set" \
    sh -c "head -11 own.jsonl >part.jsonl && $cm generate --model $tiny --width 64 --height 64 --cfg 1 --steps 1 --threads 2 --prompts part.jsonl --out part"

prints "a clean file" "^mine.txt: 2 prompts, 0 findings" "$cm" prompts lint mine.txt
printf 'id,prompt\n1,"a headshot, black hair, brwon boots"\na/b,x\n2,"a headshot, black hair, brwon boots"\n' >bad.csv
"$cm" prompts lint bad.csv >found 2>err
holds "findings: exit 3" test $? -eq 3
cat >want <<'END'
bad.csv:3: row: id 'a/b' has '/' in it; only letters, digits and . _ - can name a file
bad.csv:2: unknown: 'brwon': is 'brown' meant?
bad.csv:2: contradiction: 'headshot' does not show 'brwon boots'
bad.csv:4: duplicate: the same prompt as line 2
bad.csv:4: contradiction: 'headshot' does not show 'brwon boots'
bad.csv: 2 prompts, 5 findings: 1 row, 2 contradiction, 1 unknown, 1 duplicate
END
holds "a line each, and a summary" cmp want found
"$cm" prompts lint --tokenizer "$root/core/models/nano/tokenizer" human-100 >found 2>err
holds "another vocabulary counts otherwise" grep -q "unknown: the row says [0-9]* tokens, the tokenizer makes" found
says "no such file" 2 "is no file and no name in prompts/sets" "$cm" prompts lint nosuch
prints "what is in a set" "^hair	hair style	bald	[1-9]" "$cm" prompts show human-100
prints "its shots" "^shot	headshot	5" "$cm" prompts show human-100
prints "how long it is" "^tokens of CLIP	30 to 77	90" "$cm" prompts show human-100
says "and its version" 3 "" sh -c "$cm prompts lint human-100 >found; code=\$?; echo 'cosmicman: found' >&2; exit \$code"
holds "is told" grep -q "human-100.jsonl: version 1, 100 prompts, 9 findings: 9 cut off" found
for set in people-64 people-512 human-2048 human-100; do
    holds "$set is the one that the page tells" grep -q "$(sha256sum "$root/prompts/sets/$set.jsonl" | cut -d' ' -f1)" "$root/docs/PROMPTS.md"
done
absent "nothing was made of these either" x.jsonl

# A table in a run of the bench, and the numbers that it has as ids.
{ echo "id,caption"; for i in 1 2 3 4 5 6 7 8; do echo "$i,a woman in a red shirt with $i buttons"; done; } >eight.csv
prints "bench over a CSV" "bench/report.html" "$cm" bench -q --suite "$root/tests/cli/mock_suite.json" --no-speed --metric clip@nano --prompts ./eight.csv --out bench
holds "ids and captions are the table's" sh -c "grep '\"kind\":\"image\"' bench/records.jsonl | grep -q '\"id\":\"8\".*with 8 buttons'"
