// SPDX-License-Identifier: Apache-2.0
#include "harness/speed/speed.h"

#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "harness/speed/counting.h"
#include "metrics/stats.h"

enum { TOKENISE, TEXT, UNET_STEP, DECODE, IMAGE, STAGES, MAX_SAMPLES = 4096 };
static const char *const stage_names[STAGES] = {"tokenise", "text", "unet_step", "decode", "image"};
static const char *const prompt = "a full-body shot, a adult asian female, fit body, city street, wavy brown hair "
                                  "above shoulders, red striped cotton "
                                  "shirt, blue denim jeans, white sneakers";

/* One row of the suite's table. */
typedef struct speed_row {
    const char *model, *note;
    const cm_ops *backend;
    const char *backend_name;
    size_t width, height, steps, repeats, warm_up;
    bool lean;
    const json_t *stages; /* NULL: all */
} speed_row;

typedef struct samples {
    double seconds[STAGES][MAX_SAMPLES];
    size_t n[STAGES];
    double operations[STAGES]; /* of one image or step */
    double peak_mb, apart;     /* apart: of a coarse backend, as a cm_result's */
} samples;

static cm_status check_stages(const json_t *list) {
    const char *names[STAGES + 1] = {NULL};
    memcpy(names, stage_names, sizeof stage_names);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        int k = 0;
        while (name && k < STAGES && strcmp(stage_names[k], name) != 0) k++;
        if (!name || k == STAGES) return cm_unknown_choice("stages", name ? name : "", names);
    }
    return CM_OK;
}

static cm_status read_row(const cm_suite *s, const json_t *o, speed_row *row) {
    *row = (speed_row){.note = cm_json_text_or(o, "note", ""),
                       .width = cm_json_size_or(o, "width", s->settings.width),
                       .height = cm_json_size_or(o, "height", s->settings.height),
                       .steps = cm_json_size_or(o, "steps", s->settings.steps),
                       .repeats = cm_json_size_or(o, "repeats", 5),
                       .warm_up = cm_json_size_or(o, "warm_up", 0),
                       .stages = json_object_get(o, "stages")};
    CM_TRY(cm_json_text(o, "model", &row->model));
    CM_TRY(cm_json_text(o, "backend", &row->backend_name));
    CM_TRY(cm_backend_choose("backend", row->backend_name, &row->backend));
    row->backend_name = row->backend->name;
    return check_stages(row->stages);
}

static bool wants_stage(const speed_row *row, int stage) {
    for (size_t i = 0; i < json_array_size(row->stages); i++) {
        const char *name = json_string_value(json_array_get(row->stages, i));
        if (name && strcmp(name, stage_names[stage]) == 0) return true;
    }
    return row->stages == NULL;
}

static json_t *stage_record(const speed_row *row, int stage) {
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:s}", "kind", "speed", "model", row->model, "backend",
                          row->backend_name, "dtype", row->backend->dtype, "width", (json_int_t)row->width, "height",
                          (json_int_t)row->height, "batch", 1, "stage", stage_names[stage]);
    if (row->lean) json_object_set_new(o, "lean", json_true());
    return o;
}

static void add_unmeasured(json_t *list, const speed_row *row, const char *why) {
    for (int stage = 0; stage < STAGES; stage++) {
        if (!wants_stage(row, stage)) continue;
        json_t *o = stage_record(row, stage);
        json_object_set_new(o, "note", json_sprintf("not measured: %s", why));
        json_array_append_new(list, o);
    }
}

/* --- measuring, in the child --------------------------------------------------- */

static void take(samples *x, int stage, double seconds) {
    if (x->n[stage] < MAX_SAMPLES) x->seconds[stage][x->n[stage]++] = seconds;
}

/* Operations counted when the first and the last step were done. */
typedef struct step_counts {
    double first, last;
} step_counts;

static void note_step(void *arg, size_t step, size_t steps, double seconds) {
    step_counts *c = arg;
    (void)steps;
    (void)seconds;
    c->last = cm_counted();
    if (step == 1) c->first = c->last;
}

/* The warm-up takes two steps, which tells the text's share from a step's; the text is the same at every size. */
static void note_operations(samples *x, bool warm_up, const step_counts *c, size_t steps, bool coarse) {
    if (warm_up) x->operations[TEXT] = 2 * c->first - c->last;
    x->operations[UNET_STEP] = (c->last - x->operations[TEXT]) / (double)steps;
    x->operations[DECODE] = cm_counted() - c->last;
    x->operations[IMAGE] = coarse ? 0 : cm_counted(); /* text and decoder then run elsewhere, and are not counted */
}

