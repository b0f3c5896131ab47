// SPDX-License-Identifier: Apache-2.0
/* Stage `vae`: the KL autoencoder, by reconstruction (squared and absolute error) and a light KL term.
 *
 * With "decoder_only" the encoder stays as it is in `init`: the latents of
 * networks trained since remain valid while the images get sharper. */
#include <math.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "core/networks/open_network.h"
#include "core/train/init_weights.h"
#include "core/train/trainer.h"

typedef struct vae_state {
    float kl, l1;
    bool decoder_only;
    cm_vae_config config;
} vae_state;

static cm_status build(const vae_state *s, cm_params *p, cm_arena *a, cm_vae **vae) {
    return cm_vae_build(vae, &s->config, p, a);
}

/* Residual branches start at nothing, so that the fresh network is nearly linear and learns sooner. */
static void quiet_residuals(cm_params *p) {
    static const char *const names[] = {".conv2.weight", ".conv2.bias", ".to_out.0.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) cm_params_clear(p, names[i]);
}

static cm_status keep_scaling(json_t *config, const char *init) {
    json_t *before;
    CM_TRY(cm_read_config(init, &before));
    json_object_set(config, "scaling_factor", json_object_get(before, "scaling_factor"));
    json_decref(before);
    return CM_OK;
}

static cm_status vae_open(cm_trainer *t) {
    vae_state *s = CM_PUSH_ZERO(&t->arena, vae_state, 1);
    CM_TRY(cm_arena_check(&t->arena));
    s->kl = (float)cm_json_number_or(t->recipe, "kl", 1e-6);
    s->l1 = (float)cm_json_number_or(t->recipe, "l1", 0.1);
    s->decoder_only = cm_json_bool_or(t->recipe, "decoder_only", false);
    json_t *config = json_object_get(t->recipe, "network");
    CM_TRY(cm_vae_configure(config, &s->config));
    cm_params *p;
    cm_vae *vae;
    CM_TRY(cm_params_create(&p, t->seed));
    CM_TRY(cm_trainer_add(t, p, "", "diffusion_pytorch_model.safetensors", config));
    CM_TRY(build(s, p, &t->arena, &vae));
    CM_TRY(cm_params_check(p, false));
    t->state = s;
    quiet_residuals(p);
    if (cm_json_text_or(t->recipe, "init", "")[0] == 0) return CM_OK;
    char *init;
    CM_TRY(cm_recipe_folder(t->recipe, "init", "", &t->arena, &init));
    if (s->decoder_only) CM_TRY(keep_scaling(config, init));
    return cm_params_copy(p, init);
}

static cm_status vae_open_worker(cm_trainer *t, cm_worker *w) {
    cm_vae *vae;
    CM_TRY(build(t->state, w->params[0], &w->networks, &vae));
    w->net = vae;
    return CM_OK;
}

/* A latent drawn from the encoder's Gaussian. */
static cm_tensor *draw_latent(cm_trainer *t, cm_worker *w, cm_tensor *mean, cm_tensor *logvar, uint64_t place) {
    cm_ctx *g = &w->g;
    if (cm_ctx_check(g) != CM_OK) return NULL;
    cm_tensor *noise = cm_tensor_new(g, mean->ndim, mean->shape);
    if (!noise) return NULL;
    const size_t n = mean->shape[0], each = cm_count(mean) / n;
    for (size_t i = 0; i < n; i++) {
        cm_rng r = cm_trainer_rng(t, place + i);
        for (size_t j = 0; j < each; j++) noise->data[i * each + j] = (float)cm_rng_normal(&r);
    }
    return cm_add(g, mean, cm_mul(g, cm_exp(g, cm_scale(g, logvar, 0.5f)), noise));
}

static cm_tensor *vae_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    const vae_state *s = t->state;
    cm_ctx *g = &w->g;
    const size_t height = t->dataset.height, width = t->dataset.width, each = height * width * 3;
    cm_tensor *x = cm_tensor_new(g, CM_SHAPE(count, height, width, 3));
    if (!x) return NULL;
    for (size_t i = 0; i < count; i++) {
        const cm_status drawn = cm_people_dataset_draw(&t->dataset, samples[i], &w->scratch);
        if (drawn != CM_OK) return cm_ctx_fail(g, drawn, "%s", cm_why());
        cm_people_dataset_pixels(&t->dataset, samples[i], x->data + i * each);
    }
    cm_tensor *mean, *logvar;
    if (!s->decoder_only) cm_tape_open(g);
    cm_vae_encode(g, w->net, x, &mean, &logvar);
    cm_tensor *z = draw_latent(t, w, mean, logvar, place);
    if (s->decoder_only) cm_tape_open(g);
    cm_tensor *y = cm_vae_decode(g, w->net, z);
    cm_tensor *mse = cm_mse_loss(g, y, x->data, NULL), *l1 = cm_l1_loss(g, y, x->data);
    cm_tensor *kl = s->decoder_only ? cm_tensor_zero(g, CM_SHAPE(1)) : cm_kl_loss(g, mean, logvar);
    cm_tensor *loss = cm_weighted_sum(g, (cm_tensor *const[]){mse, l1, kl}, (const float[]){1, s->l1, s->kl}, 3);
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[0] = (double)mse->data[0];
    w->metrics[1] = 10 * log10(4 / (double)mse->data[0]); /* peak to peak 2 */
    w->metrics[2] = (double)kl->data[0];
    return loss;
}

/* scaling_factor: 1 over the latents' standard deviation, as Rombach et al. 2022 have it. */
static cm_status vae_finish(cm_trainer *t) {
    if (((vae_state *)t->state)->decoder_only) return CM_OK;
    cm_worker *w = &t->worker[0];
    const size_t count = t->dataset.count < 128 ? t->dataset.count : 128;
    double sum = 0, squares = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        CM_TRY(cm_people_dataset_draw(&t->dataset, i, &w->scratch));
        cm_tensor *x = cm_tensor_new(&w->g, CM_SHAPE(1, t->dataset.height, t->dataset.width, 3)), *mean, *logvar;
        CM_TRY(cm_ctx_check(&w->g));
        cm_people_dataset_pixels(&t->dataset, i, x->data);
        cm_vae_encode(&w->g, w->net, x, &mean, &logvar);
        CM_TRY(cm_ctx_check(&w->g));
        for (size_t j = 0; j < cm_count(mean); j++) {
            const double v = (double)mean->data[j];
            sum += v;
            squares += v * v;
        }
        n += (double)cm_count(mean);
        cm_ctx_reset(&w->g);
    }
    const double variance = squares / n - sum / n * (sum / n);
    if (!(variance > 0)) return cm_fail(CM_EUNDEFINED, "the latents do not vary");
    json_object_set_new(t->parts[0].config, "scaling_factor", json_real(1 / sqrt(variance)));
    return CM_OK;
}

const cm_stage cm_stage_vae = {.name = "vae",
                               .about = "the KL autoencoder",
                               .recipe = "vae",
                               .metrics = {"squared_error", "psnr", "kl"},
                               .open = vae_open,
                               .open_worker = vae_open_worker,
                               .loss = vae_loss,
                               .finish = vae_finish};
