// SPDX-License-Identifier: Apache-2.0
/* Tops, one-pieces, coats, and their sleeves. */
#include "core/data/people/figure.h"

#include <math.h>

static const point down = {0, 1};

/* Half width and centre of the trunk at a height. */
double cm_body_half_at(const figure *f, double y) {
    if (y < f->waist_y) {
        const double t = fmin(1, fmax(0, (y - f->armpit_y) / (f->waist_y - f->armpit_y)));
        return f->chest + (f->waist - f->chest) * t;
    }
    const double t = fmin(1, (y - f->waist_y) / (f->hip_y - f->waist_y));
    return f->waist + (f->hip - f->waist) * t * (2 - t);
}

double cm_body_centre_at(const figure *f, double y) {
    const double t = fmin(1, fmax(0, (y - f->shoulder_y) / (f->hip_y - f->shoulder_y)));
    return f->chest_x + (f->hip_x - f->chest_x) * t;
}

/* One side of the outline from the neck down to the hem; s = -1 left, 1 right. Returns the number of points. */
static size_t torso_side(const figure *f, const cut *c, double s, double neck, double neck_y, point out[9]) {
    const double sh = f->shoulder * c->shoulder, cx = f->chest_x, ease = c->ease;
    const bool straps = c->neck == NECK_STRAPS;
    size_t n = 0;
    out[n++] = (point){cx + s * neck, neck_y};
    if (!straps) {
        out[n++] = (point){cx + s * (sh * .82 + ease * .4), f->shoulder_y + .25 - ease * .25};
        out[n++] = (point){cx + s * (sh + ease * .6), f->shoulder_y + 2.0};
    }
    out[n++] = (point){cx + s * (f->chest + ease + (straps ? -.3 : .1)), f->armpit_y};
    out[n++] = (point){cm_body_centre_at(f, (f->armpit_y + f->waist_y) / 2) +
                           s * (cm_body_half_at(f, (f->armpit_y + f->waist_y) / 2) + ease),
                       (f->armpit_y + f->waist_y) / 2};
    if (c->hem_y > f->waist_y + 1) {
        out[n++] = (point){cm_body_centre_at(f, f->waist_y) + s * (f->waist + ease * 1.1), f->waist_y};
        if (c->hem_y > f->hip_y + 1)
            out[n++] = (point){f->hip_x + s * fmax(f->hip + ease, c->hem_half * .97), f->hip_y};
    }
    out[n++] = (point){cm_body_centre_at(f, c->hem_y) + s * c->hem_half, c->hem_y};
    return n;
}

void cm_path_torso(pen *p, const figure *f, const cut *c) {
    static const double wide[] = {1.25, 1.25, 1.02, 1.9, 1.9}, deep[] = {2.4, 5.6, -.5, 3.2, 4.4};
    const double neck = c->neck == NECK_STRAPS ? f->shoulder * .5 : f->neck_half * wide[c->neck];
    const double neck_y = f->shoulder_y - (c->neck == NECK_WIDE     ? .7
                                           : c->neck == NECK_STRAPS ? -4.2
                                                                    : 1.2),
                 dip = f->shoulder_y - 1.2 + deep[c->neck];
    point right[9], left[9], back[9];
    const size_t n = torso_side(f, c, 1, neck, neck_y, right);
    torso_side(f, c, -1, neck, neck_y, left);
    for (size_t i = 0; i < n; i++) back[i] = left[n - 1 - i];
    cairo_t *k = p->ink;
    cairo_new_path(k);
    cm_path_curve(p, right, n);
    const point hem = {cm_body_centre_at(f, c->hem_y), c->hem_y + .9};
    cairo_curve_to(k, hem.x + c->hem_half * .5, hem.y, hem.x - c->hem_half * .5, hem.y, back[0].x, back[0].y);
    cm_path_curve(p, back, n);
    if (c->neck == NECK_V) cairo_line_to(k, f->chest_x, dip);
    else if (c->neck == NECK_STRAPS) {
        cairo_curve_to(k, f->chest_x - neck * .6, neck_y + 2.2, f->chest_x - neck * .2, neck_y + 1.0, f->chest_x,
                       neck_y + 1.2);
        cairo_curve_to(k, f->chest_x + neck * .2, neck_y + 1.0, f->chest_x + neck * .6, neck_y + 2.2, right[0].x,
                       right[0].y);
    } else
        cairo_curve_to(k, f->chest_x - neck * .8, dip + .5, f->chest_x + neck * .8, dip + .5, right[0].x, right[0].y);
    cairo_close_path(k);
}

