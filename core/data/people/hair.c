// SPDX-License-Identifier: Apache-2.0
/* Hair in two layers (behind the body, around the face), headbands and hats.
 * Coordinates are the head's: u in half widths, v in half heights. */
#include "core/data/people/figure.h"

#include <math.h>

static point at(const figure *f, double u, double v) {
    return (point){f->head.x + u * f->head_w, f->head.y + v * f->head_h};
}

static rgb hair_color(const figure *f) {
    static const unsigned char table[6][3] = {{36, 31, 35},  {101, 64, 38},   {231, 194, 106},
                                              {178, 72, 32}, {150, 151, 157}, {238, 237, 234}};
    const unsigned char *t = table[f->v[S_HAIR_COLOR]];
    return (rgb){t[0] / 255., t[1] / 255., t[2] / 255.};
}

/* The lowest point of the hair, in half heights. */
static double hair_end(const figure *f) {
    static const double ends[] = {.05, .78, 1.42, 2.6};
    if (f->v[S_HAIR_STYLE] == HAIR_BOB) return .98;
    return f->v[S_HAIR_LENGTH] < 0 ? 0 : ends[f->v[S_HAIR_LENGTH]];
}

static void hair_fill(pen *p, const figure *f, double darker) {
    cm_pen_mark(p, R_HAIR);
    const rgb c = cm_rgb_shade(hair_color(f), -darker);
    cairo_set_source_rgb(p->ink, c.r, c.g, c.b);
    cairo_fill_preserve(p->ink);
    cm_pen_shade(p, at(f, p->light * 1.2, -1), at(f, -p->light * 1.3, 1), .9);
    cm_pen_edge(p, c, .6);
    cairo_new_path(p->ink);
}

/* Strands: lighter and darker curves along the fall. */
static void strand(pen *p, const figure *f, point a, point b, point c, double lighter) {
    const point q[] = {a, b, c};
    cm_path_curve(p, q, 3);
    const rgb h = hair_color(f);
    cm_pen_line(p, lighter > 0 ? cm_rgb_shade(h, lighter) : cm_rgb_shade(h, lighter), .55, .5);
}

/* A lump of curls: circles along a line. */
static void curls(pen *p, const figure *f, const point *q, size_t n, double radius, double darker) {
    for (size_t i = 0; i < n; i++) {
        cm_path_ellipse(p, q[i].x, q[i].y, radius * (.88 + .12 * (double)(i * 7 % 3)), radius);
        hair_fill(p, f, darker);
        cairo_new_sub_path(p->ink);
        cairo_arc(p->ink, q[i].x, q[i].y, radius * .5, CM_PI * .9, CM_PI * 1.9);
        cm_pen_line(p, cm_rgb_shade(hair_color(f), .35), .5, .4);
    }
}

static void curls_round(pen *p, const figure *f, double ru, double rv, double from, double to, size_t n, double radius,
                        double darker) {
    point q[24];
    for (size_t i = 0; i < n && i < 24; i++) {
        const double a = from + (to - from) * (double)i / (double)(n - 1);
        q[i] = at(f, ru * cos(a), -.08 - rv * sin(a));
    }
    curls(p, f, q, n, radius, darker);
}

static void afro(pen *p, const figure *f) {
    point q[18];
    for (int i = 0; i < 18; i++) {
        const double a = i * 2 * CM_PI / 18, bump = i % 2 ? 1.05 : .97;
        q[i] = at(f, 1.72 * bump * cos(a), -.33 - 1.02 * bump * sin(a));
    }
    cm_path_blob(p, q, 18);
    hair_fill(p, f, .06);
    for (int i = 0; i < 30; i++) {
        const double a = i * 2.4, r = sqrt((i + .5) / 30);
        const point c = at(f, 1.55 * r * cos(a), -.33 - .9 * r * sin(a));
        cairo_new_sub_path(p->ink);
        cairo_arc(p->ink, c.x, c.y, .7, CM_PI, 1.9 * CM_PI);
    }
    cm_pen_line(p, cm_rgb_shade(hair_color(f), .4), .4, .35);
}

