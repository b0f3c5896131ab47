// SPDX-License-Identifier: Apache-2.0
/* Cloth: colour, pattern, material. Patterns repeat every five units or more, so that at 64x96 a period is five
 * pixels; the finer grain of materials is for large pictures, what tells them apart in small ones is their sheen. */
#include "core/data/people/pen.h"
#include "core/data/people/vocabulary.h"

#include <math.h>

static const rgb cream = {.98, .97, .93}, ink_blue = {.15, .18, .36}, gold = {.98, .80, .25};

static rgb alternate(rgb c) { return rgb_luma(c) > .62 ? ink_blue : cream; }

static void source(cairo_t *c, rgb a, double alpha) { cairo_set_source_rgba(c, a.r, a.g, a.b, alpha); }

enum { REACH = 70 }; /* units around the origin that a pattern must cover */

static void stripes(pen *p, const cloth *c) {
    for (double y = -REACH + 5 * c->phase; y < REACH; y += 5) cairo_rectangle(p->ink, -REACH, y, 2 * REACH, 2.1);
    source(p->ink, alternate(c->color), .95);
    cairo_fill(p->ink);
}

static void plaid(pen *p, const cloth *c) {
    const double start = -REACH + 7 * c->phase;
    const rgb a = alternate(c->color);
    for (double q = start; q < REACH; q += 7) cairo_rectangle(p->ink, -REACH, q, 2 * REACH, 2.6);
    source(p->ink, a, .42);
    cairo_fill(p->ink);
    for (double q = start; q < REACH; q += 7) cairo_rectangle(p->ink, q, -REACH, 2.6, 2 * REACH);
    cairo_fill(p->ink);
    for (double q = start + 4.6; q < REACH; q += 7) {
        cairo_rectangle(p->ink, -REACH, q, 2 * REACH, .7);
        cairo_rectangle(p->ink, q, -REACH, .7, 2 * REACH);
    }
    source(p->ink, rgb_luma(c->color) > .62 ? (rgb){.75, .2, .2} : gold, .55);
    cairo_fill(p->ink);
}

static void dots(pen *p, const cloth *c, double step, double radius, rgb a) {
    int row = 0;
    for (double y = -REACH / 2. + step * c->phase; y < REACH; y += step * .8, row++)
        for (double x = -REACH / 2. + (row % 2) * step / 2; x < REACH / 2.; x += step) {
            cairo_new_sub_path(p->ink);
            cairo_arc(p->ink, x, y, radius, 0, 2 * CM_PI);
        }
    source(p->ink, a, 1);
    cairo_fill(p->ink);
}

static void flowers(pen *p, const cloth *c) {
    const double step = 7;
    const bool pale = rgb_luma(c->color) > .62;
    const bool reddish = c->color.r > c->color.b + .25 && c->color.r > c->color.g + .2;
    const rgb petal = pale ? (rgb){.86, .25, .42} : reddish ? cream : (rgb){1, .72, .80};
    cloth leaf = *c;
    leaf.phase = fmod(c->phase + .5, 1);
    dots(p, &leaf, step, .75, pale ? (rgb){.25, .58, .3} : (rgb){.62, .84, .45});
    int row = 0;
    for (double y = -REACH / 2. + step * c->phase; y < REACH; y += step * .8, row++)
        for (double x = -REACH / 2. + (row % 2) * step / 2; x < REACH / 2.; x += step)
            for (int i = 0; i < 5; i++) {
                cairo_new_sub_path(p->ink);
                cairo_arc(p->ink, x + 1.15 * sin(i * 2 * CM_PI / 5), y - 1.15 * cos(i * 2 * CM_PI / 5), .95, 0, 2 * CM_PI);
            }
    source(p->ink, petal, 1);
    cairo_fill(p->ink);
    dots(p, c, step, .7, gold);
}

/* Diagonal twill with a faded middle. */
static void denim(pen *p, const cloth *c) {
    for (double x = -REACH; x < REACH; x += 1.3) {
        cairo_move_to(p->ink, x, -REACH);
        cairo_line_to(p->ink, x + REACH, REACH);
    }
    source(p->ink, rgb_shade(c->color, .5), .16);
    cairo_set_line_width(p->ink, .45);
    cairo_stroke(p->ink);
}

