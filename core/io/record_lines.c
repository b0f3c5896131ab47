// SPDX-License-Identifier: Apache-2.0
#include "core/io/record_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/names.h"
#include "core/base/progress.h"
#include "core/base/system.h"

enum { CHUNK = 1 << 16, LONGEST = 1 << 28 };

struct cm_record_lines {
    FILE *file;
    char *path;
    char *line; /* [room]: the line being read */
    size_t room, length;
    char chunk[CHUNK]; /* what has been read of the file but not been handed out: [at,have) */
    size_t at, have;
    size_t number;        /* of the line, from 1 */
    long long begin, end; /* of the line in the file */
    json_t *record;
    size_t strange; /* records with keys that nothing here reads, and one such key; told at the end */
    char strange_key[64], version[32];
    bool told;
};

static cm_status out_of_memory(const cm_record_lines *r) {
    return cm_fail(CM_ENOMEM, "%s:%zu: out of memory", r->path, r->number);
}

cm_status cm_record_lines_open(cm_record_lines **out, const char *path) {
    if (cm_path_is_dir(path)) return cm_fail(CM_EIO, "%s: is a folder", path);
    FILE *file = fopen(path, "rb");
    if (!file) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    cm_record_lines *r = calloc(1, sizeof *r);
    if (r) r->path = strdup(path);
    if (!r || !r->path) {
        fclose(file);
        free(r);
        return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    }
    r->file = file;
    *out = r;
    return CM_OK;
}

static cm_status append(cm_record_lines *r, const char *bytes, size_t n) {
    if (r->length + n > LONGEST)
        return cm_fail(CM_EFORMAT, "%s:%zu: this line is longer than %d MiB", r->path, r->number, LONGEST >> 20);
    if (r->length + n > r->room) {
        const size_t room = 2 * (r->length + n);
        char *grown = realloc(r->line, room);
        if (!grown) return out_of_memory(r);
        r->line = grown;
        r->room = room;
    }
    memcpy(r->line + r->length, bytes, n);
    r->length += n;
    return CM_OK;
}

/* The next line without its newline; whole: it had one. Neither a byte nor a newline: the end. */
static cm_status read_line(cm_record_lines *r, bool *whole) {
    r->begin = r->end;
    r->length = 0;
    r->number++;
    *whole = false;
    while (!*whole) {
        if (r->at == r->have) {
            r->at = 0;
            r->have = fread(r->chunk, 1, CHUNK, r->file);
            if (ferror(r->file)) return cm_fail(CM_EIO, "%s: cannot be read", r->path);
            if (r->have == 0) break;
        }
        const char *from = r->chunk + r->at, *newline = memchr(from, '\n', r->have - r->at);
        const size_t n = newline ? (size_t)(newline - from) : r->have - r->at;
        CM_TRY(append(r, from, n));
        *whole = newline != NULL;
        r->at += n + *whole;
        r->end += (long long)(n + *whole);
    }
    return CM_OK;
}

static bool is_blank(const char *line, size_t n) {
    while (n && strchr(" \t\r", line[n - 1]) && line[n - 1]) n--;
    return n == 0;
}

static cm_status check_keys(cm_record_lines *r, const json_t *record);
static void tell_strange(cm_record_lines *r);

static cm_status parse(cm_record_lines *r, bool whole, const json_t **record) {
    json_error_t e;
    r->record = json_loadb(r->line, r->length, JSON_REJECT_DUPLICATES, &e);
    if (!r->record && json_error_code(&e) == json_error_out_of_memory) return out_of_memory(r);
    if (!r->record && !whole) {
        cm_warn("%s:%zu: the last line is not whole, a run was stopped while writing it; left out", r->path, r->number);
        return CM_OK;
    }
    if (!r->record) return cm_fail(CM_EFORMAT, "%s:%zu: not JSON: %s", r->path, r->number, e.text);
    if (!json_is_object(r->record)) return cm_fail(CM_EFORMAT, "%s:%zu: a record is an object", r->path, r->number);
    cm_status s = cm_record_names(r->record);
    if (s == CM_OK) s = check_keys(r, r->record);
    if (s != CM_OK) return cm_fail_in(s, "%s:%zu", r->path, r->number);
    *record = r->record;
    return CM_OK;
}

