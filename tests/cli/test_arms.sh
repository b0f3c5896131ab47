# SPDX-License-Identifier: Apache-2.0
# bench of arms that the command line names: models with settings of their own, images by id and in order, JPEG, a CSV table of
# prompts, several images a prompt, shards and what they merge to, arms that were not given, arms that lack images. The nano
# networks score; they stand in Inception's place, too.
printf '\357\273\277Note,Caption\r\n"x, y","an adult female, long red\r\nhair, red long sleeve shirt"\r\n,"an adult male, a ""red"" shirt"\r\n,"an adult female, black hair, blue jeans"\r\n,a red long sleeve shirt\r\n' >mine.csv
"$cm" data people --count 8 --seed 5 --out drawn >/dev/null 2>&1
bench="$cm bench -q --no-speed --prompts ./mine.csv --weights nano --steps 2 --width 32 --height 32"
all="$bench --images 2 --arm a=$tiny --arm b=$tiny,steps=3,sampler=euler --pair b,a --reference drawn/images --metric fid@clean,clip@nano,acc"
lines() { grep -aE '"kind":"(image|score|pair|part)"' "$1/records.jsonl" | sed -E 's/"seconds":(\{[^}]*\}|[0-9.e-]+),?//g' | sort; }
value() { grep -a "\"kind\":\"score\".*\"arm\":\"$2\".*\"score\":\"$3\"" "$1/records.jsonl" | sed 's/.*"value":\([^,}]*\).*/\1/'; }

# Two models, two images a prompt.
prints "two models as arms" "whole/report.html" $all --out whole
holds "two images a prompt and arm" test "$(find whole/images -name 'p000?.png' | wc -l)" -eq 16
holds "a line each" test "$(grep -ac '"kind":"image"' whole/records.jsonl)" -eq 16
holds "a cell with a line break is one prompt" grep -aqF '"prompt":"an adult female, long red\r\nhair, red long sleeve shirt"' whole/records.jsonl
holds "a doubled quote is one" grep -aqF '"prompt":"an adult male, a \"red\" shirt"' whole/records.jsonl
noises() { grep -a "\"kind\":\"image\".*\"arm\":\"$1\"" whole/records.jsonl | sed 's/.*"noise_hash":"\([0-9a-f]*\)".*/\1/'; }
holds "arms share their noise" test "$(noises a)" = "$(noises b)"
holds "images of a prompt do not" test "$(noises a | sort -u | wc -l)" -eq 8
holds "an arm's own settings" grep -aqE '"kind":"arm","arm":"b".*"sampler":"euler","steps":3' whole/records.jsonl
holds "a pair a score" test "$(grep -acE '"kind":"pair".*"a":"b","b":"a"' whole/records.jsonl)" -eq 6
holds "accuracies ask what the text says" grep -aqE '"id":"p0001".*"counts":{"acc_obj":\[[0-9],2\],"acc_tex":\[[0-9],2\],"acc_shape":\[[0-9],1\]}' whole/records.jsonl
holds "scores count prompts" grep -aqE '"arm":"a","score":"clip@nano".*"n":4' whole/records.jsonl

# In shares, and together again.
prints "the first share" "shard 1 of 2" $all --shard 1/2 --out one
prints "the second" "shard 2 of 2" $all --shard 2/2 --out two
prints "joined" "" "$cm" merge two one --out merged
lines whole >a && lines merged >b
holds "to the same records" cmp a b
cp -r whole/images/a made
holds "and images" diff -r made merged/images/a

# Images made elsewhere are scored as the model that made them.
prints "the model's own images, by id" "report" $all --arm-images again=made --out by-id
for score in 'fid@clean\[nano\]' clip@nano acc_obj; do
    holds "$score is the model's" test -n "$(value whole a "$score")" -a "$(value by-id again "$score")" = "$(value whole a "$score")"
done
mkdir ordered photos
for i in 1 2 3 4; do
    cp "made/0/p000$i.png" "ordered/z$i.png"
    cp "$root/tests/golden/images/rgb.jpg" "photos/p000$i.jpg"
