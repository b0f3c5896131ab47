// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/tape.h"

#include <assert.h>
#include <string.h>

#include "core/tensor/tape_parts.h"
#include "core/tensor/tensor_parts.h"

typedef struct node node;
struct node {
    cm_backward *fn;
    void *arg;
    size_t held;
    cm_tensor **tensors;
    node *before;
};

struct cm_tape {
    node *last;
};

void cm_tape_open(cm_ctx *g) {
    cm_tape *t = cm_ctx_push(g, sizeof *t);
    if (!t) return;
    *t = (cm_tape){0};
    g->tape = t;
}

static node *push_node(cm_ctx *g, cm_backward *fn, void *arg) {
    node *n = g->tape ? cm_ctx_push(g, sizeof *n) : NULL;
    if (!n) return NULL;
    *n = (node){.fn = fn, .arg = arg, .before = g->tape->last};
    g->tape->last = n;
    return n;
}

void cm_tape_record(cm_ctx *g, cm_backward *fn, void *arg) {
    push_node(g, fn, arg);
}

/* A node that has run lets go of its tensors, so that the gradients of the next ones reuse warm memory. */
void cm_tape_backward(cm_ctx *g, cm_tensor *loss, float seed) {
    if (!loss || !g->tape || g->status != CM_OK) return;
    assert(cm_count(loss) == 1);
    float *d = cm_grad(g, loss);
    if (d) *d += seed;
    for (node *n = g->tape->last; n; n = n->before) {
        if (g->status != CM_OK) return;
        n->fn(g, n->arg);
        cm_arena_clear(&g->scratch);
        if (g->scratch.failed) cm_ctx_fail(g, CM_ENOMEM, "out of memory inside a gradient");
        for (size_t i = 0; i < n->held; i++) cm_drop(g, n->tensors[i]);
    }
    g->tape->last = NULL;
}

bool cm_tape_records(const cm_ctx *g, size_t count, cm_tensor *const *inputs) {
    if (!g->tape) return false;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && inputs[i]->needs_grad) return true;
    return false;
}

cm_tensor *cm_node(cm_ctx *g, cm_tensor *y, cm_backward *fn, const void *arg, size_t bytes, size_t count,
                   cm_tensor *const *inputs) {
    cm_arena_clear(&g->scratch);
    if (g->scratch.failed) return cm_ctx_fail(g, CM_ENOMEM, "out of memory inside an operation");
    if (!y || !cm_tape_records(g, count, inputs)) return y;
    y->needs_grad = true;
    void *kept = cm_ctx_push(g, bytes);
    cm_tensor **held = cm_ctx_push(g, (count + 1) * sizeof(cm_tensor *));
    node *n = kept && held ? push_node(g, fn, kept) : NULL;
    if (!n) return NULL;
    memcpy(kept, arg, bytes);
    memcpy(held, inputs, count * sizeof(cm_tensor *));
    held[count] = y;
    for (size_t i = 0; i <= count; i++) cm_hold(held[i]);
    n->held = count + 1;
    n->tensors = held;
    return y;
}
