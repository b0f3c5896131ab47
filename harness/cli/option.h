// SPDX-License-Identifier: Apache-2.0
/* An option of a command: a row of its table (command.h). */
#ifndef CM_HARNESS_CLI_OPTION_H
#define CM_HARNESS_CLI_OPTION_H

/* SEED: torch.Generator.manual_seed's range, -2^63 to 2^64-1; one below 0 means 2^64 more. */
/* LIST: a text that may be given several times. */
typedef enum cm_option_kind {
    CM_OPT_TEXT,
    CM_OPT_LIST,
    CM_OPT_SIZE,
    CM_OPT_U64,
    CM_OPT_SEED,
    CM_OPT_NUMBER,
    CM_OPT_FLAG
} cm_option_kind;

typedef struct cm_option {
    const char *name; /* "seed"; NULL ends the table */
    cm_option_kind kind;
    const char *argument;  /* "N", "FILE"; NULL for a flag */
    const char *otherwise; /* default as text; NULL: none (absent) */
    const char *help;
} cm_option;

#endif
