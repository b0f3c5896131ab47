// SPDX-License-Identifier: Apache-2.0
/* CMMD (Jayasumana et al. 2024, arXiv 2401.09603): MMD^2 of L2-normalised CLIP embeddings with a Gaussian kernel,
 *
 *     1000 (mean k(x,x') + mean k(y,y') - 2 mean k(x,y)),   k(a,b) = exp(-|a-b|^2 / (2 10^2)),
 *
 * means over all pairs, a picture with itself among them, as its code has it. */
#include <math.h>
#include <stdbool.h>

#include "metrics/dense.h"
#include "metrics/set_score.h"

#define GAMMA (1.0 / (2 * 10.0 * 10.0))

/* Of unit vectors |a-b|^2 = 2 - 2 a.b; norms are divided out here, so that embeddings need not be unit. */
typedef struct kernel_sum {
    const double *rows, *columns; /* squared norms */
    bool half;                    /* of a set with itself: blocks above the diagonal count twice */
    double sum;
} kernel_sum;

static void add_block(void *arg, const cm_dense_block *b) {
    kernel_sum *k = arg;
    double sum = 0;
    for (size_t r = 0; r < b->rows; r++)
        for (size_t c = 0; c < b->columns; c++) {
            const double cosine = b->dots[r * b->columns + c] / sqrt(k->rows[b->row + r] * k->columns[b->column + c]);
            sum += exp(-GAMMA * fmax(2 - 2 * cosine, 0));
        }
    k->sum += k->half && b->row != b->column ? 2 * sum : sum;
}

static cm_status mean_within(const float *x, const double *xx, size_t n, size_t width, cm_arena *scratch, double *mean) {
    kernel_sum k = {xx, xx, true, 0};
    CM_TRY(cm_dense_dots_half(x, n, width, scratch, add_block, &k));
    *mean = k.sum / ((double)n * (double)n);
    return CM_OK;
}

cm_status cm_score_cmmd(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    double *xx = CM_PUSH(scratch, double, s->n + 1), *yy = CM_PUSH(scratch, double, s->m + 1), within, reference;
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_sets_finite(s));
    if (s->n < 1 || s->m < 1) return cm_fail(CM_EUNDEFINED, "CMMD of %zu and %zu pictures", s->n, s->m);
    cm_dense_squares(s->x, s->n, s->width, xx);
    cm_dense_squares(s->y, s->m, s->width, yy);
    CM_TRY(mean_within(s->x, xx, s->n, s->width, scratch, &within));
    CM_TRY(mean_within(s->y, yy, s->m, s->width, scratch, &reference));
    kernel_sum k = {xx, yy, false, 0};
    CM_TRY(cm_dense_dots(s->x, s->n, s->y, s->m, s->width, scratch, add_block, &k));
    const double value = 1000 * (within + reference - 2 * k.sum / ((double)s->n * (double)s->m));
    if (!isfinite(value)) return cm_fail(CM_EUNDEFINED, "an embedding is zero");
    cm_set_value(out, "", value);
    return CM_OK;
}
