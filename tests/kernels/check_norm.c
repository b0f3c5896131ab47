// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/kernels/check.h"

/* n hw c groups act */
static const size_t group_shapes[][CHECK_NUMBERS] = {
    {1, 1, 2, 1, CM_IDENTITY}, {2, 3, 4, 2, CM_SILU},     {1, 7, 6, 3, CM_IDENTITY}, {2, 15, 8, 8, CM_SILU},
    {1, 16, 32, 8, CM_SILU},   {3, 17, 24, 8, CM_SILU},   {2, 96, 64, 32, CM_SILU},  {1, 33, 30, 2, CM_IDENTITY},
    {2, 9, 34, 2, CM_SILU},    {1, 640, 48, 16, CM_SILU},
};
static const size_t group_bench[][CHECK_NUMBERS] = {{16, 96, 64, 32, CM_SILU},
                                                    {4, 6144, 32, 16, CM_SILU},
                                                    {2, 4096, 320, 32, CM_SILU}};

static cm_norm_shape shape_of(const size_t *s) {
    return (cm_norm_shape){.n = s[0], .hw = s[1], .c = s[2], .groups = s[3], .eps = 1e-5f, .act = (cm_act)s[4]};
}

/* Offset inputs lose log2(10) bits before the variance is known; hence 1e-5 for all norms. */
static const double limit = 1e-5;

static void plan_group(const size_t *s, check_plan *p) {
    const size_t x = s[0] * s[1] * s[2], g = s[0] * s[3];
    *p = (check_plan){.in = {x, s[2], s[2]},
                      .ins = 3,
                      .out = {x, g, g},
                      .outs = 3,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT | CHECK_OFFSET,
                      .limit = limit};
}

static void call_group(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_norm_shape n = shape_of(s);
    o->group_norm(e, &n, in[0], in[1], in[2], out[0], out[1], out[2]);
}

/* x gamma beta dy mean rstd */
static void plan_group_grad(const size_t *s, check_plan *p) {
    const size_t x = s[0] * s[1] * s[2], g = s[0] * s[3];
    *p = (check_plan){.in = {x, s[2], s[2], x, g, g},
                      .ins = 6,
                      .out = {x, s[2], s[2]},
                      .outs = 3,
                      .adds = true,
                      .fresh = 1,
                      .kinds = CHECK_OFFSET,
                      .limit = limit};
}

static void prepare_group(const cm_ops *ref, const cm_exec *e, const size_t *s, float **in) {
    const cm_norm_shape n = shape_of(s);
    float *y = cm_arena_push(e->scratch, s[0] * s[1] * s[2] * sizeof *y);
    ref->group_norm(e, &n, in[0], in[1], in[2], y, in[4], in[5]);
    cm_arena_clear(e->scratch);
}

static void call_group_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_norm_shape n = shape_of(s);
    o->group_norm_grad(e, &n, in[0], in[1], in[2], in[4], in[5], in[3], out[0], out[1], out[2]);
}

/* rows c act; sums are of differences from the center, as doubles in place of the test's floats */
static const size_t piece_shapes[][CHECK_NUMBERS] = {
    {1, 2, CM_IDENTITY}, {7, 6, CM_SILU}, {15, 8, CM_IDENTITY}, {1024, 33, CM_SILU}, {2500, 16, CM_SILU}};

static void plan_sums(const size_t *s, check_plan *p) {
    *p = (check_plan){
        .in = {s[0] * s[1], s[1]}, .ins = 2, .out = {2 * s[1]}, .outs = 1, .kinds = CHECK_OFFSET, .limit = limit};
}

static void call_sums(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    double *sums = cm_arena_push_zero(e->scratch, 2 * s[1] * sizeof *sums);
    o->channel_sums(e, s[0], s[1], in[0], in[1], sums);
    for (size_t i = 0; i < 2 * s[1]; i++) out[0][i] = (float)sums[i];
    cm_arena_clear(e->scratch);
}

static void plan_piece(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[1], s[1]},
                      .ins = 3,
                      .out = {s[0] * s[1]},
                      .outs = 1,
                      .in_place = true,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = limit};
}

static void call_piece(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->scale_shift(e, s[0], s[1], in[1], in[2], (cm_act)s[2], in[0], out[0]);
}

/* rows c */
static const size_t layer_shapes[][CHECK_NUMBERS] = {{1, 2},  {1, 7},   {3, 8},    {5, 15}, {2, 17},
                                                     {7, 64}, {33, 31}, {97, 128}, {2, 769}};
static const size_t layer_bench[][CHECK_NUMBERS] = {{16 * 96, 128}, {4096, 320}};

static void plan_layer(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[1], s[1]},
                      .ins = 3,
                      .out = {s[0] * s[1], s[0], s[0]},
                      .outs = 3,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT | CHECK_OFFSET,
                      .limit = limit};
}

static void call_layer(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->layer_norm(e, s[0], s[1], 1e-5f, in[0], in[1], in[2], out[0], out[1], out[2]);
}

/* x gamma beta dy mean rstd; beta only to prepare */
static void plan_layer_grad(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[1], s[1], s[0] * s[1], s[0], s[0]},
                      .ins = 6,
                      .out = {s[0] * s[1], s[1], s[1]},
                      .outs = 3,
                      .adds = true,
                      .fresh = 1,
                      .kinds = CHECK_OFFSET,
                      .limit = limit};
}

static void prepare_layer(const cm_ops *ref, const cm_exec *e, const size_t *s, float **in) {
    float *y = cm_arena_push(e->scratch, s[0] * s[1] * sizeof *y);
    ref->layer_norm(e, s[0], s[1], 1e-5f, in[0], in[1], in[2], y, in[4], in[5]);
    cm_arena_clear(e->scratch);
}

static void call_layer_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->layer_norm_grad(e, s[0], s[1], in[0], in[1], in[4], in[5], in[3], out[0], out[1], out[2]);
}

const check_kernel check_norm[] = {
    {"group_norm", offsetof(cm_ops, group_norm), CHECK_ROWS(group_shapes), CHECK_ROWS(group_bench), plan_group, NULL,
     call_group},
    {"group_norm_grad", offsetof(cm_ops, group_norm_grad), CHECK_ROWS(group_shapes), CHECK_ROWS(group_bench),
     plan_group_grad, prepare_group, call_group_grad},
    {"channel_sums", offsetof(cm_ops, channel_sums), CHECK_ROWS(piece_shapes), NULL, 0, plan_sums, NULL, call_sums},
    {"scale_shift", offsetof(cm_ops, scale_shift), CHECK_ROWS(piece_shapes), NULL, 0, plan_piece, NULL, call_piece},
    {"layer_norm", offsetof(cm_ops, layer_norm), CHECK_ROWS(layer_shapes), CHECK_ROWS(layer_bench), plan_layer, NULL,
     call_layer},
    {"layer_norm_grad", offsetof(cm_ops, layer_norm_grad), CHECK_ROWS(layer_shapes), CHECK_ROWS(layer_bench),
     plan_layer_grad, prepare_layer, call_layer_grad},
    {0},
};
