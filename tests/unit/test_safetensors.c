// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "tests/unit/scratch.h"

/* A file with this header text, whose stated length may lie, and so many bytes of data. */
static void put(const char *name, uint64_t stated, const char *header, size_t data_bytes) {
    static unsigned char file[4096];
    const size_t n = strlen(header);
    memset(file, 0, sizeof file);
    memcpy(file, &stated, 8);
    memcpy(file + 8, header, n);
    scratch_write(name, file, 8 + n + data_bytes);
}

typedef struct bad {
    const char *header;
    size_t data_bytes;
    uint64_t stated; /* 0: the header's true length */
    const char *says;
} bad;

#define T(name, dtype, shape, begin, end)                                                                              \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static const bad damaged[] = {
    {"{}", 0, UINT64_C(2) << 30, "a header of 2147483648 bytes"},
    {"{}", 0, UINT64_MAX, "a header of"},
    {"{}", 0, 3, "truncated"},
    {"{}", 1, 0, "1 stray bytes at the end"},
    {"[]", 0, 0, "not a JSON object"},
    {"{\"a\":", 0, 0, "not JSON"},
    {"{\"a\":1}", 0, 0, "dtype"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("a", "F32", "[2]", "0", "8") "}", 8, 0, "duplicate"},
    {"{" T("a", "F32", "[2]", "0", "8") "}", 7, 0, "truncated"},
    {"{" T("a", "F32", "[2]", "0", "8") "}", 9, 0, "stray"},
    {"{" T("a", "F32", "[3]", "0", "8") "}", 8, 0, "do not hold its shape"},
    {"{" T("a", "F33", "[2]", "0", "9") "}", 8, 0, "truncated"},
    {"{" T("a", "F32", "[-2]", "0", "8") "}", 8, 0, "no whole number"},
    {"{" T("a", "F32", "[2.0]", "0", "8") "}", 8, 0, "no whole number"},
    {"{" T("a", "F32", "2", "0", "8") "}", 8, 0, "not a list"},
    {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, 0, "at most 8"},
    {"{" T("a", "F32", "[4294967296,4294967296,4]", "0", "0") "}", 0, 0, "overflows"},
    {"{" T("a", "F32", "[4611686018427387904]", "0", "0") "}", 0, 0, "do not hold its shape"},
    {"{" T("a", "F32", "[99999999999999999999]", "0", "8") "}", 8, 0, "not JSON"},
    {"{" T("a", "F32", "[2]", "8", "0") "}", 8, 0, "truncated"},
    {"{" T("a", "F32", "[2]", "0", "-1") "}", 8, 0, "two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, 0, "two whole numbers"},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, 0, "no dtype"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[2]", "4", "12") "}", 12, 0, "overlaps"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[2]", "0", "8") "}", 8, 0, "overlaps"},
    {"{" T("a", "F32", "[1]", "0", "4") "," T("b", "F32", "[1]", "8", "12") "}", 12, 0, "4 stray bytes before"},
    {"{" T("a", "F32", "[1]", "4", "8") "}", 8, 0, "4 stray bytes before"},
};

/* Of a type that is not read there are the name, the shape and the bytes: no harm where nobody wants it. */
Test(safetensors, a_tensor_of_another_type_is_no_damage) {
    const size_t n = sizeof "{" T("a", "U16", "[2,2]", "0", "8") "}" - 1;
    unsigned char bytes[200] = {(unsigned char)n};
    memcpy(bytes + 8, "{" T("a", "U16", "[2,2]", "0", "8") "}", n);
    scratch_write("other.safetensors", bytes, 8 + n + 8);
    cm_safetensors *f = NULL;
    cr_assert_eq(cm_safetensors_open(&f, scratch("other.safetensors")), CM_OK, "%s", cm_why());
    const cm_stored *t = cm_safetensors_find(f, "a");
    cr_assert_str_eq(t->unread, "U16");
    cr_assert(t->dtype == CM_U8 && t->count == 8 && t->ndim == 2);
    cm_safetensors_close(&f);
    scratch_done();
}

