// SPDX-License-Identifier: Apache-2.0
/* cosmicman score: scores a folder of pictures that are there already. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/names.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/cli/command.h"
#include "harness/cli/machine.h"
#include "harness/cli/show_scores.h"
#include "harness/evaluation.h"
#include "harness/run.h"
#include "harness/suite.h"
#include "reports/report.h"

/* An option of the other kind of score would change nothing. */
static cm_status check_kind(const cm_args *a, bool by_metric) {
    static const char *const of_metric[] = {"reference", "weights", "network", "tokenizer", "shard", "batch", "save-statistics",
                                            "unequal", "fresh", "backend"};
    static const char *const of_suite[] = {"suite", "scorer"};
    for (size_t i = 0; !by_metric && i < sizeof of_metric / sizeof *of_metric; i++)
        if (cm_arg_given(a, of_metric[i])) return cm_fail(CM_EUSAGE, "score: --%s goes with --metric NAMES", of_metric[i]);
    for (size_t i = 0; by_metric && i < sizeof of_suite / sizeof *of_suite; i++)
        if (cm_arg_given(a, of_suite[i])) return cm_fail(CM_EUSAGE, "score: --%s goes without --metric", of_suite[i]);
    return CM_OK;
}

/* The shipped networks and the suite's reference: everything but attention. */
static int score_by_suite(const cm_args *a) {
    int threads;
    if (!cm_arg_text(a, "prompts")) return cm_exit_for(cm_fail(CM_EUSAGE, "score: --prompts FILE is needed"));
    cm_status s = cm_choose_threads(a, &threads);
    if (s == CM_OK) s = check_kind(a, false);
    if (s != CM_OK) return cm_exit_for(s);
    json_t *machine = cm_machine_describe();
    const cm_score_options o = {
        .images = cm_arg_text(a, "images"),
        .prompts = cm_arg_text(a, "prompts"),
        .column = cm_arg_text(a, "prompt-column"),
        .folder = cm_arg_text(a, "out"),
        .scorer = cm_arg_text(a, "scorer"),
        .name = cm_arg_text(a, "name"),
        .suite = cm_arg_text(a, "suite"),
        .threads = threads,
        .machine = machine,
    };
    cm_score_counts n;
    s = cm_score_folder(&o, &n);
    json_decref(machine);
    if (s == CM_OK) s = cm_report_write(o.folder, NULL);
    if (s != CM_OK) return cm_exit_for(s);
    printf("%zu scored, %zu unreadable, %zu prompts without a picture, %zu pictures without a prompt\n", n.scored, n.unreadable,
           n.without_image, n.without_prompt);
    return n.unreadable || n.without_image ? 3 : 0;
}

/* "3/8" */
static cm_status read_shard(const char *text, size_t *shard, size_t *shards) {
    *shard = *shards = 0;
    if (!text) return CM_OK;
    char *slash, *end;
    errno = 0;
    const unsigned long k = strtoul(text, &slash, 10), n = *slash == '/' ? strtoul(slash + 1, &end, 10) : 0;
    if (errno || *slash != '/' || *end || k < 1 || k > n || n > 100000)
        return cm_fail(CM_EUSAGE, "--shard: '%s' is not K/N with K from 1 to N", text);
    *shard = k;
    *shards = n;
    return CM_OK;
}

static cm_status read_options(const cm_args *a, cm_arena *arena, cm_evaluation_options *o) {
    const char *prompts = NULL;
    int threads;
    CM_TRY(check_kind(a, true));
    CM_TRY(cm_choose_threads(a, &threads));
    if (cm_arg_text(a, "prompts")) CM_TRY(cm_find_prompts(cm_arg_text(a, "prompts"), arena, &prompts));
    *o = (cm_evaluation_options){
        .images = cm_arg_text(a, "images"),
        .prompts = prompts,
        .column = cm_arg_text(a, "prompt-column"),
        .reference = cm_arg_text(a, "reference"),
        .metrics = cm_arg_text(a, "metric"),
        .weights = cm_arg_text(a, "weights"),
        .networks = cm_arg_text(a, "network"),
        .tokenizer = cm_arg_text(a, "tokenizer"),
        .folder = cm_arg_text(a, "out"),
        .name = cm_arg_text(a, "name"),
        .statistics = cm_arg_text(a, "save-statistics"),
        .threads = threads,
        .batch = cm_arg_size(a, "batch"),
        .kid_subset = cm_arg_size(a, "kid-subset-size"),
        .fresh = cm_arg_flag(a, "fresh"),
        .unequal = cm_arg_flag(a, "unequal"),
    };
    if (o->kid_subset < 2) return cm_fail(CM_EUSAGE, "--kid-subset-size: %zu is not 2 or more", o->kid_subset);
    if (o->batch < 1 || o->batch > 4096) return cm_fail(CM_EUSAGE, "--batch: %zu is not within 1 to 4096", o->batch);
    CM_TRY(cm_choose_backend(a, &o->backend));
    if (strcmp(o->backend->dtype, "f32") != 0)
        return cm_fail(CM_EUSAGE, "--backend %s: scores are made in f32, this one rounds to %s", o->backend->name, o->backend->dtype);
    if (o->statistics) CM_TRY(cm_check_writable(o->statistics));
    return read_shard(cm_arg_text(a, "shard"), &o->shard, &o->shards);
}

