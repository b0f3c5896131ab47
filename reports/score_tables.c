// SPDX-License-Identifier: Apache-2.0
/* Tables of scores and of pairs of arms. Loops over records end at a signal; cm_writer_close says so. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"

enum { MOST_COLUMNS = 12 }; /* more stand as rows */

static const char marks_note[] =
    "Bold: the leading group, arms that cannot be told apart from the column's best at the 5 % level; † marks "
    "those of the group that are not the best value itself. Small: 95 % intervals over prompts.";
static const char mechanism_note[] =
    " HOLA and the attn scores are what the loss trains: they show whether attention moved, are no quality, and stand "
    "without bold. Even: attention of the same share on every token; floor: the least that any attention can reach.";

/* --- arms ------------------------------------------------------------------------------- */

const char *cm_arm_about(const cm_content *c, const char *arm) {
    const json_t *o = cm_report_model_arm(c->r, arm);
    const char *about = cm_text_of(o, "about"), *kind = cm_text_of(o, "kind"), *from = cm_text_of(o, "from");
    const char *made = strcmp(kind, "images") == 0    ? "images made elsewhere"
                       : strcmp(kind, "command") == 0 ? "made by a command"
                                                      : "";
    if (strcmp(about, from) == 0) about = "";
    const char *text = cm_arena_print(&c->d->arena, "%s%s%s%s%s", about, *about && *made ? "; " : "", made,
                                      *made && *from ? ", from " : "", *made ? from : "");
    return text && *text ? text : NULL;
}

const char *cm_arm_not_run(const cm_content *c, const char *arm) {
    const cm_report_model *r = c->r;
    const char *note = cm_text_of(cm_report_model_arm(r, arm), "note");
    if (r->format < 2) return NULL;
    for (size_t i = 0; i < r->column_count; i++)
        if (cm_report_model_score(r, arm, r->columns[i].score)) return NULL;
    return *note ? note : r->done ? "not run" : "not measured";
}

static cm_table_column column_of(const cm_column *of) {
    return (cm_table_column){
        .title = of->title, .key = of->score, .better = of->better, .style = of->style, .digits = of->digits};
}

/* "floor 0.0610, even 0.1170": what a score of attention is to be held against; NULL: nothing. */
static const char *bounds_of(const cm_content *c, const json_t *row, const cm_column *of) {
    double least, even;
    const bool has_floor = cm_number_of(row, "floor", &least), has_even = cm_number_of(row, "even", &even);
    if (!has_floor && !has_even) return NULL;
    if (has_floor) cm_say(c->d, "floor %.*f%s", of->digits, least, has_even ? ", " : "");
    if (has_even) cm_say(c->d, "even %.*f", of->digits, even);
    return cm_said(c->d);
}

void cm_value_cell(const cm_content *c, cm_table *t, size_t arm, size_t column, const char *link) {
    const cm_column *of = &c->r->columns[column];
    const json_t *row = cm_report_model_score(c->r, c->r->arms[arm], of->score);
    const cm_standing standing = c->r->standings[arm * c->r->column_count + column];
    double v, lo, hi;
    if (!cm_number_of(row, "value", &v)) {
        cm_table_absent(t, cm_absent(c, ""));
        return;
    }
    const bool interval = cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi);
    cm_cell *cell = interval ? cm_table_interval(t, v, lo, hi) : cm_table_number(t, v);
    cell->leading = standing != CM_BEHIND;
    cell->dagger = standing == CM_LEADING;
    cell->aside = of->mechanism ? bounds_of(c, row, of) : NULL;
    cell->link = link;
    cell->style = (signed char)of->style;
    cell->digits = (signed char)of->digits;
}

/* --- a row an arm ----------------------------------------------------------------------- */

/* What every arm stands between. find: cm_report_model_ceiling or cm_report_model_chance. */
static void bound_row(const cm_content *c, cm_table *t, const char *name, const char *about,
                      const json_t *(*find)(const cm_report_model *, const char *)) {
    double v;
    cm_table_row_theirs(t);
    cm_table_text(t, name)->aside = about;
    for (size_t i = 0; i < c->r->column_count; i++) {
        if (cm_number_of(find(c->r, c->r->columns[i].score), "value", &v)) cm_table_number(t, v);
        else cm_table_empty(t);
    }
}