Test(safetensors, refuses_damage_with_one_line) {
    for (const bad *b = damaged; b < damaged + sizeof damaged / sizeof *damaged; b++) {
        cm_safetensors *f = NULL;
        put("bad", b->stated ? b->stated : strlen(b->header), b->header, b->data_bytes);
        cr_assert_eq(cm_safetensors_open(&f, scratch("bad")), CM_EFORMAT, "%s", b->header);
        cr_assert(strstr(cm_why(), b->says), "'%s' for %s", cm_why(), b->header);
        cr_assert(strncmp(cm_why(), scratch("bad"), strlen(scratch("bad"))) == 0, "%s", cm_why());
        cr_assert_null(strchr(cm_why(), '\n'));
        cr_assert_null(f);
    }
    scratch_done();
}

Test(safetensors, short_and_absent_files_are_refused) {
    cm_safetensors *f = NULL;
    scratch_write("short", "1234567", 7);
    cr_assert_eq(cm_safetensors_open(&f, scratch("short")), CM_EFORMAT);
    scratch_write("empty", "", 0);
    cr_assert_eq(cm_safetensors_open(&f, scratch("empty")), CM_EFORMAT);
    cr_assert_eq(cm_safetensors_open(&f, scratch("absent")), CM_EIO);
    cr_assert_eq(cm_safetensors_open(&f, "/tmp"), CM_EFORMAT);
    scratch_done();
}

Test(safetensors, every_cut_of_a_good_file_is_refused) {
    const float x[4] = {1, 2, 3, 4};
    const cm_store_item items[] = {{"a", CM_F32, 1, (const size_t[]){4}, x, NULL},
                                   {"b", CM_F16, 2, (const size_t[]){2, 2}, x, NULL}};
    cr_assert_eq(cm_safetensors_write(scratch("good"), items, 2, NULL), CM_OK, "%s", cm_why());
    unsigned char bytes[1024];
    FILE *f = fopen(scratch("good"), "rb");
    const size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut++) {
        cm_safetensors *s = NULL;
        scratch_write("cut", bytes, cut);
        cr_assert_eq(cm_safetensors_open(&s, scratch("cut")), CM_EFORMAT, "cut at %zu", cut);
    }
    scratch_done();
}

Test(safetensors, what_is_written_is_read_back) {
    const float x[6] = {0, -1.5f, 3e38f, 65504, 1e-8f, INFINITY};
    const int64_t ids[2] = {-5, INT64_MAX};
    const cm_store_item items[] = {
        {"z.f32", CM_F32, 2, (const size_t[]){2, 3}, x, NULL},
        {"a.i64", CM_I64, 1, (const size_t[]){2}, NULL, ids},
        {"m.u8", CM_U8, 1, (const size_t[]){5}, NULL, "hello"},
        {"scalar", CM_BF16, 0, NULL, x + 1, NULL},
        {"none \"quoted\" \xc3\xa9", CM_F32, 2, (const size_t[]){0, 3}, x, NULL},
    };
    const char *const metadata[] = {"format", "pt", "step", "12", NULL};
    cm_safetensors *f = NULL;
    cr_assert_eq(cm_safetensors_write(scratch("f"), items, 5, metadata), CM_OK, "%s", cm_why());
    cr_assert_eq(scratch_files(), 1);
    cr_assert_eq(cm_safetensors_open(&f, scratch("f")), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_count(f), 5);
    cr_assert_str_eq(cm_safetensors_metadata(f, "step"), "12");
    cr_assert_null(cm_safetensors_metadata(f, "steps"));
    cr_assert_str_eq(cm_safetensors_at(f, 0)->name, "z.f32");
    const cm_stored *t = cm_safetensors_find(f, "z.f32");
    cr_assert(t && t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->count == 6);
    cr_assert_eq((uintptr_t)t->data % 64, 0, "data begin aligned");
    cr_assert_arr_eq(t->data, x, sizeof x);
    cr_assert_arr_eq(cm_safetensors_find(f, "a.i64")->data, ids, sizeof ids);
    cr_assert_arr_eq(cm_safetensors_find(f, "m.u8")->data, "hello", 5);
    t = cm_safetensors_find(f, "scalar");
    float v;
    cm_to_float(t->dtype, t->data, t->count, &v);
    cr_assert(t->ndim == 0 && v == -1.5f);
    cr_assert_eq(cm_safetensors_find(f, items[4].name)->count, 0);
    cr_assert_null(cm_safetensors_find(f, "z.f3"));
    cm_safetensors_close(&f);
    cr_assert_null(f);
    scratch_done();
}

