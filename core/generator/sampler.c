// SPDX-License-Identifier: Apache-2.0
#include "core/generator/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/generator/sampler_parts.h"

const cm_sampler *const cm_samplers[] = {&cm_sampler_ddim,
                                         &cm_sampler_ddpm,
                                         &cm_sampler_pndm,
                                         &cm_sampler_lms,
                                         &cm_sampler_euler,
                                         &cm_sampler_euler_a,
                                         &cm_sampler_dpmpp_2m,
                                         &cm_sampler_dpmpp_2m_karras,
                                         NULL};

const cm_sampler *cm_sampler_find(const char *name) {
    for (size_t i = 0; cm_samplers[i]; i++) {
        if (strcmp(cm_samplers[i]->name, name) == 0) return cm_samplers[i];
    }
    return NULL;
}

cm_status cm_sampler_choose(const char *what, const char *name, const cm_sampler **sampler) {
    const char *names[32] = {NULL};
    for (size_t i = 0; cm_samplers[i] && i < 31; i++) names[i] = cm_samplers[i]->name;
    *sampler = cm_sampler_find(name);
    return *sampler ? CM_OK : cm_unknown_choice(what, name, names);
}

/* --- the steps ------------------------------------------------------------ */

/* diffusers' three spacings ("Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2). */
static double timestep_at(const cm_schedule *s, cm_spacing spacing, bool whole, size_t steps, size_t i) {
    const double train = (double)s->train_steps, back = (double)(steps - 1 - i);
    double t = 0;
    switch (spacing) {
    case CM_SPACING_DEFAULT:
    case CM_SPACING_LEADING: t = back * (double)(s->train_steps / steps) + s->steps_offset; break;
    case CM_SPACING_TRAILING: t = nearbyint(train - (double)i * (train / (double)steps)) - 1; break;
    case CM_SPACING_LINSPACE:
        t = steps > 1 ? back * (train - 1) / (double)(steps - 1) : 0;
        if (whole) t = nearbyint(t);
        break;
    }
    return whole ? fmax(0, fmin(t, train - 1)) : t;
}

static cm_status push_arrays(cm_sampler_state *r, const cm_sampler_plan *plan, cm_arena *out) {
    for (size_t i = 0; i < plan->past; i++) r->past[i] = CM_PUSH(out, float, r->values);
    if (plan->keeps) r->kept = CM_PUSH(out, float, r->values);
    if (plan->random) r->fresh = CM_PUSH(out, float, r->values);
    if (r->schedule->threshold) r->sorted = CM_PUSH(out, float, r->values);
    return cm_arena_check(out);
}

cm_status cm_sampler_state_new(const cm_schedule *s, const cm_sampler_plan *plan, size_t steps, size_t values,
                               cm_arena *out, cm_sampler_state **state) {
    if (steps == 0) return cm_fail(CM_EUSAGE, "steps: 0 makes no image; 1 to %zu", s->train_steps);
    if (steps > s->train_steps) {
        return cm_fail(CM_EUSAGE, "steps: %zu is more than the %zu the model was trained with", steps, s->train_steps);
    }
    cm_sampler_state *r = CM_PUSH_ZERO(out, cm_sampler_state, 1);
    double *timesteps = CM_PUSH(out, double, steps + 1), *sigmas = CM_PUSH(out, double, steps + 1);
    CM_TRY(cm_arena_check(out));
    const cm_spacing spacing = s->spacing == CM_SPACING_DEFAULT ? plan->spacing : s->spacing;
    *r = (cm_sampler_state){.schedule = s,
                            .steps = steps,
                            .evaluations = steps,
                            .values = values,
                            .timesteps = timesteps,
                            .sigmas = sigmas,
                            .init_scale = 1};
    for (size_t i = 0; i < steps; i++) timesteps[i] = timestep_at(s, spacing, !plan->fractions, steps, i);
    *state = r;
    return push_arrays(r, plan, out);
}

/* --- what samplers share ----------------------------------------------------- */

size_t cm_sampler_evaluations(const cm_sampler_state *state) {
    return state->evaluations;
}

bool cm_sampler_draws(const cm_sampler_state *state) {
    return state->fresh != NULL;
}

