// SPDX-License-Identifier: Apache-2.0
/* The tape: reverse-mode gradients over the operations of nn.h.
 *
 *     cm_tape_open(g);
 *     cm_tensor *loss = ...;              // [1]
 *     cm_tape_backward(g, loss);          // adds into parameters' ->grad
 *     cm_ctx_reset(g);                    // gone: tape and activations, not parameters' gradients
 *
 * While the tape is open each operation whose input needs a gradient records a
 * node: a function and what it needs, in the context's memory. Gradients always
 * accumulate (+=). A tensor's grad is allocated, cleared, when first asked for.
 */
#ifndef CM_CORE_TENSOR_TAPE_H
#define CM_CORE_TENSOR_TAPE_H

#include "core/tensor/tensor.h"

void cm_tape_open(cm_ctx *g);

/* Runs the recorded nodes backwards, with the gradient `seed` at loss (a single value). */
void cm_tape_backward(cm_ctx *g, cm_tensor *loss, float seed);

/* For operations: record a node (copied arg lives in the context's memory). */
typedef void cm_backward(cm_ctx *g, void *arg);
void cm_tape_record(cm_ctx *g, cm_backward *fn, void *arg);

#endif
