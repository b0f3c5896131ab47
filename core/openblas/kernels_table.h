// SPDX-License-Identifier: Apache-2.0
/* All bodies, and the table of them. */
#ifndef CM_CORE_OPENBLAS_KERNELS_TABLE_H
#define CM_CORE_OPENBLAS_KERNELS_TABLE_H

#include "core/openblas/body_math.h"
#include "core/openblas/body_norm.h"
#include "core/openblas/body_pool.h"
#include "core/openblas/body_tile.h"
#include "core/openblas/body_wino.h"

#define CM_KERNELS_TABLE(set)                                                                                      \
    {                                                                                                              \
        .name = set, .width = W, .rows = TILE_ROWS, .cols = TILE_COLS, .panel = panel, .pack = pack,               \
        .transpose = transpose, .column_sums = column_sums, .wino_input = wino_input,                              \
        .wino_input_back = wino_input_back, .wino_output = wino_output, .wino_output_back = wino_output_back,      \
        .wino_weight = wino_weight, .wino_weight_back = wino_weight_back, .pool = pool, .act = act,                \
        .act_grad = act_grad, .geglu = geglu, .geglu_grad = geglu_grad, .add = add, .axpy = axpy, .adamw = adamw, .row_max = row_max,    \
        .row_exp = row_exp, .row_scale = row_scale, .dot = dot, .row_softmax_grad = row_softmax_grad,              \
        .norm_sums = norm_sums, .norm_apply = norm_apply, .norm_grad_sums = norm_grad_sums,                        \
        .norm_grad_apply = norm_grad_apply, .layer_norm = layer_norm, .layer_norm_grad = layer_norm_grad,          \
    }

#endif
