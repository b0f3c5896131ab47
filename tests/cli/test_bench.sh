# SPDX-License-Identifier: Apache-2.0
# bench and score with the mock: order, equal noise, resuming after a kill, changed settings, damaged pictures.
suite=$root/tests/cli/mock_suite.json
bench="$cm bench -q --suite $suite --no-speed --count 24"

# Lines of the kinds given, without times, sorted: what two runs must agree on.
lines() { grep -aE "\"kind\":\"($2)\"" "$1/records.jsonl" | sed -E 's/"seconds":(\{[^}]*\}|[0-9.e-]+),?//g' | sort; }

prints "a run ends with its page" "whole/report.html" $bench --out whole
holds "72 pictures" test "$(ls whole/images/*/*.png | wc -l)" -eq 72
holds "one record a picture" test "$(grep -ac '"kind":"image"' whole/records.jsonl)" -eq 72
holds "scores of three arms" test "$(grep -ac '"kind":"score"' whole/records.jsonl)" -eq 33
holds "two pairs a score" test "$(grep -ac '"kind":"pair"' whole/records.jsonl)" -eq 22
holds "chance beside the ceiling" test "$(grep -ac '"kind":"chance"' whole/records.jsonl)" -eq 5
holds "what each group keeps, layer by layer" grep -aqE '"kind":"kept","arm":"hq","group":"hair","n":[0-9]+,"lost":[0-9]+,"all":.0\.[0-9]+.' whole/records.jsonl
holds "the layers are told once an arm" sh -c "head -1 whole/records.jsonl | grep -o '\"layers\":.{[^]]*' | sort | uniq -c | grep -q '3 .*\"name\":\"mock\",\"height\":6,\"width\":4,\"watched\":true'"
holds "the primary score is a family of its own" test "$(grep -a '"kind":"pair"' whole/records.jsonl | grep -acE '"p":([0-9.e-]+),.*"primary":true,"p_holm":\1[,}]')" -eq 2
holds "hola has its floor and even attention's value" grep -aqE '"arm":"hq","score":"hola.mock."(.*)"even":0\.[0-9]+,"floor":0\.[0-9]+,"phrases":[0-9]+,"lost":[0-9]+' whole/records.jsonl
holds "arms share their noise" test "$(grep -a '"kind":"image"' whole/records.jsonl | sed 's/.*"noise_hash":"\([0-9a-f]*\)".*/\1/' | sort -u | wc -l)" -eq 24
holds "pictures of attention" test -s whole/attention/daring/p0001-hair.png
holds "no unfinished files" test -z "$(find whole -name '*.part')"

prints "one thread" "report" $bench --threads 1 --out single
lines whole 'image|score|pair|ceiling' >a && lines single 'image|score|pair|ceiling' >b
holds "the number of threads changes nothing" cmp a b

# A run killed in its middle, with a torn last line and one picture lost, goes on and ends with the same scores.
COSMICMAN_MOCK_DELAY=50 $bench --out killed >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do
    [ "$(cat killed/records.jsonl 2>/dev/null | wc -l)" -gt 20 ] && break
    sleep 0.1
done
{ kill -9 $pid && wait $pid; } 2>/dev/null
holds "it was killed in its middle" test "$(wc -l <killed/records.jsonl)" -lt 73
before=$(wc -l <killed/records.jsonl)
printf '{"kind":"image","suite":"mock_su' >>killed/records.jsonl
rm -f killed/images/base/p0001.png
prints "it goes on" "report" $bench --out killed
lines whole 'image|score|pair|ceiling' >a && lines killed 'image|score|pair|ceiling' >b
holds "a killed run ends with the same records" cmp a b
holds "it did not begin anew" test "$(sed -n "$((before - 5))p" killed/records.jsonl | grep -c '"kind":"image"')" -eq 1

# Ctrl-C is a polite stop.
COSMICMAN_MOCK_DELAY=50 $bench --out stopped >/dev/null 2>said &
pid=$!
for _ in $(seq 100); do
    [ "$(cat stopped/records.jsonl 2>/dev/null | wc -l)" -gt 5 ] && break
    sleep 0.1
