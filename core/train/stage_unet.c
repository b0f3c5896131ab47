// SPDX-License-Identifier: Apache-2.0
/* Stage `unet`: noise prediction on latents (Ho et al. 2020) given the text, and HOLA.
 *
 * "captions": poor or dense; "fresh_captions": the text of a person is drawn anew at each visit, as in the authors'
 * loader (groups left out, their order), or once; "hola" and its keys: core/train/hola_settings.h; "init": an arm to
 * start from; "guidance_dropout": share of samples that see the empty caption; "cache": a folder for what the
 * autoencoder makes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"
#include "core/train/hola_floor.h"
#include "core/train/hola_settings.h"
#include "core/train/init_weights.h"
#include "core/train/latents.h"
#include "core/train/trainer.h"

enum { LOOKED_AT = 1000 }; /* people, for the sizes of their regions */

typedef struct unet_state {
    cm_unet_config config;
    cm_latents latents;
    cm_schedule schedule;
    cm_hola_settings hola;
    cm_hola_survey survey; /* which groups are large enough */
    bool regions;          /* HOLA is measured: dense captions, and the maps that it needs */
    double dropout, min_snr;
} unet_state;

typedef struct unet_net {
    cm_unet *unet;
    cm_hola hola;
} unet_net;

static bool is_dense(const json_t *recipe) {
    return strcmp(cm_json_text_or(recipe, "captions", "poor"), "dense") == 0;
}

/* HOLA needs maps; without it the loss is measured where they are there. */
static cm_status unet_needs(const json_t *recipe, cm_labelled_needs *needs) {
    cm_hola_settings hola;
    CM_TRY(cm_hola_settings_read(recipe, &hola));
    const cm_need maps = !is_dense(recipe) ? CM_NOT_NEEDED : hola.weight > 0 ? CM_NEEDED : CM_TAKEN_WHERE_THERE;
    *needs = (cm_labelled_needs){.alt_text = !is_dense(recipe),
                                 .phrases = is_dense(recipe),
                                 .classes = maps,
                                 .groups = hola.rules.own_regions ? maps : CM_NOT_NEEDED};
    return CM_OK;
}

/* Has what the loss is measured by. */
static bool has_regions(const cm_people_dataset *c, const cm_hola_settings *hola) {
    return c->classes && (!hola->rules.own_regions || c->groups);
}

static cm_status open_settings(cm_trainer *t, unet_state *s, cm_caption_kind *kind) {
    const char *captions = cm_json_text_or(t->recipe, "captions", "poor");
    if (strcmp(captions, "poor") != 0 && strcmp(captions, "dense") != 0)
        return cm_unknown_choice("captions", captions, (const char *const[]){"poor", "dense", NULL});
    *kind = is_dense(t->recipe) ? CM_CAPTION_DENSE : CM_CAPTION_POOR;
    CM_TRY(cm_hola_settings_read(t->recipe, &s->hola));
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
    static const char *const names[] = {".conv2.weight",  ".conv2.bias",     ".proj_out.weight",
                                        ".proj_out.bias", "conv_out.weight", "conv_out.bias"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) cm_params_clear(p, names[i]);
}

/* Sizes at which no layer works are refused; groups that are too small for the maps are told. */
static cm_status open_hola(cm_trainer *t, unet_state *s, const cm_unet *unet) {
    cm_hola h;
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    cm_hola_init(&h, &s->hola.loss, t->dataset.height, t->dataset.width);
    cm_status status = CM_OK;
    for (size_t i = 0; i < s->hola.loss.factor_count && status == CM_OK; i++)
        status = cm_attention_check(unet, cm_vae_factor(s->latents.vae), t->dataset.height, t->dataset.width,
                                    s->hola.loss.factors[i], &scratch);
    if (status == CM_OK)
        status = cm_hola_look(&s->hola.rules, &h, s->latents.tokenizer, &t->dataset, LOOKED_AT, &scratch, &s->survey);
    cm_arena_free(&scratch);
    return status == CM_OK ? CM_OK : cm_fail_in(status, "hola_factor");
}

