// SPDX-License-Identifier: Apache-2.0
/* Tables of times and memory: ours, as images grow, other engines', other programs'. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"

static void text_cell(cm_table *t, const json_t *row, const char *key) {
    cm_table_text(t, cm_text_of(row, key));
}

static cm_cell *number_cell(cm_table *t, const json_t *row, const char *key) {
    double v;
    return cm_number_of(row, key, &v) ? cm_table_number(t, v) : cm_table_empty(t);
}

static void size_cell(const cm_content *c, cm_table *t, double width, double height) {
    const char *text = cm_arena_print(&c->d->arena, "%.0fx%.0f", width, height);
    cm_table_text(t, text ? text : "");
}

static void row_size_cell(const cm_content *c, cm_table *t, const json_t *row) {
    double width = 0, height = 0;
    cm_number_of(row, "width", &width);
    cm_number_of(row, "height", &height);
    size_cell(c, t, width, height);
}

/* --- speed ------------------------------------------------------------------------------ */

static void rate_cell(cm_table *t, bool known, double v) {
    if (known) cm_table_number(t, v);
    else cm_table_empty(t);
}

static void times_cells(const cm_content *c, cm_table *t, const json_t *s, double median) {
    double p10, p90, gflop = 0, mb;
    const double product = cm_report_model_sgemm(c->r, cm_text_of(s, "backend"));
    const bool counted = cm_number_of(s, "gflop", &gflop) && median > 0;
    if (cm_number_of(s, "p10_s", &p10) && cm_number_of(s, "p90_s", &p90)) cm_table_interval(t, median, p10, p90);
    else cm_table_number(t, median);
    rate_cell(t, median > 0, 1 / median);
    rate_cell(t, counted, gflop / median);
    rate_cell(t, counted && product > 0, gflop / median / product);
    number_cell(t, s, "n");
    if (cm_number_of(s, "peak_rss_mb", &mb)) cm_table_number(t, mb);
    else cm_table_absent(t, cm_absent(c, ""));
}

static void speed_row(const cm_content *c, cm_table *t, const json_t *s) {
    double apart, median;
    const char *note = cm_text_of(s, "note"), *type = cm_text_of(s, "dtype");
    cm_table_row(t);
    text_cell(t, s, "model");
    text_cell(t, s, "backend");
    if (cm_number_of(s, "apart", &apart)) type = cm_arena_print(&c->d->arena, "%s (%.1e off f32)", type, apart);
    cm_table_text(t, type ? type : "");
    row_size_cell(c, t, s);
    const bool measured = cm_number_of(s, "median_s", &median);
    cm_table_text(t, cm_text_of(s, "stage"))->aside = measured && *note ? note : NULL;
    if (measured) times_cells(c, t, s, median);
    else cm_table_rest(t, cm_absent(c, note));
}

void cm_add_speed_table(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "model", .left = true},
                                              {.title = "backend", .left = true},
                                              {.title = "type", .left = true},
                                              {.title = "size"},
                                              {.title = "stage", .left = true},
                                              {.title = "median s", .style = CM_GENERAL, .digits = 4},
                                              {.title = "a second", .style = CM_GENERAL, .digits = 4},
                                              {.title = "GFLOP/s"},
                                              {.title = "of one product", .digits = 2},
                                              {.title = "n"},
                                              {.title = "peak MB"}};
    if (!c->r->speeds.count) return;
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "speed", columns, sizeof columns / sizeof *columns);
    t->caption = "Time of each stage and peak memory";
    t->note =
        "Small: 10th to 90th percentile. A step includes both halves of guidance. The column \"of one product\" is "
        "the rate divided by that of one large matrix product on the same backend.";
    for (size_t i = 0; i < c->r->speeds.count && !cm_interrupted(); i++) speed_row(c, t, c->r->speeds.at[i]);
}

/* --- growth ----------------------------------------------------------------------------- */

static void growth_rows(const cm_content *c, cm_table *t, const cm_growth *g) {
    for (size_t k = 0; k < g->count && !cm_interrupted(); k++) {
        const cm_growth_row *v = &g->rows[k];
        const bool counted = v->gflop > 0;
        cm_table_row(t);
        cm_table_text(t, g->model);
        cm_table_text(t, g->backend);
        cm_table_text(t, g->stage);
        size_cell(c, t, v->width, v->height);
        cm_table_number(t, v->seconds);
        cm_table_number(t, v->more_seconds);
        rate_cell(t, counted, v->gflop);
        rate_cell(t, counted, v->more_gflop);
        rate_cell(t, counted, v->gflop / v->seconds);
    }
}

void cm_add_growth_table(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "model", .left = true},
                                              {.title = "backend", .left = true},
                                              {.title = "stage", .left = true},
                                              {.title = "size"},
                                              {.title = "median s", .style = CM_GENERAL, .digits = 4},
                                              {.title = "x time", .digits = 2},
                                              {.title = "GFLOP", .style = CM_GENERAL, .digits = 4},
                                              {.title = "x GFLOP", .digits = 2},
                                              {.title = "GFLOP/s"}};
    if (!c->r->growth_count) return;
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "growth", columns, sizeof columns / sizeof *columns);
    t->caption = "Time and operations as images grow";
    t->note = "x: of the smallest size.";
    for (size_t i = 0; i < c->r->growth_count; i++) growth_rows(c, t, &c->r->growths[i]);
}

