// SPDX-License-Identifier: Apache-2.0
#include "core/io/gzip.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "core/io/mapped.h"

enum { GZIP_WINDOW = 15 + 16 }; /* zlib's largest window, and a gzip header */

/* Doubles the room of *text, of which `used` bytes count. */
static cm_status grow(cm_arena *a, char **text, size_t used, size_t *room, size_t most) {
    const size_t more = *room < most / 2 ? 2 * *room : most;
    char *bigger = CM_PUSH(a, char, more + 1);
    CM_TRY(cm_arena_check(a));
    memcpy(bigger, *text, used);
    *text = bigger;
    *room = more;
    return CM_OK;
}

/* Members may follow one another. */
static cm_status unpack(z_stream *z, size_t most, cm_arena *a, char **text, size_t *length) {
    size_t used = 0, room = most < 1 << 16 ? most : 1 << 16;
    *text = CM_PUSH(a, char, room + 1);
    CM_TRY(cm_arena_check(a));
    for (;;) {
        z->next_out = (Bytef *)*text + used;
        z->avail_out = (uInt)(room - used);
        const int r = inflate(z, Z_NO_FLUSH);
        used = room - z->avail_out;
        if (r == Z_STREAM_END && z->avail_in == 0) break;
        if (r == Z_STREAM_END && inflateReset(z) == Z_OK) continue;
        if (r == Z_MEM_ERROR) return cm_fail(CM_ENOMEM, "out of memory");
        if (r != Z_OK && r != Z_BUF_ERROR) return cm_fail(CM_EFORMAT, "damaged: %s", z->msg ? z->msg : "not gzip");
        if (z->avail_out) return cm_fail(CM_EFORMAT, "truncated");
        if (room == most) return cm_fail(CM_EFORMAT, "unpacks to more than %zu bytes", most);
        CM_TRY(grow(a, text, used, &room, most));
    }
    (*text)[used] = 0;
    *length = used;
    return CM_OK;
}

static cm_status copy(const cm_mapped *m, size_t most, cm_arena *a, char **text, size_t *length) {
    if (m->bytes > most) return cm_fail(CM_EFORMAT, "longer than %zu bytes", most);
    *text = CM_PUSH(a, char, m->bytes + 1);
    CM_TRY(cm_arena_check(a));
    if (m->bytes) memcpy(*text, m->data, m->bytes);
    (*text)[m->bytes] = 0;
    *length = m->bytes;
    return CM_OK;
}

cm_status cm_gzip_read(const char *path, size_t max_bytes, cm_arena *out, char **text, size_t *length) {
    cm_mapped m = {0};
    CM_TRY(cm_mapped_open(&m, path));
    z_stream z = {.next_in = (Bytef *)(uintptr_t)m.data, .avail_in = (uInt)m.bytes};
    cm_status s;
    if (m.bytes < 2 || m.data[0] != 0x1f || m.data[1] != 0x8b) {
        s = copy(&m, max_bytes, out, text, length);
    } else if (m.bytes > UINT32_MAX || inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        s = cm_fail(CM_ENOMEM, "cannot be unpacked");
    } else {
        s = unpack(&z, max_bytes, out, text, length);
        inflateEnd(&z);
    }
    cm_mapped_close(&m);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}
