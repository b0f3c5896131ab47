// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/check.h"

/* gemm: m n k ta tb, padding of rows, 10 alpha, 10 beta (alpha and beta as tenths, 0 allowed) */
static const size_t gemm_shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 0, 0, 0, 10, 0},     {3, 5, 7, 0, 0, 2, 10, 0},      {4, 16, 8, 1, 0, 0, 20, 10},
    {5, 17, 9, 0, 1, 1, 10, 5},    {6, 15, 33, 1, 1, 3, 7, 0},     {1, 64, 40, 0, 0, 0, 10, 0},
    {64, 1, 40, 0, 1, 0, 10, 10},  {31, 33, 129, 0, 0, 0, 10, 0},  {33, 31, 127, 0, 1, 0, 10, 0},
    {65, 47, 64, 1, 0, 5, 10, 10}, {128, 96, 257, 0, 0, 0, 10, 0}, {7, 300, 1, 0, 0, 0, 10, 0},
};
static const size_t gemm_bench[][CHECK_NUMBERS] = {{384, 384, 384, 0, 0, 0, 10, 0}, {1024, 320, 320, 0, 1, 0, 10, 0}};

static size_t spread(size_t rows, size_t columns, size_t pad) {
    return rows * (columns + pad);
}

static void plan_gemm(const size_t *s, check_plan *p) {
    const size_t m = s[0], n = s[1], k = s[2], pad = s[5];
    *p =
        (check_plan){.in = {s[3] ? spread(k, m, pad) : spread(m, k, pad), s[4] ? spread(n, k, pad) : spread(k, n, pad)},
                     .ins = 2,
                     .out = {spread(m, n, pad)},
                     .outs = 1,
                     .updates = s[7] != 0 || pad,
                     .kinds = CHECK_WIDE | CHECK_CONSTANT,
                     .limit = 2e-6, /* float sums of at most 400 products: about sqrt(400) * 6e-8 */
                     .work = 2.0 * (double)m * (double)n * (double)k};
}

static void call_gemm(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const size_t m = s[0], n = s[1], k = s[2], pad = s[5];
    o->gemm(e, s[3], s[4], m, n, k, (float)s[6] / 10.0f, in[0], (s[3] ? m : k) + pad, in[1], (s[4] ? k : n) + pad,
            (float)s[7] / 10.0f, out[0], n + pad);
}

/* linear: rows in out bias plus */
static const size_t linear_shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 1},      {1, 7, 3, 0, 1},     {3, 8, 16, 1, 0},   {5, 9, 17, 1, 1},
    {2, 129, 15, 0, 0},   {77, 33, 64, 1, 1},  {97, 64, 65, 1, 0}, {384, 128, 96, 1, 1},
    {100, 700, 33, 0, 1}, {13, 20, 700, 1, 1}, {8300, 8, 9, 0, 0},
};
static const size_t linear_bench[][CHECK_NUMBERS] = {
    {16 * 96, 128, 128, 1, 0}, {16 * 96, 128, 1024, 1, 0}, {1024, 640, 640, 1, 0}, {1024, 640, 640, 1, 1}};

static void plan_linear(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[1] * s[2], s[2], s[0] * s[2]},
                      .ins = 4,
                      .out = {s[0] * s[2]},
                      .outs = 1,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 2e-6, /* as gemm */
                      .work = 2.0 * (double)(s[0] * s[1] * s[2])};
}

static void call_linear(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->linear(e, s[0], s[1], s[2], in[0], in[1], s[3] ? in[2] : NULL, s[4] ? in[3] : NULL, out[0]);
}

static void plan_linear_grad(const size_t *s, check_plan *p) {
    *p = (check_plan){.in = {s[0] * s[1], s[1] * s[2], s[0] * s[2]},
                      .ins = 3,
                      .out = {s[0] * s[1], s[1] * s[2], s[2]},
                      .outs = 3,
                      .adds = true,
                      .fresh = 1,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 4e-6, /* float sums over up to 384 rows */
                      .work = 4.0 * (double)(s[0] * s[1] * s[2])};
}

static void call_linear_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    o->linear_grad(e, s[0], s[1], s[2], in[0], in[1], in[2], out[0], out[1], out[2]);
}

const check_kernel check_matrix[] = {
    {"gemm", offsetof(cm_ops, gemm), CHECK_ROWS(gemm_shapes), CHECK_ROWS(gemm_bench), plan_gemm, NULL, call_gemm},
    {"linear", offsetof(cm_ops, linear), CHECK_ROWS(linear_shapes), CHECK_ROWS(linear_bench), plan_linear, NULL,
     call_linear},
    {"linear_grad", offsetof(cm_ops, linear_grad), CHECK_ROWS(linear_shapes), CHECK_ROWS(linear_bench),
     plan_linear_grad, NULL, call_linear_grad},
    {0},
};