/* The groups that the maps are too coarse for. */
static void tell_left_out(const unet_state *s) {
    for (size_t k = 0; k < s->hola.loss.factor_count; k++) {
        char names[512] = "";
        for (size_t p = 0; p < CM_HOLA_PHRASES; p++)
            if (s->hola.rules.phrase[p] && s->survey.cases[p] && s->survey.left_out[p][k])
                snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "",
                         cm_hola_phrase_name(p));
        if (names[0])
            cm_note(
                "HOLA leaves out at factor %zu, for regions smaller than a cell in more than %g %% of the cases: %s",
                s->hola.loss.factors[k], 100 * (1 - s->hola.rules.least_share), names);
    }
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
        return cm_fail(CM_EUSAGE, "network.in_channels is %zu, the autoencoder's latents have %zu",
                       s->config.in_channels, s->latents.channels);
    s->regions = s->latents.kind == CM_CAPTION_DENSE && has_regions(&t->dataset, &s->hola);
    if (s->latents.kind == CM_CAPTION_DENSE && !s->regions)
        cm_note("HOLA is not measured: not all of %s have maps", t->dataset.data->labels);
    if (s->regions) CM_TRY(open_hola(t, s, unet));
    if (s->hola.weight > 0) tell_left_out(s);
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
    const cm_status status = cm_latents_open(&s->latents, &t->dataset, t->recipe, kind, &g, &t->arena);
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
    cm_hola_init(&n->hola, &s->hola.loss, t->dataset.height, t->dataset.width);
    if (s->regions) w->g.observer = &n->hola.observer;
    return cm_unet_build(&n->unet, &s->config, w->params[0], &w->networks);
}

/* One batch as the network sees it. */
typedef struct unet_batch {
    size_t count;
    bool *dropped; /* sees the empty caption */
    cm_caption *captions;
    cm_tensor *noisy, *text;
    float *features; /* of fresh captions [count][length*features]; NULL: kept ones */
    float *noise, *t, *weight;
    cm_hola_image *images;
    size_t left; /* phrases without a target */
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

/* The captions of this visit, and the features of those that are not kept. */
static cm_status read_captions(cm_trainer *t, cm_worker *w, const size_t *samples, uint64_t place, unet_batch *b) {
    unet_state *s = t->state;
    const cm_latents *l = &s->latents;
    const size_t values = l->length * l->features;
    if (l->kind != CM_CAPTION_DENSE && !l->fresh) return CM_OK; /* no groups, and the features are kept */
    int *ids = CM_PUSH_ZERO(&w->scratch, int, b->count * l->length);
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t i = 0; i < b->count; i++) {
        CM_TRY(cm_latents_caption(l, samples[i], (place + i) / t->dataset.count, &w->scratch, &b->captions[i]));
        memcpy(ids + i * l->length, b->captions[i].tokens.ids, l->length * sizeof *ids);
    }
    if (!l->fresh) return CM_OK;
    b->features = CM_PUSH(&w->scratch, float, b->count *values);
    CM_TRY(cm_arena_check(&w->scratch));
    const cm_tensor *hidden = cm_latents_text(l, &w->g, ids, b->count);
    CM_TRY(cm_ctx_check(&w->g));
    memcpy(b->features, hidden->data, b->count * values * sizeof(float));
    cm_ctx_reset(&w->g);
    return CM_OK;
}

static cm_status open_batch(cm_worker *w, const cm_latents *l, unet_batch *b) {
    const size_t values = l->height * l->width * l->channels, n = b->count;
    b->noisy = cm_tensor_new(&w->g, CM_SHAPE(n, l->height, l->width, l->channels));
    b->text = cm_tensor_new(&w->g, CM_SHAPE(n, l->length, l->features));
    b->noise = CM_PUSH(&w->scratch, float, n *values);
    b->weight = CM_PUSH(&w->scratch, float, n *values);
    b->t = CM_PUSH(&w->scratch, float, n);
    b->images = CM_PUSH_ZERO(&w->scratch, cm_hola_image, n);
    CM_TRY(cm_ctx_check(&w->g));
    return cm_arena_check(&w->scratch);
}

static cm_status fill_image(const cm_trainer *t, cm_worker *w, size_t person, size_t i, unet_batch *b) {
    const unet_state *s = t->state;
    size_t left;
    if (!s->regions || b->dropped[i] || b->t[i] < (float)s->hola.least_t) return CM_OK;
    CM_TRY(cm_hola_targets(&s->hola.rules, &s->survey, &((unet_net *)w->net)->hola, &t->dataset, person,
                           &b->captions[i].dense, &w->scratch, &b->images[i], &left));
    b->left += left;
    return CM_OK;
}

