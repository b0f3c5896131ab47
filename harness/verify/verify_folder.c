// SPDX-License-Identifier: Apache-2.0
#include "harness/verify/verify_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_set.h"
#include "core/io/jsonl.h"
#include "core/io/record_lines.h"
#include "harness/records/run_headers.h"
#include "harness/records/run_lines.h"
#include "harness/scores/evaluation_finish.h"
#include "harness/verify/verify_folder_parts.h"

/* Numbers made again on another CPU differ in their last digits. */
#define RELATIVE 1e-6
#define ABSOLUTE 1e-9

/* --- differences ------------------------------------------------------------------ */

cm_status cm_verify_differ(cm_verifier *v, size_t line, const char *what, const char *recorded, const char *there) {
    CM_TRY(cm_arena_check(v->out));
    const char *told = cm_printable_path(what, v->out);
    if (!v->r->difference && told)
        v->r->difference = cm_arena_print(v->out, "%s:%zu: %s: recorded %s, there %s", v->path,
                                          cm_jsonl_line_number(v->path, line), told, recorded, there);
    return cm_arena_check(v->out);
}

static const char *short_text(const json_t *value, cm_arena *out) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10)) : NULL;
    const char *copy = cm_arena_print(out, "%.100s", text ? text : "nothing");
    free(text);
    return copy;
}

cm_status cm_verify_differ_json(cm_verifier *v, size_t line, const char *what, const json_t *recorded,
                                const json_t *there) {
    const char *was = short_text(recorded, v->out), *is = short_text(there, v->out);
    CM_TRY(cm_arena_check(v->out));
    return cm_verify_differ(v, line, what, was, is);
}

/* --- files ------------------------------------------------------------------------ */

static cm_status check_file(cm_verifier *v, size_t line, const char *path, const char *what, const char *recorded,
                            bool *same) {
    char hash[65];
    *same = false;
    if (!cm_path_exists(path)) return cm_verify_differ(v, line, what, recorded, "no file");
    CM_TRY(cm_sha_file(path, hash));
    *same = strcmp(hash, recorded) == 0;
    return *same ? CM_OK : cm_verify_differ(v, line, what, recorded, hash);
}

/* An image that the run made, in its folder; or one from elsewhere, where it is still found by its path. */
static cm_status check_image(cm_verifier *v, size_t line, const json_t *record) {
    const char *made = cm_text_of(record, "picture_hash"), *source = cm_text_of(record, "source"),
               *hash = *made ? made : cm_text_of(record, "source_hash");
    const char *path =
        *made ? cm_arena_print(v->out, "%s/%s", v->options->folder, cm_text_of(record, "picture")) : source;
    const char *what = cm_arena_print(v->out, "the image %s", *made ? cm_text_of(record, "picture") : source);
    bool same;
    CM_TRY(cm_arena_check(v->out));
    if (!*hash || (!*made && !cm_path_exists(path))) {
        v->r->unhashed += *source != 0;
        return CM_OK;
    }
    CM_TRY(check_file(v, line, path, what, hash, &same));
    v->r->images += same;
    return CM_OK;
}

static cm_status check_prompts(cm_verifier *v) {
    const char *name = cm_text_of(v->header, "prompts"), *hash = cm_text_of(v->header, "prompts_hash"),
               *path = v->options->prompts;
    if (!*hash) return CM_OK;
    v->r->prompts_unseen = !path && cm_find_prompts(name, v->out, &path) != CM_OK;
    if (v->r->prompts_unseen) return CM_OK;
    const char *what = cm_arena_print(v->out, "the prompt set %s", path);
    CM_TRY(cm_arena_check(v->out));
    return check_file(v, 0, path, what, hash, &v->r->prompts);
}

/* --- features --------------------------------------------------------------------- */

cm_side *cm_verify_side(cm_side *sides, size_t count, const json_t *record) {
    for (size_t i = 0; i < count; i++) {
        cm_side *s = &sides[i];
        const bool arm = s->kind == CM_SIDE_ARM;
        if (cm_line_is(record, cm_side_lines[s->kind]) && (!arm || !strcmp(s->name, cm_text_of(record, "arm"))))
            return s;
    }
    return NULL;
}

static size_t width_of(const cm_verifier *v, const char *column, size_t *index) {
    const json_t *columns = json_object_get(json_object_get(v->header, "plan"), "columns");
    for (*index = 0; *index < json_array_size(columns) && *index < CM_EVAL_METRICS; ++*index) {
        const json_t *o = json_array_get(columns, *index);
        if (!strcmp(cm_text_of(o, "name"), column)) return cm_json_size_or(o, "width", 0);
    }
    return 0;
}

