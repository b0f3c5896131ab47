// SPDX-License-Identifier: Apache-2.0
/* What a report says was found, whichever way it fell: its first sentence, chance, what the loss trains, attention by
 * layer. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/system.h"
#include "reports/report.h"

static cm_arena arena;
static char folder[64], records[20000];

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...) {
    va_list args;
    const size_t n = strlen(records);
    va_start(args, format);
    vsnprintf(records + n, sizeof records - n, format, args);
    va_end(args);
}

/* hola: of the second arm; 0: two arms of one training. */
static void begin(double hola) {
    cm_arena_init(&arena, 0);
    snprintf(folder, sizeof folder, "/tmp/cm-report-XXXXXX");
    cr_assert(mkdtemp(folder));
    records[0] = 0;
    add("{\"kind\":\"run\",\"format\":2,\"suite\":\"s\",\"prompts\":\"p\",\"prompts_version\":3,\"prompts_hash\":"
        "\"0123456789abcdef\",\"questions\":{\"asked\":30,\"of\":40,\"left_out\":{\"shoes.color\":4}},\"count\":256,"
        "\"primary\":\"acc_all\",\"settings\":{},\"arms\":[");
    add("{\"name\":\"hq\",\"kind\":\"model\",\"hash\":\"a\",\"trained\":{\"data\":\"d\",\"steps\":5,\"seed\":1,"
        "\"hola\":0},\"layers\":["
        "{\"name\":\"down_blocks.1.attentions.0.transformer_blocks.0.attn2\",\"height\":6,\"width\":4,\"watched\":true}"
        ","
        "{\"name\":\"up_blocks.0.attentions.2.transformer_blocks.3.attn2\",\"height\":12,\"width\":8,\"watched\":false}"
        "]},");
    add("{\"name\":\"daring\",\"kind\":\"model\",\"hash\":\"b\",\"trained\":{\"data\":\"d\",\"steps\":5,\"seed\":1,"
        "\"hola\":%g},\"layers\":["
        "{\"name\":\"down_blocks.1.attentions.0.transformer_blocks.0.attn2\",\"height\":6,\"width\":4,\"watched\":true}"
        ","
        "{\"name\":\"up_blocks.0.attentions.2.transformer_blocks.3.attn2\",\"height\":12,\"width\":8,\"watched\":false}"
        "]}],",
        hola);
    add("\"pairs\":[[\"daring\",\"hq\"]],\"plan\":{\"metrics\":["
        "{\"metric\":\"acc_all\",\"label\":\"acc_all\",\"title\":\"Acc_all\",\"better\":\"higher\",\"decimals\":1},"
        "{\"metric\":\"kid\",\"label\":\"kid\",\"title\":\"KID\",\"better\":\"lower\",\"decimals\":4,\"subset\":1000},"
        "{\"metric\":\"hola\",\"label\":\"hola\",\"title\":\"HOLA\",\"better\":\"lower\",\"decimals\":4,\"mechanism\":"
        "true},"
        "{\"metric\":\"attn_share\",\"label\":\"attn_share\",\"title\":\"attn "
        "share\",\"better\":\"higher\",\"decimals\":4,\"mechanism\":true}]}}\n");
}

static void add_pair(const char *score, double difference, double half, double p, double detectable) {
    add("{\"kind\":\"pair\",\"a\":\"daring\",\"b\":\"hq\",\"score\":\"%s\",\"difference\":%g,\"lo\":%g,\"hi\":%g,\"p\":"
        "%g,\"p_holm\":%g,\"n\":256,\"detectable\":%g%s}\n",
        score, difference, difference - half, difference + half, p, p, detectable,
        strcmp(score, "acc_all") == 0 ? ",\"primary\":true" : "");
}

static char *read_back(const char *file) {
    char path[300], *text = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    cr_assert_eq(cm_read_text(path, 1 << 24, &arena, &text, &n), CM_OK, "%s", cm_why());
    return text;
}

