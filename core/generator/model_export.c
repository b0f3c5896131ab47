// SPDX-License-Identifier: Apache-2.0
/* A model as a diffusers folder. It is written under a hidden name beside FOLDER and gets its name when it is whole. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"

enum { MOST_TEXT = 64 << 20 };

/* One network of the folder, and what model_index.json says of it. */
typedef struct part {
    const char *name, *library, *class_name, *file;
    const char *from; /* folder with its config.json; NULL: the model lacks this part */
    const cm_params *params;
    bool hidden_states; /* a text tower of which only these are used: it goes without its projection */
} part;
enum { PARTS = 4 };

typedef struct export {
    const cm_model *model;
    cm_dtype type;
    const char *folder; /* the unfinished one */
    part parts[PARTS];
    json_t *index;
    cm_arena arena;
}
export;

static cm_status make_folder(const char *path) {
    if (mkdir(path, 0777) == 0) return CM_OK;
    return cm_fail(CM_EIO, "%s: cannot make this folder: %s", path, strerror(errno));
}

/* Nothing of ours lies deeper than a file in a folder in the folder. */
static void remove_folder(const char *path, int depth) {
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        char inside[4096];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        const int n = snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
        if (n < 0 || (size_t)n >= sizeof inside) continue;
        if (unlink(inside) != 0 && depth > 0) remove_folder(inside, depth - 1);
    }
    if (d) closedir(d);
    rmdir(path);
}

/* --- configurations ------------------------------------------------------- */

static const char *torch_name(cm_dtype type) {
    return type == CM_F16 ? "float16" : type == CM_BF16 ? "bfloat16" : "float32";
}

/* transformers reads weights in the type that the configuration names. */
static void set_type(json_t *config, cm_dtype type) {
    static const char *const keys[] = {"torch_dtype", "dtype"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(config, keys[i])) json_object_set_new(config, keys[i], json_string(torch_name(type)));
}

static void add_to_index(export *x, const char *name, const char *library, const char *class_name) {
    json_object_set_new(x->index, name, json_pack("[s, s]", library, class_name));
}

/* class_name: the only one of the copy's "architectures"; NULL: as they are */
static cm_status copy_json(export *x, const char *from, const char *name, const char *file, const char *class_name,
                           json_t **config) {
    const char *source = cm_arena_print(&x->arena, "%s/%s", from, file);
    const char *target = cm_arena_print(&x->arena, "%s/%s/%s", x->folder, name, file);
    CM_TRY(cm_arena_check(&x->arena));
    CM_TRY(cm_json_read(source, config));
    set_type(*config, x->type);
    if (class_name) json_object_set_new(*config, "architectures", json_pack("[s]", class_name));
    const cm_status s = cm_json_write(target, *config);
    if (s != CM_OK) json_decref(*config);
    return s;
}

static cm_status copy_text(export *x, const char *source, const char *target) {
    char *text;
    size_t length;
    CM_TRY(cm_arena_check(&x->arena));
    CM_TRY(cm_read_text(source, MOST_TEXT, &x->arena, &text, &length));
    return cm_write_whole(target, text, length);
}

/* As it is, since Python's -Infinity is no JSON that could be written again; but with what a single file's markers say.
 */
static cm_status write_scheduler(export *x) {
    const cm_model_entry *e = &x->model->entry;
    const char *source = cm_arena_print(&x->arena, "%s/scheduler_config.json", e->scheduler);
    const char *target = cm_arena_print(&x->arena, "%s/scheduler/scheduler_config.json", x->folder);
    const char *name =
        cm_json_text_or(x->model->scheduler, "_class_name", e->scheduler_class ? e->scheduler_class : "DDIMScheduler");
    CM_TRY(make_folder(cm_arena_print(&x->arena, "%s/scheduler", x->folder)));
    CM_TRY(cm_arena_check(&x->arena));
    CM_TRY(e->v_pred || e->ztsnr ? cm_json_write(target, x->model->scheduler) : copy_text(x, source, target));
    add_to_index(x, "scheduler", "diffusers", name);
    return CM_OK;
}

static cm_status write_tokenizer(export *x, const char *from, const char *name) {
    static const char *const files[] = {
        "vocab.json",        "merges.txt",    "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "tokenizer.json"};
    CM_TRY(make_folder(cm_arena_print(&x->arena, "%s/%s", x->folder, name)));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *source = cm_arena_print(&x->arena, "%s/%s", from, files[i]);
        const char *target = cm_arena_print(&x->arena, "%s/%s/%s", x->folder, name, files[i]);
        CM_TRY(cm_arena_check(&x->arena));
        if (cm_path_exists(source)) CM_TRY(copy_text(x, source, target));
    }
    add_to_index(x, name, "transformers", "CLIPTokenizer");
    return CM_OK;
}

/* --- weights -------------------------------------------------------------- */

/* What f16 would make infinite could not be opened again. */
static cm_status check_range(const part *p, cm_dtype type) {
    for (size_t i = 0; type == CM_F16 && i < cm_params_count(p->params); i++) {
        const cm_tensor *w = cm_params_at(p->params, i);
        for (size_t k = 0; k < cm_count(w); k++)
            if (fabsf(w->data[k]) >= 65520.0f)
                return cm_fail(CM_EUNDEFINED, "%s: %s holds %g, which f16 cannot", p->name,
                               cm_params_name(p->params, i), (double)w->data[k]);
    }
    return CM_OK;
}

