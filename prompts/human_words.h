// SPDX-License-Identifier: Apache-2.0
/* The words of the prompt sets about people as photographs show them (human-2048): which garments there are, and what
 * each may be said to be.
 *
 * The groups, and the keys of their attributes, are core/labels'. The values are those seen in the paper's prompts and
 * figures, and ours where it shows few; docs/PROMPTS.md tells them apart. Values that the drawn people have too
 * (core/data/people) are spelled alike.
 */
#ifndef CM_PROMPTS_HUMAN_WORDS_H
#define CM_PROMPTS_HUMAN_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Lists are texts: "cotton,linen,mesh*". A star: said of adults only. */
typedef struct cm_human_slot {
    const char *key, *values;
} cm_human_slot;

enum { CM_HUMAN_SLOTS = 7 };

/* Who a garment is for. */
enum { CM_FOR_WOMEN = 1, CM_FOR_MEN = 2, CM_FOR_ADULTS = 4, CM_FOR_MINORS = 8 };

typedef struct cm_human_type {
    int group;
    const char *value;                   /* "shirt": the value of "type" */
    unsigned only;                       /* CM_FOR_*; 0: everybody */
    uint32_t classes;                    /* 0: the group's own */
    cm_human_slot slots[CM_HUMAN_SLOTS]; /* in the order of the words; NULL at the end */
} cm_human_type;
extern const cm_human_type cm_human_types[];
extern const int cm_human_type_count;

/* Of the person: not of a garment. */
extern const cm_human_slot cm_human_person[3], cm_human_body, cm_human_style;
extern const char *const cm_human_hair_styles, *const cm_human_hair_colors;

typedef struct cm_human_place {
    const char *before, *text; /* "on a", "small road with trees" */
} cm_human_place;
extern const cm_human_place cm_human_places[];
extern const int cm_human_place_count;

/* How much of the person is seen, and of what share of prompts, in percent. */
typedef struct cm_human_shot {
    const char *name, *phrase; /* "full_body", "a full-body shot" */
    int percent;
} cm_human_shot;
enum { CM_SHOT_FULL, CM_SHOT_NEARLY, CM_SHOT_UPPER, CM_SHOT_PORTRAIT, CM_SHOT_HEAD, CM_SHOTS };
extern const cm_human_shot cm_human_shots[CM_SHOTS];

/* Can the group be seen in the shot? Shoes in a headshot cannot. */
bool cm_human_shows(int shot, int group);
/* The same of one attribute: in a portrait a shirt has a collar and no length. */
bool cm_human_shows_key(int shot, const char *key);

/* A value as it stands in a prompt: "collared" for the collar shape "collar". */
const char *cm_human_word(const char *key, const char *value);

/* Is it among a list's values? The star is passed over. adult: NULL, or whether there is a star. */
bool cm_human_list_has(const char *list, const char *value, bool *adult);
/* Value i of a list, into 48 bytes; false behind the last. */
bool cm_human_list_at(const char *list, int i, char out[48], bool *adult);
/* Is the value one that this vocabulary knows for the group's key? */
bool cm_human_knows(int group, const char *key, const char *value);

bool cm_human_is_plural(const char *noun); /* "pants", "boots"; not "dress" */

#endif
