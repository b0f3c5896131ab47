// SPDX-License-Identifier: Apache-2.0
#include "core/ref/ref.h"

static const cm_ops table = {
    .name = "ref",
    .dtype = "f32",
    .about = "plain C, double accumulation, one thread: the definition",
    .gemm = ref_gemm,
    .linear = ref_linear,
    .linear_grad = ref_linear_grad,
    .conv2d = ref_conv2d,
    .conv2d_grad = ref_conv2d_grad,
    .conv2d_placed = ref_conv2d_placed,
    .pool2d = ref_pool2d,
    .group_norm = ref_group_norm,
    .group_norm_grad = ref_group_norm_grad,
    .channel_sums = ref_channel_sums,
    .scale_shift = ref_scale_shift,
    .layer_norm = ref_layer_norm,
    .layer_norm_grad = ref_layer_norm_grad,
    .act = ref_act,
    .act_grad = ref_act_grad,
    .geglu = ref_geglu,
    .geglu_grad = ref_geglu_grad,
    .add = ref_add,
    .axpy = ref_axpy,
    .add_rows = ref_add_rows,
    .sum_hw = ref_sum_hw,
    .attention = ref_attention,
    .attention_grad = ref_attention_grad,
    .softmax = ref_softmax,
    .softmax_grad = ref_softmax_grad,
    .upsample2 = ref_upsample2,
    .upsample2_grad = ref_upsample2_grad,
    .adamw = ref_adamw,
};

const cm_ops *cm_ops_ref(void) {
    return &table;
}
