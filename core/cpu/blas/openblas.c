// SPDX-License-Identifier: Apache-2.0
/* The table of the backend openblas. */
#include <cblas.h>
#include <pthread.h>

#include "core/cpu/blas/blas_ops.h"

static cm_ops table;

static void fill(void) {
    openblas_set_num_threads(1); /* threads are ours: cm_parallel */
    table = *cm_ops_f32();
    table.name = "openblas";
    table.about =
        "OpenBLAS's matrix products, im2col convolutions: a baseline, and the default where f32 has plain C only";
    table.gemm = cm_blas_gemm;
    table.linear = cm_blas_linear;
    table.linear_grad = cm_blas_linear_grad;
    table.conv2d = cm_blas_conv2d;
    table.conv2d_grad = cm_blas_conv2d_grad;
    table.conv2d_strided_channels = cm_blas_conv2d_strided_channels;
    table.attention = cm_blas_attention;
}

const cm_ops *cm_ops_openblas(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &table;
}