static void finish_torso(pen *p, const figure *f, const cloth *c, double half) {
    cm_cloth_finish(p, c, (point){f->chest_x + p->light * half * 1.05, f->shoulder_y},
                    (point){f->chest_x - p->light * half * 1.15, f->shoulder_y + 5});
}

/* Folds that run from the armpits and gather at the waist. */
static void torso_folds(pen *p, const figure *f, const cloth *c, double ease) {
    const double w = f->waist + ease * .5, y = f->waist_y;
    for (int s = -1; s <= 1; s += 2) {
        const double x = cm_body_centre_at(f, y), depth = s == p->light ? .55 : .8;
        const point from_arm[] = {{f->chest_x + s * (f->chest - .2), f->armpit_y + .6},
                                  {f->chest_x + s * (f->chest - 1.9), f->armpit_y + 2.4},
                                  {f->chest_x + s * (f->chest - 3.0), f->armpit_y + 4.9}};
        cm_cloth_fold(p, c, from_arm, 3, depth);
        const point at_waist[] = {{x + s * w, y - .5}, {x + s * (w - 2.2), y + .4}, {x + s * (w - 3.8), y + .1}};
        cm_cloth_fold(p, c, at_waist, 3, depth);
    }
}

static double sleeve_ease(const figure *f) {
    return f->v[S_TOP] == SWEATER || f->v[S_TOP] == HOODIE ? .95 : f->v[S_TOP] == BLOUSE ? .9 : .5;
}

/* A sleeve as far as `reach` along the arm: 1 is the elbow, 2 the wrist. */
static void sleeve(pen *p, const figure *f, const cloth *c, int region, int side, double reach, double ease,
                   double flare, rgb cuff) {
    const point *j = f->arm[side];
    const double *h = f->arm_half;
    point q[6];
    double half[6];
    size_t n = 0;
    for (double t = 0; n < 5; t += reach / 4, n++) {
        const int k = t < 1 ? 0 : 1;
        q[n] = cm_point_mix(j[k], j[k + 1], fmin(1, t - k));
        half[n] = h[k] + (h[k + 1] - h[k]) * fmin(1, t - k) + ease + flare * (double)n / 4;
    }
    half[0] = h[0] + ease * .45; /* the shoulder's line goes on into the sleeve */
    q[0].x -= (side ? 1 : -1) * ease * .5;
    q[0].y += ease * .2;
    cm_path_limb(p, q, half, n);
    const point along = {q[n - 1].x - q[0].x, q[n - 1].y - q[0].y};
    const double d = fmax(1, hypot(along.x, along.y)), nx = along.y / d, ny = -along.x / d,
                 s = nx * p->light > 0 ? 1 : -1;
    cm_cloth_fill(p, c, region, q[0], along);
    const point m = cm_point_mix(q[0], q[n - 1], .5);
    cm_cloth_finish(p, c, (point){m.x + s * nx * h[0] * 1.6, m.y + s * ny * h[0] * 1.6},
                    (point){m.x - s * nx * h[0] * 1.6, m.y - s * ny * h[0] * 1.6});
    if (reach > 1) { /* two folds at the elbow */
        const point e = j[1];
        const double out = side ? 1 : -1;
        const point a[] = {{e.x - out * (h[1] + ease), e.y - 1.2}, {e.x, e.y - .2}, {e.x + out * h[1] * .4, e.y + .8}};
        cm_cloth_fold(p, c, a, 3, .6);
    }
    const point end = q[n - 1], before = cm_point_mix(q[n - 1], q[n - 2], reach > 1 ? .22 : .16);
    const double ux = end.x - before.x, uy = end.y - before.y, ul = fmax(.1, hypot(ux, uy)), w = half[n - 1] * .98;
    cairo_move_to(p->ink, before.x - uy / ul * w, before.y + ux / ul * w);
    cairo_line_to(p->ink, before.x + uy / ul * w, before.y - ux / ul * w);
    cm_pen_line(p, cuff, .8, reach > 1 ? .5 : .4);
}

