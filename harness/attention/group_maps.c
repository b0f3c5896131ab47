// SPDX-License-Identifier: Apache-2.0
#include "harness/attention/group_maps.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "core/networks/attention_size.h"
#include "harness/attention/bitmap_font.h"
#include "harness/attention/overlay.h"
#include "prompts/prompt_set.h"
#include "prompts/read_groups.h"

enum { FACTOR = 16, MAX_SITES = 256, MAX_SIZES = 16, TILE = 96, GAP = 4, LETTERS = 2 };

/* --- before --------------------------------------------------------------- */

static cm_status find_groups(cm_group_maps *m, const cm_tokenizer *t, const char *prompt, cm_arena *arena) {
    cm_tokens tokens;
    CM_TRY(cm_read_groups(prompt, arena, &m->dense));
    CM_TRY(cm_tokenize(t, prompt, arena, &tokens));
    for (size_t i = 0; i < m->dense.count; i++) {
        const cm_phrase *p = &m->dense.phrases[i];
        const cm_token_span s = cm_tokens_of(&tokens, p->begin, p->end);
        if (s.end == 0) continue;
        m->phrases[m->count] = p;
        m->spans[m->count++] = s;
    }
    return m->count ? CM_OK : cm_fail(CM_EUNDEFINED, "no group of the prompt has tokens that the model reads");
}

static cm_status count_layers(cm_group_maps *m, const cm_model *model, const cm_capture_plan *plan, cm_arena *arena) {
    cm_attention_site *sites = CM_PUSH(arena, cm_attention_site, MAX_SITES);
    const size_t factor = cm_vae_factor(model->vae);
    const cm_attention_observer *o = cm_capture_observer(m->capture);
    CM_TRY(cm_arena_check(arena));
    if (plan->factor)
        CM_TRY(cm_attention_check(model->unet, factor, plan->pixel_height, plan->pixel_width, plan->factor, arena));
    const size_t n =
        cm_unet_sites(model->unet, plan->pixel_height / factor, plan->pixel_width / factor, MAX_SITES, sites, arena);
    for (size_t i = 0; i < n && i < MAX_SITES; i++) {
        sites[i].keys = plan->keys;
        m->layers += o->wants(o->arg, &sites[i]);
    }
    return m->layers ? CM_OK : cm_fail(CM_EUNDEFINED, "the model has no cross-attention");
}

cm_status cm_group_maps_begin(cm_group_maps *m, const cm_model *model, cm_request *q, bool all, cm_arena *arena) {
    *m = (cm_group_maps){0};
    CM_TRY(find_groups(m, model->tokenizer, q->prompt, arena));
    const cm_capture_plan plan = {.factor = all ? 0 : FACTOR,
                                  .pixel_height = q->settings.height,
                                  .pixel_width = q->settings.width,
                                  .keys = cm_tokenizer_length(model->tokenizer),
                                  .spans = m->spans,
                                  .span_count = m->count,
                                  .steps = 2 * q->settings.steps}; /* evaluations: at most two a step */
    m->capture = cm_capture_new(arena, &plan);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(count_layers(m, model, &plan, arena));
    q->observer = cm_capture_observer(m->capture);
    return CM_OK;
}

/* --- the file ------------------------------------------------------------- */

/* The layers of one size, as one tensor. */
typedef struct size_group {
    size_t height, width, layers;
    const cm_attention_map *maps[MAX_SITES];
    size_t shape[5];
} size_group;

static size_t group_by_size(const cm_group_maps *m, size_group *sizes) {
    const cm_attention_map *maps;
    const size_t n = cm_capture_maps(m->capture, &maps);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < count && (sizes[k].height != maps[i].height || sizes[k].width != maps[i].width)) k++;
        if (k == MAX_SIZES || sizes[k].layers == MAX_SITES) continue;
        if (k == count) sizes[count++] = (size_group){.height = maps[i].height, .width = maps[i].width};
        sizes[k].maps[sizes[k].layers++] = &maps[i];
    }
    for (size_t k = 0; k < count; k++) {
        const size_t shape[5] = {sizes[k].layers, sizes[k].maps[0]->steps, m->count, sizes[k].height, sizes[k].width};
        memcpy(sizes[k].shape, shape, sizeof shape);
    }
    return count;
}

