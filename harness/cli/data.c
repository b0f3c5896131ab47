// SPDX-License-Identifier: Apache-2.0
/* cosmicman data: drawn people as a data set, the nano vocabulary, prompt sets. docs/DATA.md tells the layout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/data/people/people.h"
#include "core/data/people/people_words.h"
#include "core/io/image.h"
#include "core/io/jsonl.h"
#include "harness/cli/choose.h"

enum { BLOCK = 64, MAX_WORKERS = 64 };

static json_t *classes_json(uint32_t bits) {
    json_t *a = json_array();
    for (int c = 0; c < CM_CLASSES; c++)
        if (bits >> c & 1) json_array_append_new(a, json_integer(c));
    return a;
}

static json_t *phrase_json(const cm_phrase *p) {
    json_t *o = json_object(), *attributes = json_object();
    for (size_t i = 0; i < p->attribute_count; i++)
        json_object_set_new(attributes, p->attributes[i].key, json_string(p->attributes[i].value));
    json_object_set_new(o, "group", json_integer(p->group));
    json_object_set_new(o, "name", json_string(p->group < 0 ? "shot" : cm_groups[p->group].name));
    json_object_set_new(o, "text", json_string(p->text));
    json_object_set_new(o, "begin", json_integer((json_int_t)p->begin));
    json_object_set_new(o, "end", json_integer((json_int_t)p->end));
    json_object_set_new(o, "classes", classes_json(p->classes));
    json_object_set_new(o, "attributes", attributes);
    return o;
}

static json_t *phrases_json(const cm_description *d, size_t from) {
    json_t *a = json_array();
    for (size_t i = from; i < d->count; i++) json_array_append_new(a, phrase_json(&d->phrases[i]));
    return a;
}

/* --- people ------------------------------------------------------------------------------ */

typedef struct people_job {
    const char *out; /* folder, when there is no page */
    uint64_t seed;
    size_t width, height, first, count;
    cm_people_options options;
    cm_arena arenas[MAX_WORKERS];
    cm_status status[BLOCK];
    char why[BLOCK][256];
    json_t *lines[BLOCK];
    cm_image page; /* pixels NULL: none */
    size_t columns;
} people_job;

static void paste(people_job *j, size_t index, const cm_image *picture) {
    const size_t x = index % j->columns * j->width, y = index / j->columns * j->height;
    for (size_t row = 0; row < j->height; row++)
        memcpy(j->page.pixels + ((y + row) * j->page.width + x) * 3, picture->pixels + row * j->width * 3,
               j->width * 3);
}

static cm_status write_person(people_job *j, const cm_person *p, const cm_drawing *d, size_t index, cm_arena *a,
                              json_t **line) {
    const struct {
        const char *folder;
        const cm_image *image;
    } files[] = {{"images", &d->picture}, {"classes", &d->classes}, {"groups", &d->groups}};
    for (size_t i = 0; i < 3; i++) {
        char *path = cm_arena_print(a, "%s/%s/%06zu.png", j->out, files[i].folder, index);
        CM_TRY(cm_arena_check(a));
        CM_TRY(cm_image_write_png(path, files[i].image, NULL));
    }
    cm_description dense;
    CM_TRY(cm_person_describe(p, p->seed, 0, a, &dense));
    const char *id = cm_arena_print(a, "%06zu", index), *poor = cm_person_alt_text(p, p->seed, a);
    CM_TRY(cm_arena_check(a));
    *line = json_pack("{s:s, s:I, s:s+, s:s+, s:s+, s:I, s:I, s:b, s:s, s:s, s:o}", "id", id, "seed",
                      (json_int_t)p->seed, "image", "images/", cm_arena_print(a, "%s.png", id), "classes", "classes/",
                      cm_arena_print(a, "%s.png", id), "groups", "groups/", cm_arena_print(a, "%s.png", id), "width",
                      (json_int_t)j->width, "height", (json_int_t)j->height, "simple", j->options.simple, "alt_text",
                      poor, "description", dense.text, "phrases", phrases_json(&dense, 0));
    return *line ? CM_OK : cm_fail(CM_ENOMEM, "no memory for a line of labels");
}

