// SPDX-License-Identifier: Apache-2.0
#include "harness/drawn.h"

#include <math.h>
#include <string.h>

static void person_of(const cm_drawn_set *set, size_t i, cm_person *p) {
    const cm_people_options options = {.simple = set->simple};
    cm_person_sample(p, &options, set->seed + i);
}

/* --- features ------------------------------------------------------------------- */

typedef struct feature_job {
    const cm_drawn_set *set;
    const cm_scorer *scorer;
    float *features;
} feature_job;

static cm_status draw_features(void *arg, size_t i, cm_worker_place *w) {
    const feature_job *j = arg;
    const size_t f = cm_scorer_width(j->scorer);
    size_t width, height;
    cm_scorer_size(j->scorer, &width, &height);
    cm_person p;
    cm_drawing d;
    cm_look look;
    person_of(j->set, i, &p);
    CM_TRY(cm_person_draw(&p, width, height, &w->scratch, &d));
    CM_TRY(cm_scorer_look(j->scorer, &w->g, &d.picture, NULL, CM_NEED_FEATURES, &w->scratch, &look));
    memcpy(j->features + i * f, look.features, f * sizeof *look.features);
    return CM_OK;
}

cm_status cm_drawn_features(const cm_drawn_set *set, const cm_scorer *scorer, cm_crew *crew, cm_arena *out,
                            float **features) {
    float *x = CM_PUSH(out, float, (set->count + 1) * cm_scorer_width(scorer));
    CM_TRY(cm_arena_check(out));
    feature_job j = {set, scorer, x};
    CM_TRY(cm_crew_run(crew, "reference", set->count, draw_features, &j));
    *features = x;
    return CM_OK;
}

/* --- ceiling ---------------------------------------------------------------------- */

enum { OBJ, TEX, SHAPE, CLIP, PIXELS, IOU, COLUMNS };

typedef struct ceiling_job {
    const cm_suite *suite;
    const cm_scorer *scorer;
    float *features;
    double *columns; /* [COLUMNS][count] */
    size_t count;
} ceiling_job;

/* Share of pixels with the right class, and mean over the classes that the drawing has of intersection over union. */
static void compare_classes(const cm_image *got, const cm_image *want, double *pixels, double *iou) {
    size_t both[CM_CLASSES] = {0}, either[CM_CLASSES] = {0}, there[CM_CLASSES] = {0}, right = 0;
    const size_t n = want->width * want->height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t g = got->pixels[i], w = want->pixels[i];
        there[w]++;
        either[w]++;
        if (g == w) {
            both[w]++;
            right++;
        } else if (g < CM_CLASSES) {
            either[g]++;
        }
    }
    double sum = 0, classes = 0;
    for (size_t c = 0; c < CM_CLASSES; c++) {
        if (!there[c]) continue;
        sum += (double)both[c] / (double)either[c];
        classes++;
    }
    *pixels = 100.0 * (double)right / (double)n;
    *iou = 100.0 * sum / classes;
}

static cm_status look_at_drawing(void *arg, size_t i, cm_worker_place *w) {
    const ceiling_job *j = arg;
    const size_t f = cm_scorer_width(j->scorer);
    size_t width, height;
    cm_scorer_size(j->scorer, &width, &height);
    cm_person p;
    cm_drawing d;
    cm_description text;
    cm_questions q;
    cm_look look;
    cm_accuracy a;
    person_of(&j->suite->ceiling, i, &p);
    CM_TRY(cm_person_draw(&p, width, height, &w->scratch, &d));
    CM_TRY(cm_person_describe(&p, p.seed, 0, &w->scratch, &text));
    CM_TRY(cm_questions_build(&text, &w->scratch, &q));
    CM_TRY(cm_scorer_look(j->scorer, &w->g, &d.picture, text.text, CM_NEED_PARSER | CM_NEED_FEATURES | CM_NEED_CLIP,
                          &w->scratch, &look));
    CM_TRY(cm_accuracy_answer(&q, &look.parsed, &w->scratch, &a));
    for (int kind = 0; kind < 3; kind++) j->columns[(size_t)kind * j->count + i] = cm_accuracy_percent(&a, (cm_slot_kind)kind);
    j->columns[CLIP * j->count + i] = look.clip;
    compare_classes(&look.parsed.classes, &d.classes, &j->columns[PIXELS * j->count + i], &j->columns[IOU * j->count + i]);
    memcpy(j->features + i * f, look.features, f * sizeof *look.features);
    return CM_OK;
}

