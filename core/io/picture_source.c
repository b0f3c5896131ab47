// SPDX-License-Identifier: Apache-2.0
#include "core/io/picture_source.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/npz.h"

enum { MAX_DEPTH = 16, FIRST_CAPACITY = 256 };

typedef struct entry {
    const char *path, *id, *prompt;
} entry;

struct cm_picture_source {
    entry *entries;
    size_t count, capacity;
    const unsigned char *values;   /* of an array */
    size_t width, height;
    bool channels_first;
    cm_npz *npz;
    cm_safetensors *tensors;
    char hash[65];
    cm_arena arena;
    pthread_mutex_t lock;          /* of what was seen */
    size_t jpegs, alphas, least_width, most_width, least_height, most_height;
};

static bool ends_in(const char *name, const char *end) {
    const size_t n = strlen(name), m = strlen(end);
    return n > m && strcasecmp(name + n - m, end) == 0;
}

static bool is_jpeg(const char *name) {
    return ends_in(name, ".jpg") || ends_in(name, ".jpeg");
}

static bool is_picture(const char *name) {
    return ends_in(name, ".png") || is_jpeg(name);
}

static const char *without_ending(cm_arena *a, const char *path) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    return dot && dot > path && (!slash || dot > slash + 1) ? cm_arena_print(a, "%.*s", (int)(dot - path), path) : path;
}

static cm_status add(cm_picture_source *s, const char *path, const char *id, const char *prompt) {
    if (s->count == s->capacity) {
        const size_t more = s->capacity ? 2 * s->capacity : FIRST_CAPACITY;
        entry *e = realloc(s->entries, more * sizeof *e);
        if (!e) return cm_fail(CM_ENOMEM, "out of memory");
        s->entries = e;
        s->capacity = more;
    }
    s->entries[s->count++] = (entry){path, id, prompt};
    return cm_arena_check(&s->arena);
}

/* --- a folder ----------------------------------------------------------------- */

static cm_status walk(cm_picture_source *s, const char *folder, size_t root, int depth) {
    DIR *d = opendir(folder);
    if (!d) return cm_fail(CM_EIO, "%s: cannot open the folder: %s", folder, strerror(errno));
    cm_status status = CM_OK;
    for (const struct dirent *e = readdir(d); e && status == CM_OK; e = readdir(d)) {
        if (e->d_name[0] == '.') continue;
        const char *path = cm_arena_print(&s->arena, "%s/%s", folder, e->d_name);
        if ((status = cm_arena_check(&s->arena)) != CM_OK) break;
        if (cm_path_is_dir(path)) {
            if (depth < MAX_DEPTH) status = walk(s, path, root, depth + 1);
        } else if (is_picture(e->d_name)) {
            status = add(s, path, without_ending(&s->arena, path + root), NULL);
        }
    }
    closedir(d);
    return status;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

static cm_status open_folder(cm_picture_source *s, const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    const char *folder = cm_arena_print(&s->arena, "%.*s", (int)n, path);
    CM_TRY(cm_arena_check(&s->arena));
    CM_TRY(walk(s, folder, n + 1, 0));
    if (s->count) qsort(s->entries, s->count, sizeof *s->entries, by_path);
    return CM_OK;
}

/* --- a manifest ------------------------------------------------------------------ */

static cm_status add_line(cm_picture_source *s, const json_t *line, const char *folder) {
    const char *path, *id, *prompt = cm_json_text_or(line, "prompt", NULL);
    CM_TRY(cm_json_text(line, "path", &path));
    id = cm_json_text_or(line, "id", NULL);
    const char *full = *path == '/' ? cm_arena_string(&s->arena, path) : cm_arena_print(&s->arena, "%s%s", folder, path);
    id = id ? cm_arena_string(&s->arena, id) : without_ending(&s->arena, cm_arena_string(&s->arena, path));
    return add(s, full, id, prompt ? cm_arena_string(&s->arena, prompt) : NULL);
}

static cm_status open_manifest(cm_picture_source *s, const char *path) {
    json_t *lines = NULL, *line;
    size_t i;
    const char *slash = strrchr(path, '/'), *folder = cm_arena_print(&s->arena, "%.*s", slash ? (int)(slash + 1 - path) : 0, path);
    CM_TRY(cm_arena_check(&s->arena));
    CM_TRY(cm_jsonl_read(path, &lines));
    cm_status status = CM_OK;
    json_array_foreach(lines, i, line) {
        if (status == CM_OK && (status = add_line(s, line, folder)) != CM_OK) cm_fail_in(status, "%s: line %zu", path, i + 1);
    }
    json_decref(lines);
    return status;
}

/* --- an array --------------------------------------------------------------------- */

static bool is_array(const cm_stored *a) {
    return a->dtype == CM_U8 && a->ndim == 4 && (a->shape[3] == 3 || a->shape[1] == 3);
}

static cm_status take_array(cm_picture_source *s, const cm_stored *a, const char *path) {
    s->channels_first = a->shape[3] != 3;
    s->height = a->shape[s->channels_first ? 2 : 1];
    s->width = a->shape[s->channels_first ? 3 : 2];
    s->values = a->data;
    if (s->width == 0 || s->height == 0) return cm_fail(CM_EFORMAT, "%s: '%s' holds pictures of %zux%zu", path, a->name, s->width, s->height);
    for (size_t i = 0; i < a->shape[0]; i++)
        CM_TRY(add(s, cm_arena_print(&s->arena, "%s[%zu]", path, i), cm_arena_print(&s->arena, "%zu", i), NULL));
    return CM_OK;
}

static cm_status open_array(cm_picture_source *s, const char *path) {
    const bool npz = ends_in(path, ".npz");
    CM_TRY(npz ? cm_npz_open(&s->npz, path) : cm_safetensors_open(&s->tensors, path));
    const size_t n = npz ? cm_npz_count(s->npz) : cm_safetensors_count(s->tensors);
    for (size_t i = 0; i < n; i++) {
        const cm_stored *a = npz ? cm_npz_at(s->npz, i) : cm_safetensors_at(s->tensors, i);
        if (is_array(a)) return take_array(s, a, path);
    }
    return cm_fail(CM_EFORMAT, "%s: no uint8 array [N,H,W,3] or [N,3,H,W] is in it", path);
}

/* --- opening ----------------------------------------------------------------------- */

static void hash_list(cm_picture_source *s, const char *path) {
    cm_sha *h = cm_sha_begin();
    struct stat is;
    for (size_t i = 0; i < s->count; i++) {
        const char *file = s->values ? path : s->entries[i].path;
        char line[128] = "";
        if (stat(file, &is) == 0)
            snprintf(line, sizeof line, "%lld %lld.%09ld", (long long)is.st_size, (long long)is.st_mtim.tv_sec, is.st_mtim.tv_nsec);
        cm_sha_add(h, s->entries[i].path, strlen(s->entries[i].path) + 1);
        cm_sha_add(h, s->entries[i].id, strlen(s->entries[i].id) + 1);
        cm_sha_add(h, line, strlen(line) + 1);
    }
    cm_sha_end(&h, s->hash);
}

static cm_status open_any(cm_picture_source *s, const char *path) {
    if (!cm_path_exists(path)) return cm_fail(CM_EUSAGE, "%s: no such folder or file", path);
    if (cm_path_is_dir(path)) return open_folder(s, path);
    if (ends_in(path, ".npz") || ends_in(path, ".safetensors")) return open_array(s, path);
    if (ends_in(path, ".jsonl")) return open_manifest(s, path);
    return cm_fail(CM_EUSAGE, "%s: pictures come from a folder, a .jsonl manifest, or a .npz or .safetensors array", path);
}

cm_status cm_picture_source_open(cm_picture_source **out, const char *path) {
    cm_picture_source *s = calloc(1, sizeof *s);
    if (!s) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&s->arena, 0);
    pthread_mutex_init(&s->lock, NULL);
    const cm_status status = open_any(s, path);
    if (status != CM_OK) {
        cm_picture_source_close(&s);
        return status;
    }
    hash_list(s, path);
    *out = s;
    return CM_OK;
}

