// SPDX-License-Identifier: Apache-2.0
/* cosmicman list: prints the tables. */
#include <stdio.h>
#include <string.h>

#include "core/generator/pipeline.h"
#include "core/generator/recipes.h"
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"
#include "harness/cli/command.h"
#include "metrics/metric.h"
#include "prompts/prompt_rows.h"

static cm_status list_models(cm_arena *a) {
    cm_model_entry *e;
    size_t count;
    CM_TRY(cm_models_list(a, &e, &count));
    for (size_t i = 0; i < count; i++) {
        printf("%-14s%s%s\n", e[i].name, e[i].about, e[i].present ? "" : " (not here: parts are missing)");
    }
    printf("%-14s%s\n", "FOLDER",
           "any diffusers folder of the Stable Diffusion 1.x, 2.x or XL family, or OWNER/NAME in the hub's cache");
    printf("%-14s%s\n", "FILE",
           "a single-file checkpoint of these families (NAME.safetensors, original layout); --config DIR brings");
    printf("%-14s%s\n", "", "what it lacks: a diffusers folder with its tokenizer (XL: and tokenizer_2)");
    return CM_OK;
}

static cm_status list_backends(cm_arena *a) {
    (void)a;
    for (const cm_ops *const *b = cm_backends(); *b; b++)
        printf("%-12s%s%s\n", (*b)->name, (*b)->about,
               (*b)->slow_here ? " (slow on this machine, which lacks them)" : "");
    return CM_OK;
}

static cm_status list_samplers(cm_arena *a) {
    (void)a;
    for (size_t i = 0; cm_samplers[i]; i++) printf("%-16s%s\n", cm_samplers[i]->name, cm_samplers[i]->about);
    return CM_OK;
}

static cm_status list_recipes(cm_arena *a) {
    cm_recipe *r;
    size_t count;
    CM_TRY(cm_recipes_list(a, &r, &count));
    for (size_t i = 0; i < count; i++) {
        const cm_settings *s = &r[i].settings;
        printf("%-24s%-9s %3zu steps, guidance %-4g %zux%zu; %s\n", r[i].name, s->sampler->name, s->steps, s->guidance,
               s->width, s->height, r[i].about);
    }
    return CM_OK;
}

static cm_status list_metrics(cm_arena *a) {
    (void)a;
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i];
        printf("%-16s%-7s%-21s%s (%s)\n", m->name, m->higher_is_better ? "higher" : "lower", m->network, m->about,
               m->source);
    }
    return CM_OK;
}

static cm_status list_networks(cm_arena *a) {
    (void)a;
    for (size_t i = 0; i < cm_network_count; i++) {
        const cm_network_row *n = &cm_networks[i];
        printf("%-22s%s;%s", n->name, n->about, n->shipped ? " comes with the program" : "");
        for (size_t k = 0; k < CM_NETWORK_FILES && n->files[k]; k++) printf("%s %s", k ? "," : "", n->files[k]);
        printf("\n");
    }
    return CM_OK;
}

enum { MAX_FILES = 256 };

static cm_status list_suites(cm_arena *a) {
    char *folder, *names[MAX_FILES];
    size_t count;
    CM_TRY(cm_shipped_folder("harness/suites", a, &folder));
    CM_TRY(cm_names_in(folder, ".json", a, names, MAX_FILES, &count));
    for (size_t i = 0; i < count; i++) {
        json_t *suite = NULL;
        CM_TRY(cm_json_read(cm_arena_print(a, "%s/%s.json", folder, names[i]), &suite));
        printf("%-16s%s\n", names[i], cm_json_text_or(suite, "about", ""));
        json_decref(suite);
    }
    return CM_OK;
}

static cm_status list_prompts(cm_arena *a) {
    char *folder, *names[MAX_FILES];
    size_t count;
    CM_TRY(cm_shipped_folder("prompts/sets", a, &folder));
    CM_TRY(cm_names_in(folder, ".jsonl", a, names, MAX_FILES, &count));
    for (size_t i = 0; i < count; i++) {
        cm_prompt_rows rows;
        CM_TRY(cm_prompt_rows_read(cm_arena_print(a, "%s/%s.jsonl", folder, names[i]), NULL, a, &rows));
        printf("%-16s%zu prompts", names[i], rows.count);
        if (rows.version) printf(", version %zu", rows.version);
        printf("; the first: %s\n", rows.rows[0].text);
        cm_prompt_rows_close(&rows);
    }
    return CM_OK;
}

static const struct {
    const char *name;
    cm_status (*list)(cm_arena *a);
} subjects[] = {
    {"models", list_models},   {"backends", list_backends}, {"samplers", list_samplers}, {"recipes", list_recipes},
    {"metrics", list_metrics}, {"networks", list_networks}, {"suites", list_suites},     {"prompts", list_prompts},
};

static int run(const cm_args *args) {
    const char *const *words;
    cm_arg_words(args, &words);
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_status s = CM_OK;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (strcmp(subjects[i].name, words[0]) == 0) s = subjects[i].list(&a);
    }
    cm_arena_free(&a);
    return cm_exit_for(s);
}

const cm_command cm_command_list = {
    .name = "list",
    .about = "print a table: models, backends, samplers, recipes, metrics, suites, prompts",
    .positional = "models|backends|samplers|recipes|metrics|networks|suites|prompts",
    .run = run,
};
