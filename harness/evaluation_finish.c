// SPDX-License-Identifier: Apache-2.0
/* From features and records to scores. Everything is read back from the folder, so that a run, a run that went on, and
 * merged shards end in the same digits. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/evaluation_parts.h"
#include "metrics/dense.h"
#include "metrics/statistics_file.h"
#include "metrics/stats.h"

enum { SEED = 20240402 };

typedef struct finish_run {
    const char *folder;
    const json_t *header;
    json_t *out;                   /* the folder's records, scores being added */
    cm_side *sides;                /* arms first */
    size_t side_count, arm_count, unit_count, images;
    cm_side *reference, *ceiling;  /* NULL: none */
    const char *primary;
    size_t pair_count;
    cm_arm_pair *pairs;
    cm_evaluation_counts *counts;
    cm_arena arena;
} finish_run;

/* A metric as the header has it. */
typedef struct scored {
    const cm_metric *m;
    const char *label, *column, *weights; /* column "": not of features */
    size_t width, kid_subset;
} scored;

static const char *text_of(const json_t *o, const char *key) {
    return cm_json_text_or(o, key, "");
}

/* --- records --------------------------------------------------------------------------- */

static cm_status add_record(finish_run *r, json_t *o) {
    return o && json_array_append_new(r->out, o) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

static void set_number(json_t *o, const char *key, double v) {
    if (isfinite(v)) json_object_set_new(o, key, json_real(v));
}

static void set_text(json_t *o, const char *key, const char *text) {
    if (text && *text) json_object_set_new(o, key, json_string(text));
}

static const char *joined(finish_run *r, const char *a, const char *b) {
    const char *text = cm_arena_print(&r->arena, "%s%s%s", a, *a && *b ? "; " : "", b);
    return text ? text : "";
}

static json_t *score_record(const finish_run *r, size_t arm, const scored *x, const char *part) {
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", x->label, *part ? "." : "", part);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "score", "suite", text_of(r->header, "suite"), "prompts",
                     text_of(r->header, "prompts"), "arm", r->sides[arm].name, "score", name, "better",
                     x->m->higher_is_better ? "higher" : "lower", "about", x->m->about, "source", x->m->source);
}

static cm_status add_score(finish_run *r, size_t arm, const scored *x, const char *part, const cm_arm_value *v, const char *note, double read) {
    json_t *o = score_record(r, arm, x, part);
    if (v->defined) {
        set_number(o, "value", v->value);
        set_number(o, "lo", v->lo);
        set_number(o, "hi", v->hi);
        set_number(o, "deviation", v->deviation);
        json_object_set_new(o, "n", json_integer((json_int_t)v->n));
        if (r->images > 1) json_object_set_new(o, "images", json_integer((json_int_t)(v->n * r->images)));
        if (v->leading) json_object_set_new(o, "leading", json_true());
    } else {
        r->counts->undefined++;
        cm_warn("%s of %s: %s", x->label, r->sides[arm].name, v->why ? v->why : "undefined");
    }
    set_number(o, "read", read);
    set_text(o, "note", v->why ? joined(r, v->why, note) : note);
    return add_record(r, o);
}

static cm_status add_pair(finish_run *r, const cm_arm_pair *p, const scored *x, const char *part, const cm_pair_value *v) {
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", x->label, *part ? "." : "", part);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "pair", "suite", text_of(r->header, "suite"), "prompts", text_of(r->header, "prompts"),
                          "score", name, "a", r->sides[p->a].name, "b", r->sides[p->b].name);
    if (v->defined) {
        set_number(o, "difference", v->difference);
        set_number(o, "lo", v->lo);
        set_number(o, "hi", v->hi);
        set_number(o, "p", v->p);
        set_number(o, "effect", v->effect);
        set_number(o, "detectable", v->detectable);
        json_object_set_new(o, "n", json_integer((json_int_t)v->n));
    }
    if (!strcmp(name, r->primary)) json_object_set_new(o, "primary", json_true());
    set_text(o, "note", v->why);
    return add_record(r, o);
}

