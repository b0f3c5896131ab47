// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola.h"

#include <string.h>

#include "core/tensor/tape.h"

static bool wants(void *arg, const cm_attention_site *site) {
    const cm_hola *h = arg;
    return site->height * site->width == h->height * h->width && h->layers < CM_HOLA_MAX_LAYERS;
}

static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    (void)site;
    cm_hola *h = arg;
    h->probs[h->layers++] = probs;
}

void cm_hola_init(cm_hola *h, const cm_hola_config *c, size_t pixel_height, size_t pixel_width) {
    *h = (cm_hola){.config = *c,
                   .height = (pixel_height + c->factor / 2) / c->factor,
                   .width = (pixel_width + c->factor / 2) / c->factor};
    h->observer = (cm_attention_observer){.arg = h, .wants = wants, .give = give};
}

void cm_hola_begin(cm_hola *h) {
    h->layers = 0;
}

static size_t channels(const cm_hola_config *c, const cm_hola_image *image) {
    size_t k = 0;
    for (size_t i = 0; i < image->count; i++) {
        const size_t tokens = image->groups[i].end - image->groups[i].begin;
        k += (c->terms != CM_HOLA_MEAN ? tokens : 0) + (c->terms != CM_HOLA_TOKEN ? 1 : 0);
    }
    return k;
}

/* What one squared difference counts: 1/(hw K) or 1/N, over layers, heads and images. */
static double share(const cm_hola *h, const cm_hola_image *image, size_t heads, size_t images) {
    const double each = (double)(h->layers * heads * images);
    if (h->config.paper_form) return 1 / (each * (double)image->count);
    return 1 / (each * (double)(h->height * h->width * channels(&h->config, image)));
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

static double layer_loss(const cm_hola *h, const cm_tensor *probs, const cm_hola_image *images, float *grad,
                         double scale) {
    const size_t n = probs->shape[0], heads = probs->shape[1], hw = probs->shape[2], keys = probs->shape[3];
    size_t taking_part = 0;
    for (size_t b = 0; b < n; b++) taking_part += images[b].count > 0;
    double total = 0;
    for (size_t b = 0; b < n; b++) {
        const cm_hola_image *image = &images[b];
        if (image->count == 0) continue;
        const double part = share(h, image, heads, taking_part);
        double sum = 0;
        for (size_t row = 0; row < heads * hw; row++) {
            const size_t at = (b * heads * hw + row) * keys;
            for (size_t i = 0; i < image->count; i++)
                sum += pixel_loss(&h->config, &image->groups[i], image->groups[i].mask[row % hw], probs->data + at,
                                  grad ? grad + at : NULL, scale * part);
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
        cm_tensor *probs = node->hola->probs[l];
        float *grad = cm_grad(g, probs);
        if (grad) layer_loss(node->hola, probs, node->images, grad, (double)node->loss->grad[0]);
    }
}

cm_tensor *cm_hola_loss(cm_ctx *g, cm_hola *h, const cm_hola_image *images) {
    if (cm_ctx_check(g) != CM_OK) return NULL;
    if (h->layers == 0) return cm_ctx_fail(g, CM_EUSAGE, "HOLA: no cross-attention layer works at %zux%zu; another \"hola_factor\" is wanted",
                                          h->height, h->width);
    double total = 0;
    for (size_t l = 0; l < h->layers; l++) total += layer_loss(h, h->probs[l], images, NULL, 0);
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

/* Sample positions of torch's bilinear resize. */
static void position(size_t i, size_t from, size_t to, size_t *a, size_t *b, float *t) {
    float x = ((float)i + 0.5f) * (float)from / (float)to - 0.5f;
    if (x < 0) x = 0;
    *a = (size_t)x;
    *b = *a + 1 < from ? *a + 1 : *a;
    *t = x - (float)*a;
}

void cm_hola_mask(const uint8_t *map, size_t height, size_t width, const bool *chosen, size_t out_height,
                  size_t out_width, float *out) {
    for (size_t y = 0; y < out_height; y++) {
        size_t y0, y1, x0, x1;
        float ty, tx;
        position(y, height, out_height, &y0, &y1, &ty);
        for (size_t x = 0; x < out_width; x++) {
            position(x, width, out_width, &x0, &x1, &tx);
            const float a = chosen[map[y0 * width + x0]], b = chosen[map[y0 * width + x1]];
            const float c = chosen[map[y1 * width + x0]], d = chosen[map[y1 * width + x1]];
            out[y * out_width + x] = (1 - ty) * ((1 - tx) * a + tx * b) + ty * ((1 - tx) * c + tx * d);
        }
    }
}
