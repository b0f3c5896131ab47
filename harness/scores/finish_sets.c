// SPDX-License-Identifier: Apache-2.0
/* Scores of sets, from the features on disk. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/records/run_lines.h"
#include "harness/scores/evaluation_finish_parts.h"
#include "metrics/statistics_file.h"

static const char *network_hash(const cm_finish *r, const char *network) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "networks"), i, o)
        if (!strcmp(cm_text_of(o, "name"), network)) return cm_text_of(o, "hash");
    return "";
}

/* --- features ------------------------------------------------------------------------------ */

static bool is_good(const cm_side *s, size_t row, const char *column) {
    return s->lines[row] && !cm_line_is(s->lines[row], "failed") &&
           (!*column || cm_line_feature(s->lines[row], column));
}

void cm_finish_close_rows(cm_report_model_of *r) {
    cm_feature_view_close(&r->view);
    cm_feature_store_close(&r->store);
}

/* units: NULL, or [count / images]: only rows of these. */
cm_status cm_finish_open_rows(cm_finish *r, const cm_side *s, const cm_scored *x, const bool *units,
                              cm_report_model_of *o) {
    *o = (cm_report_model_of){.store = {.file = -1}};
    size_t n = 0;
    if (s->count == 0) return CM_OK;
    CM_TRY(cm_column_open(r->folder, s->name, x->column, s->count, x->width, false, &r->arena, &o->store));
    CM_TRY(cm_feature_store_map(&o->store, &o->view));
    o->prompt_of = CM_PUSH(&r->arena, size_t, s->count);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < s->count; i++)
        if (is_good(s, i, x->column) && (!units || units[i / s->images])) o->prompt_of[n++] = i / s->images;
    o->n = n;
    o->x = o->view.values;
    if (n == s->count) return CM_OK;
    float *copy = CM_PUSH(&r->arena, float, n * x->width + 1);
    CM_TRY(cm_arena_check(&r->arena));
    o->x = copy;
    for (size_t i = 0; i < s->count; i++) {
        if (!is_good(s, i, x->column) || (units && !units[i / s->images])) continue;
        memcpy(copy, o->view.values + i * x->width, x->width * sizeof *copy);
        copy += x->width;
    }
    return CM_OK;
}

static bool has_any(const cm_side *s, const char *column) {
    for (size_t i = 0; i < s->count; i++)
        if (is_good(s, i, column)) return true;
    return false;
}

/* The prompts of which every arm has all images: sets are compared on these. *missing: how many others there are. An
 * arm that has none (a command that failed) takes nothing from the others. */
static cm_status common_units(cm_finish *r, const char *column, bool **units, size_t *missing) {
    bool *all = CM_PUSH(&r->arena, bool, r->unit_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    *missing = 0;
    for (size_t u = 0; u < r->unit_count; u++) all[u] = true;
    for (size_t a = 0; a < r->arm_count; a++) {
        const cm_side *s = &r->sides[a];
        const size_t n = has_any(s, column) ? s->count : 0;
        for (size_t i = 0; i < n; i++) all[i / s->images] &= is_good(s, i, column);
    }
    for (size_t u = 0; u < r->unit_count; u++) *missing += !all[u];
    *units = all;
    return CM_OK;
}

/* --- scores of sets ----------------------------------------------------------------------- */

static cm_status read_statistics(cm_finish *r, const cm_scored *x, size_t n, cm_moments *statistics) {
    const bool unequal = cm_json_bool_or(json_object_get(r->header, "settings"), "unequal", false);
    const cm_statistics_claim claim = {
        .protocol = x->m->name, .weights = network_hash(r, x->m->network), .width = x->width, .n = unequal ? 0 : n};
    return cm_statistics_read(cm_text_of(r->header, "statistics"), &claim, &r->arena, statistics);
}

static cm_status write_statistics(cm_finish *r, const cm_scored *x, const cm_report_model_of *arm) {
    const char *path = cm_text_of(r->header, "write_statistics");
    cm_moments moments;
    if (!r->writes || !*path || x->m->reference != CM_REFERENCE_STATISTICS) return CM_OK;
    CM_TRY(cm_moments_of(arm->x, NULL, arm->n, x->width, &r->arena, &moments));
    const cm_statistics_claim claim = {
        .protocol = x->m->name, .weights = network_hash(r, x->m->network), .width = x->width, .n = arm->n};
    return cm_statistics_write(path, &claim, &moments);
}

static const char *set_note(cm_finish *r, const cm_scored *x, const cm_set_comparison *c, const cm_report_model_of *arm,
                            const cm_report_model_of *reference, size_t missing) {
    const char *note = cm_finish_join(r, c->note ? c->note : "", cm_finish_weights_note(r, x));
    if (x->m->equal_n && reference->n && reference->n != arm->n)
        note = cm_finish_join(r, note, cm_arena_print(&r->arena, "%zu images against %zu", arm->n, reference->n));
    if (missing)
        note = cm_finish_join(
            r, note, cm_arena_print(&r->arena, "%zu prompts are left out, since an arm lacks images of them", missing));
    return note;
}

static cm_status record_sets(cm_finish *r, const cm_scored *x, const cm_set_comparison *c, const size_t *run,
                             const cm_report_model_of *arms, const cm_report_model_of *reference, size_t missing) {
    for (size_t p = 0; p < c->parts; p++) {
        for (size_t i = 0; run[i] != SIZE_MAX; i++) {
            CM_TRY(cm_finish_score(r, run[i], x, c->names[p], &c->arms[p][i],
                                   set_note(r, x, c, &arms[i], reference, missing), (double)NAN));
            json_t *last = json_array_get(r->out, json_array_size(r->out) - 1);
            if (reference->n && x->m->reference != CM_REFERENCE_NONE && !cm_finish_from_file(r, x->m))
                json_object_set_new(last, "reference_n", json_integer((json_int_t)reference->n));
        }
        for (size_t k = 0; k < r->pair_count; k++)
            CM_TRY(cm_finish_pair(r, &r->pairs[k], x, c->names[p], &c->pairs[p][k]));
    }
    return CM_OK;
}

/* A score without a value has a record all the same. */
static cm_status record_undefined(cm_finish *r, const cm_scored *x, const char *why) {
    const cm_arm_value none = {.why = cm_arena_string(&r->arena, why)};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->arm_count; a++)
        if (r->sides[a].count) CM_TRY(cm_finish_score(r, a, x, "", &none, "", (double)NAN));
    return CM_OK;
}

