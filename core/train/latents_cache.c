// SPDX-License-Identifier: Apache-2.0
/* The file of latents and maps: latents-HASH.safetensors, with z [people,h,w,c] f16, classes and groups
 * [people,height,width]. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/train/latents.h"

enum { WITNESSES = 4, TOGETHER = 32 };

/* --- its name ---------------------------------------------------------------------- */

/* How people are drawn is not written down anywhere: a few drawings stand for it. */
static cm_status add_drawings(cm_sha *h, cm_people_dataset *dataset, cm_arena *scratch) {
    const size_t pixels = dataset->width * dataset->height;
    for (size_t i = 0; i < WITNESSES && i < dataset->count; i++) {
        CM_TRY(cm_people_dataset_draw(dataset, i, scratch));
        cm_sha_add(h, dataset->pictures + i * pixels * 3, pixels * 3);
        cm_sha_add(h, dataset->classes + i * pixels, pixels);
        cm_sha_add(h, dataset->groups + i * pixels, pixels);
    }
    return CM_OK;
}

/* Of people from a folder all that their latents and maps are made of: the files' bytes, for sizes and times may lie.
 */
static cm_status add_files(cm_sha *h, const cm_people_dataset *dataset) {
    char of_file[65];
    cm_sha_add(h, dataset->data->hash, strlen(dataset->data->hash));
    for (size_t i = 0; i < dataset->count; i++) {
        const cm_labelled_person *p = &dataset->data->people[i];
        const char *const paths[] = {p->image, dataset->classes ? p->classes : NULL,
                                     dataset->groups ? p->groups : NULL};
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            if (!paths[k]) continue;
            CM_TRY(cm_sha_file(paths[k], of_file));
            cm_sha_add(h, of_file, strlen(of_file));
        }
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped while the images were read");
    }
    return CM_OK;
}

static cm_status cache_path(const cm_latents *l, const char *folder, cm_arena *out, char **path) {
    char weights[65], all[65], who[256];
    cm_people_dataset *dataset = l->dataset;
    CM_TRY(cm_params_hash(l->vae_files.params, weights));
    cm_sha *h = cm_sha_begin();
    if (!h) return cm_fail(CM_ENOMEM, "out of memory");
    snprintf(who, sizeof who, "%s %llu %s %zu %zux%zu %d %d%s%s%s", weights, (unsigned long long)dataset->seed,
             dataset->set, dataset->count, dataset->width, dataset->height, dataset->options.simple,
             dataset->options.pairs, dataset->data ? " data" : "", dataset->data && dataset->classes ? " classes" : "",
             dataset->data && dataset->groups ? " groups" : "");
    cm_sha_add(h, who, strlen(who));
    const cm_status s = dataset->data ? add_files(h, dataset) : add_drawings(h, dataset, out);
    cm_sha_end(&h, all);
    CM_TRY(s);
    *path = cm_arena_print(out, "%s/latents-%.16s.safetensors", folder, all);
    return cm_arena_check(out);
}

/* --- reading ------------------------------------------------------------------------ */

static const cm_stored *find(const cm_safetensors *f, const char *name, cm_dtype type, size_t values) {
    const cm_stored *s = cm_safetensors_find(f, name);
    return s && !s->unread && s->dtype == type && s->count == values ? s : NULL;
}

/* Copies a map out of the cache; at NULL: the people have none. most: the largest label */
static bool take_map(const cm_safetensors *f, const char *name, size_t pixels, int most, uint8_t *at) {
    if (!at) return true;
    const cm_stored *s = find(f, name, CM_U8, pixels);
    for (size_t i = 0; s && i < pixels; i++)
        if (((const uint8_t *)s->data)[i] > most) return false;
    if (s) memcpy(at, s->data, pixels);
    return s != NULL;
}

static cm_status open_cache(cm_latents *l, const char *path) {
    cm_people_dataset *dataset = l->dataset;
    const size_t pixels = dataset->count * dataset->width * dataset->height;
    CM_TRY(cm_safetensors_open(&l->cache, path));
    const cm_stored *z = find(l->cache, "z", CM_F16, dataset->count * l->height * l->width * l->channels);
    if (!z || !take_map(l->cache, "classes", pixels, CM_CLASSES - 1, dataset->classes) ||
        !take_map(l->cache, "groups", pixels, CM_GROUPS, dataset->groups))
        return cm_fail(CM_EFORMAT, "%s: not what its name says; remove it, and it is made again", path);
    l->cached_z = z->data;
    memset(dataset->drawn, true, dataset->count);
    return CM_OK;
}

/* --- writing ------------------------------------------------------------------------ */

typedef struct making {
    cm_latents *l;
    uint16_t *z;
    cm_ctx *contexts; /* one a thread */
    cm_arena *scratch;
    cm_status *status;
    char (*why)[256];
} making;

