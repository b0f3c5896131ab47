// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base/system.h"

enum { FILES = 64, PATIENCE_US = 800000 };

static volatile sig_atomic_t caught, waits, held;
static _Atomic(char *) files[FILES]; /* to be removed by the process `owner`, not by a child that was forked off */
static volatile pid_t owner;
static volatile pid_t group; /* 0: none */

void cm_remove_at_end(char *path) {
    owner = getpid();
    for (int i = 0; i < FILES; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&files[i], &none, path)) return;
    }
}

bool cm_keep_file(char *path) {
    for (int i = 0; i < FILES; i++) {
        char *here = path;
        if (atomic_compare_exchange_strong(&files[i], &here, NULL)) return true;
    }
    return caught == 0;
}

void cm_kill_group_at_end(pid_t leader) {
    group = leader;
}

static void clean_up(void) {
    if (group > 0) kill(-group, SIGKILL);
    for (int i = 0; i < FILES && owner == getpid(); i++) {
        const char *path = atomic_exchange(&files[i], NULL);
        if (path) unlink(path);
    }
}

/* Only what a handler may call: the first signal is noted, the second ends the program as if it had not been caught. */
static void note_signal(int number) {
    if (!caught) {
        static const struct itimerval soon = {.it_value = {0, PATIENCE_US}};
        caught = number;
        if (!waits) setitimer(ITIMER_REAL, &soon, NULL);
        return;
    }
    clean_up();
    signal(number, SIG_DFL);
    raise(number);
}

static void end_now(int number) {
    static const char text[] = "cosmicman: stopped; what was finished is kept\n";
    (void)number;
    if (waits || held) return;
    clean_up();
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
    } /* nobody to tell */
    _exit(128 + caught);
}

void cm_catch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal}, was;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const bool ignored = sigaction(numbers[i], NULL, &was) == 0 && was.sa_handler == SIG_IGN;
        if (!ignored || numbers[i] != SIGHUP) sigaction(numbers[i], &action, NULL);
    }
    action.sa_handler = end_now;
    sigaction(SIGALRM, &action, NULL);
}

void cm_signals_wait(void) {
    waits = 1;
}

void cm_signals_hold(bool hold) {
    held = hold;
}

bool cm_interrupted(void) {
    return caught != 0 && !held;
}

int cm_signal_caught(void) {
    return caught;
}
