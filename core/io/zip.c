// SPDX-License-Identifier: Apache-2.0
#include "core/io/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/system.h"

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    END64 = 0x06064b50,
    LOCATOR64 = 0x07064b50,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    MAX_COMMENT = 0xffff,
    ZIP64_EXTRA = 1,
    ENCRYPTED = 1,
    STORED = 0
};

/* Where the directory lies. */
typedef struct directory {
    uint64_t at, bytes, entries;
} directory;

static uint16_t u16(const unsigned char *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p) {
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t u64(const unsigned char *p) {
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static bool has_room(const cm_zip *z, uint64_t at, uint64_t bytes) {
    return at <= z->bytes && bytes <= z->bytes - at;
}

/* The end record, whose comment reaches exactly to the end of the file; NULL: none. */
static const unsigned char *find_end(const cm_zip *z) {
    for (size_t comment = 0; comment <= MAX_COMMENT && comment + END_BYTES <= z->bytes; comment++) {
        const unsigned char *p = z->data + z->bytes - END_BYTES - comment;
        if (u32(p) == END && u16(p + 20) == comment) return p;
    }
    return NULL;
}

static cm_status read_end64(const cm_zip *z, const unsigned char *locator, directory *d) {
    const uint64_t at = u64(locator + 8);
    if (!has_room(z, at, END64_BYTES) || u32(z->data + at) != END64)
        return cm_fail(CM_EFORMAT, "damaged zip: no zip64 end record");
    const unsigned char *p = z->data + at;
    if (u32(p + 16) || u32(p + 20)) return cm_fail(CM_EFORMAT, "a zip of several parts");
    *d = (directory){.entries = u64(p + 32), .bytes = u64(p + 40), .at = u64(p + 48)};
    return CM_OK;
}

static cm_status find_directory(const cm_zip *z, directory *d) {
    const unsigned char *end = find_end(z);
    if (!end)
        return cm_fail(CM_EFORMAT, "truncated: a zip file's directory at the end is missing (an unfinished download?)");
    const unsigned char *locator = end - z->data >= LOCATOR64_BYTES ? end - LOCATOR64_BYTES : NULL;
    *d = (directory){.entries = u16(end + 10), .bytes = u32(end + 12), .at = u32(end + 16)};
    if (u16(end + 4) || u16(end + 6)) return cm_fail(CM_EFORMAT, "a zip of several parts");
    if (locator && u32(locator) == LOCATOR64) CM_TRY(read_end64(z, locator, d));
    if (!has_room(z, d->at, d->bytes) || d->entries > d->bytes / CENTRAL_BYTES)
        return cm_fail(CM_EFORMAT, "damaged zip: its directory of %llu entries does not fit",
                       (unsigned long long)d->entries);
    return CM_OK;
}

/* Sizes and place that did not fit 32 bits stand in an extra field, in this order. */
static bool read_zip64(cm_zip_entry *e, const unsigned char *extra, size_t bytes) {
    uint64_t *const wide[] = {&e->bytes, &e->packed, &e->at};
    while (bytes >= 4) {
        const size_t size = u16(extra + 2);
        if (size > bytes - 4) return false;
        const unsigned char *p = extra + 4, *end = p + size;
        for (size_t i = 0; u16(extra) == ZIP64_EXTRA && i < 3; i++) {
            if (*wide[i] != UINT32_MAX) continue;
            if (end - p < 8) return false;
            *wide[i] = u64(p);
            p += 8;
        }
        extra = end;
        bytes -= size + 4;
    }
    return true;
}

static bool is_printable(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) return false;
    return true;
}

/* One record of the directory; *used: its bytes. */
static cm_status read_entry(const unsigned char *p, size_t left, cm_arena *arena, cm_zip_entry *e, size_t *used) {
    if (left < CENTRAL_BYTES || u32(p) != CENTRAL) return cm_fail(CM_EFORMAT, "damaged zip: its directory ends early");
    const size_t name = u16(p + 28), extra = u16(p + 30);
    *used = CENTRAL_BYTES + name + extra + u16(p + 32);
    if (*used > left) return cm_fail(CM_EFORMAT, "damaged zip: its directory ends early");
    *e = (cm_zip_entry){.flags = u16(p + 8),
                        .method = u16(p + 10),
                        .crc = u32(p + 16),
                        .packed = u32(p + 20),
                        .bytes = u32(p + 24),
                        .at = u32(p + 42)};
    e->name = cm_arena_print(arena, "%.*s", (int)name, (const char *)p + CENTRAL_BYTES);
    CM_TRY(cm_arena_check(arena));
    if (strlen(e->name) != name || !is_printable(e->name))
        return cm_fail(CM_EFORMAT, "damaged zip: an entry's name is no text");
    if (!read_zip64(e, p + CENTRAL_BYTES + name, extra)) return cm_fail(CM_EFORMAT, "%s: damaged zip entry", e->name);
    return CM_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const cm_zip_entry *)a)->name, ((const cm_zip_entry *)b)->name);
}

