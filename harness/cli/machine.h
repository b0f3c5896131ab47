// SPDX-License-Identifier: Apache-2.0
/* What the header of a run says about the machine and the build. */
#ifndef CM_HARNESS_CLI_MACHINE_H
#define CM_HARNESS_CLI_MACHINE_H

#include <jansson.h>

/* {commit, compiler, cpu, cpu_features, core_type, libraries}; the caller's. */
json_t *cm_machine_describe(void);

#endif
