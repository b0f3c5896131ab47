// SPDX-License-Identifier: Apache-2.0
/* The columns of a run's scores, and where each arm stands in them. */
#include <stdlib.h>
#include <string.h>

#include "reports/report_model.h"

/* Of runs of `bench` before the header told its columns. */
static const cm_column nano_columns[] = {
    {"fd@nano", "fd@nano", CM_LOWER, CM_FIXED, 2, "Fréchet distance on the nano feature network, never FID", "", false,
     false},
    {"kd@nano", "kd@nano", CM_LOWER, CM_FIXED, 4,
     "kernel distance (unbiased MMD² with KID's cubic kernel) on the same features", "", false, false},
    {"acc_obj", "Acc_obj", CM_HIGHER, CM_FIXED, 1, "asked objects that the parser finds, %", "", false, false},
    {"acc_tex", "Acc_tex", CM_HIGHER, CM_FIXED, 1, "asked colours, patterns and materials, %", "", false, false},
    {"acc_shape", "Acc_shape", CM_HIGHER, CM_FIXED, 1, "asked lengths, sleeves, shapes and styles, %", "", false,
     false},
    {"acc_all", "Acc_all", CM_HIGHER, CM_FIXED, 1, "plain mean of the three; the primary score", "", false, false},
    {"clip@nano", "clip@nano", CM_HIGHER, CM_FIXED, 2, "100 x cosine of the nano CLIP pair", "", false, false},
    {"hola", "HOLA", CM_LOWER, CM_FIXED, 4, "squared distance of the prompt groups' attention from their regions", "",
     false, true},
    {"attn_iou", "attn IoU", CM_HIGHER, CM_FIXED, 3, "overlap of a group's attention with its parsed region", "", false,
     true},
    {"attn_mass", "attn mass", CM_HIGHER, CM_FIXED, 3, "share of a group's attention inside its parsed region", "",
     false, true},
};
enum { NANO_COLUMNS = sizeof nano_columns / sizeof *nano_columns };

static cm_status out_of_memory(void) {
    return cm_fail(CM_ENOMEM, "out of memory while reading records");
}

static cm_better better_of(const json_t *o) {
    const char *text = cm_text_of(o, "better");
    return strcmp(text, "lower") == 0 ? CM_LOWER : strcmp(text, "higher") == 0 ? CM_HIGHER : CM_NEITHER;
}

/* --- columns of format 2 ------------------------------------------------------------------ */

/* The label that a score belongs to: itself, or what stands before ".part". Labels have points of their own
 * ("hpsv2@2.1"), so the longest that is known counts. */
static const json_t *metric_of(const json_t *labels, const char *score) {
    char label[256];
    if ((size_t)snprintf(label, sizeof label, "%s", score) >= sizeof label) return NULL;
    for (;;) {
        const json_t *place = json_object_get(labels, label);
        char *point = strrchr(label, '.');
        if (place || !point) return place;
        *point = 0;
    }
}

typedef struct found {
    size_t metric, order; /* of plan.metrics; in which it was met */
    const char *score;
} found;

