// SPDX-License-Identifier: Apache-2.0
#include "core/io/torch_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/mapped.h"
#include "core/io/torch_old.h"
#include "core/io/zip.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "torch's data are used as they lie: little-endian machines only"
#endif

enum { MAX_NAME = 512, MAX_KEY = 32, MAX_NESTED = 4, MAX_DIMS = 8, MAX_DEPTH = 32, MAX_ATTRIBUTES = 1 << 16 };

struct cm_torch_file {
    cm_mapped file;
    bool is_old;
    cm_torch_old old; /* in place of the zip */
    cm_zip zip;
    const char *root; /* of every entry's name, without the slash */
    cm_arena arena;
    cm_stored *stored; /* in the dictionary's order */
    cm_stored **named; /* sorted by name */
    size_t count, copied;
    bool script;
};

/* What a tensor was made from, before its bytes are looked up. */
typedef struct view {
    cm_dtype dtype;
    char key[MAX_KEY];
    uint64_t offset, held; /* in values: where it begins, and what the storage holds */
    uint64_t stride[MAX_DIMS];
} view;

/* --- the archive ---------------------------------------------------------- */

static const char zip_begins[] = "PK\3\4";

bool cm_torch_file_begins(const unsigned char *data, size_t bytes) {
    return (bytes >= 4 && memcmp(data, zip_begins, 4) == 0) || cm_torch_old_begins(data, bytes);
}

static cm_status check_beginning(const cm_mapped *m) {
    if (m->bytes < 4) return cm_fail(CM_EFORMAT, "too short for a torch checkpoint (%zu bytes)", m->bytes);
    if (cm_torch_file_begins(m->data, m->bytes)) return CM_OK;
    const char *other = cm_file_kind(m->data, m->bytes);
    if (other) return cm_fail(CM_EFORMAT, "not a torch checkpoint but %s", other);
    return cm_fail(CM_EFORMAT, "not a torch checkpoint: it does not begin as a zip file");
}

/* "NAME/data.pkl", the one entry of that kind. */
static cm_status find_root(cm_torch_file *f) {
    for (size_t i = 0; i < f->zip.count; i++) {
        const char *name = f->zip.entries[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0) continue;
        if (f->root) return cm_fail(CM_EFORMAT, "%s/data.pkl and %s: two checkpoints in one zip", f->root, name);
        f->root = cm_arena_print(&f->arena, "%.*s", (int)(slash - name), name);
        CM_TRY(cm_arena_check(&f->arena));
    }
    return f->root ? CM_OK : cm_fail(CM_EFORMAT, "a zip, but not a torch checkpoint: no data.pkl in it");
}

/* An entry's bytes, their check sum seen to; *bytes 0 and data NULL when there is none. */
static cm_status entry_bytes(cm_torch_file *f, const char *name, const unsigned char **data, size_t *bytes) {
    const char *path = cm_arena_print(&f->arena, "%s/%s", f->root, name);
    CM_TRY(cm_arena_check(&f->arena));
    const cm_zip_entry *e = cm_zip_find(&f->zip, path);
    *data = NULL;
    *bytes = e ? e->bytes : 0;
    if (!e) return CM_OK;
    CM_TRY(cm_zip_data(&f->zip, e, data));
    return cm_zip_check(&f->zip, e, *data);
}

static cm_status check_byte_order(cm_torch_file *f) {
    const unsigned char *order;
    size_t bytes;
    CM_TRY(entry_bytes(f, "byteorder", &order, &bytes));
    if (!order || (bytes == 6 && memcmp(order, "little", 6) == 0)) return CM_OK;
    return cm_fail(CM_EFORMAT, "written in big-endian byte order; only little-endian is read");
}

static cm_status read_pickle(cm_torch_file *f, cm_arena *scratch, cm_pickled *root) {
    const unsigned char *data;
    size_t bytes;
    CM_TRY(entry_bytes(f, "data.pkl", &data, &bytes));
    const cm_status s = cm_pickle_read(data, bytes, scratch, root);
    return s == CM_OK ? s : cm_fail_in(s, "data.pkl");
}

/* --- what the pickle says --------------------------------------------------- */

