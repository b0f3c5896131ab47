// SPDX-License-Identifier: Apache-2.0
/* cosmicman bench: a suite's arms over its prompts, scores, speed, and the report. */
#include <stdio.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/cli/command.h"
#include "harness/cli/machine.h"
#include "harness/run.h"
#include "reports/report.h"

static int run(const cm_args *a) {
    int threads;
    cm_status s = cm_choose_threads(a, &threads);
    if (s != CM_OK) return cm_exit_for(s);
    json_t *machine = cm_machine_describe();
    const cm_run_options o = {
        .choice = {cm_arg_text(a, "suite"), cm_arg_text(a, "prompts"), cm_arg_text(a, "arms")},
        .folder = cm_arg_text(a, "out"),
        .limit = cm_arg_size(a, "count"),
        .threads = threads,
        .fresh = cm_arg_flag(a, "fresh"),
        .speed = !cm_arg_flag(a, "no-speed"),
        .lean = cm_arg_flag(a, "lean"),
        .machine = machine,
    };
    cm_catch_signals();
    s = cm_run(&o);
    json_decref(machine);
    if (s == CM_EINTERRUPTED) cm_note("the same command goes on from here");
    if (s == CM_OK) s = cm_report_write(o.folder, NULL);
    if (s != CM_OK) return cm_exit_for(s);
    printf("%s/report.html\n", o.folder);
    return 0;
}

static const cm_option options[] = {
    {"suite", CM_OPT_TEXT, "NAME", "quick", "a name in harness/suites, or a JSON file"},
    {"out", CM_OPT_TEXT, "DIR", "out/bench", "records, pictures and the report go there"},
    {"fresh", CM_OPT_FLAG, NULL, NULL, "begin anew instead of going on with what is in DIR"},
    {"arms", CM_OPT_TEXT, "A,B", NULL, "only these arms of the suite"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL, "another prompt set: a name in prompts/sets, or a JSON-lines file"},
    {"count", CM_OPT_SIZE, "N", "0", "only the first N prompts; 0: all"},
    {"no-speed", CM_OPT_FLAG, NULL, NULL, "leave the speed rows out"},
    {"lean", CM_OPT_FLAG, NULL, NULL, "little memory for more time (generate --help), a picture at a time"},
    {"threads", CM_OPT_SIZE, "N", "0", "pictures made at once; 0: the cores that affinity mask and CPU quota leave"},
    {0},
};

const cm_command cm_command_bench = {
    "bench", "the main job: arms over prompts, scores, speed, the report", options, NULL,
    "Every arm starts from the same noise for the same prompt. A run that was stopped goes on when the same\n"
    "command is given again, and ends with the same scores.", run};
