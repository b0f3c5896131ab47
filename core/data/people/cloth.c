// SPDX-License-Identifier: Apache-2.0
/* Cloth: colour, pattern, material. Patterns repeat every five units or more, so that at 64x96 a period is five
 * pixels; the finer grain of materials is for large images, what tells them apart in small ones is their sheen. */
#include "core/data/people/pen.h"
#include "core/data/people/vocabulary.h"

#include <math.h>

static const rgb cream = {.98, .97, .93}, ink_blue = {.15, .18, .36}, gold = {.98, .80, .25};

static rgb alternate(rgb c) {
    return cm_rgb_luma(c) > .62 ? ink_blue : cream;
}

static void source(cairo_t *c, rgb a, double alpha) {
    cairo_set_source_rgba(c, a.r, a.g, a.b, alpha);
}

/* What a pattern must cover, in its own turned coordinates: the clip's box, so that little is drawn in vain. */
typedef struct reach {
    double x0, y0, x1, y1;
} reach;

/* The first row or column of a grid at or before `from`; its number keeps staggered rows in step. */
static int first(double from, double step, double shift) {
    return (int)floor((from - shift) / step) - 1;
}

static void bands(pen *p, const reach *r, double step, double shift, double thick, bool upright) {
    const double from = upright ? r->x0 : r->y0, to = upright ? r->x1 : r->y1;
    for (double q = first(from, step, shift) * step + shift; q < to; q += step) {
        if (upright) cairo_rectangle(p->ink, q, r->y0, thick, r->y1 - r->y0);
        else cairo_rectangle(p->ink, r->x0, q, r->x1 - r->x0, thick);
    }
}

static void stripes(pen *p, const cloth *c, const reach *r) {
    bands(p, r, 5, 5 * c->phase, 2.1, false);
    source(p->ink, alternate(c->color), .95);
    cairo_fill(p->ink);
}

static void plaid(pen *p, const cloth *c, const reach *r) {
    const double shift = 7 * c->phase;
    source(p->ink, alternate(c->color), .42);
    bands(p, r, 7, shift, 2.6, false);
    cairo_fill(p->ink);
    bands(p, r, 7, shift, 2.6, true);
    cairo_fill(p->ink);
    bands(p, r, 7, shift + 4.6, .7, false);
    bands(p, r, 7, shift + 4.6, .7, true);
    source(p->ink, cm_rgb_luma(c->color) > .62 ? (rgb){.75, .2, .2} : gold, .55);
    cairo_fill(p->ink);
}

/* Discs on a staggered grid; petals > 0: each is a flower of so many discs around its place. */
static void dots(pen *p, const reach *r, double step, double shift, double radius, int petals, rgb a) {
    for (int row = first(r->y0, step * .8, shift); row * step * .8 + shift < r->y1 + 2; row++) {
        const double y = row * step * .8 + shift, odd = (row & 1) * step / 2;
        for (double x = first(r->x0, step, odd) * step + odd; x < r->x1 + 2; x += step)
            for (int i = 0; i < (petals ? petals : 1); i++) {
                const double out = petals ? 1.15 : 0, turn = petals ? i * 2 * CM_PI / petals : 0;
                cairo_new_sub_path(p->ink);
                cairo_arc(p->ink, x + out * sin(turn), y - out * cos(turn), radius, 0, 2 * CM_PI);
            }
    }
    source(p->ink, a, 1);
    cairo_fill(p->ink);
}

static void flowers(pen *p, const cloth *c, const reach *r) {
    const double step = 7, shift = step * c->phase;
    const bool pale = cm_rgb_luma(c->color) > .62;
    const bool reddish = c->color.r > c->color.b + .25 && c->color.r > c->color.g + .2;
    dots(p, r, step, shift + step * .4, .8, 0, pale ? (rgb){.25, .58, .3} : (rgb){.62, .84, .45});
    dots(p, r, step, shift, .95, 5, pale ? (rgb){.86, .25, .42} : reddish ? cream : (rgb){1, .72, .80});
    dots(p, r, step, shift, .75, 0, gold);
}

