// SPDX-License-Identifier: Apache-2.0
/* Reports of records of format 2: tests/report/format2.jsonl, a run with arms of every kind (make_format2.py writes
 * it). */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/system.h"
#include "reports/report.h"
#include "reports/report_model.h"
#include "tests/unit/failing_alloc.h"

static cm_arena arena;
static char folder[64];

static char *read_file(const char *path) {
    char *text = NULL;
    size_t n;
    cr_assert_eq(cm_read_text(path, 1 << 24, &arena, &text, &n), CM_OK, "%s", cm_why());
    return text;
}

static char *read_back(const char *file) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return read_file(path);
}

static void put_records(const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/records.jsonl", folder);
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK);
}

/* The fixture with every `from` replaced; from NULL: as it is. */
static void make_folder(const char *from, const char *to) {
    cm_arena_init(&arena, 0);
    snprintf(folder, sizeof folder, "/tmp/cm-report-XXXXXX");
    cr_assert(mkdtemp(folder));
    const char *text = read_file(CM_TESTS_DIR "/report/format2.jsonl");
    if (!from) {
        put_records(text);
        return;
    }
    char *changed = malloc(2 * strlen(text));
    size_t n = 0;
    for (const char *at = text, *hit; *at; at = hit + strlen(from)) {
        hit = strstr(at, from);
        if (!hit) {
            memcpy(changed + n, at, strlen(at) + 1);
            break;
        }
        memcpy(changed + n, at, (size_t)(hit - at));
        n += (size_t)(hit - at);
        memcpy(changed + n, to, strlen(to) + 1);
        n += strlen(to);
    }
    put_records(changed);
    free(changed);
}

static void write_report(const char *template, const char *formats) {
    cr_assert_eq(cm_report_write_as(folder, &(cm_report_choice){NULL, template, formats}), CM_OK, "%s", cm_why());
}

/* --- columns and marks -------------------------------------------------------------------- */

Test(report_format2, columns_titles_digits_and_directions_are_the_plans) {
    make_folder(NULL, NULL);
    write_report(NULL, "md,csv");
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "| arm | FID ↓ | KID (subsets of 1000) ↓ | PRDC precision ↑ | PRDC recall ↑ | CLIP ↑ | HPSv2 "
                         "↑ | Acc_obj ↑ |"),
              "%.1500s", md);
    cr_expect(strstr(md, "| 41.20 (39.96 to 42.44) | 0.0121 (0.0117 to 0.0125) | 0.800 (0.776 to 0.824) |"));
    cr_expect(strstr(md, "the primary score is Acc_all"));
    cr_expect(strstr(md, "| script | 24 | 310.5 | 12.94 | 5200 | 0 |"), "a command's time and memory");
    cr_expect(strstr(read_back("scores.csv"),
                     "\nmine,people-12,daring,hola,0.0741,0.071877,0.076323,12,lower,,0.001111,,,24,yes\n"));
    cr_expect(strstr(read_back("parts.csv"),
                     "suite,prompts,arm,group,score,value,lo,hi,n,right\nmine,people-12,hq,person,acc_obj,"));
    cm_arena_free(&arena);
}

Test(report_format2, the_whole_leading_group_is_marked_as_the_records_say) {
    make_folder(NULL, NULL);
    write_report(NULL, "md,html");
    const char *md = read_back("report.md"), *page = read_back("report.html");
    cr_expect(strstr(md, "**0.2688**† (0.2607 to 0.2769)") && strstr(md, "**0.2702** (0.2621 to 0.2783)"),
              "two lead, one of them is the best");
    cr_expect(strstr(md, "| **3.10** (3.01 to 3.19) |") && strstr(md, "| 38.90 (37.73 to 40.07) |"), "one leads alone");
    cr_expect(strstr(page, "><a href=\"#arm-1\"><b>0.2688</b><sup>†</sup></a><small>0.2607 to 0.2769</small></td>"));
    cm_arena_free(&arena);
}

