// SPDX-License-Identifier: Apache-2.0
/* Bags, belts, scarves, ties. */
#include "core/data/people/figure.h"

#include <math.h>

static const point down = {0, 1};

static cloth plain(const figure *f, int color, int material) {
    return (cloth){cm_color_of(f->v[color]), SOLID, material, 0};
}

static rgb brass(const cloth *c) {
    return cm_rgb_luma(c->color) > .62 ? (rgb){.62, .45, .16} : (rgb){.96, .79, .36};
}

void cm_draw_bag_behind(pen *p, const figure *f) {
    if (f->v[S_BAG] != BACKPACK) return;
    const cloth c = plain(f, S_BAG_COLOR, COTTON);
    const double x = f->chest_x, w = f->shoulder + 2.4, y0 = f->shoulder_y - 2.2, y1 = f->waist_y + 5;
    cm_path_box(p, x - w * .62, y0 - 1.5, x + w * .62, y0 + 6, 2);
    cm_cloth_fill(p, &c, R_BAG, (point){x, y0}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * w, y0}, (point){x - p->light * w, y0});
    const point q[] = {{x - w * .7, y0}, {x + w * .7, y0}, {x + w + .4, y0 + 7}, {x + w + .8, y1 - 4},
                       {x + w * .8, y1}, {x - w * .8, y1}, {x - w - .8, y1 - 4}, {x - w - .4, y0 + 7}};
    cm_path_blob(p, q, 8);
    cm_cloth_fill(p, &c, R_BAG, (point){x, y0}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * w, y0}, (point){x - p->light * w * 1.2, y1});
}

static void strap(pen *p, const cloth *c, point a, point b, point d, double width) {
    const point q[] = {a, b, d};
    const double half[] = {width, width, width};
    cm_path_limb(p, q, half, 3);
    cm_cloth_fill(p, c, R_BAG, a, down);
    cm_cloth_finish(p, c, (point){a.x + p->light * 1.5, a.y}, (point){a.x - p->light * 1.5, a.y});
}

void cm_draw_bag_straps(pen *p, const figure *f) {
    const double x = f->chest_x;
    if (f->v[S_BAG] == BACKPACK) {
        const cloth c = {cm_cloth_accent(&(cloth){cm_color_of(f->v[S_BAG_COLOR]), SOLID, COTTON, 0}), SOLID, COTTON, 0};
        for (int s = -1; s <= 1; s += 2)
            strap(p, &c, (point){x + s * f->shoulder * .55, f->shoulder_y - .6},
                  (point){x + s * (f->shoulder * .60), f->armpit_y - 1},
                  (point){x + s * (f->chest + .4), f->armpit_y + 7}, 1.0);
    } else if (f->v[S_BAG] == SHOULDER_BAG) {
        const cloth c = plain(f, S_BAG_COLOR, LEATHER);
        const double s = f->n[N_BAG_SIDE];
        strap(p, &c, (point){x - s * f->shoulder * .52, f->shoulder_y - .6}, (point){x + s * .4, f->armpit_y + 4.5},
              (point){f->hip_x + s * (f->hip + 1.2), f->hip_y - 2.6}, .62);
    }
}

static void pouch(pen *p, const cloth *c, double x, double y, double w, double h) {
    const point q[] = {{x - w * .86, y},    {x + w * .86, y},    {x + w, y + h - 1},
                       {x + w * .8, y + h}, {x - w * .8, y + h}, {x - w, y + h - 1}};
    cm_path_polygon(p, q, 6);
    cm_cloth_fill(p, c, R_BAG, (point){x, y}, down);
    cm_cloth_finish(p, c, (point){x + p->light * w, y}, (point){x - p->light * w * 1.2, y + h});
    const point flap[] = {{x - w * .88, y + .1},
                          {x - w * .5, y + h * .42},
                          {x, y + h * .5},
                          {x + w * .5, y + h * .42},
                          {x + w * .88, y + .1}};
    cm_path_curve(p, flap, 5);
    cm_pen_line(p, cm_cloth_accent(c), 1, .5);
    cm_path_box(p, x - .9, y + h * .40, x + .9, y + h * .40 + 1.5, .3);
    cm_pen_fill(p, R_NONE, brass(c), 1);
}

void cm_draw_bag(pen *p, const figure *f) {
    const double s = f->n[N_BAG_SIDE];
    const cloth c = plain(f, S_BAG_COLOR, LEATHER);
    if (f->v[S_BAG] == SHOULDER_BAG) pouch(p, &c, f->hip_x + s * (f->hip + 1.0), f->hip_y - 2.8, 4.1, 6.8);
    if (f->v[S_BAG] != HANDBAG) return;
    const int side = s > 0, pose = (int)f->n[side ? N_ARM_RIGHT : N_ARM_LEFT];
    /* on the forearm when the hand rests on the hip or waves, else in the hand */
    const bool on_arm = pose == ARM_HIP || pose == ARM_WAVE;
    const point w = on_arm ? cm_point_mix(f->arm[side][1], f->arm[side][0], pose == ARM_WAVE ? .25 : .02)
                           : (point){f->arm[side][2].x, f->arm[side][2].y + 3.2};
    cairo_move_to(p->ink, w.x - 2.6, w.y + 5.4);
    cairo_curve_to(p->ink, w.x - 2.2, w.y - 1.4, w.x + 2.2, w.y - 1.4, w.x + 2.6, w.y + 5.4);
    cm_pen_line(p, cm_cloth_accent(&c), 1, .85);
    pouch(p, &c, w.x, w.y + 4.8, 4.6, 6.6);
}