static cm_status fill_batch(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place,
                            unet_batch *b) {
    unet_state *s = t->state;
    const cm_latents *l = &s->latents;
    const size_t values = l->height * l->width * l->channels, features = l->length * l->features;
    *b = (unet_batch){.count = count,
                      .captions = CM_PUSH_ZERO(&w->scratch, cm_caption, count),
                      .dropped = CM_PUSH(&w->scratch, bool, count)};
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(cm_latents_make(&s->latents, &w->g, samples, count, &w->scratch));
    CM_TRY(read_captions(t, w, samples, place, b));
    CM_TRY(open_batch(w, l, b));
    for (size_t i = 0; i < count; i++) {
        float *z = b->noisy->data + i * values, *text = b->text->data + i * features;
        cm_rng r = cm_trainer_rng(t, place + i);
        b->dropped[i] = cm_rng_uniform(&r) < s->dropout;
        cm_latents_get(l, samples[i], z, b->dropped[i] || l->fresh ? NULL : text);
        if (b->dropped[i]) memcpy(text, l->empty, features * sizeof(float));
        else if (l->fresh) memcpy(text, b->features + i * features, features * sizeof(float));
        add_noise(s, &r, values, z, b->noise + i * values, b->t + i, b->weight + i * values);
        CM_TRY(fill_image(t, w, samples[i], i, b));
    }
    return CM_OK;
}

static double plain_error(const cm_tensor *x, const float *target) {
    double sum = 0;
    for (size_t i = 0; i < cm_count(x); i++)
        sum += ((double)x->data[i] - (double)target[i]) * ((double)x->data[i] - (double)target[i]);
    return sum / (double)cm_count(x);
}

/* Is the loss on at this step? */
static bool hola_is_on(const cm_trainer *t, const cm_hola_settings *s) {
    const double done = (double)t->optimizer.step / (double)t->optimizer.config.steps;
    return s->weight > 0 && done >= s->begin && done < s->end;
}

/* What the loss could be at best, and with even attention: means over images that take part, and over the supervised
 * layers. */
static cm_status note_bounds(const unet_net *n, const unet_batch *b, size_t keys, cm_worker *w) {
    double taking_part = 0, floor = 0, even = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (b->images[i].count == 0) continue;
        taking_part++;
        for (size_t l = 0; l < n->hola.layers; l++) {
            const size_t size = n->hola.size_of[l];
            if (l && size == n->hola.size_of[l - 1]) continue; /* of one size: the same bounds */
            double layers = 0;
            cm_hola_bounds x;
            for (size_t k = 0; k < n->hola.layers; k++) layers += n->hola.size_of[k] == size;
            CM_TRY(cm_hola_floor(&n->hola.config, &b->images[i], size,
                                 n->hola.sizes[size].height * n->hola.sizes[size].width, keys, &w->scratch, &x, NULL));
            floor += x.floor * layers / (double)n->hola.layers;
            even += x.even * layers / (double)n->hola.layers;
        }
    }
    w->metrics[2] = taking_part > 0 ? floor / taking_part : 0;
    w->metrics[3] = taking_part > 0 ? even / taking_part : 0;
    return CM_OK;
}

static cm_tensor *unet_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    const unet_state *s = t->state;
    unet_net *n = w->net;
    cm_ctx *g = &w->g;
    unet_batch b;
    cm_status status = fill_batch(t, w, samples, count, place, &b);
    if (status != CM_OK) return cm_ctx_fail(g, status, "%s", cm_why());
    cm_tape_open(g);
    cm_hola_begin(&n->hola);
    cm_tensor *eps = cm_unet_forward(g, n->unet, b.noisy, b.t, cm_unet_prepare_text(g, n->unet, b.text, NULL));
    cm_tensor *error = cm_mse_loss(g, eps, b.noise, s->min_snr > 0 ? b.weight : NULL), *loss = error;
    if (s->regions) {
        cm_tensor *hola = cm_hola_loss(g, &n->hola, b.images);
        if (hola_is_on(t, &s->hola))
            loss = cm_weighted_sum(g, (cm_tensor *const[]){error, hola}, (const float[]){1, (float)s->hola.weight}, 2);
        if (cm_ctx_check(g) != CM_OK) return NULL;
        w->metrics[1] = (double)hola->data[0];
        w->metrics[4] = (double)b.left / (double)count;
        status = note_bounds(n, &b, s->latents.length, w);
        if (status != CM_OK) return cm_ctx_fail(g, status, "%s", cm_why());
    }
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[0] = plain_error(eps, b.noise);
    return loss;
}

const cm_stage cm_stage_unet = {.name = "unet",
                                .about = "an arm: base (poor captions), hq (dense), daring (dense and HOLA)",
                                .recipe = "unet-base",
                                .metrics = {"noise_error", "hola", "hola_floor", "hola_even", "hola_left_out"},
                                .needs = unet_needs,
                                .open = unet_open,
                                .open_worker = unet_open_worker,
                                .loss = unet_loss,
                                .close = unet_close};
