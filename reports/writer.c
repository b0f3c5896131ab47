// SPDX-License-Identifier: Apache-2.0
#include "reports/writer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/system.h"

struct cm_writer {
    cm_format format;
    cm_part part;
    bool failed;                    /* out of memory while a text was made */
    const cm_table_column *columns; /* of the table that is open */
    size_t column_count, column;    /* column: the next */
};

/* --- files ---------------------------------------------------------------------------- */

cm_status cm_writer_open(cm_writer **w, cm_format format, const char *folder, const char *file) {
    char path[4096];
    struct stat st;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path) return cm_fail(CM_EUSAGE, "%s: this path is too long", folder);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) return cm_fail(CM_EIO, "%s: is no plain file, so it is not written; remove it", path);
    cm_writer *made = calloc(1, sizeof *made);
    if (!made) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    made->format = format;
    const cm_status s = cm_part_open(&made->part, path);
    if (s == CM_OK) *w = made;
    else free(made);
    return s;
}

cm_status cm_writer_close(cm_writer **w, cm_status s) {
    cm_writer *at = *w;
    if (s == CM_OK && cm_interrupted()) s = cm_fail(CM_EINTERRUPTED, "%s: stopped while writing", at->part.path);
    if (s == CM_OK && at->failed) s = cm_fail(CM_ENOMEM, "%s: out of memory", at->part.path);
    if (s == CM_OK) s = cm_part_finish(&at->part);
    cm_part_drop(&at->part);
    free(at);
    *w = NULL;
    return s;
}

/* --- escaping ------------------------------------------------------------------------- */

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static const char *html_of(char c) {
    switch (c) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\'': return "&#39;";
        case '`': return "&#96;";
        default: return is_control(c) && c != '\n' ? " " : NULL;
    }
}

static void escape_html(FILE *f, const char *text) {
    for (; *text; text++) {
        const char *as = html_of(*text);
        if (as) fputs(as, f);
        else fputc(*text, f);
    }
}

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 0x80;
}

/* Line ends become blanks: a text never begins a line, so # - + 1. are as they are. _ within a word is no emphasis, and
 * < before a blank begins no tag. */
static void escape_markdown(FILE *f, const char *text) {
    for (const char *at = text; *at; at++) {
        const bool word = *at == '_' && at > text && is_word(at[-1]) && is_word(at[1]);
        if (is_control(*at)) fputc(' ', f);
        else if (*at == '&') fputs("&amp;", f);
        else if (*at == '<' && at[1] != ' ') fputs("&lt;", f);
        else if (*at == '>') fputs("&gt;", f);
        else if (strchr("\\`*_[]|~", *at) && !word) fprintf(f, "\\%c", *at);
        else fputc(*at, f);
    }
}

/* RFC 4180, always as a text: what a spreadsheet would take for a formula gets an apostrophe before it. */
static void escape_csv(FILE *f, const char *text) {
    const bool formula = *text && strchr("=+-@\t\r\n|%", *text), quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) fputc('"', f);
    if (formula) fputc('\'', f);
    for (; *text; text++) {
        if (*text == '"') fputc('"', f);
        fputc(is_control(*text) && !strchr("\r\n\t", *text) ? ' ' : *text, f);
    }
    if (quoted) fputc('"', f);
}

/* Between quotes of either kind: nothing that ends them, nothing that gnuplot reads within them, nothing that is live
 * in a picture's own markup. */
static void escape_plot(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '\'') fputs("\xe2\x80\x99", f); /* the typographer's apostrophe */
        else fputc(is_control(*text) || strchr("\"`\\<>&", *text) ? ' ' : *text, f);
    }
}

void cm_text(cm_writer *w, const char *text) {
    static void (*const escapes[])(FILE *, const char *) = {escape_html, escape_markdown, escape_csv, escape_plot};
    escapes[w->format](w->part.file, text);
}

