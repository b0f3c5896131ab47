// SPDX-License-Identifier: Apache-2.0
#include "core/base/closest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static size_t min3(size_t a, size_t b, size_t c) {
    const size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t cm_edit_distance(const char *a, const char *b) {
    enum { LONGEST = 48 };
    size_t row[LONGEST + 1];
    size_t nb = strlen(b);
    if (nb > LONGEST) nb = LONGEST;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= nb; j++) {
            const size_t above = row[j];
            row[j] = min3(row[j] + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

/* Of what was typed or of its lower case, as "DDIM" for "ddim". */
static size_t nearest_case(const char *typed, const char *word) {
    char lower[64];
    size_t n = 0;
    for (; typed[n] && n + 1 < sizeof lower; n++) lower[n] = (char)tolower((unsigned char)typed[n]);
    lower[n] = '\0';
    const size_t as_typed = cm_edit_distance(typed, word), in_lower = cm_edit_distance(lower, word);
    return as_typed < in_lower ? as_typed : in_lower;
}

const char *cm_closest(const char *typed, const char *const *words) {
    const char *best = NULL;
    const size_t length = strlen(typed);
    size_t least = length / 2 > 3 ? 4 : length / 2 + 1;
    for (size_t i = 0; words[i]; i++) {
        size_t d = nearest_case(typed, words[i]);
        if (length >= 2 && strncmp(typed, words[i], length) == 0) d = 0;
        if (d < least) {
            least = d;
            best = words[i];
        }
    }
    return best;
}

cm_status cm_unknown_choice(const char *what, const char *typed, const char *const *names) {
    enum { SHORT = 120 };
    char list[2048] = "";
    size_t n = 0;
    for (size_t i = 0; names[i] && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    const char *near = cm_closest(typed, names);
    if (!near) return cm_fail(CM_EUSAGE, "%s: '%.80s' is none of %s", what, typed, list);
    if (n > SHORT) return cm_fail(CM_EUSAGE, "%s: there is no '%.80s'; the closest is '%s'", what, typed, near);
    return cm_fail(CM_EUSAGE, "%s: '%.80s' is none of %s; the closest is '%s'", what, typed, list, near);
}
