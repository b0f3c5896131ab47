// SPDX-License-Identifier: Apache-2.0
/* Skin: trunk, neck, legs, arms and hands. */
#include "core/data/people/figure.h"

#include <math.h>

static void finish_skin(pen *p, const figure *f, point lit, point dark) {
    cm_pen_shade(p, lit, dark, .75);
    cm_pen_edge(p, f->skin, .5);
    cairo_new_path(p->ink);
}

static void skin_fill(pen *p, const figure *f, int region) {
    cm_pen_mark(p, region);
    cairo_set_source_rgb(p->ink, f->skin.r, f->skin.g, f->skin.b);
    cairo_fill_preserve(p->ink);
}

/* The two ends of the shading across a limb, the lit one first. */
static void across(const pen *p, point a, point b, double half, point *lit, point *dark) {
    const double d = fmax(.1, hypot(b.x - a.x, b.y - a.y)), nx = (b.y - a.y) / d, ny = -(b.x - a.x) / d;
    const double s = nx * p->light > 0 ? 1 : -1;
    const point m = cm_point_mix(a, b, .5);
    *lit = (point){m.x + s * nx * half * 1.3, m.y + s * ny * half * 1.3};
    *dark = (point){m.x - s * nx * half * 1.3, m.y - s * ny * half * 1.3};
}

void cm_draw_body(pen *p, const figure *f) {
    const cut whole = {.ease = 0, .shoulder = .9, .neck = NECK_HIGH, .hem_y = f->hip_y, .hem_half = f->hip};
    cm_path_torso(p, f, &whole);
    skin_fill(p, f, R_FACE);
    finish_skin(p, f, (point){f->chest_x + p->light * f->shoulder, 0}, (point){f->chest_x - p->light * f->shoulder, 0});
    const double n = f->neck_half, y = f->chin - 3;
    const point neck[] = {{f->head.x - n, y},
                          {f->head.x + n, y},
                          {f->chest_x + n * 1.12, f->shoulder_y - 1.2},
                          {f->chest_x + n * 2.2, f->shoulder_y + .6},
                          {f->chest_x - n * 2.2, f->shoulder_y + .6},
                          {f->chest_x - n * 1.12, f->shoulder_y - 1.2}};
    cm_path_polygon(p, neck, 6);
    skin_fill(p, f, R_FACE);
    cairo_new_path(p->ink);
    const rgb shadow = cm_rgb_shade(f->skin, -.5); /* the chin's shadow on the neck */
    const point under[] = {{f->head.x - n, y},
                           {f->head.x + n, y},
                           {f->chest_x + n * 1.05, f->chin + 1.2},
                           {f->chest_x - p->light * n * .2, f->chin + 2.0},
                           {f->chest_x - n * 1.05, f->chin + 1.0}};
    cm_path_polygon(p, under, 5);
    cm_pen_fill(p, R_NONE, shadow, .55);
    for (int s = -1; s <= 1; s += 2) { /* collar bones */
        cairo_move_to(p->ink, f->chest_x + s * 1.1, f->shoulder_y + 1.8);
        cairo_line_to(p->ink, f->chest_x + s * f->shoulder * .55, f->shoulder_y + .9);
        cm_pen_line(p, shadow, .45, .35);
    }
}

void cm_draw_leg(pen *p, const figure *f, int side) {
    const point *j = f->leg[side];
    const double *h = f->leg_half, s = side ? 1 : -1;
    const point mid = cm_point_mix(j[0], j[1], .5), calf = cm_point_mix(j[1], j[2], .32);
    const point joints[] = {j[0], mid, j[1], {calf.x + s * .25, calf.y}, cm_point_mix(j[1], j[2], .75), j[2]};
    const double half[] = {h[0], (h[0] + h[1]) * .53, h[1], h[1] * 1.06, h[2] * 1.2, h[2]};
    cm_path_limb(p, joints, half, 6);
    skin_fill(p, f, side ? R_LEFT_LEG : R_RIGHT_LEG);
    point lit, dark;
    across(p, j[0], j[2], h[0], &lit, &dark);
    finish_skin(p, f, lit, dark);
    cairo_move_to(p->ink, j[1].x - h[1] * .5, j[1].y + .8);
    cairo_curve_to(p->ink, j[1].x - .3, j[1].y + 1.5, j[1].x + .3, j[1].y + 1.5, j[1].x + h[1] * .5, j[1].y + .8);
    cm_pen_line(p, cm_rgb_shade(f->skin, -.5), .4, .4);
}

