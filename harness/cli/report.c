// SPDX-License-Identifier: Apache-2.0
/* cosmicman report DIR: the pages and tables of a run, from its records alone. */
#include "reports/report.h"

#include <stdio.h>

#include "core/base/progress.h"
#include "harness/cli/command.h"

static int run(const cm_args *a) {
    const char *const *words;
    if (cm_arg_words(a, &words) != 1) return cm_exit_for(cm_fail(CM_EUSAGE, "report: give one folder with records.jsonl"));
    const cm_status s = cm_report_write(words[0], cm_arg_text(a, "peers"));
    if (s != CM_OK) return cm_exit_for(s);
    cm_note("%s/report.html, report.md, scores.csv, pairs.csv, speed.csv, peers.csv", words[0]);
    return 0;
}

static const cm_option options[] = {
    {"peers", CM_OPT_TEXT, "FILE", NULL, "other engines' records (`make peers`) to stand beside ours [DIR/peers/records.jsonl, where it is]"},
    {0},
};

const cm_command cm_command_report = {
    "report", "write a run's page and tables from its records", options, "DIR",
    "Writes report.html, report.md, scores.csv, pairs.csv, speed.csv, peers.csv and plots/ into DIR.", run};
