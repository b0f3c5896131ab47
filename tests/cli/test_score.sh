# SPDX-License-Identifier: Apache-2.0
# score --metric: published scores over real folders, resuming, shards, merge, statistics, bad input. The nano network stands
# in Inception's place: same paths, small.
"$cm" data people --count 24 --seed 5 --out one >/dev/null 2>&1
"$cm" data people --count 24 --seed 99 --out two >/dev/null 2>&1
score="$cm score -q --weights nano --batch 3"
four=fid@tf1,fid@pytorch,fid@clean,fid@tm18

value() { grep -a "\"kind\":\"score\".*\"score\":\"$2\"" "$1/records.jsonl" | sed 's/.*"value":\([^,}]*\).*/\1/'; }
lines() { grep -aE '"kind":"(score|image|reference)"' "$1/records.jsonl" | sort; }

prints "four protocols of FID and more" "24 scored|48 scored, 0 failed" $score --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out whole
holds "a line an image" test "$(grep -acE '"kind":"(image|reference)"' whole/records.jsonl)" -eq 48
holds "a line a score" test "$(grep -ac '"kind":"score"' whole/records.jsonl)" -eq 9
holds "labelled by its weights" grep -q '"score":"fid@clean\[nano\]"' whole/records.jsonl
holds "which is no published score" grep -q 'so this is not the published score' whole/records.jsonl
holds "too few pictures are told" grep -q 'N=24 is not above 128 features' whole/records.jsonl
holds "in the table" grep -qF '| fid@clean\[nano\] | lower | ' whole/report.md
holds "on the page" grep -q 'fid@tm18\[nano\]' whole/report.html
holds "the sizes that pictures are resized from are none here: tf1 and clean agree" test "$(value whole 'fid@tf1\[nano\]')" = "$(value whole 'fid@tm18\[nano\]')"

prints "one thread, other batches" "scored" $score --threads 1 --batch 7 --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out single
lines whole >a && lines single >b
holds "change nothing" cmp a b
cp -r whole again
prints "a finished run is left alone" "scored" $score --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out again
holds "not a byte" cmp whole/records.jsonl again/records.jsonl

# A run that was cut short: some pictures, half a line.
mkdir -p killed && cp -r whole/features killed/
grep -aE '"kind":"(run|image|reference)"' whole/records.jsonl | head -20 >killed/records.jsonl
printf '{"kind":"image","su' >>killed/records.jsonl
prints "it goes on" "48 scored" $score --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out killed
lines killed >b
holds "and ends with the same records" cmp a b
says "another reference into the same folder" 2 "another reference" $score --images one/images --reference one/images --metric $four,prdc,fid-inf@clean --out whole
prints "a set and itself" "fid@clean.nano. +-?[0-9.]+e-|fid@clean.nano. +0 " $score --images one/images --reference one/images --metric fid@clean --out same

says "a finished run says so" 0 "this run is finished, nothing is made again" "$cm" score --weights nano --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out again

# Killed at many moments: the same records in the end, times aside, and no line twice.
all=$four,prdc,fid-inf@clean
untimed() { sed -E 's/"(seconds|peak_rss_mb|started|finished)":[^,}]*,?//g' "$1/records.jsonl" | grep -av '"kind":"pass"'; }
for delay in 0.02 0.05 0.1 0.15 0.2 0.25 0.3 0.4 0.5 0.6; do
    { timeout -s KILL $delay $score --threads 1 --images one/images --reference two/images --metric $all --out kills; } >/dev/null 2>&1
done
prints "after ten kills" "48 scored, 0 failed" $score --threads 1 --images one/images --reference two/images --metric $all --out kills
untimed kills >a && untimed single >b
holds "the records of one that was left alone" cmp a b