/* --- what is scored ----------------------------------------------------------------------- */

static cm_status read_metric(finish_run *r, const json_t *o, scored *x) {
    size_t i;
    json_t *column;
    *x = (scored){cm_metric_find(text_of(o, "metric")), text_of(o, "label"), text_of(o, "column"), text_of(o, "weights"), 0, cm_json_size_or(o, "subset", 0)};
    if (!x->m) return cm_fail(CM_EFORMAT, "the header names a metric that does not exist: %s", text_of(o, "metric"));
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "columns"), i, column)
        if (!strcmp(text_of(column, "name"), x->column)) x->width = cm_json_size_or(column, "width", 0);
    if (*x->column && x->width == 0) return cm_fail(CM_EFORMAT, "the header names no column '%s'", x->column);
    return x->m->of_sets && !*x->column ? cm_fail(CM_EFORMAT, "the header has no column for %s", x->label) : CM_OK;
}

/* The mean and covariance of a file take the place of a reference's images, which the file may hold, too. */
static bool from_file(const finish_run *r, const cm_metric *m) {
    return m->reference == CM_REFERENCE_STATISTICS && json_object_get(r->header, "statistics");
}

static const char *network_hash(const finish_run *r, const char *network) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "networks"), i, o)
        if (!strcmp(text_of(o, "name"), network)) return text_of(o, "hash");
    return "";
}

static const char *weights_note(finish_run *r, const scored *x) {
    if (!*x->weights) return "";
    const char *text = cm_arena_print(&r->arena, "weights: %s, so this is not the published score", x->weights);
    return text ? text : "";
}

/* --- features ------------------------------------------------------------------------------ */

/* Rows of one side that count: the file itself when that is all of them, else a copy without the others. */
typedef struct rows {
    cm_feature_store store;
    cm_feature_view view;
    const float *x;
    size_t n;
    size_t *prompt_of; /* [n] */
} rows;

static bool is_good(const cm_side *s, size_t row, const char *column) {
    return s->lines[row] && !cm_line_is(s->lines[row], "failed") && (!*column || cm_line_feature(s->lines[row], column));
}

static void close_rows(rows *r) {
    cm_feature_view_close(&r->view);
    cm_feature_store_close(&r->store);
}

