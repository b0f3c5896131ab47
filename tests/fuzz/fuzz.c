// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const fuzz_target *const fuzz_targets[] = {&fuzz_safetensors,
                                           &fuzz_torch,
                                           &fuzz_npz,
                                           &fuzz_pickle,
                                           &fuzz_shards,
                                           &fuzz_torch_shards,
                                           &fuzz_single,
                                           &fuzz_png,
                                           &fuzz_png_raw,
                                           &fuzz_jpeg,
                                           &fuzz_webp,
                                           &fuzz_bmp,
                                           &fuzz_gif,
                                           &fuzz_json,
                                           &fuzz_records,
                                           &fuzz_vocab,
                                           &fuzz_merges,
                                           &fuzz_tokenizer_config,
                                           &fuzz_tokens_map,
                                           &fuzz_text,
                                           &fuzz_unet_config,
                                           &fuzz_vae_config,
                                           &fuzz_text_config,
                                           &fuzz_schedule,
                                           &fuzz_vision,
                                           &fuzz_packed,
                                           &fuzz_prompt_table,
                                           &fuzz_prompt_coco,
                                           &fuzz_prompt_set,
                                           &fuzz_labels,
                                           NULL};

static char folder[256];

static void each_beside(const fuzz_target *t, bool make) {
    char from[1024], to[1024];
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

void fuzz_begin(const fuzz_target *t) {
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/cm-fuzz-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder)) abort();
    each_beside(t, true);
}

void fuzz_end(const fuzz_target *t) {
    char path[512];
    each_beside(t, false);
    snprintf(path, sizeof path, "%s/%s", folder, t->file);
    remove(path);
    rmdir(folder);
}

bool fuzz_try(const fuzz_target *t, const uint8_t *data, size_t bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, t->file);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0) abort();
    cm_fail(CM_OK, "%s", "");
    const cm_status s = t->read(path);
    if (s != CM_OK && (!cm_why()[0] || strchr(cm_why(), '\n'))) {
        printf("FAIL %s: no reason in one line: '%s'\n", t->name, cm_why());
        abort();
    }
    return s == CM_OK;
}

void fuzz_drop_sums(uint8_t *data, size_t bytes) {
    enum { CENTRAL_BYTES = 46, SUM_AT = 16 };
    for (size_t i = 0; i + CENTRAL_BYTES <= bytes; i++)
        if (memcmp(data + i, "PK\1\2", 4) == 0) memset(data + i + SUM_AT, 0, 4);
}
