// SPDX-License-Identifier: Apache-2.0
/* A run's images, looked at again: an evaluation of them as images that were there, beside the run. */
#define _GNU_SOURCE
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/name_table.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation.h"
#include "harness/verify/verify_folder_parts.h"
#include "metrics/metric.h"

/* Networks on another CPU: their sums are in another order. */
#define RELATIVE 1e-4

/* --- the suite that looks again ------------------------------------------------------- */

static const json_t *plan_list(const cm_verifier *v, const char *name) {
    return json_object_get(json_object_get(v->header, "plan"), name);
}

/* All but those of attention. */
static const char *metrics_of(const cm_verifier *v) {
    const char *names = "";
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)plan_list(v, "metrics"), i, o) {
        const cm_metric *m = cm_metric_find(cm_text_of(o, "metric"));
        if (m && !m->of_attention && !m->mean_of && names)
            names = cm_arena_print(v->out, "%s%s%s", names, *names ? "," : "", m->name);
    }
    return names;
}

/* Networks whose weights have a name instead of a file: "random", "nano", "mock". What the caller says comes first. */
static const char *networks_of(const cm_verifier *v) {
    const char *list = v->options->networks ? v->options->networks : "";
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)plan_list(v, "networks"), i, o)
        if (*cm_text_of(o, "label") && list)
            list = cm_arena_print(v->out, "%s%s%s=%s", list, *list ? "," : "", cm_text_of(o, "name"),
                                  cm_text_of(o, "label"));
    return list;
}

static void set_text(json_t *o, const char *key, const char *text) {
    if (text && *text) json_object_set_new(o, key, json_string(text));
}

static json_t *arms_of(const cm_verifier *v) {
    size_t i;
    json_t *arm, *list = json_array();
    json_array_foreach(json_object_get(v->header, "arms"), i, arm) {
        const char *name = cm_text_of(arm, "name"), *from = cm_text_of(arm, "from");
        if (!strcmp(cm_text_of(arm, "kind"), "absent")) continue;
        json_t *row = json_object();
        set_text(row, "name", name);
        set_text(row, "images", *from ? from : cm_arena_print(v->out, "%s/images/%s", v->options->folder, name));
        set_text(row, "match", cm_text_of(arm, "match"));
        json_array_append_new(list, row);
    }
    return list;
}

/* Drawn people begin at the seed that the first of them is called by. */
static json_t *reference_of(const cm_verifier *v) {
    const json_t *o = json_object_get(v->header, "reference");
    const char *statistics = cm_text_of(v->header, "statistics"), *from = cm_text_of(o, "from");
    size_t i;
    json_t *line;
    if (!o && !*statistics) return NULL;
    if (*statistics || strcmp(from, "drawn people")) return json_string(*statistics ? statistics : from);
    json_array_foreach(v->all, i, line) {
        if (!cm_line_is(line, "reference") || cm_json_size_or(line, "index", 1)) continue;
        return json_pack("{s:s, s:I, s:I}", "name", cm_text_of(o, "name"), "seed",
                         (json_int_t)strtoull(cm_text_of(line, "id"), NULL, 10), "count",
                         (json_int_t)cm_json_size_or(o, "count", 0));
    }
    return NULL;
}

static size_t kid_subset(const cm_verifier *v) {
    size_t i, subset = 0;
    json_t *o;
    json_array_foreach((json_t *)plan_list(v, "metrics"), i, o) subset = cm_json_size_or(o, "subset", subset);
    return subset;
}

static cm_status open_suite(cm_verifier *v, json_t *changes, cm_suite *suite) {
    const char *prompts = v->options->prompts ? v->options->prompts : cm_text_of(v->header, "prompts");
    json_t *reference = reference_of(v);
    set_text(changes, "metrics", metrics_of(v));
    set_text(changes, "networks", networks_of(v));
    set_text(changes, "weights", v->options->weights);
    set_text(changes, "tokenizer", v->options->tokenizer);
    set_text(changes, "prompts", prompts);
    json_object_set_new(changes, "arms", arms_of(v));
    json_object_set_new(changes, "images", json_integer((json_int_t)cm_json_size_or(v->header, "images", 1)));
    if (reference) json_object_set_new(changes, "reference", reference);
    if (kid_subset(v)) json_object_set_new(changes, "kid_subset", json_integer((json_int_t)kid_subset(v)));
    CM_TRY(cm_arena_check(v->out));
    const cm_suite_choice choice = {.name = "verify", .changes = changes};
    return cm_suite_open(&choice, v->out, suite);
}

