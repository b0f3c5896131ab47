// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/image_set.h"
#include "harness/run/evaluation_parts.h"
#include "harness/suite/match_ids.h"
#include "metrics/statistics_file.h"

enum { DRAWN_WIDTH = 64, DRAWN_HEIGHT = 96 };

/* --- sides ------------------------------------------------------------------------------ */

static cm_status fill_side(cm_evaluation *e, cm_side *s) {
    const size_t shards = e->options->shards ? e->options->shards : 1,
                 shard = e->options->shards ? e->options->shard : 1;
    s->lines = calloc(s->count + 1, sizeof *s->lines);
    s->todo = CM_PUSH(&e->arena, size_t, s->count + 1);
    for (size_t c = 0; c < CM_EVAL_METRICS; c++) s->stores[c].file = -1;
    if (!s->lines) return cm_fail(CM_ENOMEM, "out of memory");
    s->begin = s->kind == CM_SIDE_ARM ? e->first_unit * s->images : s->count * (shard - 1) / shards;
    s->end = s->kind == CM_SIDE_ARM ? e->last_unit * s->images : s->count * shard / shards;
    if (!s->count) s->begin = s->end = 0; /* an arm that was not given */
    return cm_arena_check(&e->arena);
}

/* "p0001", "2/p0001", "p0001/2", "p0001-2" and "p0001_2" are images of the prompt p0001: the k-th of them. */
static bool is_image_of(const char *name, const char *id) {
    const size_t n = strlen(id), digits = strspn(name, "0123456789");
    if (digits && name[digits] == '/' && strcmp(name + digits + 1, id) == 0) return true;
    if (strncmp(name, id, n) != 0 || !name[n] || !strchr("/-_", name[n])) return false;
    const size_t rest = strlen(name + n + 1);
    return rest && strspn(name + n + 1, "0123456789") == rest;
}

/* Several images a prompt: in the order of their paths. */
static void match_several(const cm_evaluation *e, const cm_side *s, size_t unit, size_t *at) {
    size_t k = 0;
    for (size_t i = 0; i < cm_picture_source_count(s->list.source) && k < s->images; i++)
        if (is_image_of(cm_picture_source_id(s->list.source, i), e->units[unit].id)) at[unit * s->images + k++] = i;
}

static cm_status match_by_id(cm_evaluation *e, cm_side *s, size_t *at) {
    cm_id_index by_id;
    const size_t n = cm_picture_source_count(s->list.source);
    const char **ids = CM_PUSH(&e->arena, const char *, n + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < n; i++) ids[i] = cm_picture_source_id(s->list.source, i);
    CM_TRY(cm_id_index_make(ids, n, &e->arena, &by_id));
    for (size_t u = 0; u < e->unit_count; u++) {
        bool found;
        size_t i;
        if (s->images > 1) match_several(e, s, u, at);
        if (at[u * s->images] != CM_NO_IMAGE) continue;
        CM_TRY(cm_id_index_find(&by_id, e->units[u].id, &e->arena, &found, &i));
        if (found) at[u * s->images] = i;
    }
    return CM_OK;
}

/* Which image is which row's. Every arm must have all of them, so that equal sets are compared. */
static cm_status match_images(cm_evaluation *e, cm_side *s) {
    size_t missing = 0, n = cm_picture_source_count(s->list.source), *at = CM_PUSH(&e->arena, size_t, s->count + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < s->count; i++) at[i] = s->arm->in_order && i < n ? i : CM_NO_IMAGE;
    s->list.at = at;
    if (!s->arm->in_order) CM_TRY(match_by_id(e, s, at));
    for (size_t i = 0; i < s->count; i++)
        if (at[i] == CM_NO_IMAGE)
            cm_warn_counted(&missing, "arm %s: prompt %s has no image in %s", s->name, e->units[i / s->images].id,
                            s->arm->images);
    cm_warn_rest(missing, "are missing");
    e->counts.without_image += missing;
    if (missing == s->count)
        return cm_fail(
            CM_EUSAGE,
            "arm %s: %s: no image is named after a prompt's id (ID.png); \"match\": \"order\" takes them in order",
            s->name, s->arm->images);
    if (n > s->count - missing)
        cm_note("arm %s: %zu images of %s belong to no prompt and are left out", s->name, n - (s->count - missing),
                s->arm->images);
    if (!missing || e->options->unequal) return CM_OK;
    return cm_fail(CM_EUSAGE, "arm %s has %zu of %zu images; --unequal compares on the prompts that all arms have",
                   s->name, s->count - missing, s->count);
}

