// SPDX-License-Identifier: Apache-2.0
/* What other programs call our options: diffusers' scripts, A1111, pytorch-fid and clean-fid, torch-fidelity. */
#ifndef CM_HARNESS_CLI_FOREIGN_OPTIONS_H
#define CM_HARNESS_CLI_FOREIGN_OPTIONS_H

#include "harness/cli/option.h"

/* The option of the table that `typed` (without its dashes) stands for: another spelling of it ("guidance_scale" is
 * read as "guidance-scale") or another program's name for it. NULL: none. options: NULL is an empty table. */
const char *cm_foreign_option(const cm_option *options, const char *typed);

/* What to do where no option of this command stands for it: "--resume" of train. NULL: nothing is known of it. */
const char *cm_foreign_advice(const char *command, const char *typed);

#endif
