// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola.h"

#include <string.h>

#include "core/tensor/tape.h"

bool cm_hola_takes_name(const cm_hola_config *c, const char *name) {
    for (size_t i = 0; i < c->name_count; i++)
        if (strncmp(name, c->names[i], strlen(c->names[i])) == 0) return true;
    return c->name_count == 0;
}

/* The factor whose maps this layer has; factor_count: none's. */
static size_t size_index(const cm_hola *h, const cm_attention_site *site) {
    size_t i = 0;
    while (i < h->config.factor_count && !cm_attention_has_size(site, h->sizes[i])) i++;
    return i;
}

static bool wants(void *arg, const cm_attention_site *site) {
    const cm_hola *h = arg;
    return size_index(h, site) < h->config.factor_count && h->layers < CM_HOLA_MAX_LAYERS &&
           cm_hola_takes_name(&h->config, site->name);
}

static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    cm_hola *h = arg;
    h->size_of[h->layers] = size_index(h, site);
    h->probs[h->layers++] = probs;
}

void cm_hola_init(cm_hola *h, const cm_hola_config *c, size_t pixel_height, size_t pixel_width) {
    *h = (cm_hola){.config = *c};
    for (size_t i = 0; i < c->factor_count; i++)
        h->sizes[i] = cm_attention_size_of(pixel_height, pixel_width, c->factors[i]);
    h->observer = (cm_attention_observer){.arg = h, .wants = wants, .give = give};
}

void cm_hola_begin(cm_hola *h) {
    h->layers = 0;
}

double cm_hola_share(const cm_hola_config *c, const cm_hola_image *image, size_t size, size_t cells) {
    size_t channels = 0, groups = 0;
    for (size_t i = 0; i < image->count; i++) {
        const cm_hola_group *g = &image->groups[i];
        if (!g->target[size]) continue;
        channels += (c->terms != CM_HOLA_MEAN ? g->end - g->begin : 0) + (c->terms != CM_HOLA_TOKEN ? 1 : 0);
        groups++;
    }
    if (groups == 0) return 0;
    return 1 / (c->summed ? (double)groups : (double)(cells * channels));
}

/* Squared differences of one pixel and group; p is the pixel's row over keys. grad may be NULL. */
static double pixel_loss(const cm_hola_config *c, const cm_hola_group *group, float target, const float *p, float *grad,
                         double scale) {
    const double tokens = (double)(group->end - group->begin);
    double sum = 0, mean = 0;
    for (size_t j = group->begin; j < group->end; j++) mean += (double)p[j];
    const double off = mean / tokens - (double)target;
    if (c->terms != CM_HOLA_TOKEN) sum += off * off;
    for (size_t j = group->begin; j < group->end; j++) {
        const double d = (double)p[j] - (double)target;
        if (c->terms != CM_HOLA_MEAN) sum += d * d;
        if (!grad) continue;
        const double from_token = c->terms != CM_HOLA_MEAN ? d : 0;
        const double from_mean = c->terms != CM_HOLA_TOKEN ? off / tokens : 0;
        grad[j] += (float)(2 * scale * (from_token + from_mean));
    }
    return sum;
}

static double layer_loss(const cm_hola *h, size_t layer, const cm_hola_image *images, float *grad, double scale) {
    const cm_tensor *probs = h->probs[layer];
    const size_t size = h->size_of[layer];
    const size_t n = probs->shape[0], heads = probs->shape[1], hw = probs->shape[2], keys = probs->shape[3];
    size_t taking_part = 0;
    for (size_t b = 0; b < n; b++) taking_part += images[b].count > 0;
    double total = 0;
    for (size_t b = 0; b < n; b++) {
        const cm_hola_image *image = &images[b];
        if (image->count == 0) continue; /* not among those taking part */
        const double part = cm_hola_share(&h->config, image, size, hw) / (double)(h->layers * heads * taking_part);
        double sum = 0;
        for (size_t row = 0; row < heads * hw; row++) {
            const size_t at = (b * heads * hw + row) * keys;
            for (size_t i = 0; i < image->count; i++)
                if (image->groups[i].target[size])
                    sum += pixel_loss(&h->config, &image->groups[i], image->groups[i].target[size][row % hw],
                                      probs->data + at, grad ? grad + at : NULL, scale * part);
        }
        total += sum * part;
    }
    return total;
}

typedef struct hola_node {
    cm_tensor *loss;
    const cm_hola *hola;
    const cm_hola_image *images;
} hola_node;

static void hola_backward(cm_ctx *g, void *arg) {
    const hola_node *node = arg;
    if (!node->loss->grad) return;
    for (size_t l = 0; l < node->hola->layers; l++) {
        float *grad = cm_grad(g, node->hola->probs[l]);
        if (grad) layer_loss(node->hola, l, node->images, grad, (double)node->loss->grad[0]);
    }
}

cm_tensor *cm_hola_loss(cm_ctx *g, cm_hola *h, const cm_hola_image *images) {
    if (cm_ctx_check(g) != CM_OK) return NULL;
    if (h->layers == 0)
        return cm_ctx_fail(g, CM_EUSAGE,
                           "HOLA: no cross-attention layer works at %zux%zu; another \"hola_factor\" is wanted",
                           h->sizes[0].height, h->sizes[0].width);
    double total = 0;
    for (size_t l = 0; l < h->layers; l++) total += layer_loss(h, l, images, NULL, 0);
    cm_tensor *loss = cm_tensor_zero(g, CM_SHAPE(1));
    if (!loss) return NULL;
    loss->data[0] = (float)total;
    if (!g->tape) return loss;
    loss->needs_grad = true;
    hola_node *node = CM_PUSH(&g->memory, hola_node, 1);
    if (!node) return cm_ctx_fail(g, CM_ENOMEM, "HOLA: out of memory");
    *node = (hola_node){loss, h, images};
    cm_tape_record(g, hola_backward, node);
    return loss;
}