static cm_request request_of(const cm_suite *s, const speed_row *row, const cm_model *m, size_t side, size_t steps) {
    cm_request q = {.prompt = prompt, .settings = s->settings};
    q.settings.seed = 1;
    q.settings.steps = steps;
    q.settings.width = side ? side : row->width;
    q.settings.height = side ? side : row->height;
    if (!q.settings.sampler) q.settings.sampler = cm_sampler_find(m->default_sampler);
    if (q.settings.guidance <= 1) q.settings.guidance = 2;
    return q;
}

static cm_status one_image(const cm_suite *s, const speed_row *row, const cm_model *m, cm_ctx *g, bool warm_up,
                           samples *x) {
    cm_arena out;
    cm_arena_init(&out, 0);
    cm_result r;
    step_counts counts;
    cm_request q = request_of(s, row, m, warm_up ? row->warm_up : 0, warm_up ? 2 : row->steps);
    q.progress = note_step;
    q.progress_arg = &counts;
    g->ops = cm_counting(row->backend);
    const cm_status status = cm_generate(m, g, &q, &out, &r);
    if (status == CM_OK) note_operations(x, warm_up, &counts, r.timing.unet_steps, cm_backend_is_coarse(row->backend));
    if (status == CM_OK && !warm_up) {
        take(x, TOKENISE, r.timing.tokenize);
        take(x, TEXT, r.timing.text);
        take(x, DECODE, r.timing.decode);
        take(x, IMAGE, r.timing.total);
        for (size_t i = 0; i < r.timing.unet_steps; i++) take(x, UNET_STEP, r.timing.unet_step[i]);
    }
    cm_arena_free(&out);
    return status;
}

/* Of a coarse backend, after all that is timed: how far a step is off. */
static cm_status note_apart(const cm_suite *s, const speed_row *row, const cm_model *m, cm_ctx *g, samples *x) {
    if (!cm_backend_is_coarse(row->backend)) return CM_OK;
    cm_arena out;
    cm_arena_init(&out, 0);
    cm_result r;
    cm_request q = request_of(s, row, m, 0, 2);
    q.beside = cm_backend_default();
    g->ops = row->backend;
    const cm_status status = cm_generate(m, g, &q, &out, &r);
    if (status == CM_OK) x->apart = r.apart;
    cm_arena_free(&out);
    return status;
}

static void add_measured(json_t *list, const speed_row *row, samples *x) {
    for (int stage = 0; stage < STAGES; stage++) {
        if (!wants_stage(row, stage)) continue;
        json_t *o = stage_record(row, stage);
        double *t = x->seconds[stage];
        const size_t n = x->n[stage];
        cm_stats_sort(t, n);
        json_object_set_new(o, "median_s", json_real(cm_stats_quantile(t, n, 0.5)));
        json_object_set_new(o, "p10_s", json_real(cm_stats_quantile(t, n, 0.1)));
        json_object_set_new(o, "p90_s", json_real(cm_stats_quantile(t, n, 0.9)));
        json_object_set_new(o, "n", json_integer((json_int_t)n));
        json_object_set_new(o, "peak_rss_mb", json_real(x->peak_mb));
        if (x->apart > 0 && stage == UNET_STEP) json_object_set_new(o, "apart", json_real(x->apart));
        if (x->operations[stage] > 0) json_object_set_new(o, "gflop", json_real(1e-9 * x->operations[stage]));
        if (row->note[0]) json_object_set_new(o, "note", json_string(row->note));
        json_array_append_new(list, o);
    }
}

typedef struct measurement {
    const cm_suite *suite;
    const speed_row *row;
    const cm_ops *ops; /* for sgemm */
    int threads;
} measurement;

static cm_status measure_row(const measurement *m, json_t *list) {
    samples *x = calloc(1, sizeof *x);
    if (!x) return cm_fail(CM_ENOMEM, "out of memory");
    cm_model model;
    cm_ctx g;
    cm_status s =
        cm_model_open(&model, m->row->model,
                      &(cm_model_options){.seed = 1, .sampler = m->suite->settings.sampler, .lean = m->row->lean});
    if (s == CM_OK) {
        cm_ctx_init(&g, m->row->backend, m->threads);
        s = one_image(m->suite, m->row, &model, &g, true, x);
        for (size_t i = 0; i < m->row->repeats && s == CM_OK; i++)
            s = one_image(m->suite, m->row, &model, &g, false, x);
        x->peak_mb = cm_peak_rss_mb();
        if (s == CM_OK) s = note_apart(m->suite, m->row, &model, &g, x);
        cm_ctx_free(&g);
        cm_model_close(&model);
    }
    if (s == CM_OK) add_measured(list, m->row, x);
    free(x);
    return s;
}

