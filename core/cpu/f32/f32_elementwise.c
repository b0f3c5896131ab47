// SPDX-License-Identifier: Apache-2.0
/* Elementwise operations, copies and the optimiser's step, in pieces that threads share. */
#include <math.h>
#include <string.h>

#include "core/cpu/f32/f32_ops.h"

enum { GRAIN = 16384 }; /* values of a piece */

typedef struct simple_job {
    cm_act kind;
    bool fresh;
    float alpha;
    size_t h, w, c, hw;
    const float *a, *b;
    float *y, *m, *v;
    cm_adamw_step step;
} simple_job;

static void act_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    cm_f32_microkernels_get()->act(j->kind, count, j->a + from, j->y + from);
}

void cm_f32_act(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y) {
    cm_f32_parallel_for(e, n, GRAIN, act_piece, &(simple_job){.kind = kind, .a = x, .y = y});
}

static void act_grad_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    cm_f32_microkernels_get()->act_grad(j->kind, j->fresh, count, j->a + from, j->b + from, j->y + from);
}

void cm_f32_act_grad(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx) {
    cm_f32_parallel_for(e, n, GRAIN, act_grad_piece,
                        &(simple_job){.kind = kind, .fresh = e->fresh, .a = x, .b = dy, .y = dx});
}

static void geglu_rows(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    for (size_t r = from; r < from + count; r++)
        cm_f32_microkernels_get()->geglu(j->c, j->a + 2 * r * j->c, j->y + r * j->c);
}

void cm_f32_geglu(const cm_exec *e, size_t rows, size_t half, const float *x, float *y) {
    if (half) cm_f32_parallel_for(e, rows, GRAIN / half + 1, geglu_rows, &(simple_job){.c = half, .a = x, .y = y});
}

static void geglu_grad_rows(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    for (size_t r = from; r < from + count; r++)
        cm_f32_microkernels_get()->geglu_grad(j->fresh, j->c, j->a + 2 * r * j->c, j->b + r * j->c,
                                              j->y + 2 * r * j->c);
}

void cm_f32_geglu_grad(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx) {
    simple_job j = {.fresh = e->fresh, .c = half, .a = x, .b = dy, .y = dx};
    if (half) cm_f32_parallel_for(e, rows, GRAIN / half + 1, geglu_grad_rows, &j);
}

static void add_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    cm_f32_microkernels_get()->add(count, j->a + from, j->b + from, j->y + from);
}

void cm_f32_add(const cm_exec *e, size_t n, const float *a, const float *b, float *y) {
    cm_f32_parallel_for(e, n, GRAIN, add_piece, &(simple_job){.a = a, .b = b, .y = y});
}

static void axpy_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    cm_f32_microkernels_get()->axpy(count, j->alpha, j->a + from, j->y + from);
}

void cm_f32_axpy(const cm_exec *e, size_t n, float alpha, const float *x, float *y) {
    cm_f32_parallel_for(e, n, GRAIN, axpy_piece, &(simple_job){.alpha = alpha, .a = x, .y = y});
}

static void add_rows_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    for (size_t r = from; r < from + count; r++)
        cm_f32_microkernels_get()->add(j->c, j->a + r * j->c, j->b + r / j->hw * j->c, j->y + r * j->c);
}

void cm_f32_add_rows(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y) {
    if (c)
        cm_f32_parallel_for(e, n * hw, GRAIN / c + 1, add_rows_piece,
                            &(simple_job){.a = x, .b = t, .y = y, .c = c, .hw = hw});
}

static void sum_images(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    for (size_t n = from; n < from + count; n++)
        cm_f32_bias_grad(j->hw, j->c, j->a + n * j->hw * j->c, j->y + n * j->c);
}

void cm_f32_sum_hw(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt) {
    cm_f32_parallel_for(e, n, 1, sum_images, &(simple_job){.a = dy, .y = dt, .c = c, .hw = hw});
}

/* low-resolution lines, counted through the batch */
static void upsample_lines(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    const size_t line = 2 * j->w * j->c;
    for (size_t r = from; r < from + count; r++) {
        float *to = j->y + 2 * r * line;
        for (size_t x = 0; x < 2 * j->w; x++)
            memcpy(to + x * j->c, j->a + (r * j->w + x / 2) * j->c, j->c * sizeof *to);
        memcpy(to + line, to, line * sizeof *to);
    }
}

void cm_f32_upsample2(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y) {
    cm_f32_parallel_for(e, n * h, 8, upsample_lines, &(simple_job){.a = x, .y = y, .w = w, .c = c});
}

static void upsample_grad_lines(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    const size_t line = 2 * j->w * j->c;
    for (size_t r = from; r < from + count; r++) {
        for (size_t x = 0; x < 4 * j->w; x++) {
            float *to = j->y + (r * j->w + x % (2 * j->w) / 2) * j->c;
            cm_f32_microkernels_get()->add(j->c, to, j->a + 2 * r * line + x * j->c, to);
        }
    }
}

void cm_f32_upsample2_grad(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx) {
    cm_f32_parallel_for(e, n * h, 8, upsample_grad_lines, &(simple_job){.a = dy, .y = dx, .w = w, .c = c});
}

static void adamw_piece(void *arg, size_t from, size_t count) {
    const simple_job *j = arg;
    cm_f32_microkernels_get()->adamw(&j->step, count, j->a + from, j->y + from, j->m + from, j->v + from);
}

void cm_f32_adamw(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                  float grad_scale, const float *g, float *w, float *m, float *v) {
    const double first = 1.0 - pow(beta1, (double)step), second = 1.0 - pow(beta2, (double)step);
    simple_job j = {.a = g, .y = w, .m = m, .v = v};
    j.step = (cm_adamw_step){.beta1 = beta1,
                             .beta2 = beta2,
                             .eps = eps,
                             .keep = (float)(1.0 - (double)lr * decay),
                             .rate = (float)(lr / first),
                             .root_correction = (float)(1.0 / sqrt(second)),
                             .grad_scale = grad_scale};
    cm_f32_parallel_for(e, n, GRAIN, adamw_piece, &j);
}
