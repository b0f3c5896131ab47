// SPDX-License-Identifier: Apache-2.0
/* What networks say of an image and its prompt: scores of text and image, and answers to questions. */
#include <math.h>
#include <string.h>

#include "harness/run/evaluation_networks_parts.h"

json_t *cm_record_part(json_t *record, const char *key) {
    json_t *o = json_object_get(record, key);
    if (!o && json_object_set_new(record, key, json_object()) == 0) o = json_object_get(record, key);
    return o;
}

/* --- text and image ------------------------------------------------------------------- */

static const cm_description *prompt_of(const cm_evaluation *e, const cm_batch *b, size_t k) {
    return e->at->prompts ? e->at->prompts[b->rows[k] / e->at->images] : NULL;
}

/* Chance: of a drawing, a prompt of the run that is not its own, always the same one; NULL: there is none. */
static const cm_description *prompt_of_another(const cm_evaluation *e, const cm_batch *b, size_t k) {
    const cm_description *own = prompt_of(e, b, k);
    if (e->at->kind != CM_SIDE_CEILING || !own || e->unit_count == 0) return NULL;
    const cm_description *other = e->units[(b->rows[k] + 1) % e->unit_count].prompt;
    return other && strcmp(other->text, own->text) != 0 ? other : NULL;
}

/* One score of the images that have a prompt; embeddings [count,width]. another: by someone else's prompt, as "chance".
 */
static cm_status score_prompts(const cm_evaluation *e, size_t metric, bool another, cm_batch *b, const size_t *at,
                               size_t count, const float *embeddings, cm_worker *w) {
    const cm_metric *m = e->plan.metrics[metric];
    const cm_extractor *x = e->plan.extractors[e->plan.feeds[e->plan.feed_of[metric]].network];
    const char *label = e->plan.labels[metric];
    const size_t width = cm_extractor_width(x, CM_OUT_FEATURES);
    const cm_description **prompts = CM_PUSH(&w->scratch, const cm_description *, count);
    size_t *which = CM_PUSH(&w->scratch, size_t, count), n = 0;
    float *images = CM_PUSH(&w->scratch, float, count *width);
    cm_text_score *scores = CM_PUSH(&w->scratch, cm_text_score, count);
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t i = 0; i < count; i++) {
        const cm_description *prompt = another ? prompt_of_another(e, b, at[i]) : prompt_of(e, b, at[i]);
        if (!prompt || b->trouble[at[i]]) continue;
        memcpy(images + n * width, embeddings + i * width, width * sizeof *images);
        prompts[n] = prompt;
        which[n++] = at[i];
    }
    CM_TRY(cm_text_image_scores(m->of_text, x, &w->g, images, prompts, n, &w->scratch, scores));
    for (size_t i = 0; i < n; i++) {
        json_t *record = b->records[which[i]];
        if (another && isfinite(scores[i].value))
            json_object_set_new(cm_record_part(record, "chance"), label, json_real(scores[i].value));
        if (another) continue;
        json_object_set_new(cm_record_part(record, "texts"), label, json_true());
        if (scores[i].doubtful)
            b->doubtful[which[i]] = cm_image_list_path(&e->at->list, b->rows[which[i]], &w->scratch);
        if (!isfinite(scores[i].value)) continue;
        json_object_set_new(cm_record_part(record, "scores"), label, json_real(scores[i].value));
        json_object_set_new(cm_record_part(record, "read"), label, json_real(scores[i].read));
    }
    return CM_OK;
}

cm_status cm_batch_score_texts(const cm_evaluation *e, size_t feed, cm_batch *b, const size_t *at, size_t count,
                               const float *embeddings, cm_worker *w) {
    for (size_t m = 0; m < e->plan.metric_count; m++) {
        if (!e->plan.metrics[m]->of_text || e->plan.feed_of[m] != feed) continue;
        CM_TRY(score_prompts(e, m, false, b, at, count, embeddings, w));
        if (e->at->kind == CM_SIDE_CEILING) CM_TRY(score_prompts(e, m, true, b, at, count, embeddings, w));
    }
    return CM_OK;
}

/* --- answers -------------------------------------------------------------------------- */

