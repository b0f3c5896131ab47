// SPDX-License-Identifier: Apache-2.0
/* A group's region at the size of an attention map: the share of each cell, 0..1. */
#ifndef CM_CORE_LABELS_REGIONS_H
#define CM_CORE_LABELS_REGIONS_H

#include <stdbool.h>

#include "core/labels/labels.h"

typedef enum cm_region_rule {
    CM_REGION_AREA,     /* the part of the cell's area that belongs to the region: nothing is lost */
    CM_REGION_BILINEAR, /* torch's interpolate, align_corners false, no antialias: CosmicMan's code. It reads 4 pixels
                           of a cell, so that a region smaller than a cell can be lost */
} cm_region_rule;

/* map [height,width] of labels; chosen[label] says which belong; out [out_height,out_width] */
void cm_region_at(cm_region_rule rule, const uint8_t *map, size_t height, size_t width, const bool chosen[256],
                  size_t out_height, size_t out_width, float *out);

/* The labels of a bit set of parsing classes. */
void cm_region_classes(uint32_t classes, bool chosen[256]);

#endif
