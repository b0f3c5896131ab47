// SPDX-License-Identifier: Apache-2.0
#include "core/train/latents.h"

#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/threads.h"
#include "core/io/jsonl.h"
#include "core/train/init_weights.h"

cm_tensor *cm_latents_text(const cm_latents *l, cm_ctx *g, const int *ids, size_t n) {
    cm_tensor *hidden = NULL;
    const cm_status s = cm_clip_text_forward(g, &l->text, ids, n, l->length, &hidden, NULL, NULL);
    if (s != CM_OK) return cm_ctx_fail(g, s, "%s", cm_why());
    return hidden;
}

static cm_status encode_empty(cm_latents *l, cm_ctx *g, cm_arena *out) {
    cm_tokens tokens;
    CM_TRY(cm_tokenize(l->tokenizer, "", out, &tokens));
    const cm_tensor *hidden = cm_latents_text(l, g, tokens.ids, 1);
    CM_TRY(cm_ctx_check(g));
    memcpy(l->empty, hidden->data, l->length * l->features * sizeof(float));
    cm_ctx_reset(g);
    return CM_OK;
}

static cm_status open_networks(cm_latents *l, const json_t *recipe, cm_arena *out) {
    char *folder;
    CM_TRY(cm_recipe_folder(recipe, "vae", "nano/vae", out, &folder));
    CM_TRY(cm_open_vae(&l->vae_files, cm_in_folder(folder), out, &l->vae));
    CM_TRY(cm_recipe_folder(recipe, "text_encoder", "nano/text_encoder", out, &folder));
    CM_TRY(cm_open_text(&l->text_files, cm_in_folder(folder), out, &l->text));
    CM_TRY(cm_recipe_folder(recipe, "tokenizer", "nano/tokenizer", out, &folder));
    return cm_tokenizer_open(&l->tokenizer, folder);
}

cm_status cm_latents_open(cm_latents *l, cm_people_dataset *dataset, const json_t *recipe, cm_caption_kind kind,
                          cm_ctx *g, cm_arena *out) {
    *l = (cm_latents){.dataset = dataset,
                      .kind = kind,
                      .drop = cm_json_number_or(recipe, "group_dropout", 0.1),
                      .fresh = cm_json_bool_or(recipe, "fresh_captions", false)};
    CM_TRY(open_networks(l, recipe, out));
    const size_t factor = cm_vae_factor(l->vae), n = dataset->count;
    l->height = dataset->height / factor;
    l->width = dataset->width / factor;
    l->channels = cm_vae_get_config(l->vae)->latent_channels;
    l->length = cm_tokenizer_length(l->tokenizer);
    l->features = l->text.config.hidden_size;
    l->empty = CM_PUSH(out, float, l->length * l->features);
    CM_TRY(cm_arena_check(out));
    CM_TRY(encode_empty(l, g, out));
    const char *cache = cm_json_text_or(recipe, "cache", "");
    if (cache[0])
        CM_TRY(cm_latents_use_cache(l, cache, g->ops,
                                    (int)cm_json_size_or(recipe, "workers", (size_t)cm_threads_available()), out));
    l->encoded = CM_PUSH_ZERO(out, bool, n);
    l->read = CM_PUSH_ZERO(out, bool, n);
    if (!l->cache) l->z = CM_PUSH(out, uint16_t, n * l->height * l->width * l->channels);
    if (!l->fresh) l->hidden = CM_PUSH(out, uint16_t, n * l->length * l->features);
    return cm_arena_check(out);
}

void cm_latents_close(cm_latents *l) {
    cm_tokenizer_close(&l->tokenizer);
    cm_open_network_close(&l->text_files);
    cm_open_network_close(&l->vae_files);
    cm_safetensors_close(&l->cache);
}

cm_status cm_latents_caption(const cm_latents *l, size_t i, uint64_t visit, cm_arena *out, cm_caption *c) {
    char id[40];
    uint64_t seed = cm_people_dataset_seed(l->dataset, i);
    snprintf(id, sizeof id, "visit/%llu", (unsigned long long)visit);
    if (l->fresh && visit) seed = cm_seed_for(seed, id);
    return cm_caption_of(l->tokenizer, l->dataset, i, l->kind, seed, l->drop, out, c);
}

