// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/system.h"
#include "reports/report.h"

static const char *const run_line = "{\"kind\":\"run\",\"suite\":\"quick\",\"prompts\":\"p\",\"count\":2,\"arms\":[{"
                                    "\"name\":\"hq\"},{\"name\":\"daring\"}]}\n";

static void with_records(char *folder, const char *text) {
    char path[300];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/records.jsonl", folder);
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK);
}

static char *read_back(const char *folder, const char *file, cm_arena *a) {
    char path[300], *text = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    cr_assert_eq(cm_read_text(path, 1 << 24, a, &text, &n), CM_OK, "%s", cm_why());
    return text;
}

Test(report, tables_hold_the_contracts_columns_and_the_values) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[2000];
    snprintf(
        text, sizeof text, "%s%s%s%s", run_line,
        "{\"kind\":\"score\",\"suite\":\"quick\",\"prompts\":\"p\",\"arm\":\"hq\",\"score\":\"acc_all\",\"value\":61.5,"
        "\"lo\":60,\"hi\":63,\"n\":2}\n",
        "{\"kind\":\"pair\",\"suite\":\"quick\",\"prompts\":\"p\",\"score\":\"acc_all\",\"a\":\"daring\",\"b\":\"hq\","
        "\"difference\":-0.25,\"lo\":-1,\"hi\":1,\"p\":0.5,\"n\":2}\n",
        "{\"kind\":\"speed\",\"model\":\"a,b\",\"backend\":\"ref\",\"dtype\":\"f32\",\"width\":64,\"height\":96,"
        "\"batch\":1,\"stage\":\"decode\",\"median_s\":0.5,\"p10_s\":0.4,\"p90_s\":0.6,\"n\":3,\"peak_rss_mb\":12}\n");
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_expect(!strncmp(read_back(folder, "scores.csv", &a), "suite,prompts,arm,score,value,lo,hi,n", 37));
    cr_expect(strstr(read_back(folder, "scores.csv", &a), "\nquick,p,hq,acc_all,61.5,60,63,2"));
    cr_expect(!strncmp(read_back(folder, "pairs.csv", &a),
                       "suite,prompts,score,a,b,difference,lo,hi,p,n,p_holm,effect,detectable,primary,note\nquick,p,"
                       "acc_all,daring,hq,-0.25,-1,1,0.5,2,,,,,\n",
                       126));
    cr_expect(strstr(read_back(folder, "speed.csv", &a), "\n\"a,b\",ref,f32,64,96,1,decode,0.5,0.4,0.6,3,12"));
    cm_arena_free(&a);
}

Test(report, growth_is_told_from_the_smallest_size_up) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[2000] = "";
    static const double sides[3] = {128, 64, 256}, seconds[3] = {0.5, 0.125, 4};
    snprintf(text, sizeof text, "{\"kind\":\"run\",\"suite\":\"growth\",\"arms\":[]}\n");
    for (size_t i = 0; i < 3; i++) {
        const size_t n = strlen(text);
        snprintf(text + n, sizeof text - n,
                 "{\"kind\":\"speed\",\"model\":\"m\",\"backend\":\"ref\",\"dtype\":\"f32\",\"width\":%g,\"height\":%g,"
                 "\"stage\":"
                 "\"unet_step\",\"median_s\":%g,\"gflop\":%g,\"n\":1}\n",
                 sides[i], sides[i], seconds[i], sides[i] * sides[i] / 1024);
    }
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.md", &a);
    cr_expect(strstr(page, "| m | ref | unet_step | 64x64 | 0.125 | 1.00 | 4 | 1.00 | 32 |\n"
                           "| m | ref | unet_step | 128x128 | 0.5 | 4.00 | 16 | 4.00 | 32 |\n"
                           "| m | ref | unet_step | 256x256 | 4 | 32.00 | 64 | 16.00 | 16 |\n"),
              "%s", page);
    cr_expect(!strstr(page, "Acc_obj"), "no arms, no scores");
    cr_expect(strstr(read_back(folder, "report.html", &a),
                     "<td data-title=\"size\">256x256</td><td data-title=\"median s\" data-sort=\"4\">4</td>"));
    cm_arena_free(&a);
}