static void bound_rows(const cm_content *c, cm_table *t) {
    if (c->r->chances.count) bound_row(c, t, "chance", "someone else's drawing", cm_report_model_chance);
    if (c->r->ceilings.count)
        bound_row(c, t, "ceiling",
                  "the scorers on held-out drawings; of distances the floor: other drawings of the same N",
                  cm_report_model_ceiling);
}

static void arm_row(const cm_content *c, cm_table *t, size_t arm) {
    const char *not_run = cm_arm_not_run(c, c->r->arms[arm]), *link = cm_arm_anchor(c, arm);
    cm_table_row(t);
    cm_table_text(t, c->r->arms[arm])->aside = cm_arm_about(c, c->r->arms[arm]);
    if (not_run) cm_table_rest(t, not_run);
    for (size_t i = 0; !not_run && i < c->r->column_count; i++) cm_value_cell(c, t, arm, i, link);
}

static void arms_as_rows(const cm_content *c, cm_table *t) {
    cm_table_column *columns = CM_PUSH_ZERO(&c->d->arena, cm_table_column, c->r->column_count + 1);
    if (!columns) return;
    columns[0] = (cm_table_column){.title = "arm", .left = true};
    for (size_t i = 0; i < c->r->column_count; i++) columns[1 + i] = column_of(&c->r->columns[i]);
    cm_table_begin(t, &c->d->arena, "scores", columns, c->r->column_count + 1);
    for (size_t a = 0; a < c->r->arm_count && !cm_interrupted(); a++) arm_row(c, t, a);
    bound_rows(c, t);
}

/* --- a row a score ---------------------------------------------------------------------- */

/* Of a run that has such records at all. */
static void bound_cell(cm_table *t, size_t any, const json_t *bound, const cm_table_column *of) {
    double v;
    if (!any) return;
    if (!cm_number_of(bound, "value", &v)) {
        cm_table_empty(t);
        return;
    }
    cm_cell *cell = cm_table_number(t, v);
    cell->style = (signed char)of->style;
    cell->digits = (signed char)of->digits;
}

static void score_row(const cm_content *c, cm_table *t, size_t column) {
    const cm_table_column of = column_of(&c->r->columns[column]);
    const char *title = cm_arena_print(&c->d->arena, "%s%s%s", of.title, of.better ? " " : "", cm_arrow(of.better));
    cm_table_row(t);
    cm_table_text(t, title ? title : "");
    for (size_t a = 0; a < c->r->arm_count; a++) cm_value_cell(c, t, a, column, cm_arm_anchor(c, a));
    bound_cell(t, c->r->chances.count, cm_report_model_chance(c->r, of.key), &of);
    bound_cell(t, c->r->ceilings.count, cm_report_model_ceiling(c->r, of.key), &of);
}

static void scores_as_rows(const cm_content *c, cm_table *t) {
    cm_table_column *columns = CM_PUSH_ZERO(&c->d->arena, cm_table_column, c->r->arm_count + 3);
    size_t count = 0;
    if (!columns) return;
    columns[count++] = (cm_table_column){.title = "score", .left = true};
    for (size_t a = 0; a < c->r->arm_count; a++) columns[count++] = (cm_table_column){.title = c->r->arms[a]};
    if (c->r->chances.count) columns[count++] = (cm_table_column){.title = "chance"};
    if (c->r->ceilings.count) columns[count++] = (cm_table_column){.title = "ceiling"};
    cm_table_begin(t, &c->d->arena, "scores", columns, count);
    for (size_t i = 0; i < c->r->column_count && !cm_interrupted(); i++) score_row(c, t, i);
}

static bool any_mechanism(const cm_report_model *r) {
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].mechanism && r->columns[i].measured) return true;
    return false;
}