void cm_picture_source_close(cm_picture_source **s) {
    if (!*s) return;
    cm_npz_close(&(*s)->npz);
    cm_safetensors_close(&(*s)->tensors);
    pthread_mutex_destroy(&(*s)->lock);
    cm_arena_free(&(*s)->arena);
    free((*s)->entries);
    free(*s);
    *s = NULL;
}

size_t cm_picture_source_count(const cm_picture_source *s) {
    return s->count;
}

const char *cm_picture_source_id(const cm_picture_source *s, size_t i) {
    return s->entries[i].id;
}

const char *cm_picture_source_path(const cm_picture_source *s, size_t i) {
    return s->entries[i].path;
}

const char *cm_picture_source_prompt(const cm_picture_source *s, size_t i) {
    return s->entries[i].prompt;
}

const char *cm_picture_source_hash(const cm_picture_source *s) {
    return s->hash;
}

/* --- reading ------------------------------------------------------------------------ */

static cm_status read_array(const cm_picture_source *s, size_t i, cm_arena *out, cm_image *image) {
    const size_t n = s->width * s->height;
    const unsigned char *from = s->values + i * n * 3;
    CM_TRY(cm_image_new(out, s->width, s->height, 3, image));
    if (!s->channels_first) memcpy(image->pixels, from, n * 3);
    for (size_t k = 0; s->channels_first && k < n; k++)
        for (size_t c = 0; c < 3; c++) image->pixels[k * 3 + c] = from[c * n + k];
    return CM_OK;
}

static void look(cm_picture_source *s, size_t i, const cm_image *image) {
    pthread_mutex_lock(&s->lock);
    s->jpegs += is_jpeg(s->entries[i].path);
    s->alphas += image->lost_alpha;
    if (!s->least_width || image->width < s->least_width) s->least_width = image->width;
    if (!s->least_height || image->height < s->least_height) s->least_height = image->height;
    if (image->width > s->most_width) s->most_width = image->width;
    if (image->height > s->most_height) s->most_height = image->height;
    pthread_mutex_unlock(&s->lock);
}

cm_status cm_picture_source_read(cm_picture_source *s, size_t i, cm_arena *out, cm_image *image) {
    CM_TRY(s->values ? read_array(s, i, out, image) : cm_image_read(s->entries[i].path, 3, out, image));
    look(s, i, image);
    return CM_OK;
}

void cm_picture_source_warn(const cm_picture_source *s) {
    if (s->jpegs)
        cm_warn("%zu of %zu pictures are JPEG files, whose compression moves distances: score PNG files, or say so", s->jpegs, s->count);
    if (s->alphas) cm_warn("%zu of %zu pictures have transparency, which is dropped, not laid over anything", s->alphas, s->count);
    if (s->least_width != s->most_width || s->least_height != s->most_height)
        cm_warn("pictures have different sizes (%zu to %zu wide, %zu to %zu high): each is brought to the network's by itself",
                s->least_width, s->most_width, s->least_height, s->most_height);
}
