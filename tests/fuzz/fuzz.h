// SPDX-License-Identifier: Apache-2.0
/* Fuzzing parsers, without a fuzzer (driver.c: good files, changed in ways that repeat from a seed) and with one
 * (engine/libfuzzer.c, which finds its own changes by coverage).
 *
 * A target reads a file and must neither crash nor leak, whatever is in it; the
 * sanitizers of `make test-asan` judge. Each file tests/fuzz/fuzz_*.c holds the
 * targets of one parser. What a target refuses is fine: it must say why.
 * Files in corpus/NAME/ are what fuzzers found worth keeping; the driver replays them.
 */
#ifndef CM_TESTS_FUZZ_FUZZ_H
#define CM_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct fuzz_target {
    const char *name;
    const char *const *corpus;                   /* good files under tests/, NULL at the end */
    const char *file;                            /* the name an input is given */
    const char *beside;                          /* (optional) folder under tests/ whose other files lie beside it */
    size_t most;                                 /* bytes taken of a good file */
    void (*repair)(uint8_t *data, size_t bytes); /* (optional) checksums set right, to get past them */
    cm_status (*read)(const char *path);
} fuzz_target;

extern const fuzz_target *const fuzz_targets[]; /* NULL at the end */

/* A folder for inputs, and what lies beside them there; end removes all of it. */
void fuzz_begin(const fuzz_target *t);
void fuzz_end(const fuzz_target *t);
/* Exactly so many bytes, no more, so that reading behind the end is seen. Returns whether the target took them; a
 * refusal without a reason of one line ends the program. */
bool fuzz_try(const fuzz_target *t, const uint8_t *data, size_t bytes);

/* A repair for zip files: no check sums in the directory, so that changes reach what lies behind them. */
void fuzz_drop_sums(uint8_t *data, size_t bytes);

extern const fuzz_target fuzz_safetensors, fuzz_png, fuzz_png_raw, fuzz_jpeg, fuzz_webp, fuzz_bmp, fuzz_gif, fuzz_json,
    fuzz_records, fuzz_vocab, fuzz_merges, fuzz_tokenizer_config, fuzz_tokens_map, fuzz_text, fuzz_torch, fuzz_npz,
    fuzz_pickle, fuzz_shards, fuzz_torch_shards, fuzz_single, fuzz_vision, fuzz_packed, fuzz_unet_config,
    fuzz_vae_config, fuzz_text_config, fuzz_schedule, fuzz_prompt_table, fuzz_prompt_coco, fuzz_prompt_set, fuzz_labels;

#endif
