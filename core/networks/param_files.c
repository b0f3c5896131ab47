// SPDX-License-Identifier: Apache-2.0
#include "core/networks/param_files.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"

enum { MAX_SHARDS = 256 };

struct cm_param_files {
    cm_tensor_file *shards[MAX_SHARDS];
    const char *names[MAX_SHARDS]; /* while opening */
    size_t count;
    bool *spare;        /* of each of these */
    cm_stored *renamed; /* of a single-file checkpoint: its tensors under other names; NULL otherwise */
    size_t renamed_count;
    cm_arena arena; /* of those */
};

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The file that path means; NULL when there is none. */
static const char *locate(const char *path, cm_arena *a) {
    static const char *const in_folder[] = {"diffusion_pytorch_model.safetensors",
                                            "model.safetensors",
                                            "diffusion_pytorch_model.safetensors.index.json",
                                            "model.safetensors.index.json",
                                            "diffusion_pytorch_model.fp16.safetensors",
                                            "model.fp16.safetensors",
                                            "diffusion_pytorch_model.safetensors.index.fp16.json",
                                            "model.safetensors.index.fp16.json",
                                            "diffusion_pytorch_model.fp16.safetensors.index.json",
                                            "model.fp16.safetensors.index.json",
                                            "diffusion_pytorch_model.bin",
                                            "pytorch_model.bin",
                                            "diffusion_pytorch_model.bin.index.json",
                                            "pytorch_model.bin.index.json",
                                            "diffusion_pytorch_model.fp16.bin",
                                            "pytorch_model.fp16.bin",
                                            "diffusion_pytorch_model.bin.index.fp16.json",
                                            "pytorch_model.bin.index.fp16.json"};
    static const char *const behind[] = {".safetensors", ".safetensors.index.json", ".fp16.safetensors",
                                         ".bin",         ".bin.index.json",         ".fp16.bin"};
    if (cm_path_is_dir(path)) {
        for (size_t i = 0; i < sizeof in_folder / sizeof *in_folder; i++) {
            const char *file = cm_arena_print(a, "%s/%s", path, in_folder[i]);
            if (file && cm_path_exists(file)) return file;
        }
        return NULL;
    }
    if (cm_path_exists(path)) return path;
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        const char *file = cm_arena_print(a, "%s%s", path, behind[i]);
        if (file && cm_path_exists(file)) return file;
    }
    return NULL;
}

static bool is_open(const cm_param_files *f, const char *name) {
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->names[i], name) == 0) return true;
    }
    return false;
}

/* {"weight_map": {tensor name: file name beside the index}} */
static cm_status open_shards(cm_param_files *f, const char *index, const json_t *map, cm_arena *a) {
    const char *slash = strrchr(index, '/'), *name;
    const int folder = slash ? (int)(slash + 1 - index) : 0;
    json_t *value;
    if (!json_is_object(map)) return cm_fail(CM_EFORMAT, "%s: no \"weight_map\"", index);
    json_object_foreach((json_t *)map, name, value) {
        const char *file = json_string_value(value);
        if (!file || strchr(file, '/'))
            return cm_fail(CM_EFORMAT, "%s: '%s' is in no file beside the index", index, name);
        if (is_open(f, file)) continue;
        if (f->count == MAX_SHARDS) return cm_fail(CM_EFORMAT, "%s: more than %d files", index, MAX_SHARDS);
        const char *path = cm_arena_print(a, "%.*s%s", folder, index, file);
        CM_TRY(cm_arena_check(a));
        CM_TRY(cm_tensor_file_open(&f->shards[f->count], path));
        f->names[f->count++] = file;
    }
    return CM_OK;
}

static cm_status open_index(cm_param_files *f, const char *path, cm_arena *a) {
    json_t *index = NULL;
    CM_TRY(cm_json_read(path, &index));
    const cm_status s = open_shards(f, path, json_object_get(index, "weight_map"), a);
    json_decref(index);
    return s;
}

cm_status cm_param_files_open(cm_param_files **out, const char *path) {
    cm_arena a;
    cm_arena_init(&a, 1 << 12);
    cm_param_files *f = calloc(1, sizeof *f);
    const char *file = locate(path, &a);
    cm_status s;
    if (!f) {
        s = cm_fail(CM_ENOMEM, "%s: out of memory", path);
    } else if ((s = cm_arena_check(&a)) != CM_OK) {
        s = cm_fail_in(s, "%s", path);
    } else if (!file) {
        s = cm_fail(CM_EIO, "%s: %s", path,
                    cm_path_is_dir(path) ? "no weights (safetensors, or torch's .bin) in this folder" : "no such file");
    } else if (ends_with(file, ".json")) {
        s = open_index(f, file, &a);
    } else if ((s = cm_tensor_file_open(&f->shards[0], file)) == CM_OK) {
        f->count = 1;
    }
    cm_arena_free(&a);
    if (s == CM_OK) {
        *out = f;
    } else {
        cm_param_files_close(&f);
    }
    return s;
}

