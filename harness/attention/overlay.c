// SPDX-License-Identifier: Apache-2.0
#include "harness/attention/overlay.h"

#include <math.h>

enum { SCALE = 2 };

/* Dark violet over orange to pale yellow: brightness grows all the way, so it prints in grey. */
static void heat(double v, double rgb[3]) {
    static const double stops[4][3] = {{20, 11, 53}, {148, 44, 128}, {246, 130, 76}, {252, 253, 191}};
    const double at = fmin(fmax(v, 0), 1) * 3;
    const size_t i = at >= 3 ? 2 : (size_t)at;
    for (size_t c = 0; c < 3; c++) rgb[c] = stops[i][c] + (at - (double)i) * (stops[i + 1][c] - stops[i][c]);
}

cm_status cm_overlay(const cm_image *picture, const double *map, size_t height, size_t width, cm_arena *out,
                     cm_image *overlay) {
    const size_t w = picture->width * SCALE, h = picture->height * SCALE;
    cm_image large;
    float *cells = CM_PUSH(out, float, height *width), *fine = CM_PUSH(out, float, w *h);
    CM_TRY(cm_arena_check(out));
    double most = 0;
    for (size_t i = 0; i < height * width; i++) most = fmax(most, map[i]);
    for (size_t i = 0; i < height * width; i++) cells[i] = (float)(most > 0 ? map[i] / most : 0);
    CM_TRY(cm_resize_float(cells, height, width, 1, h, w, CM_BICUBIC, out, fine));
    CM_TRY(cm_image_resize(picture, w, h, CM_BICUBIC, out, &large));
    for (size_t i = 0; i < w * h; i++) {
        const double strength = 0.25 + 0.5 * fmin(fmax((double)fine[i], 0), 1);
        double rgb[3];
        heat((double)fine[i], rgb);
        for (size_t c = 0; c < 3; c++) {
            const double under = large.pixels[i * 3 + c];
            large.pixels[i * 3 + c] = (uint8_t)(under + strength * (rgb[c] - under) + 0.5);
        }
    }
    *overlay = large;
    return CM_OK;
}
