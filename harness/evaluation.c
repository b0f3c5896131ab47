// SPDX-License-Identifier: Apache-2.0
#include "harness/evaluation.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/image_set.h"
#include "core/io/jsonl.h"
#include "core/io/picture_source.h"
#include "core/io/record_lines.h"
#include "harness/crew.h"
#include "harness/evaluation_parts.h"
#include "harness/manifest.h"
#include "harness/match_ids.h"
#include "metrics/statistics_file.h"
#include "prompts/read_groups.h"

/* One side: a list of pictures, this shard's part of it, what is still to be looked at. */
typedef struct side {
    cm_picture_source *source;      /* NULL: this side has no pictures */
    size_t count, begin, end;       /* in the list; this shard's */
    cm_feature_store stores[CM_EVAL_METRICS];
    const cm_description **prompts; /* [count]; NULL: this picture has none */
    size_t *todo, todo_count;
    bool *done;                     /* [count] */
} side;

typedef struct evaluation {
    const cm_evaluation_options *options;
    cm_arena arena;
    cm_plan plan;
    cm_prompt_set prompts;
    side sides[CM_SIDES];
    bool statistics;                /* the reference is a file of them (it may hold pictures, too) */
    cm_side at;                     /* the side that is being looked at */
    cm_crew crew;
    cm_folder_lock folder;
    cm_records *records;
    pthread_mutex_t lock;           /* of records and counts */
    cm_evaluation_counts counts;
} evaluation;

/* Which outputs of a feed this side wants, as bits. */
static unsigned wanted_of(const evaluation *e, size_t feed) {
    return e->at == CM_PICTURES ? e->plan.feeds[feed].wanted : e->plan.feeds[feed].stored;
}

/* --- one batch ------------------------------------------------------------------ */

typedef struct batch {
    size_t count;
    const size_t *index;            /* in the list */
    cm_image *pictures;             /* their sizes; the pixels are gone */
    float *pixels[CM_EVAL_METRICS]; /* by feed: [count,height,width,3], made ready; NULL: not wanted */
    const char **trouble;           /* why a picture cannot be scored, or NULL */
    json_t **scores, **read;        /* of text scores */
} batch;

static cm_status fail_picture(batch *b, size_t k, cm_arena *scratch) {
    b->trouble[k] = cm_arena_string(scratch, cm_why());
    return cm_arena_check(scratch);
}

/* One picture made ready for every feed that wants this side, at its place k of each feed's pixels. */
static cm_status prepare_picture(const evaluation *e, batch *b, size_t k, cm_arena *whole) {
    const side *s = &e->sides[e->at];
    CM_TRY(cm_picture_source_read(s->source, b->index[k], whole, &b->pictures[k]));
    for (size_t f = 0; f < e->plan.feed_count; f++) {
        size_t width, height;
        if (!b->pixels[f]) continue;
        cm_extractor_size(e->plan.extractors[e->plan.feeds[f].network], &width, &height);
        CM_TRY(cm_picture_prepare(e->plan.feeds[f].rule, &b->pictures[k], width, height, whole, b->pixels[f] + k * height * width * 3));
    }
    b->pictures[k].pixels = NULL;
    return CM_OK;
}

/* One damaged picture does not cost the others; a stop or want of memory ends the batch. */
static bool only_this_one(cm_status s) {
    return s != CM_EINTERRUPTED && s != CM_ENOMEM;
}

/* Decoded pictures can be hundreds of MB: each is brought to the networks' sizes and dropped before the next is read. */
static cm_status prepare_pictures(const evaluation *e, batch *b, cm_worker_place *w) {
    for (size_t f = 0; f < e->plan.feed_count; f++) {
        size_t width, height;
        if (!wanted_of(e, f)) continue;
        cm_extractor_size(e->plan.extractors[e->plan.feeds[f].network], &width, &height);
        b->pixels[f] = CM_PUSH(&w->scratch, float, b->count * height * width * 3);
    }
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t k = 0; k < b->count; k++) {
        cm_arena whole;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        cm_arena_init(&whole, 0);
        const cm_status s = prepare_picture(e, b, k, &whole);
        cm_arena_free(&whole);
        if (s != CM_OK) CM_TRY(only_this_one(s) ? fail_picture(b, k, &w->scratch) : s);
    }
    return CM_OK;
}

