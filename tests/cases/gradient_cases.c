// SPDX-License-Identifier: Apache-2.0
#include "tests/cases/gradient_cases.h"

static cm_tensor *flat(cm_ctx *g, cm_tensor *x) {
    return x ? cm_view(g, x, CM_SHAPE(1, cm_count(x))) : NULL;
}

#define BUILD(name, expression)                                                                                        \
    static cm_tensor *build_##name(cm_ctx *g, cm_tensor **in) {                                                        \
        return expression;                                                                                             \
    }

BUILD(conv_same, cm_conv2d(g, in[0], in[1], in[2], 1, CM_PAD_SAME))
BUILD(conv_stride2, cm_conv2d(g, in[0], in[1], in[2], 2, CM_PAD_SAME))
BUILD(conv_down_right, cm_conv2d(g, in[0], in[1], in[2], 2, CM_PAD_DOWN_RIGHT))
BUILD(conv_none, cm_conv2d(g, in[0], in[1], NULL, 1, CM_PAD_NONE))
BUILD(conv_patches, cm_conv2d(g, in[0], in[1], in[2], 2, CM_PAD_NONE))
BUILD(linear, cm_linear(g, in[0], in[1], in[2]))
BUILD(linear_plus, cm_linear_plus(g, in[0], in[1], in[2], in[3]))
BUILD(linear_plain, cm_linear(g, in[0], in[1], NULL))
BUILD(group_norm, cm_group_norm(g, in[0], in[1], in[2], 3, 1e-5f, CM_IDENTITY))
BUILD(group_norm_silu, cm_group_norm(g, in[0], in[1], in[2], 2, 1e-6f, CM_SILU))
BUILD(layer_norm, cm_layer_norm(g, in[0], in[1], in[2], 1e-5f))
BUILD(silu, cm_activate(g, in[0], CM_SILU))
BUILD(gelu, cm_activate(g, in[0], CM_GELU))
BUILD(quick_gelu, cm_activate(g, in[0], CM_QUICK_GELU))
BUILD(relu, cm_activate(g, in[0], CM_RELU))
BUILD(tanh, cm_activate(g, in[0], CM_TANH))
BUILD(sigmoid, cm_activate(g, in[0], CM_SIGMOID))
BUILD(geglu, cm_geglu(g, in[0]))
BUILD(attention, cm_attention(g, in[0], in[1], in[2], 2, 0.0f, false, NULL))
BUILD(attention_causal, cm_attention(g, in[0], in[1], in[2], 2, 0.7f, true, NULL))
BUILD(add, cm_add(g, in[0], in[1]))
BUILD(add_broadcast, cm_add_broadcast(g, in[0], in[1]))
BUILD(add_rows, cm_add_rows(g, in[0], in[1]))
BUILD(add_scaled, cm_add_scaled(g, in[0], in[1], in[2]))
BUILD(sub, cm_sub(g, in[0], in[1]))
BUILD(mul, cm_mul(g, in[0], in[1]))
BUILD(square, cm_mul(g, in[0], in[0]))
BUILD(scale, cm_scale(g, in[0], -1.7f))
BUILD(scale_by, cm_scale_by(g, in[0], in[1]))
BUILD(exp, cm_exp(g, in[0]))
BUILD(clamp, cm_clamp(g, in[0], -0.7f, 0.8f))
BUILD(concat_last, cm_concat_last(g, in[0], in[1]))
BUILD(concat_tokens, cm_concat_tokens(g, in[0], in[1]))
BUILD(slice_last, cm_slice_last(g, in[0], 2, 3))
BUILD(gather_rows, cm_gather_rows(g, in[0], ((const size_t[]){3, 0, 3, 5, 1}), 5))
BUILD(repeat_batch, cm_repeat_batch(g, in[0], 3))
BUILD(embedding, cm_embedding(g, ((const int[]){1, 4, 1, 0, 2, 4}), 2, 3, in[0]))
BUILD(upsample_nearest2, cm_upsample_nearest2(g, in[0]))
BUILD(bilinear_up, cm_upsample_bilinear(g, in[0], 7, 9))
BUILD(bilinear_down, cm_upsample_bilinear(g, in[0], 3, 2))
BUILD(avg_pool, cm_avg_pool(g, in[0], 3, 1))
BUILD(avg_pool_stride, cm_avg_pool(g, in[0], 2, 2))
BUILD(max_pool, cm_max_pool(g, in[0], 3, 2))
BUILD(mean_hw, cm_mean_hw(g, in[0]))
BUILD(normalize_last, cm_normalize_last(g, in[0], 1e-3f))
BUILD(matmul_nt, cm_matmul_nt(g, in[0], in[1]))
BUILD(softmax_last, cm_softmax_last(g, in[0]))
BUILD(mse_loss, cm_mse_loss(g, in[0], in[1]->data, NULL))
BUILD(mse_loss_weighted, cm_mse_loss(g, in[0], in[1]->data, in[2]->data))
BUILD(l1_loss, cm_l1_loss(g, in[0], in[1]->data))
BUILD(kl_loss, cm_kl_loss(g, in[0], in[1]))
BUILD(cross_entropy, cm_cross_entropy(g, in[0], ((const int[]){2, 0, 3, 2, 1}), NULL, NULL))
BUILD(cross_entropy_weighted, cm_cross_entropy(g, in[0], ((const int[]){2, 0, -1, 2, 1}), in[1]->data, in[2]->data))

/* Both results, one after the other; and the probabilities alone. */
static cm_tensor *build_attention_probs(cm_ctx *g, cm_tensor **in) {
    cm_tensor *probs, *out = cm_attention(g, in[0], in[1], in[2], 2, 0.0f, false, &probs);
    return cm_concat_last(g, flat(g, out), flat(g, probs));
}