/* [rows,columns] of any type, turned into memory of ours. */
static const void *turned(cm_arena *a, const cm_stored *t) {
    const size_t size = cm_dtype_size(t->dtype), rows = t->shape[0], columns = t->shape[1];
    unsigned char *to = cm_arena_push(a, t->count * size);
    const unsigned char *from = t->data;
    for (size_t r = 0; to && r < rows; r++)
        for (size_t c = 0; c < columns; c++) memcpy(to + (c * rows + r) * size, from + (r * columns + c) * size, size);
    return to;
}

/* A stored tensor as its pieces, under their names. */
static cm_status add_renamed(cm_param_files *f, const cm_stored *t, const cm_ckpt_tensor *as) {
    if (as->pieces == 3 && (t->unread || t->ndim < 1 || t->shape[0] % 3))
        return cm_fail(CM_EFORMAT, "%s: not queries, keys and values together", t->name);
    if (as->transposed && (t->unread || t->ndim != 2)) return cm_fail(CM_EFORMAT, "%s: not a matrix", t->name);
    for (size_t i = 0; i < as->pieces; i++) {
        f->spare[f->renamed_count] = as->spare;
        cm_stored *s = &f->renamed[f->renamed_count++];
        *s = *t;
        s->name = cm_arena_string(&f->arena, as->names[i]);
        s->count = t->count / as->pieces;
        if (as->pieces > 1) s->shape[0] /= as->pieces;
        if (i) s->data = (const unsigned char *)t->data + i * s->count * cm_dtype_size(t->dtype);
        if (!as->transposed) continue;
        s->shape[0] = t->shape[1];
        s->shape[1] = t->shape[0];
        s->data = turned(&f->arena, t);
        s->mapped = false;
    }
    return cm_arena_check(&f->arena);
}

static cm_status rename_all(cm_param_files *f, cm_ckpt_part part) {
    const cm_tensor_file *file = f->shards[0];
    const size_t count = cm_tensor_file_count(file), blocks = cm_ckpt_vae_blocks(file);
    f->renamed = CM_PUSH(&f->arena, cm_stored, 3 * count + 1);
    f->spare = CM_PUSH(&f->arena, bool, 3 * count + 1);
    CM_TRY(cm_arena_check(&f->arena));
    for (size_t i = 0; i < count; i++) {
        const cm_stored *t = cm_tensor_file_at(file, i);
        cm_ckpt_tensor as;
        cm_ckpt_rename(part, blocks, t->name, &as);
        if (as.unknown)
            as.pieces = 1, snprintf(as.names[0], sizeof as.names[0], "%s", t->name); /* left over, if it is */
        CM_TRY(add_renamed(f, t, &as));
    }
    return CM_OK;
}

cm_status cm_param_files_open_original(cm_param_files **out, const char *path, cm_ckpt_part part) {
    cm_param_files *f = calloc(1, sizeof *f);
    if (!f) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    cm_arena_init(&f->arena, 1 << 18);
    cm_status s = cm_tensor_file_open(&f->shards[0], path);
    if (s == CM_OK) {
        f->count = 1;
        s = rename_all(f, part);
        if (s != CM_OK) s = cm_fail_in(s, "%s", path);
    }
    if (s == CM_OK) *out = f;
    else cm_param_files_close(&f);
    return s;
}

/* Which names the file has for the part; false: diffusers'. */
static cm_status find_names(const char *path, cm_ckpt_part *part, bool *original) {
    cm_tensor_file *file;
    CM_TRY(cm_tensor_file_open(&file, path));
    *original = cm_ckpt_find_part(file, part);
    cm_tensor_file_close(&file);
    return CM_OK;
}

cm_status cm_param_files_open_part(cm_param_files **out, const char *path, cm_ckpt_part part) {
    bool original = false;
    if (!cm_path_is_dir(path)) CM_TRY(find_names(path, &part, &original));
    return original ? cm_param_files_open_original(out, path, part) : cm_param_files_open(out, path);
}

bool cm_param_files_is_spare(const cm_param_files *f, const cm_stored *t) {
    return f->renamed && f->spare[t - f->renamed];
}

void cm_param_files_close(cm_param_files **f) {
    if (!*f) return;
    cm_arena_free(&(*f)->arena);
    for (size_t i = 0; i < (*f)->count; i++) cm_tensor_file_close(&(*f)->shards[i]);
    free(*f);
    *f = NULL;
}

const cm_stored *cm_param_files_find(const cm_param_files *f, const char *name) {
    const cm_stored *t = NULL;
    for (size_t i = 0; i < f->renamed_count; i++)
        if (strcmp(f->renamed[i].name, name) == 0) return &f->renamed[i];
    if (f->renamed) return NULL;
    for (size_t i = 0; i < f->count && !t; i++) t = cm_tensor_file_find(f->shards[i], name);
    return t;
}

const cm_stored *cm_param_files_at(const cm_param_files *f, size_t i) {
    if (f->renamed) return i < f->renamed_count ? &f->renamed[i] : NULL;
    for (size_t k = 0; k < f->count; k++) {
        const size_t n = cm_tensor_file_count(f->shards[k]);
        if (i < n) return cm_tensor_file_at(f->shards[k], i);
        i -= n;
    }
    return NULL;
}
