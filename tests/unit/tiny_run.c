// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tiny_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

static const char *const tiny_vae =
    "{\"seed\": 3, \"people\": 8, \"width\": 16, \"height\": 32, \"batch\": 2, \"workers\": 1, \"backend\": \"ref\","
    " \"steps\": %d, \"warmup\": 2, \"rate\": 0.004, \"schedule\": \"constant\", \"record_every\": 2, \"ema\": 0.9,"
    " \"network\": {\"_class_name\": \"AutoencoderKL\", \"act_fn\": \"silu\", \"block_out_channels\": [8, 8],"
    " \"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"], \"in_channels\": 3, \"latent_channels\": "
    "4,"
    " \"layers_per_block\": 1, \"norm_num_groups\": 4, \"out_channels\": 3, \"sample_size\": 32, \"scaling_factor\": "
    "1.0,"
    " \"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]}}";

json_t *tiny_recipe(int steps, const char *changes) {
    char text[1024];
    snprintf(text, sizeof text, tiny_vae, steps);
    json_t *recipe = json_loads(text, 0, NULL), *more = json_loads(changes, 0, NULL);
    cr_assert(recipe && more, "%s", changes);
    json_object_update(recipe, more);
    json_decref(more);
    return recipe;
}

cm_status run_recipe(const char *stage, json_t *recipe, const char *folder, double *loss) {
    char weights[600];
    snprintf(weights, sizeof weights, "%s/weights", folder);
    cm_trainer t;
    cm_status s = cm_trainer_open(&t, cm_stage_find(stage), recipe, folder, weights);
    if (s == CM_OK) s = cm_trainer_run(&t);
    if (loss) *loss = t.mean_loss;
    cm_trainer_close(&t);
    json_decref(recipe);
    return s;
}

double train_tiny(const char *folder, int steps, cm_status want) {
    double loss;
    cr_expect_eq(run_recipe("vae", tiny_recipe(steps, "{}"), folder, &loss), want, "%s", cm_why());
    return loss;
}

static void file_hash(const char *folder, const char *file, char sha[65]) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    cr_assert_eq(cm_sha_file(path, sha), CM_OK, "%s", cm_why());
}

void weights_hash(const char *folder, char sha[65]) {
    file_hash(folder, "weights/diffusion_pytorch_model.safetensors", sha);
}

void checkpoint_hash(const char *folder, char sha[65]) {
    file_hash(folder, "checkpoint.safetensors", sha);
}

bool recorded(const char *folder, const char *kind, const char *why) {
    char path[600];
    json_t *lines, *line;
    size_t i;
    bool found = false;
    snprintf(path, sizeof path, "%s/train.jsonl", folder);
    cr_assert_eq(cm_jsonl_read(path, &lines), CM_OK, "%s", cm_why());
    json_array_foreach(lines, i, line)
        found |= strcmp(cm_json_text_or(line, "kind", ""), kind) == 0 && strstr(cm_json_text_or(line, "why", ""), why);
    json_decref(lines);
    return found;
}

void remove_run(const char *folder) {
    static const char *const files[] = {"weights/diffusion_pytorch_model.safetensors",
                                        "weights/config.json",
                                        "weights/card.json",
                                        "weights",
                                        "checkpoint.safetensors",
                                        "train.jsonl",
                                        "loss.svg",
                                        "loss.gp",
                                        "loss.dat",
                                        ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[700];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
}