static void straight_behind(pen *p, const figure *f, double end, bool wavy) {
    const double w = 1.16, e = wavy ? .13 : 0;
    const point q[] = {at(f, 0, -1.08),
                       at(f, .8, -.92),
                       at(f, w, -.3),
                       at(f, w + .03 + e, end * .35),
                       at(f, w - .02 - e * .4, end * .68),
                       at(f, w + e, end - .08),
                       at(f, .62, end + .08),
                       at(f, 0, end),
                       at(f, -.62, end + .08),
                       at(f, -w - e, end - .08),
                       at(f, -w + .02 + e * .4, end * .68),
                       at(f, -w - .03 - e, end * .35),
                       at(f, -w, -.3),
                       at(f, -.8, -.92)};
    cm_path_blob(p, q, 14);
    hair_fill(p, f, .22);
}

void cm_draw_hair_behind(pen *p, const figure *f) {
    const int style = f->v[S_HAIR_STYLE];
    const double end = hair_end(f);
    if (style == HAIR_AFRO) afro(p, f);
    if (style == HAIR_BUN && f->v[S_HAT] == 0) {
        const point b = at(f, 0, -1.22);
        cm_path_ellipse(p, b.x, b.y, 3.0, 2.5);
        hair_fill(p, f, 0);
        strand(p, f, (point){b.x - 2, b.y + .4}, (point){b.x, b.y - .7}, (point){b.x + 2, b.y + .3}, .3);
        strand(p, f, (point){b.x - 1.8, b.y + 1.2}, (point){b.x, b.y + .5}, (point){b.x + 1.8, b.y + 1.2}, -.4);
    }
    if (end < .5) return;
    if (style == HAIR_CURLY) {
        point q[24];
        size_t n = 0;
        for (double v = -.2; v < end + .05 && n < 20; v += .31)
            for (int s = -1; s <= 1; s += 2) q[n++] = at(f, s * (1.08 + .08 * ((int)(v * 10) % 2)), v);
        for (int i = -1; i <= 1; i++) q[n++] = at(f, i * .55, end);
        straight_behind(p, f, end, false);
        curls(p, f, q, n, 1.75, .12);
    } else straight_behind(p, f, style == HAIR_BOB ? .95 : end, style == HAIR_WAVY);
}

/* The cap of hair over the forehead. line: how high the hairline stands in the middle; fringe lowers it. */
static void crown(pen *p, const figure *f, double volume, double side_end, double fringe) {
    if (f->v[S_HAT]) side_end = fmax(side_end, .3); /* enough to be seen below a hat */
    const double part = f->n[N_PART] * .42, line = -.50 + fringe, w = 1.0 + volume * .13, h = 1.0 + volume * .12;
    const point q[] = {at(f, -w * 1.02, side_end), at(f, -w * 1.1, -.25),
                       at(f, -w * .86, -.78 * h),  at(f, -.3, -1.04 * h),
                       at(f, .3, -1.04 * h),       at(f, w * .86, -.78 * h),
                       at(f, w * 1.1, -.25),       at(f, w * 1.02, side_end),
                       at(f, .88, side_end - .05), at(f, .84, -.24 + fringe * .3),
                       at(f, .55, line + .03),     at(f, part, line - .16),
                       at(f, -.55, line + .03),    at(f, -.84, -.24 + fringe * .3),
                       at(f, -.88, side_end - .05)};
    cm_path_blob(p, q, 15);
    hair_fill(p, f, 0);
    for (int i = -2; i <= 2; i++) {
        const double u = fmax(-.78, fmin(.78, part + i * .3)), end = fmax(-.88, fmin(.88, u * 1.2));
        strand(p, f, at(f, part * .9 + i * .06, -.94), at(f, u * .9, -.78), at(f, end, line - .04 + .16 * end * end),
               i % 2 ? -.4 : .28);
    }
}

