// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/command.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "harness/cli/foreign_options.h"

enum { MAX_OPTIONS = 64, MAX_WORDS = 256, MAX_LISTED = 256, HELP_COLUMN = 28, HELP_WIDTH = 100 };

struct cm_args {
    const cm_command *command;
    const char *value[MAX_OPTIONS]; /* as typed, or the default; flags: "" when given */
    bool given[MAX_OPTIONS];
    const char *words[MAX_WORDS + 1];
    size_t word_count;
    struct {
        size_t option;
        const char *text;
    } listed[MAX_LISTED]; /* values of options that may be given several times, in their order */
    size_t listed_count;
    bool help;
    int verbosity;
};

/* --- reading ------------------------------------------------------------- */

static const cm_option *find_option(const cm_command *c, const char *name, size_t length) {
    for (const cm_option *o = c->options; o && o->name; o++) {
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    }
    return NULL;
}

static cm_status unknown_option(const cm_command *c, const char *name, size_t length) {
    const char *names[MAX_OPTIONS + 1];
    size_t n = 0;
    for (const cm_option *o = c->options; o && o->name && n < MAX_OPTIONS; o++) names[n++] = o->name;
    names[n] = NULL;
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)length, name);
    const char *advice = cm_foreign_advice(c->name, typed);
    if (advice) return cm_fail(CM_EUSAGE, "%s has no option --%s; %s", c->name, typed, advice);
    const char *meant = cm_foreign_option(c->options, typed);
    if (meant) return cm_fail(CM_EUSAGE, "%s has no option --%s; here it is --%s", c->name, typed, meant);
    const char *near = cm_closest(typed, names);
    if (near) return cm_fail(CM_EUSAGE, "%s has no option --%s; the closest is --%s", c->name, typed, near);
    return cm_fail(CM_EUSAGE, "%s has no option --%s; 'cosmicman %s --help' lists them", c->name, typed, c->name);
}

static bool whole_number(const char *text, uint64_t *out) {
    if (!isdigit((unsigned char)text[0])) return false;
    char *end = NULL;
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return *end == '\0' && errno == 0;
}

/* As torch.Generator.manual_seed takes it: one below 0 is the same as 2^64 more. */
static bool seed_number(const char *text, uint64_t *out) {
    if (text[0] != '-') return whole_number(text, out);
    if (!whole_number(text + 1, out) || *out > UINT64_C(1) << 63) return false;
    *out = -*out;
    return true;
}

