// SPDX-License-Identifier: Apache-2.0
/* Stage `unet`: noise prediction on latents (Ho et al. 2020) given the text, and HOLA.
 *
 * "captions": poor or dense; "hola": its weight, with "hola_factor", "hola_terms",
 * "hola_form" and "hola_masks" (classes: the paper's parsing classes; groups: the
 * drawing's own finer regions); "init": an arm to start from; "guidance_dropout":
 * share of samples that see the empty caption. */
#include <math.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"
#include "core/train/hola.h"
#include "core/train/latents.h"
#include "core/train/trainer.h"

typedef struct unet_state {
    cm_unet_config config;
    cm_latents latents;
    cm_schedule schedule;
    cm_hola_config hola;
    bool fine_masks;
    double dropout, min_snr;
} unet_state;

typedef struct unet_net {
    cm_unet *unet;
    cm_hola hola;
} unet_net;

static cm_status read_hola(const json_t *r, cm_hola_config *c, bool *fine) {
    const char *terms = cm_json_text_or(r, "hola_terms", "both"), *form = cm_json_text_or(r, "hola_form", "code");
    const char *masks = cm_json_text_or(r, "hola_masks", "classes");
    static const char *const names[] = {"both", "mean", "token", NULL}, *const forms[] = {"code", "paper", NULL};
    static const char *const kinds[] = {"classes", "groups", NULL};
    *c = (cm_hola_config){.weight = cm_json_number_or(r, "hola", 0), .factor = cm_json_size_or(r, "hola_factor", 16)};
    size_t i = 0;
    while (i < 3 && strcmp(names[i], terms) != 0) i++;
    if (i == 3) return cm_unknown_choice("hola_terms", terms, names);
    if (strcmp(form, "code") != 0 && strcmp(form, "paper") != 0)
        return cm_unknown_choice("hola_form", form, forms);
    if (strcmp(masks, "classes") != 0 && strcmp(masks, "groups") != 0)
        return cm_unknown_choice("hola_masks", masks, kinds);
    if (c->factor == 0 || c->weight < 0) return cm_fail(CM_EUSAGE, "hola: a weight of 0 or more, and a factor of 1 or more");
    c->terms = (cm_hola_terms)i;
    c->paper_form = strcmp(form, "paper") == 0;
    *fine = strcmp(masks, "groups") == 0;
    return CM_OK;
}

static cm_status open_settings(cm_trainer *t, unet_state *s, cm_caption_kind *kind) {
    const char *captions = cm_json_text_or(t->recipe, "captions", "poor");
    if (strcmp(captions, "poor") != 0 && strcmp(captions, "dense") != 0)
        return cm_unknown_choice("captions", captions, (const char *const[]){"poor", "dense", NULL});
    *kind = strcmp(captions, "dense") == 0 ? CM_CAPTION_DENSE : CM_CAPTION_POOR;
    CM_TRY(read_hola(t->recipe, &s->hola, &s->fine_masks));
    if (s->hola.weight > 0 && *kind == CM_CAPTION_POOR)
        return cm_fail(CM_EUSAGE, "hola needs dense captions: poor ones have no groups");
    s->dropout = cm_json_number_or(t->recipe, "guidance_dropout", 0.1);
    s->min_snr = cm_json_number_or(t->recipe, "min_snr", 0);
    char *folder;
    json_t *config;
    CM_TRY(cm_recipe_folder(t->recipe, "scheduler", "nano/scheduler", &t->arena, &folder));
    const char *path = cm_arena_print(&t->arena, "%s/scheduler_config.json", folder);
    CM_TRY(cm_arena_check(&t->arena));
    CM_TRY(cm_json_read(path, &config));
    const cm_status status = cm_schedule_configure(config, NULL, &t->arena, &s->schedule);
    json_decref(config);
    return status;
}

/* Residual branches start at nothing, so that the fresh network is nearly linear and learns sooner. */
static void quiet_residuals(cm_params *p) {
    static const char *const names[] = {".conv2.weight", ".conv2.bias", ".proj_out.weight", ".proj_out.bias", "conv_out.weight", "conv_out.bias"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) cm_params_clear(p, names[i]);
}