done
kill -TERM $pid
wait $pid
code=$?
holds "a stopped run ends as by its signal" test "$code" -eq 143
holds "and says so" grep -q "stopped" said

# One writer a folder; what a kill left half-written goes away, and nothing is taken for a picture.
COSMICMAN_MOCK_DELAY=50 $bench --out stopped >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do
    [ -e stopped/.cosmicman.lock ] && break
    sleep 0.1
done
says "a second writer" 2 "stopped is in use: another cosmicman is writing here .process $pid." $bench --out stopped
says "whatever the command" 2 "is in use" "$cm" data people --count 1 --out stopped
{ kill -9 $pid && wait $pid; } 2>/dev/null
mkdir -p stopped/images/hq && touch stopped/images/hq/.cosmicman-0123456789abcdef.part
prints "it goes on after the stop" "report" $bench --out stopped
holds "without leftovers" test -z "$(find stopped -name '.cosmicman*')"
lines stopped 'image|score|pair|ceiling' >b
holds "a stopped run ends with the same records" cmp a b

cp -r whole again
prints "a finished run is left alone" "report" $bench --out again
holds "not a byte" cmp whole/records.jsonl again/records.jsonl
says "changed settings" 2 "has another settings.steps: 2 there, 3 now; --fresh" sh -c "sed 's/\"steps\": 2/\"steps\": 3/' $suite >mock_suite.json; $cm bench -q --suite ./mock_suite.json --no-speed --count 24 --out again"
says "another number of prompts" 2 "has another count" $cm bench -q --suite $suite --no-speed --count 23 --out again
says "fewer arms" 2 "has the arms base, hq, daring, now they are hq; --fresh" $bench --arms hq --out again
prints "fresh begins anew" "report" $bench --arms hq --fresh --out again
holds "with one arm only" test "$(grep -ac '"kind":"image"' again/records.jsonl)" -eq 24

prints "speed rows" "report" $cm bench -q --suite $suite --count 2 --out speed
prints "lean speed rows" "report" $cm bench -q --suite $suite --count 2 --out lean --lean
holds "they say so" grep -q '"lean": *true' lean/records.jsonl
holds "what is not measured has no number" grep -qE '"stage":"image","note":"not measured: a mock has no speed"' speed/records.jsonl
holds "the machine's own rate" grep -q '"kind":"sgemm","backend":"f32"' speed/records.jsonl
printf '{"kind":"peer","model":"m","stage":"picture","engine":"another","version":"2","precision":"f32","median_s":8,"ratio":2,"psnr_db":61.5,"agrees":true}\n' >peers.jsonl
says "a report with another engine" 0 "peers.csv" "$cm" report speed --peers peers.jsonl
holds "shows it" grep -q '| another | 2 | f32 |  |  | 8 | 2.00 |  | 61.5 | yes |' speed/report.md
says "without it" 0 "" "$cm" report speed
holds "does not" sh -c "! grep -q another speed/report.md speed/peers.csv"
says "peers that are not there" 1 "none.jsonl" "$cm" report speed --peers none.jsonl
says "peers that are something else" 1 "no line of kind .peer" "$cm" report speed --peers speed/records.jsonl

