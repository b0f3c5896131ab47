// SPDX-License-Identifier: Apache-2.0
/* Whole networks against diffusers and transformers in float64, on every backend.
 * 1e-4 relative L2 is ARCHITECTURE.md's limit for forward passes and for each parameter's gradient. */
#include <math.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "core/networks/clip.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"
#include "core/tensor/tape.h"
#include "tests/golden/golden.h"

static const double f32_limit = 1e-4;

typedef struct setting {
    const char *name;
    cm_safetensors *values;
    cm_params *params;
    json_t *config;
    cm_arena arena;
    cm_ctx g;
} setting;

static bool begin(setting *s, const char *name, const cm_ops *ops) {
    *s = (setting){.name = cm_arena_print(golden_arena(), "%s on %s", name, ops->name)};
    cm_arena_init(&s->arena, 0);
    cm_ctx_init(&s->g, ops, 2);
    s->values = golden_open(cm_arena_print(golden_arena(), "%s/values.safetensors", name));
    return s->values &&
           golden_ok(cm_json_read(golden_path(cm_arena_print(golden_arena(), "%s/config.json", name)), &s->config),
                     name) &&
           golden_ok(cm_params_open(&s->params, golden_path(name)), name);
}

static void end(setting *s) {
    cm_safetensors_close(&s->values);
    cm_params_close(&s->params);
    json_decref(s->config);
    cm_ctx_free(&s->g);
    cm_arena_free(&s->arena);
}

static cm_tensor *input(setting *s, const char *name) {
    const cm_stored *stored;
    const float *x = golden_floats(s->values, name, &stored);
    return x ? cm_tensor_copy(&s->g, stored->ndim, stored->shape, x) : NULL;
}

static void same(setting *s, const char *name, const cm_tensor *got) {
    const cm_stored *stored;
    const float *want = golden_floats(s->values, name, &stored);
    if (!golden_ok(cm_ctx_check(&s->g), s->name) || !want) return;
    if (golden_that(got && cm_count(got) == stored->count, "%s: %s: number of values", s->name, name))
        golden_near(cm_arena_print(golden_arena(), "%s: %s", s->name, name), got->data, want, stored->count,
                    golden_limit(s->g.ops, f32_limit));
}

static double size_of(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Every parameter's gradient of the sum of y * dy. Some are zero by nature (a key's bias): there only small. */
static void same_gradients(setting *s, cm_tensor *y) {
    cm_tensor *dy = input(s, "dy");
    if (!golden_trains(s->g.ops)) return;
    if (!golden_ok(cm_ctx_check(&s->g), s->name) || !y || !dy) return;
    cm_tensor *product = cm_mul(&s->g, y, dy);
    cm_tensor *flat = cm_view(&s->g, product, CM_SHAPE(1, cm_count(product), 1)), *mean = cm_mean_hw(&s->g, flat);
    cm_tape_backward(&s->g, cm_view(&s->g, mean, CM_SHAPE(1)), (float)cm_count(product));
    golden_that(cm_params_count(s->params) > 0, "%s: parameters", s->name);
    for (size_t i = 0; i < cm_params_count(s->params); i++) {
        const char *name = cm_arena_print(golden_arena(), "grad.%s", cm_params_name(s->params, i));
        const cm_tensor *w = cm_params_at(s->params, i);
        const cm_stored *stored = cm_safetensors_find(s->values, name);
        if (!stored) continue; /* the other half of an autoencoder */
        const float *want = golden_floats(s->values, name, NULL);
        if (want && size_of(want, cm_count(w)) < 1e-9)
            golden_that(size_of(w->grad, cm_count(w)) < golden_limit(s->g.ops, f32_limit), "%s: %s is nothing", s->name,
                        name);
        else
            golden_near(cm_arena_print(golden_arena(), "%s: %s", s->name, name), w->grad, want, cm_count(w),
                        golden_limit(s->g.ops, f32_limit));
    }
}

/* --- UNet --------------------------------------------------------------------------- */

typedef struct catcher {
    cm_tensor *probs;
    size_t sites;
} catcher;

static bool wants_first(void *arg, const cm_attention_site *site) {
    catcher *c = arg;
    c->sites++;
    return strcmp(site->name, "down_blocks.0.attentions.0.transformer_blocks.0.attn2") == 0;
}

static void catch_probs(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    (void)site;
    ((catcher *)arg)->probs = probs;
}

