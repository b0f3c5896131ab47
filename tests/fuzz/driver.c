// SPDX-License-Identifier: Apache-2.0
/* fuzz [TARGET [ROUNDS [SEED]]]: each good file as it is, then ROUNDS changed ones, for one target or all. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "tests/fuzz/fuzz.h"

static const fuzz_target *const targets[] = {&fuzz_safetensors, &fuzz_png,   &fuzz_png_raw, &fuzz_jpeg,
                                             &fuzz_json,        &fuzz_records, &fuzz_vocab, &fuzz_merges,
                                             &fuzz_tokenizer_config, &fuzz_text};
enum { TARGETS = sizeof targets / sizeof *targets, ROOM = 1 << 17 };

static char folder[] = "/tmp/cm-fuzz-XXXXXX";

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
    static const char *const words[] = {"-1", "0", "4294967296", "9223372036854775807", "1e999", "\"", "{", "}", "[[[[",
                                        ",",  ":", "null",       "\\ud800",             "\xff",  "\n", "\\", "\xf0\x9f\x91\x95"};
    uint8_t piece[64];
    const size_t at = x->bytes ? cm_rng_below(r, (uint32_t)x->bytes) : 0, left = x->bytes - at;
    const size_t length = left ? 1 + cm_rng_below(r, left < sizeof piece ? (uint32_t)left : (uint32_t)sizeof piece) : 0;
    const char *word = words[cm_rng_below(r, sizeof words / sizeof *words)];
    memcpy(piece, x->data + at, length);
    switch (cm_rng_below(r, 8)) {
    case 0: if (left) x->data[at] ^= (uint8_t)(1u << cm_rng_below(r, 8)); break;
    case 1: if (left) x->data[at] = (uint8_t)cm_rng_u32(r); break;
    case 2: if (left) x->data[at] = (uint8_t)(x->data[at] + (cm_rng_below(r, 2) ? 1 : -1)); break;
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

/* Exactly so many bytes, no more, so that reading behind the end is seen. Returns whether the target took it. */
static bool try(const fuzz_target *t, const input *x) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, t->file);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(x->data, 1, x->bytes, f) != x->bytes || fclose(f) != 0) abort();
    cm_fail(CM_OK, "%s", "");
    const cm_status s = t->read(path);
    if (s != CM_OK && (!cm_why()[0] || strchr(cm_why(), '\n'))) {
        printf("FAIL %s: no reason in one line: '%s'\n", t->name, cm_why());
        exit(1);
    }
    return s == CM_OK;
}

static void each_beside(const fuzz_target *t, bool make) {
    char from[1024], to[512];
    snprintf(from, sizeof from, "%s/%s", CM_TESTS_DIR, t->beside ? t->beside : "");
    DIR *d = t->beside ? opendir(from) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, t->file) == 0) continue;
        snprintf(from, sizeof from, "%s/%s/%s", CM_TESTS_DIR, t->beside, e->d_name);
        snprintf(to, sizeof to, "%s/%s", folder, e->d_name);
        if (make ? symlink(from, to) : remove(to)) abort();
    }
    if (d) closedir(d);
}

static bool run(const fuzz_target *t, unsigned long rounds, uint64_t seed) {
    static input good, bad;
    char path[1024];
    size_t files = 0, taken = 0, taken_good = 0;
    while (t->corpus[files]) files++;
    each_beside(t, true);
    for (size_t i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%s", CM_TESTS_DIR, t->corpus[i]);
        if (!load(path, t->most, &good)) {
            printf("FAIL %s: cannot read %s\n", t->name, path);
            return false;
        }
        const bool whole = good.bytes < t->most, took = try(t, &good);
        taken_good += took;
        if (whole && !took) printf("FAIL %s: %s refused: %s\n", t->name, path, cm_why());
        if (whole && !took) return false;
        cm_rng r = cm_rng_make(seed, i);
        for (unsigned long k = i; k < rounds; k += files) {
            bad.bytes = good.bytes;
            memcpy(bad.data, good.data, good.bytes);
            for (uint32_t n = 1 + cm_rng_below(&r, 4); n; n--) change(&bad, &r);
            if (t->repair) t->repair(bad.data, bad.bytes);
            taken += try(t, &bad);
        }
    }
    each_beside(t, false);
    snprintf(path, sizeof path, "%s/%s", folder, t->file);
    remove(path);
    printf("%-18s %zu of %zu files and %zu of %lu changed ones taken\n", t->name, taken_good, files, taken, rounds);
    return true;
}

int main(int argc, char **argv) {
    const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    const uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    int passed = 0, failed = 0;
    if (!mkdtemp(folder)) return 1;
    for (size_t i = 0; i < TARGETS; i++) {
        if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], targets[i]->name) != 0) continue;
        if (run(targets[i], rounds, seed)) passed++;
        else failed++;
    }
    rmdir(folder);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
