// SPDX-License-Identifier: Apache-2.0
#include "metrics/refocus.h"

#include <math.h>
#include <string.h>

enum { MAX_SIZES = 8 };

/* All maps of one size, pooled over layers, heads and steps: per cell and channel, channels in order of
 * groups, a group's tokens then its mean. */
typedef struct pool {
    size_t height, width, maps;
    double *sum, *squares; /* [height*width, channels] */
} pool;

struct cm_refocus {
    cm_arena *arena;
    const cm_token_span *spans;
    size_t groups, channels, factor, cells; /* cells: height*width watched; 0 with factor 0 */
    pool pools[MAX_SIZES];
    size_t pool_count;
    cm_attention_observer observer;
};

static bool wants(void *arg, const cm_attention_site *site) {
    const cm_refocus *r = arg;
    return r->factor == 0 || site->height * site->width == r->cells;
}

static pool *pool_for(cm_refocus *r, size_t height, size_t width) {
    for (size_t i = 0; i < r->pool_count; i++)
        if (r->pools[i].height == height && r->pools[i].width == width) return &r->pools[i];
    if (r->pool_count == MAX_SIZES) return NULL;
    pool *p = &r->pools[r->pool_count];
    const size_t values = height * width * r->channels;
    *p = (pool){height, width, 0, CM_PUSH_ZERO(r->arena, double, values), CM_PUSH_ZERO(r->arena, double, values)};
    if (!p->sum || !p->squares) return NULL; /* the arena's failure is sticky and found by score */
    r->pool_count++;
    return p;
}

static void note(double m, double *sum, double *squares) {
    *sum += m;
    *squares += m * m;
}

/* One cell of one head: row over keys. */
static void add_cell(const cm_refocus *r, const float *row, double *sum, double *squares) {
    size_t c = 0;
    for (size_t g = 0; g < r->groups; g++) {
        double total = 0;
        for (size_t j = r->spans[g].begin; j < r->spans[g].end; j++, c++) {
            note((double)row[j], &sum[c], &squares[c]);
            total += (double)row[j];
        }
        note(total / (double)(r->spans[g].end - r->spans[g].begin), &sum[c], &squares[c]);
        c++;
    }
}

/* probs [n,heads,h*w,keys]: with guidance the prompt is the last of the batch. */
static void give(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    cm_refocus *r = arg;
    pool *p = pool_for(r, site->height, site->width);
    if (!p || !probs) return;
    const size_t cells = site->height * site->width;
    const float *at = probs->data + (site->n - 1) * site->heads * cells * site->keys;
    for (size_t head = 0; head < site->heads; head++)
        for (size_t i = 0; i < cells; i++, at += site->keys)
            add_cell(r, at, p->sum + i * r->channels, p->squares + i * r->channels);
    p->maps += site->heads;
}

cm_status cm_refocus_begin(cm_arena *arena, const cm_token_span *spans, size_t count, size_t factor,
                           size_t pixel_height, size_t pixel_width, cm_refocus **out) {
    cm_refocus *r = CM_PUSH_ZERO(arena, cm_refocus, 1);
    cm_token_span *copy = CM_PUSH(arena, cm_token_span, count + 1);
    CM_TRY(cm_arena_check(arena));
    if (count) memcpy(copy, spans, count * sizeof *copy);
    *r = (cm_refocus){.arena = arena, .spans = copy, .groups = count, .factor = factor};
    for (size_t g = 0; g < count; g++) r->channels += spans[g].end - spans[g].begin + 1;
    if (factor) r->cells = ((pixel_height + factor / 2) / factor) * ((pixel_width + factor / 2) / factor);
    r->observer = (cm_attention_observer){r, wants, give};
    *out = r;
    return CM_OK;
}

const cm_attention_observer *cm_refocus_observer(cm_refocus *r) {
    return &r->observer;
}

/* h: a group's region at the map's size, 0..1. */
static cm_status region_at(const cm_image *classes, uint32_t bits, const pool *p, cm_arena *scratch, float *h) {
    const size_t n = classes->width * classes->height;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    float *full = CM_PUSH(scratch, float, n);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) full[i] = (float)(bits >> classes->pixels[i] & 1);
    CM_TRY(cm_resize_float(full, classes->height, classes->width, 1, p->height, p->width, CM_TORCH_BILINEAR, scratch, h));
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

/* Marks the k largest of v[n * stride]; equal values go to the earlier cell. */
static void mark_largest(const double *v, size_t n, size_t k, unsigned char *marked) {
    memset(marked, 0, n);
    for (size_t taken = 0; taken < k; taken++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!marked[i] && (best == n || v[i] > v[best])) best = i;
        marked[best] = 1;
    }
}

