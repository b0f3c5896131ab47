// SPDX-License-Identifier: Apache-2.0
/* The tables of the bf16 backends: f32's, with products on bf16 operands. */
#include <pthread.h>

#include "core/cpu/bf16/bf16_ops.h"
#include "core/cpu/f32/f32_ops.h"

const uint16_t *cm_bf16_pack(const cm_exec *e, int kind, bool pairs, size_t values, cm_pack_fill *fill, void *arg) {
    void *data = cm_pack_get(e->packs, 2 * kind + pairs, values * sizeof(uint16_t), fill, arg);
    if (data) return data;
    data = cm_arena_push(e->scratch, values * sizeof(uint16_t));
    if (data) fill(arg, data);
    return data;
}

bf16_prologue cm_bf16_prologue_of(const cm_fusion *a, size_t image, size_t channels, size_t from, size_t low) {
    const size_t at = image * channels + from;
    if (a->gamma)
        return (bf16_prologue){
            .kind = BF16_LAYER_NORM, .scale = a->gamma + from, .shift = a->beta + from, .eps = a->eps, .low = low};
    if (!a->scale) return (bf16_prologue){.kind = BF16_PLAIN, .factor = 1.0f, .low = low};
    return (
        bf16_prologue){.kind = BF16_AFFINE, .scale = a->scale + at, .shift = a->shift + at, .act = a->act, .low = low};
}

bool cm_bf16_is_linear(const cm_conv_shape *s, const cm_fusion *a) {
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == s->h &&
           s->ow == s->w && !a->upsample && !a->image;
}

/* Of few channels (pixels, latents) a tile's 32 values are nearly all padding, and f32 is faster; of 32 reading and
 * writing outweigh the products, of which Winograd's convolution needs a quarter. */
static bool is_thin(bool pairs, const cm_conv_shape *s, const cm_fusion *a) {
    const bool light = pairs && s->c <= 32 && s->o <= 64 && s->oh * s->ow >= 4096 && cm_f32_winograd_fits(s);
    return (s->c < 8 || light) && !a->scale && !a->upsample && !a->image && !a->plus;
}

static void any_conv(bool pairs, const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x,
                     const float *w, const float *bias, float *y) {
    if (is_thin(pairs, s, a)) {
        const cm_channel_strides at = {.x_row = a->x_row ? a->x_row : s->c,
                                       .y_row = a->y_row ? a->y_row : s->o,
                                       .relu = a->relu};
        cm_pack_fetch(e->packs);
        cm_f32_conv2d_strided_channels(e, s, &at, x, w, bias, y);
    } else if (cm_bf16_is_linear(s, a)) {
        const bf16_linear_shape l = {s->n * s->h * s->w, s->c, s->o, s->h * s->w};
        cm_bf16_linear(pairs, e, &l, a, x, w, bias, y);
    } else {
        cm_bf16_conv2d(pairs, e, s, a, x, w, bias, y);
    }
}

/* The tiles do not serve causal masks. Probabilities for an observer are made beside the output, which is then what
 * it would be unobserved; with a gradient both come from f32, of one softmax. */
static void any_attention(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                          const float *v, float *out, float *probs, float *lse) {
    if (s->causal || (lse && probs)) {
        cm_f32_attention(e, s, q, k, v, out, probs, lse);
        return;
    }
    cm_bf16_attention(pairs, e, s, q, k, v, out, lse);
    if (!probs) return;
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    float *again = CM_PUSH(e->scratch, float, s->n * s->lq * s->heads * s->d);
    if (again) cm_f32_attention(e, s, q, k, v, again, probs, NULL);
    cm_arena_reset(e->scratch, mark);
}

/* A gradient that arrives at the probabilities (HOLA) is f32's; of a few keys, what remains of cancelling terms, ref's.
 */
static void any_attention_grad(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q,
                               const float *k, const float *v, const float *out, const float *lse, const float *dout,
                               const float *dprobs, float *dq, float *dk, float *dv) {
    enum { FEW = 4 };
    if (s->causal || dprobs || s->lk < FEW) cm_f32_attention_grad(e, s, q, k, v, out, lse, dout, dprobs, dq, dk, dv);
    else cm_bf16_attention_grad(pairs, e, s, q, k, v, lse, dout, dq, dk, dv);
}