/* Images of a single arm that were there are its units: a run that scored them may have no prompts. */
static bool is_of_images(const cm_verifier *v) {
    const json_t *arms = json_object_get(v->header, "arms");
    return json_array_size(arms) == 1 && !strcmp(cm_text_of(json_array_get(arms, 0), "kind"), "images");
}

static cm_status evaluate(cm_verifier *v, const cm_suite *suite, const char *folder) {
    cm_evaluation_counts counts;
    const char *backend = cm_text_of(json_object_get(v->header, "settings"), "scores_backend");
    cm_evaluation_options o = {.suite = suite,
                               .folder = folder,
                               .threads = v->options->threads,
                               .unequal = true,
                               .of_images = is_of_images(v)};
    if (!o.of_images && suite->prompts_path) o.limit = cm_json_size_or(v->header, "count", 0);
    CM_TRY(cm_backend_choose("scores_backend", *backend ? backend : "auto", &o.backend));
    return cm_evaluate(&o, &counts);
}

/* --- comparing ------------------------------------------------------------------------- */

/* Arms' images by arm, id and k; others by their place in the list. */
static const char *key_of(const json_t *record, cm_arena *out) {
    const bool image = cm_line_is(record, "image");
    return image ? cm_arena_print(out, "%s\n%s\n%zu", cm_text_of(record, "arm"), cm_text_of(record, "id"),
                                  cm_json_size_or(record, "k", 0))
                 : cm_arena_print(out, "%s\n%zu", cm_text_of(record, "kind"), cm_json_size_or(record, "index", 0));
}

static bool is_of_an_image(const json_t *line) {
    return cm_line_is(line, "image") || cm_line_is(line, "reference");
}

typedef struct again {
    json_t *all;
    cm_name_table by_key; /* value: index into all */
    cm_side *sides;
    size_t side_count;
    const char *folder;
} again;

static cm_status read_again(again *a, const char *folder, cm_arena *out) {
    size_t i;
    json_t *line;
    const char *path = cm_arena_print(out, "%s/records.jsonl", folder);
    a->folder = folder;
    CM_TRY(cm_arena_check(out));
    CM_TRY(cm_jsonl_read(path, &a->all));
    CM_TRY(cm_sides_of_header(json_array_get(a->all, 0), &a->sides, &a->side_count));
    CM_TRY(cm_name_table_init(&a->by_key, json_array_size(a->all), out));
    json_array_foreach(a->all, i, line) {
        const char *key = is_of_an_image(line) ? key_of(line, out) : NULL;
        CM_TRY(cm_arena_check(out));
        if (key) cm_name_table_add(&a->by_key, key, i, NULL);
    }
    return CM_OK;
}

static cm_status compare_objects(cm_verifier *v, size_t line, const char *name, const char *key, const json_t *recorded,
                                 const json_t *seen) {
    const char *label;
    json_t *value;
    const json_t *now = json_object_get(seen, key);
    json_object_foreach(json_object_get(recorded, key), label, value) {
        const json_t *is = json_object_get(now, label);
        if ((!is && !strcmp(key, "scores")) || cm_verify_same(value, is, RELATIVE))
            continue; /* scores of attention are not seen again */
        return cm_verify_differ_json(v, line, cm_arena_print(v->out, "%s of %s: %s", key, name, label), value, is);
    }
    return CM_OK;
}

/* A relative distance of two rows. */
static double distance(const float *a, const float *b, size_t n) {
    double apart = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        apart += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)a[i] * (double)a[i];
    }
    return apart > 0 ? sqrt(apart / size) : 0;
}

