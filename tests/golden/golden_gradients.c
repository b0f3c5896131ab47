// SPDX-License-Identifier: Apache-2.0
/* Values and gradients of nn.h on every backend, against PyTorch autograd in float64.
 * 1e-4 is what gradients of whole networks must hold; one function in float stays near
 * 1e-6, so 1e-5 here leaves room for other orders of summation only. */
#include <stdio.h>
#include <string.h>

#include "core/tensor/tape.h"
#include "tests/golden/golden.h"
#include "tests/cases/gradient_cases.h"

static cm_tensor *load(cm_ctx *g, cm_safetensors *f, const char *of, const char *name) {
    const cm_stored *s;
    const float *x = golden_floats(f, cm_arena_print(golden_arena(), "%s.%s", of, name), &s);
    return x ? cm_tensor_copy(g, s->ndim, s->shape, x) : NULL;
}

static void compare(const cm_ops *ops, cm_safetensors *f, const float *got, size_t n, const char *of,
                    const char *name) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", of, name);
    const float *want = golden_floats(f, full, NULL);
    golden_near(cm_arena_print(golden_arena(), "%s %s", ops->name, full), got, want, n, golden_limit(ops, 1e-5));
}

static void one_case(cm_ctx *g, cm_safetensors *f, const gradient_case *c) {
    cm_tensor *in[GRADIENT_INPUTS] = {0};
    for (size_t i = 0; i < GRADIENT_INPUTS && c->inputs[i]; i++) {
        in[i] = load(g, f, c->name, c->inputs[i]);
        if (in[i]) in[i]->needs_grad = c->inputs[i][0] != '_';
    }
    cm_tape_open(g);
    cm_tensor *y = c->build(g, in), *dy = load(g, f, c->name, "dy");
    if (y) compare(g->ops, f, y->data, cm_count(y), c->name, "y");
    if (!golden_trains(g->ops)) return;
    cm_tape_backward(g, gradient_against(g, y, dy), 1.0f);
    if (!golden_ok(cm_ctx_check(g), c->name)) return;
    for (size_t i = 0; i < GRADIENT_INPUTS && c->inputs[i]; i++) {
        if (!in[i] || !in[i]->needs_grad) continue;
        char name[64];
        snprintf(name, sizeof name, "grad.%s", c->inputs[i]);
        compare(g->ops, f, in[i]->grad, cm_count(in[i]), c->name, name);
    }
}

GOLDEN(gradients, "gradients") {
    cm_safetensors *f = golden_open("gradients/gradients.safetensors");
    for (const cm_ops *const *ops = cm_backends(); f && *ops; ops++) {
        cm_ctx g;
        cm_ctx_init(&g, *ops, 2);
        for (const gradient_case *c = gradient_cases; c->name; c++) {
            one_case(&g, f, c);
            cm_ctx_reset(&g);
        }
        cm_ctx_free(&g);
    }
    cm_safetensors_close(&f);
}

GOLDEN(timesteps, "gradients/timestep embedding") {
    cm_safetensors *f = golden_open("gradients/gradients.safetensors");
    const float *t = golden_floats(f, "timestep.t", NULL);
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    if (t) {
        const cm_tensor *flip = cm_timestep_embedding(&g, t, 5, 10, true, 0.0f);
        const cm_tensor *plain = cm_timestep_embedding(&g, t, 5, 10, false, 1.0f);
        compare(g.ops, f, flip->data, cm_count(flip), "timestep", "flip");
        compare(g.ops, f, plain->data, cm_count(plain), "timestep", "plain");
    }
    cm_ctx_free(&g);
    cm_safetensors_close(&f);
}
