// SPDX-License-Identifier: Apache-2.0
#include "harness/speed/stage_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/networks/inception.h"
#include "core/networks/open_network.h"

const char *const cm_stage_names[] = {"unet", "decode", "inception", "inception-torchvision", NULL};
enum stage { UNET, DECODE, INCEPTION, INCEPTION_TORCHVISION };

struct cm_stage {
    enum stage stage;
    cm_open_network weights;
    cm_unet *unet;
    cm_vae *vae;
    cm_inception *inception;
    const cm_unet_text *text;
    float *latents, *times, *output; /* latents (or pixels) and output channels first */
    size_t shape[4], output_shape[4];
    cm_ctx g;
    cm_arena arena; /* inputs, and the text's keys and values */
};

/* --- inputs --------------------------------------------------------------- */

/* Floats of this many dimensions; a size of 0 in `want` is any, and is filled in. */
static cm_status read_input(cm_stage *s, const cm_safetensors *f, const char *name, int ndim, size_t *want,
                            float **values) {
    const cm_stored *t = cm_safetensors_find(f, name);
    if (!t) return cm_fail(CM_EFORMAT, "no tensor '%s'", name);
    if (t->dtype > CM_F64 || t->ndim != ndim)
        return cm_fail(CM_EFORMAT, "'%s' is not of floats in %d dimensions", name, ndim);
    for (int i = 0; i < ndim; i++) {
        if (t->shape[i] == 0) return cm_fail(CM_EFORMAT, "'%s' is empty", name);
        if (want[i] && want[i] != t->shape[i])
            return cm_fail(CM_EFORMAT, "'%s' has %zu in dimension %d, not %zu", name, t->shape[i], i, want[i]);
        want[i] = t->shape[i];
    }
    *values = CM_PUSH(&s->arena, float, t->count);
    CM_TRY(cm_arena_check(&s->arena));
    cm_to_float(t->dtype, t->data, t->count, *values);
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite((*values)[i])) return cm_fail(CM_EFORMAT, "'%s': value %zu is not a number", name, i);
    return CM_OK;
}

static cm_status add_conditions(cm_stage *s, const cm_safetensors *f, cm_unet_text *text) {
    size_t pooled_shape[2] = {s->shape[0], 0}, sizes_shape[2] = {s->shape[0], 0};
    float *pooled = NULL, *sizes = NULL;
    CM_TRY(read_input(s, f, "sizes", 2, sizes_shape, &sizes));
    const cm_unet_config *c = cm_unet_get_config(s->unet);
    const size_t numbers = sizes_shape[1] * c->added_time_dim;
    if (numbers >= c->added_width) return cm_fail(CM_EFORMAT, "'sizes' has %zu numbers, too many", sizes_shape[1]);
    pooled_shape[1] = c->added_width - numbers;
    CM_TRY(read_input(s, f, "pooled", 2, pooled_shape, &pooled));
    cm_tensor *p = cm_tensor_copy(&s->g, CM_SHAPE(pooled_shape[0], pooled_shape[1]), pooled);
    s->text = cm_unet_add_conditions(&s->g, s->unet, text, p, sizes, sizes_shape[1], &s->arena);
    return cm_ctx_check(&s->g);
}

static cm_status prepare_unet(cm_stage *s, const cm_safetensors *f) {
    const cm_unet_config *c = cm_unet_get_config(s->unet);
    size_t text_shape[3] = {0, 0, c->cross_attention_dim};
    float *values = NULL;
    s->shape[1] = c->in_channels;
    CM_TRY(read_input(s, f, "latents", 4, s->shape, &s->latents));
    CM_TRY(read_input(s, f, "timestep", 1, s->shape, &s->times));
    text_shape[0] = s->shape[0];
    CM_TRY(read_input(s, f, "text", 3, text_shape, &values));
    memcpy(s->output_shape, s->shape, sizeof s->shape);
    s->output_shape[1] = c->out_channels;
    cm_tensor *hidden = cm_tensor_copy(&s->g, CM_SHAPE(text_shape[0], text_shape[1], text_shape[2]), values);
    CM_TRY(cm_ctx_check(&s->g));
    cm_unet_text *text = cm_unet_prepare_text(&s->g, s->unet, hidden, &s->arena);
    CM_TRY(cm_ctx_check(&s->g));
    s->text = text;
    return c->added_width ? add_conditions(s, f, text) : CM_OK;
}

static cm_status prepare_decode(cm_stage *s, const cm_safetensors *f) {
    const cm_vae_config *c = cm_vae_get_config(s->vae);
    const size_t factor = cm_vae_factor(s->vae);
    s->shape[1] = c->latent_channels;
    CM_TRY(read_input(s, f, "latents", 4, s->shape, &s->latents));
    const size_t shape[4] = {s->shape[0], c->out_channels, factor * s->shape[2], factor * s->shape[3]};
    memcpy(s->output_shape, shape, sizeof shape);
    return CM_OK;
}

static cm_status prepare_inception(cm_stage *s, const cm_safetensors *f) {
    s->shape[1] = 3;
    s->shape[2] = s->shape[3] = CM_INCEPTION_SIDE;
    CM_TRY(read_input(s, f, "pixels", 4, s->shape, &s->latents));
    const size_t shape[4] = {s->shape[0], CM_INCEPTION_POOL, 1, 1};
    memcpy(s->output_shape, shape, sizeof shape);
    return CM_OK;
}

