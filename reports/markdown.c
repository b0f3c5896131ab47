// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/rows.h"

static void score_table(FILE *f, const cm_rows *r) {
    fputs("| arm |", f);
    for (size_t c = 0; c < cm_column_count; c++) fprintf(f, " %s %s |", cm_columns[c].title, cm_columns[c].arrow);
    fputs("\n| --- |", f);
    for (size_t c = 0; c < cm_column_count; c++) fputs(" --- |", f);
    for (size_t a = 0; a < r->arm_count; a++) {
        fprintf(f, "\n| %s |", r->arms[a]);
        for (size_t c = 0; c < cm_column_count; c++) {
            const json_t *row = cm_rows_score(r, r->arms[a], cm_columns[c].score);
            const char *best = cm_rows_best(r, &cm_columns[c]);
            const bool bold = best && !strcmp(best, r->arms[a]);
            double lo, hi;
            fputs(bold ? " **" : " ", f);
            cm_write_value(f, row, "value", cm_columns[c].decimals);
            fputs(bold ? "**" : "", f);
            if (row && cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi))
                fprintf(f, " [%.*f, %.*f]", cm_columns[c].decimals, lo, cm_columns[c].decimals, hi);
            fputs(" |", f);
        }
    }
    fputs("\n\n", f);
}

static void paper_table(FILE *f) {
    fputs("The paper's own ablation (CosmicMan, CVPR 2024, table 4): real photographs, SD 1.5, 2,048 prompts, its own scorers. "
          "Another scale; only the direction compares.\n\n| setting (theirs) | FID ↓ | Acc_obj ↑ | Acc_tex ↑ | Acc_shape ↑ | Acc_all ↑ |\n"
          "| --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < sizeof cm_paper_rows / sizeof *cm_paper_rows; i++) {
        const cm_paper_row *p = &cm_paper_rows[i];
        fprintf(f, "| %s | %.2f | %.1f | %.1f | %.1f | %.1f |\n", p->setting, p->fid, p->acc_obj, p->acc_tex, p->acc_shape,
                p->acc_all);
    }
    fputs("\n", f);
}

static void pair_table(FILE *f, const cm_rows *r) {
    if (!r->pairs.count) return;
    fputs("| score | a | b | a - b | 95 % | p | p, Holm | n |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < r->pairs.count; i++) {
        const json_t *p = r->pairs.at[i];
        double n = 0;
        cm_number_of(p, "n", &n);
        fprintf(f, "| %s | %s | %s | ", cm_text_of(p, "score"), cm_text_of(p, "a"), cm_text_of(p, "b"));
        cm_write_value(f, p, "difference", 4);
        fputs(" | ", f);
        cm_write_value(f, p, "lo", 4);
        fputs(" to ", f);
        cm_write_value(f, p, "hi", 4);
        fputs(" | ", f);
        cm_write_p(f, p, "p", "<");
        fputs(" | ", f);
        cm_write_p(f, p, "p_holm", "<");
        fprintf(f, " | %.0f |\n", n);
    }
    fputs("\n", f);
}

static void speed_table(FILE *f, const cm_rows *r) {
    if (!r->speeds.count) {
        fputs("Speed: not measured.\n\n", f);
        return;
    }
    for (size_t i = 0; i < r->sgemms.count; i++)
        fprintf(f, "One large single-precision product on %s: %.0f GFLOP/s.\n\n", cm_text_of(r->sgemms.at[i], "backend"),
                cm_rows_sgemm(r, cm_text_of(r->sgemms.at[i], "backend")));
    fputs("| model | backend | type | size | stage | median s | 10-90 % | GFLOP/s | of one product | n | peak MB |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < r->speeds.count; i++) {
        const json_t *s = r->speeds.at[i];
        double w = 0, h = 0, n = 0, apart;
        cm_number_of(s, "width", &w);
        cm_number_of(s, "height", &h);
        cm_number_of(s, "n", &n);
        fprintf(f, "| %s | %s | %s", cm_text_of(s, "model"), cm_text_of(s, "backend"), cm_text_of(s, "dtype"));
        if (cm_number_of(s, "apart", &apart)) fprintf(f, " (%.1e off f32)", apart);
        fprintf(f, " | %.0fx%.0f | %s | ", w, h, cm_text_of(s, "stage"));
        cm_write_value(f, s, "median_s", 5);
        fputs(" | ", f);
        cm_write_value(f, s, "p10_s", 5);
        fputs(" - ", f);
        cm_write_value(f, s, "p90_s", 5);
        double gflop, median;
        const double product = cm_rows_sgemm(r, cm_text_of(s, "backend"));
        if (cm_number_of(s, "gflop", &gflop) && cm_number_of(s, "median_s", &median) && median > 0 && product > 0)
            fprintf(f, " | %.0f | %.2f | %.0f | ", gflop / median, gflop / median / product, n);
        else fprintf(f, " | | | %.0f | ", n);
        cm_write_value(f, s, "peak_rss_mb", 0);
        fputs(" |\n", f);
    }
    fputs("\n", f);
}

