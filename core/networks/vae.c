// SPDX-License-Identifier: Apache-2.0
#include "core/networks/vae.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/networks/blocks.h"
#include "core/networks/config.h"
#include "core/tensor/bands.h"

enum { MAX_BLOCKS = 8, MAX_LAYERS = 9, BAND_BYTES = 64 << 20, MARGIN = 4 /* lines */ };

static const float eps = 1e-6f; /* diffusers fixes it for the whole autoencoder */

/* One head over all channels. */
typedef struct attention {
    cm_affine norm, q, k, v, o;
} attention;

typedef struct level {
    size_t layers;
    cm_resnet resnets[MAX_LAYERS];
    cm_affine sampler; /* weight NULL: none */
} level;

typedef struct half {
    cm_affine conv_in, norm_out, conv_out;
    level levels[MAX_BLOCKS];
    cm_resnet mid[2];
    attention attention;
} half;

struct cm_vae {
    cm_vae_config config;
    half encoder, decoder;
    cm_affine quant, post_quant; /* weight NULL: none */
    size_t band_bytes;
};

/* --- config --------------------------------------------------------------------- */

static const cm_config_rule rules[] = {
    {"act_fn", "[\"silu\", \"swish\"]"},
    {NULL, NULL},
};

static const char *const known[] = {
    "block_out_channels",
    "down_block_types",
    "in_channels",
    "latent_channels",
    "layers_per_block",
    "mid_block_add_attention",
    "norm_num_groups",
    "out_channels",
    "scaling_factor",
    "up_block_types",
    "use_post_quant_conv",
    "use_quant_conv",
    "latents_mean",
    "latents_std",
    /* no meaning for float32; the pipelines of Stable Diffusion 1, 2 and XL do not look at shift_factor */
    "force_upcast",
    "sample_size",
    "shift_factor",
    NULL,
};

static void only_blocks(cm_config *c, const char *key, const char *type, size_t count) {
    for (size_t i = 0; c->status == CM_OK && i < count; i++) {
        const char *name = cm_config_item(c, key, i);
        if (c->status == CM_OK && strcmp(name, type) != 0)
            c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" has '%s'; known is %s", c->what, key, name, type);
    }
    if (c->status == CM_OK && cm_config_length(c, key) != count)
        c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" and \"block_out_channels\" differ in length", c->what, key);
}

static void read_statistics(cm_config *c, const char *key, size_t count, float *out) {
    const json_t *list = json_object_get(c->json, key);
    for (size_t i = 0; c->status == CM_OK && i < count; i++) {
        const json_t *x = json_array_get(list, i);
        if (!json_is_number(x) || json_array_size(list) != count)
            c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" is not a list of %zu numbers", c->what, key, count);
        else out[i] = (float)json_number_value(x);
    }
}

static void statistics(cm_config *c, cm_vae_config *v) {
    v->has_statistics = cm_config_has(c, "latents_mean") && cm_config_has(c, "latents_std");
    if (!v->has_statistics || c->status != CM_OK) return;
    if (v->latent_channels > CM_VAE_STATISTICS)
        c->status = cm_fail(CM_EFORMAT, "%s: \"latents_mean\" of more than %d channels", c->what, CM_VAE_STATISTICS);
    read_statistics(c, "latents_mean", v->latent_channels, v->mean);
    read_statistics(c, "latents_std", v->latent_channels, v->std);
}

