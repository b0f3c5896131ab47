// SPDX-License-Identifier: Apache-2.0
/* Group and layer norm.
 *
 * Group norm reads an image once for its statistics (sums about the first pixel,
 * per channel, combined in double) and once to apply scale, shift and activation.
 * Small images run one a thread, so that the second reading is from cache; large
 * ones are cut into slices of rows that threads share.
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"
#include "core/tensor/group_sums.h"

enum {
    SLICE = CM_SUM_ROWS, /* fixed, because sums are made per slice */
    FEW = 8 /* values of a group: below it results are what remains of cancelling terms, and ref's doubles make them */
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

typedef struct group_job {
    const cm_norm_shape *s;
    bool fresh;
    const float *x, *gamma, *beta, *dy;
    float *y, *mean, *rstd, *dx;
    float *scratch;       /* per worker: scale, shift, center, abc [6][c], dz */
    double *partial;      /* per worker: a slice's sums [slices][2][c] */
    double *channel;      /* [n][2][c]: a channel's part of dbeta and dgamma */
    float *scale, *shift; /* [n][c] instead of y */
    size_t slices, worker_floats;
    int threads; /* inside an image */
} group_job;

typedef struct image_job {
    const group_job *g;
    size_t n;
    float *scale, *shift, *center, *abc, *dz;
    double *sums;
} image_job;

static image_job open_image(const group_job *g, size_t n, int worker) {
    const size_t c = g->s->c;
    float *at = g->scratch + (size_t)worker * g->worker_floats;
    return (image_job){g,          n,          at,         at + c,
                       at + 2 * c, at + 3 * c, at + 6 * c, g->partial + (size_t)worker * 2 * g->slices * c};
}

static cm_norm_rows slice_rows(const image_job *j, size_t slice, size_t *at) {
    const cm_norm_shape *s = j->g->s;
    *at = (j->n * s->hw + slice * SLICE) * s->c;
    return (cm_norm_rows){.rows = least(SLICE, s->hw - slice * SLICE),
                          .c = s->c,
                          .scale = j->scale,
                          .shift = j->shift,
                          .center = j->center,
                          .act = s->act};
}

/* a channel's two sums over all slices */
static void total(const image_job *j, size_t channel, double *a, double *b) {
    const size_t c = j->g->s->c;
    *a = *b = 0.0;
    for (size_t i = 0; i < j->g->slices; i++) {
        *a += j->sums[2 * i * c + channel];
        *b += j->sums[(2 * i + 1) * c + channel];
    }
}

static void set_scale(const image_job *j, size_t channel, double mean, double rstd) {
    j->scale[channel] = (float)(j->g->gamma[channel] * rstd);
    j->shift[channel] = (float)(j->g->beta[channel] - mean * j->g->gamma[channel] * rstd);
}

static void stats_slice(void *arg, size_t slice, int worker) {
    (void)worker;
    const image_job *j = arg;
    size_t at;
    const cm_norm_rows r = slice_rows(j, slice, &at);
    cm_f32_microkernels_get()->norm_sums(&r, j->g->x + at, j->sums + 2 * slice * r.c, j->sums + (2 * slice + 1) * r.c);
}

/* A channel's sums over all slices, in their order, take the place of the first slice's. */
static void total_all(const image_job *j) {
    const size_t c = j->g->s->c;
    for (size_t i = 1; i < j->g->slices; i++)
        for (size_t k = 0; k < 2 * c; k++) j->sums[k] += j->sums[2 * i * c + k];
}

static void find_stats(const image_job *j, size_t group) {
    const cm_norm_shape *s = j->g->s;
    const cm_group_moments m = cm_group_moments_of(s, group, j->center, j->sums, j->sums + s->c);
    j->g->mean[j->n * s->groups + group] = (float)m.mean;
    j->g->rstd[j->n * s->groups + group] = (float)m.rstd;
    cm_group_scale_by(s, group, m, j->g->gamma, j->g->beta, j->scale, j->shift);
}

