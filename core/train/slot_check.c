// SPDX-License-Identifier: Apache-2.0
#include "core/train/slot_check.h"

#include <math.h>
#include <string.h>

static bool may_be_absent(const cm_slot *s) {
    return s->kind == CM_SLOT_OBJECT && strcmp(s->values[0], "none") == 0;
}

static bool is_presence(const cm_slot *s) {
    return may_be_absent(s) && s->count == 2;
}

/* The first value that a question can ask for. */
static int first_asked(const cm_slot *s) {
    return may_be_absent(s) ? 1 : 0;
}

void cm_slot_tally_add(cm_slot_tally *t, const cm_person *p, const int seen[CM_MAX_SLOTS]) {
    for (int i = 0; i < cm_slot_count; i++) {
        const int value = p->value[i], object = cm_slots[i].object_slot;
        if (value < 0 || value >= CM_SLOT_VALUES) continue;
        t->there[i][value]++;
        t->right[i][value] += seen[i] == value && (object < 0 || seen[object] > 0);
    }
}

static double share(size_t part, size_t all) {
    return all ? (double)part / (double)all : 0;
}

static cm_slot_check check_presence(const size_t *there, const size_t *right) {
    return (cm_slot_check){.n = there[1],
                           .right = (share(right[0], there[0]) + share(right[1], there[1])) / 2,
                           .commonest = 0.5};
}

cm_slot_check cm_slot_check_of(const cm_slot_tally *t, int slot) {
    const cm_slot *s = &cm_slots[slot];
    cm_slot_check c = {0};
    size_t right = 0, most = 0;
    for (int v = first_asked(s); v < s->count; v++) {
        c.n += t->there[slot][v];
        right += t->right[slot][v];
        if (t->there[slot][v] > most) most = t->there[slot][v];
    }
    c.right = share(right, c.n);
    c.commonest = share(most, c.n);
    if (is_presence(s)) c = check_presence(t->there[slot], t->right[slot]);
    c.asked = s->kind != CM_SLOT_OTHER && c.n > 0 && c.right >= c.commonest + CM_ASKING_MARGIN;
    return c;
}

double cm_slot_tally_share(const cm_slot_tally *t, const bool asked[CM_MAX_SLOTS], cm_slot_kind kind) {
    size_t n = 0, right = 0;
    for (int i = 0; i < cm_slot_count; i++)
        for (int v = first_asked(&cm_slots[i]); v < cm_slots[i].count && asked[i] && cm_slots[i].kind == kind; v++) {
            n += t->there[i][v];
            right += t->right[i][v];
        }
    return n ? share(right, n) : (double)NAN;
}
