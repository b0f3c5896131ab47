// SPDX-License-Identifier: Apache-2.0
/* report.html: one file without outside links. Pictures are embedded as data; the page reads well on a phone and printed. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/rows.h"

enum { GRID_SHOWN = 12, GRID_MAX = 64 };

static const char style[] =
    ":root{--ink:#1c2733;--soft:#5b6875;--line:#d9dfe5;--wash:#f4f6f8;--mark:#b03a2e}"
    "*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#fff}"
    "main{max-width:1280px;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}"
    "h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:2px solid var(--line);padding-bottom:.2rem}"
    "p{max-width:72ch;margin:.5rem 0}.soft{color:var(--soft);font-size:.88rem}"
    ".wide{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse;font-size:.9rem;min-width:100%}"
    "th,td{padding:.35rem .45rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}"
    "th{background:var(--wash);font-weight:600}th:first-child,td:first-child,td.l,th.l{text-align:left}"
    "td small{display:block;color:var(--soft);font-size:.75rem}td:first-child small{white-space:normal;min-width:9em;max-width:16em}"
    "tr.theirs td{color:var(--soft);font-style:italic}"
    "b{color:var(--mark)}td.none{color:var(--soft);font-size:.8rem}"
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(300px,1fr))}"
    "figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.6rem;break-inside:avoid}"
    ".arms{display:flex;gap:.4rem}.arms div{flex:1;text-align:center;font-size:.78rem;color:var(--soft)}"
    ".arms img{width:100%;display:block;image-rendering:pixelated;border-radius:3px}"
    ".maps{flex-wrap:wrap}.maps div{flex:0 0 calc(20% - .4rem);font-size:.65rem;line-height:1.2}"
    "figcaption{font-size:.78rem;line-height:1.35;margin-top:.4rem;color:var(--soft)}"
    "figcaption em{font-style:normal;color:var(--mark)}"
    "img.plot{max-width:100%;height:auto}summary{cursor:pointer;color:var(--soft);margin:1rem 0}"
    "@media print{main{max-width:none;padding:0}h2{break-after:avoid}table{font-size:8pt}details{display:none}}";

static void escape(FILE *f, const char *text) {
    for (; *text; text++) switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        default: fputc(*text, f);
        }
}

/* The file as a data URI; false when it cannot be read. A picture that is gone leaves a gap, not a failure. */
static bool embed(FILE *f, const cm_rows *r, const char *file, const char *type) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const char *path = cm_arena_print(&scratch, "%s/%s", r->folder, file);
    char *bytes = NULL;
    size_t n = 0;
    bool good = path && cm_read_text(path, (size_t)16 << 20, &scratch, &bytes, &n) == CM_OK;
    unsigned char *text = good ? CM_PUSH(&scratch, unsigned char, n / 3 * 4 + 8) : NULL;
    if (text) {
        EVP_EncodeBlock(text, (const unsigned char *)bytes, (int)n);
        fprintf(f, "data:%s;base64,%s", type, (const char *)text);
    }
    cm_arena_free(&scratch);
    return text != NULL;
}

static void picture(FILE *f, const cm_rows *r, const char *file, const char *alt) {
    fputs("<img alt=\"", f);
    escape(f, alt);
    fputs("\" src=\"", f);
    embed(f, r, file, "image/png");
    fputs("\">", f);
}

/* Paragraphs separated by blank lines -> <p>. */
static cm_status paragraphs(FILE *f, const cm_rows *r, void (*write)(FILE *, const cm_rows *), const char *class) {
    char *text = NULL;
    size_t size = 0;
    FILE *m = open_memstream(&text, &size);
    if (!m) return cm_fail(CM_ENOMEM, "out of memory while writing report.html");
    write(m, r);
    fclose(m);
    for (char *p = text, *end; *p; p = end) {
        end = strstr(p, "\n\n");
        if (end) *end++ = 0; else end = p + strlen(p);
        while (*end == '\n') end++;
        fprintf(f, "<p class=\"%s\">", class);
        escape(f, p);
        fputs("</p>\n", f);
    }
    free(text);
    return CM_OK;
}

