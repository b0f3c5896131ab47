// SPDX-License-Identifier: Apache-2.0
/* cosmicman generate: images from prompts. */
#include "harness/cli/generate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/closest.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/image_text.h"
#include "core/io/safetensors.h"
#include "core/io/tensor_file.h"
#include "harness/cli/choose.h"
#include "harness/cli/command.h"
#include "harness/suite/suite.h"

static const cm_option options[] = {
    {"model", CM_OPT_TEXT, "NAME", NULL,
     "the model: a name ('cosmicman list models'), a diffusers folder, or a single file"},
    {"unet", CM_OPT_TEXT, "PATH", NULL,
     "use this UNet instead of the model's: a folder or a file, such as CosmicMan-SD's or -SDXL's"},
    {"vae", CM_OPT_TEXT, "PATH", NULL, "use this autoencoder instead of the model's: a folder or a file"},
    {"config", CM_OPT_TEXT, "DIR", NULL, "for a single-file model: a diffusers folder that has the tokenizer"},
    {"prompt", CM_OPT_TEXT, "TEXT", NULL, "what the image shall show"},
    {"prompts", CM_OPT_TEXT, "FILE", NULL,
     "make one image for each prompt of a set or a file (JSON lines, CSV, TSV, COCO captions, plain text), into the "
     "folder --out"},
    {"prompt-column", CM_OPT_TEXT, "NAME", NULL, "the column of the file with the prompts [prompt, caption or text]"},
    CM_SETTING_NEGATIVE(CM_OPTION_OF),
    CM_SETTING_SEED(CM_OPTION_OF),
    {"images", CM_OPT_SIZE, "N", "1",
     "with --prompt: make N images with consecutive seeds, as NAME-0.png, NAME-1.png, ..."},
    {"save-every", CM_OPT_SIZE, "N", NULL, "write what every N-th step predicts, as NAME.step-0005.png, ..."},
    {"capture", CM_OPT_TEXT, "WHAT", NULL, "groups: write where the groups of the prompt looked, as NAME.attention.*"},
    {"capture-all", CM_OPT_FLAG, NULL, NULL,
     "capture every cross-attention layer, not only those that the paper supervises"},
    CM_SETTING_RECIPE(CM_OPTION_OF),
    CM_SETTING_STEPS(CM_OPTION_OF),
    CM_SETTING_SAMPLER(CM_OPTION_OF),
    CM_SETTING_GUIDANCE(CM_OPTION_OF),
    CM_SETTING_RESCALE(CM_OPTION_OF),
    CM_SETTING_FROM(CM_OPTION_OF),
    CM_SETTING_TO(CM_OPTION_OF),
    CM_SETTING_WIDTH(CM_OPTION_OF),
    CM_SETTING_HEIGHT(CM_OPTION_OF),
    CM_SETTING_BACKEND(CM_OPTION_OF),
    {"threads", CM_OPT_SIZE, "N", NULL, "number of threads [the cores that this process may use]"},
    {"lean", CM_OPT_FLAG, NULL, NULL,
     "the same image in half the memory and more time: weights are packed each time they are used"},
    {"weights-seed", CM_OPT_U64, "N", "0", "seed of the weights of random: models"},
    {"from-latents", CM_OPT_TEXT, "FILE", NULL,
     "start from these latents [1,C,h,w]: the only tensor of a .safetensors or a torch .pt"},
    CM_SETTING_STRENGTH(CM_OPTION_OF),
    CM_SETTING_END(CM_OPTION_OF),
    CM_SETTING_START(CM_OPTION_OF),
    {"save-latents", CM_OPT_TEXT, "FILE", NULL,
     "write the final latents before the decoder, [N,C,h,w] in f32, as safetensors"},
    {"out", CM_OPT_TEXT, "PATH", NULL, "the image, a .png or .jpg [image.png]; with --prompts the folder [images]"},
    {0},
};

/* --- options -------------------------------------------------------------- */