/* A hand hangs along the forearm: palm, four fingers held together, a thumb towards the front. */
static void draw_hand(pen *p, const figure *f, int side) {
    const point e = f->arm[side][1], w = f->arm[side][2];
    const double s = side ? 1 : -1, size = f->v[S_GENDER] == MALE ? 1.12 : .98;
    const int pose = (int)f->n[side ? N_ARM_RIGHT : N_ARM_LEFT];
    double angle = atan2(w.y - e.y, w.x - e.x) - CM_PI / 2;
    if (pose == ARM_HIP) angle = s * .35;
    else if (pose == ARM_WAVE) angle -= s * .15;
    const double thumb = pose == ARM_WAVE ? s : -s;
    cairo_t *c = p->ink;
    cairo_save(c);
    cairo_translate(c, w.x, w.y);
    cairo_rotate(c, angle);
    cairo_scale(c, size * thumb, size);
    if (pose == ARM_WAVE) {
        static const point open[] = {{-1.0, -.4}, {-1.5, 1.6}, {-2.0, 3.6}, {-1.4, 4.0}, {-.9, 3.0},
                                     {-.7, 4.7},  {0, 4.9},    {.15, 3.2},  {.75, 4.6},  {1.25, 4.3},
                                     {1.2, 2.6},  {2.4, 2.3},  {2.6, 1.5},  {1.4, .9},   {1.0, -.4}};
        cm_path_blob(p, open, 15);
    } else {
        static const point mitt[] = {{-1.0, -.4}, {-1.45, 1.4}, {-1.3, 3.2}, {-.7, 4.5}, {.1, 4.6}, {.75, 3.6},
                                     {1.0, 2.7},  {1.35, 3.1},  {1.85, 2.7}, {1.6, 1.3}, {1.0, -.4}};
        cm_path_blob(p, mitt, 11);
    }
    cairo_restore(c);
    skin_fill(p, f, side ? R_LEFT_ARM : R_RIGHT_ARM);
    finish_skin(p, f, (point){w.x + p->light * 1.6, w.y}, (point){w.x - p->light * 2.2, w.y});
    if (pose == ARM_WAVE) return;
    cairo_save(c);
    cairo_translate(c, w.x, w.y);
    cairo_rotate(c, angle);
    cairo_scale(c, size * thumb, size);
    for (int i = 0; i < 2; i++) {
        cairo_move_to(c, -.55 + .7 * i, 2.6);
        cairo_line_to(c, -.45 + .55 * i, 4.2);
    }
    cairo_restore(c);
    cm_pen_line(p, cm_rgb_shade(f->skin, -.55), .45, .25);
}

void cm_draw_arm(pen *p, const figure *f, int side) {
    const point *j = f->arm[side];
    const double *h = f->arm_half;
    const point joints[] = {j[0], cm_point_mix(j[0], j[1], .5), j[1], cm_point_mix(j[1], j[2], .3), j[2]};
    const double half[] = {h[0], h[0] * .92, h[1], h[1] * 1.03, h[2]};
    draw_hand(p, f, side);
    cm_path_limb(p, joints, half, 5);
    skin_fill(p, f, side ? R_LEFT_ARM : R_RIGHT_ARM);
    point lit, dark;
    across(p, j[0], j[1], h[0], &lit, &dark);
    finish_skin(p, f, lit, dark);
}

bool cm_arm_is_behind(const figure *f, int side) {
    return f->n[side ? N_ARM_RIGHT : N_ARM_LEFT] == ARM_BEHIND;
}
