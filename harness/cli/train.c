// SPDX-License-Identifier: Apache-2.0
/* cosmicman train STAGE: trains one stage from a recipe. cosmicman train check: measures the criteria. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/train/acceptance.h"
#include "core/train/hola_reach.h"
#include "core/train/trainer.h"
#include "harness/cli/command.h"

enum { GATE_FAILED = 5 }; /* the exit status, as of a suite's gates */

/* Options that replace a value of the recipe, and the kind of value it is. */
static const struct {
    const char *name, *key;
    enum { TEXT, FOLDER, WHOLE, NUMBER } kind;
} settings[] = {
    {"backend", "backend", TEXT},
    {"captions", "captions", TEXT},
    {"init", "init", FOLDER},
    {"vae", "vae", FOLDER},
    {"text-encoder", "text_encoder", FOLDER},
    {"seed", "seed", WHOLE},
    {"steps", "steps", WHOLE},
    {"batch", "batch", WHOLE},
    {"data", "data", TEXT},
    {"people", "people", WHOLE},
    {"threads", "workers", WHOLE},
    {"rate", "rate", NUMBER},
    {"hola", "hola", NUMBER},
    {"hola-form", "hola_form", TEXT},
    {"hola-factor", "hola_factor", WHOLE},
    {"cache", "cache", TEXT},
};

/* A folder of this place is said as "./NAME", for a bare name is a folder of core/models. */
static cm_status place_folder(const char *option, const char *value, cm_arena *arena, const char **out) {
    char *models;
    *out = value;
    if (!value[0] || value[0] == '/' || value[0] == '.') {
        if (!value[0] || cm_path_is_dir(value)) return CM_OK;
        return cm_fail(CM_EUSAGE, "--%s: %s: no such folder", option, value);
    }
    if (cm_path_is_dir(value)) {
        *out = cm_arena_print(arena, "./%s", value);
        return cm_arena_check(arena);
    }
    CM_TRY(cm_models_folder(arena, &models));
    const char *shipped = cm_arena_print(arena, "%s/%s", models, value);
    CM_TRY(cm_arena_check(arena));
    return cm_path_is_dir(shipped)
               ? CM_OK
               : cm_fail(CM_EUSAGE, "--%s: %s: no such folder, here or in %s", option, value, models);
}

static cm_status option_value(const cm_args *a, size_t i, cm_arena *arena, json_t **value) {
    const char *name = settings[i].name, *text = cm_arg_text(a, name);
    const size_t whole = settings[i].kind == WHOLE ? cm_arg_size(a, name) : 0;
    if (whole > INT64_MAX) return cm_fail(CM_EUSAGE, "--%s: %zu is too large", name, whole);
    if (settings[i].kind == FOLDER) CM_TRY(place_folder(name, text, arena, &text));
    *value = settings[i].kind == NUMBER  ? json_real(cm_arg_number(a, name))
             : settings[i].kind == WHOLE ? json_integer((json_int_t)whole)
                                         : json_string(text);
    return *value ? CM_OK : cm_fail(CM_EUSAGE, "--%s: no text that can be read", name);
}

/* --set KEY=VALUE: the value is JSON, or else a text. The recipe's own check looks at key and value. */
static cm_status set_keys(const cm_args *a, cm_arena *arena, json_t *recipe) {
    const char *given;
    for (size_t i = 0; (given = cm_arg_listed(a, "set", i)) != NULL; i++) {
        const char *equals = strchr(given, '=');
        if (!equals || equals == given)
            return cm_fail(CM_EUSAGE, "--set: '%s' is not KEY=VALUE, like hola_targets=shared", given);
        const char *key = cm_arena_print(arena, "%.*s", (int)(equals - given), given);
        CM_TRY(cm_arena_check(arena));
        json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
        if (!value) value = json_string(equals + 1);
        if (!value) return cm_fail(CM_EUSAGE, "--set: '%s': no text that can be read", given);
        const cm_status s = cm_recipe_check_option("--set", key, value);
        json_object_set_new(recipe, key, value);
        CM_TRY(s);
    }
    return CM_OK;
}

static cm_status override(const cm_args *a, cm_arena *arena, json_t *recipe) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char option[32];
        json_t *value;
        if (!cm_arg_given(a, settings[i].name)) continue;
        CM_TRY(option_value(a, i, arena, &value));
        snprintf(option, sizeof option, "--%s", settings[i].name);
        const cm_status s = cm_recipe_check_option(option, settings[i].key, value);
        json_object_set_new(recipe, settings[i].key, value);
        if (s != CM_OK) return s;
    }
    if (cm_arg_flag(a, "simple")) json_object_set_new(recipe, "simple", json_true());
    return set_keys(a, arena, recipe);
}

