// SPDX-License-Identifier: Apache-2.0
/* report.html: one file without outside links, in which nothing runs. Images are embedded as data; the page reads on a
 * phone and printed, with nothing cut off. */
#include <string.h>

#include "core/base/system.h"
#include "reports/inside.h"
#include "reports/pages.h"

enum { GRID_FIRST = 12, IMAGE_MAX = 16 << 20 };

/* On narrow screens a table's row becomes a list of titles and values. */
#define STYLE                                                                                                                    \
    ":root{--ink:#1c2733;--soft:#5b6875;--line:#d9dfe5;--wash:#f4f6f8;--mark:#b03a2e}"                                             \
    "*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#fff}"                   \
    "main{max-width:1280px;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}"             \
    "h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:2px solid var(--line);padding-bottom:.2rem}"                          \
    "p{max-width:72ch;margin:.5rem 0;overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.88rem}"                             \
    ".wide{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse;font-size:.9rem;min-width:100%}"                          \
    "th,td{padding:.35rem .45rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);vertical-align:top}"      \
    "th{background:var(--wash);font-weight:600}th:first-child,td:first-child,td.l,th.l{text-align:left}"                           \
    "td.l{white-space:normal;overflow-wrap:break-word;min-width:4em}td small{display:block;color:var(--soft);font-size:.85em}"       \
    "td.l small{min-width:9em;max-width:34em}"                                                                                     \
    "tr.theirs td{color:var(--soft);font-style:italic}"                                                                            \
    "b{color:var(--mark)}td.none{color:var(--soft);font-size:.9em;white-space:normal}"                                             \
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr))}"                             \
    "figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.6rem;break-inside:avoid}"                             \
    ".arms{display:flex;gap:.4rem}.arms div{flex:1;text-align:center;font-size:.78rem;color:var(--soft);overflow-wrap:anywhere}"   \
    ".arms img{width:100%;display:block;image-rendering:pixelated;border-radius:3px}"                                              \
    ".maps{flex-wrap:wrap}.maps div{flex:0 0 calc(20% - .4rem);font-size:.65rem;line-height:1.2}"                                  \
    "figcaption{font-size:.78rem;line-height:1.35;margin-top:.4rem;color:var(--soft);overflow-wrap:anywhere}"                      \
    "img.plot{max-width:100%;height:auto}summary{cursor:pointer;color:var(--soft);margin:1rem 0}"                                  \
    "@media screen and (max-width:760px){table,tbody,tr,td{display:block}thead{display:none}"                                      \
    "tr{border:1px solid var(--line);border-radius:6px;margin:0 0 .8rem;padding:.2rem 0}"                                          \
    "td,td:first-child,td.l{text-align:right;white-space:normal;border:0;min-width:0}td:first-child{background:var(--wash)}"       \
    "td::before{content:attr(data-title);float:left;color:var(--soft);margin-right:1rem}td::after{content:'';display:block;clear:both}" \
    "td.l small{max-width:none}td:empty{display:none}}"                                                                            \
    "@page{size:A4 landscape;margin:10mm}"                                                                                         \
    "@media print{main{max-width:none;padding:0}body{font-size:10pt}h2{break-after:avoid}.wide{overflow:visible}"                  \
    "table{font-size:7.5pt;min-width:0;width:100%}th,td{white-space:normal;padding:.15rem .25rem}td.l,td.l small{min-width:0}td.l{overflow-wrap:anywhere}"     \
    "thead{display:table-header-group}tr{break-inside:avoid}p{max-width:none}"                                                     \
    ".grid{grid-template-columns:repeat(4,1fr)}}"

/* --- images ----------------------------------------------------------------------------- */

static void put_type(cm_writer *w, const char *bytes, size_t n) {
    if (n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) cm_html(w, "data:image/jpeg;base64,");
    else if (n >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0) cm_html(w, "data:image/webp;base64,");
    else cm_html(w, "data:image/png;base64,");
}

static bool is_image(const char *bytes, size_t n) {
    return n >= 12 && (memcmp(bytes, "\x89PNG", 4) == 0 || memcmp(bytes, "\xff\xd8\xff", 3) == 0 ||
                       (memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0));
}

