// SPDX-License-Identifier: Apache-2.0
#include "reports/pages.h"

static void arms(cm_writer *w, const cm_rows *r) {
    cm_write_summary(w, r);
    cm_write_score_table(w, r);
    cm_write_legend(w, r);
    cm_write_paper_table(w);
    cm_markup(w, "## Differences, paired by prompt\n\n");
    cm_write_pair_table(w, r);
    cm_write_pairs_legend(w);
}

static void speeds(cm_writer *w, const cm_rows *r) {
    cm_markup(w, "## Speed\n\n");
    cm_write_products(w, r);
    cm_write_speed_table(w, r);
    if (!r->speeds.count) cm_markup(w, "Speed: not measured.\n\n");
    if (r->growth_count) cm_markup(w, "### Time over operations as pictures grow\n\n");
    cm_write_growth_table(w, r);
    if (!r->peers.count) return;
    cm_markup(w, "### Beside other engines\n\n");
    cm_write_peers(w, r);
    cm_write_peer_table(w, r);
}

static void page(cm_writer *w, const cm_rows *r) {
    cm_markup(w, "# ");
    cm_text(w, cm_report_title(r));
    cm_markup(w, "\n\n");
    if (cm_rows_published(r)) {
        cm_write_published(w, r);
        cm_write_published_table(w, r);
    } else {
        if (r->arm_count) arms(w, r);
        speeds(w, r);
    }
    cm_markup(w, "## Methods\n\n");
    cm_write_methods(w, r);
}

cm_status cm_report_markdown(const cm_rows *r) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_MARKDOWN, r->folder, "report.md"));
    page(w, r);
    return cm_writer_close(&w, CM_OK);
}
