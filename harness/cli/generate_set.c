// SPDX-License-Identifier: Apache-2.0
/* A file of prompts: a picture and a record each, going on where an earlier run stopped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/folder_lock.h"
#include "core/base/name_table.h"
#include "core/base/progress.h"
#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"
#include "harness/cli/generate.h"
#include "prompts/prompt_rows.h"

typedef struct prompt {
    const char *id, *text, *negative; /* borrowed from the rows */
    uint64_t seed;
} prompt;

struct cm_generate_set {
    cm_generate_job *job;
    cm_prompt_rows rows;
    json_t *existing;
    prompt *prompts;
    cm_name_table ids;   /* of the prompts */
    const json_t **made; /* [count]: the last record of a prompt's id, or NULL */
    size_t count;
    cm_folder_lock folder;
    cm_records *records;
    cm_arena arena; /* of the run; one picture's lies between marks */
    cm_progress bar;
    size_t done;
};

/* --- reading -------------------------------------------------------------- */

static cm_status read_prompt(cm_generate_set *r, const cm_prompt_row *row, prompt *p) {
    const cm_generate_job *j = r->job;
    *p = (prompt){row->id, row->text, row->negative ? row->negative : j->settings.negative,
                  row->has_seed ? row->seed : cm_seed_for(j->settings.seed, row->id)};
    if (*j->settings.suffix) p->text = cm_arena_print(&r->arena, "%s%s", p->text, j->settings.suffix);
    return cm_arena_check(&r->arena);
}

static cm_status read_prompts(cm_generate_set *r, const char *path, const char *column) {
    CM_TRY(cm_prompt_rows_read(path, &(cm_prompt_reading){.column = column}, &r->arena, &r->rows));
    r->count = r->rows.count;
    r->prompts = CM_PUSH_ZERO(&r->arena, prompt, r->count);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_name_table_init(&r->ids, r->count, &r->arena));
    for (size_t i = 0; i < r->count; i++) {
        CM_TRY(read_prompt(r, &r->rows.rows[i], &r->prompts[i]));
        cm_name_table_add(&r->ids, r->prompts[i].id, i, NULL);
    }
    return CM_OK;
}

/* --- records -------------------------------------------------------------- */

/* All that decides how a picture looks. "negative" is null where zeros stand for it; "empty_negative" tells an empty
 * one from what earlier versions wrote for zeros. */
static json_t *settings_of(const cm_generate_set *r, const prompt *p) {
    const cm_generate_job *j = r->job;
    const char *negative = p->negative || cm_negative_is_zeros(&j->model, p->negative) ? p->negative : "";
    cm_settings s = j->settings;
    s.seed = p->seed;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:I}", "kind", "image", "id", p->id, "prompt", p->text,
                          "negative", negative, "model", j->model_name, "weights_seed", (json_int_t)j->weights_seed);
    bool good = o && cm_settings_write(&s, CM_IN_RECORD, o);
    json_t *more = json_pack("{s:s, s:s, s:s}", "unet", j->unet ? j->unet : "", "recipe",
                             j->recipe.name ? j->recipe.name : "", "from_latents", j->noise_hash);
    good = good && more && json_object_update(o, more) == 0 && cm_settings_write(&s, CM_IN_RECORD_PASS, o) &&
           json_object_set_new(o, "hash", json_string(j->model.hash)) == 0;
    json_decref(more);
    if (good && j->model.zero_empty && negative && !negative[0])
        json_object_set_new(o, "empty_negative", json_string("encoded"));
    if (good) return o;
    json_decref(o);
    return NULL;
}

static const char *picture_path(const cm_generate_set *r, const prompt *p, cm_arena *a) {
    return cm_arena_print(a, "%s/%s.png", r->job->out, p->id);
}

static const char *latents_path(const cm_generate_set *r, const prompt *p, cm_arena *a) {
    return cm_arena_print(a, "%s/%s.latents.safetensors", r->job->out, p->id);
}

static bool same_settings(const json_t *settings, const json_t *record) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)settings, key, value) {
        if (!json_equal(value, json_object_get(record, key))) return false;
    }
    return true;
}

/* Which record is a prompt's last: what was made of it, if its files are still there. */
static cm_status find_made(cm_generate_set *r) {
    size_t i;
    json_t *record;
    r->made = CM_PUSH_ZERO(&r->arena, const json_t *, r->count);
    CM_TRY(cm_arena_check(&r->arena));
    json_array_foreach(r->existing, i, record) {
        const cm_name_entry *e = cm_name_table_find(&r->ids, cm_json_text_or(record, "id", ""));
        if (e) r->made[e->value] = record;
    }
    return CM_OK;
}