/* units: NULL, or [count / images]: only rows of these. */
static cm_status open_rows(finish_run *r, const cm_side *s, const scored *x, const bool *units, rows *o) {
    *o = (rows){.store = {.file = -1}};
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

/* The prompts of which every arm has all images: sets are compared on these. *missing: how many others there are. An arm
 * that has none (a command that failed) takes nothing from the others. */
static cm_status common_units(finish_run *r, const char *column, bool **units, size_t *missing) {
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

static cm_status read_statistics(finish_run *r, const scored *x, size_t n, cm_moments *statistics) {
    const bool unequal = cm_json_bool_or(json_object_get(r->header, "settings"), "unequal", false);
    const cm_statistics_claim claim = {.protocol = x->m->name, .weights = network_hash(r, x->m->network), .width = x->width, .n = unequal ? 0 : n};
    return cm_statistics_read(text_of(r->header, "statistics"), &claim, &r->arena, statistics);
}

static cm_status write_statistics(finish_run *r, const scored *x, const rows *arm) {
    const char *path = text_of(r->header, "write_statistics");
    cm_moments moments;
    if (!*path || x->m->reference != CM_REFERENCE_STATISTICS) return CM_OK;
    CM_TRY(cm_moments_of(arm->x, NULL, arm->n, x->width, &r->arena, &moments));
    const cm_statistics_claim claim = {.protocol = x->m->name, .weights = network_hash(r, x->m->network), .width = x->width, .n = arm->n};
    return cm_statistics_write(path, &claim, &moments);
}

static const char *set_note(finish_run *r, const scored *x, const cm_set_comparison *c, const rows *arm, const rows *reference, size_t missing) {
    const char *note = joined(r, c->note ? c->note : "", weights_note(r, x));
    if (x->m->equal_n && reference->n && reference->n != arm->n) note = joined(r, note, cm_arena_print(&r->arena, "%zu images against %zu", arm->n, reference->n));
    if (missing) note = joined(r, note, cm_arena_print(&r->arena, "%zu prompts are left out, since an arm lacks images of them", missing));
    return note;
}

static cm_status record_sets(finish_run *r, const scored *x, const cm_set_comparison *c, const size_t *run, const rows *arms, const rows *reference, size_t missing) {
    for (size_t p = 0; p < c->parts; p++) {
        for (size_t i = 0; run[i] != SIZE_MAX; i++) {
            CM_TRY(add_score(r, run[i], x, c->names[p], &c->arms[p][i], set_note(r, x, c, &arms[i], reference, missing), (double)NAN));
            json_t *last = json_array_get(r->out, json_array_size(r->out) - 1);
            if (reference->n && x->m->reference != CM_REFERENCE_NONE && !from_file(r, x->m))
                json_object_set_new(last, "reference_n", json_integer((json_int_t)reference->n));
        }
        for (size_t k = 0; k < r->pair_count; k++) CM_TRY(add_pair(r, &r->pairs[k], x, c->names[p], &c->pairs[p][k]));
    }
    return CM_OK;
}

/* A score without a value has a record all the same. */
static cm_status record_undefined(finish_run *r, const scored *x, const char *why) {
    const cm_arm_value none = {.why = cm_arena_string(&r->arena, why)};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->arm_count; a++)
        if (r->sides[a].count) CM_TRY(add_score(r, a, x, "", &none, "", (double)NAN));
    return CM_OK;
}

static cm_status compare_sets(finish_run *r, const scored *x, rows *arms, rows *reference, const size_t *run, size_t count, size_t missing) {
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
    cm_set_arms s = {.arms = count, .prompts = r->unit_count, .width = x->width, .x = features, .rows = n, .prompt_of = prompt_of, .y = reference->x,
                     .m = reference->n, .kid_subset = x->kid_subset, .score = x->m->of_sets, .higher_is_better = x->m->higher_is_better,
                     .pair_count = r->pair_count, .pairs = pairs, .seed = SEED};
    if (from_file(r, x->m)) {
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

static cm_status score_sets(finish_run *r, const scored *x) {
    rows *arms = CM_PUSH_ZERO(&r->arena, rows, r->arm_count + 1), reference = {.store = {.file = -1}};
    size_t *run = CM_PUSH(&r->arena, size_t, r->arm_count + 1), count = 0, missing = 0;
    bool *units;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < r->arm_count; i++) arms[i].store.file = -1;
    cm_status s = common_units(r, x->column, &units, &missing);
    for (size_t a = 0; a < r->arm_count && s == CM_OK; a++) {
        if (!r->sides[a].count) continue;
        run[count] = a;
        s = open_rows(r, &r->sides[a], x, r->arm_count > 1 ? units : NULL, &arms[count++]);
    }
    run[count] = SIZE_MAX;
    const bool wants = x->m->reference != CM_REFERENCE_NONE, of_file = from_file(r, x->m);
    if (s == CM_OK && wants && !of_file && r->reference) s = open_rows(r, r->reference, x, NULL, &reference);
    if (s == CM_OK && count) s = write_statistics(r, x, &arms[0]);
    const bool nothing = wants && !of_file && !reference.n; /* only statistics were to be written */
    if (s == CM_OK && nothing && !*text_of(r->header, "write_statistics")) s = record_undefined(r, x, "no reference set");
    else if (s == CM_OK && !nothing) s = compare_sets(r, x, arms, &reference, run, count, r->arm_count > 1 ? missing : 0);
    for (size_t i = 0; i < r->arm_count; i++) close_rows(&arms[i]);
    close_rows(&reference);
    return s;
}

/* --- scores that images have ----------------------------------------------------------------- */

/* What an image has under key and label; NaN: nothing. */
static double value_of(const cm_side *s, size_t row, const char *key, const char *label) {
    const json_t *v = json_object_get(json_object_get(s->lines[row], key), label);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* A prompt's mean over its images. */
static double of_unit(const cm_side *s, size_t unit, const char *key, const char *label) {
    double sum = 0, n = 0;
    for (size_t k = 0; k < s->images; k++) {
        const double v = value_of(s, unit * s->images + k, key, label);
        if (isnan(v)) continue;
        sum += v;
        n++;
    }
    return n ? sum / n : (double)NAN;
}

static const char *label_of(const finish_run *r, const char *metric) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "metrics"), i, o)
        if (!strcmp(text_of(o, "metric"), metric)) return text_of(o, "label");
    return metric;
}