# Features that are lost are made again, not taken for zeros.
without_scores() { grep -aE '"kind":"(run|image|reference)"' whole/records.jsonl >lost/records.jsonl; }
for how in "rm -f" "truncate -s 0" "truncate -s 700" "shred -n1 -s 600 -x"; do
    rm -rf lost && cp -r whole lost && without_scores
    for f in lost/features/*-features.f32; do $how "$f"; done
    says "features by '$how'" 0 "rows of features are not what the records tell of" sh -c "$score --images one/images --reference two/images --metric $all --out lost >/dev/null"
    lines lost >b && lines whole >a
    holds "are read again" cmp a b
done
rm -rf lost && cp -r whole lost && without_scores && f=$(ls lost/features/* | head -1) && mv "$f" elsewhere && ln -s "$work/elsewhere" "$f"
says "a link in a features file's place" 1 "cannot open" $score --images one/images --reference two/images --metric $all --out lost

# A metric more keeps what is there.
rm -rf more && $score --images one/images --reference two/images --metric fid@clean --out more >/dev/null
cp more/features/pictures-*.f32 kept.f32 && touch -d 2001-01-01 more/features/*.f32
prints "a metric more of the same features" "fid-inf@clean.nano" $score --images one/images --reference two/images --metric fid-inf@clean --out more
holds "looks at nothing again" test "$(grep -ac '"kind":"pass"' more/records.jsonl)" -eq 2
holds "and writes no feature" test "$(find more/features -newermt 2002-01-01 -name '*.f32' | wc -l)" -eq 0
prints "one by another rule" "fid@tm18.nano" $score --images one/images --reference two/images --metric fid@tm18 --out more
holds "keeps the old features" cmp kept.f32 "$(ls more/features/pictures-*clean*.f32)"
for name in 'fid@clean\[nano\]' 'fid-inf@clean\[nano\]' 'fid@tm18\[nano\]'; do
    holds "$name as if asked together" test "$(value more "$name")" = "$(value whole "$name")"
done
holds "a line an image" test "$(grep -acE '"kind":"(image|reference)"' more/records.jsonl)" -eq 48
says "all of them are there" 0 "nothing is made again" "$cm" score --weights nano --images one/images --reference two/images --metric fid-inf@clean,fid@clean --out more
truncate -s 0 more/features/pictures-*tm18*.f32
says "what is lost of a metric that is not named" 2 "pictures-inception-tm18.*.f32 is not what the records tell of; name its metrics too" $score --images one/images --reference two/images --metric fid@tf1 --out more
prints "named, it is read again" "fid@tf1.nano" $score --images one/images --reference two/images --metric fid@tf1,fid@tm18 --out more
holds "to the same score" test "$(value more 'fid@tm18\[nano\]')" = "$(value whole 'fid@tm18\[nano\]')"

# Shards, in any order.
for k in 1 2 3; do
    prints "shard $k" "shard $k of 3" $score --shard $k/3 --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out shard$k
done
prints "merged" "48 scored" "$cm" merge shard3 shard1 shard2 --out merged
lines merged >b
holds "to the same records" cmp a b
for f in whole/features/*; do holds "the same $(basename "$f")" cmp "$f" "merged/features/$(basename "$f")"; done
says "a shard is missing" 2 "is shard . of 3, 2 folders are given" "$cm" merge shard1 shard2 --out bad
says "a shard twice" 2 "are both shard 1" "$cm" merge shard1 shard1 shard2 --out bad
says "no shard" 2 "is no shard" "$cm" merge whole --out bad
says "into a folder that is used" 2 "is there already" "$cm" merge shard1 shard2 shard3 --out merged
prints "a shard of another run" "shard 2" $score --shard 2/3 --images two/images --reference two/images --metric $four,prdc,fid-inf@clean --out other2
says "does not fit" 2 "not of one run: another arms" "$cm" merge shard1 other2 shard3 --out bad
mkdir half && cp -r shard2/features half/ && head -4 shard2/records.jsonl >half/records.jsonl
says "a shard that has not finished" 2 "has not finished: no record of image" "$cm" merge shard1 half shard3 --out bad
holds "leaves nothing half-made" test ! -e bad/records.jsonl
cp -r shard2 rotten && truncate -s 0 rotten/features/* && truncate -r shard2/features/pictures-*clean*.f32 rotten/features/*
says "a shard whose features are lost" 2 "rotten: features/.* are not what the records tell of; run this shard again" "$cm" merge shard1 rotten shard3 --out bad
prints "run again" "shard 2 of 3" $score --shard 2/3 --images one/images --reference two/images --metric $four,prdc,fid-inf@clean --out rotten
prints "it merges" "48 scored" "$cm" merge shard1 rotten shard3 --out mended
lines mended >b && lines whole >a
holds "to the same records as ever" cmp a b
says "shards by wrong numbers" 2 "is not K/N" $score --shard 4/3 --images one/images --metric is --out x

# Statistics.
prints "statistics are written" "scored" $score --images two/images --metric fid@clean --save-statistics stats.npz --out stats
prints "and read" "scored" $score --images one/images --reference stats.npz --metric fid@clean --out from
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !((d < 0 ? -d : d) <= 1e-6 * (b < 0 ? -b : b)) }'; }
holds "with the score of the pictures" near "$(value from 'fid@clean\[nano\]')" "$(value whole 'fid@clean\[nano\]')"
says "by another protocol" 2 "statistics of another protocol: fid@clean in the file, fid@tf1 is wanted" $score --images one/images --reference stats.npz --metric fid@tf1 --out x1
says "for a score that needs pictures" 2 "needs the reference's images" $score --images one/images --reference stats.npz --metric kid --out x2
says "of another network" 1 "not zip|truncated|directory" sh -c "head -c 500 stats.npz >cut.npz; $score --images one/images --reference cut.npz --metric fid@clean --out x3"
says "others' statistics, of another width" 2 "another network" $score --images one/images --reference "$root/tests/golden/npz/statistics.npz" --metric fid@clean --out x4

# Manifests and arrays.
for i in 000001 000002 000003 000004; do printf '{"path":"one/images/%s.png","id":"p%s","prompt":"a red shirt"}\n' $i $i; done >list.jsonl
prints "a manifest" "4 scored" $score --images list.jsonl --metric fid@clean --save-statistics few.npz --out list
prints "an array" "2 scored" $score --images "$root/tests/golden/npz/plain.npz" --metric fid@clean --save-statistics few.npz --out array

# Bad input.
cp -r one/images broken && head -c 300 broken/000011.png >cut && mv cut broken/000011.png
$score --images broken --reference two/images --metric fid@clean --out damaged >counted 2>err
code=$?
holds "a damaged picture: exit 3" test "$code" -eq 3
holds "it is named" grep -q "broken/000011.png" err
holds "and counted" grep -q "47 scored, 1 failed" counted
holds "the rest is scored" grep -q '"score":"fid@clean\[nano\]".*"value":[0-9.]*,.*"n":23.*"reference_n":24' damaged/records.jsonl
holds "which its note says" grep -q '23 images against 24' damaged/records.jsonl
cp one/images/000011.png broken/
$score --images broken --reference two/images --metric fid@clean --out damaged >counted 2>err
holds "another list begins anew only when told" grep -qE "another (count|arms)" err
prints "mended" "48 scored, 0 failed" $score --fresh --images broken --reference two/images --metric fid@clean --out damaged
mkdir empty less && cp one/images/00000*.png less/
says "an empty folder" 2 "no images" $score --images empty --metric is --out x
says "no such folder" 2 "no such folder" $score --images nosuch --metric fid@clean --out x
says "sets of different size" 2 "24 and 10 do not compare|10 and 24 do not compare" $score --images less --reference two/images --metric fid@clean --out x
prints "all the same" "34 scored" $score --unequal --images less --reference two/images --metric fid@clean --out less-out
says "no reference" 2 "compare with a set: --reference" $score --images one/images --metric fid@clean --out x
says "an unknown metric" 2 "--metric: 'fid' has several protocols; one of fid@tf1, " $score --images one/images --metric fid --out x
says "a metric twice" 2 "named twice" $score --images one/images --metric kid,kid --out x
says "no weights" 2 "the weights of inception are needed: --weights DIR with pt_inception" "$cm" score -q --images one/images --metric is --out x
says "a folder without weights" 2 "no weights of inception in it" "$cm" score -q --weights empty --images one/images --metric is --out x
says "wrong weights for the network" 1 "inception" "$cm" score -q --network inception="$root/core/models/nano/features/model.safetensors" --images one/images --metric is --out x
says "an unknown network" 2 "--network: 'who' is none of " "$cm" score -q --network who=x --images one/images --metric is --out x
says "a network without its logits" 2 "needs the logits of inception" $score --images one/images --metric is --out x
says "a backend that rounds" 2 "scores are made in f32" $score --backend bf16 --images one/images --reference two/images --metric fid@clean --out x
says "too few for KID, before an image is read" 2 "kid draws subsets of 1000, and [a-z]+ has 24 images; --kid-subset-size" $score --images one/images --reference two/images --metric kid,fid@clean --out few-kid
holds "so nothing is made" test ! -e few-kid/records.jsonl
prints "smaller subsets of it" "kid.subset=12..nano." $score --kid-subset-size 12 --images one/images --reference two/images --metric kid --out small-kid
holds "labelled by their size" grep -q '"score":"kid(subset=12)\[nano\]"' small-kid/records.jsonl
says "larger than the set" 2 "kid draws subsets of 25, and [a-z]+ has 24 images; --kid-subset-size" $score --kid-subset-size 25 --images one/images --reference two/images --metric kid --out large-kid
says "a size without KID" 2 "is for the metric kid" $score --kid-subset-size 12 --images one/images --reference two/images --metric fid@clean --out x
says "the exit code is explained" 0 "" sh -c "'$cm' score --help | grep -q 'undefined'"
says "text scores without prompts" 2 "need --prompts" "$cm" score -q --weights random --images one/images --metric clip@mlperf --out x
holds "in one line" test "$(wc -l <"$work/err")" -eq 1

# Pictures and prompts, by a tiny CLIP pair.
tiny_pair="$root/tests/golden/clip_pair/hf"
text="$cm score -q --network clip-vit-b-32=$tiny_pair,clip-vit-l-14=$tiny_pair,hps-v2.1=$tiny_pair"
mkdir named
for i in 1 2 3 4; do
    cp one/images/00000$i.png named/p000$i.png
    printf '{"id":"p000%s","prompt":"a red shirt, long red hair"}\n' $i
done >four.jsonl
prints "every text score" "4 scored, 0 failed, 0 prompts without an image, 0 images without" $text --images named --prompts ./four.jsonl \
    --metric clip@mlperf,clip@hessel,clip@t2icomp,clip@tm,clip@heim,clip-windowed,clip-phrases,hpsv2@2.1 --out text
holds "has a value" test "$(grep -ac '"kind":"score".*"value"' text/records.jsonl)" -eq 8
holds "and what was read" test "$(grep -ac '"kind":"score".*"read":' text/records.jsonl)" -eq 8
cosine=$(value text clip@t2icomp) percent=$(value text clip@mlperf)
holds "one is a hundred times the other" near "$percent" "$(awk -v c="$cosine" 'BEGIN { printf "%.12f", 100 * c }')"
prints "a score of sets" "fid@clean" $score --unequal --images named --reference two/images --metric fid@clean --out both
prints "and one of prompts, added" "clip@mlperf" $text --unequal --images named --prompts ./four.jsonl --metric clip@mlperf --out both
holds "as if asked alone" test "$(value both clip@mlperf)" = "$percent"
holds "beside the other" test -n "$(value both 'fid@clean\[nano\]')"
prints "another of the same network" "clip@t2icomp" $text --unequal --images named --prompts ./four.jsonl --metric clip@t2icomp --out both
holds "has its value" test "$(value both clip@t2icomp)" = "$cosine"
holds "three scores stay" test "$(grep -ac '"kind":"score".*"value"' both/records.jsonl)" -eq 3
printf '{"id":"p0009","prompt":"a red shirt"}\n' >>four.jsonl
cp one/images/000005.png named/stray.png
$text --images named --prompts ./four.jsonl --metric clip@mlperf --out text2 >counted 2>err
code=$?
holds "a prompt without a picture: exit 3" test "$code" -eq 3
holds "both are counted" grep -q "5 scored, 0 failed, 1 prompts without an image, 1 images without a prompt" counted
holds "and named" sh -c "grep -q 'prompt p0009 has no image' err && grep -q 'stray.png has no prompt' err"
holds "the others are scored" grep -q '"score":"clip@mlperf".*"n":4' text2/records.jsonl
for i in 1 2 3 4; do printf '{"id":"p000%s","prompt":"it\303\242\342\202\254\342\204\242s a red shirt"}\n' $i; done >misread.jsonl
$text --images named --prompts ./misread.jsonl --metric clip@mlperf --out text3 >counted 2>err
holds "prompts that look wrongly decoded are warned of" test "$(grep -c 'p000..png looks wrongly decoded' err)" -eq 3
holds "the rest are counted" grep -q "1 more prompts look wrongly decoded" err
$text --images named --prompts ./misread.jsonl --metric clip@tm --out text4 >counted 2>err
holds "not for transformers, which would not mend them" sh -c "! grep -q 'wrongly decoded' err"
mkdir strangers && cp one/images/000005.png strangers/
says "no picture named after a prompt" 2 "no image is named after" $text --images strangers --prompts ./four.jsonl --metric clip@mlperf --out x
prints "a manifest's own prompts" "4 scored" $text --images list.jsonl --metric clip@mlperf,clip-phrases --out own
says "a pair without a text tower's files" 1 "clip-vit-b-32" "$cm" score -q --network clip-vit-b-32="$root/core/models/nano/clip" --images named --prompts ./four.jsonl --metric clip@mlperf --out x
says "nano in CLIP's place" 2 "Inception's place only" "$cm" score -q --weights nano --images named --prompts ./four.jsonl --metric clip@mlperf --out x
