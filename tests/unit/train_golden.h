// SPDX-License-Identifier: Apache-2.0
/* What PyTorch made of training's parts: files of tests/golden/train. */
#ifndef CM_TESTS_UNIT_TRAIN_GOLDEN_H
#define CM_TESTS_UNIT_TRAIN_GOLDEN_H

#include "core/io/safetensors.h"

/* NAME.safetensors; close with cm_safetensors_close. A file or tensor that is not there fails the test. */
cm_safetensors *train_golden(const char *name);
const void *golden_values(const cm_safetensors *f, const char *name);

/* ||got - want|| / ||want|| */
double relative_error(const float *got, const float *want, size_t n);

#endif