/* The labels whose means make the score: its own, or those of its columns. */
static size_t columns_of(const finish_run *r, const scored *x, const char *labels[CM_METRIC_MEMBERS]) {
    const cm_metric *members[CM_METRIC_MEMBERS];
    const size_t n = cm_metric_members(x->m, members);
    labels[0] = x->label;
    for (size_t i = 0; i < n; i++) labels[i] = label_of(r, members[i]->name);
    return n ? n : 1;
}

static double mean_read(const cm_side *s, const char *label) {
    double sum = 0, n = 0;
    for (size_t row = 0; row < s->count; row++) {
        const double v = value_of(s, row, "read", label);
        if (isnan(v)) continue;
        sum += v;
        n++;
    }
    return n ? sum / n : (double)NAN;
}

/* [sides,units,columns] of these sides. */
static double *table_of(finish_run *r, const cm_side *const *sides, size_t count, size_t units, const char *const *labels, size_t columns) {
    double *x = CM_PUSH(&r->arena, double, count * units * columns + 1);
    for (size_t a = 0; x && a < count; a++)
        for (size_t u = 0; u < units; u++)
            for (size_t c = 0; c < columns; c++) x[(a * units + u) * columns + c] = of_unit(sides[a], u, "scores", labels[c]);
    return x;
}

static void total(const scored *x, cm_arm_value *v) {
    if (!x->m->of_text || !v->defined) return;
    v->value = cm_text_image_total(x->m->of_text, v->value);
    v->lo = cm_text_image_total(x->m->of_text, v->lo);
    v->hi = cm_text_image_total(x->m->of_text, v->hi);
}

static bool is_model(const finish_run *r, size_t arm) {
    return strcmp(text_of(json_array_get(json_object_get(r->header, "arms"), arm), "kind"), "model") == 0;
}

static cm_status score_images(finish_run *r, const scored *x) {
    const char *labels[CM_METRIC_MEMBERS];
    const size_t columns = columns_of(r, x, labels);
    const cm_side **run = CM_PUSH(&r->arena, const cm_side *, r->arm_count + 1);
    size_t *index = CM_PUSH(&r->arena, size_t, r->arm_count + 1), *place = CM_PUSH(&r->arena, size_t, r->arm_count + 1), count = 0;
    cm_arm_value *arms = CM_PUSH_ZERO(&r->arena, cm_arm_value, r->arm_count + 1);
    cm_pair_value *values = CM_PUSH_ZERO(&r->arena, cm_pair_value, r->pair_count + 1);
    cm_arm_pair *pairs = CM_PUSH(&r->arena, cm_arm_pair, r->pair_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->arm_count; a++) {
        place[a] = count;
        if (!r->sides[a].count) continue;
        index[count] = a;
        run[count++] = &r->sides[a];
    }
    for (size_t k = 0; k < r->pair_count; k++) pairs[k] = (cm_arm_pair){place[r->pairs[k].a], place[r->pairs[k].b]};
    const cm_columns c = {.arms = count, .prompts = r->unit_count, .columns = columns, .x = table_of(r, run, count, r->unit_count, labels, columns),
                          .higher_is_better = x->m->higher_is_better, .pair_count = r->pair_count, .pairs = pairs, .seed = SEED};
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_compare_columns(&c, &r->arena, arms, values));
    for (size_t i = 0; i < count; i++) {
        if (x->m->of_attention && !is_model(r, index[i])) continue; /* whose attention nobody sees */
        total(x, &arms[i]);
        CM_TRY(add_score(r, index[i], x, "", &arms[i], weights_note(r, x), mean_read(run[i], x->label)));
    }
    for (size_t k = 0; k < r->pair_count; k++) {
        if (x->m->of_attention && !(is_model(r, r->pairs[k].a) && is_model(r, r->pairs[k].b))) continue;
        CM_TRY(add_pair(r, &r->pairs[k], x, "", &values[k]));
    }
    return CM_OK;
}