static bool number(const char *text, double *out) {
    if (!text[0] || isspace((unsigned char)text[0])) return false;
    char *end = NULL;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* Not free text: an empty value is a variable of a script that was not set. */
static bool names_something(const cm_option *o) {
    static const char *const arguments[] = {"FILE",      "DIR",        "PATH",     "NAME",         "NAMES",
                                            "NAME=PATH", "NAME=MODEL", "NAME=DIR", "NAME=COMMAND", "A,B",
                                            "K/N",       "KIND",       "WHAT",     "TYPE",         "FILE|NAME"};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        if (o->argument && strcmp(o->argument, arguments[i]) == 0) return true;
    return false;
}

static cm_status check_value(const cm_option *o, const char *text) {
    uint64_t whole;
    double real;
    switch (o->kind) {
    case CM_OPT_SIZE:
    case CM_OPT_U64:
        if (whole_number(text, &whole)) return CM_OK;
        return cm_fail(CM_EUSAGE, "--%s: '%s' is not a whole number from 0 to 18446744073709551615", o->name, text);
    case CM_OPT_SEED:
        if (seed_number(text, &whole)) return CM_OK;
        return cm_fail(CM_EUSAGE, "--%s: '%s' is not a whole number from -9223372036854775808 to 18446744073709551615",
                       o->name, text);
    case CM_OPT_NUMBER:
        if (number(text, &real)) return CM_OK;
        return cm_fail(CM_EUSAGE, "--%s: '%s' is not a number", o->name, text);
    case CM_OPT_TEXT:
    case CM_OPT_LIST:
        if (text[0] || !names_something(o)) return CM_OK;
        return cm_fail(CM_EUSAGE, "--%s: '' is no %s", o->name, o->argument);
    case CM_OPT_FLAG: break;
    }
    return CM_OK;
}

/* The last one counts, as in most programs; that another was given may be a slip, or a list that was meant. */
static void warn_of_another(const cm_option *o, const char *before, const char *now) {
    if (strcmp(before, now) != 0) cm_warn("--%s is given twice: '%s' counts, '%s' does not", o->name, now, before);
}

static cm_status add_listed(cm_args *a, size_t at) {
    if (a->listed_count == MAX_LISTED)
        return cm_fail(CM_EUSAGE, "--%s: more than %d in all", a->command->options[at].name, MAX_LISTED);
    a->listed[a->listed_count].option = at;
    a->listed[a->listed_count++].text = a->value[at];
    return CM_OK;
}

/* One "--name", "--name=value" or "--name value"; *i moves over a value that was taken. */
static cm_status parse_long(cm_args *a, int argc, char **argv, int *i) {
    const cm_command *c = a->command;
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const cm_option *o = find_option(c, name, length);
    if (!o) return unknown_option(c, name, length);
    const size_t at = (size_t)(o - c->options);
    const char *before = a->given[at] ? a->value[at] : NULL;
    if (o->kind == CM_OPT_FLAG) {
        if (equals) return cm_fail(CM_EUSAGE, "--%s takes no value", o->name);
        a->value[at] = "";
    } else if (equals) {
        a->value[at] = equals + 1;
    } else if (*i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0) {
        a->value[at] = argv[++*i];
    } else {
        return cm_fail(CM_EUSAGE, "--%s needs a value: --%s %s", o->name, o->name, o->argument ? o->argument : "VALUE");
    }
    if (before && o->kind != CM_OPT_LIST) warn_of_another(o, before, a->value[at]);
    a->given[at] = true;
    if (o->kind == CM_OPT_LIST) CM_TRY(add_listed(a, at));
    return check_value(o, a->value[at]);
}

/* "-o" and "-steps" are said as options with two dashes, where there is one. */
static cm_status unknown_short(const cm_command *c, const char *text) {
    const char *advice = cm_foreign_advice(c->name, text + 1), *meant = cm_foreign_option(c->options, text + 1);
    if (advice) return cm_fail(CM_EUSAGE, "%s: unknown option %.60s; %s", c->name, text, advice);
    if (meant) return cm_fail(CM_EUSAGE, "%s: unknown option %.60s; here it is --%s", c->name, text, meant);
    return cm_fail(CM_EUSAGE, "%s: unknown option %.60s; short ones are -q, -v and -h", c->name, text);
}

static cm_status parse_short(cm_args *a, const char *text) {
    if (strcmp(text, "-q") == 0) {
        a->verbosity = -1;
    } else if (strcmp(text, "-v") == 0) {
        a->verbosity = 1;
    } else {
        return unknown_short(a->command, text);
    }
    return CM_OK;
}

/* "a|b|c": the word must be one of them. */
static cm_status check_choice(const cm_command *c, const char *choices, const char *word) {
    char copy[512];
    snprintf(copy, sizeof copy, "%s", choices);
    const char *list[MAX_OPTIONS + 1];
    size_t n = 0;
    char *rest = NULL;
    for (char *w = strtok_r(copy, "|[]", &rest); w && n < MAX_OPTIONS; w = strtok_r(NULL, "|[]", &rest)) {
        if (strcmp(w, word) == 0) return CM_OK;
        list[n++] = w;
    }
    list[n] = NULL;
    const char *near = cm_closest(word, list);
    if (near) return cm_fail(CM_EUSAGE, "%s: no '%s' here; the closest is '%s'", c->name, word, near);
    return cm_fail(CM_EUSAGE, "%s: '%s' is none of %s", c->name, word, choices);
}

static cm_status check_words(const cm_args *a) {
    const cm_command *c = a->command;
    const char *p = c->positional;
    if (!p) {
        if (a->word_count == 0) return CM_OK;
        return cm_fail(CM_EUSAGE, "%s: what is '%s' for? options begin with --", c->name, a->words[0]);
    }
    const bool optional = p[0] == '[', many = strstr(p, "...") != NULL;
    if (a->word_count == 0 && !optional) return cm_fail(CM_EUSAGE, "%s wants %s", c->name, p);
    if (a->word_count > 1 && !many) return cm_fail(CM_EUSAGE, "%s: '%s' is one word too many", c->name, a->words[1]);
    if (a->word_count > 0 && strchr(p, '|')) return check_choice(c, p, a->words[0]);
    return CM_OK;
}

static cm_status parse_all(cm_args *a, int argc, char **argv) {
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
        if (only_words || text[0] != '-' || text[1] == '\0') {
            if (a->word_count == MAX_WORDS) return cm_fail(CM_EUSAGE, "%s: too many words", a->command->name);
            a->words[a->word_count++] = text;
        } else if (strcmp(text, "--") == 0) {
            only_words = true;
        } else if (strncmp(text, "--", 2) == 0) {
            CM_TRY(parse_long(a, argc, argv, &i));
        } else {
            CM_TRY(parse_short(a, text));
        }
    }
    return check_words(a);
}

