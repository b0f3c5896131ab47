// SPDX-License-Identifier: Apache-2.0
/* cm_check [--bench] [--kernel=P] [--target=P] [--seed=N|random] [--csv] */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/cpu_level.h"
#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/base/threads.h"

enum { GUARD = 64, MAX_THREADS = 3, MAX_FAULTS = 5 };

typedef struct run {
    const cm_ops *ref, *ops;
    const check_kernel *kernel;
    const size_t *shape;
    check_plan plan;
    cm_arena arrays, scratch;
    cm_exec exec;
    cm_rng rng;
    float *in[CHECK_ARRAYS], *want[CHECK_ARRAYS], *got[CHECK_ARRAYS];
    double start[CHECK_ARRAYS]; /* squares of what outputs held that are added into */
    const char *kind;
    size_t faults;
} run;

static const struct {
    unsigned bit;
    const char *name;
} kinds[] = {{0, "uniform"},
             {CHECK_WIDE, "wide"},
             {CHECK_CONSTANT, "constant"},
             {CHECK_OFFSET, "offset"},
             {CHECK_TINY, "denormal"}};

static const check_kernel *const families[] = {check_matrix, check_conv, check_norm, check_attention, check_simple};

/* --- faults ------------------------------------------------------------------ */

static void print_shape(const size_t *shape) {
    printf("[");
    for (size_t i = 0; i < CHECK_NUMBERS; i++) {
        bool more = false;
        for (size_t j = i; j < CHECK_NUMBERS; j++) more |= shape[j] != 0;
        if (more) printf("%s%zu", i ? " " : "", shape[i]);
    }
    printf("]");
}

static bool fault_begins(run *r) {
    if (r->faults++ >= MAX_FAULTS) return false;
    printf("FAIL %s %s ", r->ops->name, r->kernel->name);
    print_shape(r->shape);
    printf(" %s, threads %d: ", r->kind, r->exec.threads);
    return true;
}

static void compare(run *r, const char *what, size_t k, bool only_nan) {
    const float *got = r->got[k], *want = r->want[k];
    double difference = 0.0, size = 0.0, worst = -1.0;
    size_t at = 0;
    for (size_t i = 0; i < r->plan.out[k]; i++) {
        if (isnan(want[i]) != isnan(got[i]) && (isnan(want[i]) || !only_nan)) {
            if (fault_begins(r)) printf("%s output %zu at %zu: got %g, want %g\n", what, k, i, got[i], want[i]);
            return;
        }
        if (isnan(want[i]) || got[i] == want[i]) continue;
        const double d = (double)got[i] - want[i];
        difference += d * d;
        if (fabs(d) > worst) {
            worst = fabs(d);
            at = i;
        }
    }
    if (only_nan) return;
    for (size_t i = 0; i < r->plan.out[k]; i++)
        if (!isnan(want[i])) size += (double)want[i] * want[i];
    if (size < r->start[k]) size = r->start[k]; /* what is added cancelled it: the error is of what was added */
    const double far = size > 0.0 ? sqrt(difference / size) : sqrt(difference);
    if (far <= r->plan.limit) return;
    if (fault_begins(r))
        printf("%s output %zu: %.2e, limit %.0e; worst at %zu: got %.9g, want %.9g\n", what, k, far, r->plan.limit, at,
               got[at], want[at]);
}

/* --- arrays ------------------------------------------------------------------- */

static const float poison = -1.2345e30f;

