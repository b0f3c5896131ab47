// SPDX-License-Identifier: Apache-2.0
/* The table of metrics, row by row. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "metrics/metric.h"
#include "metrics/picture_rules.h"

Test(metrics, every_row_is_made_of_exactly_one_thing) {
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i];
        const int kinds = (m->of_sets != NULL) + (m->of_text != NULL) + (m->of_questions != 0) +
                          (m->of_attention != 0) + (m->mean_of != NULL);
        cr_expect_eq(kinds, 1, "%s", m->name);
        cr_expect(m->of_sets || m->reference == CM_REFERENCE_NONE, "%s: only scores of sets have a reference", m->name);
        cr_expect(m->reference != CM_REFERENCE_NONE || !m->equal_n, "%s: equal to what?", m->name);
    }
}

Test(metrics, every_row_has_a_network_a_rule_and_words) {
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i];
        cr_expect(cm_network_find(m->network), "%s: no network '%s'", m->name, m->network);
        cr_expect(cm_picture_rule_find(m->rule), "%s: no rule '%s'", m->name, m->rule);
        cr_expect(*m->title && *m->about && *m->source, "%s", m->name);
        cr_expect(m->decimals >= 1 && m->decimals <= 5, "%s: %d decimals", m->name, m->decimals);
    }
}

Test(metrics, no_name_and_no_title_stands_twice) {
    for (size_t i = 0; i < cm_metric_count; i++) {
        cr_expect_eq(cm_metric_find(cm_metrics[i].name), &cm_metrics[i], "%s", cm_metrics[i].name);
        for (size_t k = 0; k < i; k++) cr_expect_str_neq(cm_metrics[i].title, cm_metrics[k].title);
    }
    cr_expect_null(cm_metric_find("fid"));
    cr_expect_null(cm_metric_find(""));
}

Test(metrics, a_family_lists_rows_in_the_tables_order) {
    static const struct {
        const char *name;
        size_t count;
    } families[] = {{"acc", 4}, {"attention", 4}, {"nano", 11}};
    for (size_t f = 0; f < 3; f++) {
        const char *const *members = cm_metric_family(families[f].name);
        const cm_metric *last = NULL;
        size_t n = 0;
        cr_assert_not_null(members, "%s", families[f].name);
        for (; members[n]; n++) {
            const cm_metric *m = cm_metric_find(members[n]);
            cr_assert_not_null(m, "%s: %s", families[f].name, members[n]);
            cr_expect(!last || m > last, "%s: %s", families[f].name, members[n]);
            last = m;
        }
        cr_expect_eq(n, families[f].count, "%s: %zu", families[f].name, n);
    }
    cr_expect_null(cm_metric_family("fid"));
    cr_expect_null(cm_metric_family("acc_obj"));
}

/* "nano" is all that needs no weights: whatever the shipped networks make. */
Test(metrics, the_family_nano_is_all_of_the_shipped_networks) {
    const char *const *members = cm_metric_family("nano");
    for (size_t i = 0; i < cm_metric_count; i++) {
        bool in = false;
        for (size_t k = 0; members[k]; k++) in |= strcmp(members[k], cm_metrics[i].name) == 0;
        cr_expect_eq(in, cm_network_find(cm_metrics[i].network)->shipped, "%s", cm_metrics[i].name);
    }
}

Test(metrics, a_mean_is_of_rows_of_its_own_kind) {
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i], *members[CM_METRIC_MEMBERS];
        const size_t n = cm_metric_members(m, members);
        cr_expect_eq(n > 0, m->mean_of != NULL, "%s", m->name);
        for (size_t k = 0; k < n; k++) {
            cr_assert_not_null(members[k], "%s of '%s'", m->name, m->mean_of);
            cr_expect(!members[k]->mean_of && members[k]->higher_is_better == m->higher_is_better &&
                          members[k]->decimals == m->decimals,
                      "%s of %s", m->name, members[k]->name);
        }
    }
    const cm_metric *three[CM_METRIC_MEMBERS];
    cr_assert_eq(cm_metric_members(cm_metric_find("acc_all"), three), 3);
    cr_expect_str_eq(three[0]->name, "acc_obj");
    cr_expect_str_eq(three[2]->name, "acc_shape");
}

