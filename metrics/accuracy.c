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

cm_status cm_accuracy_answer(const cm_questions *q, const cm_parsed *seen, cm_arena *out, cm_accuracy *a) {
    cm_accuracy r = {.misses = CM_PUSH(out, const char *, q->count + 1)};
    CM_TRY(cm_arena_check(out));
    size_t counts[CM_CLASSES];
    count_classes(&seen->classes, counts);
    for (size_t i = 0; i < q->count; i++) {
        const cm_question *k = &q->list[i];
        const cm_slot *s = &cm_slots[k->slot];
        const bool absent = is_absent(k, seen, counts);
        const int got = seen->slot[k->slot];
        r.asked[k->kind]++;
        if (!absent && got == k->wanted) {
            r.right[k->kind]++;
            continue;
        }
        r.misses[r.miss_count++] = cm_arena_print(out, "%s: asked %s, %s%s", s->name, s->values[k->wanted],
                                                  absent ? "not there" : "seen ", absent ? "" : s->values[got]);
    }
    CM_TRY(cm_arena_check(out));
    *a = r;
    return CM_OK;
}

double cm_accuracy_percent(const cm_accuracy *a, cm_slot_kind kind) {
    return a->asked[kind] ? 100.0 * (double)a->right[kind] / (double)a->asked[kind] : (double)NAN;
}