static cm_status compare_sets(cm_finish *r, const cm_scored *x, cm_report_model_of *arms, cm_report_model_of *reference,
                              const size_t *run, size_t count, size_t missing) {
    const float **features = CM_PUSH(&r->arena, const float *, count + 1);
    size_t *n = CM_PUSH(&r->arena, size_t, count + 1), of_arm[256];
    const size_t **prompt_of = CM_PUSH(&r->arena, const size_t *, count + 1);
    cm_arm_pair *pairs = CM_PUSH(&r->arena, cm_arm_pair, r->pair_count + 1);
    cm_moments statistics;
    cm_set_comparison c = {0};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < count; i++) {
        features[i] = arms[i].x;
        n[i] = arms[i].n;
        prompt_of[i] = arms[i].prompt_of;
        of_arm[run[i]] = i;
    }
    for (size_t k = 0; k < r->pair_count; k++) pairs[k] = (cm_arm_pair){of_arm[r->pairs[k].a], of_arm[r->pairs[k].b]};
    cm_set_arms s = {.arms = count,
                     .prompts = r->unit_count,
                     .width = x->width,
                     .x = features,
                     .rows = n,
                     .prompt_of = prompt_of,
                     .y = reference->x,
                     .m = reference->n,
                     .kid_subset = x->kid_subset,
                     .score = x->m->of_sets,
                     .higher_is_better = x->m->higher_is_better,
                     .pair_count = r->pair_count,
                     .pairs = pairs,
                     .seed = CM_FINISH_SEED};
    if (cm_finish_from_file(r, x->m)) {
        CM_TRY(read_statistics(r, x, n[0], &statistics));
        s.statistics = &statistics;
    }
    const double began = cm_now();
    const cm_status status = cm_compare_sets(&s, &r->arena, &c);
    cm_detail("%s: %.2f s", x->label, cm_now() - began);
    if (status == CM_EUNDEFINED) return record_undefined(r, x, cm_why());
    CM_TRY(status);
    return record_sets(r, x, &c, run, arms, reference, missing);
}

cm_status cm_finish_sets(cm_finish *r, const cm_scored *x) {
    cm_report_model_of *arms = CM_PUSH_ZERO(&r->arena, cm_report_model_of, r->arm_count + 1),
                       reference = {.store = {.file = -1}};
    size_t *run = CM_PUSH(&r->arena, size_t, r->arm_count + 1), count = 0, missing = 0;
    bool *units;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < r->arm_count; i++) arms[i].store.file = -1;
    cm_status s = common_units(r, x->column, &units, &missing);
    for (size_t a = 0; a < r->arm_count && s == CM_OK; a++) {
        if (!r->sides[a].count) continue;
        run[count] = a;
        s = cm_finish_open_rows(r, &r->sides[a], x, r->arm_count > 1 ? units : NULL, &arms[count++]);
    }
    run[count] = SIZE_MAX;
    const bool wants = x->m->reference != CM_REFERENCE_NONE, of_file = cm_finish_from_file(r, x->m);
    if (s == CM_OK && wants && !of_file && r->reference) s = cm_finish_open_rows(r, r->reference, x, NULL, &reference);
    if (s == CM_OK && count) s = write_statistics(r, x, &arms[0]);
    const bool nothing = wants && !of_file && !reference.n; /* only statistics were to be written */
    if (s == CM_OK && nothing && !*cm_text_of(r->header, "write_statistics"))
        s = record_undefined(r, x, "no reference set");
    else if (s == CM_OK && !nothing)
        s = compare_sets(r, x, arms, &reference, run, count, r->arm_count > 1 ? missing : 0);
    for (size_t i = 0; i < r->arm_count; i++) cm_finish_close_rows(&arms[i]);
    cm_finish_close_rows(&reference);
    return s;
}