static cm_status make_item(const size_group *s, cm_arena *a, cm_store_item *item) {
    const size_t each = s->shape[1] * s->shape[2] * s->shape[3] * s->shape[4];
    float *all = CM_PUSH(a, float, s->layers *each);
    const char *name = cm_arena_print(a, "maps.%zux%zu", s->height, s->width);
    CM_TRY(cm_arena_check(a));
    for (size_t i = 0; i < s->layers; i++) memcpy(all + i * each, s->maps[i]->shares, each * sizeof *all);
    *item = (cm_store_item){.name = name, .dtype = CM_F32, .ndim = 5, .shape = s->shape, .floats = all};
    return CM_OK;
}

/* JSON as text in the arena; json is released. */
static const char *as_text(json_t *json, cm_arena *a) {
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = text ? cm_arena_string(a, text) : "";
    free(text);
    json_decref(json);
    return copy;
}

static const char *groups_text(const cm_group_maps *m, cm_arena *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I, s:I}", "group", cm_prompt_group_name(m->phrases[i]->group),
                                        "text", m->phrases[i]->text, "token_begin", (json_int_t)m->spans[i].begin,
                                        "token_end", (json_int_t)m->spans[i].end));
    return as_text(list, a);
}

static const char *layers_text(const size_group *s, cm_arena *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->layers; i++) json_array_append_new(list, json_string(s->maps[i]->layer));
    return as_text(list, a);
}

static const char *const *metadata(const cm_group_maps *m, const cm_request *q, const char *model_hash,
                                   const size_group *sizes, size_t count, cm_arena *a) {
    const char *negative = q->settings.negative;
    const char *const first[] = {"axes",
                                 "layer, step, group, height, width",
                                 "groups",
                                 groups_text(m, a),
                                 "prompt",
                                 q->prompt,
                                 negative ? "negative" : "no negative",
                                 negative ? negative : ""};
    size_t n = sizeof first / sizeof *first;
    const char **pairs = CM_PUSH(a, const char *, n + 2 * (CM_SETTING_COUNT + count) + 3);
    if (!pairs) return NULL;
    memcpy(pairs, first, sizeof first);
    n += cm_settings_pairs(&q->settings, CM_IN_MAPS, a, pairs + n);
    pairs[n++] = "model_hash";
    pairs[n++] = model_hash;
    for (size_t i = 0; i < count; i++) {
        pairs[n++] = cm_arena_print(a, "layers.%zux%zu", sizes[i].height, sizes[i].width);
        pairs[n++] = layers_text(&sizes[i], a);
    }
    pairs[n] = NULL;
    return pairs;
}

cm_status cm_group_maps_write(const cm_group_maps *m, const cm_request *q, const char *model_hash, const char *path,
                              cm_arena *scratch) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    size_group *sizes = CM_PUSH(scratch, size_group, MAX_SIZES);
    cm_store_item items[MAX_SIZES];
    CM_TRY(cm_arena_check(scratch));
    const size_t count = group_by_size(m, sizes);
    for (size_t i = 0; i < count; i++) CM_TRY(make_item(&sizes[i], scratch, &items[i]));
    const char *const *pairs = metadata(m, q, model_hash, sizes, count, scratch);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_safetensors_write(path, items, count, pairs));
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

/* --- the overview ----------------------------------------------------------- */

/* The mean over steps of a group's map, at TILE's size, added to sum. */
static cm_status add_layer(const cm_group_maps *m, const cm_attention_map *map, size_t group, size_t height,
                           size_t width, cm_arena *scratch, double *cells, double *sum) {
    const size_t n = map->height * map->width;
    float *mean = CM_PUSH(scratch, float, n), *fine = CM_PUSH(scratch, float, height *width);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) {
        cells[i] = 0;
        for (size_t step = 0; step < map->steps; step++)
            cells[i] += (double)map->shares[(step * m->count + group) * n + i];
        mean[i] = (float)(cells[i] / (double)map->steps);
    }
    CM_TRY(cm_resize_float(mean, map->height, map->width, 1, height, width, CM_BICUBIC, scratch, fine));
    for (size_t i = 0; i < height * width; i++) sum[i] += (double)fine[i];
    return CM_OK;
}

