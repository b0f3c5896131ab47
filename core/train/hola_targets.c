// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola_targets.h"

#include <string.h>

const char *cm_hola_phrase_name(size_t phrase) {
    return phrase == 0 ? "shot" : cm_groups[phrase - 1].name;
}

static size_t phrase_index(const cm_phrase *p) {
    return (size_t)(p->group + 1);
}

/* The map that tells the phrase's region, and which of its labels do. */
static const uint8_t *labels_of(const cm_hola_rules *r, const cm_people_dataset *dataset, size_t person,
                                const cm_phrase *p, bool chosen[256]) {
    const size_t pixels = dataset->height * dataset->width;
    if (r->own_regions && p->group > 2) {
        memset(chosen, 0, 256 * sizeof *chosen);
        chosen[1 + p->group] = true;
        return dataset->groups + person * pixels;
    }
    cm_region_classes(p->classes, chosen);
    return dataset->classes + person * pixels;
}

static double sum_of(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

/* --- what is there --------------------------------------------------------------- */

static cm_status look_at_phrase(const cm_hola_rules *r, const cm_hola *h, const cm_people_dataset *dataset,
                                size_t person, const cm_phrase *p, cm_arena *scratch, cm_hola_survey *s) {
    bool chosen[256];
    const uint8_t *map = labels_of(r, dataset, person, p, chosen);
    const size_t pixels = dataset->height * dataset->width, at = phrase_index(p);
    size_t area = 0;
    for (size_t i = 0; i < pixels; i++) area += chosen[map[i]];
    if (area == 0) s->hidden[at]++;
    if (area == 0) return CM_OK;
    s->cases[at]++;
    for (size_t k = 0; k < h->config.factor_count; k++) {
        const size_t cells = h->sizes[k].height * h->sizes[k].width;
        float *target = CM_PUSH(scratch, float, cells);
        CM_TRY(cm_arena_check(scratch));
        cm_region_at(r->masks, map, dataset->height, dataset->width, chosen, h->sizes[k].height, h->sizes[k].width,
                     target);
        s->small[at][k] += area * cells < pixels;
        s->lost[at][k] += sum_of(target, cells) <= 0;
    }
    return CM_OK;
}

static cm_status look_at_person(const cm_hola_rules *r, const cm_hola *h, const cm_tokenizer *t,
                                cm_people_dataset *dataset, size_t i, cm_arena *scratch, cm_hola_survey *s) {
    cm_caption c;
    CM_TRY(cm_people_dataset_draw(dataset, i, scratch));
    CM_TRY(cm_caption_of(t, dataset, i, CM_CAPTION_DENSE, cm_people_dataset_seed(dataset, i), 0, scratch, &c));
    for (size_t k = 0; k < c.dense.count; k++)
        if (c.dense.phrases[k].classes && r->phrase[phrase_index(&c.dense.phrases[k])])
            CM_TRY(look_at_phrase(r, h, dataset, i, &c.dense.phrases[k], scratch, s));
    return CM_OK;
}

cm_status cm_hola_look(const cm_hola_rules *r, const cm_hola *h, const cm_tokenizer *t, cm_people_dataset *dataset,
                       size_t people, cm_arena *scratch, cm_hola_survey *out) {
    *out = (cm_hola_survey){.people = people < dataset->count ? people : dataset->count};
    for (size_t i = 0; i < out->people; i++) {
        const cm_arena_mark mark = cm_arena_get_mark(scratch);
        CM_TRY(look_at_person(r, h, t, dataset, i, scratch, out));
        cm_arena_reset(scratch, mark);
    }
    for (size_t p = 0; p < CM_HOLA_PHRASES; p++)
        for (size_t k = 0; k < h->config.factor_count; k++)
            out->left_out[p][k] = (double)(out->cases[p] - out->small[p][k]) < r->least_share * (double)out->cases[p];
    return CM_OK;
}

/* --- targets ---------------------------------------------------------------------- */

/* h / max(1, sum over tokens of h), cell by cell. */
static void share_cells(cm_hola_group *groups, float *const (*targets)[CM_HOLA_MAX_SIZES], size_t count, size_t size,
                        size_t cells) {
    for (size_t c = 0; c < cells; c++) {
        double claimed = 0;
        for (size_t i = 0; i < count; i++)
            if (targets[i][size]) claimed += (double)targets[i][size][c] * (double)(groups[i].end - groups[i].begin);
        for (size_t i = 0; i < count && claimed > 1; i++)
            if (targets[i][size]) targets[i][size][c] = (float)((double)targets[i][size][c] / claimed);
    }
}

/* One phrase's target at one size; NULL: it has none there. */
static cm_status make_target(const cm_hola_rules *r, const cm_hola_survey *s, const cm_hola *h,
                             const cm_people_dataset *dataset, size_t person, const cm_phrase *p, size_t size,
                             cm_arena *out, float **target) {
    bool chosen[256];
    const cm_attention_size at = h->sizes[size];
    *target = NULL;
    if (s->left_out[phrase_index(p)][size]) return CM_OK;
    const uint8_t *map = labels_of(r, dataset, person, p, chosen);
    float *mask = CM_PUSH(out, float, at.height *at.width);
    CM_TRY(cm_arena_check(out));
    cm_region_at(r->masks, map, dataset->height, dataset->width, chosen, at.height, at.width, mask);
    if (r->keep_empty || sum_of(mask, at.height * at.width) > 0) *target = mask;
    return CM_OK;
}

cm_status cm_hola_targets(const cm_hola_rules *r, const cm_hola_survey *s, const cm_hola *h,
                          const cm_people_dataset *dataset, size_t person, const cm_description *caption, cm_arena *out,
                          cm_hola_image *image, size_t *left) {
    cm_hola_group *groups = CM_PUSH_ZERO(out, cm_hola_group, caption->count + 1);
    float *(*targets)[CM_HOLA_MAX_SIZES] = cm_arena_push(out, (caption->count + 1) * sizeof *targets);
    CM_TRY(cm_arena_check(out));
    size_t n = 0;
    *left = 0;
    for (size_t i = 0; i < caption->count; i++) {
        const cm_phrase *p = &caption->phrases[i];
        if (p->token_end <= p->token_begin || p->classes == 0 || !r->phrase[phrase_index(p)]) continue;
        bool any = false;
        memset(targets[n], 0, sizeof targets[n]);
        for (size_t k = 0; k < h->config.factor_count; k++) {
            CM_TRY(make_target(r, s, h, dataset, person, p, k, out, &targets[n][k]));
            any |= targets[n][k] != NULL;
        }
        *left += !any;
        if (any) groups[n++] = (cm_hola_group){.begin = p->token_begin, .end = p->token_end};
    }
    for (size_t k = 0; k < h->config.factor_count; k++) {
        if (r->shared)
            share_cells(groups, (float *const(*)[CM_HOLA_MAX_SIZES])targets, n, k,
                        h->sizes[k].height * h->sizes[k].width);
        for (size_t i = 0; i < n; i++) groups[i].target[k] = targets[i][k];
    }
    *image = (cm_hola_image){n, groups};
    return CM_OK;
}