Test(safetensors, a_file_of_nothing_is_fine) {
    cm_safetensors *f = NULL;
    cr_assert_eq(cm_safetensors_write(scratch("f"), NULL, 0, NULL), CM_OK);
    cr_assert_eq(cm_safetensors_open(&f, scratch("f")), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_count(f), 0);
    cr_assert_null(cm_safetensors_find(f, ""));
    cm_safetensors_close(&f);
    scratch_done();
}

Test(safetensors, a_full_disk_leaves_nothing_behind) {
    static float x[50000];
    const cm_store_item item = {"x", CM_F32, 1, (const size_t[]){50000}, x, NULL};
    limit_files(100000);
    cr_assert_eq(cm_safetensors_write(scratch("f"), &item, 1, NULL), CM_EIO);
    unlimit_files();
    cr_assert(strstr(cm_why(), "cannot write"), "%s", cm_why());
    cr_assert_eq(scratch_files(), 0);
    scratch_done();
}

Test(safetensors, two_tensors_of_one_name_are_not_written) {
    const float x = 0;
    const cm_store_item items[] = {{"a", CM_F32, 0, NULL, &x, NULL}, {"a", CM_F32, 0, NULL, &x, NULL}};
    cr_assert_eq(cm_safetensors_write(scratch("f"), items, 2, NULL), CM_EUSAGE);
    cr_assert_eq(scratch_files(), 0);
    scratch_done();
}

/* By the definition: sign, exponent, mantissa, in double. */
static double half_value(unsigned h) {
    const double sign = h & 0x8000 ? -1 : 1, m = h & 0x3ff;
    const int e = (int)(h >> 10 & 31);
    if (e == 31) return m != 0 ? NAN : sign * INFINITY;
    return sign * (e ? ldexp(1 + m / 1024, e - 15) : ldexp(m / 1024, -14));
}

/* Runs both ways of conversion: vectors of eight, and the plain C on what is left over. */
Test(conversion, every_half_goes_to_float_and_back) {
    static uint16_t h[65536 + 7], back[65536 + 7];
    static float x[65536 + 7], alone;
    for (size_t i = 0; i < 65536; i++) h[i] = (uint16_t)i;
    cm_to_float(CM_F16, h, 65536, x);
    cm_from_float(CM_F16, x, 65536, back);
    for (size_t i = 0; i < 65536; i++) {
        const double want = half_value((unsigned)i);
        uint16_t one;
        cm_to_float(CM_F16, h + i, 1, &alone);
        cm_from_float(CM_F16, &alone, 1, &one);
        if (isnan(want)) {
            cr_assert(isnan(x[i]) && isnan(alone));
            cr_assert(isnan(half_value(back[i])) && isnan(half_value(one)));
        } else {
            cr_assert((double)x[i] == want && memcmp(&x[i], &alone, 4) == 0, "%zx", i);
            cr_assert(back[i] == i && one == i, "%zx: %x %x", i, back[i], one);
        }
    }
}

/* Between two neighbouring halves: below, at and above the middle; a tie goes to the even one. */
Test(conversion, floats_round_to_the_nearest_half_ties_to_even) {
    for (unsigned i = 0; i < 0x7bff; i++) {
        const double lo = half_value(i), hi = half_value(i + 1);
        const float middle = (float)((lo + hi) / 2);
        const float v[8] = {
            nextafterf(middle, 0), middle, nextafterf(middle, INFINITY), -middle, (float)lo, (float)hi, 0, -0.0f};
        const uint16_t even = (uint16_t)(i & 1 ? i + 1 : i),
                       want[8] = {(uint16_t)i, even,  (uint16_t)(i + 1), even | 0x8000, (uint16_t)i, (uint16_t)(i + 1),
                                  0,           0x8000};
        uint16_t got[8], one;
        cm_from_float(CM_F16, v, 8, got);
        for (int k = 0; k < 8; k++) {
            cm_from_float(CM_F16, v + k, 1, &one);
            cr_assert(got[k] == want[k] && one == want[k], "%x, %d: %x %x, not %x", i, k, got[k], one, want[k]);
        }
    }
    const float v[8] = {65519.996f, 65520, 1e30f, -INFINITY, 0x1p-25f, 0x1.000002p-25f, 1e-40f, -65520};
    const uint16_t want[8] = {0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 1, 0, 0xfc00};
    uint16_t got[8], one;
    cm_from_float(CM_F16, v, 8, got);
    for (int k = 0; k < 8; k++) {
        cm_from_float(CM_F16, v + k, 1, &one);
        cr_assert(got[k] == want[k] && one == want[k], "%d: %x %x, not %x", k, got[k], one, want[k]);
    }
}

