// SPDX-License-Identifier: Apache-2.0
/* The observer that keeps each cross-attention layer's mean map over heads and steps. */
#include <math.h>
#include <string.h>

#include "core/generator/pipeline.h"

enum { MAX_LAYERS = 128 };

struct cm_capture {
    cm_attention_observer observer;
    cm_arena *arena;
    size_t cells;                        /* height*width of the layers that count; 0: all */
    size_t keys, count;
    cm_attention_map maps[MAX_LAYERS];
    size_t seen[MAX_LAYERS];             /* passes in the mean so far */
};

static bool wants(void *arg, const cm_attention_site *site) {
    const cm_capture *c = arg;
    return site->keys == c->keys && (c->cells == 0 || site->height * site->width == c->cells);
}

/* The layer's place, made at its first pass; MAX_LAYERS when there is no room. */
static size_t place_of(cm_capture *c, const cm_attention_site *site) {
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->maps[i].layer, site->name) == 0) return i;
    }
    if (c->count == MAX_LAYERS) return MAX_LAYERS;
    const size_t values = site->height * site->width * site->keys;
    char *name = cm_arena_string(c->arena, site->name);
    float *mean = CM_PUSH_ZERO(c->arena, float, values);
    if (!name || !mean) return MAX_LAYERS;
    c->maps[c->count] = (cm_attention_map){name, site->height, site->width, site->keys, mean};
    return c->count++;
}

/* probs [n,heads,height*width,keys]; the last of the batch is the prompt's half. */
static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    cm_capture *c = arg;
    const size_t at = place_of(c, site);
    if (at == MAX_LAYERS || !probs || !probs->data) return;
    const size_t values = site->height * site->width * site->keys;
    const float *half = probs->data + (site->n - 1) * site->heads * values;
    const double weight = 1.0 / (double)++c->seen[at];
    float *mean = c->maps[at].mean;
    for (size_t i = 0; i < values; i++) {
        double sum = 0;
        for (size_t h = 0; h < site->heads; h++) sum += half[h * values + i];
        mean[i] += (float)((sum / (double)site->heads - mean[i]) * weight);
    }
}

cm_capture *cm_capture_new(cm_arena *arena, size_t factor, size_t pixel_height, size_t pixel_width, size_t keys) {
    cm_capture *c = CM_PUSH_ZERO(arena, cm_capture, 1);
    if (!c) return NULL;
    c->observer = (cm_attention_observer){c, wants, give};
    c->arena = arena;
    c->keys = keys;
    if (factor) {
        const double f = (double)factor;
        c->cells = (size_t)(nearbyint((double)pixel_height / f) * nearbyint((double)pixel_width / f));
    }
    return c;
}

const cm_attention_observer *cm_capture_observer(cm_capture *c) {
    return &c->observer;
}

size_t cm_capture_maps(const cm_capture *c, const cm_attention_map **maps) {
    *maps = c->maps;
    return c->count;
}
