// SPDX-License-Identifier: Apache-2.0
#include "core/data/people/figure.h"

#include <math.h>

rgb cm_color_of(int index) {
    static const unsigned char table[COLORS][3] = {
        [RED] = {206, 43, 48},  [ORANGE] = {242, 133, 36}, [YELLOW] = {250, 208, 54}, [GREEN] = {46, 140, 78},
        [BLUE] = {44, 92, 190}, [PURPLE] = {120, 66, 160}, [PINK] = {245, 150, 180},  [BROWN] = {122, 78, 48},
        [BLACK] = {40, 39, 46}, [WHITE] = {246, 245, 241}, [GRAY] = {142, 145, 152},
    };
    const unsigned char *c = table[index < 0 ? GRAY : index];
    return (rgb){c[0] / 255., c[1] / 255., c[2] / 255.};
}

static rgb skin_of(int country, double tone) {
    static const unsigned char table[5][3] = {[CAUCASIAN] = {249, 213, 189},
                                              [ASIAN] = {241, 201, 158},
                                              [AFRICAN] = {104, 69, 50},
                                              [LATINO] = {208, 154, 113},
                                              [INDIAN] = {164, 112, 78}};
    const unsigned char *c = table[country];
    return cm_rgb_shade((rgb){c[0] / 255., c[1] / 255., c[2] / 255.}, tone * .06);
}

static cloth cloth_of(const figure *f, int color, int pattern, int material, double shift) {
    return (cloth){cm_color_of(f->v[color]), f->v[pattern], f->v[material], fmod(f->n[N_PHASE] + shift, 1)};
}

static void measure_trunk(figure *f) {
    static const double chest_scale[] = {.91, 1, 1.14}, waist_scale[] = {.86, 1, 1.42}, hip_scale[] = {.9, 1, 1.24};
    const bool man = f->v[S_GENDER] == MALE;
    const int body = f->v[S_BODY];
    const double t = f->tall / 84;
    f->neck_half = (man ? 2.35 : 1.75) * t * (body == PLUMP ? 1.15 : 1);
    f->shoulder_y = f->chin + 3.0 * t;
    f->shoulder = (man ? 9.7 : 8.0) * t * chest_scale[body] * f->n[N_SHOULDER];
    f->armpit_y = f->shoulder_y + 7.2 * t;
    f->chest = (man ? 7.6 : 6.5) * t * chest_scale[body];
    f->waist_y = f->shoulder_y + (man ? 17.5 : 16.2) * t;
    f->waist = (man ? 6.3 : 5.0) * t * waist_scale[body];
    f->hip_y = f->shoulder_y + 24 * t;
    f->hip = (man ? 6.7 : 7.3) * t * hip_scale[body];
    f->crotch_y = f->shoulder_y + 28 * t;
}

static void place_leg(figure *f, int side, double t) {
    static const double thigh_scale[] = {.86, 1, 1.24};
    const double s = side ? 1 : -1, scale = thigh_scale[f->v[S_BODY]];
    const double joint = f->hip - 3.55 * scale * t;
    const bool bent = f->n[N_LEGS] == 1 && (side == 1) == (f->n[N_SIDE] > 0);
    double foot = 3.4 + 1.5 * f->n[N_STANCE];
    if (f->n[N_LEGS] == 2) foot += 2.2;
    if (bent) foot += 2.2;
    foot = fmax(foot, joint * .8) * t;
    const point hip = {f->hip_x + s * joint, f->hip_y + 2.4 * t};
    const point ankle = {f->n[N_CENTRE] + s * foot, f->ground - 3.1};
    point knee = cm_point_mix(hip, ankle, .49);
    knee.x += s * (bent ? 2.1 : .35) * t;
    f->leg[side][0] = hip, f->leg[side][1] = knee, f->leg[side][2] = ankle;
    f->leg_half[0] = 3.55 * scale * t, f->leg_half[1] = 2.25 * (scale * .5 + .5) * t, f->leg_half[2] = 1.35 * t;
}

/* The elbow between shoulder and wrist, bent outwards. */
static point elbow_for(point a, point b, double upper, double fore, double s) {
    const double dx = b.x - a.x, dy = b.y - a.y, d = fmax(1, hypot(dx, dy));
    const double along = (upper * upper - fore * fore + d * d) / (2 * d);
    const double out = sqrt(fmax(0, upper * upper - along * along));
    return (point){a.x + dx / d * along + s * dy / d * out, a.y + dy / d * along - s * dx / d * out};
}

