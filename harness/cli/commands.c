// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one line each, in the order of help. A command lives in harness/cli/NAME.c. */
#include "harness/cli/command.h"

#include <string.h>

#include "core/base/closest.h"

extern const cm_command cm_command_bench;
extern const cm_command cm_command_data;
extern const cm_command cm_command_doctor;
extern const cm_command cm_command_export;
extern const cm_command cm_command_generate;
extern const cm_command cm_command_help;
extern const cm_command cm_command_list;
extern const cm_command cm_command_merge;
extern const cm_command cm_command_prompts;
extern const cm_command cm_command_report;
extern const cm_command cm_command_score;
extern const cm_command cm_command_stage;
extern const cm_command cm_command_train;
extern const cm_command cm_command_verify;

const cm_command *const cm_commands[] = {
    &cm_command_generate, &cm_command_bench,   &cm_command_score,  &cm_command_merge, &cm_command_verify,
    &cm_command_data,     &cm_command_prompts, &cm_command_report, &cm_command_train, &cm_command_export,
    &cm_command_stage,    &cm_command_list,    &cm_command_doctor, &cm_command_help,  NULL,
};

const cm_command *cm_command_find(const char *name) {
    for (size_t i = 0; cm_commands[i]; i++) {
        if (strcmp(cm_commands[i]->name, name) == 0) return cm_commands[i];
    }
    return NULL;
}

/* An option where the command is wanted. */
static cm_status unknown_first_option(const char *typed) {
    static const char *const names[] = {"--help", "--version", NULL};
    const char *near = strcmp(typed, "-V") == 0 ? names[1] : typed[1] == '-' ? cm_closest(typed, names) : NULL;
    if (near) return cm_fail(CM_EUSAGE, "no option '%s' before a command; the closest is '%s'", typed, near);
    return cm_fail(CM_EUSAGE,
                   "'%s' stands where a command is wanted: cosmicman COMMAND [options]; 'cosmicman' alone lists them",
                   typed);
}

cm_status cm_command_unknown(const char *typed) {
    if (typed[0] == '-') return unknown_first_option(typed);
    const char *names[32];
    size_t n = 0;
    for (size_t i = 0; cm_commands[i] && n < 31; i++) names[n++] = cm_commands[i]->name;
    names[n] = NULL;
    const char *near = cm_closest(typed, names);
    if (near) return cm_fail(CM_EUSAGE, "no command '%s'; the closest is '%s'", typed, near);
    return cm_fail(CM_EUSAGE, "no command '%s'; 'cosmicman' alone lists them", typed);
}
