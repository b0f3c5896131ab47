// SPDX-License-Identifier: Apache-2.0
/* The groups that a run's parts are of. */
#ifndef CM_REPORTS_PART_GROUPS_H
#define CM_REPORTS_PART_GROUPS_H

#include "reports/report_model.h"

typedef struct cm_part_groups {
    const char **names; /* [count], in the records' order */
    size_t count;
    const char *score; /* the one to compare by: "acc_all", else the first */
} cm_part_groups;

cm_status cm_part_groups_find(const cm_report_model *r, cm_arena *out, cm_part_groups *g);

#endif
