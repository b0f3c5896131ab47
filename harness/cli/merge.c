// SPDX-License-Identifier: Apache-2.0
/* cosmicman merge: joins the shards of a run. */
#include "harness/cli/command.h"
#include "harness/cli/show_scores.h"

static int run(const cm_args *a) {
    const char *const *folders;
    const size_t count = cm_arg_words(a, &folders);
    const char *out = cm_arg_text(a, "out");
    cm_evaluation_counts n = {0};
    cm_status s = cm_evaluation_merge(folders, count, out, &n);
    if (s == CM_OK) s = cm_show_scores(out);
    return s == CM_OK ? cm_show_counts(&n) : cm_exit_for(s);
}

static const cm_option options[] = {
    {"out", CM_OPT_TEXT, "DIR", "out/score", "a new folder for the joined records, features and report"},
    {0},
};

const cm_command cm_command_merge = {"merge",
                                     "join the shards of a run",
                                     options,
                                     "DIR...",
                                     "DIR... are the folders that `bench` or `score` wrote with --shard 1/N to N/N, in "
                                     "any order. Images are copied.\n"
                                     "The scores equal those of one run without shards, to the last digit.",
                                     run};
