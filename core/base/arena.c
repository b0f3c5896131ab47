// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 64, GUARD = 64, WASTE = 32 << 20 };

/* A block's header fills the first ALIGN bytes, its data follow. */
struct cm_arena_block {
    cm_arena_block *next;
    size_t bytes, offset; /* of the data */
};

static unsigned char *block_data(cm_arena_block *b) {
    return (unsigned char *)b + ALIGN;
}

void cm_arena_init(cm_arena *a, size_t block_bytes) {
    *a = (cm_arena){.block_bytes = block_bytes ? block_bytes : (size_t)1 << 20};
}

void cm_arena_free(cm_arena *a) {
    for (cm_arena_block *b = a->first; b;) {
        cm_arena_block *next = b->next;
        ASAN_UNPOISON_MEMORY_REGION(block_data(b), b->bytes);
        free(b);
        b = next;
    }
    const size_t block_bytes = a->block_bytes;
    *a = (cm_arena){.block_bytes = block_bytes};
}

static cm_arena_block *new_block(size_t bytes) {
    const size_t page = (size_t)2 << 20;
    size_t total = bytes + ALIGN;
    const size_t align = total >= page ? page : ALIGN;
    total = (total + align - 1) / align * align;
    cm_arena_block *b = aligned_alloc(align, total);
    if (!b) return NULL;
    if (align == page) madvise(b, total, MADV_HUGEPAGE);
    *b = (cm_arena_block){.bytes = total - ALIGN};
    ASAN_POISON_MEMORY_REGION(block_data(b), b->bytes);
    return b;
}

void *cm_arena_push(cm_arena *a, size_t bytes) {
    if (a->failed) return NULL;
    if (bytes > SIZE_MAX / 4) {
        a->failed = true;
        return NULL;
    }
    const size_t need = (bytes + ALIGN - 1) / ALIGN * ALIGN + GUARD;
    cm_arena_block *b = a->current;
    while (b && b->offset + need > b->bytes && b->next) {
        b = b->next;
        b->offset = 0;
    }
    if (!b || b->offset + need > b->bytes) {
        cm_arena_block *fresh = new_block(need > a->block_bytes ? need : a->block_bytes);
        if (!fresh) {
            a->failed = true;
            return NULL;
        }
        if (b) {
            b->next = fresh;
        } else {
            a->first = fresh;
        }
        b = fresh;
    }
    a->current = b;
    unsigned char *p = block_data(b) + b->offset;
    b->offset += need;
    a->used += need;
    if (a->used > a->peak) a->peak = a->used;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    return p;
}

void *cm_arena_push_zero(cm_arena *a, size_t bytes) {
    void *p = cm_arena_push(a, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

char *cm_arena_string(cm_arena *a, const char *text) {
    const size_t n = strlen(text) + 1;
    char *p = cm_arena_push(a, n);
    if (p) memcpy(p, text, n);
    return p;
}

char *cm_arena_print(cm_arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = n < 0 ? NULL : cm_arena_push(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

cm_arena_mark cm_arena_get_mark(const cm_arena *a) {
    return (cm_arena_mark){.block = a->current, .offset = a->current ? a->current->offset : 0, .used = a->used};
}

void cm_arena_reset(cm_arena *a, cm_arena_mark mark) {
    cm_arena_block *keep = mark.block ? mark.block : a->first;
    if (keep) keep->offset = mark.block ? mark.offset : 0;
    for (cm_arena_block *b = keep; b; b = b->next) {
        if (b != keep) b->offset = 0;
        ASAN_POISON_MEMORY_REGION(block_data(b) + b->offset, b->bytes - b->offset);
    }
    a->current = keep;
    a->used = mark.used;
}

void cm_arena_clear(cm_arena *a) {
    cm_arena_reset(a, (cm_arena_mark){0});
}

size_t cm_arena_held(const cm_arena *a) {
    size_t n = 0;
    for (const cm_arena_block *b = a->first; b; b = b->next) n += b->bytes;
    return n;
}

void cm_arena_join(cm_arena *a) {
    const size_t peak = a->peak;
    cm_arena_clear(a);
    if (cm_arena_held(a) <= peak + WASTE) return;
    cm_arena_free(a);
    if (a->block_bytes < peak) a->block_bytes = peak;
}

cm_status cm_arena_check(const cm_arena *a) {
    if (!a->failed) return CM_OK;
    return cm_fail(CM_ENOMEM, "out of memory with %zu MiB in use here", a->used >> 20);
}
