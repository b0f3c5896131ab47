// SPDX-License-Identifier: Apache-2.0
/* cosmicman verify DIR: whether a run's folder still is what its records say. */
#include "harness/verify/verify_folder.h"

#include <stdio.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/cli/command.h"

enum { DIFFERS = 3 };

static int tell(const char *folder, const cm_verify_result *r) {
    if (r->difference) {
        printf("%s\n", r->difference);
        return DIFFERS;
    }
    printf("%s: as recorded: %zu images, %zu rows of features, %zu scores%s\n", folder, r->images, r->rows, r->scores,
           r->prompts ? ", the prompt set" : "");
    if (r->seen) printf("%s: looked at again: %zu images\n", folder, r->seen);
    if (r->prompts_unseen) cm_note("the prompt set was not looked at: --prompts FILE says where it is");
    if (r->unhashed)
        cm_note("%zu images from elsewhere were not looked at: no files of their names are found from here",
                r->unhashed);
    if (!r->finished) cm_warn("%s: not finished, or a shard: there are no scores to make again", folder);
    return 0;
}

static int run(const cm_args *a) {
    const char *const *words;
    cm_arena arena;
    cm_verify_result r;
    if (cm_arg_words(a, &words) != 1)
        return cm_exit_for(cm_fail(CM_EUSAGE, "verify: give one folder with records.jsonl"));
    cm_catch_signals();
    cm_arena_init(&arena, 0);
    cm_verify_options o = {.folder = words[0],
                           .prompts = cm_arg_text(a, "prompts"),
                           .images = cm_arg_flag(a, "scores"),
                           .weights = cm_arg_text(a, "weights"),
                           .networks = cm_arg_text(a, "network"),
                           .tokenizer = cm_arg_text(a, "tokenizer")};
    cm_status s = cm_choose_threads(a, &o.threads);
    if (s == CM_OK) s = cm_verify(&o, &arena, &r);
    const int code = s == CM_OK ? tell(words[0], &r) : cm_exit_for(s);
    cm_arena_free(&arena);
    return code;
}

static const cm_option options[] = {
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "the prompt set of the run [the shipped one of that name]"},
    {"scores", CM_OPT_FLAG, NULL, NULL,
     "score all images again with the run's networks (attention scores cannot be checked)"},
    {"weights", CM_OPT_TEXT, "DIR", NULL, "with --scores: the folder with the networks' published weights"},
    {"network", CM_OPT_TEXT, "NAME=PATH", NULL, "with --scores: the weights of one network, comma between several"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL,
     "with --scores: the folder with CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz"},
    {"threads", CM_OPT_SIZE, "N", "0",
     "with --scores: images scored in parallel; 0: as many as cores that this process may use"},
    {0},
};

const cm_command cm_command_verify = {
    "verify",
    "check that a run's folder is what its records say",
    options,
    "DIR",
    "Hashes the images, features and prompts of a run again, and computes its scores, pairs and parts again from the\n"
    "features and records. Prints the first difference with its file and line. It writes nothing into the folder and\n"
    "runs no command. Only --scores opens networks: it computes features and scores of every image again.\n"
    "Exit status: 0 all is as recorded; 3 something differs; 1 the records cannot be read.",
    run};
