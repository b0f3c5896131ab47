// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/check.h"

/* n h w c o k stride pad (0 none, 1 same, 2 one row below and one column right) bias */
static const size_t shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 1, 3, 1, 1, 1},    {1, 3, 3, 1, 1, 3, 1, 0, 0},     {2, 4, 4, 3, 4, 3, 1, 1, 1},
    {1, 5, 7, 4, 5, 3, 1, 1, 0},    {2, 6, 9, 8, 16, 3, 1, 1, 1},    {1, 7, 6, 17, 9, 3, 1, 1, 1},
    {3, 8, 8, 16, 15, 3, 1, 1, 1},  {1, 12, 8, 33, 31, 3, 1, 1, 1},  {2, 6, 6, 5, 7, 3, 2, 1, 1},
    {1, 7, 5, 8, 8, 3, 2, 1, 0},    {2, 6, 8, 3, 16, 3, 2, 2, 1},    {1, 7, 9, 16, 4, 3, 2, 2, 1},
    {2, 5, 6, 7, 9, 1, 1, 0, 1},    {1, 8, 8, 16, 32, 1, 2, 0, 1},   {1, 9, 8, 3, 6, 5, 1, 1, 1},
    {2, 16, 16, 3, 8, 8, 8, 0, 1},  {1, 13, 11, 48, 64, 3, 1, 1, 1}, {1, 6, 6, 4, 6, 3, 1, 0, 1},
    {1, 2, 2, 64, 16, 3, 1, 1, 1},  {5, 12, 8, 16, 16, 3, 1, 1, 1},  {1, 17, 1, 8, 8, 3, 1, 1, 1},
    {2, 10, 10, 32, 3, 3, 1, 1, 1}, {1, 24, 16, 20, 24, 3, 1, 1, 1}, {1, 68, 62, 8, 8, 3, 1, 1, 0},
    {2, 5, 9, 9, 40, 5, 1, 0, 1},   {3, 6, 4, 40, 33, 3, 1, 1, 1},
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
    *p = (check_plan){.in = {c.n * c.h * c.w * c.c, c.o * c.c * c.kh * c.kw, c.o},
                      .ins = 3,
                      .out = {c.n * c.oh * c.ow * c.o},
                      .outs = 1,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
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
    *p = (check_plan){.in = {x, w, c.n * c.oh * c.ow * c.o},
                      .ins = 3,
                      .out = {x, w, c.o},
                      .outs = 3,
                      .adds = true,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 1e-5, /* as forward */
                      .work = 4.0 * products(&c)};
}

static void call_grad(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_conv_shape c = shape_of(s);
    o->conv2d_grad(e, &c, in[0], in[1], in[2], out[0], out[1], out[2]);
}

