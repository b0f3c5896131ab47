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
    bool needed[CM_EVAL_METRICS];   /* by feed: does a picture of todo lack what is made from it? */
    cm_side_lines known;            /* of the folder that is gone on with */
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
    json_t *header;                 /* of the folder: of this plan, and of what was asked of it before */
    cm_records *records;
    json_t *pending;                /* records whose features may not be on disk yet */
    double written;                 /* when there were none the last time */
    bool finished;                  /* all that is asked for was there */
    pthread_mutex_t lock;           /* of records and counts */
    cm_evaluation_counts counts;
    size_t doubtful;                /* pictures whose prompt looks wrongly decoded */
} evaluation;

/* Which outputs of a feed this side wants, as bits; none where all pictures have been seen by it. */
static unsigned wanted_of(const evaluation *e, size_t feed) {
    if (!e->sides[e->at].needed[feed]) return 0;
    return e->at == CM_PICTURES ? e->plan.feeds[feed].wanted : e->plan.feeds[feed].stored;
}

/* --- one batch ------------------------------------------------------------------ */

typedef struct batch {
    size_t count;
    const size_t *index;            /* in the list */
    cm_image *pictures;             /* their sizes; the pixels are gone */
    float *pixels[CM_EVAL_METRICS]; /* by feed: [count,height,width,3], made ready; NULL: not wanted */
    bool *doubtful;                 /* a score's text looks wrongly decoded */
    const char **trouble;           /* why a picture cannot be scored, or NULL */
    json_t **scores, **read;        /* of text scores */
    json_t **texts;                 /* which were looked for */
    json_t **features;              /* hashes of the rows, by column */
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
            char hash[CM_FEATURE_HASH];
            const float *row = out[column->output] + i * column->width;
            CM_TRY(cm_feature_store_write(&s->stores[c], b->index[rows[i]] - s->begin, row));
            cm_feature_hash(row, column->width, hash);
            json_object_set_new(b->features[rows[i]], column->name, json_string(hash));
        }
    }
    return CM_OK;
}

/* One score of the pictures that have a prompt; embeddings [count,width]. */
static cm_status score_prompts(const evaluation *e, const cm_metric *p, const cm_extractor *x, batch *b, const size_t *rows, size_t count,
                               const float *embeddings, cm_worker_place *w) {
    const size_t width = cm_extractor_width(x, CM_OUT_FEATURES);
    const cm_description **prompts = CM_PUSH(&w->scratch, const cm_description *, count);
    size_t *which = CM_PUSH(&w->scratch, size_t, count), n = 0;
    float *pictures = CM_PUSH(&w->scratch, float, count * width);
    cm_text_score *scores = CM_PUSH(&w->scratch, cm_text_score, count);
    const char *label = cm_metric_label(p, cm_extractor_label(x), 0, &w->scratch);
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t i = 0; i < count; i++) {
        const cm_description *prompt = e->sides[CM_PICTURES].prompts[b->index[rows[i]]];
        if (!prompt || b->trouble[rows[i]]) continue;
        memcpy(pictures + n * width, embeddings + i * width, width * sizeof *pictures);
        prompts[n] = prompt;
        which[n++] = rows[i];
    }
    CM_TRY(cm_text_image_scores(p->of_text, x, &w->g, pictures, prompts, n, &w->scratch, scores));
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(b->texts[which[i]], label, json_true());
        if (scores[i].doubtful) b->doubtful[which[i]] = true;
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
    if (e->at == CM_REFERENCE || !cm_extractor_reads(x)) return CM_OK;
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
    if (json_object_size(b->features[k])) json_object_set(o, "features", b->features[k]);
    if (json_object_size(b->texts[k])) json_object_set(o, "texts", b->texts[k]);
    if (json_object_size(b->scores[k])) {
        json_object_set(o, "scores", b->scores[k]);
        json_object_set(o, "read", b->read[k]);
    }
    return o;
}

enum { TOGETHER = 64, MOST_SECONDS = 2 }; /* pictures whose features are synced at once; what a kill may cost */

