// SPDX-License-Identifier: Apache-2.0
#include "core/base/gnuplot.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/base/tool.h"
#include "core/base/system.h"

enum { MOST_SECONDS = 120 };

/* In the folder, with the image as standard output; no start-up file and none of the caller's settings. */
static cm_status draw(const char *folder, const char *name, const char *ending, const char *before) {
    char path[4200], script[64];
    struct stat st;
    cm_part part;
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
    snprintf(script, sizeof script, "%s.gp", name);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cm_fail(CM_EIO, "%s: is no plain file, so it is not written; remove it", path);
    CM_TRY(cm_part_open(&part, path));
    const char *const plain[] = {"gnuplot", "-d", script, NULL}, *const with[] = {"gnuplot", "-d",   "-e",
                                                                                  before,    script, NULL};
    const cm_status s = cm_tool_run(&(cm_tool){before ? with : plain, NULL, folder, fileno(part.file), MOST_SECONDS});
    if (s == CM_OK) return cm_part_finish(&part);
    cm_part_drop(&part);
    return s == CM_EUNAVAILABLE ? cm_fail_in(s, "%s.gp", name) : s;
}

cm_status cm_gnuplot_draw(const char *folder, const char *name) {
    return draw(folder, name, "svg", NULL);
}

cm_status cm_gnuplot_draw_pdf(const char *folder, const char *name) {
    return draw(folder, name, "pdf", "pdf=1");
}
