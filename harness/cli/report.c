// SPDX-License-Identifier: Apache-2.0
/* cosmicman report DIR: the pages and tables of a run, from its records alone. */
#include "reports/report.h"

#include <string.h>

#include "core/base/progress.h"
#include "harness/cli/command.h"

/* "out/report.html", of each format; CSV are several files. */
static void tell_files(const char *folder, const cm_report_choice *choice) {
    const char *file = strcmp(choice->template, "full") == 0 ? "report" : choice->template;
    for (const char *at = choice->formats; *at; at += *at == ',') {
        const int n = (int)strcspn(at, ",");
        if (strncmp(at, "csv", (size_t)n) == 0)
            cm_note("%s/scores.csv, pairs.csv, speed.csv, parts.csv, peers.csv", folder);
        else
            cm_note("%s/%s.%.*s", folder, file, strncmp(at, "latex", (size_t)n) == 0 ? 3 : n,
                    strncmp(at, "latex", (size_t)n) == 0 ? "tex" : at);
        at += n;
    }
}

static int run(const cm_args *a) {
    const char *const *words;
    if (cm_arg_words(a, &words) != 1)
        return cm_exit_for(cm_fail(CM_EUSAGE, "report: give one folder with records.jsonl"));
    const cm_report_choice choice = {cm_arg_text(a, "peers"), cm_arg_text(a, "template"), cm_arg_text(a, "format")};
    const cm_status s = cm_report_write_as(words[0], &choice);
    if (s != CM_OK) return cm_exit_for(s);
    tell_files(words[0], &choice);
    return 0;
}

static const cm_option options[] = {
    {"template", CM_OPT_TEXT, "NAME", "full", "full, paper (the experiments section of a paper) or model-card"},
    {"format", CM_OPT_TEXT, "A,B", "html,md,csv",
     "any of html, md, csv, json, latex, pdf (pdf needs LaTeX, or what ./setup --pdf installs)"},
    {"peers", CM_OPT_TEXT, "FILE", NULL,
     "records of other engines (`make peers`) to show beside ours [DIR/peers/records.jsonl, if there]"},
    {0},
};

const cm_command cm_command_report = {"report",
                                      "write a run's report and tables from its records",
                                      options,
                                      "DIR",
                                      "Writes report.* (or paper.*, model-card.*), scores.csv, pairs.csv, speed.csv, "
                                      "parts.csv, peers.csv and plots/ into DIR.\n"
                                      "The same records give the same bytes.",
                                      run};
