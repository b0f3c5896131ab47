// SPDX-License-Identifier: Apache-2.0
/* Places: two or three calm planes and a few large things at the sides, never behind the middle. */
#include "core/data/people/figure.h"

#include <math.h>
#include <stdlib.h>

static rgb hex(unsigned v) {
    return (rgb){(v >> 16 & 255) / 255., (v >> 8 & 255) / 255., (v & 255) / 255.};
}

static void plane(pen *p, const double show[4], double y0, double y1, rgb top, rgb bottom) {
    cairo_pattern_t *g = cairo_pattern_create_linear(0, y0, 0, y1);
    cairo_pattern_add_color_stop_rgb(g, 0, top.r, top.g, top.b);
    cairo_pattern_add_color_stop_rgb(g, 1, bottom.r, bottom.g, bottom.b);
    cairo_rectangle(p->ink, show[0], y0, show[2] - show[0], y1 - y0);
    cairo_set_source(p->ink, g);
    cairo_fill(p->ink);
    cairo_pattern_destroy(g);
}

static void box(pen *p, double x0, double y0, double x1, double y1, rgb c) {
    cairo_rectangle(p->ink, x0, y0, x1 - x0, y1 - y0);
    cm_pen_fill(p, R_NONE, c, 1);
}

static void studio(pen *p, const double *show, rgb wall, rgb floor) {
    plane(p, show, show[1], 84, cm_rgb_shade(wall, .12), wall);
    plane(p, show, 80, show[3], wall, floor);
}

static void room(pen *p, const figure *f, const double *show) {
    const double s = f->n[N_SIDE];
    plane(p, show, show[1], 79, hex(0xe9dccb), hex(0xdfcdb6));
    plane(p, show, 79, show[3], hex(0xb48a64), hex(0x9c7350));
    box(p, show[0], 77, show[2], 79, hex(0xf6f0e6));
    const double x = 32 + s * 23, w = 8;
    box(p, x - w - .8, 13, x + w + .8, 45.5, hex(0xfaf7f0));
    cairo_rectangle(p->ink, x - w, 14, 2 * w, 30.5);
    cm_pen_fill(p, R_NONE, hex(0xb9dcf0), 1);
    box(p, x - .5, 14, x + .5, 44.5, hex(0xfaf7f0));
    box(p, x - w, 28.5, x + w, 29.4, hex(0xfaf7f0));
    const double q = 32 - s * 24;
    box(p, q - 5.5, 20, q + 5.5, 34, hex(0x8a5a3c));
    box(p, q - 4.4, 21.1, q + 4.4, 32.9, hex(0xf3e9d8));
    cm_path_ellipse(p, q, 27, 2.6, 3);
    cm_pen_fill(p, R_NONE, hex(0xd98c5f), 1);
    box(p, q - 2.6, 74.5, q + 2.6, 80.5, hex(0xc9714a)); /* a plant in a pot */
    for (int i = -2; i <= 2; i++) {
        const point leaf[] = {{q - .5, 75},
                              {q + i * 2.2 - 1.3, 66 + abs(i) * 2},
                              {q + i * 2.9, 61.5 + abs(i) * 2.4},
                              {q + i * 2.2 + 1.3, 67 + abs(i) * 2},
                              {q + .5, 75}};
        cm_path_blob(p, leaf, 5);
        cm_pen_fill(p, R_NONE, i % 2 ? hex(0x5c9460) : hex(0x477e52), 1);
    }
}

static void building(pen *p, double x0, double x1, double top, rgb wall, rgb glass) {
    box(p, x0, top, x1, 76, wall);
    for (double y = top + 3.5; y < 70; y += 7)
        for (double x = x0 + 1.8; x + 2.6 < x1; x += 4.4) cairo_rectangle(p->ink, x, y, 2.4, 3.6);
    cm_pen_fill(p, R_NONE, glass, .9);
}

static void street(pen *p, const figure *f, const double *show) {
    const double q = floor(f->n[N_PLACE] * 3) * 2 - 2;
    plane(p, show, show[1], 76, hex(0xbcd3e6), hex(0xe4ebf0));
    for (double x = -44; x > show[0] - 20; x -= 18) building(p, x, x + 17, 24, hex(0x9aa3b4), hex(0xe6e3cf));
    for (double x = 84; x < show[2]; x += 18) building(p, x, x + 17, 20, hex(0xa99f9c), hex(0xe6e3cf));
    building(p, -28, -11, 17, hex(0xb3a69b), hex(0xf1e7c2));
    building(p, -10, 9, 13 + q, hex(0xa8877a), hex(0xf4e2ae));
    building(p, 9, 19, 33 - q, hex(0x8d97a8), hex(0xdfe8ee));
    building(p, 46, 56, 27 + q, hex(0xb9a58c), hex(0xf3ead2));
    building(p, 56, 83, 10 - q * .5, hex(0x7f8aa0), hex(0xe9e4c4));
    box(p, show[0], 74, show[2], 78, hex(0xc3c3c0));
    plane(p, show, 78, show[3], hex(0x8b8d93), hex(0x74767c));
    for (double x = show[0] - fmod(show[0], 14) - 14; x < show[2]; x += 14)
        box(p, x + 3, 80.2, x + 10, 81.2, hex(0xe9e4cf));
}