/* n h w c o kh kw stride pad (0 none, 1 same) and bits: 1 bias, 2 ReLU, 4 reads and writes among other channels */
static const size_t strided_shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 7},     {2, 5, 6, 7, 9, 1, 1, 1, 0, 7},     {1, 17, 17, 40, 72, 1, 1, 1, 0, 6},
    {2, 9, 9, 3, 32, 3, 3, 2, 0, 3},    {2, 9, 11, 32, 31, 3, 3, 1, 0, 7},  {1, 12, 12, 48, 64, 3, 3, 1, 1, 7},
    {3, 8, 8, 17, 15, 3, 3, 1, 1, 6},   {2, 11, 9, 24, 40, 3, 3, 2, 0, 7},  {1, 17, 17, 33, 40, 1, 7, 1, 1, 7},
    {2, 17, 17, 40, 33, 7, 1, 1, 1, 7}, {2, 8, 8, 48, 34, 1, 3, 1, 1, 7},   {2, 8, 8, 34, 48, 3, 1, 1, 1, 5},
    {2, 12, 13, 48, 64, 5, 5, 1, 1, 7}, {1, 40, 60, 8, 16, 3, 3, 1, 1, 7},  {1, 9, 3, 16, 20, 3, 3, 1, 0, 2},
    {2, 7, 7, 700, 40, 1, 1, 1, 0, 7},  {1, 8, 8, 448, 40, 3, 3, 1, 1, 7},  {1, 21, 131, 40, 33, 3, 3, 2, 0, 7},
    {3, 9, 10, 700, 20, 3, 3, 2, 1, 7}, {2, 70, 20, 16, 33, 1, 7, 1, 1, 7}, {2, 20, 70, 16, 33, 1, 7, 1, 1, 7},
    {2, 40, 73, 30, 33, 3, 3, 1, 0, 7}, {1, 12, 11, 16, 9, 5, 5, 2, 1, 7},  {5, 35, 35, 96, 40, 3, 3, 2, 0, 3},
};
/* the layers of an Inception at 299 x 299, eight pictures */
static const size_t strided_bench[][CHECK_NUMBERS] = {
    {8, 299, 299, 3, 32, 3, 3, 2, 0, 3},  {8, 149, 149, 32, 32, 3, 3, 1, 0, 3}, {8, 147, 147, 32, 64, 3, 3, 1, 1, 3},
    {8, 73, 73, 64, 80, 1, 1, 1, 0, 3},   {8, 73, 73, 80, 192, 3, 3, 1, 0, 3},  {8, 35, 35, 288, 240, 1, 1, 1, 0, 7},
    {8, 35, 35, 48, 64, 5, 5, 1, 1, 7},   {8, 35, 35, 64, 96, 3, 3, 1, 1, 7},   {8, 35, 35, 96, 96, 3, 3, 1, 1, 7},
    {8, 35, 35, 288, 384, 3, 3, 2, 0, 7}, {8, 35, 35, 96, 96, 3, 3, 2, 0, 7},   {8, 17, 17, 768, 768, 1, 1, 1, 0, 7},
    {8, 17, 17, 160, 160, 1, 7, 1, 1, 7}, {8, 17, 17, 192, 192, 7, 1, 1, 1, 7}, {8, 17, 17, 192, 320, 3, 3, 2, 0, 7},
    {8, 8, 8, 2048, 1344, 1, 1, 1, 0, 7}, {8, 8, 8, 448, 384, 3, 3, 1, 1, 7},   {8, 8, 8, 384, 384, 1, 3, 1, 1, 7},
};

static cm_conv_shape strided_shape(const size_t *s, cm_channel_strides *at) {
    cm_conv_shape c = {.n = s[0], .h = s[1], .w = s[2], .c = s[3], .o = s[4], .kh = s[5], .kw = s[6], .stride = s[7]};
    if (s[8]) {
        c.pad_top = (c.kh - 1) / 2;
        c.pad_left = (c.kw - 1) / 2;
    }
    c.oh = (c.h + 2 * c.pad_top - c.kh) / c.stride + 1;
    c.ow = (c.w + 2 * c.pad_left - c.kw) / c.stride + 1;
    *at = (cm_channel_strides){.x_row = c.c + (s[9] & 4 ? 5 : 0),
                               .y_row = c.o + (s[9] & 4 ? 6 : 0),
                               .relu = (s[9] & 2) != 0};
    return c;
}

static void plan_strided(const size_t *s, check_plan *p) {
    cm_channel_strides at;
    const cm_conv_shape c = strided_shape(s, &at);
    *p = (check_plan){.in = {c.n * c.h * c.w * at.x_row, c.o * c.c * c.kh * c.kw, c.o},
                      .ins = 3,
                      .out = {c.n * c.oh * c.ow * at.y_row},
                      .outs = 1,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 1e-5 /* as conv2d */,
                      .work = 2.0 * products(&c)};
}

