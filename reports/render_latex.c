// SPDX-License-Identifier: Apache-2.0
/* A whole document for pdflatex, run in the run's folder. Tables are booktabs': the leading group bold, a dagger for
 * those of it that are not the best value itself. Tables and images stand where they are told, numbered but not
 * floating; a table that is too wide is scaled, a long one goes on in the next. */
#include <string.h>
#include <strings.h>

#include "core/base/system.h"
#include "core/io/inside.h"
#include "reports/render.h"

enum { MOST_ROWS = 40, SHORT_TEXT = 24, IMAGES_A_LINE = 6, MAPS_A_LINE = 10 };

#define PREAMBLE                                                                                                       \
    "% Written by cosmicman report; pdflatex, run in this folder, makes the "                                          \
    "PDF.\n\\documentclass[10pt,a4paper]{article}\n"                                                                   \
    "\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n"  \
    "\\usepackage{textcomp}\n\\usepackage{graphicx}\n\\usepackage{booktabs}\n\\usepackage[margin=21mm]{geometry}\n"    \
    "\\pdfinfoomitdate=1\n\\pdftrailerid{}\n\\pdfsuppressptexinfo=-1\n"                                                \
    "\\setlength{\\parindent}{0pt}\\setlength{\\parskip}{4pt plus "                                                    \
    "1pt}\\setlength{\\tabcolsep}{4pt}\\emergencystretch=3em\n"                                                        \
    "\\newsavebox{\\cmbox}\n"                                                                                          \
    "\\newcommand{\\cmfit}{\\ifdim\\wd\\cmbox>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox{\\cmbox}}"               \
    "\\else\\usebox{\\cmbox}\\fi}\n"                                                                                   \
    "\\newcommand{\\cmbelow}[3]{\\begin{tabular}[t]{@{}#1@{}}#2\\\\[-1pt]{\\scriptsize #3}\\end{tabular}}\n"           \
    "\\newcommand{\\cmlong}[1]{\\parbox[t]{44mm}{\\raggedright #1\\strut}}\n"                                          \
    "\\newcommand{\\cmtable}{\\par\\medskip\\noindent\\begin{minipage}{\\linewidth}\\centering\\refstepcounter{table}" \
    "}\n"                                                                                                              \
    "\\newcommand{\\cmtableend}{\\par\\smallskip\\cmfit\\end{minipage}\\par\\medskip}\n"                               \
    "\\newcommand{\\cmfigure}{\\par\\medskip\\noindent\\begin{minipage}{\\linewidth}\\raggedright}\n"                  \
    "\\newcommand{\\cmfigureend}{\\end{minipage}\\par\\medskip}\n"                                                     \
    "\\begin{document}\n"

/* --- tables ----------------------------------------------------------------------------- */

/* A hyphen would stand where a minus belongs. */
static void put_number(cm_writer *w, const char *text) {
    if (*text == '-') {
        cm_markup(w, "$-$");
        text++;
    }
    cm_text(w, text);
}

static void write_number(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    char text[CM_NUMBER_TEXT];
    const bool bold = c->leading || c->strong;
    cm_cell_number_text(t, column, c, text);
    if (bold) cm_markup(w, "\\textbf{");
    put_number(w, text);
    if (bold) cm_markup(w, "}");
    if (c->dagger) cm_markup(w, "$^\\dagger$");
}

static void write_text(cm_writer *w, const cm_cell *c) {
    const bool long_one = strlen(c->text) > SHORT_TEXT;
    if (long_one) cm_markup(w, "\\cmlong{");
    if (c->strong) cm_markup(w, "\\textbf{");
    cm_text(w, c->text);
    if (c->strong) cm_markup(w, "}");
    if (long_one) cm_markup(w, "}");
}

/* What stands smaller beneath: an interval, words, or words beneath an interval. */
static void write_below(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    char text[CM_NUMBER_TEXT];
    if (c->has_interval) {
        if (c->aside) cm_markup(w, "\\cmbelow{r}{\\scriptsize ");
        cm_cell_interval_text(t, column, c, text);
        put_number(w, text);
        if (!c->aside) return;
        cm_markup(w, "}{");
        cm_text(w, c->aside);
        cm_markup(w, "}");
    } else if (strlen(c->aside) > SHORT_TEXT) {
        cm_markup(w, "\\cmlong{");
        cm_text(w, c->aside);
        cm_markup(w, "}");
    } else {
        cm_text(w, c->aside);
    }
}