/* --- by body group ------------------------------------------------------------------------------ */

/* Right over asked, with the interval of a ratio whose units are prompts: the linearised variance (Cochran 1977, sec. 6.4). */
typedef struct ratio {
    double right, asked, *r, *a; /* sums; [units] */
} ratio;

static void add_counts(const cm_side *s, const char *group, const char *kind, ratio *x) {
    for (size_t row = 0; row < s->count; row++) {
        const json_t *counts = json_object_get(json_object_get(json_object_get(s->lines[row], "parts"), group), kind);
        if (json_array_size(counts) != 2) continue;
        const double right = json_number_value(json_array_get(counts, 0)), asked = json_number_value(json_array_get(counts, 1));
        x->r[row / s->images] += right;
        x->a[row / s->images] += asked;
        x->right += right;
        x->asked += asked;
    }
}

static double half_width(const ratio *x, size_t units) {
    const double p = x->right / x->asked;
    double squares = 0, n = 0;
    for (size_t u = 0; u < units; u++) {
        if (x->a[u] == 0) continue;
        squares += (x->r[u] - p * x->a[u]) * (x->r[u] - p * x->a[u]);
        n++;
    }
    return n > 1 ? 1.959964 * sqrt(squares * n / (n - 1)) / x->asked : (double)NAN;
}

static cm_status add_part(finish_run *r, const cm_side *s, const char *group, const char *score, const char *const *kinds, size_t kind_count) {
    ratio x = {0, 0, CM_PUSH_ZERO(&r->arena, double, r->unit_count + 1), CM_PUSH_ZERO(&r->arena, double, r->unit_count + 1)};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t k = 0; k < kind_count; k++) add_counts(s, group, kinds[k], &x);
    if (x.asked == 0) return CM_OK;
    const double value = 100 * x.right / x.asked, half = 100 * half_width(&x, r->unit_count);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:I}", "kind", "part", "arm", s->name, "group", group, "score", score, "value", value, "n",
                          (json_int_t)x.asked, "right", (json_int_t)x.right);
    set_number(o, "lo", fmax(value - half, 0));
    set_number(o, "hi", fmin(value + half, 100));
    return add_record(r, o);
}

static cm_status score_parts(finish_run *r) {
    static const char *const kinds[3] = {"acc_obj", "acc_tex", "acc_shape"};
    for (size_t a = 0; a < r->arm_count; a++) {
        for (int g = CM_GROUP_SHOT; g < CM_GROUPS; g++) {
            const char *group = cm_prompt_group_name(g);
            const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
            for (int k = 0; k < 3; k++) CM_TRY(add_part(r, &r->sides[a], group, kinds[k], &kinds[k], 1));
            CM_TRY(add_part(r, &r->sides[a], group, "acc_all", kinds, 3));
            cm_arena_reset(&r->arena, mark);
        }
    }
    return CM_OK;
}

/* --- the ceiling ----------------------------------------------------------------------------------- */

static cm_status add_ceiling(finish_run *r, const char *score, const cm_arm_value *v, const char *note) {
    if (!v->defined) return CM_OK;
    json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "kind", "ceiling", "score", score, "n", (json_int_t)v->n, "note", note);
    set_number(o, "value", v->value);
    set_number(o, "lo", v->lo);
    set_number(o, "hi", v->hi);
    return add_record(r, o);
}

static cm_status ceiling_of_images(finish_run *r, const char *score, const char *const *labels, size_t columns, const char *note) {
    const cm_side *side = r->ceiling;
    cm_arm_value v = {0};
    const cm_columns c = {.arms = 1, .prompts = side->count, .columns = columns, .x = table_of(r, &side, 1, side->count, labels, columns), .seed = SEED};
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_compare_columns(&c, &r->arena, &v, NULL));
    return add_ceiling(r, score, &v, note);
}