static void write_report(void) {
    char path[300];
    snprintf(path, sizeof path, "%s/records.jsonl", folder);
    cr_assert_eq(cm_write_whole(path, records, strlen(records)), CM_OK);
    cr_assert_eq(cm_report_write_as(folder, &(cm_report_choice){NULL, NULL, "html,md"}), CM_OK, "%s", cm_why());
}

/* The page's first paragraph is this one. */
static void expect_first(const char *sentence) {
    write_report();
    const char *page = read_back("report.html"), *main = strstr(page, "<main>"),
               *lead = strstr(main, "<p class=\"lead\">");
    cr_assert(lead);
    cr_expect(strncmp(lead + strlen("<p class=\"lead\">"), sentence, strlen(sentence)) == 0, "%.700s", lead);
    cm_arena_free(&arena);
}

/* --- with and without Daring ---------------------------------------------------------------- */

Test(report_findings, daring_that_moved_attention_and_whose_accuracy_is_undecided) {
    begin(0.1);
    add_pair("attn_share", 0.04, 0.01, 0.0001, 0.01);
    add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
    add_pair("acc_all", -0.3, 1.1, 0.6, 1.45);
    expect_first("Daring moved attention onto garments&#39; regions (HOLA -0.0200 [-0.0250, -0.0150], attn share "
                 "+0.0400 [+0.0300, +0.0500]); accuracy could not be told "
                 "apart with 256 prompts (Acc_all -0.3 [-1.4, +0.8], p 0.600); 256 prompts show a difference of 1.4 or "
                 "more in 8 of 10 runs, the paper&#39;s 1.5 points "
                 "among them.");
}

Test(report_findings, too_few_prompts_say_how_many_it_would_take) {
    begin(0.1);
    add_pair("attn_share", 0.04, 0.01, 0.0001, 0.01);
    add_pair("acc_all", -0.3, 2, 0.6, 2.9);
    expect_first("Daring moved attention onto garments&#39; regions (attn share +0.0400 [+0.0300, +0.0500]); accuracy "
                 "could not be told apart with 256 prompts (Acc_all -0.3 "
                 "[-2.3, +1.7], p 0.600); 256 prompts show a difference of 2.9 or more in 8 of 10 runs, and it would "
                 "take about 960 to see the paper&#39;s 1.5 points.");
}

Test(report_findings, daring_that_took_attention_away_though_its_loss_fell) {
    begin(0.1);
    add_pair("attn_share", -0.04, 0.01, 0.0001, 0.01);
    add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
    add_pair("acc_all", -1.1, 0.7, 0.004, 1);
    expect_first("Daring lowered its loss, but took attention away from garments&#39; words (HOLA -0.0200 [-0.0250, "
                 "-0.0150], attn share -0.0400 [-0.0500, -0.0300]); accuracy "
                 "fell with 256 prompts (Acc_all -1.1 [-1.8, -0.4], p 0.004);");
}

Test(report_findings, daring_whose_loss_fell_and_whose_share_is_undecided) {
    begin(0.1);
    add_pair("attn_share", 0.001, 0.01, 0.7, 0.01);
    add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
    add_pair("acc_all", 1.1, 0.7, 0.0004, 1);
    expect_first("Daring lowered its loss, but whether it moved attention onto garments&#39; regions could not be told "
                 "(HOLA -0.0200 [-0.0250, -0.0150], attn share +0.0010 "
                 "[-0.0090, +0.0110]); accuracy rose with 256 prompts (Acc_all +1.1 [+0.4, +1.8], p &lt; 0.001);");
}

Test(report_findings, daring_that_moved_nothing) {
    begin(0.1);
    add_pair("attn_share", 0.001, 0.01, 0.7, 0.01);
    add_pair("hola", 0.001, 0.005, 0.7, 0.01);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    expect_first("Whether Daring moved attention could not be told (HOLA +0.0010 [-0.0040, +0.0060], attn share "
                 "+0.0010 [-0.0090, +0.0110]); accuracy could not be told apart");
}

