// SPDX-License-Identifier: Apache-2.0
/* cosmicman score: scores images that are there already: an evaluation of one arm. */
#include <stdio.h>
#include <string.h>

#include "core/base/names.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/cli/machine.h"
#include "harness/cli/show_scores.h"
#include "harness/cli/suite_options.h"

static const cm_suite_option of_suite[] = {{"prompts", "prompts"},
                                           {"prompt-column", "prompt_column"},
                                           {"metric", "metrics"},
                                           {"reference", "reference"},
                                           {"weights", "weights"},
                                           {"network", "networks"},
                                           {"tokenizer", "tokenizer"},
                                           {"scorer", "scorer"},
                                           {"kid-subset-size", "kid_subset"},
                                           {0}};

/* An option of the other kind of score would change nothing. */
static cm_status check_kind(const cm_args *a, bool by_metric) {
    static const char *const of_metric[] = {"reference",       "weights", "network",        "tokenizer",
                                            "save-statistics", "unequal", "kid-subset-size"};
    static const char *const of_scorer[] = {"suite", "scorer"};
    for (size_t i = 0; !by_metric && i < sizeof of_metric / sizeof *of_metric; i++)
        if (cm_arg_given(a, of_metric[i]))
            return cm_fail(CM_EUSAGE, "score: --%s goes with --metric NAMES", of_metric[i]);
    for (size_t i = 0; by_metric && i < sizeof of_scorer / sizeof *of_scorer; i++)
        if (cm_arg_given(a, of_scorer[i])) return cm_fail(CM_EUSAGE, "score: --%s goes without --metric", of_scorer[i]);
    return by_metric || cm_arg_text(a, "prompts") ? CM_OK : cm_fail(CM_EUSAGE, "score: --prompts FILE is needed");
}

/* Without --metric: all that the shipped networks can say of images and prompts, against the suite's reference. */
static cm_status open_suite(const cm_args *a, cm_arena *out, json_t *changes, cm_suite *suite) {
    const bool by_metric = cm_arg_given(a, "metric");
    json_t *arm = json_pack("{s:s, s:s}", "name", cm_arg_text(a, "name"), "images", cm_arg_text(a, "images"));
    if (!arm)
        return cm_fail(CM_EUSAGE, "--images: %s: a name that is not UTF-8 cannot be recorded; rename the folder",
                       cm_arg_text(a, "images"));
    CM_TRY(cm_suite_options_read(a, of_suite, changes));
    CM_TRY(cm_suite_options_add(changes, "arms", arm));
    if (!by_metric) json_object_set_new(changes, "metrics", json_string("fd@nano,kd@nano,clip@nano,acc"));
    const cm_suite_choice choice = {.suite = by_metric ? NULL : cm_arg_text(a, "suite"),
                                    .name = "score",
                                    .arms = cm_arg_text(a, "name"),
                                    .changes = changes};
    return cm_suite_open(&choice, out, suite);
}

static cm_status read_options(const cm_args *a, cm_evaluation_options *o) {
    CM_TRY(cm_choose_threads(a, &o->threads));
    CM_TRY(cm_read_batch(a, &o->batch));
    if (cm_arg_given(a, "kid-subset-size") && cm_arg_size(a, "kid-subset-size") < 2)
        return cm_fail(CM_EUSAGE, "--kid-subset-size: %zu is not 2 or more", cm_arg_size(a, "kid-subset-size"));
    CM_TRY(cm_choose_backend(a, &o->backend));
    if (strcmp(o->backend->dtype, "f32") != 0)
        return cm_fail(CM_EUSAGE, "--backend %s: scores are made in f32, this one rounds to %s", o->backend->name,
                       o->backend->dtype);
    if (o->statistics) CM_TRY(cm_check_writable(o->statistics));
    return cm_read_shard(cm_arg_text(a, "shard"), &o->shard, &o->shards);
}

static cm_status evaluate(const cm_args *a, const cm_suite *suite, const json_t *machine, cm_evaluation_counts *n) {
    cm_evaluation_options o = {.suite = suite,
                               .folder = cm_arg_text(a, "out"),
                               .statistics = cm_arg_text(a, "save-statistics"),
                               .of_images = true,
                               .fresh = cm_arg_flag(a, "fresh"),
                               .unequal = cm_arg_flag(a, "unequal"),
                               .machine = machine};
    CM_TRY(read_options(a, &o));
    CM_TRY(cm_evaluate(&o, n));
    if (!o.shards) return cm_show_scores(o.folder);
    printf("shard %zu of %zu: `merge` makes the scores of all\n", o.shard, o.shards);
    return CM_OK;
}