/* The floor of a distance at this N: as many other drawings as an arm has images, against the reference. */
static cm_status floor_of(finish_run *r, const scored *x) {
    const size_t images = r->unit_count * r->images, n = images < r->ceiling->count ? images : r->ceiling->count;
    rows drawings, reference = {.store = {.file = -1}};
    cm_set_comparison c = {0};
    cm_status s = open_rows(r, r->ceiling, x, NULL, &drawings);
    if (s == CM_OK) s = open_rows(r, r->reference, x, NULL, &reference);
    const size_t used = drawings.n < n ? drawings.n : n, *prompt_of = drawings.prompt_of;
    const cm_set_arms a = {.arms = 1, .prompts = used, .width = x->width, .x = &drawings.x, .rows = &used, .prompt_of = &prompt_of, .y = reference.x,
                           .m = reference.n, .kid_subset = x->kid_subset, .score = x->m->of_sets, .higher_is_better = x->m->higher_is_better, .seed = SEED};
    if (s == CM_OK) s = cm_compare_sets(&a, &r->arena, &c);
    close_rows(&drawings);
    close_rows(&reference);
    if (s == CM_EUNDEFINED || (s == CM_OK && c.parts != 1)) return CM_OK;
    CM_TRY(s);
    return add_ceiling(r, x->label, &c.arms[0][0], cm_arena_print(&r->arena, "the floor at this N: %zu other drawings against the reference", used));
}

static cm_status score_ceiling(finish_run *r, const scored *x) {
    const char *labels[CM_METRIC_MEMBERS];
    if (x->m->of_sets) return r->reference && x->m->reference != CM_REFERENCE_NONE && !from_file(r, x->m) ? floor_of(r, x) : CM_OK;
    if (x->m->of_attention) return CM_OK;
    const size_t columns = columns_of(r, x, labels);
    return ceiling_of_images(r, x->label, labels, columns,
                             x->m->of_text ? "held-out drawings with their own descriptions" : "the parser on held-out drawings, asked from their own descriptions");
}

static cm_status ceiling_of_parser(finish_run *r) {
    static const char *const names[] = {"parser_pixels", "parser_iou"};
    static const char *const notes[] = {"percent of pixels with the right class",
                                        "percent, intersection over union, mean over the classes a drawing has"};
    for (int i = 0; i < 2; i++) CM_TRY(ceiling_of_images(r, names[i], &names[i], 1, notes[i]));
    return CM_OK;
}

/* --- all ------------------------------------------------------------------------------------------ */

typedef cm_status score_with(finish_run *r, const scored *x);

static cm_status for_each_metric(finish_run *r, score_with *score) {
    size_t i;
    json_t *metric;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "metrics"), i, metric) {
        scored x;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        CM_TRY(read_metric(r, metric, &x));
        const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
        CM_TRY(score(r, &x));
        cm_arena_reset(&r->arena, mark);
    }
    return CM_OK;
}

static cm_status score_arms(finish_run *r, const scored *x) {
    return x->m->of_sets ? score_sets(r, x) : score_images(r, x);
}

/* Sets p_holm over the scores of each pair: the family that the report's table states. */
static cm_status correct(finish_run *r) {
    for (size_t k = 0; k < r->pair_count; k++) {
        const size_t most = json_array_size(r->out);
        json_t **found = CM_PUSH(&r->arena, json_t *, most), *row;
        double *p = CM_PUSH(&r->arena, double, most), *adjusted = CM_PUSH(&r->arena, double, most);
        size_t n = 0, i;
        CM_TRY(cm_arena_check(&r->arena));
        json_array_foreach(r->out, i, row) {
            const bool of_pair = cm_line_is(row, "pair") && !strcmp(text_of(row, "a"), r->sides[r->pairs[k].a].name) && !strcmp(text_of(row, "b"), r->sides[r->pairs[k].b].name);
            if (!of_pair || !json_is_number(json_object_get(row, "p"))) continue;
            p[n] = json_number_value(json_object_get(row, "p"));
            found[n++] = row;
        }
        CM_TRY(cm_stats_holm(p, n, &r->arena, adjusted));
        for (i = 0; i < n; i++) json_object_set_new(found[i], "p_holm", json_real(adjusted[i]));
    }
    return CM_OK;
}

