// SPDX-License-Identifier: Apache-2.0
/* What lies in each region of an image: areas, and mean, spread and peak of values, by soft maps of the regions. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/tensor/nn_parts.h"

static const float doubt = 1e-4f;    /* share of the image that every region has more, of value 0 */
static const float faint = 1e-3f;    /* below it a map's pixel is no place for a peak */
static const float flatness = 1e-3f; /* added to variances: the square root's slope stays below 16 */

typedef struct region_node {
    cm_tensor *maps, *x, *y, *sums; /* sums [n,R]: each region's weight, `doubt` included */
    uint32_t *peaks;                /* [n,R,C]: the pixel of each peak, or NOWHERE */
} region_node;

static const uint32_t NOWHERE = UINT32_MAX;

/* Sums of each map of one image [pixels,R], and `doubt`. */
static void sum_maps(const float *maps, size_t pixels, size_t regions, float *sums) {
    for (size_t r = 0; r < regions; r++) sums[r] = doubt * (float)pixels;
    for (size_t p = 0; p < pixels; p++)
        for (size_t r = 0; r < regions; r++) sums[r] += maps[p * regions + r];
}

/* Peaks of one image, last in each region's row of y: the largest map times value, 0 where none is above it. */
static void find_peaks(const float *maps, const float *x, size_t pixels, size_t regions, size_t c, float *y,
                       uint32_t *peaks) {
    for (size_t r = 0; r < regions; r++)
        for (size_t k = 0; k < c; k++) y[r * 3 * c + 2 * c + k] = 0, peaks[r * c + k] = NOWHERE;
    for (size_t p = 0; p < pixels; p++)
        for (size_t r = 0; r < regions; r++) {
            const float map = maps[p * regions + r];
            float *peak = y + r * 3 * c + 2 * c;
            if (map < faint) continue;
            for (size_t k = 0; k < c; k++)
                if (map * x[p * c + k] > peak[k]) peak[k] = map * x[p * c + k], peaks[r * c + k] = (uint32_t)p;
        }
}

/* y [R,3C] of one image; squares [pixels,C] and moments [R,C] are room. */
static void pool_image(cm_ctx *g, const region_node *n, size_t image, float *squares, float *moments) {
    const size_t regions = n->maps->shape[3], c = n->x->shape[3], pixels = n->x->shape[1] * n->x->shape[2];
    const float *maps = n->maps->data + image * pixels * regions, *x = n->x->data + image * pixels * c;
    float *y = n->y->data + image * regions * 3 * c, *sums = n->sums->data + image * regions;
    const cm_exec e = cm_exec_of(g);
    sum_maps(maps, pixels, regions, sums);
    for (size_t i = 0; i < pixels * c; i++) squares[i] = x[i] * x[i];
    g->ops->gemm(&e, true, false, regions, c, pixels, 1.0f, maps, regions, x, c, 0.0f, y, 3 * c);
    g->ops->gemm(&e, true, false, regions, c, pixels, 1.0f, maps, regions, squares, c, 0.0f, moments, c);
    for (size_t r = 0; r < regions; r++)
        for (size_t k = 0; k < c; k++) {
            const float mean = y[r * 3 * c + k] / sums[r], variance = moments[r * c + k] / sums[r] - mean * mean;
            y[r * 3 * c + k] = mean;
            y[r * 3 * c + c + k] = sqrtf(fmaxf(variance, 0) + flatness);
        }
    find_peaks(maps, x, pixels, regions, c, y, n->peaks + image * regions * c);
}

/* With q = map / sum:  d mean / d x = q,  d spread / d x = q (x - mean) / spread. So a pixel's gradient is
 * sum over regions of map (a + x b), b = ds / (spread sum), a = (dm - ds mean / spread) / sum. */