void cm_draw_sleeves(pen *p, const figure *f, int side) {
    const int *v = f->v;
    if (v[S_TOP] && v[S_TOP_SLEEVE] != SLEEVELESS) {
        const bool blouse = v[S_TOP] == BLOUSE;
        const double reach = v[S_TOP_SLEEVE] == LONG_SLEEVE ? 1.9 : .66;
        sleeve(p, f, &f->garment_top, R_TOP, side, reach, sleeve_ease(f),
               blouse                            ? .8
               : v[S_TOP_SLEEVE] == SHORT_SLEEVE ? .35
                                                 : -.1,
               cm_cloth_accent(&f->garment_top));
    }
    if (v[S_ONE] && v[S_ONE_SLEEVE] != SLEEVELESS)
        sleeve(p, f, &f->one, R_DRESS, side, v[S_ONE_SLEEVE] == LONG_SLEEVE ? 1.9 : .62, .5, v[S_ONE] == DRESS ? .5 : 0,
               cm_cloth_accent(&f->one));
    if (v[S_COAT]) sleeve(p, f, &f->coat, R_COAT, side, 1.92, 1.05, .1, cm_cloth_accent(&f->coat));
}

static void star(pen *p, double x, double y, double r) {
    point q[10];
    for (int i = 0; i < 10; i++) {
        const double k = i % 2 ? r * .45 : r;
        q[i] = (point){x + k * sin(i * CM_PI / 5), y - k * cos(i * CM_PI / 5)};
    }
    cm_path_polygon(p, q, 10);
}

/* One large emblem on the chest. */
static void draw_graphic(pen *p, const figure *f) {
    const double x = f->chest_x, y = f->armpit_y + 1.2, r = 3.9;
    const rgb c = f->garment_top.color;
    const bool warm = c.r > .85 && c.g > .5;
    const rgb a = cm_rgb_luma(c) > .6 ? (warm ? (rgb){.16, .27, .62} : (rgb){.85, .22, .25}) : (rgb){.99, .84, .25};
    switch ((int)(f->n[N_PHASE] * 4)) {
    case 0: star(p, x, y, r); break;
    case 1:
        cairo_move_to(p->ink, x, y + r * .95);
        cairo_curve_to(p->ink, x - r * 1.9, y - r * .3, x - r * .8, y - r * 1.4, x, y - r * .35);
        cairo_curve_to(p->ink, x + r * .8, y - r * 1.4, x + r * 1.9, y - r * .3, x, y + r * .95);
        break;
    case 2: cm_path_ellipse(p, x, y, r * .9, r * .9); break;
    default: {
        const point bolt[] = {{x + 1, y - r},   {x - 2.4, y + .5}, {x - .3, y + .5},
                              {x - 1.2, y + r}, {x + 2.5, y - .9}, {x + .4, y - .9}};
        cm_path_polygon(p, bolt, 6);
    }
    }
    cm_pen_fill(p, R_NONE, a, 1);
    if ((int)(f->n[N_PHASE] * 4) == 2) {
        cm_path_ellipse(p, x, y, r * .45, r * .45);
        cm_pen_fill(p, R_NONE, cm_rgb_luma(c) > .6 ? (rgb){1, 1, 1} : (rgb){.85, .25, .22}, 1);
    }
}

static void shirt_collar(pen *p, const figure *f, const cloth *c, int region, double size) {
    const double n = f->neck_half, y = f->shoulder_y - 1.5, x = f->chest_x;
    for (int s = -1; s <= 1; s += 2) {
        const point q[] = {{x + s * n * .95, y - 1.3},
                           {x + s * n * 1.75, y + .5},
                           {x + s * n * 1.3 * size, y + 3.3 * size},
                           {x + s * .15, y + 2.3}};
        cm_path_polygon(p, q, 4);
        cm_pen_mark(p, region);
        const rgb a = cm_rgb_shade(c->color, cm_rgb_luma(c->color) < .22 ? .16 : s == p->light ? .22 : .05);
        cairo_set_source_rgb(p->ink, a.r, a.g, a.b);
        cairo_fill_preserve(p->ink);
        cm_pen_edge(p, c->color, .9);
        cairo_new_path(p->ink);
    }
}

