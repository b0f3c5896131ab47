// SPDX-License-Identifier: Apache-2.0
#include "core/io/pickle.h"
#include "core/io/tensor_file.h"
#include "core/networks/clip_pair.h"
#include "core/networks/dinov2.h"
#include "core/networks/checkpoint_keys.h"
#include "core/networks/param_files.h"
#include "core/networks/params.h"
#include "core/base/system.h"
#include "tests/fuzz/fuzz.h"

/* Every byte that a tensor says it has. */
static void touch(const cm_stored *t) {
    const unsigned char *p = t->data;
    float value;
    for (size_t k = 0; k < t->count; k++) cm_to_float(t->dtype, p + k * cm_dtype_size(t->dtype), 1, &value);
}

static cm_status read_torch(const char *path) {
    cm_tensor_file *f = NULL;
    CM_TRY(cm_tensor_file_open(&f, path));
    for (size_t i = 0; i < cm_tensor_file_count(f); i++) {
        touch(cm_tensor_file_at(f, i));
        cm_tensor_file_find(f, cm_tensor_file_at(f, i)->name);
    }
    cm_tensor_file_close(&f);
    return CM_OK;
}

/* A pickle alone, and its tree down to some depth. */
static size_t walk(const cm_pickled *v, size_t depth) {
    if (v->kind < CM_PICKLE_LIST || depth == 0) return 1;
    size_t nodes = walk(&v->is.node->first, depth - 1) + walk(&v->is.node->second, depth - 1) +
                   walk(&v->is.node->state, depth - 1);
    for (size_t i = 0; i < v->is.node->count && i < 8; i++) nodes += walk(&v->is.node->items[i], depth - 1);
    return nodes;
}

static cm_status read_pickle(const char *path) {
    cm_arena a;
    cm_pickled root;
    char *text;
    size_t bytes;
    cm_arena_init(&a, 0);
    cm_status s = cm_read_text(path, 1 << 20, &a, &text, &bytes);
    if (s == CM_OK) s = cm_pickle_read((const unsigned char *)text, bytes, &a, &root);
    if (s == CM_OK) walk(&root, 6);
    cm_arena_free(&a);
    return s;
}

/* path: an index; its shards lie beside it. */
static cm_status read_shards(const char *path) {
    cm_param_files *f = NULL;
    const cm_stored *t;
    CM_TRY(cm_param_files_open(&f, path));
    for (size_t i = 0; (t = cm_param_files_at(f, i)); i++) {
        touch(t);
        cm_param_files_find(f, t->name);
    }
    cm_param_files_close(&f);
    return CM_OK;
}

/* Every part of a checkpoint in the original layout that is of a known family. */
static cm_status read_single(const char *path) {
    cm_tensor_file *file = NULL;
    CM_TRY(cm_tensor_file_open(&file, path));
    const cm_ckpt_family family = cm_ckpt_family_of(file);
    cm_tensor_file_close(&file);
    if (family == CM_ORIGINAL_NONE) return cm_fail(CM_EFORMAT, "no such family");
    cm_status worst = CM_OK;
    for (cm_ckpt_part part = CM_ORIGINAL_UNET; part <= CM_ORIGINAL_TEXT_REFINER; part++) {
        cm_param_files *f = NULL;
        const cm_stored *t;
        const cm_status s = cm_param_files_open_original(&f, path, part);
        if (s != CM_OK) worst = s;
        for (size_t i = 0; f && (t = cm_param_files_at(f, i)); i++) touch(t);
        if (f) cm_param_files_close(&f);
    }
    return worst;
}

/* A CLIP pair whose shapes say the architecture, else a DINOv2. */
static cm_status read_vision(const char *path) {
    cm_clip_pair *p = NULL;
    cm_dinov2 *n = NULL;
    if (cm_clip_pair_open(&p, path, NULL) == CM_OK) {
        cm_clip_pair_close(&p);
        return CM_OK;
    }
    const cm_status s = cm_dinov2_open(&n, path, &(cm_dinov2_options){.size = 20});
    cm_dinov2_close(&n);
    return s;
}

#define TORCH "golden/torch/"
#define CORPUS "fuzz/corpus/good/"
static const char *const torches[] = {
    TORCH "plain.pt",  TORCH "protocol4.pt",  TORCH "nested.ckpt", TORCH "ema.pth",     TORCH "hostile.pt",
    TORCH "script.pt", TORCH "old_nested.pt", TORCH "bare.pt",     TORCH "old_bare.pt", NULL};
static const char *const pickles[] = {CORPUS "plain.pkl", CORPUS "protocol4.pkl", CORPUS "nested.pkl", NULL};
static const char *const indices[] = {CORPUS "shards/model.safetensors.index.json", NULL};
static const char *const torch_indices[] = {CORPUS "shards/pytorch_model.bin.index.json", NULL};
static const char *const singles[] = {CORPUS "single.safetensors", CORPUS "single_xl.safetensors",
                                      CORPUS "single_refiner.safetensors", NULL};

static const char *const visions[] = {"golden/clip_pair/openai.pt", "golden/dinov2/facebook.pth", NULL};

const fuzz_target fuzz_vision = {.name = "vision",
                                 .corpus = visions,
                                 .file = "model.pt",
                                 .most = 1 << 18,
                                 .repair = fuzz_drop_sums,
                                 .read = read_vision};
const fuzz_target fuzz_torch = {.name = "torch",
                                .corpus = torches,
                                .file = "model.pt",
                                .most = 1 << 15,
                                .repair = fuzz_drop_sums,
                                .read = read_torch};
const fuzz_target fuzz_pickle = {
    .name = "pickle", .corpus = pickles, .file = "data.pkl", .most = 1 << 15, .read = read_pickle};
const fuzz_target fuzz_shards = {.name = "shards",
                                 .corpus = indices,
                                 .file = "model.safetensors.index.json",
                                 .beside = CORPUS "shards",
                                 .most = 1 << 13,
                                 .read = read_shards};
const fuzz_target fuzz_torch_shards = {.name = "torch-shards",
                                       .corpus = torch_indices,
                                       .file = "pytorch_model.bin.index.json",
                                       .beside = CORPUS "shards",
                                       .most = 1 << 13,
                                       .read = read_shards};
const fuzz_target fuzz_single = {
    .name = "single", .corpus = singles, .file = "single.safetensors", .most = 1 << 15, .read = read_single};