static void score_cell(FILE *f, const cm_rows *r, const char *arm, const cm_column *c) {
    const json_t *row = cm_rows_score(r, arm, c->score);
    double v, lo, hi;
    if (!row || !cm_number_of(row, "value", &v)) {
        fputs("<td class=\"none\" title=\"", f);
        escape(f, row ? cm_text_of(row, "note") : "");
        fputs("\">not measured</td>", f);
        return;
    }
    const char *best = cm_rows_best(r, c);
    const bool bold = best && !strcmp(best, arm);
    fprintf(f, "<td>%s%.*f%s", bold ? "<b>" : "", c->decimals, v, bold ? "</b>" : "");
    if (cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi))
        fprintf(f, "<small>%.*f to %.*f</small>", c->decimals, lo, c->decimals, hi);
    fputs("</td>", f);
}

static const json_t *ceiling_of(const cm_rows *r, const char *score) {
    for (size_t i = r->ceilings.count; i-- > 0;)
        if (!strcmp(cm_text_of(r->ceilings.at[i], "score"), score)) return r->ceilings.at[i];
    return NULL;
}

static void ablation(FILE *f, const cm_rows *r) {
    fputs("<h2>Ablation, in the paper's columns</h2><div class=\"wide\"><table><tr><th>arm</th>", f);
    for (size_t c = 0; c < cm_column_count; c++)
        fprintf(f, "<th title=\"%s\">%s %s</th>", cm_columns[c].about, cm_columns[c].title, cm_columns[c].arrow);
    fputs("</tr>\n", f);
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *arm = json_array_get(json_object_get(r->run, "arms"), a);
        fputs("<tr><td>", f);
        escape(f, r->arms[a]);
        fputs("<small>", f);
        escape(f, cm_text_of(arm, "about"));
        fputs("</small></td>", f);
        for (size_t c = 0; c < cm_column_count; c++) score_cell(f, r, r->arms[a], &cm_columns[c]);
        fputs("</tr>\n", f);
    }
    if (r->ceilings.count) {
        fputs("<tr class=\"theirs\"><td>ceiling<small>the scorers on held-out drawings</small></td>", f);
        for (size_t c = 0; c < cm_column_count; c++) {
            double v;
            const json_t *row = ceiling_of(r, cm_columns[c].score);
            if (row && cm_number_of(row, "value", &v)) fprintf(f, "<td>%.*f</td>", cm_columns[c].decimals, v);
            else fputs("<td></td>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</table></div><p class=\"soft\">Best in colour; small figures are 95 % bootstrap intervals over prompts. The network's "
          "name stands with the score: fd@nano is not FID.</p>\n"
          "<div class=\"wide\"><table><tr><th>the paper's own figures (theirs)</th><th>FID ↓</th><th>Acc_obj ↑</th><th>Acc_tex ↑</th>"
          "<th>Acc_shape ↑</th><th>Acc_all ↑</th></tr>\n", f);
    for (size_t i = 0; i < sizeof cm_paper_rows / sizeof *cm_paper_rows; i++) {
        const cm_paper_row *p = &cm_paper_rows[i];
        fprintf(f, "<tr class=\"theirs\"><td>%s</td><td>%.2f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td></tr>\n",
                p->setting, p->fid, p->acc_obj, p->acc_tex, p->acc_shape, p->acc_all);
    }
    fputs("</table></div><p class=\"soft\">CosmicMan, CVPR 2024, table 4: real photographs, SD 1.5, 2,048 prompts, the authors' "
          "scorers. Another scale than ours: only directions compare.</p>\n", f);
}

static void pairs(FILE *f, const cm_rows *r) {
    fputs("<h2>Differences, paired by prompt</h2>\n", f);
    if (!r->pairs.count) {
        fputs("<p>not measured</p>\n", f);
        return;
    }
    fputs("<div class=\"wide\"><table><tr><th>score</th><th class=\"l\">a - b</th><th>difference</th><th>95 % interval</th><th>p</th>"
          "<th>p, Holm</th><th>n</th></tr>\n", f);
    for (size_t i = 0; i < r->pairs.count; i++) {
        const json_t *p = r->pairs.at[i];
        double n = 0, pv = 1;
        cm_number_of(p, "n", &n);
        const bool sure = cm_number_of(p, "p", &pv) && pv < 0.05;
        fprintf(f, "<tr><td>%s</td><td class=\"l\">%s - %s</td><td>%s", cm_text_of(p, "score"), cm_text_of(p, "a"),
                cm_text_of(p, "b"), sure ? "<b>" : "");
        cm_write_value(f, p, "difference", 4);
        fprintf(f, "%s</td><td>", sure ? "</b>" : "");
        cm_write_value(f, p, "lo", 4);
        fputs(" to ", f);
        cm_write_value(f, p, "hi", 4);
        fputs("</td><td>", f);
        cm_write_p(f, p, "p", "&lt;");
        fputs("</td><td>", f);
        cm_write_p(f, p, "p_holm", "&lt;");
        fprintf(f, "</td><td>%.0f</td></tr>\n", n);
    }
    fputs("</table></div><p class=\"soft\">In colour: p &lt; 0.05 (two-sided sign-flip permutation); beside it p after Holm's correction for "
          "the scores of the pair.</p>\n", f);
}

static void grid_figure(FILE *f, const cm_rows *r, const json_t *first) {
    const char *id = cm_text_of(first, "id");
    fputs("<figure><div class=\"arms\">", f);
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *image = cm_rows_image(r, r->arms[a], id);
        fputs("<div>", f);
        if (image) picture(f, r, cm_text_of(image, "picture"), r->arms[a]);
        escape(f, r->arms[a]);
        fputs("</div>", f);
    }
    fputs("</div><figcaption>", f);
    escape(f, cm_text_of(first, "prompt"));
    fputs("</figcaption></figure>\n", f);
}