static cm_status score(const cm_args *a, cm_evaluation_counts *n) {
    cm_arena arena;
    cm_suite suite = {0};
    json_t *machine = cm_machine_describe(), *changes = json_object();
    cm_arena_init(&arena, 0);
    cm_status s = open_suite(a, &arena, changes, &suite);
    if (s == CM_OK) s = evaluate(a, &suite, machine, n);
    cm_suite_close(&suite);
    cm_arena_free(&arena);
    json_decref(changes);
    json_decref(machine);
    return s;
}

static int run(const cm_args *a) {
    cm_evaluation_counts n = {0};
    if (!cm_arg_text(a, "images")) return cm_exit_for(cm_fail(CM_EUSAGE, "score: --images DIR is needed"));
    if (!cm_name_is_good(cm_arg_text(a, "name"))) {
        cm_name_check("--name", cm_arg_text(a, "name"));
        return cm_exit_for(cm_fail_in(CM_EUSAGE, "score"));
    }
    cm_status s = check_kind(a, cm_arg_given(a, "metric"));
    if (s != CM_OK) return cm_exit_for(s);
    cm_catch_signals();
    s = score(a, &n);
    return s == CM_OK ? cm_show_counts(&n) : cm_exit_for(s);
}

static const cm_option options[] = {
    {"images", CM_OPT_TEXT, "DIR", NULL,
     "a folder of PNG, JPEG, WebP, BMP and GIF files, a JSON-lines manifest, or a .npz, .npy or .safetensors of "
     "images"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL,
     "a prompt set or a file of JSON lines, CSV, TSV, COCO captions or plain text; the image of prompt ID is ID.png"},
    {"prompt-column", CM_OPT_TEXT, "NAME", NULL, "the column of the file with the prompts"},
    {"metric", CM_OPT_TEXT, "NAMES", NULL, "the scores ('cosmicman list metrics'): fid@clean,kid,clip@mlperf"},
    {"reference", CM_OPT_TEXT, "DIR", NULL,
     "with --metric: images to compare with, or their statistics (.npz with mu and sigma)"},
    {"weights", CM_OPT_TEXT, "DIR", NULL,
     "with --metric: the folder with the networks' published weights; or random, or nano"},
    {"network", CM_OPT_TEXT, "NAME=PATH", NULL,
     "with --metric: the weights of one network; several separated by commas ('cosmicman list networks')"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL,
     "with --metric: a folder with CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz"},
    {"out", CM_OPT_TEXT, "DIR", "out/score", "the folder for records, features and the report"},
    {"name", CM_OPT_TEXT, "NAME", "pictures", "what the images are called in tables"},
    {"shard", CM_OPT_TEXT, "K/N", NULL, "work on share K of N only; `merge` joins the shares"},
    {"batch", CM_OPT_SIZE, "N", "8", "batch size of the networks"},
    {"kid-subset-size", CM_OPT_SIZE, "N", "1000",
     "with --metric kid: images in each subset; choose fewer for sets below 1000 images"},
    {"save-statistics", CM_OPT_TEXT, "FILE", NULL,
     "with --metric: write the images' mean and covariance as .npz, as pytorch-fid and clean-fid read it"},
    {"unequal", CM_OPT_FLAG, NULL, NULL, "with --metric: compare sets of different size"},
    {"fresh", CM_OPT_FLAG, NULL, NULL, "start again instead of continuing the run in DIR"},
    {"backend", CM_OPT_TEXT, "NAME", "auto", "the kernels that run the networks ('cosmicman list backends')"},
    {"suite", CM_OPT_TEXT, "NAME", "quick", "without --metric: the suite whose reference and ceiling are used"},
    {"scorer", CM_OPT_TEXT, "NAME", NULL, "without --metric: nano, or mock (a stand-in for tests)"},
    {"threads", CM_OPT_SIZE, "N", "0", "images scored in parallel; 0: as many as cores that this process may use"},
    {0},
};

const cm_command cm_command_score = {
    "score",
    "score a folder of images",
    options,
    NULL,
    "Without --metric: all scores of the shipped networks. With --metric: any score; you bring the published weights.\n"
    "Images that cannot be read, prompts without an image and images without a prompt are named. Exit status 3: one "
    "of\n"
    "the first two, or a score is undefined (too few images; its row says why). Files of the folder that are no image\n"
    "of the set (previews, hidden files, other formats) are counted in one line (docs/SCORES.md).\n"
    "The same command continues a stopped run. Adding a metric keeps the features that are there.",
    run};
