// SPDX-License-Identifier: Apache-2.0
/* Fuzzing a parser without a fuzzer: good files, changed in ways that repeat from a seed.
 *
 * A target reads a file and must neither crash nor leak, whatever is in it; the
 * sanitizers of `make test-asan` judge. Each file tests/fuzz/fuzz_*.c holds the
 * targets of one parser. What a target refuses is fine: it must say why.
 */
#ifndef CM_TESTS_FUZZ_FUZZ_H
#define CM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct fuzz_target {
    const char *name;
    const char *const *corpus;  /* good files under tests/, NULL at the end */
    const char *file;           /* the name an input is given */
    const char *beside;         /* (optional) folder under tests/ whose other files lie beside it */
    size_t most;                /* bytes taken of a good file */
    void (*repair)(uint8_t *data, size_t bytes); /* (optional) checksums set right, to get past them */
    cm_status (*read)(const char *path);
} fuzz_target;

extern const fuzz_target fuzz_safetensors, fuzz_png, fuzz_png_raw, fuzz_jpeg, fuzz_json, fuzz_records, fuzz_vocab, fuzz_merges,
    fuzz_tokenizer_config, fuzz_text;

#endif
