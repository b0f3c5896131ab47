// SPDX-License-Identifier: Apache-2.0
/* Tensors, and the context in which networks run.
 *
 * Channels last everywhere: an image is [N,H,W,C], and the same bytes are the
 * token sequence [N,H*W,C]. Activations are float32. Weights keep PyTorch's
 * shapes (convolution [O,I,kh,kw], linear [O,I]).
 *
 * A cm_ctx says which backend runs, with how many threads, where activations
 * live, and whether gradients are recorded. The functions of nn.h take one and
 * return new tensors, so that a network reads like its paper:
 *
 *     cm_tensor *h = cm_group_norm(g, x, n->weight, n->bias, 32, 1e-5f, CM_SILU);
 *     h = cm_conv2d(g, h, c->weight, c->bias, 1, CM_PAD_SAME);
 *
 * Failure is sticky: when something fails every later call returns NULL (and
 * accepts NULL); the caller of the network asks cm_ctx_check once at the end.
 *
 * Without a tape, cm_drop gives a tensor's memory back for reuse as soon as its
 * last reader is done (views count). With a tape, everything lives until
 * cm_ctx_reset. Either way cm_ctx_reset ends the pass: all its tensors are gone,
 * the memory stays with the context, so a warm pass asks nothing of the system.
 */
#ifndef CM_CORE_TENSOR_TENSOR_H
#define CM_CORE_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/tensor/pack.h"

enum { CM_MAX_DIMS = 5 };

typedef struct cm_buffer cm_buffer; /* counted storage, private to tensor.c */

typedef struct cm_tensor {
    float *data;
    float *grad; /* same shape; NULL until something flows back, or for a parameter: its own storage */
    int ndim;
    size_t shape[CM_MAX_DIMS];
    bool needs_grad; /* a parameter in training, or made from one */
    bool is_param;   /* lives outside the context; never dropped */
    cm_buffer *buffer;
    cm_pack_slot packs; /* of a weight that does not change */
} cm_tensor;

/* What a cross-attention layer tells its observer. */
typedef struct cm_attention_site {
    const char *name; /* "down_blocks.1.attentions.0.transformer_blocks.0.attn2" */
    int index;        /* 0, 1, ... in the order of the forward pass */
    size_t n, heads, height, width, keys;
} cm_attention_site;

/* An observer of cross-attention: inference captures maps with it, training adds
 * the HOLA loss with it. Where `wants` says true the layer keeps its
 * probabilities and hands them over as a tensor [n,heads,height*width,keys],
 * whose gradient is taken into account when a tape is open. The tensor is the
 * observer's until cm_ctx_reset, or until it drops it. */
typedef struct cm_attention_observer {
    void *arg;
    bool (*wants)(void *arg, const cm_attention_site *site);
    void (*give)(void *arg, const cm_attention_site *site, cm_tensor *probs);
} cm_attention_observer;

struct cm_ops;
typedef struct cm_tape cm_tape;
typedef struct cm_free_list cm_free_list;

typedef struct cm_ctx {
    const struct cm_ops *ops; /* the backend's table, ops.h */
    int threads;
    cm_arena memory;  /* tensors and their data */
    cm_arena scratch; /* inside one operation */
    cm_free_list *free_list;
    cm_tape *tape;                         /* NULL: no gradients */
    const cm_attention_observer *observer; /* NULL: nobody looks */
    int attention_index;                   /* next cross-attention's index in this pass */
    cm_status status;
    char why[512]; /* of the first failure */
} cm_ctx;

void cm_ctx_init(cm_ctx *g, const struct cm_ops *ops, int threads);
void cm_ctx_free(cm_ctx *g);
void cm_ctx_reset(cm_ctx *g); /* ends the pass; clears status; closes the tape */
void cm_ctx_rest(cm_ctx *g,
                 size_t most); /* the same; where more bytes than `most` are held, gives all back to the system */
cm_status cm_ctx_check(const cm_ctx *g); /* the first failure since the reset, with its reason */
void *cm_ctx_fail(cm_ctx *g, cm_status s, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* returns NULL */

/* New tensors; not cleared. shape is copied. */
cm_tensor *cm_tensor_new(cm_ctx *g, int ndim, const size_t *shape);
cm_tensor *cm_tensor_zero(cm_ctx *g, int ndim, const size_t *shape);
cm_tensor *cm_tensor_copy(cm_ctx *g, int ndim, const size_t *shape, const float *values);
#define CM_SHAPE(...) ((int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))), ((const size_t[]){__VA_ARGS__})
/* e.g. cm_tensor_new(g, CM_SHAPE(n, h, w, c)) */

/* A view: same bytes, other shape with the same number of values. Gradients are shared too. */
cm_tensor *cm_view(cm_ctx *g, cm_tensor *x, int ndim, const size_t *shape);

void cm_drop(cm_ctx *g, cm_tensor *x); /* the caller reads x no more; NULL and parameters are fine */

/* x->grad, made and cleared when absent; NULL when x needs none. */
float *cm_grad(cm_ctx *g, cm_tensor *x);

/* Gives the pages of dropped tensors back that are large, but smaller than `below` bytes: before tensors of that size
 * are made in their stead. */
void cm_ctx_trim(cm_ctx *g, size_t below);

size_t cm_count(const cm_tensor *x);      /* number of values */
size_t cm_dim(const cm_tensor *x, int i); /* i < 0 counts from the end */

#endif
