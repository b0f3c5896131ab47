// SPDX-License-Identifier: Apache-2.0
/* cosmicman stage: one stage on given inputs, once for each line "run" on standard input. */
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "harness/cli/choose.h"
#include "harness/stage_run.h"

static void answer(double seconds) {
    printf("{\"seconds\": %.9f, \"peak_rss_mb\": %.1f}\n", seconds, cm_peak_rss_mb());
    fflush(stdout);
}

static cm_status serve(cm_stage *s, const char *out) {
    char line[64];
    for (size_t runs = 0; !cm_interrupted() && fgets(line, sizeof line, stdin); runs++) {
        double seconds;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "run") != 0) return cm_fail(CM_EUSAGE, "stage understands 'run', not '%s'", line);
        CM_TRY(cm_stage_run(s, &seconds));
        if (runs == 0) CM_TRY(cm_stage_write(s, out));
        answer(seconds);
    }
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : CM_OK;
}

static cm_status open_stage(const cm_args *a, cm_stage **s) {
    static const char *const wanted[] = {"model", "stage", "in", "out"}, *const stages[] = {"unet", "decode", NULL};
    const cm_ops *backend;
    int threads;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!cm_arg_given(a, wanted[i])) return cm_fail(CM_EUSAGE, "stage wants --%s", wanted[i]);
    const char *stage = cm_arg_text(a, "stage");
    if (strcmp(stage, stages[0]) != 0 && strcmp(stage, stages[1]) != 0) return cm_unknown_choice("stage", stage, stages);
    CM_TRY(cm_choose_backend(a, &backend));
    CM_TRY(cm_choose_threads(a, &threads));
    CM_TRY(cm_check_writable(cm_arg_text(a, "out")));
    return cm_stage_open(s, cm_arg_text(a, "model"), stage, cm_arg_text(a, "in"), backend, threads);
}

static int run(const cm_args *a) {
    cm_stage *s = NULL;
    const double start = cm_now();
    cm_status status = open_stage(a, &s);
    if (status == CM_OK) {
        answer(cm_now() - start);
        status = serve(s, cm_arg_text(a, "out"));
    }
    cm_stage_close(&s);
    return cm_exit_for(status);
}

static const cm_option options[] = {
    {"model", CM_OPT_TEXT, "DIR", NULL, "a diffusers folder ('export' writes one)"},
    {"stage", CM_OPT_TEXT, "NAME", NULL, "unet or decode"},
    {"in", CM_OPT_TEXT, "FILE", NULL, "inputs, safetensors: latents; for unet timestep, text and, for XL, pooled and sizes"},
    {"out", CM_OPT_TEXT, "FILE", NULL, "the first run's output: noise or pixels, f32, as safetensors"},
    {"backend", CM_OPT_TEXT, "NAME", "auto", "'list backends'; auto: the fastest here that keeps f32's accuracy"},
    {"threads", CM_OPT_SIZE, "N", NULL, "[all cores]"},
    {0},
};

const cm_command cm_command_stage = {
    "stage", "one stage on given inputs, to be timed beside other programs", options, NULL,
    "Answers a line when it is ready, then one for each line \"run\" on standard input: {\"seconds\", \"peak_rss_mb\"}.\n"
    "`make peers` asks it (harness/stage_run.h says what the files hold and what is inside the window).", run};
