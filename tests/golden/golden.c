// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/golden/golden.h"

static golden_case *all;
static cm_arena arena;
static const char *current;
static size_t held, broken;
static bool skipped, verbose;

void golden_register(golden_case *c) {
    golden_case **at = &all;
    while (*at && strcmp((*at)->name, c->name) < 0) at = &(*at)->next;
    c->next = *at;
    *at = c;
}

cm_arena *golden_arena(void) {
    return &arena;
}

const char *golden_path(const char *below) {
    return cm_arena_print(&arena, "%s/golden/%s", CM_TESTS_DIR, below);
}

static bool count(bool holds, const char *text) {
    if (holds) {
        held++;
    } else {
        broken++;
    }
    if (verbose || !holds) printf("%s %s: %s\n", holds ? "  ok" : "FAIL", current, text);
    return holds;
}

bool golden_that(bool holds, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return count(holds, text);
}

bool golden_ok(cm_status s, const char *what) {
    if (s != CM_OK) golden_that(false, "%s: %s", what, cm_why());
    return s == CM_OK;
}

void golden_skip(const char *reason) {
    printf("SKIP %s: %s\n", current, reason);
    skipped = true;
}

cm_safetensors *golden_open(const char *below) {
    cm_safetensors *f = NULL;
    return golden_ok(cm_safetensors_open(&f, golden_path(below)), below) ? f : NULL;
}

float *golden_floats(cm_safetensors *f, const char *name, const cm_stored **stored) {
    const cm_stored *s = f ? cm_safetensors_find(f, name) : NULL;
    if (stored) *stored = s;
    if (!f) return NULL;
    float *x = s ? CM_PUSH(&arena, float, s->count) : NULL;
    if (!x) {
        golden_that(false, "no tensor '%s' in the file", name);
        return NULL;
    }
    cm_to_float(s->dtype, s->data, s->count, x);
    return x;
}

bool golden_trains(const cm_ops *ops) {
    return ops->rounding == 0;
}

double golden_limit(const cm_ops *ops, double f32) {
    return fmax(f32, 16 * ops->rounding);
}

bool golden_near(const char *what, const float *got, const float *want, size_t n, double limit) {
    if (!got || !want) return golden_that(false, "%s: nothing to compare", what);
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)got[i] - want[i];
        difference += d * d;
        size += (double)want[i] * want[i];
    }
    const double far = size > 0.0 ? sqrt(difference / size) : sqrt(difference);
    return golden_that(far <= limit, "%s: %.2e of %zu values, limit %.0e", what, far, n, limit);
}

static bool chosen(const char *name, int argc, char **argv) {
    bool any = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) continue;
        any = true;
        if (strstr(name, argv[i])) return true;
    }
    return !any;
}

int main(int argc, char **argv) {
    size_t passed = 0, failed = 0, skips = 0;
    for (int i = 1; i < argc; i++) verbose |= strcmp(argv[i], "-v") == 0;
    cm_arena_init(&arena, 0);
    for (golden_case *c = all; c; c = c->next) {
        if (!chosen(c->name, argc, argv)) continue;
        current = c->name;
        held = broken = 0;
        skipped = false;
        c->body();
        if (!broken && !held && !skipped) golden_that(false, "compared nothing");
        if (broken) {
            failed++;
        } else if (skipped) {
            skips++;
        } else {
            passed++;
        }
        cm_arena_clear(&arena);
        fflush(stdout);
    }
    cm_arena_free(&arena);
    printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skips);
    return failed || passed + skips == 0;
}