static cm_status open_images(cm_evaluation *e, cm_side *s) {
    if (!s->list.source) {
        CM_TRY(cm_picture_source_open(&s->list.source, s->arm->images));
        CM_TRY(cm_evaluation_check_any(s->list.source, s->arm->images));
        CM_TRY(match_images(e, s));
    }
    s->list.count = s->count;
    return CM_OK;
}

static cm_status list_files(cm_evaluation *e, cm_side *s) {
    s->list = (cm_image_list){.count = s->count,
                              .folder = e->options->folder,
                              .files = CM_PUSH(&e->arena, const char *, s->count + 1)};
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < s->count; i++) {
        const char *file = cm_evaluation_file(e, i / s->images, i % s->images, &e->arena);
        s->list.files[i] = cm_arena_print(&e->arena, "images/%s/%s", s->name, file ? file : "");
    }
    return cm_arena_check(&e->arena);
}

static cm_status open_arm(cm_evaluation *e, const cm_arm *arm, cm_side *s) {
    s->kind = CM_SIDE_ARM;
    s->name = arm->name;
    s->arm = arm;
    s->images = e->options->of_images ? 1 : e->suite->images;
    s->count = arm->kind == CM_ARM_ABSENT ? 0 : e->unit_count * s->images;
    s->prompts = CM_PUSH_ZERO(&e->arena, const cm_description *, e->unit_count + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < e->unit_count; i++) s->prompts[i] = e->units[i].prompt;
    if (arm->kind == CM_ARM_IMAGES) CM_TRY(open_images(e, s));
    else CM_TRY(list_files(e, s));
    return fill_side(e, s);
}

static cm_image_list drawings(const cm_drawn_set *d) {
    return (cm_image_list){.count = d->count, .drawn = d, .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT};
}

static cm_status add_reference(cm_evaluation *e) {
    const cm_suite *u = e->suite;
    cm_side *s = &e->sides[e->side_count];
    *s = (cm_side){.kind = CM_SIDE_REFERENCE, .name = "reference", .images = 1};
    if (u->reference) {
        e->side_count++;
        CM_TRY(cm_picture_source_open(&s->list.source, u->reference));
        CM_TRY(cm_evaluation_check_any(s->list.source, u->reference));
        s->list.count = cm_picture_source_count(s->list.source);
    } else if (u->drawn.count) {
        e->side_count++;
        s->list = drawings(&u->drawn);
    } else {
        return CM_OK;
    }
    s->count = s->list.count;
    return fill_side(e, s);
}

static cm_status add_ceiling(cm_evaluation *e) {
    cm_side *s = &e->sides[e->side_count++];
    *s = (cm_side){.kind = CM_SIDE_CEILING,
                   .name = "ceiling",
                   .images = 1,
                   .count = e->suite->ceiling.count,
                   .list = drawings(&e->suite->ceiling)};
    s->prompts = CM_PUSH_ZERO(&e->arena, const cm_description *, s->count + 1);
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < s->count; i++) {
        cm_person p;
        cm_description *d = CM_PUSH_ZERO(&e->arena, cm_description, 1);
        CM_TRY(cm_arena_check(&e->arena));
        cm_image_list_person(&s->list, i, &p);
        CM_TRY(cm_person_describe(&p, p.seed, 0, &e->arena, d));
        s->prompts[i] = d;
    }
    return fill_side(e, s);
}

/* The scores are made from the records, which hold text: a file of statistics is found again by its name there. */
static cm_status check_text(cm_evaluation *e, const char *option, const char *path) {
    const char *text = path ? cm_printable_path(path, &e->arena) : path;
    CM_TRY(cm_arena_check(&e->arena));
    return text == path ? CM_OK
                        : cm_fail(CM_EUSAGE, "%s: %s: a name that is not UTF-8 cannot be recorded; rename the file",
                                  option, text);
}

