// SPDX-License-Identifier: Apache-2.0
/* The settings of a generated image: one table, from which options and their help, recipes, suites and their arms,
 * prompt lines, records and the text in image files take their rows.
 *
 * A new setting is a field of cm_settings, a row below, and the row's name in CM_SETTINGS.
 */
#ifndef CM_CORE_GENERATOR_SETTINGS_H
#define CM_CORE_GENERATOR_SETTINGS_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/generator/sampler.h"
#include "core/io/json_keys.h"
#include "core/tensor/ops.h"

typedef struct cm_settings {
    const char *recipe;        /* the name of the recipe that was followed; NULL: none */
    uint64_t seed;             /* torch.Generator("cpu").manual_seed(seed) */
    double strength;           /* how far a latent to begin from is noised (image to image); 0: the seed's noise */
    double start, end;         /* both 0: the whole schedule. Two models may share one, a share of it each: with end the
                                * steps stop there (their latent is still noisy), with start they begin there, from a
                                * given latent (diffusers' denoising_start and denoising_end) */
    const cm_sampler *sampler; /* NULL: the model's own */
    size_t steps;
    double guidance;              /* <= 1: no guidance, one pass a step */
    const char *negative;         /* NULL: none given, the empty text or zeros (cm_negative_is_zeros) */
    double guidance_rescale;      /* share of the guided output whose spread becomes the unguided one's (Lin et al.
                                   * 2024, sec. 3.4); 0: none */
    double guidance_from;         /* guide only at noise levels sigma in (from, to] (Kynkaanniemi et al. 2024); */
    double guidance_to;           /* both 0: always */
    size_t width, height;         /* 0: the model's own */
    const struct cm_ops *backend; /* NULL: none chosen */
    const char *suffix;           /* what every prompt ends in, "" */
} cm_settings;

/* --- the table ------------------------------------------------------------------------------ */

/* Where a setting stands, as bits. */
enum {
    CM_IN_RECIPE = 1 << 0,
    CM_IN_SUITE = 1 << 1,       /* suites, their arms that are models, and bench's options */
    CM_IN_COMMAND = 1 << 2,     /* arms that are commands */
    CM_IN_RECORD = 1 << 3,      /* generate's record of an image */
    CM_IN_RECORD_PASS = 1 << 4, /* the same, on passes over latents */
    CM_IN_IMAGE_FIRST = 1 << 5, /* the text in an image's file, before the model */
    CM_IN_IMAGE = 1 << 6,       /* the same, behind it */
    CM_IN_MAPS = 1 << 7,        /* the text beside attention maps */
    CM_IN_RUN = 1 << 8,         /* the header of a run */
    CM_IN_RUN_IF_SAID = 1 << 9, /* the same, where it is not left to the model */
    CM_IN_ARM = 1 << 10,        /* a run's record of an arm */
    CM_IN_MOST = CM_IN_RECIPE | CM_IN_SUITE | CM_IN_COMMAND | CM_IN_RECORD | CM_IN_MAPS | CM_IN_ARM
};

/* A row: field (its name in files), option, type, least, most, the option's argument, default, help, more help of
 * generate alone, more help of bench alone, where, its name in text (neighbours with one name share it). */
/* clang-format off */
#define CM_SETTING_RECIPE(ROW) ROW(recipe, "recipe", NAME, 0, 0, "NAME", NULL, \
    "named settings ('cosmicman list recipes'); options beside it win", "", "", \
    CM_IN_SUITE | CM_IN_COMMAND, "recipe")
#define CM_SETTING_SEED(ROW) ROW(seed, "seed", SEED, -0x1p63, 0x1p63, "N", "0", \
    "the starting noise is that of torch.Generator(\"cpu\").manual_seed(N)", \
    "; with --prompts each prompt's seed follows from N and its id", "", \
    CM_IN_RECIPE | CM_IN_RECORD | CM_IN_IMAGE_FIRST | CM_IN_MAPS, "seed")
#define CM_SETTING_STRENGTH(ROW) ROW(strength, "strength", NUMBER, 0, 1, "X", "0", \
    "0 to 1: how much noise is added to --from-latents before it is denoised again", "", "", \
    CM_IN_RECORD_PASS | CM_IN_IMAGE, "strength")
