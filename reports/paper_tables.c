// SPDX-License-Identifier: Apache-2.0
/* Our arms in the columns of the paper's tables, above the paper's own rows: CosmicMan, CVPR 2024 (arXiv 2404.01294),
 * tables 2, 3 and 4, as printed. */
#include <string.h>

#include "reports/content.h"

typedef struct paper_column {
    const char *title, *family; /* scores of ours that begin so */
    const char *nano;           /* what stands for it on the nano networks, in a column of its own; NULL: nothing */
    cm_better better;
    int digits;
} paper_column;

enum { FID, HPS, CLIP, OBJ, TEX, SHAPE, ALL, PAPER_COLUMNS };
static const paper_column paper_columns[PAPER_COLUMNS] = {
    {"FID", "fid@", "fd@nano", CM_LOWER, 2},      {"HPSv2", "hpsv2", NULL, CM_HIGHER, 4},
    {"CLIP", "clip@", "clip@nano", CM_HIGHER, 2}, {"Acc_obj", "acc_obj", NULL, CM_HIGHER, 1},
    {"Acc_tex", "acc_tex", NULL, CM_HIGHER, 1},   {"Acc_shape", "acc_shape", NULL, CM_HIGHER, 1},
    {"Acc_all", "acc_all", NULL, CM_HIGHER, 1}};

enum { MOST_TEXTS = 3, MOST_ROWS = 9 };
typedef struct paper_row {
    const char *texts[MOST_TEXTS];
    double values[PAPER_COLUMNS]; /* in the table's own order */
} paper_row;

typedef struct paper_table {
    const char *name, *caption;
    int number;
    const char *texts[MOST_TEXTS];
    size_t text_count, column_count, row_count;
    int columns[PAPER_COLUMNS];
    paper_row rows[MOST_ROWS];
} paper_table;

static const paper_table main_table = {"main-comparison",
                                       "Main comparison, in the columns of the paper's table 2",
                                       2,
                                       {"method"},
                                       1,
                                       7,
                                       9,
                                       {FID, HPS, CLIP, OBJ, TEX, SHAPE, ALL},
                                       {{{"SD 1.5"}, {48.09, 0.2659, 30.43, 87.3, 77.4, 59.3, 74.6}},
                                        {{"SD 2.0"}, {51.61, 0.2588, 26.27, 82.8, 74.7, 58.7, 72.0}},
                                        {{"SDXL"}, {48.61, 0.2647, 30.78, 88.5, 82.5, 63.2, 78.1}},
                                        {{"DeepFloyd-IF"}, {44.62, 0.2603, 29.33, 87.9, 84.4, 62.0, 78.1}},
                                        {{"DALLE-2"}, {49.60, 0.2630, 29.86, 83.3, 79.3, 55.3, 72.6}},
                                        {{"DALLE-3"}, {66.36, 0.2673, 28.86, 86.2, 87.1, 60.1, 77.8}},
                                        {{"MidJourney"}, {53.89, 0.2688, 28.89, 85.2, 79.5, 59.4, 74.7}},
                                        {{"CosmicMan-SD"}, {36.78, 0.2690, 28.47, 91.7, 85.7, 66.1, 81.2}},
                                        {{"CosmicMan-SDXL"}, {35.42, 0.2698, 27.31, 92.7, 88.3, 69.7, 83.6}}}};

static const paper_table data_table = {"data-ablation",
                                       "Ablation of the training data, in the columns of the paper's table 3",
                                       3,
                                       {"data", "images", "text"},
                                       3,
                                       2,
                                       6,
                                       {FID, ALL},
                                       {{{"LAION-5B", "5 B", "alt-text"}, {48.09, 74.6}},
                                        {{"HumanSD", "1 M", "alt-text"}, {49.01, 75.0}},
                                        {{"CosmicMan-HQ, 1 M", "1 M", "alt-text"}, {47.65, 75.2}},
                                        {{"CosmicMan-HQ, 1 M", "1 M", "InstructBLIP, pretrained"}, {51.02, 75.6}},
                                        {{"CosmicMan-HQ, 1 M", "1 M", "Annotate Anyone"}, {40.08, 78.8}},
                                        {{"CosmicMan-HQ", "6 M", "Annotate Anyone"}, {37.57, 79.7}}}};

static const paper_table training_table = {"training-ablation",
                                           "Ablation of the training strategy, in the columns of the paper's table 4",
                                           4,
                                           {"setting"},
                                           1,
                                           5,
                                           3,
                                           {FID, OBJ, TEX, SHAPE, ALL},
                                           {{{"SD 1.5, pretrained"}, {48.09, 87.3, 77.4, 59.3, 74.6}},
                                            {{"+ CosmicMan-HQ fine-tuning"}, {37.57, 90.8, 83.5, 64.8, 79.7}},
                                            {{"+ L_HOLA"}, {36.78, 91.7, 85.7, 66.1, 81.2}}}};

/* --- columns ---------------------------------------------------------------------------- */

/* A column of the table: one of the paper's, one of ours, or both. */
typedef struct matched {
    int theirs;  /* of the paper table's values; -1 */
    size_t ours; /* of cm_report_model; SIZE_MAX */
} matched;

