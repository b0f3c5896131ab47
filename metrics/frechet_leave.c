// SPDX-License-Identifier: Apache-2.0
#include "metrics/frechet_leave.h"

#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "metrics/frechet_spectrum.h"

enum { BLOCK = 256, LARGEST = 16 }; /* lines of a block; rows of a cluster that goes through the integral */

static double squares(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

/* --- without each cluster -------------------------------------------------------------- */

/* Clusters go through products by blocks, each pair of a cluster's rows a line; the integral's nodes are a factor e
 * apart. */
typedef struct leaver {
    const cm_spectrum *s;
    const cm_clusters *c;
    const cm_frechet_side *side;
    size_t nodes;
    double *t;                       /* [nodes] */
    double *weights;                 /* [count, 2 nodes]: 1 / (value + t)^2, 1 / (value (value + t)) */
    double *rows, *z, *pairs, *sums; /* [BLOCK, width], [BLOCK, count], [BLOCK, count], [BLOCK, 2 nodes] */
    double *sum;                     /* [width] */
    double p[BLOCK];                 /* 1 - U' A^-1 U of each cluster, diagonal */
} leaver;

static cm_status open_leaver(leaver *l, cm_arena *scratch) {
    const cm_spectrum *s = l->s;
    const double reach = 28; /* what lies beyond the ends is e^-14 of the whole */
    const double lo = s->count ? log(s->values[0]) - reach : 0,
                 hi = s->count ? log(s->values[s->count - 1]) + reach : 0;
    const size_t m = l->nodes = (size_t)(hi - lo) + 1;
    l->t = CM_PUSH(scratch, double, m);
    l->weights = CM_PUSH(scratch, double, s->count * 2 * m + 1);
    l->rows = CM_PUSH(scratch, double, BLOCK * s->width);
    l->z = CM_PUSH(scratch, double, BLOCK *(s->count + 1));
    l->pairs = CM_PUSH(scratch, double, BLOCK *(s->count + 1));
    l->sums = CM_PUSH(scratch, double, BLOCK * 2 * m);
    l->sum = CM_PUSH(scratch, double, s->width);
    CM_TRY(cm_arena_check(scratch));
    for (size_t k = 0; k < m; k++) l->t[k] = exp(lo + (double)k);
    for (size_t j = 0; j < s->count; j++)
        for (size_t k = 0; k < m; k++) {
            const double shifted = s->values[j] + l->t[k];
            l->weights[j * 2 * m + k] = 1 / (shifted * shifted);
            l->weights[j * 2 * m + m + k] = 1 / (s->values[j] * shifted);
        }
    return CM_OK;
}

/* z [k,count] := U: the scatter loses sum c c' + (sum c)(sum c)' / (n - k), here over n - 1. */
static void mix(double *z, size_t k, size_t count, size_t n) {
    const double share = (sqrt(1 + (double)k / (double)(n - k)) - 1) / (double)k, scale = 1 / sqrt((double)(n - 1));
    for (size_t j = 0; j < count; j++) {
        double sum = 0;
        for (size_t i = 0; i < k; i++) sum += z[i * count + j];
        for (size_t i = 0; i < k; i++) z[i * count + j] = scale * (z[i * count + j] + share * sum);
    }
}

/* u [k,count] := e u, e [k,k] */
static void turn(const double *e, double *u, size_t k, size_t count) {
    double old[LARGEST];
    for (size_t j = 0; j < count; j++) {
        for (size_t i = 0; i < k; i++) old[i] = u[i * count + j];
        for (size_t i = 0; i < k; i++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++) sum += e[i * k + l] * old[l];
            u[i * count + j] = sum;
        }
    }
}

/* Turns u so that 1 - U' A^-1 U is diagonal, p, largest first; rounding becomes 0. */
static cm_status diagonalise(const cm_spectrum *s, double *u, size_t k, double *p) {
    double a[LARGEST * LARGEST];
    for (size_t i = 0; i < k; i++)
        for (size_t l = 0; l <= i; l++) {
            double sum = i == l;
            for (size_t j = 0; j < s->count; j++) sum -= u[i * s->count + j] * u[l * s->count + j] / s->values[j];
            a[i * k + l] = a[l * k + i] = -sum; /* the negative's eigenvalues ascend: p's largest comes first */
        }
    CM_TRY(cm_spectrum_eigen(a, k, p));
    const bool lowers = s->n - 1 <= s->count; /* each row left out lowers the rank */
    for (size_t i = 0; i < k; i++) p[i] = lowers || -p[i] < 1e-9 ? 0 : -p[i];
    turn(a, u, k, s->count);
    return CM_OK;
}