static cm_status compare_row(cm_verifier *v, again *a, size_t line, const char *name, const char *column,
                             const json_t *recorded, const json_t *seen) {
    cm_feature_store *was, is = {.file = -1};
    cm_side *old = cm_verify_side(v->sides, v->side_count, recorded),
            *new = cm_verify_side(a->sides, a->side_count, seen);
    if (!old || !new) return CM_OK;
    CM_TRY(cm_verify_store(v, line, old, column, &was));
    if (!was) return CM_OK;
    float *x = CM_PUSH(v->out, float, was->width), *y = CM_PUSH(v->out, float, was->width);
    CM_TRY(cm_column_open(a->folder, new->name, column, new->count, was->width, false, v->out, &is));
    cm_status s = cm_arena_check(v->out);
    if (s == CM_OK) s = cm_feature_store_read(was, cm_json_size_or(recorded, "index", 0) - old->begin, 1, x);
    if (s == CM_OK) s = cm_feature_store_read(&is, cm_json_size_or(seen, "index", 0), 1, y);
    cm_feature_store_close(&is);
    CM_TRY(s);
    const double apart = distance(x, y, was->width);
    if (apart <= RELATIVE) return CM_OK;
    return cm_verify_differ(v, line, cm_arena_print(v->out, "features %s of %s", column, name), "a row",
                            cm_arena_print(v->out, "one that is %.3g of its length away", apart));
}

static cm_status compare_features(cm_verifier *v, again *a, size_t line, const char *name, const json_t *recorded,
                                  const json_t *seen) {
    const char *column;
    json_t *hash;
    json_object_foreach(json_object_get(recorded, "features"), column, hash) {
        const json_t *is = json_object_get(json_object_get(seen, "features"), column);
        const cm_arena_mark mark = cm_arena_get_mark(v->out);
        if (!is || json_equal(hash, is)) continue;
        CM_TRY(compare_row(v, a, line, name, column, recorded, seen));
        if (v->r->difference) return CM_OK;
        cm_arena_reset(v->out, mark);
    }
    return CM_OK;
}

static cm_status compare_image(cm_verifier *v, again *a, size_t line, const json_t *recorded) {
    const cm_arena_mark mark = cm_arena_get_mark(v->out);
    const char *key = key_of(recorded, v->out), *file = *cm_text_of(recorded, "picture")
                                                            ? cm_text_of(recorded, "picture")
                                                            : cm_text_of(recorded, "source");
    CM_TRY(cm_arena_check(v->out));
    if (!json_object_get(recorded, "width")) return CM_OK; /* it was not looked at */
    const cm_name_entry *e = cm_name_table_find(&a->by_key, key);
    if (!e)
        return cm_verify_differ(v, line, *file ? file : cm_text_of(recorded, "id"), "an image",
                                "none that can be looked at");
    const json_t *seen = json_array_get(a->all, e->value);
    const char *name =
        *file ? file : cm_arena_print(v->out, "%s %s", cm_text_of(recorded, "kind"), cm_text_of(recorded, "id"));
    CM_TRY(compare_objects(v, line, name, "scores", recorded, seen));
    if (!v->r->difference) CM_TRY(compare_objects(v, line, name, "counts", recorded, seen));
    if (!v->r->difference) CM_TRY(compare_features(v, a, line, name, recorded, seen));
    if (v->r->difference) return CM_OK;
    v->r->seen++;
    cm_arena_reset(v->out, mark);
    return CM_OK;
}

static cm_status compare(cm_verifier *v, const char *folder) {
    size_t i;
    json_t *line;
    again a = {0};
    cm_status s = read_again(&a, folder, v->out);
    json_array_foreach(v->all, i, line) {
        if (s != CM_OK || v->r->difference) break;
        if (is_of_an_image(line)) s = compare_image(v, &a, i, line);
    }
    cm_sides_close(a.sides, a.side_count);
    json_decref(a.all);
    return s;
}

/* --- the folder for the time being ------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *is, int kind, struct FTW *where) {
    (void)is, (void)kind, (void)where;
    return remove(path);
}

cm_status cm_verify_images(cm_verifier *v) {
    const char *place = getenv("TMPDIR");
    char *folder = cm_arena_print(v->out, "%s/cosmicman-verify-XXXXXX", place && *place ? place : "/tmp");
    cm_suite suite = {0};
    json_t *changes = json_object();
    cm_status s = cm_arena_check(v->out);
    if (s == CM_OK && !changes) s = cm_fail(CM_ENOMEM, "out of memory");
    if (s == CM_OK) s = open_suite(v, changes, &suite);
    if (s == CM_OK && !mkdtemp(folder)) s = cm_fail(CM_EIO, "%s: cannot make a folder for the time being", folder);
    else if (s == CM_OK) {
        s = evaluate(v, &suite, folder);
        if (s == CM_OK) s = compare(v, folder);
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    cm_suite_close(&suite);
    json_decref(changes);
    return s;
}
