// SPDX-License-Identifier: Apache-2.0
/* How an image is made ready for a network, by published rule.
 *
 *     CM_TRY(cm_picture_prepare(cm_picture_rule_find("fid@clean"), &image, 299, 299, scratch, pixels));
 *
 * The same features of the same network move by whole points of FID with the resize alone, so each rule has a name and
 * is part of the score's. Sources: fid@tf1 is TTUR's graph, torch-fidelity's and torchmetrics' before 1.8; fid@pytorch
 * pytorch-fid's; fid@clean clean-fid's; fid@tm18 torchmetrics' from 1.8 on; clip OpenAI CLIP's clip.py and open_clip's
 * (torchvision's Resize and CenterCrop on Pillow images); dinov2 dgm-eval's; cmmd CMMD's own crop, scaled as for
 * CLIP; nano this program's shipped networks'; hps HPSv2's (hpsv2 1.2.0: a tensor is resized, by torchvision from 0.17
 * on with antialias, and padded). Each is tested against its original to 1e-5 of the values' range.
 */
#ifndef CM_METRICS_PICTURE_RULES_H
#define CM_METRICS_PICTURE_RULES_H

#include <stdbool.h>

#include "core/io/image.h"

typedef enum cm_fit {
    CM_FIT_SQUASH, /* both sides at once, whatever the shape */
    CM_FIT_COVER,  /* scaled until it covers the size, then the middle of it, torchvision's rounding */
    CM_FIT_PAD,    /* scaled until the long side fits, black around it */
    CM_FIT_CROP    /* the largest middle part of the size's shape, offsets rounded down, then scaled */
} cm_fit;

typedef struct cm_picture_rule {
    const char *name, *about;
    cm_fit fit;
    cm_filter filter;
    bool whole;                    /* resized values are rounded to bytes */
    bool wide;                     /* what the filter throws below 0 and above 255 stays */
    float unit, mean[3], scale[3]; /* (clip(value, 0, 255) / unit - mean) / scale */
} cm_picture_rule;

extern const cm_picture_rule cm_picture_rules[];
extern const size_t cm_picture_rule_count;
const cm_picture_rule *cm_picture_rule_find(const char *name); /* NULL: none of that name */

/* out [height,width,3]; a grey image gives three equal channels. Scratch is given back. Any thread. */
cm_status cm_picture_prepare(const cm_picture_rule *r, const cm_image *image, size_t width, size_t height,
                             cm_arena *scratch, float *out);

#endif
