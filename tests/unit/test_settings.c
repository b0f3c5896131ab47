// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/generator/settings.h"

static const cm_setting *row_of(const char *name) {
    const cm_setting *row = cm_settings_table;
    while (row->name && strcmp(row->name, name) != 0) row++;
    cr_assert(row->name, "%s", name);
    return row;
}

Test(settings, what_is_written_is_read_again) {
    cm_arena a;
    cm_settings s, back = {0};
    json_t *o = json_object();
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_settings_defaults(&s), CM_OK);
    s.sampler = cm_sampler_find("euler_a");
    s.steps = 7, s.guidance = 2.5, s.width = 64, s.height = 96;
    cr_assert(cm_settings_write(&s, CM_IN_SUITE, o));
    json_object_del(o, "recipe"); /* null: none was followed */
    json_object_del(o, "negative");
    cr_assert_eq(cm_settings_read(o, CM_IN_SUITE, &a, &back), CM_OK, "%s", cm_why());
    cr_assert_eq(back.sampler, s.sampler);
    cr_assert_eq(back.backend, s.backend);
    cr_assert(back.steps == 7 && back.guidance == 2.5 && back.width == 64 && back.height == 96);
    json_decref(o);
    cm_arena_free(&a);
}

Test(settings, a_value_out_of_bounds_is_refused_by_its_name) {
    cm_settings s = {0};
    static const struct {
        const char *name;
        cm_setting_value v;
        const char *why;
    } cases[] = {{"steps", {.whole = 0}, "--x: 0 is not within 1 to 100000"},
                 {"width", {.whole = 63}, "--x: 63 is not a multiple of 8"},
                 {"width", {.whole = 16392}, "--x: 16392 is not within 8 to 16384"},
                 {"strength", {.number = 1.5}, "--x: 1.5 is not within 0 to 1"},
                 {"guidance", {.number = NAN}, "--x: nan is not within 0 to 1000"},
                 {"guidance_from", {.number = -1}, "--x: -1 is not within 0 to inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(cm_setting_set(row_of(cases[i].name), "--x", cases[i].v, &s), CM_EUSAGE);
        cr_assert_str_eq(cm_why(), cases[i].why);
    }
}

Test(settings, what_is_left_to_the_model_is_not_told_of_a_run) {
    cm_settings s;
    json_t *o = json_object();
    cr_assert_eq(cm_settings_defaults(&s), CM_OK);
    cr_assert(cm_settings_write(&s, CM_IN_RUN_IF_SAID, o));
    cr_assert_eq(json_object_size(o), 0);
    s.width = 8, s.suffix = ", ";
    cr_assert(cm_settings_write(&s, CM_IN_RUN_IF_SAID, o));
    cr_assert_eq(json_object_size(o), 2);
    json_decref(o);
}

Test(settings, neighbours_of_one_name_share_a_line_of_text) {
    cm_arena a;
    const char *pairs[2 * CM_SETTING_COUNT];
    cm_arena_init(&a, 0);
    const cm_settings s = {.sampler = cm_sampler_find("ddim"), .start = 0.25, .end = 0.5};
    const size_t n = cm_settings_pairs(&s, CM_IN_IMAGE, &a, pairs);
    size_t i = 0;
    while (i < n && strcmp(pairs[i], "share of the schedule") != 0) i += 2;
    cr_assert_lt(i, n);
    cr_assert_str_eq(pairs[i + 1], "0.25 0.5");
    cm_arena_free(&a);
}
