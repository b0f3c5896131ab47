// SPDX-License-Identifier: Apache-2.0
/* DPM-Solver++ and DPM-Solver, multistep, of orders 1 to 3, and their SDE forms (Lu et al. 2022), as diffusers'
 * DPMSolverMultistepScheduler; as it comes, the midpoint method of order 2, "2M".
 *
 * With a = 1/sqrt(sigma^2+1), s = sigma a and lambda = -log sigma, a step of
 * h = lambda' - lambda goes from x to a sum of x, the last predictions'
 * divided differences and, in the SDE forms, noise. What is predicted is the
 * clean latent (the ++ forms) or the noise. */
#include <math.h>

#include "core/generator/sampler_parts.h"

enum { FEW = 15 /* steps below which lower_order_final counts */ };

/* Training steps whose lambda is not below lambda_min_clipped. */
static size_t unclipped(const cm_schedule *s) {
    size_t n = s->train_steps;
    while (n > 0 && -log(cm_sigma_of(s, n - 1)) < s->lambda_min) n--;
    return n;
}

/* Its timesteps divide the range by one more than the steps, and leave out the last; "trailing" has fewer steps where
 * the range is clipped. */
static void own_timesteps(cm_sampler_state *r, size_t range) {
    const cm_schedule *s = r->schedule;
    const double last = (double)range, n = (double)r->steps, apart = (double)s->train_steps / n;
    if (s->spacing == CM_SPACING_TRAILING && s->levels == CM_LEVELS_STEPS)
        r->steps = r->evaluations = (size_t)fmax(1, fmin(n, ceil(last / apart)));
    for (size_t i = 0; i < r->steps; i++) {
        const double back = n - (double)i;
        switch (s->spacing) {
        case CM_SPACING_LEADING: r->timesteps[i] = back * (double)(range / ((size_t)n + 1)) + s->steps_offset; break;
        case CM_SPACING_TRAILING: r->timesteps[i] = fmax(0, nearbyint(last - (double)i * apart) - 1); break;
        default: r->timesteps[i] = nearbyint(back * (last - 1) / n); break;
        }
    }
}

/* diffusers keeps whole timesteps: some levels' are rounded, some cut. */
static void whole_timesteps(cm_sampler_state *r) {
    const cm_levels levels = r->schedule->levels;
    const bool rounds = !r->schedule->cosine && (levels == CM_LEVELS_KARRAS || levels == CM_LEVELS_LU);
    for (size_t i = 0; i < r->steps; i++)
        r->timesteps[i] = rounds ? nearbyint(r->timesteps[i]) : trunc(r->timesteps[i]);
}

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    const bool random = s->algorithm == CM_SDE_DPMSOLVER_PP || s->algorithm == CM_SDE_DPMSOLVER;
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LINSPACE, .past = 3, .random = random};
    cm_sampler_state *r = NULL;
    const size_t range = unclipped(s);
    if (range == 0)
        return cm_fail(CM_EFORMAT, "scheduler config: lambda_min_clipped %g leaves no training step", s->lambda_min);
    CM_TRY(cm_sampler_state_new(s, &plan, steps, n, out, &r));
    own_timesteps(r, range);
    cm_sigmas_fill(r);
    if (s->levels != CM_LEVELS_STEPS) cm_sigmas_between(r, cm_sigma_of(s, s->train_steps - 1), cm_sigma_of(s, 0));
    whole_timesteps(r);
    *state = r;
    return CM_OK;
}

/* The same where a schedule for any sampler was read. */
static cm_status begin_karras(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    cm_schedule *k = CM_PUSH(out, cm_schedule, 1);
    CM_TRY(cm_arena_check(out));
    *k = *s;
    k->levels = CM_LEVELS_KARRAS;
    return begin(k, steps, n, out, state);
}

static void mix(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise) {
    *of_clean = 1 / sqrt(state->sigmas[i] * state->sigmas[i] + 1);
    *of_noise = state->sigmas[i] * *of_clean;
}

/* x' = x * of x + now * D0 + first * D1 + second * D2 + noise * z */
typedef struct weights {
    double x, now, first, second, noise;
} weights;

/* From level sigma to next, h apart: lemma and appendices of DPM-Solver and DPM-Solver++ in diffusers' form. `exact`:
 * D1's weight is the integral's (heun, order 3), not half of D0's (midpoint). */
