// SPDX-License-Identifier: Apache-2.0
/* From summed attention and a parsed image to scores. */
#include <math.h>
#include <string.h>

#include "core/labels/regions.h"
#include "core/train/hola_floor.h"
#include "metrics/refocus_parts.h"

/* --- regions ------------------------------------------------------------------------------ */

/* The share of the image that the classes cover. */
static double area_of(const cm_image *classes, uint32_t bits) {
    const size_t n = classes->width * classes->height;
    size_t inside = 0;
    for (size_t i = 0; i < n; i++) inside += bits >> classes->pixels[i] & 1;
    return (double)inside / (double)n;
}

static void region_at(const cm_image *classes, uint32_t bits, size_t height, size_t width, float *h) {
    bool chosen[256];
    cm_region_classes(bits, chosen);
    cm_region_at(CM_REGION_AREA, classes->pixels, classes->height, classes->width, chosen, height, width, h);
}

/* Marks the k largest of v[n]; equal values go to the earlier cell. */
static void mark_largest(const double *v, size_t n, size_t k, unsigned char *marked) {
    memset(marked, 0, n);
    for (size_t taken = 0; taken < k; taken++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!marked[i] && (best == n || v[i] > v[best])) best = i;
        marked[best] = 1;
    }
}

static double overlap(const double *map, const double *region, size_t n, double area, cm_arena *scratch) {
    const size_t whole = (size_t)(area + 0.5), k = whole ? whole : 1;
    unsigned char *a = CM_PUSH(scratch, unsigned char, n), *b = CM_PUSH(scratch, unsigned char, n);
    if (!a || !b) return NAN;
    mark_largest(map, n, k, a);
    mark_largest(region, n, k, b);
    size_t both = 0;
    for (size_t i = 0; i < n; i++) both += a[i] && b[i];
    return (double)both / (double)(2 * k - both);
}

/* --- pools: hola, iou, mass --------------------------------------------------------------- */

/* Adds the phrase's squared error over its channels (from `first` on) and cells, its iou, mass and area. */
static cm_status score_phrase(const cm_refocus *r, const cm_refocus_pool *p, size_t first, size_t channels,
                              const float *h, cm_arena *scratch, double *error, cm_refocus_scores *out) {
    const size_t n = p->height * p->width;
    double *map = CM_PUSH(scratch, double, n), *region = CM_PUSH(scratch, double, n);
    CM_TRY(cm_arena_check(scratch));
    double inside = 0, all = 0, area = 0;
    for (size_t i = 0; i < n; i++) {
        const double *sum = p->sum + i * r->channels + first, *squares = p->squares + i * r->channels + first;
        region[i] = (double)h[i];
        for (size_t c = 0; c < channels; c++)
            *error += (squares[c] - 2 * region[i] * sum[c]) / (double)p->maps + region[i] * region[i];
        map[i] = sum[channels - 1] / (double)p->maps;
        inside += map[i] * region[i];
        all += map[i];
        area += region[i];
    }
    out->mass += all > 0 ? inside / all : 0;
    out->area += area / (double)n;
    out->iou += overlap(map, region, n, area, scratch);
    return cm_arena_check(scratch);
}

/* The phrases with a region, and their regions h [phrases,cells] of one size. */
typedef struct seen_regions {
    size_t count, *phrase;
    size_t *tokens;
    const float **h;
} seen_regions;

static cm_status find_regions(const cm_refocus *r, const cm_image *classes, size_t height, size_t width,
                              cm_arena *scratch, seen_regions *s) {
    *s = (seen_regions){0, CM_PUSH(scratch, size_t, r->count + 1), CM_PUSH(scratch, size_t, r->count + 1),
                        CM_PUSH(scratch, const float *, r->count + 1)};
    CM_TRY(cm_arena_check(scratch));
    for (size_t g = 0; g < r->count; g++) {
        const cm_refocus_phrase *p = &r->phrases[g];
        if (area_of(classes, p->classes) <= 0) continue;
        float *h = CM_PUSH(scratch, float, height *width);
        CM_TRY(cm_arena_check(scratch));
        region_at(classes, p->classes, height, width, h);
        s->h[s->count] = h;
        s->tokens[s->count] = p->tokens.end - p->tokens.begin;
        s->phrase[s->count++] = g;
    }
    return CM_OK;
}