cm_status cm_verify_store(cm_verifier *v, size_t line, cm_side *s, const char *column, cm_feature_store **store) {
    size_t index;
    const size_t width = width_of(v, column, &index);
    *store = NULL;
    if (!width)
        return cm_verify_differ(v, line, cm_arena_print(v->out, "features %s", column), "a column",
                                "none in the header");
    if (s->stores[index].file < 0) {
        const char *path = cm_column_path(v->options->folder, s->name, column, v->out);
        CM_TRY(cm_arena_check(v->out));
        if (!cm_path_exists(path)) return cm_verify_differ(v, line, path, "features", "no file");
        const cm_status status = cm_column_open(v->options->folder, s->name, column, s->end - s->begin, width, false,
                                                v->out, &s->stores[index]);
        if (status == CM_EFORMAT) {
            cm_feature_store_close(&s->stores[index]);
            return cm_verify_differ(v, line, path, cm_arena_print(v->out, "%zu rows", s->end - s->begin),
                                    "another size");
        }
        CM_TRY(status);
    }
    *store = &s->stores[index];
    return CM_OK;
}

static cm_status check_row(cm_verifier *v, size_t line, cm_side *s, size_t row, const char *column,
                           const char *recorded) {
    char hash[CM_FEATURE_HASH];
    cm_feature_store *store;
    CM_TRY(cm_verify_store(v, line, s, column, &store));
    if (!store) return CM_OK;
    const cm_arena_mark mark = cm_arena_get_mark(v->out);
    float *values = CM_PUSH(v->out, float, store->width);
    CM_TRY(cm_arena_check(v->out));
    CM_TRY(cm_feature_store_read(store, row - s->begin, 1, values));
    cm_feature_hash(values, store->width, hash);
    cm_arena_reset(v->out, mark);
    if (strcmp(hash, recorded) == 0) {
        v->r->rows++;
        return CM_OK;
    }
    const char *what = cm_arena_print(v->out, "row %zu of features/%s-%s.f32", row - s->begin, s->name, column);
    CM_TRY(cm_arena_check(v->out));
    return cm_verify_differ(v, line, what, recorded, hash);
}

static cm_status check_features(cm_verifier *v, size_t line, const json_t *record) {
    const char *column;
    json_t *hash;
    cm_side *s = cm_verify_side(v->sides, v->side_count, record);
    const size_t row = cm_json_size_or(record, "index", SIZE_MAX);
    json_object_foreach(json_object_get(record, "features"), column, hash) {
        if (!s || row < s->begin || row >= s->end)
            return cm_fail(CM_EFORMAT, "%s: features of an image that the header does not tell of", v->path);
        CM_TRY(check_row(v, line, s, row, column, json_string_value(hash) ? json_string_value(hash) : ""));
        if (v->r->difference) return CM_OK;
    }
    return CM_OK;
}

static cm_status check_lines(cm_verifier *v) {
    size_t i;
    json_t *record;
    json_array_foreach(v->all, i, record) {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (cm_line_is(record, "image") || cm_line_is(record, "reference")) CM_TRY(check_image(v, i, record));
        if (!v->r->difference) CM_TRY(check_features(v, i, record));
        if (v->r->difference) return CM_OK;
    }
    return CM_OK;
}

/* --- scores ----------------------------------------------------------------------- */

/* Scores, pairs, gates, parts, ceilings: all but what was seen and what it took. */
static bool is_made_again(const json_t *line) {
    static const char *const kinds[] = {"run",     "image", "reference", "drawing", "failed", "arm",
                                        "command", "speed", "sgemm",     "pass",    "done"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (cm_line_is(line, kinds[i])) return false;
    return true;
}

bool cm_verify_same(const json_t *a, const json_t *b, double relative) {
    if (!json_is_number(a) || !json_is_number(b)) return json_equal(a, b);
    const double x = json_number_value(a), y = json_number_value(b);
    return fabs(x - y) <= ABSOLUTE + relative * fmax(fabs(x), fabs(y));
}

/* The first key whose values differ, or NULL; `but` is not looked at. */
static const char *first_key(const json_t *recorded, const json_t *made, const char *but) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)recorded, key, value)
        if ((!but || strcmp(key, but) != 0) && !cm_verify_same(value, json_object_get(made, key), RELATIVE)) return key;
    json_object_foreach((json_t *)made, key, value)
        if ((!but || strcmp(key, but) != 0) && !json_object_get(recorded, key)) return key;
    return NULL;
}