Test(report_format2, arms_of_every_kind_are_told_and_one_without_records_was_not_run) {
    make_folder(NULL, NULL);
    write_report(NULL, "md");
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "| photos (held-out photographs; images made elsewhere, from /data/photos) |"));
    cr_expect(strstr(md, "| script (another program; made by a command) |"));
    cr_expect(strstr(md, "| sdxl (the authors' recipe) | not run |"));
    cr_expect(strstr(md, "daring is models/daring (SHA-256 b2b2b2b2b2b2b2b2), trained on people-hq 1.0 for 20000 "
                         "steps, seed 7, HOLA weight 0.001"));
    cr_expect(strstr(md, "script is made by the command python sd.py --prompts {prompts} --out {out} with steps 20"));
    cm_arena_free(&arena);
}

/* --- words -------------------------------------------------------------------------------- */

Test(report_format2, the_first_sentence_tells_what_the_first_pair_found_and_the_next_all_of_it) {
    make_folder(NULL, NULL);
    write_report(NULL, "html");
    cr_expect(strstr(
        read_back("report.html"),
        "<main>\n<p class=\"lead\">Daring moved attention onto garments&#39; regions (HOLA -0.0523 [-0.0837, -0.0209], "
        "attn share +0.0591 [+0.0236, +0.0946]); accuracy rose with 12 prompts (Acc_all +3.5 [+1.4, +5.6], p 0.001); "
        "12 prompts show a difference of 3.1 or more in 8 of 10 runs, and it would take about 53 to see the "
        "paper&#39;s 1.5 "
        "points.</p>\n<p>daring minus hq: Acc_all +3.5 [+1.4, +5.6], p 0.001, N = 12 (the primary "
        "score; better); FID -2.30 [-3.68, -0.92], p_Holm 0.004 (better); KID "));
    cm_arena_free(&arena);
}

Test(report_format2, with_and_without_daring_is_said_of_equal_data_steps_and_seeds_alone) {
    static const char *const changes[][2] = {{NULL, NULL},
                                             {"\"seed\":7,\"hola\":0.001", "\"seed\":8,\"hola\":0.001"},
                                             {"\"steps\":20000,\"seed\":7,\"hola\":0.001", "\"seed\":7,\"hola\":0.001"},
                                             {"\"people-hq 1.0\",\"steps\":20000,\"seed\":7,\"hola\":0}",
                                              "\"people\",\"steps\":20000,\"seed\":7,\"hola\":0}"}};
    for (size_t i = 0; i < 4; i++) {
        make_folder(changes[i][0], changes[i][1]);
        write_report("paper", "md");
        const char *md = read_back("paper.md");
        cr_expect_eq(strstr(md, "# People from dense descriptions, with and without Daring\n") != NULL, i == 0, "%zu",
                     i);
        cr_expect_eq(strstr(md, "daring and hq differ by Daring alone") != NULL, i == 0, "%zu", i);
        cr_expect_eq(strstr(md, "daring and hq differ in data and Daring together") != NULL, i > 0, "%zu", i);
        cm_arena_free(&arena);
    }
}

/* --- parts, links, templates -------------------------------------------------------------- */

Test(report_format2, parts_stand_by_group_with_a_radar_that_says_its_result) {
    make_folder(NULL, NULL);
    write_report(NULL, "md,html");
    const char *md = read_back("report.md"), *data = read_back("plots/parts.dat");
    cr_expect(strstr(md, "| group | hq ↑ | daring ↑ | photos ↑ | script ↑ | questions |"),
              "an arm without parts has no column");
    cr_expect(strstr(md, "| one-piece outfits | "));
    cr_expect(strstr(data, "\"overall-style\"\n"));
    char plot[300];
    snprintf(plot, sizeof plot, "%s/plots/parts.svg", folder);
    if (cm_path_exists(plot))
        cr_expect(strstr(read_back("report.html"), "width=\"760\" height=\"580\" alt=\"hq: person "),
                  "a plot's alt text is its result");
    cm_arena_free(&arena);
}

Test(report_format2, every_link_of_the_page_leads_to_an_anchor_of_it) {
    make_folder(NULL, NULL);
    write_report(NULL, "html");
    const char *page = read_back("report.html");
    size_t links = 0;
    for (const char *at = page; (at = strstr(at, "href=\"#")) != NULL; links++) {
        char anchor[80], id[100];
        at += 7;
        snprintf(anchor, sizeof anchor, "%.*s", (int)strcspn(at, "\""), at);
        snprintf(id, sizeof id, " id=\"%s\"", anchor);
        const char *first = strstr(page, id);
        cr_assert(first, "%s", anchor);
        cr_expect(!strstr(first + 1, id), "%s stands twice", anchor);
    }
    cr_expect_gt(links, 100);
    cr_expect(strstr(page, "<figure class=\"many\" id=\"prompt-3\">"));
    cr_expect(strstr(page, "<li>one-piece outfits.color: asked red, seen blue</li>"),
              "what was asked and seen stands with the image");
    cr_expect(strstr(page, "no image in this folder"), "an image that is missing is told");
    cm_arena_free(&arena);
}