/* The best of a few: the rate that the machine can reach, for holding speeds against. */
static cm_status measure_sgemm(const measurement *m, json_t *list) {
    const size_t n = strcmp(m->ops->name, "ref") == 0 ? 256 : 2048;
    cm_arena memory, scratch;
    cm_arena_init(&memory, 0);
    cm_arena_init(&scratch, 0);
    float *a = CM_PUSH_ZERO(&memory, float, n *n), *b = CM_PUSH_ZERO(&memory, float, n *n),
          *c = CM_PUSH(&memory, float, n *n);
    cm_status s = cm_arena_check(&memory);
    double best = 0;
    for (int i = 0; i < 7 && s == CM_OK; i++) {
        const cm_exec e = {m->threads, &scratch};
        for (size_t k = 0; k < n * n; k++) a[k] = b[k] = (float)(k % 7) - 3;
        const double start = cm_now();
        m->ops->gemm(&e, false, false, n, n, n, 1, a, n, b, n, 0, c, n);
        const double rate = 2e-9 * (double)n * (double)n * (double)n / (cm_now() - start);
        if (rate > best) best = rate;
    }
    if (s == CM_OK)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:f, s:s}", "kind", "sgemm", "backend", m->ops->name,
                                              "threads", m->threads, "gflops", best, "note", "best of 7"));
    cm_arena_free(&memory);
    cm_arena_free(&scratch);
    return s;
}

/* --- processes ------------------------------------------------------------------ */

/* A request: a row of the table, or after those a backend whose sgemm is wanted. The answer is one line:
 * {"rows": [...]} or {"error": "...", "status": n}. */
static void answer(int request, const cm_suite *s, int threads, bool lean, int out) {
    const json_t *table = json_object_get(s->document, "speed");
    const int rows = (int)json_array_size(table);
    speed_row row;
    measurement m = {s, &row, NULL, threads};
    json_t *list = json_array();
    cm_status status;
    if (request < rows) {
        status = read_row(s, json_array_get(table, (size_t)request), &row);
        row.lean = lean;
        if (status == CM_OK) status = measure_row(&m, list);
    } else {
        m.ops = cm_backends()[request - rows];
        status = measure_sgemm(&m, list);
    }
    json_t *line = status == CM_OK ? json_pack("{s:O}", "rows", list)
                                   : json_pack("{s:s, s:i}", "error", cm_why(), "status", (int)status);
    json_dumpfd(line, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
}

static bool read_exactly(int in, void *to, size_t bytes) {
    for (size_t used = 0; used < bytes;) {
        const ssize_t n = read(in, (char *)to + used, bytes - used);
        if (n < 0 && errno == EINTR && !cm_interrupted()) continue;
        if (n <= 0) return false;
        used += (size_t)n;
    }
    return true;
}

static void write_line(int out, const char *text) {
    if (write(out, text, strlen(text)) < 0) _exit(1); /* nobody listens any more */
}

/* Serves requests until the other end closes. */
static void serve(const cm_suite *s, int threads, bool lean, int in, int out) {
    int request, how = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody measures for a run that is gone */
    while (read_exactly(in, &request, sizeof request)) {
        const pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            answer(request, s, threads, lean, out);
            _exit(0);
        }
        while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
        if (pid < 0 || how != 0) {
            char text[100];
            snprintf(text, sizeof text, "{\"error\": \"the measuring process was ended by signal %d\", \"status\": %d}",
                     pid > 0 && WIFSIGNALED(how) ? WTERMSIG(how) : 0, CM_EUNAVAILABLE);
            write_line(out, text);
        }
        write_line(out, "\n");
    }
    _exit(0);
}

/* Before anything is made: a wrong row would else be found after the images. */
static cm_status check_rows(const cm_suite *s) {
    const json_t *table = json_object_get(s->document, "speed");
    for (size_t i = 0; i < json_array_size(table); i++) {
        speed_row row;
        const cm_status status = read_row(s, json_array_get(table, i), &row);
        if (status != CM_OK) return cm_fail_in(status, "speed row %zu", i + 1);
    }
    return CM_OK;
}

