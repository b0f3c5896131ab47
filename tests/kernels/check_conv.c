// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/check.h"

/* n h w c o k stride pad (0 none, 1 same, 2 one row below and one column right) bias */
static const size_t shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 1, 3, 1, 1, 1},    {1, 3, 3, 1, 1, 3, 1, 0, 0},   {2, 4, 4, 3, 4, 3, 1, 1, 1},   {1, 5, 7, 4, 5, 3, 1, 1, 0},
    {2, 6, 9, 8, 16, 3, 1, 1, 1},   {1, 7, 6, 17, 9, 3, 1, 1, 1},  {3, 8, 8, 16, 15, 3, 1, 1, 1}, {1, 12, 8, 33, 31, 3, 1, 1, 1},
    {2, 6, 6, 5, 7, 3, 2, 1, 1},    {1, 7, 5, 8, 8, 3, 2, 1, 0},   {2, 6, 8, 3, 16, 3, 2, 2, 1},  {1, 7, 9, 16, 4, 3, 2, 2, 1},
    {2, 5, 6, 7, 9, 1, 1, 0, 1},    {1, 8, 8, 16, 32, 1, 2, 0, 1}, {1, 9, 8, 3, 6, 5, 1, 1, 1},   {2, 16, 16, 3, 8, 8, 8, 0, 1},
    {1, 13, 11, 48, 64, 3, 1, 1, 1}, {1, 6, 6, 4, 6, 3, 1, 0, 1},   {1, 2, 2, 64, 16, 3, 1, 1, 1}, {5, 12, 8, 16, 16, 3, 1, 1, 1},
    {1, 17, 1, 8, 8, 3, 1, 1, 1},   {2, 10, 10, 32, 3, 3, 1, 1, 1}, {1, 24, 16, 20, 24, 3, 1, 1, 1},
};
static const size_t bench[][CHECK_NUMBERS] = {
    {16, 12, 8, 64, 64, 3, 1, 1, 1}, {16, 12, 8, 128, 128, 3, 1, 1, 1}, {16, 6, 4, 128, 128, 3, 1, 1, 1},
    {4, 96, 64, 32, 32, 3, 1, 1, 1}, {16, 12, 8, 64, 128, 3, 2, 1, 1},  {2, 64, 64, 320, 320, 3, 1, 1, 1},
};

static cm_conv_shape shape_of(const size_t *s) {
    cm_conv_shape c = {.n = s[0], .h = s[1], .w = s[2], .c = s[3], .o = s[4], .kh = s[5], .kw = s[5], .stride = s[6]};
    const size_t extra = s[7] == 1 ? s[5] - 1 : s[7] == 2 ? 1 : 0;
    if (s[7] == 1) c.pad_top = c.pad_left = (s[5] - 1) / 2;
    c.oh = (c.h + extra - c.kh) / c.stride + 1;
    c.ow = (c.w + extra - c.kw) / c.stride + 1;
    return c;
}

static double products(const cm_conv_shape *c) {
    return (double)(c->n * c->oh * c->ow * c->o) * (double)(c->c * c->kh * c->kw);
}

static void plan(const size_t *s, check_plan *p) {
    const cm_conv_shape c = shape_of(s);
    *p = (check_plan){.in = {c.n * c.h * c.w * c.c, c.o * c.c * c.kh * c.kw, c.o}, .ins = 3,
                      .out = {c.n * c.oh * c.ow * c.o}, .outs = 1, .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 1e-5, /* Winograd F(4,3) in float: 1.5e-6 to 3.2e-6 */
                      .work = 2.0 * products(&c)};
}

static void call(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_conv_shape c = shape_of(s);
    o->conv2d(e, &c, in[0], in[1], s[8] ? in[2] : NULL, out[0]);
}

static void plan_grad(const size_t *s, check_plan *p) {
    const cm_conv_shape c = shape_of(s);
    const size_t x = c.n * c.h * c.w * c.c, w = c.o * c.c * c.kh * c.kw;
    *p = (check_plan){.in = {x, w, c.n * c.oh * c.ow * c.o}, .ins = 3, .out = {x, w, c.o}, .outs = 3, .adds = true,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 1e-5, /* as forward */
                      .work = 4.0 * products(&c)};
}

static void call_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_conv_shape c = shape_of(s);
    o->conv2d_grad(e, &c, in[0], in[1], in[2], out[0], out[1], out[2]);
}

const check_kernel check_conv[] = {
    {"conv2d", offsetof(cm_ops, conv2d), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan, NULL, call},
    {"conv2d_grad", offsetof(cm_ops, conv2d_grad), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan_grad, NULL, call_grad},
    {0},
};
