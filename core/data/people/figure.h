// SPDX-License-Identifier: Apache-2.0
/* The figure: joints and widths of one person in the frame, and the body's parts drawn from them.
 * Side 0 is on the image's left (the person's right), side 1 on its right. */
#ifndef CM_CORE_DATA_PEOPLE_FIGURE_H
#define CM_CORE_DATA_PEOPLE_FIGURE_H

#include "core/data/people/pen.h"
#include "core/data/people/vocabulary.h"

typedef struct figure {
    const int *v;    /* attributes */
    const double *n; /* numbers */
    double tall, top, ground;
    point head;            /* centre of the skull and face */
    double head_w, head_h; /* half sizes */
    double chin, neck_half;
    double chest_x, hip_x; /* centres: the body leans and shifts its weight */
    double shoulder_y, shoulder, armpit_y, chest, waist_y, waist, hip_y, hip, crotch_y;
    point arm[2][3]; /* shoulder, elbow, wrist */
    double arm_half[3];
    point leg[2][3]; /* hip, knee, ankle */
    double leg_half[3];
    rgb skin;
    cloth one, garment_top, coat, bottom;
} figure;

typedef enum neckline { NECK_ROUND, NECK_V, NECK_HIGH, NECK_WIDE, NECK_STRAPS } neckline;

/* How a garment hangs from the shoulders. */
typedef struct cut {
    double ease;     /* room around the body */
    double shoulder; /* part of the shoulder that is covered */
    neckline neck;
    double hem_y, hem_half;
} cut;

rgb cm_color_of(int index);
void cm_figure_make(figure *f, const cm_person *p);

/* body.c */
void cm_draw_body(pen *p, const figure *f); /* neck, chest and hips, seen where clothes leave them */
void cm_draw_leg(pen *p, const figure *f, int side);
void cm_draw_arm(pen *p, const figure *f, int side);
bool cm_arm_is_behind(const figure *f, int side);
/* clothes.c */
void cm_path_torso(pen *p, const figure *f, const cut *c);
void cm_draw_top(pen *p, const figure *f);
void cm_draw_one_piece(pen *p, const figure *f);
void cm_draw_coat(pen *p, const figure *f);
void cm_draw_sleeves(pen *p, const figure *f, int side); /* of everything worn, inside to outside */
/* bottoms.c */
void cm_draw_bottom(pen *p, const figure *f);
void cm_draw_trouser_legs(pen *p, const figure *f, const cloth *c, int region, int shape, double end);
void cm_path_skirt(pen *p, const figure *f, double top_y, double top_half, double hem_y, double hem_half, double wave);
double cm_hem_of(const figure *f, int length);
double cm_body_half_at(const figure *f, double y);
double cm_body_centre_at(const figure *f, double y);
void cm_draw_socks(pen *p, const figure *f);
void cm_draw_shoes(pen *p, const figure *f);
/* accessories.c */
void cm_draw_bag_behind(pen *p, const figure *f);
void cm_draw_bag_straps(pen *p, const figure *f);
void cm_draw_bag(pen *p, const figure *f);
void cm_draw_belt(pen *p, const figure *f);
void cm_draw_scarf(pen *p, const figure *f);
void cm_draw_tie(pen *p, const figure *f);
/* head.c, hair.c */
void cm_draw_head(pen *p, const figure *f);
void cm_draw_glasses(pen *p, const figure *f);
void cm_draw_hair_behind(pen *p, const figure *f);
void cm_draw_hair(pen *p, const figure *f);
void cm_draw_hat(pen *p, const figure *f);
/* backdrop.c: x0..x1, y0..y1 is what the image shows, at least the frame */
void cm_draw_backdrop(pen *p, const figure *f, const double show[4]);
void cm_draw_contact(pen *p, const figure *f);

#endif