static cm_status make_some(const making *m, size_t from, size_t count, cm_ctx *g, cm_arena *scratch) {
    size_t people[TOGETHER];
    uint16_t *to[TOGETHER];
    const size_t values = m->l->height * m->l->width * m->l->channels;
    for (size_t i = 0; i < count; i++) {
        people[i] = from + i;
        to[i] = m->z + people[i] * values;
        CM_TRY(cm_people_dataset_draw(m->l->dataset, people[i], scratch));
    }
    const cm_status s = cm_latents_encode(m->l, g, people, count, to);
    cm_ctx_reset(g);
    return s;
}

static void make_block(void *arg, size_t i, int worker) {
    const making *m = arg;
    const size_t from = i * TOGETHER, n = m->l->dataset->count;
    if (m->status[worker] != CM_OK || cm_interrupted()) return;
    m->status[worker] =
        make_some(m, from, n - from < TOGETHER ? n - from : TOGETHER, &m->contexts[worker], &m->scratch[worker]);
    if (m->status[worker] != CM_OK) snprintf(m->why[worker], sizeof m->why[worker], "%s", cm_why());
}

static cm_status make_all(making *m, int threads) {
    cm_note("the latents of %zu people are made once, into the cache", m->l->dataset->count);
    cm_parallel(threads, (m->l->dataset->count + TOGETHER - 1) / TOGETHER, make_block, m);
    for (int i = 0; i < threads; i++)
        if (m->status[i] != CM_OK) return cm_fail(m->status[i], "%s", m->why[i]);
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped while the latents were made") : CM_OK;
}

static cm_status write_cache(const cm_latents *l, const uint16_t *z, const char *path) {
    const cm_people_dataset *c = l->dataset;
    const size_t of_z[] = {c->count, l->height, l->width, l->channels}, of_maps[] = {c->count, c->height, c->width};
    cm_store_item items[3] = {{.name = "z", .dtype = CM_F16, .ndim = 4, .shape = of_z, .raw = z}};
    size_t n = 1;
    if (c->classes)
        items[n++] = (cm_store_item){.name = "classes", .dtype = CM_U8, .ndim = 3, .shape = of_maps, .raw = c->classes};
    if (c->groups)
        items[n++] = (cm_store_item){.name = "groups", .dtype = CM_U8, .ndim = 3, .shape = of_maps, .raw = c->groups};
    return cm_safetensors_write(path, items, n, NULL);
}

static cm_status make_cache(cm_latents *l, const char *path, const cm_ops *ops, int threads) {
    cm_arena a;
    cm_arena_init(&a, 0);
    const size_t n = (size_t)threads;
    making m = {.l = l,
                .z = CM_PUSH(&a, uint16_t, l->dataset->count * l->height * l->width * l->channels),
                .contexts = CM_PUSH_ZERO(&a, cm_ctx, n),
                .scratch = CM_PUSH_ZERO(&a, cm_arena, n),
                .status = CM_PUSH_ZERO(&a, cm_status, n),
                .why = cm_arena_push_zero(&a, n * sizeof *m.why)};
    cm_status s = cm_arena_check(&a);
    for (size_t i = 0; i < n && s == CM_OK; i++) {
        cm_ctx_init(&m.contexts[i], ops, 1);
        cm_arena_init(&m.scratch[i], 0);
    }
    if (s == CM_OK) s = make_all(&m, threads);
    for (size_t i = 0; i < n && m.contexts && m.scratch; i++) {
        cm_ctx_free(&m.contexts[i]);
        cm_arena_free(&m.scratch[i]);
    }
    if (s == CM_OK) s = write_cache(l, m.z, path);
    cm_arena_free(&a);
    return s;
}

/* Another run may be making it: then it is waited for. */
static cm_status make_or_wait(cm_latents *l, const char *folder, const char *path, const cm_ops *ops, int threads) {
    cm_folder_lock lock = {0};
    bool said = false;
    while (cm_folder_lock_take(&lock, folder) != CM_OK) {
        if (cm_path_exists(path)) return CM_OK;
        if (cm_interrupted() || !cm_path_is_dir(folder)) return cm_fail(CM_EIO, "%s", cm_why());
        if (!said) cm_note("%s: another run makes the latents; waiting for them", folder);
        said = true;
        sleep(1);
    }
    const cm_status s = cm_path_exists(path) ? CM_OK : make_cache(l, path, ops, threads);
    cm_folder_lock_release(&lock);
    return s;
}

cm_status cm_latents_use_cache(cm_latents *l, const char *folder, const cm_ops *ops, int threads, cm_arena *out) {
    char *path;
    CM_TRY(cache_path(l, folder, out, &path));
    if (!cm_path_exists(path)) CM_TRY(make_or_wait(l, folder, path, ops, threads));
    return open_cache(l, path);
}
