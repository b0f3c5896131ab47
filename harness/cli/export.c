// SPDX-License-Identifier: Apache-2.0
/* cosmicman export: any model as a diffusers folder. */
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/tensor_file.h"
#include "core/networks/inception.h"
#include "harness/cli/choose.h"

static cm_status choose_type(const cm_args *a, cm_dtype *type) {
    static const char *const names[] = {"f32", "f16", "bf16", NULL};
    static const cm_dtype types[] = {CM_F32, CM_F16, CM_BF16};
    const char *name = cm_arg_text(a, "type");
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *type = types[i];
        return CM_OK;
    }
    return cm_unknown_choice("--type", name, names);
}

/* "a/b/" is "a/b". */
static cm_status folder_name(const char *out, cm_arena *a, char **folder) {
    *folder = cm_arena_string(a, out);
    CM_TRY(cm_arena_check(a));
    for (size_t n = strlen(out); n > 1 && (*folder)[n - 1] == '/'; n--) (*folder)[n - 1] = '\0';
    if (cm_path_exists(*folder) && !cm_path_is_dir(*folder))
        return cm_fail(CM_EUSAGE, "%s: is a file; a new folder is wanted", *folder);
    if (cm_tensor_file_is_name(*folder) && !cm_path_is_dir(*folder))
        return cm_fail(CM_EUSAGE, "--out: %s: a folder is written, not one file", *folder);
    return CM_OK;
}

/* "random:" and a network's name */
static bool is_random_inception(const char *model, cm_inception_kind *kind) {
    for (*kind = CM_INCEPTION_FID; *kind <= CM_INCEPTION_TORCHVISION; ++*kind)
        if (strncmp(model, "random:", 7) == 0 && strcmp(model + 7, cm_inception_name(*kind)) == 0) return true;
    return false;
}

/* It has no parts to replace. */
static cm_status check_parts(const cm_args *a) {
    static const char *const parts[] = {"unet", "vae", "config"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (cm_arg_given(a, parts[i]))
            return cm_fail(CM_EUSAGE, "--%s means nothing to %s, a scoring network", parts[i], cm_arg_text(a, "model"));
    return CM_OK;
}

/* A scoring network is one file of weights in its folder. */
static cm_status export_inception(cm_inception_kind kind, uint64_t seed, cm_dtype type, const char *folder,
                                  cm_arena *arena) {
    cm_params *p;
    cm_inception *n;
    const char *path = cm_arena_print(arena, "%s/model.safetensors", folder);
    CM_TRY(cm_arena_check(arena));
    if (cm_path_exists(path)) return cm_fail(CM_EUSAGE, "%s: is there already; a new folder is wanted", path);
    CM_TRY(cm_make_dirs(folder));
    CM_TRY(cm_params_create(&p, seed));
    cm_status s = cm_inception_build(&n, kind, p, arena);
    if (s == CM_OK) s = cm_params_save(p, path, type, NULL, NULL);
    cm_params_close(&p);
    return s;
}

static cm_status export_to(const cm_args *a, cm_arena *arena, char **folder) {
    cm_dtype type = CM_F32;
    cm_model m;
    cm_inception_kind kind;
    if (!cm_arg_given(a, "model"))
        return cm_fail(CM_EUSAGE, "export wants --model; 'cosmicman list models' names them");
    if (!cm_arg_given(a, "out")) return cm_fail(CM_EUSAGE, "export wants --out, a new folder");
    CM_TRY(choose_type(a, &type));
    CM_TRY(folder_name(cm_arg_text(a, "out"), arena, folder));
    if (is_random_inception(cm_arg_text(a, "model"), &kind)) {
        CM_TRY(check_parts(a));
        return export_inception(kind, cm_arg_u64(a, "seed"), type, *folder, arena);
    }
    CM_TRY(cm_check_model_options(a, "seed"));
    if (!cm_path_is_dir(*folder)) CM_TRY(cm_check_writable(*folder));
    const cm_model_options o = {.seed = cm_arg_u64(a, "seed"),
                                .unet = cm_arg_text(a, "unet"),
                                .vae = cm_arg_text(a, "vae"),
                                .config = cm_arg_text(a, "config"),
                                .only_weights = true};
    CM_TRY(cm_model_open(&m, cm_arg_text(a, "model"), &o));
    const cm_status s = cm_model_export(&m, type, *folder);
    cm_model_close(&m);
    return s;
}

static int run(const cm_args *a) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *folder = NULL;
    const cm_status s = export_to(a, &arena, &folder);
    if (s == CM_OK) printf("%s\n", folder);
    cm_arena_free(&arena);
    return cm_exit_for(s);
}

static const cm_option options[] = {
    {"model", CM_OPT_TEXT, "NAME", NULL, "a name ('cosmicman list models'), a diffusers folder, or a single file"},
    {"unet", CM_OPT_TEXT, "PATH", NULL, "use this UNet instead of the model's: a folder or a file"},
    {"vae", CM_OPT_TEXT, "PATH", NULL, "use this autoencoder instead of the model's: a folder or a file"},
    {"config", CM_OPT_TEXT, "DIR", NULL, "for a single-file model: a diffusers folder that has the tokenizer"},
    {"seed", CM_OPT_U64, "N", "0", "seed of the weights of random: models"},
    {"type", CM_OPT_TEXT, "TYPE", "f32", "type of the weights: f32, f16 or bf16"},
    {"out", CM_OPT_TEXT, "DIR", NULL, "the folder to write; it must be new or empty"},
    {0},
};

const cm_command cm_command_export = {
    "export",
    "write a model as a diffusers folder",
    options,
    NULL,
    "This program and diffusers both open the folder and make the same images from it. f16 and bf16 round the "
    "weights.\n"
    "The folder appears when it is complete. --model random:inception-2015-12-05 or random:inception-torchvision "
    "writes\n"
    "one file instead: an Inception network with random weights, in torchvision's names.",
    run};
