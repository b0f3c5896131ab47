// SPDX-License-Identifier: Apache-2.0
/* A folder of labelled people: images, parsing maps, labels.jsonl (docs/DATA.md), whoever made it.
 *
 *     const cm_labelled_needs needs = {.phrases = true, .classes = CM_NEEDED, .width = 64, .height = 96};
 *     cm_labelled_set set;
 *     CM_TRY(cm_labelled_open(&set, "people", &needs, arena));
 *     CM_TRY(cm_labelled_read(&set, i, arena, &drawing));
 *     CM_TRY(cm_labelled_describe(&set, i, set.people[i].seed, 0.1, arena, &caption));
 *
 * All lines are read and checked when the folder is opened, and the files that they name must be there; what is in
 * these is checked when it is read. Errors name the file, and the line of labels.jsonl.
 */
#ifndef CM_CORE_DATA_LABELLED_LABELLED_H
#define CM_CORE_DATA_LABELLED_LABELLED_H

#include <jansson.h>
#include <stdbool.h>

#include "core/data/people/people.h"
#include "core/io/json_keys.h"

typedef enum cm_need { CM_NOT_NEEDED, CM_TAKEN_WHERE_THERE, CM_NEEDED } cm_need;

/* What whoever opens a folder wants of each line. The image is always needed. */
typedef struct cm_labelled_needs {
    bool alt_text, phrases;  /* phrases: with their description */
    cm_need classes, groups; /* the maps */
    size_t width, height;    /* of images and maps; others are refused */
    uint64_t seed;           /* lines without a seed get one from this and their id */
} cm_labelled_needs;

typedef struct cm_labelled_phrase {
    int group;
    uint32_t classes;  /* as in cm_phrase */
    size_t begin, end; /* bytes in the description */
} cm_labelled_phrase;

typedef struct cm_labelled_person {
    size_t line;                               /* in labels.jsonl, from 1 */
    const char *id, *image, *classes, *groups; /* paths; classes and groups NULL: not needed, or not there */
    const char *alt_text, *description;        /* NULL: the line has none */
    cm_labelled_phrase *phrases;               /* rising by group */
    size_t phrase_count;
    uint64_t seed; /* of the captions' order and what they leave out */
} cm_labelled_person;

typedef struct cm_labelled_set {
    const char *folder, *labels; /* labels: the path of labels.jsonl */
    cm_labelled_needs needs;
    cm_labelled_person *people;
    size_t count, room;
    bool has_classes, has_groups; /* every line has this map, and it is read */
    char hash[65];                /* SHA-256 of labels.jsonl */
} cm_labelled_set;

/* Lives in `out`. CM_EUSAGE for a folder that is none, or no data set; CM_EFORMAT for what is wrong in one. */
cm_status cm_labelled_open(cm_labelled_set *s, const char *folder, const cm_labelled_needs *needs, cm_arena *out);

/* Image and maps of person i, in `out`; a map's pixels are NULL where the set has none (has_classes, has_groups). */
cm_status cm_labelled_read(const cm_labelled_set *s, size_t i, cm_arena *out, cm_drawing *d);

/* The phrases of person i, chosen and ordered by cm_phrase_order and joined by ", ". With the person's own seed and
 * drop 0 the description as it stands. Attributes are left out. In `out`. */
cm_status cm_labelled_describe(const cm_labelled_set *s, size_t i, uint64_t seed, double drop, cm_arena *out,
                               cm_description *d);

/* --- of the folder's own files -------------------------------------------------------- */

/* labelled_phrases.c: the line's "phrases" into p, whose description is read already. */
cm_status cm_labelled_phrases(const json_t *list, cm_strays *strays, cm_arena *out, cm_labelled_person *p);
/* The value of a key, NULL where it is absent or null. */
const json_t *cm_labelled_value(const json_t *o, const char *key);

#endif
