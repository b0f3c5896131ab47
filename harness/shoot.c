// SPDX-License-Identifier: Apache-2.0
#include "harness/shoot.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "harness/overlay.h"
#include "prompts/questions.h"

static json_t *groups_of(const cm_prompt *p, const cm_tokens *t) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->dense.count; i++) {
        const cm_phrase *phrase = &p->dense.phrases[i];
        const cm_token_span s = cm_tokens_of(t, phrase->begin, phrase->end);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "group", cm_prompt_group_name(phrase->group), "text",
                                              phrase->text, "token_begin", (json_int_t)s.begin, "token_end",
                                              (json_int_t)s.end));
    }
    return list;
}

/* The phrases that have tokens and a region: those whose attention is looked at. */
static size_t watched(const cm_prompt *p, const cm_tokens *t, const cm_phrase **phrases, cm_token_span *spans) {
    size_t n = 0;
    for (size_t i = 0; i < p->dense.count; i++) {
        const cm_token_span s = cm_tokens_of(t, p->dense.phrases[i].begin, p->dense.phrases[i].end);
        if (s.end == 0 || p->dense.phrases[i].classes == 0) continue;
        phrases[n] = &p->dense.phrases[i];
        spans[n++] = s;
    }
    return n;
}

/* --- scores ----------------------------------------------------------------------- */

static json_t *score_object(const double *scores) {
    json_t *o = json_object();
    for (size_t i = 0; i < CM_SCORES; i++)
        if (isfinite(scores[i])) json_object_set_new(o, cm_nano_metrics[i].name, json_real(scores[i]));
    return o;
}

static void note_accuracy(const cm_accuracy *a, double *scores, json_t *record) {
    static const char *const names[3] = {"acc_obj", "acc_tex", "acc_shape"};
    json_t *counts = json_object(), *misses = json_array();
    for (int k = 0; k < 3; k++) {
        scores[CM_SCORE_ACC_OBJ + k] = cm_accuracy_percent(a, (cm_slot_kind)k);
        json_object_set_new(counts, names[k], json_pack("[I,I]", (json_int_t)a->right[k], (json_int_t)a->asked[k]));
    }
    scores[CM_SCORE_ACC_ALL] = (scores[CM_SCORE_ACC_OBJ] + scores[CM_SCORE_ACC_TEX] + scores[CM_SCORE_ACC_SHAPE]) / 3;
    for (size_t i = 0; i < a->miss_count; i++) json_array_append_new(misses, json_string(a->misses[i]));
    json_object_set_new(record, "counts", counts);
    json_object_set_new(record, "misses", misses);
}

static cm_status score_attention(const cm_refocus *refocus, const cm_image *classes, const cm_phrase *const *phrases,
                                 size_t count, cm_arena *scratch, double *scores) {
    uint32_t regions[CM_GROUPS + 1];
    for (size_t i = 0; i < count; i++) regions[i] = phrases[i]->classes;
    cm_refocus_scores r;
    const cm_status s = cm_refocus_score(refocus, classes, regions, scratch, &r);
    if (s == CM_EUNDEFINED) return CM_OK; /* no phrase or no layer to look at: the scores are absent */
    CM_TRY(s);
    scores[CM_SCORE_HOLA] = r.hola;
    scores[CM_SCORE_IOU] = r.iou;
    scores[CM_SCORE_MASS] = r.mass;
    return CM_OK;
}

cm_status cm_shoot_score(const cm_scorer *scorer, const cm_image *picture, const cm_prompt *p, const cm_refocus *refocus,
                         const cm_phrase *const *phrases, size_t phrase_count, cm_worker_place *w, double *scores,
                         json_t *record) {
    for (size_t i = 0; i < CM_SCORES; i++) scores[i] = (double)NAN;
    cm_look look;
    cm_questions q;
    cm_accuracy a;
    CM_TRY(cm_scorer_look(scorer, &w->g, picture, p->dense.text, CM_NEED_PARSER | CM_NEED_CLIP, &w->scratch, &look));
    CM_TRY(cm_questions_build(&p->dense, &w->scratch, &q));
    CM_TRY(cm_accuracy_answer(&q, &look.parsed, &w->scratch, &a));
    scores[CM_SCORE_CLIP] = look.clip;
    note_accuracy(&a, scores, record);
    if (refocus)
        CM_TRY(score_attention(refocus, &look.parsed.classes, phrases, phrase_count, &w->scratch, scores));
    json_object_set_new(record, "scores", score_object(scores));
    return CM_OK;
}

/* --- pictures --------------------------------------------------------------------- */

