// SPDX-License-Identifier: Apache-2.0
/* cosmicman stage: one stage on given inputs, once for each line "run" on standard input. */
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/speed/stage_run.h"
#include "harness/speed/stage_sets.h"

static void answer(double seconds) {
    printf("{\"seconds\": %.9f, \"peak_rss_mb\": %.1f}\n", seconds, cm_peak_rss_mb());
    fflush(stdout);
}

/* A stage of either kind. */
typedef struct stage {
    cm_stage *network;
    cm_sets_stage *sets;
} stage;

static cm_status run_stage(const stage *s, double *seconds) {
    return s->network ? cm_stage_run(s->network, seconds) : cm_sets_stage_run(s->sets, seconds);
}

static cm_status write_stage(const stage *s, const char *out) {
    return s->network ? cm_stage_write(s->network, out) : cm_sets_stage_write(s->sets, out);
}

static cm_status serve(const stage *s, const char *out) {
    char line[64];
    for (size_t runs = 0; !cm_interrupted() && fgets(line, sizeof line, stdin); runs++) {
        double seconds;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "run") != 0) return cm_fail(CM_EUSAGE, "stage understands 'run', not '%s'", line);
        CM_TRY(run_stage(s, &seconds));
        if (runs == 0) CM_TRY(write_stage(s, out));
        answer(seconds);
    }
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : CM_OK;
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

static cm_status check_name(const char *name) {
    const char *all[16] = {0};
    size_t n = 0;
    for (size_t i = 0; cm_stage_names[i]; i++) all[n++] = cm_stage_names[i];
    for (size_t i = 0; cm_sets_stages[i]; i++) all[n++] = cm_sets_stages[i];
    return is_one_of(name, all) ? CM_OK : cm_unknown_choice("--stage", name, all);
}

static cm_status check_given(const cm_args *a, const char *name) {
    return cm_arg_given(a, name) ? CM_OK : cm_fail(CM_EUSAGE, "stage wants --%s", name);
}

/* Of two sets no network is asked. */
static cm_status check_sets(const cm_args *a, const char *name) {
    static const char *const of_networks[] = {"model", "lean"};
    for (size_t i = 0; i < sizeof of_networks / sizeof *of_networks; i++)
        if (cm_arg_given(a, of_networks[i]))
            return cm_fail(CM_EUSAGE, "--%s means nothing to --stage %s, which asks no network", of_networks[i], name);
    return CM_OK;
}

static cm_status open_stage(const cm_args *a, stage *s) {
    const cm_ops *backend;
    int threads;
    CM_TRY(check_given(a, "stage"));
    CM_TRY(check_given(a, "in"));
    CM_TRY(check_given(a, "out"));
    const char *name = cm_arg_text(a, "stage");
    CM_TRY(check_name(name));
    CM_TRY(cm_choose_backend(a, &backend));
    CM_TRY(cm_choose_threads(a, &threads));
    CM_TRY(cm_check_apart("--out", cm_arg_text(a, "out"), "--in", cm_arg_text(a, "in")));
    CM_TRY(cm_check_apart("--out", cm_arg_text(a, "out"), "--model", cm_arg_text(a, "model")));
    CM_TRY(cm_check_writable(cm_arg_text(a, "out")));
    if (is_one_of(name, cm_sets_stages)) CM_TRY(check_sets(a, name));
    if (is_one_of(name, cm_sets_stages)) return cm_sets_stage_open(&s->sets, name, cm_arg_text(a, "in"));
    CM_TRY(check_given(a, "model"));
    return cm_stage_open(&s->network, cm_arg_text(a, "model"), name, cm_arg_text(a, "in"), backend, threads,
                         cm_arg_flag(a, "lean"));
}

static int run(const cm_args *a) {
    stage s = {0};
    const double start = cm_now();
    cm_status status = open_stage(a, &s);
    if (status == CM_OK) {
        answer(cm_now() - start);
        status = serve(&s, cm_arg_text(a, "out"));
    }
    cm_stage_close(&s.network);
    cm_sets_stage_close(&s.sets);
    return cm_exit_for(status);
}

static const cm_option options[] = {
    {"model", CM_OPT_TEXT, "DIR", NULL,
     "a diffusers folder (`export` writes one); for Inception a folder or file of weights"},
    {"stage", CM_OPT_TEXT, "NAME", NULL,
     "unet, decode, inception (FID's), inception-torchvision; for two sets: frechet, kid, prdc, cmmd"},
    {"in", CM_OPT_TEXT, "FILE", NULL,
     "the inputs as safetensors: latents; for unet also timestep, text and, for XL, pooled and sizes; pixels; x and y "
     "of sets"},
    {"out", CM_OPT_TEXT, "FILE", NULL,
     "where the first run's output goes (noise, pixels, features or values), as f32 safetensors"},
    {"backend", CM_OPT_TEXT, "NAME", "auto",
     "the kernels ('cosmicman list backends'); auto: the fastest on this machine with f32 accuracy"},
    {"threads", CM_OPT_SIZE, "N", NULL, "number of threads [the cores that this process may use]"},
    {"lean", CM_OPT_FLAG, NULL, NULL, "use less memory and more time (see generate --help)"},
    {0},
};

const cm_command cm_command_stage = {"stage",
                                     "run one stage on given inputs, to time it beside other programs",
                                     options,
                                     NULL,
                                     "Prints a line when it is ready. Then it runs once for each line \"run\" on "
                                     "standard input, and prints a line with\n"
                                     "\"seconds\" and \"peak_rss_mb\". `make peers` uses it; harness/speed/stage_run.h "
                                     "describes the files and what is timed.",
                                     run};
