// SPDX-License-Identifier: Apache-2.0
/* cosmicman verify DIR: whether a run's folder still is what its records say. */
#include "harness/verify_folder.h"

#include <stdio.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/command.h"

enum { DIFFERS = 3 };

static int tell(const char *folder, const cm_verify_result *r) {
    if (r->difference) {
        printf("%s\n", r->difference);
        return DIFFERS;
    }
    printf("%s: as recorded: %zu images, %zu rows of features, %zu scores%s\n", folder, r->images, r->rows, r->scores, r->prompts ? ", the prompt set" : "");
    if (!r->prompts) cm_note("the prompt set was not looked at: --prompts FILE says where it is");
    if (r->unhashed) cm_note("%zu images were there before the run; records have no hash of them", r->unhashed);
    if (!r->finished) cm_warn("%s: not finished, or a shard: there are no scores to make again", folder);
    return 0;
}

static int run(const cm_args *a) {
    const char *const *words;
    cm_arena arena;
    cm_verify_result r;
    if (cm_arg_words(a, &words) != 1) return cm_exit_for(cm_fail(CM_EUSAGE, "verify: give one folder with records.jsonl"));
    cm_catch_signals();
    cm_arena_init(&arena, 0);
    const cm_status s = cm_verify(&(cm_verify_options){.folder = words[0], .prompts = cm_arg_text(a, "prompts")}, &arena, &r);
    const int code = s == CM_OK ? tell(words[0], &r) : cm_exit_for(s);
    cm_arena_free(&arena);
    return code;
}

static const cm_option options[] = {
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "the prompt set that the run was made with [the shipped one of its name]"},
    {0},
};

const cm_command cm_command_verify = {
    "verify", "whether a run's folder still is what its records say", options, "DIR",
    "Hashes the images that the run made, its features and its prompt set again, and makes scores, pairs and parts again from\n"
    "features and records. Names the first difference by file and line. Writes nothing, runs no command and opens no model.\n"
    "Exit status: 0 as recorded, 3 different, 1 the records cannot be read.", run};
