// SPDX-License-Identifier: Apache-2.0
/* Commands: one table of commands, one table of options each; help and parser come from the same tables.
 *
 *     static const cm_option options[] = {
 *         {"seed", CM_OPT_U64, "N", "0", "starting noise, as torch.Generator(\"cpu\").manual_seed(N)"},
 *         {0},
 *     };
 *     const cm_command cm_command_generate = {"generate", "make images from prompts", options, usage, run};
 *
 * Options are --name value or --name=value; a flag takes no value. Every command also
 * has -q, -v and --help. Exit codes: 0 good, 1 failed, 2 wrong usage, 3 finished but some samples failed.
 */
#ifndef CM_HARNESS_CLI_COMMAND_H
#define CM_HARNESS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "harness/cli/option.h"

typedef struct cm_args cm_args; /* parsed options and positional words */

typedef struct cm_command {
    const char *name, *about;
    const cm_option *options;
    const char *positional; /* "DIR", "models|backends|..." or NULL: none allowed; "[...]" optional; "WORD..." many */
    const char *details;    /* a few lines under the options in --help, or NULL */
    int (*run)(const cm_args *a);
} cm_command;

extern const cm_command *const cm_commands[];        /* commands.c; NULL-terminated, in the order of help */
const cm_command *cm_command_find(const char *name); /* NULL: there is none */
/* CM_EUSAGE with the nearest name, for a word that stands where a command is wanted. */
cm_status cm_command_unknown(const char *typed);

bool cm_arg_given(const cm_args *a, const char *name);       /* by the user */
const char *cm_arg_text(const cm_args *a, const char *name); /* NULL: absent without default */
const char *cm_arg_listed(const cm_args *a, const char *name,
                          size_t i);                            /* the i-th of a LIST; NULL: there are no more */
const char *cm_arg_default(const cm_args *a, const char *name); /* NULL: none */
cm_option_kind cm_arg_kind(const cm_args *a, const char *name);
size_t cm_arg_size(const cm_args *a, const char *name);
uint64_t cm_arg_u64(const cm_args *a, const char *name);
uint64_t cm_arg_seed(const cm_args *a, const char *name);
double cm_arg_number(const cm_args *a, const char *name);
bool cm_arg_flag(const cm_args *a, const char *name);
size_t cm_arg_words(const cm_args *a, const char *const **words); /* positional */

/* For main: reads argv (after the command's name) against the command's tables. Every value is checked here, so
 * that the cm_arg_* above cannot fail. Close with cm_args_close; NULL is fine. */
cm_status cm_args_parse(const cm_command *c, int argc, char **argv, cm_args **out);
void cm_args_close(cm_args **a);
bool cm_args_help(const cm_args *a);     /* --help was given: nothing else was checked */
int cm_args_verbosity(const cm_args *a); /* -1 quiet, 0, 1 verbose */
void cm_print_help(const cm_command *c); /* one screen on stdout */

/* Prints "cosmicman: <why>" and returns the exit code for a status (2 for CM_EUSAGE, else 1). */
int cm_exit_for(cm_status s);

#endif
