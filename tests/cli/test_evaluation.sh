# SPDX-License-Identifier: Apache-2.0
# The one evaluation with the mock: arms of every kind, stops anywhere, shards, records of other versions.
suite=$root/tests/cli/mock_suite.json
mkdir theirs
for i in 1 2 3 4 5 6; do cp "$root/tests/golden/images/rgb.png" "theirs/p000$i.png"; done
cp "$root/tests/golden/images/grey.png" theirs/p0003.png
cat >copy.sh <<'END'
#!/bin/sh
# makes an image for each row that is asked for
sed 's/.*"file": *"\([^"]*\)".*/\1/' "$1" | while read -r f; do cp "$2" "$3/$f"; done
END
bench="$cm bench -q --suite $suite --no-speed --count 6 --arm-images theirs=theirs --allow-exec"
everything() { COSMICMAN_MOCK_DELAY=${2:-0} $bench --arm-exec "script=sh $PWD/copy.sh {prompts} $root/tests/golden/images/rgb.png {out}" --pair script,theirs --out "$1"; }

# Records without what the clock says: what two runs must agree on.
untimed() { sed -E 's/"seconds":(\{[^}]*\}|[0-9.e-]+),?//g; s/"(peak_rss_mb|started|finished|status)":("[^"]*"|[0-9.e-]+),?//g' "$1/records.jsonl" | grep -avE '"kind":"(pass|command)"'; }
same() { untimed "$1" >a && untimed "$2" >b && cmp a b && diff -r "$1/images" "$2/images" && diff -r "$1/features" "$2/features"; }

prints "arms of three kinds" "whole/report.html" everything whole
holds "30 images" test "$(grep -ac '"kind":"image"' whole/records.jsonl)" -eq 30
holds "a score an arm and metric, attention of models alone" test "$(grep -ac '"kind":"score"' whole/records.jsonl)" -eq 47
holds "pairs of all kinds" grep -q '"kind":"pair".*"a":"script","b":"theirs".*"p_holm"' whole/records.jsonl
holds "whose images come from where they were" grep -q '"arm":"theirs".*"source":"theirs/p0001.png"' whole/records.jsonl
holds "attention of a model alone" test "$(grep -a '"kind":"image"' whole/records.jsonl | grep -ac '"watched"')" -eq 18
holds "accuracy by body group" grep -q '"kind":"part","arm":"hq","group":"hair","score":"acc_tex"' whole/records.jsonl
holds "what the command did" grep -q '"kind":"command","arm":"script".*"images":6' whole/records.jsonl
holds "equal weights, equal hashes" test "$(grep -a '"kind":"run"' whole/records.jsonl | grep -o '"hash":"[0-9a-f]*"' | wc -l)" -ge 3

for delay in 0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.7 0.9 1.2; do
    { timeout -s KILL "$delay" bash -c "$(declare -f everything); bench='$bench' root='$root'; everything killed 20"; } >/dev/null 2>&1
    pkill -KILL -f "mock_suite.json --no-speed --count 6 .*--out killed" 2>/dev/null
done
prints "after ten kills" "killed/report.html" everything killed
holds "the records and files of an undisturbed run" same whole killed

for k in 1 2 3; do
    prints "shard $k" "shard $k of 3" $bench --arm-exec "script=sh $PWD/copy.sh {prompts} $root/tests/golden/images/rgb.png {out}" --pair script,theirs --shard $k/3 --out shard$k
done
prints "merged" "merged/report.html" "$cm" merge shard2 shard3 shard1 --out merged
holds "to what one run leaves" same whole merged
cp -r shard2 rotten && printf x >>rotten/images/hq/p0003.png
says "a shard with another image" 2 "p0003.png: is not the image that the records tell of" "$cm" merge shard1 rotten shard3 --out bad
ln -sf /etc/hostname rotten/images/hq/p0003.png
says "a link out of a shard" 2 "is not there, or not in this folder" "$cm" merge shard1 rotten shard3 --out bad2

# An image of a model that is gone or altered is made again; features too.
cp -r whole mended && rm mended/images/hq/p0002.png && printf x >>mended/images/daring/p0005.png && sed -i '/"kind":"done"/d' mended/records.jsonl
truncate -s 8 mended/features/base-nano-features-nano-features.f32
prints "lost images and features" "mended/report.html" everything mended
holds "are made again" same whole mended

# Several images a prompt.
prints "two images a prompt" "two/report.html" $cm bench -q --suite "$suite" --no-speed --count 6 --images 2 --out two
holds "a file each" test "$(ls two/images/hq/[01]/*.png | wc -l)" -eq 12
holds "the prompt is the unit" grep -q '"kind":"score".*"arm":"hq".*"n":6,"images":12' two/records.jsonl
holds "other noise each" test "$(grep -a '"kind":"image".*"arm":"hq"' two/records.jsonl | sed 's/.*"noise_hash":"\([0-9a-f]*\)".*/\1/' | sort -u | wc -l)" -eq 12
prints "taken from a folder" "again/report.html" $cm bench -q --suite "$suite" --no-speed --count 6 --images 2 --arms same,hq --arm-images same=two/images/hq --pair same,hq --out again
holds "they are the same images" grep -qE '"score":"clip@nano\[mock\]","a":"same","b":"hq","difference":-?0\.0' again/records.jsonl