static void apply_slice(void *arg, size_t slice, int worker) {
    (void)worker;
    const image_job *j = arg;
    size_t at;
    const cm_norm_rows r = slice_rows(j, slice, &at);
    cm_f32_microkernels_get()->norm_apply(&r, j->g->x + at, j->g->y + at);
}

static void norm_image(void *arg, size_t n, int worker) {
    const group_job *g = arg;
    image_job j = open_image(g, n, worker);
    for (size_t c = 0; c < g->s->c; c++) j.center[c] = g->x[n * g->s->hw * g->s->c + c];
    cm_parallel(g->threads, g->slices, stats_slice, &j);
    total_all(&j);
    for (size_t group = 0; group < g->s->groups; group++) find_stats(&j, group);
    if (g->y) {
        cm_parallel(g->threads, g->slices, apply_slice, &j);
    } else {
        memcpy(g->scale + n * g->s->c, j.scale, g->s->c * sizeof(float));
        memcpy(g->shift + n * g->s->c, j.shift, g->s->c * sizeof(float));
    }
}

/* Images side by side, or the slices of one after the other. */
static void run_images(const cm_exec *e, group_job *g, size_t kept, cm_body *body) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    g->slices = (g->s->hw + SLICE - 1) / SLICE;
    const bool split = e->threads > 1 && g->slices > 1;
    g->threads = split ? e->threads : 1;
    g->worker_floats = 6 * g->s->c + kept;
    const int outside = split ? 1 : e->threads;
    const size_t workers = (size_t)(outside > 1 ? outside : 1);
    g->scratch = CM_PUSH(e->scratch, float, workers * g->worker_floats);
    g->partial = CM_PUSH(e->scratch, double, workers * 2 * g->slices * g->s->c);
    if (g->scratch && g->partial && g->s->hw) cm_parallel(outside, g->s->n, body, g);
    cm_arena_reset(e->scratch, mark);
}

void cm_f32_group_norm(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                       float *y, float *mean, float *rstd) {
    if (s->hw * (s->c / s->groups) < FEW) {
        cm_ops_ref()->group_norm(e, s, x, gamma, beta, y, mean, rstd);
        return;
    }
    group_job g = {.s = s, .x = x, .gamma = gamma, .beta = beta, .y = y, .mean = mean, .rstd = rstd};
    run_images(e, &g, 0, norm_image);
}

void cm_f32_group_scale(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                        float *scale, float *shift) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    float *moments = CM_PUSH(e->scratch, float, 2 * s->n * s->groups);
    group_job g = {.s = s,
                   .x = x,
                   .gamma = gamma,
                   .beta = beta,
                   .mean = moments,
                   .rstd = moments + s->n * s->groups,
                   .scale = scale,
                   .shift = shift};
    if (moments) run_images(e, &g, 0, norm_image);
    cm_arena_reset(e->scratch, mark);
}

/* --- an image in pieces ------------------------------------------------------------ */

typedef struct piece_job {
    cm_norm_rows rows; /* .rows: all of them */
    const float *x;
    float *y;
    double *sums; /* [slices][2][c] */
} piece_job;

static cm_norm_rows piece_rows(const piece_job *j, size_t slice) {
    cm_norm_rows r = j->rows;
    r.rows = least(SLICE, r.rows - slice * SLICE);
    return r;
}

static void sum_piece(void *arg, size_t slice, int worker) {
    (void)worker;
    const piece_job *j = arg;
    const size_t c = j->rows.c;
    const cm_norm_rows r = piece_rows(j, slice);
    cm_f32_microkernels_get()->norm_sums(&r, j->x + slice * SLICE * c, j->sums + 2 * slice * c,
                                         j->sums + (2 * slice + 1) * c);
}

void cm_f32_channel_sums(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t slices = (rows + SLICE - 1) / SLICE;
    piece_job j = {.rows = {.rows = rows, .c = c, .center = center}, .x = x};
    j.sums = CM_PUSH(e->scratch, double, 2 * slices * c);
    if (j.sums) cm_parallel(e->threads, slices, sum_piece, &j);
    for (size_t i = 0; j.sums && i < slices; i++)
        for (size_t k = 0; k < 2 * c; k++) sums[k] += j.sums[2 * i * c + k];
    cm_arena_reset(e->scratch, mark);
}