/* The file that was recorded: of its size, which a power cut does not leave, or where older records lack that, its
 * bytes. */
static bool is_intact(const json_t *record, const char *picture) {
    char hash[65];
    const json_t *bytes = json_object_get(record, "picture_bytes");
    if (json_is_integer(bytes)) return cm_file_size(picture) == json_integer_value(bytes);
    return cm_sha_file(picture, hash) == CM_OK && strcmp(hash, cm_json_text_or(record, "picture_hash", "")) == 0;
}

/* The last record of this id was made with the same settings, and its files are there, whole. */
static bool already_made(cm_generate_set *r, const prompt *p) {
    const json_t *record = r->made[p - r->prompts];
    if (!record) return false;
    const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
    const char *picture = picture_path(r, p, &r->arena), *latents = latents_path(r, p, &r->arena);
    const bool files = picture && latents && is_intact(record, picture) &&
                       (!r->job->latents || cm_file_size(latents) > 0) &&
                       cm_generate_extras_are_there(r->job, picture, &r->arena);
    cm_arena_reset(&r->arena, mark);
    if (!files) return false;
    json_t *settings = settings_of(r, p);
    const bool same = settings && same_settings(settings, record);
    json_decref(settings);
    return same;
}

static cm_status record_picture(cm_generate_set *r, const prompt *p, const cm_result *o, const char *picture) {
    char picture_hash[65];
    CM_TRY(cm_sha_file(picture, picture_hash));
    json_t *record = settings_of(r, p);
    const cm_timing *t = &o->timing;
    json_t *more =
        json_pack("{s:s, s:s, s:I, s:o, s:s, s:i, s:f, s:{s:f, s:f, s:f, s:f, s:f, s:f}}", "noise_hash", o->noise_hash,
                  "picture_hash", picture_hash, "picture_bytes", (json_int_t)cm_file_size(picture), "picture",
                  json_sprintf("%s.png", p->id), "version", CM_VERSION, "threads", r->job->threads, "peak_rss_mb",
                  cm_peak_rss_mb(), "seconds", "tokenise", t->tokenize, "text", t->text, "unet_step",
                  t->unet_step_median, "preview", t->preview, "decode", t->decode, "total", t->total);
    if (more && r->job->apart > 0) json_object_set_new(more, "apart", json_real(r->job->apart));
    cm_status s = CM_OK;
    if (!record || !more || json_object_update(record, more) != 0) s = cm_fail(CM_ENOMEM, "out of memory for a record");
    if (s == CM_OK) s = cm_records_add(r->records, record);
    json_decref(more);
    json_decref(record);
    return s;
}

/* --- pictures ------------------------------------------------------------- */

static void show_step(void *arg, size_t step, size_t steps, double seconds) {
    cm_generate_set *r = arg;
    char extra[96];
    snprintf(extra, sizeof extra, "step %zu of %zu, %.3f s a step", step, steps, seconds);
    cm_progress_step(&r->bar, r->done, extra);
}

static cm_status write_latents(const cm_generate_set *r, const prompt *p, const cm_result *o, cm_arena *a) {
    const size_t shape[] = {1, o->channels, o->h, o->w};
    const cm_store_item item = {.name = "latents", .dtype = CM_F32, .ndim = 4, .shape = shape, .floats = o->latents};
    const char *path = latents_path(r, p, a);
    CM_TRY(cm_arena_check(a));
    return cm_safetensors_write(path, &item, 1, NULL);
}

static cm_status make_picture(cm_generate_set *r, const prompt *p) {
    cm_arena *a = &r->arena;
    cm_request q = cm_generate_request(r->job, p->text, p->negative, p->seed);
    q.progress = show_step;
    q.progress_arg = r;
    q.text_once = p == &r->prompts[r->count - 1];
    const char *picture = picture_path(r, p, a);
    CM_TRY(cm_arena_check(a));
    cm_generate_extras extras;
    CM_TRY(cm_generate_extras_begin(&extras, r->job, &q, picture, a));
    cm_result o;
    CM_TRY(cm_generate(&r->job->model, &r->job->ctx, &q, a, &o));
    CM_TRY(cm_generate_extras_end(&extras, &o));
    if (r->job->latents) CM_TRY(write_latents(r, p, &o, a));
    CM_TRY(cm_generate_write_picture(r->job, &q, &o.picture, 0, picture, a));
    return record_picture(r, p, &o, picture);
}

/* What concerns one prompt only: the run goes on with the next. */
static bool only_this_one(cm_status s) {
    return s == CM_EUNDEFINED || s == CM_EFORMAT;
}

