// SPDX-License-Identifier: Apache-2.0
#include "core/generator/model_sources.h"

#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/system.h"
#include "core/io/hub.h"
#include "core/io/jsonl.h"

/* --- folders ---------------------------------------------------------------- */

/* What the towers' folders cannot say, from model_index.json where there is one. */
static cm_status read_index(const char *path, cm_model_entry *e) {
    json_t *said = NULL;
    e->zero_empty = true;
    if (!cm_path_exists(path)) return CM_OK;
    CM_TRY(cm_json_read(path, &said));
    e->zero_empty = cm_json_bool_or(said, "force_zeros_for_empty_prompt", true);
    e->aesthetic = cm_json_bool_or(said, "requires_aesthetics_score", false);
    json_decref(said);
    return CM_OK;
}

/* The class that diffusers' pipeline takes where the scheduler's own file names none. */
static cm_status read_scheduler_class(const char *index, cm_arena *a, cm_model_entry *e) {
    json_t *said = NULL;
    if (!cm_path_exists(index)) return CM_OK;
    CM_TRY(cm_json_read(index, &said));
    const char *name = json_string_value(json_array_get(json_object_get(said, "scheduler"), 1));
    if (name) e->scheduler_class = cm_arena_string(a, name);
    json_decref(said);
    return cm_arena_check(a);
}

/* A folder that is no model's, and what it is instead. */
static cm_status check_is_model(const char *folder, cm_arena *a) {
    static const char *const parts[] = {"model_index.json", "unet",       "text_encoder", "text_encoder_2", "vae",
                                        "tokenizer",        "tokenizer_2"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = cm_arena_print(a, "%s/%s", folder, parts[i]);
        CM_TRY(cm_arena_check(a));
        if (cm_path_exists(part)) return CM_OK;
    }
    const char *config = cm_arena_print(a, "%s/config.json", folder);
    CM_TRY(cm_arena_check(a));
    if (cm_path_exists(config))
        return cm_fail(
            CM_EUSAGE,
            "%s: one network's folder; a model is the folder above it, with tokenizer/, text_encoder/, unet/ and vae/ "
            "(--unet takes a UNet alone)",
            folder);
    return cm_fail(CM_EUSAGE, "%s: no diffusers folder: neither model_index.json nor unet/ is in it", folder);
}

static cm_status folder_entry(const char *folder, cm_arena *a, cm_model_entry *e) {
    CM_TRY(check_is_model(folder, a));
    *e = (cm_model_entry){.name = folder,
                          .text_encoder = cm_arena_print(a, "%s/text_encoder", folder),
                          .unet = cm_arena_print(a, "%s/unet", folder),
                          .vae = cm_arena_print(a, "%s/vae", folder),
                          .scheduler = cm_arena_print(a, "%s/scheduler", folder),
                          .tokenizer = cm_arena_print(a, "%s/tokenizer", folder)};
    const char *second = cm_arena_print(a, "%s/text_encoder_2", folder);
    const char *tokenizer = cm_arena_print(a, "%s/tokenizer_2", folder);
    const char *index = cm_arena_print(a, "%s/model_index.json", folder);
    CM_TRY(cm_arena_check(a));
    CM_TRY(read_scheduler_class(index, a, e));
    if (!cm_path_is_dir(second)) return CM_OK;
    e->xl = true;
    if (cm_path_is_dir(e->text_encoder)) {
        e->text_encoder2 = second;
        e->tokenizer2 = tokenizer;
    } else { /* the refiner has XL's second tower alone */
        e->text_encoder = second;
        e->tokenizer = tokenizer;
    }
    return read_index(index, e);
}

static cm_status unknown_name(const char *name, const cm_model_entry *entries, size_t count) {
    const char *names[64] = {NULL};
    for (size_t i = 0; i < count && i < 63; i++) names[i] = entries[i].name;
    const char *near = cm_path_exists(name) ? NULL : cm_closest(name, names);
    if (near) return cm_fail(CM_EUSAGE, "no model '%s', and no such folder or file; the closest is '%s'", name, near);
    if (cm_path_exists(name))
        return cm_fail(
            CM_EUSAGE,
            "%s: is no model: a diffusers folder, or a checkpoint file (.safetensors, .ckpt, .pt, .pth, .bin)", name);
    char list[400] = "";
    for (size_t i = 0; i < count; i++) {
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", entries[i].name);
    }
    return cm_fail(CM_EUSAGE,
                   "no model '%s': a diffusers folder, a checkpoint file, OWNER/NAME in the hub's cache, or one of %s",
                   name, list);
}

/* --- single files --------------------------------------------------------------- */