static int compare(const void *a, const void *b) {
    const found *x = a, *y = b;
    if (x->metric != y->metric) return x->metric < y->metric ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Each score once that belongs to a metric of the plan; then the metrics that have none. */
static cm_status list_scores(const cm_report_model *r, const json_t *metrics, const json_t *labels, json_t *seen,
                             bool *has, found *list, size_t *count) {
    for (size_t i = 0; i < r->scores.count; i++) {
        const char *score = cm_text_of(r->scores.at[i], "score");
        const json_t *place = metric_of(labels, score);
        if (!place || json_object_get(seen, score)) continue;
        const size_t metric = (size_t)json_integer_value(place);
        list[*count] = (found){metric, *count, score};
        (*count)++;
        has[metric] = true;
        if (json_object_set_new(seen, score, json_true()) != 0) return out_of_memory();
    }
    for (size_t m = 0; m < json_array_size(metrics); m++) {
        const char *label = cm_text_of(json_array_get(metrics, m), "label");
        if (!*label || has[m]) continue;
        list[*count] = (found){m, *count, label};
        (*count)++;
    }
    return CM_OK;
}

/* Records from before they said it: by name. */
static bool is_mechanism(const json_t *metric) {
    const char *name = cm_text_of(metric, "metric");
    return json_is_true(json_object_get(metric, "mechanism")) || strcmp(name, "hola") == 0 ||
           strncmp(name, "attn_", 5) == 0;
}

/* The title tells a part, KID's subsets, and weights other than the published: "FID@clean [nano]" is no FID. */
static cm_column planned_column(cm_report_model *r, const json_t *metric, const char *score) {
    const char *label = cm_text_of(metric, "label"),
               *title = *cm_text_of(metric, "title") ? cm_text_of(metric, "title") : label;
    const char *weights = cm_text_of(metric, "weights"),
               *part = strlen(score) > strlen(label) ? score + strlen(label) + 1 : "";
    double decimals = 4, subset;
    cm_number_of(metric, "decimals", &decimals);
    const char *whole = cm_arena_print(&r->arena, "%s%s%s%s%s%s", title, *part ? " " : "", part, *weights ? " [" : "",
                                       weights, *weights ? "]" : "");
    if (whole && cm_number_of(metric, "subset", &subset))
        whole = cm_arena_print(&r->arena, "%s (subsets of %.0f)", whole, subset);
    return (cm_column){score,
                       whole ? whole : "",
                       better_of(metric),
                       CM_FIXED,
                       decimals >= 0 && decimals <= 12 ? (int)decimals : 4,
                       cm_text_of(metric, "about"),
                       cm_text_of(metric, "source"),
                       false,
                       is_mechanism(metric)};
}

/* labels: a JSON object from a label to its place in the plan. */
static cm_status name_labels(const json_t *metrics, json_t *labels) {
    for (size_t m = 0; m < json_array_size(metrics); m++)
        if (json_object_set_new(labels, cm_text_of(json_array_get(metrics, m), "label"), json_integer((json_int_t)m)) !=
            0)
            return out_of_memory();
    return CM_OK;
}

static cm_status planned_columns(cm_report_model *r, json_t *labels, json_t *seen) {
    const json_t *metrics = json_object_get(json_object_get(r->run, "plan"), "metrics");
    const size_t room = r->scores.count + json_array_size(metrics) + 1;
    found *list = CM_PUSH(&r->arena, found, room);
    bool *has = CM_PUSH_ZERO(&r->arena, bool, room);
    size_t count = 0;
    r->columns = CM_PUSH(&r->arena, cm_column, room);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(name_labels(metrics, labels));
    CM_TRY(list_scores(r, metrics, labels, seen, has, list, &count));
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0; i < count; i++)
        r->columns[i] = planned_column(r, json_array_get(metrics, list[i].metric), list[i].score);
    r->column_count = count;
    return cm_arena_check(&r->arena);
}

/* --- columns of older runs ---------------------------------------------------------------- */

static cm_status published_columns(cm_report_model *r, json_t *seen) {
    r->columns = CM_PUSH(&r->arena, cm_column, r->scores.count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < r->scores.count; i++) {
        const json_t *s = r->scores.at[i];
        const char *score = cm_text_of(s, "score");
        if (json_object_get(seen, score)) continue;
        r->columns[r->column_count++] =
            (cm_column){score, score, better_of(s), CM_GENERAL, 6, cm_text_of(s, "about"), cm_text_of(s, "source"),
                        false, false};
        if (json_object_set_new(seen, score, json_true()) != 0) return out_of_memory();
    }
    return CM_OK;
}

static cm_status older_columns(cm_report_model *r) {
    r->columns = CM_PUSH(&r->arena, cm_column, NANO_COLUMNS);
    CM_TRY(cm_arena_check(&r->arena));
    memcpy(r->columns, nano_columns, sizeof nano_columns);
    r->column_count = NANO_COLUMNS;
    return CM_OK;
}

cm_status cm_report_model_find_columns(cm_report_model *r) {
    json_t *labels = json_object(), *seen = json_object();
    cm_status s = labels && seen ? CM_OK : out_of_memory();
    r->primary = r->format >= 2 ? cm_text_of(r->run, "primary") : "acc_all";
    if (s == CM_OK && r->format >= 2) s = planned_columns(r, labels, seen);
    else if (s == CM_OK) s = cm_report_model_published(r) ? published_columns(r, seen) : older_columns(r);
    json_decref(labels);
    json_decref(seen);
    for (size_t c = 0; s == CM_OK && c < r->column_count; c++) s = cm_report_model_index_column(r, c);
    return s;
}

