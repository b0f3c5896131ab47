// SPDX-License-Identifier: Apache-2.0
/* The pass over images: each is read once, made ready for every network that wants it, and looked at. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/run/evaluation_networks_parts.h"

/* Which outputs of a feed this side wants, as bits; none where all images have been seen by it. */
static unsigned wanted_of(const cm_evaluation *e, size_t feed) {
    if (!e->at->needed[feed]) return 0;
    return e->at->kind == CM_SIDE_REFERENCE ? e->plan.feeds[feed].stored : e->plan.feeds[feed].wanted;
}

static bool parses(const cm_evaluation *e, size_t feed) {
    return e->at->needed[feed] && e->at->kind != CM_SIDE_REFERENCE && e->plan.feeds[feed].parse;
}

/* --- one batch ------------------------------------------------------------------ */

static cm_status fail_image(cm_batch *b, size_t k, cm_arena *scratch) {
    b->trouble[k] = cm_arena_string(scratch, cm_why());
    return cm_arena_check(scratch);
}

/* An image from elsewhere that the report shows: a copy inside the run's folder, no larger than a page wants. */
static cm_status show(const cm_evaluation *e, cm_batch *b, size_t k, cm_arena *whole) {
    const cm_side *s = e->at;
    const size_t row = b->rows[k], unit = row / s->images;
    const cm_image *image = &b->images[k];
    const size_t longest = image->width > image->height ? image->width : image->height;
    cm_image small = *image;
    const size_t of_prompt = row % s->images;
    char id[48];
    if (s->kind != CM_SIDE_ARM || !s->list.source || unit >= CM_SHOWN_IMAGES || of_prompt >= CM_SHOWN_OF_PROMPT)
        return CM_OK;
    if (longest > CM_SHOWN_SIDE)
        CM_TRY(cm_image_resize(image, (image->width * CM_SHOWN_SIDE + longest - 1) / longest,
                               (image->height * CM_SHOWN_SIDE + longest - 1) / longest, CM_BICUBIC, whole, &small));
    snprintf(id, sizeof id, of_prompt ? "%06zu-%zu" : "%06zu", unit, of_prompt); /* an id of elsewhere may be a path */
    const char *folder = cm_arena_print(whole, "%s/images/%s", e->options->folder, s->name);
    const char *relative = cm_arena_print(whole, "images/%s/%s.png", s->name, id),
               *path = cm_arena_print(whole, "%s/%s.png", folder, id);
    CM_TRY(cm_arena_check(whole));
    CM_TRY(cm_make_dirs(folder));
    CM_TRY(cm_image_write_png(path, &small, NULL));
    json_object_set_new(b->records[k], "picture", json_string(relative));
    return CM_OK;
}

/* Which image from elsewhere it was; an array's images are no files. */
static cm_status hash_source(const cm_evaluation *e, cm_batch *b, size_t k, cm_arena *whole) {
    char hash[65];
    const char *path = e->at->list.source ? cm_image_list_path(&e->at->list, b->rows[k], whole) : NULL;
    if (!path || cm_file_size(path) < 0) return CM_OK;
    CM_TRY(cm_sha_file(path, hash));
    json_object_set_new(b->records[k], "source_hash", json_string(hash));
    return CM_OK;
}

/* One image made ready for every feed that wants this side, at its place k of each feed's pixels. */
static cm_status prepare_image(const cm_evaluation *e, cm_batch *b, size_t k, cm_arena *whole, cm_arena *scratch) {
    CM_TRY(cm_image_list_read(&e->at->list, b->rows[k], whole, &b->images[k], &b->classes[k]));
    CM_TRY(hash_source(e, b, k, whole));
    for (size_t f = 0; f < e->plan.feed_count; f++) {
        size_t width, height;
        if (!b->pixels[f]) continue;
        cm_extractor_size(e->plan.extractors[e->plan.feeds[f].network], &width, &height);
        CM_TRY(cm_picture_prepare(e->plan.feeds[f].rule, &b->images[k], width, height, whole,
                                  b->pixels[f] + k * height * width * 3));
    }
    CM_TRY(show(e, b, k, whole));
    b->images[k].pixels = NULL;
    cm_image *c = &b->classes[k];
    uint8_t *kept = c->pixels ? CM_PUSH(scratch, uint8_t, c->width * c->height) : NULL;
    CM_TRY(cm_arena_check(scratch));
    if (kept) c->pixels = memcpy(kept, c->pixels, c->width * c->height);
    return CM_OK;
}

