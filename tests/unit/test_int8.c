// SPDX-License-Identifier: Apache-2.0
/* int8 products: every table's whole numbers are those of plain C, and layers keep to the definition in
 * int8_microkernels.h. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/cpu/int8/int8_microkernels.h"
#include "core/tensor/ops.h"

static cm_rng rng;
static cm_arena arena;

static void begin(void) {
    cm_arena_init(&arena, 0);
    rng = cm_rng_named(3, "int8");
}

static void end(void) {
    cm_arena_free(&arena);
}

TestSuite(int8, .init = begin, .fini = end);

static float *floats(size_t n, double spread) {
    float *x = CM_PUSH(&arena, float, n);
    for (size_t i = 0; i < n; i++) x[i] = (float)cm_rng_range(&rng, -spread, spread);
    return x;
}

static int8_t *numbers(size_t n) {
    int8_t *x = cm_arena_push(&arena, n);
    for (size_t i = 0; i < n; i++) x[i] = (int8_t)((int)cm_rng_below(&rng, 255) - 127);
    return x;
}

static double apart(const float *got, const float *want, size_t n) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)got[i] - want[i], 2);
        size += pow(want[i], 2);
    }
    return sqrt(difference / size);
}

/* --- tables ----------------------------------------------------------------- */

enum { LEAST_ROWS = 32, ROW = 128 + INT8_DEPTH };

/* 32 rows, of which some lie apart, by steps that are out of order, twice, the second time added. */
static void block_case(size_t steps, bool two) {
    const int8_t *a = numbers(LEAST_ROWS * ROW * 4), *b = numbers(steps * 2 * INT8_TILE);
    ptrdiff_t at[40];
    int32_t want[BF16_COLS * BF16_COLS], got[BF16_COLS * BF16_COLS];
    for (size_t s = 0; s < steps; s++) at[s] = (ptrdiff_t)(cm_rng_below(&rng, 3) * INT8_DEPTH);
    int8_block p = {
        .steps = steps, .a = {a, two ? a + LEAST_ROWS * ROW : NULL}, .at = at, .a_row = ROW, .b = b, .c = want};
    for (size_t r = 0; r < BF16_COLS; r++)
        for (size_t j = 0; j < BF16_COLS; j++) {
            int32_t sum = 0;
            for (size_t k = 0; k < steps * INT8_DEPTH && (two || r < BF16_ROWS); k++)
                sum += p.a[r / BF16_ROWS][at[k / INT8_DEPTH] + (ptrdiff_t)(r % BF16_ROWS * ROW + k % INT8_DEPTH)] *
                       b[(k / INT8_DEPTH * 2 + j / BF16_ROWS) * INT8_TILE + k % INT8_DEPTH / 4 * INT8_DEPTH +
                         j % BF16_ROWS * 4 + k % 4];
            want[r * BF16_COLS + j] = 2 * sum;
        }
    for (const cm_int8_microkernels *const *u = cm_int8_microkernels_all(); *u; u++) {
        memset(got, 0, sizeof got);
        p.c = got;
        (*u)->begin();
        p.add = false;
        (*u)->block(&p);
        p.add = true;
        (*u)->block(&p);
        (*u)->end();
        cr_assert(memcmp(got, want, sizeof got) == 0, "%s, %zu steps, %d halves", (*u)->name, steps, two + 1);
    }
}

Test(int8, every_table_gives_the_same_sums) {
    for (size_t steps = 1; steps <= 40; steps += 3) {
        block_case(steps, true);
        block_case(steps, false);
    }
}

Test(int8, the_deepest_sums_still_fit) {
    const size_t steps = INT8_MAX_DEPTH / INT8_DEPTH;
    int8_t *a = cm_arena_push(&arena, 2 * INT8_TILE), *b = cm_arena_push(&arena, steps * 2 * INT8_TILE);
    ptrdiff_t *at = CM_PUSH_ZERO(&arena, ptrdiff_t, steps);
    int32_t got[BF16_COLS * BF16_COLS];
    memset(a, 127, 2 * INT8_TILE);
    for (int sign = -1; sign <= 1; sign += 2) {
        memset(b, sign * 127, steps * 2 * INT8_TILE);
        for (const cm_int8_microkernels *const *u = cm_int8_microkernels_all(); *u; u++) {
            (*u)->begin();
            (*u)->block(&(
                int8_block){.steps = steps, .a = {a, a + INT8_TILE}, .at = at, .a_row = INT8_DEPTH, .b = b, .c = got});
            (*u)->end();
            for (size_t i = 0; i < BF16_COLS * BF16_COLS; i++)
                cr_assert(got[i] == sign * 127 * 127 * INT8_MAX_DEPTH, "%s", (*u)->name);
        }
    }
}

