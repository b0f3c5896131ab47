// SPDX-License-Identifier: Apache-2.0
#include "core/generator/image_text.h"

static void add_pair(const char **text, size_t *n, const char *key, const char *value) {
    text[(*n)++] = key;
    text[(*n)++] = value ? value : "";
}

void cm_image_text(const cm_model *m, const cm_request *q, const cm_image_origin *o, cm_arena *a, const char **text) {
    const bool zeros = cm_negative_is_zeros(m, q->settings.negative);
    size_t n = 0;
    add_pair(text, &n, "prompt", q->prompt);
    add_pair(text, &n, zeros ? "no negative" : "negative", zeros ? "zeros in its place" : q->settings.negative);
    n += cm_settings_pairs(&q->settings, CM_IN_IMAGE_FIRST, a, text + n);
    add_pair(text, &n, "model", m->name);
    add_pair(text, &n, "model hash", m->hash);
    add_pair(text, &n, "unet", o->unet);
    add_pair(text, &n, "vae", o->vae);
    add_pair(text, &n, "recipe", o->recipe);
    n += cm_settings_pairs(&q->settings, CM_IN_IMAGE, a, text + n);
    add_pair(text, &n, "Software", "cosmicman " CM_VERSION);
    if (o->preview) add_pair(text, &n, "preview after step", cm_arena_print(a, "%zu", o->preview));
    text[n] = NULL;
}