Test(metrics, answers_and_attention_give_a_row_its_number) {
    const cm_accuracy answers = {.right = {1, 2, 0}, .asked = {2, 2, 0}};
    const cm_refocus_scores attention = {.hola = 0.25,
                                         .floor = 0.0625,
                                         .even = 0.125,
                                         .iou = 0.5,
                                         .mass = 0.75,
                                         .area = 0.4,
                                         .share = 0.3,
                                         .share_even = 0.03125};
    cr_expect_float_eq(cm_metric_of_questions(cm_metric_find("acc_obj"), &answers), 50, 1e-12);
    cr_expect_float_eq(cm_metric_of_questions(cm_metric_find("acc_tex"), &answers), 100, 1e-12);
    cr_expect(isnan(cm_metric_of_questions(cm_metric_find("acc_shape"), &answers)));
    cr_expect(isnan(cm_metric_of_questions(cm_metric_find("hola"), &answers)));
    cr_expect_eq(cm_metric_of_attention(cm_metric_find("hola"), &attention), 0.25);
    cr_expect_eq(cm_metric_of_attention(cm_metric_find("attn_iou"), &attention), 0.5);
    cr_expect_eq(cm_metric_of_attention(cm_metric_find("attn_mass"), &attention), 0.75);
    cr_expect_eq(cm_metric_of_attention(cm_metric_find("attn_share"), &attention), 0.3);
    cr_expect_eq(cm_metric_floor(cm_metric_find("hola"), &attention), 0.0625);
    cr_expect_eq(cm_metric_even(cm_metric_find("hola"), &attention), 0.125);
    cr_expect_eq(cm_metric_even(cm_metric_find("attn_mass"), &attention), 0.4,
                 "a map without preference has the regions' share");
    cr_expect_eq(cm_metric_even(cm_metric_find("attn_share"), &attention), 0.03125);
    cr_expect(isnan(cm_metric_even(cm_metric_find("attn_iou"), &attention)) &&
              isnan(cm_metric_floor(cm_metric_find("attn_mass"), &attention)));
    cr_expect(isnan(cm_metric_of_attention(cm_metric_find("acc_obj"), &attention)));
}

/* --- docs/SCORES.md --------------------------------------------------------------------- */

static const char *needs_of(const cm_metric *m) {
    if (m->of_attention) return "prompts with groups, and the run that makes the images";
    if (m->of_questions || m->mean_of) return "prompts with groups";
    if (m->of_text) return "prompts";
    if (m->reference == CM_REFERENCE_NONE) return "images alone";
    return m->reference == CM_REFERENCE_PICTURES ? "reference images"
           : m->equal_n                          ? "a reference of equal N"
                                                 : "a reference";
}

static char *read_file(const char *path, cm_arena *arena) {
    char *text;
    size_t length;
    cr_assert_eq(cm_read_text(path, 1 << 20, arena, &text, &length), CM_OK, "%s", cm_why());
    return text;
}

/* Does a heading name it: "### kid: lower is better", "### prdc, prdc@dinov2: ..."? */
static bool has_heading(const char *text, const char *name, cm_arena *arena) {
    const char *const forms[] = {cm_arena_print(arena, " %s,", name), cm_arena_print(arena, " %s:", name)};
    for (const char *at = text; (at = strstr(at, "\n### "));) {
        const char *end = strchr(++at, '\n');
        for (int k = 0; k < 2; k++) {
            const char *hit = strstr(at, forms[k]);
            if (hit && end && hit < end) return true;
        }
    }
    return false;
}

/* The line of each row, in the table's order; and a part of the page that tells what it is. */
Test(metrics, scores_md_has_every_row_and_describes_it) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    const char *text = read_file(CM_SOURCE_DIR "/docs/SCORES.md", &arena), *at = text;
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i];
        const char *line = cm_arena_print(&arena, "\n| `%s` | %s | %s | `%s` | %s | %s |\n", m->name, m->title,
                                          m->higher_is_better ? "higher" : "lower", m->network, needs_of(m), m->about);
        const char *found = strstr(at, line);
        cr_expect(found, "docs/SCORES.md has not, or in another place: %s", line);
        if (found) at = found;
        cr_expect(has_heading(text, m->name, &arena), "docs/SCORES.md: no heading names %s", m->name);
    }
    cm_arena_free(&arena);
}