/* Those of the recipe take the place of the defaults, and what is given that of both. */
static cm_status read_settings(const cm_args *a, cm_generate_job *j) {
    CM_TRY(cm_settings_defaults(&j->settings));
    if (cm_arg_given(a, "recipe")) CM_TRY(cm_recipe_find(cm_arg_text(a, "recipe"), &j->arena, &j->recipe));
    if (j->recipe.name) cm_recipe_follow(&j->recipe, &j->settings);
    return cm_choose_settings(a, &j->settings);
}

/* Two ways to begin from latents. */
static cm_status check_passes(const cm_args *a, const cm_generate_job *j) {
    const bool again = cm_arg_given(a, "strength"), later = cm_arg_given(a, "start");
    if (again && !j->from_latents) return cm_fail(CM_EUSAGE, "--strength wants --from-latents");
    if (later && !j->from_latents) return cm_fail(CM_EUSAGE, "--start wants --from-latents");
    return again && later ? cm_fail(CM_EUSAGE, "--strength and --start are two ways to begin; one is wanted") : CM_OK;
}

/* What is wanted beside the pictures. */
static cm_status read_extras(const cm_args *a, cm_generate_job *j) {
    j->save_every = cm_arg_size(a, "save-every");
    if (cm_arg_given(a, "save-every") && j->save_every == 0)
        return cm_fail(CM_EUSAGE, "--save-every: 0 is never; leave it out");
    if (j->save_every > j->settings.steps)
        return cm_fail(CM_EUSAGE, "--save-every: %zu is more than the %zu steps", j->save_every, j->settings.steps);
    const char *capture = cm_arg_text(a, "capture");
    if (capture && strcmp(capture, "groups") != 0)
        return cm_unknown_choice("--capture", capture, (const char *const[]){"groups", NULL});
    j->capture = capture != NULL;
    j->capture_all = cm_arg_flag(a, "capture-all");
    return j->capture_all && !capture ? cm_fail(CM_EUSAGE, "--capture-all wants --capture groups") : CM_OK;
}

/* How many pictures, of what. */
static cm_status read_prompts(const cm_args *a, cm_generate_job *j) {
    const bool one = cm_arg_given(a, "prompt"), many = cm_arg_given(a, "prompts");
    if (one == many) return cm_fail(CM_EUSAGE, "generate wants either --prompt TEXT or --prompts FILE");
    j->out = cm_arg_given(a, "out") ? cm_arg_text(a, "out") : many ? "images" : "image.png";
    j->latents = cm_arg_text(a, "save-latents");
    j->from_latents = cm_arg_text(a, "from-latents");
    j->images = cm_arg_size(a, "images");
    if (j->images == 0 || j->images > 10000)
        return cm_fail(CM_EUSAGE, "--images: %zu is not within 1 to 10000", j->images);
    if (cm_arg_given(a, "prompt-column") && !many)
        return cm_fail(CM_EUSAGE, "--prompt-column goes with --prompts FILE");
    if (j->images > 1 && (many || j->latents))
        return cm_fail(CM_EUSAGE, "--images goes with --prompt and without --save-latents");
    return CM_OK;
}

static cm_status read_options(const cm_args *a, cm_generate_job *j) {
    if (!cm_arg_given(a, "model"))
        return cm_fail(CM_EUSAGE, "generate wants --model; 'cosmicman list models' names them");
    j->model_name = cm_arg_text(a, "model");
    j->lean = cm_arg_flag(a, "lean");
    j->unet = cm_arg_text(a, "unet");
    j->vae = cm_arg_text(a, "vae");
    j->config = cm_arg_text(a, "config");
    j->weights_seed = cm_arg_u64(a, "weights-seed");
    CM_TRY(read_prompts(a, j));
    CM_TRY(read_settings(a, j));
    CM_TRY(check_passes(a, j));
    CM_TRY(read_extras(a, j));
    return cm_choose_threads(a, &j->threads);
}

/* --- outputs and inputs ----------------------------------------------------- */

/* No output is written over an input or over another output. */
static cm_status check_outputs(const cm_args *a, const cm_generate_job *j) {
    static const char *const inputs[] = {"from-latents", "prompts", "model", "unet", "vae"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        char option[32];
        snprintf(option, sizeof option, "--%s", inputs[i]);
        CM_TRY(cm_check_apart("--out", j->out, option, cm_arg_text(a, inputs[i])));
        CM_TRY(cm_check_apart("--save-latents", j->latents, option, cm_arg_text(a, inputs[i])));
    }
    return cm_check_apart("--save-latents", j->latents, "--out", j->out);
}

