// SPDX-License-Identifier: Apache-2.0
/* Images that commands make. */
#include <string.h>

#include "core/base/progress.h"
#include "harness/arms/command_arm.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation_parts.h"

/* A row's image, which the command has made and which was read whole. */
static cm_status take_made(cm_evaluation *e, cm_side *s, size_t row, const char *picture, double seconds) {
    const size_t unit = row / s->images;
    cm_arena scratch;
    cm_arena_init(&scratch, 4096);
    json_t *o = cm_evaluation_image(e, s, row);
    s->list.files[row] = picture;
    if (e->units[unit].prompt) json_object_set_new(o, "groups", cm_evaluation_groups(e->units[unit].prompt, NULL));
    json_object_set_new(o, "seed", json_integer((json_int_t)cm_evaluation_seed(e, unit, row % s->images)));
    json_object_set_new(o, "picture", json_string(picture));
    if (seconds > 0) json_object_set_new(o, "seconds", json_pack("{s:f}", "total", seconds));
    cm_status status = cm_evaluation_hash_image(e, picture, &scratch, o);
    if (status == CM_OK) status = cm_evaluation_keep(e, s, row, o);
    json_decref(o);
    cm_arena_free(&scratch);
    return status;
}

static bool is_recorded(const cm_evaluation *e, const cm_side *s) {
    size_t i;
    json_t *line;
    json_array_foreach(e->existing, i, line)
        if (cm_line_is(line, "command") && !strcmp(cm_json_text_or(line, "arm", ""), s->name)) return true;
    return false;
}

/* Also of one that did not run because all its images were there: a run that was killed had no time to say so. */
static cm_status record_command(cm_evaluation *e, const cm_side *s, const cm_command_result *r) {
    if (!r->asked && is_recorded(e, s)) return CM_OK;
    json_t *o = json_pack("{s:s, s:s, s:f, s:f, s:i, s:I}", "kind", "command", "arm", s->name, "seconds", r->seconds,
                          "peak_rss_mb", r->peak_rss_mb, "status", r->status, "images", (json_int_t)r->made);
    if (r->note) json_object_set_new(o, "note", json_string(r->note));
    const cm_status status = cm_evaluation_add(e, o);
    json_decref(o);
    return status;
}

cm_status cm_evaluation_run_command(cm_evaluation *e, cm_side *s, const size_t *missing, size_t count) {
    bool *wanted = CM_PUSH_ZERO(&e->arena, bool, s->count);
    uint64_t *seeds = CM_PUSH(&e->arena, uint64_t, s->count);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < count; i++) wanted[missing[i]] = true;
    for (size_t i = 0; i < s->count; i++) seeds[i] = cm_evaluation_seed(e, i / s->images, i % s->images);
    const cm_settings *m = &s->arm->settings;
    const cm_command_arm c = {.command = s->arm->command,
                              .folder = e->options->folder,
                              .arm = s->name,
                              .prompts = &e->prompts,
                              .images = s->images,
                              .seeds = seeds,
                              .wanted = wanted,
                              .steps = m->steps,
                              .width = m->width,
                              .height = m->height,
                              .guidance = m->guidance,
                              .negative = m->negative,
                              .timeout = e->suite->timeout,
                              .threads = e->options->threads,
                              .fresh = e->options->fresh};
    cm_command_result r = {0};
    CM_TRY(cm_command_arm_run(&c, &e->arena, &r));
    if (r.note) cm_warn("arm %s: %s", s->name, r.note);
    CM_TRY(record_command(e, s, &r));
    const double each = r.made > r.wanted - r.asked ? r.seconds / (double)(r.made - (r.wanted - r.asked)) : 0;
    for (size_t i = 0; i < count; i++)
        if (r.files[missing[i]]) CM_TRY(take_made(e, s, missing[i], r.files[missing[i]], each));
    e->counts.without_image += count - r.made;
    return CM_OK;
}

/* A suite file's commands are someone else's: they run only when that is said. */
cm_status cm_evaluation_check_commands(const cm_evaluation *e) {
    for (size_t i = 0; i < e->suite->arm_count; i++)
        if (e->suite->arms[i].kind == CM_ARM_COMMAND && !e->options->allow_exec)
            return cm_fail(CM_EUSAGE, "arm %s runs a command: %s; --allow-exec lets it", e->suite->arms[i].name,
                           e->suite->arms[i].command);
    return CM_OK;
}
