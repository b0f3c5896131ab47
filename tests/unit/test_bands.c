// SPDX-License-Identifier: Apache-2.0
/* The autoencoder's last level in bands of lines: the values of the whole, in less memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/networks/vae.h"
#include "core/tensor/bands.h"

static cm_arena arena;
static cm_params *params;
static json_t *config;

static cm_vae *vae_of(const char *channels) {
    char text[400];
    snprintf(text, sizeof text,
             "{\"block_out_channels\": [%s], \"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\", "
             "\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"], \"up_block_types\": [\"UpDecoderBlock2D\", "
             "\"UpDecoderBlock2D\", "
             "\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"], \"norm_num_groups\": 4, \"layers_per_block\": 1}",
             channels);
    cm_vae_config c;
    cm_vae *n;
    cm_arena_init(&arena, 0);
    config = json_loads(text, 0, NULL);
    cr_assert_eq(cm_vae_configure(config, &c), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_params_create(&params, 3), CM_OK);
    cr_assert_eq(cm_vae_build(&n, &c, params, &arena), CM_OK);
    cm_params_freeze(params);
    return n;
}

static void done(void) {
    cm_params_close(&params);
    json_decref(config);
    cm_arena_free(&arena);
}

/* The decoder's pixels, copied; *peak: bytes of tensors. */
static float *decoded(cm_vae *n, const cm_ops *ops, const size_t *shape, size_t band, size_t *peak) {
    cm_ctx g;
    cm_ctx_init(&g, ops, 2);
    cm_vae_set_band(n, band);
    cm_tensor *z = cm_tensor_new(&g, 4, shape);
    for (size_t i = 0; i < cm_count(z); i++) z->data[i] = sinf((float)(i * i % 1013));
    const cm_tensor *y = cm_vae_decode(&g, n, z);
    cr_assert(y, "%s", g.why);
    float *copy = CM_PUSH(&arena, float, cm_count(y));
    memcpy(copy, y->data, cm_count(y) * sizeof *copy);
    *peak = g.memory.used;
    cm_ctx_free(&g);
    return copy;
}

static void check_bands(cm_vae *n, const size_t *shape, size_t bands) {
    const size_t values = shape[0] * 64 * shape[1] * shape[2] * 3;
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        size_t whole_bytes, band_bytes;
        const float *whole = decoded(n, *ops, shape, SIZE_MAX / 2, &whole_bytes);
        cr_assert_eq(cm_vae_bands(n, 8 * shape[1], 8 * shape[2]), 1);
        const float *parts = decoded(n, *ops, shape, 0, &band_bytes);
        cr_assert_eq(cm_vae_bands(n, 8 * shape[1], 8 * shape[2]), bands, "%zu",
                     cm_vae_bands(n, 8 * shape[1], 8 * shape[2]));
        cr_expect_lt(band_bytes, whole_bytes, "%s: %zu of %zu", (*ops)->name, band_bytes, whole_bytes);
        if (*ops != cm_ops_ref() && *ops != cm_ops_openblas()) { /* whose sums depend on the size of a piece */
            cr_expect_eq(memcmp(whole, parts, values * sizeof *whole), 0, "%s: other bits", (*ops)->name);
            continue;
        }
        for (size_t i = 0; i < values; i++)
            cr_assert_float_eq(whole[i], parts[i], 2e-6f, "value %zu: %g, %g", i, whole[i], parts[i]);
    }
}

Test(bands, give_the_bits_of_the_whole) {
    cm_vae *n = vae_of("8, 16, 16, 16");
    check_bands(n, (const size_t[]){1, 20, 8, 4}, 10);
    check_bands(n, (const size_t[]){1, 33, 3, 4}, 3); /* lines in the last band: no multiple of a step */
    check_bands(n, (const size_t[]){2, 17, 8, 4}, 9);
    done();
}

Test(bands, do_without_a_shortcut) {
    cm_vae *n = vae_of("16, 16, 16, 16");
    check_bands(n, (const size_t[]){1, 9, 16, 4}, 9);
    done();
}

/* Stable Diffusion's decoder: small pictures whole, large ones in more bands the larger they are. */
Test(bands, are_as_many_as_the_size_wants) {
    cm_vae *n = vae_of("128, 256, 512, 512");
    cr_expect_eq(cm_vae_bands(n, 256, 256), 1);
    cr_expect_eq(cm_vae_bands(n, 512, 512), 4);
    cr_expect_eq(cm_vae_bands(n, 1024, 1024), 16);
    cr_expect_eq(cm_vae_bands(n, 1000, 1000), 8, "128 lines end where a run of sums does");
    cm_vae_set_band(n, 16 << 20);
    cr_expect_eq(cm_vae_bands(n, 1024, 1024), 64);
    done();
}

Test(bands, step_is_where_sums_and_tiles_begin) {
    cr_expect_eq(cm_band_step(1024), 4);
    cr_expect_eq(cm_band_step(512), 4);
    cr_expect_eq(cm_band_step(64), 16);
    cr_expect_eq(cm_band_step(1000), 128);
    cr_expect_eq(cm_band_step(7), 1024);
}