static size_t first_channel(const cm_refocus *r, size_t phrase) {
    size_t first = 0;
    for (size_t g = 0; g < phrase; g++) first += cm_refocus_channels(&r->phrases[g]);
    return first;
}

/* Of the same regions: what even attention has, and the least there can be. */
static cm_status find_bounds(const seen_regions *s, const cm_refocus_pool *p, cm_arena *scratch,
                             cm_refocus_scores *out) {
    const cm_hola_config config = {.factor_count = 1};
    cm_hola_group *groups = CM_PUSH_ZERO(scratch, cm_hola_group, s->count + 1);
    cm_hola_bounds bounds;
    CM_TRY(cm_arena_check(scratch));
    for (size_t k = 0; k < s->count; k++) groups[k] = (cm_hola_group){.end = s->tokens[k], .target = {s->h[k]}};
    const cm_hola_image image = {s->count, groups};
    CM_TRY(cm_hola_floor(&config, &image, 0, p->height * p->width, p->keys, scratch, &bounds, NULL));
    out->floor = bounds.floor;
    out->even = bounds.even;
    return CM_OK;
}

static cm_status score_pool(const cm_refocus *r, const cm_refocus_pool *p, const cm_image *classes, cm_arena *scratch,
                            cm_refocus_scores *out) {
    const size_t n = p->height * p->width;
    seen_regions s;
    double error = 0, channels = 0;
    CM_TRY(find_regions(r, classes, p->height, p->width, scratch, &s));
    *out = (cm_refocus_scores){0};
    for (size_t k = 0; k < s.count; k++) {
        CM_TRY(score_phrase(r, p, first_channel(r, s.phrase[k]), s.tokens[k] + 1, s.h[k], scratch, &error, out));
        channels += (double)(s.tokens[k] + 1);
    }
    const double phrases = (double)s.count, each = (double)n * channels;
    out->hola = error / each;
    CM_TRY(find_bounds(&s, p, scratch, out));
    out->iou /= phrases;
    out->mass /= phrases;
    out->area /= phrases;
    return CM_OK;
}

static cm_status score_pools(const cm_refocus *r, const cm_image *classes, cm_arena *scratch,
                             cm_refocus_scores *total) {
    double maps = 0;
    if (r->pool_count == 0)
        total->hola = total->floor = total->even = total->iou = total->mass = total->area = (double)NAN;
    for (size_t i = 0; i < r->pool_count; i++) maps += (double)r->pools[i].maps;
    for (size_t i = 0; i < r->pool_count; i++) {
        const double share = (double)r->pools[i].maps / maps, each = 1.0 / (double)r->pool_count;
        cm_refocus_scores s;
        CM_TRY(score_pool(r, &r->pools[i], classes, scratch, &s));
        total->hola += s.hola * share;
        total->floor += s.floor * share;
        total->even += s.even * share;
        total->iou += s.iou * each;
        total->mass += s.mass * each;
        total->area += s.area * each;
    }
    return CM_OK;
}

/* --- layers: what each phrase keeps -------------------------------------------------------- */

/* One phrase of one layer: shares of all the layer's attention. h: NULL without a region. */
static void keep(const cm_refocus_sums *s, size_t phrase, size_t n, const float *h, double *all, double *inside) {
    const double *sum = s->sum + phrase * n, each = (double)s->maps * (double)n;
    *all = *inside = 0;
    for (size_t i = 0; i < n; i++) {
        *all += sum[i] / each;
        if (h) *inside += sum[i] * (double)h[i] / each;
    }
}

static cm_status keep_layer(const cm_refocus *r, size_t layer, const cm_image *classes, const double *area,
                            cm_arena *scratch, double *all, double *inside) {
    const cm_refocus_layer *l = &r->layers[layer];
    const size_t n = l->height * l->width;
    float *h = CM_PUSH(scratch, float, n + 1);
    CM_TRY(cm_arena_check(scratch));
    for (size_t g = 0; g < r->count; g++) {
        const size_t at = g * r->layer_count + layer;
        if (area[g] > 0) region_at(classes, r->phrases[g].classes, l->height, l->width, h);
        if (r->sums[layer].maps) keep(&r->sums[layer], g, n, area[g] > 0 ? h : NULL, &all[at], &inside[at]);
    }
    return CM_OK;
}

