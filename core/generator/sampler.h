// SPDX-License-Identifier: Apache-2.0
/* Samplers: how noise becomes a latent. One row a sampler; each agrees with diffusers' scheduler. */
#ifndef CM_CORE_GENERATOR_SAMPLER_H
#define CM_CORE_GENERATOR_SAMPLER_H

#include <jansson.h>

#include "core/base/arena.h"

/* From scheduler/scheduler_config.json, with diffusers' defaults. */
typedef struct cm_schedule {
    size_t train_steps;          /* 1000 */
    double *alphas_cumprod;      /* [train_steps], in double */
    int steps_offset;
    bool set_alpha_to_one, clip_sample;
    double clip_range;
    enum { CM_SPACING_LEADING, CM_SPACING_TRAILING, CM_SPACING_LINSPACE } spacing;
    enum { CM_PREDICT_EPSILON, CM_PREDICT_V } prediction;
} cm_schedule;

cm_status cm_schedule_configure(const json_t *config, cm_arena *out, cm_schedule *s);

typedef struct cm_sampler_state cm_sampler_state;

typedef struct cm_sampler {
    const char *name, *about;    /* "ddim" */
    /* Prepares `steps` steps; timesteps[i] is what the UNet is told at step i. */
    cm_status (*begin)(const cm_schedule *s, size_t steps, cm_arena *out, cm_sampler_state **state);
    /* x *= first scale of the starting noise */
    float (*init_scale)(const cm_sampler_state *state);
    float (*timestep)(const cm_sampler_state *state, size_t i);
    float (*input_scale)(const cm_sampler_state *state, size_t i); /* the UNet sees x * this */
    /* x [n] is replaced by the next; eps [n] is the UNet's (guided) output */
    void (*step)(cm_sampler_state *state, size_t i, const float *eps, size_t n, float *x);
} cm_sampler;

extern const cm_sampler *const cm_samplers[]; /* NULL-terminated */
const cm_sampler *cm_sampler_find(const char *name);

#endif
