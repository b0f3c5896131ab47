# SPDX-License-Identifier: Apache-2.0
# Which questions the parser is asked: what its card says, and all where it says nothing.
nano=$root/tests/golden/nano
given="$cm score --images $nano --prompts $nano/nano.jsonl --metric acc --fresh"
prints "every question has its row in a check" '^parser +tops\.color +[01]\.[0-9]+, commonest 0\.[0-9]+, reconstructed [01]\.[0-9]+, n [0-9]+: (asked|NOT ASKED)$' \
    "$cm" train check --part parser --count 16
holds "on the autoencoder's pictures, too" grep -q '^parser +textures right, reconstructed' -E "$work/out"

# a models folder of this program's own but for the parser's card
mkdir -p models/nano/parser
for f in "$root"/core/models/*; do [ "${f##*/}" = nano ] || ln -s "$f" models/; done
for f in "$root"/core/models/nano/*; do [ "${f##*/}" = parser ] || ln -s "$f" models/nano/; done
cp "$root"/core/models/nano/parser/{config.json,model.safetensors} models/nano/parser/
card() { echo "$1" >models/nano/parser/card.json; }
asked() { sed -n 's/.*"questions":{"asked":\([0-9]*\),"of":\([0-9]*\),.*/\1 of \2/p' "$1/records.jsonl"; }
export COSMICMAN_MODELS=$PWD/models
says "a parser whose card says nothing is asked everything" 0 "parser: its card does not say .*: all are asked" $given --out all
says "how much is asked is told" 0 "asked: [0-9]+ of [0-9]+ attributes of the prompts" $given --out all
holds "the header says it" test -n "$(asked all)"
card '{"questions": {"margin": 0.1, "slots": {"tops.color": {"asked": false}, "shoes.color": {"asked": false}}}}'
says "a card that leaves some out" 0 "asked: [0-9]+ of [0-9]+ attributes" $given --out some
holds "it is not said to be silent" test "$(grep -ac 'does not say' "$work/err")" -eq 0
holds "they are counted in the header" grep -q '"left_out":{"tops.color":[0-9]*,"shoes.color":3}' some/records.jsonl
holds "and stand with the parser" grep -q '"not_asked":\["tops.color","shoes.color"\]' some/records.jsonl
holds "nobody misses them" test "$(grep -ac 'shoes.color: asked' some/records.jsonl)" -eq 0
holds "the report says it" grep -q "Asked: [0-9]* of [0-9]* attributes of the prompts; not asked, because .*: tops.color ([0-9]*), shoes.color (3);" some/report.html
all=$(asked all) some=$(asked some)
holds "fewer questions of as many attributes" test "${all#* of }" = "${some#* of }" -a "${all% of *}" -gt "${some% of *}"
says "a run goes on with the same questions only" 2 "another (questions|plan)" "$cm" score --images "$nano" --prompts "$nano/nano.jsonl" --metric acc --out all
card '{"questions": {"slots": {"tops.colour": {"asked": true}}}}'
says "a slot that there is not" 1 "card.json: .*no attribute slot 'tops.colour'; the closest is 'tops.color'" $given --out x
unset COSMICMAN_MODELS
says "a card from few people would be luck" 2 "--count: at least 256 with --cards, not 16" "$cm" train check --part parser --count 16 --cards
