# SPDX-License-Identifier: Apache-2.0
# bench with arms that are commands: scripts of sh that copy drawn people. verify of what they leave.
"$cm" data people --count 8 --seed 5 --out people >/dev/null 2>&1
{
    head -7 "$root/prompts/sets/people-64.jsonl"
    echo '{"id":"8","prompt":"a \"red\" shirt; $(touch evil) `touch evil`","seed":-7}'
} >eight.jsonl
cat >make.sh <<'END'
prompts=$1 out=$2 most=${3:-8} n=0
printf '[%s]\n' "$@" >words.txt
sed 's/.*"file":"\([^"]*\)".*/\1/' "$prompts" >files.txt
while read -r f && [ $n -lt "$most" ]; do
    digit=${f%.png}
    cp people/images/00000$((${digit#${digit%?}} - 1)).png "$out/.new.png" && mv "$out/.new.png" "$out/$f"
    n=$((n + 1))
    echo "made $f"
    sleep "${4:-0}"
done <files.txt
END
rest="--prompts ./eight.jsonl --metric acc,clip@nano --steps 2 --width 64 --height 96 --no-speed"
bench="$cm bench -q $rest --arm base=mock:base"
scores() { grep -aE '"kind":"(score|pair|part|image)"' "$1/records.jsonl" | sed -E 's/"seconds":(\{[^}]*\}|[^,}]*),?//g' | sort; }
command_of() { grep -a '^{"kind":"command"' "$1/records.jsonl"; }
differs() { # NAME TEXT FOLDER: verify ends with 3 and prints TEXT
    "$cm" verify "$3" --prompts ./eight.jsonl >"$work/out" 2>"$work/err"
    if [ $? -eq 3 ] && grep -aqE -- "$2" "$work/out"; then pass; else fail "$1: $(head -c 300 "$work/out")"; fi
}

prints "a command is an arm" "whole/report.html" $bench --arm-exec "theirs=sh make.sh {prompts} {out} '8' 0" --out whole
holds "its cost is recorded" sh -c "grep -a '^{\"kind\":\"command\"' whole/records.jsonl | grep -qE '\"arm\":\"theirs\",\"seconds\":[0-9.]+,\"peak_rss_mb\":[0-9.]+,\"status\":0,\"images\":8}'"
holds "a pair with ours" grep -aq '"kind":"pair".*"a":"theirs","b":"base".*"difference"' whole/records.jsonl
holds "no word of a prompt is in its words" sh -c "! grep -qE 'touch|full-body' words.txt && grep -q '^.8.$' words.txt"
absent "nothing in a prompt was run" evil whole/evil
holds "the rows have the seeds of our arm" sh -c "sed 's/.*\"seed\":\([-0-9]*\).*/\1/' whole/commands/theirs/prompts.jsonl >rows.txt
    grep -a '\"kind\":\"image\".*\"arm\":\"base\"' whole/records.jsonl | sed 's/.*\"seed\":\([-0-9]*\).*/\1/' | cmp - rows.txt"
holds "in the report" grep -q theirs whole/report.html
cp -r whole again
prints "a finished run is left alone" "again/report.html" $bench --arm-exec "theirs=sh make.sh {prompts} {out} '8' 0" --out again
holds "not a byte" cmp whole/records.jsonl again/records.jsonl

# A part of the images: the rest is asked for by the same command.
$bench --unequal --arm-exec "theirs=sh make.sh {prompts} {out} 3" --out half >out 2>err
code=$?
holds "3 of 8 images: exit 3" test "$code" -eq 3
holds "which and why is said" grep -q 'arm theirs: made 3 of 8 images; the first missing: p0004; last lines of its log: made p0001.png / made p0002.png / made p0003.png' err
holds "and recorded" grep -aq '"kind":"command".*"status":0,"images":3,"note":"made 3 of 8 images' half/records.jsonl
says "the same again" 3 "" sh -c "$bench --unequal --arm-exec 'theirs=sh make.sh {prompts} {out} 3' --out half >/dev/null 2>err; code=\$?; echo 'cosmicman: checked' >&2; exit \$code"
holds "asks for those that are missing" sh -c "test \$(wc -l <files.txt) -eq 5 && ! grep -q p0001 files.txt"
prints "and once more" "half/report.html" $bench --unequal --arm-exec "theirs=sh make.sh {prompts} {out} 3" --out half
holds "ends with all" test "$(grep -ac '"kind":"image".*"arm":"theirs".*"picture_hash"' half/records.jsonl)" -eq 8

# Failures are one record each; what was made counts.
fails() { # NAME TEXT OPTION... : with base beside it the run ends with 3, and the command's record has TEXT
    local name=$1 text=$2
    shift 2
    $bench --unequal --fresh "$@" --out broken >"$work/out" 2>"$work/err"
    if [ $? -eq 3 ] && command_of broken | grep -qE -- "$text"; then pass; else fail "$name: $(command_of broken)"; fi
}
fails "nothing" '"status":0,"images":0,"note":"made 0 of 8 images; the first missing: p0001; it printed nothing' --arm-exec "theirs=true {prompts} {out}"
$bench --unequal --fresh --metric fd@nano --reference people/images --arm-exec "theirs=true {prompts} {out}" --out empty >/dev/null 2>&1
holds "an arm without an image takes nothing from the others" grep -aqE '"kind":"score".*"arm":"base","score":"fd@nano".*"value":.*"n":8' empty/records.jsonl
fails "an exit status" '"status":4,"images":1,"note":"ended with exit status 4; made 1 of 8 images' --arm-exec "theirs=sh -c 'sh make.sh \"\$1\" \"\$2\" 1; exit 4' sh {prompts} {out}"
fails "a signal" '"status":137,"images":2,"note":"ended by signal 9, SIGKILL' --arm-exec "theirs=sh -c 'sh make.sh \"\$1\" \"\$2\" 2; kill -KILL \$\$' sh {prompts} {out}"
fails "no such program" '"status":127,"images":0,"note":"could not start: No such file' --arm-exec "theirs=no-such-program {prompts} {out}"
fails "an end of its time" '"status":124,"images":1,"note":"stopped after its 0.4 s' --timeout 0.4 --arm-exec "theirs=sh -c 'sh make.sh \"\$1\" \"\$2\" 1; sleep 60' sh {prompts} {out}"
fails "a half image" 'made 0 of 8 images; the first missing: p0001; p0001.png: ' --arm-exec "theirs=sh -c 'head -c 60 people/images/000000.png >\"\$1\"/p0001.png' sh {out} {prompts}"
holds "a grandchild does not stay" sh -c "$bench --unequal --fresh --arm-exec \"theirs=sh -c 'sh make.sh \\\"\\\$1\\\" \\\"\\\$2\\\"; sleep 300 & echo \\\$! >pid' sh {prompts} {out}\" --out broken; ! kill -0 \$(cat pid)"

# A suite file's commands run only where that is said; report, merge and verify run none.
printf '{"about": "x", "prompts": "./eight.jsonl", "metrics": "acc", "steps": 2, "width": 64, "height": 96, "arms": [{"name": "base", "model": "mock:base"},
    {"name": "theirs", "exec": "sh -c '"'touch ran; sh make.sh \\\\\"\$1\\\\\" \\\\\"\$2\\\\\"' sh"' {prompts} {out}"}]}' >suite.json
says "a suite file's command" 2 "arm theirs runs a command: .*; --allow-exec" "$cm" bench -q --no-speed --suite ./suite.json --out suite
absent "did not run" ran suite/commands
prints "allowed" "suite/report.html" "$cm" bench -q --no-speed --suite ./suite.json --allow-exec --out suite
holds "it ran" test -e ran
rm ran
prints "verify" "as recorded: 16 images" "$cm" verify suite --prompts ./eight.jsonl
holds "report" "$cm" report -q suite
absent "run no command" ran

# Templates are checked before anything is made.
says "an unknown placeholder" 2 "no placeholder {prompt}; the closest is {prompts}" $bench --arm-exec "theirs=run {prompt} {out}" --out x
says "no folder for images" 2 "no {out}" $bench --arm-exec "theirs=run {prompts}" --out x
says "a redirection" 2 "'>' in '> log': no shell reads a command" $bench --arm-exec "theirs=run {prompts} {out} > log" --out x
says "a quote left open" 2 "a quote ' is opened" $bench --arm-exec "theirs=run '{prompts} {out}" --out x
absent "nothing was begun" x

# Ctrl-C ends the command with us; kills at many moments change nothing in the end.
slow="theirs=sh make.sh {prompts} {out} 8 0.1"
$bench --arm-exec "$slow" --out stopped >/dev/null 2>err &
pid=$!
for _ in $(seq 100); do [ -e stopped/images/theirs/p0002.png ] && break; sleep 0.05; done
kill -INT $pid
wait $pid
code=$?
holds "a signal ends the run" test "$code" -eq 130 -o "$code" -eq 1
holds "and says what stays" grep -q "what it has made stays" err
made=$(ls stopped/images/theirs | wc -l)
sleep 0.4
holds "and its command" test "$(ls stopped/images/theirs | wc -l)" -eq "$made"
prints "it goes on" "stopped/report.html" $bench --arm-exec "$slow" --out stopped
holds "with the rest" test "$(wc -l <files.txt)" -eq $((8 - made))
for delay in 0.1 0.2 0.35 0.5 0.6 0.7 0.8; do
    { timeout -s KILL $delay $bench --threads 1 --arm-exec "$slow" --out killed; } >/dev/null 2>&1
done
prints "after kills" "killed/report.html" $bench --arm-exec "$slow" --out killed
scores whole >a && scores killed >b
holds "the records are those of an undisturbed run" cmp a b
scores stopped >b
holds "after Ctrl-C, too" cmp a b
holds "one record of the command" test "$(command_of killed | sed -E 's/"(seconds|peak_rss_mb)":[^,]*,//g')" = "$(command_of whole | sed -E 's/"(seconds|peak_rss_mb)":[^,]*,//g')"

# verify names the first difference.
prints "verify" "^whole: as recorded: 16 images, 0 rows of features, [0-9]+ scores, the prompt set" "$cm" verify whole --prompts ./eight.jsonl
changed() { rm -rf bad && cp -r whole bad; }
changed && printf x >>bad/images/theirs/p0003.png
differs "a changed image" 'bad/records.jsonl:12: the image images/theirs/p0003.png: recorded [0-9a-f]{64}, there [0-9a-f]{64}' bad
changed && rm bad/images/base/p0001.png
differs "a lost image" 'bad/records.jsonl:2: the image images/base/p0001.png: recorded [0-9a-f]{64}, there no file' bad
changed && sed -i '/"kind":"score"/s/"value":[0-9.]*/"value":1.5/' bad/records.jsonl
differs "a changed score" 'score acc_obj of base: value: recorded 1.5, there [0-9.]+' bad
changed && sed -i '0,/"clip@nano":[-0-9.]*/s//"clip@nano":99/' bad/records.jsonl
differs "what an image's record says" 'score clip@nano of base: value: recorded ' bad
changed && sed -i '0,/"kind":"pair"/{/"kind":"pair"/s/"n":[0-9]*/"n":700/}' bad/records.jsonl
differs "a pair" 'pair acc_obj of theirs and base: n: recorded 700, there ' bad
changed && sed -i '0,/"kind":"part"/{/"kind":"part"/d}' bad/records.jsonl
differs "a lost record" 'a record: recorded part .*, there part ' bad
changed && echo '{"id":"p0009","prompt":"more"}' | cat eight.jsonl - >nine.jsonl
holds "another prompt set" sh -c "'$cm' verify whole --prompts ./nine.jsonl >out; test \$? -eq 3 && grep -q 'records.jsonl:1: the prompt set ./nine.jsonl: recorded' out"
says "no folder" 1 "No such file" "$cm" verify nowhere
says "two folders" 2 "one word too many" "$cm" verify whole half
changed && sed -i 's/"format":3/"format":9/' bad/records.jsonl
says "a newer version's records" 1 "records of format 9" "$cm" verify bad

# An image that was exchanged with its hash is seen when it is looked at again.
prints "verify --scores" "^whole: looked at again: 16 images" env TMPDIR=. "$cm" verify -q --scores whole --prompts ./eight.jsonl
changed && cp people/images/000000.png bad/images/base/p0003.png
sed -i "s/$(sha256sum <whole/images/base/p0003.png | cut -c1-64)/$(sha256sum <people/images/000000.png | cut -c1-64)/" bad/records.jsonl
prints "hashes alone do not tell" "^bad: as recorded" "$cm" verify bad --prompts ./eight.jsonl
holds "its scores do" sh -c "'$cm' verify -q --scores bad --prompts ./eight.jsonl >out; test \$? -eq 3 && grep -q 'records.jsonl:4: scores of images/base/p0003.png: ' out"
says "networks that are not there" 2 "no metric|weights of" sh -c "sed 's/\"metric\":\"clip@nano\"/\"metric\":\"clip@mlperf\"/' whole/records.jsonl | grep -av '\"kind\":\"\(score\|pair\|part\|done\)\"' >bad/records.jsonl
    cp whole/images/base/p0003.png bad/images/base/; '$cm' verify -q --scores bad --prompts ./eight.jsonl"
absent "nothing stays behind" ./cosmicman-verify-*

# Images from elsewhere are hashed as they were looked at.
cp -r people others
"$cm" score -q --images others/images --reference people/images --weights nano --metric fid@clean --out elsewhere >/dev/null 2>&1
prints "verify of a folder from elsewhere" "^elsewhere: as recorded: 16 images, 16 rows" "$cm" verify elsewhere
printf x >>others/images/000003.png
differs "a changed one" 'records.jsonl:5: the image others/images/000003.png: recorded [0-9a-f]{64}, there' elsewhere
rm -r others
says "and one that is not found" 0 "8 images from elsewhere were not looked at" "$cm" verify elsewhere
"$cm" score -q --images people/images --weights nano --metric fid@clean --save-statistics statistics.npz --out written >/dev/null 2>&1
rm statistics.npz
prints "a run that wrote statistics" "^written: as recorded: 8 images, 8 rows of features, 0 scores" "$cm" verify written
absent "which verify does not write" statistics.npz