static void fringe(pen *p, const figure *f) {
    const point q[] = {at(f, -.9, -.35), at(f, -.7, -.85), at(f, 0, -1.0), at(f, .7, -.85),  at(f, .9, -.35),
                       at(f, .8, -.14),  at(f, .4, -.18),  at(f, 0, -.15), at(f, -.4, -.18), at(f, -.8, -.14)};
    cm_path_blob(p, q, 10);
    hair_fill(p, f, 0);
    for (int i = -2; i <= 2; i++)
        strand(p, f, at(f, i * .14, -.92), at(f, i * .26, -.6), at(f, i * .33, -.22), i % 2 ? -.4 : .25);
}

/* Locks in front of the shoulders. */
static void locks(pen *p, const figure *f, double end, bool wavy) {
    const double top = -.30, b = fmin(end, 2.45), e = wavy ? .16 : 0;
    for (int s = -1; s <= 1; s += 2) {
        const double d = b - top;
        const point q[] = {at(f, s * .84, top),
                           at(f, s * 1.13, top + .1),
                           at(f, s * (1.2 + e), top + d * .35),
                           at(f, s * (1.16 - e * .5), top + d * .65),
                           at(f, s * (1.18 + e), b - .1),
                           at(f, s * .98, b + .03),
                           at(f, s * (.80 + e * .5), b - .15),
                           at(f, s * (.92 - e), top + d * .62),
                           at(f, s * (.90 + e * .3), top + d * .36)};
        cm_path_blob(p, q, 9);
        hair_fill(p, f, 0);
        strand(p, f, at(f, s * 1.02, top + .15), at(f, s * (1.06 + e * .6), top + d * .4), at(f, s * 1.0, b - .15),
               .28);
        strand(p, f, at(f, s * .95, top + .25), at(f, s * (1.0 - e * .4), top + d * .55), at(f, s * .92, b - .25), -.4);
    }
}

static void crew_cut(pen *p, const figure *f) {
    const double side = f->v[S_HAT] ? .34 : .14; /* enough to be seen below a hat */
    const point q[] = {at(f, -1.03, side),     at(f, -1.06, -.4), at(f, -.78, -.86), at(f, -.3, -1.06),
                       at(f, .3, -1.06),       at(f, .78, -.86),  at(f, 1.06, -.4),  at(f, 1.03, side),
                       at(f, .84, side - .08), at(f, .78, -.38),  at(f, 0, -.60),    at(f, -.78, -.38),
                       at(f, -.84, side - .08)};
    cm_path_blob(p, q, 13);
    hair_fill(p, f, .05);
    for (int i = -3; i <= 3; i++) {
        const point a = at(f, i * .2, -.98 + i * i * .012), b = at(f, i * .22, -.7);
        cairo_move_to(p->ink, a.x, a.y);
        cairo_line_to(p->ink, b.x, b.y);
    }
    cm_pen_line(p, cm_rgb_shade(hair_color(f), .3), .4, .35);
}

