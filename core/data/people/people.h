// SPDX-License-Identifier: Apache-2.0
/* People, drawn: from a seed a person, with everything known about them.
 *
 *     cm_person p;
 *     cm_person_sample(&p, &options, seed);                  // who: attributes, pose, light
 *     cm_person_draw(&p, 64, 96, arena, &drawing);           // image and exact parsing map
 *     cm_person_describe(&p, seed, 0.0, arena, &dense);      // the dense description with its groups
 *     char *poor = cm_person_alt_text(&p, seed, arena);      // what the web would have said
 *
 * Vector shapes by cairo, drawn large and reduced; the parsing map comes from the
 * same paths. Only adults. The vocabulary of attribute values is in tables
 * (vocabulary.c); its words are the nano tokenizer's vocabulary too.
 */
#ifndef CM_CORE_DATA_PEOPLE_PEOPLE_H
#define CM_CORE_DATA_PEOPLE_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/io/image.h"
#include "core/labels/labels.h"

/* An attribute slot: which group, which key, which values. Index 0 of a type slot is "none" where the
 * object may be absent. Slots are what the parser's heads answer and what acc_* asks. */
typedef enum cm_slot_kind { CM_SLOT_OBJECT, CM_SLOT_TEXTURE, CM_SLOT_SHAPE, CM_SLOT_OTHER } cm_slot_kind;
typedef struct cm_slot {
    const char *name; /* "tops.color" */
    int group;
    const char *key;           /* "color" */
    cm_slot_kind kind;         /* acc_obj, acc_tex, acc_shape, or not asked */
    int count;                 /* number of values */
    const char *const *values; /* words as they stand in descriptions */
    int object_slot;           /* the slot that says whether the object is there; -1: always there */
} cm_slot;
enum { CM_MAX_SLOTS = 64 };
extern const cm_slot cm_slots[];
extern const int cm_slot_count;
int cm_slot_find(int group, const char *key); /* -1: none */

/* A fifth of the pairs of a garment's type and its colour ("green skirt") can be held out of training, to be asked for
 * later: every type and every colour is seen, but not these together. */
typedef enum cm_people_pairs {
    CM_PAIRS_ALL,
    CM_PAIRS_SEEN,    /* people who wear none of those held out */
    CM_PAIRS_HELD_OUT /* people who wear one of them or more */
} cm_people_pairs;

typedef struct cm_people_options {
    bool simple; /* plain backgrounds, few poses: an easier world */
    cm_people_pairs pairs;
} cm_people_options;

typedef struct cm_person {
    uint64_t seed;
    int value[CM_MAX_SLOTS]; /* index into the slot's values; -1: does not apply */
    double numbers[48];      /* pose, build and light, private */
} cm_person;

/* Fine regions beside the 18 classes: one more map that tells apart what shares a class
 * (tops, coats, ties: class 4; hats, headbands: class 1; ...). Value = 1 + group, 0 = none. */
typedef struct cm_drawing {
    cm_image picture; /* RGB */
    cm_image classes; /* 1 channel, 0..17 */
    cm_image groups;  /* 1 channel, 0 or 1 + group index of what is visible there */
} cm_drawing;

/* Where the options' pairs refuse the person of this seed, another seed is made of it until they do not: p->seed is the
 * one that was taken, whose person without pairs is the same. */
void cm_person_sample(cm_person *p, const cm_people_options *options, uint64_t seed);
/* How many held-out pairs does the person wear? */
size_t cm_person_held_out(const cm_person *p);
cm_status cm_person_draw(const cm_person *p, size_t width, size_t height, cm_arena *out, cm_drawing *drawing);
/* drop: probability that a group is left out (0: all); phrase order of groups 3.. is shuffled from seed. */
cm_status cm_person_describe(const cm_person *p, uint64_t seed, double drop, cm_arena *out, cm_description *d);
char *cm_person_alt_text(const cm_person *p, uint64_t seed, cm_arena *out);
/* A copy of p with the colour and pattern of two worn garments exchanged (hard negative, swap test);
 * false when there are no two garments that differ. */
bool cm_person_swap(const cm_person *p, uint64_t seed, cm_person *swapped, int groups[2]);

#endif