cm_status cm_record_lines_next(cm_record_lines *r, const json_t **record) {
    bool whole = true;
    *record = NULL;
    json_decref(r->record);
    r->record = NULL;
    do {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "%s: stopped while reading", r->path);
        CM_TRY(read_line(r, &whole));
    } while (whole && is_blank(r->line, r->length));
    if (!is_blank(r->line, r->length)) return parse(r, whole, record);
    tell_strange(r);
    return CM_OK;
}

long long cm_record_lines_offset(const cm_record_lines *r) {
    return r->begin;
}

cm_status cm_record_lines_again(cm_record_lines *r, long long offset, const json_t **record) {
    if (fseeko(r->file, (off_t)offset, SEEK_SET) != 0) return cm_fail(CM_EIO, "%s: %s", r->path, strerror(errno));
    r->at = r->have = 0;
    r->end = offset;
    return cm_record_lines_next(r, record);
}

void cm_record_lines_close(cm_record_lines **r) {
    if (!*r) return;
    json_decref((*r)->record);
    fclose((*r)->file);
    free((*r)->line);
    free((*r)->path);
    free(*r);
    *r = NULL;
}

cm_status cm_record_lines_all(const char *path, json_t **out) {
    cm_record_lines *lines = NULL;
    const json_t *record = NULL;
    CM_TRY(cm_record_lines_open(&lines, path));
    json_t *all = json_array();
    cm_status s = all ? CM_OK : out_of_memory(lines);
    while (s == CM_OK && (s = cm_record_lines_next(lines, &record)) == CM_OK && record)
        if (json_array_append(all, (json_t *)record) != 0) s = out_of_memory(lines);
    cm_record_lines_close(&lines);
    if (s == CM_OK) *out = all;
    else json_decref(all);
    return s;
}

cm_status cm_record_lines_check(const char *path) {
    cm_record_lines *lines = NULL;
    const json_t *record = NULL;
    cm_status s;
    CM_TRY(cm_record_lines_open(&lines, path));
    while ((s = cm_record_lines_next(lines, &record)) == CM_OK && record) {
    }
    cm_record_lines_close(&lines);
    return s;
}

/* Top-level keys of every kind of record (docs/RECORDS.md), sorted. */
static const char *const known_keys[] = {"a",
                                         "about",
                                         "agrees",
                                         "all",
                                         "answers",
                                         "apart",
                                         "area",
                                         "arm",
                                         "arms",
                                         "attention",
                                         "b",
                                         "backend",
                                         "batch",
                                         "better",
                                         "bound",
                                         "ceiling",
                                         "chance",
                                         "command",
                                         "commit",
                                         "compiler",
                                         "core_type",
                                         "count",
                                         "counts",
                                         "cpu",
                                         "cpu_features",
                                         "detectable",
                                         "deviation",
                                         "difference",
                                         "dtype",
                                         "effect",
                                         "end",
                                         "engine",
                                         "even",
                                         "features",
                                         "finished",
                                         "floor",
                                         "format",
                                         "from_latents",
                                         "gates",
                                         "gflop",
                                         "gflops",
                                         "group",
                                         "groups",
                                         "guidance",
                                         "guidance_from",
                                         "guidance_rescale",
                                         "guidance_to",
                                         "hash",
                                         "height",
                                         "hi",
                                         "id",
                                         "images",
                                         "index",
                                         "inside",
                                         "k",
                                         "kept",
                                         "kernels",
                                         "kind",
                                         "layers",
                                         "layout",
                                         "leading",
                                         "lean",
                                         "left_out",
                                         "libraries",
                                         "lists",
                                         "lo",
                                         "load",
                                         "lost",
                                         "major_faults",
                                         "margin",
                                         "median_s",
                                         "min_s",
                                         "misses",
                                         "model",
                                         "n",
                                         "negative",
                                         "noise_hash",
                                         "note",
                                         "p",
                                         "p10_s",
                                         "p90_s",
                                         "p_holm",
                                         "pair",
                                         "pairs",
                                         "parts",
                                         "peak_rss_mb",
                                         "phrases",
                                         "picture",
                                         "picture_bytes",
                                         "picture_hash",
                                         "plan",
                                         "precision",
                                         "primary",
                                         "prompt",
                                         "prompts",
                                         "prompts_hash",
                                         "prompts_version",
                                         "psnr_db",
                                         "questions",
                                         "ratio",
                                         "read",
                                         "recipe",
                                         "reference",
                                         "reference_n",
                                         "relative_l2",
                                         "right",
                                         "sampler",
                                         "score",
                                         "scorer",
                                         "scores",
                                         "seconds",
                                         "seed",
                                         "settings",
                                         "shard",
                                         "side",
                                         "source",
                                         "source_hash",
                                         "stage",
                                         "start",
                                         "started",
                                         "statistics",
                                         "status",
                                         "steps",
                                         "strength",
                                         "suite",
                                         "texts",
                                         "threads",
                                         "tolerance",
                                         "trained",
                                         "unet",
                                         "value",
                                         "verdict",
                                         "version",
                                         "watched",
                                         "weights",
                                         "weights_seed",
                                         "width",
                                         "write_statistics"};
