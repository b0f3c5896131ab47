// SPDX-License-Identifier: Apache-2.0
/* The observer that sums cross-attention while an image is made. */
#include "metrics/refocus.h"

#include <string.h>

#include "core/networks/attention_size.h"
#include "metrics/refocus_parts.h"

size_t cm_refocus_channels(const cm_refocus_phrase *p) {
    return p->classes ? p->tokens.end - p->tokens.begin + 1 : 0;
}

/* All: what phrases keep is told of every layer. */
static bool wants(void *arg, const cm_attention_site *site) {
    const cm_refocus *r = arg;
    return r->count > 0 && site->keys > 0;
}

static bool is_watched(const cm_refocus *r, const cm_attention_site *site) {
    return r->factor == 0 || cm_attention_has_size(site, r->size);
}

static cm_refocus_pool *pool_for(cm_refocus *r, size_t height, size_t width, size_t keys) {
    for (size_t i = 0; i < r->pool_count; i++)
        if (r->pools[i].height == height && r->pools[i].width == width) return &r->pools[i];
    if (r->pool_count == CM_REFOCUS_SIZES) {
        r->too_many = true;
        return NULL;
    }
    cm_refocus_pool *p = &r->pools[r->pool_count];
    const size_t values = height * width * r->channels;
    *p = (cm_refocus_pool){
        height, width, keys, 0, CM_PUSH_ZERO(r->arena, double, values + 1), CM_PUSH_ZERO(r->arena, double, values + 1)};
    if (!p->sum || !p->squares) return NULL; /* the arena's failure is sticky and found by score */
    r->pool_count++;
    return p;
}

static cm_refocus_sums *sums_for(cm_refocus *r, const cm_attention_site *site) {
    const size_t i = (size_t)site->index;
    if (i >= CM_REFOCUS_LAYERS) {
        r->too_many = true;
        return NULL;
    }
    if (r->sums[i].sum) return &r->sums[i];
    r->sums[i] =
        (cm_refocus_sums){site->keys, 0, CM_PUSH_ZERO(r->arena, double, r->count * site->height * site->width)};
    r->layers[i] = (cm_refocus_layer){site->name, site->height, site->width, is_watched(r, site)};
    if (i >= r->layer_count) r->layer_count = i + 1;
    return r->sums[i].sum ? &r->sums[i] : NULL;
}

static void note(double m, double *sum, double *squares) {
    *sum += m;
    *squares += m * m;
}

/* One cell of one head: row over keys. sum: of the pool, [channels], as squares. */
static void add_channels(const cm_refocus *r, const float *row, double *sum, double *squares) {
    for (size_t g = 0; g < r->count; g++) {
        const cm_token_span s = r->phrases[g].tokens;
        double total = 0;
        if (!r->phrases[g].classes) continue;
        for (size_t j = s.begin; j < s.end; j++) {
            note((double)row[j], sum++, squares++);
            total += (double)row[j];
        }
        note(total / (double)(s.end - s.begin), sum++, squares++);
    }
}

/* The same of what each phrase keeps: kept [count], `cells` apart. */
static void add_kept(const cm_refocus *r, const float *row, size_t cells, double *kept) {
    for (size_t g = 0; g < r->count; g++, kept += cells)
        for (size_t j = r->phrases[g].tokens.begin; j < r->phrases[g].tokens.end; j++) *kept += (double)row[j];
}

/* probs [n,heads,h*w,keys]: with guidance the prompt is the last of the batch. */
static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    cm_refocus *r = arg;
    if (!probs || !probs->data) return;
    cm_refocus_sums *s = sums_for(r, site);
    cm_refocus_pool *p = is_watched(r, site) ? pool_for(r, site->height, site->width, site->keys) : NULL;
    const size_t cells = site->height * site->width;
    const float *at = probs->data + (site->n - 1) * site->heads * cells * site->keys;
    for (size_t head = 0; s && head < site->heads; head++) {
        for (size_t i = 0; i < cells; i++, at += site->keys) {
            add_kept(r, at, cells, s->sum + i);
            if (p) add_channels(r, at, p->sum + i * r->channels, p->squares + i * r->channels);
        }
    }
    if (s) s->maps += site->heads;
    if (p) p->maps += site->heads;
}

cm_status cm_refocus_begin(cm_arena *arena, const cm_refocus_phrase *phrases, size_t count, size_t factor,
                           size_t pixel_height, size_t pixel_width, cm_refocus **out) {
    cm_refocus *r = CM_PUSH_ZERO(arena, cm_refocus, 1);
    cm_refocus_phrase *copy = CM_PUSH(arena, cm_refocus_phrase, count + 1);
    cm_refocus_layer *layers = CM_PUSH_ZERO(arena, cm_refocus_layer, CM_REFOCUS_LAYERS);
    cm_refocus_sums *sums = CM_PUSH_ZERO(arena, cm_refocus_sums, CM_REFOCUS_LAYERS);
    CM_TRY(cm_arena_check(arena));
    if (count) memcpy(copy, phrases, count * sizeof *copy);
    *r =
        (cm_refocus){.arena = arena, .phrases = copy, .count = count, .factor = factor, .layers = layers, .sums = sums};
    for (size_t g = 0; g < count; g++) r->channels += cm_refocus_channels(&phrases[g]);
    if (factor) r->size = cm_attention_size_of(pixel_height, pixel_width, factor);
    r->observer = (cm_attention_observer){r, wants, give};
    *out = r;
    return CM_OK;
}

const cm_attention_observer *cm_refocus_observer(cm_refocus *r) {
    return &r->observer;
}

const double *cm_refocus_map(const cm_refocus *r, size_t g, cm_arena *out, size_t *height, size_t *width) {
    const cm_refocus_pool *best = NULL;
    for (size_t i = 0; i < r->pool_count; i++)
        if (!best || r->pools[i].height * r->pools[i].width > best->height * best->width) best = &r->pools[i];
    if (!best || best->maps == 0 || !r->phrases[g].classes) return NULL;
    size_t channel = cm_refocus_channels(&r->phrases[g]) - 1;
    for (size_t k = 0; k < g; k++) channel += cm_refocus_channels(&r->phrases[k]);
    const size_t n = best->height * best->width;
    double *map = CM_PUSH(out, double, n);
    if (!map) return NULL;
    for (size_t i = 0; i < n; i++) map[i] = best->sum[i * r->channels + channel] / (double)best->maps;
    *height = best->height;
    *width = best->width;
    return map;
}