static void apply_piece(void *arg, size_t slice, int worker) {
    (void)worker;
    const piece_job *j = arg;
    const size_t at = slice * SLICE * j->rows.c;
    const cm_norm_rows r = piece_rows(j, slice);
    cm_f32_microkernels_get()->norm_apply(&r, j->x + at, j->y + at);
}

void cm_f32_scale_shift(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                        const float *x, float *y) {
    piece_job j = {.rows = {.rows = rows, .c = c, .scale = scale, .shift = shift, .act = act}, .x = x, .y = y};
    cm_parallel(e->threads, (rows + SLICE - 1) / SLICE, apply_piece, &j);
}

/* --- gradient ------------------------------------------------------------------------ */

static void grad_slice(void *arg, size_t slice, int worker) {
    (void)worker;
    const image_job *j = arg;
    size_t at;
    const cm_norm_rows r = slice_rows(j, slice, &at);
    float *dz = j->g->s->act == CM_IDENTITY || !j->g->dx ? NULL : j->dz + slice * SLICE * r.c;
    cm_f32_microkernels_get()->norm_grad_sums(&r, j->g->x + at, j->g->dy + at, dz, j->sums + 2 * slice * r.c,
                                              j->sums + (2 * slice + 1) * r.c);
}

/* dx = rstd (gamma dz - mean(gamma dz) - xhat mean(gamma dz xhat)) as a dz - b - c (x - mean), per channel */
static void find_grad(const image_job *j, size_t group) {
    const group_job *g = j->g;
    const size_t c = g->s->c, per = c / g->s->groups, c0 = group * per, at = j->n * g->s->groups + group;
    const double rstd = g->rstd[at], count = (double)(g->s->hw * per);
    double sum = 0.0, along = 0.0, a, b;
    for (size_t i = c0; i < c0 + per; i++) {
        total(j, i, &a, &b);
        g->channel[2 * j->n * c + i] = a;
        g->channel[(2 * j->n + 1) * c + i] = b * rstd;
        sum += g->gamma[i] * a;
        along += g->gamma[i] * b * rstd;
    }
    for (size_t i = c0; i < c0 + per; i++) {
        j->abc[i] = (float)(g->gamma[i] * rstd);
        j->abc[c + i] = (float)(rstd * sum / count);
        j->abc[2 * c + i] = (float)(rstd * rstd * along / count);
    }
}

static void grad_apply_slice(void *arg, size_t slice, int worker) {
    (void)worker;
    const image_job *j = arg;
    size_t at;
    const cm_norm_rows r = slice_rows(j, slice, &at);
    const float *dz = j->g->s->act == CM_IDENTITY ? j->g->dy + at : j->dz + slice * SLICE * r.c;
    cm_f32_microkernels_get()->norm_grad_apply(j->g->fresh, r.rows, r.c, j->g->x + at, dz, j->abc, j->center,
                                               j->g->dx + at);
}

static void grad_image(void *arg, size_t n, int worker) {
    const group_job *g = arg;
    const cm_norm_shape *s = g->s;
    image_job j = open_image(g, n, worker);
    for (size_t c = 0; c < s->c; c++) {
        const size_t group = n * s->groups + c / (s->c / s->groups);
        j.center[c] = g->mean[group];
        set_scale(&j, c, g->mean[group], g->rstd[group]);
    }
    cm_parallel(g->threads, g->slices, grad_slice, &j);
    for (size_t group = 0; group < s->groups; group++) find_grad(&j, group);
    if (g->dx) cm_parallel(g->threads, g->slices, grad_apply_slice, &j);
}

