// SPDX-License-Identifier: Apache-2.0
/* CLIP pairs in every form that is read, against transformers and open_clip in float64, on every backend; open_clip's
 * token ids by its own form of vocabulary. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "core/networks/clip_pair.h"
#include "metrics/metric.h"
#include "tests/golden/golden.h"

typedef struct form {
    const char *name, *path, *act;
    cm_clip_act asked;
    cm_act runs;
    const char *warns; /* NULL: does not */
} form;

static const form forms[] = {{"hf", "clip_pair/hf", "quick_gelu", CM_CLIP_ACT_AUTO, CM_QUICK_GELU, NULL},
                             {"hf", "clip_pair/hf", "gelu", CM_CLIP_ACT_GELU, CM_GELU,
                              "its configuration says QuickGELU"},
                             {"open", "clip_pair/open", "gelu", CM_CLIP_ACT_AUTO, CM_GELU, NULL},
                             {"open", "clip_pair/open/open_clip_pytorch_model.bin", "quick_gelu",
                              CM_CLIP_ACT_QUICK_GELU, CM_QUICK_GELU, "its configuration says GELU"},
                             {"openai", "clip_pair/openai.pt", "quick_gelu", CM_CLIP_ACT_AUTO, CM_QUICK_GELU, NULL}};

static void compare(const form *f, const char *what, cm_safetensors *values, const float *got, size_t rows,
                    size_t width, double limit) {
    const cm_stored *stored;
    const float *want =
        golden_floats(values, cm_arena_print(golden_arena(), "%s.%s.%s", what, f->name, f->act), &stored);
    if (want && golden_that(stored->shape[0] == rows && stored->shape[1] == width, "%s: shape", what))
        golden_near(cm_arena_print(golden_arena(), "%s %s %s", f->path, what, f->act), got, want, rows * width, limit);
}

static void images(const form *f, const cm_clip_pair *p, cm_ctx *g, cm_safetensors *values) {
    const cm_clip_pair_info *i = cm_clip_pair_get_info(p);
    const cm_stored *stored;
    const float *pixels = golden_floats(values, cm_arena_print(golden_arena(), "pixels.%s", f->name), &stored);
    if (!pixels ||
        !golden_that(stored->shape[1] == i->height && stored->shape[2] == i->width, "%s: picture size", f->path))
        return;
    float *out = CM_PUSH(golden_arena(), float, stored->shape[0] * i->projection);
    if (golden_ok(cm_clip_pair_images(p, g, pixels, stored->shape[0], out), f->path))
        compare(f, "images", values, out, stored->shape[0], i->projection, golden_limit(g->ops, 1e-4));
}

static void texts(const form *f, const cm_clip_pair *p, cm_ctx *g, cm_safetensors *values) {
    enum { MOST = 16 };
    json_t *json = NULL;
    const char *list[MOST];
    cm_clip_reading readings[MOST];
    const size_t width = cm_clip_pair_get_info(p)->projection;
    if (!golden_ok(cm_json_read(golden_path("clip_pair/texts.json"), &json), "texts")) return;
    const json_t *all = json_object_get(json, "texts");
    const size_t n = json_array_size(all);
    for (size_t i = 0; i < n; i++) list[i] = json_string_value(json_array_get(all, i));
    float *out = CM_PUSH(golden_arena(), float, n *width);
    if (golden_ok(cm_clip_pair_texts(p, g, CM_CLEAN_TRANSFORMERS, list, n, out, readings), f->path))
        compare(f, "texts", values, out, n, width, golden_limit(g->ops, 1e-4));
    for (size_t i = 0; i < n; i++) {
        const json_t *want = json_array_get(json_object_get(json, "readings"), i);
        golden_that(readings[i].tokens == (size_t)json_integer_value(json_array_get(want, 0)) &&
                        readings[i].read == (size_t)json_integer_value(json_array_get(want, 1)),
                    "%s: text %zu: %zu of %zu tokens", f->path, i, readings[i].read, readings[i].tokens);
    }
    json_decref(json);
}

static void one(const form *f, const cm_ops *ops, cm_safetensors *values) {
    cm_clip_pair *p = NULL;
    cm_ctx g;
    const cm_clip_options o = {.tokenizer = golden_path("clip_pair/hf"), .act = f->asked};
    if (!golden_ok(cm_clip_pair_open(&p, golden_path(f->path), &o), f->path)) return;
    const cm_clip_pair_info *i = cm_clip_pair_get_info(p);
    golden_that(i->act == f->runs, "%s: activation", f->path);
    golden_that(f->warns ? i->warning && strstr(i->warning, f->warns) != NULL : !i->warning, "%s: warns '%s'", f->path,
                i->warning ? i->warning : "");
    golden_that(i->context == 16, "%s: context %zu", f->path, i->context);
    golden_that(fabsf(i->mean[2] - (strcmp(f->name, "open") == 0 ? 0.125f : 0.40821073f)) < 1e-7f, "%s: mean", f->path);
    cm_ctx_init(&g, ops, 2);
    images(f, p, &g, values);
    texts(f, p, &g, values);
    cm_ctx_free(&g);
    cm_clip_pair_close(&p);
}

GOLDEN(clip_pair, "clip_pair") {
    cm_safetensors *values = golden_open("clip_pair/values.safetensors");
    for (const cm_ops *const *ops = cm_backends(); values && *ops; ops++)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) one(&forms[i], *ops, values);
    cm_safetensors_close(&values);
}