/* "score fid@clean of hq", "pair fid@clean of hq and base", "part tops acc_obj of hq" */
static const char *name_of(const json_t *o, cm_arena *out) {
    const bool pair = cm_line_is(o, "pair"), ceiling = cm_line_is(o, "ceiling");
    const char *group = cm_text_of(o, "group");
    return cm_arena_print(out, "%s %s%s%s%s%s%s%s", cm_text_of(o, "kind"), group, *group ? " " : "",
                          cm_text_of(o, "score"), ceiling ? "" : " of ", cm_text_of(o, pair ? "a" : "arm"),
                          pair ? " and " : "", pair ? cm_text_of(o, "b") : "");
}

static bool is_another(const char *key) {
    return !strcmp(key, "kind") || !strcmp(key, "score") || !strcmp(key, "arm") || !strcmp(key, "group");
}

static cm_status compare_score(cm_verifier *v, size_t line, const json_t *recorded, const json_t *made,
                               const char *but) {
    const char *key = first_key(recorded, made, but);
    if (!key) {
        v->r->scores += !but;
        return CM_OK;
    }
    const char *name = name_of(recorded, v->out), *other = name_of(made, v->out);
    CM_TRY(cm_arena_check(v->out));
    if (is_another(key)) return cm_verify_differ(v, line, "a record", name, other);
    const char *what = cm_arena_print(v->out, "%s: %s", name, key);
    CM_TRY(cm_arena_check(v->out));
    return cm_verify_differ_json(v, line, what, json_object_get(recorded, key), json_object_get(made, key));
}

/* Those that were made again, in their order, against the recorded ones in theirs. */
static cm_status compare_scores(cm_verifier *v, const json_t *made, const char *but) {
    size_t i, at = 0;
    json_t *record;
    json_array_foreach(v->all, i, record) {
        if (!is_made_again(record)) continue;
        while (at < json_array_size(made) && !is_made_again(json_array_get(made, at))) at++;
        const json_t *again = json_array_get(made, at++);
        if (!again) return cm_verify_differ(v, i, "a record", name_of(record, v->out), "none");
        CM_TRY(compare_score(v, i, record, again, but));
        if (v->r->difference) return CM_OK;
    }
    while (at < json_array_size(made) && !is_made_again(json_array_get(made, at))) at++;
    if (at >= json_array_size(made)) return CM_OK;
    return cm_verify_differ(v, json_array_size(v->all) - 1, "a record", "none",
                            name_of(json_array_get(made, at), v->out));
}

static cm_status check_scores(cm_verifier *v) {
    json_t *made = NULL;
    cm_evaluation_counts counts = {0};
    cm_status s = cm_sides_read(v->sides, v->side_count, v->all);
    if (s == CM_OK)
        s = cm_evaluation_score(v->options->folder, v->header, v->sides, v->side_count, v->all, cm_now(), false,
                                &counts, &made);
    if (s == CM_OK) s = compare_scores(v, made, "p_holm"); /* which every score of the table has its part in */
    if (s == CM_OK && !v->r->difference) s = compare_scores(v, made, NULL);
    json_decref(made);
    return s;
}

/* --- all ---------------------------------------------------------------------------- */

static cm_status check_format(const cm_verifier *v) {
    const size_t format = cm_json_size_or(v->header, "format", 1);
    if (!cm_line_is(v->header, "run")) return cm_fail(CM_EFORMAT, "%s: does not begin with a run", v->path);
    if (format >= CM_RECORDS_OLDEST && format <= CM_RECORDS_FORMAT) return CM_OK;
    return cm_fail(CM_EFORMAT, "%s: records of format %zu, by version %s; this version reads formats %d and %d",
                   v->path, format, cm_text_of(v->header, "version"), CM_RECORDS_OLDEST, CM_RECORDS_FORMAT);
}

static cm_status verify(cm_verifier *v) {
    v->path = cm_arena_print(v->out, "%s/records.jsonl", v->options->folder);
    CM_TRY(cm_arena_check(v->out));
    CM_TRY(cm_record_lines_all(v->path, &v->all));
    v->header = json_array_get(v->all, 0);
    CM_TRY(check_format(v));
    CM_TRY(cm_sides_of_header(v->header, &v->sides, &v->side_count));
    v->r->finished = cm_lines_are_done(v->all);
    CM_TRY(check_prompts(v));
    if (!v->r->difference) CM_TRY(check_lines(v));
    if (!v->r->difference && v->r->finished) CM_TRY(check_scores(v));
    return v->r->difference || !v->options->images ? CM_OK : cm_verify_images(v);
}

cm_status cm_verify(const cm_verify_options *o, cm_arena *out, cm_verify_result *r) {
    cm_verify_result result = {0};
    cm_verifier v = {.options = o, .out = out, .r = &result};
    const cm_status s = verify(&v);
    cm_sides_close(v.sides, v.side_count);
    json_decref(v.all);
    if (s == CM_OK) *r = result;
    return s;
}