static cm_status make_person(people_job *j, size_t index, cm_arena *a, json_t **line) {
    cm_person p;
    cm_drawing d;
    cm_person_sample(&p, &j->options, j->seed + index);
    CM_TRY(cm_person_draw(&p, j->width, j->height, a, &d));
    if (!j->page.pixels) return write_person(j, &p, &d, index, a, line);
    paste(j, index, &d.picture);
    return CM_OK;
}

static void one_person(void *arg, size_t i, int worker) {
    people_job *j = arg;
    cm_arena *a = &j->arenas[worker];
    j->status[i] = cm_interrupted()
                       ? cm_fail(CM_EINTERRUPTED, "stopped after %zu people; the same command goes on", j->first + i)
                       : make_person(j, j->first + i, a, &j->lines[i]);
    if (j->status[i] != CM_OK) snprintf(j->why[i], sizeof j->why[i], "%s", cm_why());
    cm_arena_clear(a);
}

static cm_status add_lines(people_job *j, cm_records *records, size_t n) {
    cm_status s = CM_OK;
    for (size_t i = 0; i < n; i++) {
        if (s == CM_OK && j->status[i] != CM_OK) s = cm_fail(j->status[i], "%s", j->why[i]);
        if (s == CM_OK && records) s = cm_records_add(records, j->lines[i]);
        json_decref(j->lines[i]);
        j->lines[i] = NULL;
    }
    return s;
}

/* What is already there must be the beginning of the same set. */
static cm_status check_existing(const people_job *j, const json_t *lines) {
    const json_t *first = json_array_get(lines, 0);
    if (!first) return CM_OK;
    size_t width = 0, height = 0;
    const json_int_t seed = json_integer_value(json_object_get(first, "seed"));
    CM_TRY(cm_json_size(first, "width", &width));
    CM_TRY(cm_json_size(first, "height", &height));
    const bool simple = cm_json_bool_or(first, "simple", false);
    if ((uint64_t)seed != j->seed || width != j->width || height != j->height || simple != j->options.simple)
        return cm_fail(CM_EUSAGE,
                       "%s holds %speople of %zux%zu from seed %" JSON_INTEGER_FORMAT
                       ": give the same, or another folder",
                       j->out, simple ? "simple " : "", width, height, seed);
    return CM_OK;
}

static cm_status open_set(people_job *j, cm_arena *a, cm_records **records, cm_folder_lock *lock) {
    static const char *const folders[] = {"images", "classes", "groups"};
    json_t *lines = NULL;
    CM_TRY(cm_folder_lock_take(lock, j->out));
    for (size_t i = 0; i < 3; i++) {
        char *path = cm_arena_print(a, "%s/%s", j->out, folders[i]);
        CM_TRY(cm_arena_check(a));
        CM_TRY(cm_make_dirs(path));
        cm_parts_clean(path);
    }
    char *path = cm_arena_print(a, "%s/labels.jsonl", j->out);
    CM_TRY(cm_arena_check(a));
    CM_TRY(cm_records_open(records, path, &lines));
    const cm_status s = check_existing(j, lines);
    j->first = json_array_size(lines);
    json_decref(lines);
    return s;
}

/* records NULL: onto the page */
static cm_status draw_people(people_job *j, cm_records *records) {
    const int threads = cm_threads_available() < MAX_WORKERS ? cm_threads_available() : MAX_WORKERS;
    cm_progress bar;
    cm_progress_begin(&bar, "people", "picture", 0, j->count);
    cm_status s = CM_OK;
    while (j->first < j->count && s == CM_OK) {
        const size_t left = j->count - j->first, n = left < BLOCK ? left : BLOCK;
        cm_parallel(threads, n, one_person, j);
        s = add_lines(j, records, n);
        j->first += n;
        cm_progress_step(&bar, j->first, NULL);
        if (s == CM_OK && cm_interrupted() && j->first < j->count)
            s = cm_fail(CM_EINTERRUPTED, "stopped after %zu people; the same command goes on", j->first);
    }
    cm_progress_end(&bar);
    return s;
}

