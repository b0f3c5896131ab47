// SPDX-License-Identifier: Apache-2.0
/* Scripts that complete command lines, from the same tables as help. Names that `cosmicman list` prints are asked for
 * when they are wanted, so that a script stays right when models are added. */
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "harness/cli/help.h"

/* --- what an option takes ------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *names) {
    while (*names && strcmp(*names, text) != 0) names++;
    return *names != NULL;
}

/* Is it among "models|backends|...", what `cosmicman list` takes? */
static bool is_subject(const char *text) {
    const size_t length = strlen(text);
    for (const char *p = cm_command_find("list")->positional; p; p = strchr(p, '|')) {
        if (*p == '|') p++;
        if (strncmp(p, text, length) == 0 && (p[length] == '|' || p[length] == '\0')) return true;
    }
    return false;
}

cm_value cm_option_value(const cm_option *o) {
    static const char *const files[] = {"FILE", "PATH", "FILE|NAME", NULL}, *const folders[] = {"DIR", NULL};
    cm_value v = {0};
    if (o->kind != CM_OPT_TEXT && o->kind != CM_OPT_LIST) return v;
    snprintf(v.subject, sizeof v.subject, "%s", o->name);
    bool listed = is_subject(v.subject);
    if (!listed) {
        snprintf(v.subject, sizeof v.subject, "%ss", o->name);
        listed = is_subject(v.subject);
    }
    if (listed) v.kind = CM_VALUE_LISTED;
    else if (o->argument && is_one_of(o->argument, files)) v.kind = CM_VALUE_FILE;
    else if (o->argument && is_one_of(o->argument, folders)) v.kind = CM_VALUE_FOLDER;
    return v;
}

/* The words of "a|b|c", with `between`; nothing where the positional is no such list. */
static void print_choices(const char *positional, char between) {
    if (!positional || !strchr(positional, '|')) return;
    for (const char *p = positional; *p; p++)
        if (!strchr("[]", *p)) putchar(*p == '|' ? between : *p);
}

/* Text inside '...' of a shell; `escaped`: characters that get a backslash. */
static void print_quoted(const char *text, const char *escaped) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
            continue;
        }
        if (strchr(escaped, *text)) putchar('\\');
        putchar(*text);
    }
}

static void print_lister(const char *name) {
    printf("%s() { cosmicman list \"$1\" 2>/dev/null | sed -n 's/^\\([^A-Z ][^ ]*\\) .*/\\1/p'; }\n", name);
}

/* --- bash ----------------------------------------------------------------- */

static void bash_value(const cm_command *c, const cm_option *o) {
    const cm_value v = cm_option_value(o);
    if (o->kind == CM_OPT_FLAG) return;
    printf("        %s:--%s) ", c->name, o->name);
    switch (v.kind) {
    case CM_VALUE_LISTED: printf("_cosmicman_words \"$(_cosmicman_list %s)\"; _cosmicman_paths -f", v.subject); break;
    case CM_VALUE_FILE: printf("_cosmicman_paths -f"); break;
    case CM_VALUE_FOLDER: printf("_cosmicman_paths -d"); break;
    case CM_VALUE_OTHER: printf(":"); break;
    }
    printf("; return ;;\n");
}

static void bash_command(const cm_command *c) {
    printf("        %s) options=\"", c->name);
    for (const cm_option *o = c->options; o && o->name; o++) printf("--%s ", o->name);
    printf("--help\" words=\"");
    if (strcmp(c->name, "help") == 0) printf("$commands");
    print_choices(c->positional, ' ');
    printf("\" ;;\n");
}

static void print_bash(void) {
    printf("# bash completion for cosmicman, made by: cosmicman help --completion bash\n");
    print_lister("_cosmicman_list");
    printf("_cosmicman_words() { while read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -W \"$1\" -- "
           "\"$cur\"); }\n"
           "_cosmicman_paths() {\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    while read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen \"$1\" -- \"$cur\")\n"
           "}\n"
           "_cosmicman() {\n"
           "    local cur prev words cword word options commands=\"");
    for (size_t i = 0; cm_commands[i]; i++) printf("%s%s", i ? " " : "", cm_commands[i]->name);
    printf("\"\n"
           "    COMPREPLY=()\n"
           "    if declare -F _get_comp_words_by_ref >/dev/null; then\n"
           "        _get_comp_words_by_ref -n : cur prev words cword\n"
           "    else\n"
           "        words=(\"${COMP_WORDS[@]}\") cword=$COMP_CWORD\n"
           "        cur=${words[cword]} prev=${words[cword - 1]}\n"
           "    fi\n"
           "    if [ \"$cword\" -eq 1 ]; then\n"
           "        _cosmicman_words \"$commands --help --version\"\n"
           "        return\n"
           "    fi\n"
           "    _cosmicman_complete \"${words[1]}\"\n"
           "    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions \"$cur\"; fi\n"
           "}\n"
           "_cosmicman_complete() {\n"
           "    local words=\n"
           "    case $1:$prev in\n");
    for (size_t i = 0; cm_commands[i]; i++)
        for (const cm_option *o = cm_commands[i]->options; o && o->name; o++) bash_value(cm_commands[i], o);
    printf("    esac\n"
           "    case $1 in\n");
    for (size_t i = 0; cm_commands[i]; i++) bash_command(cm_commands[i]);
    printf("    esac\n"
           "    case $cur in\n"
           "        -*) _cosmicman_words \"$options\" ;;\n"
           "        *) if [ -n \"$words\" ]; then _cosmicman_words \"$words\"; else _cosmicman_paths -f; fi ;;\n"
           "    esac\n"
           "}\n"
           "complete -F _cosmicman cosmicman\n");
}

