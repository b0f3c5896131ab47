// SPDX-License-Identifier: Apache-2.0
/* How much of what the prompts say is asked: attributes whose questions the parser answers no better than the commonest
 * value would are left out by rule (prompts/asked_slots.h), and counted. */
#include "core/base/progress.h"
#include "harness/run/evaluation_parts.h"
#include "prompts/asked_slots.h"

static bool asks(const cm_plan *p) {
    for (size_t i = 0; i < p->metric_count; i++)
        if (p->metrics[i]->of_questions) return true;
    return false;
}

static json_t *left_out_of(const cm_question_counts *c) {
    json_t *o = json_object();
    for (int i = 0; i < cm_slot_count; i++)
        if (c->of_slot[i]) json_object_set_new(o, cm_slots[i].name, json_integer((json_int_t)c->of_slot[i]));
    return o;
}

cm_status cm_evaluation_count_questions(cm_evaluation *e, json_t **out) {
    size_t feed = 0;
    cm_question_counts c = {0};
    *out = NULL;
    if (!asks(&e->plan)) return CM_OK;
    const cm_slot_set asked = cm_extractor_asked(cm_plan_parser(&e->plan, &feed));
    for (size_t i = 0; i < e->unit_count; i++)
        if (e->units[i].prompt) CM_TRY(cm_questions_asked(e->units[i].prompt, asked, &e->arena, &c));
    const size_t all = cm_question_counts_all(&c);
    if (all == 0) return CM_OK;
    cm_note("asked: %zu of %zu attributes of the prompts (%zu are of kinds that the parser does not tell, %zu of kinds "
            "that are never asked)",
            c.asked, all, c.left_out, c.other + c.unknown);
    *out = json_pack("{s:I, s:I, s:I, s:I, s:o}", "asked", (json_int_t)c.asked, "of", (json_int_t)all, "other",
                     (json_int_t)c.other, "unknown", (json_int_t)c.unknown, "left_out", left_out_of(&c));
    return *out ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}
