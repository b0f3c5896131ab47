// SPDX-License-Identifier: Apache-2.0
#include "core/labels/regions.h"

#include <string.h>

void cm_region_classes(uint32_t classes, bool chosen[256]) {
    memset(chosen, 0, 256 * sizeof *chosen);
    for (size_t c = 0; c < CM_CLASSES; c++) chosen[c] = classes >> c & 1;
}

/* Sample positions of torch's bilinear resize. */
static void position(size_t i, size_t from, size_t to, size_t *a, size_t *b, float *t) {
    float x = ((float)i + 0.5f) * (float)from / (float)to - 0.5f;
    if (x < 0) x = 0;
    *a = (size_t)x;
    *b = *a + 1 < from ? *a + 1 : *a;
    *t = x - (float)*a;
}

static void bilinear(const uint8_t *map, size_t height, size_t width, const bool *chosen, size_t out_height,
                     size_t out_width, float *out) {
    for (size_t y = 0; y < out_height; y++) {
        size_t y0, y1, x0, x1;
        float ty, tx;
        position(y, height, out_height, &y0, &y1, &ty);
        for (size_t x = 0; x < out_width; x++) {
            position(x, width, out_width, &x0, &x1, &tx);
            const float a = chosen[map[y0 * width + x0]], b = chosen[map[y0 * width + x1]];
            const float c = chosen[map[y1 * width + x0]], d = chosen[map[y1 * width + x1]];
            out[y * out_width + x] = (1 - ty) * ((1 - tx) * a + tx * b) + ty * ((1 - tx) * c + tx * d);
        }
    }
}

/* How much of pixel i, [i, i+1), lies in cell c of `cells` that `pixels` pixels make, in parts of a pixel times cells.
 */
static size_t shared(size_t i, size_t c, size_t pixels, size_t cells) {
    const size_t from = i * cells > c * pixels ? i * cells : c * pixels;
    const size_t to = (i + 1) * cells < (c + 1) * pixels ? (i + 1) * cells : (c + 1) * pixels;
    return to > from ? to - from : 0;
}

/* In whole numbers, so that a cell that lies in the region is exactly 1. */
static float cell_share(const uint8_t *map, size_t height, size_t width, const bool *chosen, size_t out_height,
                        size_t out_width, size_t y, size_t x) {
    size_t inside = 0;
    for (size_t i = y * height / out_height; i < height && i * out_height < (y + 1) * height; i++) {
        size_t line = 0;
        for (size_t j = x * width / out_width; j < width && j * out_width < (x + 1) * width; j++)
            if (chosen[map[i * width + j]]) line += shared(j, x, width, out_width);
        inside += line * shared(i, y, height, out_height);
    }
    return (float)((double)inside / ((double)height * (double)width));
}

void cm_region_at(cm_region_rule rule, const uint8_t *map, size_t height, size_t width, const bool chosen[256],
                  size_t out_height, size_t out_width, float *out) {
    if (rule == CM_REGION_BILINEAR) {
        bilinear(map, height, width, chosen, out_height, out_width, out);
        return;
    }
    for (size_t y = 0; y < out_height; y++)
        for (size_t x = 0; x < out_width; x++)
            out[y * out_width + x] = cell_share(map, height, width, chosen, out_height, out_width, y, x);
}
