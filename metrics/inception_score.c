// SPDX-License-Identifier: Apache-2.0
/* Inception score (Salimans et al. 2016, arXiv 1606.03498): exp of the mean KL of p(y|x) to p(y), over ten splits, mean
 * and population deviation. As torch-fidelity: logits without the last layer's bias, rows shuffled by
 * RandomState(2020). */
#include <math.h>

#include "metrics/numpy_random.h"
#include "metrics/set_score.h"

enum { SPLITS = 10, SEED = 2020 };

/* log softmax of a row */
static void log_softmax(const float *x, size_t width, double *out) {
    double most = (double)x[0], sum = 0;
    for (size_t k = 1; k < width; k++) most = fmax(most, (double)x[k]);
    for (size_t k = 0; k < width; k++) sum += exp((double)x[k] - most);
    for (size_t k = 0; k < width; k++) out[k] = (double)x[k] - most - log(sum);
}

static double split_score(const cm_sets *s, const size_t *order, size_t n, double *row, double *mean) {
    double entropy = 0, cross = 0;
    for (size_t k = 0; k < s->width; k++) mean[k] = 0;
    for (size_t i = 0; i < n; i++) {
        log_softmax(s->x + order[i] * s->width, s->width, row);
        for (size_t k = 0; k < s->width; k++) {
            const double p = exp(row[k]);
            mean[k] += p / (double)n;
            entropy += p * row[k];
        }
    }
    for (size_t k = 0; k < s->width; k++) cross += mean[k] > 0 ? mean[k] * log(mean[k]) : 0;
    return exp(entropy / (double)n - cross);
}

cm_status cm_score_inception(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    if (s->n < SPLITS)
        return cm_fail(CM_EUNDEFINED, "an inception score of %zu images: at least %d are needed", s->n, SPLITS);
    CM_TRY(cm_sets_finite(s));
    size_t *order = CM_PUSH(scratch, size_t, s->n);
    double *row = CM_PUSH(scratch, double, s->width), *mean = CM_PUSH(scratch, double, s->width), scores[SPLITS],
           sum = 0, square = 0;
    CM_TRY(cm_arena_check(scratch));
    cm_numpy_random random;
    cm_numpy_seed(&random, SEED);
    cm_numpy_permutation(&random, s->n, order);
    for (size_t i = 0; i < SPLITS; i++) {
        const size_t begin = i * s->n / SPLITS, end = (i + 1) * s->n / SPLITS;
        scores[i] = split_score(s, order + begin, end - begin, row, mean);
        sum += scores[i] / SPLITS;
    }
    for (size_t i = 0; i < SPLITS; i++) square += (scores[i] - sum) * (scores[i] - sum) / SPLITS;
    cm_set_value(out, "", sum);
    out->parts[0].deviation = sqrt(square);
    return CM_OK;
}
