// SPDX-License-Identifier: Apache-2.0
/* cosmicman score: scores a folder of pictures that are there already. */
#include <stdio.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "harness/cli/command.h"
#include "harness/cli/machine.h"
#include "harness/run.h"
#include "reports/report.h"

static int run(const cm_args *a) {
    if (!cm_arg_text(a, "images")) return cm_exit_for(cm_fail(CM_EUSAGE, "score: --images DIR is needed"));
    if (!cm_arg_text(a, "prompts")) return cm_exit_for(cm_fail(CM_EUSAGE, "score: --prompts FILE is needed"));
    json_t *machine = cm_machine_describe();
    const size_t threads = cm_arg_size(a, "threads");
    const cm_score_options o = {
        .images = cm_arg_text(a, "images"),
        .prompts = cm_arg_text(a, "prompts"),
        .folder = cm_arg_text(a, "out"),
        .scorer = cm_arg_text(a, "scorer"),
        .name = cm_arg_text(a, "name"),
        .suite = cm_arg_text(a, "suite"),
        .threads = threads ? (int)threads : cm_threads_available(),
        .machine = machine,
    };
    cm_catch_signals();
    cm_score_counts n;
    cm_status s = cm_score_folder(&o, &n);
    json_decref(machine);
    if (s == CM_OK) s = cm_report_write(o.folder, NULL);
    if (s != CM_OK) return cm_exit_for(s);
    printf("%zu scored, %zu unreadable, %zu prompts without a picture, %zu pictures without a prompt\n", n.scored, n.unreadable,
           n.without_image, n.without_prompt);
    return n.unreadable || n.without_image ? 3 : 0;
}

static const cm_option options[] = {
    {"images", CM_OPT_TEXT, "DIR", NULL, "pictures named after prompts: ID.png or ID.jpg"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "a name in prompts/sets, or a JSON-lines file"},
    {"out", CM_OPT_TEXT, "DIR", "out/score", "records and the report go there"},
    {"name", CM_OPT_TEXT, "NAME", "pictures", "what the arm is called in tables"},
    {"suite", CM_OPT_TEXT, "NAME", "quick", "whose reference, ceiling and scorer are used"},
    {"scorer", CM_OPT_TEXT, "NAME", NULL, "another scorer than the suite's"},
    {"threads", CM_OPT_SIZE, "N", "0", "pictures scored at once; 0: as many as there are cores"},
    {0},
};

const cm_command cm_command_score = {
    "score", "score a folder of pictures against prompts", options, NULL,
    "Everything but the attention scores, which need the generator. A picture that cannot be read, a prompt without a\n"
    "picture and a picture without a prompt are named; the first two make the exit code 3.", run};
