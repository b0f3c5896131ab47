// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/closest.h"
#include "core/base/cpu_level.h"
#include "core/base/system.h"
#include "harness/cli/command.h"

static void print_commands(FILE *to) {
    fprintf(to, "cosmicman %s - people from dense descriptions: generate, train, score, compare\n\n", CM_VERSION);
    for (size_t i = 0; cm_commands[i]; i++) fprintf(to, "  %-12s%s\n", cm_commands[i]->name, cm_commands[i]->about);
    fprintf(to, "\n'cosmicman COMMAND --help' explains one.\n"
                "Exit status: 0 done; 1 failed; 2 the command line asks for something that cannot be; 3 done, but some "
                "images,\n"
                "prompts or scores are missing (each is named); 4 a gate of the suite is undecided, 5 one failed (of "
                "train check, too); 129, 130, 143 stopped by SIGHUP, Ctrl-C, SIGTERM: what was\n"
                "finished is kept, and the same command goes on.\n");
}

static const cm_command *find_command(const char *name) {
    for (size_t i = 0; cm_commands[i]; i++) {
        if (strcmp(cm_commands[i]->name, name) == 0) return cm_commands[i];
    }
    return NULL;
}

/* An option where the command is wanted. */
static cm_status unknown_first_option(const char *typed) {
    static const char *const names[] = {"--help", "--version", NULL};
    const char *near = strcmp(typed, "-V") == 0 ? names[1] : typed[1] == '-' ? cm_closest(typed, names) : NULL;
    if (near) return cm_fail(CM_EUSAGE, "no option '%s' before a command; the closest is '%s'", typed, near);
    return cm_fail(CM_EUSAGE,
                   "'%s' stands where a command is wanted: cosmicman COMMAND [options]; 'cosmicman' alone lists them",
                   typed);
}

static cm_status unknown_command(const char *typed) {
    if (typed[0] == '-') return unknown_first_option(typed);
    const char *names[32];
    size_t n = 0;
    for (size_t i = 0; cm_commands[i] && n < 31; i++) names[n++] = cm_commands[i]->name;
    names[n] = NULL;
    const char *near = cm_closest(typed, names);
    if (near) return cm_fail(CM_EUSAGE, "no command '%s'; the closest is '%s'", typed, near);
    return cm_fail(CM_EUSAGE, "no command '%s'; 'cosmicman' alone lists them", typed);
}

/* As a shell reports a program that a signal ended: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. */
static int exit_for_signal(void) {
    return 128 + (cm_signal_caught() ? cm_signal_caught() : SIGINT);
}

int cm_exit_for(cm_status s) {
    if (s == CM_OK) return 0;
    fprintf(stderr, "cosmicman: %s\n", cm_why());
    if (s == CM_EINTERRUPTED) return exit_for_signal();
    return s == CM_EUSAGE ? 2 : 1;
}

static int run_command(const cm_command *c, int argc, char **argv) {
    cm_args *args = NULL;
    const cm_status s = cm_args_parse(c, argc, argv, &args);
    if (s != CM_OK) return cm_exit_for(s);
    int code = 0;
    if (cm_args_help(args)) {
        cm_command_help(c);
    } else {
        const int v = cm_args_verbosity(args);
        cm_log_level(v < 0 ? CM_QUIET : v > 0 ? CM_VERBOSE : CM_NORMAL);
        cm_catch_signals();
        code = c->run(args);
    }
    cm_args_close(&args);
    if (fflush(stdout) != 0 && code == 0) code = cm_exit_for(cm_fail(CM_EIO, "cannot write to standard output"));
    return code;
}

int main(int argc, char **argv) {
    const bool asks_help = argc > 1 && strcmp(argv[1], "help") == 0;
    if (asks_help && argc > 2) argv++; /* "help generate" */
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("cosmicman %s\n", CM_VERSION);
        return 0;
    }
    const cm_command *c = find_command(argv[1]);
    if (!c) return cm_exit_for(unknown_command(argv[1]));
    const cm_status level = cm_cpu_level_check();
    if (level != CM_OK) return cm_exit_for(level);
    if (asks_help) cm_command_help(c);
    return asks_help ? 0 : run_command(c, argc - 2, argv + 2);
}