/* A dictionary's items, plain or ordered; NULL: neither. */
static const cm_pickle_node *as_dict(const cm_pickled *v) {
    if (v->kind == CM_PICKLE_DICT) return v->is.node;
    const bool ordered =
        v->kind == CM_PICKLE_CALL && cm_pickle_is_global(&v->is.node->first, "collections", "OrderedDict");
    return ordered && v->is.node->count % 2 == 0 ? v->is.node : NULL;
}

/* The dictionary of tensors: a checkpoint often keeps it beside counters and optimizers. */
static const cm_pickle_node *find_tensors(const cm_pickle_node *dict) {
    static const char *const keys[] = {"state_dict", "params_ema", "params", "model"};
    for (size_t depth = 0; depth < MAX_NESTED; depth++) {
        const cm_pickle_node *inner = NULL;
        for (size_t i = 0; i < sizeof keys / sizeof *keys && !inner; i++) {
            const cm_pickled *v = cm_pickle_find(dict, keys[i]);
            inner = v ? as_dict(v) : NULL;
        }
        if (!inner) break;
        dict = inner;
    }
    return dict;
}

/* "module.name" of what was called, as far as it can be shown. */
static void print_callee(const cm_pickled *v, char out[96]) {
    const cm_pickled *g = v->kind == CM_PICKLE_CALL ? &v->is.node->first : v;
    out[0] = 0;
    if (g->kind != CM_PICKLE_GLOBAL) return;
    const cm_pickled *const parts[] = {&g->is.node->first, &g->is.node->second};
    size_t at = 0;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < parts[i]->length && at < 90; k++)
            out[at++] = isprint((unsigned char)parts[i]->is.text[k]) ? parts[i]->is.text[k] : '?';
        if (i == 0) out[at++] = '.';
    }
    out[at] = 0;
}

static const cm_pickle_node *arguments(const cm_pickled *call) {
    const cm_pickled *v = &call->is.node->second;
    return v->kind == CM_PICKLE_LIST ? v->is.node : NULL;
}

/* A parameter is its tensor. */
static const cm_pickled *without_parameter(const cm_pickled *v) {
    for (size_t depth = 0; depth < MAX_NESTED && v->kind == CM_PICKLE_CALL; depth++) {
        const cm_pickled *what = &v->is.node->first;
        const cm_pickle_node *args = arguments(v);
        if (!cm_pickle_is_global(what, "torch._utils", "_rebuild_parameter") &&
            !cm_pickle_is_global(what, "torch._utils", "_rebuild_parameter_with_state"))
            break;
        if (!args || !args->count) break;
        v = &args->items[0];
    }
    return v;
}

/* The arguments of a tensor's making: storage, offset, shape, strides, ..., and where the storage has no type of its
 * own, it at TYPE; NULL: no such tensor. */
enum { TYPE = 6 };

static const cm_pickle_node *as_tensor(const cm_pickled *v) {
    if (v->kind != CM_PICKLE_CALL) return NULL;
    const cm_pickled *what = &v->is.node->first;
    const bool third = cm_pickle_is_global(what, "torch._utils", "_rebuild_tensor_v3");
    if (!third && !cm_pickle_is_global(what, "torch._utils", "_rebuild_tensor_v2") &&
        !cm_pickle_is_global(what, "torch._utils", "_rebuild_tensor"))
        return NULL;
    const cm_pickle_node *args = arguments(v);
    return args && args->count >= (third ? TYPE + 1 : 4) ? args : NULL;
}

static bool whole(const cm_pickled *v, uint64_t *out) {
    if (v->kind != CM_PICKLE_INT || v->is.whole < 0) return false;
    *out = (uint64_t)v->is.whole;
    return true;
}