cm_status cm_vae_configure(const json_t *config, cm_vae_config *out) {
    static const char *const not_null[] = {"block_out_channels",
                                           "in_channels",
                                           "latent_channels",
                                           "layers_per_block",
                                           "mid_block_add_attention",
                                           "norm_num_groups",
                                           "out_channels",
                                           "scaling_factor",
                                           "use_post_quant_conv",
                                           "use_quant_conv",
                                           NULL};
    static const char *const classes[] = {"AutoencoderKL", "FlaxAutoencoderKL", NULL};
    cm_config c = cm_config_begin(config, "autoencoder config");
    cm_vae_config v = {0};
    v.blocks = cm_config_length(&c, "block_out_channels");
    if (c.status == CM_OK && (v.blocks < 1 || v.blocks > MAX_BLOCKS))
        c.status =
            cm_fail(CM_EFORMAT, "autoencoder config: \"block_out_channels\" must list 1 to %d numbers", MAX_BLOCKS);
    cm_config_class(&c, classes);
    cm_config_refuse_nulls(&c, not_null);
    if (c.status != CM_OK) return c.status;
    cm_config_sizes(&c, "block_out_channels", 1, 1, 1 << 16, v.blocks, v.channels);
    only_blocks(&c, "down_block_types", "DownEncoderBlock2D", v.blocks);
    only_blocks(&c, "up_block_types", "UpDecoderBlock2D", v.blocks);
    v.in_channels = cm_config_size(&c, "in_channels", 3, 1, 4096);
    v.out_channels = cm_config_size(&c, "out_channels", 3, 1, 4096);
    v.latent_channels = cm_config_size(&c, "latent_channels", 4, 1, 4096);
    v.layers_per_block = cm_config_size(&c, "layers_per_block", 1, 1, MAX_LAYERS - 1);
    v.norm_groups = cm_config_size(&c, "norm_num_groups", 32, 1, 4096);
    v.scaling_factor = (float)cm_config_number(&c, "scaling_factor", 0.18215);
    statistics(&c, &v);
    v.use_quant_conv = cm_config_bool(&c, "use_quant_conv", true);
    v.use_post_quant_conv = cm_config_bool(&c, "use_post_quant_conv", true);
    v.mid_block_add_attention = cm_config_bool(&c, "mid_block_add_attention", true);
    CM_TRY(cm_config_end(&c, rules, known));
    for (size_t i = 0; i < v.blocks; i++)
        if (v.channels[i] % v.norm_groups)
            return cm_fail(CM_EFORMAT,
                           "autoencoder config: \"block_out_channels\" %zu is not a multiple of "
                           "\"norm_num_groups\" %zu",
                           v.channels[i], v.norm_groups);
    if (!(v.scaling_factor > 0)) return cm_fail(CM_EFORMAT, "autoencoder config: \"scaling_factor\" is not above zero");
    *out = v;
    return CM_OK;
}

/* --- build ------------------------------------------------------------------------ */

/* Files from before diffusers 0.18 (Stable Diffusion's among them) call the parts query, key, value, proj_attn. */
static void build_attention(attention *a, cm_params *p, const char *name, size_t channels) {
    static const char *const names[2][4] = {{"to_q", "to_k", "to_v", "to_out.0"},
                                            {"query", "key", "value", "proj_attn"}};
    char older[120];
    snprintf(older, sizeof older, "%s.query.weight", name);
    const char *const *part = names[cm_param_exists(p, older)];
    a->norm = cm_affine_norm(p, channels, "%s.group_norm", name);
    a->q = cm_affine_linear(p, channels, channels, "%s.%s", name, part[0]);
    a->k = cm_affine_linear(p, channels, channels, "%s.%s", name, part[1]);
    a->v = cm_affine_linear(p, channels, channels, "%s.%s", name, part[2]);
    a->o = cm_affine_linear(p, channels, channels, "%s.%s", name, part[3]);
}

static void build_mid(half *h, cm_params *p, const char *name, const cm_vae_config *c) {
    const size_t channels = c->channels[c->blocks - 1];
    char part[100];
    for (size_t i = 0; i < 2; i++) {
        snprintf(part, sizeof part, "%s.mid_block.resnets.%zu", name, i);
        cm_resnet_build(&h->mid[i], p, part, channels, channels, 0, c->norm_groups, eps);
    }
    snprintf(part, sizeof part, "%s.mid_block.attentions.0", name);
    if (c->mid_block_add_attention) build_attention(&h->attention, p, part, channels);
}

