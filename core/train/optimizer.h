// SPDX-License-Identifier: Apache-2.0
/* AdamW over a list of parameters, with warm-up, clipping by the global norm, and
 * an exponential moving average of the weights (what is shipped and measured).
 *
 * Every sum is taken in a fixed order, so that a step's result does not depend on
 * threads. Decay is applied to matrices and kernels, not to biases and norms.
 */
#ifndef CM_CORE_TRAIN_OPTIMIZER_H
#define CM_CORE_TRAIN_OPTIMIZER_H

#include "core/tensor/ops.h"
#include "core/tensor/tensor.h"

typedef struct cm_optimizer_config {
    double rate, final_rate; /* peak learning rate; share of it left at the last step (cosine) */
    double beta1, beta2, epsilon, decay;
    double clip; /* largest global gradient norm; 0: no clipping */
    double ema;  /* decay of the average; it starts shorter: (1+step)/(10+step) */
    size_t warmup, steps;
    bool cosine; /* else constant after the warm-up */
} cm_optimizer_config;

typedef struct cm_optimizer {
    cm_optimizer_config config;
    const cm_ops *ops;
    size_t count;
    cm_tensor **params; /* gradients in ->grad */
    float **m, **v, **ema;
    double *norms; /* squared gradient norm of each parameter */
    size_t step;   /* steps done */
} cm_optimizer;

/* Arrays live in `out`; moments start at zero, the average at the weights. */
cm_status cm_optimizer_init(cm_optimizer *o, const cm_optimizer_config *c, const cm_ops *ops, cm_tensor *const *params,
                            size_t count, cm_arena *out);
/* The learning rate of step `step` (from 0). */
double cm_optimizer_rate(const cm_optimizer_config *c, size_t step);
/* One step from the gradients. norm receives the global norm before clipping; one that is not finite is an
 * error and changes nothing. */
cm_status cm_optimizer_step(cm_optimizer *o, int threads, double *norm);

#endif