/* Scores on other weights ("fid@clean[random]"), on the nano networks, and cosines on another scale than the paper's.
 */
static bool is_another(const char *score) {
    return strchr(score, '[') != NULL || strstr(score, "nano") != NULL || strcmp(score, "clip@hessel") == 0 ||
           strcmp(score, "clip@t2icomp") == 0;
}

/* The first of our columns of this family that has a value. */
static size_t find_ours(const cm_report_model *r, const paper_column *p) {
    for (size_t i = 0; i < r->column_count; i++) {
        const char *score = r->columns[i].score;
        if (r->columns[i].measured && strncmp(score, p->family, strlen(p->family)) == 0 && !is_another(score)) return i;
    }
    return SIZE_MAX;
}

static size_t find_nano(const cm_report_model *r, const paper_column *p) {
    const cm_column *of = p->nano ? cm_column_find(r, p->nano) : NULL;
    return of && of->measured ? (size_t)(of - r->columns) : SIZE_MAX;
}

static cm_table_column title_of(const cm_column *of) {
    return (cm_table_column){
        .title = of->title, .key = of->score, .better = of->better, .style = of->style, .digits = of->digits};
}

static size_t match_columns(const cm_report_model *r, const paper_table *p, matched *found, cm_table_column *columns) {
    size_t count = p->text_count;
    for (size_t i = 0; i < p->text_count; i++) columns[i] = (cm_table_column){.title = p->texts[i], .left = true};
    for (size_t k = 0; k < p->column_count; k++) {
        const paper_column *of = &paper_columns[p->columns[k]];
        const size_t ours = find_ours(r, of), nano = ours == SIZE_MAX ? find_nano(r, of) : SIZE_MAX;
        if (nano != SIZE_MAX) {
            columns[count] = title_of(&r->columns[nano]);
            found[count++] = (matched){-1, nano};
        }
        columns[count] = (cm_table_column){.title = of->title, .better = of->better, .digits = of->digits};
        found[count++] = (matched){(int)k, ours};
    }
    return count;
}

/* --- rows ------------------------------------------------------------------------------- */

static void our_row(const cm_content *c, cm_table *t, const paper_table *p, const matched *found, size_t arm) {
    const char *name = c->r->arms[arm], *not_run = cm_arm_not_run(c, name);
    const char *data = cm_text_of(json_object_get(cm_report_model_arm(c->r, name), "trained"), "data");
    cm_table_row(t);
    cm_table_text(t, name)->aside = p->number == 3 && *data ? data : cm_arm_about(c, name);
    if (not_run) {
        cm_table_rest(t, not_run);
        return;
    }
    for (size_t i = 1; i < p->text_count; i++) cm_table_empty(t);
    for (size_t i = p->text_count; i < t->column_count; i++) {
        if (found[i].ours == SIZE_MAX) cm_table_empty(t);
        else cm_value_cell(c, t, arm, found[i].ours, cm_arm_anchor(c, arm));
    }
}

static void their_row(cm_table *t, const paper_table *p, const matched *found, const paper_row *row) {
    cm_table_row_theirs(t);
    for (size_t i = 0; i < p->text_count; i++) cm_table_text(t, row->texts[i]);
    for (size_t i = p->text_count; i < t->column_count; i++) {
        if (found[i].theirs < 0) cm_table_empty(t);
        else cm_table_number(t, row->values[found[i].theirs]);
    }
}

/* "FID is fid@clean", of columns whose score of ours has another name. */
static void say_names(const cm_content *c, const cm_table *t, const matched *found, size_t from) {
    for (size_t i = from; i < t->column_count; i++) {
        if (found[i].theirs < 0 || found[i].ours == SIZE_MAX) continue;
        const char *score = c->r->columns[found[i].ours].score, *family = t->columns[i].title;
        if (strncmp(score, "acc_", 4) != 0) cm_say(c->d, " In our rows %s is %s.", family, score);
    }
}

static void add_table(const cm_content *c, const paper_table *p) {
    matched found[MOST_TEXTS + 2 * PAPER_COLUMNS];
    cm_table_column columns[MOST_TEXTS + 2 * PAPER_COLUMNS];
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, p->name, columns, match_columns(c->r, p, found, columns));
    t->caption = p->caption;
    for (size_t a = 0; a < c->r->arm_count; a++) our_row(c, t, p, found, a);
    for (size_t i = 0; i < p->row_count; i++) their_row(t, p, found, &p->rows[i]);
    cm_say(c->d,
           "Italic: the paper's own rows (CosmicMan, CVPR 2024, table %d): theirs, of photographs, 2,048 prompts and "
           "the authors' scorers. "
           "Where our prompts, reference or scorers are others, only directions compare.",
           p->number);
    say_names(c, t, found, p->text_count);
    if (c->r->arm_count > 1)
        cm_say(c->d, " Bold: our leading group; † marks those of it that are not the best value itself.");
    t->note = cm_said(c->d);
}

void cm_add_main_comparison(const cm_content *c) {
    add_table(c, &main_table);
}

void cm_add_data_ablation(const cm_content *c) {
    add_table(c, &data_table);
}

void cm_add_training_ablation(const cm_content *c) {
    add_table(c, &training_table);
}