static void build_level(level *l, cm_params *p, const char *name, size_t layers, size_t in, size_t out, size_t groups) {
    l->layers = layers;
    for (size_t j = 0; j < layers; j++) {
        char part[100];
        snprintf(part, sizeof part, "%s.resnets.%zu", name, j);
        cm_resnet_build(&l->resnets[j], p, part, j ? out : in, out, 0, groups, eps);
    }
}

static void build_encoder(half *h, cm_params *p, const cm_vae_config *c) {
    h->conv_in = cm_affine_conv(p, c->channels[0], c->in_channels, 3, "encoder.conv_in");
    for (size_t i = 0; i < c->blocks; i++) {
        char name[64];
        snprintf(name, sizeof name, "encoder.down_blocks.%zu", i);
        const size_t in = c->channels[i ? i - 1 : 0], out = c->channels[i];
        build_level(&h->levels[i], p, name, c->layers_per_block, in, out, c->norm_groups);
        if (i + 1 < c->blocks) h->levels[i].sampler = cm_affine_conv(p, out, out, 3, "%s.downsamplers.0.conv", name);
    }
    build_mid(h, p, "encoder", c);
    const size_t last = c->channels[c->blocks - 1];
    h->norm_out = cm_affine_norm(p, last, "encoder.conv_norm_out");
    h->conv_out = cm_affine_conv(p, 2 * c->latent_channels, last, 3, "encoder.conv_out");
}

static void build_decoder(half *h, cm_params *p, const cm_vae_config *c) {
    const size_t last = c->blocks - 1;
    h->conv_in = cm_affine_conv(p, c->channels[last], c->latent_channels, 3, "decoder.conv_in");
    build_mid(h, p, "decoder", c);
    for (size_t i = 0; i < c->blocks; i++) {
        char name[64];
        snprintf(name, sizeof name, "decoder.up_blocks.%zu", i);
        const size_t in = c->channels[i ? last - i + 1 : last], out = c->channels[last - i];
        build_level(&h->levels[i], p, name, c->layers_per_block + 1, in, out, c->norm_groups);
        if (i < last) h->levels[i].sampler = cm_affine_conv(p, out, out, 3, "%s.upsamplers.0.conv", name);
    }
    h->norm_out = cm_affine_norm(p, c->channels[0], "decoder.conv_norm_out");
    h->conv_out = cm_affine_conv(p, c->out_channels, c->channels[0], 3, "decoder.conv_out");
}

cm_status cm_vae_build(cm_vae **out, const cm_vae_config *c, cm_params *p, cm_arena *arena) {
    cm_vae *n = CM_PUSH_ZERO(arena, cm_vae, 1);
    CM_TRY(cm_arena_check(arena));
    n->config = *c;
    n->band_bytes = BAND_BYTES;
    const size_t z = c->latent_channels;
    build_encoder(&n->encoder, p, c);
    if (c->use_quant_conv) n->quant = cm_affine_conv(p, 2 * z, 2 * z, 1, "quant_conv");
    if (c->use_post_quant_conv) n->post_quant = cm_affine_conv(p, z, z, 1, "post_quant_conv");
    build_decoder(&n->decoder, p, c);
    *out = n;
    return CM_OK;
}

const cm_vae_config *cm_vae_get_config(const cm_vae *n) {
    return &n->config;
}

size_t cm_vae_factor(const cm_vae *n) {
    return (size_t)1 << (n->config.blocks - 1);
}

/* --- forward ------------------------------------------------------------------------ */

