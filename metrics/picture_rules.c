// SPDX-License-Identifier: Apache-2.0
#include "metrics/picture_rules.h"

#include <math.h>
#include <string.h>

enum { MAX_SIDE = 1 << 15 };

#define SAME(x)                                                                                                        \
    { x, x, x }
#define CLIP_MEAN                                                                                                      \
    { 0.48145466f, 0.4578275f, 0.40821073f }
#define CLIP_SCALE                                                                                                     \
    { 0.26862954f, 0.26130258f, 0.27577711f }
#define IMAGENET_MEAN                                                                                                  \
    { 0.485f, 0.456f, 0.406f }
#define IMAGENET_SCALE                                                                                                 \
    { 0.229f, 0.224f, 0.225f }

const cm_picture_rule cm_picture_rules[] = {
    {"fid@tf1", "TensorFlow 1's bilinear, no antialias; (x - 128) / 128", CM_FIT_SQUASH, CM_TF1_BILINEAR, false, false,
     1, SAME(128), SAME(128)},
    {"fid@pytorch", "torch's bilinear, no antialias; 2 x / 255 - 1", CM_FIT_SQUASH, CM_TORCH_BILINEAR, false, false,
     255, SAME(0.5f), SAME(0.5f)},
    {"fid@clean", "Pillow's bicubic in floats; (x - 128) / 128", CM_FIT_SQUASH, CM_BICUBIC, false, false, 1, SAME(128),
     SAME(128)},
    {"fid@tm18", "torch's bilinear with antialias; (x - 128) / 128", CM_FIT_SQUASH, CM_TORCH_ANTIALIAS, false, false, 1,
     SAME(128), SAME(128)},
    {"clip", "short side, Pillow's bicubic, centre crop; CLIP's mean and deviation", CM_FIT_COVER, CM_BICUBIC, true,
     false, 255, CLIP_MEAN, CLIP_SCALE},
    {"dinov2", "squashed, Pillow's bicubic; ImageNet's mean and deviation", CM_FIT_SQUASH, CM_BICUBIC, true, false, 255,
     IMAGENET_MEAN, IMAGENET_SCALE},
    {"cmmd", "centre square, Pillow's bicubic; CLIP's mean and deviation", CM_FIT_CROP, CM_BICUBIC, true, false, 255,
     CLIP_MEAN, CLIP_SCALE},
    {"hps", "long side, bicubic with antialias in floats, black around it; CLIP's mean and deviation", CM_FIT_PAD,
     CM_BICUBIC, false, true, 255, CLIP_MEAN, CLIP_SCALE},
    {"nano", "squashed, Pillow's bicubic; x / 127.5 - 1", CM_FIT_SQUASH, CM_BICUBIC, true, false, 127.5f, SAME(1),
     SAME(1)},
};
const size_t cm_picture_rule_count = sizeof cm_picture_rules / sizeof *cm_picture_rules;

const cm_picture_rule *cm_picture_rule_find(const char *name) {
    for (size_t i = 0; i < cm_picture_rule_count; i++)
        if (!strcmp(cm_picture_rules[i].name, name)) return &cm_picture_rules[i];
    return NULL;
}

static cm_status crop(const cm_image *from, size_t left, size_t top, size_t width, size_t height, cm_arena *out,
                      cm_image *to) {
    cm_image image;
    const size_t row = width * from->channels;
    CM_TRY(cm_image_new(out, width, height, from->channels, &image));
    for (size_t y = 0; y < height; y++)
        memcpy(image.pixels + y * row, from->pixels + ((top + y) * from->width + left) * from->channels, row);
    *to = image;
    return CM_OK;
}

/* Half of what is left over, as Python's round() has it: a half goes to the even number. */
static size_t middle_offset(size_t all, size_t part) {
    const size_t rest = all - part, half = rest / 2;
    return rest % 2 ? half + half % 2 : half;
}

static cm_status fit_cover(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height, cm_arena *out,
                           cm_image *to) {
    const bool wide = image->width * height > image->height * width;
    const size_t w = wide ? height * image->width / image->height : width,
                 h = wide ? height : width * image->height / image->width;
    cm_image large;
    CM_TRY(cm_image_resize(image, w, h, r->filter, out, &large));
    return crop(&large, middle_offset(w, width), middle_offset(h, height), width, height, out, to);
}

