// SPDX-License-Identifier: Apache-2.0
#include "metrics/statistics_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/npz.h"

bool cm_statistics_is(const char *path) {
    cm_npz *f = NULL;
    if (!cm_npz_is_name(path) || !cm_path_exists(path) || cm_path_is_dir(path) || cm_npz_open(&f, path) != CM_OK)
        return false;
    const bool is = cm_npz_find(f, "mu") && cm_npz_find(f, "sigma");
    cm_npz_close(&f);
    return is;
}

/* An array of f32 or f64 with this many values, as doubles. */
static cm_status read_values(cm_npz *f, const char *name, size_t count, double *out) {
    const cm_stored *a = cm_npz_find(f, name);
    if (!a) return cm_fail(CM_EFORMAT, "holds no '%s'", name);
    if (a->dtype != CM_F64 && a->dtype != CM_F32)
        return cm_fail(CM_EFORMAT, "'%s' is %s, not f32 or f64", name, cm_dtype_name(a->dtype));
    if (a->count != count)
        return cm_fail(CM_EUSAGE, "'%s' has %zu values, this network's has %zu: statistics of another network", name,
                       a->count, count);
    CM_TRY(cm_npz_load(f, a));
    for (size_t i = 0; i < count; i++) {
        float narrow;
        if (a->dtype == CM_F64) {
            memcpy(&out[i], (const char *)a->data + i * sizeof(double), sizeof(double));
        } else {
            memcpy(&narrow, (const char *)a->data + i * sizeof narrow, sizeof narrow);
            out[i] = (double)narrow;
        }
        if (!isfinite(out[i])) return cm_fail(CM_EFORMAT, "'%s' holds a value that is not finite", name);
    }
    return CM_OK;
}

/* What the file says under a key of text; NULL: nothing. */
static const char *said(cm_npz *f, const char *key, cm_arena *out) {
    const cm_stored *a = cm_npz_find(f, key);
    if (!a || a->dtype != CM_U8 || a->count > 256 || cm_npz_load(f, a) != CM_OK) return NULL;
    return cm_arena_print(out, "%.*s", (int)a->count, (const char *)a->data);
}

static cm_status check_text(cm_npz *f, const char *path, const char *key, const char *wanted, cm_arena *out) {
    const char *found = said(f, key, out);
    if (!found) {
        cm_warn("%s does not say its %s; taken to be %.24s", path, key, wanted);
        return CM_OK;
    }
    if (strcmp(found, wanted) == 0) return CM_OK;
    return cm_fail(CM_EUSAGE, "statistics of another %s: %.24s in the file, %.24s is wanted", key, found, wanted);
}

static cm_status check_claim(cm_npz *f, const char *path, const cm_statistics_claim *claim, cm_arena *out, size_t *n) {
    CM_TRY(check_text(f, path, "protocol", claim->protocol, out));
    CM_TRY(check_text(f, path, "weights", claim->weights, out));
    const cm_stored *a = cm_npz_find(f, "n");
    int64_t count = 0;
    if (a && a->dtype == CM_I64 && a->count == 1 && cm_npz_load(f, a) == CM_OK) memcpy(&count, a->data, sizeof count);
    *n = count > 0 ? (size_t)count : 0;
    if (*n && claim->n && *n != claim->n)
        return cm_fail(
            CM_EUSAGE,
            "statistics of %zu images, %zu are to be compared: the score falls with their number (--unequal to "
            "do it all the same)",
            *n, claim->n);
    if (!*n) cm_warn("%s does not say of how many images it is: the score falls with their number", path);
    return CM_OK;
}

static cm_status check_symmetric(const double *sigma, size_t width) {
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < i; j++) {
            const double a = sigma[i * width + j], b = sigma[j * width + i];
            if (fabs(a - b) > 1e-6 * sqrt(fabs(sigma[i * width + i] * sigma[j * width + j])) + 1e-12)
                return cm_fail(CM_EFORMAT, "'sigma' is not symmetric at (%zu, %zu)", i, j);
        }
    return CM_OK;
}

static cm_status read(cm_npz *f, const char *path, const cm_statistics_claim *claim, cm_arena *out, cm_moments *m) {
    const size_t w = claim->width;
    cm_moments r = {0, w, CM_PUSH(out, double, w), CM_PUSH(out, double, w *w)};
    CM_TRY(cm_arena_check(out));
    CM_TRY(check_claim(f, path, claim, out, &r.n));
    CM_TRY(read_values(f, "mu", w, r.mean));
    CM_TRY(read_values(f, "sigma", w * w, r.scatter));
    CM_TRY(check_symmetric(r.scatter, w));
    const double scale = r.n ? (double)r.n - 1 : 1; /* moments hold sums; n 0: the covariance itself */
    for (size_t i = 0; i < w * w; i++) r.scatter[i] *= scale;
    *m = r;
    return CM_OK;
}

cm_status cm_statistics_read(const char *path, const cm_statistics_claim *claim, cm_arena *out, cm_moments *m) {
    cm_npz *f = NULL;
    CM_TRY(cm_npz_open(&f, path));
    const cm_status s = read(f, path, claim, out, m);
    cm_npz_close(&f);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

cm_status cm_statistics_write(const char *path, const cm_statistics_claim *claim, const cm_moments *m) {
    const size_t w = m->width, shape[2] = {w, w}, protocol = strlen(claim->protocol), weights = strlen(claim->weights);
    const int64_t n = (int64_t)m->n;
    double *sigma = malloc(w * w * sizeof *sigma);
    if (!sigma) return cm_fail(CM_ENOMEM, "out of memory");
    for (size_t i = 0; i < w * w; i++) sigma[i] = m->scatter[i] / (double)(m->n - 1);
    const cm_store_item items[] = {
        {.name = "mu", .dtype = CM_F64, .ndim = 1, .shape = shape, .raw = m->mean},
        {.name = "sigma", .dtype = CM_F64, .ndim = 2, .shape = shape, .raw = sigma},
        {.name = "n", .dtype = CM_I64, .ndim = 0, .shape = shape, .raw = &n},
        {.name = "protocol", .dtype = CM_U8, .ndim = 1, .shape = &protocol, .raw = claim->protocol},
        {.name = "weights", .dtype = CM_U8, .ndim = 1, .shape = &weights, .raw = claim->weights},
    };
    const cm_status s = cm_npz_write(path, items, sizeof items / sizeof *items);
    free(sigma);
    return s;
}
