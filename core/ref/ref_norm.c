// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "core/ref/ref.h"

/* Two passes over `rows` rows of `count` values that stand `stride` apart: biased variance, as PyTorch's norms. */
static void moments(const float *x, size_t rows, size_t count, size_t stride, double eps, double *mean, double *rstd) {
    double sum = 0.0, squares = 0.0;
    const double n = (double)(rows * count);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < count; i++) sum += x[r * stride + i];
    *mean = sum / n;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < count; i++) {
            const double d = x[r * stride + i] - *mean;
            squares += d * d;
        }
    }
    *rstd = 1.0 / sqrt(squares / n + eps);
}

void cm_ref_group_norm(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                       float *y, float *mean, float *rstd) {
    (void)e;
    const size_t per = s->c / s->groups;
    for (size_t k = 0; k < s->n * s->groups; k++) {
        const size_t c0 = k % s->groups * per, base = k / s->groups * s->hw * s->c + c0;
        double m, r;
        moments(x + base, s->hw, per, s->c, s->eps, &m, &r);
        mean[k] = (float)m;
        rstd[k] = (float)r;
        for (size_t p = 0; p < s->hw; p++) {
            for (size_t c = 0; c < per; c++) {
                const size_t at = base + p * s->c + c;
                y[at] = (float)cm_ref_act_value(s->act, gamma[c0 + c] * ((x[at] - m) * r) + beta[c0 + c]);
            }
        }
    }
}

void cm_ref_channel_sums(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums) {
    (void)e;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < c; i++) {
            const double d = (double)x[r * c + i] - center[i];
            sums[i] += d;
            sums[c + i] += d * d;
        }
    }
}

void cm_ref_scale_shift(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                        const float *x, float *y) {
    (void)e;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < c; i++)
            y[r * c + i] = (float)cm_ref_act_value(act, (double)x[r * c + i] * scale[i] + shift[i]);
}

/* The gradient that arrives before the activation, and the normalised value. */
static double before_act(const cm_norm_shape *s, double x, double mean, double rstd, double gamma, double beta,
                         double dy, double *xhat) {
    *xhat = (x - mean) * rstd;
    return dy * cm_ref_act_slope(s->act, gamma * *xhat + beta);
}

/* With d = dz gamma: dx = rstd (d - mean(d) - xhat mean(d xhat)); means over the group. */
static void group_grad_x(const cm_norm_shape *s, const float *x, const float *gamma, const float *beta, double m,
                         double r, const float *dy, float *dx) {
    const size_t per = s->c / s->groups;
    const double count = (double)(s->hw * per);
    double sum = 0.0, along = 0.0, xhat;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t p = 0; p < s->hw; p++) {
            for (size_t c = 0; c < per; c++) {
                const size_t at = p * s->c + c;
                const double d = gamma[c] * before_act(s, x[at], m, r, gamma[c], beta[c], dy[at], &xhat);
                if (pass == 0) {
                    sum += d;
                    along += d * xhat;
                } else {
                    dx[at] = (float)(dx[at] + r * (d - sum / count - xhat * along / count));
                }
            }
        }
    }
}

void cm_ref_group_norm_grad(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma,
                            const float *beta, const float *mean, const float *rstd, const float *dy, float *dx,
                            float *dgamma, float *dbeta) {
    if (dx && e->fresh) memset(dx, 0, s->n * s->hw * s->c * sizeof *dx);
    const size_t per = s->c / s->groups;
    for (size_t k = 0; dx && k < s->n * s->groups; k++) {
        const size_t c0 = k % s->groups * per, base = k / s->groups * s->hw * s->c + c0;
        group_grad_x(s, x + base, gamma + c0, beta + c0, mean[k], rstd[k], dy + base, dx + base);
    }
    for (size_t c = 0; (dgamma || dbeta) && c < s->c; c++) {
        double by_gamma = 0.0, by_beta = 0.0, xhat;
        for (size_t p = 0; p < s->n * s->hw; p++) {
            const size_t k = p / s->hw * s->groups + c / per, at = p * s->c + c;
            const double dz = before_act(s, x[at], mean[k], rstd[k], gamma[c], beta[c], dy[at], &xhat);
            by_gamma += dz * xhat;
            by_beta += dz;
        }
        if (dgamma) dgamma[c] = (float)(dgamma[c] + by_gamma);
        if (dbeta) dbeta[c] = (float)(dbeta[c] + by_beta);
    }
}

void cm_ref_layer_norm(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *rstd) {
    (void)e;
    for (size_t r = 0; r < rows; r++) {
        double m, s;
        moments(x + r * c, 1, c, c, eps, &m, &s);
        mean[r] = (float)m;
        rstd[r] = (float)s;
        for (size_t i = 0; i < c; i++) y[r * c + i] = (float)(gamma[i] * ((x[r * c + i] - m) * s) + beta[i]);
    }
}

void cm_ref_layer_norm_grad(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma,
                            const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma,
                            float *dbeta) {
    if (dx && e->fresh) memset(dx, 0, rows * c * sizeof *dx);
    for (size_t r = 0; dx && r < rows; r++) {
        const float *px = x + r * c, *pd = dy + r * c;
        double sum = 0.0, along = 0.0;
        for (size_t i = 0; i < c; i++) {
            const double d = (double)pd[i] * gamma[i];
            sum += d;
            along += d * ((px[i] - (double)mean[r]) * rstd[r]);
        }
        for (size_t i = 0; i < c; i++) {
            const double xhat = (px[i] - (double)mean[r]) * rstd[r], d = (double)pd[i] * gamma[i];
            dx[r * c + i] = (float)(dx[r * c + i] + rstd[r] * (d - sum / (double)c - xhat * along / (double)c));
        }
    }
    for (size_t i = 0; (dgamma || dbeta) && i < c; i++) {
        double by_gamma = 0.0, by_beta = 0.0;
        for (size_t r = 0; r < rows; r++) {
            by_gamma += dy[r * c + i] * ((x[r * c + i] - (double)mean[r]) * rstd[r]);
            by_beta += dy[r * c + i];
        }
        if (dgamma) dgamma[i] = (float)(dgamma[i] + by_gamma);
        if (dbeta) dbeta[i] = (float)(dbeta[i] + by_beta);
    }
}
