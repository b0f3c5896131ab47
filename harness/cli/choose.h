// SPDX-License-Identifier: Apache-2.0
/* Options that several commands have, read and checked alike. */
#ifndef CM_HARNESS_CLI_CHOOSE_H
#define CM_HARNESS_CLI_CHOOSE_H

#include "core/generator/settings.h"
#include "harness/cli/command.h"

/* A row of the table of settings (core/generator/settings.h) as an option: of generate, and of bench, where it takes
 * the suite's place. */
#define CM_OPTION_OF(field, option, type, least, most, argument, otherwise, help, more, beside, where, label)          \
    { option, (cm_option_kind)CM_OPTION_##type, argument, otherwise, help more }
#define CM_OPTION_OF_SUITE(field, option, type, least, most, argument, otherwise, help, more, beside, where, label)    \
    { option, (cm_option_kind)CM_OPTION_##type, argument, NULL, help beside }
enum {
    CM_OPTION_SIZE = CM_OPT_SIZE,
    CM_OPTION_SIDE = CM_OPT_SIZE,
    CM_OPTION_SEED = CM_OPT_SEED,
    CM_OPTION_NUMBER = CM_OPT_NUMBER,
    CM_OPTION_TEXT = CM_OPT_TEXT,
    CM_OPTION_NAME = CM_OPT_TEXT
};

/* What the user gave of all settings takes the place of what s has. */
cm_status cm_choose_settings(const cm_args *a, cm_settings *s);
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
