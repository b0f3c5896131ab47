// SPDX-License-Identifier: Apache-2.0
/* A batch of large pictures is never held whole. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image.h"
#include "harness/run/evaluation.h"
#include "tests/unit/scratch.h"

enum { SIDE = 3000, COUNT = 8, ONE_MB = SIDE * SIDE * 3 / 1000000 };

static void make_pictures(const char *folder) {
    cm_arena a;
    cm_image image;
    char *bytes, path[256];
    size_t n;
    cm_arena_init(&a, 0);
    snprintf(path, sizeof path, "%s/0.png", folder);
    cr_assert_eq(cm_make_dirs(folder), CM_OK);
    cr_assert_eq(cm_image_new(&a, SIDE, SIDE, 3, &image), CM_OK);
    cr_assert_eq(cm_image_write_png(path, &image, NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_read_text(path, 1 << 24, &a, &bytes, &n), CM_OK);
    for (int i = 1; i < COUNT; i++) {
        snprintf(path, sizeof path, "%s/%d.png", folder, i);
        cr_assert_eq(cm_write_whole(path, bytes, n), CM_OK);
    }
    cm_arena_free(&a);
}

/* 8 pictures of 27 MB in one batch: two of them and the network fit, all do not. */
Test(evaluation, large_pictures_are_held_one_at_a_time) {
    char folder[128], out[128], statistics[160];
    cm_evaluation_counts counts = {0};
    scratch_write("mark", "", 0);
    snprintf(folder, sizeof folder, "%s/set", scratch_folder);
    snprintf(out, sizeof out, "%s/out", scratch_folder);
    snprintf(statistics, sizeof statistics, "%s/stats.npz", out);
    make_pictures(folder);
    const double before = cm_peak_rss_mb();
    json_t *changes = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "metrics", "fid@clean", "weights", "nano", "arms", "name",
                                "large", "images", folder);
    cm_arena arena;
    cm_suite suite;
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_suite_open(&(cm_suite_choice){.name = "score", .changes = changes}, &arena, &suite), CM_OK, "%s",
                 cm_why());
    const cm_evaluation_options o = {.suite = &suite,
                                     .folder = out,
                                     .of_images = true,
                                     .statistics = statistics,
                                     .backend = cm_backend_default(),
                                     .threads = 1,
                                     .batch = COUNT};
    cr_assert_eq(cm_evaluate(&o, &counts), CM_OK, "%s", cm_why());
    cm_suite_close(&suite);
    cm_arena_free(&arena);
    json_decref(changes);
    cr_expect_eq(counts.scored, COUNT);
    const double more = cm_peak_rss_mb() - before;
#if !defined(__SANITIZE_ADDRESS__) /* it keeps what was freed for a while */
    cr_expect(more < (COUNT - 4) * ONE_MB, "%.0f MB", more);
#endif
    cr_expect(more > 0);
    char command[320];
    snprintf(command, sizeof command, "rm -rf '%s' '%s'", folder, out);
    cr_assert_eq(system(command), 0);
    scratch_done();
}
