// SPDX-License-Identifier: Apache-2.0
/* The feature network of nano_scorers.h: blocks of four parallel branches, in stages, each half the size of the last.
 */
#include <assert.h>

#include "core/networks/blocks.h"
#include "core/networks/config.h"
#include "core/networks/nano_scorers.h"

enum { MAX_STAGES = 6, MAX_REPEATS = 8, MAX_SLOTS = 256, BRANCHES = 4 };

static const float eps = 1e-5f;

/* Convolution, group norm, SiLU. */
typedef struct unit {
    cm_affine conv, norm;
} unit;

typedef struct block {
    unit one, three[2], five[3], pool;
} block;

struct cm_feature_net {
    size_t stem_channels[2], stages, widths[MAX_STAGES][BRANCHES], repeats[MAX_STAGES], groups, slots;
    unit stem[2], halve[MAX_STAGES];
    block blocks[MAX_STAGES][MAX_REPEATS];
    cm_affine answers;
};

static cm_status check_groups(size_t groups, const size_t *widths, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (widths[i] % groups)
            return cm_fail(CM_EFORMAT, "feature config: width %zu is not a multiple of \"groups\" %zu", widths[i],
                           groups);
    return CM_OK;
}

static cm_status read_stages(cm_feature_net *n, cm_config *c) {
    const json_t *stages = json_object_get(c->json, "stages");
    for (size_t i = 0; i < n->stages; i++) {
        for (size_t b = 0; b < BRANCHES; b++) {
            const json_int_t width = json_integer_value(json_array_get(json_array_get(stages, i), b));
            if (width < 1 || width > 4096)
                return cm_fail(CM_EFORMAT, "feature config: \"stages\" wants lists of %d widths from 1 to 4096",
                               BRANCHES);
            n->widths[i][b] = (size_t)width;
        }
        CM_TRY(check_groups(n->groups, n->widths[i], BRANCHES));
    }
    return CM_OK;
}

static cm_status configure(cm_feature_net *n, const json_t *config) {
    size_t counts[MAX_SLOTS];
    cm_config c = cm_config_begin(config, "feature config");
    n->stages = cm_config_length(&c, "stages");
    const size_t slots = cm_config_length(&c, "slots");
    if (c.status == CM_OK && (n->stages < 1 || n->stages > MAX_STAGES || slots < 1 || slots > MAX_SLOTS))
        c.status = cm_fail(CM_EFORMAT, "feature config: wants \"stages\" (1 to %d) and \"slots\" (1 to %d)", MAX_STAGES,
                           MAX_SLOTS);
    if (c.status != CM_OK) return c.status;
    cm_config_sizes(&c, "stem", 24, 1, 4096, 2, n->stem_channels);
    cm_config_sizes(&c, "repeats", 1, 1, MAX_REPEATS, n->stages, n->repeats);
    cm_config_sizes(&c, "slots", 2, 1, 4096, slots, counts);
    n->groups = cm_config_size(&c, "groups", 8, 1, 256);
    if (c.status != CM_OK) return c.status;
    for (size_t i = 0; i < slots; i++) n->slots += counts[i];
    CM_TRY(check_groups(n->groups, n->stem_channels, 2));
    return read_stages(n, &c);
}

static unit build_unit(cm_params *p, size_t out, size_t in, size_t kernel, const char *stage, const char *part) {
    unit u;
    u.conv = cm_affine_conv(p, out, in, kernel, "%s.%s.conv", stage, part);
    u.norm = cm_affine_norm(p, out, "%s.%s.norm", stage, part);
    return u;
}

static void build_block(block *b, cm_params *p, const char *name, size_t in, const size_t widths[BRANCHES]) {
    b->one = build_unit(p, widths[0], in, 1, name, "one");
    b->three[0] = build_unit(p, widths[1], in, 1, name, "three.0");
    b->three[1] = build_unit(p, widths[1], widths[1], 3, name, "three.1");
    b->five[0] = build_unit(p, widths[2], in, 1, name, "five.0");
    b->five[1] = build_unit(p, widths[2], widths[2], 3, name, "five.1");
    b->five[2] = build_unit(p, widths[2], widths[2], 3, name, "five.2");
    b->pool = build_unit(p, widths[3], in, 1, name, "pool");
}