static void buttons(pen *p, const figure *f, const cloth *c, double from, double to, double step) {
    cairo_move_to(p->ink, f->chest_x, from);
    cairo_line_to(p->ink, cm_body_centre_at(f, to), to);
    cm_pen_line(p, cm_cloth_accent(c), .8, .4);
    for (double y = from + 1.4; y < to; y += step) {
        cm_path_ellipse(p, cm_body_centre_at(f, y), y, .48, .48);
        cm_pen_fill(p, R_NONE, cm_rgb_luma(c->color) > .6 ? (rgb){.35, .33, .36} : (rgb){.97, .96, .92}, 1);
    }
}

static void round_collar(pen *p, const figure *f, const cloth *c, double width, double dip, double thick) {
    const double n = f->neck_half * width, y = f->shoulder_y - 1.1;
    cairo_move_to(p->ink, f->chest_x - n, y);
    cairo_curve_to(p->ink, f->chest_x - n * .8, y + dip, f->chest_x + n * .8, y + dip, f->chest_x + n, y);
    cm_pen_line(p, cm_cloth_accent(c), 1, thick);
}

static void turtleneck(pen *p, const figure *f, const cloth *c) {
    const double n = f->neck_half * 1.22, y = f->shoulder_y - .6;
    cm_path_box(p, f->head.x - n, f->chin - .9, f->head.x + n, y + .9, .9);
    cm_cloth_fill(p, c, R_TOP, (point){f->chest_x, y}, down);
    cm_cloth_finish(p, c, (point){f->chest_x + p->light * n, y}, (point){f->chest_x - p->light * n, y});
    cairo_move_to(p->ink, f->head.x - n + .2, f->chin + 1.1);
    cairo_line_to(p->ink, f->head.x + n - .2, f->chin + 1.1);
    cm_pen_line(p, cm_cloth_accent(c), .9, .4);
}

static void rib(pen *p, const figure *f, const cloth *c, double y, double half) {
    const double x = cm_body_centre_at(f, y);
    cairo_move_to(p->ink, x - half, y - 1.2);
    cairo_curve_to(p->ink, x - half * .5, y - .3, x + half * .5, y - .3, x + half, y - 1.2);
    cm_pen_line(p, cm_cloth_accent(c), .9, .55);
}

static void hood(pen *p, const figure *f, const cloth *c) {
    const double x = f->chest_x, y = f->shoulder_y - 1.2, n = f->neck_half;
    const point q[] = {{x - n * 1.15, y - 2.2}, {x - n * 2.1, y - .6}, {x - n * 2.2, y + 1.7},
                       {x - n * .9, y + 3.3},   {x, y + 2.6},          {x + n * .9, y + 3.3},
                       {x + n * 2.2, y + 1.7},  {x + n * 2.1, y - .6}, {x + n * 1.15, y - 2.2},
                       {x + n * .8, y + .4},    {x, y + 1.3},          {x - n * .8, y + .4}};
    cm_path_blob(p, q, 12);
    cm_pen_mark(p, R_TOP);
    const rgb a = cm_cloth_accent(c);
    cairo_set_source_rgb(p->ink, a.r, a.g, a.b);
    cairo_fill_preserve(p->ink);
    cm_pen_edge(p, c->color, .8);
    cairo_new_path(p->ink);
    for (int s = -1; s <= 1; s += 2) {
        cairo_move_to(p->ink, x + s * n * .6, y + 2.6);
        cairo_line_to(p->ink, x + s * n * .7, y + 6.6);
    }
    cm_pen_line(p, cm_rgb_luma(c->color) > .6 ? (rgb){.4, .4, .45} : (rgb){.97, .97, .95}, 1, .5);
    const double w = f->waist_y;
    const point pocket[] = {{x - 3, w - 2.6}, {x + 3, w - 2.6}, {x + 4.6, w + 2.6}, {x - 4.6, w + 2.6}};
    cm_path_polygon(p, pocket, 4);
    cm_pen_line(p, a, 1, .5);
}

