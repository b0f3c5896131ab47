// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola_reach.h"

#include "core/train/init_weights.h"

typedef struct reaching {
    cm_hola h;
    cm_people_dataset dataset;
    cm_tokenizer *tokenizer;
    cm_arena arena, scratch;
} reaching;

/* The phrase whose tokens these are. */
static size_t phrase_of(const cm_description *d, const cm_hola_group *g) {
    for (size_t i = 0; i < d->count; i++)
        if (d->phrases[i].token_begin == g->begin) return (size_t)(d->phrases[i].group + 1);
    return 0;
}

static cm_status add_size(reaching *r, const cm_hola_image *image, const cm_description *d, size_t k,
                          cm_hola_reach *out) {
    const size_t cells = out->sizes[k].height * out->sizes[k].width;
    double *kept = CM_PUSH(&r->scratch, double, image->count + 1);
    cm_hola_bounds b;
    CM_TRY(cm_arena_check(&r->scratch));
    if (cm_hola_share(&r->h.config, image, k, cells) <= 0) return CM_OK;
    CM_TRY(cm_hola_floor(&r->h.config, image, k, cells, cm_tokenizer_length(r->tokenizer), &r->scratch, &b, kept));
    out->images[k]++;
    out->bounds[k].floor += b.floor;
    out->bounds[k].even += b.even;
    for (size_t i = 0; i < image->count; i++) {
        const size_t p = phrase_of(d, &image->groups[i]);
        out->kept[p][k] += kept[i] / (double)cells;
        for (size_t c = 0; c < cells && image->groups[i].target[k]; c++)
            out->region[p][k] += (double)image->groups[i].target[k][c] / (double)cells;
    }
    return CM_OK;
}

static cm_status add_person(reaching *r, size_t i, cm_hola_reach *out) {
    cm_caption c;
    cm_hola_image image;
    size_t left;
    CM_TRY(cm_caption_of(r->tokenizer, &r->dataset, i, CM_CAPTION_DENSE, cm_people_dataset_seed(&r->dataset, i), 0,
                         &r->scratch, &c));
    CM_TRY(cm_hola_targets(&out->settings.rules, &out->survey, &r->h, &r->dataset, i, &c.dense, &r->scratch, &image,
                           &left));
    for (size_t k = 0; k < r->h.config.factor_count; k++) CM_TRY(add_size(r, &image, &c.dense, k, out));
    return CM_OK;
}

static cm_status measure(reaching *r, const json_t *recipe, size_t people, cm_hola_reach *out) {
    char *folder;
    CM_TRY(cm_recipe_folder(recipe, "tokenizer", "nano/tokenizer", &r->arena, &folder));
    CM_TRY(cm_tokenizer_open(&r->tokenizer, folder));
    const cm_labelled_needs needs = {.phrases = true,
                                     .classes = CM_NEEDED,
                                     .groups = out->settings.rules.own_regions ? CM_NEEDED : CM_NOT_NEEDED};
    CM_TRY(cm_people_dataset_open(&r->dataset, recipe, &needs, people, 1, &r->arena));
    people = r->dataset.count;
    cm_hola_init(&r->h, &out->settings.loss, r->dataset.height, r->dataset.width);
    for (size_t k = 0; k < r->h.config.factor_count; k++) out->sizes[k] = r->h.sizes[k];
    CM_TRY(cm_hola_look(&out->settings.rules, &r->h, r->tokenizer, &r->dataset, people, &r->scratch, &out->survey));
    for (size_t i = 0; i < people; i++) {
        const cm_arena_mark mark = cm_arena_get_mark(&r->scratch);
        CM_TRY(add_person(r, i, out));
        cm_arena_reset(&r->scratch, mark);
    }
    for (size_t k = 0; k < r->h.config.factor_count; k++) {
        const double n = out->images[k] ? (double)out->images[k] : 1;
        out->bounds[k].floor /= n;
        out->bounds[k].even /= n;
        for (size_t p = 0; p < CM_HOLA_PHRASES; p++) out->region[p][k] /= n, out->kept[p][k] /= n;
    }
    return CM_OK;
}

cm_status cm_hola_reach_measure(const json_t *recipe, size_t people, cm_hola_reach *out) {
    *out = (cm_hola_reach){0};
    CM_TRY(cm_hola_settings_read(recipe, &out->settings));
    reaching r = {0};
    cm_arena_init(&r.arena, 0);
    cm_arena_init(&r.scratch, 0);
    const cm_status s = measure(&r, recipe, people, out);
    cm_tokenizer_close(&r.tokenizer);
    cm_arena_free(&r.scratch);
    cm_arena_free(&r.arena);
    return s;
}