/* A text tower without its projection. */
static cm_status save_hidden_states(export *x, const part *p, const char *path, const char *const *metadata) {
    const size_t count = cm_params_count(p->params);
    cm_store_item *items = CM_PUSH_ZERO(&x->arena, cm_store_item, count);
    size_t n = 0;
    CM_TRY(cm_params_check(p->params, false));
    CM_TRY(cm_arena_check(&x->arena));
    for (size_t i = 0; i < count; i++) {
        cm_tensor *w = cm_params_at(p->params, i);
        if (strcmp(cm_params_name(p->params, i), "text_projection.weight") == 0) continue;
        cm_pack_fetch(&w->packs);
        items[n++] = (cm_store_item){cm_params_name(p->params, i), x->type, w->ndim, w->shape, w->data, NULL};
    }
    return cm_safetensors_write(path, items, n, metadata);
}

static cm_status write_part(export *x, const part *p) {
    static const char *const metadata[] = {"format", "pt", NULL};
    const char *path = cm_arena_print(&x->arena, "%s/%s/%s", x->folder, p->name, p->file);
    json_t *config;
    CM_TRY(cm_arena_check(&x->arena));
    CM_TRY(check_range(p, x->type));
    CM_TRY(make_folder(cm_arena_print(&x->arena, "%s/%s", x->folder, p->name)));
    CM_TRY(copy_json(x, p->from, p->name, "config.json", p->hidden_states ? p->class_name : NULL, &config));
    const char *said = json_string_value(json_array_get(json_object_get(config, "architectures"), 0));
    add_to_index(x, p->name, p->library, said ? said : p->class_name);
    json_decref(config);
    return p->hidden_states ? save_hidden_states(x, p, path, metadata)
                            : cm_params_save(p->params, path, x->type, NULL, metadata);
}

/* --- the folder ----------------------------------------------------------- */

/* StableDiffusionPipeline takes a tower's first output for the hidden states; with a projection that is the pooled
 * vector. */
static const char *tower_class(const cm_model *m, const cm_clip_text *t) {
    return m->xl && t->projection ? "CLIPTextModelWithProjection" : "CLIPTextModel";
}

/* The refiner's one tower is XL's second. */
static bool second_alone(const cm_model *m) {
    return m->xl && !m->two;
}

static void list_parts(export *x) {
    const cm_model *m = x->model;
    const cm_model_entry *e = &m->entry;
    const part parts[PARTS] = {{second_alone(m) ? "text_encoder_2" : "text_encoder", "transformers",
                                tower_class(m, &m->text), "model.safetensors", e->text_encoder, m->params[0], !m->xl},
                               {"text_encoder_2", "transformers", tower_class(m, &m->text2), "model.safetensors",
                                e->text_encoder2, m->params[3], false},
                               {"unet", "diffusers", "UNet2DConditionModel", "diffusion_pytorch_model.safetensors",
                                e->unet, m->params[1], false},
                               {"vae", "diffusers", "AutoencoderKL", "diffusion_pytorch_model.safetensors", e->vae,
                                m->params[2], false}};
    memcpy(x->parts, parts, sizeof parts);
}

static json_t *new_index(const cm_model *m) {
    if (second_alone(m))
        return json_pack("{s:s, s:b, s:b, s:[n, n], s:[n, n], s:[n, n], s:[n, n]}", "_class_name",
                         "StableDiffusionXLImg2ImgPipeline", "force_zeros_for_empty_prompt", m->zero_empty,
                         "requires_aesthetics_score", m->aesthetic, "feature_extractor", "image_encoder",
                         "text_encoder", "tokenizer");
    if (m->xl)
        return json_pack("{s:s, s:b, s:[n, n], s:[n, n]}", "_class_name", "StableDiffusionXLPipeline",
                         "force_zeros_for_empty_prompt", m->zero_empty, "feature_extractor", "image_encoder");
    return json_pack("{s:s, s:b, s:[n, n], s:[n, n], s:[n, n]}", "_class_name", "StableDiffusionPipeline",
                     "requires_safety_checker", 0, "safety_checker", "feature_extractor", "image_encoder");
}

static cm_status write_all(export *x) {
    const cm_model_entry *e = &x->model->entry;
    if (!x->index) return cm_fail(CM_ENOMEM, "out of memory");
    CM_TRY(make_folder(x->folder));
    CM_TRY(write_scheduler(x));
    CM_TRY(write_tokenizer(x, e->tokenizer, second_alone(x->model) ? "tokenizer_2" : "tokenizer"));
    if (x->model->two) CM_TRY(write_tokenizer(x, e->tokenizer2, "tokenizer_2"));
    for (size_t i = 0; i < PARTS; i++) {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (x->parts[i].params) CM_TRY(write_part(x, &x->parts[i]));
    }
    const char *path = cm_arena_print(&x->arena, "%s/model_index.json", x->folder);
    CM_TRY(cm_arena_check(&x->arena));
    return cm_json_write(path, x->index);
}

/* A folder that is there and empty can be removed; what is not ours stays. */
static cm_status make_way(const char *folder) {
    if (!cm_path_exists(folder) || rmdir(folder) == 0) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: is there already; a new folder is wanted", folder);
}

cm_status cm_model_export(const cm_model *m, cm_dtype type, const char *folder) {
    export x = {.model = m, .type = type};
    cm_arena_init(&x.arena, 0);
    list_parts(&x);
    x.index = new_index(m);
    x.folder = cm_name_beside(folder, &x.arena);
    cm_status s = cm_arena_check(&x.arena);
    if (s == CM_OK) s = make_way(folder);
    if (s == CM_OK) {
        s = write_all(&x);
        if (s == CM_OK && rename(x.folder, folder) != 0) s = cm_fail(CM_EIO, "%s: %s", folder, strerror(errno));
        if (s != CM_OK) remove_folder(x.folder, 1);
    }
    json_decref(x.index);
    cm_arena_free(&x.arena);
    return s;
}
