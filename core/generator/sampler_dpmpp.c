// SPDX-License-Identifier: Apache-2.0
/* DPM-Solver++(2M) (Lu et al. 2022, algorithm 2, midpoint), as diffusers' DPMSolverMultistepScheduler.
 *
 * With a = 1/sqrt(sigma^2+1), s = sigma a and lambda = -log sigma, a step goes
 * from x to (s'/s) x + a' (1 - exp(-h)) D, h = lambda' - lambda, where D is the
 * clean latent, corrected by its last change except at the first and last step. */
#include <math.h>

#include "core/generator/sampler_state.h"

/* Its timesteps divide the range by one more than the steps, and leave out the last. */
static void own_timesteps(cm_sampler_state *r) {
    const cm_schedule *s = r->schedule;
    const double train = (double)s->train_steps, n = (double)r->steps;
    for (size_t i = 0; i < r->steps; i++) {
        const double back = n - (double)i;
        double t;
        switch (s->spacing) {
        case CM_SPACING_LEADING: t = back * (double)(s->train_steps / (r->steps + 1)) + s->steps_offset; break;
        case CM_SPACING_TRAILING: t = nearbyint(train - (double)i * (train / n)) - 1; break;
        default: t = nearbyint(back * (train - 1) / n); break;
        }
        r->timesteps[i] = fmax(0, fmin(t, train - 1));
    }
}

static cm_status begin_either(const cm_schedule *s, bool karras, size_t steps, size_t n, cm_arena *out,
                              cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LINSPACE, .past = 2};
    cm_sampler_state *r = NULL;
    CM_TRY(cm_sampler_state_new(s, &plan, steps, n, out, &r));
    own_timesteps(r);
    cm_sigmas_fill(r);
    if (karras) cm_sigmas_karras(r, cm_sigma_of(s, s->train_steps - 1), cm_sigma_of(s, 0));
    for (size_t i = 0; i < steps; i++) r->timesteps[i] = nearbyint(r->timesteps[i]);
    *state = r;
    return CM_OK;
}

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    return begin_either(s, s->karras, steps, n, out, state);
}

static cm_status begin_karras(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    return begin_either(s, true, steps, n, out, state);
}

static void mix(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise) {
    *of_clean = 1 / sqrt(state->sigmas[i] * state->sigmas[i] + 1);
    *of_noise = state->sigmas[i] * *of_clean;
}

static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const double sigma = state->sigmas[i], next = state->sigmas[i + 1];
    const double a = 1 / sqrt(sigma * sigma + 1), a_next = 1 / sqrt(next * next + 1);
    const double shrink = next / sigma; /* exp(-h) */
    const bool v = state->schedule->prediction == CM_PREDICT_V, last = i + 1 == state->steps;
    const double by_change = i > state->first && !last ? 0.5 * log(sigma / next) / log(state->sigmas[i - 1] / sigma) : 0; /* 1/(2r) */
    float *clean = cm_sampler_push_past(state, 2);
    const float *before = state->past[1];
    for (size_t j = 0; j < state->values; j++) {
        const double xj = x[j], oj = out[j];
        const double now = v ? a * xj - sigma * a * oj : (xj - sigma * a * oj) / a;
        clean[j] = (float)now;
        const double d = by_change != 0 ? now + by_change * (now - (double)before[j]) : now;
        x[j] = (float)(shrink * a_next / a * xj + a_next * (1 - shrink) * d);
    }
}

#define SAMPLER(called, what, how)                                                                                            \
    {.name = called, .about = what, .begin = how, .init_scale = cm_sampler_init_scale, .timestep = cm_sampler_timestep, \
     .input_scale = cm_sampler_no_scale, .mix = mix, .step = step}

const cm_sampler cm_sampler_dpmpp_2m = SAMPLER("dpmpp_2m", "DPM-Solver++(2M), midpoint (Lu et al. 2022)", begin);
const cm_sampler cm_sampler_dpmpp_2m_karras =
    SAMPLER("dpmpp_2m_karras", "the same on Karras et al.'s noise levels (2022, eq. 5)", begin_karras);
