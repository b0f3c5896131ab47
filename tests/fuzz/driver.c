// SPDX-License-Identifier: Apache-2.0
/* fuzz [TARGET [ROUNDS [SEED]]]: what corpus/ holds, each good file as it is, then ROUNDS changed ones, for one target
 * or all. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 1 << 18 };

typedef struct input {
    uint8_t data[ROOM];
    size_t bytes;
} input;

static void splice(input *x, size_t at, size_t remove, const uint8_t *add, size_t added) {
    if (at > x->bytes || remove > x->bytes - at || x->bytes - remove + added > ROOM) return;
    memmove(x->data + at + added, x->data + at + remove, x->bytes - at - remove);
    memcpy(x->data + at, add, added);
    x->bytes += added - remove;
}

static void change(input *x, cm_rng *r) {
    static const char *const words[] = {
        "-1",   "0",  "4294967296", "9223372036854775807", "1e999", "\"", "{", "}", "[[[[", ",", ":", "null", "\\ud800",
        "\xff", "\n", "\\",         "\xf0\x9f\x91\x95"};
    uint8_t piece[64];
    const size_t at = x->bytes ? cm_rng_below(r, (uint32_t)x->bytes) : 0, left = x->bytes - at;
    const size_t length = left ? 1 + cm_rng_below(r, left < sizeof piece ? (uint32_t)left : (uint32_t)sizeof piece) : 0;
    const char *word = words[cm_rng_below(r, sizeof words / sizeof *words)];
    memcpy(piece, x->data + at, length);
    switch (cm_rng_below(r, 8)) {
    case 0:
        if (left) x->data[at] ^= (uint8_t)(1u << cm_rng_below(r, 8));
        break;
    case 1:
        if (left) x->data[at] = (uint8_t)cm_rng_u32(r);
        break;
    case 2:
        if (left) x->data[at] = (uint8_t)(x->data[at] + (cm_rng_below(r, 2) ? 1 : -1));
        break;
    case 3: x->bytes = cm_rng_below(r, 4) ? x->bytes : at; break;
    case 4: splice(x, at, length, piece, 0); break;
    case 5: splice(x, x->bytes ? cm_rng_below(r, (uint32_t)x->bytes) : 0, 0, piece, length); break;
    case 6: splice(x, at, length < strlen(word) ? length : strlen(word), (const uint8_t *)word, strlen(word)); break;
    case 7: memset(x->data + at, cm_rng_below(r, 2) ? 0xff : 0, length < 8 ? length : 8); break;
    }
}

static bool load(const char *path, size_t most, input *x) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    x->bytes = fread(x->data, 1, most < ROOM ? most : ROOM, f);
    fclose(f);
    return true;
}

static bool try(const fuzz_target *t, const input *x) {
    return fuzz_try(t, x->data, x->bytes);
}

/* One good file, then changed ones: every `apart`-th of the rounds. *taken counts those. */
static bool run_file(const fuzz_target *t, const char *path, size_t at, size_t apart, unsigned long rounds,
                     uint64_t seed, size_t *taken) {
    static input good, bad;
    if (!load(path, t->most, &good)) {
        printf("FAIL %s: cannot read %s\n", t->name, path);
        return false;
    }
    if (!try(t, &good) && good.bytes < t->most) {
        printf("FAIL %s: %s refused: %s\n", t->name, path, cm_why());
        return false;
    }
    cm_rng r = cm_rng_make(seed, at);
    for (unsigned long k = at; k < rounds; k += apart) {
        bad.bytes = good.bytes;
        memcpy(bad.data, good.data, good.bytes);
        for (uint32_t n = 1 + cm_rng_below(&r, 4); n; n--) change(&bad, &r);
        if (t->repair) t->repair(bad.data, bad.bytes);
        *taken += try(t, &bad);
    }
    return true;
}

/* What fuzzers found, as it is: taken or refused. */
static size_t replay(const fuzz_target *t) {
    static input x;
    char path[1024];
    size_t files = 0;
    snprintf(path, sizeof path, "%s/fuzz/corpus/%s", CM_TESTS_DIR, t->name);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/fuzz/corpus/%s/%s", CM_TESTS_DIR, t->name, e->d_name);
        if (!load(path, ROOM, &x)) continue;
        try(t, &x);
        files++;
    }
    if (d) closedir(d);
    return files;
}

static bool run(const fuzz_target *t, unsigned long rounds, uint64_t seed) {
    char path[1024];
    size_t files = 0, taken = 0;
    bool good = true;
    while (t->corpus[files]) files++;
    fuzz_begin(t);
    const size_t replayed = replay(t);
    for (size_t i = 0; i < files && good; i++) {
        snprintf(path, sizeof path, "%s/%s", CM_TESTS_DIR, t->corpus[i]);
        good = run_file(t, path, i, files, rounds, seed, &taken);
    }
    fuzz_end(t);
    printf("%-18s %zu good files, %zu replayed, %zu of %lu changed ones taken\n", t->name, files, replayed, taken,
           rounds);
    return good;
}

int main(int argc, char **argv) {
    const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    const uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    int passed = 0, failed = 0;
    for (size_t i = 0; fuzz_targets[i]; i++) {
        if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], fuzz_targets[i]->name) != 0) continue;
        if (run(fuzz_targets[i], rounds, seed)) passed++;
        else failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
