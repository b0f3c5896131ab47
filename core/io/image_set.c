// SPDX-License-Identifier: Apache-2.0
#include "core/io/image_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/system.h"
#include "core/base/utf8.h"

enum { MAX_DEPTH = 16, FIRST_CAPACITY = 256 };

/* Of one, of several; the key in records is that of several. */
static const char *const reasons[CM_LEFT_REASONS][2] = {
    [CM_LEFT_HIDDEN] = {"hidden", "hidden"},
    [CM_LEFT_PREVIEW] = {"preview", "previews"},
    [CM_LEFT_ATTENTION] = {"attention map", "attention maps"},
    [CM_LEFT_FORMAT] = {"of a format that is not read", "of formats that are not read"},
    [CM_LEFT_TWICE] = {"there twice", "there twice"},
    [CM_LEFT_SPECIAL] = {"special file", "special files"},
    [CM_LEFT_BROKEN] = {"broken link", "broken links"},
    [CM_LEFT_CLOSED] = {"folder that cannot be read", "folders that cannot be read"},
};

/* --- names -------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (; dot && dot > name && *endings; endings++)
        if (strcasecmp(dot + 1, *endings) == 0) return true;
    return false;
}

static bool is_image(const char *name) {
    static const char *const read[] = {"png", "jpg", "jpeg", "jfif", "webp", "bmp", "gif", NULL};
    return ends_in(name, read);
}

static bool is_other_image(const char *name) {
    static const char *const others[] = {"tif", "tiff", "heic", "heif", "avif", "jxl", "jp2", "j2k", "ppm", "pgm",
                                         "pnm", "tga",  "ico",  "psd",  "exr",  "dng", "hdr", "svg", NULL};
    return ends_in(name, others);
}

static bool is_hidden(const char *name) {
    return name[0] == '.' || strcmp(name, "__MACOSX") == 0;
}

/* NAME.step-0005.png, NAME.attention.png: what stands between the last two dots. */
static cm_left_out made_beside(const char *name) {
    const char *end = strrchr(name, '.'), *dot = end;
    while (dot && dot > name && dot[-1] != '.') dot--;
    const size_t n = dot && dot > name ? (size_t)(end - dot) : 0, step = strlen("step-");
    if (n == strlen("attention") && strncmp(dot, "attention", n) == 0) return CM_LEFT_ATTENTION;
    if (n >= step + 4 && strncmp(dot, "step-", step) == 0 && strspn(dot + step, "0123456789") == n - step)
        return CM_LEFT_PREVIEW;
    return CM_LEFT_REASONS;
}

/* --- the walk ------------------------------------------------------------------- */

typedef struct place {
    dev_t device;
    ino_t inode;
} place;

typedef struct link_entry {
    const char *path;
    int depth;
} link_entry;

typedef struct walk {
    cm_image_set *set;
    place *folders; /* that were looked at, and those above, to which a link would lead back */
    size_t folder_count, folder_room;
    link_entry *links; /* to be followed when all that is no link has been seen */
    size_t link_count, link_room;
} walk;

/* Room for one more in *list. */
static cm_status make_room(void **list, size_t count, size_t *room, size_t size) {
    if (count < *room) return CM_OK;
    const size_t more = *room ? 2 * *room : FIRST_CAPACITY;
    void *bigger = realloc(*list, more * size);
    if (!bigger) return cm_fail(CM_ENOMEM, "out of memory");
    *list = bigger;
    *room = more;
    return CM_OK;
}

static void leave_out(cm_image_set *s, cm_left_out why, const char *path) {
    if (!s->left_out[why]++) s->examples[why] = path + (strlen(path) > s->root ? s->root : 0);
}

static cm_status add_image(cm_image_set *s, const char *path, const struct stat *is, bool linked) {
    void *list = s->images;
    const cm_status status = make_room(&list, s->count, &s->capacity, sizeof *s->images);
    s->images = list;
    if (status == CM_OK) s->images[s->count++] = (cm_image_file){path, is->st_dev, is->st_ino, linked};
    return status;
}

static cm_status add_link(walk *w, const char *path, int depth) {
    void *list = w->links;
    const cm_status status = make_room(&list, w->link_count, &w->link_room, sizeof *w->links);
    w->links = list;
    if (status == CM_OK) w->links[w->link_count++] = (link_entry){path, depth};
    return status;
}