static cm_tensor *run_attention(cm_ctx *g, const attention *a, cm_tensor *x, size_t groups) {
    if (!x) return NULL;
    const size_t n = x->shape[0], tokens = x->shape[1] * x->shape[2], c = x->shape[3];
    cm_tensor *h = cm_group_norm(g, x, a->norm.weight, a->norm.bias, groups, eps, CM_IDENTITY);
    h = cm_then(g, h, cm_view(g, h, CM_SHAPE(n, tokens, c)));
    cm_tensor *q = cm_apply_linear(g, h, a->q), *k = cm_apply_linear(g, h, a->k), *v = cm_apply_linear(g, h, a->v);
    cm_drop(g, h);
    h = cm_attention(g, q, k, v, 1, 0.0f, false, NULL);
    cm_drop(g, q);
    cm_drop(g, k);
    cm_drop(g, v);
    h = cm_then(g, h, cm_apply_linear_plus(g, h, a->o, x));
    return cm_then(g, h, cm_view(g, h, CM_SHAPE(n, x->shape[1], x->shape[2], c)));
}

/* These take x over: it is dropped. */
static cm_tensor *run_mid(cm_ctx *g, const half *f, cm_tensor *x, size_t groups) {
    x = cm_then(g, x, cm_resnet_forward(g, &f->mid[0], x, NULL));
    if (f->attention.q.weight) x = cm_then(g, x, run_attention(g, &f->attention, x, groups));
    return cm_then(g, x, cm_resnet_forward(g, &f->mid[1], x, NULL));
}

static cm_tensor *run_level(cm_ctx *g, const level *l, cm_tensor *x) {
    for (size_t j = 0; j < l->layers; j++) x = cm_then(g, x, cm_resnet_forward(g, &l->resnets[j], x, NULL));
    return x;
}

static cm_tensor *run_out(cm_ctx *g, const half *f, cm_tensor *x, size_t groups) {
    const cm_group norm = {f->norm_out.weight, f->norm_out.bias, groups, eps, CM_SILU};
    return cm_then(g, x, cm_group_norm_conv2d(g, x, norm, f->conv_out.weight, f->conv_out.bias, NULL, NULL));
}

void cm_vae_encode(cm_ctx *g, const cm_vae *n, cm_tensor *pixels, cm_tensor **mean, cm_tensor **logvar) {
    const cm_vae_config *c = &n->config;
    const half *f = &n->encoder;
    cm_tensor *x = cm_apply_conv(g, pixels, f->conv_in);
    for (size_t i = 0; i < c->blocks; i++) {
        const cm_affine s = f->levels[i].sampler;
        x = run_level(g, &f->levels[i], x);
        if (s.weight) x = cm_then(g, x, cm_conv2d(g, x, s.weight, s.bias, 2, CM_PAD_DOWN_RIGHT));
    }
    x = run_mid(g, f, x, c->norm_groups);
    x = run_out(g, f, x, c->norm_groups);
    if (n->quant.weight) x = cm_then(g, x, cm_apply_conv(g, x, n->quant));
    if (mean) *mean = cm_slice_last(g, x, 0, c->latent_channels);
    if (logvar) {
        cm_tensor *v = cm_slice_last(g, x, c->latent_channels, c->latent_channels);
        *logvar = cm_then(g, v, cm_clamp(g, v, -30.0f, 20.0f));
    }
    cm_drop(g, x);
}

/* --- the decoder's last level in bands ------------------------------------------------
 *
 * Whole, an image of 1024x1024 has tensors of 1 GiB here (the doubled image), and 512 MiB: x, the middle, the shortcut
 * and the sum of the first residual block are 2.5 GiB. In bands the doubled image never lies whole: its convolution is
 * done twice, once for the norm's statistics (and the shortcut), once for what follows, a twentieth of the decoder's
 * time with a folded kernel, and the sum takes the shortcut's place: 1.25 GiB. Doing the other convolutions twice too
 * would save the middle tensor for a fifth more time. Of smaller images (512x512: 256 MiB) the doubled image is kept.
 */

enum { KEPT = 6 /* bands' bytes of the doubled image, at most */ };

