// SPDX-License-Identifier: Apache-2.0
/* What a command is given: folders, rows in files, and which images it is still to make. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/arms/command_arm_parts.h"
#include "prompts/prompt_rows.h"

static cm_status out_of_memory(void) {
    return cm_fail(CM_ENOMEM, "out of memory");
}

static const cm_prompt *prompt_of(const cm_command_arm *c, const cm_command_image *image) {
    return &c->prompts->prompts[image->index / c->images];
}

/* NULL: nobody says one, which is not the empty one where a model has zeros for it (SDXL). */
static const char *negative_of(const cm_command_arm *c, const cm_command_image *image) {
    const char *own = prompt_of(c, image)->negative;
    return own ? own : c->negative;
}

/* --- rows ----------------------------------------------------------------------- */

/* A seed from 2^63 on is the negative number that torch takes for the same. */
json_t *cm_command_row(const cm_command_arm *c, const cm_command_image *image) {
    const cm_prompt *p = prompt_of(c, image);
    json_t *row = json_pack("{s:s, s:s, s:s?, s:I, s:s}", "id", p->id, "prompt", p->dense.text, "negative",
                            negative_of(c, image), "seed", (json_int_t)c->seeds[image->index], "file", image->file);
    if (row && c->images > 1) json_object_set_new(row, "k", json_integer((json_int_t)(image->index % c->images)));
    json_t *more = json_pack("{s:I, s:f}", "steps", (json_int_t)c->steps, "guidance", c->guidance);
    if (more && c->width) json_object_set_new(more, "width", json_integer((json_int_t)c->width));
    if (more && c->height) json_object_set_new(more, "height", json_integer((json_int_t)c->height));
    if (row && more && json_object_update(row, more) == 0) {
        json_decref(more);
        return row;
    }
    json_decref(more);
    json_decref(row);
    return NULL;
}

static cm_status write_rows(const cm_command_job *j) {
    json_t *rows = json_array();
    cm_status s = rows ? CM_OK : out_of_memory();
    for (size_t i = 0; i < j->wanted && s == CM_OK; i++) {
        if (!j->images[i].asked) continue;
        json_t *row = cm_command_row(j->arm, &j->images[i]);
        if (!row || json_array_append_new(rows, row) != 0) s = out_of_memory();
    }
    if (s == CM_OK) s = cm_jsonl_write(j->values[CM_PLACE_PROMPTS], rows);
    json_decref(rows);
    return s;
}

/* --- its twins ------------------------------------------------------------------ */

/* RFC 4180: in quotes, a quote twice. */
static void write_cell(FILE *f, const char *text) {
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"') fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void write_csv_header(const cm_command_job *j, FILE *f) {
    fprintf(f, "id,prompt,negative,seed,file,%ssteps,guidance,width,height\n", j->arm->images > 1 ? "k," : "");
}

static void write_csv(const cm_command_job *j, const cm_command_image *image, FILE *f) {
    const cm_command_arm *c = j->arm;
    const char *negative = negative_of(c, image);
    write_cell(f, prompt_of(c, image)->id);
    fputc(',', f);
    write_cell(f, prompt_of(c, image)->dense.text);
    fputc(',', f);
    write_cell(f, negative ? negative : "");
    fprintf(f, ",%lld,", (long long)c->seeds[image->index]);
    write_cell(f, image->file);
    if (c->images > 1) fprintf(f, ",%zu", image->index % c->images);
    for (cm_placeholder i = CM_PLACE_STEPS; i <= CM_PLACE_HEIGHT; i++) fprintf(f, ",%s", j->values[i]);
    fputc('\n', f);
}

static void write_line(const cm_command_job *j, const cm_command_image *image, FILE *f) {
    for (const char *c = prompt_of(j->arm, image)->dense.text; *c; c++) fputc(*c == '\n' || *c == '\r' ? ' ' : *c, f);
    fputc('\n', f);
}

static void write_seed(const cm_command_job *j, const cm_command_image *image, FILE *f) {
    fprintf(f, "%lld\n", (long long)j->arm->seeds[image->index]);
}

