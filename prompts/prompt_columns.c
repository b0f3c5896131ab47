// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_columns.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/closest.h"

static const char *const usual[] = {"caption", "text", "description", "sentence", "prompts", "captions", NULL};

enum { NONE = -1 };

static int find(const char *name, const char *const *names, int (*compare)(const char *, const char *)) {
    for (int i = 0; names[i]; i++)
        if (compare(names[i], name) == 0) return i;
    return NONE;
}

/* "id, url, width and 4 more" */
static void list_names(const char *const *names, char *out, size_t size) {
    size_t used = 0, n = 0;
    out[0] = '\0';
    for (; names[n] && used + 80 < size; n++)
        used += (size_t)snprintf(out + used, size - used, "%s%.40s", n ? ", " : "", names[n]);
    size_t more = 0;
    while (names[n + more]) more++;
    if (more) snprintf(out + used, size - used, " and %zu more", more);
}

static cm_status no_such_column(const char *given, const char *const *names) {
    char list[300];
    list_names(names, list, sizeof list);
    const char *near = cm_closest(given, names);
    if (near) return cm_fail(CM_EUSAGE, "no column '%.60s'; the closest is '%.60s'", given, near);
    return cm_fail(CM_EUSAGE, "no column '%.60s'; the columns are %s", given, list);
}

static cm_status no_usual_column(const char *const *names) {
    char list[300];
    list_names(names, list, sizeof list);
    const char *near = cm_closest("prompt", names);
    if (!near) near = cm_closest("caption", names);
    if (near)
        return cm_fail(CM_EFORMAT,
                       "no column 'prompt' or 'caption'; the closest is '%.60s' (--prompt-column NAME chooses)", near);
    return cm_fail(CM_EFORMAT,
                   "no column is called prompt, caption, text, description or sentence; the first row names %s "
                   "(--prompt-column NAME chooses)",
                   list);
}

cm_status cm_prompt_column_choose(const char *given, const char *const *names, size_t *which) {
    int at = find(given ? given : "prompt", names, strcmp), other = NONE;
    if (at == NONE) at = find(given ? given : "prompt", names, strcasecmp);
    if (at == NONE && given) return no_such_column(given, names);
    for (size_t i = 0; at == NONE && usual[i]; i++) at = find(usual[i], names, strcasecmp);
    if (at == NONE) return no_usual_column(names);
    for (size_t i = 0; !given && usual[i] && other == NONE; i++) {
        other = find(usual[i], names, strcasecmp);
        if (other == at) other = NONE;
    }
    if (!given && other != NONE && strcasecmp(names[at], "prompt") != 0)
        return cm_fail(CM_EUSAGE, "the prompts may be column '%.40s' or '%.40s': choose by --prompt-column NAME",
                       names[at], names[other]);
    *which = (size_t)at;
    return CM_OK;
}
