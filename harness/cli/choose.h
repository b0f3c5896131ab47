// SPDX-License-Identifier: Apache-2.0
/* Options that several commands have, read and checked alike. */
#ifndef CM_HARNESS_CLI_CHOOSE_H
#define CM_HARNESS_CLI_CHOOSE_H

#include "core/tensor/ops.h"
#include "harness/cli/command.h"

cm_status cm_choose_backend(const cm_args *a, const cm_ops **backend); /* --backend */
cm_status cm_choose_threads(const cm_args *a, int *threads);           /* --threads; without it cm_threads_available */
/* The folder a file is to lie in is made, and asked whether it takes files, before any work is done. */
cm_status cm_check_writable(const char *path);
/* CM_EUSAGE where both options name one file, by whatever path, for one of them would be written over. NULL: not given.
 * A pipe or a device may be named twice. */
cm_status cm_check_apart(const char *option, const char *path, const char *other_option, const char *other);
/* --config where `model` is no single file is CM_EUSAGE; a seed of weights (`seed`: that option's name) where it is not
 * random is warned of. */
cm_status cm_check_model_options(const cm_args *a, const char *seed);

#endif