/* *unread: the name of a type that is not read. */
static cm_status read_type(cm_torch_file *f, const cm_pickled *type, const cm_pickle_node *args, cm_dtype *out,
                           const char **unread) {
    static const char *const types[CM_DTYPE_COUNT] = {
        [CM_F32] = "FloatStorage", [CM_F16] = "HalfStorage", [CM_BF16] = "BFloat16Storage", [CM_F64] = "DoubleStorage",
        [CM_I64] = "LongStorage",  [CM_I32] = "IntStorage",  [CM_U8] = "ByteStorage",       [CM_BOOL] = "BoolStorage"};
    char called[96];
    static const char *const untyped[CM_DTYPE_COUNT] = {[CM_F8_E4M3] = "float8_e4m3fn", [CM_F8_E5M2] = "float8_e5m2"};
    const bool bare = cm_pickle_is_global(type, "torch.storage", "UntypedStorage") && args->count > TYPE;
    const char *const *names = bare ? untyped : types;
    if (bare) type = &args->items[TYPE];
    for (cm_dtype t = 0; t < CM_DTYPE_COUNT; t++) {
        if (!names[t] || !cm_pickle_is_global(type, "torch", names[t])) continue;
        *out = t;
        return CM_OK;
    }
    print_callee(type, called);
    *unread = cm_arena_string(&f->arena, called);
    *out = CM_U8;
    return cm_arena_check(&f->arena);
}

/* ("storage", type, key, device, number of values) */
static cm_status read_storage(cm_torch_file *f, const cm_pickle_node *args, cm_stored *tensor, view *w) {
    const cm_pickled *v = &args->items[0];
    const char *name = tensor->name;
    const cm_pickled *id = v->kind == CM_PICKLE_PERSISTENT ? &v->is.node->first : NULL;
    const cm_pickle_node *t = id && id->kind == CM_PICKLE_LIST ? id->is.node : NULL;
    if (!t || t->count < 5 || !cm_pickle_is_text(&t->items[0], "storage") || !whole(&t->items[4], &w->held))
        return cm_fail(CM_EFORMAT, "tensor '%s': it has no storage", name);
    CM_TRY(read_type(f, &t->items[1], args, &w->dtype, &tensor->unread));
    const cm_pickled *key = &t->items[2];
    bool plain = key->kind == CM_PICKLE_TEXT && key->length > 0 && key->length < MAX_KEY;
    for (size_t i = 0; plain && i < key->length; i++) plain = isalnum((unsigned char)key->is.text[i]) != 0;
    if (!plain) return cm_fail(CM_EFORMAT, "tensor '%s': its storage's key is no number", name);
    memcpy(w->key, key->is.text, key->length);
    w->key[key->length] = 0;
    return CM_OK;
}

static cm_status read_shape(const cm_pickle_node *args, view *w, cm_stored *t) {
    const cm_pickled *shape = &args->items[2], *strides = &args->items[3];
    if (shape->kind != CM_PICKLE_LIST || strides->kind != CM_PICKLE_LIST || shape->is.node->count > MAX_DIMS ||
        shape->is.node->count != strides->is.node->count || !whole(&args->items[1], &w->offset)) {
        return cm_fail(CM_EFORMAT, "tensor '%s': no shape and strides of at most %d sizes", t->name, MAX_DIMS);
    }
    t->ndim = (int)shape->is.node->count;
    t->count = 1;
    for (int i = 0; i < t->ndim; i++) {
        uint64_t size;
        if (!whole(&shape->is.node->items[i], &size) || !whole(&strides->is.node->items[i], &w->stride[i]))
            return cm_fail(CM_EFORMAT, "tensor '%s': a size or stride is no whole number", t->name);
        t->shape[i] = size;
        if (__builtin_mul_overflow(t->count, size, &t->count))
            return cm_fail(CM_EFORMAT, "tensor '%s': its shape overflows", t->name);
    }
    return CM_OK;
}

/* --- values ----------------------------------------------------------------- */

/* One past the last value of the storage that the tensor touches; false: beyond all numbers. */
static bool find_reach(const cm_stored *t, const view *w, uint64_t *reach) {
    uint64_t at = w->offset;
    for (int i = 0; i < t->ndim && t->count; i++) {
        uint64_t step;
        if (__builtin_mul_overflow((uint64_t)t->shape[i] - 1, w->stride[i], &step) ||
            __builtin_add_overflow(at, step, &at))
            return false;
    }
    return !__builtin_add_overflow(at, (uint64_t)(t->count > 0), reach);
}

static bool is_plain(const cm_stored *t, const view *w) {
    uint64_t stride = 1;
    for (int i = t->ndim; t->count && i-- > 0; stride *= t->shape[i])
        if (t->shape[i] != 1 && w->stride[i] != stride) return false;
    return true;
}

