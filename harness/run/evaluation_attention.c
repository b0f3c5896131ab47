// SPDX-License-Identifier: Apache-2.0
#include "harness/run/evaluation_attention.h"

#include <math.h>

#include "core/networks/attention_size.h"
#include "harness/attention/overlay.h"

/* --- which phrases ------------------------------------------------------------------------ */

/* What is worn: the groups from special clothings on, without the overall style. */
static bool is_garment(const cm_phrase *p) {
    enum { FIRST = 4, OVERALL_STYLE = 14 };
    return p->group >= FIRST && p->group != OVERALL_STYLE && p->classes != 0;
}

cm_status cm_watch_begin(const cm_evaluation *e, const cm_settings *m, const cm_description *d, const cm_tokens *t,
                         cm_worker *w, cm_watch *watch) {
    cm_refocus_phrase phrases[CM_GROUPS + 1];
    watch->count = 0;
    for (size_t i = 0; i < d->count; i++) {
        const cm_phrase *p = &d->phrases[i];
        const cm_token_span s = cm_tokens_of(t, p->begin, p->end);
        if (s.end == 0) continue;
        phrases[watch->count] = (cm_refocus_phrase){s, p->classes, is_garment(p)};
        watch->phrases[watch->count++] = p;
    }
    return cm_refocus_begin(&w->maps, phrases, watch->count, e->suite->attention_factor, m->height, m->width,
                            &watch->refocus);
}

/* --- scores --------------------------------------------------------------------------------- */

static cm_status parse(const cm_evaluation *e, const cm_image *image, cm_worker *w, cm_parsed *seen) {
    size_t feed = 0, width, height;
    const cm_extractor *parser = cm_plan_parser(&e->plan, &feed);
    cm_extractor_size(parser, &width, &height);
    float *pixels = CM_PUSH(&w->scratch, float, width *height * 3);
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(cm_picture_prepare(e->plan.feeds[feed].rule, image, width, height, &w->scratch, pixels));
    return cm_extractor_parse(parser, &w->g, pixels, 1, &w->scratch, seen);
}

static void set_number(json_t *o, const char *key, double v) {
    if (isfinite(v)) json_object_set_new(o, key, json_real(v));
}

static void note_scores(const cm_evaluation *e, const cm_refocus_scores *r, json_t *record) {
    json_t *scores = json_object(), *even = json_object(), *least = json_object();
    for (size_t i = 0; i < e->plan.metric_count; i++) {
        const cm_metric *m = e->plan.metrics[i];
        if (!m->of_attention) continue;
        set_number(scores, e->plan.labels[i], cm_metric_of_attention(m, r));
        set_number(even, e->plan.labels[i], cm_metric_even(m, r));
        set_number(least, e->plan.labels[i], cm_metric_floor(m, r));
    }
    json_object_set_new(record, "scores", scores);
    json_object_set_new(record, "even", even);
    json_object_set_new(record, "floor", least);
}

/* Millionths, added to what a phrase of the same group has. */
static json_t *millionths(const double *shares, size_t layers, const json_t *before) {
    json_t *list = json_array();
    for (size_t i = 0; i < layers; i++)
        json_array_append_new(list, json_integer((json_int_t)llround(shares[i] * 1e6) +
                                                 json_integer_value(json_array_get(before, i))));
    return list;
}

static void note_kept(const cm_watch *watch, const cm_refocus_kept *k, json_t *record) {
    json_t *kept = json_object();
    for (size_t i = 0; i < k->phrases; i++) {
        const char *group = cm_prompt_group_name(watch->phrases[i]->group);
        const json_t *before = json_object_get(kept, group);
        json_t *o = json_object();
        json_object_set_new(o, "all", millionths(k->all + i * k->layers, k->layers, json_object_get(before, "all")));
        if (watch->phrases[i]->classes)
            json_object_set_new(o, "area", json_integer((json_int_t)llround(k->area[i] * 1e6)));
        if (k->area[i] > 0)
            json_object_set_new(o, "inside",
                                millionths(k->inside + i * k->layers, k->layers, json_object_get(before, "inside")));
        json_object_set_new(kept, group, o);
    }
    json_object_set_new(record, "kept", kept);
}

