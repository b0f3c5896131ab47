// SPDX-License-Identifier: Apache-2.0
#include "metrics/kernel_distance.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "metrics/dot_blocks.h"
#include "metrics/set_score.h"

#define CMMD_GAMMA (1.0 / (2 * 10.0 * 10.0))
enum { CMMD_SCALE = 1000 };

/* Sums of a table's rows and columns; NULL: not wanted. A set with itself: without the diagonal, blocks below are not
 * made. */
typedef struct table_sums {
    cm_kernel_kind kind;
    size_t width;
    const double *row_norms, *column_norms;
    double *rows, *columns;
    bool same;
} table_sums;

static double kernel(const table_sums *t, double dot, size_t row, size_t column) {
    if (t->kind == CM_KERNEL_GAUSSIAN) {
        const double cosine = dot / sqrt(t->row_norms[row] * t->column_norms[column]);
        return exp(-CMMD_GAMMA * fmax(2 - 2 * cosine, 0));
    }
    const double base = dot / (double)t->width + 1;
    return base * base * base;
}

static void add_block(void *arg, const cm_dot_block *b) {
    const table_sums *t = arg;
    for (size_t r = 0; r < b->rows; r++)
        for (size_t c = 0; c < b->columns; c++) {
            const size_t row = b->row + r, column = b->column + c;
            if (t->same && row == column) continue;
            const double k = kernel(t, b->dots[r * b->columns + c], row, column);
            t->rows[row] += k;
            if (t->columns) t->columns[column] += k;
            if (t->same && b->row != b->column) t->rows[column] += k;
        }
}

static double dot(const float *x, const float *y, size_t width) {
    double sum = 0;
    for (size_t k = 0; k < width; k++) sum += (double)x[k] * (double)y[k];
    return sum;
}

static void sum_clusters(const table_sums *t, const cm_kernel_arm *arm) {
    for (size_t g = 0; g < arm->c.count; g++)
        for (size_t i = arm->c.first[g]; i < arm->c.first[g + 1]; i++)
            for (size_t j = arm->c.first[g]; j < i; j++)
                arm->together[g] += 2 * kernel(t, dot(arm->x + i * t->width, arm->x + j * t->width, t->width), i, j);
}

static cm_status check_norms(cm_kernel_kind kind, const double *norms, size_t n, const char *what) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(norms[i]) || (kind == CM_KERNEL_GAUSSIAN && norms[i] == 0))
            return cm_fail(CM_EUNDEFINED, "%s %zu is %s", what, i,
                           norms[i] == 0 ? "zero in every feature" : "not finite");
    return CM_OK;
}

static double mean_own(const cm_kernel_side *side, const double *norms, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += pow(norms[i] / (double)side->width + 1, 3) / (double)n;
    return side->kind == CM_KERNEL_GAUSSIAN ? 1 : sum;
}

static cm_status check_count(cm_kernel_kind kind, size_t n, const char *what) {
    const size_t least = kind == CM_KERNEL_GAUSSIAN ? 1 : 2;
    return n >= least ? CM_OK
                      : cm_fail(CM_EUNDEFINED, "a kernel distance %s %zu image%s: at least %zu %s needed", what, n,
                                n == 1 ? "" : "s", least, least == 1 ? "is" : "are");
}

cm_status cm_kernel_prepare_side(cm_kernel_kind kind, const float *y, size_t m, size_t width, cm_arena *out,
                                 cm_kernel_side *side) {
    CM_TRY(check_count(kind, m, "from a reference of"));
    cm_kernel_side r = {kind, m, width, y, CM_PUSH(out, double, m), 0, 0};
    const cm_arena_mark mark = cm_arena_get_mark(out);
    double *sums = CM_PUSH_ZERO(out, double, m);
    CM_TRY(cm_arena_check(out));
    cm_dot_squares(y, m, width, r.norms);
    CM_TRY(check_norms(kind, r.norms, m, "reference image"));
    table_sums t = {kind, width, r.norms, r.norms, sums, NULL, true};
    CM_TRY(cm_dot_blocks_half(y, m, width, out, add_block, &t));
    for (size_t i = 0; i < m && m > 1; i++) r.within += sums[i] / ((double)m * (double)(m - 1));
    r.own = mean_own(&r, r.norms, m);
    cm_arena_reset(out, mark);
    *side = r;
    return CM_OK;
}

cm_status cm_kernel_open(const cm_kernel_side *side, const float *x, const cm_clusters *c, cm_arena *out,
                         cm_kernel_arm *arm) {
    const size_t n = cm_cluster_total(c);
    cm_kernel_arm a = {x,
                       *c,
                       CM_PUSH(out, double, n + 1),
                       CM_PUSH_ZERO(out, double, n + 1),
                       CM_PUSH_ZERO(out, double, n + 1),
                       CM_PUSH_ZERO(out, double, c->count + 1),
                       0};
    CM_TRY(cm_arena_check(out));
    cm_dot_squares(x, n, side->width, a.norms);
    CM_TRY(check_norms(side->kind, a.norms, n, "image"));
    table_sums t = {side->kind, side->width, a.norms, a.norms, a.within, NULL, true};
    CM_TRY(cm_dot_blocks_half(x, n, side->width, out, add_block, &t));
    sum_clusters(&t, &a);
    t = (table_sums){side->kind, side->width, a.norms, side->norms, a.across, NULL, false};
    CM_TRY(cm_dot_blocks(x, n, side->y, side->m, side->width, out, add_block, &t));
    for (size_t i = 0; i < n; i++) a.across[i] /= (double)side->m;
    a.own = mean_own(side, a.norms, n);
    *arm = a;
    return CM_OK;
}

