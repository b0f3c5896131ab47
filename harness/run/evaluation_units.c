// SPDX-License-Identifier: Apache-2.0
/* Units: the prompts, or images that are units themselves, and which prompt is whose. */
#include <string.h>

#include "core/base/progress.h"
#include "core/base/rng.h"
#include "harness/run/evaluation_parts.h"
#include "harness/suite/match_ids.h"
#include "prompts/read_attributes.h"
#include "prompts/read_groups.h"

/* A prompt without groups: its phrases are read from the text, and what they say of things that can be asked about. */
static cm_status own_groups(const char *text, cm_arena *out, const cm_description **prompt) {
    cm_description *d = CM_PUSH_ZERO(out, cm_description, 1);
    CM_TRY(cm_arena_check(out));
    const cm_status s = cm_read_groups(text, out, d);
    if (s != CM_OK && s != CM_EUNDEFINED) return s;
    cm_read_attributes(d);
    d->text = cm_arena_string(out, text);
    *prompt = d;
    return cm_arena_check(out);
}

static cm_status unit_of_prompt(cm_evaluation *e, const cm_prompt *p, cm_unit *u) {
    *u = (cm_unit){.id = p->id, .negative = p->negative, .prompt = &p->dense, .has_seed = p->has_seed, .seed = p->seed};
    return p->dense.count ? CM_OK : own_groups(p->dense.text, &e->arena, &u->prompt);
}

static cm_status units_of_prompts(cm_evaluation *e) {
    e->unit_count = e->prompts.count;
    e->units = CM_PUSH_ZERO(&e->arena, cm_unit, e->unit_count + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < e->unit_count; i++) CM_TRY(unit_of_prompt(e, &e->prompts.prompts[i], &e->units[i]));
    return CM_OK;
}

/* The prompt that an image brings with it in a manifest. */
static cm_status prompt_of_image(cm_evaluation *e, const cm_picture_source *source, size_t i) {
    const char *text = cm_picture_source_prompt(source, i);
    return text ? own_groups(text, &e->arena, &e->units[i].prompt) : CM_OK;
}

static size_t prompted(const cm_evaluation *e) {
    size_t n = 0;
    for (size_t i = 0; i < e->unit_count; i++) n += e->units[i].prompt != NULL;
    return n;
}

static cm_status check_prompted(const cm_evaluation *e, const char *from) {
    if (prompted(e)) return CM_OK;
    if (e->suite->prompts_path) return cm_fail(CM_EUSAGE, "%s: no image is named after a prompt's id (ID.png)", from);
    return cm_plan_of_text(&e->plan)
               ? cm_fail(CM_EUSAGE, "scores of text and image need --prompts, or a manifest with a \"prompt\" a line")
               : CM_OK;
}

/* Each image a unit, with the prompt that has its id. */
static cm_status units_of_images(cm_evaluation *e, const cm_picture_source *source, const char *from) {
    cm_id_index by_id;
    const size_t n = e->unit_count = cm_picture_source_count(source);
    const char **ids = CM_PUSH(&e->arena, const char *, n + 1);
    e->units = CM_PUSH_ZERO(&e->arena, cm_unit, n + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < n; i++) e->units[i].id = ids[i] = cm_picture_source_id(source, i);
    CM_TRY(cm_id_index_make(ids, n, &e->arena, &by_id));
    for (size_t p = 0; p < e->prompts.count; p++) {
        bool found;
        size_t i;
        const cm_prompt *prompt = &e->prompts.prompts[p];
        CM_TRY(cm_id_index_find(&by_id, prompt->id, &e->arena, &found, &i));
        if (!found) {
            cm_warn_counted(&e->counts.without_image, "prompt %s has no image in %s", prompt->id, from);
            continue;
        }
        CM_TRY(unit_of_prompt(e, prompt, &e->units[i]));
        e->units[i].id = ids[i];
    }
    cm_warn_rest(e->counts.without_image, "prompts have no image");
    for (size_t i = 0; i < n; i++)
        if (!e->units[i].prompt) CM_TRY(prompt_of_image(e, source, i));
    CM_TRY(check_prompted(e, from));
    for (size_t i = 0; i < n; i++) {
        if (!e->units[i].prompt && (e->prompts.count || cm_plan_of_text(&e->plan)))
            cm_warn_counted(&e->counts.without_prompt, "%s has no prompt", cm_picture_source_path(source, i));
    }
    cm_warn_rest(e->counts.without_prompt, "images have no prompt");
    return CM_OK;
}

uint64_t cm_evaluation_seed(const cm_evaluation *e, size_t unit, size_t k) {
    const cm_unit *u = &e->units[unit];
    return (u->has_seed ? u->seed : cm_seed_for(e->suite->run_seed, u->id)) + k;
}

const char *cm_evaluation_file(const cm_evaluation *e, size_t unit, size_t k, cm_arena *out) {
    return e->suite->images > 1 ? cm_arena_print(out, "%zu/%s.png", k, e->units[unit].id)
                                : cm_arena_print(out, "%s.png", e->units[unit].id);
}

const cm_arm *cm_evaluation_first_images(const cm_suite *s) {
    for (size_t i = 0; i < s->arm_count; i++)
        if (s->arms[i].kind == CM_ARM_IMAGES) return &s->arms[i];
    return NULL;
}

cm_status cm_evaluation_check_any(const cm_picture_source *source, const char *path) {
    cm_picture_source_tell_left_out(source);
    if (cm_picture_source_count(source)) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: no images (PNG, JPEG, WebP, BMP or GIF) are in it", path);
}

static bool wants_prompts(const cm_suite *s) {
    for (size_t i = 0; i < s->arm_count; i++)
        if (s->arms[i].kind == CM_ARM_MODEL || s->arms[i].kind == CM_ARM_COMMAND) return true;
    return false;
}

/* Units, and for images that are units themselves their list. */
cm_status cm_evaluation_open_units(cm_evaluation *e, cm_picture_source **source) {
    const cm_arm *arm = wants_prompts(e->suite) ? NULL : cm_evaluation_first_images(e->suite);
    const size_t limit = e->options->limit ? e->options->limit : e->suite->count;
    const cm_prompt_reading reading = {.limit = limit, .column = e->suite->prompt_column};
    if (e->suite->prompts_path) CM_TRY(cm_prompt_set_read(e->suite->prompts_path, &reading, &e->arena, &e->prompts));
    if (e->prompts.count < limit && e->suite->prompts_path)
        cm_warn("--count %zu: %s has %zu prompts; all of them are taken", limit, e->prompts.name, e->prompts.count);
    if (e->suite->prompts_path && !e->options->of_images) return units_of_prompts(e);
    if (!arm) return e->suite->arm_count ? cm_fail(CM_EUSAGE, "prompts are needed: --prompts FILE") : CM_OK;
    CM_TRY(cm_picture_source_open(source, arm->images));
    CM_TRY(cm_evaluation_check_any(*source, arm->images));
    return units_of_images(e, *source, arm->images);
}
