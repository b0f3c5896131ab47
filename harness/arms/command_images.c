// SPDX-License-Identifier: Apache-2.0
/* The images that a command leaves: found by name, whatever their ending, and read whole before they count. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/io/image.h"
#include "harness/arms/command_arm_parts.h"

/* The asked-for ending first. */
static const char *const endings[] = {"png", "jpg", "jpeg", "webp", "jfif", "bmp",
                                      "gif", "PNG", "JPG",  "JPEG", "WEBP", NULL};

static char *with_ending(const cm_command_image *image, const char *ending, cm_arena *out) {
    return cm_arena_print(out, "%.*s.%s", (int)(strlen(image->file) - strlen(".png")), image->file, ending);
}

static char *path_of(const cm_command_job *j, const char *file, cm_arena *scratch) {
    return cm_arena_print(scratch, "%s/%s", j->out, file);
}

/* A name that is there: a link that leads nowhere, too. */
static cm_status find(const cm_command_job *j, cm_command_image *image, cm_arena *out) {
    struct stat is;
    image->found = NULL;
    for (size_t i = 0; endings[i] && !image->found; i++) {
        const cm_arena_mark mark = cm_arena_get_mark(out);
        const char *file = with_ending(image, endings[i], out), *path = file ? path_of(j, file, out) : NULL;
        CM_TRY(cm_arena_check(out));
        if (lstat(path, &is) == 0) image->found = file;
        else cm_arena_reset(out, mark);
    }
    return CM_OK;
}

cm_status cm_command_clear(const cm_command_job *j, cm_command_image *image, cm_arena *scratch) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_status s = CM_OK;
    while (s == CM_OK && (s = find(j, image, scratch)) == CM_OK && image->found) {
        const char *path = path_of(j, image->found, scratch);
        s = cm_arena_check(scratch);
        if (s == CM_OK && unlink(path) != 0)
            s = cm_fail(CM_EIO, "%s: cannot be removed to make room for an image: %s", path, strerror(errno));
    }
    image->found = NULL;
    cm_arena_reset(scratch, mark);
    return s;
}

/* --- looking -------------------------------------------------------------------- */

/* In {out}, links followed, and a plain file: nothing else is opened. */
static cm_status check_place(const cm_command_job *j, const char *path) {
    struct stat is;
    char *real = realpath(path, NULL);
    const size_t n = strlen(j->out);
    const bool below = real && strncmp(real, j->out, n) == 0 && real[n] == '/';
    const bool plain = below && stat(real, &is) == 0 && S_ISREG(is.st_mode);
    free(real);
    if (!real) return cm_fail(CM_EUSAGE, "a link that leads nowhere");
    if (!below) return cm_fail(CM_EUSAGE, "a link that leads out of the folder for images");
    return plain ? CM_OK : cm_fail(CM_EUSAGE, "no plain file");
}

static cm_status look_at(const cm_command_job *j, const cm_command_image *image, cm_arena *scratch) {
    cm_image pixels;
    const char *path = path_of(j, image->found, scratch);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(check_place(j, path));
    return cm_image_read(path, 3, scratch, &pixels);
}

typedef struct look_job {
    cm_command_job *job;
    cm_arena *arenas; /* [threads] */
} look_job;

static void look_at_one(void *arg, size_t i, int worker) {
    const look_job *l = arg;
    cm_command_image *image = &l->job->images[i];
    if (!image->found) return;
    cm_arena_clear(&l->arenas[worker]);
    image->status = cm_interrupted() ? CM_EINTERRUPTED : look_at(l->job, image, &l->arenas[worker]);
}

cm_status cm_command_look(cm_command_job *j, cm_arena *out) {
    const int threads = j->arm->threads > 1 ? j->arm->threads : 1;
    look_job l = {j, CM_PUSH(out, cm_arena, threads)};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < j->wanted; i++) CM_TRY(find(j, &j->images[i], out));
    for (int i = 0; i < threads; i++) cm_arena_init(&l.arenas[i], 0);
    cm_parallel(threads, j->wanted, look_at_one, &l);
    for (int i = 0; i < threads; i++) cm_arena_free(&l.arenas[i]);
    for (size_t i = 0; i < j->wanted; i++) {
        if (j->images[i].found && j->images[i].status == CM_EINTERRUPTED) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (j->images[i].found && j->images[i].status == CM_ENOMEM) return cm_fail(CM_ENOMEM, "out of memory");
    }
    return CM_OK;
}

bool cm_command_is_made(const cm_command_image *image) {
    return image->found && image->status == CM_OK;
}

/* Threads keep their own reasons, so this one looks again. */
const char *cm_command_trouble(const cm_command_job *j, const cm_command_image *image, cm_arena *out) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const cm_status s = look_at(j, image, &scratch);
    cm_arena_free(&scratch);
    const char *why = s == CM_OK ? "was still being written" : cm_why();
    const size_t n = strlen(j->out);
    if (strncmp(why, j->out, n) == 0 && why[n] == '/') why += n + 1;
    const size_t file = strlen(image->found);
    if (strncmp(why, image->found, file) == 0 && why[file] == ':') why += file + 2;
    return cm_arena_print(out, "%s: %s", image->found, why);
}