static bool is_picture_name(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

/* With --prompts --out is a folder, in which the records have a name of their own. */
static cm_status check_folder(const cm_args *a, cm_generate_job *j) {
    if (is_picture_name(j->out) && !cm_path_is_dir(j->out))
        return cm_fail(CM_EUSAGE, "--out: %s: with --prompts a folder is wanted, not one picture's name", j->out);
    const char *records = cm_arena_print(&j->arena, "%s/records.jsonl", j->out);
    CM_TRY(cm_arena_check(&j->arena));
    CM_TRY(cm_check_apart("--out", records, "--prompts", cm_arg_text(a, "prompts")));
    return cm_check_apart("--out", records, "--save-latents", j->latents);
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* What was asked for and makes no difference. */
static void warn_of_idle(const cm_args *a, const cm_generate_job *j) {
    static const char *const guided[] = {"negative", "cfg-rescale", "cfg-from", "cfg-to"};
    for (size_t i = 0; i < sizeof guided / sizeof *guided && j->settings.guidance <= 1; i++)
        if (cm_arg_given(a, guided[i]) && cm_arg_text(a, guided[i])[0])
            cm_warn("--%s changes nothing: at --cfg %g there is no guidance", guided[i], j->settings.guidance);
    if (cm_arg_given(a, "prompt") && is_blank(cm_arg_text(a, "prompt")))
        cm_warn("--prompt is empty: the model is asked for nothing");
}

/* --- a picture ------------------------------------------------------------ */

static bool redraws(const cm_generate_job *j) {
    return j->noise && j->settings.strength > 0;
}

cm_request cm_generate_request(const cm_generate_job *j, const char *prompt, const char *negative, uint64_t seed) {
    cm_request q = {.prompt = prompt,
                    .settings = j->settings,
                    .noise = redraws(j) ? NULL : j->noise,
                    .clean = redraws(j) ? j->noise : NULL};
    q.settings.negative = negative;
    q.settings.seed = seed;
    return q;
}

cm_status cm_generate_write_picture(const cm_generate_job *j, const cm_request *q, const cm_image *picture,
                                    size_t preview, const char *path, cm_arena *scratch) {
    const char *text[CM_IMAGE_TEXTS];
    const cm_image_origin origin = {j->unet, j->vae, j->recipe.name, preview};
    cm_image_text(&j->model, q, &origin, scratch, text);
    CM_TRY(cm_arena_check(scratch));
    return cm_image_write(path, picture, text);
}

static void show_step(void *arg, size_t step, size_t steps, double seconds) {
    cm_progress *bar = arg;
    char extra[64];
    snprintf(extra, sizeof extra, "%.3f s a step", seconds);
    bar->total = steps; /* some samplers evaluate the model once more than they were asked for steps */
    cm_progress_step(bar, step, extra);
}

static cm_status write_latents(const char *path, const cm_result *r) {
    const size_t shape[] = {1, r->channels, r->h, r->w};
    const cm_store_item item = {.name = "latents", .dtype = CM_F32, .ndim = 4, .shape = shape, .floats = r->latents};
    return cm_safetensors_write(path, &item, 1, NULL);
}

/* NAME.png, or NAME-i.png of several. */
static const char *picture_name(const cm_generate_job *j, size_t i, cm_arena *a) {
    return j->images == 1 ? j->out : cm_generate_beside(j->out, a, cm_arena_print(a, "-%zu", i), NULL);
}

/* --- one prompt ----------------------------------------------------------- */

static cm_status make_one(cm_generate_job *j, const char *prompt, size_t i, cm_arena *a) {
    cm_request q = cm_generate_request(j, prompt, j->settings.negative, j->settings.seed + i);
    const char *path = picture_name(j, i, a);
    CM_TRY(cm_arena_check(a));
    cm_generate_extras extras;
    CM_TRY(cm_generate_extras_begin(&extras, j, &q, path, a));
    cm_progress bar;
    q.progress = show_step;
    q.progress_arg = &bar;
    q.text_once = i + 1 == j->images;
    cm_result r;
    cm_progress_begin(&bar, "generate", "step", 0, j->settings.steps);
    const cm_status s = cm_generate(&j->model, &j->ctx, &q, a, &r);
    cm_progress_end(&bar);
    if (s != CM_OK) return s;
    if (j->latents) CM_TRY(write_latents(j->latents, &r));
    CM_TRY(cm_generate_write_picture(j, &q, &r.picture, 0, path, a));
    CM_TRY(cm_generate_extras_end(&extras, &r));
    const cm_timing *t = &r.timing;
    cm_detail("text %.3f s, %zu steps of %.3f s (median), decoder %.3f s, in all %.3f s", t->tokenize + t->text,
              t->unet_steps, t->unet_step_median, t->decode, t->total);
    printf("%s\n", path);
    return CM_OK;
}

/* --- the command ---------------------------------------------------------- */

static cm_status open_model(cm_generate_job *j) {
    const double start = cm_now();
    const cm_model_options o = {.seed = j->weights_seed,
                                .unet = j->unet,
                                .vae = j->vae,
                                .config = j->config,
                                .sampler = j->settings.sampler,
                                .lean = j->lean};
    CM_TRY(cm_model_open(&j->model, j->model_name, &o));
    cm_detail("%s opened in %.2f s", j->model_name, cm_now() - start);
    const cm_model *m = &j->model;
    return cm_settings_complete(&j->settings, m->default_width, m->default_height, m->default_sampler);
}

/* A recipe's size is its authors' own: only another one is looked at. */
static cm_status warn_of_size(cm_generate_job *j) {
    const char *line;
    if (j->recipe.name && j->settings.width == j->recipe.settings.width &&
        j->settings.height == j->recipe.settings.height)
        return CM_OK;
    CM_TRY(cm_far_size(&j->model, j->settings.width, j->settings.height, &j->arena, &line));
    if (line) cm_warn("%s: %s", j->model_name, line);
    return CM_OK;
}

static cm_status add_words(const cm_generate_set *set, const char *prompt, const char *negative, cm_unknown_words *u) {
    if (set) return cm_generate_set_words(set, u);
    CM_TRY(cm_unknown_words_add(u, prompt));
    return cm_unknown_words_add(u, negative);
}

static void warn_of_alike(const cm_generate_job *j) {
    if (j->images > 1 && j->noise && !redraws(j) && !j->settings.sampler->random)
        cm_warn("--images %zu: all begin from the same latents, and %s adds no noise: they will be alike", j->images,
                j->settings.sampler->name);
}

/* One line, however many prompts there are. prompt: NULL with a set. */
static cm_status warn_of_words(cm_generate_job *j, const cm_generate_set *set, const char *prompt) {
    cm_unknown_words u;
    const char *line = NULL;
    cm_unknown_words_begin(&u, &j->model);
    cm_status s = add_words(set, prompt, j->settings.negative, &u);
    if (s == CM_OK) s = cm_unknown_words_tell(&u, &j->arena, &line);
    cm_unknown_words_end(&u);
    if (line) cm_warn("%s: %s", j->model_name, line);
    return s;
}

/* One tensor of the latent's shape, copied. */
static cm_status take_latents(cm_generate_job *j, const cm_tensor_file *f) {
    const size_t factor = cm_vae_factor(j->model.vae), c = cm_unet_get_config(j->model.unet)->in_channels;
    const size_t want[4] = {1, c, j->settings.height / factor, j->settings.width / factor};
    const cm_stored *t = cm_tensor_file_count(f) == 1 ? cm_tensor_file_at(f, 0) : NULL;
    if (!t) return cm_fail(CM_EFORMAT, "%s: one tensor is wanted, not %zu", j->from_latents, cm_tensor_file_count(f));
    if (t->unread || t->dtype > CM_F64 || t->ndim != 4 || memcmp(t->shape, want, sizeof want) != 0)
        return cm_fail(CM_EFORMAT, "%s: '%s' is not of floats [1,%zu,%zu,%zu]", j->from_latents, t->name, want[1],
                       want[2], want[3]);
    j->noise = CM_PUSH(&j->arena, float, t->count);
    CM_TRY(cm_arena_check(&j->arena));
    cm_to_float(t->dtype, t->data, t->count, j->noise);
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(j->noise[i])) return cm_fail(CM_EFORMAT, "%s: value %zu is not a number", j->from_latents, i);
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, j->noise, t->count * sizeof *j->noise);
    cm_sha_end(&h, j->noise_hash);
    return CM_OK;
}

