// SPDX-License-Identifier: Apache-2.0
/* A person for a prompt: who, seen how, wearing what; and the words for it.
 *
 *     cm_human h;
 *     cm_human_sample(&h, &rng, CM_SHOT_FULL, CM_HUMAN_ANY, 0.5);
 *     cm_human_describe(&h, &rng, arena, &description);
 *
 * What is drawn has no contradiction in it: nothing that the shot cuts off, no skirt's length on trousers, no two
 * garments in one place, nothing that is not for that age. Toddlers, children and teenagers wear everyday clothes only.
 */
#ifndef CM_PROMPTS_HUMAN_H
#define CM_PROMPTS_HUMAN_H

#include <jansson.h>

#include "core/base/rng.h"
#include "core/labels/labels.h"
#include "prompts/human_words.h"

typedef struct cm_human_fact {
    const char *key;
    char value[48];
} cm_human_fact;

typedef struct cm_human_part {
    int group;
    const cm_human_type *type; /* NULL: groups 0 to 3 and 14 */
    size_t count;
    cm_human_fact
        facts[CM_MAX_ATTRIBUTES + 1]; /* in the order of the words; "type" is the last where there is a type */
} cm_human_part;

typedef struct cm_human {
    int shot, place; /* place: -1 where the background is not said */
    bool sentence, female, adult;
    size_t count;
    cm_human_part parts[CM_GROUPS]; /* group 0 first */
} cm_human;

enum { CM_HUMAN_ANY = -1 };

/* want: a group that is there if the shot and the person allow it. rich: 0 few words to 1 everything that fits. */
void cm_human_sample(cm_human *h, cm_rng *r, int shot, int want, double rich);

/* NULL: not said. */
const char *cm_human_value(const cm_human *h, int group, const char *key);

/* As phrases joined by commas in the order of the paper's training captions, or as sentences (h->sentence). The shot is
 * no phrase of the description; it begins the text, or stands in it. */
cm_status cm_human_describe(const cm_human *h, cm_rng *r, cm_arena *out, cm_description *d);

/* What can be asked of an image made from the description: a new object {"object": [[i, key, question], ...],
 * "texture": [...], "shape": [...]}, where i is the phrase. A question about a thing presumes that the object question
 * of its phrase is answered yes. NULL: no memory. */
json_t *cm_human_questions(const cm_description *d);

#endif
