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
    {"out", CM_OPT_TEXT, "DIR", "out/score", "a new folder for records, features and the report of all"},
    {0},
};

const cm_command cm_command_merge = {"merge",
                                     "join the shards of a run",
                                     options,
                                     "DIR...",
                                     "The folders of `bench` or `score --shard 1/N` to N/N, in any order. Images are "
                                     "copied; the scores are those of one run\n"
                                     "over all of them, to the last digit.",
                                     run};