static void image_back(cm_ctx *g, const region_node *n, size_t image, const float *dy, float *dx, float *a, float *b,
                       float *room) {
    const size_t regions = n->maps->shape[3], c = n->x->shape[3], pixels = n->x->shape[1] * n->x->shape[2];
    const float *maps = n->maps->data + image * pixels * regions, *x = n->x->data + image * pixels * c;
    const float *y = n->y->data + image * regions * 3 * c, *sums = n->sums->data + image * regions;
    const cm_exec e = cm_exec_of(g);
    for (size_t r = 0; r < regions; r++)
        for (size_t k = 0; k < c; k++) {
            const size_t mean = r * 3 * c + k, spread = mean + c;
            b[r * c + k] = dy[spread] / (y[spread] * sums[r]);
            a[r * c + k] = dy[mean] / sums[r] - b[r * c + k] * y[mean];
        }
    g->ops->gemm(&e, false, false, pixels, c, regions, 1.0f, maps, regions, a, c, 1.0f, dx, c);
    g->ops->gemm(&e, false, false, pixels, c, regions, 1.0f, maps, regions, b, c, 0.0f, room, c);
    for (size_t i = 0; i < pixels * c; i++) dx[i] += x[i] * room[i];
    for (size_t i = 0; i < regions * c; i++) { /* a peak's gradient goes to its pixel */
        const uint32_t p = n->peaks[image * regions * c + i];
        if (p != NOWHERE) dx[p * c + i % c] += maps[p * regions + i / c] * dy[i / c * 3 * c + 2 * c + i % c];
    }
}

static void region_back(cm_ctx *g, void *arg) {
    const region_node *n = arg;
    const float *dy = cm_flowed(n->y);
    const size_t regions = n->maps->shape[3], c = n->x->shape[3], pixels = n->x->shape[1] * n->x->shape[2];
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    if (!dx) return;
    cm_tensor *slopes = cm_tensor_new(g, CM_SHAPE(2, regions, c)), *room = cm_tensor_new(g, CM_SHAPE(pixels, c));
    for (size_t i = 0; slopes && room && i < n->x->shape[0]; i++)
        image_back(g, n, i, dy + i * regions * 3 * c, dx + i * pixels * c, slopes->data, slopes->data + regions * c,
                   room->data);
    cm_drop(g, slopes);
    cm_drop(g, room);
}

cm_tensor *cm_region_pool(cm_ctx *g, cm_tensor *maps, cm_tensor *x) {
    if (!maps || !x) return NULL;
    assert(maps->ndim == 4 && x->ndim == 4 && memcmp(maps->shape, x->shape, 3 * sizeof(size_t)) == 0);
    const size_t images = x->shape[0], regions = maps->shape[3], c = x->shape[3], pixels = x->shape[1] * x->shape[2];
    const region_node n = {maps, x, cm_tensor_new(g, CM_SHAPE(images, regions, 3 * c)),
                           cm_tensor_new(g, CM_SHAPE(images, regions)),
                           cm_ctx_push(g, images * regions * c * sizeof(uint32_t))};
    cm_tensor *squares = cm_tensor_new(g, CM_SHAPE(pixels, c)), *moments = cm_tensor_new(g, CM_SHAPE(regions, c));
    for (size_t i = 0; squares && moments && n.y && n.sums && n.peaks && i < images; i++)
        pool_image(g, &n, i, squares->data, moments->data);
    cm_drop(g, squares);
    cm_drop(g, moments);
    cm_tensor *y = cm_node(g, n.y, region_back, &n, sizeof n, CM_INPUTS(x, maps, n.sums));
    cm_drop(g, n.sums);
    return y;
}

cm_tensor *cm_region_areas(cm_ctx *g, const cm_tensor *maps) {
    if (!maps) return NULL;
    assert(maps->ndim == 4);
    const size_t regions = maps->shape[3], pixels = maps->shape[1] * maps->shape[2];
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(maps->shape[0], regions, 1));
    for (size_t i = 0; y && i < maps->shape[0]; i++) {
        float *areas = y->data + i * regions;
        sum_maps(maps->data + i * pixels * regions, pixels, regions, areas);
        for (size_t r = 0; r < regions; r++) areas[r] = logf(areas[r] / (doubt * (float)pixels));
    }
    return y;
}
