// SPDX-License-Identifier: Apache-2.0
/* What a report says, from the records alone: each function adds blocks to a document, and nothing where there is
 * nothing to say. Which of them stand in a report, and in what order, is a template's matter (templates.c). */
#ifndef CM_REPORTS_CONTENT_H
#define CM_REPORTS_CONTENT_H

#include "reports/document.h"
#include "reports/report_model.h"

/* Which of plots/scores.svg, differences.svg, speed.svg, parts.svg, layers.svg were drawn; the reason when one could
 * not be. */
typedef struct cm_plots {
    cm_plot scores, differences, speed, parts, layers; /* name NULL: not drawn */
    const char *why_not;
} cm_plots;
cm_status cm_report_plots(cm_report_model *r, cm_plots *made); /* plots.c, plot_parts.c, plot_layers.c */

typedef struct cm_content {
    cm_document *d;
    const cm_report_model *r;
    const cm_plots *plots;
    bool lists; /* the report lists each arm's prompts, so numbers lead there */
} cm_content;

/* --- prose.c: summary and legends; headline.c; methods.c ------------------------------------ */
const char *cm_report_title(const cm_content *c);
const char *cm_report_subtitle(const cm_content *c);
void cm_add_unfinished(const cm_content *c);
void cm_add_failures(const cm_content *c); /* images that could not be read */
void cm_add_headline(const cm_content *c, const char *a,
                     const char *b);       /* what this pair found, with N and what N can see */
void cm_add_summary(const cm_content *c);  /* the first pair's headline, then each pair of arms in words */
void cm_add_legend(const cm_content *c);   /* what the columns are, and every note of a score */
void cm_add_products(const cm_content *c); /* the machine's own rates */
void cm_add_methods(const cm_content *c);

/* Why there is no value: "not measured: REASON", said once. */
const char *cm_absent(const cm_content *c, const char *note);

/* --- score_tables.c, part_tables.c, layer_tables.c, paper_tables.c, speed_tables.c: tables --- */
void cm_add_score_table(const cm_content *c);
void cm_add_score_details(
    const cm_content *c); /* a row a score and arm: deviation, n, reference, text read, what it is */
void cm_add_pair_table(const cm_content *c);
void cm_add_part_table(const cm_content *c);   /* accuracy by group, the arms side by side */
void cm_add_layer_tables(const cm_content *c); /* attention of each group's words by layer, two arms, with its image */
void cm_add_part_details(const cm_content *c); /* the same for objects, textures and shapes */
void cm_add_main_comparison(const cm_content *c);   /* our arms in the columns of the paper's table 2, above its rows */
void cm_add_data_ablation(const cm_content *c);     /* table 3 */
void cm_add_training_ablation(const cm_content *c); /* table 4 */
void cm_add_speed_table(const cm_content *c);
void cm_add_growth_table(const cm_content *c);
void cm_add_peer_table(const cm_content *c);
void cm_add_command_table(const cm_content *c); /* what commands of other programs took */

/* A score's cell: value, interval, standing; absent where there is none. link: NULL or an anchor. */
void cm_value_cell(const cm_content *c, cm_table *t, size_t arm, size_t column, const char *link);
const char *cm_arm_about(const cm_content *c, const char *arm); /* what it is, in a few words; NULL: nothing is said */
const char *cm_arm_not_run(const cm_content *c, const char *arm); /* why it has neither score nor image; NULL: it has */

/* --- images.c ------------------------------------------------------------------------------- */
void cm_add_grid(const cm_content *c, size_t most); /* the arms of one prompt side by side, with answers */
void cm_add_lists(const cm_content *c);             /* each arm's prompts: scores, answers, where its images are */
void cm_add_attention(const cm_content *c, size_t most);
const char *cm_arm_anchor(const cm_content *c, size_t arm);       /* of its list; NULL: this report has none */
const char *cm_prompt_anchor(const cm_content *c, size_t prompt); /* of its figure */

/* --- record_tables.c: records as they are, for CSV ------------------------------------------ */
cm_status cm_report_csv(const cm_report_model *r);

#endif
