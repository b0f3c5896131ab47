# SPDX-License-Identifier: Apache-2.0
# cosmicman generate --prompts: records, seeds, going on.
set_of() { "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps "${steps:-2}" "$@"; }

cat >three.jsonl <<'END'
{"id": "a", "prompt": "red shirt"}
{"id": "b", "prompt": "red shirt", "seed": 5}

{"id": "c", "prompt": "black hair", "negative": "hat"}
END
prints "three pictures" "set/records.jsonl" set_of --prompts three.jsonl --out set --save-latents all.safetensors
holds "a picture each" ls set/a.png set/b.png set/c.png
holds "a record each" test "$(grep -c '"kind": *"image"' set/records.jsonl)" -eq 3
holds "latents are [3,4,8,8]" grep -aq '"shape": *\[3, *4, *8, *8\]' all.safetensors
holds "a line's own seed" grep -q '"id": *"b".*"seed": *5[,}]' set/records.jsonl
says "one of them alone" 0 "" set_of --prompt "red shirt" --seed 5 --out alone.png
holds "is the same noise, picture and latents" cmp <(tail -c 2000 alone.png) <(tail -c 2000 set/b.png)
cp set/records.jsonl before.jsonl
says "again: all are there" 0 "3 of 3 were there already" set_of --prompts three.jsonl --out set
holds "no record was added" cmp before.jsonl set/records.jsonl
holds "none is off" sh -c "! grep -q apart set/records.jsonl"
says "a coarse backend" 0 "int8: one pass of the UNet is" set_of --prompts three.jsonl --out coarse --backend int8
holds "each record says how coarse" test "$(grep -cE '"apart": *0\.0[0-9]+' coarse/records.jsonl)" -eq 3
rm set/c.png
says "again, with one missing" 0 "2 of 3 were there already" set_of --prompts three.jsonl --out set
holds "it is back" test -s set/c.png
cp set/a.png a.png && cp set/b.png b.png
: >set/a.png && head -c 500 b.png >set/b.png
says "one empty and one cut, as a power cut leaves them" 0 "1 of 3 were there already" set_of --prompts three.jsonl --out set
holds "both are whole again" sh -c "cmp a.png set/a.png && cmp b.png set/b.png"
sed -i 's/"picture_bytes":[0-9]*,//' set/records.jsonl && : >set/a.png
says "in a folder whose records lack sizes" 0 "2 of 3 were there already" set_of --prompts three.jsonl --out set
holds "as well" cmp a.png set/a.png
cp -r set seen
says "again, with previews" 0 "6 previews in" set_of --prompts three.jsonl --out seen --save-every 1
holds "one under its step" test -s seen/b.step-0002.png
says "again, with the same previews" 0 "3 of 3 were there already" set_of --prompts three.jsonl --out seen --save-every 1
printf '{"id": "a", "prompt": "red shirt"}\n{"id": "b", "prompt": "blue moon"}\n' >groups.jsonl
set_of --prompts groups.jsonl --out groups --capture groups >"$work/out" 2>"$work/err"
holds "groups, where there are some" test $? -eq 3
holds "of those" test -s groups/a.attention.safetensors -a -s groups/a.attention.png
says "other settings: all anew" 0 "" set_of --prompts three.jsonl --out set --seed 1 --steps 3
holds "three more records" test "$(wc -l <set/records.jsonl)" -eq 10
head -2 three.jsonl | tac >two.jsonl
says "two of them, in another order" 0 "" set_of --prompts two.jsonl --out other --seed 1 --steps 3
holds "order does not matter" cmp other/a.png set/a.png

printf '{"id": "a", "prompt": "x"}\n{"id": "b", "prompt": \n' >broken.jsonl
says "malformed JSON" 1 "broken.jsonl:2" set_of --prompts broken.jsonl --out bad
printf '{"id": "a", "prompt": "\377"}\n' >bytes.jsonl
says "invalid UTF-8" 1 "bytes.jsonl:1" set_of --prompts bytes.jsonl --out bad
printf '{"id": "a"}\n' >lacking.jsonl
says "a prompt without text" 1 "lacking.jsonl:1: .prompt.: absent" set_of --prompts lacking.jsonl --out bad
printf '{"id": "../a", "prompt": "x"}\n' >path.jsonl
says "an id that is a path" 1 "only letters, digits" set_of --prompts path.jsonl --out bad
printf '{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}\n' >twice.jsonl
says "an id twice" 1 "twice.jsonl:2: id 'a' stands twice, first in line 1" set_of --prompts twice.jsonl --out bad
printf '{"id": "a", "prompt": "x", "seed": "7"}\n' >seed.jsonl
says "a bad seed" 1 'seed.jsonl:1: "seed" is "7", not a whole number' set_of --prompts seed.jsonl --out bad
: >empty.jsonl
says "no prompts" 1 "no prompts" set_of --prompts empty.jsonl --out bad
says "no file" 1 "nowhere.jsonl" set_of --prompts nowhere.jsonl --out bad
absent "nothing was made of these" bad
touch file
says "a file where the folder should be" 1 "file" set_of --prompts three.jsonl --out file

# A killed run goes on where it was, and ends with the same pictures.
for i in 1 2 3 4 5 6; do echo "{\"id\": \"p$i\", \"prompt\": \"red shirt $i\"}"; done >six.jsonl
steps=60
says "a run that is left alone" 0 "" set_of --prompts six.jsonl --out whole --save-latents whole.safetensors
for signal in KILL TERM; do
    "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --steps 60 --threads 1 --prompts six.jsonl --out "by$signal" \
        --save-latents "by$signal.safetensors" >/dev/null 2>"$work/err" &
    pid=$!
    for _ in $(seq 500); do
        [ "$(cat "by$signal/records.jsonl" 2>/dev/null | wc -l)" -ge 2 ] && break
        sleep 0.01
    done
    kill -$signal $pid
    wait $pid 2>/dev/null
    holds "$signal: stopped in the middle" test "$(wc -l <"by$signal/records.jsonl")" -lt 6
    absent "$signal: no latents of a run that did not end" "by$signal.safetensors"
    says "$signal: goes on" 0 "[2-5] of 6 were there already" \
        set_of --prompts six.jsonl --out "by$signal" --save-latents "by$signal.safetensors"
    for i in 1 2 3 4 5 6; do holds "$signal: p$i is the same" cmp "whole/p$i.png" "by$signal/p$i.png"; done
    holds "$signal: the latents are the same" cmp whole.safetensors "by$signal.safetensors"
    holds "$signal: six records" test "$(wc -l <"by$signal/records.jsonl")" -eq 6
done
unset steps
printf '{"id": "half' >>whole/records.jsonl
says "half a record is dropped" 0 "" set_of --prompts six.jsonl --out whole --steps 60
holds "six records stay" test "$(wc -l <whole/records.jsonl)" -eq 6
