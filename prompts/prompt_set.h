// SPDX-License-Identifier: Apache-2.0
/* A prompt set: a file of prompts (prompt_rows.h), and in JSON lines the phrases of each.
 *
 *     {"id": "p0001", "prompt": "a full-body shot, a young adult asian female, ...", "seed": 7,
 *      "groups": [{"group": 6, "text": "red striped cotton shirt", "classes": [4],
 *                  "attributes": {"color": "red", "pattern": "striped", "material": "cotton", "type": "shirt"}}]}
 *
 * seed is optional (else from the run's seed and the id), negative and groups too. groups are phrases of the prompt in
 * order, by the group's number or name, -1 or "shot" for the shot phrase; a phrase that the prompt does not contain, an
 * unknown group and an id twice are errors with the row's line. classes: the phrase's region; absent: the group's
 * default.
 */
#ifndef CM_PROMPTS_PROMPT_SET_H
#define CM_PROMPTS_PROMPT_SET_H

#include <stdbool.h>

#include "core/labels/labels.h"
#include "prompts/prompt_source.h"

typedef struct cm_prompt {
    const char *id, *negative; /* negative: NULL when the row has none */
    bool has_seed;
    uint64_t seed;
    size_t line;          /* in the file, or the number of its entry (cm_prompt_set.numbered) */
    size_t clip_tokens;   /* of CLIP's vocabulary, BOS and EOS included, as counted when the set was made; 0: not */
    cm_description dense; /* text is the prompt; token spans are not set */
} cm_prompt;

typedef struct cm_prompt_set {
    const char *name;      /* the file's name without folder and ending */
    size_t count, version; /* version: of a set that says it in its first line; 0: it does not */
    cm_prompt *prompts;
    bool numbered; /* rows are known by their number, not by a line: JSON lists, COCO captions */
    char hash[65]; /* SHA-256 of the file */
} cm_prompt_set;

/* how: which rows, and the name of the text's column; NULL: all, by the usual names. Lives in `out`. */
cm_status cm_prompt_set_read(const char *path, const cm_prompt_reading *how, cm_arena *out, cm_prompt_set *set);

/* A path's last part without its ending. */
char *cm_prompt_set_stem(const char *path, cm_arena *out);

/* "tops" for 6, "shot" for CM_GROUP_SHOT. */
const char *cm_prompt_group_name(int group);

#endif
