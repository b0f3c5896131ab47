// SPDX-License-Identifier: Apache-2.0
/* Stored values to float and back. Half precision goes through F16C where the CPU
 * has it; the plain C beside it gives the same bits. */
#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/safetensors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Half: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
static float from_half(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    const uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    if (exponent == 31) return float_of(sign | 0x7f800000 | (mantissa ? 0x400000 | mantissa << 13 : 0));
    if (exponent) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
    const float tiny = (float)mantissa * 0x1p-24f;
    return sign ? -tiny : tiny;
}

static uint16_t to_half(float f) {
    const uint32_t bits = bits_of(f), size = bits & 0x7fffffff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
    if (size >= 0x477ff000) return sign | 0x7c00; /* 65520 and more round to infinity */
    if (size < 0x38800000) {                      /* below the smallest normal: adding 0.5 leaves units of 2^-24 */
        const uint32_t sum = bits_of(float_of(size) + 0.5f);
        return (uint16_t)(sign | (sum - 0x3f000000));
    }
    const uint32_t even = (size >> 13 & 1) + 0xfff;
    return (uint16_t)(sign | (size - (112u << 23) + even) >> 13);
}

/* E5M2 is the upper half of a half. E4M3: 1 sign, 4 exponent (bias 7), 3 mantissa bits. */
static float from_e4m3(uint8_t v) {
    const unsigned exponent = v >> 3 & 15, mantissa = v & 7;
    const uint32_t sign = (uint32_t)(v & 0x80) << 24;
    if ((v & 0x7f) == 0x7f) return float_of(sign | 0x7fc00000);
    if (exponent) return float_of(sign | (exponent + 120) << 23 | mantissa << 20);
    const float tiny = (float)mantissa * 0x1p-9f;
    return sign ? -tiny : tiny;
}

/* To the nearest of an 8-bit float's values with `kept` mantissa bits, ties to even; its smallest normal number is
 * 2^lowest. */
static float round_to_bits(float f, int kept, int lowest) {
    int exponent;
    frexpf(f, &exponent);
    const int step = (exponent - 1 < lowest ? lowest : exponent - 1) - kept;
    return ldexpf(nearbyintf(ldexpf(f, -step)), step);
}

static uint8_t to_e4m3(float f) {
    const uint8_t sign = (uint8_t)(bits_of(f) >> 24 & 0x80);
    const float x = fabsf(f);
    if (isnan(x)) return sign | 0x7f;
    const float r = x < 448 ? round_to_bits(x, 3, -6) : 448;
    if (r < 0x1p-6f) return (uint8_t)(sign | (unsigned)(r * 512));
    const uint32_t bits = bits_of(r);
    return (uint8_t)(sign | ((bits >> 23) - 120) << 3 | (bits >> 20 & 7));
}

static uint8_t to_e5m2(float f) {
    const uint8_t sign = (uint8_t)(bits_of(f) >> 24 & 0x80);
    const float x = fabsf(f);
    if (isnan(x)) return sign | 0x7f;
    if (x >= 61440) return sign | 0x7c; /* half way between the largest, 57344, and what would be next */
    return (uint8_t)(sign | to_half(round_to_bits(x, 2, -14)) >> 8);
}

static uint16_t to_bfloat(float f) {
    const uint32_t bits = bits_of(f);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) static size_t from_half_f16c(const unsigned char *p, size_t count, float *out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 2 * i))));
    return i;
}

__attribute__((target("avx,f16c"))) static size_t to_half_f16c(const float *values, size_t count, unsigned char *p) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm_storeu_si128((__m128i *)(p + 2 * i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT));
    }
    return i;
}
#else
static size_t from_half_f16c(const unsigned char *p, size_t count, float *out) {
    (void)p, (void)count, (void)out;
    return 0;
}
static size_t to_half_f16c(const float *values, size_t count, unsigned char *p) {
    (void)p, (void)count, (void)values;
    return 0;
}
#endif