Test(report_format2, the_paper_has_our_arms_in_its_columns_above_its_own_rows) {
    make_folder(NULL, NULL);
    write_report("paper", "md");
    const char *md = read_back("paper.md");
    cr_expect(strstr(md, "| method | FID ↓ | HPSv2 ↑ | CLIP ↑ | Acc_obj ↑ | Acc_tex ↑ | Acc_shape ↑ | Acc_all ↑ |"));
    cr_expect(strstr(md, "| CosmicMan-SDXL | 35.42 | 0.2698 | 27.31 | 92.7 | 88.3 | 69.7 | 83.6 |"));
    cr_expect(strstr(md, "| daring (people-hq 1.0) |  |  | 38.90 (37.73 to 40.07) | 80.0 (77.6 to 82.4) |"),
              "the ablation of data");
    cr_expect(strstr(md, "| CosmicMan-HQ | 6 M | Annotate Anyone | 37.57 | 79.7 |"));
    cr_expect(strstr(md, "| + L_HOLA | 36.78 | 91.7 | 85.7 | 66.1 | 81.2 |"));
    cr_expect(strstr(md, "In our rows FID is fid@clean."));
    cm_arena_free(&arena);
}

Test(report_format2, scores_on_other_weights_do_not_stand_in_the_papers_columns) {
    make_folder("fid@clean", "fid@clean[random]");
    write_report("paper", "md");
    cr_expect(strstr(read_back("paper.md"), "| daring (with HOLA) |  | **0.2688**†"));
    cm_arena_free(&arena);
}

Test(report_format2, json_is_json_and_has_the_values_unrounded) {
    make_folder(NULL, NULL);
    write_report(NULL, "json");
    json_error_t e;
    json_t *o = json_loads(read_back("report.json"), JSON_REJECT_DUPLICATES, &e);
    cr_assert(o, "%s at line %d", e.text, e.line);
    cr_expect_str_eq(cm_text_of(o, "title"), "People from dense descriptions, with and without Daring");
    size_t i;
    json_t *block, *scores = NULL;
    json_array_foreach(json_object_get(o, "blocks"), i, block)
        if (strcmp(cm_text_of(block, "table"), "scores") == 0) scores = block;
    cr_assert(scores);
    const json_t *cell =
        json_array_get(json_object_get(json_array_get(json_object_get(scores, "rows"), 1), "cells"), 11);
    double v;
    cr_expect_str_eq(cm_text_of(json_array_get(json_object_get(scores, "columns"), 11), "key"), "hola");
    cr_expect(cm_number_of(cell, "lo", &v) && v == 0.071877);
    cr_expect(!json_object_get(cell, "leading"), "nothing leads in what a loss trains");
    cr_expect_str_eq(cm_text_of(cell, "about"), "floor 0.0610, even 0.1170");
    json_decref(o);
    cm_arena_free(&arena);
}

Test(report_format2, latex_has_booktabs_the_leading_group_bold_and_daggers) {
    make_folder(NULL, NULL);
    write_report("paper", "latex");
    const char *tex = read_back("paper.tex");
    cr_expect(strstr(tex, "\\toprule\nmethod & FID $\\downarrow$ & HPSv2 $\\uparrow$") && strstr(tex, "\\bottomrule"));
    cr_expect(strstr(tex, "\\textbf{0.2688}$^\\dagger$"));
    cr_expect(strstr(tex, "\\cmbelow{r}{\\textbf{$-$2.300}}{$-$3.680 to -{}0.920}"), "a minus, not a hyphen");
    cr_expect(strstr(tex, "\\itshape CosmicMan-{}SDXL & "));
    write_report("full", "latex");
    cr_expect(strstr(read_back("report.tex"),
                     "{\\cmbelow{r}{\\scriptsize 0.0719 to 0.0763}{floor 0.0610, even 0.1170}}"),
              "words beneath an interval");
    char plots[2][300];
    snprintf(plots[0], sizeof plots[0], "%s/plots/parts.svg", folder);
    snprintf(plots[1], sizeof plots[1], "%s/plots/parts.pdf", folder);
    cr_expect_eq(cm_path_exists(plots[0]), cm_path_exists(plots[1]), "what pdflatex includes is there");
    cm_arena_free(&arena);
}

