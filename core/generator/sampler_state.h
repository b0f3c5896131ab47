// SPDX-License-Identifier: Apache-2.0
/* What every sampler keeps between its steps; private to the samplers. */
#ifndef CM_CORE_GENERATOR_SAMPLER_STATE_H
#define CM_CORE_GENERATOR_SAMPLER_STATE_H

#include "core/generator/sampler.h"

struct cm_sampler_state {
    const cm_schedule *schedule;
    size_t steps;
    double *timesteps;   /* [steps], descending */
    double *sigmas;      /* [steps + 1], for samplers that count in noise levels */
    double init_scale;
};

/* A state with its timesteps; `otherwise` is the spacing where the schedule does not say, `whole`: linspace is rounded. */
cm_status cm_sampler_state_new(const cm_schedule *s, size_t steps, cm_spacing otherwise, bool whole, cm_arena *out,
                               cm_sampler_state **state);

extern const cm_sampler cm_sampler_ddim;
extern const cm_sampler cm_sampler_euler;

#endif