static cm_status read_latents(cm_generate_job *j) {
    cm_tensor_file *f = NULL;
    if (!j->from_latents) return CM_OK;
    CM_TRY(cm_tensor_file_open(&f, j->from_latents));
    const cm_status s = take_latents(j, f);
    cm_tensor_file_close(&f);
    return s;
}

static cm_status check_there(const char *option, const char *path) {
    if (!path || cm_path_exists(path)) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: %s: no such file or folder", option, path);
}

/* A file, or a name in prompts/sets. */
static cm_status open_set(const cm_args *args, cm_generate_job *j, cm_generate_set **set) {
    const char *path = cm_arg_text(args, "prompts");
    if (!cm_path_exists(path) && !strpbrk(path, "./")) CM_TRY(cm_find_prompts(path, &j->arena, &path));
    return cm_generate_set_open(set, j, path, cm_arg_text(args, "prompt-column"));
}

/* Everything that can be wrong before the model is opened, which may take minutes. set: NULL without --prompts. */
static cm_status prepare(const cm_args *args, cm_generate_job *j, cm_generate_set **set) {
    CM_TRY(read_options(args, j));
    CM_TRY(check_there("--from-latents", j->from_latents));
    CM_TRY(check_there("--config", j->config));
    CM_TRY(check_outputs(args, j));
    CM_TRY(cm_check_model_options(args, "weights-seed"));
    warn_of_idle(args, j);
    if (j->latents) CM_TRY(cm_check_writable(j->latents));
    if (cm_arg_given(args, "prompts")) CM_TRY(check_folder(args, j));
    if (cm_arg_given(args, "prompts")) return open_set(args, j, set);
    CM_TRY(cm_check_writable(j->out));
    return cm_image_check_name(j->out);
}

