// SPDX-License-Identifier: Apache-2.0
/* The order of drawing, from back to front, and from cairo's surfaces to image and maps. */
#include <math.h>
#include <string.h>

#include "core/data/people/figure.h"

static const struct {
    uint8_t class_, group;
} regions[R_COUNT] = {
    [R_BACKGROUND] = {CM_BACKGROUND, 2},
    [R_FACE] = {CM_FACE, 0},
    [R_HAIR] = {CM_HAIR, 3},
    [R_GLASSES] = {CM_SUNGLASSES, 0},
    [R_LEFT_LEG] = {CM_LEFT_LEG, 0},
    [R_RIGHT_LEG] = {CM_RIGHT_LEG, 0},
    [R_LEFT_ARM] = {CM_LEFT_ARM, 0},
    [R_RIGHT_ARM] = {CM_RIGHT_ARM, 0},
    [R_DRESS] = {CM_DRESS, 5},
    [R_TOP] = {CM_UPPER, 6},
    [R_COAT] = {CM_UPPER, 7},
    [R_SKIRT] = {CM_SKIRT, 8},
    [R_PANTS] = {CM_PANTS, 8},
    [R_LEFT_SHOE] = {CM_LEFT_SHOE, 9},
    [R_RIGHT_SHOE] = {CM_RIGHT_SHOE, 9},
    [R_BAG] = {CM_BAG, 10},
    [R_HAT] = {CM_HAT, 11},
    [R_BELT] = {CM_BELT, 12},
    [R_SCARF] = {CM_SCARF, 13},
    [R_HEADBAND] = {CM_HAT, 15},
    [R_LEFT_SOCK] = {CM_LEFT_LEG, 18},
    [R_RIGHT_SOCK] = {CM_RIGHT_LEG, 18},
    [R_TIE] = {CM_UPPER, 19},
};

static void draw_side(pen *p, const figure *f, int side) {
    cm_draw_arm(p, f, side);
    cm_draw_sleeves(p, f, side);
}

static void draw_all(pen *p, const figure *f, const double show[4]) {
    const bool boots_outside = f->v[S_SHOES] == BOOTS && f->v[S_SHOES_LENGTH] == KNEE;
    const int first = f->n[N_SIDE] > 0;
    cm_draw_backdrop(p, f, show);
    cm_draw_contact(p, f);
    cm_draw_hair_behind(p, f);
    cm_draw_bag_behind(p, f);
    for (int side = 0; side < 2; side++)
        if (cm_arm_is_behind(f, side)) draw_side(p, f, side);
    cm_draw_leg(p, f, !first);
    cm_draw_leg(p, f, first);
    cm_draw_socks(p, f);
    if (!boots_outside) cm_draw_shoes(p, f);
    cm_draw_body(p, f);
    cm_draw_bottom(p, f);
    if (f->v[S_ONE] == JUMPSUIT) cm_draw_one_piece(p, f);
    if (boots_outside) cm_draw_shoes(p, f);
    if (f->v[S_TOP]) cm_draw_top(p, f);
    if (f->v[S_ONE] == DRESS) cm_draw_one_piece(p, f);
    cm_draw_tie(p, f);
    cm_draw_belt(p, f);
    if (f->v[S_COAT]) cm_draw_coat(p, f);
    cm_draw_bag_straps(p, f);
    for (int side = 0; side < 2; side++)
        if (!cm_arm_is_behind(f, side)) draw_side(p, f, side);
    cm_draw_bag(p, f);
    cm_draw_scarf(p, f);
    cm_draw_head(p, f);
    cm_draw_hair(p, f);
    cm_draw_glasses(p, f);
    cm_draw_hat(p, f);
}

/* The frame of 64x96 stands in the middle of an image of any shape. */
static void frame(cairo_t *c, double width, double height) {
    const double k = fmin(width / 64, height / 96);
    cairo_translate(c, (width - 64 * k) / 2, (height - 96 * k) / 2);
    cairo_scale(c, k, k);
    cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
}

