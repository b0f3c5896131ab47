// SPDX-License-Identifier: Apache-2.0
/* Files of prompts: tables, captions, lines. */
#include "prompts/prompt_set.h"
#include "tests/fuzz/fuzz.h"

static void ignore(void *arg, size_t line, const char *why) {
    (void)arg, (void)line, (void)why;
}

/* As generate reads it, and as lint does, which goes on behind a row that is wrong. */
static cm_status read_prompts(const char *path) {
    cm_arena arena;
    cm_prompt_set set;
    cm_arena_init(&arena, 0);
    const cm_prompt_reading tolerant = {.fault = ignore};
    (void)cm_prompt_set_read(path, &tolerant, &arena, &set);
    const cm_status s = cm_prompt_set_read(path, NULL, &arena, &set);
    cm_arena_free(&arena);
    return s;
}

static const char *const tables[] = {"fuzz/prompts.csv", NULL};
static const char *const captions[] = {"fuzz/captions.json", NULL};
static const char *const sets[] = {"fuzz/prompts.jsonl", NULL};

const fuzz_target fuzz_prompt_table = {
    .name = "prompt-table", .corpus = tables, .file = "prompts.csv", .most = 1 << 13, .read = read_prompts};
const fuzz_target fuzz_prompt_coco = {
    .name = "prompt-coco", .corpus = captions, .file = "captions.json", .most = 1 << 13, .read = read_prompts};
const fuzz_target fuzz_prompt_set = {
    .name = "prompt-set", .corpus = sets, .file = "prompts.jsonl", .most = 1 << 13, .read = read_prompts};
