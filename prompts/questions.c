// SPDX-License-Identifier: Apache-2.0
#include "prompts/questions.h"

#include <string.h>

static int find_value(const cm_slot *s, const char *value) {
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->values[i], value) == 0) return i;
    return -1;
}

/* Does another slot hang on this one being there? */
static bool says_presence(int slot) {
    for (int i = 0; i < cm_slot_count; i++)
        if (cm_slots[i].object_slot == slot) return true;
    return false;
}

static void add(cm_questions *q, const cm_phrase *p, int slot, int wanted) {
    const cm_slot *s = &cm_slots[slot];
    q->list[q->count++] =
        (cm_question){slot, wanted, s->kind, s->object_slot, p->classes, wanted == 0 && says_presence(slot)};
}

static bool is_asked(const cm_questions *q, size_t from, int slot) {
    for (size_t i = from; i < q->count; i++)
        if (q->list[i].slot == slot) return true;
    return false;
}

/* Things that the phrase names by a fixed noun: their object slot has two values, none and the thing. */
static void add_presence(cm_questions *q, size_t from, const cm_phrase *p) {
    for (int s = 0; s < cm_slot_count; s++)
        if (cm_slots[s].group == p->group && cm_slots[s].kind == CM_SLOT_OBJECT && cm_slots[s].count == 2 &&
            strcmp(cm_slots[s].values[0], "none") == 0 && !is_asked(q, from, s))
            add(q, p, s, 1);
}

static bool is_in(cm_slot_set set, int slot) {
    return set >> slot & 1;
}

/* Questions about slots outside the set go; *left_out [CM_MAX_SLOTS] counts them, or is NULL. */
static void leave_out(cm_questions *q, cm_slot_set asked, size_t *left_out) {
    size_t kept = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (is_in(asked, q->list[i].slot)) q->list[kept++] = q->list[i];
        else if (left_out) left_out[q->list[i].slot]++;
    }
    q->left_out = q->count - kept;
    q->count = kept;
}

static cm_status build(const cm_description *d, cm_slot_set asked, cm_arena *out, cm_questions *q, size_t *left_out) {
    cm_questions r = {.list = CM_PUSH(out, cm_question, (CM_GROUPS + 1) * (CM_MAX_ATTRIBUTES + 2))};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < d->count; i++) {
        const cm_phrase *p = &d->phrases[i];
        const size_t from = r.count;
        for (size_t k = 0; k < p->attribute_count; k++) {
            const int slot = cm_slot_find(p->group, p->attributes[k].key);
            if (slot < 0 || cm_slots[slot].kind == CM_SLOT_OTHER) {
                r.other++;
                continue;
            }
            const int wanted = find_value(&cm_slots[slot], p->attributes[k].value);
            if (wanted < 0) r.unknown++;
            else add(&r, p, slot, wanted);
        }
        add_presence(&r, from, p);
    }
    leave_out(&r, asked, left_out);
    *q = r;
    return CM_OK;
}

cm_status cm_questions_build(const cm_description *d, cm_slot_set asked, cm_arena *out, cm_questions *q) {
    return build(d, asked, out, q, NULL);
}

cm_status cm_questions_asked(const cm_description *d, cm_slot_set asked, cm_arena *scratch, cm_question_counts *c) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_questions q;
    const cm_status s = build(d, asked, scratch, &q, c->of_slot);
    cm_arena_reset(scratch, mark);
    CM_TRY(s);
    c->asked += q.count;
    c->left_out += q.left_out;
    c->unknown += q.unknown;
    c->other += q.other;
    return CM_OK;
}

size_t cm_question_counts_all(const cm_question_counts *c) {
    return c->asked + c->left_out + c->unknown + c->other;
}