void cm_add_score_table(const cm_content *c) {
    const cm_report_model *r = c->r;
    if (!r->arm_count || !r->column_count) return;
    cm_table *t = cm_document_table(c->d);
    if (r->column_count > MOST_COLUMNS && r->arm_count < r->column_count) scores_as_rows(c, t);
    else arms_as_rows(c, t);
    const cm_column *primary = cm_column_find(r, r->primary);
    t->caption = cm_arena_print(&c->d->arena, "Scores%s; arrows say which way is better%s%s",
                                r->arm_count > 1 ? " of the arms" : "", primary ? "; the primary score is " : "",
                                primary ? primary->title : "");
    const char *note = r->arm_count > 1 ? marks_note : "Small: 95 % intervals over prompts.";
    t->note = any_mechanism(r) ? cm_arena_print(&c->d->arena, "%s%s", note, mechanism_note) : note;
}

/* --- a row a score and arm -------------------------------------------------------------- */

static void number_cell(cm_table *t, const json_t *row, const char *key) {
    double v;
    if (cm_number_of(row, key, &v)) cm_table_number(t, v);
    else cm_table_empty(t);
}

/* To the list of the arm of this name. */
static const char *link_of(const cm_content *c, const char *arm) {
    for (size_t a = 0; c->lists && a < c->r->arm_count; a++)
        if (strcmp(c->r->arms[a], arm) == 0) return cm_arm_anchor(c, a);
    return NULL;
}

static void about_cell(const cm_content *c, cm_table *t, const json_t *s) {
    const cm_column *of = cm_column_find(c->r, cm_text_of(s, "score"));
    const char *about = cm_text_of(s, "about"), *source = cm_text_of(s, "source"), *note = cm_text_of(s, "note");
    if (!*about && of) about = of->about;
    if (!*source && of) source = of->source;
    const char *aside = cm_arena_print(&c->d->arena, "%s%s%s", source, *source && *note ? ". " : "", note);
    cm_table_text(t, about)->aside = aside && *aside ? aside : NULL;
}

/* n, and of a score of attention how many phrases take part. */
static void sample_cell(const cm_content *c, cm_table *t, const json_t *s) {
    double n, phrases, lost;
    cm_cell *cell = cm_number_of(s, "n", &n) ? cm_table_number(t, n) : cm_table_empty(t);
    if (!cm_number_of(s, "phrases", &phrases) || !cm_number_of(s, "lost", &lost)) return;
    cell->aside = cm_arena_print(&c->d->arena, "%.0f of %.0f phrases; %.0f have lost their region", phrases - lost,
                                 phrases, lost);
}

static void detail_row(const cm_content *c, cm_table *t, const json_t *s, bool arms) {
    static const char *const numbers[] = {"images", "reference_n", "read"};
    double v, lo, hi;
    cm_table_row(t);
    cm_table_text(t, cm_text_of(s, "score"));
    if (arms) cm_table_text(t, cm_text_of(s, "arm"));
    cm_table_text(t, cm_text_of(s, "better"));
    if (!cm_number_of(s, "value", &v)) cm_table_absent(t, "undefined");
    else if (cm_number_of(s, "lo", &lo) && cm_number_of(s, "hi", &hi))
        cm_table_interval(t, v, lo, hi)->link = link_of(c, cm_text_of(s, "arm"));
    else cm_table_number(t, v)->link = link_of(c, cm_text_of(s, "arm"));
    number_cell(t, s, "deviation");
    sample_cell(c, t, s);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) number_cell(t, s, numbers[i]);
    about_cell(c, t, s);
}

void cm_add_score_details(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "score", .left = true},
                                              {.title = "arm", .left = true},
                                              {.title = "better", .left = true},
                                              {.title = "value", .style = CM_GENERAL, .digits = 6},
                                              {.title = "deviation", .style = CM_GENERAL, .digits = 4},
                                              {.title = "n"},
                                              {.title = "images"},
                                              {.title = "reference", .key = "reference_n"},
                                              {.title = "text read", .key = "read", .style = CM_PERCENT},
                                              {.title = "what it is", .key = "about", .left = true}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    const bool arms = c->r->arm_count > 1;
    cm_table_column used[COLUMNS];
    if (!c->r->scores.count) return;
    memcpy(used, columns, sizeof columns);
    if (!arms) memmove(used + 1, used + 2, (COLUMNS - 2) * sizeof *used);
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "details", used, arms ? COLUMNS : COLUMNS - 1);
    t->caption = "Every score with its interval, its sample and what it is";
    for (size_t i = 0; i < c->r->scores.count && !cm_interrupted(); i++) detail_row(c, t, c->r->scores.at[i], arms);
}