/* A record says that features are there: so they must be first. */
static cm_status write_pending(evaluation *e) {
    size_t i;
    json_t *line;
    e->written = cm_now();
    if (json_array_size(e->pending) == 0) return CM_OK;
    for (int k = 0; k < CM_SIDES; k++)
        for (size_t c = 0; c < e->plan.column_count; c++)
            if (e->sides[k].source) CM_TRY(cm_feature_store_sync(&e->sides[k].stores[c]));
    json_array_foreach(e->pending, i, line) CM_TRY(cm_records_add(e->records, line));
    json_array_clear(e->pending);
    return CM_OK;
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
        if (b->doubtful[k])
            cm_warn_counted(&e->doubtful, "the prompt of %s looks wrongly decoded: the score's own package would repair it first",
                            cm_picture_source_path(e->sides[e->at].source, b->index[k]));
        if (!o || json_array_append_new(e->pending, o) != 0) s = cm_fail(CM_ENOMEM, "out of memory");
    }
    const bool due = json_array_size(e->pending) >= TOGETHER || cm_now() - e->written > MOST_SECONDS;
    if (s == CM_OK && due) s = write_pending(e);
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
               .doubtful = CM_PUSH_ZERO(&w->scratch, bool, count),
               .trouble = CM_PUSH_ZERO(&w->scratch, const char *, count),
               .scores = CM_PUSH_ZERO(&w->scratch, json_t *, count),
               .read = CM_PUSH_ZERO(&w->scratch, json_t *, count),
               .texts = CM_PUSH_ZERO(&w->scratch, json_t *, count),
               .features = CM_PUSH_ZERO(&w->scratch, json_t *, count)};
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t k = 0; k < count; k++) {
        b.scores[k] = json_object();
        b.read[k] = json_object();
        b.texts[k] = json_object();
        b.features[k] = json_object();
    }
    const cm_status status = look_at(e, &b, w);
    for (size_t k = 0; k < count; k++) {
        json_decref(b.scores[k]);
        json_decref(b.read[k]);
        json_decref(b.texts[k]);
        json_decref(b.features[k]);
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

/* The scores are made from the records, which hold text: a file of statistics is found again by its name there. */
static cm_status check_text(evaluation *e, const char *option, const char *path) {
    const char *text = cm_printable_path(path, &e->arena);
    CM_TRY(cm_arena_check(&e->arena));
    return text == path ? CM_OK : cm_fail(CM_EUSAGE, "%s: %s: a name that is not UTF-8 cannot be recorded; rename the file", option, text);
}

static cm_status open_lists(evaluation *e) {
    const cm_evaluation_options *o = e->options;
    const cm_needs_reference needs = cm_plan_needs(&e->plan);
    CM_TRY(open_side(e, CM_PICTURES, o->images));
    if (o->prompts) CM_TRY(cm_prompt_set_read(o->prompts, &(cm_prompt_reading){.column = o->column}, &e->arena, &e->prompts));
    CM_TRY(match_prompts(e));
    e->statistics = o->reference && cm_statistics_is(o->reference);
    if (e->statistics) CM_TRY(check_text(e, "--reference", o->reference));
    if (o->statistics) CM_TRY(check_text(e, "--save-statistics", o->statistics));
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

static cm_status open_stores(evaluation *e) {
    for (int i = 0; i < CM_SIDES; i++) {
        side *s = &e->sides[i];
        for (size_t c = 0; c < e->plan.column_count && s->source; c++) {
            const cm_feature_column *column = &e->plan.columns[c];
            if (e->options->fresh) unlink(cm_column_path(e->options->folder, (cm_side)i, column->name, &e->arena));
            CM_TRY(cm_arena_check(&e->arena));
            CM_TRY(cm_column_open(e->options->folder, (cm_side)i, column->name, s->end - s->begin, column->width, true, &e->arena,
                                   &s->stores[c]));
        }
    }
    return CM_OK;
}

/* Takes the hashes of rows that are not those on disk out of what the records say; lost: how many. */
static cm_status check_rows(cm_side_lines *known, const char *column, const cm_feature_store *store, size_t *lost) {
    cm_feature_view view;
    CM_TRY(cm_feature_store_map(store, &view));
    for (size_t i = 0; i < known->end - known->begin && !cm_interrupted(); i++) {
        char hash[CM_FEATURE_HASH];
        const char *told = cm_line_feature(known->lines[i], column);
        if (!cm_line_is(known->lines[i], "picture") || !told) continue;
        cm_feature_hash(view.values + i * store->width, store->width, hash);
        if (strcmp(hash, told) == 0) continue;
        json_object_del(json_object_get(known->lines[i], "features"), column);
        ++*lost;
    }
    cm_feature_view_close(&view);
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : CM_OK;
}

/* A column of metrics that were asked for before, and are not now: nothing can be read again. */
static cm_status check_old_column(evaluation *e, cm_side which, const json_t *column) {
    const char *name = cm_json_text_or(column, "name", "");
    cm_side_lines *known = &e->sides[which].known;
    cm_feature_store store = {.file = -1};
    size_t lost = 0;
    cm_status s = cm_column_open(e->options->folder, which, name, known->end - known->begin, cm_json_size_or(column, "width", 0), false,
                                 &e->arena, &store);
    if (s == CM_OK) s = check_rows(known, name, &store, &lost);
    cm_feature_store_close(&store);
    for (size_t i = 0; s == CM_OK && i < known->end - known->begin; i++)
        if (cm_line_is(known->lines[i], "picture") && !cm_line_feature(known->lines[i], name)) lost++;
    if (s == CM_OK && !lost) return CM_OK;
    if (s == CM_EINTERRUPTED) return s;
    return cm_fail(CM_EUSAGE, "%s: features of earlier metrics (%s) are incomplete; name those metrics too, or --fresh begins anew",
                   e->options->folder, name);
}

static size_t find_column(const cm_plan *p, const char *name) {
    size_t c = 0;
    while (c < p->column_count && strcmp(p->columns[c].name, name) != 0) c++;
    return c;
}

/* The features on disk against what the records say of them. */
static cm_status check_features(evaluation *e) {
    size_t k, lost = 0;
    json_t *column;
    json_array_foreach(json_object_get(json_object_get(e->header, "plan"), "columns"), k, column) {
        const char *name = cm_json_text_or(column, "name", "");
        const size_t c = find_column(&e->plan, name);
        for (int i = 0; i < CM_SIDES; i++) {
            side *s = &e->sides[i];
            if (!s->known.lines || s->known.end == s->known.begin) continue;
            if (c < e->plan.column_count && s->source) CM_TRY(check_rows(&s->known, name, &s->stores[c], &lost));
            else CM_TRY(check_old_column(e, (cm_side)i, column));
        }
    }
    if (lost) cm_warn("%s: %zu rows of features are not what the records tell of; their pictures are looked at again", e->options->folder, lost);
    return CM_OK;
}

/* --- what is left to do ------------------------------------------------------------------ */

/* Does the picture lack a row or a text score that is made from this feed? */
static bool lacks(const evaluation *e, cm_side which, size_t picture, const json_t *line, size_t feed) {
    const bool seen = cm_line_is(line, "picture");
    for (size_t c = 0; c < e->plan.column_count; c++)
        if (e->plan.columns[c].feed == feed && !(seen && cm_line_feature(line, e->plan.columns[c].name))) return true;
    if (which == CM_REFERENCE) return false;
    for (size_t m = 0; m < e->plan.metric_count; m++) {
        const cm_metric *p = e->plan.metrics[m];
        if (!p->of_text || e->plan.feed_of[m] != feed) continue;
        if (!seen) return true;
        const char *label = cm_extractor_label(e->plan.extractors[e->plan.feeds[feed].network]);
        char name[128];
        snprintf(name, sizeof name, "%s%s%s%s", p->name, *label ? "[" : "", label, *label ? "]" : "");
        if (e->sides[which].prompts[picture] && !json_object_get(json_object_get(line, "texts"), name)) return true;
    }
    return false;
}

static void list_todo(evaluation *e) {
    for (int i = 0; i < CM_SIDES; i++) {
        side *s = &e->sides[i];
        for (size_t k = s->begin; k < s->end && s->source; k++) {
            const json_t *line = s->known.lines ? s->known.lines[k - s->known.begin] : NULL;
            bool any = !cm_line_is(line, "picture");
            for (size_t f = 0; f < e->plan.feed_count; f++) {
                if (!lacks(e, (cm_side)i, k, line, f)) continue;
                any = s->needed[f] = true;
            }
            if (any) s->todo[s->todo_count++] = k;
            else e->counts.scored++;
        }
    }
}

static void count_known(evaluation *e) {
    for (int i = 0; i < CM_SIDES; i++) {
        const cm_side_lines *known = &e->sides[i].known;
        for (size_t k = 0; known->lines && k < known->end - known->begin; k++) {
            e->counts.scored += cm_line_is(known->lines[k], "picture");
            e->counts.failed += cm_line_is(known->lines[k], "failed");
        }
    }
}

static cm_status read_known(evaluation *e, const json_t *existing) {
    for (int i = 0; i < CM_SIDES; i++) {
        side *s = &e->sides[i];
        const json_t *list = json_object_get(json_object_get(e->header, "lists"), cm_side_names[i]);
        const size_t end = s->source ? s->end : cm_json_size_or(list, "count", 0);
        CM_TRY(cm_side_lines_read(&s->known, existing, (cm_side)i, s->begin, end));
    }
    return CM_OK;
}

/* What an earlier run left. Scores go, for they are made again; of each picture one line stays. */
static cm_status take_over(evaluation *e, const json_t *existing, const json_t *header, const char *path) {
    const json_t *found = json_array_get(existing, 0);
    CM_TRY(cm_evaluation_join_headers(found, header, &e->header));
    CM_TRY(read_known(e, existing));
    e->finished = cm_evaluation_is_done(existing) && json_equal(found, e->header);
    if (e->finished) {
        count_known(e);
        return CM_OK;
    }
    cm_side_lines known[CM_SIDES];
    CM_TRY(open_stores(e));
    CM_TRY(check_features(e));
    list_todo(e);
    for (int i = 0; i < CM_SIDES; i++) known[i] = e->sides[i].known;
    json_t *lines = cm_evaluation_lines(e->header, known, existing);
    const cm_status s = lines ? cm_jsonl_write(path, lines) : cm_fail(CM_ENOMEM, "out of memory");
    json_decref(lines);
    return s;
}

/* What is there, without the half of a line that a kill left; an empty array: nothing. */
static cm_status read_existing(const evaluation *e, const char *path, json_t **existing) {
    cm_records *r = NULL;
    if (e->options->fresh && cm_path_exists(path) && unlink(path) != 0) return cm_fail(CM_EIO, "%s: cannot remove", path);
    if (cm_path_exists(path)) CM_TRY(cm_record_lines_check(path));
    CM_TRY(cm_records_open(&r, path, existing));
    cm_records_close(&r);
    return CM_OK;
}

static cm_status open_records(evaluation *e, json_t *header) {
    const cm_evaluation_options *o = e->options;
    char *path = cm_arena_print(&e->arena, "%s/records.jsonl", o->folder), *features = cm_arena_print(&e->arena, "%s/features", o->folder);
    json_t *existing = NULL;
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_folder_lock_take(&e->folder, o->folder));
    CM_TRY(cm_make_dirs(features));
    CM_TRY(read_existing(e, path, &existing));
    const bool is_new = json_array_size(existing) == 0;
    cm_status s = is_new ? open_stores(e) : take_over(e, existing, header, path);
    json_decref(existing);
    if (s != CM_OK) return is_new ? s : cm_fail_in(s, "%s", path);
    if (e->finished) return CM_OK;
    if (is_new) list_todo(e);
    CM_TRY(cm_records_open(&e->records, path, NULL));
    return is_new ? cm_records_add(e->records, header) : CM_OK;
}

/* --- all of it -------------------------------------------------------------------------- */

static cm_status finish(evaluation *e, double started) {
    const cm_evaluation_options *o = e->options;
    char *path = cm_arena_print(&e->arena, "%s/records.jsonl", o->folder);
    json_t *lines = NULL;
    CM_TRY(cm_arena_check(&e->arena));
    cm_records_close(&e->records);
    CM_TRY(cm_jsonl_read(path, &lines));
    const cm_status s = cm_evaluation_finish(o->folder, lines, started);
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

static cm_status look_at_side(evaluation *e, cm_side which) {
    side *s = &e->sides[which];
    const double began = cm_now();
    e->at = which;
    const cm_status seen = cm_crew_run_by(&e->crew, cm_side_names[which], s->todo_count, e->options->batch, look, e);
    const cm_status kept = write_pending(e); /* what was made before a stop or a failure, too */
    if (seen != CM_OK && kept == CM_OK) return seen;
    CM_TRY(kept);
    cm_picture_source_warn(s->source);
    if (which == CM_PICTURES) cm_warn_rest(e->doubtful, "prompts look wrongly decoded");
    return record_pass(e, cm_now() - began);
}

static cm_status begin(evaluation *e) {
    json_t *header = header_of(e);
    const cm_status s = open_records(e, header);
    json_decref(header);
    CM_TRY(s);
    e->pending = json_array();
    return e->pending ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

static cm_status work(evaluation *e, double started) {
    const cm_evaluation_options *o = e->options;
    CM_TRY(cm_plan_choose(o, &e->arena, &e->plan));
    CM_TRY(open_lists(e));
    CM_TRY(check_sizes(e));
    CM_TRY(cm_plan_open(o, &e->arena, &e->plan));
    CM_TRY(begin(e));
    if (e->finished) {
        cm_note("%s: these scores are there, nothing is made again; --fresh begins anew", o->folder);
        return CM_OK;
    }
    CM_TRY(cm_crew_open(&e->crew, o->backend, o->threads));
    for (int i = 0; i < CM_SIDES; i++)
        if (e->sides[i].source) CM_TRY(look_at_side(e, (cm_side)i));
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
    json_decref(e.pending);
    json_decref(e.header);
    cm_folder_lock_release(&e.folder);
    cm_plan_close(&e.plan);
    for (int i = 0; i < CM_SIDES; i++) {
        cm_picture_source_close(&e.sides[i].source);
        cm_side_lines_close(&e.sides[i].known);
        for (size_t c = 0; c < CM_EVAL_METRICS; c++) cm_feature_store_close(&e.sides[i].stores[c]);
    }
    pthread_mutex_destroy(&e.lock);
    cm_arena_free(&e.arena);
    return s;
}
