// SPDX-License-Identifier: Apache-2.0
/* What `cosmicman help` prints: the overview, man pages, and scripts that complete command lines in a shell. All of it
 * is made from the tables of command.h. Everything goes to stdout. */
#ifndef CM_HARNESS_CLI_HELP_H
#define CM_HARNESS_CLI_HELP_H

#include "harness/cli/command.h"

typedef struct cm_help_row {
    const char *name, *text; /* NULL ends a table */
} cm_help_row;

extern const cm_help_row cm_exit_codes[]; /* "0", what it means */
extern const cm_help_row cm_variables[];  /* of the environment */
#define CM_PROGRAM_ABOUT "people from dense descriptions: generate, train, score, compare"

void cm_print_overview(void);

/* A man page in roff; c: NULL for the program's own page. */
void cm_print_manual(const cm_command *c);

/* What may stand behind an option, as far as a shell can complete it. */
typedef enum cm_value_kind { CM_VALUE_OTHER, CM_VALUE_FILE, CM_VALUE_FOLDER, CM_VALUE_LISTED } cm_value_kind;
typedef struct cm_value {
    cm_value_kind kind;
    char subject[32]; /* of LISTED: "models", as `cosmicman list` takes it */
} cm_value;
cm_value cm_option_value(const cm_option *o);

/* The script for "bash", "zsh" or "fish". */
cm_status cm_print_completion(const char *shell);

#endif