/* CM_OK and *seen: this folder was looked at already. */
static cm_status enter(walk *w, const struct stat *is, bool linked, bool *seen) {
    *seen = false;
    for (size_t i = 0; linked && i < w->folder_count && !*seen; i++)
        *seen = w->folders[i].device == is->st_dev && w->folders[i].inode == is->st_ino;
    if (*seen) return CM_OK;
    void *list = w->folders;
    const cm_status status = make_room(&list, w->folder_count, &w->folder_room, sizeof *w->folders);
    w->folders = list;
    if (status == CM_OK) w->folders[w->folder_count++] = (place){is->st_dev, is->st_ino};
    return status;
}

static cm_status look_at_file(walk *w, const char *path, const char *name, const struct stat *is, bool linked) {
    const cm_left_out beside = made_beside(name);
    if (is_other_image(name)) leave_out(w->set, CM_LEFT_FORMAT, path);
    if (!is_image(name)) return CM_OK;
    if (!S_ISREG(is->st_mode)) leave_out(w->set, CM_LEFT_SPECIAL, path);
    else if (beside != CM_LEFT_REASONS) leave_out(w->set, beside, path);
    else return add_image(w->set, path, is, linked);
    return CM_OK;
}

static cm_status look_into(walk *w, const char *folder, const struct stat *is, bool linked, int depth);

static cm_status look_at(walk *w, const char *folder, const char *name, bool linked, int depth) {
    struct stat is;
    const char *path = cm_arena_print(&w->set->arena, "%s/%s", folder, name);
    CM_TRY(cm_arena_check(&w->set->arena));
    if (lstat(path, &is) != 0) return CM_OK; /* gone meanwhile */
    if (is_hidden(name)) {
        if (is_image(name) || S_ISDIR(is.st_mode)) leave_out(w->set, CM_LEFT_HIDDEN, path);
        return CM_OK;
    }
    if (S_ISLNK(is.st_mode)) return add_link(w, path, depth);
    return S_ISDIR(is.st_mode) ? look_into(w, path, &is, linked, depth + 1) : look_at_file(w, path, name, &is, linked);
}

static cm_status look_into(walk *w, const char *folder, const struct stat *is, bool linked, int depth) {
    bool seen;
    CM_TRY(enter(w, is, linked, &seen));
    DIR *d = seen || depth > MAX_DEPTH ? NULL : opendir(folder);
    if (!d) leave_out(w->set, seen ? CM_LEFT_TWICE : CM_LEFT_CLOSED, folder);
    cm_status s = CM_OK;
    for (const struct dirent *e = d ? readdir(d) : NULL; e && s == CM_OK; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        s = cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : look_at(w, folder, e->d_name, linked, depth);
    }
    if (d) closedir(d);
    return s;
}

static cm_status follow(walk *w, link_entry link) {
    struct stat is;
    const char *slash = strrchr(link.path, '/'), *name = slash ? slash + 1 : link.path;
    if (stat(link.path, &is) != 0) {
        if (is_image(name)) leave_out(w->set, CM_LEFT_BROKEN, link.path);
        return CM_OK;
    }
    if (!S_ISDIR(is.st_mode)) return look_at_file(w, link.path, name, &is, true);
    return look_into(w, link.path, &is, true, link.depth + 1);
}

static int by_link_path(const void *a, const void *b) {
    return strcmp(((const link_entry *)a)->path, ((const link_entry *)b)->path);
}

/* Links that stand behind links come in the next round. */
static cm_status follow_links(walk *w) {
    for (size_t first = 0; first < w->link_count;) {
        const size_t end = w->link_count;
        qsort(w->links + first, end - first, sizeof *w->links, by_link_path);
        for (; first < end; first++) CM_TRY(follow(w, w->links[first]));
    }
    return CM_OK;
}

/* --- once each ------------------------------------------------------------------- */

static int by_path(const void *a, const void *b) {
    return strcmp(((const cm_image_file *)a)->path, ((const cm_image_file *)b)->path);
}

static int by_file(const void *a, const void *b) {
    const cm_image_file *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode) return x->inode < y->inode ? -1 : 1;
    return x->linked != y->linked ? x->linked - y->linked : by_path(a, b);
}

static void keep_once(cm_image_set *s) {
    size_t n = 0;
    if (s->count) qsort(s->images, s->count, sizeof *s->images, by_file);
    for (size_t i = 0; i < s->count; i++) {
        const cm_image_file *f = &s->images[i], *last = n ? &s->images[n - 1] : NULL;
        if (last && last->device == f->device && last->inode == f->inode) leave_out(s, CM_LEFT_TWICE, f->path);
        else s->images[n++] = *f;
    }
    s->count = n;
    if (n) qsort(s->images, n, sizeof *s->images, by_path);
}