static cm_status open_unet(cm_trainer *t, unet_state *s) {
    json_t *config = json_object_get(t->recipe, "network");
    cm_params *p;
    cm_unet *unet;
    CM_TRY(cm_unet_configure(config, &s->config));
    CM_TRY(cm_params_create(&p, t->seed));
    CM_TRY(cm_trainer_add(t, p, "", "diffusion_pytorch_model.safetensors", config));
    CM_TRY(cm_unet_build(&unet, &s->config, p, &t->arena));
    CM_TRY(cm_params_check(p, false));
    if (s->config.in_channels != s->latents.channels)
        return cm_fail(CM_EUSAGE, "network.in_channels is %zu, the autoencoder's latents have %zu", s->config.in_channels,
                       s->latents.channels);
    quiet_residuals(p);
    if (cm_json_text_or(t->recipe, "init", "")[0] == 0) return CM_OK;
    char *init;
    CM_TRY(cm_recipe_folder(t->recipe, "init", "", &t->arena, &init));
    return cm_params_copy(p, init);
}

static cm_status unet_open(cm_trainer *t) {
    unet_state *s = CM_PUSH_ZERO(&t->arena, unet_state, 1);
    CM_TRY(cm_arena_check(&t->arena));
    t->state = s;
    cm_caption_kind kind = CM_CAPTION_POOR;
    CM_TRY(open_settings(t, s, &kind));
    cm_ctx g;
    cm_ctx_init(&g, t->ops, 1);
    const cm_status status = cm_latents_open(&s->latents, &t->crowd, t->recipe, kind, &g, &t->arena);
    cm_ctx_free(&g);
    CM_TRY(status);
    return open_unet(t, s);
}

static void unet_close(cm_trainer *t) {
    cm_latents_close(&((unet_state *)t->state)->latents);
}

static cm_status unet_open_worker(cm_trainer *t, cm_worker *w) {
    const unet_state *s = t->state;
    unet_net *n = CM_PUSH_ZERO(&w->networks, unet_net, 1);
    CM_TRY(cm_arena_check(&w->networks));
    w->net = n;
    cm_hola_init(&n->hola, &s->hola, t->crowd.height, t->crowd.width);
    if (s->latents.kind == CM_CAPTION_DENSE) w->g.observer = &n->hola.observer;
    return cm_unet_build(&n->unet, &s->config, w->params[0], &w->networks);
}

/* One batch as the network sees it. */
typedef struct unet_batch {
    cm_tensor *noisy, *text;
    float *noise, *t, *weight;
    cm_hola_image *images;
} unet_batch;

static void add_noise(const unet_state *s, cm_rng *r, size_t values, float *z, float *noise, float *t, float *weight) {
    const size_t step = cm_rng_below(r, (uint32_t)s->schedule.train_steps);
    const double alpha = s->schedule.alphas_cumprod[step], snr = alpha / (1 - alpha);
    const double keep = sqrt(alpha), add = sqrt(1 - alpha);
    const float share = s->min_snr > 0 && snr > s->min_snr ? (float)(s->min_snr / snr) : 1.0f;
    *t = (float)step;
    for (size_t j = 0; j < values; j++) {
        noise[j] = (float)cm_rng_normal(r);
        z[j] = (float)(keep * (double)z[j] + add * (double)noise[j]);
        weight[j] = share;
    }
}

/* Groups of one image with their regions at the supervised size. */
static cm_status fill_image(const cm_trainer *t, cm_worker *w, size_t person, cm_hola_image *image) {
    const unet_state *s = t->state;
    const cm_hola *h = &((unet_net *)w->net)->hola;
    const size_t pixels = t->crowd.height * t->crowd.width, values = h->height * h->width;
    cm_caption c;
    CM_TRY(cm_latents_caption(&s->latents, person, &w->scratch, &c));
    cm_hola_group *groups = CM_PUSH(&w->scratch, cm_hola_group, c.dense.count);
    image->count = 0;
    image->groups = groups;
    for (size_t i = 0; i < c.dense.count; i++) {
        const cm_phrase *p = &c.dense.phrases[i];
        if (p->token_end <= p->token_begin || p->classes == 0) continue;
        bool chosen[256] = {false};
        const bool fine = s->fine_masks && p->group > 2;
        for (size_t k = 0; k < CM_CLASSES && !fine; k++) chosen[k] = p->classes >> k & 1;
        if (fine) chosen[1 + p->group] = true;
        float *mask = CM_PUSH(&w->scratch, float, values);
        CM_TRY(cm_arena_check(&w->scratch));
        const uint8_t *map = (fine ? t->crowd.groups : t->crowd.classes) + person * pixels;
        cm_hola_mask(map, t->crowd.height, t->crowd.width, chosen, h->height, h->width, mask);
        groups[image->count++] = (cm_hola_group){p->token_begin, p->token_end, mask};
    }
    return CM_OK;
}