/* Each case reads through memcpy: stored data may lie unaligned. */
#define WIDEN(type, expression)                                                                                        \
    for (size_t i = 0; i < count; i++) {                                                                               \
        type v;                                                                                                        \
        memcpy(&v, p + i * sizeof v, sizeof v);                                                                        \
        out[i] = (expression);                                                                                         \
    }                                                                                                                  \
    break

void cm_to_float(cm_dtype type, const void *data, size_t count, float *out) {
    const unsigned char *p = data;
    if (!count) return;
    switch (type) {
    case CM_F32: memcpy(out, data, count * sizeof *out); break;
    case CM_F16: {
        const size_t done = cm_cpu_get()->f16c ? from_half_f16c(p, count, out) : 0;
        p += 2 * done, out += done, count -= done;
        WIDEN(uint16_t, from_half(v));
    }
    case CM_BF16: WIDEN(uint16_t, float_of((uint32_t)v << 16));
    case CM_F64: WIDEN(double, (float)v);
    case CM_I64: WIDEN(int64_t, (float)v);
    case CM_I32: WIDEN(int32_t, (float)v);
    case CM_U8: WIDEN(uint8_t, (float)v);
    case CM_BOOL: WIDEN(uint8_t, v ? 1.0f : 0.0f);
    case CM_F8_E4M3: WIDEN(uint8_t, from_e4m3(v));
    case CM_F8_E5M2: WIDEN(uint8_t, from_half((uint16_t)(v << 8)));
    case CM_DTYPE_COUNT: break;
    }
}

/* Whole numbers: nearest even, held to the range of the type; NaN becomes 0. */
static double whole(float v, double lo, double hi) {
    const double x = nearbyint((double)v);
    return isnan(x) ? 0 : x < lo ? lo : x > hi ? hi : x;
}

#define NARROW(type, expression)                                                                                       \
    for (size_t i = 0; i < count; i++) {                                                                               \
        const float v = values[i];                                                                                     \
        const type x = (type)(expression);                                                                             \
        memcpy(p + i * sizeof x, &x, sizeof x);                                                                        \
    }                                                                                                                  \
    break

void cm_from_float(cm_dtype type, const float *values, size_t count, void *data) {
    unsigned char *p = data;
    if (!count) return;
    switch (type) {
    case CM_F32: memcpy(data, values, count * sizeof *values); break;
    case CM_F16: {
        const size_t done = cm_cpu_get()->f16c ? to_half_f16c(values, count, p) : 0;
        p += 2 * done, values += done, count -= done;
        NARROW(uint16_t, to_half(v));
    }
    case CM_BF16: NARROW(uint16_t, to_bfloat(v));
    case CM_F64: NARROW(double, v);
    case CM_I64: NARROW(int64_t, whole(v, -0x1p63, 0x1.fffffffffffffp62));
    case CM_I32: NARROW(int32_t, whole(v, INT32_MIN, INT32_MAX));
    case CM_U8: NARROW(uint8_t, whole(v, 0, 255));
    case CM_BOOL: NARROW(uint8_t, v != 0);
    case CM_F8_E4M3: NARROW(uint8_t, to_e4m3(v));
    case CM_F8_E5M2: NARROW(uint8_t, to_e5m2(v));
    case CM_DTYPE_COUNT: break;
    }
}

static const struct {
    const char *name;
    size_t size;
} dtypes[CM_DTYPE_COUNT] = {
    [CM_F32] = {"F32", 4},         [CM_F16] = {"F16", 2},        [CM_BF16] = {"BF16", 2}, [CM_F64] = {"F64", 8},
    [CM_I64] = {"I64", 8},         [CM_I32] = {"I32", 4},        [CM_U8] = {"U8", 1},     [CM_BOOL] = {"BOOL", 1},
    [CM_F8_E4M3] = {"F8_E4M3", 1}, [CM_F8_E5M2] = {"F8_E5M2", 1}};

size_t cm_dtype_size(cm_dtype t) {
    return dtypes[t].size;
}

bool cm_dtype_is_real(cm_dtype t) {
    return t <= CM_F64 || t == CM_F8_E4M3 || t == CM_F8_E5M2;
}

const char *cm_dtype_name(cm_dtype t) {
    return dtypes[t].name;
}