static void top_details(pen *p, const figure *f, const cloth *c, double hem_y, double hem_half) {
    const int collar = f->v[S_TOP_COLLAR];
    switch (f->v[S_TOP]) {
    case SHIRT:
        buttons(p, f, c, f->shoulder_y + 1, hem_y - .4, 3.4);
        shirt_collar(p, f, c, R_TOP, 1);
        break;
    case POLO:
        buttons(p, f, c, f->shoulder_y + 1, f->armpit_y + .6, 2.4);
        shirt_collar(p, f, c, R_TOP, .9);
        break;
    case HOODIE:
        hood(p, f, c);
        rib(p, f, c, hem_y, hem_half);
        break;
    case SWEATER:
        rib(p, f, c, hem_y, hem_half);
        if (collar == TURTLENECK) turtleneck(p, f, c);
        else if (collar == ROUND_NECK) round_collar(p, f, c, 1.3, 3.9, .9);
        break;
    case BLOUSE:
        if (collar == ROUND_NECK) round_collar(p, f, c, 1.25, 3.6, .6);
        for (int i = -1; i <= 1; i++) {
            const point fold[] = {{f->chest_x + i * 2.0, f->armpit_y - 2},
                                  {f->chest_x + i * 2.3, f->armpit_y + 2.5},
                                  {f->chest_x + i * 2.1, f->waist_y - 2}};
            cm_cloth_fold(p, c, fold, 3, .5);
        }
        break;
    case CAMISOLE:
        for (int s = -1; s <= 1; s += 2) {
            cairo_move_to(p->ink, f->chest_x + s * f->shoulder * .5, f->shoulder_y + 3.2);
            cairo_line_to(p->ink, f->chest_x + s * f->shoulder * .44, f->shoulder_y - .4);
        }
        cm_pen_line(p, cm_cloth_accent(c), 1, .7);
        break;
    default:
        if (collar == ROUND_NECK) round_collar(p, f, c, 1.25, 3.8, .65);
    }
    if (collar == V_NECK) {
        const double n = f->neck_half * 1.25;
        cairo_move_to(p->ink, f->chest_x - n, f->shoulder_y - 1.2);
        cairo_line_to(p->ink, f->chest_x, f->shoulder_y + 4.4);
        cairo_line_to(p->ink, f->chest_x + n, f->shoulder_y - 1.2);
        cm_pen_line(p, cm_cloth_accent(c), 1, .6);
    }
}

void cm_draw_top(pen *p, const figure *f) {
    const int type = f->v[S_TOP];
    const cloth *c = &f->garment_top;
    const bool thick = type == SWEATER || type == HOODIE;
    cut k = {.ease = thick ? 1.1 : type == BLOUSE ? .8 : .45, .shoulder = f->v[S_TOP_SLEEVE] == SLEEVELESS ? .72 : .97};
    k.neck = type == CAMISOLE                   ? NECK_STRAPS
             : f->v[S_TOP_COLLAR] == V_NECK     ? NECK_V
             : f->v[S_TOP_COLLAR] == TURTLENECK ? NECK_HIGH
                                                : NECK_ROUND;
    k.hem_y = f->v[S_TOP_LENGTH] == CROPPED    ? f->waist_y - 3.4
              : f->v[S_TOP_LENGTH] == LONGLINE ? f->crotch_y + 4.2
                                               : f->waist_y + 4.6;
    k.hem_half = cm_body_half_at(f, k.hem_y) + k.ease + (f->v[S_TOP_LENGTH] == LONGLINE ? 1.1 : .25);
    cm_path_torso(p, f, &k);
    cm_cloth_fill(p, c, R_TOP, (point){f->chest_x, f->shoulder_y}, down);
    finish_torso(p, f, c, f->chest + k.ease);
    torso_folds(p, f, c, k.ease);
    if (c->pattern == GRAPHIC) draw_graphic(p, f);
    top_details(p, f, c, k.hem_y, k.hem_half);
}

