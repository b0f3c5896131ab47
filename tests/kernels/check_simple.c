// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "tests/kernels/check.h"

/* n, activation: sizes around every vector width */
#define SIZES(kind)                                                                                                    \
    {1, kind}, {7, kind}, {8, kind}, {9, kind}, {15, kind}, {17, kind}, {33, kind}, {                                  \
        1000, kind                                                                                                     \
    }
static const size_t act_shapes[][CHECK_NUMBERS] = {
    SIZES(CM_IDENTITY), SIZES(CM_SILU),    SIZES(CM_GELU),   SIZES(CM_QUICK_GELU), SIZES(CM_RELU),
    SIZES(CM_TANH),     SIZES(CM_SIGMOID), {70001, CM_SILU}, {70001, CM_GELU},
};
static const size_t act_bench[][CHECK_NUMBERS] = {{1 << 18, CM_SILU}, {1 << 18, CM_GELU}, {1 << 18, CM_QUICK_GELU}};

/* Wide inputs reach both flat ends of every activation. 2e-6: exp and erf in float at a few units of the last place. */
static void plan_act(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0]},
                      .ins = 1,
                      .out = {s[0]},
                      .outs = 1,
                      .in_place = true,
                      .kinds = CHECK_WIDE | CHECK_OFFSET | CHECK_TINY,
                      .limit = 2e-6};
}

static void call_act(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->act(e, (cm_act)s[1], s[0], in[0], out[0]);
}

static void plan_act_grad(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0], s[0]},
                      .ins = 2,
                      .out = {s[0]},
                      .outs = 1,
                      .adds = true,
                      .fresh = 1,
                      .kinds = CHECK_OFFSET,
                      .limit = 2e-6 /* as act */};
}

static void call_act_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->act_grad(e, (cm_act)s[1], s[0], in[0], in[1], out[0]);
}

/* rows half */
static const size_t geglu_shapes[][CHECK_NUMBERS] = {{1, 1}, {3, 7}, {2, 8}, {5, 9}, {4, 16}, {3, 17}, {33, 65}};
static const size_t geglu_bench[][CHECK_NUMBERS] = {{16 * 96, 512}};

static void plan_geglu(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * 2 * s[1]},
                      .ins = 1,
                      .out = {s[0] * s[1]},
                      .outs = 1,
                      .kinds = CHECK_OFFSET | CHECK_TINY,
                      .limit = 2e-6 /* as act */};
}

static void call_geglu(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->geglu(e, s[0], s[1], in[0], out[0]);
}

static void plan_geglu_grad(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * 2 * s[1], s[0] * s[1]},
                      .ins = 2,
                      .out = {s[0] * 2 * s[1]},
                      .outs = 1,
                      .adds = true,
                      .fresh = 1,
                      .limit = 2e-6 /* as act */};
}

static void call_geglu_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->geglu_grad(e, s[0], s[1], in[0], in[1], out[0]);
}

static const size_t sizes[][CHECK_NUMBERS] = {{0}, SIZES(0), {70001}};
static const size_t size_bench[][CHECK_NUMBERS] = {{1 << 18}};

static void plan_add(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0], s[0]},
                      .ins = 2,
                      .out = {s[0]},
                      .outs = 1,
                      .in_place = true,
                      .kinds = CHECK_WIDE | CHECK_TINY,
                      .limit = 0.0 /* one rounding: equal */};
}

static void call_add(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->add(e, s[0], in[0], in[1], out[0]);
}

static void plan_axpy(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0]},
                      .ins = 1,
                      .out = {s[0]},
                      .outs = 1,
                      .updates = true,
                      .kinds = CHECK_WIDE,
                      .limit = 2e-7 /* two roundings where ref has one */};
}

static void call_axpy(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->axpy(e, s[0], -0.37f, in[0], out[0]);
}

/* n hw c */
static const size_t row_shapes[][CHECK_NUMBERS] = {{1, 1, 1},  {2, 3, 7},   {3, 5, 8},
                                                   {2, 9, 17}, {1, 96, 33}, {4, 97, 64}};
static const size_t row_bench[][CHECK_NUMBERS] = {{16, 96, 128}};

static void plan_add_rows(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1] * s[2], s[0] * s[2]},
                      .ins = 2,
                      .out = {s[0] * s[1] * s[2]},
                      .outs = 1,
                      .in_place = true,
                      .kinds = CHECK_WIDE,
                      .limit = 0.0 /* one rounding: equal */};
}

static void call_add_rows(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->add_rows(e, s[0], s[1], s[2], in[0], in[1], out[0]);
}

static void plan_sum_hw(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1] * s[2]},
                      .ins = 1,
                      .out = {s[0] * s[2]},
                      .outs = 1,
                      .adds = true,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 2e-6 /* float sums of 97 */};
}

static void call_sum_hw(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->sum_hw(e, s[0], s[1], s[2], in[0], out[0]);
}

/* n h w c */
static const size_t up_shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1}, {2, 3, 2, 5}, {1, 2, 5, 8}, {3, 4, 3, 17}, {1, 6, 4, 64}};
static const size_t up_bench[][CHECK_NUMBERS] = {{16, 6, 4, 128}};

static void plan_up(const size_t *s, check_plan *p) {
    const size_t x = s[0] * s[1] * s[2] * s[3];
    *p = (check_plan){.in = {x}, .ins = 1, .out = {4 * x}, .outs = 1, .limit = 0.0 /* copies */};
}

static void call_up(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->upsample2(e, s[0], s[1], s[2], s[3], in[0], out[0]);
}

static void plan_up_grad(const size_t *s, check_plan *p) {
    const size_t x = s[0] * s[1] * s[2] * s[3];
    *p =
        (check_plan){.in = {4 * x}, .ins = 1, .out = {x}, .outs = 1, .adds = true, .limit = 5e-7 /* four float sums */};
}

static void call_up_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->upsample2_grad(e, s[0], s[1], s[2], s[3], in[0], out[0]);
}

/* outputs w m v start in [0,1] */
static void plan_adamw(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0]},
                      .ins = 1,
                      .out = {s[0], s[0], s[0]},
                      .outs = 3,
                      .updates = true,
                      .limit = 1e-6 /* a few roundings a value */};
}

static void call_adamw(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->adamw(e, s[0], 1e-2f, 0.9f, 0.999f, 1e-8f, 0.01f, 3, 0.7f, in[0], out[0], out[1], out[2]);
}

#define ROW(name, shapes, bench, plan, call)                                                                           \
    { #name, offsetof(cm_ops, name), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan, NULL, call }

const check_kernel check_simple[] = {
    ROW(act, act_shapes, act_bench, plan_act, call_act),
    ROW(act_grad, act_shapes, act_bench, plan_act_grad, call_act_grad),
    ROW(geglu, geglu_shapes, geglu_bench, plan_geglu, call_geglu),
    ROW(geglu_grad, geglu_shapes, geglu_bench, plan_geglu_grad, call_geglu_grad),
    ROW(add, sizes, size_bench, plan_add, call_add),
    ROW(axpy, sizes, size_bench, plan_axpy, call_axpy),
    ROW(add_rows, row_shapes, row_bench, plan_add_rows, call_add_rows),
    ROW(sum_hw, row_shapes, row_bench, plan_sum_hw, call_sum_hw),
    ROW(upsample2, up_shapes, up_bench, plan_up, call_up),
    ROW(upsample2_grad, up_shapes, up_bench, plan_up_grad, call_up_grad),
    ROW(adamw, sizes, size_bench, plan_adamw, call_adamw),
    {0},
};
