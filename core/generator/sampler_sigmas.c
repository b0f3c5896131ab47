// SPDX-License-Identifier: Apache-2.0
/* Noise levels, for the samplers that walk along them. */
#include <math.h>

#include "core/generator/sampler_parts.h"

/* In f32, as diffusers' table has them. */
double cm_sigma_of(const cm_schedule *s, size_t t) {
    const float a = (float)s->alphas_cumprod[t];
    return (double)sqrtf((1 - a) / a);
}

static double log_sigma_of(const cm_schedule *s, size_t t) {
    return (double)logf((float)cm_sigma_of(s, t));
}

double cm_schedule_sigma(const cm_schedule *s, double t) {
    const double last = (double)(s->train_steps - 1), at = fmax(0, fmin(t, last));
    const size_t below = (size_t)at, above = below + 1 < s->train_steps ? below + 1 : below;
    const double part = at - (double)below;
    return cm_sigma_of(s, below) * (1 - part) + cm_sigma_of(s, above) * part;
}

double cm_sigma_timestep(const cm_schedule *s, double sigma) {
    size_t below = 0;
    if (s->train_steps < 2) return 0;
    const double at = log(fmax(sigma, 1e-10));
    while (below + 2 < s->train_steps && log_sigma_of(s, below + 1) <= at) below++;
    const float low = (float)log_sigma_of(s, below), high = (float)log_sigma_of(s, below + 1);
    const double part = fmin(1, fmax(0, ((double)low - at) / (double)(low - high)));
    return (1 - part) * (double)below + part * (double)(below + 1);
}

double cm_sigma_last(const cm_schedule *s) {
    return s->ends_at_least ? cm_sigma_of(s, 0) : 0;
}

void cm_sigmas_fill(cm_sampler_state *state) {
    for (size_t i = 0; i < state->steps; i++)
        state->sigmas[i] = cm_schedule_sigma(state->schedule, state->timesteps[i]);
    state->sigmas[state->steps] = cm_sigma_last(state->schedule);
}

/* --- levels between two ends --------------------------------------------------- */

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1, d = 1 / fmax(tiny, 1 - (a + b) * x / (a + 1)), f = d;
    for (int m = 1; m < 300; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        f *= d * c;
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        f *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return f;
}

/* The beta distribution's share below x. */
static double beta_share(double x, double a, double b) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta_share(1 - x, b, a);
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) * beta_fraction(x, a, b) / a;
}

/* Its quantile, by halving: the share grows with x. */
static double beta_quantile(double share, double a, double b) {
    double low = 0, high = 1;
    if (share <= 0 || share >= 1) return share <= 0 ? 0 : 1;
    for (int i = 0; i < 80; i++) {
        const double x = low + (high - low) / 2;
        if (beta_share(x, a, b) < share) low = x;
        else high = x;
    }
    return low + (high - low) / 2;
}

/* Level at u in [0,1]: Karras et al. 2022, eq. 5, rho 7; even in the logarithm (Lu et al. 2022); quantiles of Beta(0.6,
 * 0.6) (Lee et al. 2024). */
static double level_at(cm_levels levels, double most, double least, double u) {
    const double rho = 7, from = pow(most, 1 / rho), to = pow(least, 1 / rho);
    switch (levels) {
    case CM_LEVELS_KARRAS: return pow(from + u * (to - from), rho);
    case CM_LEVELS_BETA: return least + beta_quantile(1 - u, 0.6, 0.6) * (most - least);
    default: return u < 1 ? exp(log(most) + u * (log(least) - log(most))) : exp(log(least));
    }
}

void cm_sigmas_between(cm_sampler_state *state, double most, double least) {
    const cm_schedule *s = state->schedule;
    if (s->sigma_max > 0) most = s->sigma_max;
    if (s->sigma_min > 0) least = s->sigma_min;
    for (size_t i = 0; i < state->steps; i++) {
        const double u = state->steps > 1 ? (double)i / (double)(state->steps - 1) : 0;
        state->sigmas[i] = level_at(s->levels, most, least, u);
        state->timesteps[i] = cm_sigma_timestep(s, state->sigmas[i]);
    }
    state->sigmas[state->steps] = cm_sigma_last(s);
}

void cm_sigma_clean(cm_prediction kind, double sigma, double *of_x, double *of_out) {
    const double below = 1 / (sigma * sigma + 1);
    *of_x = kind == CM_PREDICT_V ? below : kind == CM_PREDICT_SAMPLE ? 0 : 1;
    *of_out = kind == CM_PREDICT_V ? -sigma * sqrt(below) : kind == CM_PREDICT_SAMPLE ? 1 : -sigma;
}
