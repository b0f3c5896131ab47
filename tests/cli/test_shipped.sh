# SPDX-License-Identifier: Apache-2.0
# Metrics of the shipped networks need no weights and carry no label; a mock stands in for any network, and says so.
nano=$root/tests/golden/nano
given="$cm score -q --images $nano --reference $nano --prompts $nano/nano.jsonl"
prints "the shipped networks" "^clip@nano +28\.98" $given --metric fd@nano,kd@nano,clip@nano --out shipped
for name in fd@nano kd@nano clip@nano; do
    holds "$name without a label" grep -q "\"score\":\"$name\".*\"value\"" shipped/records.jsonl
done
holds "no other weights than these" grep -q '"name":"nano-features","hash":"[0-9a-f]\{64\}","label":""' shipped/records.jsonl
prints "beside networks of random weights they stay what they are" "^clip@nano +28\.98" $given --weights random --metric clip@nano --out beside
prints "a mock in every network's place" "^clip@tm.mock. " $given --weights mock --metric fid@clean,clip@tm,fd-dinov2 --out mock
holds "labelled so" grep -q '"score":"fid@clean\[mock\]"' mock/records.jsonl
says "weights for what is shipped" 2 "nano-clip: '$nano': its weights are the shipped ones" $given --network nano-clip="$nano" --metric clip@nano --out x
prints "their networks are listed" "^nano-parser .*comes with the program" "$cm" list networks