static cm_unet *make_unet(setting *s) {
    cm_unet_config c;
    cm_unet *n = NULL;
    const bool made = golden_ok(cm_unet_configure(s->config, &c), s->name) &&
                      golden_ok(cm_unet_build(&n, &c, s->params, &s->arena), s->name) &&
                      golden_ok(cm_params_check(s->params, true), s->name);
    return made ? n : NULL;
}

static cm_tensor *run_unet(setting *s, const cm_unet *n, const char *size, bool keep) {
    cm_tensor *text = input(s, "text"), *x = input(s, cm_arena_print(golden_arena(), "x.%s", size));
    cm_unet_text *prepared = cm_unet_prepare_text(&s->g, n, text, keep ? &s->arena : NULL);
    if (cm_safetensors_find(s->values, "pooled"))
        cm_unet_add_conditions(&s->g, n, prepared, input(s, "pooled"), golden_floats(s->values, "numbers", NULL), 6,
                               keep ? &s->arena : NULL);
    if (cm_safetensors_find(s->values, "guidance"))
        cm_unet_add_guidance(&s->g, n, prepared, (double)*golden_floats(s->values, "guidance", NULL),
                             keep ? &s->arena : NULL);
    return cm_unet_forward(&s->g, n, x, golden_floats(s->values, "t", NULL), prepared);
}

static void unet_case(const char *name, const cm_ops *ops) {
    static const char *const sizes[] = {"even", "odd", "wide"};
    setting s;
    const cm_unet *n = begin(&s, name, ops) ? make_unet(&s) : NULL;
    for (size_t i = 0; n && i < 3; i++) {
        same(&s, cm_arena_print(golden_arena(), "y.%s", sizes[i]), run_unet(&s, n, sizes[i], i > 0));
        cm_ctx_reset(&s.g);
    }
    if (n && cm_safetensors_find(s.values, "dy")) {
        catcher c = {0};
        const cm_attention_observer observer = {&c, wants_first, catch_probs};
        s.g.observer = &observer;
        run_unet(&s, n, "even", true);
        same(&s, "probs", c.probs);
        golden_that(c.sites == 2 + 1 + 3, "%s: %zu cross-attentions", s.name, c.sites);
        cm_ctx_reset(&s.g);
        s.g.observer = NULL;
        golden_ok(cm_params_make_trainable(s.params), s.name);
        cm_tape_open(&s.g);
        same_gradients(&s, run_unet(&s, n, "even", false));
    }
    end(&s);
}

#define EACH_BACKEND(call)                                                                                             \
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) call

GOLDEN(unet_sd, "unet/sd") {
    EACH_BACKEND(unet_case("unet/sd", *ops));
}
GOLDEN(unet_linear, "unet/linear") {
    EACH_BACKEND(unet_case("unet/linear", *ops));
}
GOLDEN(unet_plain, "unet/plain") {
    EACH_BACKEND(unet_case("unet/plain", *ops));
}
GOLDEN(unet_xl, "unet/xl") {
    EACH_BACKEND(unet_case("unet/xl", *ops));
}
GOLDEN(unet_nested, "unet/nested") {
    EACH_BACKEND(unet_case("unet/nested", *ops));
}
GOLDEN(unet_guided, "unet/guided") {
    EACH_BACKEND(unet_case("unet/guided", *ops));
}
GOLDEN(unet_one, "unet/one") {
    EACH_BACKEND(unet_case("unet/one", *ops));
}

/* --- autoencoder ------------------------------------------------------------------------ */

static void vae_case(const char *name, const cm_ops *ops) {
    setting s;
    cm_vae_config c;
    cm_vae *n = NULL;
    if (begin(&s, name, ops) && golden_ok(cm_vae_configure(s.config, &c), s.name) &&
        golden_ok(cm_vae_build(&n, &c, s.params, &s.arena), s.name) &&
        golden_ok(cm_params_check(s.params, true), s.name)) {
        cm_tensor *mean, *logvar;
        cm_vae_encode(&s.g, n, input(&s, "pixels"), &mean, &logvar);
        same(&s, "mean", mean);
        same(&s, "logvar", logvar);
        same(&s, "y.even", cm_vae_decode(&s.g, n, input(&s, "z.even")));
        same(&s, "y.odd", cm_vae_decode(&s.g, n, input(&s, "z.odd")));
        cm_ctx_reset(&s.g);
        if (cm_safetensors_find(s.values, "dy") && golden_ok(cm_params_make_trainable(s.params), s.name)) {
            cm_tape_open(&s.g);
            cm_vae_encode(&s.g, n, input(&s, "pixels"), &mean, NULL);
            same_gradients(&s, cm_vae_decode(&s.g, n, mean));
        }
    }
    end(&s);
}