/* The definition of a row. */
static float plain_row(size_t n, const float *x, int8_t *y) {
    float top = 0;
    for (size_t i = 0; i < n; i++) top = fmaxf(top, fabsf(x[i]));
    for (size_t i = 0; i < n; i++) y[i] = (int8_t)lrintf(x[i] * (127.0f / top));
    return top / 127.0f;
}

Test(int8, a_row_is_the_nearest_of_255_numbers_and_filled_up) {
    for (size_t n = 1; n < 300; n += 7) {
        const float *x = floats(n, 5);
        int8_t want[320] = {0}, got[320];
        const float scale = plain_row(n, x, want);
        for (const cm_int8_microkernels *const *u = cm_int8_microkernels_all(); *u; u++) {
            memset(got, 99, sizeof got);
            const float s = (*u)->pack_a(&(bf16_prologue){.kind = BF16_PLAIN, .factor = 1}, n, x, got, INT8_DEPTH);
            const size_t all = (n + INT8_DEPTH - 1) / INT8_DEPTH * INT8_DEPTH;
            cr_assert(s == scale && memcmp(got, want, all) == 0 && (all == 320 || got[all] == 99), "%s, %zu",
                      (*u)->name, n);
        }
    }
}

Test(int8, rows_of_nothing_and_of_no_numbers) {
    const bf16_prologue plain = {.kind = BF16_PLAIN, .factor = 1};
    float x[70] = {0};
    int8_t y[2 * INT8_DEPTH];
    for (const cm_int8_microkernels *const *u = cm_int8_microkernels_all(); *u; u++) {
        memset(x, 0, sizeof x);
        cr_assert((*u)->pack_a(&plain, 70, x, y, INT8_DEPTH) == 0 && y[0] == 0);
        x[69] = 1e-39f;
        cr_assert((*u)->pack_a(&plain, 70, x, y, INT8_DEPTH) == 0 && y[69] == 0);
        x[3] = INFINITY;
        cr_assert(!isfinite((*u)->pack_a(&plain, 70, x, y, INT8_DEPTH)), "%s", (*u)->name);
        for (size_t at = 0; at < 70; at += 23) {
            memset(x, 0, sizeof x);
            x[at] = NAN;
            x[(at + 1) % 70] = 1;
            cr_assert(isnan((*u)->pack_a(&plain, 70, x, y, INT8_DEPTH)), "%s: NaN at %zu", (*u)->name, at);
        }
    }
}

Test(int8, numbers_of_bf16_with_an_offset) {
    uint16_t x[INT8_DEPTH * 2];
    float wide[INT8_DEPTH * 2];
    for (size_t i = 0; i < INT8_DEPTH * 2; i++) {
        x[i] = (uint16_t)(cm_rng_below(&rng, 0x80) + 0x3f80 + 0x8000 * cm_rng_below(&rng, 2)); /* 1 to 2 */
        const uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(&wide[i], &bits, sizeof bits);
    }
    x[70] = 0xc040; /* -3 */
    wide[70] = -3;
    for (const cm_int8_microkernels *const *u = cm_int8_microkernels_all(); *u; u++) {
        int8_t y[INT8_DEPTH * 2];
        cr_assert((*u)->absmax(INT8_DEPTH * 2, x) == 3);
        (*u)->quantize(INT8_DEPTH * 2, 20, 10, x, y, INT8_DEPTH);
        for (size_t i = 0; i < INT8_DEPTH * 2; i++)
            cr_assert(fabsf(y[i] - (20 * wide[i] - 10)) <= 0.5f, "%s: %g became %d", (*u)->name, wide[i], y[i]);
        x[1] = 0x7fc0;
        cr_assert(isnan((*u)->absmax(INT8_DEPTH * 2, x)), "%s", (*u)->name);
        x[1] = 0x3f80;
        wide[1] = 1;
    }
}

/* --- layers ------------------------------------------------------------------ */

static void plain_linear(size_t rows, size_t in, size_t out, const float *x, const float *w, const float *bias,
                         const float *plus, float *y) {
    int8_t *a = cm_arena_push(&arena, rows * in), *b = cm_arena_push(&arena, out * in);
    float *row = CM_PUSH(&arena, float, rows), *column = CM_PUSH(&arena, float, out);
    for (size_t r = 0; r < rows; r++) row[r] = plain_row(in, x + r * in, a + r * in);
    for (size_t o = 0; o < out; o++) column[o] = plain_row(in, w + o * in, b + o * in);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++) {
            long sum = 0;
            for (size_t k = 0; k < in; k++) sum += a[r * in + k] * b[o * in + k];
            y[r * out + o] = (float)((double)sum * row[r] * column[o] + bias[o] + plus[r * out + o]);
        }
}

