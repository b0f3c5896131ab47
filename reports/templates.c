// SPDX-License-Identifier: Apache-2.0
#include "reports/templates.h"

#include <string.h>

#include "core/base/closest.h"

enum { EVERY = CM_SHOWN_PROMPTS };

/* --- parts that several templates share ------------------------------------------------- */

static void plot(const cm_content *c, const cm_plot *p) {
    if (p->name) cm_document_plot(c->d, *p);
}

/* Older runs say what they have not measured; of format 2 the plan says what was wanted, and the rest takes no place.
 */
static bool wants_differences(const cm_report_model *r) {
    return r->format < 2 || r->arm_count > 1;
}

static bool wants_times(const cm_report_model *r) {
    return r->format < 2 || r->speeds.count || r->commands.count || r->peers.count;
}

static bool wants_attention(const cm_report_model *r) {
    if (r->format < 2 || r->illustrated.count) return true;
    return cm_column_find(r, "hola") || cm_column_find(r, "attn_iou") || cm_column_find(r, "attn_mass");
}

static void differences(const cm_content *c) {
    if (!wants_differences(c->r)) return;
    cm_heading(c->d, "Differences, paired by prompt", "differences");
    if (!c->r->pairs.count) cm_paragraph_of(c->d, CM_PLAIN, "not measured");
    cm_add_pair_table(c);
    plot(c, &c->plots->differences);
}

static void parts(const cm_content *c, bool details) {
    if (!c->r->parts.count) return;
    cm_heading(c->d, "Part by part", "by-part");
    cm_add_part_table(c);
    plot(c, &c->plots->parts);
    if (details) cm_add_part_details(c);
}

static void speeds(const cm_content *c) {
    if (!wants_times(c->r)) return;
    cm_heading(c->d, "Speed and memory", "times");
    cm_add_products(c);
    if (!c->r->speeds.count && c->r->format < 2) cm_paragraph_of(c->d, CM_PLAIN, "not measured");
    cm_add_speed_table(c);
    plot(c, &c->plots->speed);
    if (c->r->growth_count) cm_subheading(c->d, "Time over operations as images grow");
    cm_add_growth_table(c);
    cm_add_command_table(c);
    cm_add_peer_table(c);
}

static void say_why_not(const cm_content *c) {
    if (!c->plots->why_not) return;
    cm_say(c->d, "Not every plot is drawn: %s", c->plots->why_not);
    cm_paragraph(c->d, CM_SMALL);
}

/* --- templates -------------------------------------------------------------------------- */

static void published(const cm_content *c) {
    cm_add_summary(c);
    cm_heading(c->d, "Scores", "all-scores");
    cm_add_score_details(c);
}

static void full(const cm_content *c) {
    cm_add_unfinished(c);
    cm_add_failures(c);
    if (cm_report_model_published(c->r)) {
        published(c);
    } else if (c->r->arm_count) {
        cm_add_summary(c);
        cm_heading(c->d, "Scores", "all-scores");
        cm_add_score_table(c);
        if (wants_differences(c->r)) plot(c, &c->plots->scores);
        differences(c);
        parts(c, true);
        cm_add_grid(c, EVERY);
        cm_add_lists(c);
        if (wants_attention(c->r)) cm_add_attention(c, EVERY);
        cm_add_layer_tables(c);
        cm_heading(c->d, "What the scores are", "legend");
        cm_add_legend(c);
        if (c->r->format >= 2) cm_add_score_details(c);
        if (wants_differences(c->r)) {
            cm_heading(c->d, "Beside the paper", "paper");
            cm_add_training_ablation(c);
        }
    }
    if (!cm_report_model_published(c->r)) speeds(c);
    say_why_not(c);
    cm_add_methods(c);
}

static void paper(const cm_content *c) {
    enum { PROMPTS = 6, MAPS = 3 };
    cm_add_unfinished(c);
    cm_add_failures(c);
    cm_add_summary(c);
    cm_heading(c->d, "Main comparison", "comparison");
    cm_add_main_comparison(c);
    cm_heading(c->d, "Ablations", "ablations");
    cm_add_data_ablation(c);
    cm_add_training_ablation(c);
    differences(c);
    parts(c, false);
    cm_add_grid(c, PROMPTS);
    if (wants_attention(c->r)) cm_add_attention(c, MAPS);
    cm_add_layer_tables(c);
    speeds(c);
    say_why_not(c);
    cm_add_methods(c);
}

static void model_card(const cm_content *c) {
    cm_add_unfinished(c);
    cm_add_failures(c);
    cm_heading(c->d, "Evaluation", "evaluation");
    cm_add_summary(c);
    cm_add_score_table(c);
    cm_add_pair_table(c);
    cm_add_part_table(c);
    cm_add_legend(c);
    if (c->r->speeds.count) cm_heading(c->d, "Speed and memory", "times");
    cm_add_speed_table(c);
    cm_add_methods(c);
}

const cm_template cm_templates[] = {{"full", "report", true, full},
                                    {"paper", "paper", false, paper},
                                    {"model-card", "model-card", false, model_card},
                                    {0}};

cm_status cm_template_find(const char *name, const cm_template **found) {
    enum { TEMPLATES = sizeof cm_templates / sizeof *cm_templates };
    const char *names[TEMPLATES];
    for (size_t i = 0; i < TEMPLATES; i++) {
        names[i] = cm_templates[i].name;
        if (!names[i] || strcmp(names[i], name) != 0) continue;
        *found = &cm_templates[i];
        return CM_OK;
    }
    return cm_unknown_choice("--template", name, names);
}
