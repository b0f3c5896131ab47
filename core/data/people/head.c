// SPDX-License-Identifier: Apache-2.0
/* The face: skull and jaw, ears, eyes, brows, nose, mouth, beard, what age leaves; and glasses.
 * u() and v() below: face coordinates, x in half widths and y in half heights from the middle of the head. */
#include "core/data/people/figure.h"

#include <math.h>

static point at(const figure *f, double u, double v) {
    return (point){f->head.x + u * f->head_w, f->head.y + v * f->head_h};
}

static void ears(pen *p, const figure *f) {
    for (int s = -1; s <= 1; s += 2) {
        const point e = at(f, s * .99, .10);
        cm_path_ellipse(p, e.x, e.y, .95, 1.55);
        cm_pen_mark(p, R_FACE);
        const rgb c = cm_rgb_shade(f->skin, s == p->light ? -.03 : -.2);
        cairo_set_source_rgb(p->ink, c.r, c.g, c.b);
        cairo_fill_preserve(p->ink);
        cm_pen_edge(p, f->skin, .5);
        cairo_new_path(p->ink);
    }
}

static void skull(pen *p, const figure *f) {
    const bool man = f->v[S_GENDER] == MALE;
    const double jaw = man ? .80 : .70, chin = man ? .36 : .27, full = f->v[S_BODY] == PLUMP ? .06 : 0;
    const point q[] = {at(f, 0, -1),
                       at(f, .62, -.84),
                       at(f, .97, -.36),
                       at(f, 1, .12),
                       at(f, jaw + .12 + full, .52),
                       at(f, jaw - .22 + full, .83),
                       at(f, chin, .985),
                       at(f, -chin, .985),
                       at(f, -jaw + .22 - full, .83),
                       at(f, -jaw - .12 - full, .52),
                       at(f, -1, .12),
                       at(f, -.97, -.36),
                       at(f, -.62, -.84)};
    cm_path_blob(p, q, 13);
    cm_pen_mark(p, R_FACE);
    cairo_set_source_rgb(p->ink, f->skin.r, f->skin.g, f->skin.b);
    cairo_fill_preserve(p->ink);
    cm_pen_shade(p, at(f, p->light * 1.1, -.4), at(f, -p->light * 1.25, .5), .7);
    cm_pen_edge(p, f->skin, .5);
    cairo_new_path(p->ink);
}

static rgb brow_color(const figure *f) {
    static const unsigned char table[6][3] = {{35, 28, 28},  {70, 45, 28},    {150, 110, 55},
                                              {130, 58, 25}, {110, 108, 110}, {150, 148, 148}};
    const int c = f->v[S_HAIR_COLOR];
    const unsigned char *t = table[c < 0 ? HC_BROWN : c];
    return (rgb){t[0] / 255., t[1] / 255., t[2] / 255.};
}

static void eye(pen *p, const figure *f, double s) {
    static const unsigned char irises[4][3] = {{60, 36, 22}, {40, 26, 20}, {60, 110, 150}, {75, 120, 80}};
    const bool woman = f->v[S_GENDER] == FEMALE;
    const bool pale = f->v[S_COUNTRY] == CAUCASIAN;
    const point e = at(f, s * .42, .10);
    const double w = 1.12 * f->n[N_EYE],
                 h = (f->v[S_AGE] == ELDERLY ? .62 : .78) * f->n[N_EYE] * (f->v[S_COUNTRY] == ASIAN ? .86 : 1);
    cm_path_ellipse(p, e.x, e.y, w, h);
    cm_pen_fill(p, R_NONE, (rgb){.99, .98, .97}, 1);
    const unsigned char *i = irises[pale ? (int)(f->n[N_IRIS] * 4) : (int)(f->n[N_IRIS] * 2)];
    cm_path_ellipse(p, e.x, e.y, .62, .70 * h / .78);
    cm_pen_fill(p, R_NONE, (rgb){i[0] / 255., i[1] / 255., i[2] / 255.}, 1);
    cm_path_ellipse(p, e.x, e.y, .33, .36);
    cm_pen_fill(p, R_NONE, (rgb){.05, .04, .06}, 1);
    cm_path_ellipse(p, e.x + p->light * .25, e.y - .28, .17, .17);
    cm_pen_fill(p, R_NONE, (rgb){1, 1, 1}, 1);
    cairo_move_to(p->ink, e.x - w * 1.05, e.y + .05); /* upper lid, longer outwards on women */
    cairo_curve_to(p->ink, e.x - w * .6, e.y - h * 1.25, e.x + w * .6, e.y - h * 1.25, e.x + w * 1.05, e.y + .05);
    if (woman) {
        cairo_move_to(p->ink, e.x + s * w * .8, e.y - h * .45);
        cairo_line_to(p->ink, e.x + s * (w + .55), e.y - h * .9);
    }
    cm_pen_line(p, (rgb){.10, .07, .08}, .9, woman ? .55 : .42);
    const double lift = f->n[N_BROW] * .15, by = e.y - 1.95 - lift;
    cairo_move_to(p->ink, e.x - s * 1.15, by + .35 + lift);
    cairo_curve_to(p->ink, e.x - s * .3, by - .25, e.x + s * .6, by - .3, e.x + s * 1.55, by + .45);
    cm_pen_line(p, brow_color(f), .95, woman ? .55 : .8);
}

