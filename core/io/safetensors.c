// SPDX-License-Identifier: Apache-2.0
#include "core/io/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/mapped.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data are used as they lie: little-endian machines only"
#endif

enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000 /* the format's own limit */ };

struct cm_safetensors {
    cm_mapped file;
    json_t *header;
    cm_stored *stored; /* in the header's order */
    cm_stored **named; /* sorted by name */
    size_t count;
};

static cm_status map_file(cm_safetensors *f, const char *path) {
    CM_TRY(cm_mapped_open(&f->file, path));
    if (f->file.bytes >= LENGTH_BYTES + 2) return CM_OK;
    return cm_fail(CM_EFORMAT, "%s: too short for a safetensors file (%zu bytes)", path, f->file.bytes);
}

static cm_status parse_header(cm_safetensors *f, const char *path, size_t *data_at) {
    uint64_t length;
    memcpy(&length, f->file.data, sizeof length);
    const char *other = length > MAX_HEADER ? cm_file_kind(f->file.data, f->file.bytes) : NULL;
    if (other) return cm_fail(CM_EFORMAT, "%s: not safetensors but %s", path, other);
    if (length > MAX_HEADER) {
        return cm_fail(CM_EFORMAT, "%s: not safetensors: a header of %llu bytes (at most %d)", path,
                       (unsigned long long)length, MAX_HEADER);
    }
    if (length > f->file.bytes - LENGTH_BYTES) {
        return cm_fail(CM_EFORMAT, "%s: truncated: a header of %llu bytes in a file of %zu", path,
                       (unsigned long long)length, f->file.bytes);
    }
    json_error_t e;
    bool no_memory;
    f->header =
        cm_json_parse((const char *)f->file.data + LENGTH_BYTES, length, JSON_REJECT_DUPLICATES, &no_memory, &e);
    if (no_memory) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    if (!f->header) return cm_fail(CM_EFORMAT, "%s: header is not JSON: %s", path, e.text);
    if (!json_is_object(f->header)) return cm_fail(CM_EFORMAT, "%s: header is not a JSON object", path);
    *data_at = LENGTH_BYTES + (size_t)length;
    return CM_OK;
}

static bool find_dtype(const json_t *v, cm_dtype *out) {
    const char *name = json_string_value(v);
    for (cm_dtype t = 0; name && t < CM_DTYPE_COUNT; t++) {
        if (strcmp(name, cm_dtype_name(t)) != 0) continue;
        *out = t;
        return true;
    }
    return false;
}

static bool is_size(const json_t *v) {
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static cm_status parse_shape(const char *path, const json_t *shape, cm_stored *t) {
    const size_t ndim = json_array_size(shape), most = sizeof t->shape / sizeof *t->shape;
    if (!json_is_array(shape) || ndim > most) {
        return cm_fail(CM_EFORMAT, "%s: tensor '%s': shape is not a list of at most %zu sizes", path, t->name, most);
    }
    t->ndim = (int)ndim;
    t->count = 1;
    for (size_t i = 0; i < ndim; i++) {
        const json_t *v = json_array_get(shape, i);
        if (!is_size(v))
            return cm_fail(CM_EFORMAT, "%s: tensor '%s': a size in its shape is no whole number", path, t->name);
        t->shape[i] = (size_t)json_integer_value(v);
        if (__builtin_mul_overflow(t->count, t->shape[i], &t->count)) {
            return cm_fail(CM_EFORMAT, "%s: tensor '%s': its shape overflows", path, t->name);
        }
    }
    return CM_OK;
}

/* One entry of the header. begin: where its data start within the file. */
static cm_status parse_tensor(cm_safetensors *f, const char *path, size_t data_at, const json_t *entry, cm_stored *t) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (!find_dtype(json_object_get(entry, "dtype"), &t->dtype)) {
        t->unread = json_string_value(json_object_get(entry, "dtype"));
        if (!t->unread) return cm_fail(CM_EFORMAT, "%s: tensor '%s': no dtype", path, t->name);
        t->dtype = CM_U8;
    }
    CM_TRY(parse_shape(path, json_object_get(entry, "shape"), t));
    if (json_array_size(offsets) != 2 || !is_size(first) || !is_size(last)) {
        return cm_fail(CM_EFORMAT, "%s: tensor '%s': data_offsets are not two whole numbers", path, t->name);
    }
    const size_t begin = (size_t)json_integer_value(first), end = (size_t)json_integer_value(last);
    if (begin > end || end > f->file.bytes - data_at) {
        return cm_fail(CM_EFORMAT, "%s: tensor '%s': truncated: its data end at byte %zu of %zu", path, t->name, end,
                       f->file.bytes - data_at);
    }
    size_t want;
    if (t->unread) t->count = end - begin;
    if (__builtin_mul_overflow(t->count, cm_dtype_size(t->dtype), &want) || want != end - begin) {
        return cm_fail(CM_EFORMAT, "%s: tensor '%s': %zu bytes do not hold its shape", path, t->name, end - begin);
    }
    t->data = f->file.data + data_at + begin;
    t->mapped = true;
    return CM_OK;
}