/* The pictures that can still be scored, side by side: rows[i] says which of the batch row i is. */
static void gather(const cm_extractor *x, const batch *b, float *pixels, size_t *rows, size_t *count) {
    size_t width, height, n = 0;
    cm_extractor_size(x, &width, &height);
    const size_t one = width * height * 3;
    for (size_t k = 0; k < b->count; k++) {
        if (b->trouble[k]) continue;
        if (n != k) memcpy(pixels + n * one, pixels + k * one, one * sizeof *pixels);
        rows[n++] = k;
    }
    *count = n;
}

static cm_status keep_features(const evaluation *e, size_t feed, const batch *b, const size_t *rows, size_t count,
                               float *const out[CM_OUTPUTS]) {
    const side *s = &e->sides[e->at];
    for (size_t c = 0; c < e->plan.column_count; c++) {
        const cm_feature_column *column = &e->plan.columns[c];
        if (column->feed != feed) continue;
        for (size_t i = 0; i < count; i++) {
            if (b->trouble[rows[i]]) continue;
            CM_TRY(cm_feature_store_write(&s->stores[c], b->index[rows[i]] - s->begin, out[column->output] + i * column->width));
        }
    }
    return CM_OK;
}

/* One score of the pictures that have a prompt; embeddings [count,width]. */
static cm_status score_prompts(const evaluation *e, const cm_protocol *p, const cm_extractor *x, batch *b, const size_t *rows, size_t count,
                               const float *embeddings, cm_worker_place *w) {
    const size_t width = cm_extractor_width(x, CM_OUT_FEATURES);
    const cm_description **prompts = CM_PUSH(&w->scratch, const cm_description *, count);
    size_t *which = CM_PUSH(&w->scratch, size_t, count), n = 0;
    float *pictures = CM_PUSH(&w->scratch, float, count * width);
    cm_text_score *scores = CM_PUSH(&w->scratch, cm_text_score, count);
    const char *label = cm_metric_label(p, cm_extractor_label(x), &w->scratch);
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t i = 0; i < count; i++) {
        const cm_description *prompt = e->sides[CM_PICTURES].prompts[b->index[rows[i]]];
        if (!prompt || b->trouble[rows[i]]) continue;
        memcpy(pictures + n * width, embeddings + i * width, width * sizeof *pictures);
        prompts[n] = prompt;
        which[n++] = rows[i];
    }
    CM_TRY(cm_text_image_scores(p->of_text, cm_extractor_pair(x), &w->g, pictures, prompts, n, &w->scratch, scores));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scores[i].value)) continue;
        json_object_set_new(b->scores[which[i]], label, json_real(scores[i].value));
        json_object_set_new(b->read[which[i]], label, json_real(scores[i].read));
    }
    return CM_OK;
}

static cm_status score_text(const evaluation *e, size_t feed, batch *b, const size_t *rows, size_t count, const float *embeddings,
                            cm_worker_place *w) {
    const cm_extractor *x = e->plan.extractors[e->plan.feeds[feed].network];
    for (size_t m = 0; m < e->plan.metric_count; m++)
        if (e->plan.metrics[m]->of_text && e->plan.feed_of[m] == feed)
            CM_TRY(score_prompts(e, e->plan.metrics[m], x, b, rows, count, embeddings, w));
    return CM_OK;
}

/* A network that finds a batch's features not finite looks at each picture alone, so that only those that are at fault fail. */
static cm_status run_network(const cm_extractor *x, batch *b, const size_t *rows, size_t count, const float *pixels,
                             float *const out[CM_OUTPUTS], cm_worker_place *w) {
    size_t width, height;
    cm_extractor_size(x, &width, &height);
    const cm_status s = cm_extractor_run(x, &w->g, pixels, count, out);
    if (s != CM_EUNDEFINED) return s;
    for (size_t i = 0; i < count; i++) {
        float *one[CM_OUTPUTS];
        for (int k = 0; k < CM_OUTPUTS; k++) one[k] = out[k] ? out[k] + i * cm_extractor_width(x, (cm_output)k) : NULL;
        const cm_status alone = cm_extractor_run(x, &w->g, pixels + i * width * height * 3, 1, one);
        if (alone == CM_EUNDEFINED) CM_TRY(fail_picture(b, rows[i], &w->scratch));
        else CM_TRY(alone);
    }
    return CM_OK;
}