static void grid(FILE *f, const cm_rows *r) {
    fputs("<h2>The same prompts and noise, arm by arm</h2><div class=\"grid\">\n", f);
    size_t shown = 0;
    for (size_t i = 0; i < r->images.count && shown < GRID_MAX && r->arm_count; i++) {
        const json_t *image = r->images.at[i];
        if (strcmp(cm_text_of(image, "arm"), r->arms[0])) continue;
        if (shown == GRID_SHOWN) fputs("</div><details><summary>more prompts</summary><div class=\"grid\">\n", f);
        grid_figure(f, r, image);
        shown++;
    }
    fputs(shown > GRID_SHOWN ? "</div></details>\n" : "</div>\n", f);
    if (!shown) fputs("<p>No picture was made.</p>\n", f);
}

/* One figure a prompt and arm: the picture, then each group's attention over it. */
static void attention(FILE *f, const cm_rows *r) {
    fputs("<h2>Where the groups look</h2><p>Cross-attention of the final model, mean over heads, layers and steps, one map a prompt "
          "group, laid over the picture: Daring asks each group to look at its own region.</p><div class=\"grid\">\n", f);
    size_t shown = 0;
    for (size_t i = 0; i < r->images.count; i++) {
        const json_t *first = r->images.at[i];
        if (!r->arm_count || strcmp(cm_text_of(first, "arm"), r->arms[0])) continue;
        for (size_t a = 0; a < r->arm_count; a++) {
            const json_t *image = cm_rows_image(r, r->arms[a], cm_text_of(first, "id"));
            const json_t *maps = json_object_get(image, "attention");
            if (!json_array_size(maps)) continue;
            fputs("<figure><div class=\"arms maps\"><div>", f);
            picture(f, r, cm_text_of(image, "picture"), r->arms[a]);
            escape(f, r->arms[a]);
            fputs("</div>", f);
            size_t k;
            json_t *map;
            json_array_foreach(maps, k, map) {
                fputs("<div>", f);
                picture(f, r, cm_text_of(map, "picture"), cm_text_of(map, "text"));
                escape(f, cm_text_of(map, "text"));
                fputs("</div>", f);
            }
            fputs("</div></figure>\n", f);
            shown++;
        }
    }
    fputs("</div>\n", f);
    if (!shown) fputs("<p>not measured</p>\n", f);
}