cm_status cm_args_parse(const cm_command *c, int argc, char **argv, cm_args **out) {
    cm_args *a = calloc(1, sizeof *a);
    if (!a) return cm_fail(CM_ENOMEM, "out of memory");
    a->command = c;
    for (size_t i = 0; c->options && c->options[i].name && i < MAX_OPTIONS; i++) a->value[i] = c->options[i].otherwise;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) a->help = true;
    }
    const cm_status s = a->help ? CM_OK : parse_all(a, argc, argv);
    if (s != CM_OK) {
        free(a);
        return s;
    }
    *out = a;
    return CM_OK;
}

void cm_args_close(cm_args **a) {
    free(*a);
    *a = NULL;
}

/* --- asking -------------------------------------------------------------- */

/* A name that is not in the table is our bug, not the user's. */
static size_t index_of(const cm_args *a, const char *name) {
    const cm_option *o = find_option(a->command, name, strlen(name));
    if (!o) {
        fprintf(stderr, "cosmicman: %s asks for --%s, which its table lacks\n", a->command->name, name);
        abort();
    }
    return (size_t)(o - a->command->options);
}

bool cm_arg_given(const cm_args *a, const char *name) {
    return a->given[index_of(a, name)];
}

const char *cm_arg_text(const cm_args *a, const char *name) {
    return a->value[index_of(a, name)];
}

const char *cm_arg_default(const cm_args *a, const char *name) {
    return a->command->options[index_of(a, name)].otherwise;
}

cm_option_kind cm_arg_kind(const cm_args *a, const char *name) {
    return a->command->options[index_of(a, name)].kind;
}

uint64_t cm_arg_u64(const cm_args *a, const char *name) {
    const char *text = cm_arg_text(a, name);
    uint64_t v = 0;
    return text && whole_number(text, &v) ? v : 0;
}

uint64_t cm_arg_seed(const cm_args *a, const char *name) {
    const char *text = cm_arg_text(a, name);
    uint64_t v = 0;
    return text && seed_number(text, &v) ? v : 0;
}

size_t cm_arg_size(const cm_args *a, const char *name) {
    return (size_t)cm_arg_u64(a, name);
}

double cm_arg_number(const cm_args *a, const char *name) {
    const char *text = cm_arg_text(a, name);
    double v = 0;
    return text && number(text, &v) ? v : 0;
}

bool cm_arg_flag(const cm_args *a, const char *name) {
    return a->given[index_of(a, name)];
}

const char *cm_arg_listed(const cm_args *a, const char *name, size_t i) {
    const size_t at = index_of(a, name);
    for (size_t k = 0; k < a->listed_count; k++)
        if (a->listed[k].option == at && i-- == 0) return a->listed[k].text;
    return NULL;
}

size_t cm_arg_words(const cm_args *a, const char *const **words) {
    if (words) *words = a->words;
    return a->word_count;
}

bool cm_args_help(const cm_args *a) {
    return a->help;
}

int cm_args_verbosity(const cm_args *a) {
    return a->verbosity;
}

/* --- help ---------------------------------------------------------------- */

/* Prints words from the given column on, broken at the page's width. */
static void print_wrapped(const char *text, size_t column) {
    size_t at = column;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (at > column && at + n > HELP_WIDTH) {
            printf("\n%*s", (int)column, "");
            at = column;
        }
        printf("%.*s", (int)n, text);
        at += n;
        text += n;
        if (*text == ' ') {
            putchar(' ');
            at++;
            text++;
        }
    }
    putchar('\n');
}

static void print_option(const cm_option *o) {
    char left[80], right[512];
    snprintf(left, sizeof left, "  --%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (o->kind != CM_OPT_FLAG && o->otherwise && o->otherwise[0]) {
        snprintf(right, sizeof right, "%s [%s]", o->help, o->otherwise);
    } else {
        snprintf(right, sizeof right, "%s", o->help);
    }
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN) printf("\n%*s", HELP_COLUMN, "");
    print_wrapped(right, HELP_COLUMN);
}

void cm_print_help(const cm_command *c) {
    printf("cosmicman %s - %s\n\n", c->name, c->about);
    printf("  cosmicman %s%s%s [options]\n\n", c->name, c->positional ? " " : "", c->positional ? c->positional : "");
    for (const cm_option *o = c->options; o && o->name; o++) print_option(o);
    printf("%-*s%s\n", HELP_COLUMN, "  -q, -v, -h", "quiet, verbose, this page");
    if (c->details) printf("\n%s\n", c->details);
}