static void add(json_t *records, const char *score, const cm_interval *v, const char *note) {
    json_array_append_new(records, json_pack("{s:s, s:s, s:f, s:f, s:f, s:I, s:s}", "kind", "ceiling", "score", score, "value",
                                             v->value, "lo", v->lo, "hi", v->hi, "n", (json_int_t)v->n, "note", note));
}

static cm_status add_columns(const ceiling_job *j, cm_arena *scratch, json_t *records) {
    static const struct {
        const char *score, *note;
    } rows[COLUMNS] = {
        {"acc_obj", "the parser on held-out drawings, asked from their own descriptions"},
        {"acc_tex", "the parser on held-out drawings, asked from their own descriptions"},
        {"acc_shape", "the parser on held-out drawings, asked from their own descriptions"},
        {"clip@nano", "held-out drawings with their own descriptions"},
        {"parser_pixels", "percent of pixels with the right class"},
        {"parser_iou", "percent, intersection over union, mean over the classes a drawing has"},
    };
    cm_interval v;
    double *three = CM_PUSH(scratch, double, 3 * j->count);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < 3 * j->count; i++) three[i] = j->columns[i % 3 * j->count + i / 3];
    for (size_t c = 0; c < COLUMNS; c++) {
        if (cm_stats_interval(j->columns + c * j->count, j->count, 1, CM_JUDGE_SEED, scratch, &v) == CM_OK)
            add(records, rows[c].score, &v, rows[c].note);
        if (c == SHAPE && cm_stats_interval(three, j->count, 3, CM_JUDGE_SEED, scratch, &v) == CM_OK)
            add(records, "acc_all", &v, rows[c].note);
    }
    return CM_OK;
}

static cm_status add_floors(const ceiling_job *j, const cm_reference *reference, size_t images, cm_arena *scratch,
                            json_t *records) {
    const size_t n = images < j->count ? images : j->count;
    for (cm_score_index which = CM_SCORE_FD; which <= CM_SCORE_KD; which++) {
        cm_interval v;
        if (cm_judge_distance(j->features, n, reference, which, scratch, &v) != CM_OK) continue;
        add(records, cm_nano_metrics[which].name, &v,
            cm_arena_print(scratch, "the floor at this N: %zu other drawings against the reference", n));
    }
    return cm_arena_check(scratch);
}

static cm_status measure(ceiling_job *j, const cm_reference *reference, size_t images, cm_crew *crew, cm_arena *scratch,
                         json_t *records) {
    j->features = CM_PUSH(scratch, float, j->count * cm_scorer_width(j->scorer));
    j->columns = CM_PUSH(scratch, double, COLUMNS * j->count);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_crew_run(crew, "ceiling", j->count, look_at_drawing, j));
    CM_TRY(add_columns(j, scratch, records));
    return reference->count ? add_floors(j, reference, images, scratch, records) : CM_OK;
}

cm_status cm_drawn_ceiling(const cm_suite *suite, const cm_scorer *scorer, const cm_reference *reference, size_t images,
                           cm_crew *crew, json_t *records) {
    if (suite->ceiling.count == 0) return CM_OK;
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    ceiling_job j = {.suite = suite, .scorer = scorer, .count = suite->ceiling.count};
    const cm_status s = measure(&j, reference, images, crew, &scratch, records);
    cm_arena_free(&scratch);
    return s;
}
