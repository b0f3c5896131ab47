// SPDX-License-Identifier: Apache-2.0
/* cosmicman list: prints the tables, as text or as JSON. Both are made from the same rows. */
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

static const cm_option options[] = {
    {"json", CM_OPT_FLAG, NULL, NULL, "print JSON: {\"models\": [{\"name\": ...}, ...]}"},
    {0},
};

static const char *text_of(const json_t *row, const char *key) {
    return cm_json_text_or(row, key, "");
}

static size_t size_of(const json_t *row, const char *key) {
    return cm_json_size_or(row, key, 0);
}

static bool is(const json_t *row, const char *key) {
    return cm_json_bool_or(row, key, false);
}

/* Takes a row that json_pack made. */
static cm_status add(json_t *rows, json_t *row) {
    return json_array_append_new(rows, row) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "list: a row is not UTF-8, or no memory");
}

/* --- rows ------------------------------------------------------------------ */

static cm_status list_models(cm_arena *a, json_t *rows) {
    cm_model_entry *e;
    size_t count;
    CM_TRY(cm_models_list(a, &e, &count));
    for (size_t i = 0; i < count; i++)
        CM_TRY(add(rows, json_pack("{s:s, s:s, s:b}", "name", e[i].name, "about", e[i].about, "complete",
                                   (int)e[i].present)));
    return CM_OK;
}

static cm_status list_backends(cm_arena *a, json_t *rows) {
    (void)a;
    for (const cm_ops *const *b = cm_backends(); *b; b++)
        CM_TRY(add(rows, json_pack("{s:s, s:s, s:b, s:b}", "name", (*b)->name, "about", (*b)->about, "slow_here",
                                   (int)(*b)->slow_here, "default", (int)(*b == cm_backend_default()))));
    return CM_OK;
}

static cm_status list_samplers(cm_arena *a, json_t *rows) {
    (void)a;
    for (size_t i = 0; cm_samplers[i]; i++)
        CM_TRY(add(rows, json_pack("{s:s, s:s}", "name", cm_samplers[i]->name, "about", cm_samplers[i]->about)));
    return CM_OK;
}

static cm_status list_recipes(cm_arena *a, json_t *rows) {
    cm_recipe *r;
    size_t count;
    CM_TRY(cm_recipes_list(a, &r, &count));
    for (size_t i = 0; i < count; i++) {
        const cm_settings *s = &r[i].settings;
        CM_TRY(add(rows, json_pack("{s:s, s:s, s:s, s:I, s:f, s:I, s:I}", "name", r[i].name, "about", r[i].about,
                                   "sampler", s->sampler->name, "steps", (json_int_t)s->steps, "guidance", s->guidance,
                                   "width", (json_int_t)s->width, "height", (json_int_t)s->height)));
    }
    return CM_OK;
}

static cm_status list_metrics(cm_arena *a, json_t *rows) {
    (void)a;
    for (size_t i = 0; i < cm_metric_count; i++) {
        const cm_metric *m = &cm_metrics[i];
        CM_TRY(add(rows,
                   json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "name", m->name, "title", m->title, "higher_is_better",
                             (int)m->higher_is_better, "network", m->network, "about", m->about, "source", m->source)));
    }
    return CM_OK;
}

static cm_status list_networks(cm_arena *a, json_t *rows) {
    (void)a;
    for (size_t i = 0; i < cm_network_count; i++) {
        const cm_network_row *n = &cm_networks[i];
        json_t *files = json_array();
        for (size_t k = 0; k < CM_NETWORK_FILES && n->files[k]; k++)
            json_array_append_new(files, json_string(n->files[k]));
        CM_TRY(add(rows, json_pack("{s:s, s:s, s:b, s:o}", "name", n->name, "about", n->about, "shipped",
                                   (int)n->shipped, "files", files)));
    }
    return CM_OK;
}

enum { MAX_FILES = 256 };

static cm_status list_suites(cm_arena *a, json_t *rows) {
    char *folder, *names[MAX_FILES];
    size_t count;
    CM_TRY(cm_shipped_folder("harness/suites", a, &folder));
    CM_TRY(cm_names_in(folder, ".json", a, names, MAX_FILES, &count));
    for (size_t i = 0; i < count; i++) {
        json_t *suite = NULL;
        CM_TRY(cm_json_read(cm_arena_print(a, "%s/%s.json", folder, names[i]), &suite));
        const cm_status s =
            add(rows, json_pack("{s:s, s:s}", "name", names[i], "about", cm_json_text_or(suite, "about", "")));
        json_decref(suite);
        CM_TRY(s);
    }
    return CM_OK;
}

