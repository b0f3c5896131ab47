// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/tensor/tensor.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/system.h"
#include "core/tensor/ops.h"
#include "core/tensor/tensor_parts.h"

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

/* Sizes are rounded up to one of eight steps an octave, so a dropped tensor fits
 * the next one of about its size and at most an eighth is lost. */
enum { STEPS = 8, CLASSES = 48 * STEPS, SMALLEST = 256, BLOCK = 32 << 20 };

typedef struct block block;
struct block {
    float *data;
    size_t bytes;
    int size_class;
    block *next; /* in the free list */
};

/* One storage, shared by a tensor and its views: values, and a gradient when asked for. */
struct cm_buffer {
    block *data, *grad;
    size_t count;
    int readers; /* tensors not yet dropped, and nodes of the tape not yet run */
};

struct cm_free_list {
    block *of[CLASSES];
};

void cm_ctx_init(cm_ctx *g, const struct cm_ops *ops, int threads) {
    *g = (cm_ctx){.ops = ops, .threads = threads > 0 ? threads : 1};
    cm_arena_init(&g->memory, BLOCK);
    cm_arena_init(&g->scratch, 0);
}

void cm_ctx_free(cm_ctx *g) {
    cm_arena_free(&g->memory);
    cm_arena_free(&g->scratch);
    *g = (cm_ctx){0};
}

void cm_ctx_reset(cm_ctx *g) {
    g->memory.failed = g->scratch.failed = false;
    cm_arena_clear(&g->memory);
    cm_arena_join(&g->scratch);
    g->free_list = NULL;
    g->tape = NULL;
    g->attention_index = 0;
    g->status = CM_OK;
    g->why[0] = 0;
}

void cm_ctx_rest(cm_ctx *g, size_t most) {
    cm_ctx_reset(g);
    if (cm_arena_held(&g->memory) + cm_arena_held(&g->scratch) <= most) return;
    cm_arena_free(&g->memory);
    cm_arena_free(&g->scratch);
}

cm_status cm_ctx_check(const cm_ctx *g) {
    if (g->status == CM_OK) return CM_OK;
    return cm_fail(g->status, "%s", g->why);
}

void *cm_ctx_fail(cm_ctx *g, cm_status s, const char *format, ...) {
    if (g->status != CM_OK) return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(g->why, sizeof g->why, format, args);
    va_end(args);
    g->status = s;
    return NULL;
}

void *cm_ctx_push(cm_ctx *g, size_t bytes) {
    if (g->status != CM_OK) return NULL;
    void *p = cm_arena_push(&g->memory, bytes);
    return p ? p : cm_ctx_fail(g, CM_ENOMEM, "out of memory with %zu MiB of tensors", g->memory.used >> 20);
}

/* The smallest class that holds `bytes`, and its size: (8 + step) * 2^octave * SMALLEST / 8. */
static int class_of(size_t bytes, size_t *rounded) {
    size_t unit = SMALLEST / STEPS;
    int octave = 0;
    while (unit * 2 * STEPS < bytes) {
        unit *= 2;
        octave++;
    }
    size_t steps = (bytes + unit - 1) / unit;
    if (steps < STEPS) steps = STEPS;
    *rounded = steps * unit;
    return octave * STEPS + (int)steps - STEPS;
}

/* From the free list, of this class or up to twice as large; else new. */
static block *take_block(cm_ctx *g, size_t bytes) {
    if (g->status != CM_OK) return NULL;
    if (cm_interrupted()) return cm_ctx_fail(g, CM_EINTERRUPTED, "stopped");
    if (bytes > SIZE_MAX / 8) return cm_ctx_fail(g, CM_ENOMEM, "a tensor of %zu bytes", bytes);
    size_t rounded;
    const int wanted = class_of(bytes, &rounded);
    for (int c = wanted; g->free_list && c <= wanted + STEPS && c < CLASSES; c++) {
        block *b = g->free_list->of[c];
        if (!b) continue;
        g->free_list->of[c] = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b->data, bytes);
        return b;
    }
    block *b = cm_ctx_push(g, sizeof *b);
    float *data = b ? cm_ctx_push(g, rounded) : NULL;
    if (!data) return NULL;
    *b = (block){.data = data, .bytes = rounded, .size_class = wanted};
    ASAN_POISON_MEMORY_REGION(data, rounded);
    ASAN_UNPOISON_MEMORY_REGION(data, bytes);
    return b;
}

static void give_block(cm_ctx *g, block *b) {
    if (!b) return;
    if (!g->free_list) {
        g->free_list = cm_ctx_push(g, sizeof *g->free_list);
        if (!g->free_list) return;
        *g->free_list = (cm_free_list){0};
    }
    ASAN_POISON_MEMORY_REGION(b->data, b->bytes);
    b->next = g->free_list->of[b->size_class];
    g->free_list->of[b->size_class] = b;
}

void cm_ctx_trim(cm_ctx *g, size_t below) {
    enum { LARGE = 32 << 20, PAGE = 4096 };
    for (int c = 0; g->free_list && c < CLASSES; c++) {
        for (const block *b = g->free_list->of[c]; b; b = b->next) {
            const uintptr_t from = ((uintptr_t)b->data + PAGE - 1) / PAGE * PAGE,
                            to = ((uintptr_t)b->data + b->bytes) / PAGE * PAGE;
            if (b->bytes >= LARGE && b->bytes < below) madvise((void *)from, to - from, MADV_DONTNEED);
        }
    }
}

