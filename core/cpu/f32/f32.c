// SPDX-License-Identifier: Apache-2.0
/* The fast CPU backend's table. */
#include <cblas.h>
#include <pthread.h>

#include "core/cpu/f32/f32_ops.h"

static cm_ops table;

static void fill(void) {
    openblas_set_num_threads(1); /* the linear algebra around networks: their threads are ours (cm_parallel) */
    table = *cm_ops_ref();
    table.name = "f32";
    table.about = "packed matrix products, Winograd convolutions, blocked attention";
    table.gemm = cm_f32_gemm;
    table.linear = cm_f32_linear;
    table.linear_grad = cm_f32_linear_grad;
    table.conv2d = cm_f32_conv2d;
    table.conv2d_grad = cm_f32_conv2d_grad;
    table.conv2d_strided_channels = cm_f32_conv2d_strided_channels;
    table.pool2d = cm_f32_pool2d;
    table.group_norm = cm_f32_group_norm;
    table.group_norm_grad = cm_f32_group_norm_grad;
    table.channel_sums = cm_f32_channel_sums;
    table.scale_shift = cm_f32_scale_shift;
    table.layer_norm = cm_f32_layer_norm;
    table.layer_norm_grad = cm_f32_layer_norm_grad;
    table.act = cm_f32_act;
    table.act_grad = cm_f32_act_grad;
    table.geglu = cm_f32_geglu;
    table.geglu_grad = cm_f32_geglu_grad;
    table.add = cm_f32_add;
    table.axpy = cm_f32_axpy;
    table.add_rows = cm_f32_add_rows;
    table.sum_hw = cm_f32_sum_hw;
    table.upsample2 = cm_f32_upsample2;
    table.upsample2_grad = cm_f32_upsample2_grad;
    table.adamw = cm_f32_adamw;
    table.attention = cm_f32_attention;
    table.attention_grad = cm_f32_attention_grad;
    table.softmax = cm_f32_softmax;
    table.softmax_grad = cm_f32_softmax_grad;
}

const cm_ops *cm_ops_f32(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &table;
}