static void write_cell(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    const bool below = c->kind != CM_CELL_EMPTY && (c->has_interval || c->aside);
    if (c->rest && column + 1 < t->column_count) {
        cm_markup(w, "\\multicolumn{");
        cm_number(w, "%.0f", (double)(t->column_count - column));
        cm_markup(w, "}{l}{");
    }
    if (below && t->columns[column].left) cm_markup(w, "\\cmbelow{l}{");
    else if (below) cm_markup(w, "\\cmbelow{r}{");
    if (c->kind == CM_CELL_NUMBER) write_number(w, t, column, c);
    else if (c->kind != CM_CELL_EMPTY) write_text(w, c);
    if (below) {
        cm_markup(w, "}{");
        write_below(w, t, column, c);
        cm_markup(w, "}");
    }
    if (c->rest && column + 1 < t->column_count) cm_markup(w, "}");
}

static void write_row(cm_writer *w, const cm_table *t, size_t row) {
    for (size_t c = 0; c < t->column_count; c++) {
        const cm_cell *cell = cm_table_at(t, row, c);
        if (c) cm_markup(w, " & ");
        if (t->theirs[row]) cm_markup(w, "\\itshape ");
        write_cell(w, t, c, cell);
        if (cell->rest) break;
    }
    cm_markup(w, "\\tabularnewline\n");
}

static void write_titles(cm_writer *w, const cm_table *t) {
    cm_markup(w, "\\begin{lrbox}{\\cmbox}\\small\\begin{tabular}{@{}");
    for (size_t c = 0; c < t->column_count; c++) {
        if (t->columns[c].left) cm_markup(w, "l");
        else cm_markup(w, "r");
    }
    cm_markup(w, "@{}}\\toprule\n");
    for (size_t c = 0; c < t->column_count; c++) {
        if (c) cm_markup(w, " & ");
        cm_textf(w, "%s%s%s", t->columns[c].title, t->columns[c].better ? " " : "", cm_arrow(t->columns[c].better));
    }
    cm_markup(w, "\\tabularnewline\\midrule\n");
}

/* Rows from `row` on; our rows and the paper's are parted by a line. Returns the first that is left. */
static size_t write_piece(cm_writer *w, const cm_table *t, size_t row) {
    const size_t end = t->row_count - row > MOST_ROWS ? row + MOST_ROWS : t->row_count;
    cm_markup(w, "\\cmtable{\\small\\textbf{Table \\thetable.} ");
    if (t->caption) cm_text(w, t->caption);
    if (row) cm_markup(w, " (continued)");
    cm_markup(w, "}%\n");
    write_titles(w, t);
    for (size_t r = row; r < end && !cm_interrupted(); r++) {
        if (r > row && t->theirs[r] != t->theirs[r - 1]) cm_markup(w, "\\midrule\n");
        write_row(w, t, r);
    }
    cm_markup(w, "\\bottomrule\\end{tabular}\\end{lrbox}\\cmtableend\n\n");
    return end;
}

static void write_table(cm_writer *w, const cm_table *t) {
    for (size_t row = 0; row < t->row_count && !cm_interrupted();) row = write_piece(w, t, row);
    if (!t->note) return;
    cm_markup(w, "{\\footnotesize ");
    cm_text(w, t->note);
    cm_markup(w, "\\par}\n\n");
}

/* --- images ----------------------------------------------------------------------------- */

/* pdflatex reads PNG and JPEG, by the name's ending, under names without signs that TeX takes for its own. */
static bool can_include(const char *folder, const char *file) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    const char *ending = file ? strrchr(file, '.') : NULL;
    cm_arena scratch;
    if (!ending || strspn(file, plain) != strlen(file)) return false;
    if (strcasecmp(ending, ".png") != 0 && strcasecmp(ending, ".jpg") != 0 && strcasecmp(ending, ".jpeg") != 0)
        return false;
    cm_arena_init(&scratch, 1 << 13);
    const bool inside = cm_inside(folder, file, &scratch) != NULL;
    cm_arena_free(&scratch);
    return inside;
}