void cm_sampler_set_noise(cm_sampler_state *state, cm_noise noise) {
    state->noise = noise;
}

const float *cm_sampler_draw(cm_sampler_state *state) {
    state->noise.draw(state->noise.arg, state->values, state->fresh);
    return state->fresh;
}

float *cm_sampler_push_past(cm_sampler_state *state, size_t length) {
    float *oldest = state->past[length - 1];
    memmove(state->past + 1, state->past, (length - 1) * sizeof *state->past);
    return state->past[0] = oldest;
}

void cm_sampler_mix_alphas(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise) {
    const double a = state->schedule->alphas_cumprod[(size_t)state->timesteps[i]];
    *of_clean = sqrt(a);
    *of_noise = sqrt(1 - a);
}

cm_status cm_sampler_resume_at(const cm_sampler *s, cm_sampler_state *state, size_t first) {
    if (s->whole) return cm_fail(CM_EUSAGE, "sampler %s cannot begin in the middle of its steps", s->name);
    if (first >= state->evaluations)
        return cm_fail(CM_EUSAGE, "beginning at step %zu of %zu leaves none", first + 1, state->evaluations);
    state->first = first;
    return CM_OK;
}

cm_status cm_sampler_begin_at(const cm_sampler *s, cm_sampler_state *state, size_t first, const float *noise,
                              float *x) {
    double of_clean, of_noise;
    CM_TRY(cm_sampler_resume_at(s, state, first));
    s->mix(state, first, &of_clean, &of_noise);
    for (size_t j = 0; j < state->values; j++) x[j] = (float)(of_clean * (double)x[j] + of_noise * (double)noise[j]);
    return CM_OK;
}

/* The network's v is of the mixture whose weights' squares sum to 1. */
cm_parts cm_sampler_parts(cm_prediction kind, double signal, double noise) {
    const double square = signal * signal + noise * noise, root = sqrt(square);
    if (kind == CM_PREDICT_V) return (cm_parts){signal / square, -noise / root, noise / square, signal / root};
    if (kind == CM_PREDICT_SAMPLE) return (cm_parts){0, 1, 1 / noise, -signal / noise};
    return (cm_parts){1 / signal, -noise / signal, 0, 1};
}

void cm_sampler_clean(const cm_sampler *s, const cm_sampler_state *state, size_t i, const float *out, float *x) {
    double signal, noise;
    s->mix(state, i, &signal, &noise);
    const cm_parts p = cm_sampler_parts(state->schedule->prediction, signal, noise);
    for (size_t j = 0; j < state->values; j++) x[j] = (float)(p.clean_x * (double)x[j] + p.clean_out * (double)out[j]);
}

static int compare_floats(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* torch.quantile of |x|, linear between two values. */
static double quantile_of_sizes(const float *x, size_t n, double ratio, float *sorted) {
    for (size_t j = 0; j < n; j++) sorted[j] = fabsf(x[j]);
    qsort(sorted, n, sizeof *sorted, compare_floats);
    const double at = ratio * (double)(n - 1);
    const size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return (double)sorted[below] + (at - (double)below) * ((double)sorted[above] - (double)sorted[below]);
}

void cm_sampler_limit(cm_sampler_state *state, float *clean) {
    const cm_schedule *s = state->schedule;
    double most = s->clip_range, scale = 1;
    if (s->threshold) {
        const double size = quantile_of_sizes(clean, state->values, s->threshold_ratio, state->sorted);
        scale = most = fmin(fmax(size, 1), s->threshold_most);
    } else if (!s->clip_sample) {
        return;
    }
    for (size_t j = 0; j < state->values; j++) clean[j] = (float)(fmax(-most, fmin((double)clean[j], most)) / scale);
}

float cm_sampler_init_scale(const cm_sampler_state *state) {
    return (float)state->init_scale;
}

float cm_sampler_timestep(const cm_sampler_state *state, size_t i) {
    return (float)state->timesteps[i];
}

float cm_sampler_no_scale(const cm_sampler_state *state, size_t i) {
    (void)state;
    (void)i;
    return 1;
}

float cm_sampler_sigma_scale(const cm_sampler_state *state, size_t i) {
    return (float)(1 / sqrt(state->sigmas[i] * state->sigmas[i] + 1));
}
