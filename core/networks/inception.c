// SPDX-License-Identifier: Apache-2.0
/* The network is a list of blocks, a block a list of layers between five tensors: its input, its output (where branches
 * write side by side) and three for what lies between. */
#include "core/networks/inception.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BLOCKS = 20, MAX_LAYERS = 12, MAX_JOINED = 3 };

typedef enum place { IN, OUT, A, B, C, PLACES } place;

typedef struct layer {
    place from, to;
    size_t from_channel, to_channel;
    cm_conv_layer conv; /* weight NULL: a pool */
    cm_pool_layer pool;
} layer;

typedef struct block {
    const char *name;
    layer layers[MAX_LAYERS];
    size_t count, channels[PLACES]; /* of each tensor */
} block;

struct cm_inception {
    cm_inception_kind kind;
    block blocks[MAX_BLOCKS];
    size_t count, classes;
    cm_tensor *fc_weight, *fc_bias;
};

const char *cm_inception_name(cm_inception_kind kind) {
    return kind == CM_INCEPTION_FID ? "inception-2015-12-05" : "inception-torchvision";
}

size_t cm_inception_classes(const cm_inception *n) {
    return n->classes;
}

/* --- folding ---------------------------------------------------------------------------- */

/* What one convolution and its norm are made of. */
enum { WEIGHT, GAMMA, BETA, MEAN, VARIANCE, ASKED };
static const double eps = 1e-3;

static double factor(cm_tensor *const *from, size_t o) {
    return from[GAMMA]->data[o] / sqrt(from[VARIANCE]->data[o] + eps);
}

/* of convolutions that stand one after the other */
static void fold_weights(cm_tensor *const *from, size_t count, float *values) {
    for (; count > 0; count -= ASKED, from += ASKED) {
        const size_t out = from[WEIGHT]->shape[0], each = cm_count(from[WEIGHT]) / out;
        for (size_t o = 0; o < out; o++) {
            const double f = factor(from, o);
            for (size_t i = 0; i < each; i++) *values++ = (float)(f * from[WEIGHT]->data[o * each + i]);
        }
    }
}

static void fold_biases(cm_tensor *const *from, size_t count, float *values) {
    for (; count > 0; count -= ASKED, from += ASKED)
        for (size_t o = 0; o < from[WEIGHT]->shape[0]; o++)
            *values++ = (float)(from[BETA]->data[o] - factor(from, o) * from[MEAN]->data[o]);
}

/* --- building --------------------------------------------------------------------------- */

typedef struct builder {
    cm_inception *n;
    cm_params *p;
    cm_arena *arena;
    cm_status status;
    block *at;
} builder;

static void check_variance(builder *b, const cm_tensor *variance, const char *name) {
    for (size_t o = 0; variance->data && o < cm_count(variance); o++)
        if (b->status == CM_OK && variance->data[o] < 0.0f)
            b->status = cm_fail(CM_EFORMAT, "%s.bn.running_var is %g for channel %zu; no variance is below 0", name,
                                (double)variance->data[o], o);
}

static void ask(builder *b, const char *name, size_t in, size_t out, size_t kh, size_t kw, cm_tensor **to) {
    char full[96];
    if (strcmp(b->at->name, name) == 0) snprintf(full, sizeof full, "%s", name);
    else snprintf(full, sizeof full, "%s.%s", b->at->name, name);
    to[WEIGHT] = cm_param(b->p, CM_INIT_CONV, CM_SHAPE(out, in, kh, kw), "%s.conv.weight", full);
    to[GAMMA] = cm_param(b->p, CM_INIT_SCALE, CM_SHAPE(out), "%s.bn.weight", full);
    to[BETA] = cm_param(b->p, CM_INIT_BIAS, CM_SHAPE(out), "%s.bn.bias", full);
    to[MEAN] = cm_param(b->p, CM_INIT_BIAS, CM_SHAPE(out), "%s.bn.running_mean", full);
    to[VARIANCE] = cm_param(b->p, CM_INIT_VARIANCE, CM_SHAPE(out), "%s.bn.running_var", full);
    check_variance(b, to[VARIANCE], full);
}

static void begin(builder *b, const char *name, size_t in) {
    assert(b->n->count < MAX_BLOCKS);
    b->at = &b->n->blocks[b->n->count++];
    b->at->name = name;
    b->at->channels[IN] = in;
}

static layer *add_layer(builder *b, place from, size_t from_channel, place to, size_t channels) {
    assert(b->at->count < MAX_LAYERS);
    layer *l = &b->at->layers[b->at->count++];
    *l = (layer){.from = from, .to = to, .from_channel = from_channel, .to_channel = b->at->channels[to]};
    b->at->channels[to] += channels;
    return l;
}