#define CM_SETTING_START(ROW) ROW(start, "start", NUMBER, 0, 1, "X", "0", \
    "0 to 1: begin at this share of the schedule, from latents that --end left", "", "", \
    CM_IN_RECORD_PASS | CM_IN_IMAGE, "share of the schedule")
#define CM_SETTING_END(ROW) ROW(end, "end", NUMBER, 0, 1, "X", "0", \
    "0 to 1: stop at this share of the schedule and keep the noise, for --save-latents", "", "", \
    CM_IN_RECORD_PASS | CM_IN_IMAGE, "share of the schedule")
#define CM_SETTING_SAMPLER(ROW) ROW(sampler, "sampler", NAME, 0, 0, "NAME", NULL, \
    "the sampler ('cosmicman list samplers')", " [the model's own]", " [the suite's, else the model's own]", \
    (CM_IN_MOST & ~CM_IN_COMMAND) | CM_IN_IMAGE | CM_IN_RUN_IF_SAID, "sampler")
#define CM_SETTING_STEPS(ROW) ROW(steps, "steps", SIZE, 1, 100000, "N", "30", \
    "sampler steps", "", " [the suite's, else 30]", \
    CM_IN_MOST | CM_IN_IMAGE | CM_IN_RUN, "steps")
#define CM_SETTING_GUIDANCE(ROW) ROW(guidance, "cfg", NUMBER, 0, 1000, "X", "5", \
    "guidance scale", "; 1 or less: no guidance, half the work", " [the suite's, else 5]", \
    CM_IN_MOST | CM_IN_IMAGE | CM_IN_RUN, "guidance")
#define CM_SETTING_NEGATIVE(ROW) ROW(negative, "negative", TEXT, 0, 0, "TEXT", NULL, \
    "negative prompt: what the image shall not show", "; for SDXL \"\" differs from none", "", \
    CM_IN_RECIPE | CM_IN_SUITE | CM_IN_COMMAND | CM_IN_RUN, "negative")
#define CM_SETTING_RESCALE(ROW) ROW(guidance_rescale, "cfg-rescale", NUMBER, 0, 1, "X", "0", \
    "0 to 1: how far the guided output is rescaled to the spread of the unguided one", "", "", \
    CM_IN_RECORD | CM_IN_IMAGE, "guidance rescale")
#define CM_SETTING_FROM(ROW) ROW(guidance_from, "cfg-from", NUMBER, 0, INFINITY, "S", "0", \
    "use guidance only above this noise level (with --cfg-to)", "", "", \
    CM_IN_RECORD | CM_IN_IMAGE, "guidance interval")
#define CM_SETTING_TO(ROW) ROW(guidance_to, "cfg-to", NUMBER, 0, INFINITY, "S", "0", \
    "use guidance only up to this noise level; 0: everywhere", "", "", \
    CM_IN_RECORD | CM_IN_IMAGE, "guidance interval")
#define CM_SETTING_WIDTH(ROW) ROW(width, "width", SIDE, 8, 16384, "N", NULL, \
    "pixels, a multiple of 8", " [the model's own]", " [the suite's, else the model's own]", \
    CM_IN_MOST | CM_IN_RUN_IF_SAID, "width")
#define CM_SETTING_HEIGHT(ROW) ROW(height, "height", SIDE, 8, 16384, "N", NULL, \
    "pixels, a multiple of 8", " [the model's own]", " [the suite's, else the model's own]", \
    CM_IN_MOST | CM_IN_RUN_IF_SAID, "height")
#define CM_SETTING_BACKEND(ROW) ROW(backend, "backend", NAME, 0, 0, "NAME", "auto", \
    "the kernels ('cosmicman list backends')", "; auto: the fastest on this machine with f32 accuracy", \
    " [the suite's, else auto]", \
    CM_IN_SUITE | CM_IN_RECORD | CM_IN_RUN | CM_IN_ARM, "backend")
#define CM_SETTING_SUFFIX(ROW) ROW(suffix, NULL, TEXT, 0, 0, NULL, "", \
    NULL, "", "", CM_IN_RECIPE | CM_IN_RUN_IF_SAID, "suffix")
/* clang-format on */