done
single="$bench --metric clip@nano,acc"
prints "in the prompts' order, and as JPEG" "report" $single --arm a=$tiny --arm-images "o=ordered,match=order" --arm-images j=photos --out ordering
holds "in order: the same again" test -n "$(value ordering a clip@nano)" -a "$(value ordering o clip@nano)" = "$(value ordering a clip@nano)"
holds "a pair of them is no difference" grep -aqE '"kind":"pair".*"score":"clip@nano","a":"o","b":"a","difference":0(\.0)?,' ordering/records.jsonl
holds "JPEG is scored" test -n "$(value ordering j clip@nano)"
says "without a word, ids are looked for" 2 "no image is named after|has 0 of 4 images|no image in ordered" $single --arm a=$tiny --arm-images o=ordered --out x

# Arms that are not there.
cat >suite.json <<END
{"prompts": "./mine.csv", "metrics": "clip@nano", "steps": 2, "width": 32, "height": 32,
 "arms": [{"name": "here", "model": "$tiny"}, {"name": "elsewhere", "about": "the user's own"}]}
END
prints "an arm that was not given" "report" "$cm" bench -q --no-speed --suite ./suite.json --out absent
holds "is not run" sh -c "grep -q 'not run' absent/report.md && grep -aq '\"name\":\"elsewhere\".*\"kind\":\"absent\"' absent/records.jsonl"
prints "given, it is" "report" "$cm" bench -q --no-speed --suite ./suite.json --arm-images elsewhere=photos --out given
holds "run" test -n "$(value given elsewhere clip@nano)"
rm photos/p0004.jpg
says "an arm that lacks an image" 2 "arm j has 3 of 4 images; --unequal" $single --arm a=$tiny --arm-images j=photos --out unequal
holds "makes none of the others'" test -z "$(find unequal -name '*.png' 2>/dev/null)"
$single --unequal --arm a=$tiny --arm-images j=photos --out unequal >/dev/null 2>err
holds "is compared where that is said" grep -aqE '"kind":"pair".*"score":"clip@nano".*"n":3' unequal/records.jsonl

# What is wrong is one line, before any image is made.
cp -r "$tiny" lame && rm -r lame/tokenizer
says "a last model without a tokenizer" 1 "arm b: model 'lame': lame/tokenizer: .*missing" $single --arm a=$tiny --arm b=lame --out x1
says "images given as a model" 2 "arm b: model 'photos': photos: no diffusers folder" $single --arm a=$tiny --arm b=photos --out x2
says "a model given as images" 2 "$tiny: no images" $single --arm-images "a=$tiny" --out x
says "a configuration that is not there" 2 "arm a: .*--config nosuch: no such folder" $single --arm a=$tiny --config nosuch --out x3
says "a misspelt setting" 2 "--arm: 'step' is none of .*closest is 'steps'" $single --arm a=$tiny,step=3 --out x
says "a setting of another kind of arm" 1 "says nothing of an arm that is a folder of images" $single --arm-images j=photos,steps=3 --out x
says "two arms of one name" 2 "--arm: two arms are named 'a'" $single --arm a=$tiny --arm a=$tiny,steps=3 --out x
says "a text score without a vocabulary" 2 "clip@mlperf reads prompts, .*: --tokenizer PATH" $bench --weights random --metric clip@mlperf --arm a=$tiny --out x
says "a distance without a reference" 2 "compare with a set: --reference" $bench --metric fid@clean --arm a=$tiny --out x
says "a reference of another size" 2 "4 and 8 do not compare" $bench --metric fid@clean --reference drawn/images --arm a=$tiny --out x
says "no prompts" 2 "prompts are needed: --prompts FILE" "$cm" bench -q --no-speed --metric acc --arm a=$tiny --out x
says "no metric" 2 "--metric NAMES is needed" "$cm" bench -q --no-speed --prompts ./mine.csv --arm a=$tiny --out x
printf 'Note,Caption\r\nx\r\n' >ragged.csv
says "a ragged table" 1 "ragged.csv:2: 1 cell where the header has 2" "$cm" bench -q --no-speed --prompts ./ragged.csv --metric acc --arm a=$tiny --out x
holds "none was made" test -z "$(find x x1 x2 x3 -name '*.png' 2>/dev/null)"
$single --arm a=$tiny --out twice >/dev/null 2>&1
says "other arms, by name" 2 "has the arms a, now they are a, b; --fresh" $single --arm a=$tiny --arm b=$tiny,steps=3 --out twice
