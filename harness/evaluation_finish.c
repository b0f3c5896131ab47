// SPDX-License-Identifier: Apache-2.0
/* From features and records to scores. Everything is read back from the folder, so that a run, a run that went on, and
 * merged shards end in the same digits. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/evaluation_parts.h"
#include "metrics/dense.h"
#include "metrics/statistics_file.h"
#include "metrics/stats.h"

enum { SEED = 20240402 };

typedef struct finish_run {
    const char *folder;
    const json_t *header;
    json_t *out;                   /* the folder's records, scores being added */
    size_t counts[CM_SIDES];
    cm_side_lines lines[CM_SIDES];
    size_t good_counts[CM_SIDES];  /* of the metric in hand: pictures that were looked at for it */
    cm_arena arena;
} finish_run;

/* --- which pictures ------------------------------------------------------------------ */

static cm_status read_lines(finish_run *r, const json_t *lines) {
    for (int i = 0; i < CM_SIDES; i++) {
        const json_t *list = json_object_get(json_object_get(r->header, "lists"), cm_side_names[i]);
        r->counts[i] = cm_json_size_or(list, "count", 0);
        CM_TRY(cm_side_lines_read(&r->lines[i], lines, (cm_side)i, 0, r->counts[i]));
    }
    r->out = cm_evaluation_lines(r->header, r->lines, lines);
    return r->out ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

/* column: NULL or "": for scores that are not of a column */
static bool is_good(const finish_run *r, cm_side side, size_t i, const char *column) {
    const json_t *line = r->lines[side].lines[i];
    return cm_line_is(line, "picture") && (!column || !*column || cm_line_feature(line, column));
}

static void count_good(finish_run *r, const char *column) {
    for (int side = 0; side < CM_SIDES; side++) {
        r->good_counts[side] = 0;
        for (size_t i = 0; i < r->counts[side]; i++) r->good_counts[side] += is_good(r, (cm_side)side, i, column);
    }
}

/* Rows of the pictures that were looked at: the file itself when that is all of them, else a copy without the others. */
static cm_status good_rows(finish_run *r, cm_side side, const char *column, const cm_feature_view *view, size_t width, const float **rows) {
    *rows = view->values;
    if (r->good_counts[side] == r->counts[side]) return CM_OK;
    float *copy = CM_PUSH(&r->arena, float, r->good_counts[side] * width + 1);
    CM_TRY(cm_arena_check(&r->arena));
    size_t n = 0;
    for (size_t i = 0; i < r->counts[side]; i++)
        if (is_good(r, side, i, column)) memcpy(copy + n++ * width, view->values + i * width, width * sizeof *copy);
    *rows = copy;
    return CM_OK;
}

/* --- records --------------------------------------------------------------------------- */

static json_t *score_record(const finish_run *r, const char *label, const char *part, const cm_metric *m) {
    const json_t *arm = json_array_get(json_object_get(r->header, "arms"), 0);
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", label, *part ? "." : "", part);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "score", "suite", cm_json_text_or(r->header, "suite", ""),
                     "prompts", cm_json_text_or(r->header, "prompts", ""), "arm", cm_json_text_or(arm, "name", ""), "score", name,
                     "better", m->higher_is_better ? "higher" : "lower", "about", m->about, "source", m->source);
}

static void set_number(json_t *o, const char *key, double v) {
    if (isfinite(v)) json_object_set_new(o, key, json_real(v));
}

