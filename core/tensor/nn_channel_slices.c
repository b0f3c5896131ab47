// SPDX-License-Identifier: Apache-2.0
/* Layers that read some channels of a tensor and write some of another, for networks of parallel branches: no branch is
 * copied to be joined. Without gradients. */
#include <assert.h>

#include "core/tensor/nn_parts.h"

static bool may_run(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *y) {
    if (!x || !y || g->status != CM_OK) return false;
    if (!cm_tape_records(g, CM_INPUTS(x, weight, y))) return true;
    cm_ctx_fail(g, CM_EUNAVAILABLE, "a layer between parts of tensors has no gradient");
    return false;
}

void cm_conv2d_slices(cm_ctx *g, cm_channels x, const cm_conv_layer *l, cm_channels y) {
    if (!l->weight || !may_run(g, x.t, l->weight, y.t)) return;
    const cm_conv_shape s = cm_conv_shape_under(x.t, cm_dim(l->weight, 1), l->weight, l->stride, l->pad);
    const cm_channel_strides at = {.x_row = cm_dim(x.t, -1), .y_row = cm_dim(y.t, -1), .relu = l->relu};
    assert(x.from + s.c <= at.x_row && y.from + s.o <= at.y_row);
    assert(y.t->shape[0] == s.n && y.t->shape[1] == s.oh && y.t->shape[2] == s.ow);
    const cm_exec e = cm_exec_with(g, l->weight);
    g->ops->conv2d_strided_channels(&e, &s, &at, x.t->data + x.from, l->weight->data, l->bias ? l->bias->data : NULL,
                                    y.t->data + y.from);
    cm_node(g, y.t, NULL, NULL, 0, 0, NULL);
}

void cm_pool2d_slices(cm_ctx *g, cm_channels x, const cm_pool_layer *l, cm_channels y) {
    if (!may_run(g, x.t, l->bias, y.t)) return;
    const size_t *in = x.t->shape, *out = y.t->shape, edge = l->same ? l->k / 2 : 0;
    const cm_pool_shape s = {.n = in[0],
                             .h = in[1],
                             .w = in[2],
                             .c = l->channels,
                             .k = l->k,
                             .stride = l->stride,
                             .pad = edge,
                             .oh = (in[1] + 2 * edge - l->k) / l->stride + 1,
                             .ow = (in[2] + 2 * edge - l->k) / l->stride + 1,
                             .x_row = in[3],
                             .y_row = out[3],
                             .kind = l->kind,
                             .relu = l->relu};
    assert(x.t->ndim == 4 && y.t->ndim == 4 && in[1] + 2 * edge >= l->k && in[2] + 2 * edge >= l->k);
    assert(x.from + s.c <= s.x_row && y.from + s.c <= s.y_row && out[0] == s.n && out[1] == s.oh && out[2] == s.ow);
    const cm_exec e = cm_exec_of(g);
    g->ops->pool2d(&e, &s, x.t->data + x.from, l->bias ? l->bias->data : NULL, y.t->data + y.from);
    cm_node(g, y.t, NULL, NULL, 0, 0, NULL);
}