static void speed(FILE *f, const cm_rows *r) {
    fputs("<h2>Speed and memory</h2>\n", f);
    double v;
    for (size_t i = 0; i < r->sgemms.count; i++)
        if (cm_number_of(r->sgemms.at[i], "gflops", &v))
            fprintf(f, "<p class=\"soft\">This machine's own rate of one large single-precision product on %s: %.0f GFLOP/s.</p>\n",
                    cm_text_of(r->sgemms.at[i], "backend"), v);
    if (!r->speeds.count) {
        fputs("<p>not measured</p>\n", f);
        return;
    }
    fputs("<div class=\"wide\"><table><tr><th>model</th><th class=\"l\">backend</th><th class=\"l\">type</th><th>size</th><th class=\"l\">stage</th>"
          "<th>median s</th><th>10-90 %</th><th>a second</th><th>GFLOP/s</th><th>of one product</th><th>n</th><th>peak MB</th></tr>\n", f);
    for (size_t i = 0; i < r->speeds.count; i++) {
        const json_t *s = r->speeds.at[i];
        double w = 0, h = 0, n = 0, median, gflop, apart;
        cm_number_of(s, "width", &w);
        cm_number_of(s, "height", &h);
        cm_number_of(s, "n", &n);
        fprintf(f, "<tr><td>%s</td><td class=\"l\">%s</td><td class=\"l\">%s", cm_text_of(s, "model"), cm_text_of(s, "backend"),
                cm_text_of(s, "dtype"));
        if (cm_number_of(s, "apart", &apart)) fprintf(f, " (%.1e off f32)", apart);
        fprintf(f, "</td><td>%.0fx%.0f</td><td class=\"l\">%s</td>", w, h, cm_text_of(s, "stage"));
        if (!cm_number_of(s, "median_s", &median)) {
            fputs("<td class=\"none\" colspan=\"7\">not measured", f);
            if (*cm_text_of(s, "note")) fputs(": ", f);
            escape(f, cm_text_of(s, "note"));
            fputs("</td></tr>\n", f);
            continue;
        }
        fprintf(f, "<td>%.4g</td><td>", median);
        double p10, p90;
        if (cm_number_of(s, "p10_s", &p10) && cm_number_of(s, "p90_s", &p90)) fprintf(f, "%.4g - %.4g", p10, p90);
        fprintf(f, "</td><td>%.4g</td><td>", median > 0 ? 1 / median : 0);
        const bool counted = cm_number_of(s, "gflop", &gflop) && median > 0;
        if (counted) fprintf(f, "%.0f", gflop / median);
        fputs("</td><td>", f);
        const double product = cm_rows_sgemm(r, cm_text_of(s, "backend"));
        if (counted && product > 0) fprintf(f, "%.2f", gflop / median / product);
        fprintf(f, "</td><td>%.0f</td><td>", n);
        cm_write_value(f, s, "peak_rss_mb", 0);
        fputs("</td></tr>\n", f);
    }
    fputs("</table></div>\n", f);
}

static void text_cell(FILE *f, const json_t *row, const char *key) {
    fputs("<td class=\"l\">", f);
    escape(f, cm_text_of(row, key));
    fputs("</td>", f);
}

static void number_cell(FILE *f, const json_t *row, const char *key, const char *format) {
    double v;
    char text[40] = "";
    if (cm_number_of(row, key, &v)) snprintf(text, sizeof text, format, v);
    fprintf(f, "<td>%s</td>", text);
}