static size_t band_lines(const cm_vae *n, size_t height, size_t width) {
    const size_t c = n->config.channels[n->config.blocks > 1], line = width * c * sizeof(float),
                 step = cm_band_step(width);
    if (n->config.blocks < 2 || height * line <= 2 * n->band_bytes) return height;
    const size_t steps = n->band_bytes / line / step;
    return steps ? steps * step : step;
}

void cm_vae_set_band(cm_vae *n, size_t bytes) {
    n->band_bytes = bytes;
}

size_t cm_vae_bands(const cm_vae *n, size_t height, size_t width) {
    const size_t lines = band_lines(n, height, width);
    return lines < height ? (height + lines - 1) / lines : 1;
}

/* What is whole there: the low image, the sum (the shortcut first), the middle of a residual block. */
typedef struct tail {
    cm_ctx *g;
    const half *f;
    size_t blocks, groups, lines; /* lines of a band */
    cm_band low, sum, middle, up; /* up: the doubled image where it is kept, else without data */
} tail;

static size_t band_at(const tail *t, size_t first) {
    return first + t->lines < t->sum.height ? t->lines : t->sum.height - first;
}

static cm_group tail_norm(const tail *t, cm_affine a) {
    return (cm_group){a.weight, a.bias, t->groups, eps, CM_SILU};
}

/* x, whole, through norm and convolution into y, a band at a time */
static void conv_by_bands(const tail *t, const cm_band *x, cm_affine norm, cm_affine conv, bool plus,
                          const cm_band *y) {
    const cm_group group = tail_norm(t, norm);
    cm_band_norm n;
    if (t->g->status != CM_OK || !cm_band_norm_begin(t->g, &group, x->channels, &n)) return;
    cm_band_norm_add(t->g, &n, x);
    cm_band_norm_end(&n);
    for (size_t at = 0; at < y->height; at += t->lines) {
        const cm_band band = cm_band_part(y, at, band_at(t, at));
        cm_band_conv(t->g, x, &n, conv.weight, conv.bias, plus, &band);
    }
}

/* Lines [first, first+count) of the doubled image; *held is to be dropped afterwards. */
static bool doubled(const tail *t, size_t first, size_t count, cm_band *lines, cm_tensor **held) {
    const cm_affine up = t->f->levels[t->blocks - 2].sampler;
    *held = NULL;
    if (t->up.data) {
        *lines = cm_band_part(&t->up, first, count);
        return true;
    }
    *lines = (cm_band){.first = first, .count = count};
    *held = cm_band_upsample_conv(t->g, &t->low, up.weight, up.bias, lines);
    return *held != NULL;
}

/* The first sweep over the doubled image: the norm's statistics, and the shortcut. */
static void first_sweep(const tail *t, const cm_resnet *r, cm_band_norm *n) {
    for (size_t at = 0; at < t->sum.height; at += t->lines) {
        const cm_band to = cm_band_part(&t->sum, at, band_at(t, at));
        cm_band x;
        cm_tensor *held;
        if (!doubled(t, at, to.count, &x, &held)) return;
        cm_band_norm_add(t->g, n, &x);
        if (r->shortcut.weight) cm_band_conv(t->g, &x, NULL, r->shortcut.weight, r->shortcut.bias, false, &to);
        else memcpy(to.data, x.data, to.count * to.width * to.channels * sizeof(float));
        cm_drop(t->g, held);
    }
    cm_band_norm_end(n);
}

/* The second: the first convolution, which wants a line more on either side (four, for a tile of the doubling's begins
 * there). */
static void second_sweep(const tail *t, const cm_resnet *r, const cm_band_norm *n) {
    for (size_t at = 0; at < t->sum.height; at += t->lines) {
        const cm_band to = cm_band_part(&t->middle, at, band_at(t, at));
        const size_t from = at ? at - MARGIN : 0,
                     end = at + to.count + MARGIN < to.height ? at + to.count + MARGIN : to.height;
        cm_band x;
        cm_tensor *held;
        if (!doubled(t, from, end - from, &x, &held)) return;
        cm_band_conv(t->g, &x, n, r->conv1.weight, r->conv1.bias, false, &to);
        cm_drop(t->g, held);
    }
}

