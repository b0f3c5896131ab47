// SPDX-License-Identifier: Apache-2.0
#include "core/io/picture_source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/image_set.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "core/io/npz.h"

enum { FIRST_CAPACITY = 256 };

typedef struct entry {
    const char *file;               /* as the system names it */
    const char *path, *id, *prompt; /* as text */
} entry;

struct cm_picture_source {
    entry *entries;
    size_t count, capacity;
    const unsigned char *values; /* of an array */
    size_t width, height;
    bool channels_first;
    cm_npz *npz;
    cm_safetensors *tensors;
    cm_image_set set; /* of a folder */
    char hash[65];
    cm_arena arena;
    pthread_mutex_t lock; /* of what was seen */
    size_t lossy, alphas, least_width, most_width, least_height, most_height;
};

static bool ends_in(const char *name, const char *end) {
    const size_t n = strlen(name), m = strlen(end);
    return n > m && strcasecmp(name + n - m, end) == 0;
}

static const char *without_ending(cm_arena *a, const char *path) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    return dot && dot > path && (!slash || dot > slash + 1) ? cm_arena_print(a, "%.*s", (int)(dot - path), path) : path;
}

static cm_status add(cm_picture_source *s, entry one) {
    if (s->count == s->capacity) {
        const size_t more = s->capacity ? 2 * s->capacity : FIRST_CAPACITY;
        entry *e = realloc(s->entries, more * sizeof *e);
        if (!e) return cm_fail(CM_ENOMEM, "out of memory");
        s->entries = e;
        s->capacity = more;
    }
    s->entries[s->count++] = one;
    return cm_arena_check(&s->arena);
}

/* --- a folder ----------------------------------------------------------------- */

static cm_status open_folder(cm_picture_source *s, const char *path) {
    CM_TRY(cm_image_set_open(&s->set, path));
    for (size_t i = 0; i < s->set.count; i++) {
        const char *file = s->set.images[i].path, *text = cm_printable_path(file, &s->arena);
        CM_TRY(cm_arena_check(&s->arena));
        const char *id = cm_printable_path(without_ending(&s->arena, file + s->set.root), &s->arena);
        CM_TRY(cm_arena_check(&s->arena));
        CM_TRY(add(s, (entry){.file = file, .path = text, .id = id}));
    }
    return CM_OK;
}

/* --- a manifest ------------------------------------------------------------------ */

static cm_status add_line(cm_picture_source *s, const json_t *line, const char *folder, cm_strays *strays) {
    static const cm_json_key keys[] = {{"path", CM_JSON_NAME}, {"id", CM_JSON_NAME}, {"prompt", CM_JSON_TEXT}, {0}};
    CM_TRY(cm_json_check_foreign(line, keys, strays));
    const char *path, *id, *prompt = cm_json_text_or(line, "prompt", NULL);
    CM_TRY(cm_json_text(line, "path", &path));
    id = cm_json_text_or(line, "id", NULL);
    const char *full =
        *path == '/' ? cm_arena_string(&s->arena, path) : cm_arena_print(&s->arena, "%s%s", folder, path);
    id = id ? cm_arena_string(&s->arena, id) : without_ending(&s->arena, cm_arena_string(&s->arena, path));
    prompt = prompt ? cm_arena_string(&s->arena, prompt) : NULL;
    CM_TRY(cm_arena_check(&s->arena));
    return add(s, (entry){.file = full,
                          .path = cm_printable_path(full, &s->arena),
                          .id = cm_printable_path(id, &s->arena),
                          .prompt = prompt});
}

static cm_status open_manifest(cm_picture_source *s, const char *path) {
    json_t *lines = NULL, *line;
    cm_strays strays = {0};
    size_t i;
    const char *slash = strrchr(path, '/'),
               *folder = cm_arena_print(&s->arena, "%.*s", slash ? (int)(slash + 1 - path) : 0, path);
    CM_TRY(cm_arena_check(&s->arena));
    CM_TRY(cm_jsonl_read(path, &lines));
    cm_status status = CM_OK;
    json_array_foreach(lines, i, line) {
        if (status == CM_OK && (status = add_line(s, line, folder, &strays)) != CM_OK)
            cm_fail_in(status, "%s: line %zu", path, i + 1);
    }
    cm_strays_warn(&strays, path);
    json_decref(lines);
    return status;
}

/* --- an array --------------------------------------------------------------------- */

static bool is_array(const cm_stored *a) {
    return !a->unread && a->dtype == CM_U8 && a->ndim == 4 && (a->shape[3] == 3 || a->shape[1] == 3);
}

static bool is_array_name(const char *path) {
    return cm_npz_is_name(path) || ends_in(path, ".safetensors");
}

static cm_status take_array(cm_picture_source *s, const cm_stored *a, const char *path) {
    s->channels_first = a->shape[3] != 3;
    s->height = a->shape[s->channels_first ? 2 : 1];
    s->width = a->shape[s->channels_first ? 3 : 2];
    const char *shown = cm_printable_path(path, &s->arena);
    CM_TRY(cm_arena_check(&s->arena));
    if (s->width == 0 || s->height == 0)
        return cm_fail(CM_EFORMAT, "'%s' holds images of %zux%zu", a->name, s->width, s->height);
    if (s->npz) CM_TRY(cm_npz_load(s->npz, a));
    s->values = a->data;
    for (size_t i = 0; i < a->shape[0]; i++)
        CM_TRY(add(s, (entry){.path = cm_arena_print(&s->arena, "%s[%zu]", shown, i),
                              .id = cm_arena_print(&s->arena, "%zu", i)}));
    return CM_OK;
}

