// SPDX-License-Identifier: Apache-2.0
/* The pen: one path, drawn twice: as colour (antialiased, large) and as region (hard, at the image's own size).
 *
 * Units are those of a frame of 64x96, y down. A path is built with cairo's calls or the helpers below on pen->ink;
 * cm_pen_fill, cm_cloth_fill and cm_pen_line use it up. Whatever is drawn with region R_NONE leaves the map alone (a
 * fold, an eye, a button).
 */
#ifndef CM_CORE_DATA_PEOPLE_PEN_H
#define CM_CORE_DATA_PEOPLE_PEN_H

#include <cairo.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"

#define CM_PI 3.14159265358979323846

/* What is visible at a pixel: a parsing class and a text group. */
enum {
    R_NONE = -1,
    R_BACKGROUND,
    R_FACE,
    R_HAIR,
    R_GLASSES,
    R_LEFT_LEG,
    R_RIGHT_LEG,
    R_LEFT_ARM,
    R_RIGHT_ARM,
    R_DRESS,
    R_TOP,
    R_COAT,
    R_SKIRT,
    R_PANTS,
    R_LEFT_SHOE,
    R_RIGHT_SHOE,
    R_BAG,
    R_HAT,
    R_BELT,
    R_SCARF,
    R_HEADBAND,
    R_LEFT_SOCK,
    R_RIGHT_SOCK,
    R_TIE,
    R_COUNT
};

typedef struct rgb {
    double r, g, b;
} rgb;
typedef struct point {
    double x, y;
} point;

typedef struct pen {
    cairo_t *ink, *map;
    double light;  /* -1: light from the left, 1: from the right */
    int side_rows; /* image rows per unit, for detail that would only blur in a small image */
} pen;

typedef struct cloth {
    rgb color;
    int pattern, material; /* vocabulary.h */
    double phase;          /* shifts the pattern, 0..1 */
} cloth;

rgb cm_rgb_mix(rgb a, rgb b, double t);
rgb cm_rgb_shade(rgb c, double amount); /* > 0 lighter, < 0 darker and cooler */
double cm_rgb_luma(rgb c);
point cm_point_mix(point a, point b, double t);

/* Paths */
void cm_path_ellipse(pen *p, double x, double y, double rx, double ry);
void cm_path_box(pen *p, double x0, double y0, double x1, double y1, double radius);
void cm_path_blob(pen *p, const point *points, size_t n);  /* smooth and closed */
void cm_path_curve(pen *p, const point *points, size_t n); /* smooth and open, from the first point on */
void cm_path_polygon(pen *p, const point *points, size_t n);
void cm_path_limb(pen *p, const point *joints, const double *half, size_t n); /* a tube with round ends */

/* Painting */
void cm_pen_fill(pen *p, int region, rgb color, double alpha);
void cm_pen_line(pen *p, rgb color, double alpha, double width);
void cm_pen_mark(pen *p, int region); /* region only; keeps the path */
/* Keeps the path: light to dark from a to b (image's light is the caller's concern). */
void cm_pen_shade(pen *p, point a, point b, double strength);
void cm_pen_edge(pen *p, rgb color, double alpha); /* keeps the path: a thin line of the colour, darker */

/* Cloth over the current path; the pattern's rows lie across the direction `along` from `origin`. */
void cm_cloth_fill(pen *p, const cloth *c, int region, point origin, point along);
void cm_cloth_finish(pen *p, const cloth *c, point lit, point dark); /* shading and edge; uses the path up */
void cm_cloth_fold(pen *p, const cloth *c, const point *points, size_t n, double width);
/* A soft lit band, as on silk and leather, between two points. */
rgb cm_cloth_accent(const cloth *c); /* a darker tone of the cloth (lighter on black) for collars and seams */

#endif