/* torchmetrics' clip_score of the same network, pictures and texts, before it holds the mean above 0. */
GOLDEN(clip_score, "clip_pair/clip_score") {
    cm_extractor *e = NULL;
    json_t *json = NULL, *row;
    size_t i;
    cm_ctx g;
    float pictures[2 * 10], *const out[CM_OUTPUTS] = {[CM_OUT_FEATURES] = pictures};
    cm_safetensors *values = golden_open("clip_pair/values.safetensors");
    const float *pixels = golden_floats(values, "pixels.hf", NULL);
    const cm_text_image *t = cm_metric_find("clip@tm")->of_text;
    cm_ctx_init(&g, cm_backend_default(), 2);
    if (pixels && golden_ok(cm_json_read(golden_path("clip_pair/texts.json"), &json), "texts") &&
        golden_ok(cm_extractor_open(&e, "clip-vit-l-14", golden_path("clip_pair/hf"), NULL), "hf") &&
        golden_ok(cm_extractor_run(e, &g, pixels, 2, out), "pictures")) {
        json_array_foreach(json_object_get(json, "torchmetrics"), i, row) {
            cm_text_score got;
            const double want = json_number_value(json_array_get(row, 1));
            const cm_description d = {.text = (char *)(uintptr_t)json_string_value(json_array_get(row, 0))},
                                 *prompt = &d;
            if (!golden_ok(cm_text_image_scores(t, e, &g, pictures + i % 2 * 10, &prompt, 1, golden_arena(), &got),
                           d.text))
                continue;
            golden_that(fabs(got.value - want) < 1e-3 && fabs(want) > 1, "'%s': %.6f, torchmetrics %.6f", d.text,
                        got.value, want);
        }
        golden_that(i >= 4, "%zu texts", i);
    }
    cm_ctx_free(&g);
    cm_extractor_close(&e);
    json_decref(json);
    cm_safetensors_close(&values);
}

GOLDEN(open_clip_ids, "clip_pair/ids") {
    json_t *lines = NULL, *line;
    cm_tokenizer *t = NULL;
    size_t i, wrong = 0;
    if (!golden_ok(cm_jsonl_read(golden_path("clip_pair/ids.jsonl"), &lines), "ids")) return;
    if (golden_ok(cm_tokenizer_open(&t, golden_path("clip_pair/bpe.txt.gz")), "bpe")) {
        json_array_foreach(lines, i, line) {
            cm_tokens got;
            const char *text = json_string_value(json_object_get(line, "text"));
            const json_t *ids = json_object_get(line, "ids");
            if (!golden_ok(cm_tokenize_to(t, CM_CLEAN_OPEN_CLIP, text, 77, golden_arena(), &got), text)) continue;
            bool same = got.length == json_array_size(ids) &&
                        got.total == 2 + (size_t)json_integer_value(json_object_get(line, "tokens"));
            for (size_t k = 0; same && k < got.length; k++)
                same = got.ids[k] == (int)json_integer_value(json_array_get(ids, k));
            wrong += !same;
            golden_that(same, "ids of '%.60s'", text);
        }
        golden_that(wrong == 0 && i >= 18, "%zu of %zu texts differ", wrong, i);
    }
    cm_tokenizer_close(&t);
    json_decref(lines);
}

static uint32_t hash_ids(const cm_tokens *t) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < t->used; i++)
        for (int byte = 0; byte < 4; byte++) h = (h ^ ((uint32_t)t->ids[i] >> 8 * byte & 0xFF)) * 16777619u;
    return h;
}

/* The cleaning is the program's, not the file's: both forms of one vocabulary give the ids of each. */
static size_t compare_cleanings(const char *vocabulary, const json_t *lines) {
    static const struct {
        const char *name;
        cm_text_cleaning cleaning;
    } programs[] = {{"transformers", CM_CLEAN_TRANSFORMERS}, {"open", CM_CLEAN_OPEN_CLIP}};
    cm_tokenizer *t = NULL;
    size_t i, compared = 0;
    const json_t *line;
    if (!golden_ok(cm_tokenizer_open(&t, golden_path(vocabulary)), vocabulary)) return 0;
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(lines, i, line) {
            cm_tokens got;
            const char *text = json_string_value(json_object_get(line, "text"));
            const bool repaired = k == 1 && json_is_true(json_object_get(line, "repaired"));
            if (!golden_ok(cm_tokenize_to(t, programs[k].cleaning, text, 77, golden_arena(), &got), text)) continue;
            golden_that(got.doubtful == repaired, "'%.60s' is %staken as wrongly decoded", text,
                        got.doubtful ? "" : "not ");
            const bool same = hash_ids(&got) == (uint32_t)json_integer_value(json_object_get(line, programs[k].name));
            golden_that(same || repaired, "%s: %s ids of '%.60s'", vocabulary, programs[k].name, text);
            compared += !repaired;
        }
    cm_tokenizer_close(&t);
    return compared;
}

GOLDEN(clean_texts, "clip_pair/clean") {
    json_t *lines = NULL;
    if (!golden_ok(cm_jsonl_read(golden_path("clip_pair/clean.jsonl"), &lines), "clean")) return;
    const size_t packed = compare_cleanings("clip_pair/bpe.txt.gz", lines),
                 folder = compare_cleanings("clip_pair/folder", lines);
    golden_that(packed >= 500 && packed == folder, "%zu and %zu texts compared", packed, folder);
    json_decref(lines);
}