static const cm_stored *find_array(const cm_picture_source *s) {
    const size_t n = s->npz ? cm_npz_count(s->npz) : cm_safetensors_count(s->tensors);
    for (size_t i = 0; i < n; i++) {
        const cm_stored *a = s->npz ? cm_npz_at(s->npz, i) : cm_safetensors_at(s->tensors, i);
        if (is_array(a)) return a;
    }
    return NULL;
}

static cm_status open_array(cm_picture_source *s, const char *path) {
    CM_TRY(cm_npz_is_name(path) ? cm_npz_open(&s->npz, path) : cm_safetensors_open(&s->tensors, path));
    const cm_stored *a = find_array(s);
    if (!a) return cm_fail(CM_EFORMAT, "%s: no uint8 array [N,H,W,3] or [N,3,H,W] is in it", path);
    const cm_status status = take_array(s, a, path);
    return status == CM_OK ? status : cm_fail_in(status, "%s", path);
}

bool cm_picture_source_is_array(const char *path) {
    cm_picture_source s = {0};
    if (!is_array_name(path)) return false;
    const bool open =
        (cm_npz_is_name(path) ? cm_npz_open(&s.npz, path) : cm_safetensors_open(&s.tensors, path)) == CM_OK;
    const bool is = open && find_array(&s);
    cm_npz_close(&s.npz);
    cm_safetensors_close(&s.tensors);
    return is;
}

/* --- opening ----------------------------------------------------------------------- */

static void hash_list(cm_picture_source *s, const char *path) {
    cm_sha *h = cm_sha_begin();
    struct stat is;
    for (size_t i = 0; i < s->count; i++) {
        const char *file = s->values ? path : s->entries[i].file;
        char line[128] = "";
        if (stat(file, &is) == 0)
            snprintf(line, sizeof line, "%lld %lld.%09ld", (long long)is.st_size, (long long)is.st_mtim.tv_sec,
                     is.st_mtim.tv_nsec);
        cm_sha_add(h, s->entries[i].path, strlen(s->entries[i].path) + 1);
        cm_sha_add(h, s->entries[i].id, strlen(s->entries[i].id) + 1);
        cm_sha_add(h, line, strlen(line) + 1);
    }
    cm_sha_end(&h, s->hash);
}

static cm_status open_any(cm_picture_source *s, const char *path) {
    if (!cm_path_exists(path)) return cm_fail(CM_EUSAGE, "%s: no such folder or file", path);
    if (cm_path_is_dir(path)) return open_folder(s, path);
    if (is_array_name(path)) return open_array(s, path);
    if (ends_in(path, ".jsonl")) return open_manifest(s, path);
    return cm_fail(CM_EUSAGE, "%s: images come from a folder, a .jsonl manifest, or a .npz, .npy or .safetensors array",
                   path);
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
    cm_image_set_close(&(*s)->set);
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

static void look(cm_picture_source *s, const cm_image *image) {
    pthread_mutex_lock(&s->lock);
    s->lossy += image->lossy;
    s->alphas += image->lost_alpha;
    if (!s->least_width || image->width < s->least_width) s->least_width = image->width;
    if (!s->least_height || image->height < s->least_height) s->least_height = image->height;
    if (image->width > s->most_width) s->most_width = image->width;
    if (image->height > s->most_height) s->most_height = image->height;
    pthread_mutex_unlock(&s->lock);
}

cm_status cm_picture_source_read(cm_picture_source *s, size_t i, cm_arena *out, cm_image *image) {
    const cm_status status =
        s->values ? read_array(s, i, out, image) : cm_image_read(s->entries[i].file, 3, out, image);
    if (status != CM_OK) { /* the reason names the file, whatever bytes its name has */
        const char *why = cm_printable_path(cm_why(), out);
        return why ? cm_fail(status, "%s", why) : status;
    }
    look(s, image);
    return CM_OK;
}

json_t *cm_picture_source_left_out(const cm_picture_source *s) {
    return cm_image_set_describe(&s->set);
}

void cm_picture_source_tell_left_out(const cm_picture_source *s) {
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *text = cm_image_set_tell(&s->set, &a);
    if (text && cm_image_set_is_odd(&s->set)) cm_warn("left out beside %zu images: %s", s->count, text);
    else if (text) cm_note("left out beside %zu images: %s", s->count, text);
    cm_arena_free(&a);
}

void cm_picture_source_warn(const cm_picture_source *s) {
    if (s->lossy)
        cm_warn("%zu of %zu images are JPEG or lossy WebP files, whose compression moves distances: score PNG files, "
                "or say so",
                s->lossy, s->count);
    if (s->alphas)
        cm_warn("%zu of %zu images have transparency, which is dropped, not laid over anything", s->alphas, s->count);
    if (s->least_width != s->most_width || s->least_height != s->most_height)
        cm_warn("images have different sizes (%zu to %zu wide, %zu to %zu high): each is brought to the network's by "
                "itself",
                s->least_width, s->most_width, s->least_height, s->most_height);
}
