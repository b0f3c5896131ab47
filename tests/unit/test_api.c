// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/api/cosmicman.h"
#include "core/generator/settings.h"

#define TINY CM_TESTS_DIR "/golden/pipeline/model"

static char warned[2048];
static size_t steps_seen;

static void keep_warning(void *arg, const char *line) {
    (void)arg;
    snprintf(warned, sizeof warned, "%s", line);
}

static void count_step(void *arg, size_t step, size_t steps) {
    (void)step;
    *(size_t *)arg = steps;
    steps_seen++;
}

static cosmicman_model *open_tiny(void) {
    cosmicman_model *m = cosmicman_model_open(TINY);
    cr_assert(m, "%s", cosmicman_error());
    return m;
}

static void refuses(cosmicman_model *m, const cosmicman_settings *s, const char *why) {
    cr_assert_null(cosmicman_generate(m, s));
    cr_assert(strstr(cosmicman_error(), why), "'%s' does not say '%s'", cosmicman_error(), why);
}

Test(api, settings_that_cannot_be_are_refused_with_a_reason) {
    cosmicman_model *m = open_tiny();
    cosmicman_settings s = COSMICMAN_SETTINGS_INIT;
    refuses(NULL, &s, "none is open");
    refuses(m, NULL, "COSMICMAN_SETTINGS_INIT");
    refuses(m, &s, "a prompt is wanted");
    s.prompt = "red shirt";
    s.sampler = "eular";
    refuses(m, &s, "eular");
    s.sampler = NULL;
    s.backend = "gpu9";
    refuses(m, &s, "gpu9");
    s.backend = NULL;
    s.width = 63;
    refuses(m, &s, "width: 63");
    s.width = 0;
    s.steps = 0;
    refuses(m, &s, "steps: 0");
    s.steps = 1;
    s.threads = -1;
    refuses(m, &s, "threads: -1");
    cosmicman_model_close(m);
}

Test(api, a_model_that_is_not_there_is_an_error) {
    cr_assert_null(cosmicman_model_open("nano:none"));
    cr_assert(strstr(cosmicman_error(), "nano:none"));
    cr_assert_null(cosmicman_model_open(NULL));
    cr_assert(strstr(cosmicman_error(), "a name is wanted"));
}

Test(api, an_image_outlives_its_model_and_seeds_give_different_pixels) {
    cosmicman_model *m = open_tiny();
    cosmicman_settings s = COSMICMAN_SETTINGS_INIT;
    s.prompt = "red shirt";
    s.steps = 2;
    s.width = s.height = 64;
    cosmicman_image *first = cosmicman_generate(m, &s), *same = cosmicman_generate(m, &s);
    s.seed = 1;
    cosmicman_image *other = cosmicman_generate(m, &s);
    cosmicman_model_close(m);
    cr_assert(first && same && other, "%s", cosmicman_error());
    cr_assert_eq(cosmicman_image_width(first), 64);
    cr_assert_eq(cosmicman_image_height(first), 64);
    const size_t bytes = (size_t)3 * 64 * 64;
    cr_assert_arr_eq(cosmicman_image_pixels(first), cosmicman_image_pixels(same), bytes);
    cr_assert(memcmp(cosmicman_image_pixels(first), cosmicman_image_pixels(other), bytes) != 0);
    cr_assert_eq(cosmicman_image_write(first, "no/such/folder/x.png"), -1);
    cr_assert(strstr(cosmicman_error(), "no/such/folder"), "%s", cosmicman_error());
    cosmicman_image_free(first);
    cosmicman_image_free(same);
    cosmicman_image_free(other);
    cosmicman_image_free(NULL);
}

Test(api, defaults_are_those_of_the_table_of_settings) {
    const cosmicman_settings s = COSMICMAN_SETTINGS_INIT;
    cm_settings table;
    cr_assert_eq(cm_settings_defaults(&table), CM_OK);
    cr_assert_eq(s.steps, table.steps);
    cr_assert_eq(s.seed, table.seed);
    cr_assert_float_eq(s.guidance, table.guidance, 0);
    cr_assert_eq(s.width, table.width);
    cr_assert_eq(s.height, table.height);
}

Test(api, settings_of_an_older_header_get_defaults_for_what_it_lacks) {
    cosmicman_model *m = open_tiny();
    size_t steps = 0;
    cosmicman_settings s = COSMICMAN_SETTINGS_INIT;
    s.prompt = "red shirt";
    s.steps = 2;
    s.width = s.height = 64;
    s.progress = count_step;
    s.progress_arg = &steps;
    cosmicman_image *image = cosmicman_generate(m, &s);
    cr_assert_eq(steps, 2);
    cr_assert_eq(steps_seen, 2);
    cosmicman_image_free(image);
    s.struct_size = offsetof(cosmicman_settings, progress);
    image = cosmicman_generate(m, &s);
    cr_assert(image, "%s", cosmicman_error());
    cr_assert_eq(steps_seen, 2, "the callback was not known to that header");
    cosmicman_image_free(image);
    cosmicman_model_close(m);
}

Test(api, warnings_go_where_the_caller_says) {
    char prompt[4000] = "";
    for (size_t i = 0; i + 4 < sizeof prompt; i += 4) memcpy(prompt + i, "red ", 5);
    cosmicman_on_warning(keep_warning, NULL);
    cosmicman_model *m = open_tiny();
    cosmicman_settings s = COSMICMAN_SETTINGS_INIT;
    s.prompt = prompt;
    s.steps = 1;
    s.width = s.height = 64;
    cosmicman_image *image = cosmicman_generate(m, &s);
    cosmicman_on_warning(NULL, NULL);
    cr_assert(image, "%s", cosmicman_error());
    cr_assert(strstr(warned, "tokens"), "'%s'", warned);
    cr_assert_null(strchr(warned, '\n'));
    cosmicman_image_free(image);
    cosmicman_model_close(m);
}