/* A part's folder under `config` where there is one, else the shipped architecture's. */
static cm_status single_part(const char *config, const char *family, const char *part, cm_arena *a, const char **path) {
    char *models;
    CM_TRY(cm_models_folder(a, &models));
    *path = config ? cm_arena_print(a, "%s/%s", config, part) : NULL;
    CM_TRY(cm_arena_check(a));
    if (*path && cm_path_is_dir(*path)) return CM_OK;
    *path = cm_arena_print(a, "%s/architectures/%s/%s", models, family, part);
    CM_TRY(cm_arena_check(a));
    if (cm_path_is_dir(*path)) return CM_OK;
    if (config) return cm_fail(CM_EUSAGE, "--config: %s: no %s/ is in it, which the single file lacks", config, part);
    return cm_fail(CM_EUSAGE, "a single file holds no %s: --config DIR names a diffusers folder with it", part);
}

/* What a single file says of itself: its family, and by empty tensors how it was trained. */
static cm_status look_into(const char *name, cm_ckpt_family *family, cm_model_entry *e, bool *has_vae) {
    cm_tensor_file *f;
    CM_TRY(cm_tensor_file_open(&f, name));
    *family = cm_ckpt_family_of(f);
    *has_vae = cm_ckpt_has_part(f, CM_ORIGINAL_VAE);
    e->v_pred = cm_tensor_file_find(f, "v_pred") != NULL;
    e->ztsnr = cm_tensor_file_find(f, "ztsnr") != NULL;
    const bool edm = cm_tensor_file_find(f, "edm_mean") != NULL;
    const bool unet = cm_ckpt_has_part(f, CM_ORIGINAL_UNET) || cm_tensor_file_find(f, "input_blocks.0.0.weight") ||
                      cm_tensor_file_find(f, "conv_in.weight");
    cm_tensor_file_close(&f);
    if (edm)
        return cm_fail(
            CM_EFORMAT,
            "%s: its tensor edm_mean says that it was trained as EDM (Playground 2.5), which is not followed", name);
    if (*family != CM_ORIGINAL_NONE) return CM_OK;
    if (unet)
        return cm_fail(CM_EFORMAT,
                       "%s: a UNet alone, without text encoders: give it as --unet, beside the --model that it is of",
                       name);
    return cm_fail(CM_EFORMAT,
                   "%s: not a checkpoint in the original layout of Stable Diffusion 1.x, 2.x, XL or XL's refiner",
                   name);
}

/* The autoencoder that a file lacks is the configuration folder's, unless another is asked for. */
static cm_status missing_vae(const char *name, const cm_model_options *o, const char *config, cm_arena *a,
                             cm_model_entry *e) {
    const char *folder = config ? cm_arena_print(a, "%s/vae", config) : NULL;
    CM_TRY(cm_arena_check(a));
    e->other_vae = true;
    if (o->vae || (folder && cm_path_is_dir(folder))) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: holds no autoencoder: --vae names one, or --config a diffusers folder with it",
                   name);
}

/* Stable Diffusion 2's weights do not say what they predict: 2-base epsilon, 2 and 2.1 v. */
static cm_status check_scheduler(const char *name, const char *config, cm_ckpt_family family, cm_arena *a) {
    const char *path = config ? cm_arena_print(a, "%s/scheduler", config) : NULL;
    CM_TRY(cm_arena_check(a));
    if (family != CM_ORIGINAL_SD2 || (path && cm_path_is_dir(path))) return CM_OK;
    return cm_fail(
        CM_EUSAGE,
        "%s: a Stable Diffusion 2 does not say whether it predicts noise or v: --config DIR names a diffusers "
        "folder with its scheduler",
        name);
}

/* The folders beside a single file: configurations, and what it lacks. */
static cm_status single_entry(const char *name, const cm_model_options *o, const char *config, cm_arena *a,
                              cm_model_entry *e) {
    cm_ckpt_family family;
    bool has_vae;
    *e = (cm_model_entry){.name = name, .single = name};
    CM_TRY(look_into(name, &family, e, &has_vae));
    const bool first = family != CM_ORIGINAL_REFINER, xl = family == CM_ORIGINAL_SDXL || !first;
    const char *shipped = xl ? "sdxl" : family == CM_ORIGINAL_SD2 ? "sd21" : "sd15";
    e->xl = xl;
    e->aesthetic = !first;
    e->zero_empty = xl && first;
    e->open_text = family == CM_ORIGINAL_SD2;
    if (!has_vae) CM_TRY(missing_vae(name, o, config, a, e));
    CM_TRY(single_part(config, shipped, first ? "tokenizer" : "tokenizer_2", a, &e->tokenizer));
    CM_TRY(check_scheduler(name, config, family, a));
    CM_TRY(single_part(config, shipped, "scheduler", a, &e->scheduler));
    CM_TRY(single_part(config, shipped, first ? "text_encoder" : "text_encoder_2", a, &e->text_encoder));
    CM_TRY(single_part(config, first ? shipped : "sdxl-refiner", "unet", a, &e->unet));
    CM_TRY(single_part(config, xl ? "sdxl" : "sd15", "vae", a, &e->vae));
    if (!xl || !first) return CM_OK;
    CM_TRY(single_part(config, shipped, "tokenizer_2", a, &e->tokenizer2));
    return single_part(config, shipped, "text_encoder_2", a, &e->text_encoder2);
}

