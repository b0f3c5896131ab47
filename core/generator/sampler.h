// SPDX-License-Identifier: Apache-2.0
/* Samplers: how noise becomes a latent. One row a sampler; each agrees with diffusers' scheduler. */
#ifndef CM_CORE_GENERATOR_SAMPLER_H
#define CM_CORE_GENERATOR_SAMPLER_H

#include <jansson.h>

#include "core/base/arena.h"

typedef enum cm_spacing { CM_SPACING_DEFAULT, CM_SPACING_LEADING, CM_SPACING_TRAILING, CM_SPACING_LINSPACE } cm_spacing;
typedef enum cm_prediction { CM_PREDICT_EPSILON, CM_PREDICT_V, CM_PREDICT_SAMPLE } cm_prediction;
/* Noise levels: those of the timesteps, or between two ends in a way of their own. */
typedef enum cm_levels {
    CM_LEVELS_STEPS,
    CM_LEVELS_KARRAS,
    CM_LEVELS_LU,
    CM_LEVELS_EXPONENTIAL,
    CM_LEVELS_BETA
} cm_levels;
typedef enum cm_algorithm { CM_DPMSOLVER_PP, CM_DPMSOLVER, CM_SDE_DPMSOLVER_PP, CM_SDE_DPMSOLVER } cm_algorithm;

/* From scheduler/scheduler_config.json, with the defaults of the sampler's class in diffusers. */
typedef struct cm_schedule {
    size_t train_steps;     /* 1000 */
    double *alphas_cumprod; /* [train_steps], the f32 values that diffusers has */
    int steps_offset;
    bool clip_sample;
    int final_alpha; /* set_alpha_to_one: 1 yes, 0 no, -1 the file does not say (ddim: yes, pndm: no) */
    double clip_range;
    bool threshold; /* dynamic thresholding (Saharia et al. 2022, sec. 2.3) */
    double threshold_ratio, threshold_most;
    cm_levels levels;            /* of lms, euler, dpmpp_2m */
    double sigma_min, sigma_max; /* their ends; 0: the schedule's own */
    bool log_linear, continuous; /* of euler: interpolation_type, timestep_type */
    bool ends_at_least;          /* final_sigmas_type "sigma_min": the last level is the schedule's least, not 0 */
    bool cosine;                 /* beta_schedule "squaredcos_cap_v2" */
    bool large_variance;         /* of ddpm: "fixed_large" */
    size_t order;                /* of dpmpp_2m, as all below: 1 to 3 */
    cm_algorithm algorithm;
    bool heun, lower_order_final, euler_at_final;
    double lambda_min;  /* lambda_min_clipped */
    cm_spacing spacing; /* DEFAULT: the file does not say; each sampler then has its own, as in diffusers */
    cm_prediction prediction;
} cm_schedule;

typedef struct cm_sampler cm_sampler;
/* For one sampler: only keys that its class in diffusers reads count. Each of these is followed or refused by name, a
 * wrong type too; a key of no scheduler at all is refused with the nearest known one. sampler NULL: all keys count. */
cm_status cm_schedule_configure(const json_t *config, const cm_sampler *sampler, cm_arena *out, cm_schedule *s);
/* The noise level sqrt((1-a)/a) at a timestep, linear between training steps. */
double cm_schedule_sigma(const cm_schedule *s, double t);

typedef struct cm_sampler_state cm_sampler_state;

/* Where samplers that add noise take it from: normal numbers, in the latent's order. */
typedef struct cm_noise {
    void (*draw)(void *arg, size_t n, float *out);
    void *arg;
} cm_noise;

struct cm_sampler {
    const char *name, *about; /* "ddim" */
    bool random;              /* always wants noise at every step (dpmpp_2m: by its algorithm_type) */
    bool whole;               /* cannot begin in the middle of its steps */
    /* Prepares `steps` steps, 1 to train_steps, on latents of n values. */
    cm_status (*begin)(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state);
    /* x *= first scale of the starting noise */
    float (*init_scale)(const cm_sampler_state *state);
    float (*timestep)(const cm_sampler_state *state, size_t i);    /* what the UNet is told at evaluation i */
    float (*input_scale)(const cm_sampler_state *state, size_t i); /* the UNet sees x * this */
    /* x at the beginning of evaluation i is a clean latent * *of_clean + noise * *of_noise */
    void (*mix)(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise);
    /* x is replaced by the next; out is the UNet's (guided) output; evaluations come in order, once each */
    void (*step)(cm_sampler_state *state, size_t i, const float *out, float *x);
};

/* How often the network is asked: `steps` times, or a few more (pndm). */
size_t cm_sampler_evaluations(const cm_sampler_state *state);
/* Does it want noise at its steps? Then noise is set before the first. */
bool cm_sampler_draws(const cm_sampler_state *state);
void cm_sampler_set_noise(cm_sampler_state *state, cm_noise noise);

/* Begins at evaluation `first` with a latent that is as noisy as that wants. */
cm_status cm_sampler_resume_at(const cm_sampler *s, cm_sampler_state *state, size_t first);
/* Begins at evaluation `first` with x [n] = the clean latent x, noised (image to image, Meng et al. 2022). */
cm_status cm_sampler_begin_at(const cm_sampler *s, cm_sampler_state *state, size_t first, const float *noise, float *x);

/* The clean latent that x [n], at the beginning of evaluation i, and the network's output stand for; takes x's place.
 */
void cm_sampler_clean(const cm_sampler *s, const cm_sampler_state *state, size_t i, const float *out, float *x);

extern const cm_sampler *const cm_samplers[];        /* NULL-terminated */
const cm_sampler *cm_sampler_find(const char *name); /* NULL: none of that name */
/* The same, where an unknown name is wrong usage; what: the option or key that gave it. */
cm_status cm_sampler_choose(const char *what, const char *name, const cm_sampler **sampler);
const cm_sampler *cm_sampler_for_class(const char *class_name); /* as diffusers calls it; NULL: none of that class */
/* The sampler for a scheduler_config.json: `asked`, or (NULL) the one of its _class_name or else of the class
 * `otherwise` (may be NULL). A class that we lack is refused unless one is asked for; those of flow matching and EDM
 * always. */
cm_status cm_sampler_of_config(const json_t *config, const char *otherwise, const cm_sampler *asked,
                               const cm_sampler **out);

#endif
