# SPDX-License-Identifier: Apache-2.0
# What belongs to an image set, end to end: links, previews, special files, odd names, other formats, arrays of others; and
# pictures written as JPEG.
kinds=$root/tests/golden/image_kinds
pictures=$root/tests/golden/images
arrays=$root/tests/golden/npz
fid() { "$cm" score --weights nano --batch 3 --unequal --threads 1 --metric fid@clean --images "$1" --reference two --out "$2"; }
fresh() { rm -rf set && mkdir set && cp "$pictures"/rgb.png "$pictures"/grey.png "$pictures"/palette.png set/; }
mkdir two && cp "$pictures"/*.png two/
m=$(find two -type f | wc -l)

fresh && ln -s . set/loop && ln -s .. set/up && ln -s rgb.png set/other.png
prints "links in circles" " 3/$m " fid set loops
says "are told" 0 "left out beside 3 images: 3 there twice" fid set loops2
holds "and recorded" grep -q '"left_out":.*"there twice": *3' loops/records.jsonl

fresh && cp set/rgb.png set/rgb.step-0005.png && cp set/grey.png set/rgb.attention.png && cp set/grey.png set/.hidden.png
prints "previews and attention maps" " 3/$m " fid set beside
says "are told" 0 "1 hidden .*, 1 preview .*, 1 attention map " fid set beside2

fresh && mkfifo set/pipe.png && ln -s /dev/zero set/zero.png && ln -s nowhere set/broken.png && cp set/rgb.png set/scan.tif
prints "special files" " 3/$m " timeout 60 "$cm" score --weights nano --unequal --metric fid@clean --images set --reference two --out special
says "are told" 0 "1 of a format that is not read \(scan.tif\), 2 special files .*, 1 broken link \(broken.png\)" fid set special2

fresh && mv set/grey.png "set/$(printf 'caf\351.png')" && mv set/palette.png "set/$(printf 'new\nline.png')"
prints "names that are no text" " 3/$m " fid set names
holds "are escaped in the records" grep -q 'caf\\\\xE9.png' names/records.jsonl
says "which a report reads" 0 "" "$cm" report names
printf 'not an image' >"set/$(printf 'b\344d.png')"
fid set names2 >"$work/out" 2>"$work/err" </dev/null
holds "a damaged one costs itself" test $? -eq 3
holds "and is named" grep -q '"note":.*b\\\\xE4d.png: not a PNG' names2/records.jsonl

mkdir formats && cp "$kinds"/*.webp "$kinds"/*.bmp "$kinds"/*.gif "$kinds"/*.jpg formats/ && n=$(find formats -type f | wc -l)
prints "WebP, BMP, GIF and CMYK" " $n/$m " fid formats formats1
says "lossy ones are warned of" 0 "5 of $n images are JPEG or lossy WebP files" fid formats formats2
fresh && cp set/rgb.png set/x.jpg
says "a PNG under a name of .jpg is no JPEG" 0 "" fid set jpg
holds "of which nobody warns" sh -c "! grep -q 'JPEG' '$work/err'"

# Prompts by either normal form; without --metric as with it.
fresh && mv set/rgb.png "set/$(printf 'cafe\314\201.png')"
printf '{"id": "caf\303\251", "prompt": "a woman in a red shirt"}\n{"id": "grey", "prompt": "a man"}\n' >prompts.jsonl
prints "an id in the other normal form" "3 scored, 0 failed, 0 prompts without an image, 1 images without a prompt" \
    sh -c "'$cm' score --images set --prompts prompts.jsonl --out nfc || test \$? -eq 3" # these prompts ask nothing: no accuracy
prints "with a metric, too" "scored, 0 failed, 0 prompts without an image, 1 images without a prompt" \
    "$cm" score --weights nano --metric fid@clean --reference two --unequal --images set --prompts prompts.jsonl --out nfc2

# Arrays.
prints "guided-diffusion's reference: pictures for one, mean and covariance for the other" "prdc|precision" \
    "$cm" score --weights nano --images two --reference "$arrays/adm.npz" --metric prdc,fid@clean --unequal --out adm
holds "both are there" test "$(grep -c '"kind": *"score"' adm/records.jsonl)" -ge 5
holds "the file's mean counts for FID" grep -q '"statistics": *".*adm.npz"' adm/records.jsonl
cp "$arrays/adm.npz" ADM.NPZ
prints "in upper case" "fid@clean" "$cm" score --weights nano --images ADM.NPZ --reference ADM.NPZ --metric fid@clean --unequal --out upper
prints "one .npy alone" "2/$m" "$cm" score --weights nano --images "$arrays/alone.npy" --reference two --metric fid@clean --unequal --out alone
says "a giant shape" 1 "arr_0.npy: truncated" "$cm" score --weights nano --images "$arrays/giant.npz" --reference two --metric fid@clean --out giant

# Latents by torch.save, pictures as JPEG.
gen() { "$cm" generate --model "$tiny" --width 64 --height 64 --steps 2 --threads 1 --prompt "red shirt" "$@"; }
says "latents that torch.save wrote" 0 "" gen --from-latents "$root/tests/golden/torch/bare.pt" --out pt.png
says "in its old format" 0 "" gen --from-latents "$root/tests/golden/torch/old_bare.pt" --out old.png
holds "are the same" cmp pt.png old.png
says "several tensors" 1 "one tensor is wanted, not 18" gen --from-latents "$root/tests/golden/torch/plain.pt" --out no.png
says "a JPEG" 0 "" gen --out x.jpg
holds "is one" sh -c "head -c 3 x.jpg | od -An -tx1 | grep -q 'ff d8 ff'"
holds "and says how it was made" grep -aq '"prompt": "red shirt"' x.jpg
says "another kind" 2 "x.webp: images are written as PNG or JPEG" gen --out x.webp
absent "is not written" x.webp no.png