says "no such suite" 2 "'nosuch' is no file and no name" $cm bench --suite nosuch --out x
says "no such arm" 2 "--arms: 'who' is none of base, hq, daring" $bench --arms hq,who --out x
says "no such prompts" 2 "is no file and no name in prompts/sets" $bench --prompts nosuch --out x
says "no such sampler" 2 "sampler: 'dpm' is none of ddim.*closest is 'dpmpp_2m'" sh -c "sed 's/ddim/dpm/' $suite >s.json; $cm bench -q --suite ./s.json --out x"
says "zero steps" 1 'steps" is 0, not within 1 to 100000' sh -c "sed 's/\"steps\": 2/\"steps\": 0/' $suite >s.json; $cm bench -q --suite ./s.json --out x"
says "a width not of 8" 2 "width: 60 is not" sh -c "sed 's/\"width\": 64/\"width\": 60/' $suite >s.json; $cm bench -q --suite ./s.json --out x"
says "no such scorer" 2 "scorer: .nosuch. is none of nano, mock" sh -c "sed 's/\"scorer\": \"mock\"/\"scorer\": \"nosuch\"/' $suite >s.json; $cm bench -q --suite ./s.json --out x"
says "no such model" 2 "no model 'nano:who'" sh -c "sed 's/mock:hq/nano:who/' $suite >s.json; $cm bench -q --no-speed --suite ./s.json --out x"
says "a suite that is not JSON" 1 "s.json:2: not JSON" sh -c "printf '{\n\"arms\" 3}' >s.json; $cm bench -q --suite ./s.json --out x"
says "an unwritable folder" 1 "" $bench --out /proc/nowhere
head -1 "$root/prompts/sets/people-64.jsonl" >twice.jsonl
head -1 "$root/prompts/sets/people-64.jsonl" >>twice.jsonl
says "an id twice" 1 "twice.jsonl:2: id 'p0001' stands twice, first in line 1" $bench --prompts ./twice.jsonl --out x
printf '{"id":"a","prompt":"x"}\n{"id":"b"\n' >bad.jsonl
says "a prompt line that is not JSON" 1 "bad.jsonl:2: not JSON" $bench --prompts ./bad.jsonl --out x
printf '{"id":"../a","prompt":"x"}\n' >bad.jsonl
says "an id that is a path" 1 "bad.jsonl:[0-9]*: id '.*' has '/' in it; only letters, digits" $bench --prompts ./bad.jsonl --out x
printf '{"id":"a","prompt":"a shirt","groups":[{"group":6,"text":"trousers"}]}\n' >bad.jsonl
says "a phrase that the prompt lacks" 1 "does not contain the phrase 'trousers'" $bench --prompts ./bad.jsonl --out x

# Scoring a folder.
score="$cm score -q --suite $suite --prompts people-64"
mkdir pictures
for i in $(seq 24); do cp "whole/images/hq/$(printf p%04d $i).png" pictures/; done
says "prompts without a picture" 3 "" sh -c "$score --images pictures --out scored 2>err; code=\$?; echo 'cosmicman: checked' >&2; cat err >&2; exit \$code"
holds "they are named" grep -q "prompt p0025 has no image" err
holds "three of them, then how many more" sh -c "test \"\$(grep -c 'has no image' err)\" -eq 3 && grep -q '^warning: 37 more prompts have no image' err"
head -24 "$root/prompts/sets/people-64.jsonl" >24.jsonl
score="$cm score -q --suite $suite --prompts ./24.jsonl"
prints "all there" "24 scored, 0 failed, 0 prompts without an image, 0 images without" $score --fresh --images pictures --out scored
for name in fd@nano kd@nano clip@nano acc_obj acc_tex acc_shape acc_all; do
    pick() { grep -a "\"kind\":\"score\".*\"arm\":\"$2\".*\"score\":\"$name\(.mock.\)\?\"" "$1/records.jsonl" | sed 's/.*"value":\([^,]*\),.*/\1/'; }
    holds "$name as in the run" test "$(pick scored pictures)" = "$(pick whole hq)"
done
head -c 300 pictures/p0011.png >cut && mv cut pictures/p0011.png
cp pictures/p0001.png pictures/stray.png
$score --fresh --images pictures --out scored >counted 2>err
code=$?
holds "a damaged picture: exit 3" test "$code" -eq 3
holds "it is counted" grep -q "24 scored, 1 failed, 0 prompts without an image, 1 images without" counted
holds "it is named" grep -q "p0011.png" err
holds "the stray is named" grep -q "stray.png has no prompt" err
holds "the others have their scores" grep -q '"score":"acc_all".*"value":[0-9.]*,.*"n":23' scored/records.jsonl
says "no such folder" 2 "no such folder" $score --images nosuch --out scored
mkdir -p empty
says "nothing to score" 2 "no images .PNG" $score --images empty --out scored