/* *wanted: does a metric look at the reference's images? */
static cm_status check_reference(cm_evaluation *e, bool *wanted) {
    const cm_suite *u = e->suite;
    const cm_needs_reference needs = cm_plan_needs(&e->plan);
    *wanted = false;
    e->statistics = u->reference && cm_statistics_is(u->reference);
    if (e->statistics) CM_TRY(check_text(e, "--reference", u->reference));
    CM_TRY(check_text(e, "--save-statistics", e->options->statistics));
    if (!u->reference && !u->drawn.count) {
        if (needs == CM_REFERENCE_NONE || e->options->statistics || !u->arm_count) return CM_OK;
        return cm_fail(CM_EUSAGE, "these metrics compare with a set: --reference DIR or FILE.npz");
    }
    if (e->statistics && needs == CM_REFERENCE_PICTURES && !cm_picture_source_is_array(u->reference)) {
        for (size_t i = 0; i < e->plan.metric_count; i++)
            if (e->plan.metrics[i]->reference == CM_REFERENCE_PICTURES)
                return cm_fail(CM_EUSAGE, "%s needs the reference's images, %s holds only their mean and covariance",
                               e->plan.metrics[i]->name, u->reference);
    }
    *wanted =
        cm_plan_of_sets(&e->plan) && needs != CM_REFERENCE_NONE && !(e->statistics && needs != CM_REFERENCE_PICTURES);
    return CM_OK;
}

static void share_units(cm_evaluation *e) {
    const cm_evaluation_options *o = e->options;
    e->first_unit = o->shards ? e->unit_count * (o->shard - 1) / o->shards : 0;
    e->last_unit = o->shards ? e->unit_count * o->shard / o->shards : e->unit_count;
}

static cm_status open_arms(cm_evaluation *e, cm_picture_source *source) {
    const cm_arm *first = cm_evaluation_first_images(e->suite);
    for (size_t i = 0; i < e->suite->arm_count; i++) {
        cm_side *s = &e->sides[e->side_count++];
        *s = (cm_side){0};
        if (source && &e->suite->arms[i] == first) s->list.source = source; /* the side closes it */
        CM_TRY(open_arm(e, &e->suite->arms[i], s));
    }
    return CM_OK;
}

cm_status cm_evaluation_open_sides(cm_evaluation *e) {
    cm_picture_source *source = NULL;
    bool reference;
    e->sides = calloc(e->suite->arm_count + 2, sizeof *e->sides);
    if (!e->sides) return cm_fail(CM_ENOMEM, "out of memory");
    cm_status s = cm_evaluation_open_units(e, &source);
    if (s != CM_OK) {
        cm_picture_source_close(&source);
        return s;
    }
    share_units(e);
    CM_TRY(open_arms(e, source));
    CM_TRY(check_reference(e, &reference));
    if (reference) CM_TRY(add_reference(e));
    return e->suite->ceiling.count && e->suite->arm_count ? add_ceiling(e) : CM_OK;
}

cm_side *cm_evaluation_side(cm_evaluation *e, const char *name) {
    for (size_t i = 0; i < e->side_count; i++)
        if (!strcmp(e->sides[i].name, name)) return &e->sides[i];
    return NULL;
}

/* KID's subsets must fit into every set, which is known before the first image is made. */
static cm_status check_subsets(const cm_evaluation *e, const cm_metric *m, const cm_side *reference) {
    const size_t subset = e->plan.kid_subset ? e->plan.kid_subset : CM_KID_SUBSET;
    for (size_t i = 0; m->of_sets == cm_score_kid && i < e->side_count; i++) {
        const cm_side *s = &e->sides[i];
        const bool counts = s->kind == CM_SIDE_ARM || s == reference;
        if (counts && s->count && s->count < subset)
            return cm_fail(CM_EUSAGE,
                           "%s draws subsets of %zu, and %s has %zu images; --kid-subset-size N draws smaller ones "
                           "(another score)",
                           m->name, subset, s->name, s->count);
    }
    return CM_OK;
}

cm_status cm_evaluation_check_sizes(const cm_evaluation *e) {
    const cm_side *last = e->side_count ? &e->sides[e->side_count - 1] : NULL;
    const cm_side *reference = last && last->kind == CM_SIDE_CEILING && e->side_count > 1 ? last - 1 : last;
    for (size_t i = 0; i < e->plan.metric_count; i++) CM_TRY(check_subsets(e, e->plan.metrics[i], reference));
    if (!reference || reference->kind != CM_SIDE_REFERENCE || !reference->list.source) return CM_OK;
    for (size_t a = 0; a < e->suite->arm_count; a++) {
        for (size_t i = 0; i < e->plan.metric_count; i++) {
            const cm_metric *m = e->plan.metrics[i];
            const bool from_file = e->statistics && m->reference == CM_REFERENCE_STATISTICS; /* which checks itself */
            if (!m->equal_n || from_file || !e->sides[a].count) continue;
            const cm_status s = cm_frechet_comparable(e->sides[a].count, reference->count, e->options->unequal);
            if (s != CM_OK) return cm_fail_in(s, "%s (--unequal to do it all the same)", m->name);
        }
    }
    return CM_OK;
}
