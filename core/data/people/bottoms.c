// SPDX-License-Identifier: Apache-2.0
/* Trousers, skirts, socks and shoes. */
#include "core/data/people/figure.h"

#include <math.h>

static const point down = {0, 1}, sideways = {1, 0};

double cm_hem_of(const figure *f, int length) {
    const double knee = f->leg[0][1].y, ankle = f->leg[0][2].y;
    return length == LEN_SHORT ? knee - 5.5 : length == LEN_MIDI ? knee + 6.5 : ankle - .6;
}

void cm_path_skirt(pen *p, const figure *f, double top_y, double top_half, double hem_y, double hem_half, double wave) {
    const double x = cm_body_centre_at(f, top_y), hx = f->hip_x;
    cairo_t *c = p->ink;
    cairo_new_path(c);
    cairo_move_to(c, x - top_half, top_y);
    cairo_line_to(c, x + top_half, top_y);
    cairo_curve_to(c, x + top_half + 1, top_y + 3, hx + f->hip + 1.2, f->hip_y - 2,
                   hx + f->hip + 1.0 + (hem_half - f->hip) * .35, f->hip_y + 2);
    cairo_line_to(c, hx + hem_half, hem_y - .8);
    const int waves = 4;
    for (int i = 0; i < waves; i++) {
        const double a = hx + hem_half - 2 * hem_half * i / waves, b = hx + hem_half - 2 * hem_half * (i + 1) / waves;
        const double bow = 1 - fabs((i + .5) / waves - .5) * 1.2;
        const double y = hem_y - .8 + (i + 1 == waves ? 0 : .8 * bow);
        cairo_curve_to(c, a - (a - b) * .3, hem_y + wave * bow + .4, b + (a - b) * .3, hem_y + wave * bow + .4, b, y);
    }
    cairo_line_to(c, hx - f->hip - 1.0 - (hem_half - f->hip) * .35, f->hip_y + 2);
    cairo_curve_to(c, hx - f->hip - 1.2, f->hip_y - 2, x - top_half - 1, top_y + 3, x - top_half, top_y);
    cairo_close_path(c);
}

/* One trouser leg down to `end` (1: ankle; 0: hip), its width by shape. */
static void trouser_leg(pen *p, const figure *f, const cloth *c, int region, int side, int shape, double end) {
    const point *j = f->leg[side];
    const double *h = f->leg_half;
    const double knee = shape == TAPERED  ? .5
                        : shape == FLARED ? .55
                                          : 1.15,
                 foot = shape == TAPERED  ? .45
                        : shape == FLARED ? 3.1
                                          : 1.75;
    point q[6];
    double half[6];
    for (int i = 0; i < 6; i++) {
        const double t = end * 2 * i / 5;
        const int k = t < 1 ? 0 : 1;
        const double part = t - k;
        q[i] = cm_point_mix(j[k], j[k + 1], part);
        const double ease =
            k == 0 ? .55 + (knee - .55) * part : knee + (foot - knee) * (shape == FLARED ? part * part : part);
        half[i] = h[k] + (h[k + 1] - h[k]) * part + ease;
    }
    /* a flat hem: the outline is built here, not with cm_path_limb's round end */
    point left[6], right[6];
    for (int i = 0; i < 6; i++) {
        left[i] = (point){q[i].x - half[i], q[i].y};
        right[5 - i] = (point){q[i].x + half[i], q[i].y};
    }
    cairo_new_path(p->ink);
    cm_path_curve(p, left, 6);
    cairo_curve_to(p->ink, left[5].x + .6, left[5].y + .8, right[0].x - .6, right[0].y + .8, right[0].x, right[0].y);
    cm_path_curve(p, right, 6);
    cairo_close_path(p->ink);
    cm_cloth_fill(p, c, region, q[0], region == R_DRESS || c->pattern != STRIPED ? down : sideways);
    const double w = h[0] * 1.35;
    cm_cloth_finish(p, c, (point){q[2].x + p->light * w, q[2].y}, (point){q[2].x - p->light * w, q[2].y});
    if (end < .6) return;
    for (int s = -1; s <= 1; s += 2) { /* folds behind the knee and over the shoe */
        const point a[] = {{j[1].x + s * (h[1] + knee - .1), j[1].y - s * .7},
                           {j[1].x + s * (h[1] * .5 + .6), j[1].y + .2 - s * .3}};
        cm_cloth_fold(p, c, a, 2, .5);
        const point b[] = {{j[2].x + s * (h[2] + foot * .9), j[2].y - 3.5}, {j[2].x, j[2].y - 2.6}};
        if (end > .85 && shape != FLARED) cm_cloth_fold(p, c, b, 2, .45);
    }
}

