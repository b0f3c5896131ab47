// SPDX-License-Identifier: Apache-2.0
/* Samplers: how noise becomes a latent. One row a sampler; each agrees with diffusers' scheduler. */
#ifndef CM_CORE_GENERATOR_SAMPLER_H
#define CM_CORE_GENERATOR_SAMPLER_H

#include <jansson.h>

#include "core/base/arena.h"

typedef enum cm_spacing { CM_SPACING_DEFAULT, CM_SPACING_LEADING, CM_SPACING_TRAILING, CM_SPACING_LINSPACE } cm_spacing;
typedef enum cm_prediction { CM_PREDICT_EPSILON, CM_PREDICT_V } cm_prediction;

/* From scheduler/scheduler_config.json, with diffusers' defaults. */
typedef struct cm_schedule {
    size_t train_steps;          /* 1000 */
    double *alphas_cumprod;      /* [train_steps], in double */
    int steps_offset;
    bool clip_sample;
    int final_alpha;             /* set_alpha_to_one: 1 yes, 0 no, -1 the file does not say (ddim: yes, pndm: no) */
    bool karras;                 /* use_karras_sigmas: of lms, euler, dpmpp_2m */
    double clip_range;
    cm_spacing spacing;          /* DEFAULT: the file does not say; each sampler then has its own, as in diffusers */
    cm_prediction prediction;
} cm_schedule;

cm_status cm_schedule_configure(const json_t *config, cm_arena *out, cm_schedule *s);
/* The noise level sqrt((1-a)/a) at a timestep, linear between training steps. */
double cm_schedule_sigma(const cm_schedule *s, double t);

typedef struct cm_sampler_state cm_sampler_state;

/* Where samplers that add noise take it from: normal numbers, in the latent's order. */
typedef struct cm_noise {
    void (*draw)(void *arg, size_t n, float *out);
    void *arg;
} cm_noise;

typedef struct cm_sampler {
    const char *name, *about;    /* "ddim" */
    bool random;                 /* wants noise at every step */
    bool whole;                  /* cannot begin in the middle of its steps */
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
} cm_sampler;

/* How often the network is asked: `steps` times, or a few more (pndm). */
size_t cm_sampler_evaluations(const cm_sampler_state *state);
/* Before the first step of a sampler with `random`. */
void cm_sampler_set_noise(cm_sampler_state *state, cm_noise noise);

/* Begins at evaluation `first` with a latent that is as noisy as that wants. */
cm_status cm_sampler_resume_at(const cm_sampler *s, cm_sampler_state *state, size_t first);
/* Begins at evaluation `first` with x [n] = the clean latent x, noised (image to image, Meng et al. 2022). */
cm_status cm_sampler_begin_at(const cm_sampler *s, cm_sampler_state *state, size_t first, const float *noise, float *x);

/* The clean latent that x [n], at the beginning of evaluation i, and the network's output stand for; takes x's place. */
void cm_sampler_clean(const cm_sampler *s, const cm_sampler_state *state, size_t i, const float *out, float *x);

extern const cm_sampler *const cm_samplers[]; /* NULL-terminated */
const cm_sampler *cm_sampler_find(const char *name); /* NULL: none of that name */
/* The same, where an unknown name is wrong usage; what: the option or key that gave it. */
cm_status cm_sampler_choose(const char *what, const char *name, const cm_sampler **sampler);
/* The sampler that a scheduler_config.json's _class_name means; ddim where we have none of that class. */
const cm_sampler *cm_sampler_for_class(const char *class_name);

#endif