/* One convolution, or 1x1 ones of the same input that run as one. What they write goes behind what is in `to` already.
 */
typedef struct spec {
    const char *names[MAX_JOINED];
    size_t outs[MAX_JOINED];
    place from;
    size_t at, in; /* channels of `from`; in 0: all of the block's input */
    place to;
    size_t kh, kw, stride;
    cm_pad pad;
    bool bare; /* without bias and ReLU, which come after a pool: then it returns the bias */
} spec;

static cm_tensor *conv(builder *b, spec s) {
    size_t count = 0, out = 0;
    const size_t in = s.in ? s.in : b->at->channels[IN], kh = s.kh ? s.kh : 1, kw = s.kw ? s.kw : 1;
    cm_tensor **from = CM_PUSH(b->arena, cm_tensor *, MAX_JOINED * ASKED);
    if (!from) {
        b->status = cm_fail(CM_ENOMEM, "out of memory");
        return NULL;
    }
    for (; count < MAX_JOINED && s.names[count]; out += s.outs[count++])
        ask(b, s.names[count], in, s.outs[count], kh, kw, from + count * ASKED);
    cm_tensor *weight = cm_param_made(b->p, CM_SHAPE(out, in, kh, kw), fold_weights, from, count * ASKED);
    cm_tensor *bias = cm_param_made(b->p, CM_SHAPE(out), fold_biases, from, count * ASKED);
    add_layer(b, s.from, s.at, s.to, out)->conv = (cm_conv_layer){.weight = weight,
                                                                  .bias = s.bare ? NULL : bias,
                                                                  .stride = s.stride ? s.stride : 1,
                                                                  .pad = s.pad,
                                                                  .relu = !s.bare};
    return bias;
}

/* One convolution of `kh` x `kw` in a chain: from channel `at` of a place to another, the size stays. */
static void same(builder *b, const char *name, place from, size_t at, size_t in, place to, size_t out, size_t kh,
                 size_t kw) {
    conv(b, (spec){.names = {name},
                   .outs = {out},
                   .from = from,
                   .at = at,
                   .in = in,
                   .to = to,
                   .kh = kh,
                   .kw = kw,
                   .pad = CM_PAD_SAME});
}

/* 3x3 with stride 2, without padding */
static void halve(builder *b, const char *name, place from, size_t in, size_t out) {
    conv(b, (spec){.names = {name}, .outs = {out}, .from = from, .in = in, .to = OUT, .kh = 3, .kw = 3, .stride = 2});
}

static cm_pool_layer *pool(builder *b, place from, place to, size_t channels) {
    layer *l = add_layer(b, from, 0, to, channels);
    l->pool = (cm_pool_layer){.kind = CM_POOL_MAX, .channels = channels, .k = 3, .stride = 1, .same = true};
    return &l->pool;
}

/* The pool branch: a 1x1 convolution of means is the mean of one, of fewer channels. */
static void pool_branch(builder *b, size_t out, bool most) {
    if (most) {
        pool(b, IN, C, b->at->channels[IN]);
        conv(b, (spec){.names = {"branch_pool"}, .outs = {out}, .from = C, .to = OUT});
        return;
    }
    cm_tensor *bias = conv(b, (spec){.names = {"branch_pool"}, .outs = {out}, .to = C, .bare = true});
    cm_pool_layer *l = pool(b, C, OUT, out);
    l->kind = b->n->kind == CM_INCEPTION_FID ? CM_POOL_MEAN_INSIDE : CM_POOL_MEAN;
    l->bias = bias;
    l->relu = true;
}

static void stem(builder *b) {
    begin(b, "Conv2d_1a_3x3", 3);
    halve(b, "Conv2d_1a_3x3", IN, 3, 32);
    begin(b, "Conv2d_2a_3x3", 32);
    conv(b, (spec){.names = {"Conv2d_2a_3x3"}, .outs = {32}, .to = OUT, .kh = 3, .kw = 3});
    begin(b, "Conv2d_2b_3x3", 32);
    same(b, "Conv2d_2b_3x3", IN, 0, 32, OUT, 64, 3, 3);
    begin(b, "maxpool1", 64);
    *pool(b, IN, OUT, 64) = (cm_pool_layer){.channels = 64, .k = 3, .stride = 2};
    begin(b, "Conv2d_3b_1x1", 64);
    conv(b, (spec){.names = {"Conv2d_3b_1x1"}, .outs = {80}, .to = OUT});
    begin(b, "Conv2d_4a_3x3", 80);
    conv(b, (spec){.names = {"Conv2d_4a_3x3"}, .outs = {192}, .to = OUT, .kh = 3, .kw = 3});
    begin(b, "maxpool2", 192);
    *pool(b, IN, OUT, 192) = (cm_pool_layer){.channels = 192, .k = 3, .stride = 2};
}