/* One damaged image does not cost the others; a stop or want of memory ends the batch. */
static bool only_this_one(cm_status s) {
    return s != CM_EINTERRUPTED && s != CM_ENOMEM && s != CM_EIO;
}

/* Decoded images can be hundreds of MB: each is brought to the networks' sizes and dropped before the next is read. */
static cm_status prepare_images(const cm_evaluation *e, cm_batch *b, cm_worker *w) {
    for (size_t f = 0; f < e->plan.feed_count; f++) {
        size_t width, height;
        if (!wanted_of(e, f) && !parses(e, f)) continue;
        cm_extractor_size(e->plan.extractors[e->plan.feeds[f].network], &width, &height);
        b->pixels[f] = CM_PUSH(&w->scratch, float, b->count *height *width * 3);
    }
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t k = 0; k < b->count; k++) {
        cm_arena whole;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        cm_arena_init(&whole, 0);
        const cm_status s = prepare_image(e, b, k, &whole, &w->scratch);
        cm_arena_free(&whole);
        if (s != CM_OK && cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (s != CM_OK) CM_TRY(only_this_one(s) || e->at->list.source ? fail_image(b, k, &w->scratch) : s);
    }
    return CM_OK;
}

/* The images that can still be scored, side by side: at[i] says which of the batch row i is. */
static void gather(const cm_extractor *x, const cm_batch *b, float *pixels, size_t *at, size_t *count) {
    size_t width, height, n = 0;
    cm_extractor_size(x, &width, &height);
    const size_t one = width * height * 3;
    for (size_t k = 0; k < b->count; k++) {
        if (b->trouble[k]) continue;
        if (n != k) memcpy(pixels + n * one, pixels + k * one, one * sizeof *pixels);
        at[n++] = k;
    }
    *count = n;
}

/* --- features ---------------------------------------------------------------------- */

static cm_status keep_features(const cm_evaluation *e, size_t feed, const cm_batch *b, const size_t *at, size_t count,
                               float *const out[CM_OUTPUTS]) {
    const cm_side *s = e->at;
    for (size_t c = 0; c < e->plan.column_count; c++) {
        const cm_feature_column *column = &e->plan.columns[c];
        if (column->feed != feed) continue;
        for (size_t i = 0; i < count; i++) {
            if (b->trouble[at[i]]) continue;
            char hash[CM_FEATURE_HASH];
            const float *row = out[column->output] + i * column->width;
            CM_TRY(cm_feature_store_write(&s->stores[c], b->rows[at[i]] - s->begin, row));
            cm_feature_hash(row, column->width, hash);
            json_object_set_new(cm_record_part(b->records[at[i]], "features"), column->name, json_string(hash));
        }
    }
    return CM_OK;
}

/* A network that finds a batch's features not finite looks at each image alone, so that only those that are at fault
 * fail. */
static cm_status run_network(const cm_extractor *x, cm_batch *b, const size_t *at, size_t count, const float *pixels,
                             float *const out[CM_OUTPUTS], cm_worker *w) {
    size_t width, height;
    cm_extractor_size(x, &width, &height);
    const cm_status s = cm_extractor_run(x, &w->g, pixels, count, out);
    if (s != CM_EUNDEFINED) return s;
    for (size_t i = 0; i < count; i++) {
        float *one[CM_OUTPUTS];
        for (int k = 0; k < CM_OUTPUTS; k++) one[k] = out[k] ? out[k] + i * cm_extractor_width(x, (cm_output)k) : NULL;
        const cm_status alone = cm_extractor_run(x, &w->g, pixels + i * width * height * 3, 1, one);
        if (alone == CM_EUNDEFINED) CM_TRY(fail_image(b, at[i], &w->scratch));
        else CM_TRY(alone);
    }
    return CM_OK;
}

