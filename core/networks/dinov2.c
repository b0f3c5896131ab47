// SPDX-License-Identifier: Apache-2.0
#include "core/networks/dinov2.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image.h"
#include "core/io/tensor_file.h"
#include "core/networks/blocks.h"
#include "core/networks/config.h"
#include "core/networks/open_network.h"

enum { HEAD = 64, USUAL_SIZE = 224, TRAINED = 37, PICTURE_TOKENS = 1600 };

struct cm_dinov2 {
    cm_dinov2_info info;
    cm_dinov2_config config;
    cm_params *params;
    cm_affine patch, norm;
    cm_tensor *class_token, *registers, *positions;
    cm_vit_layer *layers;
    float *class_position, *grid; /* [C], [side*side,C]: of images of this size */
    size_t side;
    cm_arena arena;
};

/* --- configuration -------------------------------------------------------------- */

cm_status cm_dinov2_configure(const json_t *config, cm_dinov2_config *out) {
    static const cm_config_rule rules[] = {{"model_type", "[\"dinov2\", \"dinov2_with_registers\"]"},
                                           {"num_channels", "[3]"},
                                           {"hidden_act", "[\"gelu\"]"},
                                           {"use_swiglu_ffn", "[false]"},
                                           {"qkv_bias", "[true]"},
                                           {NULL, NULL}};
    cm_config c = cm_config_begin(config, "DINOv2 config");
    cm_dinov2_config d = {0};
    d.hidden_size = cm_config_size(&c, "hidden_size", 768, 1, 1 << 16);
    d.intermediate_size = d.hidden_size * cm_config_size(&c, "mlp_ratio", 4, 1, 64);
    d.layers = cm_config_size(&c, "num_hidden_layers", 12, 1, 256);
    d.heads = cm_config_size(&c, "num_attention_heads", 12, 1, 1024);
    d.patch_size = cm_config_size(&c, "patch_size", 14, 1, 1024);
    d.layer_norm_eps = (float)cm_config_number(&c, "layer_norm_eps", 1e-6);
    const size_t image = cm_config_size(&c, "image_size", USUAL_SIZE, 1, 1 << 14);
    const char *type = cm_config_text(&c, "model_type", "dinov2");
    d.registers = strcmp(type, "dinov2") == 0 ? 0 : cm_config_size(&c, "num_register_tokens", 4, 0, 1024);
    CM_TRY(cm_config_end(&c, rules, NULL));
    d.trained = image / d.patch_size;
    if (d.hidden_size % d.heads || d.trained == 0)
        return cm_fail(CM_EFORMAT,
                       "DINOv2 config: \"hidden_size\" %zu and \"num_attention_heads\" %zu, or \"image_size\" %zu and "
                       "\"patch_size\" %zu, do not fit",
                       d.hidden_size, d.heads, image, d.patch_size);
    *out = d;
    return CM_OK;
}

static const struct known {
    const char *name;
    char letter;
    size_t width, layers;
} known[] = {{"dinov2-vit-s-14", 'S', 384, 12}, {"dinov2-vit-b-14", 'B', 768, 12}, {"dinov2-vit-l-14", 'L', 1024, 24}};
enum { KNOWN = sizeof known / sizeof *known };

static cm_status configure_named(const char *name, cm_dinov2_config *out) {
    const size_t length = strlen(name), registers = length > 5 && strcmp(name + length - 5, "-reg4") == 0 ? 4 : 0;
    for (size_t i = 0; i < KNOWN; i++) {
        const size_t n = strlen(known[i].name);
        if (strncmp(name, known[i].name, n) != 0 || length != n + (registers ? 5 : 0)) continue;
        *out = (cm_dinov2_config){
            known[i].width, 4 * known[i].width, known[i].layers, known[i].width / HEAD, 14, registers, TRAINED, 1e-6f};
        return CM_OK;
    }
    return cm_fail(CM_EUSAGE,
                   "'%.60s' is none of dinov2-vit-s-14, dinov2-vit-b-14, dinov2-vit-l-14, each perhaps with -reg4",
                   name);
}

/* A dimension of a stored tensor; 0: there is none of this name and so many dimensions. */
static size_t size_of(const cm_tensor_file *f, const char *name, int ndim, int i) {
    const cm_stored *t = cm_tensor_file_find(f, name);
    return t && t->ndim == ndim ? t->shape[i] : 0;
}

