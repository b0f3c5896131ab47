// SPDX-License-Identifier: Apache-2.0
/* simulate [RUNS [PART_OF_CASE [FEATURES.safetensors]]]: coverage and false alarms of every interval and test over RUNS
 * (2,000) draws of arms, one line a case; a case is named "fd 64". With FEATURES (tensors "pool" [prompts,2,width],
 * "reference" [n,width]), real features too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "tests/cases/interval_cases.h"

enum { SEED = 14, WIDTH = 128, REFERENCE = 500 };

#define SET(text, n, k, of, far)                                                                                       \
    {                                                                                                                  \
        .name = text, .kind = CM_CASE_SET, .prompts = n, .images = k, .width = WIDTH, .reference = REFERENCE,          \
        .score = of, .apart = far                                                                                      \
    }
static const cm_interval_case cases[] = {
    {.name = "mean", .kind = CM_CASE_MEAN, .prompts = 256},
    {.name = "ratio", .kind = CM_CASE_RATIO, .prompts = 256},
    SET("fd", 64, 1, cm_score_frechet, 0),
    SET("fd", 256, 1, cm_score_frechet, 0),
    SET("fd, apart", 256, 1, cm_score_frechet, 0.3),
    SET("kd", 64, 1, cm_score_kernel, 0),
    SET("kd", 256, 1, cm_score_kernel, 0),
    SET("kd, apart", 256, 1, cm_score_kernel, 0.3),
    SET("cmmd", 256, 1, cm_score_cmmd, 0),
    SET("fd, 4 images", 32, 4, cm_score_frechet, 0),
    SET("fd", 32, 1, cm_score_frechet, 0),
    SET("kd", 32, 1, cm_score_kernel, 0),
    SET("fd, near", 64, 1, cm_score_frechet, 0.05),
    SET("fd, apart", 64, 1, cm_score_frechet, 0.3),
    SET("kd, apart", 64, 1, cm_score_kernel, 0.3),
    {.name = "mean", .kind = CM_CASE_MEAN, .prompts = 64},
    {.name = "ratio", .kind = CM_CASE_RATIO, .prompts = 64},
    {.name = "mean, apart", .kind = CM_CASE_MEAN, .prompts = 256, .apart = 0.3},
    {.name = "ratio, apart", .kind = CM_CASE_RATIO, .prompts = 256, .apart = 0.05},
    SET("cmmd", 64, 1, cm_score_cmmd, 0),
    SET("cmmd, apart", 256, 1, cm_score_cmmd, 0.3),
    SET("fd, near", 256, 1, cm_score_frechet, 0.05),
    SET("kid", 256, 1, cm_score_kid, 0),
    SET("prdc", 128, 1, cm_score_prdc, 0),
    SET("is", 128, 1, cm_score_inception, 0),
    SET("fid-inf", 320, 1, cm_score_frechet_infinity, 0),
    {.name = "mean", .kind = CM_CASE_MEAN, .prompts = 1024},
    {.name = "ratio", .kind = CM_CASE_RATIO, .prompts = 1024},
    SET("fd", 1024, 1, cm_score_frechet, 0),
};

static int run(const cm_interval_case *c, size_t runs, const char *part) {
    cm_interval_tally t;
    char name[64];
    snprintf(name, sizeof name, "%s %zu", c->name, c->prompts);
    if (!strstr(name, part)) return 0;
    if (cm_interval_simulate(c, runs, SEED, &t) != CM_OK) {
        fprintf(stderr, "simulate: %s at %zu: %s\n", c->name, c->prompts, cm_why());
        return 1;
    }
    for (size_t k = 0; k < t.parts; k++)
        printf("%-14s %zu  N %5zu  runs %5zu  arm %.3f (%.2f)  pair %.3f (%.2f)  p<=0.05 %.3f  %.1f ms\n", c->name, k,
               c->prompts, runs, t.arm[k], t.arm_width[k], t.pair[k], t.pair_width[k], t.found[k], 1e3 * t.seconds);
    fflush(stdout);
    return 0;
}

static float *floats(const cm_safetensors *f, const char *name, size_t *rows) {
    const cm_stored *t = cm_safetensors_find(f, name);
    float *x = t ? malloc(t->count * sizeof *x) : NULL;
    if (!x) return NULL;
    cm_to_float(t->dtype, t->data, t->count, x);
    *rows = t->shape[0];
    return x;
}

static int run_real(const char *path, size_t runs, const char *part) {
    static const size_t sizes[] = {32, 64, 128, 256, 512};
    cm_safetensors *f;
    size_t prompts, reference;
    if (cm_safetensors_open(&f, path) != CM_OK) return fprintf(stderr, "simulate: %s\n", cm_why()), 1;
    const float *pool = floats(f, "pool", &prompts), *y = floats(f, "reference", &reference);
    if (!pool || !y) return fprintf(stderr, "simulate: %s: no \"pool\" and \"reference\"\n", path), 1;
    int bad = 0;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const cm_interval_case c = {.name = k ? "kd@nano" : "fd@nano",
                                        .kind = CM_CASE_SET,
                                        .prompts = sizes[i],
                                        .images = 1,
                                        .width = WIDTH,
                                        .reference = reference,
                                        .score = k ? cm_score_kernel : cm_score_frechet,
                                        .pool = pool,
                                        .pool_prompts = prompts,
                                        .pool_reference = y};
            if (4 * sizes[i] <= prompts) bad |= run(&c, runs, part);
        }
    cm_safetensors_close(&f);
    return bad;
}

int main(int argc, char **argv) {
    const long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
    const char *part = argc > 2 ? argv[2] : "";
    int bad = 0;
    if (runs < 2) return fprintf(stderr, "simulate: %s runs: at least 2\n", argv[1]), 2;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) bad |= run(&cases[i], (size_t)runs, part);
    if (argc > 3) bad |= run_real(argv[3], (size_t)runs, part);
    return bad;
}