static cm_status run_feed(const evaluation *e, size_t feed, batch *b, cm_worker_place *w) {
    const cm_feed *f = &e->plan.feeds[feed];
    const cm_extractor *x = e->plan.extractors[f->network];
    const unsigned wanted = wanted_of(e, feed);
    float *out[CM_OUTPUTS] = {0};
    size_t *rows = CM_PUSH(&w->scratch, size_t, b->count), count = 0;
    if (!wanted) return CM_OK;
    CM_TRY(cm_arena_check(&w->scratch));
    gather(x, b, b->pixels[feed], rows, &count);
    if (count == 0) return CM_OK;
    for (int i = 0; i < CM_OUTPUTS; i++)
        if (wanted & 1u << i) out[i] = CM_PUSH(&w->scratch, float, count * cm_extractor_width(x, (cm_output)i));
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(run_network(x, b, rows, count, b->pixels[feed], out, w));
    CM_TRY(keep_features(e, feed, b, rows, count, out));
    if (e->at == CM_REFERENCE || !cm_extractor_pair(x)) return CM_OK;
    return score_text(e, feed, b, rows, count, out[CM_OUT_FEATURES], w);
}

static json_t *record_of(const evaluation *e, const batch *b, size_t k) {
    const side *s = &e->sides[e->at];
    const cm_image *picture = &b->pictures[k];
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:s}", "kind", b->trouble[k] ? "failed" : "picture", "side", cm_side_names[e->at],
                          "index", (json_int_t)b->index[k], "id", cm_picture_source_id(s->source, b->index[k]), "picture",
                          cm_picture_source_path(s->source, b->index[k]));
    if (b->trouble[k]) {
        json_object_set_new(o, "note", json_string(b->trouble[k]));
        return o;
    }
    json_object_set_new(o, "width", json_integer((json_int_t)picture->width));
    json_object_set_new(o, "height", json_integer((json_int_t)picture->height));
    if (json_object_size(b->scores[k])) {
        json_object_set(o, "scores", b->scores[k]);
        json_object_set(o, "read", b->read[k]);
    }
    return o;
}

static cm_status record_batch(evaluation *e, const batch *b) {
    cm_status s = CM_OK;
    pthread_mutex_lock(&e->lock);
    for (size_t k = 0; k < b->count && s == CM_OK; k++) {
        json_t *o = record_of(e, b, k);
        if (b->trouble[k]) {
            cm_warn("%s", b->trouble[k]);
            e->counts.failed++;
        } else {
            e->counts.scored++;
        }
        s = cm_records_add(e->records, o);
        json_decref(o);
    }
    pthread_mutex_unlock(&e->lock);
    return s;
}

static cm_status look_at(evaluation *e, batch *b, cm_worker_place *w) {
    CM_TRY(prepare_pictures(e, b, w));
    for (size_t f = 0; f < e->plan.feed_count; f++) CM_TRY(run_feed(e, f, b, w));
    return record_batch(e, b);
}

static cm_status look(void *arg, size_t first, cm_worker_place *w) {
    evaluation *e = arg;
    const side *s = &e->sides[e->at];
    const size_t left = s->todo_count - first, count = left < e->options->batch ? left : e->options->batch;
    batch b = {.count = count,
               .index = s->todo + first,
               .pictures = CM_PUSH_ZERO(&w->scratch, cm_image, count),
               .trouble = CM_PUSH_ZERO(&w->scratch, const char *, count),
               .scores = CM_PUSH_ZERO(&w->scratch, json_t *, count),
               .read = CM_PUSH_ZERO(&w->scratch, json_t *, count)};
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t k = 0; k < count; k++) {
        b.scores[k] = json_object();
        b.read[k] = json_object();
    }
    const cm_status status = look_at(e, &b, w);
    for (size_t k = 0; k < count; k++) {
        json_decref(b.scores[k]);
        json_decref(b.read[k]);
    }
    return status;
}

/* --- lists ------------------------------------------------------------------------- */

static cm_status open_side(evaluation *e, cm_side which, const char *path) {
    const cm_evaluation_options *o = e->options;
    side *s = &e->sides[which];
    CM_TRY(cm_picture_source_open(&s->source, path));
    s->count = cm_picture_source_count(s->source);
    cm_picture_source_tell_left_out(s->source);
    if (s->count == 0) return cm_fail(CM_EUSAGE, "%s: no pictures (PNG, JPEG, WebP, BMP or GIF) are in it", path);
    s->end = s->count;
    if (o->shards) {
        s->begin = s->count * (o->shard - 1) / o->shards;
        s->end = s->count * o->shard / o->shards;
    }
    s->prompts = CM_PUSH_ZERO(&e->arena, const cm_description *, s->count);
    s->todo = CM_PUSH(&e->arena, size_t, s->count);
    s->done = CM_PUSH_ZERO(&e->arena, bool, s->count);
    return cm_arena_check(&e->arena);
}

