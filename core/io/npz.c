// SPDX-License-Identifier: Apache-2.0
#include "core/io/npz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "core/base/system.h"
#include "core/io/mapped.h"
#include "core/io/zip.h"

enum { DEFLATED = 8, MAX_HEADER = 1 << 16, MAX_RATIO = 1032 }; /* deflate makes at most 1032 bytes of one */

/* A header, and where the values are to come from. */
typedef struct array {
    cm_stored is;              /* first: callers hand back a pointer to it */
    const cm_zip_entry *entry; /* NULL: a .npy alone */
    size_t begin;              /* of the values, behind the header */
    bool swapped, fortran;
} array;

struct cm_npz {
    cm_mapped mapped;
    const unsigned char *data; /* the file */
    size_t bytes;
    cm_zip zip;
    cm_arena arena;
    array *arrays;
    size_t count;
};

static const struct {
    const char *descr;
    cm_dtype dtype;
} types[] = {{"<f4", CM_F32}, {"<f8", CM_F64}, {"<f2", CM_F16}, {"|u1", CM_U8},
             {"<i8", CM_I64}, {"<i4", CM_I32}, {"|b1", CM_BOOL}};

/* --- one array -------------------------------------------------------------- */

/* Behind "'key':" in the header's dictionary, blanks skipped; NULL: no such key. */
static const char *value_of(const char *header, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at != ':') return NULL;
    at++;
    return at + strspn(at, " ");
}

static bool read_shape(const char *at, cm_stored *a) {
    if (!at || *at != '(') return false;
    at++;
    a->count = 1;
    for (a->ndim = 0;; a->ndim++) {
        at += strspn(at, " ,");
        if (*at == ')') return true;
        char *end;
        if (*at < '0' || *at > '9' || a->ndim == 8) return false;
        const unsigned long long n = strtoull(at, &end, 10);
        if (n > ((size_t)1 << 48) || (n && a->count > ((size_t)1 << 48) / n)) return false;
        a->shape[a->ndim] = n;
        a->count *= n;
        at = end;
    }
}

/* '<f4' and the same with another order of bytes, of which '>' matters. */
static cm_dtype read_type(const char *at, bool *swapped) {
    for (size_t i = 0; at && i < sizeof types / sizeof *types; i++) {
        if (*at != '\'' || !strchr("<>|=", at[1]) || strncmp(at + 2, types[i].descr + 1, 2) != 0 || at[4] != '\'')
            continue;
        *swapped = at[1] == '>' && cm_dtype_size(types[i].dtype) > 1;
        return types[i].dtype;
    }
    return CM_DTYPE_COUNT;
}

static cm_status swap_bytes(cm_stored *a, cm_arena *arena) {
    const size_t size = cm_dtype_size(a->dtype);
    const char *from = a->data;
    char *to = cm_arena_push(arena, a->count * size + 1);
    CM_TRY(cm_arena_check(arena));
    for (size_t i = 0; i < a->count * size; i++) to[i] = from[i / size * size + size - 1 - i % size];
    a->data = to;
    return CM_OK;
}

/* Fortran's order: the first index runs fastest. */
static cm_status turn(cm_stored *a, cm_arena *arena) {
    const size_t size = cm_dtype_size(a->dtype);
    char *to = cm_arena_push(arena, a->count * size + 1);
    CM_TRY(cm_arena_check(arena));
    for (size_t i = 0; i < a->count; i++) {
        size_t left = i, from = 0, stride = a->count; /* of the last dimension first */
        for (int d = a->ndim; d-- > 0;) {
            stride /= a->shape[d];
            from += left % a->shape[d] * stride;
            left /= a->shape[d];
        }
        memcpy(to + i * size, (const char *)a->data + from * size, size);
    }
    a->data = to;
    return CM_OK;
}

/* A header at p, of which `there` bytes are at hand; the array has `bytes` in all. *known false: of a type that is left
 * alone. */
