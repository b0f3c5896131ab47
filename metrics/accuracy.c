// SPDX-License-Identifier: Apache-2.0
#include "metrics/accuracy.h"

#include <math.h>

enum { LEAST_SHARE = 1500 }; /* 4 pixels of 64x96 */

static void count_classes(const cm_image *classes, size_t counts[CM_CLASSES]) {
    for (size_t c = 0; c < CM_CLASSES; c++) counts[c] = 0;
    for (size_t i = 0; i < classes->width * classes->height; i++) {
        if (classes->pixels[i] < CM_CLASSES) counts[classes->pixels[i]]++;
    }
}

static bool has_region(const cm_image *classes, const size_t counts[CM_CLASSES], uint32_t region) {
    size_t pixels = 0;
    for (size_t c = 0; c < CM_CLASSES; c++)
        if (region >> c & 1) pixels += counts[c];
    return region == 0 || pixels * LEAST_SHARE >= classes->width * classes->height;
}

static bool is_absent(const cm_question *q, const cm_parsed *seen, const size_t counts[CM_CLASSES]) {
    if (q->of_absence) return false;
    if (q->object_slot >= 0 && seen->slot[q->object_slot] == 0) return true;
    return !has_region(&seen->classes, counts, q->classes);
}

const char *cm_answer_slot(const cm_answer *a) {
    return cm_slots[a->slot].name;
}

const char *cm_answer_wanted(const cm_answer *a) {
    return cm_slots[a->slot].values[a->wanted];
}

const char *cm_answer_seen(const cm_answer *a) {
    return a->absent ? "not there" : cm_slots[a->slot].values[a->seen];
}

static void count_answers(const cm_answer *answers, size_t count, cm_accuracy *a, cm_part_answers parts[CM_GROUPS]) {
    for (size_t i = 0; i < count; i++) {
        const cm_slot *slot = &cm_slots[answers[i].slot];
        cm_part_answers *part = &parts[slot->group];
        part->group = slot->group;
        part->asked[slot->kind]++;
        part->right[slot->kind] += answers[i].right;
        a->asked[slot->kind]++;
        a->right[slot->kind] += answers[i].right;
    }
}

/* Only the groups that were asked about, to the front. */
static size_t keep_asked(cm_part_answers parts[CM_GROUPS]) {
    size_t n = 0;
    for (size_t g = 0; g < CM_GROUPS; g++)
        if (parts[g].asked[0] + parts[g].asked[1] + parts[g].asked[2]) parts[n++] = parts[g];
    return n;
}

cm_status cm_accuracy_answer(const cm_questions *q, const cm_parsed *seen, cm_arena *out, cm_accuracy *a) {
    cm_answer *answers = CM_PUSH(out, cm_answer, q->count + 1);
    cm_part_answers *parts = CM_PUSH_ZERO(out, cm_part_answers, CM_GROUPS);
    cm_accuracy r = {
        .count = q->count, .answers = answers, .misses = CM_PUSH(out, const char *, q->count + 1), .parts = parts};
    CM_TRY(cm_arena_check(out));
    size_t counts[CM_CLASSES];
    count_classes(&seen->classes, counts);
    for (size_t i = 0; i < q->count; i++) {
        const cm_question *k = &q->list[i];
        cm_answer *v = &answers[i];
        *v = (cm_answer){
            .slot = k->slot, .wanted = k->wanted, .seen = seen->slot[k->slot], .absent = is_absent(k, seen, counts)};
        v->right = !v->absent && v->seen == v->wanted;
        if (v->right) continue;
        r.misses[r.miss_count++] = cm_arena_print(out, "%s: asked %s, %s%s", cm_answer_slot(v), cm_answer_wanted(v),
                                                  v->absent ? "" : "seen ", cm_answer_seen(v));
    }
    count_answers(answers, q->count, &r, parts);
    r.part_count = keep_asked(parts);
    CM_TRY(cm_arena_check(out));
    *a = r;
    return CM_OK;
}

cm_status cm_metric_answers(const cm_description *prompt, const cm_parsed *seen, cm_arena *out, cm_accuracy *a) {
    cm_questions q;
    CM_TRY(cm_questions_build(prompt, seen->asked, out, &q));
    return cm_accuracy_answer(&q, seen, out, a);
}

double cm_accuracy_percent(const cm_accuracy *a, cm_slot_kind kind) {
    return a->asked[kind] ? 100.0 * (double)a->right[kind] / (double)a->asked[kind] : (double)NAN;
}
