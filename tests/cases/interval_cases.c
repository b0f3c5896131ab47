// SPDX-License-Identifier: Apache-2.0
#include "tests/cases/interval_cases.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/system.h"

enum { ARMS = 2, COLUMNS = 3 };

typedef struct simulation {
    const cm_interval_case *c;
    cm_rng rng;
    float *x[ARMS], *y, *turn; /* features; turn [width,width]: mixes them */
    double *columns;           /* [arms,prompts,COLUMNS] */
    size_t *prompt_of, *order;
} simulation;

static const cm_arm_pair the_pair = {0, 1};

/* --- columns ----------------------------------------------------------------------------- */

static double softplus(double v) {
    return log1p(exp(v));
}

static void draw_mean(simulation *s) {
    for (size_t i = 0; i < s->c->prompts; i++) {
        const double prompt = cm_rng_normal(&s->rng);
        for (size_t a = 0; a < ARMS; a++) {
            const double v = exp(0.7 * prompt + 0.5 * cm_rng_normal(&s->rng)) + (a ? s->c->apart : 0);
            s->columns[a * s->c->prompts + i] = cm_rng_uniform(&s->rng) < 0.05 ? (double)NAN : v;
        }
    }
}

/* Each prompt asks up to four questions of each kind; both arms answer them with the prompt's own chance. */
static void draw_ratio(simulation *s) {
    const size_t n = s->c->prompts;
    for (size_t i = 0; i < n; i++) {
        const double hard = cm_rng_normal(&s->rng);
        for (size_t k = 0; k < COLUMNS; k++) {
            const uint32_t asked = cm_rng_below(&s->rng, 5);
            const double level = (double)k - hard, chance = 1 / (1 + exp(-level));
            for (size_t a = 0; a < ARMS; a++) {
                double right = 0;
                for (uint32_t q = 0; q < asked; q++)
                    right += cm_rng_uniform(&s->rng) < fmin(chance + (a ? s->c->apart : 0), 1);
                s->columns[(a * n + i) * COLUMNS + k] = asked ? 100 * right / asked : (double)NAN;
            }
        }
    }
}

/* --- features ------------------------------------------------------------------------------ */

/* A row: `common` and own noise with a falling spectrum, turned, through a softplus. */
static void draw_row(simulation *s, const double *common, double apart, float *row) {
    const size_t w = s->c->width;
    double z[512];
    for (size_t k = 0; k < w; k++) {
        const double spread = 3 * pow((double)k + 1, -0.7) * (k % 2 ? 1 - 0.5 * apart : 1 + 0.6 * apart);
        z[k] = spread * ((common ? sqrt(0.6) * common[k] : 0) + sqrt(common ? 0.4 : 1) * cm_rng_normal(&s->rng));
    }
    for (size_t j = 0; j < w; j++) {
        double sum = 0.5 * apart;
        for (size_t k = 0; k < w; k++) sum += z[k] * (double)s->turn[j * w + k];
        row[j] = (float)softplus(sum);
    }
}

static void draw_synthetic(simulation *s) {
    const size_t w = s->c->width;
    double common[512];
    for (size_t i = 0; i < s->c->prompts; i++) {
        for (size_t k = 0; k < w; k++) common[k] = cm_rng_normal(&s->rng);
        for (size_t a = 0; a < ARMS; a++)
            for (size_t j = 0; j < s->c->images; j++)
                draw_row(s, common, a ? s->c->apart : 0, s->x[a] + (i * s->c->images + j) * w);
    }
}

/* Prompts of the pool without replacement, the two images in either arm by chance. */
static void draw_pool(simulation *s) {
    const size_t w = s->c->width;
    for (size_t i = 0; i < s->c->prompts; i++) {
        const size_t other = i + cm_rng_below(&s->rng, (uint32_t)(s->c->pool_prompts - i)), pick = s->order[other];
        s->order[other] = s->order[i];
        s->order[i] = pick;
        const size_t swap = cm_rng_below(&s->rng, 2);
        for (size_t a = 0; a < ARMS; a++)
            memcpy(s->x[a] + i * w, s->c->pool + (2 * pick + (a ^ swap)) * w, w * sizeof(float));
    }
}

/* Rows of unit length and random direction, all but orthogonal. */
static void make_turn(simulation *s) {
    const size_t w = s->c->width;
    for (size_t i = 0; i < w * w; i++) s->turn[i] = (float)(cm_rng_normal(&s->rng) / sqrt((double)w));
}

static cm_status open_simulation(const cm_interval_case *c, uint64_t seed, cm_arena *out, simulation *s) {
    const size_t rows = c->prompts * c->images, w = c->width;
    *s = (simulation){.c = c,
                      .rng = cm_rng_named(seed, c->name),
                      .turn = CM_PUSH(out, float, w *w + 1),
                      .y = CM_PUSH(out, float, c->reference *w + 1),
                      .columns = CM_PUSH(out, double, ARMS * c->prompts * COLUMNS),
                      .prompt_of = CM_PUSH(out, size_t, rows + 1),
                      .order = CM_PUSH(out, size_t, c->pool_prompts + 1)};
    for (size_t a = 0; a < ARMS; a++) s->x[a] = CM_PUSH(out, float, rows *w + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < rows; i++) s->prompt_of[i] = i / c->images;
    for (size_t i = 0; i < c->pool_prompts; i++) s->order[i] = i;
    if (c->kind != CM_CASE_SET) return CM_OK;
    make_turn(s);
    for (size_t i = 0; i < c->reference && !c->pool; i++) draw_row(s, NULL, 0.05, s->y + i * w);
    if (c->pool) memcpy(s->y, c->pool_reference, c->reference * w * sizeof(float));
    return CM_OK;
}