void cm_draw_trouser_legs(pen *p, const figure *f, const cloth *c, int region, int shape, double end) {
    const int front = f->n[N_SIDE] > 0;
    trouser_leg(p, f, c, region, !front, shape, end);
    trouser_leg(p, f, c, region, front, shape, end);
    const double y0 = f->waist_y + .4, h0 = f->waist + .35, x0 = cm_body_centre_at(f, y0), hx = f->hip_x,
                 h1 = f->hip + .5;
    const double inner = fmax(.4, f->leg[1][0].x - hx - f->leg_half[0] - .55);
    cairo_t *k = p->ink;
    cairo_new_path(k);
    cairo_move_to(k, x0 - h0, y0);
    cairo_line_to(k, x0 + h0, y0);
    cairo_curve_to(k, x0 + h0 + .8, y0 + 3, hx + h1, f->hip_y - 3, hx + h1, f->hip_y + 2);
    cairo_curve_to(k, hx + h1 * .6, f->hip_y + 4.2, hx + inner, f->crotch_y + .8, hx, f->crotch_y + .8);
    cairo_curve_to(k, hx - inner, f->crotch_y + .8, hx - h1 * .6, f->hip_y + 4.2, hx - h1, f->hip_y + 2);
    cairo_curve_to(k, hx - h1, f->hip_y - 3, x0 - h0 - .8, y0 + 3, x0 - h0, y0);
    cairo_close_path(k);
    cm_cloth_fill(p, c, region, f->leg[0][0], region == R_DRESS || c->pattern != STRIPED ? down : sideways);
    cm_pen_shade(p, (point){hx + p->light * h1 * 1.1, y0}, (point){hx - p->light * h1 * 1.3, y0 + 3}, .9);
    cairo_new_path(k);
    for (int s = -1; s <= 1; s += 2) {
        const point a[] = {{hx + s * .3, f->crotch_y + .2},
                           {hx + s * 2.2, f->crotch_y - 1.0},
                           {hx + s * 3.8, f->crotch_y - 1.2}};
        cm_cloth_fold(p, c, a, 3, .55);
    }
    const point fly[] = {{x0, y0 + 2.4}, {hx, f->crotch_y}};
    cm_cloth_fold(p, c, fly, 2, .45);
}

static void jeans_seams(pen *p, const figure *f) {
    const rgb thread = {.93, .68, .34};
    const double x = cm_body_centre_at(f, f->waist_y), y = f->waist_y;
    cairo_move_to(p->ink, x - f->waist, y + 2.2);
    cairo_line_to(p->ink, x + f->waist, y + 2.2);
    for (int s = -1; s <= 1; s += 2) {
        cairo_move_to(p->ink, x + s * f->waist * .42, y + 2.3);
        cairo_curve_to(p->ink, x + s * f->waist * .5, y + 4.8, x + s * f->waist * .8, y + 5.2, f->hip_x + s * f->hip,
                       y + 5);
        const point *j = f->leg[s > 0];
        cairo_move_to(p->ink, j[2].x - 2.0, j[2].y - 4.0);
        cairo_line_to(p->ink, j[2].x + 2.0, j[2].y - 4.0);
    }
    cm_pen_line(p, thread, .8, .4);
    for (int i = 0; i < 2; i++) { /* worn thighs */
        const point m = cm_point_mix(f->leg[i][0], f->leg[i][1], .55);
        cm_path_ellipse(p, m.x, m.y, f->leg_half[0] * .5, 6);
        cm_pen_fill(p, R_NONE, (rgb){1, 1, 1}, .16);
    }
}