static cm_status list_prompts(cm_arena *a, json_t *rows) {
    char *folder, *names[MAX_FILES];
    size_t count;
    CM_TRY(cm_shipped_folder("prompts/sets", a, &folder));
    CM_TRY(cm_names_in(folder, ".jsonl", a, names, MAX_FILES, &count));
    for (size_t i = 0; i < count; i++) {
        cm_prompt_rows r;
        CM_TRY(cm_prompt_rows_read(cm_arena_print(a, "%s/%s.jsonl", folder, names[i]), NULL, a, &r));
        const cm_status s = add(rows, json_pack("{s:s, s:I, s:I, s:s}", "name", names[i], "count", (json_int_t)r.count,
                                                "version", (json_int_t)r.version, "first", r.rows[0].text));
        cm_prompt_rows_close(&r);
        CM_TRY(s);
    }
    return CM_OK;
}

/* --- as text ---------------------------------------------------------------- */

static void print_model(const json_t *r) {
    printf("%-14s%s%s\n", text_of(r, "name"), text_of(r, "about"),
           is(r, "complete") ? "" : " (not here: parts are missing)");
}

static void print_other_models(void) {
    printf("%-14s%s\n", "FOLDER",
           "any diffusers folder of the Stable Diffusion 1.x, 2.x or XL family, or OWNER/NAME in the hub's cache");
    printf("%-14s%s\n", "FILE",
           "a single-file checkpoint of these families (NAME.safetensors, original layout); --config DIR brings");
    printf("%-14s%s\n", "", "what it lacks: a diffusers folder with its tokenizer (XL: and tokenizer_2)");
}

static void print_backend(const json_t *r) {
    printf("%-12s%s%s\n", text_of(r, "name"), text_of(r, "about"),
           is(r, "slow_here") ? " (slow on this machine: its CPU lacks the instructions)" : "");
}

static void print_named(const json_t *r) {
    printf("%-16s%s\n", text_of(r, "name"), text_of(r, "about"));
}

static void print_recipe(const json_t *r) {
    printf("%-24s%-9s %3zu steps, guidance %-4g %zux%zu; %s\n", text_of(r, "name"), text_of(r, "sampler"),
           size_of(r, "steps"), cm_json_number_or(r, "guidance", 0), size_of(r, "width"), size_of(r, "height"),
           text_of(r, "about"));
}

static void print_metric(const json_t *r) {
    printf("%-16s%-7s%-21s%s (%s)\n", text_of(r, "name"), is(r, "higher_is_better") ? "higher" : "lower",
           text_of(r, "network"), text_of(r, "about"), text_of(r, "source"));
}

static void print_network(const json_t *r) {
    const json_t *files = json_object_get(r, "files"), *file;
    size_t i;
    printf("%-22s%s;%s", text_of(r, "name"), text_of(r, "about"), is(r, "shipped") ? " comes with the program" : "");
    json_array_foreach(files, i, file) printf("%s %s", i ? "," : "", json_string_value(file));
    printf("\n");
}

static void print_prompts(const json_t *r) {
    printf("%-16s%zu prompts", text_of(r, "name"), size_of(r, "count"));
    if (size_of(r, "version")) printf(", version %zu", size_of(r, "version"));
    printf("; the first: %s\n", text_of(r, "first"));
}

/* --- the command -------------------------------------------------------------- */

static const struct subject {
    const char *name;
    cm_status (*list)(cm_arena *a, json_t *rows);
    void (*print)(const json_t *row);
    void (*print_after)(void); /* or NULL */
} subjects[] = {
    {"models", list_models, print_model, print_other_models},
    {"backends", list_backends, print_backend, NULL},
    {"samplers", list_samplers, print_named, NULL},
    {"recipes", list_recipes, print_recipe, NULL},
    {"metrics", list_metrics, print_metric, NULL},
    {"networks", list_networks, print_network, NULL},
    {"suites", list_suites, print_named, NULL},
    {"prompts", list_prompts, print_prompts, NULL},
};

static void print_json(const struct subject *s, json_t *rows) {
    json_t *all = json_pack("{s:O}", s->name, rows);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void print_text(const struct subject *s, const json_t *rows) {
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) s->print(row);
    if (s->print_after) s->print_after();
}

static cm_status show(const struct subject *subject, bool json) {
    json_t *rows = json_array();
    cm_arena a;
    cm_arena_init(&a, 0);
    const cm_status s = subject->list(&a, rows);
    if (s == CM_OK && json) print_json(subject, rows);
    if (s == CM_OK && !json) print_text(subject, rows);
    cm_arena_free(&a);
    json_decref(rows);
    return s;
}

static int run(const cm_args *args) {
    const char *const *words;
    cm_arg_words(args, &words);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (strcmp(subjects[i].name, words[0]) == 0) return cm_exit_for(show(&subjects[i], cm_arg_flag(args, "json")));
    return 0; /* the parser let none other pass */
}

const cm_command cm_command_list = {
    .name = "list",
    .about = "list models, backends, samplers, recipes, metrics, networks, suites, prompts",
    .options = options,
    .positional = "models|backends|samplers|recipes|metrics|networks|suites|prompts",
    .run = run,
};
