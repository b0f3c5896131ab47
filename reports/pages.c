// SPDX-License-Identifier: Apache-2.0
#include "reports/report.h"

#include "reports/pages.h"

cm_status cm_report_write(const char *folder, const char *peers) {
    cm_rows r;
    CM_TRY(cm_rows_open(&r, folder, peers));
    cm_plots plots;
    cm_status s = cm_report_csv(&r);
    if (s == CM_OK) s = cm_report_plots(&r, &plots);
    if (s == CM_OK) s = cm_report_markdown(&r);
    if (s == CM_OK) s = cm_report_html(&r, &plots);
    cm_rows_close(&r);
    return s;
}
