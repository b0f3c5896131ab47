// SPDX-License-Identifier: Apache-2.0
#include "core/base/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/system.h"

enum { MOST_VARIABLES = 16 };

static const char *search_path(void) {
    const char *path = getenv("PATH");
    return path ? path : "/usr/bin:/bin";
}

static cm_status how_it_ended(const cm_tool *t, const cm_child_result *r) {
    switch (r->end) {
    case CM_CHILD_NOT_STARTED:
        return cm_fail(CM_EUNAVAILABLE, "%s cannot be started: %s", t->argv[0], strerror(r->number));
    case CM_CHILD_TIMED_OUT: return cm_fail(CM_EUNAVAILABLE, "%s took longer than %.0f s", t->argv[0], t->most_seconds);
    case CM_CHILD_SIGNALLED: return cm_fail(CM_EUNAVAILABLE, "%s was ended by signal %d", t->argv[0], r->number);
    case CM_CHILD_EXITED: break;
    }
    return r->number == 0 ? CM_OK : cm_fail(CM_EUNAVAILABLE, "%s failed", t->argv[0]);
}

cm_status cm_tool_run(const cm_tool *t) {
    char path[8192];
    const char *environment[MOST_VARIABLES + 3] = {path, "LC_ALL=C.UTF-8"};
    cm_child_result r = {.end = CM_CHILD_EXITED};
    cm_arena arena;
    snprintf(path, sizeof path, "PATH=%s", search_path());
    for (size_t i = 0; t->environment && t->environment[i] && i < MOST_VARIABLES; i++)
        environment[2 + i] = t->environment[i];
    cm_arena_init(&arena, 1 << 14);
    cm_status s = cm_child_run(&(cm_child){.argv = t->argv,
                                           .timeout = t->most_seconds,
                                           .grace = 0.1,
                                           .folder = t->folder,
                                           .environment = environment,
                                           .output = t->output},
                               &arena, &r);
    if (s == CM_OK) s = how_it_ended(t, &r);
    cm_arena_free(&arena);
    return s;
}

bool cm_tool_exists(const char *name) {
    char path[4096];
    for (const char *at = search_path(); *at;) {
        const size_t n = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)(n < 3000 ? n : 3000), at, name);
        if (access(path, X_OK) == 0 && !cm_path_is_dir(path)) return true;
        at += n + (at[n] == ':');
    }
    return false;
}