/* --- a feed ------------------------------------------------------------------------------ */

static cm_status run_feed(const cm_evaluation *e, size_t feed, cm_batch *b, cm_worker *w) {
    const cm_feed *f = &e->plan.feeds[feed];
    const cm_extractor *x = e->plan.extractors[f->network];
    const unsigned wanted = wanted_of(e, feed);
    float *out[CM_OUTPUTS] = {0};
    size_t *at = CM_PUSH(&w->scratch, size_t, b->count), count = 0;
    if (!b->pixels[feed]) return CM_OK;
    CM_TRY(cm_arena_check(&w->scratch));
    gather(x, b, b->pixels[feed], at, &count);
    if (count == 0) return CM_OK;
    if (parses(e, feed)) CM_TRY(cm_batch_answer(e, feed, b, at, count, w));
    if (!wanted) return CM_OK;
    for (int i = 0; i < CM_OUTPUTS; i++)
        if (wanted & 1u << i) out[i] = CM_PUSH(&w->scratch, float, count *cm_extractor_width(x, (cm_output)i));
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(run_network(x, b, at, count, b->pixels[feed], out, w));
    CM_TRY(keep_features(e, feed, b, at, count, out));
    if (e->at->kind == CM_SIDE_REFERENCE || !cm_extractor_reads(x)) return CM_OK;
    return cm_batch_score_texts(e, feed, b, at, count, out[CM_OUT_FEATURES], w);
}

/* --- records ----------------------------------------------------------------------------------- */

static json_t *failed_record(const cm_evaluation *e, const cm_batch *b, size_t k, cm_arena *scratch) {
    const cm_side *s = e->at;
    json_t *o = json_pack("{s:s, s:I, s:s, s:s}", "kind", "failed", "index", (json_int_t)b->rows[k], "source",
                          cm_image_list_path(&s->list, b->rows[k], scratch), "note", b->trouble[k]);
    json_object_set_new(o, s->kind == CM_SIDE_ARM ? "arm" : "side", json_string(s->name));
    return o;
}

/* What was seen of an image, and of one from elsewhere which it is. */
static json_t *finish_record(const cm_evaluation *e, const cm_batch *b, size_t k, cm_arena *scratch) {
    const cm_side *s = e->at;
    const size_t row = b->rows[k];
    json_t *o = s->kind == CM_SIDE_ARM ? cm_evaluation_image(e, s, row)
                                       : json_pack("{s:s, s:I, s:s}", "kind", cm_side_lines[s->kind], "index",
                                                   (json_int_t)row, "id", cm_image_list_id(&s->list, row, scratch));
    if (s->list.source) json_object_set_new(o, "source", json_string(cm_image_list_path(&s->list, row, scratch)));
    if (s->kind == CM_SIDE_ARM && s->list.source && s->prompts[row / s->images])
        json_object_set_new(o, "groups", cm_evaluation_groups(s->prompts[row / s->images], NULL));
    json_object_set_new(o, "width", json_integer((json_int_t)b->images[k].width));
    json_object_set_new(o, "height", json_integer((json_int_t)b->images[k].height));
    json_object_update(o, b->records[k]);
    return o;
}

enum { TOGETHER = 64, MOST_SECONDS = 2 }; /* images whose features are synced at once; what a kill may cost */

/* A record says that features are there: so they must be first. */
static cm_status write_pending(cm_evaluation *e) {
    size_t i;
    json_t *line;
    e->written = cm_now();
    if (json_array_size(e->pending) == 0) return CM_OK;
    for (size_t c = 0; c < e->plan.column_count; c++) CM_TRY(cm_feature_store_sync(&e->at->stores[c]));
    json_array_foreach(e->pending, i, line) {
        CM_TRY(cm_evaluation_add(e, line));
        CM_TRY(cm_side_know(e->at, cm_json_size_or(line, "index", 0), line));
    }
    json_array_clear(e->pending);
    return CM_OK;
}