/* In the order of records and of the text in images. */
#define CM_SETTINGS(ROW)                                                                                               \
    CM_SETTING_RECIPE(ROW), CM_SETTING_SEED(ROW), CM_SETTING_STRENGTH(ROW), CM_SETTING_START(ROW),                     \
        CM_SETTING_END(ROW), CM_SETTING_SAMPLER(ROW), CM_SETTING_STEPS(ROW), CM_SETTING_GUIDANCE(ROW),                 \
        CM_SETTING_NEGATIVE(ROW), CM_SETTING_RESCALE(ROW), CM_SETTING_FROM(ROW), CM_SETTING_TO(ROW),                   \
        CM_SETTING_WIDTH(ROW), CM_SETTING_HEIGHT(ROW), CM_SETTING_BACKEND(ROW), CM_SETTING_SUFFIX(ROW)
enum { CM_SETTING_COUNT = 16 };

/* Types: a whole number, a side in pixels, a seed as torch takes it, a number, a text, a name. */
typedef enum cm_setting_type {
    CM_TYPE_SIZE,
    CM_TYPE_SIDE,
    CM_TYPE_SEED,
    CM_TYPE_NUMBER,
    CM_TYPE_TEXT,
    CM_TYPE_NAME
} cm_setting_type;

/* A row as a key of JSON files (json_keys.h). */
#define CM_SETTING_KEY(field, option, type, least, most, ...)                                                          \
    { #field, (cm_json_type)CM_SETTING_JSON_##type, least, most }
enum {
    CM_SETTING_JSON_SIZE = CM_JSON_WHOLE,
    CM_SETTING_JSON_SIDE = CM_JSON_WHOLE,
    CM_SETTING_JSON_SEED = CM_JSON_WHOLE,
    CM_SETTING_JSON_NUMBER = CM_JSON_NUMBER,
    CM_SETTING_JSON_TEXT = CM_JSON_TEXT,
    CM_SETTING_JSON_NAME = CM_JSON_NAME
};

typedef struct cm_setting {
    const char *name;   /* the field's, in files; NULL ends the table */
    const char *option; /* without dashes; NULL: none */
    cm_setting_type type;
    const char *otherwise; /* the default as text; NULL: none */
    cm_json_key key;       /* with a number's least and most */
    unsigned where;
    const char *label;   /* in text */
    size_t place, bytes; /* of the field in cm_settings */
} cm_setting;

extern const cm_setting cm_settings_table[CM_SETTING_COUNT + 1];

/* --- filling and writing settings ------------------------------------------------------------- */

/* Those of a table's defaults; all else is cleared. */
cm_status cm_settings_defaults(cm_settings *s);

/* What an option or a key gave, of which the row's kind takes one. A text is borrowed. */
typedef struct cm_setting_value {
    uint64_t whole;
    double number;
    const char *text;
} cm_setting_value;
/* CM_EUSAGE in a line that begins with `what` ("--steps") where the value is out of bounds or names nothing. */
cm_status cm_setting_set(const cm_setting *row, const char *what, cm_setting_value v, cm_settings *s);

/* The fields of `from` that stand in `where`. */
void cm_settings_copy(unsigned where, const cm_settings *from, cm_settings *to);

/* What was left to the model is the model's. */
cm_status cm_settings_complete(cm_settings *s, size_t width, size_t height, const char *sampler);

/* keys [count]: the rows that stand in `where`, then `own`, which ends in {0}; room for all of them and {0}. */
void cm_settings_keys(unsigned where, const cm_json_key *own, cm_json_key *keys, size_t count);
/* What o, whose keys were checked, says of them. Texts are copied. */
cm_status cm_settings_read(const json_t *o, unsigned where, cm_arena *out, cm_settings *s);
/* Adds them to o; of CM_IN_RUN_IF_SAID not what is left to the model. false: out of memory. */
bool cm_settings_write(const cm_settings *s, unsigned where, json_t *o);
/* Names and values as text, one after another: pairs [2 * CM_SETTING_COUNT]. Returns how many texts there are; a
 * failure stays in the arena. */
size_t cm_settings_pairs(const cm_settings *s, unsigned where, cm_arena *a, const char **pairs);

#endif