/* Diagonal twill. */
static void denim(pen *p, const cloth *c, const reach *r) {
    const double tall = r->y1 - r->y0, step = p->side_rows < 2 ? 2.6 : 1.3;
    for (double x = r->x0 - tall; x < r->x1; x += step) {
        cairo_move_to(p->ink, x, r->y0);
        cairo_line_to(p->ink, x + tall, r->y1);
    }
    source(p->ink, cm_rgb_shade(c->color, .5), .16);
    cairo_set_line_width(p->ink, step * .4);
    cairo_stroke(p->ink);
}

/* Columns of stitches; in large images each is a row of small v. */
static void knit(pen *p, const cloth *c, const reach *r) {
    source(p->ink, cm_rgb_shade(c->color, -.6), .3);
    bands(p, r, 2, 0, .5, true);
    cairo_fill(p->ink);
    if (p->side_rows < 2) return;
    for (double x = first(r->x0, 2, 0) * 2; x < r->x1; x += 2)
        for (double y = first(r->y0, 1.4, 0) * 1.4; y < r->y1; y += 1.4) {
            cairo_move_to(p->ink, x + .4, y);
            cairo_line_to(p->ink, x + 1.15, y + .8);
            cairo_line_to(p->ink, x + 1.9, y);
        }
    source(p->ink, cm_rgb_shade(c->color, -.5), .4);
    cairo_set_line_width(p->ink, .3);
    cairo_stroke(p->ink);
}

/* Flecks, scattered by a hash of their place on a grid. */
static void flecks(pen *p, const cloth *c, const reach *r) {
    for (int row = first(r->y0, 1.7, 0); row * 1.7 < r->y1; row++)
        for (int column = first(r->x0, 2, 0); column * 2 < r->x1; column++) {
            const uint32_t h = (uint32_t)row * 2654435761u ^ (uint32_t)column * 2246822519u;
            cairo_rectangle(p->ink, column * 2 + (h >> 8 & 15) / 8., row * 1.7 + (h >> 16 & 15) / 9., .9, .6);
        }
    source(p->ink, cm_rgb_luma(c->color) < .5 ? cm_rgb_shade(c->color, .55) : cm_rgb_shade(c->color, -.5), .26);
    cairo_fill(p->ink);
}

static void texture(pen *p, const cloth *c) {
    reach r;
    cairo_clip_extents(p->ink, &r.x0, &r.y0, &r.x1, &r.y1);
    switch (c->material) {
    case DENIM: denim(p, c, &r); break;
    case KNITTED: knit(p, c, &r); break;
    case WOOL: flecks(p, c, &r); break;
    default: break;
    }
    switch (c->pattern) {
    case STRIPED: stripes(p, c, &r); break;
    case PLAID: plaid(p, c, &r); break;
    case FLORAL: flowers(p, c, &r); break;
    case DOTTED: dots(p, &r, 5, 5 * c->phase, 1.15, 0, alternate(c->color)); break;
    default: break;
    }
}

void cm_cloth_fill(pen *p, const cloth *c, int region, point origin, point along) {
    cm_pen_mark(p, region);
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

void cm_cloth_finish(pen *p, const cloth *c, point lit, point dark) {
    const double strength = c->material == LEATHER ? 1.25 : c->material == WOOL ? .8 : 1;
    cm_pen_shade(p, lit, dark, strength);
    if (c->material == LEATHER || c->material == SILK) sheen(p, c, lit, dark);
    cm_pen_edge(p, c->color, .75);
    cairo_new_path(p->ink);
}

void cm_cloth_fold(pen *p, const cloth *c, const point *points, size_t n, double width) {
    cm_path_curve(p, points, n);
    cm_pen_line(p, cm_rgb_luma(c->color) < .22 ? cm_rgb_shade(c->color, .35) : cm_rgb_shade(c->color, -.7),
                c->material == LEATHER ? .5 : .38, width);
}

rgb cm_cloth_accent(const cloth *c) {
    return cm_rgb_luma(c->color) < .22 ? cm_rgb_shade(c->color, .22) : cm_rgb_shade(c->color, -.3);
}
