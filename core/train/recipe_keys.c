// SPDX-License-Identifier: Apache-2.0
/* The keys of a training recipe and of a model card. */
#include <string.h>

#include "core/base/closest.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

static const struct {
    cm_json_key key;
    const char *stages; /* that read it; NULL: all */
} recipe_keys[] = {
    {{"comment", CM_JSON_TEXT}, NULL},
    {{"backend", CM_JSON_NAME}, NULL},
    {{"seed", CM_JSON_WHOLE}, NULL},
    {{"data", CM_JSON_TEXT}, "vae unet"},
    {{"people", CM_JSON_WHOLE, 1, 10000000}, NULL},
    {{"people_seed", CM_JSON_WHOLE}, NULL},
    {{"simple", CM_JSON_BOOL}, NULL},
    {{"pairs", CM_JSON_NAME}, NULL},
    {{"width", CM_JSON_WHOLE, 16, 1024}, NULL},
    {{"height", CM_JSON_WHOLE, 16, 1024}, NULL},
    {{"batch", CM_JSON_WHOLE, 1, 65536}, NULL},
    {{"workers", CM_JSON_WHOLE, 1, 1024}, NULL},
    {{"steps", CM_JSON_WHOLE, 1}, NULL},
    {{"rate", CM_JSON_NUMBER, 0, 100}, NULL},
    {{"final_rate", CM_JSON_NUMBER, 0, 1}, NULL},
    {{"schedule", CM_JSON_NAME}, NULL},
    {{"warmup", CM_JSON_WHOLE}, NULL},
    {{"beta1", CM_JSON_NUMBER, 0, 1}, NULL},
    {{"beta2", CM_JSON_NUMBER, 0, 1}, NULL},
    {{"epsilon", CM_JSON_NUMBER, 0, 1}, NULL},
    {{"decay", CM_JSON_NUMBER, 0, 100}, NULL},
    {{"clip", CM_JSON_NUMBER, 0, 1e9}, NULL},
    {{"ema", CM_JSON_NUMBER, 0, 1}, NULL},
    {{"record_every", CM_JSON_WHOLE, 1}, NULL},
    {{"save_seconds", CM_JSON_NUMBER, 0, 1e9}, NULL},
    {{"init", CM_JSON_TEXT}, "vae unet"},
    {{"network", CM_JSON_ANY}, "vae parser features unet"},
    {{"kl", CM_JSON_NUMBER, 0, 1e9}, "vae"},
    {{"l1", CM_JSON_NUMBER, 0, 1e9}, "vae"},
    {{"decoder_only", CM_JSON_BOOL}, "vae"},
    {{"text", CM_JSON_ANY}, "clip"},
    {{"vision", CM_JSON_ANY}, "clip"},
    {{"contrast", CM_JSON_NUMBER, 0, 1e9}, "clip"},
    {{"naming", CM_JSON_NUMBER, 0, 1e9}, "clip"},
    {{"tokenizer", CM_JSON_NAME}, "clip unet"},
    {{"text_encoder", CM_JSON_NAME}, "clip unet"},
    {{"classes_weight", CM_JSON_NUMBER, 0, 1e9}, "parser"},
    {{"vae", CM_JSON_NAME}, "unet"},
    {{"scheduler", CM_JSON_NAME}, "unet"},
    {{"captions", CM_JSON_NAME}, "unet"},
    {{"guidance_dropout", CM_JSON_NUMBER, 0, 1}, "unet"},
    {{"group_dropout", CM_JSON_NUMBER, 0, 1}, "unet"},
    {{"min_snr", CM_JSON_NUMBER, 0, 1e9}, "unet"},
    {{"hola", CM_JSON_NUMBER, 0, 1e9}, "unet"},
    {{"hola_form", CM_JSON_NAME}, "unet"},
    {{"hola_scale", CM_JSON_NAME}, "unet"},
    {{"hola_masks", CM_JSON_NAME}, "unet"},
    {{"hola_regions", CM_JSON_NAME}, "unet"},
    {{"hola_targets", CM_JSON_NAME}, "unet"},
    {{"hola_terms", CM_JSON_NAME}, "unet"},
    {{"hola_phrases", CM_JSON_ANY}, "unet"},
    {{"hola_keep_empty", CM_JSON_BOOL}, "unet"},
    {{"hola_least_share", CM_JSON_NUMBER, 0, 1}, "unet"},
    {{"hola_factor", CM_JSON_ANY}, "unet"},
    {{"hola_layers", CM_JSON_ANY}, "unet"},
    {{"hola_begin", CM_JSON_NUMBER, 0, 1}, "unet"},
    {{"hola_end", CM_JSON_NUMBER, 0, 1}, "unet"},
    {{"hola_least_t", CM_JSON_WHOLE, 0, 1000}, "unet"},
    {{"fresh_captions", CM_JSON_BOOL}, "unet"},
    {{"cache", CM_JSON_TEXT}, "unet"},
};