static cm_status add_record(finish_run *r, json_t *o) {
    return o && json_array_append_new(r->out, o) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

static cm_status add_undefined(finish_run *r, const char *label, const cm_metric *m) {
    json_t *o = score_record(r, label, "", m);
    json_object_set_new(o, "note", json_string(cm_why()));
    cm_warn("%s: %s", label, cm_why());
    return add_record(r, o);
}

/* --- scores of sets ----------------------------------------------------------------------- */

/* The mean and covariance of a file take the place of a reference's pictures, which the file may hold, too. */
static bool from_file(const finish_run *r, const cm_metric *m) {
    return m->reference == CM_REFERENCE_STATISTICS && json_object_get(r->header, "statistics");
}

static const char *notes_of(finish_run *r, const cm_metric *m, const char *own, const char *weights) {
    const size_t n = r->good_counts[CM_PICTURES], k = r->good_counts[CM_REFERENCE];
    const char *text = cm_arena_string(&r->arena, own);
    if (*weights && text)
        text = cm_arena_print(&r->arena, "%s%sweights: %s, so this is not the published score", text, *text ? "; " : "", weights);
    if (m->equal_n && r->counts[CM_REFERENCE] && n != k && !from_file(r, m) && text)
        text = cm_arena_print(&r->arena, "%s%s%zu pictures against %zu", text, *text ? "; " : "", n, k);
    return text ? text : "";
}

static cm_status record_set(finish_run *r, const char *label, const cm_metric *m, const cm_set_values *values, const char *weights) {
    const char *note = notes_of(r, m, values->note ? values->note : "", weights);
    for (size_t i = 0; i < values->count; i++) {
        const cm_set_part *p = &values->parts[i];
        json_t *o = score_record(r, label, p->name, m);
        set_number(o, "value", p->value);
        set_number(o, "lo", p->lo);
        set_number(o, "hi", p->hi);
        set_number(o, "deviation", p->deviation);
        json_object_set_new(o, "n", json_integer((json_int_t)r->good_counts[CM_PICTURES]));
        if (r->good_counts[CM_REFERENCE] && m->reference != CM_REFERENCE_NONE && !from_file(r, m))
            json_object_set_new(o, "reference_n", json_integer((json_int_t)r->good_counts[CM_REFERENCE]));
        if (*note) json_object_set_new(o, "note", json_string(note));
        CM_TRY(add_record(r, o));
    }
    return CM_OK;
}

static cm_status read_statistics(finish_run *r, const cm_metric *m, const char *hash, size_t width, cm_moments *statistics) {
    const char *path = cm_json_text_or(r->header, "statistics", "");
    const cm_statistics_claim claim = {.protocol = m->name, .weights = hash, .width = width,
                                       .n = cm_json_bool_or(json_object_get(r->header, "settings"), "unequal", false) ? 0 : r->counts[CM_PICTURES]};
    return cm_statistics_read(path, &claim, &r->arena, statistics);
}

static const char *network_text(const finish_run *r, const char *network, const char *key) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "networks"), i, o)
        if (!strcmp(cm_json_text_or(o, "name", ""), network)) return cm_json_text_or(o, key, "");
    return "";
}

/* The features of one side, if it has any. */
static cm_status open_side(finish_run *r, cm_side side, const json_t *metric, size_t *width, cm_feature_store *store,
                           cm_feature_view *view, const float **rows) {
    const char *name = cm_json_text_or(metric, "column", "");
    size_t i;
    json_t *column;
    *rows = NULL;
    if (!r->counts[side]) return CM_OK;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "columns"), i, column)
        if (!strcmp(cm_json_text_or(column, "name", ""), name)) *width = cm_json_size_or(column, "width", 0);
    if (*width == 0) return cm_fail(CM_EFORMAT, "the header names no column '%s'", name);
    CM_TRY(cm_column_open(r->folder, side, name, r->counts[side], *width, false, &r->arena, store));
    CM_TRY(cm_feature_store_map(store, view));
    return good_rows(r, side, name, view, *width, rows);
}

static cm_status write_statistics(finish_run *r, const json_t *metric, const cm_metric *m, const cm_sets *sets) {
    const char *path = cm_json_text_or(r->header, "write_statistics", "");
    if (!*path || m->reference != CM_REFERENCE_STATISTICS) return CM_OK;
    cm_moments moments;
    CM_TRY(cm_moments_of(sets->x, NULL, sets->n, sets->width, &r->arena, &moments));
    const cm_statistics_claim claim = {.protocol = cm_json_text_or(metric, "metric", ""), .weights = network_text(r, m->network, "hash"),
                                       .width = sets->width, .n = sets->n};
    return cm_statistics_write(path, &claim, &moments);
}

static cm_status score_sets(finish_run *r, const json_t *metric, const cm_metric *m, const char *label) {
    cm_feature_store stores[CM_SIDES] = {{.file = -1}, {.file = -1}};
    cm_feature_view views[CM_SIDES] = {{0}};
    count_good(r, cm_json_text_or(metric, "column", ""));
    cm_sets sets = {.n = r->good_counts[CM_PICTURES], .m = from_file(r, m) ? 0 : r->good_counts[CM_REFERENCE],
                     .kid_subset = cm_json_size_or(metric, "subset", 0)};
    cm_moments statistics;
    cm_set_values values = {0};
    const char *weights = cm_json_text_or(metric, "weights", "");
    const bool of_file = from_file(r, m);
    cm_status s = open_side(r, CM_PICTURES, metric, &sets.width, &stores[0], &views[0], &sets.x);
    if (s == CM_OK && m->reference != CM_REFERENCE_NONE && !of_file) s = open_side(r, CM_REFERENCE, metric, &sets.width, &stores[1], &views[1], &sets.y);
    if (s == CM_OK) s = write_statistics(r, metric, m, &sets);
    const bool nothing = s == CM_OK && m->reference != CM_REFERENCE_NONE && !sets.y && !of_file;
    if (s == CM_OK && of_file) {
        s = read_statistics(r, m, network_text(r, m->network, "hash"), sets.width, &statistics);
        sets.statistics = &statistics;
    }
    if (s == CM_OK && !nothing) {
        const double began = cm_now();
        s = m->of_sets(&sets, &r->arena, &values);
        cm_detail("%s: %.2f s", label, cm_now() - began);
        if (s == CM_OK) s = record_set(r, label, m, &values, weights);
        else if (s == CM_EUNDEFINED) s = add_undefined(r, label, m);
    }
    for (int i = 0; i < CM_SIDES; i++) {
        cm_feature_view_close(&views[i]);
        cm_feature_store_close(&stores[i]);
    }
    return s;
}