/* tr d^-1 h of [k,k], d positive definite, by elimination; both are destroyed. */
static double trace_of_quotient(double *d, double *h, size_t k) {
    for (size_t c = 0; c < k; c++)
        for (size_t r = c + 1; r < k; r++) {
            const double f = d[r * k + c] / d[c * k + c];
            for (size_t j = c + 1; j < k; j++) d[r * k + j] -= f * d[c * k + j];
            for (size_t j = 0; j < k; j++) h[r * k + j] -= f * h[c * k + j];
        }
    double trace = 0;
    for (size_t c = 0; c < k; c++) {
        for (size_t r = k; r-- > c;) {
            for (size_t j = r + 1; j < k; j++) h[r * k + c] -= d[r * k + j] * h[j * k + c];
            h[r * k + c] /= d[r * k + r];
        }
        trace += h[c * k + c];
    }
    return trace;
}

/* How much tr sqrt(A) falls, from the cluster's lines of sums. */
static double root_lost(const leaver *l, const double *sums, const double *p, size_t k) {
    double d[LARGEST * LARGEST], h[LARGEST * LARGEST], integral = 0;
    for (size_t node = 0; node < l->nodes && l->s->count; node++) {
        const double *line = sums + node, t = l->t[node];
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j <= i; j++, line += 2 * l->nodes) {
                h[i * k + j] = h[j * k + i] = line[0];
                d[i * k + j] = d[j * k + i] = t * line[l->nodes] + (i == j ? p[i] : 0);
            }
        integral += t * sqrt(t) * trace_of_quotient(d, h, k);
    }
    return integral / acos(-1.0);
}

static void multiply_pairs(const double *u, size_t k, size_t count, double *out) {
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++, out += count)
            for (size_t c = 0; c < count; c++) out[c] = u[i * count + c] * u[j * count + c];
}

/* Without k rows, which less the mean are rows [k,width], when the root's trace falls by `lost`. */
static double distance_without(const leaver *l, const double *rows, size_t k, double lost) {
    const cm_spectrum *s = l->s;
    const double n = (double)s->n, left = n - (double)k;
    memset(l->sum, 0, s->width * sizeof *l->sum);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < s->width; j++) l->sum[j] += rows[i * s->width + j];
    double gap = 0;
    for (size_t j = 0; j < s->width; j++) {
        const double d = s->mean[j] - l->sum[j] / left - l->side->mean[j];
        gap += d * d;
    }
    const double scatter = s->trace * (n - 1) - squares(rows, k * s->width) - squares(l->sum, s->width) / left;
    return gap + l->side->trace + scatter / (left - 1) - 2 * sqrt((n - 1) / (left - 1)) * (s->root - lost);
}

static size_t lines_of(const cm_clusters *c, size_t g) {
    return cm_cluster_rows(c, g) * (cm_cluster_rows(c, g) + 1) / 2;
}

/* Clusters [g, end). */
static cm_status leave_block(leaver *l, size_t g, size_t end, double *without) {
    const cm_spectrum *s = l->s;
    const size_t begin = l->c->first[g], count = s->count;
    size_t lines = 0;
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    cm_spectrum_rows(s, begin, l->c->first[end] - begin, l->rows, l->z);
    for (size_t i = g; i < end; i++) {
        const size_t k = cm_cluster_rows(l->c, i), row = l->c->first[i] - begin;
        mix(l->z + row * count, k, count, s->n);
        CM_TRY(diagonalise(s, l->z + row * count, k, l->p + row));
        multiply_pairs(l->z + row * count, k, count, l->pairs + lines * count);
        lines += lines_of(l->c, i);
    }
    cm_spectrum_product(l->pairs, false, l->weights, false, lines, 2 * l->nodes, count, l->sums);
    lines = 0;
    for (size_t i = g; i < end; i++) {
        const size_t k = cm_cluster_rows(l->c, i), row = l->c->first[i] - begin;
        without[i] = distance_without(l, l->rows + row * s->width, k,
                                      root_lost(l, l->sums + lines * 2 * l->nodes, l->p + row, k));
        lines += lines_of(l->c, i);
    }
    return CM_OK;
}

static cm_status leave_each(const cm_spectrum *s, const cm_frechet_side *side, const cm_clusters *c, cm_arena *scratch,
                            double *without) {
    leaver *l = CM_PUSH_ZERO(scratch, leaver, 1);
    CM_TRY(cm_arena_check(scratch));
    l->s = s;
    l->c = c;
    l->side = side;
    CM_TRY(open_leaver(l, scratch));
    for (size_t g = 0, end; g < c->count; g = end) {
        size_t lines = 0;
        for (end = g; end < c->count && lines + lines_of(c, end) <= BLOCK; end++) lines += lines_of(c, end);
        CM_TRY(leave_block(l, g, end, without));
    }
    return CM_OK;
}

