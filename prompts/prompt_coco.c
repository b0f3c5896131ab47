// SPDX-License-Identifier: Apache-2.0
/* Captions in COCO's format (cocodataset.org, "caption annotations"): images {id, ...}, annotations {id, image_id,
 * caption}. */
#include <stdint.h>
#include <string.h>

#include "core/base/name_table.h"
#include "core/base/progress.h"
#include "prompts/prompt_columns.h"
#include "prompts/prompt_source.h"

typedef struct captioned {
    const char *id, *text;
    double annotation; /* the id of the annotation that text is of */
} captioned;

typedef struct captions {
    captioned *images; /* in the order of the file's list, or of first mention */
    size_t count;
    cm_name_table by_id;
    bool listed;
    cm_arena *out;
} captions;

static cm_status id_text(const json_t *v, const char *what, cm_arena *out, const char **id) {
    if (json_is_string(v)) *id = json_string_value(v);
    else if (json_is_integer(v)) *id = cm_arena_print(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else return cm_fail(CM_EFORMAT, "\"%s\" is no text or whole number", what);
    return cm_arena_check(out);
}

static cm_status add_image(captions *c, const char *id) {
    if (!cm_name_table_add(&c->by_id, id, c->count, NULL))
        return cm_fail(CM_EFORMAT, "image '%.60s' is listed twice", id);
    c->images[c->count++] = (captioned){.id = id};
    return CM_OK;
}

static cm_status list_images(captions *c, const json_t *images) {
    size_t i;
    json_t *image;
    json_array_foreach((json_t *)images, i, image) {
        const char *id = NULL;
        cm_status s = id_text(json_object_get(image, "id"), "id", c->out, &id);
        if (s == CM_OK) s = add_image(c, id);
        if (s != CM_OK) return cm_fail_in(s, "image %zu", i + 1);
    }
    return CM_OK;
}

/* The caption with the lowest annotation id; where ids are missing, the first. */
static cm_status take_caption(captions *c, const json_t *annotation, size_t i, const char *key) {
    const char *id = NULL;
    const json_t *text = json_object_get(annotation, key), *number = json_object_get(annotation, "id");
    CM_TRY(id_text(json_object_get(annotation, "image_id"), "image_id", c->out, &id));
    if (!json_is_string(text)) return cm_fail(CM_EFORMAT, "\"%.60s\" is no text: is this a captions file?", key);
    const cm_name_entry *e = cm_name_table_find(&c->by_id, id);
    if (!e && c->listed) return cm_fail(CM_EFORMAT, "of image '%.60s', which \"images\" lacks", id);
    if (!e) CM_TRY(add_image(c, id));
    captioned *image = &c->images[e ? e->value : c->count - 1];
    const double order = json_is_number(number) ? json_number_value(number) : (double)i;
    if (image->text && image->annotation <= order) return CM_OK;
    image->text = json_string_value(text);
    image->annotation = order;
    return CM_OK;
}

static cm_status read_captions(captions *c, const json_t *coco, const char *key) {
    const json_t *images = json_object_get(coco, "images"), *annotations = json_object_get(coco, "annotations");
    const size_t most = json_array_size(images) + json_array_size(annotations);
    size_t i;
    json_t *annotation;
    c->listed = json_is_array(images);
    c->images = CM_PUSH_ZERO(c->out, captioned, most + 1);
    CM_TRY(cm_name_table_init(&c->by_id, most + 1, c->out));
    CM_TRY(cm_arena_check(c->out));
    CM_TRY(list_images(c, images));
    json_array_foreach((json_t *)annotations, i, annotation) {
        const cm_status s = take_caption(c, annotation, i, key);
        if (s != CM_OK) return cm_fail_in(s, "annotation %zu", i + 1);
    }
    return CM_OK;
}

static cm_status caption_key(const json_t *coco, const char *given, const char **key) {
    const char *names[64 + 1] = {NULL}, *name;
    json_t *value;
    size_t n = 0, which;
    json_object_foreach(json_array_get(json_object_get(coco, "annotations"), 0), name, value)
        if (n < 64) names[n++] = name;
    CM_TRY(cm_prompt_column_choose(given, names, &which));
    *key = names[which];
    return CM_OK;
}

static cm_status add_entries(cm_prompt_source *s, const captions *c, const char *path, cm_arena *out) {
    size_t without = 0;
    for (size_t i = 0; i < c->count; i++) {
        without += !c->images[i].text;
        if (!c->images[i].text) continue;
        json_t *entry = json_pack("{s:s, s:s}", "id", c->images[i].id, "prompt", c->images[i].text);
        if (!entry) return cm_fail(CM_ENOMEM, "out of memory");
        CM_TRY(cm_prompt_source_add(s, out, entry, i + 1));
    }
    if (without)
        cm_warn("%s: %zu image%s no caption and %s left out", path, without, without == 1 ? " has" : "s have",
                without == 1 ? "is" : "are");
    return CM_OK;
}

cm_status cm_prompt_source_coco(cm_prompt_source *source, const char *path, const json_t *coco,
                                const cm_prompt_reading *how, cm_arena *out) {
    captions c = {.out = out};
    const char *key = NULL;
    const size_t all = json_array_size(json_object_get(coco, "annotations"));
    if (all == 0) return CM_OK;
    cm_status s = caption_key(coco, how->column, &key);
    if (s == CM_OK) s = read_captions(&c, coco, key);
    if (s == CM_OK) s = add_entries(source, &c, path, out);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    const size_t taken = json_array_size(source->entries);
    if (taken < all)
        cm_note("%s: of %zu captions the first of each image is taken, by annotation id: %zu", path, all, taken);
    return CM_OK;
}
