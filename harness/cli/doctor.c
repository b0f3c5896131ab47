// SPDX-License-Identifier: Apache-2.0
/* cosmicman doctor: what this machine has, and what would be faster. Everything is gathered as JSON first; the text is
 * made from it. */
#define _DEFAULT_SOURCE /* getloadavg */
#include <cairo.h>
#include <cblas.h>
#include <gif_lib.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <png.h>
#include <stdarg.h>
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
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"
#include "harness/cli/command.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const cm_option options[] = {
    {"json", CM_OPT_FLAG, NULL, NULL, "print JSON: machine, libraries, program, advice"},
    {0},
};

/* --- what there is ---------------------------------------------------------- */

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

/* rounds: null where threads watch for work without sleep. */
static json_t *describe_waiting(void) {
    const cm_wait wait = cm_wait_policy();
    json_t *rounds = wait.rounds == LONG_MAX ? json_null() : json_integer(wait.rounds);
    return json_pack("{s:o, s:s}", "rounds", rounds, "set_by", wait.by);
}

static json_t *describe_machine(void) {
    const cm_cpu *cpu = cm_cpu_get();
    const double quota = cm_cores_quota(""), pages = (double)sysconf(_SC_PHYS_PAGES);
    struct utsname u;
    char system[200] = "";
    if (uname(&u) == 0) snprintf(system, sizeof system, "%.60s %.60s %.60s", u.sysname, u.release, u.machine);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:i, s:o, s:f, s:I, s:s}", "processor", cpu->model,
                     "features", cpu->features, "kernels", cm_cpu_level_name(cm_cpu_level_get()), "best_kernels",
                     cm_cpu_level_name(cm_cpu_level_best()), "cores", cpu->cores, "cores_allowed", cm_cores_allowed(),
                     "quota_cores", quota > 0 ? json_real(quota) : json_null(), "threads", cm_threads_available(),
                     "waiting", describe_waiting(), "load", load_now(), "memory_bytes",
                     (json_int_t)(pages * (double)sysconf(_SC_PAGESIZE)), "system", system);
}

static const char *jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return TEXT(LIBJPEG_TURBO_VERSION);
#else
    return TEXT(JPEG_LIB_VERSION);
#endif
}

static json_t *describe_libraries(void) {
    char gnuplot[100], webp[32];
    const int by = openblas_get_parallel();
    snprintf(webp, sizeof webp, "%d.%d.%d", WebPGetDecoderVersion() >> 16, WebPGetDecoderVersion() >> 8 & 255,
             WebPGetDecoderVersion() & 255);
    ask_program("gnuplot --version 2>/dev/null", gnuplot, sizeof gnuplot);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "openblas", openblas_get_config(),
                     "openblas_core_type", openblas_get_corename(), "openblas_threads",
                     by == 2   ? "OpenMP"
                     : by == 1 ? "pthreads"
                               : "none",
                     "libpng", png_get_libpng_ver(NULL), "libjpeg", jpeg_version(), "libwebp", webp, "giflib",
                     TEXT(GIFLIB_MAJOR) "." TEXT(GIFLIB_MINOR) "." TEXT(GIFLIB_RELEASE), "jansson", JANSSON_VERSION,
                     "cairo", cairo_version_string(), "libcrypto", OpenSSL_version(OPENSSL_VERSION), "gnuplot",
                     gnuplot[0] ? json_string(gnuplot) : json_null());
}

static json_t *describe_backends(void) {
    json_t *all = json_array();
    for (const cm_ops *const *b = cm_backends(); *b; b++)
        json_array_append_new(all, json_pack("{s:s, s:s}", "name", (*b)->name, "about", (*b)->about));
    return all;
}