cm_status cm_speed_open(cm_speed *m, const cm_suite *s, int threads, bool lean) {
    int there[2], back[2];
    *m = (cm_speed){0};
    CM_TRY(check_rows(s));
    if (pipe(there) != 0) return cm_fail(CM_EIO, "no pipe: %s", strerror(errno));
    if (pipe(back) != 0) {
        close(there[0]);
        close(there[1]);
        return cm_fail(CM_EIO, "no pipe: %s", strerror(errno));
    }
    const pid_t pid = fork();
    if (pid == 0) {
        close(there[1]);
        close(back[0]);
        serve(s, threads, lean, there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    *m = (cm_speed){pid, there[1], back[0], lean};
    if (pid > 0) return CM_OK;
    const cm_status status = cm_fail(CM_EIO, "no child process: %s", strerror(errno));
    cm_speed_close(m);
    return status;
}

void cm_speed_close(cm_speed *m) {
    if (m->pid == 0) return;
    close(m->to);
    close(m->from);
    if (m->pid > 0) {
        kill(m->pid, SIGKILL); /* it may be in the middle of a row when the user stops */
        while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    *m = (cm_speed){0};
}

static cm_status take_answer(const char *text, json_t *list) {
    json_t *line = json_loads(text, 0, NULL);
    cm_status s = CM_OK;
    if (!line) s = cm_fail(CM_EUNAVAILABLE, "the measuring process gave no answer");
    else if (json_object_get(line, "rows")) json_array_extend(list, json_object_get(line, "rows"));
    else
        s = cm_fail((cm_status)json_integer_value(json_object_get(line, "status")), "%s",
                    json_string_value(json_object_get(line, "error")));
    json_decref(line);
    return s;
}

static cm_status ask(cm_speed *m, int request, json_t *list) {
    enum { MOST = 1 << 16 };
    char text[MOST];
    size_t used = 0;
    if (write(m->to, &request, sizeof request) != (ssize_t)sizeof request)
        return cm_fail(CM_EIO, "the measuring process is gone: %s", strerror(errno));
    while (used < MOST - 1 && read_exactly(m->from, text + used, 1) && text[used] != '\n') used++;
    text[used] = '\0';
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : take_answer(text, list);
}

/* --- the table ------------------------------------------------------------------ */

static bool same(const json_t *o, const char *key, const char *text) {
    const char *t = json_string_value(json_object_get(o, key));
    return t && strcmp(t, text) == 0;
}

static bool has_row(const json_t *found, const speed_row *row) {
    for (size_t i = 0; i < json_array_size(found); i++) {
        const json_t *o = json_array_get(found, i);
        if (same(o, "kind", "speed") && same(o, "model", row->model) && same(o, "backend", row->backend_name) &&
            json_is_true(json_object_get(o, "lean")) == row->lean && cm_json_size_or(o, "width", 0) == row->width &&
            cm_json_size_or(o, "height", 0) == row->height)
            return true;
    }
    return false;
}

static bool has_sgemm(const json_t *found, const char *backend) {
    for (size_t i = 0; i < json_array_size(found); i++)
        if (same(json_array_get(found, i), "kind", "sgemm") && same(json_array_get(found, i), "backend", backend))
            return true;
    return false;
}

static cm_status add_list(cm_records *records, json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) CM_TRY(cm_records_add(records, json_array_get(list, i)));
    return CM_OK;
}

static cm_status run_row(cm_speed *m, int request, const speed_row *row, cm_records *records) {
    json_t *list = json_array();
    cm_status status = CM_OK;
    if (row->repeats == 0) {
        add_unmeasured(list, row, row->note[0] ? row->note : "left out of this suite");
    } else {
        cm_note("speed: %s at %zux%zu on %s", row->model, row->width, row->height, row->backend_name);
        status = ask(m, request, list);
        if (status != CM_OK && status != CM_EINTERRUPTED) {
            cm_warn("speed of %s on %s: %s", row->model, row->backend_name, cm_why());
            add_unmeasured(list, row, cm_why());
            status = CM_OK;
        }
    }
    if (status == CM_OK) status = add_list(records, list);
    json_decref(list);
    return status;
}

static cm_status run_sgemm(cm_speed *m, size_t rows, const json_t *found, cm_records *records) {
    for (size_t i = 0; cm_backends()[i]; i++) {
        if (has_sgemm(found, cm_backends()[i]->name)) continue;
        json_t *list = json_array();
        cm_status status = ask(m, (int)(rows + i), list);
        if (status == CM_OK) status = add_list(records, list);
        json_decref(list);
        CM_TRY(status);
    }
    return CM_OK;
}

cm_status cm_speed_run(cm_speed *m, const cm_suite *s, const json_t *found, cm_records *records) {
    const json_t *table = json_object_get(s->document, "speed");
    const size_t rows = json_array_size(table);
    if (rows == 0) return CM_OK;
    CM_TRY(run_sgemm(m, rows, found, records));
    for (size_t i = 0; i < rows; i++) {
        speed_row row;
        const cm_status status = read_row(s, json_array_get(table, i), &row);
        if (status != CM_OK) return cm_fail_in(status, "speed row %zu", i + 1);
        row.lean = m->lean;
        if (!has_row(found, &row)) CM_TRY(run_row(m, (int)i, &row, records));
    }
    return CM_OK;
}
