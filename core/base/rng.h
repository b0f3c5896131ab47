// SPDX-License-Identifier: Apache-2.0
/* Random numbers.
 *
 * cm_rng (PCG32-like, small, fast, splittable by name): everything of our own:
 * drawings, initialisation, data order, bootstrap. cm_torch_rng: the numbers of
 * torch.Generator("cpu").manual_seed(s) (MT19937; torch.randn's normal numbers in
 * its two ways: one at a time under 16 values, blocks of 16 from there on), so
 * that a seed means the same image as in diffusers. cm_philox: counter based.
 */
#ifndef CM_CORE_BASE_RNG_H
#define CM_CORE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct cm_rng {
    uint64_t state, stream;
    double spare; /* second normal of a pair */
    int has_spare;
} cm_rng;

cm_rng cm_rng_make(uint64_t seed, uint64_t stream);
/* A generator for (seed, name): independent of order of use. */
cm_rng cm_rng_named(uint64_t seed, const char *name);
uint32_t cm_rng_u32(cm_rng *r);
uint64_t cm_rng_u64(cm_rng *r);
double cm_rng_uniform(cm_rng *r); /* [0,1) */
double cm_rng_range(cm_rng *r, double lo, double hi);
uint32_t cm_rng_below(cm_rng *r, uint32_t n); /* 0..n-1, without bias; n > 0 */
double cm_rng_normal(cm_rng *r);
size_t cm_rng_choose(cm_rng *r, const double *weights, size_t n);
void cm_rng_shuffle(cm_rng *r, size_t *items, size_t n); /* Fisher-Yates */

/* The seed of one item of a run: 63 bits of a hash over (run seed, id). */
uint64_t cm_seed_for(uint64_t run_seed, const char *id);

typedef struct cm_torch_rng {
    uint32_t state[624];
    int at;
    double spare;
    int has_spare;
} cm_torch_rng;

void cm_torch_seed(cm_torch_rng *r, uint64_t seed);
uint32_t cm_torch_u32(cm_torch_rng *r);
void cm_torch_randn(cm_torch_rng *r, float *out, size_t n); /* torch.randn(n, generator=g), float32, CPU */

/* Philox4x32-10 (Salmon et al. 2011): 4 words from (key, counter). */
void cm_philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]);

#endif