enum { RECIPE_KEYS = sizeof recipe_keys / sizeof *recipe_keys };

static bool reads(const char *stages, const char *stage) {
    const size_t n = strlen(stage);
    for (const char *at = stages; at && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == n && strncmp(at, stage, n) == 0) return true;
    return stages == NULL;
}

static cm_status check_schedule(const char *name) {
    static const char *const names[] = {"cosine", "constant", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0) return CM_OK;
    return cm_unknown_choice("schedule", name, names);
}

cm_status cm_recipe_check_option(const char *option, const char *key, const json_t *value) {
    cm_json_key all[RECIPE_KEYS + 1] = {{0}};
    for (size_t i = 0; i < RECIPE_KEYS; i++) all[i] = recipe_keys[i].key;
    json_t *o = json_pack("{s:O}", key, value);
    if (!o) return cm_fail(CM_ENOMEM, "out of memory");
    const cm_status s = cm_json_check(o, option, all);
    json_decref(o);
    return s == CM_EFORMAT ? cm_fail_in(CM_EUSAGE, "train") : s;
}

/* A key that another stage reads would change nothing here. */
cm_status cm_recipe_check(const json_t *recipe, const char *stage) {
    cm_json_key all[RECIPE_KEYS + 1] = {{0}};
    for (size_t i = 0; i < RECIPE_KEYS; i++) all[i] = recipe_keys[i].key;
    CM_TRY(cm_json_check(recipe, "recipe", all));
    for (size_t i = 0; i < RECIPE_KEYS; i++) {
        const char *name = recipe_keys[i].key.name, *stages = recipe_keys[i].stages;
        if (json_object_get(recipe, name) && !reads(stages, stage))
            return cm_fail(CM_EUSAGE, "recipe: \"%s\" means nothing to stage %s (it is read by: %s)", name, stage,
                           stages);
    }
    return check_schedule(cm_json_text_or(recipe, "schedule", "cosine"));
}

cm_status cm_card_read(const char *path, json_t **card) {
    static const cm_json_key keys[] = {
        {"stage", CM_JSON_NAME},       {"parameters", CM_JSON_WHOLE}, {"steps", CM_JSON_WHOLE},
        {"samples", CM_JSON_WHOLE},    {"hours", CM_JSON_NUMBER},     {"cpu", CM_JSON_TEXT},
        {"loss", CM_JSON_NUMBER},      {"training", CM_JSON_OBJECT},  {"labels", CM_JSON_NAME},
        {"sessions", CM_JSON_LIST},    {"recipe", CM_JSON_OBJECT},    {"gates", CM_JSON_LIST},
        {"questions", CM_JSON_OBJECT}, {"dtype", CM_JSON_NAME},       {0}};
    json_t *o;
    CM_TRY(cm_json_read(path, &o));
    const char *stage = cm_json_text_or(o, "stage", "");
    cm_status s = cm_json_check(o, "card", keys);
    if (s == CM_OK && json_object_get(o, "recipe")) s = cm_recipe_check(json_object_get(o, "recipe"), stage);
    if (s == CM_OK) *card = o;
    else json_decref(o);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}