static void peer_row(FILE *f, const json_t *p) {
    double w = 0, h = 0, v;
    cm_number_of(p, "width", &w);
    cm_number_of(p, "height", &h);
    fputs(strncmp(cm_text_of(p, "engine"), "cosmicman", 9) == 0 ? "<tr>" : "<tr class=\"theirs\">", f);
    text_cell(f, p, "model");
    text_cell(f, p, "stage");
    fprintf(f, "<td>%.0fx%.0f</td>", w, h);
    text_cell(f, p, "engine");
    text_cell(f, p, "version");
    text_cell(f, p, "precision");
    text_cell(f, p, "layout");
    if (!cm_number_of(p, "median_s", &v)) {
        fputs("<td class=\"none\" colspan=\"8\">", f);
        escape(f, cm_text_of(p, "note"));
        fputs("</td></tr>\n", f);
        return;
    }
    number_cell(f, p, "min_s", "%.4g");
    number_cell(f, p, "median_s", "%.4g");
    number_cell(f, p, "ratio", "%.2f");
    number_cell(f, p, "relative_l2", "%.1e");
    number_cell(f, p, "psnr_db", "%.1f");
    fputs(json_is_true(json_object_get(p, "agrees")) ? "<td>yes</td>" : "<td><b>no</b></td>", f);
    number_cell(f, p, "peak_rss_mb", "%.0f");
    number_cell(f, p, "n", "%.0f");
    fputs("</tr>\n", f);
}

static cm_status peers(FILE *f, const cm_rows *r) {
    if (!r->peers.count) return CM_OK;
    fputs("<h3>Beside other engines</h3>\n", f);
    CM_TRY(paragraphs(f, r, cm_write_peers, "soft"));
    fputs("<div class=\"wide\"><table><tr><th>model</th><th class=\"l\">stage</th><th>size</th><th class=\"l\">engine</th>"
          "<th class=\"l\">version</th><th class=\"l\">type</th><th class=\"l\">layout</th><th>min s</th><th>median s</th>"
          "<th>x ours</th><th>relative L2</th><th>PSNR dB</th><th>agrees</th><th>peak MB</th><th>n</th></tr>\n", f);
    for (size_t i = 0; i < r->peers.count; i++) peer_row(f, r->peers.at[i]);
    fputs("</table></div>\n", f);
    return CM_OK;
}

static void growth(FILE *f, const cm_rows *r) {
    cm_growth g;
    if (!cm_rows_grow(r)) return;
    fputs("<h2>Time over operations as pictures grow</h2>\n<div class=\"wide\"><table><tr><th>model</th><th class=\"l\">backend</th>"
          "<th class=\"l\">stage</th><th>size</th><th>median s</th><th>x</th><th>GFLOP</th><th>x</th><th>GFLOP/s</th></tr>\n", f);
    for (size_t i = 0; i < r->speeds.count; i++) {
        if (!cm_rows_growth(r, i, &g)) continue;
        for (size_t k = 0; k < g.count; k++) {
            const cm_growth_row *w = &g.rows[k];
            fprintf(f, "<tr><td>%s</td><td class=\"l\">%s</td><td class=\"l\">%s</td><td>%.0fx%.0f</td><td>%.4g</td><td>%.2f</td>",
                    g.model, g.backend, g.stage, w->width, w->height, w->seconds, w->more_seconds);
            if (w->gflop > 0) fprintf(f, "<td>%.4g</td><td>%.2f</td><td>%.0f</td></tr>\n", w->gflop, w->more_gflop, w->gflop / w->seconds);
            else fputs("<td></td><td></td><td></td></tr>\n", f);
        }
    }
    fputs("</table></div><p class=\"soft\">x: of the smallest size.</p>\n", f);
}

static void plot(FILE *f, const cm_rows *r, const cm_plots *plots, bool made, const char *file, const char *alt) {
    if (made) {
        fprintf(f, "<p><img class=\"plot\" alt=\"%s\" src=\"", alt);
        embed(f, r, file, "image/svg+xml");
        fputs("\"></p>\n", f);
    } else if (plots->why_not) {
        fputs("<p class=\"soft\">Not drawn: ", f);
        escape(f, plots->why_not);
        fputs("</p>\n", f);
    }
}

