// SPDX-License-Identifier: Apache-2.0
/* cosmicman help: the overview, one command's page, man pages, completion scripts. */
#include "harness/cli/help.h"

#include <stdio.h>

static const cm_option options[] = {
    {"man", CM_OPT_FLAG, NULL, NULL, "print the man page of COMMAND, or the program's own, in roff"},
    {"completion", CM_OPT_TEXT, "SHELL", NULL, "print the script that completes command lines in bash, zsh or fish"},
    {"commands", CM_OPT_FLAG, NULL, NULL, "print the names of all commands, one a line"},
    {0},
};

const cm_help_row cm_exit_codes[] = {
    {"0", "done"},
    {"1", "failed"},
    {"2", "wrong usage: the command line asks for something impossible"},
    {"3", "done, but some images, prompts or scores are missing (each is named)"},
    {"4", "a gate of the suite is undecided"},
    {"5", "a gate of the suite, or of train check, failed"},
    {"129, 130, 143", "stopped by SIGHUP, Ctrl-C or SIGTERM; what was finished is kept, and the same command goes on"},
    {0},
};

const cm_help_row cm_variables[] = {
    {"COSMICMAN_HOME", "folder of the shipped data (it holds core/models, prompts/sets, harness/suites); without it "
                       "they are found beside the program"},
    {"COSMICMAN_MODELS", "folder of the models, instead of core/models there"},
    {"CM_KERNELS", "highest instruction set that the kernels may use: portable, avx2, avx512, avx512-bf16, amx"},
    {"HF_HUB_CACHE", "the Hugging Face hub's cache, where a model OWNER/NAME is looked up (also HF_HOME)"},
    {"OMP_WAIT_POLICY", "passive: threads that wait for work sleep at once"},
    {0},
};

static void print_rows(const cm_help_row *rows, int width) {
    for (; rows->name; rows++) printf("  %-*s%s\n", width, rows->name, rows->text);
}

void cm_print_overview(void) {
    printf("cosmicman %s - " CM_PROGRAM_ABOUT "\n\n", CM_VERSION);
    for (size_t i = 0; cm_commands[i]; i++) printf("  %-12s%s\n", cm_commands[i]->name, cm_commands[i]->about);
    printf("\n'cosmicman COMMAND --help' explains a command.\n\nExit status\n");
    print_rows(cm_exit_codes, 15);
    printf("\nEnvironment\n");
    print_rows(cm_variables, 18);
}

/* What is printed: one thing at a time. */
static cm_status check_wish(const cm_args *a) {
    const int wishes = cm_arg_flag(a, "man") + cm_arg_flag(a, "commands") + cm_arg_given(a, "completion");
    if (wishes > 1) return cm_fail(CM_EUSAGE, "help: --man, --completion and --commands do not go together");
    if (cm_arg_words(a, NULL) > 0 && (cm_arg_flag(a, "commands") || cm_arg_given(a, "completion")))
        return cm_fail(CM_EUSAGE, "help: --completion and --commands take no COMMAND");
    return CM_OK;
}

static cm_status help(const cm_args *a) {
    const char *const *words;
    const cm_command *c = NULL;
    CM_TRY(check_wish(a));
    if (cm_arg_given(a, "completion")) return cm_print_completion(cm_arg_text(a, "completion"));
    if (cm_arg_words(a, &words) > 0) {
        c = cm_command_find(words[0]);
        if (!c) return cm_command_unknown(words[0]);
    }
    if (cm_arg_flag(a, "man")) {
        cm_print_manual(c);
    } else if (cm_arg_flag(a, "commands")) {
        for (size_t i = 0; cm_commands[i]; i++) printf("%s\n", cm_commands[i]->name);
    } else if (c) {
        cm_print_help(c);
    } else {
        cm_print_overview();
    }
    return CM_OK;
}

static int run(const cm_args *args) {
    return cm_exit_for(help(args));
}

const cm_command cm_command_help = {
    .name = "help",
    .about = "explain a command; print man pages and shell completion",
    .options = options,
    .positional = "[COMMAND]",
    .run = run,
};
