// SPDX-License-Identifier: Apache-2.0
/* A prompt set: a JSON-lines file, one prompt a line.
 *
 *     {"id": "p0001", "prompt": "a full-body shot, a young adult asian female, ...", "seed": 7,
 *      "groups": [{"group": 6, "text": "red striped cotton shirt", "classes": [4],
 *                  "attributes": {"color": "red", "pattern": "striped", "material": "cotton", "type": "shirt"}}]}
 *
 * Rows are read as prompt_rows.h says. seed is optional (else from the run's seed and the id), negative too. groups are phrases of
 * the prompt in order, by the group's number or name, -1 or "shot" for the shot phrase; a phrase that the prompt does not contain, an unknown group
 * and an id twice are errors with the prompt's number. classes: the phrase's region; absent: the group's default.
 */
#ifndef CM_PROMPTS_PROMPT_SET_H
#define CM_PROMPTS_PROMPT_SET_H

#include <stdbool.h>

#include "core/labels/labels.h"

typedef struct cm_prompt {
    const char *id, *negative; /* negative: NULL when the line has none */
    bool has_seed;
    uint64_t seed;
    cm_description dense; /* text is the prompt; token spans are not set */
} cm_prompt;

typedef struct cm_prompt_set {
    const char *name;     /* the file's name without folder and ending */
    size_t count;
    cm_prompt *prompts;
    char hash[65];        /* SHA-256 of the file */
} cm_prompt_set;

/* limit: only the first that many; 0: all. Lives in `out`. */
cm_status cm_prompt_set_read(const char *path, size_t limit, cm_arena *out, cm_prompt_set *set);

/* A path's last part without its ending. */
char *cm_prompt_set_stem(const char *path, cm_arena *out);

/* "tops" for 6, "shot" for CM_GROUP_SHOT. */
const char *cm_prompt_group_name(int group);

#endif