void cm_draw_hair(pen *p, const figure *f) {
    const int style = f->v[S_HAIR_STYLE];
    const double end = hair_end(f);
    const bool woman = f->v[S_GENDER] == FEMALE, covered = f->v[S_HAT] != 0;
    switch (style) {
    case HAIR_BALD: {
        const point s = at(f, p->light * .35, -.66);
        cm_path_ellipse(p, s.x, s.y, 1.5, .8);
        cm_pen_fill(p, R_NONE, (rgb){1, 1, 1}, .4);
        return;
    }
    case HAIR_CREW: crew_cut(p, f); break;
    case HAIR_BUN: crown(p, f, .3, .05, 0); break;
    case HAIR_AFRO: crown(p, f, .9, -.05, .05); break;
    case HAIR_BOB:
        crown(p, f, .9, .0, 0);
        locks(p, f, .95, false);
        if (!covered) fringe(p, f);
        break;
    case HAIR_CURLY:
        crown(p, f, .6, end < .5 ? .0 : .1, .05);
        if (!covered) curls_round(p, f, 1.0, .88, -.05, CM_PI + .05, 9, 1.75, 0);
        if (end > .5) {
            point q[16];
            size_t n = 0;
            for (double v = 0; v < end && n < 14; v += .36)
                for (int s = -1; s <= 1; s += 2) q[n++] = at(f, s * 1.12, v);
            curls(p, f, q, n, 1.55, 0);
        }
        break;
    default:
        crown(p, f, style == HAIR_WAVY ? .9 : .55, end < .5 ? (woman ? .1 : -.02) : .2,
              style == HAIR_WAVY && end < .5 ? .08 : 0);
        if (style == HAIR_WAVY && !covered)
            for (int i = -1; i <= 1; i++) {
                const point c = at(f, i * .55 + f->n[N_PART] * .1, -.62 + (i ? .1 : 0));
                cm_path_ellipse(p, c.x, c.y, 1.9, 1.1);
                hair_fill(p, f, 0);
                strand(p, f, (point){c.x - 1.4, c.y + .3}, (point){c.x, c.y - .5}, (point){c.x + 1.4, c.y + .2}, .3);
            }
        if (end > .5) locks(p, f, end, style == HAIR_WAVY);
        if (!covered && f->n[N_FRINGE] < .3 && end > .5) fringe(p, f);
    }
}

static void draw_headband(pen *p, const figure *f) {
    const cloth c = {cm_color_of(f->v[S_HEADBAND_COLOR]), SOLID, SILK, 0};
    const double w = f->v[S_HAIR_STYLE] == HAIR_AFRO || f->v[S_HAIR_STYLE] == HAIR_CURLY ? 1.22 : 1.12;
    const point q[] = {at(f, -w, -.34), at(f, -.6, -.60), at(f, 0, -.67), at(f, .6, -.60),  at(f, w, -.34),
                       at(f, w, -.12),  at(f, .6, -.36),  at(f, 0, -.43), at(f, -.6, -.36), at(f, -w, -.12)};
    cm_path_blob(p, q, 10);
    cm_cloth_fill(p, &c, R_HEADBAND, f->head, (point){0, 1});
    cm_cloth_finish(p, &c, at(f, p->light * 1.1, 0), at(f, -p->light * 1.1, 0));
}

static void brim(pen *p, const figure *f, const cloth *c) {
    const point a = at(f, 0, -.52);
    cm_path_ellipse(p, a.x, a.y + .8, f->head_w * 1.1, 1.2); /* its shadow on the hair */
    cm_pen_fill(p, R_NONE, (rgb){.07, .05, .16}, .3);
    const point q[] = {at(f, -2.05, -.50), at(f, -1.1, -.66), at(f, 0, -.70), at(f, 1.1, -.66),
                       at(f, 2.05, -.50),  at(f, 1.1, -.36),  at(f, 0, -.32), at(f, -1.1, -.36)};
    cm_path_blob(p, q, 8);
    cm_cloth_fill(p, c, R_HAT, a, (point){0, 1});
    cm_cloth_finish(p, c, at(f, p->light * 2, 0), at(f, -p->light * 2, 0));
}

static void draw_brimmed(pen *p, const figure *f, const cloth *c) {
    brim(p, f, c);
    const point q[] = {at(f, -1.12, -.52), at(f, -1.02, -1.05), at(f, -.72, -1.32), at(f, -.3, -1.36),
                       at(f, 0, -1.28),    at(f, .3, -1.36),    at(f, .72, -1.32),  at(f, 1.02, -1.05),
                       at(f, 1.12, -.52),  at(f, .5, -.46),     at(f, 0, -.44),     at(f, -.5, -.46)};
    cm_path_blob(p, q, 12);
    cm_cloth_fill(p, c, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, c, at(f, p->light * 1.1, -1), at(f, -p->light * 1.2, -.6));
    const point band[] = {at(f, -1.1, -.70), at(f, 1.1, -.70), at(f, 1.12, -.53),
                          at(f, .5, -.47),   at(f, -.5, -.47), at(f, -1.12, -.53)};
    cm_path_polygon(p, band, 6);
    cm_pen_fill(p, R_HAT, cm_rgb_luma(c->color) < .3 ? cm_rgb_shade(c->color, .4) : cm_rgb_shade(c->color, -.55), 1);
}