/* --- runs ------------------------------------------------------------------------------------- */

typedef struct run_values {
    double value, lo, hi, difference, low, high, p;
} run_values;

static cm_status run_columns(simulation *s, cm_arena *out, run_values *v) {
    cm_arm_value arms[ARMS];
    cm_pair_value pair;
    const bool ratio = s->c->kind == CM_CASE_RATIO;
    const cm_columns c = {ARMS, s->c->prompts, ratio ? COLUMNS : 1, s->columns, true,
                          1,    &the_pair,     cm_rng_u64(&s->rng)};
    if (ratio) draw_ratio(s);
    else draw_mean(s);
    CM_TRY(cm_compare_columns(&c, out, arms, &pair));
    v[0] = (run_values){arms[1].value, arms[1].lo, arms[1].hi, pair.difference, pair.lo, pair.hi, pair.p};
    return CM_OK;
}

static cm_status run_sets(simulation *s, cm_arena *out, run_values *v, size_t *parts) {
    const size_t rows[ARMS] = {s->c->prompts * s->c->images, s->c->prompts * s->c->images};
    const size_t *prompt_of[ARMS] = {s->prompt_of, s->prompt_of};
    const float *x[ARMS] = {s->x[0], s->x[1]};
    const cm_set_arms sets = {.arms = ARMS,
                              .prompts = s->c->prompts,
                              .width = s->c->width,
                              .x = x,
                              .rows = rows,
                              .prompt_of = prompt_of,
                              .y = s->y,
                              .m = s->c->reference,
                              .kid_subset = s->c->prompts / 2,
                              .score = s->c->score,
                              .pair_count = 1,
                              .pairs = &the_pair,
                              .seed = cm_rng_u64(&s->rng)};
    cm_set_comparison r;
    if (s->c->pool) draw_pool(s);
    else draw_synthetic(s);
    CM_TRY(cm_compare_sets(&sets, out, &r));
    *parts = r.parts;
    for (size_t k = 0; k < r.parts; k++) {
        const cm_arm_value *arm = &r.arms[k][1];
        const cm_pair_value *pair = r.pairs[k];
        if (!pair->defined) return cm_fail(CM_EUNDEFINED, "no pair: %s", pair->why);
        v[k] = (run_values){arm->value, arm->lo, arm->hi, pair->difference, pair->lo, pair->hi, pair->p};
    }
    return CM_OK;
}

static void tally_part(const run_values *v, size_t runs, size_t part, cm_interval_tally *t) {
    double truth[2] = {0}, square[2] = {0}, length[2] = {0};
    const double n = (double)runs;
    for (size_t i = part; i < runs * CM_SET_PARTS; i += CM_SET_PARTS) {
        truth[0] += v[i].value / n;
        truth[1] += v[i].difference / n;
        length[0] += (v[i].hi - v[i].lo) / n;
        length[1] += (v[i].high - v[i].low) / n;
        t->found[part] += (v[i].p <= 0.05) / n;
    }
    for (size_t i = part; i < runs * CM_SET_PARTS; i += CM_SET_PARTS) {
        t->arm[part] += (v[i].lo <= truth[0] && truth[0] <= v[i].hi) / n;
        t->pair[part] += (v[i].low <= truth[1] && truth[1] <= v[i].high) / n;
        square[0] += pow(v[i].value - truth[0], 2) / n;
        square[1] += pow(v[i].difference - truth[1], 2) / n;
    }
    t->arm_width[part] = length[0] / (2 * 1.96 * sqrt(square[0]));
    t->pair_width[part] = length[1] / (2 * 1.96 * sqrt(square[1]));
}

static cm_status simulate(const cm_interval_case *c, size_t runs, uint64_t seed, cm_arena *memory,
                          cm_interval_tally *t) {
    simulation s;
    CM_TRY(open_simulation(c, seed, memory, &s));
    run_values *v = CM_PUSH_ZERO(memory, run_values, runs * CM_SET_PARTS);
    CM_TRY(cm_arena_check(memory));
    const double begin = cm_now();
    t->parts = 1;
    for (t->runs = 0; t->runs < runs; t->runs++) {
        const cm_arena_mark mark = cm_arena_get_mark(memory);
        run_values *at = v + t->runs * CM_SET_PARTS;
        CM_TRY(c->kind == CM_CASE_SET ? run_sets(&s, memory, at, &t->parts) : run_columns(&s, memory, at));
        cm_arena_reset(memory, mark);
    }
    t->seconds = (cm_now() - begin) / (double)runs;
    for (size_t k = 0; k < t->parts; k++) tally_part(v, runs, k, t);
    return CM_OK;
}

cm_status cm_interval_simulate(const cm_interval_case *c, size_t runs, uint64_t seed, cm_interval_tally *out) {
    cm_arena memory;
    cm_interval_tally t = {0};
    cm_arena_init(&memory, 0);
    const cm_status s = simulate(c, runs, seed, &memory, &t);
    cm_arena_free(&memory);
    if (s == CM_OK) *out = t;
    return s;
}