cm_status cm_refocus_kept_by_layer(const cm_refocus *r, const cm_image *classes, cm_arena *scratch, cm_arena *out,
                                   cm_refocus_kept *kept) {
    const size_t values = r->count * r->layer_count + 1;
    double *all = CM_PUSH_ZERO(out, double, values), *inside = CM_PUSH_ZERO(out, double, values),
           *area = CM_PUSH(out, double, r->count + 1);
    CM_TRY(cm_arena_check(r->arena));
    CM_TRY(cm_arena_check(out));
    if (r->too_many)
        return cm_fail(CM_EUNDEFINED, "more than %d cross-attention layers or %d sizes of them", CM_REFOCUS_LAYERS,
                       CM_REFOCUS_SIZES);
    for (size_t g = 0; g < r->count; g++) area[g] = area_of(classes, r->phrases[g].classes);
    for (size_t i = 0; i < r->layer_count; i++) {
        const cm_arena_mark mark = cm_arena_get_mark(scratch);
        CM_TRY(keep_layer(r, i, classes, area, scratch, all, inside));
        cm_arena_reset(scratch, mark);
    }
    *kept = (cm_refocus_kept){r->count, r->layer_count, r->layers, all, inside, area};
    return CM_OK;
}

/* Mean over the garments that have a region of their mean over layers; NaN: there is none. */
static void score_share(const cm_refocus *r, const cm_refocus_kept *kept, cm_refocus_scores *out) {
    double garments = 0;
    out->share = out->share_even = 0;
    for (size_t g = 0; g < kept->phrases; g++) {
        if (!r->phrases[g].garment || kept->area[g] <= 0) continue;
        const double tokens = (double)(r->phrases[g].tokens.end - r->phrases[g].tokens.begin);
        for (size_t i = 0; i < kept->layers; i++) {
            out->share += kept->inside[g * kept->layers + i] / kept->area[g] / (double)kept->layers;
            out->share_even += tokens / (double)r->sums[i].keys / (double)kept->layers;
        }
        garments++;
    }
    out->share = garments > 0 ? out->share / garments : (double)NAN;
    out->share_even = garments > 0 ? out->share_even / garments : (double)NAN;
}

/* --- all ------------------------------------------------------------------------------------ */

static void count_phrases(const cm_refocus *r, const cm_image *classes, cm_refocus_scores *s) {
    s->phrases = s->lost = 0;
    for (size_t g = 0; g < r->count; g++) {
        s->phrases += r->phrases[g].classes != 0;
        s->lost += r->phrases[g].classes && area_of(classes, r->phrases[g].classes) <= 0;
    }
}

cm_status cm_refocus_score(const cm_refocus *r, const cm_image *classes, cm_arena *scratch, cm_refocus_scores *scores) {
    cm_refocus_scores total = {0};
    cm_refocus_kept kept;
    CM_TRY(cm_arena_check(r->arena));
    count_phrases(r, classes, scores);
    if (scores->phrases == 0) return cm_fail(CM_EUNDEFINED, "no phrase of this prompt has a region");
    if (scores->phrases == scores->lost)
        return cm_fail(CM_EUNDEFINED, "the image lacks the regions of all %zu phrases", scores->lost);
    if (r->layer_count == 0) return cm_fail(CM_EUNDEFINED, "no cross-attention layer was seen");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    CM_TRY(score_pools(r, classes, scratch, &total));
    CM_TRY(cm_refocus_kept_by_layer(r, classes, scratch, scratch, &kept));
    score_share(r, &kept, &total);
    cm_arena_reset(scratch, mark);
    const bool finite = isfinite(total.hola + total.iou + total.mass) || r->pool_count == 0;
    if (!finite || isinf(total.share)) return cm_fail(CM_EUNDEFINED, "an attention map is not finite");
    total.phrases = scores->phrases;
    total.lost = scores->lost;
    *scores = total;
    return CM_OK;
}