static void pleats(pen *p, const figure *f, const cloth *c, double top_half, double hem_y, double hem_half) {
    const int n = 7;
    for (int i = 0; i < n; i++) {
        const double u = (i + .5) / n * 2 - 1, v = (i + 1.) / n * 2 - 1;
        const double x = cm_body_centre_at(f, f->waist_y);
        const point q[] = {{x + u * top_half, f->waist_y + 2},
                           {x + v * top_half, f->waist_y + 2},
                           {f->hip_x + v * hem_half * .97, hem_y + .2},
                           {f->hip_x + u * hem_half * .97, hem_y + .2}};
        cm_path_polygon(p, q, 4);
        cm_pen_fill(p, R_NONE, cm_rgb_luma(c->color) < .22 ? cm_rgb_shade(c->color, .3) : cm_rgb_shade(c->color, -.7),
                    .3);
    }
}

static void draw_skirt(pen *p, const figure *f, const cloth *c) {
    const int shape = f->v[S_BOTTOM_SHAPE];
    const double hem = cm_hem_of(f, f->v[S_BOTTOM_LENGTH]), below = hem - f->hip_y, half = f->waist + .5;
    const double hem_half = shape == STRAIGHT  ? f->hip + .8
                            : shape == PLEATED ? f->hip + 2.4 + below * .10
                                               : f->hip + 3.6 + below * .2;
    cm_path_skirt(p, f, f->waist_y, half, hem, hem_half, shape == FLARED ? 1.2 : .3);
    cm_cloth_fill(p, c, R_SKIRT, (point){f->hip_x, f->waist_y}, c->pattern == STRIPED ? sideways : down);
    cm_cloth_finish(p, c, (point){f->hip_x + p->light * (hem_half * .8 + 1), f->hip_y},
                    (point){f->hip_x - p->light * (hem_half * .8 + 2), f->hip_y + 3});
    if (shape == PLEATED) pleats(p, f, c, half, hem, hem_half);
    for (int i = -2; i <= 2 && shape == FLARED; i++) {
        const point fold[] = {{f->hip_x + i * half * .4, f->waist_y + 3},
                              {f->hip_x + i * hem_half * .33, (f->waist_y + hem) / 2},
                              {f->hip_x + i * hem_half * .42, hem - .6}};
        cm_cloth_fold(p, c, fold, 3, .65);
    }
    if (shape == STRAIGHT)
        for (int s = -1; s <= 1; s += 2) {
            const point fold[] = {{f->hip_x + s * f->hip * .9, f->hip_y + 1},
                                  {f->hip_x + s * f->hip * .35, f->hip_y + 2.4}};
            cm_cloth_fold(p, c, fold, 2, .55);
        }
    const double x = cm_body_centre_at(f, f->waist_y);
    cairo_rectangle(p->ink, x - half, f->waist_y - .2, half * 2, 1.6);
    cm_pen_fill(p, R_SKIRT, cm_cloth_accent(c), 1);
}

void cm_draw_bottom(pen *p, const figure *f) {
    const cloth *c = &f->bottom;
    switch (f->v[S_BOTTOM]) {
    case SKIRT: draw_skirt(p, f, c); break;
    case SHORTS: cm_draw_trouser_legs(p, f, c, R_PANTS, STRAIGHT, .40); break;
    case PANTS: cm_draw_trouser_legs(p, f, c, R_PANTS, f->v[S_BOTTOM_SHAPE], .95); break;
    case JEANS:
        cm_draw_trouser_legs(p, f, c, R_PANTS, f->v[S_BOTTOM_SHAPE], .95);
        jeans_seams(p, f);
        break;
    default: break;
    }
}