enum { KNOWN_KEYS = sizeof known_keys / sizeof *known_keys };

static int compare_keys(const void *key, const void *known) {
    return strcmp(key, *(const char *const *)known);
}

static bool is_known(const char *key) {
    return bsearch(key, known_keys, KNOWN_KEYS, sizeof *known_keys, compare_keys) != NULL;
}

/* A key that is nearly ours is a slip of somebody's pen, after which a value would silently be absent. Any other is a
 * later version's or another program's: it is not read, and told of once. */
static cm_status check_keys(cm_record_lines *r, const json_t *record) {
    const char *key, *strange = NULL;
    json_t *value;
    json_object_foreach((json_t *)record, key, value) {
        if (is_known(key)) continue;
        for (size_t i = 0; strlen(key) >= 5 && i < KNOWN_KEYS; i++)
            if (strlen(known_keys[i]) >= 5 && cm_edit_distance(key, known_keys[i]) <= 2)
                return cm_fail(CM_EFORMAT, "unknown key \"%.60s\"; the closest is \"%s\"", key, known_keys[i]);
        strange = key;
    }
    const char *version = json_string_value(json_object_get(record, "version"));
    if (version && !r->version[0]) snprintf(r->version, sizeof r->version, "%s", version);
    if (strange && r->strange++ == 0) snprintf(r->strange_key, sizeof r->strange_key, "%s", strange);
    return CM_OK;
}

/* Control characters of a key or version must not reach the terminal. */
static void make_plain(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127) *text = '?';
}

static void tell_strange(cm_record_lines *r) {
    if (r->told || r->strange == 0) return;
    r->told = true;
    make_plain(r->strange_key);
    make_plain(r->version);
    cm_warn("%s: %zu record%s with keys that version " CM_VERSION " does not read, \"%s\" among them%s%s", r->path,
            r->strange, r->strange == 1 ? "" : "s", r->strange_key,
            r->version[0] ? "; they were written by version " : "", r->version);
}

static cm_status check_name(const json_t *o, const char *key, const char *what) {
    const json_t *name = json_object_get(o, key);
    if (!name) return CM_OK;
    if (!json_is_string(name)) return cm_fail(CM_EFORMAT, "\"%s\": not a text", key);
    return cm_name_check(what, json_string_value(name));
}

cm_status cm_record_names(const json_t *record) {
    static const char *const keys[][2] = {
        {"suite", "suite"}, {"arm", "arm"}, {"score", "score"}, {"a", "arm"}, {"b", "arm"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) CM_TRY(check_name(record, keys[i][0], keys[i][1]));
    const json_t *arms = json_object_get(record, "arms");
    for (size_t i = 0; i < json_array_size(arms); i++) CM_TRY(check_name(json_array_get(arms, i), "name", "arm"));
    return CM_OK;
}