static cm_status write_arms(FILE *f, const cm_rows *r, const cm_plots *plots) {
    CM_TRY(paragraphs(f, r, cm_write_summary, ""));
    ablation(f, r);
    plot(f, r, plots, plots->scores, "plots/scores.svg", "scores of the arms with intervals");
    grid(f, r);
    pairs(f, r);
    plot(f, r, plots, plots->differences, "plots/differences.svg", "paired differences");
    attention(f, r);
    return CM_OK;
}

static cm_status write_published(FILE *f, const cm_rows *r) {
    CM_TRY(paragraphs(f, r, cm_write_published, ""));
    fputs("<div class=\"wide\"><table><tr><th class=\"l\">score</th><th>value</th><th>95 % interval</th><th>deviation</th><th>n</th>"
          "<th>reference</th><th>text read</th><th class=\"l\">what it is</th></tr>\n", f);
    for (size_t i = 0; i < r->scores.count; i++) {
        const json_t *s = r->scores.at[i];
        double v, lo, hi;
        fputs("<tr><td class=\"l\">", f);
        escape(f, cm_text_of(s, "score"));
        fprintf(f, " %s</td>", !strcmp(cm_text_of(s, "better"), "higher") ? "↑" : "↓");
        if (cm_number_of(s, "value", &v)) fprintf(f, "<td>%.6g</td><td>", v);
        else fputs("<td class=\"none\">undefined</td><td>", f);
        if (cm_number_of(s, "lo", &lo) && cm_number_of(s, "hi", &hi)) fprintf(f, "%.5g to %.5g", lo, hi);
        fputs("</td>", f);
        number_cell(f, s, "deviation", "%.4g");
        number_cell(f, s, "n", "%.0f");
        number_cell(f, s, "reference_n", "%.0f");
        if (cm_number_of(s, "read", &v)) fprintf(f, "<td>%.0f %%</td>", 100 * v);
        else fputs("<td></td>", f);
        fputs("<td class=\"l\" style=\"white-space:normal;min-width:20em\">", f);
        escape(f, cm_text_of(s, "about"));
        fputs("<small style=\"white-space:normal\">", f);
        escape(f, cm_text_of(s, "source"));
        fputs(*cm_text_of(s, "note") ? ". " : "", f);
        escape(f, cm_text_of(s, "note"));
        fputs("</small></td></tr>\n", f);
    }
    fputs("</table></div>\n", f);
    return CM_OK;
}

static cm_status write_speeds(FILE *f, const cm_rows *r, const cm_plots *plots) {
    speed(f, r);
    growth(f, r);
    plot(f, r, plots, plots->speed, "plots/speed.svg", "times of the stages");
    return peers(f, r);
}

static cm_status write_page(FILE *f, const cm_rows *r, const cm_plots *plots) {
    fprintf(f, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width,initial-scale=1\"><title>CosmicMan Bench: %s</title><style>%s</style></head>\n"
               "<body><main><p class=\"soft\">CosmicMan Bench, suite %s%s%s, %s</p>"
               "<h1>%s</h1>\n",
            cm_text_of(r->run, "suite"), style, cm_text_of(r->run, "suite"), *cm_text_of(r->run, "prompts") ? ", prompts " : "",
            cm_text_of(r->run, "prompts"), cm_text_of(r->run, "started"), cm_report_title(r));
    if (cm_rows_published(r)) {
        CM_TRY(write_published(f, r));
    } else {
        if (r->arm_count) CM_TRY(write_arms(f, r, plots));
        CM_TRY(write_speeds(f, r, plots));
    }
    fputs("<h2>Methods</h2>\n", f);
    CM_TRY(paragraphs(f, r, cm_write_methods, "soft"));
    fputs("</main></body></html>\n", f);
    return CM_OK;
}

cm_status cm_report_html(const cm_rows *r, const cm_plots *plots) {
    char *text = NULL, path[4096];
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return cm_fail(CM_ENOMEM, "out of memory while writing report.html");
    cm_status s = write_page(f, r, plots);
    fclose(f);
    snprintf(path, sizeof path, "%s/report.html", r->folder);
    if (s == CM_OK) s = cm_write_whole(path, text, size);
    free(text);
    return s;
}