static const unsigned char *end_of(const cm_stored *t) {
    return (const unsigned char *)t->data + t->count * cm_dtype_size(t->dtype);
}

/* By place; tensors without data before the one that begins where they stand. */
static int by_place(const void *a, const void *b) {
    const cm_stored *x = *(cm_stored *const *)a, *y = *(cm_stored *const *)b;
    if (x->data != y->data) return (const unsigned char *)x->data < (const unsigned char *)y->data ? -1 : 1;
    return (end_of(x) > end_of(y)) - (end_of(x) < end_of(y));
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(cm_stored *const *)a)->name, (*(cm_stored *const *)b)->name);
}

/* The format demands that the tensors cover the data without gap or overlap. */
static cm_status check_places(cm_safetensors *f, const char *path, size_t data_at) {
    qsort(f->named, f->count, sizeof *f->named, by_place);
    const unsigned char *at = f->file.data + data_at;
    for (size_t i = 0; i < f->count; i++) {
        const cm_stored *t = f->named[i];
        const unsigned char *begin = t->data;
        if (begin < at)
            return cm_fail(CM_EFORMAT, "%s: tensor '%s' overlaps '%s'", path, t->name, f->named[i - 1]->name);
        if (begin > at)
            return cm_fail(CM_EFORMAT, "%s: %zu stray bytes before tensor '%s'", path, (size_t)(begin - at), t->name);
        at = end_of(t);
    }
    if (at != f->file.data + f->file.bytes) {
        return cm_fail(CM_EFORMAT, "%s: %zu stray bytes at the end", path, (size_t)(f->file.data + f->file.bytes - at));
    }
    qsort(f->named, f->count, sizeof *f->named, by_name);
    return CM_OK;
}

static cm_status parse_tensors(cm_safetensors *f, const char *path, size_t data_at) {
    const size_t entries = json_object_size(f->header);
    f->stored = calloc(entries + 1, sizeof *f->stored);
    f->named = calloc(entries + 1, sizeof *f->named);
    if (!f->stored || !f->named) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    const char *name;
    json_t *entry;
    json_object_foreach(f->header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) continue;
        cm_stored *t = &f->stored[f->count];
        t->name = name;
        CM_TRY(parse_tensor(f, path, data_at, entry, t));
        f->named[f->count++] = t;
    }
    return check_places(f, path, data_at);
}

cm_status cm_safetensors_open(cm_safetensors **out, const char *path) {
    cm_safetensors *f = calloc(1, sizeof *f);
    if (!f) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    size_t data_at = 0;
    cm_status s = map_file(f, path);
    if (s == CM_OK) s = parse_header(f, path, &data_at);
    if (s == CM_OK) s = parse_tensors(f, path, data_at);
    if (s == CM_OK) {
        *out = f;
    } else {
        cm_safetensors_close(&f);
    }
    return s;
}

void cm_safetensors_close(cm_safetensors **f) {
    if (!*f) return;
    cm_mapped_close(&(*f)->file);
    json_decref((*f)->header);
    free((*f)->stored);
    free((*f)->named);
    free(*f);
    *f = NULL;
}

size_t cm_safetensors_count(const cm_safetensors *f) {
    return f->count;
}

