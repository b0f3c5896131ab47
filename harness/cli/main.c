// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cpu_level.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/command.h"
#include "harness/cli/help.h"

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
        cm_print_help(c);
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
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cm_print_overview();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("cosmicman %s\n", CM_VERSION);
        return 0;
    }
    const cm_command *c = cm_command_find(argv[1]);
    if (!c) return cm_exit_for(cm_command_unknown(argv[1]));
    const cm_status level = cm_cpu_level_check();
    if (level != CM_OK) return cm_exit_for(level);
    return run_command(c, argc - 2, argv + 2);
}
