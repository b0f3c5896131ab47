// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one line each, in the order of help. A command lives in harness/cli/NAME.c. */
#include "harness/cli/command.h"

extern const cm_command cm_command_bench;
extern const cm_command cm_command_data;
extern const cm_command cm_command_doctor;
extern const cm_command cm_command_export;
extern const cm_command cm_command_generate;
extern const cm_command cm_command_list;
extern const cm_command cm_command_merge;
extern const cm_command cm_command_prompts;
extern const cm_command cm_command_report;
extern const cm_command cm_command_score;
extern const cm_command cm_command_stage;
extern const cm_command cm_command_train;
extern const cm_command cm_command_verify;

const cm_command *const cm_commands[] = {
    &cm_command_generate, &cm_command_bench,
    &cm_command_score,    &cm_command_merge,
    &cm_command_verify,   &cm_command_data,
    &cm_command_prompts,  &cm_command_report,
    &cm_command_train,    &cm_command_export,
    &cm_command_stage,    &cm_command_list,
    &cm_command_doctor,   NULL,
};
