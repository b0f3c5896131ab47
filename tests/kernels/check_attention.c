// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "tests/kernels/check.h"

/* n heads lq lk d causal, 100 scale */
static const size_t shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 1, 0, 100},   {1, 1, 3, 2, 4, 0, 50},      {2, 2, 5, 7, 8, 0, 35},    {1, 3, 16, 16, 16, 0, 25},
    {2, 4, 17, 15, 5, 0, 40},  {1, 2, 9, 9, 12, 1, 30},     {2, 1, 33, 33, 40, 1, 16}, {1, 2, 77, 77, 32, 1, 18},
    {2, 2, 96, 77, 32, 0, 18}, {1, 1, 130, 129, 64, 0, 12}, {1, 2, 65, 64, 40, 0, 16}, {1, 1, 300, 257, 24, 0, 20},
    {1, 2, 40, 70, 80, 0, 11}, {1, 1, 33, 300, 160, 0, 8},
};
static const size_t bench[][CHECK_NUMBERS] = {
    {16, 4, 96, 96, 32, 0, 18},
    {16, 4, 96, 77, 32, 0, 18},
    {16, 4, 77, 77, 32, 1, 18},
    {1, 8, 1024, 1024, 40, 0, 16},
};

static cm_attention_shape shape_of(const size_t *s) {
    return (cm_attention_shape){.n = s[0],
                                .heads = s[1],
                                .lq = s[2],
                                .lk = s[3],
                                .d = s[4],
                                .causal = s[5] != 0,
                                .scale = (float)s[6] / 100.0f};
}

static double products(const size_t *s) {
    return (double)(s[0] * s[1] * s[2]) * (double)(s[3] * s[4]);
}

static void plan(const size_t *s, check_plan *p) {
    const size_t q = s[0] * s[2] * s[1] * s[4], k = s[0] * s[3] * s[1] * s[4], rows = s[0] * s[1] * s[2];
    *p = (check_plan){.in = {q, k, k},
                      .ins = 3,
                      .out = {q, rows * s[3], rows},
                      .outs = 3,
                      .optional = true,
                      .kinds = CHECK_CONSTANT,
                      .constant = 20.0f, /* scores whose exponentials overflow */
                      .limit = 5e-6,     /* float scores up to 64 long, exponentials at 2e-7 */
                      .work = 4.0 * products(s)};
}

static void call(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_attention_shape a = shape_of(s);
    o->attention(e, &a, in[0], in[1], in[2], out[0], out[1], out[2]);
}

/* q k v dout dprobs out lse; once with and once without dprobs: s[7] */
static void plan_grad(const size_t *s, check_plan *p) {
    const size_t q = s[0] * s[2] * s[1] * s[4], k = s[0] * s[3] * s[1] * s[4], rows = s[0] * s[1] * s[2];
    *p = (check_plan){.in = {q, k, k, q, rows * s[3], q, rows},
                      .ins = 7,
                      .out = {q, k, k},
                      .outs = 3,
                      .adds = true,
                      .fresh = 3,
                      .limit = 1e-5, /* differences dP - sum P dP of float sums */
                      .work = 10.0 * products(s)};
}

static void prepare(const cm_ops *ref, const cm_exec *e, const size_t *s, float **in) {
    const cm_attention_shape a = shape_of(s);
    ref->attention(e, &a, in[0], in[1], in[2], in[5], NULL, in[6]);
}

static void call_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_attention_shape a = shape_of(s);
    o->attention_grad(e, &a, in[0], in[1], in[2], in[5], in[6], in[3], NULL, out[0], out[1], out[2]);
}

static void call_grad_probs(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_attention_shape a = shape_of(s);
    o->attention_grad(e, &a, in[0], in[1], in[2], in[5], in[6], in[3], in[4], out[0], out[1], out[2]);
}

/* rows c */
static const size_t softmax_shapes[][CHECK_NUMBERS] = {{1, 1},  {3, 2},  {5, 7},   {2, 8},   {4, 15},
                                                       {1, 16}, {7, 17}, {33, 77}, {2, 1025}};
static const size_t softmax_bench[][CHECK_NUMBERS] = {{4096, 77}, {1024, 1024}};

static void plan_softmax(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1]},
                      .ins = 1,
                      .out = {s[0] * s[1]},
                      .outs = 1,
                      .in_place = true,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT | CHECK_OFFSET,
                      .constant = 200.0f,
                      .limit = 2e-6 /* exponentials at 2e-7, sums of up to 1025 */};
}

static void call_softmax(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->softmax(e, s[0], s[1], in[0], out[0]);
}

/* y dy */
static void plan_softmax_grad(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[0] * s[1]},
                      .ins = 2,
                      .out = {s[0] * s[1]},
                      .outs = 1,
                      .adds = true,
                      .limit = 4e-6 /* a difference of float sums */};
}

static void prepare_softmax(const cm_ops *ref, const cm_exec *e, const size_t *s, float **in) {
    ref->softmax(e, s[0], s[1], in[0], in[0]);
}

static void call_softmax_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->softmax_grad(e, s[0], s[1], in[0], in[1], out[0]);
}

const check_kernel check_attention[] = {
    {"attention", offsetof(cm_ops, attention), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan, NULL, call},
    {"attention_grad", offsetof(cm_ops, attention_grad), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan_grad, prepare,
     call_grad},
    {"attention_grad+dprobs", offsetof(cm_ops, attention_grad), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan_grad,
     prepare, call_grad_probs},
    {"softmax", offsetof(cm_ops, softmax), CHECK_ROWS(softmax_shapes), CHECK_ROWS(softmax_bench), plan_softmax, NULL,
     call_softmax},
    {"softmax_grad", offsetof(cm_ops, softmax_grad), CHECK_ROWS(softmax_shapes), CHECK_ROWS(softmax_bench),
     plan_softmax_grad, prepare_softmax, call_softmax_grad},
    {0},
};
