// SPDX-License-Identifier: Apache-2.0
/* The attention that each group's words keep, layer by layer: means over images. */
#include <string.h>

#include "harness/scores/evaluation_finish_parts.h"

/* Sums over the images that have the group, in shares of all attention. */
typedef struct kept_sums {
    size_t layers, images, lost; /* lost: images that lack the region */
    double area, *all, *inside;  /* [layers]; area, inside: over the images that have the region */
} kept_sums;

static void add_list(const json_t *list, size_t layers, double *sums) {
    for (size_t i = 0; i < layers; i++) sums[i] += json_number_value(json_array_get(list, i)) / 1e6;
}

static void add_image(const json_t *kept, kept_sums *s) {
    const json_t *inside = json_object_get(kept, "inside"), *area = json_object_get(kept, "area");
    if (json_array_size(json_object_get(kept, "all")) != s->layers) return;
    s->images++;
    add_list(json_object_get(kept, "all"), s->layers, s->all);
    if (inside) {
        s->area += json_number_value(area) / 1e6;
        add_list(inside, s->layers, s->inside);
    }
    s->lost += area && !inside;
}

static json_t *means(const double *sums, size_t layers, double n) {
    json_t *list = json_array();
    for (size_t i = 0; i < layers; i++) json_array_append_new(list, json_real(sums[i] / n));
    return list;
}

static cm_status add_group(cm_finish *r, const cm_side *s, const char *group, size_t layers) {
    kept_sums k = {.layers = layers,
                   .all = CM_PUSH_ZERO(&r->arena, double, layers + 1),
                   .inside = CM_PUSH_ZERO(&r->arena, double, layers + 1)};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t row = 0; row < s->count; row++) {
        const json_t *kept = json_object_get(json_object_get(s->lines[row], "kept"), group);
        if (kept) add_image(kept, &k);
    }
    if (k.images == 0) return CM_OK;
    const double seen = (double)(k.images - k.lost);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "kind", "kept", "arm", s->name, "group", group, "n",
                  (json_int_t)k.images, "lost", (json_int_t)k.lost, "all", means(k.all, layers, (double)k.images));
    if (k.area > 0) {
        cm_finish_number(o, "area", k.area / seen);
        json_object_set_new(o, "inside", means(k.inside, layers, seen));
    }
    return cm_finish_add(r, o);
}

/* How many layers the arm's images tell of; 0: none was watched. */
static size_t layers_of(const cm_side *s) {
    for (size_t row = 0; row < s->count; row++) {
        const char *group;
        json_t *kept;
        json_object_foreach(json_object_get(s->lines[row], "kept"), group, kept)
            return json_array_size(json_object_get(kept, "all"));
    }
    return 0;
}

cm_status cm_finish_kept(cm_finish *r) {
    for (size_t a = 0; a < r->arm_count; a++) {
        const size_t layers = layers_of(&r->sides[a]);
        for (int g = CM_GROUP_SHOT; layers && g < CM_GROUPS; g++) {
            const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
            CM_TRY(add_group(r, &r->sides[a], cm_prompt_group_name(g), layers));
            cm_arena_reset(&r->arena, mark);
        }
    }
    return CM_OK;
}
