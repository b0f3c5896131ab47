// SPDX-License-Identifier: Apache-2.0
/* The tables of a report, told once for HTML and Markdown. Loops over records end at a signal; cm_writer_close says so. */
#include <string.h>

#include "core/base/system.h"
#include "reports/pages.h"

static void text_cell(cm_writer *w, const json_t *row, const char *key) {
    cm_cell(w);
    cm_text(w, cm_text_of(row, key));
}

/* Empty where there is no number. */
static void number_cell(cm_writer *w, const json_t *row, const char *key, const char *format) {
    double v;
    cm_cell(w);
    if (cm_number_of(row, key, &v)) cm_number(w, format, v);
}

static void size_cell(cm_writer *w, double width, double height) {
    cm_cell(w);
    cm_textf(w, "%.0fx%.0f", width, height);
}

static void row_size_cell(cm_writer *w, const json_t *row) {
    double width = 0, height = 0;
    cm_number_of(row, "width", &width);
    cm_number_of(row, "height", &height);
    size_cell(w, width, height);
}

/* --- scores ----------------------------------------------------------------------------- */

static void score_cell(cm_writer *w, const cm_rows *r, size_t arm, size_t column) {
    const cm_column *c = &cm_columns[column];
    const json_t *row = cm_rows_score(r, r->arms[arm], c->score);
    const bool best = r->best[column] == arm;
    double v, lo, hi;
    if (!cm_number_of(row, "value", &v)) {
        cm_cell_absent(w);
        cm_write_absent(w, "");
        return;
    }
    cm_cell(w);
    if (best) cm_strong(w, true);
    cm_textf(w, "%.*f", c->decimals, v);
    if (best) cm_strong(w, false);
    if (!cm_number_of(row, "lo", &lo) || !cm_number_of(row, "hi", &hi)) return;
    cm_aside(w, true);
    cm_textf(w, "%.*f to %.*f", c->decimals, lo, c->decimals, hi);
    cm_aside(w, false);
}

static void named_cell(cm_writer *w, const char *name, const char *about) {
    cm_cell(w);
    cm_text(w, name);
    if (!*about) return;
    cm_aside(w, true);
    cm_text(w, about);
    cm_aside(w, false);
}

static void ceiling_row(cm_writer *w, const cm_rows *r) {
    cm_row(w, true);
    named_cell(w, "ceiling", "the scorers on held-out drawings");
    for (size_t c = 0; c < CM_COLUMNS; c++) {
        double v;
        cm_cell(w);
        if (cm_number_of(cm_rows_ceiling(r, cm_columns[c].score), "value", &v)) cm_textf(w, "%.*f", cm_columns[c].decimals, v);
    }
    cm_row_end(w);
}

void cm_write_score_table(cm_writer *w, const cm_rows *r) {
    char titles[CM_COLUMNS][64];
    cm_table_column columns[1 + CM_COLUMNS] = {{"arm", true}};
    for (size_t c = 0; c < CM_COLUMNS; c++) {
        const bool primary = strcmp(cm_columns[c].score, cm_primary_score) == 0;
        snprintf(titles[c], sizeof titles[c], "%s %s%s", cm_columns[c].title, cm_columns[c].arrow, primary ? ", primary" : "");
        columns[1 + c] = (cm_table_column){titles[c], false};
    }
    cm_table(w, columns, 1 + CM_COLUMNS);
    for (size_t a = 0; a < r->arm_count; a++) {
        cm_row(w, false);
        named_cell(w, r->arms[a], cm_text_of(json_array_get(json_object_get(r->run, "arms"), a), "about"));
        for (size_t c = 0; c < CM_COLUMNS; c++) score_cell(w, r, a, c);
        cm_row_end(w);
    }
    if (r->ceilings.count) ceiling_row(w, r);
    cm_table_end(w);
}

void cm_write_paper_table(cm_writer *w) {
    static const cm_table_column columns[] = {{"the paper's own figures (theirs)", true}, {"FID ↓", false}, {"Acc_obj ↑", false},
                                              {"Acc_tex ↑", false}, {"Acc_shape ↑", false}, {"Acc_all ↑", false}};
    static const struct {
        const char *setting;
        double values[5];
    } rows[] = {{"SD 1.5, pretrained", {48.09, 87.3, 77.4, 59.3, 74.6}},
                {"+ CosmicMan-HQ fine-tuning", {37.57, 90.8, 83.5, 64.8, 79.7}},
                {"+ L_HOLA", {36.78, 91.7, 85.7, 66.1, 81.2}}};
    cm_table(w, columns, 6);
    for (size_t i = 0; i < 3; i++) {
        cm_row(w, true);
        named_cell(w, rows[i].setting, "");
        for (size_t k = 0; k < 5; k++) {
            cm_cell(w);
            cm_textf(w, "%.*f", k ? 1 : 2, rows[i].values[k]);
        }
        cm_row_end(w);
    }
    cm_table_end(w);
    cm_paragraph(w);
    cm_text(w, "CosmicMan, CVPR 2024, table 4: real photographs, SD 1.5, 2,048 prompts, the authors' scorers. Another scale than ours: "
               "only directions compare.");
    cm_paragraph_end(w);
}

