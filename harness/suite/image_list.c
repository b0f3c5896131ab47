// SPDX-License-Identifier: Apache-2.0
#include "harness/suite/image_list.h"

void cm_image_list_close(cm_image_list *l) {
    cm_picture_source_close(&l->source);
    *l = (cm_image_list){0};
}

static size_t place(const cm_image_list *l, size_t i) {
    return l->at ? l->at[i] : i;
}

bool cm_image_list_has(const cm_image_list *l, size_t i) {
    return l->source ? place(l, i) != CM_NO_IMAGE : true;
}

const char *cm_image_list_id(const cm_image_list *l, size_t i, cm_arena *out) {
    if (l->source) return cm_picture_source_id(l->source, place(l, i));
    return l->drawn ? cm_arena_print(out, "%llu", (unsigned long long)(l->drawn->seed + i)) : l->files[i];
}

const char *cm_image_list_path(const cm_image_list *l, size_t i, cm_arena *out) {
    if (l->source) return cm_picture_source_path(l->source, place(l, i));
    return l->drawn ? cm_arena_print(out, "drawing %llu", (unsigned long long)(l->drawn->seed + i)) : l->files[i];
}

const char *cm_image_list_hash(const cm_image_list *l, cm_arena *out) {
    if (l->source) return cm_picture_source_hash(l->source);
    if (!l->drawn) return "";
    return cm_arena_print(out, "drawn:%llu+%zu%s", (unsigned long long)l->drawn->seed, l->drawn->count,
                          l->drawn->simple ? ":simple" : "");
}

void cm_image_list_person(const cm_image_list *l, size_t i, cm_person *p) {
    const cm_people_options options = {.simple = l->drawn->simple};
    cm_person_sample(p, &options, l->drawn->seed + i);
}

static cm_status draw(const cm_image_list *l, size_t i, cm_arena *out, cm_image *image, cm_image *classes) {
    cm_person p;
    cm_drawing d;
    cm_image_list_person(l, i, &p);
    CM_TRY(cm_person_draw(&p, l->width, l->height, out, &d));
    *image = d.picture;
    if (classes) *classes = d.classes;
    return CM_OK;
}

cm_status cm_image_list_read(const cm_image_list *l, size_t i, cm_arena *out, cm_image *image, cm_image *classes) {
    if (classes) *classes = (cm_image){0};
    if (l->drawn) return draw(l, i, out, image, classes);
    if (l->source) return cm_picture_source_read(l->source, place(l, i), out, image);
    const char *path = cm_arena_print(out, "%s/%s", l->folder, l->files[i]);
    CM_TRY(cm_arena_check(out));
    return cm_image_read(path, 3, out, image);
}