/* cairo's pixels (native 0xXXRRGGBB), `over` by `over` of them to one of the image's. */
static void reduce(cairo_surface_t *s, size_t over, cm_image *to) {
    const uint8_t *data = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s);
    const uint32_t n = (uint32_t)(over * over);
    for (size_t y = 0; y < to->height; y++)
        for (size_t x = 0; x < to->width; x++) {
            uint32_t r = n / 2, g = n / 2, b = n / 2;
            for (size_t i = 0; i < over; i++) {
                const uint32_t *row = (const uint32_t *)(const void *)(data + (y * over + i) * stride) + x * over;
                for (size_t j = 0; j < over; j++) r += row[j] >> 16 & 255, g += row[j] >> 8 & 255, b += row[j] & 255;
            }
            uint8_t *q = to->pixels + (y * to->width + x) * 3;
            q[0] = (uint8_t)(r / n), q[1] = (uint8_t)(g / n), q[2] = (uint8_t)(b / n);
        }
}

static void split_maps(cairo_surface_t *s, cm_image *classes, cm_image *groups) {
    const uint8_t *data = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s);
    for (size_t y = 0; y < classes->height; y++)
        for (size_t x = 0; x < classes->width; x++) {
            const uint8_t region = data[y * stride + x];
            classes->pixels[y * classes->width + x] = regions[region].class_;
            groups->pixels[y * classes->width + x] = (uint8_t)(1 + regions[region].group);
        }
}

static cm_status new_images(cm_arena *out, size_t width, size_t height, cm_drawing *d) {
    d->picture = (cm_image){width, height, 3, CM_PUSH(out, uint8_t, width * height * 3)};
    d->classes = (cm_image){width, height, 1, CM_PUSH(out, uint8_t, width * height)};
    d->groups = (cm_image){width, height, 1, CM_PUSH(out, uint8_t, width * height)};
    return cm_arena_check(out);
}

cm_status cm_person_draw(const cm_person *person, size_t width, size_t height, cm_arena *out, cm_drawing *drawing) {
    if (width < 8 || height < 8 || width > 4096 || height > 4096)
        return cm_fail(CM_EUSAGE, "a person of %zux%zu: sides must be 8 to 4096", width, height);
    cm_drawing d;
    CM_TRY(new_images(out, width, height, &d));
    const size_t over = width <= 160 ? 2 : 1;
    cairo_surface_t *ink = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * over), (int)(height * over));
    cairo_surface_t *map = cairo_image_surface_create(CAIRO_FORMAT_A8, (int)width, (int)height);
    pen p = {cairo_create(ink), cairo_create(map), person->numbers[N_LIGHT], (int)(height / 96)};
    frame(p.ink, (double)(width * over), (double)(height * over));
    frame(p.map, (double)width, (double)height);
    if (over > 1) { /* each pixel is made of several: coarser edges are enough */
        cairo_set_antialias(p.ink, CAIRO_ANTIALIAS_FAST);
        cairo_set_tolerance(p.ink, .3);
    }
    cairo_set_tolerance(p.map, .3);
    cairo_set_antialias(p.map, CAIRO_ANTIALIAS_NONE);
    cairo_set_operator(p.map, CAIRO_OPERATOR_SOURCE);
    figure f;
    cm_figure_make(&f, person);
    const double k = fmin((double)width / 64, (double)height / 96), bx = ((double)width / k - 64) / 2,
                 by = ((double)height / k - 96) / 2;
    draw_all(&p, &f, (const double[4]){-bx, -by, 64 + bx, 96 + by});
    cm_status s = CM_OK;
    if (cairo_status(p.ink) != CAIRO_STATUS_SUCCESS || cairo_status(p.map) != CAIRO_STATUS_SUCCESS)
        s = cm_fail(CM_ENOMEM, "drawing: %s",
                    cairo_status_to_string(cairo_status(p.ink) ? cairo_status(p.ink) : cairo_status(p.map)));
    if (s == CM_OK) {
        cairo_surface_flush(ink);
        cairo_surface_flush(map);
        reduce(ink, over, &d.picture);
        split_maps(map, &d.classes, &d.groups);
        *drawing = d;
    }
    cairo_destroy(p.ink);
    cairo_destroy(p.map);
    cairo_surface_destroy(ink);
    cairo_surface_destroy(map);
    return s;
}