static cm_status make_pictures(cm_generate_set *r, size_t *failed) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        const prompt *p = &r->prompts[i];
        if (already_made(r, p)) {
            kept++;
        } else {
            const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
            const cm_status s = make_picture(r, p);
            cm_arena_reset(&r->arena, mark);
            if (s == CM_EINTERRUPTED) {
                return cm_fail(s, "stopped with %zu of %zu images made; the same command goes on", i, r->count);
            }
            if (s != CM_OK && !only_this_one(s)) return s;
            if (s != CM_OK) {
                cm_warn("%s: %s", p->id, cm_why());
                ++*failed;
            }
        }
        r->done = i + 1;
        cm_progress_step(&r->bar, r->done, NULL);
    }
    if (kept) cm_note("%zu of %zu were there already", kept, r->count);
    return CM_OK;
}

/* --- latents of all ------------------------------------------------------- */

static cm_status copy_latents(cm_generate_set *r, const prompt *p, size_t n, float *to) {
    cm_safetensors *f = NULL;
    const char *path = latents_path(r, p, &r->arena);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_safetensors_open(&f, path));
    const cm_stored *t = cm_safetensors_find(f, "latents");
    cm_status s = CM_OK;
    if (t && t->dtype == CM_F32 && t->count == n) {
        cm_to_float(t->dtype, t->data, n, to);
    } else {
        s = cm_fail(CM_EFORMAT, "%s: not the latents of this run", path);
    }
    cm_safetensors_close(&f);
    return s;
}

/* [N,C,h,w], in the order of the prompts. */
static cm_status join_latents(cm_generate_set *r) {
    const cm_model *m = &r->job->model;
    const size_t factor = cm_vae_factor(m->vae), channels = cm_unet_get_config(m->unet)->in_channels;
    const size_t shape[] = {r->count, channels, r->job->settings.height / factor, r->job->settings.width / factor};
    const size_t n = shape[1] * shape[2] * shape[3];
    float *all = CM_PUSH(&r->arena, float, r->count *n);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < r->count; i++) CM_TRY(copy_latents(r, &r->prompts[i], n, all + i * n));
    const cm_store_item item = {.name = "latents", .dtype = CM_F32, .ndim = 4, .shape = shape, .floats = all};
    return cm_safetensors_write(r->job->latents, &item, 1, NULL);
}

/* --- the run -------------------------------------------------------------- */

static cm_status open_set(cm_generate_set *r, const char *path, const char *column) {
    CM_TRY(read_prompts(r, path, column));
    return cm_folder_lock_take(&r->folder, r->job->out);
}

cm_status cm_generate_set_open(cm_generate_set **out, cm_generate_job *j, const char *prompts, const char *column) {
    cm_generate_set *r = calloc(1, sizeof *r);
    if (!r) return cm_fail(CM_ENOMEM, "out of memory");
    r->job = j;
    cm_arena_init(&r->arena, 0);
    const cm_status s = open_set(r, prompts, column);
    if (s == CM_OK) *out = r;
    else cm_generate_set_close(&r);
    return s;
}

cm_status cm_generate_set_words(const cm_generate_set *r, cm_unknown_words *u) {
    for (size_t i = 0; i < r->count; i++) {
        CM_TRY(cm_unknown_words_add(u, r->prompts[i].text));
        CM_TRY(cm_unknown_words_add(u, r->prompts[i].negative));
    }
    return CM_OK;
}

cm_status cm_generate_set_run(cm_generate_set *r, size_t *failed) {
    const char *records = cm_arena_print(&r->arena, "%s/records.jsonl", r->job->out);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_records_open(&r->records, records, &r->existing));
    CM_TRY(find_made(r));
    cm_progress_begin(&r->bar, "generate", "picture", 0, r->count);
    const cm_status s = make_pictures(r, failed);
    cm_progress_end(&r->bar);
    if (s != CM_OK) return s;
    if (r->job->latents) {
        if (*failed)
            return cm_fail(CM_EUNDEFINED, "%zu prompts have no image, so %s is not written", *failed, r->job->latents);
        CM_TRY(join_latents(r));
    }
    printf("%s\n", records);
    return CM_OK;
}

void cm_generate_set_close(cm_generate_set **r) {
    if (!*r) return;
    cm_records_close(&(*r)->records);
    cm_folder_lock_release(&(*r)->folder);
    cm_prompt_rows_close(&(*r)->rows);
    json_decref((*r)->existing);
    cm_arena_free(&(*r)->arena);
    free(*r);
    *r = NULL;
}
