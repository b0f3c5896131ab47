// SPDX-License-Identifier: Apache-2.0
/* Pseudo linear multistep (Liu et al. 2022, eq. 9 and 12), as diffusers' PNDMScheduler with skip_prk_steps.
 *
 * The first step is taken twice: with the slope at its beginning, then, from
 * where it began, with the mean of that one and the slope at its end. */
#include <math.h>
#include <string.h>

#include "core/generator/sampler_parts.h"

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LEADING, .past = 4, .keeps = true};
    cm_sampler_state *r = NULL;
    CM_TRY(cm_sampler_state_new(s, &plan, steps, n, out, &r));
    if (steps > 1) { /* t0 t1 t1 t2 ... */
        memmove(r->timesteps + 2, r->timesteps + 1, (steps - 1) * sizeof *r->timesteps);
        r->evaluations = steps + 1;
    }
    *state = r;
    return CM_OK;
}

static double alpha_at(const cm_schedule *s, double t) {
    if (t >= (double)s->train_steps) t = (double)(s->train_steps - 1);
    if (t >= 0) return s->alphas_cumprod[(size_t)t];
    return s->final_alpha == 1 ? 1 : s->alphas_cumprod[0];
}

/* Adams-Bashforth weights of the newest outputs, newest first. */
static const double *weights(size_t known) {
    static const double table[4][4] = {{1, 0, 0, 0},
                                       {3. / 2, -1. / 2, 0, 0},
                                       {23. / 12, -16. / 12, 5. / 12, 0},
                                       {55. / 24, -59. / 24, 37. / 24, -9. / 24}};
    return table[(known < 4 ? known : 4) - 1];
}

static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const cm_schedule *s = state->schedule;
    const size_t n = state->values, apart = s->train_steps / state->steps;
    double from = state->timesteps[i], to = from - (double)apart;
    const double *w = weights(i < 2 ? 1 : i);
    if (i == 0) memcpy(state->kept, x, n * sizeof *x);
    if (i == 1) { /* the corrected first step: nothing is remembered of it */
        to = from;
        from += (double)apart;
        memcpy(x, state->kept, n * sizeof *x);
    } else {
        memcpy(cm_sampler_push_past(state, 4), out, n * sizeof *out);
    }
    const double a = alpha_at(s, from), next = alpha_at(s, to), signal = sqrt(a), noise = sqrt(1 - a);
    const double of_x = sqrt(next / a), of_out = (next - a) / (a * sqrt(1 - next) + sqrt(a * (1 - a) * next));
    for (size_t j = 0; j < n; j++) {
        double e = 0;
        if (i == 1) e = 0.5 * ((double)out[j] + (double)state->past[0][j]);
        for (size_t k = 0; i != 1 && k < 4 && w[k] != 0; k++) e += w[k] * (double)state->past[k][j];
        if (s->prediction == CM_PREDICT_V) e = signal * e + noise * (double)x[j];
        x[j] = (float)(of_x * (double)x[j] - of_out * e);
    }
}

const cm_sampler cm_sampler_pndm = {
    .name = "pndm",
    .about = "pseudo linear multistep, no Runge-Kutta steps; one evaluation more than steps (Liu et al. 2022)",
    .whole = true,
    .begin = begin,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_no_scale,
    .mix = cm_sampler_mix_alphas,
    .step = step,
};