/* From the third channel of the input to the fourth of the output. */
static void call_strided(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    cm_channel_strides at;
    const cm_conv_shape c = strided_shape(s, &at);
    o->conv2d_strided_channels(e, &c, &at, in[0] + (s[9] & 4 ? 2 : 0), in[1], s[9] & 1 ? in[2] : NULL,
                               out[0] + (s[9] & 4 ? 3 : 0));
}

/* n h w c k stride pad kind and bits: 1 bias, 2 ReLU, 4 among other channels */
static const size_t pool_shapes[][CHECK_NUMBERS] = {
    {1, 1, 1, 1, 3, 1, 1, CM_POOL_MAX, 7},          {2, 7, 6, 17, 3, 2, 0, CM_POOL_MAX, 0},
    {2, 8, 8, 34, 3, 1, 1, CM_POOL_MAX, 4},         {1, 9, 5, 16, 3, 1, 1, CM_POOL_MEAN, 7},
    {2, 6, 7, 40, 3, 1, 1, CM_POOL_MEAN, 4},        {1, 8, 8, 9, 2, 2, 0, CM_POOL_MEAN, 1},
    {2, 5, 5, 33, 3, 1, 1, CM_POOL_MEAN_INSIDE, 7}, {1, 35, 4, 64, 3, 1, 1, CM_POOL_MEAN_INSIDE, 2},
    {1, 9, 9, 3, 5, 3, 2, CM_POOL_MEAN_INSIDE, 0},
};
static const size_t pool_bench[][CHECK_NUMBERS] = {{8, 147, 147, 64, 3, 2, 0, CM_POOL_MAX, 0},
                                                   {8, 17, 17, 192, 3, 1, 1, CM_POOL_MEAN_INSIDE, 7}};

static cm_pool_shape pool_shape(const size_t *s) {
    const size_t more = s[8] & 4 ? 7 : 0;
    return (cm_pool_shape){.n = s[0],
                           .h = s[1],
                           .w = s[2],
                           .c = s[3],
                           .k = s[4],
                           .stride = s[5],
                           .pad = s[6],
                           .kind = (cm_pool)s[7],
                           .oh = (s[1] + 2 * s[6] - s[4]) / s[5] + 1,
                           .ow = (s[2] + 2 * s[6] - s[4]) / s[5] + 1,
                           .x_row = s[3] + more,
                           .y_row = s[3] + more,
                           .relu = (s[8] & 2) != 0};
}

static void plan_pool(const size_t *s, check_plan *p) {
    const cm_pool_shape c = pool_shape(s);
    *p = (check_plan){.in = {c.n * c.h * c.w * c.x_row, c.c},
                      .ins = 2,
                      .out = {c.n * c.oh * c.ow * c.y_row},
                      .outs = 1,
                      .kinds = CHECK_WIDE | CHECK_CONSTANT,
                      .limit = 1e-6 /* float sums of 25 at most */};
}

static void call_pool(const cm_ops *o, const cm_exec *e, const size_t *s, float **in, float **out) {
    const cm_pool_shape c = pool_shape(s);
    o->pool2d(e, &c, in[0] + (s[8] & 4 ? 2 : 0), s[8] & 1 ? in[1] : NULL, out[0] + (s[8] & 4 ? 3 : 0));
}

const check_kernel check_conv[] = {
    {"conv2d", offsetof(cm_ops, conv2d), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan, NULL, call},
    {"conv2d_grad", offsetof(cm_ops, conv2d_grad), CHECK_ROWS(shapes), CHECK_ROWS(bench), plan_grad, NULL, call_grad},
    {"conv2d_strided_channels", offsetof(cm_ops, conv2d_strided_channels), CHECK_ROWS(strided_shapes),
     CHECK_ROWS(strided_bench), plan_strided, NULL, call_strided},
    {"pool2d", offsetof(cm_ops, pool2d), CHECK_ROWS(pool_shapes), CHECK_ROWS(pool_bench), plan_pool, NULL, call_pool},
    {0},
};