/* --- zsh ------------------------------------------------------------------ */

static void zsh_option(const cm_option *o) {
    const cm_value v = cm_option_value(o);
    printf(" \\\n            '%s--%s[", o->kind == CM_OPT_LIST ? "*" : "", o->name);
    print_quoted(o->help, "[]\\");
    putchar(']');
    if (o->kind != CM_OPT_FLAG) {
        putchar(':');
        print_quoted(o->argument ? o->argument : "VALUE", ":\\");
        putchar(':');
        if (v.kind == CM_VALUE_LISTED) printf("{_cosmicman_names %s}", v.subject);
        if (v.kind == CM_VALUE_FILE) printf("_files");
        if (v.kind == CM_VALUE_FOLDER) printf("_files -/");
    }
    putchar('\'');
}

static void zsh_command(const cm_command *c) {
    printf("        %s) _arguments", c->name);
    for (const cm_option *o = c->options; o && o->name; o++) zsh_option(o);
    printf(" \\\n            '--help[the list of options]'");
    if (strcmp(c->name, "help") == 0) {
        printf(" '1:COMMAND:($names)'");
    } else if (c->positional && strchr(c->positional, '|')) {
        printf(" '1:WORD:(");
        print_choices(c->positional, ' ');
        printf(")'");
    }
    printf(" '*:FILE:_files' ;;\n");
}

static void print_zsh(void) {
    printf("#compdef cosmicman\n# made by: cosmicman help --completion zsh\n");
    print_lister("_cosmicman_list");
    printf("_cosmicman_names() {\n"
           "    local -a found\n"
           "    found=(${(f)\"$(_cosmicman_list $1)\"})\n"
           "    compadd -a found\n"
           "    _files\n"
           "}\n"
           "_cosmicman() {\n"
           "    local -a commands names\n"
           "    commands=(");
    for (size_t i = 0; cm_commands[i]; i++) {
        printf("%s'%s:", i ? "\n              " : "", cm_commands[i]->name);
        print_quoted(cm_commands[i]->about, ":\\");
        putchar('\'');
    }
    printf(")\n"
           "    names=(${commands%%%%:*})\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $words[1] in\n");
    for (size_t i = 0; cm_commands[i]; i++) zsh_command(cm_commands[i]);
    printf("    esac\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _cosmicman ]; then _cosmicman \"$@\"; else compdef _cosmicman cosmicman; fi\n");
}

/* --- fish ----------------------------------------------------------------- */

static void fish_option(const cm_command *c, const cm_option *o) {
    const cm_value v = cm_option_value(o);
    printf("complete -c cosmicman -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (v.kind == CM_VALUE_FILE || v.kind == CM_VALUE_LISTED) printf(" -rF");
    else if (v.kind == CM_VALUE_FOLDER) printf(" -xa '(__fish_complete_directories)'");
    else if (o->kind != CM_OPT_FLAG) printf(" -x");
    if (v.kind == CM_VALUE_LISTED) printf(" -a '(_cosmicman_list %s)'", v.subject);
    printf(" -d \"");
    for (const char *p = o->help; *p; p++) printf(strchr("\"\\$", *p) ? "\\%c" : "%c", *p);
    printf("\"\n");
}

static void print_fish(void) {
    printf("# fish completion for cosmicman, made by: cosmicman help --completion fish\n"
           "function _cosmicman_list\n"
           "    cosmicman list $argv[1] 2>/dev/null | string match -rg '^([^A-Z ]\\S*) '\n"
           "end\n");
    for (size_t i = 0; cm_commands[i]; i++)
        printf("complete -c cosmicman -f -n __fish_use_subcommand -a %s -d \"%s\"\n", cm_commands[i]->name,
               cm_commands[i]->about);
    for (size_t i = 0; cm_commands[i]; i++) {
        const cm_command *c = cm_commands[i];
        for (const cm_option *o = c->options; o && o->name; o++) fish_option(c, o);
        if (!c->positional || !strchr(c->positional, '|')) continue;
        printf("complete -c cosmicman -f -n '__fish_seen_subcommand_from %s' -a '", c->name);
        print_choices(c->positional, ' ');
        printf("'\n");
    }
}

cm_status cm_print_completion(const char *shell) {
    static const char *const names[] = {"bash", "zsh", "fish", NULL};
    static void (*const print[])(void) = {print_bash, print_zsh, print_fish};
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(shell, names[i]) != 0) continue;
        print[i]();
        return CM_OK;
    }
    return cm_unknown_choice("--completion", shell, names);
}