typedef void image_writer(const cm_command_job *j, const cm_command_image *image, FILE *f);

static cm_status write_lines(const cm_command_job *j, cm_placeholder what, image_writer *write) {
    cm_part p;
    CM_TRY(cm_part_open(&p, j->values[what]));
    if (what == CM_PLACE_PROMPTS_CSV) write_csv_header(j, p.file);
    for (size_t i = 0; i < j->wanted; i++)
        if (j->images[i].asked) write(j, &j->images[i], p.file);
    return cm_part_finish(&p);
}

/* "": the suite says none, and the program takes its own. */
static const char *size_text(size_t size, cm_arena *out) {
    return size ? cm_arena_print(out, "%zu", size) : "";
}

/* A word that is a size must be one. */
static cm_status check_sizes(const cm_command_arm *c, const bool *uses) {
    if (uses[CM_PLACE_WIDTH] && !c->width)
        return cm_fail(CM_EUSAGE, "the command of %s wants {width}, and nobody says one", c->arm);
    if (uses[CM_PLACE_HEIGHT] && !c->height)
        return cm_fail(CM_EUSAGE, "the command of %s wants {height}, and nobody says one", c->arm);
    return CM_OK;
}

cm_status cm_command_write_files(cm_command_job *j, const bool *uses, cm_arena *out) {
    const cm_command_arm *c = j->arm;
    const char *negative = c->negative ? c->negative : "";
    j->values[CM_PLACE_PROMPTS] = cm_arena_print(out, "%s/prompts.jsonl", j->place);
    j->values[CM_PLACE_PROMPTS_CSV] = cm_arena_print(out, "%s/prompts.csv", j->place);
    j->values[CM_PLACE_PROMPTS_TXT] = cm_arena_print(out, "%s/prompts.txt", j->place);
    j->values[CM_PLACE_SEEDS] = cm_arena_print(out, "%s/seeds.txt", j->place);
    j->values[CM_PLACE_NEGATIVE_FILE] = cm_arena_print(out, "%s/negative.txt", j->place);
    j->values[CM_PLACE_OUT] = j->out;
    j->values[CM_PLACE_COUNT] = cm_arena_print(out, "%zu", j->asked);
    j->values[CM_PLACE_STEPS] = cm_arena_print(out, "%zu", c->steps);
    j->values[CM_PLACE_GUIDANCE] = cm_arena_print(out, "%.15g", c->guidance);
    j->values[CM_PLACE_WIDTH] = size_text(c->width, out);
    j->values[CM_PLACE_HEIGHT] = size_text(c->height, out);
    CM_TRY(cm_arena_check(out));
    CM_TRY(check_sizes(c, uses));
    if (uses[CM_PLACE_PROMPTS]) CM_TRY(write_rows(j));
    if (uses[CM_PLACE_PROMPTS_CSV]) CM_TRY(write_lines(j, CM_PLACE_PROMPTS_CSV, write_csv));
    if (uses[CM_PLACE_PROMPTS_TXT]) CM_TRY(write_lines(j, CM_PLACE_PROMPTS_TXT, write_line));
    if (uses[CM_PLACE_SEEDS]) CM_TRY(write_lines(j, CM_PLACE_SEEDS, write_seed));
    return uses[CM_PLACE_NEGATIVE_FILE] ? cm_write_whole(j->values[CM_PLACE_NEGATIVE_FILE], negative, strlen(negative))
                                        : CM_OK;
}

/* --- folders -------------------------------------------------------------------- */

static cm_status make_folder(const char *path, cm_arena *out, const char **whole) {
    struct stat is;
    CM_TRY(cm_arena_check(out));
    CM_TRY(cm_make_dirs(path));
    cm_parts_clean(path);
    char *found = realpath(path, NULL);
    if (!found) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    *whole = cm_arena_string(out, found);
    free(found);
    if (lstat(path, &is) == 0 && S_ISLNK(is.st_mode))
        return cm_fail(CM_EUSAGE, "%s: is a link; a command's images go to a folder of the run", path);
    return cm_arena_check(out);
}