#define BF16_OPERATIONS(name, pairs)                                                                                   \
    static void name##_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,    \
                              const float *bias, const float *plus, float *y) {                                        \
        cm_bf16_linear(pairs, e, &(bf16_linear_shape){rows, in, out, rows}, &(cm_fusion){.plus = plus}, x, w, bias,    \
                       y);                                                                                             \
    }                                                                                                                  \
    static void name##_linear_fused(const cm_exec *e, size_t rows, size_t per_image, size_t in, size_t out,            \
                                    const cm_fusion *a, const float *x, const float *w, const float *bias, float *y) { \
        cm_bf16_linear(pairs, e, &(bf16_linear_shape){rows, in, out, per_image}, a, x, w, bias, y);                    \
    }                                                                                                                  \
    static void name##_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w,                \
                              const float *bias, float *y) {                                                           \
        any_conv(pairs, e, s, &(cm_fusion){0}, x, w, bias, y);                                                         \
    }                                                                                                                  \
    static void name##_conv2d_fused(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x,      \
                                    const float *w, const float *bias, float *y) {                                     \
        any_conv(pairs, e, s, a, x, w, bias, y);                                                                       \
    }                                                                                                                  \
    static void name##_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,  \
                                               const float *x, const float *w, const float *bias, float *y) {          \
        any_conv(pairs, e, s, &(cm_fusion){.relu = p->relu, .x_row = p->x_row, .y_row = p->y_row}, x, w, bias, y);     \
    }                                                                                                                  \
    static bool name##_feed_forward(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y) {      \
        if (!cm_bf16_feed_forward_fits(s)) return false;                                                               \
        cm_bf16_feed_forward(pairs, e, s, x, y);                                                                       \
        return true;                                                                                                   \
    }                                                                                                                  \
    static void name##_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,        \
                                 const float *v, float *out, float *probs, float *lse) {                               \
        any_attention(pairs, e, s, q, k, v, out, probs, lse);                                                          \
    }                                                                                                                  \
    static void name##_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,   \
                                      const float *v, const float *out, const float *lse, const float *dout,           \
                                      const float *dprobs, float *dq, float *dk, float *dv) {                          \
        any_attention_grad(pairs, e, s, q, k, v, out, lse, dout, dprobs, dq, dk, dv);                                  \
    }                                                                                                                  \
    static void name##_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x,               \
                                   const float *w, const float *dy, float *dx, float *dw, float *dbias) {              \
        cm_bf16_linear_grad(pairs, e, rows, in, out, x, w, dy, dx, dw, dbias);                                         \
    }                                                                                                                  \
    static void name##_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w,           \
                                   const float *dy, float *dx, float *dw, float *dbias) {                              \
        cm_bf16_conv2d_grad(pairs, e, s, x, w, dy, dx, dw, dbias);                                                     \
    }                                                                                                                  \
    static void name##_fill(cm_ops *t) {                                                                               \
        *t = *cm_ops_f32();                                                                                            \
        t->linear = name##_linear;                                                                                     \
        t->linear_grad = name##_linear_grad;                                                                           \
        t->conv2d_grad = name##_conv2d_grad;                                                                           \
        t->conv2d = name##_conv2d;                                                                                     \
        t->conv2d_strided_channels = name##_conv2d_strided_channels;                                                   \
        t->attention = name##_attention;                                                                               \
        t->attention_grad = name##_attention_grad;                                                                     \
        t->linear_fused = name##_linear_fused;                                                                         \
        t->conv2d_fused = name##_conv2d_fused;                                                                         \
        t->feed_forward = name##_feed_forward;                                                                         \
        t->group_scale = cm_f32_group_scale;                                                                           \
    }

BF16_OPERATIONS(pairs, true)
BF16_OPERATIONS(alone, false)

static cm_ops bf16x3, bf16;

static void fill(void) {
    pairs_fill(&bf16x3);
    bf16x3.name = "bf16x3";
    bf16x3.about = "f32 products as three bf16 products on matrix registers (AMX): f32 to about 2e-6";
    bf16x3.rounding = 0x1p-17;
    bf16x3.slow_here = !cm_bf16_microkernels_get()->matrix;
    alone_fill(&bf16);
    bf16.name = "bf16";
    bf16.about = "bf16 products with f32 sums, activations f32: fast with AMX or AVX-512 BF16";
    bf16.dtype = "bf16";
    bf16.rounding = 0x1p-9;
    bf16.slow_here = !cm_bf16_microkernels_get()->direct;
}

static const cm_ops *filled(const cm_ops *t) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return t;
}

const cm_ops *cm_ops_bf16x3(void) {
    return filled(&bf16x3);
}

const cm_ops *cm_ops_bf16(void) {
    return filled(&bf16);
}
