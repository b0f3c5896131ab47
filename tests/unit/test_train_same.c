// SPDX-License-Identifier: Apache-2.0
/* Training that is given twice is the same to the byte, and on people from a folder as on the drawn people in it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/image.h"
#include "core/io/jsonl.h"
#include "core/train/people_dataset.h"
#include "core/train/trainer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tiny_run.h"

/* A shipped recipe, cut short, on small pictures; changes: of its keys. */
static json_t *short_recipe(const char *name, const char *backend, const char *changes) {
    char *models, path[1024];
    cm_arena a;
    json_t *recipe, *more = json_loads(changes, 0, NULL);
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_models_folder(&a, &models), CM_OK);
    snprintf(path, sizeof path, "%s/nano/recipes/%s.json", models, name);
    cr_assert_eq(cm_json_read(path, &recipe), CM_OK, "%s", cm_why());
    json_t *common = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "people", 4, "batch", 2, "workers", 2,
                               "steps", 2, "width", 32, "height", 48, "record_every", 1, "backend", backend);
    json_object_update(recipe, common);
    cr_assert(more, "%s", changes);
    json_object_update(recipe, more);
    json_decref(more);
    json_decref(common);
    cm_arena_free(&a);
    return recipe;
}

/* On both backends with two workers: the whole state, to the byte. */
static void train_twice(const char *stage, const char *name, const char *changes) {
    static const char *const backends[] = {"ref", "f32"};
    char folder[2][512], sha[2][65];
    for (size_t b = 0; b < 2; b++) {
        for (size_t k = 0; k < 2; k++) {
            snprintf(folder[k], sizeof folder[k], "%s", scratch(k ? "again" : "once"));
            cr_assert_eq(run_recipe(stage, short_recipe(name, backends[b], changes), folder[k], NULL), CM_OK, "%s",
                         cm_why());
            checkpoint_hash(folder[k], sha[k]);
        }
        cr_expect_str_eq(sha[0], sha[1], "%s on %s", stage, backends[b]);
        scratch_done();
    }
}

Test(same, the_autoencoder) {
    json_t *tiny = tiny_recipe(2, "{}");
    char *network = json_dumps(json_object_get(tiny, "network"), 0), changes[1024];
    snprintf(changes, sizeof changes, "{\"network\": %s}", network);
    train_twice("vae", "vae", changes);
    free(network);
    json_decref(tiny);
}

Test(same, both_towers) {
    train_twice("clip", "clip", "{\"width\": 64, \"height\": 96, \"contrast\": 1.0}");
}

Test(same, the_parser) {
    train_twice("parser", "parser", "{}");
}

Test(same, the_feature_network) {
    train_twice("features", "features", "{}");
}

Test(same, an_arm_with_hola_and_fresh_captions) {
    train_twice("unet", "unet-daring", "{\"init\": \"\", \"fresh_captions\": true, \"hola_factor\": 8}");
}

/* --- a folder -------------------------------------------------------------------------- */

static json_t *phrases_json(const cm_description *d) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->count; i++) {
        json_t *classes = json_array();
        for (int c = 0; c < CM_CLASSES; c++)
            if (d->phrases[i].classes >> c & 1) json_array_append_new(classes, json_integer(c));
        json_array_append_new(list, json_pack("{s:i, s:s, s:o}", "group", d->phrases[i].group, "text",
                                              d->phrases[i].text, "classes", classes));
    }
    return list;
}

static void write_map(const char *folder, const char *kind, size_t i, const cm_image *image) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, kind);
    cr_assert_eq(cm_make_dirs(path), CM_OK);
    snprintf(path, sizeof path, "%s/%s/p%zu.png", folder, kind, i);
    cr_assert_eq(cm_image_write_png(path, image, NULL), CM_OK, "%s", cm_why());
}

/* The people of the recipe's dataset as a data set. */
static void write_people(const json_t *recipe, const char *folder) {
    cm_arena a;
    cm_people_dataset c;
    char path[700];
    json_t *lines = json_array();
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_people_dataset_init(&c, recipe, "train", 4, &a), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < c.count; i++) {
        cm_person p;
        cm_drawing d;
        cm_description dense;
        char id[24];
        cm_people_dataset_person(&c, i, &p);
        cr_assert_eq(cm_person_draw(&p, c.width, c.height, &a, &d), CM_OK);
        cr_assert_eq(cm_person_describe(&p, cm_people_dataset_seed(&c, i), 0, &a, &dense), CM_OK);
        write_map(folder, "images", i, &d.picture);
        write_map(folder, "classes", i, &d.classes);
        write_map(folder, "groups", i, &d.groups);
        snprintf(id, sizeof id, "p%zu", i);
        json_array_append_new(lines, json_pack("{s:s, s:I, s:s, s:s, s:o}", "id", id, "seed",
                                               (json_int_t)cm_people_dataset_seed(&c, i), "alt_text",
                                               cm_person_alt_text(&p, cm_people_dataset_seed(&c, i), &a), "description",
                                               dense.text, "phrases", phrases_json(&dense)));
    }
    snprintf(path, sizeof path, "%s/labels.jsonl", folder);
    cr_assert_eq(cm_jsonl_write(path, lines), CM_OK, "%s", cm_why());
    json_decref(lines);
    cm_arena_free(&a);
}

/* The losses of each step. */
static size_t losses_of(const char *folder, double *out, size_t most) {
    char path[600];
    json_t *lines, *line;
    size_t i, n = 0;
    snprintf(path, sizeof path, "%s/train.jsonl", folder);
    cr_assert_eq(cm_jsonl_read(path, &lines), CM_OK, "%s", cm_why());
    json_array_foreach(lines, i, line)
        if (n < most && strcmp(cm_json_text_or(line, "kind", ""), "step") == 0)
            out[n++] = cm_json_number_or(line, "loss", NAN);
    json_decref(lines);
    return n;
}

static void same_from_a_folder(const char *stage, const char *name, const char *changes) {
    double drawn[8], read[8];
    char run[512], people[512];
    json_t *recipe = short_recipe(name, "f32", changes);
    snprintf(people, sizeof people, "%s", scratch("people"));
    snprintf(run, sizeof run, "%s", scratch("run"));
    write_people(recipe, people);
    cr_assert_eq(run_recipe(stage, json_deep_copy(recipe), run, NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(losses_of(run, drawn, 8), 4u);
    json_object_set_new(recipe, "data", json_string(people));
    cr_expect_eq(run_recipe(stage, json_incref(recipe), run, NULL), CM_EUSAGE, "other people need another run");
    cr_expect(strstr(cm_why(), "was trained on drawn people, other than those of "), "%s", cm_why());
    remove_run(run);
    cr_assert_eq(run_recipe(stage, recipe, run, NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(losses_of(run, read, 8), 4u);
    for (size_t i = 0; i < 4; i++)
        cr_expect_float_eq(read[i], drawn[i], 1e-5 * fabs(drawn[i]), "step %zu: %g drawn, %g read", i + 1, drawn[i],
                           read[i]);
    remove_run(run);
    scratch_done();
}

Test(same, an_arm_on_the_drawn_people_of_a_folder) {
    same_from_a_folder(
        "unet", "unet-daring",
        "{\"init\": \"\", \"steps\": 4, \"fresh_captions\": true, \"hola_factor\": 8, \"hola_regions\": \"groups\"}");
}

Test(same, an_arm_with_poor_captions_on_them) {
    same_from_a_folder("unet", "unet-base", "{\"init\": \"\", \"steps\": 4}");
}
