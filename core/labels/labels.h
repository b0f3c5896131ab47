// SPDX-License-Identifier: Apache-2.0
/* CosmicMan's labels: 20 text groups, 18 parsing classes, dense descriptions.
 *
 * Groups, their order and attribute keys are those of the authors' data loader;
 * the parsing classes are the ATR set of SCHP's 18-class model (an inference of
 * ours, see docs). A description is a list of phrases joined by ", ": the shot
 * phrase, then groups 0, 1, 2, then the others in any order.
 */
#ifndef CM_CORE_LABELS_LABELS_H
#define CM_CORE_LABELS_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

enum { CM_GROUPS = 20, CM_CLASSES = 18, CM_MAX_ATTRIBUTES = 8, CM_GROUP_SHOT = -1 };

/* Parsing classes (ATR). */
enum {
    CM_BACKGROUND,
    CM_HAT,
    CM_HAIR,
    CM_SUNGLASSES,
    CM_UPPER,
    CM_SKIRT,
    CM_PANTS,
    CM_DRESS,
    CM_BELT,
    CM_LEFT_SHOE,
    CM_RIGHT_SHOE,
    CM_FACE,
    CM_LEFT_LEG,
    CM_RIGHT_LEG,
    CM_LEFT_ARM,
    CM_RIGHT_ARM,
    CM_BAG,
    CM_SCARF
};
extern const char *const cm_class_names[CM_CLASSES];

typedef struct cm_group_info {
    const char *name;                    /* "tops" */
    const char *keys[CM_MAX_ATTRIBUTES]; /* "pattern", "material", ...; NULL after the last */
    const char *noun;                    /* fixed noun ("hair"), or NULL: the value of `noun_key` */
    const char *noun_key;                /* "type", "gender", or NULL */
    uint32_t classes;                    /* bit set of parsing classes the group covers by default */
} cm_group_info;
extern const cm_group_info cm_groups[CM_GROUPS];

typedef struct cm_attribute {
    const char *key, *value;
} cm_attribute;

/* One phrase of a description. */
typedef struct cm_phrase {
    int group;                     /* 0..19, or CM_GROUP_SHOT */
    uint32_t classes;              /* its region: bit set of parsing classes; 0: no region */
    char *text;                    /* "red striped long sleeve cotton shirt" */
    size_t begin, end;             /* bytes in the description */
    size_t token_begin, token_end; /* tokens in the encoded prompt (BOS is token 0); equal when not set */
    size_t attribute_count;
    cm_attribute attributes[CM_MAX_ATTRIBUTES + 1]; /* the noun's key among them: "type" or "gender" */
} cm_phrase;

typedef struct cm_description {
    char *text; /* phrases joined by ", " */
    size_t count;
    cm_phrase phrases[CM_GROUPS + 1];
} cm_description;

#endif