static cm_status read_header(const unsigned char *p, size_t there, size_t bytes, cm_arena *arena, array *r,
                             bool *known) {
    cm_stored *a = &r->is;
    if (there < 12 || memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3)
        return cm_fail(CM_EFORMAT, "not a .npy array");
    const bool wide = p[6] > 1;
    const size_t length =
        wide ? p[8] | (size_t)p[9] << 8 | (size_t)p[10] << 16 | (size_t)p[11] << 24 : p[8] | (size_t)p[9] << 8;
    const size_t begin = wide ? 12 : 10;
    if (length > MAX_HEADER || length > there - begin)
        return cm_fail(CM_EFORMAT, "truncated: its header of %zu bytes does not fit", length);
    const char *header = cm_arena_print(arena, "%.*s", (int)length, (const char *)p + begin);
    CM_TRY(cm_arena_check(arena));
    a->dtype = read_type(value_of(header, "descr"), &r->swapped);
    *known = a->dtype != CM_DTYPE_COUNT;
    if (!*known) return CM_OK;
    const char *order = value_of(header, "fortran_order");
    if (!order || !read_shape(value_of(header, "shape"), a))
        return cm_fail(CM_EFORMAT, "damaged header: %.60s", header);
    r->begin = begin + length;
    r->fortran = strncmp(order, "True", 4) == 0 && a->ndim > 1 && a->count;
    const size_t size = cm_dtype_size(a->dtype), room = bytes - r->begin;
    if (a->count > room / size)
        return cm_fail(CM_EFORMAT, "truncated: %zu values of %zu bytes are meant, %zu bytes are there", a->count, size,
                       room);
    return CM_OK;
}

/* --- the file ---------------------------------------------------------------- */

/* The first `wanted` bytes of a deflated entry, or all of them; in pieces, so that a large one can be stopped. */
static cm_status inflate_entry(const cm_zip_entry *e, const unsigned char *packed, size_t wanted, unsigned char *to) {
    enum { PIECE = 1 << 24 };
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)packed, .avail_in = (uInt)e->packed, .next_out = to};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return cm_fail(CM_ENOMEM, "out of memory");
    int r = Z_OK;
    while (r == Z_OK && z.total_out < wanted && !cm_interrupted()) {
        const size_t left = wanted - z.total_out;
        z.avail_out = left < PIECE ? (uInt)left : PIECE;
        r = inflate(&z, Z_NO_FLUSH);
    }
    unsigned char more;
    if (r == Z_OK && wanted == e->bytes) { /* nothing may follow */
        z.next_out = &more;
        z.avail_out = 1;
        r = inflate(&z, Z_FINISH);
    }
    const size_t made = z.total_out;
    inflateEnd(&z);
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    const bool whole = made == wanted && (r == Z_STREAM_END || (r == Z_OK && wanted < e->bytes));
    return whole ? CM_OK : cm_fail(CM_EFORMAT, "damaged compressed data");
}

static cm_status check_packed(const cm_zip_entry *e) {
    if (e->bytes / MAX_RATIO > e->packed)
        return cm_fail(CM_EFORMAT, "damaged: %llu bytes cannot come of %llu", (unsigned long long)e->bytes,
                       (unsigned long long)e->packed);
    if (e->bytes > UINT32_MAX || e->packed > UINT32_MAX)
        return cm_fail(CM_EFORMAT, "a compressed array of more than 4 GB; save it with numpy.savez");
    return CM_OK;
}

/* Of a deflated entry no more is unpacked than a header can be long. */
static cm_status read_entry(cm_npz *f, const cm_zip_entry *e) {
    const unsigned char *data;
    const size_t length = strlen(e->name);
    size_t there = e->bytes;
    if (length < 5 || strcmp(e->name + length - 4, ".npy") != 0) return CM_OK;
    CM_TRY(cm_zip_packed(&f->zip, e, &data));
    if (e->method == DEFLATED) {
        CM_TRY(check_packed(e));
        if (there > MAX_HEADER + 12) there = MAX_HEADER + 12;
        unsigned char *to = cm_arena_push(&f->arena, there + 1);
        CM_TRY(cm_arena_check(&f->arena));
        CM_TRY(inflate_entry(e, data, there, to));
        data = to;
    } else {
        CM_TRY(cm_zip_data(&f->zip, e, &data));
    }
    array a = {.is.name = cm_arena_print(&f->arena, "%.*s", (int)length - 4, e->name), .entry = e};
    bool known = false;
    CM_TRY(cm_arena_check(&f->arena));
    CM_TRY(read_header(data, there, e->bytes, &f->arena, &a, &known));
    if (known) f->arrays[f->count++] = a;
    return CM_OK;
}