/* Tiles stand side by side at the right; what is left is the name's. */
static void paste(const cm_image *tile, size_t from_right, size_t row, cm_image *to) {
    const size_t x = to->width - (from_right + 1) * (tile->width + GAP) + GAP, y = row * (tile->height + GAP);
    for (size_t i = 0; i < tile->height; i++)
        memcpy(to->pixels + ((y + i) * to->width + x) * 3, tile->pixels + i * tile->width * 3, tile->width * 3);
}

/* One group's row: small is the image at half a tile's size. */
static cm_status draw_row(const cm_group_maps *m, const cm_image *small, size_t group, cm_arena *scratch,
                          cm_image *to) {
    const cm_attention_map *maps;
    const size_t layers = cm_capture_maps(m->capture, &maps), pixels = small->width * small->height;
    double *sum = CM_PUSH_ZERO(scratch, double, pixels);
    cm_image tile;
    CM_TRY(cm_image_resize(small, 2 * small->width, 2 * small->height, CM_BICUBIC, scratch, &tile));
    CM_TRY(cm_arena_check(scratch));
    const size_t y = group * (tile.height + GAP), spare = tile.height / 2;
    const size_t half = LETTERS * CM_LETTER_HEIGHT / 2;
    cm_bitmap_text(cm_prompt_group_name(m->phrases[group]->group), LETTERS, GAP, y + (spare > half ? spare - half : 0),
                   to);
    paste(&tile, layers + 1, group, to);
    for (size_t i = 0; i < layers; i++) {
        double *cells = CM_PUSH(scratch, double, maps[i].height *maps[i].width);
        CM_TRY(cm_arena_check(scratch));
        CM_TRY(add_layer(m, &maps[i], group, small->height, small->width, scratch, cells, sum));
        CM_TRY(cm_overlay(small, cells, maps[i].height, maps[i].width, scratch, &tile));
        paste(&tile, layers - i, group, to);
    }
    CM_TRY(cm_overlay(small, sum, small->height, small->width, scratch, &tile));
    paste(&tile, 0, group, to);
    return CM_OK;
}

static size_t widest_name(const cm_group_maps *m) {
    size_t widest = 0;
    for (size_t i = 0; i < m->count; i++) {
        const size_t width = cm_bitmap_text_width(cm_prompt_group_name(m->phrases[i]->group), LETTERS);
        if (width > widest) widest = width;
    }
    return widest;
}

cm_status cm_group_maps_overview(const cm_group_maps *m, const cm_image *picture, cm_arena *out, cm_image *overview) {
    const size_t longer = picture->width > picture->height ? picture->width : picture->height;
    const size_t width = longer > TILE ? (picture->width * TILE + longer - 1) / longer : picture->width;
    const size_t height = longer > TILE ? (picture->height * TILE + longer - 1) / longer : picture->height;
    const cm_attention_map *maps;
    const size_t columns = cm_capture_maps(m->capture, &maps) + 2;
    cm_image small, all;
    const size_t names = widest_name(m) + 2 * GAP;
    CM_TRY(cm_image_new(out, names + columns * (2 * width + GAP) - GAP, m->count * (2 * height + GAP) - GAP, 3, &all));
    CM_TRY(cm_image_resize(picture, width, height, CM_LANCZOS, out, &small));
    memset(all.pixels, 255, all.width * all.height * 3);
    for (size_t g = 0; g < m->count; g++) {
        const cm_arena_mark mark = cm_arena_get_mark(out);
        CM_TRY(draw_row(m, &small, g, out, &all));
        cm_arena_reset(out, mark);
    }
    *overview = all;
    return CM_OK;
}

char *cm_group_maps_rows(const cm_group_maps *m, cm_arena *out) {
    char *rows = cm_arena_string(out, "");
    for (size_t i = 0; rows && i < m->count; i++)
        rows = cm_arena_print(out, "%s%s%s", rows, i ? ", " : "", cm_prompt_group_name(m->phrases[i]->group));
    return rows;
}