cm_status cm_watch_score(const cm_evaluation *e, const cm_watch *watch, const cm_image *image, cm_worker *w,
                         json_t *record) {
    cm_refocus_scores r = {0};
    cm_refocus_kept kept = {0};
    cm_parsed parsed;
    size_t watched = 0;
    for (size_t i = 0; i < watch->count; i++) watched += watch->phrases[i]->classes != 0;
    json_object_set_new(record, "watched", json_integer((json_int_t)watched));
    if (watched == 0) return CM_OK;
    CM_TRY(parse(e, image, w, &parsed));
    const cm_status s = cm_refocus_score(watch->refocus, &parsed.classes, &w->scratch, &r);
    if (s != CM_EUNDEFINED) CM_TRY(s); /* undefined: no layer, or no region, to look at: the scores are absent */
    json_object_set_new(record, "lost", json_integer((json_int_t)r.lost));
    if (s == CM_OK) note_scores(e, &r, record);
    const cm_status by_layer =
        cm_refocus_kept_by_layer(watch->refocus, &parsed.classes, &w->scratch, &w->scratch, &kept);
    if (by_layer != CM_EUNDEFINED) CM_TRY(by_layer);
    if (kept.layers) note_kept(watch, &kept, record);
    return CM_OK;
}

/* --- images --------------------------------------------------------------------------------- */

cm_status cm_evaluation_write_image(const cm_evaluation *e, const char *relative, const cm_image *image,
                                    cm_arena *scratch) {
    const char *path = cm_arena_print(scratch, "%s/%s", e->options->folder, relative);
    CM_TRY(cm_arena_check(scratch));
    return cm_image_write_png(path, image, NULL);
}

cm_status cm_watch_illustrate(const cm_evaluation *e, const cm_side *s, size_t row, const cm_watch *watch,
                              const cm_image *image, cm_arena *scratch, json_t *record) {
    json_t *list = json_array();
    json_object_set_new(record, "attention", list);
    for (size_t i = 0; i < watch->count; i++) {
        size_t height, width;
        cm_image overlay;
        const char *group = cm_prompt_group_name(watch->phrases[i]->group);
        const double *map = cm_refocus_map(watch->refocus, i, scratch, &height, &width);
        if (!map) continue;
        char *path = cm_arena_print(scratch, "attention/%s/%s-%s.png", s->name, e->units[row / s->images].id, group);
        CM_TRY(cm_arena_check(scratch));
        for (char *c = path; *c; c++)
            if (*c == ' ') *c = '_';
        CM_TRY(cm_overlay(image, map, height, width, scratch, &overlay));
        CM_TRY(cm_evaluation_write_image(e, path, &overlay, scratch));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "group", group, "text", watch->phrases[i]->text,
                                              "picture", path));
    }
    return CM_OK;
}

/* --- layers ------------------------------------------------------------------------------------- */

cm_status cm_watch_layers(const cm_evaluation *e, const cm_settings *m, const cm_subject *subject, cm_arena *scratch,
                          json_t **layers) {
    const size_t factor = e->suite->attention_factor;
    const cm_model *model = cm_subject_model(subject);
    cm_attention_site *sites = CM_PUSH(scratch, cm_attention_site, CM_REFOCUS_LAYERS);
    cm_attention_size size = {0, 0};
    CM_TRY(cm_arena_check(scratch));
    if (factor && model)
        CM_TRY(cm_attention_check(model->unet, cm_vae_factor(model->vae), m->height, m->width, factor, scratch));
    if (factor) size = cm_attention_size_of(m->height, m->width, factor);
    const size_t n = cm_subject_sites(subject, m->height, m->width, CM_REFOCUS_LAYERS, sites, scratch);
    *layers = json_array();
    for (size_t i = 0; i < n && i < CM_REFOCUS_LAYERS; i++)
        json_array_append_new(*layers, json_pack("{s:s, s:I, s:I, s:b}", "name", sites[i].name, "height",
                                                 (json_int_t)sites[i].height, "width", (json_int_t)sites[i].width,
                                                 "watched", factor == 0 || cm_attention_has_size(&sites[i], size)));
    return cm_arena_check(scratch);
}