/* 35x35 */
static void block_a(builder *b, const char *name, size_t in, size_t pooled) {
    begin(b, name, in);
    conv(b, (spec){.names = {"branch1x1"}, .outs = {64}, .to = OUT});
    conv(b, (spec){.names = {"branch5x5_1", "branch3x3dbl_1"}, .outs = {48, 64}, .to = A});
    same(b, "branch5x5_2", A, 0, 48, OUT, 64, 5, 5);
    same(b, "branch3x3dbl_2", A, 48, 64, B, 96, 3, 3);
    same(b, "branch3x3dbl_3", B, 0, 96, OUT, 96, 3, 3);
    pool_branch(b, pooled, false);
}

/* 35x35 -> 17x17 */
static void block_b(builder *b, const char *name, size_t in) {
    begin(b, name, in);
    halve(b, "branch3x3", IN, in, 384);
    conv(b, (spec){.names = {"branch3x3dbl_1"}, .outs = {64}, .to = A});
    same(b, "branch3x3dbl_2", A, 0, 64, B, 96, 3, 3);
    halve(b, "branch3x3dbl_3", B, 96, 96);
    *pool(b, IN, OUT, in) = (cm_pool_layer){.channels = in, .k = 3, .stride = 2};
}

/* 17x17; `narrow` channels between */
static void block_c(builder *b, const char *name, size_t in, size_t narrow) {
    begin(b, name, in);
    conv(b, (spec){.names = {"branch1x1"}, .outs = {192}, .to = OUT});
    conv(b, (spec){.names = {"branch7x7_1", "branch7x7dbl_1"}, .outs = {narrow, narrow}, .to = A});
    same(b, "branch7x7_2", A, 0, narrow, B, narrow, 1, 7);
    same(b, "branch7x7_3", B, 0, narrow, OUT, 192, 7, 1);
    same(b, "branch7x7dbl_2", A, narrow, narrow, B, narrow, 7, 1);
    same(b, "branch7x7dbl_3", B, narrow, narrow, B, narrow, 1, 7);
    same(b, "branch7x7dbl_4", B, 2 * narrow, narrow, B, narrow, 7, 1);
    same(b, "branch7x7dbl_5", B, 3 * narrow, narrow, OUT, 192, 1, 7);
    pool_branch(b, 192, false);
}

/* 17x17 -> 8x8 */
static void block_d(builder *b, const char *name, size_t in) {
    begin(b, name, in);
    conv(b, (spec){.names = {"branch3x3_1", "branch7x7x3_1"}, .outs = {192, 192}, .to = A});
    halve(b, "branch3x3_2", A, 192, 320);
    same(b, "branch7x7x3_2", A, 192, 192, B, 192, 1, 7);
    same(b, "branch7x7x3_3", B, 0, 192, C, 192, 7, 1);
    halve(b, "branch7x7x3_4", C, 192, 192);
    *pool(b, IN, OUT, in) = (cm_pool_layer){.channels = in, .k = 3, .stride = 2};
}

/* 8x8 */
static void block_e(builder *b, const char *name, size_t in, bool most) {
    begin(b, name, in);
    conv(b, (spec){.names = {"branch1x1"}, .outs = {320}, .to = OUT});
    conv(b, (spec){.names = {"branch3x3_1", "branch3x3dbl_1"}, .outs = {384, 448}, .to = A});
    same(b, "branch3x3_2a", A, 0, 384, OUT, 384, 1, 3);
    same(b, "branch3x3_2b", A, 0, 384, OUT, 384, 3, 1);
    same(b, "branch3x3dbl_2", A, 384, 448, B, 384, 3, 3);
    same(b, "branch3x3dbl_3a", B, 0, 384, OUT, 384, 1, 3);
    same(b, "branch3x3dbl_3b", B, 0, 384, OUT, 384, 3, 1);
    pool_branch(b, 192, most);
}

static void build_all(builder *b) {
    const bool fid = b->n->kind == CM_INCEPTION_FID;
    stem(b);
    block_a(b, "Mixed_5b", 192, 32);
    block_a(b, "Mixed_5c", 256, 64);
    block_a(b, "Mixed_5d", 288, 64);
    block_b(b, "Mixed_6a", 288);
    block_c(b, "Mixed_6b", 768, 128);
    block_c(b, "Mixed_6c", 768, 160);
    block_c(b, "Mixed_6d", 768, 160);
    block_c(b, "Mixed_6e", 768, 192);
    block_d(b, "Mixed_7a", 768);
    block_e(b, "Mixed_7b", 1280, false);
    block_e(b, "Mixed_7c", 2048, fid);
    b->n->classes = fid ? 1008 : 1000;
    b->n->fc_weight = cm_param(b->p, CM_INIT_LINEAR, CM_SHAPE(b->n->classes, CM_INCEPTION_POOL), "fc.weight");
    b->n->fc_bias = cm_param(b->p, CM_INIT_BIAS, CM_SHAPE(b->n->classes), "fc.bias");
}