static weights weigh(cm_algorithm kind, double sigma, double next, bool exact) {
    const double a = 1 / sqrt(sigma * sigma + 1), a_next = 1 / sqrt(next * next + 1), s_next = next * a_next;
    const double h = log(sigma / next), down = next / sigma, up = sigma / next, twice = down * down;
    weights w = {0};
    switch (kind) {
    case CM_DPMSOLVER_PP:
        w = (weights){.x = s_next / (sigma * a),
                      .now = a_next * (1 - down),
                      .first = a_next * ((down - 1) / h + 1),
                      .second = -a_next * ((down - 1 + h) / (h * h) - 0.5)};
        break;
    case CM_DPMSOLVER:
        w = (weights){.x = a_next / a,
                      .now = -s_next * (up - 1),
                      .first = -s_next * ((up - 1) / h - 1),
                      .second = -s_next * ((up - 1 - h) / (h * h) - 0.5)};
        break;
    case CM_SDE_DPMSOLVER_PP:
        w = (weights){.x = s_next / (sigma * a) * down,
                      .now = a_next * (1 - twice),
                      .first = a_next * ((1 - twice) / (-2 * h) + 1),
                      .second = a_next * ((1 - twice - 2 * h) / (4 * h * h) - 0.5),
                      .noise = s_next * sqrt(1 - twice)};
        break;
    case CM_SDE_DPMSOLVER:
        w = (weights){.x = a_next / a,
                      .now = -2 * s_next * (up - 1),
                      .first = -2 * s_next * ((up - 1) / h - 1),
                      .noise = s_next * sqrt(up * up - 1)};
        break;
    }
    if (!exact) w.first = 0.5 * w.now;
    return w;
}

/* How many predictions step i may look at. */
static size_t order_at(const cm_sampler_state *state, size_t i) {
    const cm_schedule *s = state->schedule;
    const size_t left = state->steps - 1 - i, known = i - state->first + 1;
    const bool few = s->lower_order_final && state->steps < FEW;
    size_t order = s->order < known ? s->order : known;
    if (left == 0 && (s->euler_at_final || few || !s->ends_at_least)) return 1;
    if (left == 1 && few && order > 2) order = 2;
    return order;
}

/* The prediction that is remembered: the clean latent, limited where that is asked for, or the noise of it. */
static void predict(cm_sampler_state *state, size_t i, const float *out, const float *x, float *made) {
    double signal, noise;
    mix(state, i, &signal, &noise);
    const cm_schedule *s = state->schedule;
    const cm_parts p = cm_sampler_parts(s->prediction, signal, noise);
    const bool of_noise = s->algorithm == CM_DPMSOLVER || s->algorithm == CM_SDE_DPMSOLVER,
               plain = of_noise && !s->threshold;
    const double of_x = plain ? p.noise_x : p.clean_x, of_out = plain ? p.noise_out : p.clean_out;
    for (size_t j = 0; j < state->values; j++) made[j] = (float)(of_x * (double)x[j] + of_out * (double)out[j]);
    if (!plain) cm_sampler_limit(state, made);
    for (size_t j = 0; of_noise && !plain && j < state->values; j++)
        made[j] = (float)(((double)x[j] - signal * (double)made[j]) / noise);
}

/* x as a sum of itself, the newest predictions (newest first) and noise: the differences' weights, multiplied out. */
static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const cm_schedule *s = state->schedule;
    const double *sigma = state->sigmas + i;
    float *now = cm_sampler_push_past(state, 3);
    const float *before = state->past[1], *earlier = state->past[2];
    predict(state, i, out, x, now);
    const size_t order = order_at(state, i);
    const weights w = weigh(s->algorithm, sigma[0], sigma[1], s->heun || order == 3);
    const double h = log(sigma[0] / sigma[1]), r0 = order > 1 ? log(sigma[-1] / sigma[0]) / h : 1;
    const double r1 = order > 2 ? log(sigma[-2] / sigma[-1]) / h : 1;
    const float *fresh = cm_sampler_draws(state) ? cm_sampler_draw(state) : NULL;
    for (size_t j = 0; j < state->values; j++) {
        const double d0 = now[j];
        double next = w.x * (double)x[j] + w.now * d0;
        if (order > 1) {
            const double d = (d0 - (double)before[j]) / r0;
            const double bend = order > 2 ? (d - ((double)before[j] - (double)earlier[j]) / r1) / (r0 + r1) : 0;
            next += w.first * (d + r0 * bend) + (order > 2 ? w.second * bend : 0);
        }
        x[j] = (float)(next + (fresh ? w.noise * (double)fresh[j] : 0));
    }
}

#define SAMPLER(called, what, how)                                                                                     \
    {                                                                                                                  \
        .name = called, .about = what, .begin = how, .init_scale = cm_sampler_init_scale,                              \
        .timestep = cm_sampler_timestep, .input_scale = cm_sampler_no_scale, .mix = mix, .step = step                  \
    }

const cm_sampler cm_sampler_dpmpp_2m =
    SAMPLER("dpmpp_2m", "DPM-Solver++(2M), midpoint (Lu et al. 2022); its order and form as the model's file says",
            begin);
const cm_sampler cm_sampler_dpmpp_2m_karras =
    SAMPLER("dpmpp_2m_karras", "the same on Karras et al.'s noise levels (2022, eq. 5)", begin_karras);