/* --- scores of pictures and prompts ----------------------------------------------------------- */

/* A number that pictures have under `key`, by index; NaN: has none. In the order of the list, so that sums do not depend on
 * who was first. */
static cm_status collect(finish_run *r, const char *key, const char *label, double **values) {
    const size_t n = r->counts[CM_PICTURES];
    double *x = CM_PUSH(&r->arena, double, n + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < n; i++) x[i] = (double)NAN;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(json_object_get(r->lines[CM_PICTURES].lines[i], key), label);
        if (json_is_number(v)) x[i] = json_number_value(v);
    }
    *values = x;
    return CM_OK;
}

static cm_status score_texts(finish_run *r, const json_t *metric, const cm_metric *m, const char *label) {
    double *scores, *reads, read;
    cm_interval interval;
    count_good(r, NULL);
    CM_TRY(collect(r, "scores", label, &scores));
    CM_TRY(collect(r, "read", label, &reads));
    const cm_status s = cm_stats_interval(scores, r->counts[CM_PICTURES], 1, SEED, &r->arena, &interval);
    if (s == CM_EUNDEFINED) return add_undefined(r, label, m);
    CM_TRY(s);
    CM_TRY(cm_stats_value(reads, r->counts[CM_PICTURES], 1, &read, NULL));
    json_t *o = score_record(r, label, "", m);
    set_number(o, "value", cm_text_image_total(m->of_text, interval.value));
    set_number(o, "lo", cm_text_image_total(m->of_text, interval.lo));
    set_number(o, "hi", cm_text_image_total(m->of_text, interval.hi));
    json_object_set_new(o, "n", json_integer((json_int_t)interval.n));
    set_number(o, "read", read);
    const char *note = notes_of(r, m, "", cm_json_text_or(metric, "weights", ""));
    if (*note) json_object_set_new(o, "note", json_string(note));
    return add_record(r, o);
}

/* --- all ------------------------------------------------------------------------------------------ */

static cm_status score_all(finish_run *r) {
    size_t i;
    json_t *metric;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "metrics"), i, metric) {
        const cm_metric *m = cm_metric_find(cm_json_text_or(metric, "metric", ""));
        if (!m) return cm_fail(CM_EFORMAT, "the header names a metric that does not exist: %s", cm_json_text_or(metric, "metric", ""));
        const char *label = cm_metric_label(m, cm_json_text_or(metric, "weights", ""), cm_json_size_or(metric, "subset", 0), &r->arena);
        const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
        CM_TRY(cm_arena_check(&r->arena));
        CM_TRY(m->of_sets ? score_sets(r, metric, m, label) : score_texts(r, metric, m, label));
        cm_arena_reset(&r->arena, mark);
    }
    return CM_OK;
}

static cm_status add_done(finish_run *r, double started) {
    char now[32];
    cm_iso_time(now);
    return add_record(r, json_pack("{s:s, s:f, s:s}", "kind", "done", "seconds", cm_now() - started, "finished", now));
}

cm_status cm_evaluation_finish(const char *folder, const json_t *lines, double started) {
    finish_run r = {.folder = folder, .header = json_array_get(lines, 0)};
    cm_arena_init(&r.arena, 0);
    cm_dense_all_threads();
    const char *path = cm_arena_print(&r.arena, "%s/records.jsonl", folder);
    cm_status s = cm_arena_check(&r.arena);
    if (s == CM_OK) s = read_lines(&r, lines);
    if (s == CM_OK) s = score_all(&r);
    if (s == CM_OK) s = add_done(&r, started);
    if (s == CM_OK) s = cm_jsonl_write(path, r.out);
    for (int i = 0; i < CM_SIDES; i++) cm_side_lines_close(&r.lines[i]);
    json_decref(r.out);
    cm_arena_free(&r.arena);
    return s;
}