Test(report_findings, daring_away_from_garments_without_the_loss_measured) {
    begin(0.1);
    add_pair("attn_share", -0.04, 0.01, 0.0001, 0.01);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    expect_first("Daring took attention away from garments&#39; words (attn share -0.0400 [-0.0500, -0.0300]); "
                 "accuracy could not be told apart");
}

Test(report_findings, daring_by_its_loss_alone) {
    begin(0.1);
    add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    expect_first("Daring moved attention (HOLA -0.0200 [-0.0250, -0.0150]); accuracy could not be told apart");
}

Test(report_findings, daring_without_attention_and_without_a_primary_score) {
    begin(0.1);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    expect_first("daring against hq, which differ by Daring alone: accuracy could not be told apart with 256 prompts");
    begin(0.1);
    add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
    expect_first("Daring moved attention (HOLA -0.0200 [-0.0250, -0.0150]); the primary score was not measured.");
}

/* --- any two arms ------------------------------------------------------------------------------ */

Test(report_findings, any_two_arms_are_told_by_their_primary_score) {
    static const struct {
        double difference, p;
        const char *sentence;
    } all[] = {
        {1.5, 0.01,
         "daring is better than hq in Acc_all with 256 prompts (Acc_all +1.5 [+0.5, +2.5], p 0.010); 256 prompts show "
         "a difference of 1.4 or more in 8 of 10 runs.</p>"},
        {-1.5, 0.01,
         "daring is worse than hq in Acc_all with 256 prompts (Acc_all -1.5 [-2.5, -0.5], p 0.010); 256 prompts show"},
        {0.5, 0.4,
         "daring and hq could not be told apart in Acc_all with 256 prompts (Acc_all +0.5 [-0.5, +1.5], p 0.400); 256 "
         "prompts show"}};
    for (size_t i = 0; i < 3; i++) {
        begin(0);
        add_pair("hola", -0.02, 0.005, 0.0001, 0.01);
        add_pair("acc_all", all[i].difference, 1, all[i].p, 1.4);
        expect_first(all[i].sentence);
    }
}

Test(report_findings, the_header_names_the_prompts_version_and_the_methods_what_is_asked) {
    begin(0);
    add_pair("acc_all", 0.5, 1, 0.4, 1.4);
    write_report();
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "CosmicMan Bench, suite s, prompts p version 3 (SHA-256 01234567), "), "%.300s", md);
    cr_expect(strstr(md,
                     "Asked: 30 of 40 attributes of the prompts; not asked, because the parser tells them no better "
                     "than the commonest value would: shoes.color (4)."));
    cm_arena_free(&arena);
}

/* --- chance ---------------------------------------------------------------------------------------- */

static void add_score(const char *arm, const char *score, double value, double half, const char *more) {
    add("{\"kind\":\"score\",\"arm\":\"%s\",\"score\":\"%s\",\"value\":%g,\"lo\":%g,\"hi\":%g,\"n\":256%s}\n", arm,
        score, value, value - half, value + half, more);
}

Test(report_findings, an_arm_at_chance_is_said_to_be_and_chance_stands_in_the_table) {
    begin(0);
    add_score("hq", "acc_all", 23.8, 1.5, "");
    add_score("daring", "acc_all", 70, 1.5, "");
    add_pair("acc_all", 46.2, 1.5, 0.0001, 2);
    add("{\"kind\":\"chance\",\"score\":\"acc_all\",\"value\":24.3,\"lo\":23.3,\"hi\":25.3,\"n\":256,\"note\":"
        "\"someone else's drawing\"}\n");
    write_report();
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "in 8 of 10 runs. hq is at chance (Acc_all 23.8; someone else's drawing has 24.3).\n"),
              "%.900s", md);
    cr_expect(strstr(md, "| chance (someone else's drawing) | 24.3 |"), "%s", md);
    cm_arena_free(&arena);
}

/* --- what the loss trains ------------------------------------------------------------------------- */

