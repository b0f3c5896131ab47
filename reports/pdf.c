// SPDX-License-Identifier: Apache-2.0
/* Programs that make PDF run as children without a shell, in a folder of their own that does not stay, on files whose
 * texts are escaped. LaTeX may read and write nothing but below its folders and start nothing. */
#define _GNU_SOURCE
#include "reports/pdf.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/tool.h"
#include "core/base/gnuplot.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "reports/render.h"

enum { MOST_SECONDS = 240, MOST_BYTES = 1 << 30 };

cm_status cm_report_pdf_plots(const cm_document *d) {
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/plots", d->folder);
    for (const cm_block *b = d->first; b; b = b->next) {
        if (b->kind != CM_BLOCK_PLOT) continue;
        const cm_status s = cm_gnuplot_draw_pdf(folder, b->plot.name);
        if (s != CM_EUNAVAILABLE) CM_TRY(s);
    }
    return CM_OK;
}

/* --- a folder of its own ------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_folder(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What a browser prints tells the time, and numbers a page's nodes from wherever it stood. Both are written over in
 * place, so that the same page gives the same bytes. */
static void settle_dates(char *bytes, size_t n) {
    static const char before[] = "Date (D:", zero[] = "19700101000000";
    for (char *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), before, sizeof before - 1)) != NULL;) {
        at += sizeof before - 1;
        if ((size_t)(at - bytes) + sizeof zero <= n && strspn(at, "0123456789") >= sizeof zero - 1)
            memcpy(at, zero, sizeof zero - 1);
    }
}

/* "(node00000098)": the number behind `at`; false: none. */
static bool node_number(const char *at, const char *end, unsigned long *number) {
    char digits[9];
    if (end - at < 9 || at[8] != ')') return false;
    memcpy(digits, at, 8);
    digits[8] = 0;
    if (strspn(digits, "0123456789") != 8) return false;
    *number = strtoul(digits, NULL, 10);
    return true;
}

static int compare(const void *a, const void *b) {
    const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
    return (x > y) - (x < y);
}

/* found [count]: all numbers, sorted, each once; NULL: they are counted, or listed where `list` is there. */
static size_t go_over_nodes(char *bytes, size_t n, unsigned long *list, const unsigned long *found, size_t count) {
    static const char before[] = "(node";
    char digits[24];
    unsigned long number;
    size_t seen = 0;
    for (char *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), before, sizeof before - 1)) != NULL;) {
        at += sizeof before - 1;
        if (!node_number(at, bytes + n, &number)) continue;
        if (list) list[seen] = number;
        seen++;
        if (!found) continue;
        const unsigned long *place = bsearch(&number, found, count, sizeof number, compare);
        snprintf(digits, sizeof digits, "%08zu", place ? (size_t)(place - found) : 0);
        memcpy(at, digits, 8);
    }
    return seen;
}

/* Each number becomes its place among all of them. */
static cm_status settle_nodes(char *bytes, size_t n, cm_arena *scratch) {
    const size_t all = go_over_nodes(bytes, n, NULL, NULL, 0);
    unsigned long *list = CM_PUSH(scratch, unsigned long, all + 1);
    size_t count = 0;
    CM_TRY(cm_arena_check(scratch));
    go_over_nodes(bytes, n, list, NULL, 0);
    qsort(list, all, sizeof *list, compare);
    for (size_t i = 0; i < all; i++)
        if (count == 0 || list[i] != list[count - 1]) list[count++] = list[i];
    go_over_nodes(bytes, n, NULL, list, count);
    return CM_OK;
}

/* The finished file gets its name in the report's folder, by way of a temporary one. */
static cm_status take_over(const char *made, const char *folder, const char *file, cm_arena *scratch) {
    char *bytes = NULL;
    size_t n = 0;
    struct stat st;
    const char *path = cm_arena_print(scratch, "%s/%s.pdf", folder, file);
    CM_TRY(cm_arena_check(scratch));
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cm_fail(CM_EIO, "%s: is no plain file, so it is not written; remove it", path);
    CM_TRY(cm_read_text(made, MOST_BYTES, scratch, &bytes, &n));
    settle_dates(bytes, n);
    CM_TRY(settle_nodes(bytes, n, scratch));
    if (n < 5 || memcmp(bytes, "%PDF-", 5) != 0) return cm_fail(CM_EUNAVAILABLE, "%s: no PDF came of it", file);
    return cm_write_whole(path, bytes, n);
}

/* --- programs ----------------------------------------------------------------------------- */

typedef struct job {
    const char *folder, *file; /* of the report; without its ending */
    const char *work;          /* the program's own folder, which does not stay */
    cm_arena *scratch;
} job;

