// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "core/ref/ref.h"

static double dot(size_t n, const float *a, const float *b) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

/* Of row[0..n): replaced by probabilities; returns the log of the sum of exponentials. */
static double softmax_row(size_t n, double *row) {
    double top = -INFINITY, sum = 0.0;
    for (size_t j = 0; j < n; j++) top = row[j] > top ? row[j] : top;
    if (isinf(top)) top = 0.0;
    for (size_t j = 0; j < n; j++) sum += row[j] = exp(row[j] - top);
    for (size_t j = 0; j < n; j++) row[j] /= sum;
    return top + log(sum);
}

static size_t visible(const cm_attention_shape *s, size_t i) {
    return s->causal && i + 1 < s->lk ? i + 1 : s->lk;
}

void cm_ref_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t width = s->heads * s->d;
    double *p = CM_PUSH(e->scratch, double, s->lk), *sum = CM_PUSH(e->scratch, double, s->d);
    for (size_t r = 0; p && sum && r < s->n * s->heads * s->lq; r++) {
        const size_t i = r % s->lq, head = r / s->lq % s->heads, n = r / s->lq / s->heads, keys = visible(s, i);
        const size_t at = (n * s->lq + i) * width + head * s->d, other = n * s->lk * width + head * s->d;
        for (size_t j = 0; j < keys; j++) p[j] = (double)s->scale * dot(s->d, q + at, k + other + j * width);
        const double total = softmax_row(keys, p);
        if (lse) lse[r] = (float)total;
        memset(sum, 0, s->d * sizeof *sum);
        for (size_t j = 0; j < keys; j++)
            for (size_t c = 0; c < s->d; c++) sum[c] += p[j] * v[other + j * width + c];
        for (size_t c = 0; c < s->d; c++) out[at + c] = (float)sum[c];
        for (size_t j = 0; probs && j < s->lk; j++) probs[r * s->lk + j] = j < keys ? (float)p[j] : 0.0f;
    }
    cm_arena_reset(e->scratch, mark);
}

/* One head of one sample. With P from lse: dP = dout v' + dprobs, dS = P (dP - sum_j P dP),
 * dq = scale dS k, dk = scale dS' q, dv = P' dout. Sums into sk, sv [lk,d] and sq [d]. */
static void head_grad(const cm_attention_shape *s, const float *q, const float *k, const float *v, const float *lse,
                      const float *dout, const float *dprobs, float *dq, double *p, double *dp, double *sq, double *sk,
                      double *sv) {
    const size_t width = s->heads * s->d;
    for (size_t i = 0; i < s->lq; i++) {
        const size_t keys = visible(s, i);
        const float *qi = q + i * width, *di = dout + i * width;
        double mean = 0.0;
        for (size_t j = 0; j < keys; j++) {
            p[j] = exp((double)s->scale * dot(s->d, qi, k + j * width) - lse[i]);
            dp[j] = dot(s->d, di, v + j * width) + (dprobs ? (double)dprobs[i * s->lk + j] : 0.0);
            mean += p[j] * dp[j];
        }
        memset(sq, 0, s->d * sizeof *sq);
        for (size_t j = 0; j < keys; j++) {
            const double ds = (double)s->scale * p[j] * (dp[j] - mean);
            for (size_t c = 0; c < s->d; c++) {
                sq[c] += ds * k[j * width + c];
                sk[j * s->d + c] += ds * qi[c];
                sv[j * s->d + c] += p[j] * di[c];
            }
        }
        for (size_t c = 0; dq && c < s->d; c++) dq[i * width + c] = (float)(dq[i * width + c] + sq[c]);
    }
}

static void add_head(const cm_attention_shape *s, const double *sum, float *d) {
    for (size_t j = 0; d && j < s->lk; j++)
        for (size_t c = 0; c < s->d; c++) {
            float *at = d + j * s->heads * s->d + c;
            *at = (float)(*at + sum[j * s->d + c]);
        }
}

/* out is for backends that need sum_j P dP without P; ref sums it. */
void cm_ref_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                           const float *v, const float *out, const float *lse, const float *dout, const float *dprobs,
                           float *dq, float *dk, float *dv) {
    (void)out;
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t width = s->heads * s->d;
    double *p = CM_PUSH(e->scratch, double, s->lk), *dp = CM_PUSH(e->scratch, double, s->lk);
    double *sq = CM_PUSH(e->scratch, double, s->d), *sk = CM_PUSH(e->scratch, double, s->lk * s->d);
    double *sv = CM_PUSH(e->scratch, double, s->lk * s->d);
    const bool ready = cm_arena_check(e->scratch) == CM_OK;
    if (e->fresh && dq) memset(dq, 0, s->n * s->lq * width * sizeof *dq);
    if (e->fresh && dk) memset(dk, 0, s->n * s->lk * width * sizeof *dk);
    if (e->fresh && dv) memset(dv, 0, s->n * s->lk * width * sizeof *dv);
    for (size_t r = 0; ready && r < s->n * s->heads; r++) {
        const size_t n = r / s->heads, head = r % s->heads;
        const size_t at = n * s->lq * width + head * s->d, other = n * s->lk * width + head * s->d;
        memset(sk, 0, s->lk * s->d * sizeof *sk);
        memset(sv, 0, s->lk * s->d * sizeof *sv);
        head_grad(s, q + at, k + other, v + other, lse + r * s->lq, dout + at,
                  dprobs ? dprobs + r * s->lq * s->lk : NULL, dq ? dq + at : NULL, p, dp, sq, sk, sv);
        add_head(s, sk, dk ? dk + other : NULL);
        add_head(s, sv, dv ? dv + other : NULL);
    }
    cm_arena_reset(e->scratch, mark);
}

void cm_ref_softmax(const cm_exec *e, size_t rows, size_t c, const float *x, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    double *p = CM_PUSH(e->scratch, double, c);
    for (size_t r = 0; p && r < rows; r++) {
        for (size_t i = 0; i < c; i++) p[i] = x[r * c + i];
        softmax_row(c, p);
        for (size_t i = 0; i < c; i++) y[r * c + i] = (float)p[i];
    }
    cm_arena_reset(e->scratch, mark);
}

void cm_ref_softmax_grad(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx) {
    (void)e;
    for (size_t r = 0; r < rows; r++) {
        const double mean = dot(c, y + r * c, dy + r * c);
        for (size_t i = 0; i < c; i++) dx[r * c + i] = (float)(dx[r * c + i] + y[r * c + i] * (dy[r * c + i] - mean));
    }
}