/* facebookresearch's names and shapes. */
static cm_status infer(const cm_tensor_file *f, cm_dinov2_config *out) {
    cm_dinov2_config c = {.layer_norm_eps = 1e-6f};
    char name[48];
    if (cm_tensor_file_find(f, "blocks.0.mlp.w12.weight"))
        return cm_fail(CM_EUNAVAILABLE, "its SwiGLU layers (ViT-g/14) are not built");
    c.hidden_size = size_of(f, "cls_token", 3, 2);
    c.patch_size = size_of(f, "patch_embed.proj.weight", 4, 3);
    c.intermediate_size = size_of(f, "blocks.0.mlp.fc1.weight", 2, 0);
    c.registers = size_of(f, "register_tokens", 3, 1);
    do {
        snprintf(name, sizeof name, "blocks.%zu.norm1.weight", c.layers);
    } while (cm_tensor_file_find(f, name) && ++c.layers < 256);
    const size_t positions = size_of(f, "pos_embed", 3, 1), cells = positions ? positions - 1 : 0;
    c.trained = (size_t)lround(sqrt((double)cells));
    c.heads = c.hidden_size / HEAD;
    if (!c.heads || c.hidden_size % HEAD || c.hidden_size > 1 << 16 || !c.patch_size || c.patch_size > 1024 ||
        !c.intermediate_size || !c.layers || !cells || c.trained * c.trained != cells || c.registers > 1024)
        return cm_fail(
            CM_EFORMAT,
            "not a DINOv2 of facebookresearch's (cls_token, pos_embed of a square grid, blocks.0.norm1.weight, "
            "heads of 64), nor a config.json beside it");
    *out = c;
    return CM_OK;
}

/* --- positions --------------------------------------------------------------------- */

/* Keys' cubic with a = -3/4 (torch's bicubic without antialias) at distance x. */
static double cubic(double x) {
    const double a = -0.75;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

typedef struct cubic_taps {
    size_t at[4];
    double weight[4];
} cubic_taps;

/* torch's scale is what interpolate was given, (to + 0.1)/from, not the ratio of the sizes. */
static cubic_taps taps_of(size_t i, size_t from, size_t to) {
    cubic_taps t;
    const double where = ((double)i + 0.5) * (double)from / ((double)to + 0.1) - 0.5, first = floor(where) - 1;
    for (int k = 0; k < 4; k++) {
        t.at[k] = (size_t)fmin(fmax(first + k, 0), (double)from - 1);
        t.weight[k] = cubic(where - (first + k));
    }
    return t;
}

static void stretch_plain(const float *x, size_t from, size_t to, size_t c, float *out) {
    for (size_t i = 0; i < to; i++) {
        const cubic_taps rows = taps_of(i, from, to);
        for (size_t j = 0; j < to; j++, out += c) {
            const cubic_taps columns = taps_of(j, from, to);
            for (size_t k = 0; k < c; k++) {
                double sum = 0;
                for (int r = 0; r < 4; r++)
                    for (int s = 0; s < 4; s++)
                        sum +=
                            rows.weight[r] * columns.weight[s] * (double)x[(rows.at[r] * from + columns.at[s]) * c + k];
                out[k] = (float)sum;
            }
        }
    }
}

cm_status cm_dinov2_stretch(const float *positions, size_t from, size_t to, size_t c, bool antialias, cm_arena *scratch,
                            float *out) {
    if (from != to && antialias) return cm_resize_float(positions, from, from, c, to, to, CM_BICUBIC, scratch, out);
    if (from == to) memcpy(out, positions, from * from * c * sizeof *out);
    else stretch_plain(positions, from, to, c, out);
    return CM_OK;
}

static cm_status set_positions(cm_dinov2 *n) {
    const cm_dinov2_config *c = &n->config;
    cm_pack_use(&n->positions->packs); /* values of a large table wait until they are wanted */
    const float *all = n->positions->data;
    n->class_position = CM_PUSH(&n->arena, float, c->hidden_size);
    n->grid = CM_PUSH(&n->arena, float, n->side * n->side * c->hidden_size);
    CM_TRY(cm_arena_check(&n->arena));
    memcpy(n->class_position, all, c->hidden_size * sizeof *all);
    return cm_dinov2_stretch(all + c->hidden_size, c->trained, n->side, c->hidden_size, c->registers > 0, &n->arena,
                             n->grid);
}

/* --- opening --------------------------------------------------------------------------- */

static const cm_vit_names layer_names = {"norm1",
                                         "attention.attention.query",
                                         "attention.attention.key",
                                         "attention.attention.value",
                                         "attention.output.dense",
                                         "norm2",
                                         "mlp.fc1",
                                         "mlp.fc2",
                                         "layer_scale1.lambda1",
                                         "layer_scale2.lambda1"};

static cm_vit_shape shape_of(const cm_dinov2_config *c) {
    return (cm_vit_shape){c->hidden_size, c->intermediate_size, c->heads, c->layer_norm_eps, CM_GELU, false};
}

static void ask(cm_dinov2 *n) {
    const cm_dinov2_config *c = &n->config;
    const size_t width = c->hidden_size;
    const cm_vit_shape shape = shape_of(c);
    cm_params *p = n->params;
    n->class_token = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1, 1, width), "embeddings.cls_token");
    if (c->registers)
        n->registers = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1, c->registers, width), "embeddings.register_tokens");
    n->positions = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1, c->trained * c->trained + 1, width),
                            "embeddings.position_embeddings");
    n->patch = cm_affine_conv(p, width, 3, c->patch_size, "embeddings.patch_embeddings.projection");
    n->layers = cm_vit_build(p, &shape, &layer_names, "encoder.layer", c->layers, &n->arena);
    n->norm = cm_affine_norm(p, width, "layernorm");
    if (cm_param_exists(p, "embeddings.mask_token"))
        cm_param(p, CM_INIT_ZERO, CM_SHAPE(1, width), "embeddings.mask_token");
}

