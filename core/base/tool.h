// SPDX-License-Identifier: Apache-2.0
/* A program that this one uses: gnuplot, pdflatex, what prints a page. It gets none of the caller's settings. */
#ifndef CM_CORE_BASE_TOOL_H
#define CM_CORE_BASE_TOOL_H

#include <stdbool.h>

#include "core/base/status.h"

typedef struct cm_tool {
    const char *const *argv; /* ends in NULL; argv[0] is looked for in PATH */
    const char *const
        *environment; /* "NAME=VALUE", ends in NULL: all that it gets besides PATH and LC_ALL=C.UTF-8; NULL: nothing */
    const char *folder;  /* where it runs */
    int output;          /* takes its standard output; 0: nobody does */
    double most_seconds; /* then it is ended, with all that it has started */
} cm_tool;

/* Runs it to its end, without a shell (child.h). CM_EUNAVAILABLE: it cannot be started, took too long or failed, by
 * argv[0]; CM_EINTERRUPTED: a signal came, and it has ended too. */
cm_status cm_tool_run(const cm_tool *t);

/* Is there such a program in PATH? */
bool cm_tool_exists(const char *name);

#endif