Test(report, says_not_measured_where_a_score_is_missing_and_unfinished_where_the_run_is) {
    char folder[] = "/tmp/cm-report-XXXXXX";
    with_records(folder, run_line);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.html", &a);
    cr_expect(strstr(page, "not measured"));
    cr_expect(strstr(page, "has not finished"));
    cr_expect(!strstr(page, ">nan<"));
    cr_expect(!strstr(page, "href=\"http") && !strstr(page, "src=\"http"), "the page needs nothing from outside");
    cm_arena_free(&a);
}

Test(report, escapes_what_prompts_say) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[1000];
    snprintf(text, sizeof text, "%s%s", run_line,
             "{\"kind\":\"image\",\"arm\":\"hq\",\"id\":\"1\",\"prompt\":\"<script>alert(1)</script> & "
             "\\\"x\\\"\",\"picture\":\"no.png\"}\n");
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.html", &a);
    cr_expect(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;"));
    cr_expect(!strstr(page, "<script>alert"));
    cm_arena_free(&a);
}

/* A score of an arm: value and interval. */
static int add_score(char *at, size_t room, const char *arm, const char *score, double value, double half) {
    return snprintf(at, room,
                    "{\"kind\":\"score\",\"arm\":\"%s\",\"score\":\"%s\",\"value\":%g,\"lo\":%g,\"hi\":%g,\"n\":2,"
                    "\"note\":\"N = 2 is <few>\"}\n",
                    arm, score, value, value - half, value + half);
}

static int add_pair(char *at, size_t room, const char *score, double p, double p_holm) {
    return snprintf(at, room,
                    "{\"kind\":\"pair\",\"a\":\"daring\",\"b\":\"hq\",\"score\":\"%s\",\"difference\":1,\"lo\":0.1,"
                    "\"hi\":1.9,\"p\":%g,\"p_holm\":%g,\"n\":2}\n",
                    score, p, p_holm);
}

Test(report, holms_p_decides_what_is_better_and_who_leads) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[6000];
    static const char *const scores[] = {"acc_all", "attn_iou", "acc_obj", "acc_tex", "acc_shape"};
    size_t n = (size_t)snprintf(text, sizeof text, "%s", run_line);
    for (size_t i = 0; i < 5; i++) {
        n += (size_t)add_score(text + n, sizeof text - n, "hq", scores[i], 60, i == 2 ? 0.25 : 5);
        n += (size_t)add_score(text + n, sizeof text - n, "daring", scores[i], 61, i == 2 ? 0.25 : 5);
    }
    n += (size_t)add_pair(text + n, sizeof text - n, "acc_all", 0.004, 0.2);   /* raw p alone is below 0.05 */
    n += (size_t)add_pair(text + n, sizeof text - n, "attn_iou", 0.001, 0.01); /* both are */
    n += (size_t)add_pair(text + n, sizeof text - n, "acc_shape", 0.001, 0.01);
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *md = read_back(folder, "report.md", &a), *page = read_back(folder, "report.html", &a);
    cr_expect(
        strstr(
            md,
            "daring minus hq: Acc_all +1.0 \\[+0.1, +1.9\\], p_Holm 0.200, N = 2 (the primary score; not told apart)"),
        "%s", md);
    cr_expect(strstr(md, "attn IoU +1.000 \\[+0.100, +1.900\\], p_Holm 0.010 (what the loss trains; told apart)"), "%s",
              md);
    cr_expect(strstr(md, "Acc_shape +1.0 \\[+0.1, +1.9\\], p_Holm 0.010 (better)"), "%s", md);
    cr_expect(strstr(page, "data-title=\"Acc_shape ↑\" data-sort=\"61\"><b>61.0</b>") &&
                  strstr(page, "data-title=\"Acc_shape ↑\" data-sort=\"60\">60.0<"),
              "told apart by the pair");
    cr_expect(strstr(md, "| acc_all (primary) | daring - hq | +1.0000 (+0.1000 to +1.9000) | 0.200 | 0.004 | 2 |"));
    cr_expect(strstr(md, "| attn_iou (what the loss trains) | daring - hq | **+1.0000** ("));
    cr_expect(strstr(md, "the primary score is Acc_all"));
    cr_expect(strstr(md, "| 61.000 (56.000 to 66.000)") && strstr(md, "| 60.000 (55.000 to 65.000)"),
              "nothing is best of what a loss trains");
    cr_expect(strstr(md, "**61.0** (60.8 to 61.2)") && strstr(md, "| 60.0 (59.8 to 60.2) |"),
              "no pair, intervals that do not meet");
    cr_expect(strstr(page, "data-title=\"Acc_tex ↑\" data-sort=\"60\"><b>60.0</b><sup>†</sup>"),
              "no pair, intervals that meet");
    cr_expect(strstr(page, "data-title=\"Acc_tex ↑\" data-sort=\"61\"><b>61.0</b><small>"),
              "the best itself has no dagger");
    cr_expect(strstr(page, "data-title=\"Acc_all ↑\" data-sort=\"60\"><b>60.0</b><sup>†</sup>"),
              "a pair that is not told apart");
    cr_expect(strstr(page, "Acc_all of hq, daring: N = 2 is &lt;few&gt;."), "notes stand on the page, once");
    cm_arena_free(&a);
}