GOLDEN(vae_sd, "vae/sd") {
    EACH_BACKEND(vae_case("vae/sd", *ops));
}
GOLDEN(vae_older, "vae/older") {
    EACH_BACKEND(vae_case("vae/older", *ops));
}
GOLDEN(vae_bare, "vae/bare") {
    EACH_BACKEND(vae_case("vae/bare", *ops));
}

/* --- CLIP ------------------------------------------------------------------------------- */

/* The ids of `count` texts, their first `length` tokens. */
static const int *ids_of(setting *s, size_t length, size_t *count) {
    const cm_stored *stored;
    const float *all = golden_floats(s->values, "ids", &stored);
    if (!all) return NULL;
    *count = stored->shape[0];
    int *ids = CM_PUSH(golden_arena(), int, *count *length);
    for (size_t i = 0; i < *count; i++)
        for (size_t k = 0; k < length; k++) ids[i * length + k] = (int)all[i * stored->shape[1] + k];
    return ids;
}

static void text_lengths(setting *s, const cm_clip_text *n) {
    for (size_t length = 9; length >= 6; length -= 3) {
        size_t count;
        const int *ids = ids_of(s, length, &count);
        cm_tensor *hidden, *penultimate, *pooled;
        if (!ids ||
            !golden_ok(cm_clip_text_forward(&s->g, n, ids, count, length, &hidden, &penultimate, &pooled), s->name))
            return;
        same(s, cm_arena_print(golden_arena(), "hidden.%zu", length), hidden);
        same(s, cm_arena_print(golden_arena(), "penultimate.%zu", length), penultimate);
        same(s, cm_arena_print(golden_arena(), "pooled.%zu", length), pooled);
        cm_ctx_reset(&s->g);
    }
}

static void text_case(const char *name, const cm_ops *ops) {
    setting s;
    cm_clip_text_config c;
    cm_clip_text n;
    if (begin(&s, name, ops) && golden_ok(cm_clip_text_configure(s.config, &c), s.name)) {
        cm_clip_text_build(&n, &c, s.params, &s.arena);
        if (golden_ok(cm_params_check(s.params, true), s.name)) text_lengths(&s, &n);
        if (cm_safetensors_find(s.values, "dy") && golden_ok(cm_params_make_trainable(s.params), s.name)) {
            size_t count;
            const int *ids = ids_of(&s, 9, &count);
            cm_tensor *pooled = NULL;
            cm_tape_open(&s.g);
            if (ids) golden_ok(cm_clip_text_forward(&s.g, &n, ids, count, 9, NULL, NULL, &pooled), s.name);
            same_gradients(&s, pooled);
        }
    }
    end(&s);
}

static void vision_case(const char *name, const cm_ops *ops) {
    setting s;
    cm_clip_vision_config c;
    cm_clip_vision n;
    if (begin(&s, name, ops) && golden_ok(cm_clip_vision_configure(s.config, &c), s.name)) {
        cm_clip_vision_build(&n, &c, s.params, &s.arena);
        golden_ok(cm_params_check(s.params, true), s.name);
        same(&s, "features", cm_clip_vision_forward(&s.g, &n, input(&s, "pixels")));
        cm_ctx_reset(&s.g);
        if (golden_ok(cm_params_make_trainable(s.params), s.name)) {
            cm_tape_open(&s.g);
            same_gradients(&s, cm_clip_vision_forward(&s.g, &n, input(&s, "pixels")));
        }
    }
    end(&s);
}

GOLDEN(text_sd, "clip/text-sd") {
    EACH_BACKEND(text_case("clip/text-sd", *ops));
}
GOLDEN(text_projection, "clip/text-projection") {
    EACH_BACKEND(text_case("clip/text-projection", *ops));
}
GOLDEN(text_lone, "clip/text-lone") {
    EACH_BACKEND(text_case("clip/text-lone", *ops));
}
GOLDEN(vision, "clip/vision") {
    EACH_BACKEND(vision_case("clip/vision", *ops));
}
GOLDEN(vision_tall, "clip/vision-tall") {
    EACH_BACKEND(vision_case("clip/vision-tall", *ops));
}
