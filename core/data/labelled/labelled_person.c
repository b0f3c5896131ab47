// SPDX-License-Identifier: Apache-2.0
/* One person of a folder: image, maps, caption. */
#include <string.h>

#include "core/data/labelled/labelled.h"
#include "core/labels/phrase_order.h"

static cm_status check_size(const cm_labelled_set *s, const char *path, const cm_image *x) {
    if (x->width == s->needs.width && x->height == s->needs.height) return CM_OK;
    return cm_fail(CM_EFORMAT, "%s: %zux%zu; the recipe's width x height is %zux%zu, and images are not resized", path,
                   x->width, x->height, s->needs.width, s->needs.height);
}

/* most: the largest label */
static cm_status read_map(const char *path, int most, const cm_image *picture, cm_arena *out, cm_image *map) {
    CM_TRY(cm_image_read_labels(path, out, map));
    if (map->width != picture->width || map->height != picture->height)
        return cm_fail(CM_EFORMAT, "%s: %zux%zu, its image is %zux%zu", path, map->width, map->height, picture->width,
                       picture->height);
    for (size_t i = 0; i < map->width * map->height; i++)
        if (map->pixels[i] > most)
            return cm_fail(CM_EFORMAT, "%s: the label %d at column %zu, row %zu; labels are 0 to %d", path,
                           map->pixels[i], i % map->width, i / map->width, most);
    return CM_OK;
}

cm_status cm_labelled_read(const cm_labelled_set *s, size_t i, cm_arena *out, cm_drawing *d) {
    const cm_labelled_person *p = &s->people[i];
    *d = (cm_drawing){0};
    cm_status status = cm_image_read(p->image, 3, out, &d->picture);
    if (status == CM_OK) status = check_size(s, p->image, &d->picture);
    if (status == CM_OK && s->has_classes) status = read_map(p->classes, CM_CLASSES - 1, &d->picture, out, &d->classes);
    if (status == CM_OK && s->has_groups) status = read_map(p->groups, CM_GROUPS, &d->picture, out, &d->groups);
    return status == CM_OK ? CM_OK : cm_fail_in(status, "%s:%zu", s->labels, p->line);
}

/* --- captions ------------------------------------------------------------------------ */

static cm_status add_phrase(const cm_labelled_person *p, const cm_labelled_phrase *from, cm_arena *out, cm_phrase *to) {
    *to = (cm_phrase){.group = from->group, .classes = from->classes, .begin = from->begin, .end = from->end};
    to->text = cm_arena_print(out, "%.*s", (int)(from->end - from->begin), p->description + from->begin);
    return cm_arena_check(out);
}

/* The chosen phrases' texts, joined, with their new places. */
static cm_status join(cm_description *d, cm_arena *out) {
    size_t at = 0;
    for (size_t i = 0; i < d->count; i++) at += d->phrases[i].end - d->phrases[i].begin + 2;
    d->text = CM_PUSH_ZERO(out, char, at + 1);
    CM_TRY(cm_arena_check(out));
    at = 0;
    for (size_t i = 0; i < d->count; i++) {
        cm_phrase *p = &d->phrases[i];
        const size_t n = p->end - p->begin;
        if (i) memcpy(d->text + at, ", ", 2);
        p->begin = at + (i ? 2 : 0);
        p->end = p->begin + n;
        memcpy(d->text + p->begin, p->text, n);
        at = p->end;
    }
    return CM_OK;
}

cm_status cm_labelled_describe(const cm_labelled_set *s, size_t i, uint64_t seed, double drop, cm_arena *out,
                               cm_description *d) {
    const cm_labelled_person *p = &s->people[i];
    const bool as_it_stands = drop <= 0 && seed == p->seed;
    int groups[CM_GROUPS + 1];
    size_t order[CM_GROUPS + 1];
    memset(d, 0, sizeof *d);
    for (size_t k = 0; k < p->phrase_count; k++) groups[k] = p->phrases[k].group;
    d->count = cm_phrase_order(groups, p->phrase_count, seed, drop, order);
    for (size_t k = 0; k < d->count; k++)
        CM_TRY(add_phrase(p, &p->phrases[as_it_stands ? k : order[k]], out, &d->phrases[k]));
    if (!as_it_stands) return join(d, out);
    d->text = cm_arena_string(out, p->description ? p->description : "");
    return cm_arena_check(out);
}
