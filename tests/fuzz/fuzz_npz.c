// SPDX-License-Identifier: Apache-2.0
#include "core/io/npz.h"
#include "tests/fuzz/fuzz.h"

static cm_status read_npz(const char *path) {
    cm_npz *f = NULL;
    cm_status s = CM_OK;
    CM_TRY(cm_npz_open(&f, path));
    for (size_t i = 0; i < cm_npz_count(f) && s == CM_OK; i++) {
        const cm_stored *a = cm_npz_at(f, i);
        float value;
        if ((s = cm_npz_load(f, a)) != CM_OK) break;
        for (size_t k = 0; k < a->count; k++)
            cm_to_float(a->dtype, (const char *)a->data + k * cm_dtype_size(a->dtype), 1, &value);
        cm_npz_find(f, a->name);
    }
    cm_npz_close(&f);
    return s;
}

#define NPZ "golden/npz/"
static const char *const files[] = {NPZ "plain.npz",
                                    NPZ "deflated.npz",
                                    NPZ "objects.npz",
                                    NPZ "statistics.npz",
                                    NPZ "big-endian.npz",
                                    NPZ "alone.npy",
                                    NULL};

const fuzz_target fuzz_npz = {
    .name = "npz", .corpus = files, .file = "arrays.npz", .most = 1 << 14, .repair = fuzz_drop_sums, .read = read_npz};