/* --- pairs ------------------------------------------------------------------------------ */

static bool any_has(const cm_row_list *rows, const char *key) {
    double v;
    for (size_t i = 0; i < rows->count; i++)
        if (cm_number_of(rows->at[i], key, &v)) return true;
    return false;
}

static void difference_cell(const cm_content *c, cm_table *t, const json_t *p, double d) {
    const cm_column *of = cm_column_find(c->r, cm_text_of(p, "score"));
    double lo, hi;
    const bool interval = cm_number_of(p, "lo", &lo) && cm_number_of(p, "hi", &hi);
    cm_cell *cell = interval ? cm_table_interval(t, d, lo, hi) : cm_table_number(t, d);
    cell->strong = cm_pair_is_apart(p);
    cell->signed_ = true;
    cell->style = CM_FIXED;
    cell->digits = (signed char)(c->r->format >= 2 && of && of->style == CM_FIXED ? of->digits + 1 : 4);
    cell->link = link_of(c, cm_text_of(p, "a"));
}

static void pair_row(const cm_content *c, cm_table *t, const json_t *p, bool effects) {
    const cm_column *of = cm_column_find(c->r, cm_text_of(p, "score"));
    const bool primary = strcmp(cm_text_of(p, "score"), c->r->primary) == 0;
    const char *arms = cm_arena_print(&c->d->arena, "%s - %s", cm_text_of(p, "a"), cm_text_of(p, "b"));
    double d;
    cm_table_row(t);
    cm_table_text(t, of && c->r->format >= 2 ? of->title : cm_text_of(p, "score"))->aside = primary ? "primary"
                                                                                            : of && of->mechanism
                                                                                                ? "what the loss trains"
                                                                                                : NULL;
    cm_table_text(t, arms ? arms : "");
    if (!cm_number_of(p, "difference", &d)) {
        cm_table_rest(t, cm_absent(c, cm_text_of(p, "note")));
        return;
    }
    difference_cell(c, t, p, d);
    number_cell(t, p, "p_holm");
    number_cell(t, p, "p");
    if (effects) number_cell(t, p, "effect");
    if (effects) number_cell(t, p, "detectable");
    number_cell(t, p, "n");
}

void cm_add_pair_table(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "score", .left = true},
                                              {.title = "a - b", .left = true},
                                              {.title = "difference"},
                                              {.title = "p, Holm", .key = "p_holm", .style = CM_P_VALUE},
                                              {.title = "raw p", .key = "p", .style = CM_P_VALUE},
                                              {.title = "effect", .style = CM_FIXED, .digits = 2},
                                              {.title = "detectable", .style = CM_GENERAL, .digits = 3},
                                              {.title = "n"}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    const bool effects = any_has(&c->r->pairs, "effect") || any_has(&c->r->pairs, "detectable");
    cm_table_column used[COLUMNS];
    if (!c->r->pairs.count) return;
    memcpy(used, columns, sizeof columns);
    if (!effects) used[5] = columns[7];
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "pairs", used, effects ? COLUMNS : COLUMNS - 2);
    t->caption = "Differences between two arms, prompt by prompt";
    t->note = effects ? "Bold: p < 0.05; of the primary score, which was named before the run, as it is, of all others "
                        "after Holm's correction for these. Raw p is "
                        "two-sided. Small: the difference's 95 % interval. "
                        "Effect: the mean difference over its standard deviation across prompts. Detectable: the "
                        "smallest difference that this many "
                        "prompts would show in 8 of 10 runs."
                      : "Bold: p < 0.05 after Holm's correction for the scores of the pair; raw p is two-sided, by "
                        "sign-flip permutation. Small: the "
                        "difference's 95 % interval.";
    for (size_t i = 0; i < c->r->pairs.count && !cm_interrupted(); i++) pair_row(c, t, c->r->pairs.at[i], effects);
}
