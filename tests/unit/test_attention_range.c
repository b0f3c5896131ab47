// SPDX-License-Identifier: Apache-2.0
/* Attention whose scores grow from block to block of keys beyond any one scale, and values that are not finite. */
#include <criterion/criterion.h>
#include <math.h>

#include "core/base/rng.h"
#include "core/tensor/ops.h"

enum { QUERIES = 70, KEYS = 700, MOST = 80 };

typedef struct side {
    size_t d;
    float q[QUERIES * MOST], k[KEYS * MOST], v[KEYS * MOST], out[QUERIES * MOST];
} side;

static side *make_side(size_t d) {
    side *s = calloc(1, sizeof *s);
    cm_rng rng = cm_rng_make(4, 1);
    s->d = d;
    for (size_t i = 0; i < KEYS * d; i++) s->v[i] = (float)cm_rng_range(&rng, -1, 1);
    /* scores in doublings: whole numbers, which every backend keeps; of some queries they grow, of others they fall */
    for (size_t i = 0; i < KEYS; i++)
        s->k[i * d] = (float)(i / 3 % 4) + (i >= 290 ? 100.0f : 0.0f) + (i >= 640 ? 90.0f : 0.0f);
    for (size_t i = 0; i < QUERIES; i++) s->q[i * d] = i % 3 == 0 ? -1.0f : i % 3 == 1 ? 1.0f : 0.25f;
    return s;
}

static void attend(const cm_ops *ops, side *s) {
    cm_arena scratch;
    cm_arena_init(&scratch, 1 << 20);
    const cm_exec e = {.threads = 2, .scratch = &scratch};
    const cm_attention_shape shape = {.n = 1, .heads = 1, .lq = QUERIES, .lk = KEYS, .d = s->d, .scale = 0.69314718f};
    ops->attention(&e, &shape, s->q, s->k, s->v, s->out, NULL, NULL);
    cr_assert(!scratch.failed);
    cm_arena_free(&scratch);
}

static void compare(const cm_ops *ops, size_t d) {
    side *want = make_side(d), *got = make_side(d);
    attend(cm_ops_ref(), want);
    attend(ops, got);
    const float limit = ops->rounding > 1e-4 ? 0.01f : 1e-4f;
    for (size_t i = 0; i < QUERIES * d; i++)
        cr_assert(fabsf(got->out[i] - want->out[i]) <= limit, "%s, heads of %zu, query %zu: %g instead of %g",
                  ops->name, d, i / d, (double)got->out[i], (double)want->out[i]);
    free(want);
    free(got);
}

static void not_finite(const cm_ops *ops, float bad) {
    side *s = make_side(40);
    s->q[5 * 40 + 39] = bad;
    attend(ops, s);
    cr_expect(isnan(s->out[5 * 40]), "%s: a query with %g gives %g", ops->name, (double)bad, (double)s->out[5 * 40]);
    free(s);
    s = make_side(40);
    s->k[699 * 40 + 20] = bad;
    attend(ops, s);
    cr_expect(isnan(s->out[0]), "%s: a key with %g gives %g", ops->name, (double)bad, (double)s->out[0]);
    free(s);
}

Test(attention_range, grows) {
    const size_t widths[] = {8, 40, 64, 80};
    for (size_t i = 0; i < 4; i++) {
        compare(cm_ops_f32(), widths[i]);
        compare(cm_ops_bf16x3(), widths[i]);
        compare(cm_ops_bf16(), widths[i]);
    }
}

Test(attention_range, not_finite) {
    not_finite(cm_ops_bf16x3(), NAN);
    not_finite(cm_ops_bf16(), NAN);
    not_finite(cm_ops_bf16(), INFINITY);
}
