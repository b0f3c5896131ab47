// SPDX-License-Identifier: Apache-2.0
#include "reports/layers.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t layers_of(const json_t *kept) {
    return json_array_size(json_object_get(kept, "all"));
}

static bool have_equal_layers(const cm_report_model *r, const char *a, const char *b) {
    const json_t *x = json_object_get(cm_report_model_arm(r, a), "layers"),
                 *y = json_object_get(cm_report_model_arm(r, b), "layers");
    return json_array_size(x) > 0 && json_equal((json_t *)x, (json_t *)y);
}

static bool both_have(const cm_report_model *r, const cm_layer_pair *p, const char *group) {
    return layers_of(cm_report_model_kept(r, p->a, group)) == p->layer_count &&
           layers_of(cm_report_model_kept(r, p->b, group)) == p->layer_count;
}

cm_status cm_layer_pair_find(const cm_report_model *r, cm_arena *out, cm_layer_pair *p) {
    *p = (cm_layer_pair){.groups = CM_PUSH(out, const char *, r->kept.count + 1)};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < r->pairs.count && !p->group_count; i++) {
        p->a = cm_text_of(r->pairs.at[i], "a");
        p->b = cm_text_of(r->pairs.at[i], "b");
        if (!have_equal_layers(r, p->a, p->b)) continue;
        p->layers = json_object_get(cm_report_model_arm(r, p->a), "layers");
        p->layer_count = json_array_size(p->layers);
        for (size_t k = 0; k < r->kept.count; k++) {
            const char *group = cm_text_of(r->kept.at[k], "group");
            if (!strcmp(cm_text_of(r->kept.at[k], "arm"), p->a) && both_have(r, p, group))
                p->groups[p->group_count++] = group;
        }
    }
    if (!p->group_count) p->layers = NULL;
    return CM_OK;
}

double cm_layer_share(const cm_report_model *r, const char *arm, const char *group, size_t layer, bool in_region) {
    const json_t *kept = cm_report_model_kept(r, arm, group),
                 *v = json_array_get(json_object_get(kept, in_region ? "inside" : "all"), layer);
    double area = 1;
    if (!json_is_number(v) || (in_region && (!cm_number_of(kept, "area", &area) || area <= 0))) return (double)NAN;
    return json_number_value(v) / area;
}

/* The number behind "WORD." in the name; false: there is none. */
static bool number_behind(const char *name, const char *word, unsigned long *n) {
    const char *at = strstr(name, word);
    if (!at || !isdigit((unsigned char)at[strlen(word)])) return false;
    *n = strtoul(at + strlen(word), NULL, 10);
    return true;
}

const char *cm_layer_title(const json_t *layer, bool block, cm_arena *out) {
    const char *name = cm_text_of(layer, "name");
    unsigned long of_block = 0, attention = 0, depth = 0;
    const bool has_block = number_behind(name, "_blocks.", &of_block);
    const char *side = strncmp(name, "down_blocks.", 12) == 0 ? "down"
                       : strncmp(name, "up_blocks.", 10) == 0 ? "up"
                       : strncmp(name, "mid_block.", 10) == 0 ? "mid"
                                                              : NULL;
    if (!side || (!has_block && strcmp(side, "mid") != 0)) return cm_arena_string(out, name);
    number_behind(name, ".attentions.", &attention);
    number_behind(name, ".transformer_blocks.", &depth);
    if (strcmp(side, "mid") == 0)
        return block || !depth ? cm_arena_string(out, "mid") : cm_arena_print(out, "mid.%lu", depth);
    if (block) return cm_arena_print(out, "%s %lu", side, of_block);
    return depth ? cm_arena_print(out, "%s %lu.%lu.%lu", side, of_block, attention, depth)
                 : cm_arena_print(out, "%s %lu.%lu", side, of_block, attention);
}
