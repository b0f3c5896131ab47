// SPDX-License-Identifier: Apache-2.0
/* Losses. Each computes its gradient for an incoming 1 beside its value, while a tape
 * is open; going back only scales it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/tensor/nn_parts.h"

typedef struct loss_node {
    cm_tensor *loss, *x[2], *slope[2];
} loss_node;

static void loss_back(cm_ctx *g, void *arg) {
    const loss_node *n = arg;
    const float *d = cm_flowed(n->loss);
    const cm_exec e = cm_exec_of(g);
    for (int i = 0; d && i < 2; i++) {
        float *dx = n->slope[i] ? cm_grad(g, n->x[i]) : NULL;
        if (dx) g->ops->axpy(&e, cm_count(n->x[i]), d[0], n->slope[i]->data, dx);
    }
}

/* Room for x's slope if a gradient will be asked for. */
static cm_tensor *slope_for(cm_ctx *g, cm_tensor *x) {
    return cm_tape_records(g, CM_INPUTS(x)) ? cm_tensor_new(g, x->ndim, x->shape) : NULL;
}

static cm_tensor *finish(cm_ctx *g, double value, cm_tensor *a, cm_tensor *slope_a, cm_tensor *b, cm_tensor *slope_b) {
    cm_tensor *loss = cm_tensor_new(g, CM_SHAPE(1));
    if (loss) loss->data[0] = (float)value;
    const loss_node n = {loss, {a, b}, {slope_a, slope_b}};
    loss = cm_node(g, loss, loss_back, &n, sizeof n, CM_INPUTS(a, b, slope_a, slope_b));
    cm_drop(g, slope_a);
    cm_drop(g, slope_b);
    return loss;
}

cm_tensor *cm_mse_loss(cm_ctx *g, cm_tensor *x, const float *target, const float *weight) {
    if (!x) return NULL;
    cm_tensor *slope = slope_for(g, x);
    const size_t n = cm_count(x);
    const float twice = 2.0f / (float)n;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const float d = x->data[i] - target[i], w = weight ? weight[i] : 1.0f;
        sum += (double)w * d * d;
        if (slope) slope->data[i] = twice * w * d;
    }
    return finish(g, sum / (double)n, x, slope, NULL, NULL);
}

cm_tensor *cm_l1_loss(cm_ctx *g, cm_tensor *x, const float *target) {
    if (!x) return NULL;
    cm_tensor *slope = slope_for(g, x);
    const size_t n = cm_count(x);
    const float share = 1.0f / (float)n;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const float d = x->data[i] - target[i];
        sum += fabs((double)d);
        if (slope) slope->data[i] = d > 0.0f ? share : d < 0.0f ? -share : 0.0f * d;
    }
    return finish(g, sum / (double)n, x, slope, NULL, NULL);
}

static double log_sum_exp(const float *row, size_t c) {
    double top = row[0], sum = 0.0;
    for (size_t i = 1; i < c; i++) top = row[i] > top ? row[i] : top;
    for (size_t i = 0; i < c; i++) sum += exp(row[i] - top);
    return top + log(sum);
}

cm_tensor *cm_cross_entropy(cm_ctx *g, cm_tensor *logits, const int *labels, const float *class_weight,
                            const float *row_weight) {
    if (!logits) return NULL;
    const size_t c = cm_dim(logits, -1), rows = cm_count(logits) / c;
    cm_tensor *slope = slope_for(g, logits);
    double sum = 0.0, total = 0.0;
    for (size_t r = 0; r < rows; r++) {
        assert(labels[r] >= -1 && labels[r] < (int)c);
        if (labels[r] < 0) continue;
        total += (double)(class_weight ? class_weight[labels[r]] : 1.0f) * (row_weight ? row_weight[r] : 1.0f);
    }
    for (size_t r = 0; r < rows; r++) {
        const float *x = logits->data + r * c;
        float *d = slope ? slope->data + r * c : NULL;
        if (labels[r] < 0 || total == 0.0) {
            if (d) memset(d, 0, c * sizeof *d);
            continue;
        }
        const size_t label = (size_t)labels[r];
        const double w =
            (double)(class_weight ? class_weight[label] : 1.0f) * (row_weight ? row_weight[r] : 1.0f) / total;
        const double lse = log_sum_exp(x, c);
        sum += w * (lse - x[label]);
        for (size_t i = 0; d && i < c; i++) d[i] = (float)(w * (exp(x[i] - lse) - (i == label)));
    }
    return finish(g, sum, logits, slope, NULL, NULL);
}

cm_tensor *cm_kl_loss(cm_ctx *g, cm_tensor *mean, cm_tensor *logvar) {
    if (!mean || !logvar) return NULL;
    assert(cm_count(mean) == cm_count(logvar));
    cm_tensor *by_mean = slope_for(g, mean), *by_logvar = slope_for(g, logvar);
    const size_t n = cm_count(mean);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double m = mean->data[i], variance = exp(logvar->data[i]);
        sum += 0.5 * (m * m + variance - 1.0 - logvar->data[i]);
        if (by_mean) by_mean->data[i] = (float)(m / (double)n);
        if (by_logvar) by_logvar->data[i] = (float)(0.5 * (variance - 1.0) / (double)n);
    }
    return finish(g, sum / (double)n, mean, by_mean, logvar, by_logvar);
}

typedef struct sum_node {
    cm_tensor **terms;
    float *weights;
    size_t count;
    cm_tensor *y;
} sum_node;

static void sum_back(cm_ctx *g, void *arg) {
    const sum_node *n = arg;
    const float *dy = cm_flowed(n->y);
    for (size_t i = 0; dy && i < n->count; i++) {
        float *d = cm_grad(g, n->terms[i]);
        if (d) d[0] += n->weights[i] * dy[0];
    }
}

cm_tensor *cm_weighted_sum(cm_ctx *g, cm_tensor *const *terms, const float *weights, size_t count) {
    cm_tensor **kept = cm_ctx_push(g, count * sizeof(cm_tensor *));
    float *factors = cm_ctx_push(g, count * sizeof *factors);
    cm_tensor *y = kept && factors ? cm_tensor_new(g, CM_SHAPE(1)) : NULL;
    double sum = 0.0;
    for (size_t i = 0; y && i < count; i++) {
        if (!terms[i]) return NULL;
        assert(cm_count(terms[i]) == 1);
        kept[i] = terms[i];
        factors[i] = weights[i];
        sum += (double)weights[i] * terms[i]->data[0];
    }
    if (y) y->data[0] = (float)sum;
    return cm_node(g, y, sum_back, &(sum_node){kept, factors, count, y}, sizeof(sum_node), count, kept);
}
