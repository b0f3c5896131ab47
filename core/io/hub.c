// SPDX-License-Identifier: Apache-2.0
#include "core/io/hub.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"

enum { MAX_REFERENCE = 4096 };

static bool is_part(const char *text, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return n > 0 && strspn(text, letters) >= n && text[0] != '.';
}

bool cm_hub_is_name(const char *text) {
    const char *slash = strchr(text, '/');
    return slash && is_part(text, (size_t)(slash - text)) && is_part(slash + 1, strlen(slash + 1));
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

cm_status cm_hub_cache(cm_arena *out, const char **folder) {
    const char *whole = variable("HF_HUB_CACHE"), *home = variable("HF_HOME"), *cache = variable("XDG_CACHE_HOME");
    const char *user = variable("HOME");
    if (!whole) whole = variable("HUGGINGFACE_HUB_CACHE");
    if (whole) *folder = cm_arena_string(out, whole);
    else if (home) *folder = cm_arena_print(out, "%s/hub", home);
    else if (cache) *folder = cm_arena_print(out, "%s/huggingface/hub", cache);
    else *folder = cm_arena_print(out, "%s/.cache/huggingface/hub", user ? user : "");
    return cm_arena_check(out);
}

/* What refs/main says; NULL: it does not. */
static const char *main_commit(const char *root, cm_arena *a) {
    char *text = NULL;
    const char *path = cm_arena_print(a, "%s/refs/main", root);
    if (!path || !cm_path_exists(path) || cm_read_text(path, MAX_REFERENCE, a, &text, NULL) != CM_OK) return NULL;
    text[strcspn(text, " \r\n")] = '\0';
    return is_part(text, strlen(text)) ? text : NULL;
}

/* The name of the only snapshot; NULL: there is none, or more than one. */
static const char *only_snapshot(const char *snapshots, cm_arena *a, size_t *count) {
    const char *name = NULL;
    const struct dirent *e;
    DIR *d = opendir(snapshots);
    *count = 0;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.' && ++*count == 1) name = cm_arena_string(a, e->d_name);
    if (d) closedir(d);
    return *count == 1 ? name : NULL;
}

static cm_status snapshot_of(const char *root, cm_arena *a, const char **folder) {
    const char *snapshots = cm_arena_print(a, "%s/snapshots", root), *commit = main_commit(root, a);
    size_t count = 0;
    CM_TRY(cm_arena_check(a));
    if (!commit) commit = only_snapshot(snapshots, a, &count);
    if (!commit && count)
        return cm_fail(CM_EIO, "%s: no refs/main, and %zu snapshots: name one of %s/", root, count, snapshots);
    if (!commit) return cm_fail(CM_EIO, "%s: the hub's cache without a snapshot of this repository", root);
    *folder = cm_arena_print(a, "%s/%s", snapshots, commit);
    CM_TRY(cm_arena_check(a));
    if (cm_path_is_dir(*folder)) return CM_OK;
    return cm_fail(CM_EIO, "%s: refs/main names a snapshot that is not there: %s", root, commit);
}

static bool is_root(const char *path, cm_arena *a) {
    const char *snapshots = cm_arena_print(a, "%s/snapshots", path), *refs = cm_arena_print(a, "%s/refs", path);
    const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path;
    return snapshots && refs && cm_path_is_dir(snapshots) &&
           (cm_path_is_dir(refs) || strncmp(name, "models--", 8) == 0);
}

cm_status cm_hub_resolve(const char *path, cm_arena *out, const char **folder) {
    *folder = path;
    if (cm_path_exists(path)) return is_root(path, out) ? snapshot_of(path, out, folder) : CM_OK;
    if (!cm_hub_is_name(path)) return CM_OK;
    const char *cache, *slash = strchr(path, '/');
    CM_TRY(cm_hub_cache(out, &cache));
    const char *root = cm_arena_print(out, "%s/models--%.*s--%s", cache, (int)(slash - path), path, slash + 1);
    CM_TRY(cm_arena_check(out));
    if (cm_path_is_dir(root)) return snapshot_of(root, out, folder);
    return cm_fail(CM_EIO, "%s: no such file or folder, nor this repository in the hub's cache (%s)", path, cache);
}