/* Columns of stitches, each a row of small v. */
static void knit(pen *p, const cloth *c) {
    for (double x = -24; x < 24; x += 2) {
        cairo_move_to(p->ink, x, -REACH);
        cairo_line_to(p->ink, x, REACH);
    }
    source(p->ink, rgb_shade(c->color, -.6), .38);
    cairo_set_line_width(p->ink, .5);
    cairo_stroke(p->ink);
    if (p->side_rows < 2) return;
    for (double x = -24; x < 24; x += 2)
        for (double y = -40; y < 60; y += 1.4) {
            cairo_move_to(p->ink, x + .3, y);
            cairo_line_to(p->ink, x + 1, y + .8);
            cairo_line_to(p->ink, x + 1.7, y);
        }
    source(p->ink, rgb_shade(c->color, -.5), .4);
    cairo_set_line_width(p->ink, .3);
    cairo_stroke(p->ink);
}

/* Flecks, from a small fixed sequence: the same cloth in every picture. */
static void flecks(pen *p, const cloth *c) {
    cm_rng r = cm_rng_make(11, 7);
    for (int i = 0; i < 520; i++) {
        const double x = cm_rng_range(&r, -24, 24), y = cm_rng_range(&r, -30, 60);
        cairo_rectangle(p->ink, x, y, .9, .6);
    }
    source(p->ink, rgb_luma(c->color) < .5 ? rgb_shade(c->color, .55) : rgb_shade(c->color, -.5), .33);
    cairo_fill(p->ink);
}

static void texture(pen *p, const cloth *c) {
    switch (c->material) {
    case DENIM: denim(p, c); break;
    case KNITTED: knit(p, c); break;
    case WOOL: flecks(p, c); break;
    default: break;
    }
    switch (c->pattern) {
    case STRIPED: stripes(p, c); break;
    case PLAID: plaid(p, c); break;
    case FLORAL: flowers(p, c); break;
    case DOTTED: dots(p, c, 5, 1.15, alternate(c->color)); break;
    default: break;
    }
}

void cloth_fill(pen *p, const cloth *c, int region, point origin, point along) {
    pen_mark(p, region);
    source(p->ink, c->color, 1);
    cairo_fill_preserve(p->ink);
    const bool plain = c->pattern <= SOLID || c->pattern == GRAPHIC;
    if (plain && c->material != DENIM && c->material != KNITTED && c->material != WOOL) return;
    cairo_path_t *path = cairo_copy_path(p->ink);
    cairo_save(p->ink);
    cairo_clip(p->ink);
    cairo_save(p->ink);
    cairo_translate(p->ink, origin.x, origin.y);
    cairo_rotate(p->ink, atan2(along.y, along.x) - CM_PI / 2);
    texture(p, c);
    cairo_restore(p->ink);
    cairo_restore(p->ink);
    cairo_append_path(p->ink, path);
    cairo_path_destroy(path);
}

/* Bands of reflected light between lit and dark: hard and narrow on leather, wide and soft on silk. */
static void sheen(pen *p, const cloth *c, point lit, point dark) {
    const bool leather = c->material == LEATHER;
    cairo_pattern_t *g = cairo_pattern_create_linear(lit.x, lit.y, dark.x, dark.y);
    const double peak = leather ? .62 : .5, at[2] = {.27, leather ? .80 : .70}, wide = leather ? .08 : .17;
    for (int i = 0; i < 2; i++) {
        cairo_pattern_add_color_stop_rgba(g, at[i] - wide, 1, 1, 1, 0);
        cairo_pattern_add_color_stop_rgba(g, at[i], 1, 1, 1, i ? peak * .5 : peak);
        cairo_pattern_add_color_stop_rgba(g, at[i] + wide, 1, 1, 1, 0);
    }
    cairo_set_source(p->ink, g);
    cairo_fill_preserve(p->ink);
    cairo_pattern_destroy(g);
}

void cloth_finish(pen *p, const cloth *c, point lit, point dark) {
    const double strength = c->material == LEATHER ? 1.25 : c->material == WOOL ? .8 : 1;
    pen_shade(p, lit, dark, strength);
    if (c->material == LEATHER || c->material == SILK) sheen(p, c, lit, dark);
    pen_edge(p, c->color, .75);
    cairo_new_path(p->ink);
}

void cloth_fold(pen *p, const cloth *c, const point *points, size_t n, double width) {
    path_curve(p, points, n);
    pen_line(p, rgb_luma(c->color) < .22 ? rgb_shade(c->color, .35) : rgb_shade(c->color, -.7), c->material == LEATHER ? .5 : .38, width);
}

rgb cloth_accent(const cloth *c) { return rgb_luma(c->color) < .22 ? rgb_shade(c->color, .22) : rgb_shade(c->color, -.3); }