/* From the sums over n rows: within over all pairs of different rows, across over the reference's mean. */
static double distance(const cm_kernel_side *side, double within, double across, double n) {
    const double m = (double)side->m, y = side->within;
    if (side->kind == CM_KERNEL_GAUSSIAN) /* with each row and itself: 1 */
        return CMMD_SCALE * ((within + n) / (n * n) + (y * (m - 1) + 1) / m - 2 * across / n);
    return within / (n * (n - 1)) + y - 2 * across / n;
}

double cm_kernel_above(const cm_kernel_side *side, const cm_kernel_arm *arm) {
    if (side->kind == CM_KERNEL_GAUSSIAN) return 0; /* CMMD is the biased one */
    const double n = (double)cm_cluster_total(&arm->c);
    double within = 0;
    for (size_t i = 0; i < cm_cluster_total(&arm->c); i++) within += arm->within[i] / (n * (n - 1));
    return (arm->own - within) / n + (side->own - side->within) / (double)side->m;
}

/* What cluster g adds to the sums: its pairs inside are in two rows' sums each way. */
static void cluster_sums(const cm_kernel_arm *arm, size_t g, double *within, double *across) {
    *within = -arm->together[g];
    *across = 0;
    for (size_t i = arm->c.first[g]; i < arm->c.first[g + 1]; i++) {
        *within += 2 * arm->within[i];
        *across += arm->across[i];
    }
}

cm_status cm_kernel_leave_out(const cm_kernel_side *side, const cm_kernel_arm *arm, double *value, double *without) {
    const cm_clusters *c = &arm->c;
    const size_t n = cm_cluster_total(c), left = n - (without ? cm_cluster_largest(c) : 0);
    CM_TRY(check_count(side->kind, left, "of"));
    double within = 0, across = 0, less, fewer;
    for (size_t i = 0; i < n; i++) {
        within += arm->within[i];
        across += arm->across[i];
    }
    for (size_t g = 0; without && g < c->count; g++) {
        cluster_sums(arm, g, &less, &fewer);
        without[g] = distance(side, within - less, across - fewer, (double)(n - cm_cluster_rows(c, g)));
    }
    *value = distance(side, within, across, (double)n);
    return CM_OK;
}

static void add_parts(const cm_kernel_side *side, const cm_kernel_arm *arm, const double *other, double sign,
                      double *parts) {
    const double n = (double)cm_cluster_total(&arm->c);
    const bool all = side->kind == CM_KERNEL_GAUSSIAN;
    const double scale = all ? CMMD_SCALE : 1, pairs = all ? n * n : n * (n - 1);
    for (size_t g = 0; g < arm->c.count; g++)
        for (size_t i = arm->c.first[g]; i < arm->c.first[g + 1]; i++)
            parts[g] += sign * scale * ((arm->within[i] + other[i]) / pairs - 2 * arm->across[i] / n);
}

cm_status cm_kernel_contrast(const cm_kernel_side *side, const cm_kernel_arm *a, const cm_kernel_arm *b,
                             cm_arena *scratch, double *parts) {
    const size_t n = cm_cluster_total(&a->c);
    if (cm_cluster_total(&b->c) != n || a->c.count != b->c.count)
        return cm_fail(CM_EUSAGE, "sets of %zu and %zu images cannot be exchanged", n, cm_cluster_total(&b->c));
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *ab = CM_PUSH_ZERO(scratch, double, n + 1), *ba = CM_PUSH_ZERO(scratch, double, n + 1);
    CM_TRY(cm_arena_check(scratch));
    table_sums t = {side->kind, side->width, a->norms, b->norms, ab, ba, false};
    CM_TRY(cm_dot_blocks(a->x, n, b->x, n, side->width, scratch, add_block, &t));
    memset(parts, 0, a->c.count * sizeof *parts);
    add_parts(side, a, ab, 1, parts);
    add_parts(side, b, ba, -1, parts);
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

/* --- as scores of sets --------------------------------------------------------------------- */

/* Each image a prompt of its own. */
static cm_status value_of(cm_kernel_kind kind, const cm_sets *s, cm_arena *scratch, double *value) {
    cm_kernel_side side;
    cm_kernel_arm arm;
    size_t *first = CM_PUSH(scratch, size_t, s->n + 1);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i <= s->n; i++) first[i] = i;
    CM_TRY(cm_sets_finite(s));
    CM_TRY(cm_kernel_prepare_side(kind, s->y, s->y ? s->m : 0, s->width, scratch, &side));
    CM_TRY(cm_kernel_open(&side, s->x, &(cm_clusters){s->n, first, first}, scratch, &arm));
    return cm_kernel_leave_out(&side, &arm, value, NULL);
}

static cm_status score(cm_kernel_kind kind, const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    double value;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status status = value_of(kind, s, scratch, &value);
    cm_arena_reset(scratch, mark);
    if (status == CM_OK) cm_set_value(out, "", value);
    return status;
}

cm_status cm_score_kernel(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    return score(CM_KERNEL_CUBIC, s, scratch, out);
}

cm_status cm_score_cmmd(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    return score(CM_KERNEL_GAUSSIAN, s, scratch, out);
}