/* Of the table of models; with "error" where it cannot be read. */
static json_t *describe_models(cm_arena *a) {
    cm_model_entry *entries;
    char *folder;
    size_t count = 0, present = 0;
    if (cm_models_folder(a, &folder) != CM_OK || cm_models_list(a, &entries, &count) != CM_OK)
        return json_pack("{s:s}", "error", cm_why());
    for (size_t i = 0; i < count; i++) present += entries[i].present;
    return json_pack("{s:s, s:I, s:I}", "folder", folder, "known", (json_int_t)count, "complete", (json_int_t)present);
}

static json_t *describe_program(void) {
    cm_arena a;
    cm_arena_init(&a, 0);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:o, s:o}", "version", CM_VERSION, "compiler", __VERSION__, "default_backend",
                  cm_backend_default()->name, "backends", describe_backends(), "models", describe_models(&a));
    cm_arena_free(&a);
    return o;
}

/* --- what would be better ----------------------------------------------------- */

static bool core_is(const char *name) {
    return strcmp(openblas_get_corename(), name) == 0;
}

static void advise(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void advise(json_t *list, const char *format, ...) {
    va_list args;
    va_start(args, format);
    json_array_append_new(list, json_vsprintf(format, args));
    va_end(args);
}

static void advise_core_type(json_t *list) {
    const cm_cpu *cpu = cm_cpu_get();
    const char *core_type = getenv("OPENBLAS_CORETYPE"), *picked = openblas_get_corename();
    if (core_type && core_type[0]) {
        advise(list, "OPENBLAS_CORETYPE=%s forces OpenBLAS's kernels; unset it unless you know why", core_type);
    } else if (cpu->avx512f && !core_is("SkylakeX") && !core_is("Cooperlake") && !core_is("Sapphirerapids")) {
        advise(list, "OpenBLAS picked '%s' on a processor with AVX-512; try OPENBLAS_CORETYPE=SkylakeX", picked);
    } else if (cpu->avx2 && (core_is("Prescott") || core_is("Core2") || core_is("Nehalem") || core_is("Sandybridge"))) {
        advise(list, "OpenBLAS picked '%s' on a processor with AVX2; try OPENBLAS_CORETYPE=Haswell", picked);
    }
}

/* Each text: something that costs speed or leaves something out here, and what to do. */
static json_t *describe_advice(const json_t *libraries) {
    json_t *list = json_array();
    const cm_cpu *cpu = cm_cpu_get();
    const char *threads = getenv("OMP_NUM_THREADS");
    advise_core_type(list);
    if (threads && threads[0]) advise(list, "OMP_NUM_THREADS=%s is not followed; use --threads", threads);
    if (load_now() > 0.5 * cpu->cores)
        advise(list, "other programs are at work (load %.2f, %d cores): speeds measured now are too low", load_now(),
               cpu->cores);
    if (json_is_null(json_object_get(libraries, "gnuplot")))
        advise(list, "no gnuplot: reports come without plots; install gnuplot-nox");
    if (!cpu->avx2) advise(list, "no AVX2 here: our own kernels then run in plain C");
    return list;
}

/* --- as text ---------------------------------------------------------------- */

static void row(const char *name, const char *value) {
    printf("  %-18s%s\n", name, value);
}

static void print_waiting(const json_t *waiting) {
    const char *by = cm_json_text_or(waiting, "set_by", "");
    const json_t *rounds = json_object_get(waiting, "rounds");
    char text[200];
    if (json_is_null(rounds)) snprintf(text, sizeof text, "watching, without sleep (%s)", by);
    else
        snprintf(text, sizeof text, "%lld rounds of watching%s, then asleep%s%s%s",
                 (long long)json_integer_value(rounds), by[0] ? "" : ", none where it is crowded", by[0] ? " (" : "",
                 by, by[0] ? ")" : "");
    row("waiting", text);
}

static void print_machine(const json_t *m) {
    const json_t *quota = json_object_get(m, "quota_cores");
    char text[200];
    printf("machine\n");
    row("processor", cm_json_text_or(m, "processor", ""));
    row("features", cm_json_text_or(m, "features", ""));
    const char *level = cm_json_text_or(m, "kernels", ""), *best = cm_json_text_or(m, "best_kernels", "");
    snprintf(text, sizeof text, "%s (CM_KERNELS), of %s", level, best);
    row("kernels", strcmp(level, best) == 0 ? level : text);
    snprintf(text, sizeof text, "%zu, %zu allowed by the affinity mask", cm_json_size_or(m, "cores", 0),
             cm_json_size_or(m, "cores_allowed", 0));
    row("cores", text);
    snprintf(text, sizeof text, "%.2f cores' worth of time", json_number_value(quota));
    row("quota", json_is_null(quota) ? "none of a control group" : text);
    snprintf(text, sizeof text, "%zu unless --threads says otherwise", cm_json_size_or(m, "threads", 0));
    row("threads", text);
    print_waiting(json_object_get(m, "waiting"));
    snprintf(text, sizeof text, "%.2f in the last minute, all programs together", cm_json_number_or(m, "load", 0));
    row("load", text);
    snprintf(text, sizeof text, "%.1f GiB", cm_json_number_or(m, "memory_bytes", 0) / (double)(1 << 30));
    row("memory", text);
    row("system", cm_json_text_or(m, "system", ""));
}

static void print_libraries(const json_t *libraries) {
    static const char *const labels[][2] = {{"openblas", "OpenBLAS"},
                                            {"openblas_core_type", "  core type"},
                                            {"openblas_threads", "  threads by"},
                                            {"libpng", "libpng"},
                                            {"libjpeg", "libjpeg"},
                                            {"libwebp", "libwebp"},
                                            {"giflib", "giflib"},
                                            {"jansson", "jansson"},
                                            {"cairo", "cairo"},
                                            {"libcrypto", "libcrypto"},
                                            {"gnuplot", "gnuplot"}};
    printf("libraries\n");
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        const char *value = json_string_value(json_object_get(libraries, labels[i][0]));
        row(labels[i][1], value ? value : "not installed");
    }
}