static void nose(pen *p, const figure *f) {
    const double s = -p->light, w = f->n[N_NOSE];
    const rgb shade = cm_rgb_shade(f->skin, -.5);
    const point tip = at(f, 0, .40), bridge = at(f, s * .12, .08);
    cairo_move_to(p->ink, bridge.x, bridge.y);
    cairo_curve_to(p->ink, bridge.x + s * .2, tip.y - 1.2, tip.x + s * 1.0 * w, tip.y - .5, tip.x + s * .85 * w,
                   tip.y + .1);
    cairo_curve_to(p->ink, tip.x + s * .4, tip.y + .55, tip.x - s * .4, tip.y + .5, tip.x - s * .75 * w, tip.y + .05);
    cm_pen_line(p, shade, .75, .42);
    cm_path_ellipse(p, tip.x - s * .15, tip.y - .45, .38, .38);
    cm_pen_fill(p, R_NONE, (rgb){1, 1, 1}, .22);
}

static void mouth(pen *p, const figure *f) {
    const bool woman = f->v[S_GENDER] == FEMALE, smile = f->n[N_MOUTH] > .35, teeth = f->n[N_MOUTH] > .75;
    const point m = at(f, 0, .66);
    const double w = woman ? 1.75 : 1.95, up = smile ? .5 : .05;
    const rgb lip =
        woman ? cm_rgb_mix(f->skin, (rgb){.78, .16, .24}, .68) : cm_rgb_mix(f->skin, (rgb){.55, .16, .16}, .5);
    cairo_move_to(p->ink, m.x - w, m.y - up);
    cairo_curve_to(p->ink, m.x - w * .5, m.y - .45 + up * .2, m.x - .3, m.y - .55 + up * .2, m.x, m.y - .3 + up * .3);
    cairo_curve_to(p->ink, m.x + .3, m.y - .55 + up * .2, m.x + w * .5, m.y - .45 + up * .2, m.x + w, m.y - up);
    cairo_curve_to(p->ink, m.x + w * .5, m.y + 1.0 + up * .5, m.x - w * .5, m.y + 1.0 + up * .5, m.x - w, m.y - up);
    cm_pen_fill(p, R_NONE, lip, woman || teeth ? 1 : .85);
    if (teeth) {
        cairo_move_to(p->ink, m.x - w * .72, m.y - up * .5);
        cairo_curve_to(p->ink, m.x - w * .4, m.y + .75, m.x + w * .4, m.y + .75, m.x + w * .72, m.y - up * .5);
        cairo_close_path(p->ink);
        cm_pen_fill(p, R_NONE, (rgb){1, 1, .99}, 1);
    } else {
        cairo_move_to(p->ink, m.x - w * .95, m.y - up);
        cairo_curve_to(p->ink, m.x - w * .4, m.y + up * .6, m.x + w * .4, m.y + up * .6, m.x + w * .95, m.y - up);
        cm_pen_line(p, cm_rgb_shade(lip, -.55), .9, .35);
    }
}

