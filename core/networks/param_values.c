// SPDX-License-Identifier: Apache-2.0
#include "core/networks/param_values.h"

#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "core/base/threads.h"

/* Filling and checking run over pieces of a weight on all threads. */
enum { PIECE = 1 << 18 };
typedef struct piecework {
    const cm_stored *stored;    /* to widen */
    const cm_made_values *made; /* or to make */
    float *values;              /* NULL: only look whether all are numbers */
    size_t count;
    int bad; /* set when a value is no finite number */
} piecework;

static bool all_finite(const float *x, size_t n) {
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

static uint32_t scramble(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

/* 32 random bits for value i of this weight: counter based, so any piece can be made alone. */
static uint32_t bits_at(const cm_made_values *m, size_t i) {
    return scramble(scramble((uint32_t)i ^ m->key[0]) + m->key[1]);
}

/* Compiled twice: with AVX2's multiplication the loop becomes vectors. AVX2 alone has no fused multiplication and
 * addition, so the bits are the same. */
static inline __attribute__((always_inline)) void uniform_values(const cm_made_values *m, size_t begin, size_t end,
                                                                 float *values) {
    const cm_made_values w = *m;
    for (size_t i = begin; i < end; i++) {
        values[i] = w.middle + w.bound * (((float)(int32_t)(bits_at(&w, i) >> 8) + 0.5f) * 0x1p-23f - 1);
    }
}

static void uniform_plain(const cm_made_values *m, size_t begin, size_t end, float *values) {
    uniform_values(m, begin, end, values);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void uniform_avx2(const cm_made_values *m, size_t begin, size_t end,
                                                         float *values) {
    uniform_values(m, begin, end, values);
}
#else
#define uniform_avx2 uniform_plain
#endif

/* Box-Muller; two neighbours (begin is even) share a radius. */
static void fill_normal(const cm_made_values *m, size_t begin, size_t end, float *values) {
    for (size_t i = begin; i < end; i += 2) {
        const float u = ((float)(bits_at(m, i) >> 8) + 0.5f) * 0x1p-24f;
        const float angle = (float)(bits_at(m, i + 1) >> 8) * (6.2831853f * 0x1p-24f);
        const float radius = m->bound * sqrtf(-2 * logf(u));
        values[i] = radius * cosf(angle);
        if (i + 1 < end) values[i + 1] = radius * sinf(angle);
    }
}

/* Without widening more than a little at a time. */
static bool stored_finite(const cm_stored *s, size_t begin, size_t end) {
    enum { FEW = 1024 };
    float some[FEW];
    const unsigned char *data = s->data;
    for (size_t i = begin; i < end; i += FEW) {
        const size_t n = end - i < FEW ? end - i : FEW;
        cm_to_float(s->dtype, data + i * cm_dtype_size(s->dtype), n, some);
        if (!all_finite(some, n)) return false;
    }
    return true;
}

static void make_piece(const cm_made_values *m, size_t begin, size_t end, float *values) {
    if (m->normal) {
        fill_normal(m, begin, end, values);
    } else if (m->bound > 0) {
        (cm_cpu_get()->avx2 ? uniform_avx2 : uniform_plain)(m, begin, end, values);
    } else {
        for (size_t i = begin; i < end; i++) values[i] = m->middle;
    }
}

static bool widen_piece(const cm_stored *s, size_t begin, size_t end, float *values) {
    if (!values) return stored_finite(s, begin, end);
    const unsigned char *data = s->data;
    if ((const void *)values != data)
        cm_to_float(s->dtype, data + begin * cm_dtype_size(s->dtype), end - begin, values + begin);
    return all_finite(values + begin, end - begin);
}

static void do_piece(void *arg, size_t piece, int worker) {
    (void)worker;
    piecework *w = arg;
    const size_t begin = piece * PIECE, end = begin + PIECE < w->count ? begin + PIECE : w->count;
    if (w->made) make_piece(w->made, begin, end, w->values);
    else if (!widen_piece(w->stored, begin, end, w->values)) __atomic_store_n(&w->bad, 1, __ATOMIC_RELAXED);
}

static void do_work(piecework *w) {
    const size_t pieces = (w->count + PIECE - 1) / PIECE;
    cm_parallel(pieces > 1 ? cm_threads_available() : 1, pieces, do_piece, w);
}

void cm_values_make(const cm_made_values *m, size_t count, float *values) {
    do_work(&(piecework){.made = m, .values = values, .count = count});
}

bool cm_values_widen(const cm_stored *s, float *values) {
    piecework w = {.stored = s, .values = values, .count = s->count};
    do_work(&w);
    return !w.bad;
}