/* Those people that `done` does not name, once each; returns how many. */
static size_t still_to_do(const bool *done, const size_t *people, size_t count, size_t *out) {
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        bool listed = done[people[k]];
        for (size_t i = 0; i < n && !listed; i++) listed = out[i] == people[k];
        if (!listed) out[n++] = people[k];
    }
    return n;
}

cm_status cm_latents_encode(const cm_latents *l, cm_ctx *g, const size_t *people, size_t n, uint16_t *const *to) {
    const cm_people_dataset *dataset = l->dataset;
    const size_t pixels = dataset->height * dataset->width * 3;
    cm_tensor *x = cm_tensor_new(g, CM_SHAPE(n, dataset->height, dataset->width, 3)), *mean, *logvar;
    CM_TRY(cm_ctx_check(g));
    for (size_t i = 0; i < n; i++) cm_people_dataset_pixels(dataset, people[i], x->data + i * pixels);
    cm_vae_encode(g, l->vae, x, &mean, &logvar);
    cm_tensor *scaled = cm_scale(g, mean, cm_vae_get_config(l->vae)->scaling_factor);
    CM_TRY(cm_ctx_check(g));
    const size_t values = cm_count(scaled) / n;
    for (size_t i = 0; i < n; i++) cm_from_float(CM_F16, scaled->data + i * values, values, to[i]);
    return CM_OK;
}

static cm_status encode_pictures(cm_latents *l, cm_ctx *g, const size_t *people, size_t n, cm_arena *scratch) {
    const size_t values = l->height * l->width * l->channels;
    uint16_t **to = CM_PUSH(scratch, uint16_t *, n);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) {
        CM_TRY(cm_people_dataset_draw(l->dataset, people[i], scratch));
        to[i] = l->z + people[i] * values;
    }
    CM_TRY(cm_latents_encode(l, g, people, n, to));
    for (size_t i = 0; i < n; i++) l->encoded[people[i]] = true;
    return CM_OK;
}

static cm_status encode_captions(cm_latents *l, cm_ctx *g, const size_t *people, size_t n, cm_arena *scratch) {
    int *ids = CM_PUSH(scratch, int, n * l->length);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) {
        cm_caption c;
        CM_TRY(cm_latents_caption(l, people[i], 0, scratch, &c));
        memcpy(ids + i * l->length, c.tokens.ids, l->length * sizeof *ids);
    }
    const cm_tensor *hidden = cm_latents_text(l, g, ids, n);
    CM_TRY(cm_ctx_check(g));
    const size_t values = l->length * l->features;
    for (size_t i = 0; i < n; i++) {
        cm_from_float(CM_F16, hidden->data + i * values, values, l->hidden + people[i] * values);
        l->read[people[i]] = true;
    }
    return CM_OK;
}

cm_status cm_latents_make(cm_latents *l, cm_ctx *g, const size_t *people, size_t count, cm_arena *scratch) {
    size_t *fresh = CM_PUSH(scratch, size_t, count);
    CM_TRY(cm_arena_check(scratch));
    size_t n = l->cache ? 0 : still_to_do(l->encoded, people, count, fresh);
    cm_status s = n ? encode_pictures(l, g, fresh, n, scratch) : CM_OK;
    cm_ctx_reset(g);
    n = l->fresh ? 0 : still_to_do(l->read, people, count, fresh);
    if (s == CM_OK && n) s = encode_captions(l, g, fresh, n, scratch);
    cm_ctx_reset(g);
    return s;
}

void cm_latents_get(const cm_latents *l, size_t i, float *z, float *hidden) {
    const size_t nz = l->height * l->width * l->channels, nh = l->length * l->features;
    if (z && l->cache) cm_to_float(CM_F16, l->cached_z + i * nz * sizeof(uint16_t), nz, z);
    else if (z) cm_to_float(CM_F16, l->z + i * nz, nz, z);
    if (hidden) cm_to_float(CM_F16, l->hidden + i * nh, nh, hidden);
}