void cm_f32_group_norm_grad(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma,
                            const float *beta, const float *mean, const float *rstd, const float *dy, float *dx,
                            float *dgamma, float *dbeta) {
    if (s->hw * (s->c / s->groups) < FEW) {
        cm_ops_ref()->group_norm_grad(e, s, x, gamma, beta, mean, rstd, dy, dx, dgamma, dbeta);
        return;
    }
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    group_job g = {.s = s,
                   .fresh = e->fresh,
                   .x = x,
                   .gamma = gamma,
                   .beta = beta,
                   .dy = dy,
                   .dx = dx,
                   .mean = (float *)(size_t)mean,
                   .rstd = (float *)(size_t)rstd};
    g.channel = CM_PUSH_ZERO(e->scratch, double, 2 * s->n * s->c);
    if (g.channel) run_images(e, &g, s->hw * s->c, grad_image);
    for (size_t c = 0; g.channel && c < s->c; c++) {
        double beta_sum = 0.0, gamma_sum = 0.0;
        for (size_t n = 0; n < s->n; n++) {
            beta_sum += g.channel[2 * n * s->c + c];
            gamma_sum += g.channel[(2 * n + 1) * s->c + c];
        }
        if (dbeta) dbeta[c] += (float)beta_sum;
        if (dgamma) dgamma[c] += (float)gamma_sum;
    }
    cm_arena_reset(e->scratch, mark);
}

/* --- layer norm ------------------------------------------------------------------ */

enum { ROWS = 64 }; /* of a piece; its sums of dgamma and dbeta are made apart */

typedef struct layer_job {
    bool fresh;
    size_t rows, c;
    float eps;
    const float *x, *gamma, *beta, *dy;
    float *y, *mean, *rstd, *dx, *sums;
} layer_job;

static void layer_rows(void *arg, size_t from, size_t count) {
    const layer_job *j = arg;
    for (size_t r = from; r < from + count; r++)
        cm_f32_microkernels_get()->layer_norm(j->c, j->eps, j->x + r * j->c, j->gamma, j->beta, j->y + r * j->c,
                                              j->mean + r, j->rstd + r);
}

void cm_f32_layer_norm(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *rstd) {
    layer_job j = {.c = c, .eps = eps, .x = x, .gamma = gamma, .beta = beta, .y = y, .mean = mean, .rstd = rstd};
    if (c) cm_f32_parallel_for(e, rows, ROWS, layer_rows, &j);
}

static void layer_grad_rows(void *arg, size_t from, size_t count) {
    const layer_job *j = arg;
    float *sums = j->sums + from / ROWS * 2 * j->c;
    for (size_t r = from; r < from + count; r++)
        cm_f32_microkernels_get()->layer_norm_grad(j->fresh, j->c, j->x + r * j->c, j->gamma, j->mean[r], j->rstd[r],
                                                   j->dy + r * j->c, j->dx ? j->dx + r * j->c : NULL, sums + j->c,
                                                   sums);
}

void cm_f32_layer_norm_grad(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma,
                            const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma,
                            float *dbeta) {
    if (c < FEW) {
        cm_ops_ref()->layer_norm_grad(e, rows, c, x, gamma, mean, rstd, dy, dx, dgamma, dbeta);
        return;
    }
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t pieces = (rows + ROWS - 1) / ROWS;
    layer_job j = {.fresh = e->fresh,
                   .c = c,
                   .x = x,
                   .gamma = gamma,
                   .dy = dy,
                   .dx = dx,
                   .mean = (float *)(size_t)mean,
                   .rstd = (float *)(size_t)rstd};
    j.sums = CM_PUSH_ZERO(e->scratch, float, pieces * 2 * c);
    if (j.sums) cm_f32_parallel_for(e, rows, ROWS, layer_grad_rows, &j);
    for (size_t p = 0; j.sums && p < pieces; p++) {
        if (dbeta) cm_f32_microkernels_get()->add(c, dbeta, j.sums + 2 * p * c, dbeta);
        if (dgamma) cm_f32_microkernels_get()->add(c, dgamma, j.sums + (2 * p + 1) * c, dgamma);
    }
    cm_arena_reset(e->scratch, mark);
}
