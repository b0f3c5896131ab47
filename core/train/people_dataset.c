// SPDX-License-Identifier: Apache-2.0
#include "core/train/people_dataset.h"

#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/rng.h"
#include "core/io/jsonl.h"

static void read_settings(cm_people_dataset *c, const json_t *recipe) {
    *c = (cm_people_dataset){.seed = cm_json_size_or(recipe, "people_seed", 1),
                             .width = cm_json_size_or(recipe, "width", 64),
                             .height = cm_json_size_or(recipe, "height", 96),
                             .options = {.simple = cm_json_bool_or(recipe, "simple", false)}};
}

static cm_status check_sides(const cm_people_dataset *c) {
    if (c->width % 16 == 0 && c->height % 16 == 0 && c->width && c->height && c->width <= 1024 && c->height <= 1024)
        return CM_OK;
    return cm_fail(CM_EUSAGE, "width and height must be multiples of 16 up to 1024, not %zux%zu", c->width, c->height);
}

cm_status cm_people_dataset_init(cm_people_dataset *c, const json_t *recipe, const char *set, size_t count,
                                 cm_arena *out) {
    read_settings(c, recipe);
    c->set = set;
    c->count = count;
    static const char *const pairs[] = {"all", "seen", "held-out", NULL};
    const char *wanted = cm_json_text_or(recipe, "pairs", "all");
    size_t which = 0;
    while (pairs[which] && strcmp(pairs[which], wanted) != 0) which++;
    if (!pairs[which]) return cm_unknown_choice("pairs", wanted, pairs);
    c->options.pairs = (cm_people_pairs)which;
    if (count == 0) return cm_fail(CM_EUSAGE, "people: at least one is needed");
    CM_TRY(check_sides(c));
    const size_t pixels = c->width * c->height;
    c->drawn = CM_PUSH_ZERO(out, bool, count);
    c->pictures = CM_PUSH(out, uint8_t, count * pixels * 3);
    c->classes = CM_PUSH(out, uint8_t, count * pixels);
    c->groups = CM_PUSH(out, uint8_t, count * pixels);
    return cm_arena_check(out);
}

/* What only drawing reads would change nothing. */
static cm_status check_keys(const json_t *recipe) {
    if (cm_json_bool_or(recipe, "simple", false))
        return cm_fail(CM_EUSAGE, "simple: goes with drawn people, not with data from a folder");
    if (strcmp(cm_json_text_or(recipe, "pairs", "all"), "all") != 0)
        return cm_fail(CM_EUSAGE, "pairs: goes with drawn people, not with data from a folder");
    return CM_OK;
}

static cm_status read_set(cm_people_dataset *c, const json_t *recipe, const char *folder, cm_labelled_needs needs,
                          cm_arena *out) {
    cm_labelled_set *set = CM_PUSH_ZERO(out, cm_labelled_set, 1);
    CM_TRY(cm_arena_check(out));
    CM_TRY(check_keys(recipe));
    read_settings(c, recipe);
    CM_TRY(check_sides(c));
    needs.width = c->width;
    needs.height = c->height;
    needs.seed = c->seed;
    CM_TRY(cm_labelled_open(set, folder, &needs, out));
    c->data = set;
    return CM_OK;
}

cm_status cm_people_dataset_open(cm_people_dataset *c, const json_t *recipe, const cm_labelled_needs *needs,
                                 size_t most, size_t batch, cm_arena *out) {
    const char *folder = cm_json_text_or(recipe, "data", "");
    if (most < batch) return cm_fail(CM_EUSAGE, "people must be at least the batch (%zu)", batch);
    if (!folder[0]) return cm_people_dataset_init(c, recipe, "train", most - most % batch, out);
    CM_TRY(read_set(c, recipe, folder, *needs, out));
    const cm_labelled_set *set = c->data;
    const size_t there = set->count < most ? set->count : most, count = there - there % batch;
    if (count == 0) return cm_fail(CM_EUSAGE, "%s: %zu people; a batch has %zu", set->labels, set->count, batch);
    if (count < there)
        cm_note("%s: the first %zu of %zu people are trained on: a multiple of the batch", set->labels, count,
                set->count);
    CM_TRY(cm_people_dataset_init(c, recipe, "train", count, out));
    c->data = set;
    if (!set->has_classes) c->classes = NULL;
    if (!set->has_groups) c->groups = NULL;
    return CM_OK;
}

uint64_t cm_people_dataset_seed(const cm_people_dataset *c, size_t i) {
    if (c->data) return c->data->people[i].seed;
    char id[64];
    snprintf(id, sizeof id, "%s/%zu", c->set, i);
    return cm_seed_for(c->seed, id);
}

void cm_people_dataset_person(const cm_people_dataset *c, size_t i, cm_person *p) {
    cm_person_sample(p, &c->options, cm_people_dataset_seed(c, i));
}

static cm_status make_drawing(const cm_people_dataset *c, size_t i, cm_arena *scratch, cm_drawing *d) {
    cm_person p;
    if (c->data) return cm_labelled_read(c->data, i, scratch, d);
    cm_people_dataset_person(c, i, &p);
    return cm_person_draw(&p, c->width, c->height, scratch, d);
}

cm_status cm_people_dataset_draw(cm_people_dataset *c, size_t i, cm_arena *scratch) {
    if (c->drawn[i]) return CM_OK;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const size_t pixels = c->width * c->height;
    cm_drawing d;
    const cm_status s = make_drawing(c, i, scratch, &d);
    if (s == CM_OK) {
        memcpy(c->pictures + i * pixels * 3, d.picture.pixels, pixels * 3);
        if (c->classes) memcpy(c->classes + i * pixels, d.classes.pixels, pixels);
        if (c->groups) memcpy(c->groups + i * pixels, d.groups.pixels, pixels);
        c->drawn[i] = true;
    }
    cm_arena_reset(scratch, mark);
    return s;
}

void cm_people_dataset_pixels(const cm_people_dataset *c, size_t i, float *out) {
    const size_t values = c->width * c->height * 3;
    const cm_image picture = {c->width, c->height, 3, c->pictures + i * values};
    cm_image_to_float(&picture, out);
}
