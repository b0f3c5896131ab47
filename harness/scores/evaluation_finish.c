// SPDX-License-Identifier: Apache-2.0
/* From features and records to scores: each metric in turn. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/records/run_headers.h"
#include "harness/records/run_lines.h"
#include "harness/scores/evaluation_finish.h"
#include "harness/scores/evaluation_finish_parts.h"
#include "metrics/dot_blocks.h"
#include "metrics/stats.h"

/* --- records --------------------------------------------------------------------------- */

cm_status cm_finish_add(cm_finish *r, json_t *o) {
    return o && json_array_append_new(r->out, o) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

void cm_finish_number(json_t *o, const char *key, double v) {
    if (isfinite(v)) json_object_set_new(o, key, json_real(v));
}

static void set_text(json_t *o, const char *key, const char *text) {
    if (text && *text) json_object_set_new(o, key, json_string(text));
}

const char *cm_finish_join(cm_finish *r, const char *a, const char *b) {
    const char *text = cm_arena_print(&r->arena, "%s%s%s", a, *a && *b ? "; " : "", b);
    return text ? text : "";
}

static json_t *score_record(const cm_finish *r, size_t arm, const cm_scored *x, const char *part) {
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", x->label, *part ? "." : "", part);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "score", "suite",
                     cm_text_of(r->header, "suite"), "prompts", cm_text_of(r->header, "prompts"), "arm",
                     r->sides[arm].name, "score", name, "better", x->m->higher_is_better ? "higher" : "lower", "about",
                     x->m->about, "source", x->m->source);
}

cm_status cm_finish_score(cm_finish *r, size_t arm, const cm_scored *x, const char *part, const cm_arm_value *v,
                          const char *note, double read) {
    json_t *o = score_record(r, arm, x, part);
    if (v->defined) {
        cm_finish_number(o, "value", v->value);
        cm_finish_number(o, "lo", v->lo);
        cm_finish_number(o, "hi", v->hi);
        cm_finish_number(o, "deviation", v->deviation);
        json_object_set_new(o, "n", json_integer((json_int_t)v->n));
        if (r->images > 1) json_object_set_new(o, "images", json_integer((json_int_t)(v->n * r->images)));
        if (v->leading) json_object_set_new(o, "leading", json_true());
    } else {
        r->counts->undefined++;
        cm_warn("%s of %s: %s", x->label, r->sides[arm].name, v->why ? v->why : "undefined");
    }
    cm_finish_number(o, "read", read);
    set_text(o, "note", v->why ? cm_finish_join(r, v->why, note) : note);
    return cm_finish_add(r, o);
}

cm_status cm_finish_pair(cm_finish *r, const cm_arm_pair *p, const cm_scored *x, const char *part,
                         const cm_pair_value *v) {
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", x->label, *part ? "." : "", part);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "pair", "suite", cm_text_of(r->header, "suite"), "prompts",
                  cm_text_of(r->header, "prompts"), "score", name, "a", r->sides[p->a].name, "b", r->sides[p->b].name);
    if (v->defined) {
        cm_finish_number(o, "difference", v->difference);
        cm_finish_number(o, "lo", v->lo);
        cm_finish_number(o, "hi", v->hi);
        cm_finish_number(o, "p", v->p);
        cm_finish_number(o, "effect", v->effect);
        cm_finish_number(o, "detectable", v->detectable);
        json_object_set_new(o, "n", json_integer((json_int_t)v->n));
    }
    if (!strcmp(name, r->primary)) json_object_set_new(o, "primary", json_true());
    set_text(o, "note", v->why);
    return cm_finish_add(r, o);
}

/* --- what is scored ----------------------------------------------------------------------- */

static cm_status read_metric(cm_finish *r, const json_t *o, cm_scored *x) {
    size_t i;
    json_t *column;
    *x = (cm_scored){cm_metric_find(cm_text_of(o, "metric")),
                     cm_text_of(o, "label"),
                     cm_text_of(o, "column"),
                     cm_text_of(o, "weights"),
                     0,
                     cm_json_size_or(o, "subset", 0)};
    if (!x->m) return cm_fail(CM_EFORMAT, "the header names a metric that does not exist: %s", cm_text_of(o, "metric"));
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "columns"), i, column)
        if (!strcmp(cm_text_of(column, "name"), x->column)) x->width = cm_json_size_or(column, "width", 0);
    if (*x->column && x->width == 0) return cm_fail(CM_EFORMAT, "the header names no column '%s'", x->column);
    return x->m->of_sets && !*x->column ? cm_fail(CM_EFORMAT, "the header has no column for %s", x->label) : CM_OK;
}

/* The mean and covariance of a file take the place of a reference's images, which the file may hold, too. */
bool cm_finish_from_file(const cm_finish *r, const cm_metric *m) {
    return m->reference == CM_REFERENCE_STATISTICS && json_object_get(r->header, "statistics");
}

const char *cm_finish_weights_note(cm_finish *r, const cm_scored *x) {
    if (!*x->weights) return "";
    const char *text = cm_arena_print(&r->arena, "weights: %s, so this is not the published score", x->weights);
    return text ? text : "";
}

/* --- all ------------------------------------------------------------------------------------------ */

typedef cm_status score_with(cm_finish *r, const cm_scored *x);

static cm_status for_each_metric(cm_finish *r, score_with *score) {
    size_t i;
    json_t *metric;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "metrics"), i, metric) {
        cm_scored x;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        CM_TRY(read_metric(r, metric, &x));
        const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
        CM_TRY(score(r, &x));
        cm_arena_reset(&r->arena, mark);
    }
    return CM_OK;
}