static void gather(const cm_stored *t, const view *w, const unsigned char *from, unsigned char *to) {
    const size_t size = cm_dtype_size(t->dtype);
    size_t index[MAX_DIMS] = {0};
    uint64_t at = 0;
    for (size_t k = 0; k < t->count; k++) {
        memcpy(to + k * size, from + at * size, size);
        for (int i = t->ndim; i-- > 0;) {
            at += w->stride[i];
            if (++index[i] < t->shape[i]) break;
            at -= w->stride[i] * t->shape[i];
            index[i] = 0;
        }
    }
}

/* Copies are for transposed tensors and the like; together they stay below the file's size. */
static cm_status copy_values(cm_torch_file *f, cm_stored *t, const view *w, const unsigned char *from) {
    size_t bytes;
    if (__builtin_mul_overflow(t->count, cm_dtype_size(t->dtype), &bytes) || bytes > f->file.bytes - f->copied)
        return cm_fail(CM_EFORMAT, "tensor '%s': its strides repeat more values than the file has", t->name);
    unsigned char *to = cm_arena_push(&f->arena, bytes);
    CM_TRY(cm_arena_check(&f->arena));
    f->copied += bytes;
    gather(t, w, from, to);
    t->data = to;
    return CM_OK;
}

/* A storage's bytes, and what it is called; data NULL when there is none. */
static cm_status storage_bytes(cm_torch_file *f, const view *w, char name[MAX_KEY + 8], const unsigned char **data,
                               size_t *bytes) {
    snprintf(name, MAX_KEY + 8, "data/%s", w->key);
    if (!f->is_old) return entry_bytes(f, name, data, bytes);
    const cm_torch_storage *s = cm_torch_old_find(&f->old, w->key);
    *data = s ? s->data : NULL;
    *bytes = s ? s->held * s->size : 0;
    return CM_OK;
}

static cm_status find_values(cm_torch_file *f, cm_stored *t, const view *w) {
    const size_t size = cm_dtype_size(t->dtype);
    char name[MAX_KEY + 8];
    const unsigned char *data;
    size_t bytes;
    uint64_t reach;
    CM_TRY(storage_bytes(f, w, name, &data, &bytes));
    if (!data) return cm_fail(CM_EFORMAT, "tensor '%s': the file lacks its values (%s)", t->name, name);
    if (w->held > bytes / size)
        return cm_fail(CM_EFORMAT, "tensor '%s': truncated: %s has %zu bytes of %llu values", t->name, name, bytes,
                       (unsigned long long)w->held);
    if (!find_reach(t, w, &reach) || reach > w->held)
        return cm_fail(CM_EFORMAT, "tensor '%s': its shape reaches behind the %llu values of %s", t->name,
                       (unsigned long long)w->held, name);
    data += w->offset * size;
    t->data = data;
    t->mapped = is_plain(t, w);
    return t->mapped ? CM_OK : copy_values(f, t, w, data);
}

/* --- the file --------------------------------------------------------------- */

static cm_status read_tensor(cm_torch_file *f, const char *name, const cm_pickle_node *args) {
    cm_stored *t = &f->stored[f->count];
    view w = {0};
    t->name = name;
    CM_TRY(read_shape(args, &w, t));
    CM_TRY(read_storage(f, args, t, &w));
    t->dtype = w.dtype;
    if (t->unread) t->count = 0;
    else CM_TRY(find_values(f, t, &w));
    f->named[f->count++] = t;
    return CM_OK;
}

static cm_status read_name(cm_torch_file *f, const cm_pickled *key, const char **name) {
    bool plain = key->length <= MAX_NAME;
    for (size_t i = 0; plain && i < key->length; i++)
        plain = (unsigned char)key->is.text[i] >= ' ' && key->is.text[i] != 127;
    if (!plain) return cm_fail(CM_EFORMAT, "a tensor's name is not a line of at most %d bytes", MAX_NAME);
    *name = cm_arena_print(&f->arena, "%.*s", (int)key->length, key->is.text);
    return cm_arena_check(&f->arena);
}

/* Made in a way that is unknown here: of no use, and no harm where nobody wants it. */
static cm_status add_unread(cm_torch_file *f, const char *name, const char *called) {
    cm_stored *t = &f->stored[f->count];
    *t = (cm_stored){.name = name, .dtype = CM_U8, .unread = cm_arena_string(&f->arena, called)};
    f->named[f->count++] = t;
    return cm_arena_check(&f->arena);
}