/* n values between guards, at an address that is aligned, or one value past that. */
static float *guarded(run *r, size_t n, size_t shift) {
    float *p = CM_PUSH(&r->arrays, float, n + 2 * GUARD);
    if (!p) {
        fprintf(stderr, "cm_check: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < n + 2 * GUARD; i++) p[i] = poison;
    return p + GUARD / 2 + shift;
}

static void check_guards(run *r, const char *what, const float *p, size_t n) {
    for (size_t i = 1; i < GUARD / 2; i++) {
        if (p[-(ptrdiff_t)i] == poison && p[n + i - 1] == poison) continue;
        if (fault_begins(r)) printf("%s: wrote %s its array\n", what, p[-(ptrdiff_t)i] == poison ? "past" : "before");
        return;
    }
}

static float value(run *r, unsigned kind) {
    const float u = (float)cm_rng_range(&r->rng, -1.0, 1.0);
    switch (kind) {
    case CHECK_WIDE: return u * (float)pow(10.0, cm_rng_range(&r->rng, -6.0, 6.0));
    case CHECK_CONSTANT: return r->plan.constant != 0.0f ? r->plan.constant : 1.0f;
    case CHECK_OFFSET: return 10.0f + u;
    case CHECK_TINY: return u * 1e-39f;
    default: return u;
    }
}

static void make_arrays(run *r, unsigned kind, size_t shift) {
    cm_arena_clear(&r->arrays);
    const check_plan *p = &r->plan;
    for (size_t k = 0; k < p->ins; k++) {
        r->in[k] = guarded(r, p->in[k], shift);
        for (size_t i = 0; i < p->in[k]; i++) r->in[k][i] = value(r, kind);
    }
    if (r->kernel->prepare) r->kernel->prepare(r->ref, &r->exec, r->shape, r->in);
    for (size_t k = 0; k < p->outs; k++) {
        r->want[k] = guarded(r, p->out[k], shift);
        r->got[k] = guarded(r, p->out[k], shift);
    }
}

/* Equal starts: random where outputs are read, NaN where they must not be. */
static void start_outputs(run *r) {
    for (size_t k = 0; k < r->plan.outs; k++) {
        for (size_t i = 0; i < r->plan.out[k]; i++)
            r->want[k][i] = r->plan.adds || r->plan.updates ? (float)fabs(cm_rng_range(&r->rng, -1.0, 1.0)) : NAN;
        for (size_t i = 0; r->exec.fresh && k < r->plan.fresh && i < r->plan.out[k]; i++) r->want[k][i] = NAN;
        r->start[k] = 0;
        for (size_t i = 0; r->plan.adds && i < r->plan.out[k]; i++)
            if (!isnan(r->want[k][i])) r->start[k] += (double)r->want[k][i] * r->want[k][i];
        memcpy(r->got[k], r->want[k], r->plan.out[k] * sizeof(float));
    }
}

/* --- one comparison --------------------------------------------------------------- */

static void call(run *r, const cm_ops *ops, float **in, float **all, unsigned left_out) {
    float *out[CHECK_ARRAYS] = {0};
    for (size_t k = 0; k < r->plan.outs; k++) out[k] = left_out >> k & 1 ? NULL : all[k];
    const size_t used = r->scratch.used;
    r->kernel->call(ops, &r->exec, r->shape, in, out);
    if (r->scratch.used != used && fault_begins(r)) printf("%s keeps scratch\n", ops->name);
}

static void both(run *r, const char *what, unsigned left_out, bool only_nan) {
    start_outputs(r);
    call(r, r->ref, r->in, r->want, left_out);
    call(r, r->ops, r->in, r->got, left_out);
    for (size_t k = 0; k < r->plan.outs; k++) {
        if (!(left_out >> k & 1)) compare(r, what, k, only_nan);
        check_guards(r, what, r->got[k], r->plan.out[k]);
    }
    for (size_t k = 0; k < r->plan.ins; k++) check_guards(r, what, r->in[k], r->plan.in[k]);
}

static void in_place(run *r) {
    start_outputs(r);
    call(r, r->ref, r->in, r->want, 0);
    float *in[CHECK_ARRAYS];
    memcpy(in, r->in, sizeof in);
    memcpy(r->got[0], r->in[0], r->plan.out[0] * sizeof(float));
    in[0] = r->got[0];
    call(r, r->ops, in, r->got, 0);
    compare(r, "in place", 0, false);
}

static void with_nan(run *r) {
    for (size_t k = 0; k < r->plan.ins; k++) {
        if (!r->plan.in[k]) continue;
        float *at = r->in[k] + cm_rng_below(&r->rng, (uint32_t)r->plan.in[k]);
        const float kept = *at;
        *at = NAN;
        both(r, "NaN", 0, true);
        *at = kept;
    }
}

static bool replaced(const check_kernel *k, const cm_ops *ops, const cm_ops *by) {
    return memcmp((const char *)ops + k->entry, (const char *)by + k->entry, sizeof(void (*)(void))) != 0;
}

/* A product of two rounded values is off by two roundings; with a bias beside it that cancels, by more of what is left.
 */
static void set_limit(run *r) {
    const double coarse = 8 * r->ops->rounding;
    if (replaced(r->kernel, r->ops, cm_ops_f32()) && coarse > r->plan.limit) r->plan.limit = coarse;
}

static void one_shape(run *r) {
    r->plan = (check_plan){0};
    r->kernel->plan(r->shape, &r->plan);
    set_limit(r);
    const check_plan *p = &r->plan;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        if (kinds[kind].bit && !(p->kinds & kinds[kind].bit)) continue;
        r->kind = kinds[kind].name;
        for (r->exec.threads = 1; r->exec.threads <= MAX_THREADS; r->exec.threads++) {
            const size_t shift = r->exec.threads == 2; /* one value past alignment */
            make_arrays(r, kinds[kind].bit, shift);
            both(r, "all", 0, false);
            r->exec.fresh = p->fresh > 0;
            if (p->fresh) both(r, "fresh", 0, false);
            r->exec.fresh = false;
            if (kind) continue;
            const unsigned every = (1u << p->outs) - 1;
            for (size_t k = 0; (p->adds || p->optional) && p->outs > 1 && k < p->outs; k++) {
                if (p->adds) both(r, "alone", every & ~(1u << k), false);
                if (p->adds || k) both(r, "without one", 1u << k, false);
            }
            if (p->in_place) in_place(r);
            with_nan(r);
        }
    }
}

/* --- measuring ------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of at least 3 calls (one, when a call takes a second) and about 0.3 s, after one to warm up. */
static double median_seconds(run *r, const cm_ops *ops) {
    double took[200], begin = cm_now();
    call(r, ops, r->in, r->got, 0);
    const double first = cm_now() - begin;
    if (first > 1.0) return first;
    size_t n = 0;
    for (double spent = 0.0; n < 200 && (n < 3 || spent < 0.3); n++) {
        begin = cm_now();
        call(r, ops, r->in, r->got, 0);
        spent += took[n] = cm_now() - begin;
    }
    qsort(took, n, sizeof *took, ascending);
    return took[n / 2];
}

static void bench_shape(run *r, bool csv) {
    r->plan = (check_plan){0};
    r->kernel->plan(r->shape, &r->plan);
    r->exec.threads = 1;
    make_arrays(r, 0, 0);
    start_outputs(r);
    const double ref = median_seconds(r, r->ref);
    double bytes = 0.0;
    for (size_t k = 0; k < r->plan.ins; k++) bytes += 4.0 * (double)r->plan.in[k];
    for (size_t k = 0; k < r->plan.outs; k++) bytes += (r->plan.adds ? 8.0 : 4.0) * (double)r->plan.out[k];
    const int most = cm_threads_available();
    for (int threads = 1; threads <= most; threads = threads < most && threads * 2 > most ? most : threads * 2) {
        r->exec.threads = threads;
        start_outputs(r);
        const double seconds = median_seconds(r, r->ops);
        const double rate = (r->plan.work > 0.0 ? r->plan.work : bytes) / seconds * 1e-9;
        const char *unit = r->plan.work > 0.0 ? "GFLOP/s" : "GB/s";
        if (csv) {
            printf("%s,%s,\"", r->ops->name, r->kernel->name);
            print_shape(r->shape);
            printf("\",%d,%.9f,%.3f,%s,%.2f\n", threads, seconds, rate, unit, ref / seconds);
        } else {
            printf("  %-9s %-16s ", r->ops->name, r->kernel->name);
            print_shape(r->shape);
            printf(" x%d  %.4g ms  %.1f %s  %.1fx ref\n", threads, seconds * 1e3, rate, unit, ref / seconds);
        }
        fflush(stdout);
    }
}

/* --- the program -------------------------------------------------------------------------- */

typedef struct options {
    bool bench, csv, levels;
    const char *kernel, *target;
    uint64_t seed;
} options;

static bool parse(int argc, char **argv, options *o) {
    *o = (options){.seed = 1};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        char *end = NULL;
        if (strcmp(a, "--bench") == 0) {
            o->bench = true;
        } else if (strcmp(a, "--levels") == 0) {
            o->levels = true;
        } else if (strcmp(a, "--csv") == 0) {
            o->csv = true;
        } else if (strncmp(a, "--kernel=", 9) == 0) {
            o->kernel = a + 9;
        } else if (strncmp(a, "--target=", 9) == 0) {
            o->target = a + 9;
        } else if (strcmp(a, "--seed=random") == 0) {
            o->seed = (uint64_t)time(NULL);
        } else if (strncmp(a, "--seed=", 7) == 0) {
            o->seed = strtoull(a + 7, &end, 10);
            if (!a[7] || *end) return false;
        } else {
            return false;
        }
    }
    return true;
}

