// SPDX-License-Identifier: Apache-2.0
#include "reports/report.h"

#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "reports/pdf.h"
#include "reports/render.h"
#include "reports/templates.h"

typedef enum format { HTML, MARKDOWN, CSV, JSON, LATEX, PDF, FORMATS } format;
static const char *const names[FORMATS + 1] = {"html", "md", "csv", "json", "latex", "pdf", NULL};

static cm_status choose_formats(const char *list, bool wanted[FORMATS]) {
    char word[16];
    for (const char *at = list; *at; at += *at == ',') {
        const size_t n = strcspn(at, ",");
        size_t i = 0;
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), at);
        while (i < FORMATS && strcmp(word, names[i]) != 0) i++;
        if (i == FORMATS) return cm_unknown_choice("--format", word, names);
        wanted[i] = true;
        at += n;
    }
    return CM_OK;
}

static cm_status write_documents(const cm_document *d, const char *file, const bool wanted[FORMATS]) {
    static const struct {
        format format;
        const char *ending;
        cm_status (*render)(const cm_document *d, const char *file);
    } all[] = {{HTML, "html", cm_render_html},
               {MARKDOWN, "md", cm_render_markdown},
               {JSON, "json", cm_render_json},
               {LATEX, "tex", cm_render_latex}};
    char path[64];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!wanted[all[i].format]) continue;
        snprintf(path, sizeof path, "%s.%s", file, all[i].ending);
        CM_TRY(all[i].render(d, path));
    }
    if (wanted[LATEX]) CM_TRY(cm_report_pdf_plots(d));
    return wanted[PDF] ? cm_report_pdf(d, file) : CM_OK;
}

static cm_status fill(const cm_content *c, const cm_template *t) {
    c->d->title = cm_report_title(c);
    c->d->subtitle = cm_report_subtitle(c);
    t->fill(c);
    return cm_document_check(c->d);
}

static cm_status write_all(cm_report_model *r, const cm_template *t, const bool wanted[FORMATS]) {
    cm_document d;
    cm_plots plots = {{0}};
    if (wanted[CSV]) CM_TRY(cm_report_csv(r));
    if (!wanted[HTML] && !wanted[MARKDOWN] && !wanted[JSON] && !wanted[LATEX] && !wanted[PDF]) return CM_OK;
    CM_TRY(cm_report_plots(r, &plots));
    cm_document_begin(&d, r->folder);
    const cm_content c = {&d, r, &plots, t->lists};
    cm_status s = fill(&c, t);
    if (s == CM_OK) s = write_documents(&d, t->file, wanted);
    cm_document_end(&d);
    return s;
}

cm_status cm_report_write_as(const char *folder, const cm_report_choice *choice) {
    cm_report_model r;
    bool wanted[FORMATS] = {false};
    const cm_template *t = NULL;
    CM_TRY(cm_template_find(choice->template ? choice->template : "full", &t));
    CM_TRY(choose_formats(choice->formats ? choice->formats : "html,md,csv", wanted));
    CM_TRY(cm_report_model_open(&r, folder, choice->peers));
    const cm_status s = write_all(&r, t, wanted);
    cm_report_model_close(&r);
    return s;
}

cm_status cm_report_write(const char *folder, const char *peers) {
    return cm_report_write_as(folder, &(cm_report_choice){.peers = peers});
}