/* --- what is refused ---------------------------------------------------------------------- */

Test(report_format2, a_newer_format_and_two_runs_are_refused_in_one_line) {
    make_folder("\"format\":2", "\"format\":99");
    cr_expect_eq(cm_report_write(folder, NULL), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "records.jsonl: records of format 99, and version ") &&
                  strstr(cm_why(), "use version 0.1.0, which wrote them"),
              "%s", cm_why());
    cm_arena_free(&arena);
    make_folder("{\"kind\":\"done\"", "{\"kind\":\"run\",\"suite\":\"other\",\"arms\":[]}\n{\"kind\":\"done\"");
    cr_expect_eq(cm_report_write(folder, NULL), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "two lines of kind \"run\""), "%s", cm_why());
    cm_arena_free(&arena);
}

Test(report_format2, the_same_records_give_the_same_bytes) {
    static const char *const files[] = {"report.html", "report.md",  "report.json",
                                        "report.tex",  "scores.csv", "plots/parts.gp"};
    const char *before[6];
    make_folder(NULL, NULL);
    write_report(NULL, "html,md,csv,json,latex");
    for (size_t i = 0; i < 6; i++) before[i] = read_back(files[i]);
    write_report(NULL, "html,md,csv,json,latex");
    for (size_t i = 0; i < 6; i++) cr_expect_str_eq(read_back(files[i]), before[i], "%s", files[i]);
    cm_arena_free(&arena);
}

Test(report_format2, images_that_could_not_be_read_are_counted_and_the_first_named) {
    make_folder("{\"kind\":\"done\"", "{\"kind\":\"failed\",\"index\":3,\"arm\":\"photos\",\"source\":\"/data/photos/"
                                      "p3.png\",\"note\":\"damaged\"}\n{\"kind\":\"done\"");
    write_report(NULL, "md");
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "1 image could not be read and is left out: /data/photos/p3.png (damaged)."));
    cr_expect(strstr(md, "photos, 2"), "both images of a prompt are shown");
    cm_arena_free(&arena);
}

/* --- memory ------------------------------------------------------------------------------- */

static cm_status try_report(const char *template) {
    const cm_status s = cm_report_write_as(folder, &(cm_report_choice){NULL, template, "html,md,csv,json,latex"});
    cm_test_fail_malloc = cm_test_fail_once = cm_test_fail_from = -1;
    return s;
}

static void fails_well(long *which, const char *template, const char *what, long n) {
    *which = n;
    const cm_status s = try_report(template);
    cr_assert(s == CM_OK || s == CM_ENOMEM, "%s %ld of %s: %s", what, n, template, cm_why());
    if (s == CM_ENOMEM) cr_assert(strstr(cm_why(), "memory"), "%s", cm_why());
}

Test(report_format2, an_allocation_that_fails_is_told_and_nothing_else_happens) {
    static const char *const templates[] = {"full", "paper", "model-card"};
    make_folder(NULL, NULL);
    setenv("PATH", "/nonexistent", 1); /* no gnuplot */
    cr_assert_eq(try_report("full"), CM_OK, "%s", cm_why());
    const char *before = read_back("report.json");
    for (size_t t = 0; t < 3; t++) {
        for (long n = 0; n < 7; n++) {
            fails_well(&cm_test_fail_once, templates[t], "arena block", n);
            fails_well(&cm_test_fail_from, templates[t], "all arena blocks from", n);
        }
        for (long n = (long)t; n < 40000; n += 3 + n / 3) fails_well(&cm_test_fail_malloc, templates[t], "malloc", n);
    }
    cr_assert_eq(try_report("full"), CM_OK, "%s", cm_why());
    cr_expect_str_eq(read_back("report.json"), before);
    cm_arena_free(&arena);
}
