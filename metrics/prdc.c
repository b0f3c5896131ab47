// SPDX-License-Identifier: Apache-2.0
#include "metrics/prdc.h"

#include <math.h>

#include "metrics/dot_blocks.h"

enum { PUBLISHED_K = 5 };

/* One pass over the table of squared distances between two sets, row by row of the first. */
typedef struct pass {
    const double *rows, *columns; /* squared norms */
    bool same;                    /* both sets are one: a row's distance from itself is 0 */
    double *nearest;              /* [rows,k + 1]: the smallest so far, ascending; NULL: not wanted */
    size_t keep;
    const double *row_radius, *column_radius; /* squared; NULL: not wanted */
    bool closed;                              /* a point on a ball's edge is inside */
    bool *row_in, *column_in;                 /* lies in a ball of the other set */
    size_t *column_balls;                     /* how many of the rows' balls hold a column's point */
} pass;

static void insert(double *nearest, size_t keep, double d) {
    if (d >= nearest[keep - 1]) return;
    size_t at = keep - 1;
    for (; at > 0 && nearest[at - 1] > d; at--) nearest[at] = nearest[at - 1];
    nearest[at] = d;
}

static bool inside(const pass *p, double d, double radius) {
    return p->closed ? d <= radius : d < radius;
}

static void look_at_block(void *arg, const cm_dot_block *b) {
    pass *p = arg;
    for (size_t r = 0; r < b->rows; r++)
        for (size_t c = 0; c < b->columns; c++) {
            const size_t i = b->row + r, j = b->column + c;
            const double d =
                p->same && i == j ? 0 : fmax(p->rows[i] + p->columns[j] - 2 * b->dots[r * b->columns + c], 0);
            if (p->nearest) insert(p->nearest + i * p->keep, p->keep, d);
            if (p->same && b->row != b->column)
                insert(p->nearest + j * p->keep, p->keep, d); /* blocks below are not made */
            if (p->column_radius && inside(p, d, p->column_radius[j])) p->row_in[i] = true;
            if (!p->row_radius || !inside(p, d, p->row_radius[i])) continue;
            p->column_in[j] = true;
            p->column_balls[j]++;
        }
}

/* Squared distance of each point from its k-th neighbour, itself not counted. */
static cm_status radii(const float *x, const double *xx, size_t n, size_t width, size_t k, cm_arena *scratch,
                       double *radius) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    pass p = {.rows = xx, .columns = xx, .same = true, .keep = k + 1, .nearest = CM_PUSH(scratch, double, n *(k + 1))};
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n * p.keep; i++) p.nearest[i] = (double)INFINITY;
    CM_TRY(cm_dot_blocks_half(x, n, width, scratch, look_at_block, &p));
    for (size_t i = 0; i < n; i++) radius[i] = p.nearest[i * p.keep + k];
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

static double share(const bool *in, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += in[i];
    return (double)count / (double)n;
}

/* Rows: the reference's points; columns: the images'. */
static cm_status compare(const cm_sets *s, const double *xx, const double *yy, size_t k, bool closed, cm_arena *scratch,
                         cm_prdc *out) {
    double *x_radius = CM_PUSH(scratch, double, s->n), *y_radius = CM_PUSH(scratch, double, s->m);
    pass p = {.rows = yy,
              .columns = xx,
              .keep = 1,
              .nearest = CM_PUSH(scratch, double, s->m),
              .row_radius = y_radius,
              .column_radius = x_radius,
              .closed = closed,
              .row_in = CM_PUSH_ZERO(scratch, bool, s->m),
              .column_in = CM_PUSH_ZERO(scratch, bool, s->n),
              .column_balls = CM_PUSH_ZERO(scratch, size_t, s->n)};
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(radii(s->x, xx, s->n, s->width, k, scratch, x_radius));
    CM_TRY(radii(s->y, yy, s->m, s->width, k, scratch, y_radius));
    for (size_t i = 0; i < s->m; i++) p.nearest[i] = (double)INFINITY;
    CM_TRY(cm_dot_blocks(s->y, s->m, s->x, s->n, s->width, scratch, look_at_block, &p));
    size_t balls = 0, covered = 0;
    for (size_t j = 0; j < s->n; j++) balls += p.column_balls[j];
    for (size_t i = 0; i < s->m; i++) covered += inside(&p, p.nearest[i], y_radius[i]);
    *out = (cm_prdc){share(p.column_in, s->n), share(p.row_in, s->m), (double)balls / ((double)k * (double)s->n),
                     (double)covered / (double)s->m};
    return CM_OK;
}

cm_status cm_prdc_of(const cm_sets *s, size_t k, bool closed, cm_arena *scratch, cm_prdc *out) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    if (k < 1 || s->n <= k || s->m <= k)
        return cm_fail(CM_EUNDEFINED, "neighbours up to the %zuth of %zu and %zu images", k, s->n, s->m);
    CM_TRY(cm_sets_finite(s));
    double *xx = CM_PUSH(scratch, double, s->n), *yy = CM_PUSH(scratch, double, s->m);
    CM_TRY(cm_arena_check(scratch));
    cm_dot_squares(s->x, s->n, s->width, xx);
    cm_dot_squares(s->y, s->m, s->width, yy);
    const cm_status status = compare(s, xx, yy, k, closed, scratch, out);
    cm_arena_reset(scratch, mark);
    return status;
}

cm_status cm_score_prdc(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    cm_prdc v;
    CM_TRY(cm_prdc_of(s, PUBLISHED_K, false, scratch, &v));
    cm_set_value(out, "precision", v.precision);
    cm_set_value(out, "recall", v.recall);
    cm_set_value(out, "density", v.density);
    cm_set_value(out, "coverage", v.coverage);
    return CM_OK;
}