/* A value that is no tensor is left alone. */
static cm_status read_item(cm_torch_file *f, const cm_pickled *key, const cm_pickled *value) {
    const char *name = NULL;
    char called[96];
    const cm_pickled *v = without_parameter(value);
    const cm_pickle_node *args = as_tensor(v);
    if (key->kind != CM_PICKLE_TEXT || v->kind != CM_PICKLE_CALL) return CM_OK;
    print_callee(v, called);
    if (!args && strncmp(called, "torch._utils._rebuild", 21) != 0) return CM_OK;
    CM_TRY(read_name(f, key, &name));
    return args ? read_tensor(f, name, args) : add_unread(f, name, called);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(cm_stored *const *)a)->name, (*(cm_stored *const *)b)->name);
}

static cm_status read_tensors(cm_torch_file *f, const cm_pickle_node *dict) {
    const size_t most = dict->count / 2;
    f->stored = CM_PUSH_ZERO(&f->arena, cm_stored, most);
    f->named = CM_PUSH(&f->arena, cm_stored *, most);
    CM_TRY(cm_arena_check(&f->arena));
    for (size_t i = 0; i < most; i++) CM_TRY(read_item(f, &dict->items[2 * i], &dict->items[2 * i + 1]));
    if (f->count == 0) return cm_fail(CM_EFORMAT, "no named tensors in it");
    qsort(f->named, f->count, sizeof *f->named, by_name);
    for (size_t i = 1; i < f->count; i++)
        if (by_name(&f->named[i - 1], &f->named[i]) == 0)
            return cm_fail(CM_EFORMAT, "two tensors named '%s'", f->named[i]->name);
    return CM_OK;
}

/* --- modules of TorchScript ------------------------------------------------- */

/* The attributes of a scripted or traced module; NULL: not one. */
static const cm_pickle_node *as_module(const cm_pickled *v) {
    const cm_pickled *class = v->kind == CM_PICKLE_CALL ? &v->is.node->first : v;
    if (class == v || class->kind != CM_PICKLE_GLOBAL || v->is.node->state.kind != CM_PICKLE_DICT) return NULL;
    const cm_pickled *module = &class->is.node->first;
    const bool script =
        module->kind == CM_PICKLE_TEXT && module->length >= 9 && memcmp(module->is.text, "__torch__", 9) == 0;
    return script ? v->is.node->state.is.node : NULL;
}

typedef struct flattening {
    cm_arena *arena;
    cm_pickle_node flat; /* a dictionary of dotted paths */
    size_t looked_at;    /* a module may hang in several places, and these in several again */
} flattening;

static cm_status add_pair(flattening *w, cm_pickled key, cm_pickled value) {
    cm_pickle_node *d = &w->flat;
    if (d->count + 2 > d->room) {
        const size_t room = d->room ? 2 * d->room : 256;
        cm_pickled *items = CM_PUSH(w->arena, cm_pickled, room);
        CM_TRY(cm_arena_check(w->arena));
        if (d->count) memcpy(items, d->items, d->count * sizeof *items);
        d->items = items;
        d->room = room;
    }
    d->items[d->count++] = key;
    d->items[d->count++] = value;
    return CM_OK;
}

static cm_status flatten(flattening *w, const cm_pickle_node *module, cm_pickled prefix, size_t depth) {
    if (depth == MAX_DEPTH) return cm_fail(CM_EFORMAT, "modules more than %d deep", MAX_DEPTH);
    for (size_t i = 0; i + 1 < module->count; i += 2) {
        const cm_pickled *key = &module->items[i], *value = &module->items[i + 1];
        const cm_pickle_node *inner = as_module(value);
        if (++w->looked_at > MAX_ATTRIBUTES)
            return cm_fail(CM_EFORMAT, "modules with more than %d attributes", MAX_ATTRIBUTES);
        if (key->kind != CM_PICKLE_TEXT || (!inner && value->kind != CM_PICKLE_CALL)) continue;
        if (prefix.length + 1 + (size_t)key->length > MAX_NAME)
            return cm_fail(CM_EFORMAT, "a tensor's name is longer than %d bytes", MAX_NAME);
        char *text = cm_arena_print(w->arena, "%.*s%s%.*s", (int)prefix.length, prefix.length ? prefix.is.text : "",
                                    prefix.length ? "." : "", (int)key->length, key->is.text);
        CM_TRY(cm_arena_check(w->arena));
        const cm_pickled path = {.kind = CM_PICKLE_TEXT, .length = (uint32_t)strlen(text), .is.text = text};
        CM_TRY(inner ? flatten(w, inner, path, depth + 1) : add_pair(w, path, *value));
    }
    return CM_OK;
}