/* --- pairs ------------------------------------------------------------------------------ */

static void p_cell(cm_writer *w, const json_t *pair, const char *key) {
    double p;
    cm_cell(w);
    if (cm_number_of(pair, key, &p)) cm_write_p(w, p);
}

static void pair_row(cm_writer *w, const json_t *p) {
    const bool apart = cm_pair_is_apart(p);
    double d, lo, hi;
    cm_row(w, false);
    text_cell(w, p, "score");
    cm_cell(w);
    cm_textf(w, "%s - %s", cm_text_of(p, "a"), cm_text_of(p, "b"));
    if (!cm_number_of(p, "difference", &d)) {
        cm_cell_rest(w);
        cm_write_absent(w, cm_text_of(p, "note"));
        cm_row_end(w);
        return;
    }
    cm_cell(w);
    if (apart) cm_strong(w, true);
    cm_textf(w, "%.4f", d);
    if (apart) cm_strong(w, false);
    cm_cell(w);
    if (cm_number_of(p, "lo", &lo) && cm_number_of(p, "hi", &hi)) cm_textf(w, "%.4f to %.4f", lo, hi);
    p_cell(w, p, "p_holm");
    p_cell(w, p, "p");
    number_cell(w, p, "n", "%.0f");
    cm_row_end(w);
}

void cm_write_pair_table(cm_writer *w, const cm_rows *r) {
    static const cm_table_column columns[] = {{"score", true}, {"a - b", true}, {"difference", false}, {"95 % interval", false},
                                              {"p, Holm", false}, {"raw p", false}, {"n", false}};
    if (!r->pairs.count) return;
    cm_table(w, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->pairs.count && !cm_interrupted(); i++) pair_row(w, r->pairs.at[i]);
    cm_table_end(w);
}

/* --- published scores ------------------------------------------------------------------- */

static void about_cell(cm_writer *w, const json_t *s) {
    const char *source = cm_text_of(s, "source"), *note = cm_text_of(s, "note");
    text_cell(w, s, "about");
    if (!*source && !*note) return;
    cm_aside(w, true);
    cm_textf(w, "%s%s%s", source, *source && *note ? ". " : "", note);
    cm_aside(w, false);
}

static void published_row(cm_writer *w, const json_t *s) {
    double v, lo, hi;
    cm_row(w, false);
    text_cell(w, s, "score");
    text_cell(w, s, "better");
    if (cm_number_of(s, "value", &v)) {
        cm_cell(w);
        cm_textf(w, "%.6g", v);
    } else {
        cm_cell_absent(w);
        cm_text(w, "undefined");
    }
    cm_cell(w);
    if (cm_number_of(s, "lo", &lo) && cm_number_of(s, "hi", &hi)) cm_textf(w, "%.5g to %.5g", lo, hi);
    number_cell(w, s, "deviation", "%.4g");
    number_cell(w, s, "n", "%.0f");
    number_cell(w, s, "reference_n", "%.0f");
    cm_cell(w);
    if (cm_number_of(s, "read", &v)) cm_textf(w, "%.0f %%", 100 * v);
    about_cell(w, s);
    cm_row_end(w);
}

void cm_write_published_table(cm_writer *w, const cm_rows *r) {
    static const cm_table_column columns[] = {{"score", true}, {"better", true}, {"value", false}, {"95 % interval", false}, {"deviation", false},
                                              {"n", false}, {"reference", false}, {"text read", false}, {"what it is", true}};
    cm_table(w, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->scores.count && !cm_interrupted(); i++) published_row(w, r->scores.at[i]);
    cm_table_end(w);
}

/* --- speed ------------------------------------------------------------------------------ */

static void times_cells(cm_writer *w, const cm_rows *r, const json_t *s, double median) {
    double p10, p90, gflop, mb;
    const double product = cm_rows_sgemm(r, cm_text_of(s, "backend"));
    const bool counted = cm_number_of(s, "gflop", &gflop) && median > 0;
    cm_cell(w);
    cm_textf(w, "%.4g", median);
    cm_cell(w);
    if (cm_number_of(s, "p10_s", &p10) && cm_number_of(s, "p90_s", &p90)) cm_textf(w, "%.4g - %.4g", p10, p90);
    cm_cell(w);
    if (median > 0) cm_textf(w, "%.4g", 1 / median);
    cm_cell(w);
    if (counted) cm_textf(w, "%.0f", gflop / median);
    cm_cell(w);
    if (counted && product > 0) cm_textf(w, "%.2f", gflop / median / product);
    number_cell(w, s, "n", "%.0f");
    if (cm_number_of(s, "peak_rss_mb", &mb)) {
        number_cell(w, s, "peak_rss_mb", "%.0f");
    } else {
        cm_cell_absent(w);
        cm_write_absent(w, "");
    }
}

