// SPDX-License-Identifier: Apache-2.0
/* What can be had beside an image: previews on its way, and where its prompt's groups looked. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "harness/cli/generate.h"

enum { COMPARED = 3 };

/* --- names ---------------------------------------------------------------- */

char *cm_generate_beside(const char *path, cm_arena *out, const char *what, const char *ending) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const int stem = dot && (!slash || dot > slash) ? (int)(dot - path) : (int)strlen(path);
    return what ? cm_arena_print(out, "%.*s%s%s", stem, path, what, ending ? ending : path + stem) : NULL;
}

static char *preview_path(const char *path, size_t step, cm_arena *out) {
    return cm_generate_beside(path, out, cm_arena_print(out, ".step-%04zu", step), NULL);
}

static char *attention_path(const char *path, const char *ending, cm_arena *out) {
    return cm_generate_beside(path, out, ".attention", ending);
}

bool cm_generate_extras_are_there(const cm_generate_job *j, const char *path, cm_arena *scratch) {
    const char *preview = preview_path(path, j->save_every, scratch),
               *maps = attention_path(path, ".safetensors", scratch);
    const char *overview = attention_path(path, ".png", scratch);
    if (!preview || !maps || !overview) return false;
    if (j->save_every && cm_file_size(preview) <= 0) return false;
    return !j->capture || (cm_file_size(maps) > 0 && cm_file_size(overview) > 0);
}

/* --- while it is made ------------------------------------------------------- */

static cm_status write_preview(void *arg, size_t step, const cm_image *picture) {
    const cm_generate_extras *x = arg;
    const cm_arena_mark mark = cm_arena_get_mark(x->arena);
    const char *path = preview_path(x->path, step, x->arena);
    CM_TRY(cm_arena_check(x->arena));
    CM_TRY(cm_generate_write_picture(x->job, x->request, picture, step, path, x->arena));
    cm_arena_reset(x->arena, mark);
    return CM_OK;
}

cm_status cm_generate_extras_begin(cm_generate_extras *x, cm_generate_job *j, cm_request *q, const char *path,
                                   cm_arena *arena) {
    *x = (cm_generate_extras){.job = j, .request = q, .path = path, .arena = arena};
    q->preview_every = j->save_every;
    q->preview = write_preview;
    q->preview_arg = x;
    q->compare = COMPARED;
    if (cm_backend_is_coarse(j->settings.backend) && j->apart == 0) q->beside = cm_backend_default();
    return j->capture ? cm_group_maps_begin(&x->maps, &j->model, q, j->capture_all, arena) : CM_OK;
}

/* --- afterwards ------------------------------------------------------------- */

static cm_status write_attention(const cm_generate_extras *x, const cm_result *r) {
    const char *maps = attention_path(x->path, ".safetensors", x->arena),
               *picture = attention_path(x->path, ".png", x->arena);
    const char *const text[] = {"prompt", x->request->prompt, "rows", cm_group_maps_rows(&x->maps, x->arena), NULL};
    cm_image overview;
    CM_TRY(cm_arena_check(x->arena));
    CM_TRY(cm_group_maps_write(&x->maps, x->request, x->job->model.hash, maps, x->arena));
    CM_TRY(cm_group_maps_overview(&x->maps, &r->picture, x->arena, &overview));
    cm_detail("rows of %s: %s", picture, text[3]);
    return cm_image_write_png(picture, &overview, text);
}

cm_status cm_generate_extras_end(cm_generate_extras *x, const cm_result *r) {
    cm_generate_costs *c = &x->job->costs;
    const cm_timing *t = &r->timing;
    c->previews += t->previews;
    c->preview += t->preview;
    if (x->request->beside) x->job->apart = r->apart;
    if (!x->job->capture) return CM_OK;
    c->observed = c->compared ? fmin(c->observed, t->observed) : t->observed;
    c->unobserved = c->compared ? fmin(c->unobserved, t->unobserved) : t->unobserved;
    c->compared += t->compared;
    const double start = cm_now();
    CM_TRY(write_attention(x, r));
    c->files += cm_now() - start;
    return CM_OK;
}

void cm_generate_tell_costs(const cm_generate_job *j) {
    const cm_generate_costs *c = &j->costs;
    if (c->previews)
        cm_note("%zu preview%s in %.3f s, not in the steps' time", c->previews, c->previews > 1 ? "s" : "", c->preview);
    if (c->compared)
        cm_note("capture: %.4f s a step with it, %.4f s without, x %.2f (the fastest of %zu steps taken both ways in "
                "turn); "
                "its files %.3f s",
                c->observed, c->unobserved, c->observed / c->unobserved, c->compared, c->files);
    if (j->apart > 0)
        cm_note("%s: one pass of the UNet is %.1e off (relative L2, beside %s at the same input)",
                j->settings.backend->name, j->apart, cm_backend_default()->name);
    cm_detail("peak memory %.0f MB", cm_peak_rss_mb());
}