static void place_arm(figure *f, int side, double t) {
    static const double arm_scale[] = {.88, 1, 1.22};
    const bool man = f->v[S_GENDER] == MALE;
    const double s = side ? 1 : -1, bend = f->n[side ? N_ARM_RIGHT_BEND : N_ARM_LEFT_BEND],
                 scale = arm_scale[f->v[S_BODY]];
    f->arm_half[0] = (man ? 2.35 : 1.9) * scale * t;
    f->arm_half[1] = (man ? 1.85 : 1.5) * scale * t;
    f->arm_half[2] = (man ? 1.25 : 1.02) * t;
    const double upper = 14 * t, fore = 12.2 * t;
    const point a = {f->chest_x + s * (f->shoulder - f->arm_half[0] * .9), f->shoulder_y + .3 * t + f->arm_half[0]};
    point e, w;
    switch ((int)f->n[side ? N_ARM_RIGHT : N_ARM_LEFT]) {
    case ARM_OUT:
        e = (point){a.x + s * upper * (.40 + .06 * bend), a.y + upper * .91};
        w = (point){e.x + s * fore * (.22 + .1 * bend), e.y + fore * .96};
        break;
    case ARM_HIP:
        w = (point){f->hip_x + s * (f->hip + .2), f->waist_y + 3.6 * t};
        e = elbow_for(a, w, upper, fore, s);
        break;
    case ARM_BEHIND:
        w = (point){f->hip_x + s * f->hip * .2, f->hip_y - 1};
        e = (point){a.x + s * upper * .26, a.y + upper * .95};
        break;
    case ARM_WAVE:
        e = (point){a.x + s * upper * .80, a.y + upper * (.52 + .1 * bend)};
        w = (point){e.x + s * fore * (.30 + .12 * bend), e.y - fore * .93};
        break;
    default:
        e = (point){a.x + s * upper * (.17 + .03 * bend), a.y + upper * .985};
        w = (point){e.x + s * fore * (.02 + .05 * bend), e.y + fore};
        break;
    }
    if (f->v[S_BODY] == PLUMP && e.x * s < a.x * s + 4) e.x = a.x + s * 4, w.x += s * 2;
    f->arm[side][0] = a, f->arm[side][1] = e, f->arm[side][2] = w;
}

void cm_figure_make(figure *f, const cm_person *p) {
    *f = (figure){.v = p->value, .n = p->numbers};
    const double t = f->n[N_HEIGHT] / 84;
    f->tall = f->n[N_HEIGHT];
    f->ground = 93;
    f->top = f->ground - f->tall;
    f->head_h = 6.9 * f->n[N_HEAD];
    f->head_w = (f->v[S_GENDER] == MALE ? 5.15 : 4.95) * f->n[N_HEAD] *
                (f->v[S_BODY] == PLUMP  ? 1.09
                 : f->v[S_BODY] == SLIM ? .97
                                        : 1);
    f->chest_x = f->n[N_CENTRE] + f->n[N_LEAN] * .5;
    f->hip_x = f->n[N_CENTRE] + f->n[N_SHIFT] * .8;
    f->head = (point){f->chest_x + f->n[N_LEAN] * .4, f->top + f->head_h + .6};
    f->chin = f->head.y + f->head_h;
    f->skin = skin_of(f->v[S_COUNTRY], f->n[N_TONE]);
    measure_trunk(f);
    for (int side = 0; side < 2; side++) {
        place_leg(f, side, t);
        place_arm(f, side, t);
    }
    f->one = cloth_of(f, S_ONE_COLOR, S_ONE_PATTERN, S_ONE_MATERIAL, 0);
    f->garment_top = cloth_of(f, S_TOP_COLOR, S_TOP_PATTERN, S_TOP_MATERIAL, .1);
    f->coat = cloth_of(f, S_COAT_COLOR, S_COAT_PATTERN, S_COAT_MATERIAL, .6);
    f->bottom = cloth_of(f, S_BOTTOM_COLOR, S_BOTTOM_PATTERN, S_BOTTOM_MATERIAL, .3);
}