size_t cm_count(const cm_tensor *x) {
    size_t n = 1;
    for (int i = 0; i < x->ndim; i++) n *= x->shape[i];
    return n;
}

size_t cm_dim(const cm_tensor *x, int i) {
    const int at = i < 0 ? i + x->ndim : i;
    assert(at >= 0 && at < x->ndim);
    return x->shape[at];
}

/* Shapes whose number of values does not fit are refused: a wrapped product would pass as a small tensor. */
static bool bounded(int ndim, const size_t *shape) {
    size_t room = SIZE_MAX / 8 / sizeof(float);
    for (int i = 0; i < ndim; i++) {
        if (shape[i] && room < shape[i]) return false;
        if (shape[i]) room /= shape[i];
    }
    return true;
}

static cm_tensor *new_header(cm_ctx *g, int ndim, const size_t *shape) {
    assert(ndim >= 0 && ndim <= CM_MAX_DIMS);
    cm_tensor *x = cm_ctx_push(g, sizeof *x);
    if (!x) return NULL;
    *x = (cm_tensor){.ndim = ndim};
    for (int i = 0; i < ndim; i++) x->shape[i] = shape[i];
    return x;
}

cm_tensor *cm_tensor_new(cm_ctx *g, int ndim, const size_t *shape) {
    if (!bounded(ndim, shape)) return cm_ctx_fail(g, CM_ENOMEM, "a tensor too large for this machine");
    cm_tensor *x = new_header(g, ndim, shape);
    cm_buffer *b = x ? cm_ctx_push(g, sizeof *b) : NULL;
    if (!b) return NULL;
    *b = (cm_buffer){.count = cm_count(x), .readers = 1};
    b->data = take_block(g, b->count * sizeof(float));
    if (!b->data) return NULL;
    x->data = b->data->data;
    x->buffer = b;
    return x;
}

cm_tensor *cm_tensor_zero(cm_ctx *g, int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    if (x) memset(x->data, 0, cm_count(x) * sizeof(float));
    return x;
}

cm_tensor *cm_tensor_copy(cm_ctx *g, int ndim, const size_t *shape, const float *values) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    if (x && cm_count(x)) memcpy(x->data, values, cm_count(x) * sizeof(float));
    return x;
}

cm_tensor *cm_view(cm_ctx *g, cm_tensor *x, int ndim, const size_t *shape) {
    cm_tensor *v = x ? new_header(g, ndim, shape) : NULL;
    if (!v) return NULL;
    assert(cm_count(v) == cm_count(x));
    cm_pack_fetch(&x->packs); /* the view may outlast the next weight's use */
    v->data = x->data;
    v->grad = x->grad;
    v->needs_grad = x->needs_grad;
    v->buffer = x->buffer;
    cm_hold(v);
    return v;
}

void cm_hold(cm_tensor *x) {
    if (x && x->buffer) x->buffer->readers++;
}

void cm_drop(cm_ctx *g, cm_tensor *x) {
    if (!x || x->is_param || !x->buffer) return;
    cm_buffer *b = x->buffer;
    assert(b->readers > 0);
    if (--b->readers > 0) return;
    give_block(g, b->data);
    give_block(g, b->grad);
    b->data = b->grad = NULL;
}

float *cm_grad_fresh(cm_ctx *g, cm_tensor *x, bool *fresh) {
    *fresh = false;
    if (!x || !x->needs_grad) return NULL;
    cm_buffer *b = x->buffer;
    if (!b) return x->grad;
    if (!b->grad) {
        b->grad = take_block(g, b->count * sizeof(float));
        if (!b->grad) return NULL;
        *fresh = true;
    }
    return x->grad = b->grad->data;
}

float *cm_grad(cm_ctx *g, cm_tensor *x) {
    bool fresh;
    float *dx = cm_grad_fresh(g, x, &fresh);
    if (fresh) memset(dx, 0, x->buffer->count * sizeof(float));
    return dx;
}

const float *cm_flowed(cm_tensor *x) {
    if (!x) return NULL;
    if (x->buffer && x->buffer->grad) x->grad = x->buffer->grad->data;
    return x->grad;
}

cm_exec cm_exec_of(cm_ctx *g) {
    return (cm_exec){.threads = g->threads, .scratch = &g->scratch};
}

cm_exec cm_exec_with(cm_ctx *g, cm_tensor *weight) {
    if (g->ops->rounding == 0 || !weight->packs.keeps) cm_pack_use(&weight->packs); /* the others pack what they read */
    return (cm_exec){.threads = g->threads, .scratch = &g->scratch, .packs = &weight->packs};
}

/* Moves only what no one else holds: one reader is the node itself. */
void cm_grad_pass(cm_ctx *g, cm_tensor *from, float alpha, cm_tensor *to) {
    if (!to->needs_grad) return;
    cm_buffer *a = from->buffer, *b = to->buffer;
    if (b && !b->grad && alpha == 1.0f && a->readers == 1 && a->count == b->count) {
        b->grad = a->grad;
        a->grad = NULL;
        from->grad = NULL;
        to->grad = b->grad->data;
        return;
    }
    const float *dy = cm_flowed(from);
    float *dx = cm_grad(g, to);
    const cm_exec e = cm_exec_of(g);
    if (dx) g->ops->axpy(&e, cm_count(to), alpha, dy, dx);
}