void cm_draw_belt(pen *p, const figure *f) {
    if (!f->v[S_BELT]) return;
    const cloth c = plain(f, S_BELT_COLOR, LEATHER);
    const bool over = f->v[S_TOP] && f->v[S_TOP_LENGTH] != CROPPED;
    const double y = f->waist_y + (over ? .2 : .2), ease = f->v[S_TOP] == SWEATER || f->v[S_TOP] == HOODIE ? 1.4 : .8;
    const double x = cm_body_centre_at(f, y), half = cm_body_half_at(f, y) + ease;
    cm_path_box(p, x - half, y - 1.1, x + half, y + 1.2, .4);
    cm_cloth_fill(p, &c, R_BELT, (point){x, y}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * half, y}, (point){x - p->light * half, y});
    cm_path_box(p, x - 1.5, y - 1.4, x + 1.5, y + 1.5, .4);
    cm_pen_fill(p, R_BELT, brass(&c), 1);
    cm_path_box(p, x - .7, y - .6, x + .7, y + .7, .2);
    cm_pen_fill(p, R_NONE, c.color, 1);
}

void cm_draw_scarf(pen *p, const figure *f) {
    if (!f->v[S_SCARF]) return;
    const cloth c = {cm_color_of(f->v[S_SCARF_COLOR]), SOLID, WOOL, 0};
    const double x = f->chest_x, y = f->shoulder_y - 1.4, n = f->neck_half, s = f->n[N_SIDE];
    const point tail[] = {{x + s * 1.0, y + 2},  {x + s * 4.6, y + 1.4},  {x + s * 5.4, y + 9},
                          {x + s * 5.2, y + 15}, {x + s * 1.6, y + 15.4}, {x + s * 1.6, y + 8}};
    cm_path_blob(p, tail, 6);
    cm_cloth_fill(p, &c, R_SCARF, (point){x, y}, down);
    cm_cloth_finish(p, &c, (point){x + s * 3 + p->light * 3, y + 8}, (point){x + s * 3 - p->light * 3.5, y + 9});
    for (int i = 0; i < 4; i++) { /* fringe */
        cairo_move_to(p->ink, x + s * (1.9 + i * 1.0), y + 14.6);
        cairo_line_to(p->ink, x + s * (1.9 + i * 1.0), y + 16.6);
    }
    cm_pen_line(p, cm_cloth_accent(&c), 1, .5);
    const point loop[] = {{x - n * 1.7, y - 1.6}, {x, y - .4},  {x + n * 1.7, y - 1.6}, {x + n * 2.3, y + .9},
                          {x + n * 1.5, y + 3.4}, {x, y + 4.4}, {x - n * 1.5, y + 3.4}, {x - n * 2.3, y + .9}};
    cm_path_blob(p, loop, 8);
    cm_cloth_fill(p, &c, R_SCARF, (point){x, y}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * n * 2.2, y}, (point){x - p->light * n * 2.4, y + 2});
    const point a[] = {{x - n * 1.9, y + .6}, {x, y + 1.8}, {x + n * 1.9, y + .4}},
                b[] = {{x - n * 1.5, y + 2.3}, {x, y + 3.1}, {x + n * 1.6, y + 2.2}};
    cm_cloth_fold(p, &c, a, 3, .6);
    cm_cloth_fold(p, &c, b, 3, .5);
}

void cm_draw_tie(pen *p, const figure *f) {
    if (!f->v[S_TIE]) return;
    const cloth c = plain(f, S_TIE_COLOR, SILK);
    const double x = f->chest_x, y = f->shoulder_y + .3, end = f->waist_y + 1.2;
    const point blade[] = {{x - .9, y + 1.9}, {x + .9, y + 1.9}, {x + 2.1, end - 2}, {x, end + .6}, {x - 2.1, end - 2}};
    cm_path_polygon(p, blade, 5);
    cm_cloth_fill(p, &c, R_TIE, (point){x, y}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * 2, y}, (point){x - p->light * 2.4, y});
    const point knot[] = {{x - 1.5, y - .2}, {x + 1.5, y - .2}, {x + .95, y + 2.3}, {x - .95, y + 2.3}};
    cm_path_polygon(p, knot, 4);
    cm_cloth_fill(p, &c, R_TIE, (point){x, y}, down);
    cm_cloth_finish(p, &c, (point){x + p->light * 1.4, y}, (point){x - p->light * 1.6, y});
}