static void beard(pen *p, const figure *f) {
    const double b = f->n[N_BEARD];
    if (b < .66) return;
    const rgb c = brow_color(f);
    const bool full = b > .82;
    const point q[] = {at(f, -.97, .22),
                       at(f, -.78, .40),
                       at(f, -.45, .47),
                       at(f, 0, .50),
                       at(f, .45, .47),
                       at(f, .78, .40),
                       at(f, .97, .22),
                       at(f, .93, .55),
                       at(f, .62, .90),
                       at(f, .28, full ? 1.12 : 1.0),
                       at(f, -.28, full ? 1.12 : 1.0),
                       at(f, -.62, .90),
                       at(f, -.93, .55)};
    cm_path_blob(p, q, 13);
    cm_pen_fill(p, full ? R_FACE : R_NONE, c, full ? .92 : .30);
}

/* Lines beside nose and eyes and on the forehead; a blush when young. */
static void age_marks(pen *p, const figure *f) {
    const rgb shade = cm_rgb_shade(f->skin, -.55);
    const bool old = f->v[S_AGE] == ELDERLY;
    for (int s = -1; s <= 1; s += 2) {
        if (f->v[S_AGE] == YOUNG || f->v[S_GENDER] == FEMALE) {
            const point c = at(f, s * .58, .40);
            cm_path_ellipse(p, c.x, c.y, 1.2, .8);
            cm_pen_fill(p, R_NONE, (rgb){.93, .35, .35}, f->v[S_AGE] == YOUNG ? .22 : .12);
        }
        if (f->v[S_AGE] == YOUNG) continue;
        const point a = at(f, s * .27, .42), b = at(f, s * .46, .66);
        cairo_move_to(p->ink, a.x, a.y);
        cairo_curve_to(p->ink, a.x + s * .5, a.y + .4, b.x, b.y - .6, b.x, b.y);
        cm_pen_line(p, shade, old ? .75 : .3, .36);
        if (!old) continue;
        const point e = at(f, s * .72, .14), bag = at(f, s * .42, .25);
        for (int i = -1; i <= 1; i++) {
            cairo_move_to(p->ink, e.x, e.y + i * .25);
            cairo_line_to(p->ink, e.x + s * .85, e.y + i * .7);
        }
        cairo_move_to(p->ink, bag.x - 1, bag.y - .1);
        cairo_curve_to(p->ink, bag.x - .4, bag.y + .45, bag.x + .4, bag.y + .45, bag.x + 1, bag.y - .1);
        cm_pen_line(p, shade, .55, .3);
    }
    for (int i = 0; i < 2 && old; i++) {
        const point a = at(f, -.42, -.36 - i * .13), b = at(f, .42, -.36 - i * .13);
        cairo_move_to(p->ink, a.x, a.y);
        cairo_curve_to(p->ink, a.x + 1, a.y - .3, b.x - 1, b.y - .3, b.x, b.y);
        cm_pen_line(p, shade, .45, .3);
    }
}

void cm_draw_head(pen *p, const figure *f) {
    ears(p, f);
    skull(p, f);
    beard(p, f);
    age_marks(p, f);
    for (int s = -1; s <= 1; s += 2) eye(p, f, s);
    nose(p, f);
    mouth(p, f);
}

void cm_draw_glasses(pen *p, const figure *f) {
    const double g = f->n[N_GLASSES];
    if (g > .13) return;
    const bool dark = g < .06;
    for (int s = -1; s <= 1; s += 2) {
        const point e = at(f, s * .44, .11);
        cm_path_box(p, e.x - 1.75, e.y - 1.25, e.x + 1.75, e.y + 1.35, 1.0);
        cm_pen_mark(p, R_GLASSES);
        if (dark) cairo_set_source_rgba(p->ink, .09, .09, .13, .95);
        else cairo_set_source_rgba(p->ink, .85, .93, 1, .28);
        cairo_fill_preserve(p->ink);
        cm_pen_line(p, (rgb){.12, .11, .13}, 1, .48);
        if (dark) {
            cairo_move_to(p->ink, e.x - 1, e.y + .4);
            cairo_line_to(p->ink, e.x + .2, e.y - .8);
            cm_pen_line(p, (rgb){1, 1, 1}, .45, .4);
        }
        const point t = at(f, s * .97, .08);
        cairo_move_to(p->ink, e.x + s * 1.7, e.y - .4);
        cairo_line_to(p->ink, t.x, t.y - .2);
        cm_pen_line(p, (rgb){.12, .11, .13}, 1, .45);
    }
    cairo_move_to(p->ink, f->head.x - .55, f->head.y + .55);
    cairo_line_to(p->ink, f->head.x + .55, f->head.y + .55);
    cm_pen_line(p, (rgb){.12, .11, .13}, 1, .48);
}
