// SPDX-License-Identifier: Apache-2.0
#include "core/train/acceptance.h"

#include <math.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/threads.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"

void cm_acceptance_add(cm_acceptance *g, const char *name, double value, double least, size_t n) {
    if (g->count == CM_CHECK_MAX_GATES) return;
    g->gate[g->count++] = (cm_criterion){name, value, value, value, n, least};
}

void cm_acceptance_add_mean(cm_acceptance *g, const char *name, const double *values, size_t n, double least) {
    if (g->count == CM_CHECK_MAX_GATES || n < 2) return;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (values[i] - mean) * (values[i] - mean);
    const double half = 1.96 * sqrt(squares / (double)(n - 1) / (double)n);
    g->gate[g->count++] = (cm_criterion){name, mean, mean - half, mean + half, n, least};
}

bool cm_criterion_holds(const cm_criterion *g) {
    return isnan(g->least) || (g->lo < g->hi ? g->lo > g->least : g->value >= g->least);
}

static const struct {
    const char *name, *folder; /* folder NULL: the model's arm */
    cm_status (*check)(cm_checking *c, cm_acceptance *out);
} parts[] = {{"vae", "nano/vae", cm_check_vae},
             {"clip", "nano/text_encoder", cm_check_clip},
             {"parser", "nano/parser", cm_check_parser},
             {"features", "nano/features", cm_check_features},
             {"unet", NULL, cm_check_unet}};
enum { PARTS = sizeof parts / sizeof *parts };

static size_t count_failed(const cm_acceptance *g) {
    size_t failed = 0;
    for (size_t i = 0; i < g->count; i++) failed += !cm_criterion_holds(&g->gate[i]);
    return failed;
}

static cm_status check_part(cm_checking *c, const cm_check_request *r, size_t i, size_t *failed) {
    const char *arm = strchr(r->model, ':');
    if (parts[i].folder) c->folder = cm_arena_print(&c->arena, "%s/%s", c->models, parts[i].folder);
    else if (arm)
        c->folder = cm_arena_print(&c->arena, "%s/%.*s/unet-%s", c->models, (int)(arm - r->model), r->model, arm + 1);
    else return cm_fail(CM_EUSAGE, "--model: '%s' is not like nano:base, nano:hq, nano:daring", r->model);
    CM_TRY(cm_arena_check(&c->arena));
    cm_acceptance criteria = {0};
    CM_TRY(parts[i].check(c, &criteria));
    r->report(parts[i].name, &criteria);
    *failed += count_failed(&criteria);
    if (!r->write_cards) return CM_OK;
    CM_TRY(cm_model_card_write(c->folder, parts[i].name, &criteria));
    cm_note("the criteria of %s and their results are in %s/card.json and README.md", parts[i].name, c->folder);
    return CM_OK;
}

typedef struct draw_job {
    cm_people_dataset *dataset;
    cm_status status;
} draw_job;

static void draw_one(void *arg, size_t i, int worker) {
    (void)worker;
    draw_job *job = arg;
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const cm_status s = cm_people_dataset_draw(job->dataset, i, &scratch);
    if (s != CM_OK) job->status = s;
    cm_arena_free(&scratch);
}

static cm_status unknown_part(const char *typed) {
    const char *names[PARTS + 2] = {"all"};
    for (size_t i = 0; i < PARTS; i++) names[i + 1] = parts[i].name;
    return cm_unknown_choice("--part", typed, names);
}

static cm_status open_checking(cm_checking *c, const cm_check_request *r) {
    const cm_ops *ops;
    CM_TRY(cm_backend_choose("--backend", r->backend, &ops));
    if (r->count < 8) return cm_fail(CM_EUSAGE, "--count: at least 8, not %zu", r->count);
    cm_ctx_init(&c->g, ops, 1); /* tiny networks: more threads would only wait for each other */
    char *models;
    CM_TRY(cm_models_folder(&c->arena, &models));
    c->models = models;
    json_t *settings = json_object();
    const cm_status s = cm_people_dataset_init(&c->dataset, settings, "held-out", r->count, &c->arena);
    json_decref(settings);
    CM_TRY(s);
    draw_job job = {.dataset = &c->dataset};
    cm_parallel(cm_threads_available(), r->count, draw_one, &job);
    return job.status == CM_OK ? CM_OK : cm_fail(job.status, "a held-out person could not be drawn");
}

/* Before anything is measured. */
static cm_status check_card_people(const cm_check_request *r, size_t first, size_t last) {
    for (size_t i = first; i < last && r->write_cards; i++)
        if (parts[i].check == cm_check_parser && r->count < CM_CARD_PEOPLE)
            return cm_fail(
                CM_EUSAGE,
                "--count: at least %d with --cards, not %zu: the parser's card decides which questions are asked",
                CM_CARD_PEOPLE, r->count);
    return CM_OK;
}

cm_status cm_train_check(const cm_check_request *r, size_t *failed) {
    size_t first = 0, last = PARTS;
    if (strcmp(r->part, "all") != 0) {
        while (first < PARTS && strcmp(parts[first].name, r->part) != 0) first++;
        if (first == PARTS) return unknown_part(r->part);
        last = first + 1;
    }
    *failed = 0;
    CM_TRY(check_card_people(r, first, last));
    cm_checking c = {0};
    cm_arena_init(&c.arena, 0);
    cm_status s = open_checking(&c, r);
    for (size_t i = first; i < last && s == CM_OK; i++) s = check_part(&c, r, i, failed);
    cm_ctx_free(&c.g);
    cm_arena_free(&c.arena);
    return s;
}
