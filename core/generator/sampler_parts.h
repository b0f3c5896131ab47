// SPDX-License-Identifier: Apache-2.0
/* What every sampler keeps between its steps; private to the samplers. */
#ifndef CM_CORE_GENERATOR_SAMPLER_PARTS_H
#define CM_CORE_GENERATOR_SAMPLER_PARTS_H

#include "core/generator/sampler.h"

enum { CM_SAMPLER_HISTORY = 4 };

struct cm_sampler_state {
    const cm_schedule *schedule;
    size_t steps;       /* as asked for */
    size_t evaluations; /* of the network: steps, or a few more */
    size_t first;       /* the evaluation it began at */
    size_t values;      /* of a latent */
    double *timesteps;  /* [evaluations], descending */
    double *sigmas;     /* [steps + 1], for samplers that count in noise levels; the last is 0 */
    double init_scale;
    float *past[CM_SAMPLER_HISTORY]; /* [values] each, newest first, of samplers with a memory; else NULL */
    float *kept, *fresh;             /* [values]: a latent put aside; noise */
    float *sorted;                   /* [values], for thresholds */
    cm_noise noise;
};

/* How a sampler wants its state made. */
typedef struct cm_sampler_plan {
    cm_spacing spacing; /* where the schedule does not say */
    bool fractions;     /* linspace's timesteps are not rounded */
    size_t past;        /* arrays of history */
    bool keeps, random; /* wants `kept`, `fresh` */
} cm_sampler_plan;

/* A state with its timesteps, one evaluation a step. */
cm_status cm_sampler_state_new(const cm_schedule *s, const cm_sampler_plan *plan, size_t steps, size_t values,
                               cm_arena *out, cm_sampler_state **state);
/* The oldest array of history becomes the newest; returns it, to be overwritten. */
float *cm_sampler_push_past(cm_sampler_state *state, size_t length);
/* The network's output as the clean latent and the noise in x = signal * clean + noise * e: each is a sum of x and out.
 */
typedef struct cm_parts {
    double clean_x, clean_out, noise_x, noise_out;
} cm_parts;
cm_parts cm_sampler_parts(cm_prediction kind, double signal, double noise);
/* Thresholds or clips the predicted clean latent [values], where the schedule says so. */
void cm_sampler_limit(cm_sampler_state *state, float *clean);
/* noise's next values, in `fresh` */
const float *cm_sampler_draw(cm_sampler_state *state);

/* sampler_sigmas.c: noise levels sigma = sqrt((1-a)/a). */
double cm_sigma_of(const cm_schedule *s, size_t t);
double cm_sigma_timestep(const cm_schedule *s, double sigma); /* the other way, linear in the logarithm */
/* Fills sigmas at the timesteps, or as the schedule says between `most` and `least` (its own sigma_max and sigma_min
 * win), and then the timesteps that belong to them. */
void cm_sigmas_fill(cm_sampler_state *state);
void cm_sigmas_between(cm_sampler_state *state, double most, double least);
double cm_sigma_last(const cm_schedule *s); /* behind the last step: 0, or the schedule's least */
/* The clean latent that x and the network's output stand for at sigma: clean = x * *of_x + out * *of_out. */
void cm_sigma_clean(cm_prediction kind, double sigma, double *of_x, double *of_out);

/* Parts that many samplers share. */
void cm_sampler_mix_alphas(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise);
float cm_sampler_init_scale(const cm_sampler_state *state);
float cm_sampler_timestep(const cm_sampler_state *state, size_t i);
float cm_sampler_no_scale(const cm_sampler_state *state, size_t i);    /* the network sees x as it is */
float cm_sampler_sigma_scale(const cm_sampler_state *state, size_t i); /* 1/sqrt(sigma^2+1) */

extern const cm_sampler cm_sampler_ddim, cm_sampler_ddpm, cm_sampler_pndm, cm_sampler_lms, cm_sampler_euler,
    cm_sampler_euler_a, cm_sampler_dpmpp_2m, cm_sampler_dpmpp_2m_karras;

#endif
