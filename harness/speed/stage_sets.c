// SPDX-License-Identifier: Apache-2.0
#include "harness/speed/stage_sets.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/safetensors.h"
#include "metrics/dot_blocks.h"
#include "metrics/frechet_score.h"

const char *const cm_sets_stages[] = {"frechet", "kid", "prdc", "cmmd", NULL};

/* The distance alone, without the interval that the score has. */
static cm_status frechet_alone(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    cm_frechet_side side;
    double value;
    CM_TRY(cm_frechet_prepare_rows(s->y, s->m, s->width, scratch, &side));
    CM_TRY(cm_frechet_distance(&side, s->x, NULL, s->n, scratch, &value));
    cm_set_value(out, "", value);
    return CM_OK;
}

struct cm_sets_stage {
    cm_safetensors *file;
    cm_set_score *score;
    cm_sets sets;
    cm_set_values values;
    cm_arena arena, scratch;
};

static cm_status read_side(cm_sets_stage *s, const char *name, const float **values, size_t *rows) {
    const cm_stored *t = cm_safetensors_find(s->file, name);
    if (!t || t->ndim != 2 || t->dtype != CM_F32) return cm_fail(CM_EFORMAT, "no tensor '%s' [n,width] of f32", name);
    if (s->sets.width && s->sets.width != t->shape[1])
        return cm_fail(CM_EFORMAT, "'%s' has %zu features, the other side %zu", name, t->shape[1], s->sets.width);
    s->sets.width = t->shape[1];
    *rows = t->shape[0];
    float *copy = CM_PUSH(&s->arena, float, t->count + 1);
    CM_TRY(cm_arena_check(&s->arena));
    cm_to_float(t->dtype, t->data, t->count, copy);
    *values = copy;
    return CM_OK;
}

static cm_status open_stage(cm_sets_stage *s, const char *stage, const char *inputs) {
    static cm_set_score *const scores[] = {frechet_alone, cm_score_kid, cm_score_prdc, cm_score_cmmd};
    for (size_t i = 0; cm_sets_stages[i]; i++)
        if (strcmp(cm_sets_stages[i], stage) == 0) s->score = scores[i];
    if (!s->score) return cm_fail(CM_EUSAGE, "no stage '%s' of sets", stage);
    CM_TRY(cm_safetensors_open(&s->file, inputs));
    cm_status status = read_side(s, "x", &s->sets.x, &s->sets.n);
    if (status == CM_OK) status = read_side(s, "y", &s->sets.y, &s->sets.m);
    return status == CM_OK ? status : cm_fail_in(status, "%s", inputs);
}

cm_status cm_sets_stage_open(cm_sets_stage **out, const char *stage, const char *inputs) {
    cm_sets_stage *s = calloc(1, sizeof *s);
    if (!s) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&s->arena, 0);
    cm_arena_init(&s->scratch, 0);
    cm_blas_all_threads();
    const cm_status status = open_stage(s, stage, inputs);
    if (status == CM_OK) *out = s;
    else cm_sets_stage_close(&s);
    return status;
}

void cm_sets_stage_close(cm_sets_stage **s) {
    if (!*s) return;
    cm_safetensors_close(&(*s)->file);
    cm_arena_free(&(*s)->arena);
    cm_arena_free(&(*s)->scratch);
    free(*s);
    *s = NULL;
}

cm_status cm_sets_stage_run(cm_sets_stage *s, double *seconds) {
    const double start = cm_now();
    cm_arena_clear(&s->scratch);
    s->values = (cm_set_values){0};
    CM_TRY(s->score(&s->sets, &s->scratch, &s->values));
    *seconds = cm_now() - start;
    return CM_OK;
}

cm_status cm_sets_stage_write(const cm_sets_stage *s, const char *path) {
    float values[CM_SET_PARTS];
    const size_t shape[1] = {s->values.count};
    for (size_t i = 0; i < s->values.count; i++) values[i] = (float)s->values.parts[i].value;
    const cm_store_item item = {.name = "values", .dtype = CM_F32, .ndim = 1, .shape = shape, .floats = values};
    return cm_safetensors_write(path, &item, 1, NULL);
}