/* Returns whether all held. */
static bool one_kernel(run *r, const options *o) {
    r->faults = 0;
    r->rng = cm_rng_named(o->seed, r->kernel->name);
    for (size_t i = 0; i < r->kernel->shape_count; i++) {
        r->shape = r->kernel->shapes[i];
        one_shape(r);
    }
    if (r->faults > MAX_FAULTS) printf("FAIL %s %s: %zu faults in all\n", r->ops->name, r->kernel->name, r->faults);
    for (size_t i = 0; o->bench && i < r->kernel->bench_count; i++) {
        r->shape = r->kernel->bench[i];
        bench_shape(r, o->csv);
    }
    return r->faults == 0;
}

int main(int argc, char **argv) {
    options o;
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: cm_check [--bench] [--kernel=P] [--target=P] [--seed=N|random] [--csv] [--levels]\n");
        return 2;
    }
    if (cm_cpu_level_check() != CM_OK) {
        fprintf(stderr, "cm_check: %s\n", cm_why());
        return 2;
    }
    if (o.levels) {
        for (cm_cpu_level l = CM_CPU_PORTABLE; l <= cm_cpu_level_best(); l++) printf("%s\n", cm_cpu_level_name(l));
        return 0;
    }
    if (o.csv) printf("target,kernel,shape,threads,seconds,rate,unit,times_ref\n");
    if (!o.csv) printf("seed %llu, kernels %s\n", (unsigned long long)o.seed, cm_cpu_level_name(cm_cpu_level_get()));
    size_t passed = 0, failed = 0, skipped = 0;
    run r = {.ref = cm_ops_ref()};
    cm_arena_init(&r.arrays, 0);
    cm_arena_init(&r.scratch, 0);
    r.exec.scratch = &r.scratch;
    for (const cm_ops *const *b = cm_backends(); *b; b++) {
        r.ops = *b;
        if (r.ops == r.ref || (o.target && !strstr(r.ops->name, o.target))) continue;
        for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
            for (r.kernel = families[f]; r.kernel->name; r.kernel++) {
                if (o.kernel && !strstr(r.kernel->name, o.kernel)) continue;
                if (!replaced(r.kernel, r.ops, r.ref)) {
                    skipped++;
                } else if (one_kernel(&r, &o)) {
                    passed++;
                } else {
                    failed++;
                }
                fflush(stdout);
            }
        }
    }
    cm_arena_free(&r.arrays);
    cm_arena_free(&r.scratch);
    if (!o.csv || failed) printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
    return failed > 0;
}
