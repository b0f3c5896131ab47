// SPDX-License-Identifier: Apache-2.0
/* Every function's gradient against differences of its own values on ref.
 *
 * L = sum of y dy is summed here in double, but y is stored in float: L carries an error
 * of about 6e-8 times |y||dy|, some 1e-6. Four points h apart (h = 0.02) cancel the step's
 * error up to h^4 L'''''/30, about 5e-9 L''''', and leave the storage error over h:
 * about 5e-5. So 1e-3 of the whole gradient's length holds with room, and any wrong
 * factor, sign, index or missing term is far outside it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "core/tensor/tape.h"
#include "tests/cases/gradient_cases.h"

static const float step = 0.02f;

static cm_tensor *load(cm_ctx *g, cm_safetensors *f, const char *of, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", of, name);
    const cm_stored *s = cm_safetensors_find(f, full);
    cr_assert(s, "%s is not in the file", full);
    cm_tensor *x = cm_tensor_new(g, s->ndim, s->shape);
    cm_to_float(s->dtype, s->data, s->count, x->data);
    return x;
}

static double value(cm_ctx *g, const gradient_case *c, cm_tensor **in, const cm_tensor *dy) {
    const cm_tensor *y = c->build(g, in);
    cr_assert(y, "%s", g->why);
    double sum = 0.0;
    for (size_t i = 0; i < cm_count(y); i++) sum += (double)y->data[i] * dy->data[i];
    return sum;
}

static double slope(cm_ctx *g, const gradient_case *c, cm_tensor **in, const cm_tensor *dy, float *at) {
    const float kept = *at;
    double l[2], h[2];
    for (int k = 0; k < 2; k++) {
        const float up = kept + (float)(k + 1) * step, down = kept - (float)(k + 1) * step;
        *at = up;
        l[k] = value(g, c, in, dy);
        *at = down;
        l[k] -= value(g, c, in, dy);
        h[k] = (double)up - down;
    }
    *at = kept;
    return (4.0 * l[0] / h[0] - l[1] / h[1]) / 3.0;
}

static void check(cm_ctx *g, cm_safetensors *f, const gradient_case *c) {
    cm_tensor *in[GRADIENT_INPUTS] = {0};
    for (size_t i = 0; i < GRADIENT_INPUTS && c->inputs[i]; i++) {
        in[i] = load(g, f, c->name, c->inputs[i]);
        in[i]->needs_grad = c->inputs[i][0] != '_';
    }
    cm_tensor *dy = load(g, f, c->name, "dy");
    cm_tape_open(g);
    cm_tape_backward(g, gradient_against(g, c->build(g, in), dy), 1.0f);
    g->tape = NULL;
    for (size_t i = 0; i < GRADIENT_INPUTS && in[i]; i++) {
        double difference = 0.0, size = 0.0;
        for (size_t k = 0; in[i]->needs_grad && k < cm_count(in[i]); k++) {
            const double want = slope(g, c, in, dy, in[i]->data + k), d = in[i]->grad[k] - want;
            difference += d * d;
            size += want * want;
        }
        cr_expect(sqrt(difference) <= 1e-3 * sqrt(size), "%s, by %s: %.2e of %.2e", c->name, c->inputs[i],
                  sqrt(difference), sqrt(size));
    }
    cr_expect_eq(cm_ctx_check(g), CM_OK);
}

Test(gradients, of_every_function_are_its_differences) {
    cm_safetensors *f = NULL;
    cr_assert_eq(cm_safetensors_open(&f, CM_TESTS_DIR "/golden/gradients/gradients.safetensors"), CM_OK, "%s",
                 cm_why());
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    for (const gradient_case *c = gradient_cases; c->name; c++) {
        if (!c->kinked) check(&g, f, c);
        cm_ctx_reset(&g);
    }
    cm_ctx_free(&g);
    cm_safetensors_close(&f);
}
