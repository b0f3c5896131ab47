// SPDX-License-Identifier: Apache-2.0
/* Reading a network's config.json strictly: what we do not know is refused, with the key's name.
 *
 * Every key is followed, or in the caller's table of those that change nothing, or refused: an unknown one with the
 * nearest known name. Status is sticky: read everything, then look once.
 */
#ifndef CM_CORE_NETWORKS_CONFIG_H
#define CM_CORE_NETWORKS_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

typedef struct cm_config {
    const json_t *json;
    const char *what; /* "UNet config", for messages */
    cm_status status;
} cm_config;

/* A key with the only values that we can do, as a JSON array. An absent key means the first. */
typedef struct cm_config_rule {
    const char *key, *values;
} cm_config_rule;

cm_config cm_config_begin(const json_t *json, const char *what);
/* Is it there, and not null? */
bool cm_config_has(const cm_config *c, const char *key);
/* A null of these keys (ends in NULL) is no default: the first implementation reads it as something else, or as
 * nothing. */
void cm_config_refuse_nulls(cm_config *c, const char *const *keys);
/* _class_name, where the file says one, must be one of these (ends in NULL). */
void cm_config_class(cm_config *c, const char *const *names);

/* A whole number in [low, high]. */
size_t cm_config_size(cm_config *c, const char *key, size_t otherwise, size_t low, size_t high);
double cm_config_number(cm_config *c, const char *key, double otherwise);
bool cm_config_bool(cm_config *c, const char *key, bool otherwise);
const char *cm_config_text(cm_config *c, const char *key, const char *otherwise);
/* One number for all, or a list of `count`; each in [low, high]. */
void cm_config_sizes(cm_config *c, const char *key, size_t otherwise, size_t low, size_t high, size_t count,
                     size_t *out);
/* Number of entries of a list; 0 when absent. */
size_t cm_config_length(cm_config *c, const char *key);
/* Entry i of a list of names. */
const char *cm_config_item(cm_config *c, const char *key, size_t i);

/* Rules end with a NULL key. `known` (NULL-terminated) are the keys read elsewhere or without meaning for the
 * result. Any other key must be null, or begin with '_'. known NULL: other keys are not looked at. */
cm_status cm_config_end(cm_config *c, const cm_config_rule *rules, const char *const *known);

#endif
