// SPDX-License-Identifier: Apache-2.0
/* What a run keeps when it cannot go on: a full disk, numbers that are none, a checkpoint of something else. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/train/trainer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tiny_run.h"

static size_t files_in(const char *folder) {
    size_t n = 0;
    DIR *d = opendir(folder);
    while (d && readdir(d)) n++;
    cr_assert(d, "%s", folder);
    closedir(d);
    return n;
}

Test(train, a_full_disk_keeps_the_checkpoint_before_and_the_run_goes_on_later) {
    char whole[512], full[512], before[65], after[65];
    snprintf(whole, sizeof whole, "%s", scratch("whole"));
    snprintf(full, sizeof full, "%s", scratch("full"));
    train_tiny(whole, 4, CM_OK);
    train_tiny(full, 2, CM_OK);
    checkpoint_hash(full, before);
    const size_t files = files_in(full);
    limit_files(16384);
    train_tiny(full, 4, CM_EIO);
    cr_expect(strstr(cm_why(), "full/checkpoint.safetensors: cannot write: File too large"), "%s", cm_why());
    unlimit_files();
    checkpoint_hash(full, after);
    cr_expect_str_eq(before, after);
    cr_expect_eq(files_in(full), files, "nothing half-written is left");
    cr_expect(recorded(full, "stop", "cannot write"));
    train_tiny(full, 4, CM_OK);
    checkpoint_hash(full, after);
    checkpoint_hash(whole, before);
    cr_expect_str_eq(before, after);
    remove_run(whole);
    remove_run(full);
    scratch_done();
}

/* The tiny autoencoder goes on with the given changes of its recipe; a weight of its checkpoint is NaN where `spoil`
 * says so. */
static cm_status train_changed(const char *folder, int steps, const char *changes, bool spoil) {
    char weights[600];
    snprintf(weights, sizeof weights, "%s/weights", folder);
    json_t *recipe = tiny_recipe(steps, changes);
    cm_trainer t;
    cm_status s = cm_trainer_open(&t, cm_stage_find("vae"), recipe, folder, weights);
    if (s == CM_OK && spoil) {
        bool found;
        s = cm_checkpoint_load(&t, &found);
        t.optimizer.params[0]->data[0] = NAN;
        if (found) s = cm_checkpoint_save(&t);
    }
    if (s == CM_OK) s = cm_trainer_run(&t);
    cm_trainer_close(&t);
    json_decref(recipe);
    return s;
}

Test(train, a_loss_that_is_not_finite_stops_and_names_the_step) {
    char folder[512], saved[600], a[65], b[65];
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    train_tiny(folder, 3, CM_OK);
    weights_hash(folder, a);
    cr_expect_eq(train_changed(folder, 6, "{}", true), CM_EUNDEFINED);
    snprintf(saved, sizeof saved, "step 4: the loss is not finite; %s/checkpoint.safetensors stays that of step 3",
             folder);
    cr_expect_str_eq(cm_why(), saved);
    cr_expect(recorded(folder, "stop", "step 4: the loss is not finite"));
    weights_hash(folder, b);
    cr_expect_str_eq(a, b, "the weights that were exported stay");
    remove_run(folder);
    scratch_done();
}

Test(train, a_rate_that_breaks_the_weights_leaves_the_good_checkpoint) {
    char folder[512], a[65], b[65];
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    train_tiny(folder, 2, CM_OK);
    checkpoint_hash(folder, a);
    cr_expect_eq(train_changed(folder, 60, "{\"rate\": 100, \"clip\": 0}", false), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "is not finite") && strstr(cm_why(), "stays that of step 2"), "%s", cm_why());
    checkpoint_hash(folder, b);
    cr_expect_str_eq(a, b);
    remove_run(folder);
    scratch_done();
}

static void refused(const char *folder, const char *changes, const char *says) {
    char before[65], after[65];
    checkpoint_hash(folder, before);
    cr_expect_eq(train_changed(folder, 4, changes, false), CM_EUSAGE, "%s", changes);
    cr_expect(strstr(cm_why(), says), "'%s', not '%s'", cm_why(), says);
    checkpoint_hash(folder, after);
    cr_expect_str_eq(before, after);
}

static const char *const wider_vae =
    "{\"network\": {\"_class_name\": \"AutoencoderKL\", \"act_fn\": \"silu\", \"block_out_channels\": [8, 16],"
    " \"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"], \"in_channels\": 3, \"latent_channels\": "
    "4,"
    " \"layers_per_block\": 1, \"norm_num_groups\": %d, \"out_channels\": 3, \"sample_size\": 32, \"scaling_factor\": "
    "1.0,"
    " \"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]}}";

Test(train, a_checkpoint_of_another_network_is_refused_before_a_step) {
    char folder[512], weights[600], wider[1024], same_shapes[1024];
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    train_tiny(folder, 2, CM_OK);
    snprintf(weights, sizeof weights, "%s/weights/config.json", folder);
    snprintf(wider, sizeof wider, wider_vae, 4);
    snprintf(same_shapes, sizeof same_shapes, wider_vae, 2);
    memcpy(strstr(same_shapes, "[8, 16]"), "[8, 8 ]", 7);
    refused(folder, wider, "weights: holds the weights of another network (\"block_out_channels\"");
    remove(weights); /* then the checkpoint has to tell */
    refused(folder, wider, "the checkpoint is of another network");
    refused(folder, same_shapes, "\"norm_num_groups\" of \"network\" is another");
    remove_run(folder);
    scratch_done();
}