static cm_status make_page(people_job *j, const char *path, cm_arena *a) {
    CM_TRY(cm_check_writable(path));
    CM_TRY(cm_image_check_name(path));
    j->columns = (size_t)ceil(sqrt((double)(j->count * j->height) * 1.6 / (double)j->width));
    if (j->columns > j->count) j->columns = j->count;
    const size_t rows = (j->count + j->columns - 1) / j->columns;
    CM_TRY(cm_image_new(a, j->columns * j->width, rows * j->height, 3, &j->page));
    memset(j->page.pixels, 255, j->page.width * j->page.height * 3);
    CM_TRY(draw_people(j, NULL));
    return cm_image_write(path, &j->page, NULL);
}

static cm_status make_set(people_job *j, cm_arena *a) {
    cm_records *records = NULL;
    cm_folder_lock lock = {0};
    cm_status s = open_set(j, a, &records, &lock);
    if (s == CM_OK) s = draw_people(j, records);
    cm_records_close(&records);
    cm_folder_lock_release(&lock);
    return s;
}

static cm_status check_seed(uint64_t seed) {
    return seed >> 62 ? cm_fail(CM_EUSAGE, "--seed: people's seeds are below 2^62 (docs/DATA.md)") : CM_OK;
}

static cm_status data_people(const cm_args *args, cm_arena *a) {
    people_job *j = CM_PUSH_ZERO(a, people_job, 1);
    CM_TRY(cm_arena_check(a));
    j->out = cm_arg_text(args, "out");
    j->seed = cm_arg_u64(args, "seed");
    j->count = cm_arg_size(args, "count");
    j->width = cm_arg_size(args, "width");
    j->height = cm_arg_size(args, "height");
    j->options.simple = cm_arg_flag(args, "simple");
    const char *page = cm_arg_text(args, "page");
    if (!j->out == !page)
        return cm_fail(CM_EUSAGE,
                       "data people: give either --out DIR for a data set or --page FILE.png for a page to look at");
    if (j->width < 8 || j->width > 4096 || j->height < 8 || j->height > 4096)
        return cm_fail(CM_EUSAGE, "--width, --height: %zux%zu; sides are 8 to 4096", j->width, j->height);
    if (j->count == 0) return cm_fail(CM_EUSAGE, "--count: nothing to draw");
    CM_TRY(check_seed(j->seed));
    const cm_status s = page ? make_page(j, page, a) : make_set(j, a);
    for (int i = 0; i < MAX_WORKERS; i++) cm_arena_free(&j->arenas[i]);
    return s;
}

/* --- vocabulary -------------------------------------------------------------------------- */

static cm_status data_vocabulary(const cm_args *args, cm_arena *a) {
    (void)a;
    const char *out = cm_arg_text(args, "out");
    if (!out) return cm_fail(CM_EUSAGE, "data vocabulary: give --out DIR");
    return cm_people_write_tokenizer(out);
}

/* --- prompts ----------------------------------------------------------------------------- */

static cm_status prompt_line(const cm_people_options *options, uint64_t seed, size_t index, cm_arena *a,
                             json_t **line) {
    cm_person p;
    cm_description d;
    char id[32];
    cm_person_sample(&p, options, seed);
    CM_TRY(cm_person_describe(&p, p.seed, 0, a, &d));
    snprintf(id, sizeof id, "p%04zu", index + 1);
    *line = json_pack("{s:s, s:s, s:I, s:o}", "id", id, "prompt", d.text, "seed_of_person", (json_int_t)p.seed,
                      "groups", phrases_json(&d, 1));
    return *line ? CM_OK : cm_fail(CM_ENOMEM, "no memory for a prompt");
}

/* A name of another ending would be read as another format. */
static cm_status check_prompts_name(const char *out) {
    const char *slash = strrchr(out, '/'), *dot = strrchr(slash ? slash : out, '.');
    if (!dot || strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0) return CM_OK;
    return cm_fail(CM_EUSAGE, "--out: %s: prompts are written as JSON lines (.jsonl)", out);
}