static cm_status read_alone(cm_npz *f) {
    bool known = false;
    f->arrays = CM_PUSH_ZERO(&f->arena, array, 1);
    CM_TRY(cm_arena_check(&f->arena));
    f->arrays[0].is.name = "";
    CM_TRY(read_header(f->data, f->bytes, f->bytes, &f->arena, &f->arrays[0], &known));
    f->count = known;
    return CM_OK;
}

static cm_status read_entries(cm_npz *f) {
    if (f->bytes >= 6 && memcmp(f->data, "\x93NUMPY", 6) == 0) return read_alone(f);
    CM_TRY(cm_zip_open(&f->zip, f->data, f->bytes, &f->arena));
    f->arrays = CM_PUSH(&f->arena, array, f->zip.count + 1);
    CM_TRY(cm_arena_check(&f->arena));
    for (size_t i = 0; i < f->zip.count; i++) {
        const cm_status s = read_entry(f, &f->zip.entries[i]);
        if (s != CM_OK) return cm_fail_in(s, "%s", f->zip.entries[i].name);
    }
    return CM_OK;
}

/* All bytes of an array's .npy. */
static cm_status entry_bytes(cm_npz *f, const array *a, const unsigned char **data) {
    if (!a->entry) {
        *data = f->data;
        return CM_OK;
    }
    CM_TRY(cm_zip_packed(&f->zip, a->entry, data));
    if (a->entry->method == DEFLATED) {
        unsigned char *to = cm_arena_push(&f->arena, a->entry->bytes + 1);
        CM_TRY(cm_arena_check(&f->arena));
        CM_TRY(inflate_entry(a->entry, *data, a->entry->bytes, to));
        *data = to;
    }
    return cm_zip_check(&f->zip, a->entry, *data);
}

static cm_status load(cm_npz *f, array *a) {
    const unsigned char *data;
    CM_TRY(entry_bytes(f, a, &data));
    cm_stored r = a->is;
    r.data = data + a->begin;
    if (a->swapped) CM_TRY(swap_bytes(&r, &f->arena));
    if (a->fortran) CM_TRY(turn(&r, &f->arena));
    a->is = r;
    return CM_OK;
}

cm_status cm_npz_load(cm_npz *f, const cm_stored *a) {
    if (a->data) return CM_OK;
    const cm_status s = load(f, &f->arrays[(const array *)(const void *)a - f->arrays]);
    return s == CM_OK ? s : cm_fail_in(s, "'%s'", a->name);
}

cm_status cm_npz_read(cm_npz **out, const unsigned char *data, size_t bytes) {
    cm_npz *f = calloc(1, sizeof *f);
    if (!f) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&f->arena, 0);
    f->data = data;
    f->bytes = bytes;
    const cm_status s = read_entries(f);
    if (s != CM_OK) {
        cm_npz_close(&f);
        return s;
    }
    *out = f;
    return CM_OK;
}

cm_status cm_npz_open(cm_npz **out, const char *path) {
    cm_mapped m;
    cm_npz *f = NULL;
    CM_TRY(cm_mapped_open(&m, path));
    const cm_status s = cm_npz_read(&f, m.data, m.bytes);
    if (s != CM_OK) {
        cm_mapped_close(&m);
        return cm_fail_in(s, "%s", path);
    }
    f->mapped = m;
    *out = f;
    return CM_OK;
}

bool cm_npz_is_name(const char *path) {
    const size_t n = strlen(path);
    return n > 4 && (strcasecmp(path + n - 4, ".npz") == 0 || strcasecmp(path + n - 4, ".npy") == 0);
}

void cm_npz_close(cm_npz **f) {
    if (!*f) return;
    cm_mapped_close(&(*f)->mapped);
    cm_arena_free(&(*f)->arena);
    free(*f);
    *f = NULL;
}

size_t cm_npz_count(const cm_npz *f) {
    return f->count;
}

const cm_stored *cm_npz_at(const cm_npz *f, size_t i) {
    return &f->arrays[i].is;
}

const cm_stored *cm_npz_find(const cm_npz *f, const char *name) {
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->arrays[i].is.name, name) == 0) return &f->arrays[i].is;
    return NULL;
}

/* --- writing ------------------------------------------------------------------- */

static void put(unsigned char **at, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) *(*at)++ = (unsigned char)(v >> 8 * i);
}

