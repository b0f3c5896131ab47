// SPDX-License-Identifier: Apache-2.0
/* cosmicman bench: arms over prompts, any scores, speed, and the report. */
#include <stdio.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/cli/choose.h"
#include "harness/cli/machine.h"
#include "harness/cli/show_scores.h"
#include "harness/cli/suite_options.h"
#include "reports/report.h"

static const cm_suite_option of_suite[] = {{"prompts", "prompts"},
                                           {"prompt-column", "prompt_column"},
                                           {"metric", "metrics"},
                                           {"primary", "primary"},
                                           {"reference", "reference"},
                                           {"weights", "weights"},
                                           {"network", "networks"},
                                           {"tokenizer", "tokenizer"},
                                           {"kid-subset-size", "kid_subset"},
                                           {"images", "images"},
                                           {"seed", "run_seed"},
                                           {"config", "config"},
                                           {"timeout", "timeout"},
                                           {0}};

static const struct {
    const char *option, *key;
} arm_options[] = {{"arm", "model"}, {"arm-images", "images"}, {"arm-exec", "exec"}};

/* The command line's own; of a suite's arm it may say more. */
static cm_status check_new(const char *option, const json_t *changes, const json_t *row) {
    size_t i;
    json_t *arm;
    const char *name = cm_json_text_or(row, "name", "");
    json_array_foreach(json_object_get(changes, "arms"), i, arm)
        if (!strcmp(cm_json_text_or(arm, "name", ""), name))
            return cm_fail(CM_EUSAGE, "--%s: two arms are named '%s'", option, name);
    return CM_OK;
}

static cm_status read_arms(const cm_args *a, json_t *changes) {
    for (size_t k = 0; k < sizeof arm_options / sizeof *arm_options; k++) {
        const char *text;
        for (size_t i = 0; (text = cm_arg_listed(a, arm_options[k].option, i)); i++) {
            json_t *row;
            CM_TRY(cm_suite_arm_row(arm_options[k].option, arm_options[k].key, text, &row));
            const cm_status s = check_new(arm_options[k].option, changes, row);
            if (s != CM_OK) json_decref(row);
            if (s != CM_OK) return s;
            CM_TRY(cm_suite_options_add(changes, "arms", row));
        }
    }
    return CM_OK;
}

static cm_status read_pairs(const cm_args *a, json_t *changes) {
    const char *text;
    for (size_t i = 0; (text = cm_arg_listed(a, "pair", i)); i++) {
        const char *comma = strchr(text, ',');
        if (!comma || comma == text || !comma[1] || strchr(comma + 1, ','))
            return cm_fail(CM_EUSAGE, "--pair: '%s' is not two arms: --pair A,B for A - B", text);
        CM_TRY(cm_suite_options_add(changes, "pairs",
                                    json_pack("[o, s]", json_stringn(text, (size_t)(comma - text)), comma + 1)));
    }
    return CM_OK;
}

/* Is a file's word on what runs heard? Else all is the user's own. */
static bool suite_file(const cm_args *a) {
    const bool arms = cm_arg_given(a, "arm") || cm_arg_given(a, "arm-images") || cm_arg_given(a, "arm-exec");
    return cm_arg_given(a, "suite") || !arms;
}

/* Scores are made in f32: by the suite's backend where it is one of these. */
static cm_status choose_scores_backend(const cm_suite *s, const cm_ops **backend) {
    *backend = s->settings.backend;
    return strcmp((*backend)->dtype, "f32") == 0 ? CM_OK : cm_backend_choose("backend", "auto", backend);
}

static cm_status evaluate(const cm_args *a, const cm_suite *suite, const json_t *machine,
                          cm_evaluation_counts *counts) {
    cm_evaluation_options o = {.suite = suite,
                               .folder = cm_arg_text(a, "out"),
                               .limit = cm_arg_size(a, "count"),
                               .fresh = cm_arg_flag(a, "fresh"),
                               .speed = !cm_arg_flag(a, "no-speed"),
                               .lean = cm_arg_flag(a, "lean"),
                               .unequal = cm_arg_flag(a, "unequal"),
                               .allow_exec = cm_arg_flag(a, "allow-exec") || !suite_file(a),
                               .machine = machine};
    CM_TRY(cm_choose_threads(a, &o.threads));
    CM_TRY(cm_read_batch(a, &o.batch));
    CM_TRY(cm_read_shard(cm_arg_text(a, "shard"), &o.shard, &o.shards));
    CM_TRY(choose_scores_backend(suite, &o.backend));
    cm_status s = cm_evaluate(&o, counts);
    if (s == CM_EINTERRUPTED) cm_note("the same command goes on from here");
    if (s != CM_OK) return s;
    if (!o.shards) return cm_report_write(o.folder, NULL);
    printf("shard %zu of %zu: `merge` makes the scores of all\n", o.shard, o.shards);
    return CM_OK;
}

static cm_status open_suite(const cm_args *a, cm_arena *out, json_t *changes, cm_suite *suite) {
    if (!suite_file(a) && !cm_arg_given(a, "metric"))
        return cm_fail(CM_EUSAGE, "bench: --metric NAMES is needed beside --arm: fid@clean,clip@mlperf of real images, "
                                  "acc,clip@nano of drawn people (`list metrics`)");
    CM_TRY(cm_suite_options_read(a, of_suite, changes));
    CM_TRY(cm_suite_settings_read(a, changes));
    CM_TRY(read_arms(a, changes));
    CM_TRY(read_pairs(a, changes));
    const cm_suite_choice choice = {.suite = suite_file(a) ? cm_arg_text(a, "suite") : NULL,
                                    .name = "bench",
                                    .arms = cm_arg_text(a, "arms"),
                                    .changes = changes};
    return cm_suite_open(&choice, out, suite);
}