/* An image of the run's folder, or a word in its place. */
static void image(cm_writer *w, const cm_rows *r, const char *file, const char *alt) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const char *path = cm_inside(r->folder, file, &scratch);
    char *bytes = NULL;
    size_t n = 0;
    if (path && cm_read_text(path, IMAGE_MAX, &scratch, &bytes, &n) == CM_OK && is_image(bytes, n)) {
        cm_html(w, "<img alt=\"");
        cm_text(w, alt);
        cm_html(w, "\" src=\"");
        put_type(w, bytes, n);
        cm_base64(w, bytes, n);
        cm_html(w, "\">");
    } else {
        cm_html(w, "<small>no image in this folder</small> ");
    }
    cm_arena_free(&scratch);
}

/* --- parts ------------------------------------------------------------------------------ */

static void soft(cm_writer *w, const cm_rows *r, void (*write)(cm_writer *, const cm_rows *)) {
    cm_html(w, "<div class=\"soft\">");
    write(w, r);
    cm_html(w, "</div>\n");
}

static void ablation(cm_writer *w, const cm_rows *r) {
    cm_html(w, "<h2>Ablation, in the paper's columns</h2>");
    cm_write_score_table(w, r);
    soft(w, r, cm_write_legend);
    cm_write_paper_table(w);
}

static void pairs(cm_writer *w, const cm_rows *r) {
    cm_html(w, "<h2>Differences, paired by prompt</h2>\n");
    if (!r->pairs.count) cm_html(w, "<p>not measured</p>\n");
    cm_write_pair_table(w, r);
    if (!r->pairs.count) return;
    cm_html(w, "<div class=\"soft\">");
    cm_write_pairs_legend(w);
    cm_html(w, "</div>\n");
}

static void grid_figure(cm_writer *w, const cm_rows *r, const json_t *first) {
    const char *id = cm_text_of(first, "id");
    cm_html(w, "<figure><div class=\"arms\">");
    for (size_t a = 0; a < r->arm_count && !cm_interrupted(); a++) {
        const json_t *picture = cm_rows_image(r, r->arms[a], id);
        cm_html(w, "<div>");
        if (picture) image(w, r, cm_text_of(picture, "picture"), r->arms[a]);
        cm_text(w, r->arms[a]);
        cm_html(w, "</div>");
    }
    cm_html(w, "</div><figcaption>");
    cm_text(w, cm_text_of(first, "prompt"));
    cm_html(w, "</figcaption></figure>\n");
}

static void say_rest(cm_writer *w, const cm_row_list *shown, size_t count) {
    if (shown->count == count) return;
    cm_html(w, "<p class=\"soft\">");
    cm_textf(w, "The first %zu of %zu prompts are shown.", shown->count, count);
    cm_html(w, "</p>\n");
}

/* The rest can be folded away; it stands open, so that a print has it. */
static void grid(cm_writer *w, const cm_rows *r) {
    cm_html(w, "<h2>The same prompts and noise, arm by arm</h2><div class=\"grid\">\n");
    for (size_t i = 0; i < r->shown.count && !cm_interrupted(); i++) {
        if (i == GRID_FIRST) cm_html(w, "</div><details open><summary>more prompts</summary><div class=\"grid\">\n");
        grid_figure(w, r, r->shown.at[i]);
    }
    cm_html(w, "</div>\n");
    if (r->shown.count > GRID_FIRST) cm_html(w, "</details>\n");
    if (!r->shown.count) cm_html(w, "<p>No picture was made.</p>\n");
    say_rest(w, &r->shown, r->image_count);
}

/* One figure a prompt and arm: the image, then each group's attention over it. */
static void maps_figure(cm_writer *w, const cm_rows *r, const char *arm, const char *id) {
    const json_t *picture = cm_rows_image(r, arm, id), *maps = json_object_get(picture, "attention");
    size_t k;
    json_t *map;
    if (!json_array_size(maps)) return;
    cm_html(w, "<figure><div class=\"arms maps\"><div>");
    image(w, r, cm_text_of(picture, "picture"), arm);
    cm_text(w, arm);
    cm_html(w, "</div>");
    json_array_foreach(maps, k, map) {
        cm_html(w, "<div>");
        image(w, r, cm_text_of(map, "picture"), cm_text_of(map, "text"));
        cm_text(w, cm_text_of(map, "text"));
        cm_html(w, "</div>");
    }
    cm_html(w, "</div></figure>\n");
}

