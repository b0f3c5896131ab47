// SPDX-License-Identifier: Apache-2.0
/* DINOv2 against transformers in float64, on every backend, and its stretched positions against the official arguments
 * of torch's interpolate. */
#include "core/networks/dinov2.h"
#include "tests/golden/golden.h"

static void features(const char *name, const char *file, size_t size, const cm_ops *ops, cm_safetensors *values) {
    cm_dinov2 *n = NULL;
    cm_ctx g;
    const cm_stored *stored;
    const char *what = cm_arena_print(golden_arena(), "%s.%zu", name, size);
    const float *pixels = golden_floats(values, cm_arena_print(golden_arena(), "pixels.%s", what), &stored);
    const float *want = golden_floats(values, cm_arena_print(golden_arena(), "features.%s", what), NULL);
    const cm_dinov2_options o = {.size = size};
    if (!pixels || !want || !golden_ok(cm_dinov2_open(&n, golden_path(file), &o), file)) return;
    const cm_dinov2_info *i = cm_dinov2_get_info(n);
    golden_that(i->width == size && i->height == size, "%s: picture size", what);
    float *got = CM_PUSH(golden_arena(), float, stored->shape[0] * i->features);
    cm_ctx_init(&g, ops, 2);
    if (golden_ok(cm_dinov2_images(n, &g, pixels, stored->shape[0], got), what))
        golden_near(cm_arena_print(golden_arena(), "%s on %s", what, ops->name), got, want,
                    stored->shape[0] * i->features, golden_limit(ops, 1e-4));
    cm_ctx_free(&g);
    cm_dinov2_close(&n);
}

GOLDEN(dinov2, "dinov2") {
    static const struct {
        const char *name, *file;
        size_t size;
    } cases[] = {{"plain", "dinov2/plain", 28},           {"plain", "dinov2/plain", 21},
                 {"registers", "dinov2/registers", 28},   {"registers", "dinov2/registers", 14},
                 {"facebook", "dinov2/facebook.pth", 20}, {"facebook", "dinov2/facebook.pth", 12}};
    cm_safetensors *values = golden_open("dinov2/values.safetensors");
    for (const cm_ops *const *ops = cm_backends(); values && *ops; ops++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            features(cases[i].name, cases[i].file, cases[i].size, *ops, values);
    cm_safetensors_close(&values);
}

GOLDEN(dinov2_positions, "dinov2/positions") {
    enum { FROM = 37, C = 1 };
    static const size_t sides[] = {16, 39};
    cm_safetensors *values = golden_open("dinov2/values.safetensors");
    const float *from = golden_floats(values, "from", NULL);
    for (size_t i = 0; from && i < 4; i++) {
        const size_t side = sides[i / 2], n = side * side * C;
        const char *name = cm_arena_print(golden_arena(), "%s.%zu", i % 2 ? "registers" : "plain", side);
        float *got = CM_PUSH(golden_arena(), float, n);
        const float *want = golden_floats(values, name, NULL);
        if (want && golden_ok(cm_dinov2_stretch(from, FROM, side, C, i % 2, golden_arena(), got), name))
            golden_near(name, got, want, n, 1e-6);
    }
    cm_safetensors_close(&values);
}
