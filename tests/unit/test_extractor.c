// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/ops.h"
#include "metrics/extractor.h"

/* A batch in which one picture's features are not finite fails, and says which; the others alone do not. */
Test(extractor, names_the_picture_whose_features_are_not_finite) {
    cm_extractor *e = NULL;
    cm_ctx g;
    size_t width, height;
    cr_assert_eq(cm_extractor_open(&e, "inception", "nano", NULL), CM_OK, "%s", cm_why());
    cm_extractor_size(e, &width, &height);
    const size_t values = width * height * 3, f = cm_extractor_width(e, CM_OUT_FEATURES);
    float *pixels = calloc(3 * values, sizeof *pixels), *features = calloc(3 * f, sizeof *features);
    float *const out[CM_OUTPUTS] = {[CM_OUT_FEATURES] = features};
    cm_ctx_init(&g, cm_backend_find("openblas"), 1);
    for (size_t i = 0; i < values; i++) pixels[values + i] = NAN;
    cr_expect_eq(cm_extractor_run(e, &g, pixels, 3, out), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "picture 1 is not finite"), "%s", cm_why());
    cr_expect_eq(cm_extractor_run(e, &g, pixels, 1, out), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_extractor_run(e, &g, pixels + 2 * values, 1, out), CM_OK, "%s", cm_why());
    cm_ctx_free(&g);
    cm_extractor_close(&e);
    free(pixels);
    free(features);
}