Test(report, says_once_that_something_was_not_measured) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[1000];
    snprintf(text, sizeof text, "%s%s", run_line,
             "{\"kind\":\"speed\",\"model\":\"m\",\"stage\":\"decode\",\"note\":\"not measured: too slow\"}\n"
             "{\"kind\":\"speed\",\"model\":\"m\",\"stage\":\"text\",\"note\":\"no such file\"}\n"
             "{\"kind\":\"pair\",\"a\":\"daring\",\"b\":\"hq\",\"score\":\"hola\"}\n");
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *files[] = {read_back(folder, "report.md", &a), read_back(folder, "report.html", &a)};
    for (size_t i = 0; i < 2; i++) {
        cr_expect(!strstr(files[i], "not measured: not measured") && !strstr(files[i], "not measured to not measured"));
        cr_expect(strstr(files[i], "not measured: too slow") && strstr(files[i], "not measured: no such file"));
    }
    cm_arena_free(&a);
}

Test(report, leaves_a_torn_last_line_out_and_shows_the_first_of_many_prompts) {
    char folder[] = "/tmp/cm-report-XXXXXX", *text = malloc(100000);
    cr_assert(text);
    size_t n = (size_t)snprintf(text, 1000, "%s", run_line);
    for (int i = 0; i < 200; i++) /* the second arm's come first, as in a run that made lost images again */
        n += (size_t)snprintf(text + n, 300,
                              "{\"kind\":\"image\",\"arm\":\"%s\",\"id\":\"%d\",\"prompt\":\"prompt number "
                              "%d.\",\"picture\":\"x.png\"}\n",
                              i < 100 ? "daring" : "hq", i % 100, i);
    snprintf(text + n, 100, "{\"kind\":\"image\",\"arm\":\"h");
    with_records(folder, text);
    free(text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.html", &a);
    cr_expect(strstr(page, "The first 64 of 100 prompts are shown."));
    cr_expect(strstr(page, "prompt number 163.") && !strstr(page, "prompt number 164."));
    size_t gaps = 0;
    for (const char *p = page; (p = strstr(p, "no image in this folder")); p++) gaps++;
    cr_expect_eq(gaps, 128, "both arms' images: %zu", gaps);
    cm_arena_free(&a);
}

static const char *const peer_lines = "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"cosmicman "
                                      "f32\",\"version\":\"1\",\"precision\":\"f32\","
                                      "\"width\":512,\"height\":512,\"batch\":2,\"threads\":2,\"min_s\":4,\"median_s\":"
                                      "4.2,\"ratio\":1,\"relative_l2\":2e-6,"
                                      "\"agrees\":true,\"peak_rss_mb\":5900.4,\"n\":5,\"cpu\":\"a <cpu>\"}\n"
                                      "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"other\","
                                      "\"version\":\"2\",\"precision\":\"bf16\","
                                      "\"width\":512,\"height\":512,\"batch\":2,\"threads\":2,\"min_s\":8,\"median_s\":"
                                      "8.5,\"ratio\":2.02,\"relative_l2\":0.05,"
                                      "\"psnr_db\":31.26,\"agrees\":false,\"peak_rss_mb\":7000,\"n\":5}\n"
                                      "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"third\","
                                      "\"version\":\"3\",\"precision\":\"bf16\","
                                      "\"width\":512,\"height\":512,\"note\":\"not available: a|b <c>\"}\n";

static void with_peers(const char *path, const char *text) {
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK, "%s", cm_why());
}