/* --- standings ---------------------------------------------------------------------------- */

/* By the arms' pair where they have one, else by intervals that do not meet. */
static bool are_apart(const cm_report_model *r, const char *score, const char *a, const char *b) {
    const json_t *pair = cm_report_model_pair(r, a, b, score);
    if (!pair) pair = cm_report_model_pair(r, b, a, score);
    if (pair) return cm_pair_is_apart(pair);
    const json_t *x = cm_report_model_score(r, a, score), *y = cm_report_model_score(r, b, score);
    double x_lo, x_hi, y_lo, y_hi;
    return cm_number_of(x, "lo", &x_lo) && cm_number_of(x, "hi", &x_hi) && cm_number_of(y, "lo", &y_lo) &&
           cm_number_of(y, "hi", &y_hi) && (x_lo > y_hi || y_lo > x_hi);
}

/* Of format 2 the record says it, from all arms together. */
static bool is_leading(const cm_report_model *r, const cm_column *c, size_t best, size_t arm) {
    const json_t *row = cm_report_model_score(r, r->arms[arm], c->score);
    double v;
    if (!cm_number_of(row, "value", &v)) return false;
    if (r->format >= 2) return json_is_true(json_object_get(row, "leading"));
    return !are_apart(r, c->score, r->arms[best], r->arms[arm]);
}

/* The arm with the best value; arm_count: fewer than two have one, or no direction is better. */
static size_t find_best(const cm_report_model *r, cm_column *c) {
    size_t best = r->arm_count, values = 0;
    double most = 0, v;
    for (size_t a = 0; a < r->arm_count; a++) {
        if (!cm_number_of(cm_report_model_score(r, r->arms[a], c->score), "value", &v)) continue;
        if (c->better == CM_LOWER) v = -v;
        if (!values++ || v > most) {
            best = a;
            most = v;
        }
    }
    c->measured = values > 0;
    return values > 1 && c->better && !c->mechanism ? best : r->arm_count; /* of what a loss trains nothing is best */
}

cm_status cm_report_model_find_standings(cm_report_model *r) {
    r->standings = CM_PUSH_ZERO(&r->arena, cm_standing, r->arm_count * r->column_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t c = 0; c < r->column_count; c++) {
        const size_t best = find_best(r, &r->columns[c]);
        for (size_t a = 0; best < r->arm_count && a < r->arm_count; a++)
            if (is_leading(r, &r->columns[c], best, a))
                r->standings[a * r->column_count + c] = a == best ? CM_BEST : CM_LEADING;
    }
    return CM_OK;
}

/* --- what differs between two arms -------------------------------------------------------- */

static bool has_hola(const json_t *trained) {
    const json_t *v = json_object_get(trained, "hola");
    return json_is_true(v) || json_number_value(v) > 0;
}

static bool equal(const json_t *a, const json_t *b, const char *key) {
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
    return x && y && json_equal((json_t *)x, (json_t *)y);
}

cm_contrast cm_report_model_contrast(const cm_report_model *r, const char *a, const char *b) {
    const json_t *x = cm_report_model_arm(r, a), *y = cm_report_model_arm(r, b);
    const json_t *of_x = json_object_get(x, "trained"), *of_y = json_object_get(y, "trained");
    if (equal(x, y, "hash")) return CM_CONTRAST_SETTINGS;
    if (!of_x && !of_y) return CM_CONTRAST_UNKNOWN;
    const bool begun_alike = !json_object_get(of_x, "from") == !json_object_get(of_y, "from") &&
                             (!json_object_get(of_x, "from") || equal(of_x, of_y, "from"));
    const bool same =
        begun_alike && equal(of_x, of_y, "data") && equal(of_x, of_y, "steps") && equal(of_x, of_y, "seed");
    if (has_hola(of_x) != has_hola(of_y)) return same ? CM_CONTRAST_DARING : CM_CONTRAST_BOTH;
    return same ? CM_CONTRAST_SETTINGS : CM_CONTRAST_UNKNOWN;
}