static void draw_dress(pen *p, const figure *f, const cloth *c) {
    const bool loose = f->v[S_ONE_LENGTH] != LEN_SHORT;
    const double hem = cm_hem_of(f, f->v[S_ONE_LENGTH]);
    const cut k = {.ease = .35,
                   .shoulder = f->v[S_ONE_SLEEVE] == SLEEVELESS ? .72 : .96,
                   .neck = f->n[N_OPEN] < .5 ? NECK_V : NECK_WIDE,
                   .hem_y = f->waist_y + .6,
                   .hem_half = f->waist + .5};
    cm_path_torso(p, f, &k);
    cm_cloth_fill(p, c, R_DRESS, (point){f->chest_x, f->shoulder_y}, down);
    finish_torso(p, f, c, f->chest + .5);
    torso_folds(p, f, c, .3);
    cm_path_skirt(p, f, f->waist_y, f->waist + .45, hem, f->hip + 3.2 + (hem - f->hip_y) * .13, loose ? .9 : .6);
    cm_cloth_fill(p, c, R_DRESS, (point){f->chest_x, f->shoulder_y}, down);
    cm_cloth_finish(p, c, (point){f->hip_x + p->light * f->hip * 1.7, f->hip_y},
                    (point){f->hip_x - p->light * f->hip * 1.7, f->hip_y + 4});
    for (int i = -2; i <= 2; i++) {
        const point fold[] = {{f->hip_x + i * f->waist * .38, f->waist_y + 1.2},
                              {f->hip_x + i * f->hip * .45, (f->waist_y + hem) / 2},
                              {f->hip_x + i * (f->hip * .52 + (hem - f->hip_y) * .05), hem - 1.2}};
        cm_cloth_fold(p, c, fold, 3, .55);
    }
    cairo_move_to(p->ink, cm_body_centre_at(f, f->waist_y) - f->waist - .4, f->waist_y + .3);
    cairo_line_to(p->ink, cm_body_centre_at(f, f->waist_y) + f->waist + .4, f->waist_y + .3);
    cm_pen_line(p, cm_cloth_accent(c), .9, .8);
}

static void draw_jumpsuit(pen *p, const figure *f, const cloth *c) {
    cm_draw_trouser_legs(p, f, c, R_DRESS, STRAIGHT, .92);
    const cut k = {.ease = .6,
                   .shoulder = f->v[S_ONE_SLEEVE] == SLEEVELESS ? .72 : .97,
                   .neck = NECK_V,
                   .hem_y = f->hip_y + 1.5,
                   .hem_half = f->hip + .9};
    cm_path_torso(p, f, &k);
    cm_cloth_fill(p, c, R_DRESS, (point){f->chest_x, f->shoulder_y}, down);
    cm_pen_shade(p, (point){f->chest_x + p->light * f->chest * 1.1, f->shoulder_y},
                 (point){f->chest_x - p->light * f->chest * 1.2, f->waist_y}, 1);
    cairo_new_path(p->ink);
    torso_folds(p, f, c, .5);
    buttons(p, f, c, f->shoulder_y + 4.2, f->hip_y, 3.4);
    shirt_collar(p, f, c, R_DRESS, 1.05);
    const double x = cm_body_centre_at(f, f->waist_y);
    cairo_move_to(p->ink, x - f->waist - .6, f->waist_y);
    cairo_line_to(p->ink, x + f->waist + .6, f->waist_y);
    cm_pen_line(p, cm_cloth_accent(c), .95, .7);
}

void cm_draw_one_piece(pen *p, const figure *f) {
    if (f->v[S_ONE] == DRESS) draw_dress(p, f, &f->one);
    else draw_jumpsuit(p, f, &f->one);
}

