// SPDX-License-Identifier: Apache-2.0
#include "core/base/rng.h"

#include <math.h>
#include <string.h>

static const double TWO_PI = 6.283185307179586476925;

/* The finaliser of SplitMix64 (Steele et al. 2014): spreads every input bit over the word. */
static uint64_t mix64(uint64_t x) {
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t hash_text(uint64_t seed, const char *text) {
    uint64_t h = mix64(seed + UINT64_C(0x9e3779b97f4a7c15));
    for (; *text; text++) h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3); /* FNV-1a's step */
    return mix64(h);
}

/* PCG-XSH-RR 64/32 (O'Neill 2014). */
cm_rng cm_rng_make(uint64_t seed, uint64_t stream) {
    cm_rng r = {.stream = stream << 1 | 1};
    cm_rng_u32(&r);
    r.state += seed;
    cm_rng_u32(&r);
    return r;
}

cm_rng cm_rng_named(uint64_t seed, const char *name) {
    const uint64_t h = hash_text(seed, name);
    return cm_rng_make(h, mix64(h ^ seed));
}

uint32_t cm_rng_u32(cm_rng *r) {
    const uint64_t old = r->state;
    r->state = old * UINT64_C(6364136223846793005) + r->stream;
    const uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27);
    const uint32_t turn = (uint32_t)(old >> 59);
    return x >> turn | x << (-turn & 31);
}

uint64_t cm_rng_u64(cm_rng *r) {
    const uint64_t high = cm_rng_u32(r);
    return high << 32 | cm_rng_u32(r);
}

double cm_rng_uniform(cm_rng *r) {
    return (double)(cm_rng_u64(r) >> 11) * 0x1p-53;
}

double cm_rng_range(cm_rng *r, double lo, double hi) {
    return lo + (hi - lo) * cm_rng_uniform(r);
}

/* Lemire 2019: the high word of a product, drawing again where the low word would bias it. */
uint32_t cm_rng_below(cm_rng *r, uint32_t n) {
    uint64_t m = (uint64_t)cm_rng_u32(r) * n;
    if ((uint32_t)m < n) {
        const uint32_t reject = -n % n;
        while ((uint32_t)m < reject) m = (uint64_t)cm_rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

double cm_rng_normal(cm_rng *r) {
    if (r->has_spare) {
        r->has_spare = 0;
        return r->spare;
    }
    const double radius = sqrt(-2 * log1p(-cm_rng_uniform(r)));
    const double angle = TWO_PI * cm_rng_uniform(r);
    r->spare = radius * sin(angle);
    r->has_spare = 1;
    return radius * cos(angle);
}

/* Weights need not sum to one. Rounding at the end of the sum falls to the last item with weight. */
size_t cm_rng_choose(cm_rng *r, const double *weights, size_t n) {
    double total = 0;
    for (size_t i = 0; i < n; i++) total += weights[i];
    double at = cm_rng_uniform(r) * total;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] <= 0) continue;
        last = i;
        if (at < weights[i]) return i;
        at -= weights[i];
    }
    return last;
}

void cm_rng_shuffle(cm_rng *r, size_t *items, size_t n) {
    for (size_t i = n; i > 1; i--) {
        const size_t j = i <= UINT32_MAX ? cm_rng_below(r, (uint32_t)i) : (size_t)(cm_rng_u64(r) % i);
        const size_t keep = items[i - 1];
        items[i - 1] = items[j];
        items[j] = keep;
    }
}

uint64_t cm_seed_for(uint64_t run_seed, const char *id) {
    return hash_text(run_seed, id) >> 1;
}

enum { MT_N = 624, MT_M = 397 };

/* Only the low 32 bits of a seed count in PyTorch's CPU generator. */
void cm_torch_seed(cm_torch_rng *r, uint64_t seed) {
    r->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < MT_N; i++) {
        r->state[i] = UINT32_C(1812433253) * (r->state[i - 1] ^ r->state[i - 1] >> 30) + i;
    }
    r->at = MT_N;
    r->spare = 0;
    r->has_spare = 0;
}

static uint32_t mt_twist(uint32_t high, uint32_t low, uint32_t far) {
    const uint32_t y = (high & UINT32_C(0x80000000)) | (low & UINT32_C(0x7fffffff));
    return far ^ y >> 1 ^ (low & 1 ? UINT32_C(0x9908b0df) : 0);
}

static void mt_refill(uint32_t *s) {
    for (int i = 0; i < MT_N - MT_M; i++) s[i] = mt_twist(s[i], s[i + 1], s[i + MT_M]);
    for (int i = MT_N - MT_M; i < MT_N - 1; i++) s[i] = mt_twist(s[i], s[i + 1], s[i + MT_M - MT_N]);
    s[MT_N - 1] = mt_twist(s[MT_N - 1], s[0], s[MT_M - 1]);
}

uint32_t cm_torch_u32(cm_torch_rng *r) {
    if (r->at >= MT_N) {
        mt_refill(r->state);
        r->at = 0;
    }
    uint32_t y = r->state[r->at++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9d2c5680);
    y ^= y << 15 & UINT32_C(0xefc60000);
    return y ^ y >> 18;
}

static double torch_double(cm_torch_rng *r) {
    const uint64_t high = cm_torch_u32(r);
    const uint64_t both = high << 32 | cm_torch_u32(r);
    return (double)(both & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

static float torch_float(cm_torch_rng *r) {
    return (float)(cm_torch_u32(r) & 0xffffff) * 0x1p-24f;
}

/* Fewer than 16 values: Box-Muller in double, the second normal kept for the next call. */
static float torch_normal(cm_torch_rng *r) {
    if (r->has_spare) {
        r->has_spare = 0;
        return (float)r->spare;
    }
    const double angle = TWO_PI * torch_double(r);
    const double radius = sqrt(-2 * log1p(-torch_double(r)));
    r->spare = radius * sin(angle);
    r->has_spare = 1;
    return (float)(radius * cos(angle));
}

/* 16 uniforms become 16 normals: radii from the first eight, angles from the others. */
static void normals_of_16(float *x) {
    for (int i = 0; i < 8; i++) {
        const float radius = sqrtf(-2 * logf(1 - x[i]));
        const float angle = (float)TWO_PI * x[i + 8];
        x[i] = radius * cosf(angle);
        x[i + 8] = radius * sinf(angle);
    }
}

void cm_torch_randn(cm_torch_rng *r, float *out, size_t n) {
    if (n < 16) {
        for (size_t i = 0; i < n; i++) out[i] = torch_normal(r);
        return;
    }
    for (size_t i = 0; i < n; i++) out[i] = torch_float(r);
    for (size_t i = 0; i + 16 <= n; i += 16) normals_of_16(out + i);
    if (n % 16 == 0) return;
    float *tail = out + n - 16; /* drawn afresh, its overlap with the last whole block included */
    for (int i = 0; i < 16; i++) tail[i] = torch_float(r);
    normals_of_16(tail);
}

void cm_philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]) {
    uint32_t c[4] = {(uint32_t)counter_lo, (uint32_t)(counter_lo >> 32), (uint32_t)counter_hi,
                     (uint32_t)(counter_hi >> 32)};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)UINT32_C(0xd2511f53) * c[0];
        const uint64_t b = (uint64_t)UINT32_C(0xcd9e8d57) * c[2];
        const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k1,
                                  (uint32_t)a};
        memcpy(c, next, sizeof c);
        k0 += UINT32_C(0x9e3779b9);
        k1 += UINT32_C(0xbb67ae85);
    }
    memcpy(out, c, sizeof c);
}
