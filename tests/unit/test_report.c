// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/system.h"
#include "reports/report.h"

static const char *const run_line =
    "{\"kind\":\"run\",\"suite\":\"quick\",\"prompts\":\"p\",\"count\":2,\"arms\":[{\"name\":\"hq\"},{\"name\":\"daring\"}]}\n";

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
    snprintf(text, sizeof text, "%s%s%s%s", run_line,
             "{\"kind\":\"score\",\"suite\":\"quick\",\"prompts\":\"p\",\"arm\":\"hq\",\"score\":\"acc_all\",\"value\":61.5,\"lo\":60,\"hi\":63,\"n\":2}\n",
             "{\"kind\":\"pair\",\"suite\":\"quick\",\"prompts\":\"p\",\"score\":\"acc_all\",\"a\":\"daring\",\"b\":\"hq\",\"difference\":-0.25,\"lo\":-1,\"hi\":1,\"p\":0.5,\"n\":2}\n",
             "{\"kind\":\"speed\",\"model\":\"a,b\",\"backend\":\"ref\",\"dtype\":\"f32\",\"width\":64,\"height\":96,\"batch\":1,\"stage\":\"decode\",\"median_s\":0.5,\"p10_s\":0.4,\"p90_s\":0.6,\"n\":3,\"peak_rss_mb\":12}\n");
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_expect(!strncmp(read_back(folder, "scores.csv", &a), "suite,prompts,arm,score,value,lo,hi,n", 37));
    cr_expect(strstr(read_back(folder, "scores.csv", &a), "\nquick,p,hq,acc_all,61.5,60,63,2"));
    cr_expect(!strncmp(read_back(folder, "pairs.csv", &a), "suite,prompts,score,a,b,difference,lo,hi,p,n\nquick,p,acc_all,daring,hq,-0.25,-1,1,0.5,2\n", 87));
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
                 "{\"kind\":\"speed\",\"model\":\"m\",\"backend\":\"ref\",\"dtype\":\"f32\",\"width\":%g,\"height\":%g,\"stage\":"
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
                           "| m | ref | unet_step | 256x256 | 4 | 32.00 | 64 | 16.00 | 16 |\n"), "%s", page);
    cr_expect(!strstr(page, "Acc_obj"), "no arms, no scores");
    cr_expect(strstr(read_back(folder, "report.html", &a), "<td>256x256</td><td>4</td><td>32.00</td><td>64</td><td>16.00</td><td>16</td>"));
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
             "{\"kind\":\"image\",\"arm\":\"hq\",\"id\":\"1\",\"prompt\":\"<script>alert(1)</script> & \\\"x\\\"\",\"picture\":\"no.png\"}\n");
    with_records(folder, text);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.html", &a);
    cr_expect(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;"));
    cr_expect(!strstr(page, "<script>alert"));
    cm_arena_free(&a);
}

static const char *const peer_lines =
    "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"cosmicman openblas\",\"version\":\"1\",\"precision\":\"f32\","
    "\"width\":512,\"height\":512,\"batch\":2,\"threads\":2,\"min_s\":4,\"median_s\":4.2,\"ratio\":1,\"relative_l2\":2e-6,"
    "\"agrees\":true,\"peak_rss_mb\":5900.4,\"n\":5,\"cpu\":\"a <cpu>\"}\n"
    "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"other\",\"version\":\"2\",\"precision\":\"bf16\","
    "\"width\":512,\"height\":512,\"batch\":2,\"threads\":2,\"min_s\":8,\"median_s\":8.5,\"ratio\":2.02,\"relative_l2\":0.05,"
    "\"psnr_db\":31.26,\"agrees\":false,\"peak_rss_mb\":7000,\"n\":5}\n"
    "{\"kind\":\"peer\",\"model\":\"m\",\"stage\":\"unet\",\"engine\":\"third\",\"version\":\"3\",\"precision\":\"bf16\","
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
    cr_expect(strstr(md, "| m | unet | 512x512 | cosmicman openblas | 1 | f32 |  | 4 | 4.2 | 1.00 | 2.0e-06 |  | yes | 5900 | 5 | \n"), "%s", md);
    cr_expect(strstr(md, "| 8.5 | 2.02 | 5.0e-02 | 31.3 | **no** | 7000 | 5 | \n"));
    cr_expect(strstr(md, "not available: a b <c> | | | | | | | |\n"));
    cr_expect(strstr(page, "<td>5.0e-02</td><td>31.3</td><td><b>no</b></td>"));
    cr_expect(strstr(page, "colspan=\"8\">not available: a|b &lt;c&gt;</td>"));
    cr_expect(strstr(page, "a &lt;cpu&gt;"));
    cr_expect(strstr(read_back(folder, "peers.csv", &a), "\nm,unet,other,2,bf16,,512,512,2,2,8,8.5,2.02,0.05,no,7000,5,,,,31.26,\n"));
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