static cm_status read_modules(cm_torch_file *f, const cm_pickle_node *module) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    flattening w = {.arena = &scratch};
    cm_status s = flatten(&w, module, (cm_pickled){.kind = CM_PICKLE_TEXT}, 0);
    if (s == CM_OK) s = read_tensors(f, &w.flat);
    cm_arena_free(&scratch);
    f->script = true;
    return s;
}

/* torch.save(tensor, path): one tensor that has no name. */
static cm_status read_bare(cm_torch_file *f, const cm_pickle_node *args) {
    f->stored = CM_PUSH_ZERO(&f->arena, cm_stored, 1);
    f->named = CM_PUSH(&f->arena, cm_stored *, 1);
    CM_TRY(cm_arena_check(&f->arena));
    return read_tensor(f, "tensor", args);
}

static cm_status read_root(cm_torch_file *f, const cm_pickled *root) {
    char called[96];
    const cm_pickle_node *dict = as_dict(root), *module = as_module(root), *bare = as_tensor(without_parameter(root));
    if (dict) return read_tensors(f, find_tensors(dict));
    if (module) return read_modules(f, module);
    if (bare) return read_bare(f, bare);
    print_callee(root, called);
    return cm_fail(CM_EFORMAT, "holds %s%s, not a dictionary of named tensors; save a model's state_dict() alone",
                   called[0] ? "an object of " : "something else", called);
}

static cm_status open_zip(cm_torch_file *f) {
    CM_TRY(cm_zip_open(&f->zip, f->file.data, f->file.bytes, &f->arena));
    CM_TRY(find_root(f));
    return check_byte_order(f);
}

static cm_status read_file(cm_torch_file *f) {
    cm_arena scratch;
    cm_pickled root;
    CM_TRY(check_beginning(&f->file));
    f->is_old = cm_torch_old_begins(f->file.data, f->file.bytes);
    if (!f->is_old) CM_TRY(open_zip(f));
    cm_arena_init(&scratch, 0);
    cm_status s = f->is_old ? cm_torch_old_read(&f->old, f->file.data, f->file.bytes, &f->arena, &scratch, &root)
                            : read_pickle(f, &scratch, &root);
    if (s == CM_OK) s = read_root(f, &root);
    cm_arena_free(&scratch);
    return s;
}

cm_status cm_torch_file_open(cm_torch_file **out, const char *path) {
    cm_torch_file *f = calloc(1, sizeof *f);
    if (!f) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    cm_arena_init(&f->arena, 1 << 16);
    cm_status s = cm_mapped_open(&f->file, path);
    if (s == CM_OK) {
        s = read_file(f);
        if (s != CM_OK) s = cm_fail_in(s, "%s", path);
    }
    if (s == CM_OK) *out = f;
    else cm_torch_file_close(&f);
    return s;
}

void cm_torch_file_close(cm_torch_file **f) {
    if (!*f) return;
    cm_mapped_close(&(*f)->file);
    cm_arena_free(&(*f)->arena);
    free(*f);
    *f = NULL;
}

size_t cm_torch_file_count(const cm_torch_file *f) {
    return f->count;
}

bool cm_torch_file_is_script(const cm_torch_file *f) {
    return f->script;
}

const cm_stored *cm_torch_file_at(const cm_torch_file *f, size_t i) {
    return &f->stored[i];
}

const cm_stored *cm_torch_file_find(const cm_torch_file *f, const char *name) {
    const cm_stored key = {.name = name}, *p = &key;
    cm_stored *const *found = bsearch(&p, f->named, f->count, sizeof *f->named, by_name);
    return found ? *found : NULL;
}