void cm_draw_socks(pen *p, const figure *f) {
    if (!f->v[S_SOCKS]) return;
    const cloth c = {cm_color_of(f->v[S_SOCKS_COLOR]), SOLID, COTTON, 0};
    for (int side = 0; side < 2; side++) {
        const point *j = f->leg[side], top = cm_point_mix(j[1], j[2], .34), mid = cm_point_mix(j[1], j[2], .6);
        const point q[] = {top, mid, j[2]};
        const double half[] = {f->leg_half[1] * 1.06, f->leg_half[1] * 1.0, f->leg_half[2] * 1.2};
        cm_path_limb(p, q, half, 3);
        cm_cloth_fill(p, &c, side ? R_LEFT_SOCK : R_RIGHT_SOCK, top, down);
        cm_cloth_finish(p, &c, (point){mid.x + p->light * 2.4, mid.y}, (point){mid.x - p->light * 2.4, mid.y});
        for (int i = 0; i < 2; i++) {
            cairo_move_to(p->ink, top.x - half[0], top.y - .2 + i);
            cairo_line_to(p->ink, top.x + half[0], top.y - .2 + i);
        }
        cm_pen_line(p, cm_cloth_accent(&c), .9, .4);
    }
}

/* The foot turned a little outwards, in units from the ankle: x towards the toe, y down. */
static void shoe_path(pen *p, point a, double s, const point *shape, size_t n) {
    point q[16];
    for (size_t i = 0; i < n; i++) q[i] = (point){a.x + s * shape[i].x, a.y + shape[i].y};
    cm_path_blob(p, q, n);
}

static void shoe_shape(pen *p, int type, point a, double s) {
    static const point sneaker[] = {{-2.0, -1.4}, {-2.2, .8}, {-2.1, 2.9}, {1.5, 3.3}, {5.0, 3.1},
                                    {5.2, 1.6},   {3.6, .7},  {1.9, -.3},  {1.7, -1.5}};
    static const point loafer[] = {{-1.9, -.6}, {-2.2, 1.0}, {-2.0, 3.0}, {1.6, 3.3}, {5.2, 3.0},
                                   {5.3, 1.9},  {3.6, 1.1},  {1.9, .6},   {0, .9}};
    static const point boot[] = {{-2.1, -3.2}, {-2.2, .6}, {-2.1, 2.9}, {1.5, 3.3}, {5.0, 3.1},
                                 {5.1, 1.6},   {3.4, .6},  {2.0, -.6},  {2.1, -3.2}};
    static const point heel[] = {{-1.6, -.4}, {-2.0, .8}, {-1.4, 1.9}, {1.2, 2.4}, {3.2, 3.4},
                                 {5.4, 3.3},  {4.6, 2.3}, {2.6, 1.2},  {1.2, .9},  {0, .9}};
    switch (type) {
    case SNEAKERS: shoe_path(p, a, s, sneaker, 9); break;
    case LOAFERS: shoe_path(p, a, s, loafer, 9); break;
    case HEELS: shoe_path(p, a, s, heel, 10); break;
    default: shoe_path(p, a, s, boot, 9);
    }
}

static void boot_shaft(pen *p, const figure *f, const cloth *c, int side) {
    const point *j = f->leg[side];
    const double top = f->v[S_SHOES_LENGTH] == KNEE ? .12 : .62, over = f->v[S_SHOES_LENGTH] == KNEE ? 1.0 : .9;
    const point q[] = {cm_point_mix(j[1], j[2], top), cm_point_mix(j[1], j[2], (top + 1) / 2), j[2]};
    const double half[] = {f->leg_half[1] * (top < .3 ? 1.08 : .82) + over, f->leg_half[1] * .85 + over,
                           f->leg_half[2] + .95};
    const int region = side ? R_LEFT_SHOE : R_RIGHT_SHOE;
    const point left[] = {{q[0].x - half[0], q[0].y}, {q[1].x - half[1], q[1].y}, {q[2].x - half[2], q[2].y}};
    const point right[] = {{q[2].x + half[2], q[2].y}, {q[1].x + half[1], q[1].y}, {q[0].x + half[0], q[0].y}};
    cairo_new_path(p->ink);
    cm_path_curve(p, left, 3);
    cm_path_curve(p, right, 3);
    cairo_close_path(p->ink);
    cm_cloth_fill(p, c, region, q[0], down);
    cm_cloth_finish(p, c, (point){q[1].x + p->light * 3, q[1].y}, (point){q[1].x - p->light * 3, q[1].y});
    cairo_move_to(p->ink, q[0].x - half[0], q[0].y + .9);
    cairo_line_to(p->ink, q[0].x + half[0], q[0].y + .9);
    cm_pen_line(p, cm_cloth_accent(c), 1, .5);
}