static void write_image(cm_writer *w, const cm_document *d, const cm_part_image *image, double share) {
    cm_markup(w, "\\begin{minipage}[t]{");
    cm_number(w, "%.3f", share);
    cm_markup(w, "\\linewidth}\\centering\\scriptsize ");
    if (can_include(d->folder, image->file)) {
        cm_markup(w, "\\includegraphics[width=\\linewidth,height=42mm,keepaspectratio]{");
        cm_plain_path(w, image->file);
        cm_markup(w, "}");
    } else {
        cm_markup(w, "(no image in this folder)");
    }
    cm_markup(w, "\\par ");
    cm_text(w, image->label);
    for (size_t i = 0; i < image->line_count; i++) {
        cm_markup(w, "\\par ");
        cm_text(w, image->lines[i]);
    }
    cm_markup(w, "\\end{minipage}");
}

/* The arms of a prompt in one line; of more, and of maps, as many as a line holds. */
static void write_figure(cm_writer *w, const cm_document *d, const cm_figure *f) {
    const size_t a_line = f->maps ? MAPS_A_LINE : f->count > IMAGES_A_LINE ? IMAGES_A_LINE : f->count ? f->count : 1;
    const double even = 0.95 / (double)a_line, share = even > 0.31 ? 0.31 : even;
    cm_markup(w, "\\cmfigure ");
    for (size_t i = 0; i < f->count && !cm_interrupted(); i++) {
        if (i && i % a_line == 0) cm_markup(w, "\\par\\smallskip ");
        else if (i) cm_markup(w, "\\hskip 2pt ");
        write_image(w, d, &f->images[i], share);
    }
    if (f->caption) {
        cm_markup(w, "\\par\\smallskip{\\footnotesize ");
        cm_text(w, f->caption);
        cm_markup(w, "\\par}");
    }
    cm_markup(w, "\\cmfigureend\n\n");
}

static void write_plot(cm_writer *w, const cm_plot *p) {
    cm_markup(w, "\\IfFileExists{plots/");
    cm_text(w, p->name);
    cm_markup(w, ".pdf}{\\cmfigure\\includegraphics[width=\\linewidth,height=150mm,keepaspectratio]{plots/");
    cm_text(w, p->name);
    cm_markup(w, ".pdf}\\cmfigureend}{}\n\n");
}

/* --- the document ------------------------------------------------------------------------- */

static void write_heading(cm_writer *w, const cm_block *b) {
    if (b->level == 2) cm_markup(w, "\\section*{");
    else cm_markup(w, "\\subsection*{");
    cm_text(w, b->text);
    cm_markup(w, "}\n");
}

static void write_paragraph(cm_writer *w, const cm_block *b) {
    if (b->tone == CM_SMALL) cm_markup(w, "{\\small ");
    cm_text(w, b->text);
    if (b->tone == CM_SMALL) cm_markup(w, "\\par}");
    cm_markup(w, "\n\n");
}

static void write_block(cm_writer *w, const cm_document *d, const cm_block *b) {
    switch (b->kind) {
    case CM_BLOCK_HEADING: write_heading(w, b); break;
    case CM_BLOCK_PARAGRAPH: write_paragraph(w, b); break;
    case CM_BLOCK_TABLE: write_table(w, &b->table); break;
    case CM_BLOCK_PLOT: write_plot(w, &b->plot); break;
    case CM_BLOCK_FIGURE: write_figure(w, d, &b->figure); break;
    case CM_BLOCK_COLOURS:
        cm_markup(
            w,
            "{\\footnotesize Colours of a map: dark violet is no attention, pale yellow the map's maximum.\\par}\n\n");
        break;
    }
}

cm_status cm_render_latex(const cm_document *d, const char *file) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_LATEX, d->folder, file));
    cm_markup(w, PREAMBLE "\\begin{center}{\\LARGE ");
    cm_text(w, d->title);
    cm_markup(w, "\\par}\\medskip{\\small ");
    cm_text(w, d->subtitle);
    cm_markup(w, "\\par}\\end{center}\n\n");
    for (const cm_block *b = d->first; b && !cm_interrupted(); b = b->next) write_block(w, d, b);
    cm_markup(w, "\\end{document}\n");
    return cm_writer_close(&w, CM_OK);
}
