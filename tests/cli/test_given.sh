# SPDX-License-Identifier: Apache-2.0
# What was given, told from what was not: negative prompts of SDXL, and seeds of torch's whole range.
xl() { "$cm" generate --model "$tiny/../xl" --width 64 --height 64 --steps 2 --threads 1 -q "$@"; }
xl_one() { xl --prompt "red shirt" --save-latents "$1.st" --out "$1.png" "${@:2}"; }
says "no negative" 0 "" xl_one none
says "an empty one" 0 "" xl_one empty --negative ""
says "a blank one" 0 "" xl_one blank --negative " "
holds "the empty text is encoded" cmp empty.st blank.st
holds "zeros stand for none at all" sh -c "! cmp -s none.st empty.st"
holds "the picture says zeros" grep -aq "no negative" none.png
holds "and an empty text" sh -c "! grep -aq 'no negative' empty.png"
for recipe in cosmicman-sdxl-readme cosmicman-sdxl-infer; do
    says "$recipe" 0 "" xl_one recipe --recipe $recipe --width 64 --height 64 --steps 2 --seed 0
    case $recipe in *infer) set -- --prompt "red shirt, " --sampler euler_a ;; *) set -- --sampler euler ;; esac
    says "by hand" 0 "" xl_one hand --negative "" --cfg 7.5 "$@"
    holds "$recipe encodes the empty text" cmp recipe.st hand.st
done

printf '{"id": "none", "prompt": "red shirt", "seed": 0}\n{"id": "empty", "prompt": "red shirt", "seed": 0, "negative": ""}\n' >given.jsonl
prints "one line with, one without" "" xl --prompts given.jsonl --out given --save-latents given.st
holds "its latents are the same" cmp given/empty.latents.safetensors empty.st
holds "without one: zeros" cmp given/none.latents.safetensors none.st
holds "the records tell them apart" sh -c "grep '\"id\": *\"none\"' given/records.jsonl | grep -q '\"negative\": *null' &&
    grep '\"id\": *\"empty\"' given/records.jsonl | grep -q '\"negative\": *\"\".*\"empty_negative\": *\"encoded\"'"
says "both are known again" 0 "2 of 2 were there" "$cm" generate --model "$tiny/../xl" --width 64 --height 64 --steps 2 --threads 1 --prompts given.jsonl --out given
sed -i 's/, *"empty_negative": *"encoded"//' given/records.jsonl
says "what an earlier version drew with zeros is made again" 0 "1 of 2 were there" \
    "$cm" generate --model "$tiny/../xl" --width 64 --height 64 --steps 2 --threads 1 --prompts given.jsonl --out given

# torch.Generator("cpu").manual_seed: from -2^63 to 2^64-1, below 0 means 2^64 more.
seed() { "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps 1 -q --prompt x --seed "$1" --out "$2.png" --save-latents "$2.st"; }
says "a seed below 0" 0 "" seed -1 below
says "and 2^64 more" 0 "" seed 18446744073709551615 most
says "the least" 0 "" seed -9223372036854775808 least
says "and 2^64 more" 0 "" seed 9223372036854775808 half
says "another" 0 "" seed -2 two
holds "the same noise" cmp below.st most.st
holds "the same noise" cmp least.st half.st
holds "other noise" sh -c "! cmp -s below.st two.st"
for bad in 18446744073709551616 -9223372036854775809 - -x 1.0; do
    says "seed $bad" 2 "seed: '$bad' is not a whole number from -9223372036854775808 to" seed $bad bad
done
printf '{"id": "a", "prompt": "x", "seed": -1}\n{"id": "b", "prompt": "\\"seed\\": 3", "seed" : 18446744073709551615}\n' >seeds.jsonl
printf '{"id": "c", "prompt": "x", "seed": 18446744073709551615}\n' >>seeds.jsonl
prints "seeds of lines" "" "$cm" generate --model "$tiny" --width 64 --height 64 --cfg 1 --threads 1 --steps 1 -q --prompts seeds.jsonl --out seeds --save-latents seeds.st
holds "below 0" cmp seeds/a.latents.safetensors below.st
holds "from 2^63 on" cmp seeds/c.latents.safetensors below.st
holds "are recorded as one" test "$(grep -c '"seed": *-1[,}]' seeds/records.jsonl)" -eq 3
printf '{"id": "a", "prompt": "x", "seed": 18446744073709551616}\n' >big.jsonl
says "a seed that torch refuses" 1 "big.jsonl:1" "$cm" generate --model "$tiny" --steps 1 --prompts big.jsonl --out bad