static cm_status data_prompts(const cm_args *args, cm_arena *a) {
    const char *out = cm_arg_text(args, "out");
    if (!out) return cm_fail(CM_EUSAGE, "data prompts: give --out FILE.jsonl");
    if (cm_arg_size(args, "count") == 0) return cm_fail(CM_EUSAGE, "--count: 0 is no prompts");
    CM_TRY(check_seed(cm_arg_u64(args, "seed")));
    CM_TRY(cm_check_writable(out));
    CM_TRY(check_prompts_name(out));
    const cm_people_options options = {.pairs = cm_arg_flag(args, "held-out") ? CM_PAIRS_HELD_OUT : CM_PAIRS_ALL};
    json_t *lines = json_array();
    cm_status s = lines ? CM_OK : cm_fail(CM_ENOMEM, "no memory for the prompts");
    for (size_t i = 0; i < cm_arg_size(args, "count") && s == CM_OK; i++) {
        json_t *line = NULL;
        s = prompt_line(&options, cm_arg_u64(args, "seed") + i, i, a, &line);
        if (s == CM_OK && json_array_append_new(lines, line) != 0) s = cm_fail(CM_ENOMEM, "no memory for the prompts");
    }
    if (s == CM_OK) s = cm_jsonl_write(out, lines);
    json_decref(lines);
    return s;
}

/* What the kind does not read would change nothing. */
static cm_status check_options(const cm_args *args, const char *kind) {
    static const struct {
        const char *option, *kinds;
    } reads[] = {
        {"count", "people or prompts"}, {"seed", "people or prompts"}, {"page", "people"},     {"width", "people"},
        {"height", "people"},           {"simple", "people"},          {"held-out", "prompts"}};
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        if (cm_arg_given(args, reads[i].option) && !strstr(reads[i].kinds, kind))
            return cm_fail(CM_EUSAGE, "--%s means nothing to data %s; it goes with data %s", reads[i].option, kind,
                           reads[i].kinds);
    return CM_OK;
}

static int run(const cm_args *args) {
    static const struct {
        const char *name;
        cm_status (*make)(const cm_args *args, cm_arena *a);
    } kinds[] = {{"people", data_people}, {"vocabulary", data_vocabulary}, {"prompts", data_prompts}};
    const char *const *words;
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_arg_words(args, &words);
    cm_status s = check_options(args, words[0]);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && s == CM_OK; i++)
        if (strcmp(kinds[i].name, words[0]) == 0) s = kinds[i].make(args, &a);
    cm_arena_free(&a);
    return s == CM_OK ? 0 : cm_exit_for(s);
}

static const cm_option options[] = {
    {"count", CM_OPT_SIZE, "N", "100", "number of people or prompts"},
    {"seed", CM_OPT_U64, "S", "0", "the first person's seed; the next persons have the next seeds"},
    {"out", CM_OPT_TEXT, "DIR", NULL, "the folder to write (prompts: the file)"},
    {"page", CM_OPT_TEXT, "FILE", NULL, "people: write one image that shows all of them"},
    {"width", CM_OPT_SIZE, "N", "64", "people: width of an image in pixels"},
    {"height", CM_OPT_SIZE, "N", "96", "people: height of an image in pixels"},
    {"simple", CM_OPT_FLAG, NULL, NULL, "people: plain backgrounds and few poses"},
    {"held-out", CM_OPT_FLAG, NULL, NULL,
     "prompts: of people with a garment in a colour that a recipe's \"pairs\": \"seen\" keeps out of training"},
    {0},
};

const cm_command cm_command_data = {
    "data",
    "draw people, and write their prompts or vocabulary",
    options,
    "people|vocabulary|prompts",
    "people      writes images, parsing maps and labels.jsonl to --out DIR; the same command continues a stopped run\n"
    "vocabulary  writes the nano tokenizer's files to --out DIR\n"
    "prompts     writes dense descriptions of people to --out FILE.jsonl",
    run};