/* A shipped recipe's file. */
static cm_status find_recipe(const char *name, cm_arena *arena, const char **path) {
    enum { MAX_RECIPES = 64 };
    char *models, *names[MAX_RECIPES + 1];
    size_t count;
    CM_TRY(cm_models_folder(arena, &models));
    const char *folder = cm_arena_print(arena, "%s/nano/recipes", models);
    *path = cm_arena_print(arena, "%s/%s.json", folder ? folder : "", name);
    CM_TRY(cm_arena_check(arena));
    if (cm_path_exists(*path)) return CM_OK;
    CM_TRY(cm_names_in(folder, ".json", arena, names, MAX_RECIPES, &count));
    names[count] = NULL;
    const char *near = cm_closest(name, (const char *const *)names);
    return cm_fail(CM_EUSAGE, "--recipe: '%s' is no file and no recipe of %s%s%s%s", name, folder,
                   near ? "; the closest is '" : "", near ? near : "", near ? "'" : "");
}

/* --recipe is a file, or the name of a shipped one. */
static cm_status read_recipe(const cm_args *a, const cm_stage *stage, cm_arena *arena, json_t **recipe) {
    const char *name = cm_arg_text(a, "recipe");
    if (!name) name = stage->recipe;
    if (!cm_path_exists(name) || cm_path_is_dir(name)) CM_TRY(find_recipe(name, arena, &name));
    CM_TRY(cm_json_read(name, recipe));
    if (json_is_object(*recipe)) return CM_OK;
    json_decref(*recipe);
    return cm_fail(CM_EFORMAT, "%s: a recipe is a JSON object", name);
}

static cm_status run_stage(const cm_stage *stage, json_t *recipe, const char *out, const char *weights) {
    cm_trainer t;
    cm_signals_wait(); /* a checkpoint takes what it takes */
    cm_status s = cm_trainer_open(&t, stage, recipe, out, weights);
    if (s == CM_OK) s = cm_trainer_run(&t);
    cm_trainer_close(&t);
    return s;
}

static cm_status train_stage(const cm_args *a, const cm_stage *stage, cm_arena *arena) {
    json_t *recipe;
    const char *out = cm_arg_text(a, "out"), *weights = cm_arg_text(a, "weights");
    if (!out) return cm_fail(CM_EUSAGE, "train: --out DIR says where the run is kept");
    if (!weights) weights = cm_arena_print(arena, "%s/weights", out);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(read_recipe(a, stage, arena, &recipe));
    cm_status s = override(a, arena, recipe);
    if (s == CM_OK) s = run_stage(stage, recipe, out, weights);
    json_decref(recipe);
    return s;
}

static void print_criteria(const char *part, const cm_acceptance *criteria) {
    for (size_t i = 0; i < criteria->count; i++) {
        const cm_criterion *g = &criteria->gate[i];
        char interval[64] = "";
        if (g->lo < g->hi) snprintf(interval, sizeof interval, " [%.5g, %.5g]", g->lo, g->hi);
        printf("%-9s %-34s %9.5g%s, n %zu", part, g->name, g->value, interval, g->n);
        if (isnan(g->least)) printf("\n");
        else printf(", least %.4g%s\n", g->least, cm_criterion_holds(g) ? "  holds" : "  DOES NOT HOLD");
    }
    for (size_t i = 0; i < criteria->question_count; i++) {
        const cm_question_criterion *q = &criteria->questions[i];
        printf("%-9s %-20s %6.3f, commonest %.3f, reconstructed %.3f, n %zu: %s\n", part, q->slot, q->drawn.right,
               q->drawn.commonest, q->reconstructed, q->drawn.n, q->drawn.asked ? "asked" : "NOT ASKED");
    }
}

static cm_status check(const cm_args *a, size_t *failed) {
    const char *part = cm_arg_text(a, "part");
    if (cm_arg_given(a, "model") && strcmp(part, "unet") != 0 && strcmp(part, "all") != 0)
        return cm_fail(CM_EUSAGE, "--model goes with --part unet or all: of %s the shipped network is measured", part);
    const cm_check_request r = {.model = cm_arg_text(a, "model"),
                                .part = cm_arg_text(a, "part"),
                                .backend = cm_arg_given(a, "backend") ? cm_arg_text(a, "backend") : "f32",
                                .count = cm_arg_size(a, "count"),
                                .report = print_criteria,
                                .write_cards = cm_arg_flag(a, "cards")};
    return cm_train_check(&r, failed);
}