static void draw_cap(pen *p, const figure *f, const cloth *c) {
    const double s = f->n[N_SIDE];
    const point q[] = {at(f, -1.12, -.40), at(f, -1.05, -.85), at(f, -.6, -1.17), at(f, 0, -1.24), at(f, .6, -1.17),
                       at(f, 1.05, -.85),  at(f, 1.12, -.40),  at(f, .5, -.40),   at(f, -.5, -.40)};
    cm_path_blob(p, q, 9);
    cm_cloth_fill(p, c, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, c, at(f, p->light * 1.1, -1), at(f, -p->light * 1.2, -.5));
    for (int i = -1; i <= 1; i += 2) {
        const point seam[] = {at(f, 0, -1.2), at(f, i * .45, -.9), at(f, i * .55, -.45)};
        cm_cloth_fold(p, c, seam, 3, .4);
    }
    const point peak[] = {at(f, -s * .75, -.52), at(f, s * .5, -.56), at(f, s * 1.25, -.48), at(f, s * 1.85, -.30),
                          at(f, s * 1.7, -.20),  at(f, s * .9, -.30), at(f, -s * .2, -.33),  at(f, -s * .8, -.40)};
    cm_path_blob(p, peak, 8);
    const cloth dark = {cm_cloth_accent(c), SOLID, COTTON, 0};
    cm_cloth_fill(p, &dark, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, &dark, at(f, p->light * 1.5, 0), at(f, -p->light * 1.5, 0));
    const point top = at(f, 0, -1.24);
    cm_path_ellipse(p, top.x, top.y, .6, .4);
    cm_pen_fill(p, R_HAT, cm_cloth_accent(c), 1);
}

static void draw_beanie(pen *p, const figure *f, cloth c) {
    c.material = KNITTED;
    const point q[] = {at(f, -1.14, -.5), at(f, -1.02, -.98), at(f, -.55, -1.32), at(f, 0, -1.42),
                       at(f, .55, -1.32), at(f, 1.02, -.98),  at(f, 1.14, -.5),   at(f, 0, -.45)};
    cm_path_blob(p, q, 8);
    cm_cloth_fill(p, &c, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, &c, at(f, p->light * 1.1, -1), at(f, -p->light * 1.2, -.5));
    const point a = at(f, -1.17, -.72), b = at(f, 1.17, -.33);
    cm_path_box(p, a.x, a.y, b.x, b.y, .8);
    const cloth fold = {cm_cloth_accent(&c), SOLID, KNITTED, 0};
    cm_cloth_fill(p, &fold, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, &fold, at(f, p->light * 1.1, 0), at(f, -p->light * 1.2, 0));
    const point t = at(f, 0, -1.5);
    cm_path_ellipse(p, t.x, t.y, 1.5, 1.4);
    cm_cloth_fill(p, &fold, R_HAT, f->head, (point){0, 1});
    cm_cloth_finish(p, &fold, (point){t.x + p->light * 1.5, t.y - 1}, (point){t.x - p->light * 1.5, t.y + 1});
}

void cm_draw_hat(pen *p, const figure *f) {
    if (f->v[S_HEADBAND]) draw_headband(p, f);
    if (!f->v[S_HAT]) return;
    const cloth c = {cm_color_of(f->v[S_HAT_COLOR]), SOLID, COTTON, 0};
    switch (f->v[S_HAT]) {
    case HAT: draw_brimmed(p, f, &c); break;
    case CAP: draw_cap(p, f, &c); break;
    default: draw_beanie(p, f, c);
    }
}
