// SPDX-License-Identifier: Apache-2.0
/* The fast CPU backend's table. */
#include <cblas.h>
#include <pthread.h>

#include "core/cpu/f32/f32_ops.h"

static cm_ops table;

static void fill(void) {
    openblas_set_num_threads(1); /* threads are ours: cm_parallel */
    table = *cm_ops_ref();
    table.name = "openblas";
    table.about = "packed matrix products, Winograd convolutions, blocked attention";
    table.gemm = fast_gemm;
    table.linear = fast_linear;
    table.linear_grad = fast_linear_grad;
    table.conv2d = fast_conv2d;
    table.conv2d_grad = fast_conv2d_grad;
    table.conv2d_placed = fast_conv2d_placed;
    table.pool2d = fast_pool2d;
    table.group_norm = fast_group_norm;
    table.group_norm_grad = fast_group_norm_grad;
    table.channel_sums = fast_channel_sums;
    table.scale_shift = fast_scale_shift;
    table.layer_norm = fast_layer_norm;
    table.layer_norm_grad = fast_layer_norm_grad;
    table.act = fast_act;
    table.act_grad = fast_act_grad;
    table.geglu = fast_geglu;
    table.geglu_grad = fast_geglu_grad;
    table.add = fast_add;
    table.axpy = fast_axpy;
    table.add_rows = fast_add_rows;
    table.sum_hw = fast_sum_hw;
    table.upsample2 = fast_upsample2;
    table.upsample2_grad = fast_upsample2_grad;
    table.adamw = fast_adamw;
    table.attention = fast_attention;
    table.attention_grad = fast_attention_grad;
    table.softmax = fast_softmax;
    table.softmax_grad = fast_softmax_grad;
}

const cm_ops *cm_ops_openblas(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &table;
}