cm_status cm_zip_open(cm_zip *z, const unsigned char *data, size_t bytes, cm_arena *arena) {
    cm_zip r = {.data = data, .bytes = bytes};
    directory d = {0};
    CM_TRY(find_directory(&r, &d));
    r.entries = CM_PUSH(arena, cm_zip_entry, d.entries);
    CM_TRY(cm_arena_check(arena));
    for (size_t at = 0, used = 0; r.count < d.entries; at += used)
        CM_TRY(read_entry(data + d.at + at, d.bytes - at, arena, &r.entries[r.count++], &used));
    qsort(r.entries, r.count, sizeof *r.entries, by_name);
    for (size_t i = 1; i < r.count; i++)
        if (by_name(&r.entries[i - 1], &r.entries[i]) == 0)
            return cm_fail(CM_EFORMAT, "%s: twice in one zip", r.entries[i].name);
    *z = r;
    return CM_OK;
}

const cm_zip_entry *cm_zip_find(const cm_zip *z, const char *name) {
    const cm_zip_entry key = {.name = name};
    return bsearch(&key, z->entries, z->count, sizeof key, by_name);
}

cm_status cm_zip_packed(const cm_zip *z, const cm_zip_entry *e, const unsigned char **data) {
    if (e->flags & ENCRYPTED)
        return cm_fail(CM_EFORMAT, "%s: an encrypted zip entry; only plain ones are read", e->name);
    if (!has_room(z, e->at, LOCAL_BYTES) || u32(z->data + e->at) != LOCAL)
        return cm_fail(CM_EFORMAT, "%s: damaged zip: no entry where the directory says", e->name);
    const unsigned char *p = z->data + e->at;
    const uint64_t begin = e->at + LOCAL_BYTES + u16(p + 26) + u16(p + 28);
    if (!has_room(z, begin, e->packed))
        return cm_fail(CM_EFORMAT, "%s: truncated: %llu bytes do not fit the file", e->name,
                       (unsigned long long)e->packed);
    *data = z->data + begin;
    return CM_OK;
}

cm_status cm_zip_data(const cm_zip *z, const cm_zip_entry *e, const unsigned char **data) {
    if (!(e->flags & ENCRYPTED) && (e->method != STORED || e->packed != e->bytes))
        return cm_fail(CM_EFORMAT, "%s: a compressed zip entry; pack the file again without compression (zip -0)",
                       e->name);
    return cm_zip_packed(z, e, data);
}

cm_status cm_zip_check(cm_zip *z, const cm_zip_entry *e, const unsigned char *data) {
    enum { PIECE = 1 << 26 };
    uint32_t crc = (uint32_t)crc32_z(0, NULL, 0);
    if (e->checked || !e->crc) return CM_OK;
    for (size_t at = 0; at < e->bytes; at += PIECE) {
        const size_t left = e->bytes - at;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        crc = (uint32_t)crc32_z(crc, data + at, left < PIECE ? left : PIECE);
    }
    if (crc != e->crc)
        return cm_fail(CM_EFORMAT, "%s: damaged: its check sum (CRC-32) is %08x, the zip file says %08x", e->name, crc,
                       e->crc);
    z->entries[e - z->entries].checked = true;
    return CM_OK;
}
