// SPDX-License-Identifier: Apache-2.0
/* The public interface, on top of the generator. */
#include "core/api/cosmicman.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/threads.h"
#include "core/generator/image_text.h"

struct cosmicman_model {
    cm_model model;
};

struct cosmicman_image {
    cm_arena arena;
    cm_image image;
    const char *text[CM_IMAGE_TEXTS]; /* pairs of key and value for the file, then NULL */
};

/* --- messages ------------------------------------------------------------- */

static void drop_line(void *arg, const char *line) {
    (void)arg;
    (void)line;
}

static void be_quiet(void) {
    cm_log_level(CM_QUIET);
    cm_log_to(drop_line, NULL);
}

static void be_quiet_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, be_quiet);
}

const char *cosmicman_version(void) {
    return CM_VERSION;
}

const char *cosmicman_error(void) {
    return cm_why();
}

void cosmicman_on_warning(void (*warn)(void *arg, const char *line), void *arg) {
    be_quiet_once();
    cm_log_to(warn ? warn : drop_line, arg);
}

/* --- models ---------------------------------------------------------------- */

cosmicman_model *cosmicman_model_open(const char *name) {
    be_quiet_once();
    if (!name || !name[0]) {
        cm_fail(CM_EUSAGE, "model: a name is wanted, such as nano:hq");
        return NULL;
    }
    cosmicman_model *m = calloc(1, sizeof *m);
    if (!m) {
        cm_fail(CM_ENOMEM, "out of memory");
        return NULL;
    }
    if (cm_model_open(&m->model, name, &(cm_model_options){0}) == CM_OK) return m;
    free(m);
    return NULL;
}

void cosmicman_model_close(cosmicman_model *model) {
    if (!model) return;
    cm_model_close(&model->model);
    free(model);
}

/* --- images ---------------------------------------------------------------- */

/* The caller's settings, as far as its version of the header knows them; the rest are defaults. */
static cm_status read_settings(const cosmicman_settings *given, cosmicman_settings *s) {
    *s = (cosmicman_settings)COSMICMAN_SETTINGS_INIT;
    if (!given || given->struct_size < offsetof(cosmicman_settings, progress))
        return cm_fail(CM_EUSAGE, "settings: begin with COSMICMAN_SETTINGS_INIT");
    memcpy(s, given, given->struct_size < sizeof *s ? given->struct_size : sizeof *s);
    if (!s->prompt) return cm_fail(CM_EUSAGE, "settings: a prompt is wanted");
    if (s->threads < 0 || s->threads > 1024)
        return cm_fail(CM_EUSAGE, "threads: %d is not within 0 to 1024", s->threads);
    return CM_OK;
}

typedef struct progress_call {
    void (*call)(void *arg, size_t step, size_t steps);
    void *arg;
} progress_call;

static void tell_progress(void *arg, size_t step, size_t steps, double seconds) {
    const progress_call *p = arg;
    (void)seconds;
    if (p->call) p->call(p->arg, step, steps);
}

static cm_status make_request(const cm_model *m, const cosmicman_settings *s, progress_call *p, cm_request *q) {
    *q = (cm_request){.prompt = s->prompt, .progress = tell_progress, .progress_arg = p};
    cm_settings *to = &q->settings;
    CM_TRY(cm_settings_defaults(to));
    to->negative = s->negative;
    to->seed = s->seed;
    to->steps = s->steps;
    to->width = s->width;
    to->height = s->height;
    to->guidance = s->guidance;
    if (s->sampler) CM_TRY(cm_sampler_choose("sampler", s->sampler, &to->sampler));
    CM_TRY(cm_backend_choose("backend", s->backend ? s->backend : "auto", &to->backend));
    return cm_settings_complete(to, m->default_width, m->default_height, m->default_sampler);
}

/* What the written file says about its making, as copies: the texts of the request are the caller's. */
static cm_status note_text(cosmicman_image *o, const cm_model *m, const cm_request *q) {
    cm_image_text(m, q, &(cm_image_origin){0}, &o->arena, o->text);
    CM_TRY(cm_arena_check(&o->arena));
    for (size_t i = 0; o->text[i]; i++) o->text[i] = cm_arena_string(&o->arena, o->text[i]);
    return cm_arena_check(&o->arena);
}

/* Draws, then copies the pixels out of the run's own memory. */
static cm_status draw(const cm_model *m, const cm_request *q, int threads, cosmicman_image *o) {
    cm_ctx ctx;
    cm_arena run;
    cm_result result;
    cm_arena_init(&run, 0);
    cm_ctx_init(&ctx, q->settings.backend, threads);
    cm_status s = cm_generate(m, &ctx, q, &run, &result);
    if (s == CM_OK) s = cm_image_new(&o->arena, result.picture.width, result.picture.height, 3, &o->image);
    if (s == CM_OK) memcpy(o->image.pixels, result.picture.pixels, 3 * o->image.width * o->image.height);
    cm_ctx_free(&ctx);
    cm_arena_free(&run);
    return s;
}

static cm_status generate(const cm_model *m, const cosmicman_settings *given, cosmicman_image *o) {
    cosmicman_settings s;
    cm_request q;
    CM_TRY(read_settings(given, &s));
    progress_call progress = {s.progress, s.progress_arg};
    CM_TRY(make_request(m, &s, &progress, &q));
    CM_TRY(draw(m, &q, s.threads ? s.threads : cm_threads_available(), o));
    return note_text(o, m, &q);
}

cosmicman_image *cosmicman_generate(cosmicman_model *model, const cosmicman_settings *settings) {
    if (!model) {
        cm_fail(CM_EUSAGE, "model: none is open");
        return NULL;
    }
    cosmicman_image *o = calloc(1, sizeof *o);
    if (!o) {
        cm_fail(CM_ENOMEM, "out of memory");
        return NULL;
    }
    cm_arena_init(&o->arena, 0);
    if (generate(&model->model, settings, o) == CM_OK) return o;
    cosmicman_image_free(o);
    return NULL;
}

size_t cosmicman_image_width(const cosmicman_image *image) {
    return image->image.width;
}

size_t cosmicman_image_height(const cosmicman_image *image) {
    return image->image.height;
}

const unsigned char *cosmicman_image_pixels(const cosmicman_image *image) {
    return image->image.pixels;
}

int cosmicman_image_write(const cosmicman_image *image, const char *path) {
    if (!image || !path) {
        cm_fail(CM_EUSAGE, "%s", image ? "path: a file name is wanted" : "image: there is none to write");
        return -1;
    }
    if (cm_image_check_name(path) != CM_OK) return -1;
    return cm_image_write(path, &image->image, image->text) == CM_OK ? 0 : -1;
}

void cosmicman_image_free(cosmicman_image *image) {
    if (!image) return;
    cm_arena_free(&image->arena);
    free(image);
}
