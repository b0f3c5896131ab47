// SPDX-License-Identifier: Apache-2.0
#include "core/data/people/pen.h"

#include <math.h>

rgb cm_rgb_mix(rgb a, rgb b, double t) {
    return (rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

rgb cm_rgb_shade(rgb c, double amount) {
    return amount > 0 ? cm_rgb_mix(c, (rgb){1, 1, .97}, amount) : cm_rgb_mix(c, (rgb){.07, .05, .16}, -amount);
}

double cm_rgb_luma(rgb c) {
    return .3 * c.r + .59 * c.g + .11 * c.b;
}

point cm_point_mix(point a, point b, double t) {
    return (point){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

void cm_path_ellipse(pen *p, double x, double y, double rx, double ry) {
    cairo_t *c = p->ink;
    cairo_save(c);
    cairo_translate(c, x, y);
    cairo_scale(c, rx, ry);
    cairo_new_sub_path(c);
    cairo_arc(c, 0, 0, 1, 0, 2 * CM_PI);
    cairo_close_path(c);
    cairo_restore(c);
}

void cm_path_box(pen *p, double x0, double y0, double x1, double y1, double q) {
    cairo_t *c = p->ink;
    cairo_new_sub_path(c);
    cairo_arc(c, x1 - q, y0 + q, q, -CM_PI / 2, 0);
    cairo_arc(c, x1 - q, y1 - q, q, 0, CM_PI / 2);
    cairo_arc(c, x0 + q, y1 - q, q, CM_PI / 2, CM_PI);
    cairo_arc(c, x0 + q, y0 + q, q, CM_PI, 1.5 * CM_PI);
    cairo_close_path(c);
}

/* Catmull-Rom through b and c with neighbours a and d, as a Bezier. */
static void segment(cairo_t *ink, point a, point b, point c, point d) {
    cairo_curve_to(ink, b.x + (c.x - a.x) / 6, b.y + (c.y - a.y) / 6, c.x - (d.x - b.x) / 6, c.y - (d.y - b.y) / 6, c.x,
                   c.y);
}

void cm_path_blob(pen *p, const point *q, size_t n) {
    cairo_move_to(p->ink, q[0].x, q[0].y);
    for (size_t i = 0; i < n; i++) segment(p->ink, q[(i + n - 1) % n], q[i], q[(i + 1) % n], q[(i + 2) % n]);
    cairo_close_path(p->ink);
}

void cm_path_curve(pen *p, const point *q, size_t n) {
    if (!cairo_has_current_point(p->ink)) cairo_move_to(p->ink, q[0].x, q[0].y);
    else cairo_line_to(p->ink, q[0].x, q[0].y);
    for (size_t i = 0; i + 1 < n; i++) segment(p->ink, q[i ? i - 1 : 0], q[i], q[i + 1], q[i + 2 < n ? i + 2 : n - 1]);
}

void cm_path_polygon(pen *p, const point *q, size_t n) {
    cairo_move_to(p->ink, q[0].x, q[0].y);
    for (size_t i = 1; i < n; i++) cairo_line_to(p->ink, q[i].x, q[i].y);
    cairo_close_path(p->ink);
}

void cm_path_limb(pen *p, const point *j, const double *half, size_t n) {
    point left[12], right[12];
    double first = 0, last = 0;
    for (size_t i = 0; i < n; i++) {
        const point a = j[i ? i - 1 : 0], b = j[i + 1 < n ? i + 1 : n - 1];
        const double angle = atan2(b.y - a.y, b.x - a.x);
        const double nx = -sin(angle) * half[i], ny = cos(angle) * half[i];
        left[i] = (point){j[i].x + nx, j[i].y + ny};
        right[n - 1 - i] = (point){j[i].x - nx, j[i].y - ny};
        if (i == 0) first = angle;
        last = angle;
    }
    cairo_new_sub_path(p->ink);
    cairo_move_to(p->ink, left[0].x, left[0].y);
    cm_path_curve(p, left, n);
    cairo_arc_negative(p->ink, j[n - 1].x, j[n - 1].y, half[n - 1], last + CM_PI / 2, last - CM_PI / 2);
    cm_path_curve(p, right, n);
    cairo_arc_negative(p->ink, j[0].x, j[0].y, half[0], first - CM_PI / 2, first - 1.5 * CM_PI);
    cairo_close_path(p->ink);
}

void cm_pen_mark(pen *p, int region) {
    if (region < 0) return;
    cairo_path_t *path = cairo_copy_path(p->ink);
    cairo_new_path(p->map);
    cairo_append_path(p->map, path);
    cairo_path_destroy(path);
    cairo_set_source_rgba(p->map, 0, 0, 0, region / 255.0);
    cairo_fill(p->map);
}

void cm_pen_fill(pen *p, int region, rgb c, double alpha) {
    cm_pen_mark(p, region);
    cairo_set_source_rgba(p->ink, c.r, c.g, c.b, alpha);
    cairo_fill(p->ink);
}

void cm_pen_line(pen *p, rgb c, double alpha, double width) {
    cairo_set_source_rgba(p->ink, c.r, c.g, c.b, alpha);
    cairo_set_line_width(p->ink, width);
    cairo_stroke(p->ink);
}

void cm_pen_shade(pen *p, point a, point b, double strength) {
    cairo_pattern_t *g = cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
    cairo_pattern_add_color_stop_rgba(g, 0, 1, 1, .94, .26 * strength);
    cairo_pattern_add_color_stop_rgba(g, .38, 1, 1, .94, 0);
    cairo_pattern_add_color_stop_rgba(g, .55, .07, .04, .2, 0);
    cairo_pattern_add_color_stop_rgba(g, 1, .07, .04, .2, .4 * strength);
    cairo_set_source(p->ink, g);
    cairo_fill_preserve(p->ink);
    cairo_pattern_destroy(g);
}

void cm_pen_edge(pen *p, rgb c, double alpha) {
    const rgb e = cm_rgb_luma(c) < .22 ? cm_rgb_shade(c, -.5) : cm_rgb_shade(c, -.62);
    cairo_set_source_rgba(p->ink, e.r, e.g, e.b, alpha);
    cairo_set_line_width(p->ink, .42);
    cairo_stroke_preserve(p->ink);
}