static double overlap(const double *map, const double *region, size_t n, cm_arena *scratch) {
    double area = 0;
    for (size_t i = 0; i < n; i++) area += region[i];
    if (area <= 0) return 0;
    size_t k = (size_t)(area + 0.5);
    if (k == 0) k = 1;
    unsigned char *a = CM_PUSH(scratch, unsigned char, n), *b = CM_PUSH(scratch, unsigned char, n);
    if (!a || !b) return NAN;
    mark_largest(map, n, k, a);
    mark_largest(region, n, k, b);
    size_t both = 0;
    for (size_t i = 0; i < n; i++) both += a[i] && b[i];
    return (double)both / (double)(2 * k - both);
}

/* One group of one pool: adds its squared error (over channels and cells), gives iou and mass. */
static cm_status score_group(const cm_refocus *r, const pool *p, size_t g, size_t channel, const float *h,
                             cm_arena *scratch, double *error, cm_refocus_scores *out) {
    const size_t n = p->height * p->width, tokens = r->spans[g].end - r->spans[g].begin;
    double *map = CM_PUSH(scratch, double, n), *region = CM_PUSH(scratch, double, n);
    CM_TRY(cm_arena_check(scratch));
    double inside = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        const double *sum = p->sum + i * r->channels + channel, *squares = p->squares + i * r->channels + channel;
        region[i] = (double)h[i];
        for (size_t c = 0; c <= tokens; c++)
            *error += (squares[c] - 2 * region[i] * sum[c]) / (double)p->maps + region[i] * region[i];
        map[i] = sum[tokens] / (double)p->maps;
        inside += map[i] * region[i];
        all += map[i];
    }
    out->mass += all > 0 ? inside / all : 0;
    out->iou += overlap(map, region, n, scratch);
    return cm_arena_check(scratch);
}

static cm_status score_pool(const cm_refocus *r, const pool *p, const cm_image *classes, const uint32_t *regions,
                            cm_arena *scratch, cm_refocus_scores *out) {
    const size_t n = p->height * p->width;
    float *h = CM_PUSH(scratch, float, n);
    CM_TRY(cm_arena_check(scratch));
    cm_refocus_scores s = {0};
    double error = 0;
    size_t channel = 0;
    for (size_t g = 0; g < r->groups; g++) {
        CM_TRY(region_at(classes, regions[g], p, scratch, h));
        CM_TRY(score_group(r, p, g, channel, h, scratch, &error, &s));
        channel += r->spans[g].end - r->spans[g].begin + 1;
    }
    *out = (cm_refocus_scores){error / (double)(n * r->channels), s.iou / (double)r->groups, s.mass / (double)r->groups};
    return CM_OK;
}

cm_status cm_refocus_score(const cm_refocus *r, const cm_image *classes, const uint32_t *regions, cm_arena *scratch,
                           cm_refocus_scores *scores) {
    CM_TRY(cm_arena_check(r->arena));
    if (r->groups == 0) return cm_fail(CM_EUNDEFINED, "no phrase of this prompt has a region");
    if (r->pool_count == 0)
        return cm_fail(CM_EUNDEFINED, "no cross-attention layer has maps of %zu cells (factor %zu)", r->cells, r->factor);
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_refocus_scores total = {0};
    size_t maps = 0;
    for (size_t i = 0; i < r->pool_count; i++) {
        cm_refocus_scores s;
        CM_TRY(score_pool(r, &r->pools[i], classes, regions, scratch, &s));
        total.hola += s.hola * (double)r->pools[i].maps;
        total.iou += s.iou / (double)r->pool_count;
        total.mass += s.mass / (double)r->pool_count;
        maps += r->pools[i].maps;
    }
    cm_arena_reset(scratch, mark);
    total.hola /= (double)maps;
    if (!isfinite(total.hola + total.iou + total.mass)) return cm_fail(CM_EUNDEFINED, "an attention map is not finite");
    *scores = total;
    return CM_OK;
}

const double *cm_refocus_map(const cm_refocus *r, size_t g, cm_arena *out, size_t *height, size_t *width) {
    const pool *best = NULL;
    for (size_t i = 0; i < r->pool_count; i++)
        if (!best || r->pools[i].height * r->pools[i].width > best->height * best->width) best = &r->pools[i];
    if (!best || best->maps == 0) return NULL;
    size_t channel = 0;
    for (size_t k = 0; k < g; k++) channel += r->spans[k].end - r->spans[k].begin + 1;
    channel += r->spans[g].end - r->spans[g].begin;
    const size_t n = best->height * best->width;
    double *map = CM_PUSH(out, double, n);
    if (!map) return NULL;
    for (size_t i = 0; i < n; i++) map[i] = best->sum[i * r->channels + channel] / (double)best->maps;
    *height = best->height;
    *width = best->width;
    return map;
}