Test(report, shows_other_engines_beside_ours) {
    char folder[] = "/tmp/cm-report-XXXXXX", path[300];
    with_records(folder, run_line);
    snprintf(path, sizeof path, "%s/others.jsonl", folder);
    with_peers(path, peer_lines);
    cr_assert_eq(cm_report_write(folder, path), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *md = read_back(folder, "report.md", &a), *page = read_back(folder, "report.html", &a);
    cr_expect(
        strstr(md,
               "| m | unet | 512x512 | cosmicman f32 | 1 | f32 |  | 4 | 4.2 | 1.00 | 2.0e-06 |  | yes | 5900 | 5 |\n"),
        "%s", md);
    cr_expect(strstr(md, "| 8.5 | 2.02 | 5.0e-02 | 31.3 | **no** | 7000 | 5 |\n"));
    cr_expect(strstr(md, "not available: a\\|b &lt;c&gt; |  |  |  |  |  |  |  |\n"));
    cr_expect(strstr(page, ">5.0e-02</td><td data-title=\"PSNR dB\" data-sort=\"31.26\">31.3</td><td "
                           "data-title=\"agrees\"><b>no</b></td>"));
    cr_expect(strstr(page, "colspan=\"8\">not available: a|b &lt;c&gt;</td>"));
    cr_expect(strstr(page, "a &lt;cpu&gt;"));
    cr_expect(strstr(read_back(folder, "peers.csv", &a),
                     "\nm,unet,other,2,bf16,,512,512,2,2,8,8.5,2.02,0.05,no,7000,5,,,,31.26,\n"));
    cm_arena_free(&a);
}

Test(report, finds_peers_in_the_runs_folder_and_refuses_what_is_none) {
    char folder[] = "/tmp/cm-report-XXXXXX", path[300];
    with_records(folder, run_line);
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cr_expect(!strstr(read_back(folder, "report.md", &a), "other engines"));
    snprintf(path, sizeof path, "%s/peers", folder);
    cr_assert_eq(cm_make_dirs(path), CM_OK);
    snprintf(path, sizeof path, "%s/peers/records.jsonl", folder);
    with_peers(path, peer_lines);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cr_expect(strstr(read_back(folder, "report.md", &a), "### Beside other engines"));
    with_peers(path, run_line);
    cr_expect_eq(cm_report_write(folder, NULL), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "kind \"peer\""), "%s", cm_why());
    cr_expect_eq(cm_report_write(folder, "/nonexistent/peers.jsonl"), CM_EIO);
    cm_arena_free(&a);
}

Test(report, refuses_a_folder_without_records_and_records_without_a_header) {
    char folder[] = "/tmp/cm-report-XXXXXX";
    cr_expect_neq(cm_report_write("/nonexistent/folder", NULL), CM_OK);
    with_records(folder, "{\"kind\":\"done\"}\n");
    cr_expect_eq(cm_report_write(folder, NULL), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "kind \"run\""), "%s", cm_why());
}