/* A prompt without groups: its phrases are read from the text. */
static cm_status own_prompt(const char *text, cm_arena *out, const cm_description **prompt) {
    cm_description *d = CM_PUSH_ZERO(out, cm_description, 1);
    CM_TRY(cm_arena_check(out));
    const cm_status s = cm_read_groups(text, out, d);
    if (s != CM_OK && s != CM_EUNDEFINED) return s;
    d->text = cm_arena_string(out, text);
    *prompt = d;
    return cm_arena_check(out);
}

/* Pairs pictures with prompts by id; what has no partner is named. */
static cm_status match_prompts(evaluation *e) {
    side *s = &e->sides[CM_PICTURES];
    const char **ids = CM_PUSH(&e->arena, const char *, s->count);
    cm_id_index by_id;
    bool *used = CM_PUSH_ZERO(&e->arena, bool, s->count);
    size_t pairs = 0;
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t i = 0; i < s->count; i++) ids[i] = cm_picture_source_id(s->source, i);
    CM_TRY(cm_id_index_make(ids, s->count, &e->arena, &by_id));
    for (size_t i = 0; i < e->prompts.count; i++) {
        bool found;
        size_t index;
        CM_TRY(cm_id_index_find(&by_id, e->prompts.prompts[i].id, &e->arena, &found, &index));
        if (!found) {
            cm_warn_counted(&e->counts.without_image, "prompt %s has no picture in %s", e->prompts.prompts[i].id, e->options->images);
            continue;
        }
        const cm_description *d = &e->prompts.prompts[i].dense;
        if (d->count) s->prompts[index] = d;
        else CM_TRY(own_prompt(d->text, &e->arena, &s->prompts[index]));
        used[index] = true;
        pairs++;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (used[i]) continue;
        const char *text = cm_picture_source_prompt(s->source, i);
        if (text) {
            CM_TRY(own_prompt(text, &e->arena, &s->prompts[i]));
            pairs++;
        } else if (cm_plan_of_text(&e->plan) || e->options->prompts) {
            cm_warn_counted(&e->counts.without_prompt, "%s has no prompt", cm_picture_source_path(s->source, i));
        }
    }
    cm_warn_rest(e->counts.without_image, "prompts have no picture");
    cm_warn_rest(e->counts.without_prompt, "pictures have no prompt");
    if (pairs || !cm_plan_of_text(&e->plan)) return CM_OK;
    if (!e->options->prompts) return cm_fail(CM_EUSAGE, "scores of text and picture need --prompts, or a manifest with a \"prompt\" a line");
    return cm_fail(CM_EUSAGE, "%s: no picture is named after a prompt's id (ID.png)", e->options->images);
}

static bool wants_features(const evaluation *e) {
    for (size_t i = 0; i < e->plan.metric_count; i++)
        if (e->plan.metrics[i]->of_sets) return true;
    return false;
}

static cm_status open_lists(evaluation *e) {
    const cm_evaluation_options *o = e->options;
    const cm_needs_reference needs = cm_plan_needs(&e->plan);
    CM_TRY(open_side(e, CM_PICTURES, o->images));
    if (o->prompts) CM_TRY(cm_prompt_set_read(o->prompts, 0, &e->arena, &e->prompts));
    CM_TRY(match_prompts(e));
    e->statistics = o->reference && cm_statistics_is(o->reference);
    if (!o->reference) {
        if (needs == CM_REFERENCE_NONE || o->statistics) return CM_OK;
        return cm_fail(CM_EUSAGE, "these metrics compare with a set: --reference DIR or FILE.npz");
    }
    if (e->statistics && needs == CM_REFERENCE_PICTURES && !cm_picture_source_is_array(o->reference)) {
        for (size_t i = 0; i < e->plan.metric_count; i++)
            if (e->plan.metrics[i]->reference == CM_REFERENCE_PICTURES)
                return cm_fail(CM_EUSAGE, "%s needs the reference's pictures, %s holds only their mean and covariance",
                               e->plan.metrics[i]->name, o->reference);
    }
    if (!wants_features(e) || needs == CM_REFERENCE_NONE || (e->statistics && needs != CM_REFERENCE_PICTURES)) return CM_OK;
    return open_side(e, CM_REFERENCE, o->reference);
}

