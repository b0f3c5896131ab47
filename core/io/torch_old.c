// SPDX-License-Identifier: Apache-2.0
#include "core/io/torch_old.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1001 };

/* 0x1950a86a20f9469cfc6c, pickled by protocol 2 */
static const unsigned char magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

bool cm_torch_old_begins(const unsigned char *data, size_t bytes) {
    return bytes >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

typedef struct reader {
    const unsigned char *at;
    size_t left;
    cm_arena *scratch;
} reader;

static cm_status next_pickle(reader *r, const char *what, cm_pickle_first *p) {
    const cm_status s = cm_pickle_read_first(r->at, r->left, r->scratch, p);
    if (s != CM_OK) return cm_fail_in(s, "%s", what);
    r->at += p->used;
    r->left -= p->used;
    return CM_OK;
}

/* Bytes of a value of "torch.NAME"; 0: no such storage. */
static size_t value_size(const cm_pickled *type) {
    static const struct {
        const char *name;
        size_t size;
    } types[] = {{"FloatStorage", 4}, {"HalfStorage", 2}, {"BFloat16Storage", 2},     {"DoubleStorage", 8},
                 {"LongStorage", 8},  {"IntStorage", 4},  {"ShortStorage", 2},        {"CharStorage", 1},
                 {"ByteStorage", 1},  {"BoolStorage", 1}, {"ComplexFloatStorage", 8}, {"ComplexDoubleStorage", 16}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (cm_pickle_is_global(type, "torch", types[i].name)) return types[i].size;
    return 0;
}

static int by_key(const void *a, const void *b) {
    const cm_torch_storage *s = a, *t = b;
    const size_t least = s->length < t->length ? s->length : t->length;
    const int order = memcmp(s->key, t->key, least);
    return order ? order : (s->length > t->length) - (s->length < t->length);
}

/* ("storage", type, key, device, number of values, None), or, in views of storages, which are long gone, a tuple last.
 */
static cm_status read_id(const cm_pickled *id, cm_torch_storage *s) {
    const cm_pickle_node *t = id->kind == CM_PICKLE_LIST ? id->is.node : NULL;
    const bool known = t && t->count >= 5 && cm_pickle_is_text(&t->items[0], "storage") &&
                       t->items[2].kind == CM_PICKLE_TEXT && t->items[4].kind == CM_PICKLE_INT &&
                       t->items[4].is.whole >= 0;
    if (!known) return cm_fail(CM_EFORMAT, "something outside the pickle that is no storage");
    if (t->count > 5 && t->items[5].kind == CM_PICKLE_LIST)
        return cm_fail(CM_EFORMAT, "a view of a storage, which is not read");
    *s = (cm_torch_storage){.key = t->items[2].is.text,
                            .length = t->items[2].length,
                            .size = value_size(&t->items[1]),
                            .held = (uint64_t)t->items[4].is.whole};
    return s->size ? CM_OK : cm_fail(CM_EFORMAT, "a storage of a type that is not read");
}

/* Every storage that the object names, once. */
static cm_status list_storages(cm_torch_old *t, const cm_pickle_first *object, cm_arena *out) {
    size_t count = 0, kept = 0;
    for (const cm_pickled *p = &object->persistent; p->kind == CM_PICKLE_PERSISTENT; p = &p->is.node->second) count++;
    t->storages = CM_PUSH(out, cm_torch_storage, count + 1);
    CM_TRY(cm_arena_check(out));
    for (const cm_pickled *p = &object->persistent; p->kind == CM_PICKLE_PERSISTENT; p = &p->is.node->second)
        CM_TRY(read_id(&p->is.node->first, &t->storages[kept++]));
    qsort(t->storages, count, sizeof *t->storages, by_key);
    for (size_t i = 0; i < count; i++) {
        const cm_torch_storage *s = &t->storages[i], *last = t->count ? &t->storages[t->count - 1] : NULL;
        if (!last || by_key(last, s) != 0) t->storages[t->count++] = *s;
        else if (last->size != s->size || last->held != s->held)
            return cm_fail(CM_EFORMAT, "one storage with two sizes");
    }
    return CM_OK;
}

static cm_torch_storage *find(const cm_torch_old *t, const char *key, size_t length) {
    const cm_torch_storage wanted = {.key = key, .length = length};
    return t->count ? bsearch(&wanted, t->storages, t->count, sizeof wanted, by_key) : NULL;
}

/* The count must be the object's: a file of the other byte order fails here. */
static cm_status take_values(reader *r, cm_torch_storage *s, int length, const char *key) {
    uint64_t held = 0, bytes;
    if (r->left < 8) return cm_fail(CM_EFORMAT, "truncated before storage %.*s", length, key);
    for (size_t i = 8; i-- > 0;) held = held << 8 | r->at[i];
    if (held != s->held)
        return cm_fail(CM_EFORMAT, "storage %.*s does not begin with its number of values", length, key);
    if (__builtin_mul_overflow(held, (uint64_t)s->size, &bytes) || bytes > r->left - 8)
        return cm_fail(CM_EFORMAT, "truncated: storage %.*s has %zu bytes of %llu values", length, key, r->left - 8,
                       (unsigned long long)held);
    s->data = r->at + 8;
    r->at += 8 + bytes;
    r->left -= 8 + bytes;
    return CM_OK;
}

static cm_status place_storages(reader *r, cm_torch_old *t, const cm_pickled *keys) {
    if (keys->kind != CM_PICKLE_LIST) return cm_fail(CM_EFORMAT, "no list of storages behind the object");
    for (size_t i = 0; i < keys->is.node->count; i++) {
        const cm_pickled *k = &keys->is.node->items[i];
        cm_torch_storage *s = k->kind == CM_PICKLE_TEXT ? find(t, k->is.text, k->length) : NULL;
        if (!s || s->data)
            return cm_fail(CM_EFORMAT, "storage %zu in the list is not one that the object names, once", i);
        CM_TRY(take_values(r, s, k->length < 32 ? (int)k->length : 32, k->is.text));
    }
    return CM_OK;
}

cm_status cm_torch_old_read(cm_torch_old *t, const unsigned char *data, size_t bytes, cm_arena *out, cm_arena *scratch,
                            cm_pickled *object) {
    reader r = {data, bytes, scratch};
    cm_pickle_first p, first;
    *t = (cm_torch_old){0};
    CM_TRY(next_pickle(&r, "its magic number", &p));
    CM_TRY(next_pickle(&r, "its version", &p));
    if (p.root.kind != CM_PICKLE_INT || p.root.is.whole != VERSION)
        return cm_fail(CM_EFORMAT, "not version %d of torch's old format", VERSION);
    CM_TRY(next_pickle(&r, "its machine", &p));
    CM_TRY(next_pickle(&r, "its object", &first));
    CM_TRY(next_pickle(&r, "its storages", &p));
    CM_TRY(list_storages(t, &first, out));
    CM_TRY(place_storages(&r, t, &p.root));
    *object = first.root;
    return CM_OK;
}

const cm_torch_storage *cm_torch_old_find(const cm_torch_old *t, const char *key) {
    const cm_torch_storage *s = find(t, key, strlen(key));
    return s && s->data ? s : NULL;
}
