// SPDX-License-Identifier: Apache-2.0
/* Opening a folder: labels.jsonl and the files it names. */
#include <string.h>

#include "core/base/name_table.h"
#include "core/base/progress.h"
#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/data/labelled/labelled.h"
#include "core/io/inside.h"
#include "core/io/jsonl.h"

enum { FIRST_ROOM = 1024 };

static const cm_json_key line_keys[] = {
    {"id", CM_JSON_NAME},          {"image", CM_JSON_NAME},     {"classes", CM_JSON_NAME},    {"groups", CM_JSON_NAME},
    {"seed", CM_JSON_ANY},         {"width", CM_JSON_WHOLE, 1}, {"height", CM_JSON_WHOLE, 1}, {"simple", CM_JSON_BOOL},
    {"description", CM_JSON_TEXT}, {"alt_text", CM_JSON_TEXT},  {"phrases", CM_JSON_LIST},    {0}};

typedef struct reading {
    cm_labelled_set *set;
    cm_arena *out, scratch; /* scratch: of one line */
    cm_strays strays;
} reading;

/* --- files --------------------------------------------------------------------------- */

static bool leads_out(const char *file) {
    return file[0] == '/' || strcmp(file, "..") == 0 || strncmp(file, "../", 3) == 0 || strstr(file, "/../");
}

/* A file that is named must be there; what: the key, for messages. */
static cm_status take_file(reading *r, const char *what, const char *file, const char **path) {
    const char *whole = cm_arena_print(r->out, "%s/%s", r->set->folder, file);
    CM_TRY(cm_arena_check(r->out));
    if (leads_out(file)) return cm_fail(CM_EFORMAT, "%s %s leads out of the folder", what, file);
    if (!cm_path_exists(whole)) return cm_fail(CM_EFORMAT, "%s: %s is not there", what, whole);
    if (!cm_inside(r->set->folder, file, &r->scratch))
        return cm_fail(CM_EFORMAT, "%s: %s is no file inside the folder", what, whole);
    *path = whole;
    return cm_arena_check(&r->scratch);
}

/* A line need not name its image: then it is images/ID, of any kind that is read. */
static cm_status take_image(reading *r, const json_t *line, cm_labelled_person *p) {
    static const char *const endings[] = {"png", "jpg", "jpeg", "webp", "bmp"};
    const char *file = cm_json_text_or(line, "image", NULL);
    if (file) return take_file(r, "image", file, &p->image);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        file = cm_arena_print(&r->scratch, "images/%s.%s", p->id, endings[i]);
        const char *whole = cm_arena_print(&r->scratch, "%s/%s", r->set->folder, file ? file : "");
        CM_TRY(cm_arena_check(&r->scratch));
        if (cm_path_exists(whole)) return take_file(r, "image", file, &p->image);
    }
    return cm_fail(CM_EFORMAT, "no \"image\", and there is no %s/images/%s.png (.jpg, .jpeg, .webp, .bmp)",
                   r->set->folder, p->id);
}

/* key: "classes" or "groups", which is the folder of the map that a line does not name, too. */
static cm_status take_map(reading *r, const json_t *line, const char *key, cm_need need, const char *id,
                          const char **path) {
    const char *file = cm_json_text_or(line, key, NULL);
    if (need == CM_NOT_NEEDED) return CM_OK;
    if (!file) file = cm_arena_print(&r->scratch, "%s/%s.png", key, id);
    const char *whole = cm_arena_print(&r->scratch, "%s/%s", r->set->folder, file ? file : "");
    CM_TRY(cm_arena_check(&r->scratch));
    return need == CM_NEEDED || cm_path_exists(whole) ? take_file(r, key, file, path) : CM_OK;
}

/* --- one line ------------------------------------------------------------------------ */

static cm_status take_text(reading *r, const json_t *line, const char *key, const char **text) {
    const char *given = cm_json_text_or(line, key, NULL);
    if (given) *text = cm_arena_string(r->out, given);
    return cm_arena_check(r->out);
}

static cm_status check_size(const cm_labelled_needs *n, const json_t *line) {
    const size_t width = cm_json_size_or(line, "width", n->width), height = cm_json_size_or(line, "height", n->height);
    if (width == n->width && height == n->height) return CM_OK;
    return cm_fail(CM_EFORMAT, "%zux%zu; the recipe's width x height is %zux%zu, and images are not resized", width,
                   height, n->width, n->height);
}

static cm_status take_texts(reading *r, const json_t *line, cm_labelled_person *p) {
    const cm_labelled_needs *n = &r->set->needs;
    const json_t *phrases = cm_labelled_value(line, "phrases");
    CM_TRY(take_text(r, line, "alt_text", &p->alt_text));
    CM_TRY(take_text(r, line, "description", &p->description));
    if (n->alt_text && !p->alt_text) return cm_fail(CM_EFORMAT, "no \"alt_text\", which poor captions are");
    if (n->phrases && !p->description)
        return cm_fail(CM_EFORMAT, "no \"description\", which dense captions are made of");
    if (n->phrases && json_array_size(phrases) == 0)
        return cm_fail(CM_EFORMAT, "no \"phrases\", which dense captions are made of");
    if (phrases && !p->description) return cm_fail(CM_EFORMAT, "has phrases, but no \"description\"");
    return phrases ? cm_labelled_phrases(phrases, &r->strays, r->out, p) : CM_OK;
}