/* The .npy header, padded so that the values begin at a multiple of 64. */
static size_t npy_header(const cm_store_item *item, char *out, size_t size) {
    const char *descr = "";
    char shape[256] = "";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].dtype == item->dtype) descr = types[i].descr;
    for (int d = 0; d < item->ndim; d++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%zu,%s", item->shape[d],
                 d + 1 < item->ndim ? " " : "");
    const int n =
        snprintf(out + 10, size - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    size_t end = ((size_t)n + 10 + 1 + 63) / 64 * 64;
    memset(out + 10 + n, ' ', end - 10 - (size_t)n - 1);
    out[end - 1] = '\n';
    memcpy(out, "\x93NUMPY\x01", 8);
    out[7] = 0;
    out[8] = (char)((end - 10) & 0xff);
    out[9] = (char)((end - 10) >> 8);
    return end;
}

typedef struct written {
    uint32_t crc, bytes, at;
} written;

static size_t zip_header(unsigned char *out, bool central, const char *name, const written *w) {
    unsigned char *p = out;
    put(&p, central ? 0x02014b50 : 0x04034b50, 4);
    if (central) put(&p, 20, 2);
    put(&p, 20, 2);
    put(&p, 0, 4);          /* flags, method: stored */
    put(&p, 0x00210000, 4); /* 1980-01-01: the same file from the same values */
    put(&p, w->crc, 4);
    put(&p, w->bytes, 4);
    put(&p, w->bytes, 4);
    put(&p, strlen(name), 2);
    put(&p, 0, 2);
    if (central) {
        put(&p, 0, 2 + 2 + 2);
        put(&p, 0, 4);
        put(&p, w->at, 4);
    }
    memcpy(p, name, strlen(name));
    return (size_t)(p - out) + strlen(name);
}

static cm_status write_bytes(FILE *f, const char *path, const void *data, size_t bytes) {
    return fwrite(data, 1, bytes, f) == bytes ? CM_OK : cm_fail(CM_EIO, "%s: cannot write (disk full?)", path);
}

static cm_status write_item(FILE *f, const char *path, const cm_store_item *item, written *w, size_t *at) {
    char name[128], npy[1024];
    unsigned char header[256];
    size_t count = 1;
    for (int d = 0; d < item->ndim; d++) count *= item->shape[d];
    const size_t bytes = count * cm_dtype_size(item->dtype), head = npy_header(item, npy, sizeof npy);
    if (bytes + head + *at > UINT32_MAX) return cm_fail(CM_EUSAGE, "%s: more than 4 GB in one .npz", path);
    snprintf(name, sizeof name, "%s.npy", item->name);
    uLong crc = crc32(crc32(0, NULL, 0), (const unsigned char *)npy, (uInt)head);
    crc = crc32(crc, item->raw, (uInt)bytes);
    *w = (written){(uint32_t)crc, (uint32_t)(bytes + head), (uint32_t)*at};
    const size_t n = zip_header(header, false, name, w);
    CM_TRY(write_bytes(f, path, header, n));
    CM_TRY(write_bytes(f, path, npy, head));
    CM_TRY(write_bytes(f, path, item->raw, bytes));
    *at += n + head + bytes;
    return CM_OK;
}

enum { MAX_ITEMS = 16 };

static cm_status write_file(FILE *f, const char *path, const cm_store_item *items, size_t count) {
    written w[MAX_ITEMS];
    size_t at = 0;
    for (size_t i = 0; i < count; i++) CM_TRY(write_item(f, path, &items[i], &w[i], &at));
    const size_t directory = at;
    unsigned char header[256], *p = header;
    for (size_t i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.npy", items[i].name);
        const size_t n = zip_header(header, true, name, &w[i]);
        CM_TRY(write_bytes(f, path, header, n));
        at += n;
    }
    put(&p, 0x06054b50, 4);
    put(&p, 0, 4);
    put(&p, count, 2);
    put(&p, count, 2);
    put(&p, at - directory, 4);
    put(&p, directory, 4);
    put(&p, 0, 2);
    return write_bytes(f, path, header, (size_t)(p - header));
}

cm_status cm_npz_write(const char *path, const cm_store_item *items, size_t count) {
    cm_part part;
    if (count > MAX_ITEMS) return cm_fail(CM_EUSAGE, "%s: more than %d arrays", path, MAX_ITEMS);
    CM_TRY(cm_part_open(&part, path));
    const cm_status s = write_file(part.file, path, items, count);
    if (s == CM_OK) return cm_part_finish(&part);
    cm_part_drop(&part);
    return s;
}