static cm_status check_sizes(const evaluation *e) {
    const size_t n = e->sides[CM_PICTURES].count, m = e->sides[CM_REFERENCE].count;
    if (!m) return CM_OK;
    for (size_t i = 0; i < e->plan.metric_count; i++) {
        const bool from_file = e->statistics && e->plan.metrics[i]->reference == CM_REFERENCE_STATISTICS; /* which checks itself */
        if (!e->plan.metrics[i]->equal_n || from_file) continue;
        const cm_status s = cm_frechet_comparable(n, m, e->options->unequal);
        if (s != CM_OK) return cm_fail_in(s, "%s (--unequal to do it all the same)", e->plan.metrics[i]->name);
    }
    return CM_OK;
}

/* --- records and stores ---------------------------------------------------------------- */

/* A path from the command line as text for the records. */
static const char *shown(evaluation *e, const char *path) {
    const char *text = cm_printable_path(path, &e->arena);
    return text ? text : "";
}

static json_t *header_of(evaluation *e) {
    const cm_evaluation_options *o = e->options;
    char now[32];
    cm_iso_time(now);
    json_t *h = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "kind", "run", "suite", "published scores", "started", now, "version",
                          CM_VERSION, "threads", o->threads, "prompts", o->prompts ? e->prompts.name : "");
    json_object_set_new(h, "arms", json_pack("[{s:s, s:s}]", "name", o->name, "about", shown(e, o->images)));
    json_object_set_new(h, "settings", json_pack("{s:s, s:b}", "backend", o->backend->name, "unequal", o->unequal));
    json_object_set_new(h, "plan", cm_plan_describe(&e->plan));
    if (o->prompts) json_object_set_new(h, "prompts_hash", json_string(e->prompts.hash));
    json_t *lists = json_object(), *left_out = json_object();
    for (int i = 0; i < CM_SIDES; i++) {
        const side *s = &e->sides[i];
        if (!s->source) continue;
        json_object_set_new(lists, cm_side_names[i], json_pack("{s:s, s:I, s:s}", "from", shown(e, i ? o->reference : o->images), "count",
                                                               (json_int_t)s->count, "hash", cm_picture_source_hash(s->source)));
        json_object_set_new(left_out, cm_side_names[i], cm_picture_source_left_out(s->source)); /* nothing: no key */
    }
    json_object_set_new(h, "lists", lists);
    if (json_object_size(left_out)) json_object_set(h, "left_out", left_out);
    json_decref(left_out);
    if (e->statistics) json_object_set_new(h, "statistics", json_string(o->reference));
    if (o->statistics) json_object_set_new(h, "write_statistics", json_string(o->statistics));
    if (o->shards)
        json_object_set_new(h, "shard", json_pack("{s:I, s:I}", "index", (json_int_t)o->shard, "of", (json_int_t)o->shards));
    if (o->machine) json_object_update_missing(h, (json_t *)o->machine);
    return h;
}

const char *const cm_evaluation_keys[] = {"suite", "prompts", "prompts_hash", "arms", "settings", "plan", "lists", "statistics", NULL};

/* What an earlier run left: its header must be ours, its pictures need no second look. */
static cm_status take_over(evaluation *e, const json_t *existing, const json_t *header) {
    static const char *const shard[] = {"shard", NULL};
    const json_t *found = json_array_get(existing, 0);
    CM_TRY(cm_manifest_continue(found, header, cm_evaluation_keys));
    CM_TRY(cm_manifest_continue(found, header, shard));
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)existing, i, line) {
        if (strcmp(cm_json_text_or(line, "kind", ""), "picture") != 0) continue;
        side *s = &e->sides[!strcmp(cm_json_text_or(line, "side", ""), cm_side_names[CM_REFERENCE])];
        const size_t index = cm_json_size_or(line, "index", SIZE_MAX);
        if (index < s->begin || index >= s->end || !s->done) return cm_fail(CM_EFORMAT, "line %zu: no picture of this run", i + 1);
        if (!s->done[index]) e->counts.scored++;
        s->done[index] = true;
    }
    return CM_OK;
}

static cm_status open_records(evaluation *e, json_t *header) {
    const cm_evaluation_options *o = e->options;
    char *path = cm_arena_print(&e->arena, "%s/records.jsonl", o->folder), *features = cm_arena_print(&e->arena, "%s/features", o->folder);
    json_t *existing = NULL;
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_folder_lock_take(&e->folder, o->folder));
    CM_TRY(cm_make_dirs(features));
    if (o->fresh && cm_path_exists(path) && unlink(path) != 0) return cm_fail(CM_EIO, "%s: cannot remove", path);
    if (cm_path_exists(path)) CM_TRY(cm_record_lines_check(path));
    CM_TRY(cm_records_open(&e->records, path, &existing));
    cm_status s = CM_OK;
    if (json_array_size(existing) == 0) s = cm_records_add(e->records, header);
    else if ((s = take_over(e, existing, header)) != CM_OK) s = cm_fail_in(s, "%s", path);
    json_decref(existing);
    return s;
}

