// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/io/safetensors.h"
#include "tests/fuzz/fuzz.h"

/* Touches every byte that the file says it has. */
static cm_status read_tensors(const char *path) {
    cm_safetensors *f = NULL;
    CM_TRY(cm_safetensors_open(&f, path));
    for (size_t i = 0; i < cm_safetensors_count(f); i++) {
        const cm_stored *t = cm_safetensors_at(f, i);
        const unsigned char *p = t->data;
        float value;
        for (size_t k = 0; k < t->count; k++) cm_to_float(t->dtype, p + k * cm_dtype_size(t->dtype), 1, &value);
        cm_safetensors_find(f, t->name);
    }
    cm_safetensors_metadata(f, "format");
    cm_safetensors_close(&f);
    return CM_OK;
}

/* The header's length set to where it seems to end, so that changed headers are parsed. */
static void repair(uint8_t *data, size_t bytes) {
    uint64_t length = 0;
    if (bytes < 9) return;
    for (size_t i = 8; i + 1 < bytes && i < 100000; i++) {
        if (data[i] == '}' && data[i + 1] == '}') length = i + 2 - 8;
    }
    if (length && data[bytes - 1] & 1) memcpy(data, &length, sizeof length);
}

static const char *const corpus[] = {"golden/clip/text-sd/model.safetensors", "golden/scores/features.safetensors",
                                     "golden/images/images.safetensors", NULL};
const fuzz_target fuzz_safetensors = {.name = "safetensors",
                                      .corpus = corpus,
                                      .file = "model.safetensors",
                                      .most = 1 << 16,
                                      .repair = repair,
                                      .read = read_tensors};