/* Large clusters: distances anew. */
static cm_status refit_each(const cm_frechet_side *side, const float *x, const cm_clusters *c, cm_arena *scratch,
                            double *without) {
    const size_t n = cm_cluster_total(c);
    size_t *picks = CM_PUSH(scratch, size_t, n);
    CM_TRY(cm_arena_check(scratch));
    for (size_t g = 0; g < c->count; g++) {
        size_t left = 0;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        for (size_t i = 0; i < n; i++)
            if (i < c->first[g] || i >= c->first[g + 1]) picks[left++] = i;
        CM_TRY(cm_frechet_distance(side, x, picks, left, scratch, &without[g]));
    }
    return CM_OK;
}

static cm_status leave_out(const cm_frechet_side *side, const float *x, const cm_clusters *c, cm_arena *scratch,
                           double *value, double *without) {
    cm_spectrum s;
    CM_TRY(cm_spectrum_of(side, (cm_row_set){{x}, {cm_cluster_total(c)}}, scratch, &s));
    *value = cm_spectrum_distance(&s, side);
    return cm_cluster_largest(c) > LARGEST ? refit_each(side, x, c, scratch, without)
                                           : leave_each(&s, side, c, scratch, without);
}

cm_status cm_frechet_leave_out(const cm_frechet_side *side, const float *x, const cm_clusters *c, cm_arena *scratch,
                               double *value, double *without) {
    const size_t left = cm_cluster_total(c) - cm_cluster_largest(c);
    if (left < 2)
        return cm_fail(CM_EUNDEFINED, "a Fréchet distance of %zu image%s: at least 2 are needed", left,
                       left == 1 ? "" : "s");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status status = leave_out(side, x, c, scratch, value, without);
    cm_arena_reset(scratch, mark);
    return status;
}

/* --- the difference of two arms ----------------------------------------------------------- */

/* Adds sign times the parts of the rows [begin, begin + n) of both arms' rows, which are c's. */
static void add_parts(const cm_spectrum *s, const cm_frechet_side *side, size_t begin, const cm_clusters *c,
                      double sign, double *rows, double *z, double *parts) {
    const size_t n = cm_cluster_total(c);
    for (size_t i = 0, g = 0; i < n; i++) {
        if (i % BLOCK == 0) cm_spectrum_rows(s, begin + i, n - i < BLOCK ? n - i : BLOCK, rows, z);
        const double *row = rows + i % BLOCK * s->width, *at = z + i % BLOCK * s->count;
        double linear = 0, quadratic = squares(row, s->width);
        for (size_t k = 0; k < s->width; k++) linear += 2 * row[k] * (s->mean[k] - side->mean[k]);
        for (size_t k = 0; k < s->count; k++) quadratic -= at[k] * at[k] / sqrt(s->values[k]);
        while (i >= c->first[g + 1]) g++;
        parts[g] += sign * (linear / (double)n + quadratic / (double)(n - 1));
    }
}

static cm_status contrast(const cm_frechet_side *side, const float *xa, const cm_clusters *a, const float *xb,
                          const cm_clusters *b, cm_arena *scratch, double *parts) {
    cm_spectrum s;
    CM_TRY(cm_spectrum_of(side, (cm_row_set){{xa, xb}, {cm_cluster_total(a), cm_cluster_total(b)}}, scratch, &s));
    double *rows = CM_PUSH(scratch, double, BLOCK *s.width), *z = CM_PUSH(scratch, double, BLOCK *(s.count + 1));
    CM_TRY(cm_arena_check(scratch));
    memset(parts, 0, a->count * sizeof *parts);
    add_parts(&s, side, 0, a, 1, rows, z, parts);
    add_parts(&s, side, cm_cluster_total(a), b, -1, rows, z, parts);
    return CM_OK;
}

cm_status cm_frechet_contrast(const cm_frechet_side *side, const float *xa, const cm_clusters *a, const float *xb,
                              const cm_clusters *b, cm_arena *scratch, double *parts) {
    if (a->count != b->count) return cm_fail(CM_EUSAGE, "%zu and %zu prompts cannot be paired", a->count, b->count);
    if (cm_cluster_total(a) < 2 || cm_cluster_total(b) < 2)
        return cm_fail(CM_EUNDEFINED, "a Fréchet distance needs at least 2 images");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status status = contrast(side, xa, a, xb, b, scratch, parts);
    cm_arena_reset(scratch, mark);
    return status;
}