static cm_status take_seed(const cm_labelled_needs *n, const json_t *line, cm_labelled_person *p) {
    const json_t *seed = cm_labelled_value(line, "seed");
    if (seed && !json_is_integer(seed)) return cm_fail(CM_EFORMAT, "\"seed\" is not a whole number");
    p->seed = seed ? (uint64_t)json_integer_value(seed) : cm_seed_for(n->seed, p->id);
    return CM_OK;
}

static cm_status take_person(reading *r, const json_t *line, cm_labelled_person *p) {
    const cm_labelled_needs *n = &r->set->needs;
    CM_TRY(cm_json_check_foreign(line, line_keys, &r->strays));
    CM_TRY(take_text(r, line, "id", &p->id));
    if (!p->id) return cm_fail(CM_EFORMAT, "no \"id\"");
    if (leads_out(p->id)) return cm_fail(CM_EFORMAT, "the id \"%.100s\" leads out of the folder", p->id);
    CM_TRY(check_size(n, line));
    CM_TRY(take_seed(n, line, p));
    CM_TRY(take_texts(r, line, p));
    CM_TRY(take_image(r, line, p));
    CM_TRY(take_map(r, line, "classes", n->classes, p->id, &p->classes));
    return take_map(r, line, "groups", n->groups, p->id, &p->groups);
}

static cm_status make_room(cm_labelled_set *s, cm_arena *out) {
    if (s->count < s->room) return CM_OK;
    cm_labelled_person *more = CM_PUSH(out, cm_labelled_person, s->room ? 2 * s->room : FIRST_ROOM);
    CM_TRY(cm_arena_check(out));
    if (s->count) memcpy(more, s->people, s->count * sizeof *more);
    s->people = more;
    s->room = s->room ? 2 * s->room : FIRST_ROOM;
    return CM_OK;
}

static cm_status take_line(void *arg, size_t number, json_t *line) {
    reading *r = arg;
    cm_labelled_set *s = r->set;
    CM_TRY(make_room(s, r->out));
    cm_labelled_person *p = &s->people[s->count];
    *p = (cm_labelled_person){.line = number};
    const cm_status status = take_person(r, line, p);
    cm_arena_clear(&r->scratch);
    if (status != CM_OK) return cm_fail_in(status, "%s:%zu", s->labels, number);
    s->has_classes &= p->classes != NULL;
    s->has_groups &= p->groups != NULL;
    s->count++;
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped while %s was read", s->labels) : CM_OK;
}

/* --- all of them --------------------------------------------------------------------- */

static cm_status check_ids(const cm_labelled_set *s) {
    cm_arena scratch;
    cm_name_table t;
    cm_arena_init(&scratch, 0);
    cm_status status = cm_name_table_init(&t, s->count, &scratch);
    for (size_t i = 0; i < s->count && status == CM_OK; i++) {
        cm_name_entry *first;
        if (!cm_name_table_add(&t, s->people[i].id, s->people[i].line, &first))
            status = cm_fail(CM_EFORMAT, "%s:%zu: the id \"%.100s\" stands in line %zu already", s->labels,
                             s->people[i].line, s->people[i].id, first->value);
    }
    cm_arena_free(&scratch);
    return status;
}

static cm_status check_folder(const cm_labelled_set *s) {
    if (!cm_path_exists(s->folder)) return cm_fail(CM_EUSAGE, "data: %s: no such folder", s->folder);
    if (!cm_path_is_dir(s->folder))
        return cm_fail(CM_EUSAGE, "data: %s is a file; a data set is a folder with labels.jsonl", s->folder);
    if (!cm_path_exists(s->labels))
        return cm_fail(CM_EUSAGE, "data: %s is no data set: it has no labels.jsonl (docs/DATA.md tells the layout)",
                       s->folder);
    return CM_OK;
}

static cm_status read_labels(cm_labelled_set *s, cm_arena *out) {
    reading r = {.set = s, .out = out};
    cm_arena_init(&r.scratch, 0);
    const cm_status status = cm_jsonl_each(s->labels, take_line, &r);
    cm_arena_free(&r.scratch);
    cm_strays_warn(&r.strays, s->labels);
    return status;
}

cm_status cm_labelled_open(cm_labelled_set *s, const char *folder, const cm_labelled_needs *needs, cm_arena *out) {
    *s = (cm_labelled_set){.folder = cm_arena_string(out, folder),
                           .labels = cm_arena_print(out, "%s/labels.jsonl", folder),
                           .needs = *needs,
                           .has_classes = true,
                           .has_groups = true};
    CM_TRY(cm_arena_check(out));
    CM_TRY(check_folder(s));
    CM_TRY(cm_sha_file(s->labels, s->hash));
    CM_TRY(read_labels(s, out));
    if (s->count == 0) return cm_fail(CM_EUSAGE, "data: %s is empty: nobody is in it", s->labels);
    return check_ids(s);
}