/* Share of pixels with the right class, and mean over the classes that the drawing has of intersection over union. */
static void compare_classes(const cm_image *got, const cm_image *want, double *pixels, double *iou) {
    size_t both[CM_CLASSES] = {0}, either[CM_CLASSES] = {0}, there[CM_CLASSES] = {0}, right = 0;
    const size_t n = want->width * want->height;
    double sum = 0, classes = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t g = got->pixels[i], w = want->pixels[i];
        there[w]++;
        either[w]++;
        if (g == w) both[w]++;
        if (g == w) right++;
        else if (g < CM_CLASSES) either[g]++;
    }
    for (size_t c = 0; c < CM_CLASSES; c++) {
        if (!there[c]) continue;
        sum += (double)both[c] / (double)either[c];
        classes++;
    }
    *pixels = 100.0 * (double)right / (double)n;
    *iou = 100.0 * sum / classes;
}

static const char *const kind_names[3] = {"acc_obj", "acc_tex", "acc_shape"};

static json_t *counts_of(const size_t right[3], const size_t asked[3]) {
    json_t *o = json_object();
    for (int k = 0; k < 3; k++)
        if (asked[k])
            json_object_set_new(o, kind_names[k], json_pack("[I,I]", (json_int_t)right[k], (json_int_t)asked[k]));
    return o;
}

/* The scores that are made from answers, under `key` of the record. */
static void note_accuracies(const cm_evaluation *e, size_t feed, const cm_accuracy *a, const char *key,
                            json_t *record) {
    for (size_t i = 0; i < e->plan.metric_count; i++) {
        const cm_metric *m = e->plan.metrics[i];
        const double v = cm_metric_of_questions(m, a);
        if (m->of_questions && e->plan.feed_of[i] == feed && isfinite(v))
            json_object_set_new(cm_record_part(record, key), e->plan.labels[i], json_real(v));
    }
}

static void note_answers(const cm_evaluation *e, size_t feed, const cm_accuracy *a, json_t *record) {
    json_t *misses = json_array(), *parts = json_object();
    for (size_t i = 0; i < a->miss_count; i++) json_array_append_new(misses, json_string(a->misses[i]));
    for (size_t i = 0; i < a->part_count; i++)
        json_object_set_new(parts, cm_prompt_group_name(a->parts[i].group),
                            counts_of(a->parts[i].right, a->parts[i].asked));
    json_object_set_new(record, "counts", counts_of(a->right, a->asked));
    json_object_set_new(record, "misses", misses);
    json_object_set_new(record, "parts", parts);
    note_accuracies(e, feed, a, "scores", record);
}

cm_status cm_batch_answer(const cm_evaluation *e, size_t feed, cm_batch *b, const size_t *at, size_t count,
                          cm_worker *w) {
    const cm_extractor *x = e->plan.extractors[e->plan.feeds[feed].network];
    cm_parsed *seen = CM_PUSH_ZERO(&w->scratch, cm_parsed, count);
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(cm_extractor_parse(x, &w->g, b->pixels[feed], count, &w->scratch, seen));
    for (size_t i = 0; i < count; i++) {
        const cm_description *prompt = prompt_of(e, b, at[i]);
        const cm_image *classes = &b->classes[at[i]];
        json_t *record = b->records[at[i]];
        double pixels, iou;
        cm_accuracy a;
        if (classes->pixels && classes->width == seen[i].classes.width && classes->height == seen[i].classes.height) {
            compare_classes(&seen[i].classes, classes, &pixels, &iou);
            json_object_set_new(cm_record_part(record, "scores"), "parser_pixels", json_real(pixels));
            json_object_set_new(cm_record_part(record, "scores"), "parser_iou", json_real(iou));
        }
        if (!prompt) continue;
        CM_TRY(cm_metric_answers(prompt, &seen[i], &w->scratch, &a));
        note_answers(e, feed, &a, record);
        const cm_description *another = prompt_of_another(e, b, at[i]);
        if (!another) continue;
        CM_TRY(cm_metric_answers(another, &seen[i], &w->scratch, &a));
        note_accuracies(e, feed, &a, "chance", record);
    }
    return CM_OK;
}
