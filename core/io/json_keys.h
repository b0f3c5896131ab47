// SPDX-License-Identifier: Apache-2.0
/* The keys of one kind of file, as a table: what is not in it is no setting.
 *
 *     static const cm_json_key keys[] = {{"name", CM_JSON_NAME}, {"steps", CM_JSON_WHOLE, 1, 1000}, {0}};
 *     CM_TRY(cm_json_check(row, "recipe 'sd'", keys));
 *
 * After the check the cm_json_*_or readers of jsonl.h give a default only where a key is absent.
 */
#ifndef CM_CORE_IO_JSON_KEYS_H
#define CM_CORE_IO_JSON_KEYS_H

#include <jansson.h>
#include <stddef.h>

#include "core/base/status.h"

typedef enum cm_json_type {
    CM_JSON_TEXT,   /* may be empty */
    CM_JSON_NAME,   /* a text that is not */
    CM_JSON_WHOLE,  /* a whole number; without bounds from 0 on */
    CM_JSON_NUMBER, /* finite */
    CM_JSON_BOOL,
    CM_JSON_LIST,
    CM_JSON_OBJECT,
    CM_JSON_ANY /* its reader checks it */
} cm_json_type;

typedef struct cm_json_key {
    const char *name; /* NULL ends the table */
    cm_json_type type;
    double least, most; /* of numbers; most 0: none, both 0: no bounds but a whole number's 0 */
} cm_json_key;

/* For files of our own. CM_EFORMAT, in one line that begins with `what`, when o is no object, has a key outside the
 * table (the nearest known one is named), a value of another type, or one out of bounds. */
cm_status cm_json_check(const json_t *o, const char *what, const cm_json_key *keys);

/* Keys of rows from elsewhere that mean nothing to us: told once, in cm_strays_warn. Begin with {0}; it frees. */
typedef struct cm_strays {
    size_t rows;   /* that have such keys */
    json_t *names; /* an object; its keys are the names */
} cm_strays;

/* For rows from elsewhere (prompts, captions): as above, but a key that is no misspelling of a known one goes to
 * `strays`, and null stands for an absent value. A misspelling is within two letters: "samplr", "negativ". */
cm_status cm_json_check_foreign(const json_t *o, const cm_json_key *keys, cm_strays *strays);
/* "PATH: keys that mean nothing here, in 12 rows: "url", "width", "height" and 4 more", or nothing. */
void cm_strays_warn(cm_strays *strays, const char *path);

#endif