# A real (tiny, untrained) model: attention, speed rows in processes of their own, ref's speed beside.
sed -E "s|mock:hq|$tiny|; s|\"width\": 64, \"height\": 96|\"width\": 32, \"height\": 32|; s|\"attention_factor\": 16|\"attention_factor\": 0|
    s|\"model\": \"mock:base\", \"backend\": \"ref\", \"repeats\": 0.*|\"model\": \"$tiny\", \"backend\": \"ref\", \"steps\": 3, \"repeats\": 2},{\"model\": \"/no/model\", \"backend\": \"openblas\"}|" $suite >tiny.json
tinybench="$cm bench -q --suite ./tiny.json --arms hq --count 3"
prints "a model on disk" "report" $tinybench --out tiny
holds "attention is scored" test "$(grep -ac '"kind":"image".*"hola\[mock\]":0\.[0-9]*.*' tiny/records.jsonl)" -eq 3
says "a size that the factor has no layer for" 2 "no cross-attention layer has 1/16 of the sides of 72x64; the nearest sizes .width x height. where one has: 64x64" sh -c "sed 's/\"width\": 32, \"height\": 32/\"width\": 72, \"height\": 64/; s/\"attention_factor\": 0/\"attention_factor\": 16/' tiny.json >odd.json; $cm bench -q --no-speed --suite ./odd.json --arms hq --count 1 --out odd"
holds "every step is a sample" grep -q '"stage":"unet_step","median_s":[0-9.e-]*,"p10_s":[0-9.e-]*,"p90_s":[0-9.e-]*,"n":6,"peak_rss_mb":[0-9]' tiny/records.jsonl
holds "a row that fails says why" grep -q '"stage":"decode","note":"not measured: no model ./no/model' tiny/records.jsonl
prints "another thread count" "report" $tinybench --no-speed --threads 1 --out tiny1
lines tiny 'image|score|pair|ceiling' >a && lines tiny1 'image|score|pair|ceiling' >b
holds "pictures are the same bytes" cmp a b

# Speed alone, at two sizes: operations are counted, time stands over them.
cat >growth.json <<END
{"prompts": "people-64", "scorer": "mock", "sampler": "ddim", "steps": 2, "guidance": 3, "width": 64, "height": 64,
 "backend": "f32", "arms": [], "speed": [
  {"model": "$tiny", "backend": "f32", "width": 128, "height": 128, "repeats": 2, "stages": ["text", "unet_step", "decode"]},
  {"model": "$tiny", "backend": "f32", "width": 64, "height": 64, "repeats": 2, "warm_up": 64},
  {"model": "$tiny", "backend": "int8", "width": 64, "height": 64, "repeats": 1}]}
END
prints "a suite of speed alone" "report" $cm bench -q --suite ./growth.json --out growth
gflop() { sed -n "s/.*\"backend\":\"f32\".*\"width\":$1,.*\"stage\":\"$2\".*\"gflop\":\([0-9.e-]*\).*/\1/p" growth/records.jsonl; }
holds "the text is the same at every size" test "$(gflop 128 text)" = "$(gflop 64 text)"
holds "a step has its operations" sh -c "awk 'BEGIN { exit !($(gflop 128 unet_step) > 3 * $(gflop 64 unet_step)) }'"
holds "an image has all of them" sh -c "awk 'BEGIN { d = $(gflop 64 image) - $(gflop 64 text) - 2 * $(gflop 64 unet_step) - $(gflop 64 decode); exit !(d < 1e-9 && d > -1e-9) }'"
holds "the growth is in the report" grep -qE 'unet_step \| 128x128 \| [0-9.e-]+ \| [0-9.]+ \| [0-9.e-]+ \| [0-9.]+ \|' growth/report.md
holds "how far a coarse backend's step is off" grep -qE '"backend":"int8".*"stage":"unet_step".*"apart":0\.0[0-9]+' growth/records.jsonl
holds "in the report" grep -qE 'int8 \([0-9.]+e-0[23] off f32\) \| 64x64 \| unet_step' growth/report.md
holds "no scores are" sh -c "! grep -q Acc_obj growth/report.md"
says "neither arms nor speed" 2 "no arms to run, and no speed rows" sh -c "sed '/model/d; s/\"speed\": ./\"speed\": []}/' growth.json >s.json; $cm bench -q --suite ./s.json --out x"
