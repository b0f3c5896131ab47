// SPDX-License-Identifier: Apache-2.0
/* Goldens: answers of the reference implementations, compared with ours.
 *
 * A file golden_TOPIC.c holds any number of
 *
 *     GOLDEN(unet, "unet/nano") {
 *         cm_safetensors *f = golden_open("unet/nano.safetensors");   // below tests/golden; NULL: noted as failed
 *         float *want = golden_floats(f, "noise_pred", NULL);
 *         golden_near("noise_pred", got, want, n, 1e-4);              // relative L2
 *         cm_safetensors_close(&f);
 *     }
 *
 * and needs no other registration. A golden passes when it made at least one
 * comparison and all of them held; NaN never does. Memory from golden_arena is
 * gone when the golden ends. `golden [-v] [PART OF A NAME]...` runs those that match.
 */
#ifndef CM_TESTS_GOLDEN_GOLDEN_H
#define CM_TESTS_GOLDEN_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/io/safetensors.h"
#include "core/tensor/ops.h"

typedef void golden_body(void);

typedef struct golden_case {
    const char *name;
    golden_body *body;
    struct golden_case *next;
} golden_case;

void golden_register(golden_case *c);

#define GOLDEN(id, title)                                                                                              \
    static void golden_##id(void);                                                                                     \
    __attribute__((constructor)) static void golden_add_##id(void) {                                                   \
        static golden_case one = {.name = title, .body = golden_##id};                                                 \
        golden_register(&one);                                                                                         \
    }                                                                                                                  \
    static void golden_##id(void)

cm_arena *golden_arena(void);
const char *golden_path(const char *below); /* tests/golden/BELOW; in the golden's arena */
cm_safetensors *golden_open(const char *below);

/* A tensor as floats, in the golden's arena; absent is noted as failed and gives NULL.
 * stored (may be NULL) receives its shape. A NULL file gives NULL. */
float *golden_floats(cm_safetensors *f, const char *name, const cm_stored **stored);

/* What f32 must hold, or as much more as this backend's products are coarser: 3e-2 for bf16 (ARCHITECTURE.md's limits).
 */
bool golden_trains(const cm_ops *ops); /* the bf16 backends are for inference */
double golden_limit(const cm_ops *ops, double f32);

/* ||got - want|| / ||want|| <= limit, in double; NULL on either side fails. Prints the value with -v. */
bool golden_near(const char *what, const float *got, const float *want, size_t n, double limit);
/* A claim of any other kind. */
bool golden_that(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A status that must be CM_OK; prints its reason. */
bool golden_ok(cm_status s, const char *what);
void golden_skip(const char *reason);

#endif
