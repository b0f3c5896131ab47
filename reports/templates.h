// SPDX-License-Identifier: Apache-2.0
/* What stands in a report, and in what order. */
#ifndef CM_REPORTS_TEMPLATES_H
#define CM_REPORTS_TEMPLATES_H

#include "reports/content.h"

typedef struct cm_template {
    const char *name, *file; /* "paper"; its files are FILE.html and so on */
    bool lists;              /* numbers lead to each arm's prompts */
    void (*fill)(const cm_content *c);
} cm_template;

extern const cm_template cm_templates[];                                 /* ends in a name of NULL */
cm_status cm_template_find(const char *name, const cm_template **found); /* CM_EUSAGE names those that there are */

#endif