static size_t count_of(const size_t *shape) {
    return shape[0] * shape[1] * shape[2] * shape[3];
}

static cm_status read_inputs(cm_stage *s, const char *path) {
    cm_safetensors *f;
    CM_TRY(cm_safetensors_open(&f, path));
    cm_status status = s->stage == UNET     ? prepare_unet(s, f)
                       : s->stage == DECODE ? prepare_decode(s, f)
                                            : prepare_inception(s, f);
    cm_safetensors_close(&f);
    if (status != CM_OK) return cm_fail_in(status, "%s", path);
    s->output = CM_PUSH(&s->arena, float, count_of(s->output_shape));
    return cm_arena_check(&s->arena);
}

/* --- opening -------------------------------------------------------------- */

static cm_status open_inception(cm_stage *s, const char *model) {
    const cm_inception_kind kind = s->stage == INCEPTION ? CM_INCEPTION_FID : CM_INCEPTION_TORCHVISION;
    CM_TRY(cm_params_open(&s->weights.params, model));
    CM_TRY(cm_inception_build(&s->inception, kind, s->weights.params, &s->arena));
    cm_params_freeze(s->weights.params);
    return CM_OK;
}

static cm_status open_network(cm_stage *s, const char *model) {
    if (s->stage >= INCEPTION) return open_inception(s, model);
    const char *folder = cm_arena_print(&s->arena, "%s/%s", model, s->stage == DECODE ? "vae" : "unet");
    CM_TRY(cm_arena_check(&s->arena));
    if (!cm_path_is_dir(folder)) return cm_fail(CM_EUSAGE, "%s: no such folder; 'cosmicman export' makes them", folder);
    return s->stage == DECODE ? cm_open_vae(&s->weights, cm_in_folder(folder), &s->arena, &s->vae)
                              : cm_open_unet(&s->weights, cm_in_folder(folder), &s->arena, &s->unet);
}

static void make_lean(cm_stage *s) {
    const bool decodes = s->stage == DECODE;
    cm_params_lean(s->weights.params, decodes ? SIZE_MAX : cm_params_lean_room(s->weights.params));
    if (decodes) cm_vae_set_band(s->vae, CM_VAE_LEAN_BAND);
}

cm_status cm_stage_open(cm_stage **out, const char *model, const char *stage, const char *inputs, const cm_ops *backend,
                        int threads, bool lean) {
    cm_stage *s = calloc(1, sizeof *s);
    if (!s) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&s->arena, 0);
    cm_ctx_init(&s->g, backend, threads);
    while (cm_stage_names[s->stage + 1] && strcmp(stage, cm_stage_names[s->stage]) != 0) s->stage++;
    cm_status status = open_network(s, model);
    if (status == CM_OK && lean) make_lean(s);
    if (status == CM_OK) status = read_inputs(s, inputs);
    cm_ctx_reset(&s->g);
    if (status == CM_OK) *out = s;
    else cm_stage_close(&s);
    return status;
}

void cm_stage_close(cm_stage **s) {
    if (!*s) return;
    cm_ctx_free(&(*s)->g);
    cm_open_network_close(&(*s)->weights);
    cm_arena_free(&(*s)->arena);
    free(*s);
    *s = NULL;
}

/* --- running -------------------------------------------------------------- */

/* [n,C,cells] -> [n,cells,C], and back with the two sizes exchanged */
static void turn(const float *from, size_t n, size_t rows, size_t columns, float *to) {
    for (size_t b = 0; b < n; b++, from += rows * columns, to += rows * columns)
        for (size_t i = 0; i < columns; i++)
            for (size_t k = 0; k < rows; k++) to[i * rows + k] = from[k * columns + i];
}

static cm_tensor *forward(cm_stage *s, cm_tensor *x) {
    cm_inception_out features;
    if (s->stage == UNET) return cm_unet_forward(&s->g, s->unet, x, s->times, s->text);
    if (s->stage == DECODE) return cm_vae_decode(&s->g, s->vae, x);
    cm_inception_forward(&s->g, s->inception, x, CM_INCEPTION_WANT_POOL, &features);
    return features.pool;
}

cm_status cm_stage_run(cm_stage *s, double *seconds) {
    const size_t *in = s->shape, *out = s->output_shape;
    const double start = cm_now();
    cm_ctx_reset(&s->g);
    cm_tensor *x = cm_tensor_new(&s->g, CM_SHAPE(in[0], in[2], in[3], in[1]));
    CM_TRY(cm_ctx_check(&s->g));
    turn(s->latents, in[0], in[1], in[2] * in[3], x->data);
    const cm_tensor *y = forward(s, x);
    CM_TRY(cm_ctx_check(&s->g));
    turn(y->data, out[0], out[2] * out[3], out[1], s->output);
    *seconds = cm_now() - start;
    return CM_OK;
}

cm_status cm_stage_write(const cm_stage *s, const char *path) {
    static const char *const names[] = {"noise", "pixels", "features", "features"};
    const cm_store_item item = {.name = names[s->stage],
                                .dtype = CM_F32,
                                .ndim = s->stage >= INCEPTION ? 2 : 4,
                                .shape = s->output_shape,
                                .floats = s->output};
    return cm_safetensors_write(path, &item, 1, NULL);
}