/* A text of somebody else's in a cell of a table. */
static void cell(FILE *f, const json_t *row, const char *key) {
    for (const char *t = cm_text_of(row, key); *t; t++) fputc(strchr("|\r\n", *t) ? ' ' : *t, f);
    fputs(" | ", f);
}

static void number_cell(FILE *f, const json_t *row, const char *key, const char *format) {
    double v;
    char text[40] = "";
    if (cm_number_of(row, key, &v)) snprintf(text, sizeof text, format, v);
    fprintf(f, "%s | ", text);
}

static void peer_row(FILE *f, const json_t *p) {
    double w = 0, h = 0, v;
    cm_number_of(p, "width", &w);
    cm_number_of(p, "height", &h);
    fputs("| ", f);
    cell(f, p, "model");
    cell(f, p, "stage");
    fprintf(f, "%.0fx%.0f | ", w, h);
    cell(f, p, "engine");
    cell(f, p, "version");
    cell(f, p, "precision");
    cell(f, p, "layout");
    if (!cm_number_of(p, "median_s", &v)) {
        cell(f, p, "note");
        fputs("| | | | | | |\n", f);
        return;
    }
    number_cell(f, p, "min_s", "%.4g");
    number_cell(f, p, "median_s", "%.4g");
    number_cell(f, p, "ratio", "%.2f");
    number_cell(f, p, "relative_l2", "%.1e");
    number_cell(f, p, "psnr_db", "%.1f");
    fputs(json_is_true(json_object_get(p, "agrees")) ? "yes | " : "**no** | ", f);
    number_cell(f, p, "peak_rss_mb", "%.0f");
    number_cell(f, p, "n", "%.0f");
    fputc('\n', f);
}

static void peer_table(FILE *f, const cm_rows *r) {
    if (!r->peers.count) return;
    fputs("### Beside other engines\n\n", f);
    cm_write_peers(f, r);
    fputs("| model | stage | size | engine | version | type | layout | min s | median s | x ours | relative L2 | PSNR dB | agrees | peak MB | n |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < r->peers.count; i++) peer_row(f, r->peers.at[i]);
    fputc('\n', f);
}

static void growth_table(FILE *f, const cm_rows *r) {
    cm_growth g;
    if (!cm_rows_grow(r)) return;
    fputs("Time over operations as pictures grow; x: of the smallest size.\n\n"
          "| model | backend | stage | size | median s | x | GFLOP | x | GFLOP/s |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < r->speeds.count; i++) {
        if (!cm_rows_growth(r, i, &g)) continue;
        for (size_t k = 0; k < g.count; k++) {
            const cm_growth_row *w = &g.rows[k];
            fprintf(f, "| %s | %s | %s | %.0fx%.0f | %.4g | %.2f | ", g.model, g.backend, g.stage, w->width, w->height,
                    w->seconds, w->more_seconds);
            if (w->gflop > 0) fprintf(f, "%.4g | %.2f | %.0f |\n", w->gflop, w->more_gflop, w->gflop / w->seconds);
            else fputs(" | | |\n", f);
        }
    }
    fputs("\n", f);
}

static void published_table(FILE *f, const cm_rows *r) {
    fputs("| score | better | value | 95 % | deviation | n | reference | text read | what | note |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < r->scores.count; i++) {
        const json_t *s = r->scores.at[i];
        double lo, hi, v;
        fprintf(f, "| %s | %s | ", cm_text_of(s, "score"), cm_text_of(s, "better"));
        if (cm_number_of(s, "value", &v)) fprintf(f, "%.6g | ", v);
        else fputs("undefined | ", f);
        if (cm_number_of(s, "lo", &lo) && cm_number_of(s, "hi", &hi)) fprintf(f, "%.5g to %.5g", lo, hi);
        fputs(" | ", f);
        number_cell(f, s, "deviation", "%.4g");
        number_cell(f, s, "n", "%.0f");
        number_cell(f, s, "reference_n", "%.0f");
        if (cm_number_of(s, "read", &v)) fprintf(f, "%.0f %%", 100 * v);
        fputs(" | ", f);
        cell(f, s, "about");
        cell(f, s, "note");
        fputc('\n', f);
    }
    fputs("\n", f);
}

static void arms(FILE *f, const cm_rows *r) {
    cm_write_summary(f, r);
    score_table(f, r);
    paper_table(f);
    fputs("## Differences, paired by prompt\n\n", f);
    pair_table(f, r);
}

static void speeds(FILE *f, const cm_rows *r) {
    fputs("## Speed\n\n", f);
    speed_table(f, r);
    growth_table(f, r);
    peer_table(f, r);
}

cm_status cm_report_markdown(const cm_rows *r) {
    char *text = NULL, path[4096];
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return cm_fail(CM_ENOMEM, "out of memory while writing report.md");
    fprintf(f, "# %s\n\n", cm_report_title(r));
    if (cm_rows_published(r)) {
        cm_write_published(f, r);
        published_table(f, r);
    } else {
        if (r->arm_count) arms(f, r);
        speeds(f, r);
    }
    fputs("## Methods\n\n", f);
    cm_write_methods(f, r);
    fclose(f);
    snprintf(path, sizeof path, "%s/report.md", r->folder);
    const cm_status s = cm_write_whole(path, text, size);
    free(text);
    return s;
}