static void shoe_details(pen *p, int type, point a, double s, const cloth *c) {
    cairo_t *k = p->ink;
    if (type == SNEAKERS) {
        const point sole[] = {{a.x - s * 2.2, a.y + 2.1},
                              {a.x + s * 5.2, a.y + 2.1},
                              {a.x + s * 5.0, a.y + 3.3},
                              {a.x - s * 2.1, a.y + 3.3}};
        cm_path_polygon(p, sole, 4);
        cm_pen_fill(p, R_NONE, cm_rgb_luma(c->color) > .8 ? (rgb){.72, .73, .76} : (rgb){.97, .97, .96}, 1);
        for (int i = 0; i < 2; i++) {
            cairo_move_to(k, a.x + s * (.5 + 1.2 * i), a.y + .6 + .3 * i);
            cairo_line_to(k, a.x + s * (1.8 + 1.2 * i), a.y - .2 + .7 * i);
        }
        cm_pen_line(p, cm_rgb_luma(c->color) > .6 ? (rgb){.45, .45, .5} : (rgb){1, 1, 1}, .95, .5);
    } else if (type == LOAFERS) {
        cairo_move_to(k, a.x + s * .9, a.y + 1.0);
        cairo_line_to(k, a.x + s * 3.1, a.y + 1.6);
        cm_pen_line(p, cm_rgb_luma(c->color) < .3 ? (rgb){.95, .78, .35} : cm_rgb_shade(c->color, -.6), 1, .7);
        cairo_move_to(k, a.x - s * 2.0, a.y + 2.9);
        cairo_line_to(k, a.x + s * 5.0, a.y + 2.9);
        cm_pen_line(p, cm_rgb_shade(c->color, -.6), 1, .7);
    } else if (type == HEELS) {
        const point spike[] = {{a.x - s * 2.0, a.y + .8},
                               {a.x - s * .7, a.y + 1.8},
                               {a.x - s * 1.3, a.y + 3.6},
                               {a.x - s * 1.9, a.y + 3.6}};
        cm_path_polygon(p, spike, 4);
        cm_pen_fill(p, s > 0 ? R_LEFT_SHOE : R_RIGHT_SHOE, cm_rgb_shade(c->color, -.2), 1);
    } else {
        cairo_move_to(k, a.x - s * 2.1, a.y + 2.9);
        cairo_line_to(k, a.x + s * 5.0, a.y + 2.9);
        cm_pen_line(p, cm_rgb_shade(c->color, -.7), 1, .85);
    }
}

void cm_draw_shoes(pen *p, const figure *f) {
    const int type = f->v[S_SHOES];
    const cloth c = {cm_color_of(f->v[S_SHOES_COLOR]), SOLID, type == SNEAKERS ? COTTON : LEATHER, 0};
    for (int side = 0; side < 2; side++) {
        const double s = side ? 1 : -1;
        const point a = f->leg[side][2];
        if (type == BOOTS) boot_shaft(p, f, &c, side);
        shoe_shape(p, type, a, s);
        cm_cloth_fill(p, &c, side ? R_LEFT_SHOE : R_RIGHT_SHOE, a, down);
        cm_cloth_finish(p, &c, (point){a.x + 1.5 * s + p->light * 3, a.y - 1},
                        (point){a.x + 1.5 * s - p->light * 3, a.y + 3});
        shoe_details(p, type, a, s, &c);
    }
}
