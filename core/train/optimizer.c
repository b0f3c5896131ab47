// SPDX-License-Identifier: Apache-2.0
#include "core/train/optimizer.h"

#include <math.h>
#include <string.h>

#include "core/base/threads.h"

cm_status cm_optimizer_init(cm_optimizer *o, const cm_optimizer_config *c, const cm_ops *ops, cm_tensor *const *params,
                            size_t count, cm_arena *out) {
    *o = (cm_optimizer){.config = *c, .ops = ops, .count = count};
    o->params = CM_PUSH(out, cm_tensor *, count);
    o->m = CM_PUSH(out, float *, count);
    o->v = CM_PUSH(out, float *, count);
    o->ema = CM_PUSH(out, float *, count);
    o->norms = CM_PUSH(out, double, count);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < count; i++) {
        const size_t n = cm_count(params[i]);
        o->params[i] = params[i];
        o->m[i] = CM_PUSH_ZERO(out, float, n);
        o->v[i] = CM_PUSH_ZERO(out, float, n);
        o->ema[i] = CM_PUSH(out, float, n);
        CM_TRY(cm_arena_check(out));
        memcpy(o->ema[i], params[i]->data, n * sizeof(float));
    }
    return CM_OK;
}

double cm_optimizer_rate(const cm_optimizer_config *c, size_t step) {
    if (step < c->warmup) return c->rate * (double)(step + 1) / (double)c->warmup;
    if (!c->cosine || c->steps <= c->warmup) return c->rate;
    const double pi = 3.14159265358979323846;
    double done = (double)(step - c->warmup) / (double)(c->steps - c->warmup);
    if (done > 1) done = 1;
    return c->rate * (c->final_rate + (1 - c->final_rate) * 0.5 * (1 + cos(pi * done)));
}

static void measure(void *arg, size_t i, int worker) {
    (void)worker;
    cm_optimizer *o = arg;
    const float *g = o->params[i]->grad;
    const size_t n = cm_count(o->params[i]);
    double sum[8] = {0}; /* side by side, so that no sum waits for another */
    size_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += (double)g[j + k] * (double)g[j + k];
    for (; j < n; j++) sum[0] += (double)g[j] * (double)g[j];
    o->norms[i] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

typedef struct update_job {
    cm_optimizer *o;
    double rate, average;
    float scale;
} update_job;

static void update(void *arg, size_t i, int worker) {
    (void)worker;
    const update_job *job = arg;
    cm_optimizer *o = job->o;
    cm_tensor *p = o->params[i];
    const size_t n = cm_count(p);
    const cm_exec alone = {.threads = 1};
    const cm_optimizer_config *c = &o->config;
    const double decay = p->ndim >= 2 ? c->decay : 0;
    o->ops->adamw(&alone, n, (float)job->rate, (float)c->beta1, (float)c->beta2, (float)c->epsilon, (float)decay,
                  (long)o->step + 1, job->scale, p->grad, p->data, o->m[i], o->v[i]);
    const float keep = (float)job->average, take = 1.0f - keep;
    float *ema = o->ema[i];
    const float *w = p->data;
    for (size_t j = 0; j < n; j++) ema[j] = keep * ema[j] + take * w[j];
}

cm_status cm_optimizer_step(cm_optimizer *o, int threads, double *norm) {
    cm_parallel(threads, o->count, measure, o);
    double sum = 0;
    for (size_t i = 0; i < o->count; i++) sum += o->norms[i];
    *norm = sqrt(sum);
    if (!isfinite(*norm)) return cm_fail(CM_EUNDEFINED, "step %zu: the gradient is not finite", o->step + 1);
    const double t = (double)o->step, start = (1 + t) / (10 + t), clip = o->config.clip;
    update_job job = {.o = o,
                      .rate = cm_optimizer_rate(&o->config, o->step),
                      .average = start < o->config.ema ? start : o->config.ema,
                      .scale = clip > 0 && *norm > clip ? (float)(clip / *norm) : 1.0f};
    cm_parallel(threads, o->count, update, &job);
    o->step++;
    return CM_OK;
}