static int score_by_protocols(const cm_args *a) {
    cm_evaluation_options o;
    cm_evaluation_counts n = {0};
    size_t undefined = 0;
    cm_arena arena;
    cm_arena_init(&arena, 0);
    json_t *machine = cm_machine_describe();
    cm_status s = read_options(a, &arena, &o);
    if (s == CM_OK) {
        o.machine = machine;
        s = cm_evaluate(&o, &n);
    }
    if (s == CM_OK && !o.shards) s = cm_show_scores(o.folder, &undefined);
    const int code = s == CM_OK ? cm_show_counts(&n, undefined) : cm_exit_for(s);
    if (s == CM_OK && o.shards) printf("shard %zu of %zu: `merge` makes the scores of all\n", o.shard, o.shards);
    json_decref(machine);
    cm_arena_free(&arena);
    return code;
}

static int run(const cm_args *a) {
    if (!cm_arg_text(a, "images")) return cm_exit_for(cm_fail(CM_EUSAGE, "score: --images DIR is needed"));
    if (cm_arg_given(a, "prompt-column") && !cm_arg_text(a, "prompts"))
        return cm_exit_for(cm_fail(CM_EUSAGE, "score: --prompt-column goes with --prompts FILE"));
    if (!cm_name_is_good(cm_arg_text(a, "name"))) {
        cm_name_check("--name", cm_arg_text(a, "name"));
        return cm_exit_for(cm_fail_in(CM_EUSAGE, "score"));
    }
    cm_catch_signals();
    return cm_arg_text(a, "metric") ? score_by_protocols(a) : score_by_suite(a);
}

static const cm_option options[] = {
    {"images", CM_OPT_TEXT, "DIR", NULL, "a folder of PNG, JPEG, WebP, BMP and GIF; or a JSON-lines manifest, or a .npz, .npy or .safetensors of pictures"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "a name in prompts/sets, or a .jsonl, .csv, .tsv, .txt or COCO .json; pictures are named after ids: ID.png"},
    {"prompt-column", CM_OPT_TEXT, "NAME", NULL, "the column of --prompts that holds them [prompt, caption or text]"},
    {"metric", CM_OPT_TEXT, "NAMES", NULL, "published scores, by protocol: fid@clean,kid,clip@mlperf (`list metrics`)"},
    {"reference", CM_OPT_TEXT, "DIR", NULL, "with --metric: pictures to compare with, or their statistics (.npz with mu and sigma)"},
    {"weights", CM_OPT_TEXT, "DIR", NULL, "with --metric: where the networks' published files lie; or random, or nano"},
    {"network", CM_OPT_TEXT, "NAME=PATH", NULL, "with --metric: the weights of one network, comma between several (`list networks`)"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL, "with --metric: where CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz, lie"},
    {"out", CM_OPT_TEXT, "DIR", "out/score", "records, features and the report go there"},
    {"name", CM_OPT_TEXT, "NAME", "pictures", "what the pictures are called in tables"},
    {"shard", CM_OPT_TEXT, "K/N", NULL, "with --metric: look at the K-th of N shares only; `merge` joins them"},
    {"batch", CM_OPT_SIZE, "N", "8", "with --metric: pictures a network sees at once"},
    {"kid-subset-size", CM_OPT_SIZE, "N", "1000", "with --metric kid: images a subset; below 1000 images give a smaller one"},
    {"save-statistics", CM_OPT_TEXT, "FILE", NULL, "with --metric: the pictures' mean and covariance, as pytorch-fid and clean-fid read them"},
    {"unequal", CM_OPT_FLAG, NULL, NULL, "with --metric: compare sets of different size all the same"},
    {"fresh", CM_OPT_FLAG, NULL, NULL, "with --metric: begin anew instead of going on"},
    {"backend", CM_OPT_TEXT, "NAME", "auto", "with --metric: which kernels run the networks"},
    {"suite", CM_OPT_TEXT, "NAME", "quick", "without --metric: whose reference, ceiling and scorer are used"},
    {"scorer", CM_OPT_TEXT, "NAME", NULL, "without --metric: another scorer than the suite's"},
    {"threads", CM_OPT_SIZE, "N", "0", "pictures looked at side by side; 0: the cores that affinity mask and CPU quota leave"},
    {0},
};

const cm_command cm_command_score = {
    "score", "score a folder of pictures", options, NULL,
    "Without --metric: everything the shipped networks can say of pictures and prompts. With --metric: published scores, from\n"
    "weights that you bring. A picture that cannot be read, a prompt without a picture and a picture without a prompt are\n"
    "named; the first two make the exit code 3, and so does a score that is undefined (too few pictures; its row says why).\n"
    "What of a folder is no picture of the set (previews, hidden files, links that lead back, other formats) is counted in one\n"
    "line (docs/SCORES.md). With --metric a stopped run goes on where it was, and a metric more keeps the features that are there.", run};