static cm_status record_batch(cm_evaluation *e, const cm_batch *b, cm_arena *scratch) {
    cm_status s = CM_OK;
    pthread_mutex_lock(&e->lock);
    for (size_t k = 0; k < b->count && s == CM_OK; k++) {
        json_t *o = b->trouble[k] ? failed_record(e, b, k, scratch) : finish_record(e, b, k, scratch);
        if (b->trouble[k]) cm_warn("%s", b->trouble[k]);
        if (b->trouble[k]) e->counts.failed++;
        else if (!e->at->list.drawn) e->counts.scored++; /* drawings are our own affair */
        if (b->doubtful[k])
            cm_warn_counted(&e->doubtful,
                            "the prompt of %s looks wrongly decoded: the score's own package would repair it first",
                            b->doubtful[k]);
        if (!o || json_array_append_new(e->pending, o) != 0) s = cm_fail(CM_ENOMEM, "out of memory");
    }
    const bool due = json_array_size(e->pending) >= TOGETHER || cm_now() - e->written > MOST_SECONDS;
    if (s == CM_OK && due) s = write_pending(e);
    pthread_mutex_unlock(&e->lock);
    return s;
}

static cm_status look_at(cm_evaluation *e, cm_batch *b, cm_worker *w) {
    CM_TRY(prepare_images(e, b, w));
    for (size_t f = 0; f < e->plan.feed_count; f++) CM_TRY(run_feed(e, f, b, w));
    return record_batch(e, b, &w->scratch);
}

static size_t batch_size(const cm_evaluation *e) {
    return e->options->batch ? e->options->batch : 8;
}

static cm_status look(void *arg, size_t first, cm_worker *w) {
    cm_evaluation *e = arg;
    const size_t left = e->at->todo_count - first, count = left < batch_size(e) ? left : batch_size(e);
    cm_batch b = {.count = count,
                  .rows = e->at->todo + first,
                  .images = CM_PUSH_ZERO(&w->scratch, cm_image, count),
                  .classes = CM_PUSH_ZERO(&w->scratch, cm_image, count),
                  .doubtful = CM_PUSH_ZERO(&w->scratch, const char *, count),
                  .trouble = CM_PUSH_ZERO(&w->scratch, const char *, count),
                  .records = CM_PUSH_ZERO(&w->scratch, json_t *, count)};
    CM_TRY(cm_arena_check(&w->scratch));
    for (size_t k = 0; k < count; k++) b.records[k] = json_object();
    const cm_status status = look_at(e, &b, w);
    for (size_t k = 0; k < count; k++) json_decref(b.records[k]);
    return status;
}

/* What the pass over one side has cost. */
static cm_status record_pass(cm_evaluation *e, double seconds) {
    json_t *o = json_pack("{s:s, s:s, s:I, s:f, s:f}", "kind", "pass", "side", e->at->name, "count",
                          (json_int_t)e->at->todo_count, "seconds", seconds, "peak_rss_mb", cm_peak_rss_mb());
    const cm_status s = cm_evaluation_add(e, o);
    json_decref(o);
    return s;
}

cm_status cm_evaluation_look(cm_evaluation *e, cm_side *s) {
    const double began = cm_now();
    e->at = s;
    CM_TRY(cm_evaluation_list_todo(e, s));
    if (s->todo_count == 0) return CM_OK;
    const cm_status seen = cm_worker_pool_run_by(&e->pool, s->name, s->todo_count, batch_size(e), look, e);
    const cm_status kept = write_pending(e); /* what was made before a stop or a failure, too */
    if (seen != CM_OK && kept == CM_OK) return seen;
    CM_TRY(kept);
    if (s->list.source) cm_picture_source_warn(s->list.source);
    cm_warn_rest(e->doubtful, "prompts look wrongly decoded");
    return record_pass(e, cm_now() - began);
}