static cm_status fill_batch(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place, unet_batch *b) {
    unet_state *s = t->state;
    const cm_latents *l = &s->latents;
    const size_t values = l->height * l->width * l->channels, features = l->length * l->features;
    CM_TRY(cm_latents_make(&s->latents, &w->g, samples, count, &w->scratch));
    b->noisy = cm_tensor_new(&w->g, CM_SHAPE(count, l->height, l->width, l->channels));
    b->text = cm_tensor_new(&w->g, CM_SHAPE(count, l->length, l->features));
    b->noise = CM_PUSH(&w->scratch, float, count * values);
    b->weight = CM_PUSH(&w->scratch, float, count * values);
    b->t = CM_PUSH(&w->scratch, float, count);
    b->images = CM_PUSH_ZERO(&w->scratch, cm_hola_image, count);
    CM_TRY(cm_ctx_check(&w->g));
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t i = 0; i < count; i++) {
        float *z = b->noisy->data + i * values, *text = b->text->data + i * features;
        cm_rng r = cm_trainer_rng(t, place + i);
        const bool dropped = cm_rng_uniform(&r) < s->dropout;
        cm_latents_get(l, samples[i], z, dropped ? NULL : text);
        if (dropped) memcpy(text, l->empty, features * sizeof(float));
        add_noise(s, &r, values, z, b->noise + i * values, b->t + i, b->weight + i * values);
        if (l->kind == CM_CAPTION_DENSE && !dropped) CM_TRY(fill_image(t, w, samples[i], &b->images[i]));
    }
    return CM_OK;
}

static double plain_error(const cm_tensor *x, const float *target) {
    double sum = 0;
    for (size_t i = 0; i < cm_count(x); i++) sum += ((double)x->data[i] - (double)target[i]) * ((double)x->data[i] - (double)target[i]);
    return sum / (double)cm_count(x);
}

static cm_tensor *unet_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    const unet_state *s = t->state;
    unet_net *n = w->net;
    cm_ctx *g = &w->g;
    unet_batch b;
    const cm_status filled = fill_batch(t, w, samples, count, place, &b);
    if (filled != CM_OK) return cm_ctx_fail(g, filled, "%s", cm_why());
    cm_tape_open(g);
    cm_hola_begin(&n->hola);
    cm_tensor *eps = cm_unet_forward(g, n->unet, b.noisy, b.t, cm_unet_prepare_text(g, n->unet, b.text, NULL));
    cm_tensor *error = cm_mse_loss(g, eps, b.noise, s->min_snr > 0 ? b.weight : NULL), *loss = error;
    if (s->latents.kind == CM_CAPTION_DENSE) {
        cm_tensor *hola = cm_hola_loss(g, &n->hola, b.images);
        if (s->hola.weight > 0)
            loss = cm_weighted_sum(g, (cm_tensor *const[]){error, hola}, (const float[]){1, (float)s->hola.weight}, 2);
        if (cm_ctx_check(g) == CM_OK) w->metrics[1] = (double)hola->data[0];
    }
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[0] = plain_error(eps, b.noise);
    return loss;
}

const cm_stage cm_stage_unet = {.name = "unet",
                                .about = "an arm: base (poor captions), hq (dense), daring (dense and HOLA)",
                                .recipe = "unet-base",
                                .metrics = {"noise_error", "hola"},
                                .open = unet_open,
                                .open_worker = unet_open_worker,
                                .loss = unet_loss,
                                .close = unet_close};