/* The folders above, up to the root, which is above itself. */
static cm_status enter_above(walk *w, const char *folder) {
    enum { MOST = 256 };
    struct stat is;
    const char *path = folder;
    for (size_t i = 0; i < MOST; i++) {
        bool seen;
        path = cm_arena_print(&w->set->arena, "%s/..", path);
        CM_TRY(cm_arena_check(&w->set->arena));
        if (stat(path, &is) != 0) break;
        CM_TRY(enter(w, &is, true, &seen));
        if (seen) break;
    }
    return CM_OK;
}

static cm_status read_all(walk *w, const char *path) {
    struct stat is;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    const char *folder = cm_arena_print(&w->set->arena, "%.*s", (int)n, path);
    CM_TRY(cm_arena_check(&w->set->arena));
    w->set->root = n + 1;
    DIR *d = opendir(folder);
    if (!d || stat(folder, &is) != 0) {
        if (d) closedir(d);
        return cm_fail(CM_EIO, "%s: cannot open the folder: %s", folder, strerror(errno));
    }
    closedir(d);
    CM_TRY(enter_above(w, folder));
    CM_TRY(look_into(w, folder, &is, false, 0));
    return follow_links(w);
}

cm_status cm_image_set_open(cm_image_set *s, const char *folder) {
    *s = (cm_image_set){0};
    cm_arena_init(&s->arena, 0);
    walk w = {.set = s};
    const cm_status status = read_all(&w, folder);
    free(w.folders);
    free(w.links);
    if (status == CM_OK) keep_once(s);
    else cm_image_set_close(s);
    return status;
}

void cm_image_set_close(cm_image_set *s) {
    free(s->images);
    cm_arena_free(&s->arena);
    *s = (cm_image_set){0};
}

/* --- what was left out -------------------------------------------------------------- */

const char *cm_image_set_tell(const cm_image_set *s, cm_arena *out) {
    const char *text = NULL;
    for (int i = 0; i < CM_LEFT_REASONS; i++) {
        const size_t n = s->left_out[i];
        if (!n) continue;
        const char *example = cm_printable_path(s->examples[i], out);
        text = cm_arena_print(out, "%s%s%zu %s (%s%s)", text ? text : "", text ? ", " : "", n, reasons[i][n > 1],
                              example ? example : "", n > 1 ? ", ..." : "");
        if (!text) return NULL;
    }
    return text;
}

json_t *cm_image_set_describe(const cm_image_set *s) {
    json_t *o = NULL;
    for (int i = 0; i < CM_LEFT_REASONS; i++) {
        if (!s->left_out[i]) continue;
        if (!o) o = json_object();
        json_object_set_new(o, reasons[i][1], json_integer((json_int_t)s->left_out[i]));
    }
    return o;
}

bool cm_image_set_is_odd(const cm_image_set *s) {
    for (int i = CM_LEFT_FORMAT; i < CM_LEFT_REASONS; i++)
        if (s->left_out[i]) return true;
    return false;
}

/* --- paths as text --------------------------------------------------------------------- */

enum { UTF8_LONGEST = 4 }; /* of text that ends in 0, which is no part of a sequence and so ends the reading */

static bool is_shown(uint32_t c) {
    const bool control = c < ' ' || (c >= 0x7F && c < 0xA0),
               turns = c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E);
    return !control && !turns && !(c >= 0x2066 && c <= 0x2069) && c != 0x2028 && c != 0x2029;
}

const char *cm_printable_path(const char *path, cm_arena *out) {
    enum { LONGEST = 6 }; /* \u202E of three bytes, \xE9 of one */
    const unsigned char *p = (const unsigned char *)path;
    uint32_t code;
    bool plain = true;
    for (size_t at = 0, n; plain && p[at]; at += n)
        plain = (n = cm_utf8_read(p + at, UTF8_LONGEST, &code)) != 0 && is_shown(code);
    if (plain) return path;
    const size_t room = LONGEST * strlen(path) + 1;
    char *text = CM_PUSH(out, char, room), *to = text;
    while (text && *p) {
        const size_t n = cm_utf8_read(p, UTF8_LONGEST, &code);
        if (n && is_shown(code)) memcpy(to, p, n), to += n;
        else if (n < 2) to += snprintf(to, 5, "\\x%02X", *p);
        else to += snprintf(to, 7, "\\u%04X", (unsigned)code);
        p += n ? n : 1;
    }
    if (text) *to = 0;
    return text;
}
