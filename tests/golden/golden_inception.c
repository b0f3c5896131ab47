// SPDX-License-Identifier: Apache-2.0
/* Inception v3 at full size against pytorch-fid, torch-fidelity and torchvision, on random weights that both sides take
 * from the same seed. 1e-4 relative L2 is ARCHITECTURE.md's limit; the difference of two pictures' features, a
 * hundredth of them with such weights, is held to as much. */
#include "core/networks/inception.h"
#include "tests/golden/golden.h"

enum { SEED = 7, SIDE = CM_INCEPTION_SIDE, PICTURES = 2 };
static const double f32_limit = 1e-4;

/* The formula of inception/make.py */
static int byte_of(size_t picture, int y, int x, int c) {
    if (picture == 0) return (x * x * 3 + y * y * 2 + x * y + c * 4001) / 512 % 256;
    return (x * 7 + y * x / 16 + c * 40) % 256 / 2 + 64 * ((x / 37 + y / 41 + c) % 3);
}

static cm_tensor *pictures(cm_ctx *g, size_t count) {
    cm_tensor *p = cm_tensor_new(g, CM_SHAPE(count, SIDE, SIDE, 3));
    float *to = p ? p->data : NULL;
    for (size_t n = 0; to && n < count; n++)
        for (int i = 0; i < SIDE * SIDE * 3; i++)
            *to++ = ((float)byte_of(n, i / 3 / SIDE, i / 3 % SIDE, i % 3) - 128.0f) / 128.0f;
    return p;
}

static void near(const char *name, cm_safetensors *f, const cm_ops *ops, const cm_tensor *got) {
    const cm_stored *stored;
    const float *want = golden_floats(f, name, &stored);
    const size_t n = got ? cm_count(got) : 0;
    if (!want || !golden_that(got && n <= stored->count, "%s: number of values", name)) return;
    golden_near(cm_arena_print(golden_arena(), "%s: %s", ops->name, name), got->data, want, n,
                golden_limit(ops, f32_limit));
    if (n < stored->count || n % 2) return;
    float *a = CM_PUSH(golden_arena(), float, n / 2), *b = CM_PUSH(golden_arena(), float, n / 2);
    for (size_t i = 0; a && b && i < n / 2; i++) {
        a[i] = got->data[i + n / 2] - got->data[i];
        b[i] = want[i + n / 2] - want[i];
    }
    /* bf16 alone rounds more than pictures differ */
    if (ops->rounding < 1e-3)
        golden_near(cm_arena_print(golden_arena(), "%s: %s, differences", ops->name, name), a, b, n / 2,
                    10 * f32_limit);
}

static void run(cm_inception_kind kind, cm_safetensors *f, const cm_ops *ops, cm_params *p) {
    const bool slow = ops == cm_ops_ref(); /* a second a picture */
    cm_ctx g;
    cm_inception *n = NULL;
    cm_inception_out o;
    cm_ctx_init(&g, ops, 2);
    if (golden_ok(cm_inception_build(&n, kind, p, golden_arena()), "build")) {
        cm_params_freeze(p);
        cm_inception_forward(&g, n, pictures(&g, slow ? 1 : PICTURES), kind == CM_INCEPTION_FID ? 15 : 9, &o);
        if (golden_ok(cm_ctx_check(&g), ops->name) && kind == CM_INCEPTION_FID) {
            near("pytorch_fid.pool", f, ops, o.pool);
            near("pytorch_fid.spatial", f, ops, o.spatial);
            near("pytorch_fid.logits", f, ops, o.logits);
            near("torch_fidelity.2048", f, ops, o.pool);
            near("torch_fidelity.logits_unbiased", f, ops, o.logits_unbiased);
        } else if (kind == CM_INCEPTION_TORCHVISION) {
            near("torchvision.pool", f, ops, o.pool);
            near("torchvision.logits", f, ops, o.logits);
        }
    }
    cm_ctx_free(&g);
}

static void each_backend(cm_inception_kind kind) {
    cm_safetensors *f = golden_open("inception/values.safetensors");
    for (const cm_ops *const *ops = cm_backends(); f && *ops; ops++) {
        cm_params *p;
        if (!golden_ok(cm_params_create(&p, SEED), "weights")) continue;
        run(kind, f, *ops, p);
        cm_params_close(&p);
    }
    cm_safetensors_close(&f);
}

GOLDEN(inception_fid, "inception/fid") {
    each_backend(CM_INCEPTION_FID);
}
GOLDEN(inception_torchvision, "inception/torchvision") {
    each_backend(CM_INCEPTION_TORCHVISION);
}