Test(int8, a_linear_layer_is_its_definition) {
    static const size_t shapes[][3] = {{1, 96, 40},    {32, 64, 32},   {33, 65, 35},
                                       {300, 320, 96}, {47, 1300, 70}, {150, 100, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t rows = shapes[i][0], in = shapes[i][1], out = shapes[i][2];
        const float *x = floats(rows * in, 3), *w = floats(in * out, 0.1), *bias = floats(out, 1),
                    *plus = floats(rows * out, 1);
        float *want = CM_PUSH(&arena, float, rows *out), *got = CM_PUSH(&arena, float, rows *out);
        cm_arena scratch;
        cm_arena_init(&scratch, 0);
        plain_linear(rows, in, out, x, w, bias, plus, want);
        for (int threads = 1; threads <= 3; threads++) {
            const cm_exec e = {.threads = threads, .scratch = &scratch};
            cm_ops_int8()->linear(&e, rows, in, out, x, w, bias, plus, got);
            cr_assert(apart(got, want, rows * out) < 1e-6, "%zux%zu -> %zu: %.1e", rows, in, out,
                      apart(got, want, rows * out));
        }
        cm_arena_free(&scratch);
    }
}

/* Lines of several chunks: overlapped ref, of any number of threads the same bits, and so are lines of a part. */
static void conv_case(const cm_conv_shape *s, cm_act act) {
    const size_t in = s->n * s->h * s->w * s->c, out = s->n * s->h * s->w * s->o;
    float *x = floats(in, 2), *w = floats(s->o * s->c * 9, 0.1), *y[4], *read = CM_PUSH(&arena, float, in);
    const float *bias = floats(s->o, 1), *image = floats(s->n * s->o, 1), *plus = floats(out, 1);
    float *scale = floats(s->n * s->c, 0.2), *shift = floats(s->n * s->c, 0.5);
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    for (size_t i = 0; i < s->n * s->c; i++) scale[i] += 1;
    const cm_fusion a = {.scale = scale, .shift = shift, .act = act, .image = image, .plus = plus};
    for (size_t k = 0; k < 4; k++) y[k] = CM_PUSH(&arena, float, out);
    cr_assert(cm_arena_check(&arena) == CM_OK);
    for (size_t i = 0; i < in; i++) {
        const size_t channel = i / (s->h * s->w * s->c) * s->c + i % s->c;
        read[i] = x[i] * scale[channel] + shift[channel];
        if (act == CM_SILU) read[i] /= 1 + expf(-read[i]);
    }
    const cm_exec one = {.threads = 1, .scratch = &scratch};
    cm_ops_f32()->conv2d(&one, s, read, w, bias, y[0]);
    for (size_t i = 0; i < out; i++) y[0][i] += image[i / (s->h * s->w * s->o) * s->o + i % s->o] + plus[i];
    for (int threads = 1; threads <= 3; threads++) {
        const cm_exec e = {.threads = threads, .scratch = &scratch};
        cm_ops_int8()->conv2d_fused(&e, s, &a, x, w, bias, y[threads]);
    }
    const double far = apart(y[1], y[0], out);
    cr_assert(far < 1.5e-2 && far > 1e-3, "%zux%zux%zux%zu -> %zu: %.1e", s->n, s->h, s->w, s->c, s->o, far);
    cr_assert(memcmp(y[1], y[2], out * sizeof(float)) == 0 && memcmp(y[1], y[3], out * sizeof(float)) == 0);
    x[in / 2] = NAN;
    cm_ops_int8()->conv2d_fused(&one, s, &a, x, w, bias, y[2]);
    size_t pixels = 0;
    for (size_t i = 0; i < s->n * s->h * s->w; i++) pixels += isnan(y[2][i * s->o]) != 0;
    cr_assert(pixels >= (s->h > 1 ? 6 : 3), "a NaN is seen from every pixel that it is under");
    cm_arena_free(&scratch);
}

Test(int8, a_convolution_beside_f32) {
    static const size_t shapes[][5] = {
        {1, 1, 16, 64, 32}, {2, 5, 32, 130, 64}, {3, 7, 48, 70, 32}, {1, 9, 256, 512, 32}, {2, 16, 16, 640, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t *k = shapes[i];
        const cm_conv_shape s = {k[0], k[1], k[2], k[3], k[4], 3, 3, 1, 1, 1, k[1], k[2]};
        conv_case(&s, CM_SILU);
        conv_case(&s, CM_IDENTITY);
    }
}