static void tree(pen *p, double x, double y, double r) {
    box(p, x - 1.2, y, x + 1.2, 74, hex(0x8a6442));
    const double d[4][3] = {{0, 0, 1}, {-.7, .35, .72}, {.7, .3, .74}, {.05, -.55, .72}};
    for (int i = 0; i < 4; i++) {
        cm_path_ellipse(p, x + d[i][0] * r, y - 2 + d[i][1] * r, r * d[i][2], r * d[i][2]);
        cm_pen_fill(p, R_NONE, i == 3 ? hex(0x6fae62) : hex(0x579a55), 1);
    }
    cm_path_ellipse(p, x + p->light * r * .4, y - 2 - r * .55, r * .4, r * .32);
    cm_pen_fill(p, R_NONE, hex(0x8cc474), 1);
}

static void park(pen *p, const figure *f, const double *show) {
    const double q = f->n[N_PLACE] * 4 - 2;
    plane(p, show, show[1], 72, hex(0xa9d8f2), hex(0xe3f3f5));
    for (double x = show[0] - 20; x < show[2] + 20; x += 15) cm_path_ellipse(p, x, 72, 11, 8);
    cm_pen_fill(p, R_NONE, hex(0x8fbf86), 1);
    plane(p, show, 71, show[3], hex(0x9ccb72), hex(0x74b05a));
    tree(p, 6 + q, 44, 9);
    tree(p, 59 + q, 40, 10);
    tree(p, -24, 42, 10), tree(p, 90, 44, 9);
    const point path[] = {{30, 71}, {36, 71}, {62, show[3] + 1}, {8, show[3] + 1}};
    cm_path_polygon(p, path, 4);
    cm_pen_fill(p, R_NONE, hex(0xdccba4), .8);
}

static void beach(pen *p, const figure *f, const double *show) {
    const double s = f->n[N_SIDE];
    plane(p, show, show[1], 50, hex(0x86c8f0), hex(0xd5effa));
    cm_path_ellipse(p, 32 + s * 22, 12 + 4 * f->n[N_PLACE], 5, 5);
    cm_pen_fill(p, R_NONE, hex(0xffe69a), 1);
    plane(p, show, 50, 71, hex(0x2f8fc4), hex(0x58b8d6));
    plane(p, show, 70, show[3], hex(0xf4e2b8), hex(0xe6cc96));
    for (double x = show[0] - 8; x < show[2] + 8; x += 9) cm_path_ellipse(p, x, 70.6, 5.6, 1.2);
    cm_pen_fill(p, R_NONE, hex(0xf7fbfa), 1);
    for (int i = 0; i < 3; i++)
        box(p, 32 - s * (26 - i * 5), 55 + i * 4, 32 - s * (26 - i * 5) + 7, 55.7 + i * 4, hex(0x9fd6e8));
    const double x = 32 - s * 24;
    const point sail[] = {{x, 38}, {x + 5.5, 49}, {x, 49}};
    cm_path_polygon(p, sail, 3);
    cm_pen_fill(p, R_NONE, hex(0xffffff), 1);
    const point hull[] = {{x - 4, 50}, {x + 6.5, 50}, {x + 4.5, 52.5}, {x - 2.5, 52.5}};
    cm_path_polygon(p, hull, 4);
    cm_pen_fill(p, R_NONE, hex(0xc8553d), 1);
}

void cm_draw_backdrop(pen *p, const figure *f, const double show[4]) {
    switch (f->v[S_BACKGROUND]) {
    case BG_WHITE: studio(p, show, hex(0xf1f1ef), hex(0xe2e2df)); break;
    case BG_GRAY: studio(p, show, hex(0xa9abb0), hex(0x8f9197)); break;
    case BG_ROOM: room(p, f, show); break;
    case BG_STREET: street(p, f, show); break;
    case BG_PARK: park(p, f, show); break;
    default: beach(p, f, show);
    }
}

/* Where the feet meet the ground: a soft pool of shadow, drawn out away from the light. */
void cm_draw_contact(pen *p, const figure *f) {
    const double x = f->n[N_CENTRE] - p->light * 3.4;
    cairo_t *c = p->ink;
    cairo_save(c);
    cairo_translate(c, x, f->ground + .1);
    cairo_scale(c, 17, 2.7);
    cairo_pattern_t *g = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
    cairo_pattern_add_color_stop_rgba(g, 0, .06, .05, .15, .55);
    cairo_pattern_add_color_stop_rgba(g, .6, .06, .05, .15, .34);
    cairo_pattern_add_color_stop_rgba(g, 1, .06, .05, .15, 0);
    cairo_arc(c, 0, 0, 1, 0, 2 * CM_PI);
    cairo_set_source(c, g);
    cairo_fill(c);
    cairo_pattern_destroy(g);
    cairo_restore(c);
}