# Gates: what the run must show.
gates() { sed "s/\"run_seed\"/\"gates\": [$1], \"run_seed\"/" "$suite" >gates.json; "$cm" bench -q --suite ./gates.json --no-speed --count 6 --fresh --out gates; }
low='{"arm": "hq", "score": "acc_all", "bound": 0}' high='{"arm": "hq", "score": "acc_all", "bound": 101}' pair='{"pair": ["daring", "hq"], "score": "hola", "margin": 1}'
prints "gates that pass" "gates/report.html" gates "$low, $pair"
holds "are in the records" test "$(grep -ac '"kind":"gate","verdict":"passed"\|"verdict":"passed"' gates/records.jsonl)" -eq 2
for case in "5 $high" "4 {\"pair\": [\"daring\", \"hq\"], \"score\": \"clip@nano\", \"margin\": 0}"; do
    gates "${case#* }" >said 2>err
    holds "a gate's exit status is ${case%% *}" test "$?" -eq "${case%% *}"
done
gates "$low" >said 2>err
holds "one that was left out before is no gate now" test "$(grep -ac '"kind":"gate"' gates/records.jsonl)" -eq 1
says "a gate of a score that is not made" 2 "gates: score: 'acc_al' is none of .*closest is 'acc_all'" gates '{"arm": "hq", "score": "acc_al", "bound": 0}'
says "a gate of an arm that is not there" 2 "gate 1: 'hp' is none of base, hq, daring" gates '{"arm": "hp", "score": "acc_all", "bound": 0}'
says "half a gate" 1 "gate 1: .*is wanted" gates '{"arm": "hq", "score": "acc_all"}'

# Folders of something else.
"$cm" data people --count 2 --out people >/dev/null 2>&1
says "a data set's folder" 2 "people: has (images, but no records|records of something)" $cm bench -q --suite "$suite" --no-speed --count 2 --out people
says "an arm named twice" 2 "--arms: 'hq' is named twice" $cm bench -q --suite "$suite" --no-speed --arms hq,hq --out no
says "more prompts than there are" 0 "people-64 has 64 prompts; all of them are taken" $cm bench --suite "$suite" --no-speed --count 100 --out many
says "prompts that are nowhere" 2 "^cosmicman: --prompts: 'nowhere' is no file" $cm bench --suite "$suite" --prompts nowhere --out no

# Bad input: one line each, and nothing made.
says "a suite's command without leave" 2 "arm script runs a command: sh .*; --allow-exec lets it" "$cm" bench -q --suite "$suite" --no-speed --arm-exec "script=sh x {prompts} {out}" --out no
says "an arm that lacks images" 2 "arm few has 6 of 8 images; --unequal" $cm bench -q --arm-images few=theirs --prompts people-64 --count 8 --metric clip@nano --weights mock --out no
holds "is refused before anything is made" test ! -e no
says "all the same" 3 "prompt p0007 has no image" sh -c "$cm bench -q --unequal --arm-images few=theirs --arm-images more=whole/images/hq --prompts people-64 --count 8 --metric clip@nano,fd@nano --weights mock --reference whole/images/base --out unequal; code=\$?; echo 'cosmicman: checked' >&2; exit \$code"
says "no metric" 2 "--metric NAMES is needed beside --arm" $cm bench --arm a=nano:hq --prompts people-64 --out no
says "a pair of one" 2 "'hq' is not two arms: --pair A,B" $cm bench --suite "$suite" --pair hq --out no
says "no name" 2 "'nano:hq' is not NAME=model" $cm bench --arm nano:hq --metric acc --out no
says "a setting that is none" 1 "\"steps\" is \"x\", not a whole number" $cm bench --arm a=nano:hq,steps=x --metric acc --prompts people-64 --out no
says "an arm of the table that nobody gave" 2 "this suite's arms are to be given: --arm 'SD 1.5=MODEL'" $cm bench --suite table2 --out no
sed 's/"format":3/"format":9/' whole/records.jsonl >newer.jsonl && cp -r whole newer && mv newer.jsonl newer/records.jsonl
says "records of a newer version" 2 "of a newer version .*, records of format 9, here 3" everything newer
sed 's/"format":3,//' whole/records.jsonl >older.jsonl && cp -r whole older && mv older.jsonl older/records.jsonl
says "records of an older version" 2 "cannot be gone on with; --fresh begins anew" everything older
