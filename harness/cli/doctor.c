// SPDX-License-Identifier: Apache-2.0
/* cosmicman doctor: what this machine has, and what would be faster. */
#define _DEFAULT_SOURCE /* getloadavg */
#include <cairo.h>
#include <cblas.h>
#include <gif_lib.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <webp/decode.h>

/* jpeglib.h wants <stdio.h> before it. */
#include <jpeglib.h>

#include "core/base/cores.h"
#include "core/base/cpu_level.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/generator/pipeline.h"
#include "core/tensor/ops.h"
#include "harness/cli/command.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static void row(const char *name, const char *value) {
    printf("  %-18s%s\n", name, value);
}

/* First line of a program's answer, "" when it is not there. */
static void ask_program(const char *command, char *out, size_t size) {
    out[0] = '\0';
    FILE *f = popen(command, "r");
    if (!f) return;
    if (!fgets(out, (int)size, f)) out[0] = '\0';
    pclose(f);
    out[strcspn(out, "\n")] = '\0';
}

static double load_now(void) {
    double load[1];
    return getloadavg(load, 1) == 1 ? load[0] : 0;
}

/* What of the machine is ours, and how its time is spent. */
static void print_use(void) {
    char text[200];
    const double quota = cm_cores_quota("");
    const cm_wait wait = cm_wait_policy();
    if (quota > 0) snprintf(text, sizeof text, "%.2f cores' worth of time", quota);
    row("quota", quota > 0 ? text : "none of a control group");
    snprintf(text, sizeof text, "%d unless --threads says otherwise", cm_threads_available());
    row("threads", text);
    if (wait.rounds == LONG_MAX) snprintf(text, sizeof text, "watching, without sleep (%s)", wait.by);
    else if (wait.by[0]) snprintf(text, sizeof text, "%ld rounds of watching, then asleep (%s)", wait.rounds, wait.by);
    else snprintf(text, sizeof text, "%ld rounds of watching, none where it is crowded, then asleep", wait.rounds);
    row("waiting", text);
    snprintf(text, sizeof text, "%.2f in the last minute, all programs together", load_now());
    row("load", text);
}

static void print_machine(void) {
    const cm_cpu *cpu = cm_cpu_get();
    struct utsname u;
    char text[200];
    printf("machine\n");
    row("processor", cpu->model);
    row("features", cpu->features);
    const cm_cpu_level level = cm_cpu_level_get(), best = cm_cpu_level_best();
    if (level == best) snprintf(text, sizeof text, "%s", cm_cpu_level_name(level));
    else snprintf(text, sizeof text, "%s (CM_KERNELS), of %s", cm_cpu_level_name(level), cm_cpu_level_name(best));
    row("kernels", text);
    snprintf(text, sizeof text, "%d, %d allowed by the affinity mask", cpu->cores, cm_cores_allowed());
    row("cores", text);
    print_use();
    const double gib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (double)(1 << 30);
    snprintf(text, sizeof text, "%.1f GiB", gib);
    row("memory", text);
    if (uname(&u) == 0) {
        snprintf(text, sizeof text, "%.60s %.60s %.60s", u.sysname, u.release, u.machine);
        row("system", text);
    }
}

static void print_libraries(void) {
    char gnuplot[100], text[32];
    printf("libraries\n");
    row("OpenBLAS", openblas_get_config());
    row("  core type", openblas_get_corename());
    row("  threads by", openblas_get_parallel() == 2 ? "OpenMP" : openblas_get_parallel() == 1 ? "pthreads" : "none");
    row("libpng", png_get_libpng_ver(NULL));
#ifdef LIBJPEG_TURBO_VERSION
    row("libjpeg-turbo", TEXT(LIBJPEG_TURBO_VERSION));
#else
    row("libjpeg", TEXT(JPEG_LIB_VERSION));
#endif
    snprintf(text, sizeof text, "%d.%d.%d", WebPGetDecoderVersion() >> 16, WebPGetDecoderVersion() >> 8 & 255,
             WebPGetDecoderVersion() & 255);
    row("libwebp", text);
    row("giflib", TEXT(GIFLIB_MAJOR) "." TEXT(GIFLIB_MINOR) "." TEXT(GIFLIB_RELEASE));
    row("jansson", JANSSON_VERSION);
    row("cairo", cairo_version_string());
    row("libcrypto", OpenSSL_version(OPENSSL_VERSION));
    ask_program("gnuplot --version 2>/dev/null", gnuplot, sizeof gnuplot);
    row("gnuplot", gnuplot[0] ? gnuplot : "not installed");
}

