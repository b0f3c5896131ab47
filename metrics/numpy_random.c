// SPDX-License-Identifier: Apache-2.0
#include "metrics/numpy_random.h"

enum { N = 624, M = 397 };

void cm_numpy_seed(cm_numpy_random *r, uint32_t seed) {
    r->state[0] = seed;
    for (uint32_t i = 1; i < N; i++) r->state[i] = 1812433253u * (r->state[i - 1] ^ r->state[i - 1] >> 30) + i;
    r->at = N;
}

static void refill(cm_numpy_random *r) {
    uint32_t *s = r->state;
    for (size_t i = 0; i < N; i++) {
        const uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
        s[i] = s[(i + M) % N] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    r->at = 0;
}

uint32_t cm_numpy_next(cm_numpy_random *r) {
    if (r->at == N) refill(r);
    uint32_t y = r->state[r->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* Even in [0, most]. */
static uint32_t below(cm_numpy_random *r, uint32_t most) {
    uint32_t mask = most, v;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    do v = cm_numpy_next(r) & mask;
    while (v > most);
    return v;
}

void cm_numpy_permutation(cm_numpy_random *r, size_t n, size_t *out) {
    for (size_t i = 0; i < n; i++) out[i] = i;
    for (size_t i = n; i-- > 1;) {
        const size_t j = below(r, (uint32_t)i), t = out[i];
        out[i] = out[j];
        out[j] = t;
    }
}
