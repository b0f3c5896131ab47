// SPDX-License-Identifier: Apache-2.0
/* Which images a page shows. A run may have a million of them: their places in the file are kept, and the few that are
 * shown are read again. */
#include <stdlib.h>
#include <string.h>

#include "reports/report_model.h"

static uint64_t hash(const char *text) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

cm_status cm_image_places_add(cm_image_places *p, const json_t *image, long long offset) {
    const json_int_t k = json_integer_value(json_object_get(image, "k"));
    if (k < 0 || k >= CM_SHOWN_EACH) return CM_OK;
    if (p->count == p->room) {
        const size_t room = p->room ? 2 * p->room : 1024;
        cm_image_place *grown = realloc(p->at, room * sizeof *grown);
        if (!grown) return cm_fail(CM_ENOMEM, "out of memory while reading records");
        p->at = grown;
        p->room = room;
    }
    p->at[p->count++] = (cm_image_place){hash(cm_text_of(image, "id")), hash(cm_text_of(image, "arm")), offset,
                                         (unsigned char)k, json_array_size(json_object_get(image, "attention")) > 0};
    return CM_OK;
}

typedef struct choice {
    size_t count, arm; /* arm: the first that has images */
    uint64_t ids[2 * CM_SHOWN_PROMPTS];
    size_t shown[CM_SHOWN_PROMPTS], illustrated[CM_SHOWN_PROMPTS]; /* indices of ids */
    const json_t **images;                                         /* [count,arms] */
} choice;

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* count: none. */
static size_t find(const uint64_t *list, size_t count, uint64_t value) {
    size_t i = 0;
    while (i < count && list[i] != value) i++;
    return i;
}

static size_t choose(choice *c, uint64_t id) {
    const size_t i = find(c->ids, c->count, id);
    if (i == c->count) c->ids[c->count++] = id;
    return i;
}

static size_t first_arm(const cm_report_model *r, const cm_image_places *p) {
    for (size_t a = 0; a < r->arm_count; a++) {
        const uint64_t arm = hash(r->arms[a]);
        for (size_t i = 0; i < p->count; i++)
            if (p->at[i].arm == arm) return a;
    }
    return 0;
}

/* The first prompts of the first arm with images, and the first of those of which any arm has maps. */
static cm_status choose_prompts(cm_report_model *r, const cm_image_places *p, choice *c) {
    uint64_t *with_maps = CM_PUSH(&r->arena, uint64_t, p->count + 1);
    size_t maps = 0;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].has_maps) with_maps[maps++] = p->at[i].id;
    qsort(with_maps, maps, sizeof *with_maps, compare);
    c->arm = first_arm(r, p);
    const uint64_t first = hash(r->arms[c->arm]);
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].arm != first || p->at[i].k) continue;
        const uint64_t id = p->at[i].id;
        if (r->image_count++ < CM_SHOWN_PROMPTS) c->shown[r->image_count - 1] = choose(c, id);
        if (!bsearch(&id, with_maps, maps, sizeof *with_maps, compare)) continue;
        if (r->illustrated_count++ < CM_SHOWN_PROMPTS) c->illustrated[r->illustrated_count - 1] = choose(c, id);
    }
    return CM_OK;
}

static cm_status read_chosen(cm_report_model *r, const cm_image_places *p, choice *c, cm_record_lines *lines) {
    uint64_t *arms = CM_PUSH(&r->arena, uint64_t, r->arm_count);
    c->images = CM_PUSH_ZERO(&r->arena, const json_t *, c->count * r->arm_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->arm_count; a++) arms[a] = hash(r->arms[a]);
    for (size_t i = 0; i < p->count; i++) {
        const size_t id = find(c->ids, c->count, p->at[i].id);
        if (id == c->count) continue;
        const size_t arm = find(arms, r->arm_count, p->at[i].arm);
        if (arm == r->arm_count || (!p->at[i].k && c->images[id * r->arm_count + arm])) continue;
        const json_t *image = NULL;
        CM_TRY(cm_record_lines_again(lines, p->at[i].offset, &image));
        if (!image) return cm_fail(CM_EIO, "the records have changed while they were read");
        if (json_array_append(r->images, (json_t *)image) != 0)
            return cm_fail(CM_ENOMEM, "out of memory while reading records");
        if (!p->at[i].k) c->images[id * r->arm_count + arm] = image;
        CM_TRY(cm_report_model_index_image(r, image));
    }
    return CM_OK;
}

static cm_status list_of(cm_report_model *r, const choice *c, const size_t *chosen, size_t count, cm_row_list *list) {
    list->count = count < CM_SHOWN_PROMPTS ? count : CM_SHOWN_PROMPTS;
    list->at = CM_PUSH(&r->arena, const json_t *, list->count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < list->count; i++) list->at[i] = c->images[chosen[i] * r->arm_count + c->arm];
    return CM_OK;
}

cm_status cm_report_model_read_images(cm_report_model *r, const cm_image_places *p, cm_record_lines *lines) {
    choice c = {0};
    if (r->arm_count == 0) return CM_OK;
    CM_TRY(choose_prompts(r, p, &c));
    CM_TRY(read_chosen(r, p, &c, lines));
    CM_TRY(list_of(r, &c, c.shown, r->image_count, &r->shown));
    return list_of(r, &c, c.illustrated, r->illustrated_count, &r->illustrated);
}
