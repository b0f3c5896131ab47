// SPDX-License-Identifier: Apache-2.0
/* labels.jsonl of a folder of people. Its lines name the file itself as their picture: it lies inside the folder. */
#include <string.h>

#include "core/data/labelled/labelled.h"
#include "tests/fuzz/fuzz.h"

static cm_status read_all(const cm_labelled_set *s, cm_arena *a) {
    for (size_t i = 0; i < s->count; i++) {
        cm_description d;
        cm_drawing drawing;
        CM_TRY(cm_labelled_describe(s, i, s->people[i].seed, 0, a, &d));
        CM_TRY(cm_labelled_describe(s, i, 7, 0.3, a, &d));
        (void)cm_labelled_read(s, i, a, &drawing);
    }
    return CM_OK;
}

static cm_status read_labels(const char *path) {
    const cm_labelled_needs needs = {.classes = CM_TAKEN_WHERE_THERE, .width = 16, .height = 16};
    cm_arena a;
    cm_labelled_set s;
    cm_arena_init(&a, 0);
    const char *folder = cm_arena_print(&a, "%.*s", (int)(strrchr(path, '/') - path), path);
    cm_status status = folder ? cm_labelled_open(&s, folder, &needs, &a) : CM_ENOMEM;
    if (status == CM_OK) status = read_all(&s, &a);
    cm_arena_free(&a);
    return status;
}

static const char *const corpus[] = {"fuzz/labels.jsonl", NULL};

const fuzz_target fuzz_labels = {
    .name = "labels", .corpus = corpus, .file = "labels.jsonl", .most = 1 << 13, .read = read_labels};