Test(conversion, bfloat_rounds_to_nearest_even) {
    const float v[] = {1, 1.00390625f, 1.01171875f, 1.0039064f, -3.3895314e38f, 3.4e38f, NAN, 1e-45f};
    const uint16_t want[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xff7f, 0x7f80, 0, 0};
    for (int k = 0; k < 8; k++) {
        uint16_t got;
        float back;
        cm_from_float(CM_BF16, v + k, 1, &got);
        cm_to_float(CM_BF16, &got, 1, &back);
        if (isnan(v[k])) {
            cr_assert(isnan(back));
        } else {
            cr_assert_eq(got, want[k], "%d: %x", k, got);
        }
    }
}

Test(conversion, whole_numbers_are_rounded_and_held_in_range) {
    const float v[] = {-1, 0.5f, 1.5f, 254.6f, 300, NAN};
    const uint8_t want[] = {0, 0, 2, 255, 255, 0};
    uint8_t got[6];
    cm_from_float(CM_U8, v, 6, got);
    cr_assert_arr_eq(got, want, 6);
    int64_t big;
    const float huge = 1e30f;
    cm_from_float(CM_I64, &huge, 1, &big);
    cr_assert(big > INT64_MAX / 2);
    cm_from_float(CM_BOOL, v, 1, got);
    cr_assert_eq(got[0], 1);
}

static bool same_float(float a, float b) {
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

Test(conversion, eight_bit_floats_are_torchs) {
    static const struct {
        cm_dtype type;
        const char *stored, *floats, *rounded;
    } kinds[] = {{CM_F8_E4M3, "e4m3", "e4m3.f32", "e4m3.of_x"}, {CM_F8_E5M2, "e5m2", "e5m2.f32", "e5m2.of_x"}};
    cm_safetensors *f = NULL;
    cr_assert_eq(cm_safetensors_open(&f, CM_TESTS_DIR "/golden/torch/float8.safetensors"), CM_OK, "%s", cm_why());
    const cm_stored *x = cm_safetensors_find(f, "x");
    for (size_t k = 0; k < 2; k++) {
        const cm_stored *stored = cm_safetensors_find(f, kinds[k].stored),
                        *floats = cm_safetensors_find(f, kinds[k].floats);
        const cm_stored *rounded = cm_safetensors_find(f, kinds[k].rounded);
        float got[256];
        cr_assert(stored && stored->dtype == kinds[k].type && stored->count == 256);
        cm_to_float(kinds[k].type, stored->data, 256, got);
        for (size_t i = 0; i < 256; i++)
            cr_expect(same_float(got[i], ((const float *)floats->data)[i]), "%s: byte %zu is %g", kinds[k].stored, i,
                      (double)got[i]);
        for (size_t i = 0; i < x->count; i++) {
            const float v = ((const float *)x->data)[i];
            const uint8_t want = ((const uint8_t *)rounded->data)[i];
            uint8_t byte;
            cm_from_float(kinds[k].type, &v, 1, &byte);
            cr_expect_eq(byte, want, "%s: %.9g becomes %x, not %x", kinds[k].stored, (double)v, byte, want);
        }
    }
    cm_safetensors_close(&f);
}

Test(conversion, unaligned_data_are_read) {
    unsigned char bytes[17] = {0};
    const double d = 2.5;
    float x;
    memcpy(bytes + 1, &d, 8);
    cm_to_float(CM_F64, bytes + 1, 1, &x);
    cr_assert_eq(x, 2.5f);
}