static size_t at_least_one(size_t n) {
    return n ? n : 1;
}

static cm_status fit_crop(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height, cm_arena *out,
                          cm_image *to) {
    const bool wide = image->width * height > image->height * width;
    const size_t w = wide ? at_least_one(image->height * width / height) : image->width;
    const size_t h = wide ? image->height : at_least_one(image->width * height / width);
    cm_image part;
    CM_TRY(crop(image, (image->width - w) / 2, (image->height - h) / 2, w, h, out, &part));
    return cm_image_resize(&part, width, height, r->filter, out, to);
}

/* values [n,channels] -> out [n,3]; may be the same place when there are three channels. */
static void scale_values(const cm_picture_rule *r, const float *values, size_t n, size_t channels, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            const float x = values[i * channels + (channels == 3 ? c : 0)], y = r->wide   ? x
                                                                                : x < 0   ? 0
                                                                                : x > 255 ? 255
                                                                                          : x;
            out[i * 3 + c] = (y / r->unit - r->mean[c]) / r->scale[c];
        }
}

static void scale_bytes(const cm_picture_rule *r, const cm_image *image, float *out) {
    float table[3][256];
    for (size_t i = 0; i < 256; i++)
        for (size_t c = 0; c < 3; c++) table[c][i] = ((float)i / r->unit - r->mean[c]) / r->scale[c];
    for (size_t i = 0; i < image->width * image->height; i++)
        for (size_t c = 0; c < 3; c++)
            out[i * 3 + c] = table[c][image->pixels[i * image->channels + (image->channels == 3 ? c : 0)]];
}

static cm_status prepare_whole(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height,
                               cm_arena *scratch, float *out) {
    cm_image fitted = *image;
    if (r->fit == CM_FIT_COVER) CM_TRY(fit_cover(r, image, width, height, scratch, &fitted));
    else if (r->fit == CM_FIT_CROP) CM_TRY(fit_crop(r, image, width, height, scratch, &fitted));
    else if (image->width != width || image->height != height)
        CM_TRY(cm_image_resize(image, width, height, r->filter, scratch, &fitted));
    scale_bytes(r, &fitted, out);
    return CM_OK;
}

static cm_status prepare_floats(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height,
                                cm_arena *scratch, float *out) {
    float *values = image->channels == 3 ? out : CM_PUSH(scratch, float, width *height * image->channels);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_image_resize_float(image, width, height, r->filter, scratch, values));
    scale_values(r, values, width * height, image->channels, out);
    return CM_OK;
}

/* n * size / longest as Python's round() has it. */
static size_t scaled(size_t n, size_t size, size_t longest) {
    return at_least_one((size_t)nearbyint((double)n * ((double)size / (double)longest)));
}

static cm_status prepare_padded(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height,
                                cm_arena *scratch, float *out) {
    const size_t longest = image->width > image->height ? image->width : image->height,
                 size = width < height ? width : height;
    const size_t w = scaled(image->width, size, longest), h = scaled(image->height, size, longest),
                 channels = image->channels;
    float *values = CM_PUSH(scratch, float, w *h *channels),
          *padded = CM_PUSH_ZERO(scratch, float, width *height *channels);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_image_resize_float(image, w, h, r->filter, scratch, values));
    const size_t left = (width - w) / 2, top = (height - h) / 2;
    for (size_t y = 0; y < h; y++)
        memcpy(padded + ((top + y) * width + left) * channels, values + y * w * channels,
               w * channels * sizeof *values);
    scale_values(r, padded, width * height, channels, out);
    return CM_OK;
}

cm_status cm_picture_prepare(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height,
                             cm_arena *scratch, float *out) {
    if (!image->width || !image->height || !width || !height || width > MAX_SIDE || height > MAX_SIDE)
        return cm_fail(CM_EUSAGE, "an image of %zux%zu cannot be made %zux%zu", image->width, image->height, width,
                       height);
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status s = r->fit == CM_FIT_PAD ? prepare_padded(r, image, width, height, scratch, out)
                        : r->whole           ? prepare_whole(r, image, width, height, scratch, out)
                                             : prepare_floats(r, image, width, height, scratch, out);
    cm_arena_reset(scratch, mark);
    return s;
}
