// SPDX-License-Identifier: Apache-2.0
/* What the scorers reach on held-out drawings: of the very person that is asked for, and of someone else. */
#include "harness/scores/evaluation_finish_parts.h"

static cm_status add_bound(cm_finish *r, const char *kind, const char *score, const cm_arm_value *v, const char *note) {
    if (!v->defined) return CM_OK;
    json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "kind", kind, "score", score, "n", (json_int_t)v->n, "note", note);
    cm_finish_number(o, "value", v->value);
    cm_finish_number(o, "lo", v->lo);
    cm_finish_number(o, "hi", v->hi);
    return cm_finish_add(r, o);
}

/* key: "scores" or "chance", what drawings have of the labels. */
static cm_status bound_of_images(cm_finish *r, const char *kind, const char *key, const char *score,
                                 const char *const *labels, size_t columns, const char *note) {
    const cm_side *side = r->ceiling;
    cm_arm_value v = {0};
    const cm_columns c = {.arms = 1,
                          .prompts = side->count,
                          .columns = columns,
                          .x = cm_finish_table(r, &side, 1, side->count, key, labels, columns),
                          .seed = CM_FINISH_SEED};
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_compare_columns(&c, &r->arena, &v, NULL));
    return add_bound(r, kind, score, &v, note);
}

/* The floor of a distance at this N: as many other drawings as an arm has images, against the reference. */
static cm_status floor_of(cm_finish *r, const cm_scored *x) {
    const size_t images = r->unit_count * r->images, n = images < r->ceiling->count ? images : r->ceiling->count;
    cm_report_model_of drawings, reference = {.store = {.file = -1}};
    cm_set_comparison c = {0};
    cm_status s = cm_finish_open_rows(r, r->ceiling, x, NULL, &drawings);
    if (s == CM_OK) s = cm_finish_open_rows(r, r->reference, x, NULL, &reference);
    const size_t used = drawings.n < n ? drawings.n : n, *prompt_of = drawings.prompt_of;
    const cm_set_arms a = {.arms = 1,
                           .prompts = used,
                           .width = x->width,
                           .x = &drawings.x,
                           .rows = &used,
                           .prompt_of = &prompt_of,
                           .y = reference.x,
                           .m = reference.n,
                           .kid_subset = x->kid_subset,
                           .score = x->m->of_sets,
                           .higher_is_better = x->m->higher_is_better,
                           .seed = CM_FINISH_SEED};
    if (s == CM_OK) s = cm_compare_sets(&a, &r->arena, &c);
    cm_finish_close_rows(&drawings);
    cm_finish_close_rows(&reference);
    if (s == CM_EUNDEFINED || (s == CM_OK && c.parts != 1)) return CM_OK;
    CM_TRY(s);
    return add_bound(r, "ceiling", x->label, &c.arms[0][0],
                     cm_arena_print(&r->arena, "the floor at this N: %zu other drawings against the reference", used));
}

cm_status cm_finish_ceiling(cm_finish *r, const cm_scored *x) {
    const char *labels[CM_METRIC_MEMBERS];
    if (x->m->of_sets)
        return r->reference && x->m->reference != CM_REFERENCE_NONE && !cm_finish_from_file(r, x->m) ? floor_of(r, x)
                                                                                                     : CM_OK;
    if (x->m->of_attention) return CM_OK;
    const size_t columns = cm_finish_columns(r, x, labels);
    CM_TRY(bound_of_images(r, "ceiling", "scores", x->label, labels, columns,
                           x->m->of_text ? "held-out drawings with their own descriptions"
                                         : "the parser on held-out drawings, asked from their own descriptions"));
    return bound_of_images(r, "chance", "chance", x->label, labels, columns,
                           "someone else's drawing: held-out drawings with this run's prompts");
}

cm_status cm_finish_ceiling_of_parser(cm_finish *r) {
    static const char *const names[] = {"parser_pixels", "parser_iou"};
    static const char *const notes[] = {"percent of pixels with the right class",
                                        "percent, intersection over union, mean over the classes a drawing has"};
    for (int i = 0; i < 2; i++) CM_TRY(bound_of_images(r, "ceiling", "scores", names[i], &names[i], 1, notes[i]));
    return CM_OK;
}
