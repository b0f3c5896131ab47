// SPDX-License-Identifier: Apache-2.0
#include "core/train/crowd.h"

#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/rng.h"
#include "core/io/jsonl.h"

cm_status cm_crowd_init(cm_crowd *c, const json_t *recipe, const char *set, size_t count, cm_arena *out) {
    *c = (cm_crowd){.seed = cm_json_size_or(recipe, "people_seed", 1),
                    .set = set,
                    .count = count,
                    .width = cm_json_size_or(recipe, "width", 64),
                    .height = cm_json_size_or(recipe, "height", 96),
                    .options = {.simple = cm_json_bool_or(recipe, "simple", false)}};
    static const char *const pairs[] = {"all", "seen", "held-out", NULL};
    const char *wanted = cm_json_text_or(recipe, "pairs", "all");
    size_t which = 0;
    while (pairs[which] && strcmp(pairs[which], wanted) != 0) which++;
    if (!pairs[which]) return cm_unknown_choice("pairs", wanted, pairs);
    c->options.pairs = (cm_people_pairs)which;
    if (count == 0) return cm_fail(CM_EUSAGE, "people: at least one is needed");
    if (c->width % 16 || c->height % 16 || c->width == 0 || c->height == 0 || c->width > 1024 || c->height > 1024)
        return cm_fail(CM_EUSAGE, "width and height must be multiples of 16 up to 1024, not %zux%zu", c->width, c->height);
    const size_t pixels = c->width * c->height;
    c->drawn = CM_PUSH_ZERO(out, bool, count);
    c->pictures = CM_PUSH(out, uint8_t, count * pixels * 3);
    c->classes = CM_PUSH(out, uint8_t, count * pixels);
    c->groups = CM_PUSH(out, uint8_t, count * pixels);
    return cm_arena_check(out);
}

uint64_t cm_crowd_seed(const cm_crowd *c, size_t i) {
    char id[64];
    snprintf(id, sizeof id, "%s/%zu", c->set, i);
    return cm_seed_for(c->seed, id);
}

void cm_crowd_person(const cm_crowd *c, size_t i, cm_person *p) {
    cm_person_sample(p, &c->options, cm_crowd_seed(c, i));
}

cm_status cm_crowd_draw(cm_crowd *c, size_t i, cm_arena *scratch) {
    if (c->drawn[i]) return CM_OK;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_person p;
    cm_drawing d;
    cm_crowd_person(c, i, &p);
    const cm_status s = cm_person_draw(&p, c->width, c->height, scratch, &d);
    if (s == CM_OK) {
        const size_t pixels = c->width * c->height;
        memcpy(c->pictures + i * pixels * 3, d.picture.pixels, pixels * 3);
        memcpy(c->classes + i * pixels, d.classes.pixels, pixels);
        memcpy(c->groups + i * pixels, d.groups.pixels, pixels);
        c->drawn[i] = true;
    }
    cm_arena_reset(scratch, mark);
    return s;
}

void cm_crowd_pixels(const cm_crowd *c, size_t i, float *out) {
    const size_t values = c->width * c->height * 3;
    const cm_image picture = {c->width, c->height, 3, c->pictures + i * values};
    cm_image_to_float(&picture, out);
}
