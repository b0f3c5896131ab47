// SPDX-License-Identifier: Apache-2.0
#include "core/io/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/torch_file.h"

/* One of the two. */
struct cm_tensor_file {
    cm_safetensors *safe;
    cm_torch_file *torch;
};

static bool ends_with_any(const char *path, const char *const *ends) {
    const size_t n = strlen(path);
    for (; *ends; ends++)
        if (n > strlen(*ends) && strcmp(path + n - strlen(*ends), *ends) == 0) return true;
    return false;
}

static const char *const safe_ends[] = {".safetensors", NULL}, *const torch_ends[] = {".bin", ".ckpt", ".pt", ".pth",
                                                                                      NULL};

bool cm_tensor_file_is_name(const char *path) {
    return ends_with_any(path, safe_ends) || ends_with_any(path, torch_ends);
}

/* A file of another name is what it begins as; what is wrong with it its reader says. */
static bool is_torch(const char *path) {
    unsigned char head[16];
    if (ends_with_any(path, safe_ends)) return false;
    if (ends_with_any(path, torch_ends)) return true;
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f) fclose(f);
    return cm_torch_file_begins(head, n);
}

cm_status cm_tensor_file_open(cm_tensor_file **out, const char *path) {
    cm_tensor_file *f = calloc(1, sizeof *f);
    if (!f) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    const cm_status s = is_torch(path) ? cm_torch_file_open(&f->torch, path) : cm_safetensors_open(&f->safe, path);
    if (s == CM_OK) *out = f;
    else cm_tensor_file_close(&f);
    return s;
}

void cm_tensor_file_close(cm_tensor_file **f) {
    if (!*f) return;
    if ((*f)->safe) cm_safetensors_close(&(*f)->safe);
    if ((*f)->torch) cm_torch_file_close(&(*f)->torch);
    free(*f);
    *f = NULL;
}

bool cm_tensor_file_is_script(const cm_tensor_file *f) {
    return f->torch && cm_torch_file_is_script(f->torch);
}

size_t cm_tensor_file_count(const cm_tensor_file *f) {
    return f->torch ? cm_torch_file_count(f->torch) : cm_safetensors_count(f->safe);
}

const cm_stored *cm_tensor_file_at(const cm_tensor_file *f, size_t i) {
    return f->torch ? cm_torch_file_at(f->torch, i) : cm_safetensors_at(f->safe, i);
}

const cm_stored *cm_tensor_file_find(const cm_tensor_file *f, const char *name) {
    return f->torch ? cm_torch_file_find(f->torch, name) : cm_safetensors_find(f->safe, name);
}