static void print_reach(const cm_hola_reach *r, size_t k) {
    const cm_hola_bounds *b = &r->bounds[k];
    printf("factor %zu: maps of %zux%zu cells (width x height), %zu people of %zu with a group there\n",
           r->settings.loss.factors[k], r->sizes[k].width, r->sizes[k].height, r->images[k], r->survey.people);
    printf("HOLA at the least %.5f, with even attention %.5f\n", b->floor, b->even);
    printf("%-20s %7s %7s %9s %9s %9s %9s\n", "phrase", "people", "hidden", "< a cell", "lost", "target", "minimum");
    for (size_t p = 0; p < CM_HOLA_PHRASES; p++) {
        const double cases = (double)r->survey.cases[p];
        if (!r->settings.rules.phrase[p] || r->survey.cases[p] + r->survey.hidden[p] == 0) continue;
        printf("%-20s %7zu %7zu", cm_hola_phrase_name(p), r->survey.cases[p], r->survey.hidden[p]);
        if (cases > 0)
            printf(" %7.1f %% %7.1f %%", 100 * (double)r->survey.small[p][k] / cases,
                   100 * (double)r->survey.lost[p][k] / cases);
        if (cases > 0 && r->survey.left_out[p][k]) printf(" left out\n");
        else printf(" %9.4f %9.4f\n", r->region[p][k], r->kept[p][k]);
    }
}

static cm_status hola_floor(const cm_args *a, cm_arena *arena) {
    json_t *recipe;
    cm_hola_reach r;
    if (!cm_arg_given(a, "recipe"))
        return cm_fail(CM_EUSAGE, "train hola-floor: --recipe says which setting (unet-daring)");
    CM_TRY(read_recipe(a, cm_stage_find("unet"), arena, &recipe));
    cm_status s = override(a, arena, recipe);
    if (s == CM_OK) s = cm_recipe_check(recipe, "unet");
    if (s == CM_OK) s = cm_hola_reach_measure(recipe, cm_arg_size(a, "count"), &r);
    for (size_t k = 0; s == CM_OK && k < r.settings.loss.factor_count; k++) print_reach(&r, k);
    json_decref(recipe);
    return s;
}

typedef enum what { STAGE, CHECK, FLOOR } what;

