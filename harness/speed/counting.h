// SPDX-License-Identifier: Apache-2.0
/* A backend that counts what is asked of it.
 *
 * Counted are products: matrices, linear layers, convolutions (directly, however the backend takes them), both products
 * of attention. A multiplication and an addition are two operations. Norms, activations and sums are not counted.
 */
#ifndef CM_HARNESS_SPEED_COUNTING_H
#define CM_HARNESS_SPEED_COUNTING_H

#include "core/tensor/ops.h"

/* real's table with counting in front: this thread's only, until it is called again. The count begins at 0. */
const cm_ops *cm_counting(const cm_ops *real);
double cm_counted(void); /* operations so far */

#endif