static void attention(cm_writer *w, const cm_rows *r) {
    cm_html(w, "<h2>Where the groups look</h2><p>Cross-attention of the final model, mean over heads, layers and steps, one map a prompt "
               "group, laid over the picture: Daring asks each group to look at its own region.</p><div class=\"grid\">\n");
    for (size_t i = 0; i < r->illustrated.count; i++)
        for (size_t a = 0; a < r->arm_count && !cm_interrupted(); a++) maps_figure(w, r, r->arms[a], cm_text_of(r->illustrated.at[i], "id"));
    cm_html(w, "</div>\n");
    if (!r->illustrated.count) cm_html(w, "<p>not measured</p>\n");
    say_rest(w, &r->illustrated, r->illustrated_count);
}

static void plot(cm_writer *w, const cm_rows *r, const char *file, const char *alt) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const char *path = cm_inside(r->folder, file, &scratch);
    char *bytes = NULL;
    size_t n = 0;
    if (path && cm_read_text(path, IMAGE_MAX, &scratch, &bytes, &n) == CM_OK) {
        cm_html(w, "<p><img class=\"plot\" alt=\"");
        cm_text(w, alt);
        cm_html(w, "\" src=\"data:image/svg+xml;base64,");
        cm_base64(w, bytes, n);
        cm_html(w, "\"></p>\n");
    }
    cm_arena_free(&scratch);
}

static void say_why_not(cm_writer *w, const cm_plots *plots) {
    if (!plots->why_not) return;
    cm_html(w, "<p class=\"soft\">");
    cm_textf(w, "Not every plot is drawn: %s", plots->why_not);
    cm_html(w, "</p>\n");
}

static void arms(cm_writer *w, const cm_rows *r, const cm_plots *plots) {
    cm_write_summary(w, r);
    ablation(w, r);
    if (plots->scores) plot(w, r, "plots/scores.svg", "scores of the arms with intervals");
    grid(w, r);
    pairs(w, r);
    if (plots->differences) plot(w, r, "plots/differences.svg", "paired differences");
    attention(w, r);
}

static void speeds(cm_writer *w, const cm_rows *r, const cm_plots *plots) {
    cm_html(w, "<h2>Speed and memory</h2>\n");
    soft(w, r, cm_write_products);
    if (!r->speeds.count) cm_html(w, "<p>not measured</p>\n");
    cm_write_speed_table(w, r);
    if (r->growth_count) cm_html(w, "<h2>Time over operations as pictures grow</h2>\n");
    cm_write_growth_table(w, r);
    if (plots->speed) plot(w, r, "plots/speed.svg", "times of the stages");
    if (!r->peers.count) return;
    cm_html(w, "<h3>Beside other engines</h3>\n");
    soft(w, r, cm_write_peers);
    cm_write_peer_table(w, r);
}

/* --- page ------------------------------------------------------------------------------- */

static void head(cm_writer *w, const cm_rows *r) {
    const char *suite = cm_text_of(r->run, "suite"), *prompts = cm_text_of(r->run, "prompts");
    cm_html(w, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
               "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><meta name=\"viewport\" "
               "content=\"width=device-width,initial-scale=1\"><title>");
    cm_textf(w, "CosmicMan Bench: %s", suite);
    cm_html(w, "</title><style>" STYLE "</style></head>\n<body><main><p class=\"soft\">");
    cm_textf(w, "CosmicMan Bench, suite %s%s%s, %s", suite, *prompts ? ", prompts " : "", prompts, cm_text_of(r->run, "started"));
    cm_html(w, "</p><h1>");
    cm_text(w, cm_report_title(r));
    cm_html(w, "</h1>\n");
}

static void page(cm_writer *w, const cm_rows *r, const cm_plots *plots) {
    head(w, r);
    if (cm_rows_published(r)) {
        cm_write_published(w, r);
        cm_write_published_table(w, r);
    } else {
        if (r->arm_count) arms(w, r, plots);
        speeds(w, r, plots);
        say_why_not(w, plots);
    }
    cm_html(w, "<h2>Methods</h2>\n");
    soft(w, r, cm_write_methods);
    cm_html(w, "</main></body></html>\n");
}

cm_status cm_report_html(const cm_rows *r, const cm_plots *plots) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_HTML, r->folder, "report.html"));
    page(w, r, plots);
    return cm_writer_close(&w, CM_OK);
}
