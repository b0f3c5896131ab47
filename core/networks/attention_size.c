// SPDX-License-Identifier: Apache-2.0
#include "core/networks/attention_size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SITES = 512, REACH = 8, TOLD = 2 }; /* REACH: in latents, how far another size is looked for */

static size_t divided(size_t side, size_t factor) {
    const size_t whole = side / factor, rest = 2 * (side % factor);
    return whole + (rest > factor || (rest == factor && whole % 2));
}

cm_attention_size cm_attention_size_of(size_t pixel_height, size_t pixel_width, size_t factor) {
    return (cm_attention_size){divided(pixel_height, factor), divided(pixel_width, factor)};
}

bool cm_attention_has_size(const cm_attention_site *site, cm_attention_size size) {
    return site->height == size.height && site->width == size.width;
}

size_t cm_attention_layers(const cm_unet *n, size_t latent_factor, size_t pixel_height, size_t pixel_width,
                           size_t factor, cm_arena *scratch, size_t *all) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_attention_size size = cm_attention_size_of(pixel_height, pixel_width, factor);
    cm_attention_site *sites = CM_PUSH(scratch, cm_attention_site, MAX_SITES);
    size_t count = 0, of = 0;
    if (sites)
        of = cm_unet_sites(n, pixel_height / latent_factor, pixel_width / latent_factor, MAX_SITES, sites, scratch);
    for (size_t i = 0; i < of && i < MAX_SITES; i++) count += cm_attention_has_size(&sites[i], size);
    if (all) *all = of;
    cm_arena_reset(scratch, mark);
    return count;
}

/* The sizes that are `away` latents from this one, both sides together; returns how many were added to the text. */
static size_t tell_ring(const cm_unet *n, size_t latent, size_t height, size_t width, size_t factor, int away,
                        size_t wanted, cm_arena *scratch, char *text, size_t room) {
    size_t told = 0;
    for (int dy = -away; dy <= away && told < wanted; dy++) {
        const int rest = away - abs(dy);
        for (int side = rest ? -1 : 1; side <= 1 && told < wanted; side += 2) {
            const double h = (double)height / (double)latent + dy, w = (double)width / (double)latent + side * rest;
            if (h < 1 || w < 1) continue;
            const size_t tall = (size_t)h * latent, wide = (size_t)w * latent, used = strlen(text);
            if (!cm_attention_layers(n, latent, tall, wide, factor, scratch, NULL)) continue;
            snprintf(text + used, room - used, "%s%zux%zu", used ? ", " : "", wide, tall);
            told++;
        }
    }
    return told;
}

cm_status cm_attention_check(const cm_unet *n, size_t latent_factor, size_t pixel_height, size_t pixel_width,
                             size_t factor, cm_arena *scratch) {
    char near[96] = "";
    if (cm_attention_layers(n, latent_factor, pixel_height, pixel_width, factor, scratch, NULL))
        return cm_arena_check(scratch);
    CM_TRY(cm_arena_check(scratch));
    size_t told = 0;
    for (int away = 1; away <= REACH && told < TOLD; away++)
        told += tell_ring(n, latent_factor, pixel_height, pixel_width, factor, away, TOLD - told, scratch, near,
                          sizeof near);
    return cm_fail(CM_EUSAGE, "no cross-attention layer has 1/%zu of the sides of %zux%zu%s%s", factor, pixel_width,
                   pixel_height,
                   told ? "; the nearest sizes (width x height) where one has: " : "; another factor is wanted", near);
}