const cm_stored *cm_safetensors_at(const cm_safetensors *f, size_t i) {
    return &f->stored[i];
}

const cm_stored *cm_safetensors_find(const cm_safetensors *f, const char *name) {
    const cm_stored key = {.name = name}, *p = &key;
    cm_stored *const *found = bsearch(&p, f->named, f->count, sizeof *f->named, by_name);
    return found ? *found : NULL;
}

const char *cm_safetensors_metadata(const cm_safetensors *f, const char *key) {
    return json_string_value(json_object_get(json_object_get(f->header, "__metadata__"), key));
}

static json_t *entry_of(const cm_store_item *item, size_t begin, size_t bytes) {
    json_t *shape = json_array();
    for (int i = 0; i < item->ndim; i++) json_array_append_new(shape, json_integer((json_int_t)item->shape[i]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", cm_dtype_name(item->dtype), "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + bytes));
}

static size_t item_count(const cm_store_item *item) {
    size_t count = 1;
    for (int i = 0; i < item->ndim; i++) count *= item->shape[i];
    return count;
}

static cm_status make_header(const char *path, const cm_store_item *items, size_t count, const char *const *metadata,
                             char **text) {
    json_t *header = json_object();
    cm_status s = CM_OK;
    if (metadata && metadata[0]) {
        json_t *pairs = json_object();
        for (size_t i = 0; metadata[i]; i += 2) json_object_set_new(pairs, metadata[i], json_string(metadata[i + 1]));
        json_object_set_new(header, "__metadata__", pairs);
    }
    size_t at = 0;
    for (size_t i = 0; i < count && s == CM_OK; i++) {
        const size_t bytes = item_count(&items[i]) * cm_dtype_size(items[i].dtype);
        if (json_object_get(header, items[i].name)) {
            s = cm_fail(CM_EUSAGE, "%s: two tensors named '%s'", path, items[i].name);
        } else if (json_object_set_new(header, items[i].name, entry_of(&items[i], at, bytes)) != 0) {
            s = cm_fail(CM_EUSAGE, "%s: tensor name '%s' cannot be written", path, items[i].name);
        }
        at += bytes;
    }
    *text = s == CM_OK ? json_dumps(header, JSON_COMPACT) : NULL;
    if (s == CM_OK && !*text) s = cm_fail(CM_ENOMEM, "%s: out of memory", path);
    json_decref(header);
    return s;
}

/* The header is padded with spaces, so that data begin at a multiple of 64 bytes. Write
 * errors stay in the FILE until cm_part_finish asks. */
static void write_header(FILE *f, const char *text) {
    static const char spaces[64] = "                                                                ";
    const size_t length = strlen(text), padding = -(LENGTH_BYTES + length) % 64;
    const uint64_t stored = length + padding;
    fwrite(&stored, sizeof stored, 1, f);
    fwrite(text, 1, length, f);
    fwrite(spaces, 1, padding, f);
}

static void write_item(FILE *f, const cm_store_item *item) {
    enum { PIECE = 8192 };
    const size_t count = item_count(item), size = cm_dtype_size(item->dtype);
    if (!item->floats) {
        if (count) fwrite(item->raw, size, count, f);
        return;
    }
    unsigned char piece[PIECE * 8];
    for (size_t i = 0; i < count && !ferror(f) && !cm_interrupted(); i += PIECE) {
        const size_t n = count - i < PIECE ? count - i : PIECE;
        cm_from_float(item->dtype, item->floats + i, n, piece);
        fwrite(piece, size, n, f);
    }
}

cm_status cm_safetensors_write(const char *path, const cm_store_item *items, size_t count,
                               const char *const *metadata) {
    char *header = NULL;
    CM_TRY(make_header(path, items, count, metadata, &header));
    cm_part p;
    cm_status s = cm_part_open(&p, path);
    if (s == CM_OK) {
        write_header(p.file, header);
        for (size_t i = 0; i < count && !ferror(p.file); i++) write_item(p.file, &items[i]);
        if (!cm_interrupted()) s = cm_part_finish(&p);
        else s = cm_fail(CM_EINTERRUPTED, "stopped while %s was written", path);
        cm_part_drop(&p);
    }
    free(header);
    return s;
}