/* "p0001.png", or "1/p0001.png" for the second of several. */
static cm_status name_image(const cm_command_arm *c, size_t index, cm_arena *out, const char **file) {
    const char *id = c->prompts->prompts[index / c->images].id;
    CM_TRY(cm_prompt_id_check(id));
    *file =
        c->images > 1 ? cm_arena_print(out, "%zu/%s.png", index % c->images, id) : cm_arena_print(out, "%s.png", id);
    return cm_arena_check(out);
}

static cm_status list_wanted(cm_command_job *j, cm_arena *out) {
    const cm_command_arm *c = j->arm;
    const size_t n = c->prompts->count * c->images;
    j->images = CM_PUSH_ZERO(out, cm_command_image, n);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) {
        if (!c->wanted[i]) continue;
        j->images[j->wanted] = (cm_command_image){.index = i, .asked = true};
        CM_TRY(name_image(c, i, out, &j->images[j->wanted].file));
        j->wanted++;
    }
    j->asked = j->wanted;
    return CM_OK;
}

cm_status cm_command_prepare(const cm_command_arm *c, cm_arena *out, cm_command_job *j) {
    const char *below;
    *j = (cm_command_job){.arm = c};
    CM_TRY(make_folder(cm_arena_print(out, "%s/commands/%s", c->folder, c->arm), out, &j->place));
    CM_TRY(make_folder(cm_arena_print(out, "%s/images/%s", c->folder, c->arm), out, &j->out));
    for (size_t k = 0; c->images > 1 && k < c->images; k++)
        CM_TRY(make_folder(cm_arena_print(out, "%s/%zu", j->out, k), out, &below));
    return list_wanted(j, out);
}

/* --- what an earlier run has made ------------------------------------------------- */

/* Of the command and all that it is told about an image: another one is another image. */
static cm_status hash_of(const cm_command_job *j, const cm_command_image *image, char out[65]) {
    json_t *row = cm_command_row(j->arm, image);
    char *text = row ? json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    if (text) {
        cm_sha *h = cm_sha_begin();
        cm_sha_add(h, j->arm->command, strlen(j->arm->command) + 1);
        cm_sha_add(h, text, strlen(text));
        cm_sha_end(&h, out);
    }
    json_decref(row);
    free(text);
    return text ? CM_OK : out_of_memory();
}

/* Keeps what was asked for with this hash and is whole; clears the place of what is to be made. */
static cm_status keep_or_ask(cm_command_job *j, cm_command_image *image, json_t *asked, cm_arena *scratch) {
    char hash[65];
    CM_TRY(hash_of(j, image, hash));
    image->asked = !cm_command_is_made(image) || strcmp(cm_json_text_or(asked, image->file, ""), hash) != 0;
    if (!image->asked) {
        j->asked--;
        return CM_OK;
    }
    CM_TRY(cm_command_clear(j, image, scratch));
    return json_object_set_new(asked, image->file, json_string(hash)) == 0 ? CM_OK : out_of_memory();
}

/* asked.json: what each image's file was last asked for. One that cannot be read keeps nothing. */
cm_status cm_command_keep_made(cm_command_job *j, cm_arena *out) {
    json_t *asked = NULL;
    const char *path = cm_arena_print(out, "%s/asked.json", j->place);
    CM_TRY(cm_arena_check(out));
    if (!j->arm->fresh && cm_path_exists(path) && cm_json_read(path, &asked) != CM_OK) asked = NULL;
    cm_status s = json_object_size(asked) ? cm_command_look(j, out) : CM_OK;
    if (!json_is_object(asked)) {
        json_decref(asked);
        asked = json_object();
    }
    if (!asked) s = out_of_memory();
    for (size_t i = 0; i < j->wanted && s == CM_OK; i++) s = keep_or_ask(j, &j->images[i], asked, out);
    if (s == CM_OK && j->asked) s = cm_json_write(path, asked);
    json_decref(asked);
    return s;
}
