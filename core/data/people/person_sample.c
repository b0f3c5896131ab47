// SPDX-License-Identifier: Apache-2.0
/* Who: attributes by plain chances with a few conditions (a skirt has no jeans material, a bald head no length),
 * then the numbers of pose, build and light. Attributes and numbers come from two generators, so that a change of
 * the pose never changes who stands there. */
#include "core/base/rng.h"
#include "core/data/people/vocabulary.h"

#include <string.h>

static bool chance(cm_rng *r, double p) {
    return cm_rng_uniform(r) < p;
}

#define PICK(r, ...)                                                                                                   \
    (int)cm_rng_choose(r, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

/* Bright clothes and the calm colours people wear below and on their feet: every colour occurs in both. */
static int bright(cm_rng *r) {
    return PICK(r, 1.2, .8, 1, 1, 1.3, .9, 1, .6, 1, 1.1, .8);
}
static int calm(cm_rng *r) {
    return PICK(r, .7, .5, .5, .8, 1.4, .6, .6, 1.2, 1.7, 1.0, 1.1);
}

static int other_than(cm_rng *r, int (*pick)(cm_rng *), int a) {
    for (int i = 0; i < 8; i++) {
        const int c = pick(r);
        if (c != a) return c;
    }
    return (a + 1) % COLORS;
}

static void sample_hair(int *v, cm_rng *r) {
    const bool man = v[S_GENDER] == MALE;
    const bool african = v[S_COUNTRY] == AFRICAN;
    v[S_HAIR_STYLE] = man ? PICK(r, .8, 2, 1.2, 1.2, .25, 0, african ? 1.6 : .3, 1.8)
                          : PICK(r, .05, 2.2, 1.8, 1.4, 1.3, 1.3, african ? 1.6 : .4, .15);
    if (v[S_HAIR_STYLE] == HAIR_BALD) return;
    if (v[S_AGE] == ELDERLY) v[S_HAIR_COLOR] = PICK(r, .4, .3, .2, .1, 2, 2);
    else if (v[S_COUNTRY] == CAUCASIAN) v[S_HAIR_COLOR] = PICK(r, 1, 1.6, 1.8, 1.4, .2, .1);
    else v[S_HAIR_COLOR] = PICK(r, 2.4, 1.4, .4, .4, .2, .1);
    const bool flows = v[S_HAIR_STYLE] >= HAIR_STRAIGHT && v[S_HAIR_STYLE] <= HAIR_CURLY;
    if (flows) v[S_HAIR_LENGTH] = man ? PICK(r, 4, 1.2, .6, .2) : PICK(r, .3, .9, 1.4, 2);
}

static int solid_mostly(cm_rng *r, double solid, bool graphic) {
    return PICK(r, solid, .22, .16, .13, .13, graphic ? .16 : 0);
}

static void sample_one_piece(int *v, cm_rng *r) {
    v[S_ONE] = v[S_GENDER] == MALE || chance(r, .28) ? JUMPSUIT : DRESS;
    v[S_ONE_COLOR] = bright(r);
    v[S_ONE_PATTERN] = solid_mostly(r, .6, false);
    v[S_ONE_SLEEVE] = PICK(r, 1, 1, .8);
    if (v[S_ONE] == DRESS) v[S_ONE_LENGTH] = PICK(r, 1, 1, 1);
    v[S_ONE_MATERIAL] = v[S_ONE] == DRESS ? PICK(r, 2, 1.2, .2, .3, .6) : PICK(r, 2, .6, .3, 1);
}

static void sample_top(int *v, cm_rng *r) {
    const bool man = v[S_GENDER] == MALE;
    v[S_TOP] = man ? PICK(r, 0, 1.6, 1.4, 1.2, 1.1, .05, 0, 1.1) : PICK(r, 0, 1.3, .8, 1.1, .8, 1, 1.1, .5);
    const int t = v[S_TOP];
    v[S_TOP_COLOR] = bright(r);
    v[S_TOP_PATTERN] = solid_mostly(r, t == HOODIE ? 1 : .6, t == T_SHIRT || t == HOODIE || t == SWEATER);
    v[S_TOP_LENGTH] = man ? PICK(r, .04, 1, .22) : PICK(r, .3, 1, .22);
    v[S_TOP_SLEEVE] = t == CAMISOLE                 ? SLEEVELESS
                      : t == SWEATER || t == HOODIE ? LONG_SLEEVE
                      : t == T_SHIRT || t == POLO   ? PICK(r, .1, 1, .3)
                      : t == SHIRT                  ? PICK(r, 0, .5, 1)
                                                    : PICK(r, .5, .8, 1);
    if (t == T_SHIRT || t == BLOUSE) v[S_TOP_COLLAR] = PICK(r, 1, .7);
    if (t == SWEATER) v[S_TOP_COLLAR] = PICK(r, 1, .6, .8);
    v[S_TOP_MATERIAL] = t == SHIRT                     ? PICK(r, 2, .5, 0, .8)
                        : t == SWEATER                 ? PICK(r, .3, 0, 0, 0, 2, .7)
                        : t == CAMISOLE || t == BLOUSE ? PICK(r, 1, 1)
                                                       : COTTON;
}

/* What a long top or coat would cover is not worn under it. */
static void sample_bottom(int *v, cm_rng *r) {
    const bool covered = v[S_TOP_LENGTH] == LONGLINE;
    const double shorts = covered ? 0 : 1;
    v[S_BOTTOM] = v[S_GENDER] == MALE ? PICK(r, 0, 1.6, 1.3, shorts, .02) : PICK(r, 0, 1, 1, .7 * shorts, 1.5);
    const int t = v[S_BOTTOM];
    v[S_BOTTOM_COLOR] =
        t == JEANS ? (int[]){BLUE, BLACK, GRAY, WHITE}[PICK(r, 2.4, 1, .8, .5)] : other_than(r, calm, v[S_TOP_COLOR]);
    if (t != JEANS) v[S_BOTTOM_PATTERN] = solid_mostly(r, 1.4, false);
    if (t == SKIRT) v[S_BOTTOM_LENGTH] = PICK(r, covered ? 0 : 1.2, 1, .8);
    if (t == PANTS || t == JEANS) v[S_BOTTOM_SHAPE] = PICK(r, 1.2, 1, .8);
    if (t == SKIRT) v[S_BOTTOM_SHAPE] = PICK(r, 1, 0, 1, .9);
    v[S_BOTTOM_MATERIAL] = t == JEANS    ? DENIM
                           : t == SKIRT  ? PICK(r, 1.4, .6, .7, .6, .4, .3)
                           : t == SHORTS ? PICK(r, 1.6, .1, .2, .8)
                                         : PICK(r, 2, .2, .7, 0, .1, .6);
}

static void sample_coat(int *v, cm_rng *r) {
    const bool brief = v[S_BOTTOM] == SHORTS || v[S_BOTTOM_LENGTH] == LEN_SHORT || v[S_ONE_LENGTH] == LEN_SHORT;
    v[S_COAT] = PICK(r, 0, 1.5, brief ? 0 : 1);
    v[S_COAT_COLOR] = other_than(r, calm, v[S_TOP] ? v[S_TOP_COLOR] : v[S_ONE_COLOR]);
    v[S_COAT_PATTERN] = PICK(r, 1, .06, .16);
    if (v[S_COAT] == OVERCOAT) v[S_COAT_LENGTH] = PICK(r, .6, 1);
    v[S_COAT_MATERIAL] = v[S_COAT] == JACKET ? PICK(r, 1.2, 0, 1.2, 1) : PICK(r, 1, 0, .5, 0, .3, 1.4);
}

static void sample_shoes(int *v, cm_rng *r) {
    v[S_SHOES] = v[S_GENDER] == MALE ? PICK(r, 1.6, 1, 0, 1) : PICK(r, 1.2, 1, 1.1, .6);
    v[S_SHOES_COLOR] = calm(r);
    const bool covered = v[S_ONE_LENGTH] > LEN_SHORT || v[S_BOTTOM_LENGTH] > LEN_SHORT;
    if (v[S_SHOES] == BOOTS)
        v[S_SHOES_LENGTH] = covered ? ANKLE : v[S_GENDER] == MALE ? PICK(r, 1, .25) : PICK(r, 1, 1);
}

/* Belts show only where nothing hangs over the waist, ties only on shirts, socks only on bare shins. */
static void sample_accessories(int *v, cm_rng *r) {
    const bool shins = v[S_BOTTOM] == SHORTS || (v[S_BOTTOM] == SKIRT && v[S_BOTTOM_LENGTH] == LEN_SHORT) ||
                       (v[S_ONE] == DRESS && v[S_ONE_LENGTH] == LEN_SHORT);
    const bool long_boots = v[S_SHOES] == BOOTS && v[S_SHOES_LENGTH] == KNEE;
    const bool big_hair = v[S_HAIR_STYLE] == HAIR_AFRO || v[S_HAIR_STYLE] == HAIR_BUN;
    v[S_BAG] = chance(r, .24) ? 1 + PICK(r, 1, v[S_GENDER] == MALE ? .2 : 1, .8) : 0;
    v[S_HAT] = !big_hair && chance(r, .2) ? 1 + PICK(r, 1, 1, .8) : 0;
    v[S_BELT] = (v[S_ONE] || v[S_TOP_LENGTH] != LONGLINE) && v[S_COAT_LENGTH] < 0 && chance(r, .15);
    v[S_SCARF] = v[S_TOP_COLLAR] != TURTLENECK && chance(r, .09);
    v[S_HEADBAND] = !v[S_HAT] && v[S_HAIR_STYLE] != HAIR_BALD && chance(r, v[S_GENDER] == MALE ? .03 : .1);
    v[S_SOCKS] = shins && !long_boots && v[S_SHOES] != HEELS && chance(r, .5);
    v[S_TIE] = v[S_TOP] == SHIRT && !v[S_SCARF] && chance(r, v[S_GENDER] == MALE ? .4 : .08);
    const int worn = v[S_TOP] ? v[S_TOP_COLOR] : v[S_ONE_COLOR];
    if (v[S_BAG]) v[S_BAG_COLOR] = other_than(r, bright, worn);
    if (v[S_HAT]) v[S_HAT_COLOR] = bright(r);
    if (v[S_BELT]) v[S_BELT_COLOR] = other_than(r, calm, v[S_BOTTOM] ? v[S_BOTTOM_COLOR] : v[S_ONE_COLOR]);
    if (v[S_SCARF]) v[S_SCARF_COLOR] = other_than(r, bright, v[S_COAT] ? v[S_COAT_COLOR] : worn);
    if (v[S_HEADBAND]) v[S_HEADBAND_COLOR] = bright(r);
    if (v[S_SOCKS]) v[S_SOCKS_COLOR] = other_than(r, bright, v[S_SHOES_COLOR]);
    if (v[S_TIE]) v[S_TIE_COLOR] = other_than(r, bright, v[S_TOP_COLOR]);
}

static void sample_values(cm_person *p, bool simple) {
    int *v = p->value;
    cm_rng who = cm_rng_named(p->seed, "people/attributes"), *r = &who;
    for (int i = 0; i < CM_MAX_SLOTS; i++) v[i] = i < S_COUNT && cm_slots[i].kind == CM_SLOT_OBJECT ? 0 : -1;
    v[S_COUNTRY] = (int)cm_rng_below(r, 5);
    v[S_AGE] = PICK(r, 1, 1, .6);
    v[S_GENDER] = (int)cm_rng_below(r, 2);
    v[S_BODY] = PICK(r, 1, 1.3, .9);
    v[S_BACKGROUND] = simple ? (int)cm_rng_below(r, 2) : PICK(r, 1, 1, 1, 1, 1, 1);
    sample_hair(v, r);
    if (chance(r, v[S_GENDER] == MALE ? .07 : .32)) {
        sample_one_piece(v, r);
    } else {
        sample_top(v, r);
        sample_bottom(v, r);
    }
    if (chance(r, .22)) sample_coat(v, r);
    sample_shoes(v, r);
    sample_accessories(v, r);
}

static int arm_pose(cm_rng *r, bool simple) {
    return simple ? PICK(r, 1, 1) : PICK(r, 1.6, 1.2, .8, .3, .35);
}

static void sample_numbers(cm_person *p, bool simple) {
    double *n = p->numbers;
    cm_rng pose = cm_rng_named(p->seed, "people/pose"), *r = &pose;
    const double jitter = simple ? .5 : 1;
    memset(n, 0, sizeof p->numbers);
    n[N_SIMPLE] = simple;
    n[N_HEIGHT] = (p->value[S_GENDER] == MALE ? 85.5 : 83) + cm_rng_range(r, -2, 2);
    n[N_CENTRE] = 32 + cm_rng_range(r, -1.2, 1.2) * jitter;
    n[N_HEAD] = cm_rng_range(r, .97, 1.03);
    n[N_SHOULDER] = cm_rng_range(r, .97, 1.04);
    n[N_LEAN] = cm_rng_range(r, -1, 1) * jitter;
    n[N_SHIFT] = cm_rng_range(r, -1, 1) * jitter;
    n[N_ARM_LEFT] = arm_pose(r, simple);
    n[N_ARM_RIGHT] = chance(r, .5) ? n[N_ARM_LEFT] : arm_pose(r, simple);
    if (n[N_ARM_LEFT] == ARM_WAVE && n[N_ARM_RIGHT] == ARM_WAVE) n[N_ARM_RIGHT] = ARM_DOWN;
    n[N_ARM_LEFT_BEND] = cm_rng_range(r, -1, 1);
    n[N_ARM_RIGHT_BEND] = cm_rng_range(r, -1, 1);
    n[N_LEGS] = simple ? 0 : PICK(r, 1.4, 1, 1);
    n[N_STANCE] = cm_rng_range(r, 0, 1);
    n[N_LIGHT] = chance(r, .5) ? -1 : 1;
    n[N_SIDE] = chance(r, .5) ? -1 : 1;
    n[N_BAG_SIDE] = chance(r, .5) ? -1 : 1;
    n[N_PART] = cm_rng_range(r, -1, 1);
    n[N_FRINGE] = cm_rng_uniform(r);
    n[N_EYE] = cm_rng_range(r, .92, 1.1);
    n[N_MOUTH] = cm_rng_uniform(r);
    n[N_BEARD] = p->value[S_GENDER] == MALE ? cm_rng_uniform(r) : 0;
    n[N_GLASSES] = cm_rng_uniform(r);
    n[N_BROW] = cm_rng_range(r, -1, 1);
    n[N_NOSE] = cm_rng_range(r, .85, 1.15);
    n[N_PHASE] = cm_rng_uniform(r);
    n[N_TONE] = cm_rng_range(r, -1, 1);
    n[N_IRIS] = cm_rng_uniform(r);
    n[N_OPEN] = cm_rng_uniform(r);
    n[N_TURN] = cm_rng_range(r, -1, 1);
    n[N_PLACE] = cm_rng_uniform(r);
}

/* Garments whose colour (and pattern, where both can have it) can be exchanged. */
static const struct {
    int group, type, color, pattern;
} garments[] = {
    {5, S_ONE, S_ONE_COLOR, S_ONE_PATTERN},
    {6, S_TOP, S_TOP_COLOR, S_TOP_PATTERN},
    {7, S_COAT, S_COAT_COLOR, S_COAT_PATTERN},
    {8, S_BOTTOM, S_BOTTOM_COLOR, S_BOTTOM_PATTERN},
};

enum { GARMENTS = sizeof garments / sizeof garments[0] };

size_t cm_person_held_out(const cm_person *p) {
    size_t n = 0;
    for (size_t i = 0; i < GARMENTS; i++) {
        const int type = p->value[garments[i].type], color = p->value[garments[i].color];
        n += type > 0 && color >= 0 && (2 * type + color + 3 * (int)i) % 5 == 0;
    }
    return n;
}

static bool fits(const cm_person *p, cm_people_pairs pairs) {
    return pairs == CM_PAIRS_ALL || (cm_person_held_out(p) > 0) == (pairs == CM_PAIRS_HELD_OUT);
}

void cm_person_sample(cm_person *p, const cm_people_options *options, uint64_t seed) {
    const bool simple = options && options->simple;
    const cm_people_pairs pairs = options ? options->pairs : CM_PAIRS_ALL;
    memset(p, 0, sizeof *p);
    p->seed = seed;
    sample_values(p, simple);
    while (!fits(p, pairs)) {
        p->seed = cm_seed_for(p->seed, "people/other pairs") >> 1; /* below 2^62, as all seeds of people */
        sample_values(p, simple);
    }
    sample_numbers(p, simple);
}

static void exchange(int *a, int *b) {
    const int t = *a;
    *a = *b;
    *b = t;
}

bool cm_person_swap(const cm_person *p, uint64_t seed, cm_person *swapped, int groups[2]) {
    int pairs[GARMENTS * GARMENTS][2], count = 0;
    const int *v = p->value;
    for (int a = 0; a < GARMENTS; a++)
        for (int b = a + 1; b < GARMENTS; b++)
            if (v[garments[a].type] > 0 && v[garments[b].type] > 0 && v[garments[a].color] != v[garments[b].color]) {
                pairs[count][0] = a;
                pairs[count++][1] = b;
            }
    if (count == 0) return false;
    cm_rng r = cm_rng_named(seed, "people/swap");
    const int *pair = pairs[cm_rng_below(&r, (uint32_t)count)];
    *swapped = *p;
    int *w = swapped->value;
    exchange(&w[garments[pair[0]].color], &w[garments[pair[1]].color]);
    int *pa = &w[garments[pair[0]].pattern], *pb = &w[garments[pair[1]].pattern];
    /* jeans have no pattern, and a graphic is drawn on tops only */
    if (*pa >= 0 && *pb >= 0 && *pa != GRAPHIC && *pb != GRAPHIC) exchange(pa, pb);
    groups[0] = garments[pair[0]].group;
    groups[1] = garments[pair[1]].group;
    return true;
}
