// SPDX-License-Identifier: Apache-2.0
/* The observer that keeps where each layer looked, step by step. */
#include <string.h>

#include "core/generator/pipeline.h"
#include "core/networks/attention_size.h"

enum { MAX_LAYERS = 128 };

struct cm_capture {
    cm_attention_observer observer;
    cm_arena *arena;
    cm_capture_plan plan;
    cm_attention_size size; /* of the layers that count, where the plan has a factor */
    size_t count;
    cm_attention_map maps[MAX_LAYERS];
};

static bool wants(void *arg, const cm_attention_site *site) {
    const cm_capture *c = arg;
    return site->keys == c->plan.keys && (c->plan.factor == 0 || cm_attention_has_size(site, c->size));
}

/* The layer's place, made at its first pass; NULL when there is no room. */
static cm_attention_map *place_of(cm_capture *c, const cm_attention_site *site) {
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->maps[i].layer, site->name) == 0) return &c->maps[i];
    }
    if (c->count == MAX_LAYERS) return NULL;
    char *name = cm_arena_string(c->arena, site->name);
    float *shares = CM_PUSH(c->arena, float, c->plan.steps * c->plan.span_count * site->height * site->width);
    if (!name || !shares) return NULL;
    c->maps[c->count] = (cm_attention_map){name, site->height, site->width, 0, shares};
    return &c->maps[c->count++];
}

/* probs [heads,cells,keys] of one image */
static float share_of(const cm_attention_site *site, const float *probs, const cm_token_span *span, size_t cell) {
    const size_t cells = site->height * site->width;
    double sum = 0;
    for (size_t head = 0; head < site->heads; head++) {
        const float *row = probs + (head * cells + cell) * site->keys;
        for (size_t k = span->begin; k < span->end; k++) sum += (double)row[k];
    }
    return (float)(sum / (double)site->heads);
}

/* probs [n,heads,height*width,keys]; the last of the batch is the prompt's half. */
static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    cm_capture *c = arg;
    cm_attention_map *map = place_of(c, site);
    if (!map || map->steps == c->plan.steps || !probs || !probs->data) return;
    const size_t cells = site->height * site->width, spans = c->plan.span_count;
    const float *half = probs->data + (site->n - 1) * site->heads * cells * site->keys;
    float *to = map->shares + map->steps++ * spans * cells;
    for (size_t s = 0; s < spans; s++)
        for (size_t i = 0; i < cells; i++) to[s * cells + i] = share_of(site, half, &c->plan.spans[s], i);
}

cm_capture *cm_capture_new(cm_arena *arena, const cm_capture_plan *plan) {
    cm_capture *c = CM_PUSH_ZERO(arena, cm_capture, 1);
    if (!c) return NULL;
    c->observer = (cm_attention_observer){c, wants, give};
    c->arena = arena;
    c->plan = *plan;
    if (plan->factor) c->size = cm_attention_size_of(plan->pixel_height, plan->pixel_width, plan->factor);
    return c;
}

const cm_attention_observer *cm_capture_observer(cm_capture *c) {
    return &c->observer;
}

size_t cm_capture_maps(const cm_capture *c, const cm_attention_map **maps) {
    *maps = c->maps;
    return c->count;
}
