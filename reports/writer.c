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
    bool failed; /* out of memory while a text was made */
};

/* --- files ---------------------------------------------------------------------------- */

cm_status cm_writer_open(cm_writer **w, cm_format format, const char *folder, const char *file) {
    char path[4096];
    struct stat st;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path)
        return cm_fail(CM_EUSAGE, "%s: this path is too long", folder);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cm_fail(CM_EIO, "%s: is no plain file, so it is not written; remove it", path);
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
 * in an image's own markup. */
static void escape_plot(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '\'') fputs("\xe2\x80\x99", f); /* the typographer's apostrophe */
        else fputc(is_control(*text) || strchr("\"`\\<>&", *text) ? ' ' : *text, f);
    }
}

/* What LaTeX would run or refuse. Of other scripts only what its standard fonts have: the Latin alphabets, and the
 * signs that reports use; the rest is a question mark. */
static const struct {
    const char *text, *as;
} latex_signs[] = {{"\\", "\\textbackslash{}"},
                   {"{", "\\{"},
                   {"}", "\\}"},
                   {"$", "\\$"},
                   {"&", "\\&"},
                   {"#", "\\#"},
                   {"%", "\\%"},
                   {"_", "\\_"},
                   {"^", "\\textasciicircum{}"},
                   {"~", "\\textasciitilde{}"},
                   {"<", "\\textless{}"},
                   {">", "\\textgreater{}"},
                   {"|", "\\textbar{}"},
                   {"\"", "\\textquotedbl{}"},
                   {"'", "\\textquotesingle{}"},
                   {"`", "\\textasciigrave{}"},
                   {"[", "{[}"},
                   {"]", "{]}"},
                   {"-", "-{}"},
                   {"↑", "$\\uparrow$"},
                   {"↓", "$\\downarrow$"},
                   {"†", "\\textdagger{}"},
                   {"²", "$^2$"},
                   {"³", "$^3$"},
                   {"½", "$\\frac12$"},
                   {"·", "$\\cdot$"},
                   {"×", "$\\times$"},
                   {"μ", "$\\mu$"},
                   {"Σ", "$\\Sigma$"},
                   {"’", "\\textquoteright{}"},
                   {"“", "\\textquotedblleft{}"},
                   {"”", "\\textquotedblright{}"},
                   {"–", "\\textendash{}"},
                   {"—", "\\textemdash{}"}};

/* Bytes of the sequence that begins at `text`; 1 where it is none. */
static size_t sequence(const char *text) {
    const unsigned char c = (unsigned char)*text;
    const size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80) return 1;
    return n;
}

static void put_latex(FILE *f, const char *text, size_t n) {
    const unsigned char c = (unsigned char)*text;
    const bool latin = n == 2 && c >= 0xc3 && c <= 0xc5;
    if (is_control(*text)) fputc(' ', f);
    else if (c < 0x80 || latin) fwrite(text, 1, n, f);
    else fputc('?', f);
}

static void escape_latex(FILE *f, const char *text) {
    enum { SIGNS = sizeof latex_signs / sizeof *latex_signs };
    while (*text) {
        size_t i = 0, n = sequence(text);
        while (i < SIGNS && strncmp(text, latex_signs[i].text, strlen(latex_signs[i].text)) != 0) i++;
        if (i < SIGNS) {
            fputs(latex_signs[i].as, f);
            n = strlen(latex_signs[i].text);
        } else {
            put_latex(f, text, n);
        }
        text += n;
    }
}

static void escape_json(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        if (is_control(*text)) fprintf(f, "\\u%04x", (unsigned)(unsigned char)*text);
        else fputc(*text, f);
    }
}

void cm_text(cm_writer *w, const char *text) {
    static void (*const escapes[])(FILE *, const char *) = {escape_html,  escape_markdown, escape_csv,
                                                            escape_latex, escape_json,     escape_plot};
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

void cm_plain_path(cm_writer *w, const char *path) {
    for (; *path; path++)
        if ((is_word(*path) && (unsigned char)*path < 0x80) || strchr("._-/", *path)) fputc(*path, w->part.file);
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
