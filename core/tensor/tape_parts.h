// SPDX-License-Identifier: Apache-2.0
/* How the functions of nn.h record themselves. Nobody else needs it. */
#ifndef CM_CORE_TENSOR_TAPE_PARTS_H
#define CM_CORE_TENSOR_TAPE_PARTS_H

#include "core/tensor/tape.h"

/* The end of every function of nn.h. Notes a kernel's failure (its scratch). When
 * a tape is open and an input needs a gradient: y needs one, and a node with a
 * copy of `arg` is recorded that keeps y and the inputs until it has run.
 * Returns y, or NULL. */
cm_tensor *cm_node(cm_ctx *g, cm_tensor *y, cm_backward *fn, const void *arg, size_t bytes, size_t count,
                   cm_tensor *const *inputs);
#define CM_INPUTS(...) (sizeof((cm_tensor *[]){__VA_ARGS__}) / sizeof(cm_tensor *)), ((cm_tensor *[]){__VA_ARGS__})

/* Would cm_node record, given these inputs? For what is only worth computing then. */
bool cm_tape_records(const cm_ctx *g, size_t count, cm_tensor *const *inputs);

#endif
