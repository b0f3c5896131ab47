// SPDX-License-Identifier: Apache-2.0
/* What tensor.c shares with tape.c and the functions of nn.h: memory of the pass, who still reads a tensor, and how
 * gradients meet. Nobody else needs it.
 */
#ifndef CM_CORE_TENSOR_TENSOR_PARTS_H
#define CM_CORE_TENSOR_TENSOR_PARTS_H

#include "core/tensor/ops.h"
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

#endif