static void print_program(void) {
    char text[200];
    cm_arena a;
    cm_arena_init(&a, 0);
    printf("cosmicman\n");
    row("version", CM_VERSION);
    row("compiler", __VERSION__);
    for (const cm_ops *const *b = cm_backends(); *b; b++) {
        snprintf(text, sizeof text, "%s: %s", (*b)->name, (*b)->about);
        row("backend", text);
    }
    cm_model_entry *entries;
    size_t count = 0;
    if (cm_models_list(&a, &entries, &count) == CM_OK) {
        size_t present = 0;
        for (size_t i = 0; i < count; i++) present += entries[i].present;
        snprintf(text, sizeof text, "%zu of %zu complete", present, count);
        row("models", text);
    } else {
        row("models", cm_why());
    }
    cm_arena_free(&a);
}

static bool core_is(const char *name) {
    return strcmp(openblas_get_corename(), name) == 0;
}

/* Each line: something that costs speed or leaves something out here, and what to do. */
static void print_advice(void) {
    const cm_cpu *cpu = cm_cpu_get();
    const char *core_type = getenv("OPENBLAS_CORETYPE"), *threads = getenv("OMP_NUM_THREADS");
    int lines = 0;
    printf("what would be better\n");
    if (core_type && core_type[0]) {
        printf("  OPENBLAS_CORETYPE=%s forces OpenBLAS's kernels; unset it unless you know why\n", core_type);
        lines++;
    } else if (cpu->avx512f && !core_is("SkylakeX") && !core_is("Cooperlake") && !core_is("Sapphirerapids")) {
        printf("  OpenBLAS picked '%s' on a processor with AVX-512; try OPENBLAS_CORETYPE=SkylakeX\n",
               openblas_get_corename());
        lines++;
    } else if (cpu->avx2 && (core_is("Prescott") || core_is("Core2") || core_is("Nehalem") || core_is("Sandybridge"))) {
        printf("  OpenBLAS picked '%s' on a processor with AVX2; try OPENBLAS_CORETYPE=Haswell\n",
               openblas_get_corename());
        lines++;
    }
    if (threads && threads[0]) {
        printf("  OMP_NUM_THREADS=%s is not followed; use --threads\n", threads);
        lines++;
    }
    if (load_now() > 0.5 * cpu->cores) {
        printf("  other programs are at work (load %.2f, %d cores): speeds measured now are too low\n", load_now(),
               cpu->cores);
        lines++;
    }
    char gnuplot[100];
    ask_program("gnuplot --version 2>/dev/null", gnuplot, sizeof gnuplot);
    if (!gnuplot[0]) {
        printf("  no gnuplot: reports come without plots; install gnuplot-nox\n");
        lines++;
    }
    if (!cpu->avx2) {
        printf("  no AVX2 here: our own kernels then run in plain C\n");
        lines++;
    }
    if (lines == 0) printf("  nothing: this machine is used as well as this program can\n");
}

static int run(const cm_args *args) {
    (void)args;
    print_machine();
    print_libraries();
    print_program();
    print_advice();
    return 0;
}

const cm_command cm_command_doctor = {
    .name = "doctor",
    .about = "print the machine, the libraries, and what would be faster",
    .run = run,
};