/* --- other engines ---------------------------------------------------------------------- */

static void peer_row(const cm_content *c, cm_table *t, const json_t *p) {
    static const char *const texts[] = {"engine", "version", "precision", "layout"}, *const times[] = {
                                                                                         "min_s", "median_s", "ratio",
                                                                                         "relative_l2", "psnr_db"};
    double v;
    if (strncmp(cm_text_of(p, "engine"), "cosmicman", 9) != 0) cm_table_row_theirs(t);
    else cm_table_row(t);
    text_cell(t, p, "model");
    text_cell(t, p, "stage");
    row_size_cell(c, t, p);
    for (size_t i = 0; i < 4; i++) text_cell(t, p, texts[i]);
    if (!cm_number_of(p, "median_s", &v)) {
        cm_table_rest(t, *cm_text_of(p, "note") ? cm_text_of(p, "note") : "not measured");
        return;
    }
    const bool agrees = json_is_true(json_object_get(p, "agrees"));
    for (size_t i = 0; i < 5; i++) number_cell(t, p, times[i]);
    cm_table_text(t, agrees ? "yes" : "no")->strong = !agrees;
    number_cell(t, p, "peak_rss_mb");
    number_cell(t, p, "n");
}

static void say_peers(const cm_content *c) {
    const json_t *first = c->r->peers.at[0];
    double threads = 0;
    cm_number_of(first, "threads", &threads);
    cm_say(
        c->d,
        "Every engine has the same weights and inputs, %.0f threads and a process of its own. The engines run in turn, "
        "round after round, on %s. unet is one step with guidance (a batch of two), decode one latent, picture a whole "
        "image (ours alone). \"x ours\" is the median over rounds of their time divided by ours in the same round: "
        "above 1, ours is faster. Relative L2 is against PyTorch in f32; for a whole image, of the last latents "
        "against ours in f32. An output that differs by more than its type's tolerance is marked (1e-4 in f32, 3e-2 in "
        "bf16 and int8; for a whole image, whose steps amplify, 1e-3, 1e-1 and 2e-1). PSNR is of the clipped pixels "
        "against the same reference; equal pixels have none. Peak memory includes the engine's own libraries.",
        threads, cm_text_of(first, "cpu"));
    cm_paragraph(c->d, CM_SMALL);
}

void cm_add_peer_table(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "model", .left = true},
                                              {.title = "stage", .left = true},
                                              {.title = "size"},
                                              {.title = "engine", .left = true},
                                              {.title = "version", .left = true},
                                              {.title = "type", .left = true},
                                              {.title = "layout", .left = true},
                                              {.title = "min s", .style = CM_GENERAL, .digits = 4},
                                              {.title = "median s", .style = CM_GENERAL, .digits = 4},
                                              {.title = "x ours", .digits = 2},
                                              {.title = "relative L2", .style = CM_SCIENTIFIC, .digits = 1},
                                              {.title = "PSNR dB", .digits = 1},
                                              {.title = "agrees"},
                                              {.title = "peak MB"},
                                              {.title = "n"}};
    if (!c->r->peers.count) return;
    cm_subheading(c->d, "Beside other engines");
    say_peers(c);
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "peers", columns, sizeof columns / sizeof *columns);
    t->caption = "The same stage in each engine";
    for (size_t i = 0; i < c->r->peers.count && !cm_interrupted(); i++) peer_row(c, t, c->r->peers.at[i]);
}

/* --- commands --------------------------------------------------------------------------- */

static void command_row(cm_table *t, const json_t *o) {
    double seconds, images;
    const bool timed = cm_number_of(o, "seconds", &seconds) && cm_number_of(o, "images", &images) && images > 0;
    cm_table_row(t);
    text_cell(t, o, "arm");
    number_cell(t, o, "images");
    number_cell(t, o, "seconds");
    rate_cell(t, timed, timed ? seconds / images : 0);
    number_cell(t, o, "peak_rss_mb");
    number_cell(t, o, "status");
    text_cell(t, o, "note");
}

void cm_add_command_table(const cm_content *c) {
    static const cm_table_column columns[] = {{.title = "arm", .left = true},
                                              {.title = "images"},
                                              {.title = "seconds", .digits = 1},
                                              {.title = "seconds an image", .digits = 2},
                                              {.title = "peak MB"},
                                              {.title = "exit status"},
                                              {.title = "note", .left = true}};
    if (!c->r->commands.count) return;
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "commands", columns, sizeof columns / sizeof *columns);
    t->caption = "Commands of other programs, start and loading included";
    for (size_t i = 0; i < c->r->commands.count && !cm_interrupted(); i++) command_row(t, c->r->commands.at[i]);
}