static cm_status open_stores(evaluation *e) {
    for (int i = 0; i < CM_SIDES; i++) {
        side *s = &e->sides[i];
        if (!s->source) continue;
        for (size_t c = 0; c < e->plan.column_count; c++) {
            const cm_feature_column *column = &e->plan.columns[c];
            if (e->options->fresh) unlink(cm_column_path(e->options->folder, (cm_side)i, column->name, &e->arena));
            CM_TRY(cm_arena_check(&e->arena));
            CM_TRY(cm_column_open(e->options->folder, (cm_side)i, column->name, s->end - s->begin, column->width, true, &e->arena,
                                   &s->stores[c]));
        }
        for (size_t k = s->begin; k < s->end; k++)
            if (!s->done[k]) s->todo[s->todo_count++] = k;
    }
    return CM_OK;
}

/* --- all of it -------------------------------------------------------------------------- */

static cm_status finish(evaluation *e, double started) {
    const cm_evaluation_options *o = e->options;
    char *path = cm_arena_print(&e->arena, "%s/records.jsonl", o->folder);
    json_t *lines = NULL;
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_jsonl_read(path, &lines));
    const cm_status s = cm_evaluation_finish(o->folder, lines, started, e->records);
    json_decref(lines);
    return s;
}

/* What the pass over one side has cost. */
static cm_status record_pass(evaluation *e, double seconds) {
    if (e->sides[e->at].todo_count == 0) return CM_OK;
    json_t *o = json_pack("{s:s, s:s, s:I, s:f, s:f}", "kind", "pass", "side", cm_side_names[e->at], "count",
                          (json_int_t)e->sides[e->at].todo_count, "seconds", seconds, "peak_rss_mb", cm_peak_rss_mb());
    const cm_status s = cm_records_add(e->records, o);
    json_decref(o);
    return s;
}

static cm_status work(evaluation *e, double started) {
    const cm_evaluation_options *o = e->options;
    CM_TRY(cm_plan_choose(o, &e->arena, &e->plan));
    CM_TRY(open_lists(e));
    CM_TRY(check_sizes(e));
    CM_TRY(cm_plan_open(o, &e->arena, &e->plan));
    json_t *header = header_of(e);
    const cm_status s = open_records(e, header);
    json_decref(header);
    CM_TRY(s);
    CM_TRY(open_stores(e));
    CM_TRY(cm_crew_open(&e->crew, o->backend, o->threads));
    for (int i = 0; i < CM_SIDES; i++) {
        if (!e->sides[i].source) continue;
        e->at = (cm_side)i;
        const double began = cm_now();
        CM_TRY(cm_crew_run_by(&e->crew, cm_side_names[i], e->sides[i].todo_count, o->batch, look, e));
        cm_picture_source_warn(e->sides[i].source);
        CM_TRY(record_pass(e, cm_now() - began));
    }
    if (e->counts.scored == 0) return cm_fail(CM_EUNDEFINED, "%s: not one picture could be scored", o->images);
    return o->shards ? CM_OK : finish(e, started);
}

cm_status cm_evaluate(const cm_evaluation_options *o, cm_evaluation_counts *counts) {
    evaluation e = {.options = o};
    for (int i = 0; i < CM_SIDES; i++)
        for (size_t c = 0; c < CM_EVAL_METRICS; c++) e.sides[i].stores[c].file = -1;
    cm_arena_init(&e.arena, 0);
    pthread_mutex_init(&e.lock, NULL);
    const cm_status s = work(&e, cm_now());
    *counts = e.counts;
    cm_crew_close(&e.crew);
    cm_records_close(&e.records);
    cm_folder_lock_release(&e.folder);
    cm_plan_close(&e.plan);
    for (int i = 0; i < CM_SIDES; i++) {
        cm_picture_source_close(&e.sides[i].source);
        for (size_t c = 0; c < CM_EVAL_METRICS; c++) cm_feature_store_close(&e.sides[i].stores[c]);
    }
    pthread_mutex_destroy(&e.lock);
    cm_arena_free(&e.arena);
    return s;
}
