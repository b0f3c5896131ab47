// SPDX-License-Identifier: Apache-2.0
/* What tensor.c, tape.c and the functions of nn.h share: memory of the pass, and
 * who still reads a tensor. Nobody else needs it.
 */
#ifndef CM_CORE_TENSOR_STORAGE_H
#define CM_CORE_TENSOR_STORAGE_H

#include "core/tensor/nn.h"
#include "core/tensor/ops.h"
#include "core/tensor/tape.h"
#include "core/tensor/tensor.h"

void *cm_ctx_push(cm_ctx *g, size_t bytes); /* lives until cm_ctx_reset; NULL (and sticky) on failure */

/* One reader more; each is ended by cm_drop. NULL and parameters are fine. */
void cm_hold(cm_tensor *x);

/* As cm_grad, but a gradient that is new is not cleared: *fresh says that it has to be written whole. */
float *cm_grad_fresh(cm_ctx *g, cm_tensor *x, bool *fresh);

/* The gradient that has arrived at x, NULL if none has. */
const float *cm_flowed(cm_tensor *x);

/* to's gradient += alpha from's, where `from` is the output of the node that runs now and
 * nothing later reads its gradient; so the storage itself moves over when it can. */
void cm_grad_pass(cm_ctx *g, cm_tensor *from, float alpha, cm_tensor *to);

/* How a kernel runs in this context. */
cm_exec cm_exec_of(cm_ctx *g);
cm_exec cm_exec_with(cm_ctx *g, cm_tensor *weight); /* for an operation with this weight */

/* The shape of a convolution of so many channels of x, or of all, by w; padding as cm_pad says. */
cm_conv_shape cm_conv_shape_under(const cm_tensor *x, size_t channels, const cm_tensor *w, size_t stride, cm_pad pad);
cm_conv_shape cm_conv_shape_of(const cm_tensor *x, const cm_tensor *w, size_t stride, cm_pad pad);

/* The end of every function of nn.h. Notes a kernel's failure (its scratch). When
 * a tape is open and an input needs a gradient: y needs one, and a node with a
 * copy of `arg` is recorded that keeps y and the inputs until it has run.
 * Returns y, or NULL. */
cm_tensor *cm_node(cm_ctx *g, cm_tensor *y, cm_backward *fn, const void *arg, size_t bytes, size_t count,
                   cm_tensor *const *inputs);
#define CM_INPUTS(...) (sizeof((cm_tensor *[]){__VA_ARGS__}) / sizeof(cm_tensor *)), ((cm_tensor *[]){__VA_ARGS__})

/* Would cm_node record, given these inputs? For what is only worth computing then. */
bool cm_records(const cm_ctx *g, size_t count, cm_tensor *const *inputs);

/* y's shape is x's with another last dimension. */
cm_tensor *cm_like(cm_ctx *g, const cm_tensor *x, size_t last);

#endif