cm_status cm_inception_build(cm_inception **out, cm_inception_kind kind, cm_params *p, cm_arena *arena) {
    cm_inception *n = CM_PUSH_ZERO(arena, cm_inception, 1);
    CM_TRY(cm_arena_check(arena));
    n->kind = kind;
    builder b = {.n = n, .p = p, .arena = arena};
    build_all(&b);
    if (b.status == CM_OK) b.status = cm_params_check(p, false);
    if (b.status != CM_OK)
        return cm_fail_in(b.status, "%s (%zu classes, %s)", cm_inception_name(kind), n->classes,
                          kind == CM_INCEPTION_FID ? "pt_inception-2015-12-05-6726825d.pth"
                                                   : "torchvision's inception_v3");
    *out = n;
    return CM_OK;
}

/* --- forward ---------------------------------------------------------------------------- */

/* Lines or columns that a layer makes of so many. */
static size_t size_after(const layer *l, size_t size, bool down) {
    if (!l->conv.weight) return (size + (l->pool.same ? 2 : 0) - l->pool.k) / l->pool.stride + 1;
    if (l->conv.pad == CM_PAD_SAME) return size;
    return (size - cm_dim(l->conv.weight, down ? 2 : 3)) / l->conv.stride + 1;
}

static cm_tensor *run_block(cm_ctx *g, const block *b, cm_tensor *x) {
    cm_tensor *at[PLACES] = {x};
    for (size_t i = 0; i < b->count && x; i++) {
        const layer *l = &b->layers[i];
        const cm_tensor *from = at[l->from];
        if (!from) break;
        if (!at[l->to])
            at[l->to] = cm_tensor_new(g, CM_SHAPE(from->shape[0], size_after(l, from->shape[1], true),
                                                  size_after(l, from->shape[2], false), b->channels[l->to]));
        const cm_channels in = {at[l->from], l->from_channel}, to = {at[l->to], l->to_channel};
        if (l->conv.weight) cm_conv2d_slices(g, in, &l->conv, to);
        else cm_pool2d_slices(g, in, &l->pool, to);
    }
    for (place p = A; p < PLACES; p++) cm_drop(g, at[p]);
    return at[OUT];
}

static cm_tensor *spatial_of(cm_ctx *g, cm_tensor *x) {
    cm_tensor *y = cm_slice_last(g, x, 0, 7);
    if (!y) return NULL;
    cm_tensor *flat = cm_view(g, y, CM_SHAPE(y->shape[0], cm_count(y) / y->shape[0]));
    cm_drop(g, y);
    return flat;
}

void cm_inception_forward(cm_ctx *g, const cm_inception *n, cm_tensor *pixels, unsigned wanted, cm_inception_out *out) {
    *out = (cm_inception_out){0};
    assert(!pixels || (pixels->ndim == 4 && pixels->shape[3] == 3));
    assert(!pixels || (pixels->shape[1] >= CM_INCEPTION_SIDE_LEAST && pixels->shape[2] >= CM_INCEPTION_SIDE_LEAST));
    cm_tensor *x = pixels;
    for (size_t i = 0; i < n->count; i++) {
        cm_tensor *y = run_block(g, &n->blocks[i], x);
        if (x != pixels) cm_drop(g, x);
        x = y;
        if (wanted & CM_INCEPTION_WANT_SPATIAL && strcmp(n->blocks[i].name, "Mixed_6d") == 0)
            out->spatial = spatial_of(g, x);
    }
    cm_tensor *pool = cm_mean_hw(g, x);
    cm_drop(g, x);
    if (wanted & (CM_INCEPTION_WANT_LOGITS_UNBIASED | CM_INCEPTION_WANT_LOGITS))
        out->logits_unbiased = cm_linear(g, pool, n->fc_weight, NULL);
    if (wanted & CM_INCEPTION_WANT_LOGITS) out->logits = cm_add_broadcast(g, out->logits_unbiased, n->fc_bias);
    if (wanted & CM_INCEPTION_WANT_POOL) {
        out->pool = pool;
    } else {
        cm_drop(g, pool);
    }
    if (!(wanted & CM_INCEPTION_WANT_LOGITS_UNBIASED)) {
        cm_drop(g, out->logits_unbiased);
        out->logits_unbiased = NULL;
    }
}