/* An option that means nothing to what is asked for is an error. */
static cm_status check_options(const cm_args *a, what w) {
    static const struct {
        const char *name;
        bool means[3];
    } some[] = {{"model", {false, true, false}},   {"part", {false, true, false}},  {"cards", {false, true, false}},
                {"count", {false, true, true}},    {"recipe", {true, false, true}}, {"out", {true, false, false}},
                {"weights", {true, false, false}}, {"simple", {true, false, true}}, {"threads", {true, false, false}},
                {"backend", {true, true, false}},  {"set", {true, false, true}}};
    static const char *const names[] = {"a stage", "train check", "train hola-floor"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (cm_arg_given(a, some[i].name) && !some[i].means[w])
            return some[i].means[CHECK] ? cm_fail(CM_EUSAGE, "--%s goes with train check", some[i].name)
                                        : cm_fail(CM_EUSAGE, "--%s means nothing to %s", some[i].name, names[w]);
    for (size_t i = 0; i < sizeof settings / sizeof *settings && w == CHECK; i++)
        if (cm_arg_given(a, settings[i].name) && strcmp(settings[i].name, "backend") != 0)
            return cm_fail(CM_EUSAGE, "--%s means nothing to train check", settings[i].name);
    return CM_OK;
}

static cm_status run_one(const cm_args *a, const char *word, cm_arena *arena, size_t *failed_gates) {
    const what w = strcmp(word, "check") == 0 ? CHECK : strcmp(word, "hola-floor") == 0 ? FLOOR : STAGE;
    const cm_stage *stage = w == STAGE ? cm_stage_find(word) : NULL;
    if (w == STAGE && !stage)
        return cm_fail(CM_EUSAGE, "train: '%s' is none of vae, clip, parser, features, unet, check, hola-floor", word);
    CM_TRY(check_options(a, w));
    return w == CHECK ? check(a, failed_gates) : w == FLOOR ? hola_floor(a, arena) : train_stage(a, stage, arena);
}

static int run(const cm_args *a) {
    const char *const *words;
    if (cm_arg_words(a, &words) != 1)
        return cm_exit_for(cm_fail(CM_EUSAGE, "train: give one stage, check or hola-floor"));
    cm_arena arena;
    cm_arena_init(&arena, 0);
    size_t failed_gates = 0;
    const cm_status s = run_one(a, words[0], &arena, &failed_gates);
    cm_arena_free(&arena);
    return s == CM_OK ? (failed_gates ? GATE_FAILED : 0) : cm_exit_for(s);
}

static const cm_option options[] = {
    {"recipe", CM_OPT_TEXT, "FILE|NAME", NULL,
     "the recipe: a file or a name (default: vae, clip, parser, features or unet-base, by stage)"},
    {"out", CM_OPT_TEXT, "DIR", NULL,
     "the run's folder: checkpoint, train.jsonl and loss.svg; a run that has a checkpoint is continued"},
    {"weights", CM_OPT_TEXT, "DIR", NULL, "where the finished weights go (default OUT/weights)"},
    {"backend", CM_OPT_TEXT, "NAME", NULL,
     "f32 (default), bf16 (bf16 products; weights and optimizer stay f32), bf16x3 or ref"},
    {"threads", CM_OPT_SIZE, "N", NULL,
     "worker threads that share each batch (default: the cores that this process may use)"},
    {"seed", CM_OPT_U64, "N", NULL, "seed of the initial weights, the order of people and the noise"},
    {"steps", CM_OPT_SIZE, "N", NULL, "steps in total, including those before a stop"},
    {"batch", CM_OPT_SIZE, "N", NULL, "samples in each step"},
    {"data", CM_OPT_TEXT, "DIR", NULL,
     "vae, unet: train on the people of this folder instead of drawn people (docs/DATA.md)"},
    {"people", CM_OPT_SIZE, "N", NULL, "number of people to train on (with --data: at most)"},
    {"rate", CM_OPT_NUMBER, "X", NULL, "peak learning rate"},
    {"simple", CM_OPT_FLAG, NULL, NULL, "plain backgrounds and few poses"},
    {"set", CM_OPT_LIST, "KEY=VALUE", NULL, "set any key of the recipe; VALUE is JSON or a text; may be repeated"},
    {"init", CM_OPT_TEXT, "[DIR]", NULL, "vae, unet: weights to start from; \"\" for none"},
    {"vae", CM_OPT_TEXT, "DIR", NULL, "unet: the autoencoder"},
    {"text-encoder", CM_OPT_TEXT, "DIR", NULL, "unet: the text tower"},
    {"captions", CM_OPT_TEXT, "KIND", NULL, "unet: poor or dense"},
    {"hola", CM_OPT_NUMBER, "WEIGHT", NULL, "unet: weight of the HOLA loss; 0 only measures it"},
    {"hola-factor", CM_OPT_SIZE, "N", NULL,
     "unet: apply HOLA to layers of height/N x width/N cells (16: half of the latent's side)"},
    {"hola-form", CM_OPT_TEXT, "NAME", NULL,
     "unet: HOLA as in the authors' code (authors), as in equation 3 (paper), or ours (garments)"},
    {"cache", CM_OPT_TEXT, "DIR", NULL,
     "unet: folder for the latents of all people; they are computed once and shared by runs"},
    {"model", CM_OPT_TEXT, "NAME", "nano:daring", "check: the model to check"},
    {"part", CM_OPT_TEXT, "NAME", "all", "check: all, vae, clip, parser, features or unet"},
    {"count", CM_OPT_SIZE, "N", "256", "check: number of held-out people; hola-floor: of training people"},
    {"cards", CM_OPT_FLAG, NULL, NULL,
     "check: write the results, failed ones too, into card.json and README.md of the weights' folders"},
    {0},
};

const cm_command cm_command_train = {
    "train",
    "train the nano models and check them",
    options,
    "vae|clip|parser|features|unet|check|hola-floor",
    "The same command continues a run that was stopped. Ctrl-C saves before it stops.\n"
    "check measures a trained model against its acceptance criteria; exit status 5 if one does not hold.\n"
    "hola-floor computes the least HOLA loss that a recipe allows, and lists the groups that are too small for its "
    "maps.",
    run};