static size_t width_of(const size_t widths[BRANCHES]) {
    return widths[0] + widths[1] + widths[2] + widths[3];
}

cm_status cm_feature_net_build(cm_feature_net **out, const json_t *config, cm_params *p, cm_arena *arena) {
    cm_feature_net *n = CM_PUSH_ZERO(arena, cm_feature_net, 1);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(configure(n, config));
    n->stem[0] = build_unit(p, n->stem_channels[0], 3, 3, "stem", "0");
    n->stem[1] = build_unit(p, n->stem_channels[1], n->stem_channels[0], 3, "stem", "1");
    size_t in = n->stem_channels[1];
    for (size_t i = 0; i < n->stages; i++) {
        char name[64];
        snprintf(name, sizeof name, "stages.%zu", i);
        n->halve[i] = build_unit(p, in, in, 3, name, "halve");
        for (size_t j = 0; j < n->repeats[i]; j++) {
            snprintf(name, sizeof name, "stages.%zu.blocks.%zu", i, j);
            build_block(&n->blocks[i][j], p, name, in, n->widths[i]);
            in = width_of(n->widths[i]);
        }
    }
    n->answers = cm_affine_linear(p, n->slots, in, "slots");
    *out = n;
    return CM_OK;
}

size_t cm_feature_net_width(const cm_feature_net *n) {
    return width_of(n->widths[n->stages - 1]);
}

/* --- forward ------------------------------------------------------------------------ */

static cm_tensor *run_unit(cm_ctx *g, const unit *u, cm_tensor *x, size_t stride, size_t groups) {
    cm_tensor *h = cm_conv2d(g, x, u->conv.weight, u->conv.bias, stride, CM_PAD_SAME);
    return cm_then(g, h, cm_group_norm(g, h, u->norm.weight, u->norm.bias, groups, eps, CM_SILU));
}

static cm_tensor *run_chain(cm_ctx *g, const unit *u, size_t count, cm_tensor *x, size_t groups) {
    cm_tensor *h = run_unit(g, &u[0], x, 1, groups);
    for (size_t i = 1; i < count; i++) h = cm_then(g, h, run_unit(g, &u[i], h, 1, groups));
    return h;
}

/* Means over 2x2, and back to the size of x. */
static cm_tensor *run_pool(cm_ctx *g, const unit *u, cm_tensor *x, size_t groups) {
    if (!x) return NULL;
    cm_tensor *h = cm_avg_pool(g, x, 2, 2);
    h = cm_then(g, h, run_unit(g, u, h, 1, groups));
    return cm_then(g, h, cm_upsample_bilinear(g, h, x->shape[1], x->shape[2]));
}

static cm_tensor *joined(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    cm_tensor *both = cm_concat_last(g, a, b);
    cm_drop(g, a);
    cm_drop(g, b);
    return both;
}

static cm_tensor *run_block(cm_ctx *g, const block *b, cm_tensor *x, size_t groups) {
    cm_tensor *h = run_chain(g, &b->one, 1, x, groups);
    h = joined(g, h, run_chain(g, b->three, 2, x, groups));
    h = joined(g, h, run_chain(g, b->five, 3, x, groups));
    return joined(g, h, run_pool(g, &b->pool, x, groups));
}

void cm_feature_net_forward(cm_ctx *g, const cm_feature_net *n, cm_tensor *pixels, cm_tensor **pooled,
                            cm_tensor **slots) {
    assert(!pixels || (pixels->ndim == 4 && pixels->shape[3] == 3));
    cm_tensor *x = run_unit(g, &n->stem[0], pixels, 2, n->groups);
    x = cm_then(g, x, run_unit(g, &n->stem[1], x, 1, n->groups));
    for (size_t i = 0; i < n->stages; i++) {
        x = cm_then(g, x, run_unit(g, &n->halve[i], x, 2, n->groups));
        for (size_t j = 0; j < n->repeats[i]; j++) x = cm_then(g, x, run_block(g, &n->blocks[i][j], x, n->groups));
    }
    x = cm_then(g, x, cm_mean_hw(g, x));
    if (slots) *slots = cm_apply_linear(g, x, n->answers);
    if (pooled) *pooled = x;
    else cm_drop(g, x);
}
