// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/train_golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

cm_safetensors *train_golden(const char *name) {
    char path[512];
    cm_safetensors *f;
    snprintf(path, sizeof path, "%s/golden/train/%s.safetensors", CM_TESTS_DIR, name);
    cr_assert_eq(cm_safetensors_open(&f, path), CM_OK, "%s", cm_why());
    return f;
}

const void *golden_values(const cm_safetensors *f, const char *name) {
    const cm_stored *s = cm_safetensors_find(f, name);
    cr_assert(s, "golden has no %s", name);
    return s->data;
}

double relative_error(const float *got, const float *want, size_t n) {
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += pow((double)got[i] - (double)want[i], 2);
        size += pow((double)want[i], 2);
    }
    return sqrt(error / size);
}
