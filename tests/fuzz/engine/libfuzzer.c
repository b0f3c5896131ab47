// SPDX-License-Identifier: Apache-2.0
/* One target, named by CM_FUZZ_TARGET, under clang's libFuzzer: ci/fuzz.sh runs them in turn. Good files are put into
 * the folder CM_FUZZ_SEEDS, where libFuzzer is told to look. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const fuzz_target *target;

static void end(void) {
    fuzz_end(target);
}

static void put_seed(const char *from, const char *folder, size_t i, size_t most) {
    static char data[1 << 17];
    char path[1024];
    FILE *f = fopen(from, "rb");
    const size_t n = f ? fread(data, 1, most < sizeof data ? most : sizeof data, f) : 0;
    if (f) fclose(f);
    snprintf(path, sizeof path, "%s/good-%zu", folder, i);
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) abort();
}

static void put_seeds(const char *folder) {
    char path[1024];
    for (size_t i = 0; folder && target->corpus[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", CM_TESTS_DIR, target->corpus[i]);
        put_seed(path, folder, i, target->most);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *name = getenv("CM_FUZZ_TARGET");
    (void)argc, (void)argv;
    for (size_t i = 0; fuzz_targets[i] && !target; i++)
        if (name && strcmp(name, fuzz_targets[i]->name) == 0) target = fuzz_targets[i];
    if (!target) {
        fprintf(stderr, "CM_FUZZ_TARGET: '%s' is none of", name ? name : "");
        for (size_t i = 0; fuzz_targets[i]; i++) fprintf(stderr, " %s", fuzz_targets[i]->name);
        fprintf(stderr, "\n");
        exit(2);
    }
    put_seeds(getenv("CM_FUZZ_SEEDS"));
    fuzz_begin(target);
    atexit(end);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (!target->repair) {
        fuzz_try(target, data, bytes);
        return 0;
    }
    uint8_t *copy = malloc(bytes + 1);
    if (!copy) abort();
    memcpy(copy, data, bytes);
    target->repair(copy, bytes);
    fuzz_try(target, copy, bytes);
    free(copy);
    return 0;
}
