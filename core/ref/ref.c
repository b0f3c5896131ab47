// SPDX-License-Identifier: Apache-2.0
#include "core/ref/ref.h"

static const cm_ops table = {
    .name = "ref",
    .dtype = "f32",
    .about = "plain C, double accumulation, one thread: the definition",
    .gemm = cm_ref_gemm,
    .linear = cm_ref_linear,
    .linear_grad = cm_ref_linear_grad,
    .conv2d = cm_ref_conv2d,
    .conv2d_grad = cm_ref_conv2d_grad,
    .conv2d_strided_channels = cm_ref_conv2d_strided_channels,
    .pool2d = cm_ref_pool2d,
    .group_norm = cm_ref_group_norm,
    .group_norm_grad = cm_ref_group_norm_grad,
    .channel_sums = cm_ref_channel_sums,
    .scale_shift = cm_ref_scale_shift,
    .layer_norm = cm_ref_layer_norm,
    .layer_norm_grad = cm_ref_layer_norm_grad,
    .act = cm_ref_act,
    .act_grad = cm_ref_act_grad,
    .geglu = cm_ref_geglu,
    .geglu_grad = cm_ref_geglu_grad,
    .add = cm_ref_add,
    .axpy = cm_ref_axpy,
    .add_rows = cm_ref_add_rows,
    .sum_hw = cm_ref_sum_hw,
    .attention = cm_ref_attention,
    .attention_grad = cm_ref_attention_grad,
    .softmax = cm_ref_softmax,
    .softmax_grad = cm_ref_softmax_grad,
    .upsample2 = cm_ref_upsample2,
    .upsample2_grad = cm_ref_upsample2_grad,
    .adamw = cm_ref_adamw,
};

const cm_ops *cm_ops_ref(void) {
    return &table;
}