static void speed_row(cm_writer *w, const cm_rows *r, const json_t *s) {
    double apart, median;
    const char *note = cm_text_of(s, "note");
    cm_row(w, false);
    text_cell(w, s, "model");
    text_cell(w, s, "backend");
    text_cell(w, s, "dtype");
    if (cm_number_of(s, "apart", &apart)) cm_textf(w, " (%.1e off f32)", apart);
    row_size_cell(w, s);
    if (cm_number_of(s, "median_s", &median)) {
        named_cell(w, cm_text_of(s, "stage"), note);
        times_cells(w, r, s, median);
    } else {
        text_cell(w, s, "stage");
        cm_cell_rest(w);
        cm_write_absent(w, note);
    }
    cm_row_end(w);
}

void cm_write_speed_table(cm_writer *w, const cm_rows *r) {
    static const cm_table_column columns[] = {{"model", true}, {"backend", true}, {"type", true}, {"size", false}, {"stage", true},
                                              {"median s", false}, {"10-90 %", false}, {"a second", false}, {"GFLOP/s", false},
                                              {"of one product", false}, {"n", false}, {"peak MB", false}};
    if (!r->speeds.count) return;
    cm_table(w, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->speeds.count && !cm_interrupted(); i++) speed_row(w, r, r->speeds.at[i]);
    cm_table_end(w);
}

static void growth_rows(cm_writer *w, const cm_growth *g) {
    for (size_t k = 0; k < g->count && !cm_interrupted(); k++) {
        const cm_growth_row *v = &g->rows[k];
        cm_row(w, false);
        named_cell(w, g->model, "");
        named_cell(w, g->backend, "");
        named_cell(w, g->stage, "");
        size_cell(w, v->width, v->height);
        cm_cell(w);
        cm_textf(w, "%.4g", v->seconds);
        cm_cell(w);
        cm_textf(w, "%.2f", v->more_seconds);
        cm_cell(w);
        if (v->gflop > 0) cm_textf(w, "%.4g", v->gflop);
        cm_cell(w);
        if (v->gflop > 0) cm_textf(w, "%.2f", v->more_gflop);
        cm_cell(w);
        if (v->gflop > 0) cm_textf(w, "%.0f", v->gflop / v->seconds);
        cm_row_end(w);
    }
}

void cm_write_growth_table(cm_writer *w, const cm_rows *r) {
    static const cm_table_column columns[] = {{"model", true}, {"backend", true}, {"stage", true}, {"size", false}, {"median s", false},
                                              {"x time", false}, {"GFLOP", false}, {"x GFLOP", false}, {"GFLOP/s", false}};
    if (!r->growth_count) return;
    cm_table(w, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->growth_count; i++) growth_rows(w, &r->growths[i]);
    cm_table_end(w);
    cm_paragraph(w);
    cm_text(w, "x: of the smallest size.");
    cm_paragraph_end(w);
}

/* --- other engines ---------------------------------------------------------------------- */

static void peer_row(cm_writer *w, const json_t *p) {
    static const char *const texts[] = {"engine", "version", "precision", "layout"};
    double v;
    cm_row(w, strncmp(cm_text_of(p, "engine"), "cosmicman", 9) != 0);
    text_cell(w, p, "model");
    text_cell(w, p, "stage");
    row_size_cell(w, p);
    for (size_t i = 0; i < 4; i++) text_cell(w, p, texts[i]);
    if (!cm_number_of(p, "median_s", &v)) {
        cm_cell_rest(w);
        cm_text(w, *cm_text_of(p, "note") ? cm_text_of(p, "note") : "not measured");
        cm_row_end(w);
        return;
    }
    const bool agrees = json_is_true(json_object_get(p, "agrees"));
    number_cell(w, p, "min_s", "%.4g");
    number_cell(w, p, "median_s", "%.4g");
    number_cell(w, p, "ratio", "%.2f");
    number_cell(w, p, "relative_l2", "%.1e");
    number_cell(w, p, "psnr_db", "%.1f");
    cm_cell(w);
    if (!agrees) cm_strong(w, true);
    cm_text(w, agrees ? "yes" : "no");
    if (!agrees) cm_strong(w, false);
    number_cell(w, p, "peak_rss_mb", "%.0f");
    number_cell(w, p, "n", "%.0f");
    cm_row_end(w);
}

void cm_write_peer_table(cm_writer *w, const cm_rows *r) {
    static const cm_table_column columns[] = {{"model", true}, {"stage", true}, {"size", false}, {"engine", true}, {"version", true},
                                              {"type", true}, {"layout", true}, {"min s", false}, {"median s", false}, {"x ours", false},
                                              {"relative L2", false}, {"PSNR dB", false}, {"agrees", false}, {"peak MB", false}, {"n", false}};
    if (!r->peers.count) return;
    cm_table(w, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->peers.count && !cm_interrupted(); i++) peer_row(w, r->peers.at[i]);
    cm_table_end(w);
}