void cm_textf(cm_writer *w, const char *format, ...) {
    char near[512], *text = near;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(near, sizeof near, format, args);
    if (n >= (int)sizeof near) {
        text = malloc((size_t)n + 1);
        if (text) vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    va_end(args);
    if (n < 0 || !text) w->failed = true;
    else cm_text(w, text);
    if (text != near) free(text);
}

void cm_number(cm_writer *w, const char *format, double value) {
    fprintf(w->part.file, format, value);
}

void cm_base64(cm_writer *w, const void *bytes, size_t n) {
    enum { PIECE = 3 * 1024 };
    unsigned char text[PIECE / 3 * 4 + 1];
    for (size_t i = 0; i < n; i += PIECE) {
        const int now = (int)(n - i < PIECE ? n - i : PIECE);
        EVP_EncodeBlock(text, (const unsigned char *)bytes + i, now);
        fputs((const char *)text, w->part.file);
    }
}

void cm_writer_literal(cm_writer *w, const char *literal) {
    fputs(literal, w->part.file);
}

void cm_writer_literal_for(cm_writer *w, cm_format format, const char *literal) {
    if (w->format == format) fputs(literal, w->part.file);
}

/* --- paragraphs and tables ------------------------------------------------------------ */

void cm_paragraph(cm_writer *w) {
    cm_html(w, "<p>");
}

void cm_paragraph_end(cm_writer *w) {
    cm_html(w, "</p>\n");
    cm_markdown(w, "\n\n");
}

void cm_table(cm_writer *w, const cm_table_column *columns, size_t count) {
    w->columns = columns;
    w->column_count = count;
    cm_html(w, "<div class=\"wide\"><table><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        if (columns[i].left) cm_html(w, "<th class=\"l\">");
        else cm_html(w, "<th>");
        cm_markdown(w, "| ");
        cm_text(w, columns[i].title);
        cm_html(w, "</th>");
        cm_markdown(w, " ");
    }
    cm_html(w, "</tr></thead><tbody>\n");
    cm_markdown(w, "|\n");
    for (size_t i = 0; i < count; i++) cm_markdown(w, "| --- ");
    cm_markdown(w, "|\n");
}

void cm_row(cm_writer *w, bool theirs) {
    w->column = 0;
    if (theirs) cm_html(w, "<tr class=\"theirs\">");
    else cm_html(w, "<tr>");
    cm_markdown(w, "|");
}

static void end_cell(cm_writer *w) {
    cm_html(w, "</td>");
    cm_markdown(w, " |");
}

static void begin_cell(cm_writer *w, bool absent) {
    if (w->column) end_cell(w);
    const cm_table_column *c = &w->columns[w->column++];
    cm_markdown(w, " ");
    if (absent) cm_html(w, "<td class=\"none\"");
    else if (c->left) cm_html(w, "<td class=\"l\"");
    else cm_html(w, "<td");
    if (w->format != CM_HTML) return;
    cm_html(w, " data-title=\"");
    cm_text(w, c->title);
    cm_html(w, "\"");
}

void cm_cell(cm_writer *w) {
    begin_cell(w, false);
    cm_html(w, ">");
}

void cm_cell_absent(cm_writer *w) {
    begin_cell(w, true);
    cm_html(w, ">");
}

void cm_cell_rest(cm_writer *w) {
    begin_cell(w, true);
    cm_html(w, " colspan=\"");
    if (w->format == CM_HTML) cm_number(w, "%.0f", (double)(w->column_count - w->column + 1));
    cm_html(w, "\">");
}

void cm_row_end(cm_writer *w) {
    if (w->column) end_cell(w);
    for (; w->column < w->column_count; w->column++) cm_markdown(w, "  |");
    cm_html(w, "</tr>\n");
    cm_markdown(w, "\n");
}

void cm_table_end(cm_writer *w) {
    cm_html(w, "</tbody></table></div>\n");
    cm_markdown(w, "\n");
}

void cm_strong(cm_writer *w, bool on) {
    if (on) cm_html(w, "<b>");
    else cm_html(w, "</b>");
    cm_markdown(w, "**");
}

void cm_aside(cm_writer *w, bool on) {
    if (on) {
        cm_html(w, "<small>");
        cm_markdown(w, " (");
    } else {
        cm_html(w, "</small>");
        cm_markdown(w, ")");
    }
}
