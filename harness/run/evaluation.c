// SPDX-License-Identifier: Apache-2.0
#include "harness/run/evaluation.h"

#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation_parts.h"
#include "harness/scores/evaluation_finish.h"
#include "harness/speed/speed.h"

static bool has_images(const cm_evaluation *e) {
    return e->suite->arm_count > 0;
}

/* A gate's score must be made. */
static cm_status check_gates(const cm_evaluation *e) {
    const char *names[CM_EVAL_METRICS + 1] = {NULL};
    for (size_t i = 0; i < e->plan.metric_count; i++) names[i] = e->plan.metrics[i]->name;
    for (size_t g = 0; g < json_array_size(e->suite->gates); g++) {
        const char *score = cm_json_text_or(json_array_get(e->suite->gates, g), "score", "");
        size_t i = 0;
        while (names[i] && strcmp(names[i], score) != 0) i++;
        if (!names[i]) return cm_unknown_choice("gates: score", score, names);
    }
    return CM_OK;
}

/* Everything that can be wrong before a network is opened. */
static cm_status prepare(cm_evaluation *e) {
    const cm_evaluation_options *o = e->options;
    if (!has_images(e)) return CM_OK;
    if (o->statistics && e->suite->arm_count > 1)
        return cm_fail(CM_EUSAGE, "--save-statistics is of one arm's images; there are %zu arms", e->suite->arm_count);
    CM_TRY(cm_evaluation_check_commands(e));
    CM_TRY(cm_plan_choose(e->suite, &e->arena, &e->plan));
    CM_TRY(check_gates(e));
    CM_TRY(cm_evaluation_open_sides(e));
    CM_TRY(cm_evaluation_check_sizes(e));
    return cm_plan_open(e->suite, &e->arena, &e->plan);
}

static cm_status look_at_all(cm_evaluation *e) {
    CM_TRY(cm_worker_pool_open(&e->pool, e->options->backend, e->options->lean ? 1 : e->options->threads));
    if (e->options->lean) e->pool.places[0].g.threads = e->options->threads;
    for (size_t i = 0; i < e->side_count; i++) CM_TRY(cm_evaluation_look(e, &e->sides[i]));
    for (size_t i = 0; i < e->side_count; i++)
        for (size_t row = e->sides[i].begin; row < e->sides[i].end; row++)
            if (e->sides[i].kind == CM_SIDE_ARM && cm_line_is(e->sides[i].lines[row], "image")) return CM_OK;
    return has_images(e) ? cm_fail(CM_EUNDEFINED, "not one image could be scored") : CM_OK;
}

static cm_status finish(cm_evaluation *e) {
    json_t *lines = NULL;
    const char *path = cm_arena_print(&e->arena, "%s/records.jsonl", e->options->folder);
    CM_TRY(cm_arena_check(&e->arena));
    cm_records_close(&e->records);
    CM_TRY(cm_jsonl_read(path, &lines));
    const cm_status s =
        cm_evaluation_finish(e->options->folder, e->header, e->sides, e->side_count, lines, e->started, &e->counts);
    json_decref(lines);
    return s;
}

static cm_status work(cm_evaluation *e, cm_speed *speed) {
    const cm_evaluation_options *o = e->options;
    const bool measure = o->speed && o->shard <= 1;
    if (measure) CM_TRY(cm_speed_open(speed, e->suite, o->threads, o->lean));
    CM_TRY(prepare(e));
    CM_TRY(cm_evaluation_begin(e));
    if (e->finished) {
        cm_note("%s: this run is finished, nothing is made again; --fresh begins anew", o->folder);
        return CM_OK;
    }
    if (measure) CM_TRY(cm_speed_run(speed, e->suite, e->existing, e->records));
    CM_TRY(cm_evaluation_make(e));
    CM_TRY(look_at_all(e));
    return o->shards ? CM_OK : finish(e);
}

cm_status cm_evaluate(const cm_evaluation_options *o, cm_evaluation_counts *counts) {
    cm_evaluation e = {.options = o, .suite = o->suite, .started = cm_now()};
    cm_speed speed = {0};
    cm_arena_init(&e.arena, 0);
    pthread_mutex_init(&e.lock, NULL);
    const cm_status s = work(&e, &speed);
    *counts = e.counts;
    cm_speed_close(&speed);
    cm_worker_pool_close(&e.pool);
    cm_records_close(&e.records);
    json_decref(e.pending);
    json_decref(e.existing);
    json_decref(e.header);
    cm_folder_lock_release(&e.folder);
    cm_plan_close(&e.plan);
    cm_sides_close(e.sides, e.side_count);
    pthread_mutex_destroy(&e.lock);
    cm_arena_free(&e.arena);
    return s;
}
