# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Training by bf16 products: another run than by f32, whose losses stay within half a percent, the same at every repetition.
cat >small.json <<'EOF'
{"seed": 1, "people": 8, "people_seed": 1, "width": 64, "height": 96, "batch": 4, "workers": 1, "steps": 40, "warmup": 10,
 "rate": 2e-3, "schedule": "constant", "record_every": 10, "captions": "dense", "hola": 0.1, "hola_factor": 16, "init": "",
 "vae": "nano/vae", "text_encoder": "nano/text_encoder", "tokenizer": "nano/tokenizer", "scheduler": "nano/scheduler",
 "network": {"_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": 2, "block_out_channels": [16, 24],
  "cross_attention_dim": 128, "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "in_channels": 24,
  "layers_per_block": 1, "norm_num_groups": 4, "out_channels": 24, "sample_size": [12, 8],
  "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}}
EOF
losses() { sed -n 's/.*"kind":"step".*"loss":\([0-9.e-]*\).*/\1/p' "$1/train.jsonl"; }
says "by f32 products" 0 "" "$cm" train unet --recipe small.json --out small-f32
says "by bf16 products" 0 "" "$cm" train unet --recipe small.json --out small-bf16 --backend bf16
holds "and says so" grep -q '"backend":"bf16","dtype":"bf16"' small-bf16/train.jsonl
losses small-f32 >losses-f32 && losses small-bf16 >losses-bf16
holds "in the card, too" grep -q '"dtype": *"bf16"' small-bf16/weights/card.json
holds "four stretches whose losses differ, by less than half a percent" awk 'NR == FNR { f32[FNR] = $1; next }
    { d = $1 / f32[FNR] - 1; if (d == 0 || d > 0.005 || d < -0.005) bad = 1; n++ } END { exit bad || n != 4 }' losses-f32 losses-bf16
holds "and fall" awk 'NR == 1 { first = $1 } END { exit $1 > 0.9 * first }' losses-bf16
for again in small-a small-b; do
    says "ten steps" 0 "" "$cm" train unet --recipe small.json --steps 10 --threads 2 --out $again --backend bf16
done
holds "the same weights again" cmp small-a/weights/diffusion_pytorch_model.safetensors small-b/weights/diffusion_pytorch_model.safetensors
says "by three products for one" 0 "" "$cm" train unet --recipe small.json --steps 2 --out small-x3 --backend bf16x3
says "by eight bits" 2 "backend 'int8' is for inference; training takes ref, openblas, f32, bf16x3 or bf16" \
    "$cm" train unet --recipe small.json --out small-int8 --backend int8