static size_t arm_named(const finish_run *r, const char *name) {
    size_t a = 0;
    while (a < r->arm_count && strcmp(r->sides[a].name, name) != 0) a++;
    return a;
}

static cm_status read_header(finish_run *r) {
    size_t i;
    json_t *row;
    const json_t *pairs = json_object_get(r->header, "pairs");
    r->unit_count = cm_json_size_or(r->header, "count", 0);
    r->images = cm_json_size_or(r->header, "images", 1);
    r->primary = label_of(r, text_of(r->header, "primary"));
    for (i = 0; i < r->side_count; i++) {
        if (r->sides[i].kind == CM_SIDE_ARM) r->arm_count++;
        else *(r->sides[i].kind == CM_SIDE_REFERENCE ? &r->reference : &r->ceiling) = &r->sides[i];
    }
    r->pairs = CM_PUSH(&r->arena, cm_arm_pair, json_array_size(pairs) + 1);
    CM_TRY(cm_arena_check(&r->arena));
    json_array_foreach((json_t *)pairs, i, row) {
        const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
        const cm_arm_pair p = {arm_named(r, a ? a : ""), arm_named(r, b ? b : "")};
        if (p.a == r->arm_count || p.b == r->arm_count) return cm_fail(CM_EFORMAT, "the header's pair %zu is not of two of its arms", i + 1);
        r->pairs[r->pair_count++] = p;
    }
    return CM_OK;
}

static cm_status work(finish_run *r, double started) {
    char now[32];
    CM_TRY(read_header(r));
    CM_TRY(for_each_metric(r, score_arms));
    CM_TRY(correct(r));
    CM_TRY(score_parts(r));
    if (r->ceiling) CM_TRY(for_each_metric(r, score_ceiling));
    if (r->ceiling) CM_TRY(ceiling_of_parser(r));
    cm_iso_time(now);
    return add_record(r, json_pack("{s:s, s:f, s:s}", "kind", "done", "seconds", cm_now() - started, "finished", now));
}

cm_status cm_evaluation_score(const char *folder, const json_t *header, cm_side *sides, size_t side_count, const json_t *all, double started,
                              cm_evaluation_counts *counts, json_t **lines) {
    finish_run r = {.folder = folder, .header = header, .sides = sides, .side_count = side_count, .counts = counts};
    cm_arena_init(&r.arena, 0);
    cm_dense_all_threads();
    r.out = cm_evaluation_lines(header, sides, side_count, all);
    cm_status s = r.out ? work(&r, started) : cm_fail(CM_ENOMEM, "out of memory");
    json_t *full = s == CM_OK ? cm_evaluation_full_header(header, all) : NULL;
    if (s == CM_OK && (!full || json_array_set_new(r.out, 0, full) != 0)) s = cm_fail(CM_ENOMEM, "out of memory");
    if (s == CM_OK) *lines = r.out;
    else json_decref(r.out);
    cm_arena_free(&r.arena);
    return s;
}

cm_status cm_evaluation_finish(const char *folder, const json_t *header, cm_side *sides, size_t side_count, const json_t *all,
                               double started, cm_evaluation_counts *counts) {
    cm_arena scratch;
    json_t *lines = NULL;
    cm_arena_init(&scratch, 4096);
    const char *path = cm_arena_print(&scratch, "%s/records.jsonl", folder);
    cm_status s = cm_arena_check(&scratch);
    if (s == CM_OK) s = cm_evaluation_score(folder, header, sides, side_count, all, started, counts, &lines);
    if (s == CM_OK) s = cm_jsonl_write(path, lines);
    json_decref(lines);
    cm_arena_free(&scratch);
    return s;
}
