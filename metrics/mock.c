// SPDX-License-Identifier: Apache-2.0
#include "metrics/mock.h"

#include <math.h>

static unsigned byte_of(float pixel) {
    const float value = (pixel + 1) * 127.5f;
    return value > 0 ? value < 255 ? (unsigned)lroundf(value) : 255 : 0;
}

void cm_mock_features(const float *pixels, float out[CM_MOCK_FEATURES]) {
    enum { BAND = CM_MOCK_VALUES / CM_MOCK_FEATURES };
    for (size_t k = 0; k < CM_MOCK_FEATURES; k++) {
        out[k] = 0;
        for (size_t i = 0; i < BAND; i++) out[k] += (float)byte_of(pixels[k * BAND + i]) / (float)(255 * BAND);
    }
}

void cm_mock_image(const float *pixels, float out[CM_MOCK_EMBEDDING]) {
    float features[CM_MOCK_FEATURES];
    cm_mock_features(pixels, features);
    out[0] = fminf(features[0], 1);
    out[1] = sqrtf(1 - out[0] * out[0]);
}

void cm_mock_text(float out[CM_MOCK_EMBEDDING]) {
    out[0] = 1;
    out[1] = 0;
}

cm_status cm_mock_parse(const float *pixels, cm_arena *out, cm_parsed *seen) {
    CM_TRY(cm_image_new(out, CM_MOCK_WIDTH, CM_MOCK_HEIGHT, 1, &seen->classes));
    for (int i = 0; i < cm_slot_count; i++)
        seen->slot[i] = (int)byte_of(pixels[(size_t)i * 37 % CM_MOCK_VALUES]) % cm_slots[i].count;
    seen->asked = CM_ALL_SLOTS;
    for (size_t i = 0; i < CM_MOCK_WIDTH * CM_MOCK_HEIGHT; i++)
        seen->classes.pixels[i] = (uint8_t)(byte_of(pixels[i * 3 % CM_MOCK_VALUES]) % CM_CLASSES);
    return CM_OK;
}