static int run(const cm_args *args) {
    cm_generate_job j = {0};
    cm_arena_init(&j.arena, 0);
    cm_generate_set *set = NULL;
    cm_status s = prepare(args, &j, &set);
    if (s == CM_OK) s = open_model(&j);
    if (s == CM_OK) s = read_latents(&j);
    if (s == CM_OK) warn_of_alike(&j);
    if (s == CM_OK) s = warn_of_size(&j);
    if (s == CM_OK) s = warn_of_words(&j, set, cm_arg_text(args, "prompt"));
    if (s != CM_OK) {
        cm_generate_set_close(&set);
        cm_model_close(&j.model);
        cm_arena_free(&j.arena);
        return cm_exit_for(s);
    }
    size_t failed = 0;
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_ctx_init(&j.ctx, j.settings.backend, j.threads);
    if (set) {
        s = cm_generate_set_run(set, &failed);
    } else {
        const char *prompt = cm_arena_print(&a, "%s%s", cm_arg_text(args, "prompt"), j.settings.suffix);
        s = cm_arena_check(&a);
        for (size_t i = 0; i < j.images && s == CM_OK; i++) {
            const cm_arena_mark mark = cm_arena_get_mark(&a);
            s = make_one(&j, prompt, i, &a);
            cm_arena_reset(&a, mark);
        }
    }
    cm_generate_tell_costs(&j);
    cm_generate_set_close(&set);
    cm_ctx_free(&j.ctx);
    cm_model_close(&j.model);
    cm_arena_free(&a);
    cm_arena_free(&j.arena);
    if (s != CM_OK) return cm_exit_for(s);
    return failed ? 3 : 0;
}

const cm_command cm_command_generate = {
    .name = "generate",
    .about = "make images from prompts",
    .options = options,
    .details =
        "With --prompts, --out is a folder. It gets ID.png for each prompt, and records.jsonl with everything that is\n"
        "needed to make the same image again. The same command continues a run that was stopped; images that were "
        "made\n"
        "with the same settings are kept.",
    .run = run,
};
