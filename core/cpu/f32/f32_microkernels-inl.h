// SPDX-License-Identifier: Apache-2.0
/* All bodies, and the table of them. */
#ifndef CM_CORE_CPU_F32_F32_MICROKERNELS_INL_H
#define CM_CORE_CPU_F32_F32_MICROKERNELS_INL_H

#include "core/cpu/simd/math-inl.h"
#include "core/cpu/f32/adamw-inl.h"
#include "core/cpu/f32/norm-inl.h"
#include "core/cpu/f32/pool-inl.h"
#include "core/cpu/f32/gemm-inl.h"
#include "core/cpu/f32/winograd-inl.h"

#define CM_F32_MICROKERNELS_TABLE(set)                                                                                 \
    {                                                                                                                  \
        .name = set, .width = W, .rows = TILE_ROWS, .cols = TILE_COLS, .panel = panel, .pack = pack,                   \
        .transpose = transpose, .column_sums = column_sums, .winograd_input = winograd_input,                          \
        .winograd_input_back = winograd_input_back, .winograd_output = winograd_output,                                \
        .winograd_output_back = winograd_output_back, .winograd_weight = winograd_weight,                              \
        .winograd_weight_back = winograd_weight_back, .pool = pool, .act = act, .act_grad = act_grad, .geglu = geglu,  \
        .geglu_grad = geglu_grad, .add = add, .axpy = axpy, .adamw = adamw, .row_max = row_max, .row_exp = row_exp,    \
        .row_scale = row_scale, .dot = dot, .row_softmax_grad = row_softmax_grad, .norm_sums = norm_sums,              \
        .norm_apply = norm_apply, .norm_grad_sums = norm_grad_sums, .norm_grad_apply = norm_grad_apply,                \
        .layer_norm = layer_norm, .layer_norm_grad = layer_norm_grad,                                                  \
    }

#endif
