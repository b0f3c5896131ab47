// SPDX-License-Identifier: Apache-2.0
/* Convolutions' weights as tiles: taps are turned out of the values' order first, [tap][16 channels out][32 in], or
 * [tap][32 in][16 out] where those of w stand the other way round. */
#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"
#include "core/cpu/f32/f32_microkernels.h"

enum { TAPS = 9 }; /* turned at a time */

typedef struct kernel_job {
    const cm_bf16_microkernels *u;
    const bf16_kernel *k;
    const float *w;
    size_t taps, kernels, steps, strips, step; /* taps: of the kernel that is multiplied; step: values of two tiles */
    bool pairs;
    uint16_t *to;
    int threads;
} kernel_job;

/* What is at hand of one tile: output channels [o, o+n), input channels [c, c+depth), taps [t, t+taps). */
typedef struct kernel_part {
    size_t o, n, c, depth, t, taps;
} kernel_part;

/* Value of tap t of phase p: sums of the taps that fall on one input pixel. */
static float folded(const float *w, size_t p, size_t t) {
    const size_t py = p / 2, px = p % 2, ty = t / 2, tx = t % 2;
    const size_t y0 = ty == 0 ? 0 : 1 + py, y1 = ty == 0 ? 1 + py : 3, x0 = tx == 0 ? 0 : 1 + px,
                 x1 = tx == 0 ? 1 + px : 3;
    float sum = 0.0f;
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++) sum += w[3 * y + x];
    return sum;
}

static void fold(const kernel_job *j, const kernel_part *p, size_t phase, float *some) {
    for (size_t t = 0; t < p->taps; t++)
        for (size_t r = 0; r < p->n; r++)
            for (size_t d = 0; d < p->depth; d++)
                some[t * BF16_TILE + r * BF16_DEPTH + d] =
                    folded(j->w + ((p->o + r) * j->k->c + p->c + d) * 9, phase, p->t + t);
}

static void turn_forward(const kernel_job *j, const kernel_part *p, float *some) {
    for (size_t r = 0; r < p->n; r++)
        cm_f32_microkernels_get()->transpose(p->depth, p->taps, j->w + ((p->o + r) * j->k->c + p->c) * j->taps + p->t,
                                             j->taps, some + r * BF16_DEPTH, BF16_TILE);
}

/* w [c,o,kh,kw], mirrored: tap t is the last but t */
static void turn_back(const kernel_job *j, const kernel_part *p, float *some) {
    const size_t first = j->taps - p->t - p->taps;
    float taps[TAPS * BF16_ROWS];
    for (size_t d = 0; d < p->depth; d++) {
        cm_f32_microkernels_get()->transpose(p->n, p->taps, j->w + ((p->c + d) * j->k->o + p->o) * j->taps + first,
                                             j->taps, taps, BF16_ROWS);
        for (size_t t = 0; t < p->taps; t++)
            for (size_t r = 0; r < p->n; r++)
                some[t * BF16_TILE + d * BF16_ROWS + r] = taps[(p->taps - 1 - t) * BF16_ROWS + r];
    }
}

/* 16 output channels of one strip */
static void one_tile(void *arg, size_t i, int worker) {
    (void)worker;
    const kernel_job *j = arg;
    const size_t strip = i / 2, tile = i % 2, o = strip % j->strips * BF16_COLS + tile * BF16_ROWS;
    float some[TAPS * BF16_TILE];
    kernel_part p = {.o = o, .n = o < j->k->o ? bf16_min(BF16_ROWS, j->k->o - o) : 0};
    uint16_t *to = j->to + strip * j->taps * j->steps * j->step + tile * BF16_TILE;
    for (size_t s = 0; s < j->steps; s++) {
        p.c = s * BF16_DEPTH;
        p.depth = bf16_min(BF16_DEPTH, j->k->c - p.c);
        for (p.t = 0; p.t < j->taps; p.t += p.taps) {
            p.taps = bf16_min(TAPS, j->taps - p.t);
            if (j->k->folded) fold(j, &p, strip / j->strips, some);
            else if (j->k->back) turn_back(j, &p, some);
            else turn_forward(j, &p, some);
            for (size_t t = 0; t < p.taps; t++, to += j->step)
                j->u->pack_b(p.depth, p.n, some + t * BF16_TILE, j->k->back ? BF16_ROWS : 1,
                             j->k->back ? 1 : BF16_DEPTH, j->pairs ? 2 * BF16_TILE : 0, to, j->step);
        }
    }
}

static void fill(void *arg, void *data) {
    kernel_job *j = arg;
    j->to = data;
    cm_parallel(j->threads, 2 * j->kernels * j->strips, one_tile, j);
}

const uint16_t *cm_bf16_conv_weights(bool pairs, const cm_exec *e, const bf16_kernel *k, const float *w) {
    kernel_job j = {.u = cm_bf16_microkernels_get(),
                    .k = k,
                    .w = w,
                    .taps = k->folded ? 4 : k->kh * k->kw,
                    .kernels = k->folded ? 4 : 1,
                    .steps = bf16_ceil_div(k->c, BF16_DEPTH),
                    .strips = bf16_ceil_div(k->o, BF16_COLS),
                    .step = 2 * BF16_TILE * (pairs ? 2 : 1),
                    .pairs = pairs,
                    .threads = e->threads};
    const int kind = k->back ? BF16_PACK_CONV_BACK : k->folded ? BF16_PACK_CONV_UPSAMPLE : BF16_PACK_CONV;
    return cm_bf16_pack(e, kind, pairs, j.kernels * j.strips * j.taps * j.steps * j.step, fill, &j);
}