static cm_status set_size(cm_dinov2 *n) {
    const size_t patch = n->config.patch_size, size = n->info.width;
    if (size % patch || size > 1 << 14)
        return cm_fail(CM_EUSAGE, "images of %zu pixels: not a multiple of the patches' %zu, or too large", size,
                       patch);
    n->side = size / patch;
    return CM_OK;
}

static cm_status build(void *arg, const json_t *config, cm_params *p) {
    cm_dinov2 *n = arg;
    n->params = p;
    CM_TRY(cm_dinov2_configure(config, &n->config));
    CM_TRY(set_size(n));
    ask(n);
    return cm_arena_check(&n->arena);
}

static cm_status open_folder(cm_dinov2 *n, const char *folder) {
    cm_open_network f;
    const cm_status s = cm_open_network_from(&f, (cm_network_source){.folder = folder, .tells = true}, build, n);
    n->params = f.params; /* NULL on failure */
    json_decref(f.config);
    return s;
}

/* A file that lies alone: its weights' names and shapes say what it is. */
static cm_status open_file(cm_dinov2 *n, const char *path) {
    cm_tensor_file *f = NULL;
    CM_TRY(cm_tensor_file_open(&f, path));
    const cm_status s = infer(f, &n->config);
    cm_tensor_file_close(&f);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    return cm_params_open_original(&n->params, path, CM_ORIGINAL_DINOV2);
}

static cm_status open_random(cm_dinov2 *n, const char *name, uint64_t seed) {
    CM_TRY(configure_named(name, &n->config));
    return cm_params_create(&n->params, seed);
}

static cm_status open_weights(cm_dinov2 *n, const char *path, uint64_t seed) {
    const bool random = strncmp(path, "random:", 7) == 0;
    if (!random && cm_path_is_dir(path)) return open_folder(n, path);
    CM_TRY(random ? open_random(n, path + 7, seed) : open_file(n, path));
    CM_TRY(set_size(n));
    ask(n);
    CM_TRY(cm_params_check(n->params, true));
    cm_params_freeze(n->params);
    return cm_arena_check(&n->arena);
}

static void fill_info(cm_dinov2 *n, const char *path) {
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    const cm_dinov2_config *c = &n->config;
    n->info.path = cm_arena_string(&n->arena, path);
    n->info.features = c->hidden_size;
    memcpy(n->info.mean, mean, sizeof mean);
    memcpy(n->info.std, std, sizeof std);
    const char *registers = c->registers ? cm_arena_print(&n->arena, " reg%zu", c->registers) : "";
    n->info.name =
        cm_arena_print(&n->arena, "DINOv2 %zux%zu/%zu%s", c->layers, c->hidden_size, c->patch_size, registers);
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].width == c->hidden_size && known[i].layers == c->layers && c->patch_size == 14)
            n->info.name = cm_arena_print(&n->arena, "DINOv2 ViT-%c/14%s", known[i].letter, registers);
}