static cm_status score_arms(cm_finish *r, const cm_scored *x) {
    return x->m->of_sets ? cm_finish_sets(r, x) : cm_finish_images(r, x);
}

/* Sets p_holm. The primary score was named before the run and is a family of its own, so its p stays as it is; all
 * others of the pair are secondary and corrected together. */
static cm_status correct(cm_finish *r) {
    for (size_t k = 0; k < r->pair_count; k++) {
        const size_t most = json_array_size(r->out);
        json_t **found = CM_PUSH(&r->arena, json_t *, most), *row;
        double *p = CM_PUSH(&r->arena, double, most), *adjusted = CM_PUSH(&r->arena, double, most);
        size_t n = 0, i;
        CM_TRY(cm_arena_check(&r->arena));
        json_array_foreach(r->out, i, row) {
            const bool of_pair = cm_line_is(row, "pair") &&
                                 !strcmp(cm_text_of(row, "a"), r->sides[r->pairs[k].a].name) &&
                                 !strcmp(cm_text_of(row, "b"), r->sides[r->pairs[k].b].name);
            if (!of_pair || !json_is_number(json_object_get(row, "p"))) continue;
            if (json_is_true(json_object_get(row, "primary"))) {
                json_object_set(row, "p_holm", json_object_get(row, "p"));
                continue;
            }
            p[n] = json_number_value(json_object_get(row, "p"));
            found[n++] = row;
        }
        CM_TRY(cm_stats_holm(p, n, &r->arena, adjusted));
        for (i = 0; i < n; i++) json_object_set_new(found[i], "p_holm", json_real(adjusted[i]));
    }
    return CM_OK;
}

static size_t arm_named(const cm_finish *r, const char *name) {
    size_t a = 0;
    while (a < r->arm_count && strcmp(r->sides[a].name, name) != 0) a++;
    return a;
}

static cm_status read_header(cm_finish *r) {
    size_t i;
    json_t *row;
    const json_t *pairs = json_object_get(r->header, "pairs");
    r->unit_count = cm_json_size_or(r->header, "count", 0);
    r->images = cm_json_size_or(r->header, "images", 1);
    r->primary = cm_finish_label(r, cm_text_of(r->header, "primary"));
    for (i = 0; i < r->side_count; i++) {
        if (r->sides[i].kind == CM_SIDE_ARM) r->arm_count++;
        else *(r->sides[i].kind == CM_SIDE_REFERENCE ? &r->reference : &r->ceiling) = &r->sides[i];
    }
    r->pairs = CM_PUSH(&r->arena, cm_arm_pair, json_array_size(pairs) + 1);
    CM_TRY(cm_arena_check(&r->arena));
    json_array_foreach((json_t *)pairs, i, row) {
        const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
        const cm_arm_pair p = {arm_named(r, a ? a : ""), arm_named(r, b ? b : "")};
        if (p.a == r->arm_count || p.b == r->arm_count || !r->sides[p.a].count || !r->sides[p.b].count)
            return cm_fail(CM_EFORMAT, "the header's pair %zu is not of two of its arms", i + 1);
        r->pairs[r->pair_count++] = p;
    }
    return CM_OK;
}

static cm_status work(cm_finish *r, double started) {
    char now[32];
    CM_TRY(read_header(r));
    CM_TRY(for_each_metric(r, score_arms));
    CM_TRY(correct(r));
    CM_TRY(cm_finish_gates(r));
    CM_TRY(cm_finish_parts(r));
    CM_TRY(cm_finish_kept(r));
    if (r->ceiling) CM_TRY(for_each_metric(r, cm_finish_ceiling));
    if (r->ceiling) CM_TRY(cm_finish_ceiling_of_parser(r));
    cm_iso_time(now);
    return cm_finish_add(r,
                         json_pack("{s:s, s:f, s:s}", "kind", "done", "seconds", cm_now() - started, "finished", now));
}

cm_status cm_evaluation_score(const char *folder, const json_t *header, cm_side *sides, size_t side_count,
                              const json_t *all, double started, bool writes, cm_evaluation_counts *counts,
                              json_t **lines) {
    cm_finish r = {.folder = folder,
                   .writes = writes,
                   .header = header,
                   .sides = sides,
                   .side_count = side_count,
                   .counts = counts};
    cm_arena_init(&r.arena, 0);
    cm_blas_all_threads();
    r.out = cm_sides_lines(header, sides, side_count, all);
    cm_status s = r.out ? work(&r, started) : cm_fail(CM_ENOMEM, "out of memory");
    json_t *full = s == CM_OK ? cm_header_complete(header, all) : NULL;
    if (s == CM_OK && (!full || json_array_set_new(r.out, 0, full) != 0)) s = cm_fail(CM_ENOMEM, "out of memory");
    if (s == CM_OK) *lines = r.out;
    else json_decref(r.out);
    cm_arena_free(&r.arena);
    return s;
}

cm_status cm_evaluation_finish(const char *folder, const json_t *header, cm_side *sides, size_t side_count,
                               const json_t *all, double started, cm_evaluation_counts *counts) {
    cm_arena scratch;
    json_t *lines = NULL;
    cm_arena_init(&scratch, 4096);
    const char *path = cm_arena_print(&scratch, "%s/records.jsonl", folder);
    cm_status s = cm_arena_check(&scratch);
    if (s == CM_OK) s = cm_evaluation_score(folder, header, sides, side_count, all, started, true, counts, &lines);
    if (s == CM_OK) s = cm_jsonl_write(path, lines);
    json_decref(lines);
    cm_arena_free(&scratch);
    return s;
}