static int run(const cm_args *a) {
    cm_arena arena;
    cm_suite suite = {0};
    cm_evaluation_counts n = {0};
    json_t *machine = cm_machine_describe(), *changes = json_object();
    cm_arena_init(&arena, 0);
    cm_catch_signals();
    cm_status s = open_suite(a, &arena, changes, &suite);
    if (s == CM_OK) s = evaluate(a, &suite, machine, &n);
    cm_suite_close(&suite);
    cm_arena_free(&arena);
    json_decref(changes);
    json_decref(machine);
    if (s != CM_OK) return cm_exit_for(s);
    if (!cm_arg_given(a, "shard")) printf("%s/report.html\n", cm_arg_text(a, "out"));
    return cm_exit_of(&n);
}

static const cm_option options[] = {
    {"suite", CM_OPT_TEXT, "NAME", "quick",
     "an experiment: a name ('cosmicman list suites') or a JSON file; not read when --arm is given alone"},
    {"arm", CM_OPT_LIST, "NAME=MODEL", NULL,
     "add a model as an arm; settings of its own follow: NAME=MODEL,steps=20,sampler=euler,unet=PATH"},
    {"arm-images", CM_OPT_LIST, "NAME=DIR", NULL,
     "add a folder of images as an arm; files are named after prompt ids, or DIR,match=order takes them in order"},
    {"arm-exec", CM_OPT_LIST, "NAME=COMMAND", NULL,
     "add a command as an arm: python sd.py --prompts {prompts} --out {out} (docs/SUITES.md)"},
    {"pair", CM_OPT_LIST, "A,B", NULL, "report A - B; without --pair each arm is compared with the first"},
    {"arms", CM_OPT_TEXT, "A,B", NULL, "run only these arms of the suite"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL,
     "a prompt set ('cosmicman list prompts'), or a file: JSON lines, CSV, TSV, COCO captions, plain text"},
    {"prompt-column", CM_OPT_TEXT, "NAME", NULL, "the column of the file with the prompts"},
    {"count", CM_OPT_SIZE, "N", "0", "use only the first N prompts; 0: all"},
    {"images", CM_OPT_SIZE, "K", "1", "images for each prompt, with consecutive seeds"},
    {"metric", CM_OPT_TEXT, "NAMES", NULL,
     "the scores ('cosmicman list metrics'): fid@clean,kid,clip@mlperf,acc [the suite's]"},
    {"primary", CM_OPT_TEXT, "NAME", NULL, "the score that decides the comparison [acc_all, else the first]"},
    {"reference", CM_OPT_TEXT, "DIR", NULL, "images to compare with, or their statistics (.npz with mu and sigma)"},
    {"weights", CM_OPT_TEXT, "DIR", NULL, "the folder with the published weights of the scores' networks; or random"},
    {"network", CM_OPT_TEXT, "NAME=PATH", NULL,
     "the weights of one network; several separated by commas ('cosmicman list networks')"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL,
     "a folder with CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz"},
    {"kid-subset-size", CM_OPT_SIZE, "N", NULL, "kid: images in each subset [1000]"},
    CM_SETTING_RECIPE(CM_OPTION_OF_SUITE),
    CM_SETTING_SAMPLER(CM_OPTION_OF_SUITE),
    CM_SETTING_STEPS(CM_OPTION_OF_SUITE),
    CM_SETTING_GUIDANCE(CM_OPTION_OF_SUITE),
    CM_SETTING_NEGATIVE(CM_OPTION_OF_SUITE),
    CM_SETTING_WIDTH(CM_OPTION_OF_SUITE),
    CM_SETTING_HEIGHT(CM_OPTION_OF_SUITE),
    {"seed", CM_OPT_U64, "N", NULL,
     "the run's seed: each prompt's noise follows from it and the prompt's id [the suite's, else 1]"},
    {"config", CM_OPT_TEXT, "DIR", NULL, "for single-file models: a diffusers folder that has the tokenizer"},
    CM_SETTING_BACKEND(CM_OPTION_OF_SUITE),
    {"allow-exec", CM_OPT_FLAG, NULL, NULL, "allow the commands of a suite file to run"},
    {"timeout", CM_OPT_NUMBER, "S", NULL, "the longest time that a command may take, in seconds [no limit]"},
    {"unequal", CM_OPT_FLAG, NULL, NULL, "compare sets of different size, and arms that lack images"},
    {"shard", CM_OPT_TEXT, "K/N", NULL, "work on share K of N only; `merge` joins the shares"},
    {"out", CM_OPT_TEXT, "DIR", "out/bench", "the folder for records, images and the report"},
    {"fresh", CM_OPT_FLAG, NULL, NULL, "start again instead of continuing the run in DIR"},
    {"no-speed", CM_OPT_FLAG, NULL, NULL, "do not measure speed"},
    {"lean", CM_OPT_FLAG, NULL, NULL, "use less memory and more time (see generate --help), one image at a time"},
    {"batch", CM_OPT_SIZE, "N", "8", "batch size of the scores' networks"},
    {"threads", CM_OPT_SIZE, "N", "0", "images made in parallel; 0: as many as cores that this process may use"},
    {0},
};

const cm_command cm_command_bench = {
    "bench",
    "compare models: images, scores, paired tests, speed, the report",
    options,
    NULL,
    "All models start from the same noise for the same prompt. The same command continues a run that was stopped, and\n"
    "ends with the same scores. Exit status 3: some images are missing or cannot be read, or a score is undefined;\n"
    "a warning names each.",
    run};