static cm_tensor *build_attention_probs_only(cm_ctx *g, cm_tensor **in) {
    cm_tensor *probs;
    cm_attention(g, in[0], in[1], in[2], 3, 0.0f, false, &probs);
    return probs;
}

/* Two losses of one input, through a view that shares its gradient. */
static cm_tensor *build_weighted_sum(cm_ctx *g, cm_tensor **in) {
    cm_tensor *terms[] = {cm_mse_loss(g, flat(g, in[0]), in[1]->data, NULL), cm_kl_loss(g, in[0], in[0])};
    return cm_weighted_sum(g, terms, (const float[]){0.3f, -1.25f}, 2);
}

/* Networks drop what they have read; a node must still find it. */
static cm_tensor *build_residual(cm_ctx *g, cm_tensor **in) {
    cm_tensor *h = cm_group_norm(g, in[0], in[1], in[2], 2, 1e-5f, CM_SILU);
    cm_tensor *y = cm_conv2d(g, h, in[3], NULL, 1, CM_PAD_SAME);
    cm_drop(g, h);
    cm_tensor *sum = cm_add(g, in[0], y);
    cm_drop(g, y);
    cm_tensor *out = cm_activate(g, sum, CM_GELU);
    cm_drop(g, sum);
    return out;
}

const gradient_case gradient_cases[] = {
    {"conv_same", {"x", "weight", "bias"}, build_conv_same, false},
    {"conv_stride2", {"x", "weight", "bias"}, build_conv_stride2, false},
    {"conv_down_right", {"x", "weight", "bias"}, build_conv_down_right, false},
    {"conv_none", {"x", "weight"}, build_conv_none, false},
    {"conv_1x1", {"x", "weight", "bias"}, build_conv_same, false},
    {"conv_patches", {"x", "weight", "bias"}, build_conv_patches, false},
    {"linear", {"x", "weight", "bias"}, build_linear, false},
    {"linear_plus", {"x", "weight", "bias", "plus"}, build_linear_plus, false},
    {"linear_plain", {"x", "weight"}, build_linear_plain, false},
    {"group_norm", {"x", "weight", "bias"}, build_group_norm, false},
    {"group_norm_silu", {"x", "weight", "bias"}, build_group_norm_silu, false},
    {"layer_norm", {"x", "weight", "bias"}, build_layer_norm, false},
    {"silu", {"x"}, build_silu, false},
    {"gelu", {"x"}, build_gelu, false},
    {"quick_gelu", {"x"}, build_quick_gelu, false},
    {"relu", {"x"}, build_relu, false},
    {"tanh", {"x"}, build_tanh, false},
    {"sigmoid", {"x"}, build_sigmoid, false},
    {"geglu", {"x"}, build_geglu, false},
    {"attention", {"q", "k", "v"}, build_attention, false},
    {"attention_causal", {"q", "k", "v"}, build_attention_causal, false},
    {"attention_probs", {"q", "k", "v"}, build_attention_probs, false},
    {"attention_probs_only", {"q", "k", "_v"}, build_attention_probs_only, false},
    {"add", {"a", "b"}, build_add, false},
    {"add_broadcast", {"x", "t"}, build_add_broadcast, false},
    {"add_rows", {"x", "t"}, build_add_rows, false},
    {"add_scaled", {"x", "h", "factor"}, build_add_scaled, false},
    {"sub", {"a", "b"}, build_sub, false},
    {"mul", {"a", "b"}, build_mul, false},
    {"square", {"x"}, build_square, false},
    {"scale", {"x"}, build_scale, false},
    {"scale_by", {"x", "factor"}, build_scale_by, false},
    {"exp", {"x"}, build_exp, false},
    {"clamp", {"x"}, build_clamp, false},
    {"concat_last", {"a", "b"}, build_concat_last, false},
    {"concat_tokens", {"a", "b"}, build_concat_tokens, false},
    {"slice_last", {"x"}, build_slice_last, false},
    {"gather_rows", {"x"}, build_gather_rows, false},
    {"repeat_batch", {"x"}, build_repeat_batch, false},
    {"embedding", {"table"}, build_embedding, false},
    {"upsample_nearest2", {"x"}, build_upsample_nearest2, false},
    {"bilinear_up", {"x"}, build_bilinear_up, false},
    {"bilinear_down", {"x"}, build_bilinear_down, false},
    {"avg_pool", {"x"}, build_avg_pool, false},
    {"avg_pool_stride", {"x"}, build_avg_pool_stride, false},
    {"max_pool", {"x"}, build_max_pool, false},
    {"mean_hw", {"x"}, build_mean_hw, false},
    {"normalize_last", {"x"}, build_normalize_last, false},
    {"normalize_short", {"x"}, build_normalize_last, true},
    {"matmul_nt", {"a", "b"}, build_matmul_nt, false},
    {"softmax_last", {"x"}, build_softmax_last, false},
    {"mse_loss", {"x", "_target"}, build_mse_loss, false},
    {"mse_loss_weighted", {"x", "_target", "_weight"}, build_mse_loss_weighted, false},
    {"l1_loss", {"x", "_target"}, build_l1_loss, false},
    {"kl_loss", {"mean", "logvar"}, build_kl_loss, false},
    {"cross_entropy", {"x"}, build_cross_entropy, false},
    {"cross_entropy_weighted", {"x", "_class_weight", "_row_weight"}, build_cross_entropy_weighted, false},
    {"weighted_sum", {"x", "_target"}, build_weighted_sum, false},
    {"residual", {"x", "weight", "bias", "kernel"}, build_residual, false},
    {0},
};

cm_tensor *gradient_against(cm_ctx *g, cm_tensor *y, cm_tensor *dy) {
    return cm_matmul_nt(g, flat(g, y), flat(g, dy));
}
