// SPDX-License-Identifier: Apache-2.0
/* Man pages, in roff's man macros. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/help.h"

/* Text as roff reads it: '-' as it is typed, '\' literal, and no line that looks like a request. */
static void print_text(const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        line_start = *text == '\n';
        switch (*text) {
        case '\\': fputs("\\e", stdout); break;
        case '-': fputs("\\-", stdout); break;
        case '\'': fputs("\\(aq", stdout); break;
        case '^': fputs("\\(ha", stdout); break;
        case '~': fputs("\\(ti", stdout); break;
        case '`': fputs("\\(ga", stdout); break;
        default: putchar(*text);
        }
    }
}

static void print_line(const char *text) {
    print_text(text);
    putchar('\n');
}

static void print_title(const char *name, const char *about) {
    printf(".TH ");
    for (const char *p = name; *p; p++) putchar(toupper((unsigned char)*p));
    printf(" 1 \"\" \"cosmicman %s\" \"User Commands\"\n.SH NAME\n", CM_VERSION);
    printf("%s \\- ", name);
    print_line(about);
}

static void print_option(const cm_option *o) {
    printf(".TP\n.B \\-\\-");
    print_text(o->name);
    if (o->argument) {
        printf(" \\fI");
        print_text(o->argument);
        printf("\\fR");
    }
    putchar('\n');
    print_line(o->help);
    if (o->kind == CM_OPT_FLAG || !o->otherwise || !o->otherwise[0]) return;
    printf("(default: ");
    print_text(o->otherwise);
    printf(")\n");
}

static void print_rows(const char *section, const cm_help_row *rows) {
    printf(".SH \"%s\"\n", section);
    for (; rows->name; rows++) {
        printf(".TP\n.B ");
        print_line(rows->name);
        print_line(rows->text);
    }
}

static void print_command(const cm_command *c) {
    char name[64];
    snprintf(name, sizeof name, "cosmicman-%s", c->name);
    print_title(name, c->about);
    printf(".SH SYNOPSIS\n.B cosmicman %s\n", c->name);
    if (c->positional) {
        printf(".I ");
        print_line(c->positional);
    }
    printf("[options]\n.SH OPTIONS\n");
    for (const cm_option *o = c->options; o && o->name; o++) print_option(o);
    printf(".TP\n.BR \\-q \", \" \\-v \", \" \\-h\nquiet, verbose, the list of options\n");
    if (c->details) {
        printf(".SH DETAILS\n.nf\n");
        print_line(c->details);
        printf(".fi\n");
    }
    printf(".SH \"SEE ALSO\"\n.BR cosmicman (1),\nwhich lists exit codes and environment variables.\n");
}

static void print_program(void) {
    print_title("cosmicman", CM_PROGRAM_ABOUT);
    printf(".SH SYNOPSIS\n.B cosmicman\n.I COMMAND\n[options]\n.SH COMMANDS\n");
    for (size_t i = 0; cm_commands[i]; i++) {
        printf(".TP\n.BR cosmicman\\-%s (1)\n", cm_commands[i]->name);
        print_line(cm_commands[i]->about);
    }
    print_rows("EXIT STATUS", cm_exit_codes);
    print_rows("ENVIRONMENT", cm_variables);
}

void cm_print_manual(const cm_command *c) {
    if (c) print_command(c);
    else print_program();
}