cm_status cm_dinov2_open(cm_dinov2 **out, const char *path, const cm_dinov2_options *options) {
    const cm_dinov2_options o = options ? *options : (cm_dinov2_options){0};
    cm_dinov2 *n = calloc(1, sizeof *n);
    if (!n) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    cm_arena_init(&n->arena, 1 << 16);
    n->info.width = n->info.height = o.size ? o.size : USUAL_SIZE;
    cm_status s = open_weights(n, path, o.seed);
    if (s == CM_OK) s = set_positions(n);
    if (s == CM_OK) {
        fill_info(n, path);
        s = cm_arena_check(&n->arena);
    }
    if (s == CM_OK) *out = n;
    else cm_dinov2_close(&n);
    return s;
}

void cm_dinov2_close(cm_dinov2 **n) {
    if (!*n) return;
    cm_params_close(&(*n)->params);
    cm_arena_free(&(*n)->arena);
    free(*n);
    *n = NULL;
}

const cm_dinov2_info *cm_dinov2_get_info(const cm_dinov2 *n) {
    return &n->info;
}

cm_status cm_dinov2_hash(const cm_dinov2 *n, char out[65]) {
    return cm_params_hash(n->params, out);
}

/* --- running ------------------------------------------------------------------------------ */

/* [count,tokens,C]: class token, registers (which have no position), patches */
static cm_tensor *embed(cm_ctx *g, const cm_dinov2 *n, cm_tensor *pixels) {
    const cm_dinov2_config *c = &n->config;
    if (!pixels) return NULL;
    const size_t count = pixels->shape[0], cells = n->side * n->side;
    cm_tensor *x = cm_conv2d(g, pixels, n->patch.weight, n->patch.bias, c->patch_size, CM_PAD_NONE);
    x = cm_then(g, x, cm_view(g, x, CM_SHAPE(count, cells, c->hidden_size)));
    cm_tensor *grid = cm_tensor_copy(g, CM_SHAPE(cells, c->hidden_size), n->grid);
    x = cm_then(g, x, cm_add_broadcast(g, x, grid));
    cm_drop(g, grid);
    if (n->registers) x = cm_then(g, x, cm_vit_prepend(g, n->registers, c->registers, x));
    cm_tensor *where = cm_tensor_copy(g, CM_SHAPE(1, 1, c->hidden_size), n->class_position);
    where = cm_then(g, where, cm_add(g, where, n->class_token));
    x = cm_then(g, x, cm_vit_prepend(g, where, 1, x));
    cm_drop(g, where);
    return x;
}

static cm_tensor *forward(cm_ctx *g, const cm_dinov2 *n, cm_tensor *pixels) {
    const cm_dinov2_config *c = &n->config;
    const cm_vit_shape shape = shape_of(c);
    cm_tensor *x = embed(g, n, pixels);
    for (size_t i = 0; i + 1 < c->layers; i++) x = cm_then(g, x, cm_vit_run(g, &n->layers[i], &shape, x));
    x = cm_then(g, x, cm_vit_run_first(g, &n->layers[c->layers - 1], &shape, x));
    return cm_then(g, x, cm_layer_norm(g, x, n->norm.weight, n->norm.bias, c->layer_norm_eps));
}

cm_status cm_dinov2_images(const cm_dinov2 *n, cm_ctx *g, const float *pixels, size_t count, float *out) {
    const size_t tokens = n->side * n->side + 1 + n->config.registers, values = n->info.width * n->info.height * 3;
    const size_t most = PICTURE_TOKENS / tokens ? PICTURE_TOKENS / tokens : 1;
    cm_status s = CM_OK;
    for (size_t i = 0; i < count && s == CM_OK; i += most) {
        const size_t some = count - i < most ? count - i : most;
        cm_ctx_reset(g);
        cm_tensor *x = cm_tensor_copy(g, CM_SHAPE(some, n->info.height, n->info.width, 3), pixels + i * values);
        s = cm_vit_take(g, forward(g, n, x), i, out, "the feature of image");
    }
    cm_ctx_reset(g);
    return s;
}