Test(report_findings, what_the_loss_trains_is_never_better_and_never_bold) {
    begin(0.1);
    add_score("hq", "hola", 0.1, 0.01, ",\"even\":0.117,\"floor\":0.061,\"phrases\":1800,\"lost\":90");
    add_score("daring", "hola", 0.07, 0.01,
              ",\"even\":0.117,\"floor\":0.061,\"phrases\":1800,\"lost\":88,\"leading\":true");
    add_pair("hola", -0.03, 0.005, 0.0001, 0.01);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    write_report();
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "HOLA -0.0300 \\[-0.0350, -0.0250\\], p_Holm < 0.001 (what the loss trains; told apart)"),
              "%s", md);
    cr_expect(strstr(md, "| 0.0700 (0.0600 to 0.0800) (floor 0.0610, even 0.1170) |"),
              "no bold, its floor and even attention's value beside it: %s", md);
    cr_expect(strstr(md, "are what the loss trains: they show whether attention moved, are no quality"));
    cr_expect(strstr(md, "| HOLA (what the loss trains) | daring - hq |"));
    cr_expect(strstr(md, "(1712 of 1800 phrases; 88 have lost their region)"));
    cr_expect(strstr(md, "KID (subsets of 1000) ↓"));
    cm_arena_free(&arena);
}

/* --- layers ------------------------------------------------------------------------------------------ */

static void add_kept(const char *arm, const char *group, double first, double second, const char *more) {
    add("{\"kind\":\"kept\",\"arm\":\"%s\",\"group\":\"%s\",\"n\":256,\"lost\":3,\"all\":[%g,%g]%s}\n", arm, group,
        first, second, more);
}

Test(report_findings, attention_of_each_groups_words_stands_by_layer_with_how_many_times) {
    begin(0.1);
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    add_kept("hq", "shot", 0.1, 0.2, "");
    add_kept("daring", "shot", 0.1, 0.1, "");
    add_kept("hq", "hats", 0.02, 0.03, ",\"area\":0.01,\"inside\":[0.0002,0.0004]");
    add_kept("daring", "hats", 0.0001, 0.09, ",\"area\":0.02,\"inside\":[0.00001,0.0036]");
    write_report();
    const char *md = read_back("report.md");
    cr_expect(strstr(md, "| group | down 1.0\\*, 6x4 | up 0.2.3, 12x8 |"), "%s", md);
    cr_expect(strstr(
        md, "| shot (256 images; in 3 its region is lost) | 10.00 % (of 10.00; x 1) | 10.00 % (of 20.00; x 0.5) |"));
    cr_expect(strstr(md, "| **0.01 %** (of 2.00; x 0.005) | **9.00 %** (of 3.00; x 3) |"),
              "less than half, more than twice");
    cr_expect(strstr(md, "| hats (256 images; in 3 its region is lost) | **0.05 %** (of 2.00; x 0.025) | **18.00 %** "
                         "(of 4.00; x 4.5) |"),
              "in its region, per cell of it: %s", md);
    const char *data = read_back("plots/layers.dat");
    cr_expect(strstr(data, "0 1 0 \"down 1.0\" \"shot\" "), "%s", data);
    cr_expect(strstr(data, "0 0 -4 \"down 1.0\" \"hats\" "), "beyond a sixteenth the colour does not go: %s", data);
    cr_expect(strstr(data, "NaN \"down 1.0\" \"shot\" "), "a group without a region");
    cm_arena_free(&arena);
}

Test(report_findings, arms_of_other_layers_are_not_held_against_each_other) {
    begin(0.1);
    char *second = strstr(strstr(records, "\"daring\""), "\"height\":6");
    second[strlen("\"height\":")] = '8';
    add_pair("acc_all", 0.1, 0.7, 0.7, 1);
    add_kept("hq", "shot", 0.1, 0.2, "");
    add_kept("daring", "shot", 0.1, 0.1, "");
    write_report();
    cr_expect(!strstr(read_back("report.md"), "by layer"));
    cm_arena_free(&arena);
}
