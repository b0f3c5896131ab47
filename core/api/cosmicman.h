/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface of libcosmicman: images from prompts, on the CPU.
 *
 *     cosmicman_settings settings = COSMICMAN_SETTINGS_INIT;
 *     settings.prompt = "a woman in a red coat";
 *     cosmicman_model *model = cosmicman_model_open("nano:hq");
 *     cosmicman_image *image = model ? cosmicman_generate(model, &settings) : NULL;
 *     if (!image || cosmicman_image_write(image, "image.png") != 0) fprintf(stderr, "%s\n", cosmicman_error());
 *     cosmicman_image_free(image);
 *     cosmicman_model_close(model);
 *
 * Errors: a function that returns a pointer returns NULL when it fails, one that returns an int returns -1.
 * cosmicman_error() then says why, in one line. The library never prints, never exits and installs no signal handlers.
 *
 * Ownership: the caller owns what cosmicman_model_open and cosmicman_generate return, and gives it back with
 * cosmicman_model_close and cosmicman_image_free; both accept NULL. An image does not need its model any more. Texts
 * that the caller passes in are only read during the call.
 *
 * Threads: one call of cosmicman_generate uses many threads by itself. Calls on the same model must not overlap. The
 * last error is kept for each thread.
 *
 * Stability: names, types and meanings here stay as they are within one major version. cosmicman_settings may grow at
 * its end; struct_size tells the library which fields the caller knows. Everything else in the library is private.
 */
#ifndef COSMICMAN_H
#define COSMICMAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COSMICMAN_API __attribute__((visibility("default")))
#else
#define COSMICMAN_API
#endif

typedef struct cosmicman_model cosmicman_model;
typedef struct cosmicman_image cosmicman_image;

/* What to draw. The defaults are those of the program's command `cosmicman generate`, so that the same settings give
 * the same pixels. */
typedef struct cosmicman_settings {
    size_t struct_size;   /* set by COSMICMAN_SETTINGS_INIT */
    const char *prompt;   /* UTF-8; must be set */
    const char *negative; /* what not to draw; NULL: no negative prompt */
    const char *sampler;  /* "ddim", ... (cosmicman list samplers); NULL: the model's own */
    const char *backend;  /* "f32", ... (cosmicman list backends); NULL: the fastest here that keeps f32's accuracy */
    uint64_t seed;        /* of the starting noise, as torch.Generator("cpu").manual_seed(seed) */
    size_t steps;         /* sampler steps, 1 to 1000 */
    size_t width, height; /* pixels, multiples of 8; 0: the model's own */
    double guidance;      /* guidance scale; 1 or less: no guidance */
    int threads;          /* 0: all cores that this process may use */
    void (*progress)(void *arg, size_t step,
                     size_t steps); /* called after each step, in the caller's thread; or NULL */
    void *progress_arg;
} cosmicman_settings;

#define COSMICMAN_SETTINGS_INIT                                                                                        \
    { sizeof(cosmicman_settings), NULL, NULL, NULL, NULL, 0, 30, 0, 0, 5.0, 0, NULL, NULL }

/* The library's version, "0.1.0". */
COSMICMAN_API const char *cosmicman_version(void);

/* Why the last call of this thread failed; "" if none did. Valid until the thread's next call. */
COSMICMAN_API const char *cosmicman_error(void);

/* Where warnings go, such as "the prompt is longer than the model reads". They are dropped until this is called.
 * `line` has no newline and is valid during the call only. NULL drops them again. Call it before other threads run. */
COSMICMAN_API void cosmicman_on_warning(void (*warn)(void *arg, const char *line), void *arg);

/* Opens a model. name: a shipped model ("nano:hq"; `cosmicman list models` names them), a folder in the layout of
 * diffusers, a single-file checkpoint (*.safetensors), or OWNER/NAME in the Hugging Face hub's cache. Nothing is
 * downloaded. Shipped models are found beside the library; the environment variable COSMICMAN_HOME names another
 * place, the folder that holds core/models. */
COSMICMAN_API cosmicman_model *cosmicman_model_open(const char *name);
COSMICMAN_API void cosmicman_model_close(cosmicman_model *model);

/* Draws one image. */
COSMICMAN_API cosmicman_image *cosmicman_generate(cosmicman_model *model, const cosmicman_settings *settings);

COSMICMAN_API size_t cosmicman_image_width(const cosmicman_image *image);
COSMICMAN_API size_t cosmicman_image_height(const cosmicman_image *image);
/* RGB, 8 bits each: 3 * width * height bytes, the top row first, without padding. They belong to the image. */
COSMICMAN_API const unsigned char *cosmicman_image_pixels(const cosmicman_image *image);
/* Writes a PNG, or a JPEG where `path` ends in .jpg or .jpeg. The file appears when it is complete, and holds the
 * settings that it was made with. Returns 0, or -1. */
COSMICMAN_API int cosmicman_image_write(const cosmicman_image *image, const char *path);
COSMICMAN_API void cosmicman_image_free(cosmicman_image *image);

#ifdef __cplusplus
}
#endif

#endif