static cm_status find_row(const char *name, cm_arena *a, cm_model_entry *e) {
    cm_model_entry *entries;
    size_t count;
    CM_TRY(cm_models_list(a, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            *e = entries[i];
            return CM_OK;
        }
    }
    return unknown_name(name, entries, count);
}

static cm_status find_entry(const char *name, const cm_model_options *o, cm_arena *a, cm_model_entry *e) {
    const char *config = NULL, *folder;
    if (o->config) CM_TRY(cm_hub_resolve(o->config, a, &config));
    if (config && !cm_path_is_dir(config)) return cm_fail(CM_EUSAGE, "--config %s: no such folder", config);
    if (cm_tensor_file_is_name(name) && !cm_path_is_dir(name)) return single_entry(name, o, config, a, e);
    CM_TRY(cm_hub_resolve(name, a, &folder));
    return cm_path_is_dir(folder) ? folder_entry(folder, a, e) : find_row(name, a, e);
}

/* --- another UNet, another autoencoder ----------------------------------------------- */

typedef struct part_kind {
    const char *option, *folder, *class_name;
} part_kind;

/* Is there a configuration of this class in the folder? */
static bool has_config(const char *folder, const part_kind *k, cm_arena *a) {
    json_t *config = NULL;
    const char *path = cm_arena_print(a, "%s/config.json", folder);
    if (!path || !cm_path_exists(path) || cm_json_read(path, &config) != CM_OK) return false;
    const bool has = strncmp(cm_json_text_or(config, "_class_name", ""), k->class_name, strlen(k->class_name)) == 0;
    json_decref(config);
    return has;
}

/* A folder, or the part's folder in it; or a file of weights, whose configuration is the one beside it, or the model's
 * own. */
static cm_status other_part(const part_kind *k, const char *path, cm_arena *a, const char **folder,
                            const char **weights) {
    CM_TRY(cm_hub_resolve(path, a, &path));
    if (cm_path_is_dir(path)) {
        const char *inside = cm_arena_print(a, "%s/%s", path, k->folder);
        CM_TRY(cm_arena_check(a));
        *folder = cm_path_is_dir(inside) ? inside : cm_arena_string(a, path);
        return cm_arena_check(a);
    }
    if (!cm_path_exists(path)) return cm_fail(CM_EUSAGE, "--%s %s: no such folder or file", k->option, path);
    const char *slash = strrchr(path, '/');
    const char *beside = slash ? cm_arena_print(a, "%.*s", (int)(slash - path), path) : ".";
    *weights = cm_arena_string(a, path);
    CM_TRY(cm_arena_check(a));
    if (has_config(beside, k, a)) *folder = beside;
    return cm_arena_check(a);
}

static cm_status take_others(const cm_model_options *o, cm_arena *a, cm_model_entry *e) {
    static const part_kind unet = {"unet", "unet", "UNet2DConditionModel"}, vae = {"vae", "vae", "AutoencoderKL"};
    if (e->random && (o->unet || o->vae)) return cm_fail(CM_EUSAGE, "a random model has no weights to replace");
    if (o->unet) CM_TRY(other_part(&unet, o->unet, a, &e->unet, &e->unet_weights));
    if (o->vae) CM_TRY(other_part(&vae, o->vae, a, &e->vae, &e->vae_weights));
    e->other_unet = o->unet != NULL;
    e->other_vae = e->other_vae || o->vae != NULL;
    return CM_OK;
}

static cm_status check_folders(const cm_model_entry *e) {
    const char *const parts[] = {e->tokenizer, e->text_encoder, e->unet,         e->vae,
                                 e->scheduler, e->tokenizer2,   e->text_encoder2};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] && !cm_path_is_dir(parts[i]))
            return cm_fail(CM_EIO, "%s: this part of the model is missing", parts[i]);
    }
    return CM_OK;
}

cm_status cm_model_find(const char *name, const cm_model_options *o, cm_arena *out, cm_model_entry *e) {
    CM_TRY(find_entry(name, o, out, e));
    CM_TRY(take_others(o, out, e));
    return check_folders(e);
}
