# SPDX-License-Identifier: Apache-2.0
# The frame: commands, options, help.
prints "alone it lists the commands" "^  generate " "$cm"
prints "version" "^cosmicman [0-9]" "$cm" --version
says "unknown command" 2 "no command 'generat'; the closest is 'generate'" "$cm" generat
says "unknown option" 2 "no option --sampelr; the closest is --sampler" "$cm" generate --sampelr euler
says "an option far from all" 2 "no option --zzz; .*--help" "$cm" generate --zzz
says "unknown short option" 2 "unknown option -x" "$cm" generate -x
says "missing value" 2 "--seed needs a value" "$cm" generate --seed
says "value that is the next option" 2 "--prompt needs a value" "$cm" generate --prompt --seed 3
says "flag with a value" 2 "takes no value|no option" "$cm" list --quiet=3 samplers
for bad in -1 1.5 ten "" " 7" 7x 18446744073709551616; do
    says "steps '$bad'" 2 "--steps: '$bad' is not a whole number" "$cm" generate "--steps=$bad"
done
for bad in nan inf 1e999 five ""; do
    says "guidance '$bad'" 2 "--cfg: '$bad' is not a number" "$cm" generate "--cfg=$bad"
done
says "a stray word" 2 "what is 'cat' for" "$cm" generate cat
says "list of nothing" 2 "list wants models" "$cm" list
says "list of what is not there" 2 "the closest is 'samplers'" "$cm" list sampler
prints "samplers" "^ddim " "$cm" list samplers
prints "backends" "^openblas " "$cm" list backends
prints "models" "^random:sd15 .*nano's tokenizer" "$cm" list models
prints "single files, and what they need" "^FILE .*safetensors.*--config DIR" "$cm" list models
prints "metrics" "^acc_tex +higher" "$cm" list metrics
prints "suites" "^quick " "$cm" list suites
prints "growth among them" "^growth +time over operations" "$cm" list suites
prints "prompts" "^people-64 +64 prompts" "$cm" list prompts
prints "doctor" "core type" "$cm" doctor
says "standard output on a full disk" 1 "cannot write" sh -c "'$cm' list samplers >/dev/full"
for command in $("$cm" | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    prints "$command --help" "^cosmicman $command - " "$cm" "$command" --help
    holds "$command --help is one screen" test "$(wc -l <"$work/out")" -le 45
done