static cm_status write_picture(const cm_shoot *s, const char *relative, const cm_image *image, cm_arena *scratch) {
    const char *path = cm_arena_print(scratch, "%s/%s", s->folder, relative);
    CM_TRY(cm_arena_check(scratch));
    return cm_image_write_png(path, image, NULL);
}

static cm_status illustrate(const cm_shoot *s, const cm_prompt *p, const cm_image *picture, const cm_refocus *refocus,
                            const cm_phrase *const *phrases, size_t count, cm_arena *scratch, json_t *record) {
    json_t *list = json_array();
    json_object_set_new(record, "attention", list);
    for (size_t i = 0; i < count; i++) {
        size_t height, width;
        const double *map = cm_refocus_map(refocus, i, scratch, &height, &width);
        if (!map) continue;
        cm_image overlay;
        char *path = cm_arena_print(scratch, "attention/%s/%s-%s.png", s->arm, p->id, cm_prompt_group_name(phrases[i]->group));
        CM_TRY(cm_arena_check(scratch));
        for (char *c = path; *c; c++)
            if (*c == ' ') *c = '_';
        CM_TRY(cm_overlay(picture, map, height, width, scratch, &overlay));
        CM_TRY(write_picture(s, path, &overlay, scratch));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "group", cm_prompt_group_name(phrases[i]->group), "text",
                                              phrases[i]->text, "picture", path));
    }
    return CM_OK;
}

static json_t *seconds_of(const cm_timing *t) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "tokenise", t->tokenize, "text", t->text, "unet_step",
                     t->unet_step_median, "decode", t->decode, "total", t->total);
}

static json_t *begin_record(const cm_shoot *s, const cm_prompt *p, uint64_t seed, const cm_result *r, const char *path) {
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "image", "suite", s->suite->name, "prompts", s->prompts,
                          "arm", s->arm, "id", p->id, "prompt", p->dense.text);
    json_object_set_new(o, "groups", groups_of(p, &r->tokens));
    json_object_set_new(o, "seed", json_integer((json_int_t)seed));
    json_object_set_new(o, "noise_hash", json_string(r->noise_hash));
    json_object_set_new(o, "picture", json_string(path));
    json_object_set_new(o, "seconds", seconds_of(&r->timing));
    return o;
}

static cm_status add_picture_hash(const cm_shoot *s, const char *path, cm_arena *scratch, json_t *record) {
    char hash[65];
    const char *file = cm_arena_print(scratch, "%s/%s", s->folder, path);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_sha_file(file, hash));
    json_object_set_new(record, "picture_hash", json_string(hash));
    return CM_OK;
}

static cm_status make(const cm_shoot *s, const cm_prompt *p, uint64_t seed, bool illustrated, cm_worker_place *w,
                      double *scores, json_t **record) {
    const cm_suite *u = s->suite;
    const cm_phrase *phrases[CM_GROUPS + 1];
    cm_token_span spans[CM_GROUPS + 1];
    cm_tokens tokens;
    cm_refocus *refocus;
    cm_result r;
    CM_TRY(cm_subject_tokens(s->subject, p->dense.text, &w->scratch, &tokens));
    const size_t count = watched(p, &tokens, phrases, spans);
    CM_TRY(cm_refocus_begin(&w->maps, spans, count, u->attention_factor, u->height, u->width, &refocus));
    const cm_request request = {.prompt = p->dense.text, .negative = p->negative ? p->negative : u->negative, .seed = seed, .steps = u->steps,
                                .width = u->width, .height = u->height, .sampler = u->sampler, .guidance = u->guidance,
                                .observer = cm_refocus_observer(refocus)};
    CM_TRY(cm_subject_make(s->subject, &w->g, &request, &w->scratch, &r));
    const char *path = cm_arena_print(&w->scratch, "images/%s/%s.png", s->arm, p->id);
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(write_picture(s, path, &r.picture, &w->scratch));
    *record = begin_record(s, p, seed, &r, path);
    CM_TRY(add_picture_hash(s, path, &w->scratch, *record));
    CM_TRY(cm_shoot_score(s->scorer, &r.picture, p, refocus, phrases, count, w, scores, *record));
    return illustrated ? illustrate(s, p, &r.picture, refocus, phrases, count, &w->scratch, *record) : CM_OK;
}

cm_status cm_shoot_prompt(const cm_shoot *s, const cm_prompt *p, bool illustrated, cm_worker_place *w, double *scores,
                          json_t **record) {
    json_t *o = NULL;
    const uint64_t seed = p->has_seed ? p->seed : cm_seed_for(s->suite->run_seed, p->id);
    const cm_status status = make(s, p, seed, illustrated, w, scores, &o);
    if (status != CM_OK) {
        json_decref(o);
        return cm_fail_in(status, "arm %s, prompt %s", s->arm, p->id);
    }
    *record = o;
    return CM_OK;
}