static const char *in_work(const job *j, const char *before, const char *ending) {
    return cm_arena_print(j->scratch, "%s%s/%s%s", before, j->work, j->file, ending);
}

static cm_status run(const job *j, const char *const *argv, const char *folder) {
    const char *home = cm_arena_print(j->scratch, "HOME=%s", j->work),
               *temporary = cm_arena_print(j->scratch, "TMPDIR=%s", j->work);
    const char *output = cm_arena_print(j->scratch, "TEXMFOUTPUT=%s", j->work);
    const char *const environment[] = {
        home, temporary, output, "SOURCE_DATE_EPOCH=0", "FORCE_SOURCE_DATE=1", "openin_any=p", "openout_any=p", NULL};
    CM_TRY(cm_arena_check(j->scratch));
    return cm_tool_run(&(cm_tool){argv, environment, folder, 0, MOST_SECONDS});
}

static cm_status by_latex(const job *j) {
    const char *source = cm_arena_print(j->scratch, "%s.tex", j->file),
               *output = cm_arena_print(j->scratch, "-output-directory=%s", j->work);
    const char *const argv[] = {
        "pdflatex", "-no-shell-escape", "-interaction=batchmode", "-halt-on-error", output, source, NULL};
    return run(j, argv, j->folder);
}

static const char *page_url(const job *j, const char *before) {
    char *folder = realpath(j->folder, NULL);
    const char *url = folder ? cm_arena_print(j->scratch, "%s%s/%s.html", before, folder, j->file) : NULL;
    free(folder);
    return url ? url : "";
}

/* The texts of a page run nothing, and its policy lets nothing be fetched. */
static cm_status by_browser(const job *j, const char *program) {
    const char *profile = cm_arena_print(j->scratch, "--user-data-dir=%s/profile", j->work);
    const char *const argv[] = {program,
                                "--headless",
                                "--disable-gpu",
                                geteuid() == 0 ? "--no-sandbox" : "--no-first-run",
                                "--no-pdf-header-footer",
                                profile,
                                in_work(j, "--print-to-pdf=", ".pdf"),
                                page_url(j, "file://"),
                                NULL};
    return run(j, argv, j->work);
}

static cm_status by_chromium(const job *j) {
    return by_browser(j, "chromium");
}

static cm_status by_chrome(const job *j) {
    return by_browser(j, "google-chrome");
}

typedef struct printer {
    const char *program;
    bool latex;                       /* reads FILE.tex, else FILE.html */
    cm_status (*print)(const job *j); /* leaves WORK/FILE.pdf */
} printer;

static const printer printers[] = {{"pdflatex", true, by_latex},
                                   {"chromium", false, by_chromium},
                                   {"google-chrome", false, by_chrome}};
enum { PRINTERS = sizeof printers / sizeof *printers };

static cm_status write_source(const cm_document *d, const char *file, bool latex) {
    char path[64];
    snprintf(path, sizeof path, "%s.%s", file, latex ? "tex" : "html");
    if (latex) CM_TRY(cm_report_pdf_plots(d));
    return latex ? cm_render_latex(d, path) : cm_render_html(d, path);
}

static cm_status print_in(const printer *p, const cm_document *d, const char *file, const char *work,
                          cm_arena *scratch) {
    const job j = {d->folder, file, work, scratch};
    CM_TRY(write_source(d, file, p->latex));
    CM_TRY(p->print(&j));
    return take_over(in_work(&j, "", ".pdf"), d->folder, file, scratch);
}

static cm_status print(const printer *p, const cm_document *d, const char *file) {
    char work[] = "/tmp/cosmicman-pdf-XXXXXX";
    cm_arena scratch;
    if (!mkdtemp(work)) return cm_fail(CM_EIO, "%s: cannot be made", work);
    cm_arena_init(&scratch, 0);
    const cm_status s = print_in(p, d, file, work, &scratch);
    cm_arena_free(&scratch);
    remove_folder(work);
    return s;
}

/* The first that is here; one that fails on this document leaves it to the next. */
cm_status cm_report_pdf(const cm_document *d, const char *file) {
    cm_status s =
        cm_fail(CM_EUNAVAILABLE,
                "PDF: neither pdflatex nor chromium is installed; ./setup --pdf installs what prints the page");
    for (size_t i = 0; i < PRINTERS; i++) {
        if (!cm_tool_exists(printers[i].program)) continue;
        s = print(&printers[i], d, file);
        if (s != CM_EUNAVAILABLE) return s;
        cm_warn("%s.pdf: %s", file, cm_why());
    }
    return s;
}
