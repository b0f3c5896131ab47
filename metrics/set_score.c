// SPDX-License-Identifier: Apache-2.0
#include "metrics/set_score.h"

#include <math.h>

void cm_set_value(cm_set_values *out, const char *part, double value) {
    out->parts[out->count++] = (cm_set_part){part, value, (double)NAN};
}

static cm_status side_finite(const float *x, size_t n, size_t width, const char *what) {
    for (size_t i = 0; x && i < n; i++)
        for (size_t k = 0; k < width; k++)
            if (!isfinite(x[i * width + k]))
                return cm_fail(CM_EUNDEFINED, "feature %zu of %s %zu is not finite", k, what, i);
    return CM_OK;
}

cm_status cm_sets_finite(const cm_sets *s) {
    CM_TRY(side_finite(s->x, s->n, s->width, "image"));
    return side_finite(s->y, s->m, s->width, "reference image");
}