static void run_tail_image(tail *t, bool keep, const cm_band *pixels) {
    const level *l = &t->f->levels[t->blocks - 1];
    const cm_group norm = tail_norm(t, l->resnets[0].norm1);
    cm_band_norm n;
    if (!cm_band_norm_begin(t->g, &norm, cm_count(norm.weight), &n)) return;
    cm_tensor *kept = NULL;
    t->up = (cm_band){0};
    if (keep && !doubled(t, 0, t->sum.height, &t->up, &kept)) return;
    first_sweep(t, &l->resnets[0], &n);
    if (t->g->status != CM_OK) return;
    second_sweep(t, &l->resnets[0], &n);
    cm_drop(t->g, kept);
    for (size_t j = 0; j < l->layers; j++) {
        const cm_resnet *r = &l->resnets[j];
        if (j) conv_by_bands(t, &t->sum, r->norm1, r->conv1, false, &t->middle);
        conv_by_bands(t, &t->middle, r->norm2, r->conv2, true, &t->sum);
    }
    conv_by_bands(t, &t->sum, t->f->norm_out, t->f->conv_out, false, pixels);
}

/* x [n,h,w,c] before its last doubling -> pixels. x is taken over. */
static cm_tensor *run_tail(cm_ctx *g, const cm_vae *n, cm_tensor *x) {
    const cm_vae_config *c = &n->config;
    if (!x) return NULL;
    const size_t count = x->shape[0], h = 2 * x->shape[1], w = 2 * x->shape[2];
    const bool keep = h * w * c->channels[1] * sizeof(float) <= KEPT * n->band_bytes;
    if (!keep) cm_ctx_trim(g, h * w * c->channels[0] * sizeof(float));
    cm_tensor *sum = cm_tensor_new(g, CM_SHAPE(1, h, w, c->channels[0])),
              *middle = cm_tensor_new(g, CM_SHAPE(1, h, w, c->channels[0]));
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(count, h, w, c->out_channels));
    tail t = {.g = g, .f = &n->decoder, .blocks = c->blocks, .groups = c->norm_groups, .lines = band_lines(n, h, w)};
    t.sum = cm_band_of(sum, 0);
    t.middle = cm_band_of(middle, 0);
    for (size_t i = 0; y && i < count; i++) {
        const cm_band pixels = cm_band_of(y, i);
        t.low = cm_band_of(x, i);
        run_tail_image(&t, keep, &pixels);
    }
    cm_drop(g, sum);
    cm_drop(g, middle);
    cm_drop(g, x);
    return g->status == CM_OK ? y : NULL;
}

cm_tensor *cm_vae_decode(cm_ctx *g, const cm_vae *n, cm_tensor *latents) {
    const cm_vae_config *c = &n->config;
    const half *f = &n->decoder;
    assert(!latents || (latents->ndim == 4 && latents->shape[3] == c->latent_channels));
    cm_tensor *z = n->post_quant.weight ? cm_apply_conv(g, latents, n->post_quant) : NULL;
    cm_tensor *x = cm_then(g, z, cm_apply_conv(g, n->post_quant.weight ? z : latents, f->conv_in));
    x = run_mid(g, f, x, c->norm_groups);
    const bool bands = latents && !g->tape &&
                       cm_vae_bands(n, latents->shape[1] * cm_vae_factor(n), latents->shape[2] * cm_vae_factor(n)) > 1;
    for (size_t i = 0; i < c->blocks; i++) {
        const cm_affine s = f->levels[i].sampler;
        x = run_level(g, &f->levels[i], x);
        if (!s.weight) continue;
        if (bands && i + 2 == c->blocks) return run_tail(g, n, x);
        x = cm_then(g, x, cm_upsample_conv2d(g, x, s.weight, s.bias));
    }
    return run_out(g, f, x, c->norm_groups);
}
