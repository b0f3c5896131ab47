// SPDX-License-Identifier: Apache-2.0
/* Pools: lines are shared by threads, a pixel's channels lie side by side. */
#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"

typedef struct pool_job {
    const cm_pool_shape *s;
    const float *x, *bias;
    const float **taps; /* [threads][k*k] */
    float *y;
} pool_job;

/* The pixels under output pixel (oy, ox) of an image that lie inside. */
static size_t find_taps(const cm_pool_shape *s, const float *x, size_t oy, size_t ox, const float **taps) {
    size_t count = 0;
    for (size_t i = 0; i < s->k; i++) {
        const size_t iy = oy * s->stride + i - s->pad; /* above the image: huge */
        for (size_t j = 0; iy < s->h && j < s->k; j++) {
            const size_t ix = ox * s->stride + j - s->pad;
            if (ix < s->w) taps[count++] = x + (iy * s->w + ix) * s->x_row;
        }
    }
    return count;
}

static void pool_line(void *arg, size_t line, int worker) {
    const pool_job *j = arg;
    const cm_pool_shape *s = j->s;
    const float **taps = j->taps + (size_t)worker * s->k * s->k, *x = j->x + line / s->oh * s->h * s->w * s->x_row;
    cm_pool_pixel p = {.c = s->c, .most = s->kind == CM_POOL_MAX, .relu = s->relu, .bias = j->bias};
    for (size_t ox = 0; ox < s->ow; ox++) {
        const size_t count = find_taps(s, x, line % s->oh, ox, taps);
        p.share = 1.0f / (float)(s->kind == CM_POOL_MEAN ? s->k * s->k : count);
        cm_f32_microkernels_get()->pool(&p, count, taps, j->y + (line * s->ow + ox) * s->y_row);
    }
}

void cm_f32_pool2d(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    pool_job j = {.s = s, .x = x, .bias = bias, .y = y};
    j.taps = (const float **)(void *)CM_PUSH(e->scratch, const float *,
                                             (size_t)(e->threads > 1 ? e->threads : 1) * s->k * s->k);
    if (j.taps) cm_parallel(e->threads, s->n * s->oh, pool_line, &j);
    cm_arena_reset(e->scratch, mark);
}
