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
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "the prompt set that the run was made with [the shipped one of its name]"},
    {"scores", CM_OPT_FLAG, NULL, NULL,
     "look at all images again with the networks that made the scores; attention is not seen again"},
    {"weights", CM_OPT_TEXT, "DIR", NULL, "with --scores: where the networks' published files lie"},
    {"network", CM_OPT_TEXT, "NAME=PATH", NULL, "with --scores: the weights of one network, comma between several"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL,
     "with --scores: where CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz, lie"},
    {"threads", CM_OPT_SIZE, "N", "0",
     "with --scores: images looked at side by side; 0: the cores that affinity mask and CPU quota leave"},
    {0},
};

const cm_command cm_command_verify = {
    "verify",
    "whether a run's folder still is what its records say",
    options,
    "DIR",
    "Hashes a run's images, its features and its prompt set again, and makes scores, pairs and parts again from\n"
    "features and records. Names the first difference by file and line. Writes nothing there, runs no command and "
    "opens no model\n"
    "but for --scores, which holds scores and features of every image against those that are seen now.\n"
    "Exit status: 0 as recorded, 3 different, 1 the records cannot be read.",
    run};