/* Half of a coat: from the neck over the shoulder down to the hem and back along the front edge. */
static void coat_panel(pen *p, const figure *f, double s, double hem_y, double open, double flare) {
    const cloth *c = &f->coat;
    const double cx = f->chest_x, ease = 1.15, n = f->neck_half, x = cm_body_centre_at(f, hem_y);
    const double hem_half = cm_body_half_at(f, fmin(hem_y, f->hip_y)) + ease + flare;
    const point outer[] = {{cx + s * n * 1.1, f->shoulder_y - 1.6},
                           {cx + s * f->shoulder * .86, f->shoulder_y - .1},
                           {cx + s * (f->shoulder + .6), f->shoulder_y + 2},
                           {cx + s * (f->chest + ease), f->armpit_y},
                           {cm_body_centre_at(f, f->waist_y) + s * (f->waist + ease + .5), f->waist_y},
                           {f->hip_x + s * fmin(hem_half, f->hip + ease + flare * .5), f->hip_y - .5},
                           {x + s * hem_half, hem_y}};
    const point inner[] = {{x + s * open * 1.1, hem_y + .5},
                           {cm_body_centre_at(f, f->waist_y) + s * open, f->waist_y},
                           {cx + s * fmax(open * .9, .5), f->armpit_y}};
    cairo_new_path(p->ink);
    cm_path_curve(p, outer, 7);
    cm_path_curve(p, inner, 3);
    cairo_close_path(p->ink);
    cm_cloth_fill(p, c, R_COAT, (point){cx, f->shoulder_y}, down);
    const double lit = s == p->light ? f->shoulder * 1.1 : f->shoulder * .2,
                 dark = s == p->light ? -f->shoulder * .2 : -f->shoulder * 1.1;
    cm_cloth_finish(p, c, (point){cx + p->light * lit, f->shoulder_y},
                    (point){cx + p->light * dark, f->shoulder_y + 2});
    const point fold[] = {{cx + s * (f->chest - .4), f->armpit_y + 1},
                          {cx + s * (f->chest - 2), f->armpit_y + 4},
                          {cx + s * (f->waist * .75), f->waist_y}};
    cm_cloth_fold(p, c, fold, 3, .7);
    cairo_move_to(p->ink, x + s * hem_half * .45, f->hip_y - 3.2); /* pocket */
    cairo_line_to(p->ink, x + s * hem_half * .82, f->hip_y - 4.4);
    cm_pen_line(p, cm_cloth_accent(c), 1, .8);
}

static void lapel(pen *p, const figure *f, double s, double open) {
    const cloth *c = &f->coat;
    const double x = f->chest_x, y = f->shoulder_y;
    const point q[] = {{x + s * f->neck_half * 1.05, y - 2.2},
                       {x + s * f->neck_half * 2.0, y + .3},
                       {x + s * (f->neck_half * 1.9 + 1), y + 4.2},
                       {x + s * (open + 1.6), y + 5.2},
                       {x + s * open, f->waist_y - 2.5},
                       {x + s * (open * .7 + .2), y + 4}};
    cm_path_polygon(p, q, 6);
    cm_pen_mark(p, R_COAT);
    const rgb a = cm_cloth_accent(c);
    cairo_set_source_rgb(p->ink, a.r, a.g, a.b);
    cairo_fill_preserve(p->ink);
    cm_pen_edge(p, c->color, .8);
    cairo_new_path(p->ink);
}

void cm_draw_coat(pen *p, const figure *f) {
    const bool jacket = f->v[S_COAT] == JACKET;
    const double hem = jacket ? f->hip_y + .5 : f->v[S_COAT_LENGTH] == 0 ? f->crotch_y + 6 : f->leg[0][1].y + 2.5;
    const double open = f->waist * (jacket ? .46 : .42) + f->n[N_OPEN] * .6;
    for (int s = -1; s <= 1; s += 2) coat_panel(p, f, s, hem, open, jacket ? .2 : 1.6);
    for (int s = -1; s <= 1; s += 2) lapel(p, f, s, open);
    if (!jacket) return;
    for (int s = -1; s <= 1; s += 2) { /* hem band */
        const double x = cm_body_centre_at(f, hem), half = cm_body_half_at(f, hem) + 1.2;
        cairo_move_to(p->ink, x + s * open, hem - 1);
        cairo_line_to(p->ink, x + s * half, hem - 1.4);
    }
    cm_pen_line(p, cm_cloth_accent(&f->coat), .9, .6);
}
