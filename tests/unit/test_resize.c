// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/image.h"
#include "core/io/safetensors.h"

static const char *const names[CM_FILTER_COUNT] = {"box",   "bilinear", "bicubic",   "lanczos",
                                                   "torch", "nearest",  "antialias", "tf1"};
enum { CASES = 12 };

static cm_safetensors *golden;
static cm_arena a;

static void begin(void) {
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_safetensors_open(&golden, CM_TESTS_DIR "/golden/resize/resize.safetensors"), CM_OK, "%s", cm_why());
}

static void end(void) {
    cm_safetensors_close(&golden);
    cm_arena_free(&a);
}

static const cm_stored *get(int number, const char *filter, const char *more) {
    char name[64];
    snprintf(name, sizeof name, "%d/%s%s", number, filter, more);
    const cm_stored *t = cm_safetensors_find(golden, name);
    cr_assert(t, "%s", name);
    return t;
}

static cm_image picture(const cm_stored *t) {
    cm_image image;
    cr_assert_eq(cm_image_new(&a, t->shape[1], t->shape[0], t->shape[2], &image), CM_OK);
    memcpy(image.pixels, t->data, t->count);
    return image;
}

/* Pillow's own arithmetic is followed, so its filters come out equal; torch rounds floats that we sum in another order.
 */
Test(resize, bytes_are_those_of_pillow_and_torch, .init = begin, .fini = end) {
    for (int n = 0; n < CASES; n++) {
        const cm_image from = picture(get(n, "in", ""));
        for (cm_filter f = 0; f < CM_FILTER_COUNT; f++) {
            const cm_stored *want = get(n, names[f], "");
            const uint8_t *w = want->data;
            cm_image to;
            cr_assert_eq(cm_image_resize(&from, want->shape[1], want->shape[0], f, &a, &to), CM_OK, "%s", cm_why());
            const int most = f == CM_TORCH_BILINEAR || f == CM_TORCH_ANTIALIAS || f == CM_TF1_BILINEAR ? 1 : 0;
            for (size_t i = 0; i < want->count; i++) {
                cr_assert(abs(to.pixels[i] - w[i]) <= most, "case %d, %s, at %zu: %d, not %d", n, names[f], i,
                          to.pixels[i], w[i]);
            }
        }
    }
}

Test(resize, floats_are_those_of_pillow_and_torch, .init = begin, .fini = end) {
    for (int n = 0; n < CASES; n++) {
        const cm_image from = picture(get(n, "in", ""));
        float *x = CM_PUSH(&a, float, from.width *from.height);
        for (size_t i = 0; i < from.width * from.height; i++) x[i] = (float)from.pixels[3 * i] / 255;
        for (cm_filter f = 0; f < CM_FILTER_COUNT; f++) {
            const cm_stored *want = get(n, names[f], "/float");
            const float *w = want->data;
            float *y = CM_PUSH(&a, float, want->count);
            cr_assert_eq(cm_resize_float(x, from.height, from.width, 1, want->shape[0], want->shape[1], f, &a, y),
                         CM_OK);
            for (size_t i = 0; i < want->count; i++) {
                cr_assert(fabsf(y[i] - w[i]) <= 1e-5f, "case %d, %s, at %zu: %g, not %g", n, names[f], i, y[i], w[i]);
            }
        }
    }
}

Test(resize, channels_do_not_mix_and_flat_stays_flat, .init = begin, .fini = end) {
    for (cm_filter f = 0; f < CM_FILTER_COUNT; f++) {
        cm_image flat, to;
        cr_assert_eq(cm_image_new(&a, 19, 7, 3, &flat), CM_OK);
        for (size_t i = 0; i < (size_t)19 * 7; i++) memcpy(flat.pixels + 3 * i, "\x05\x80\xff", 3);
        cr_assert_eq(cm_image_resize(&flat, 6, 23, f, &a, &to), CM_OK);
        for (size_t i = 0; i < (size_t)6 * 23; i++)
            cr_assert_arr_eq(to.pixels + 3 * i, "\x05\x80\xff", 3, "%s", names[f]);
    }
}

Test(resize, the_same_size_changes_nothing, .init = begin, .fini = end) {
    const cm_image from = picture(get(0, "in", ""));
    for (cm_filter f = 0; f < CM_FILTER_COUNT; f++) {
        cm_image to;
        cr_assert_eq(cm_image_resize(&from, from.width, from.height, f, &a, &to), CM_OK);
        cr_assert_arr_eq(to.pixels, from.pixels, from.width * from.height * 3, "%s", names[f]);
    }
}

Test(resize, no_size_of_zero, .init = begin, .fini = end) {
    const cm_image from = picture(get(0, "in", ""));
    cm_image to;
    cr_assert_eq(cm_image_resize(&from, 0, 5, CM_BOX, &a, &to), CM_EUSAGE);
    cr_assert_eq(cm_image_resize(&from, 5, (size_t)1 << 40, CM_BOX, &a, &to), CM_EUSAGE);
}