static void print_program(const json_t *p) {
    const json_t *models = json_object_get(p, "models"), *backends = json_object_get(p, "backends"), *b;
    const char *error = cm_json_text_or(models, "error", NULL);
    size_t i;
    char text[200];
    printf("cosmicman\n");
    row("version", cm_json_text_or(p, "version", ""));
    row("compiler", cm_json_text_or(p, "compiler", ""));
    json_array_foreach(backends, i, b) {
        snprintf(text, sizeof text, "%s: %s", cm_json_text_or(b, "name", ""), cm_json_text_or(b, "about", ""));
        row("backend", text);
    }
    snprintf(text, sizeof text, "%zu of %zu complete", cm_json_size_or(models, "complete", 0),
             cm_json_size_or(models, "known", 0));
    row("models", error ? error : text);
    if (!error) row("  in", cm_json_text_or(models, "folder", ""));
}

static void print_advice(const json_t *advice) {
    const json_t *line;
    size_t i;
    printf("what would be better\n");
    json_array_foreach(advice, i, line) printf("  %s\n", json_string_value(line));
    if (json_array_size(advice) == 0) printf("  nothing: this machine is used as well as this program can\n");
}

static int run(const cm_args *args) {
    json_t *libraries = describe_libraries();
    json_t *all = json_pack("{s:o, s:o, s:o, s:o}", "machine", describe_machine(), "libraries", libraries, "program",
                            describe_program(), "advice", describe_advice(libraries));
    if (!all) return cm_exit_for(cm_fail(CM_ENOMEM, "doctor: a description is not UTF-8, or no memory"));
    if (cm_arg_flag(args, "json")) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    } else {
        print_machine(json_object_get(all, "machine"));
        print_libraries(libraries);
        print_program(json_object_get(all, "program"));
        print_advice(json_object_get(all, "advice"));
    }
    json_decref(all);
    return 0;
}

const cm_command cm_command_doctor = {
    .name = "doctor",
    .about = "show the machine, the libraries, and advice on speed",
    .options = options,
    .run = run,
};
