// SPDX-License-Identifier: Apache-2.0
/* The generator: prompt in, image out.
 *
 * A model is a diffusers folder (model_index.json, tokenizer/, text_encoder/, unet/,
 * vae/, scheduler/), a repository of that layout in the hub's cache, a single file in the original layout, or
 * "random:NAME" (the architecture NAME of core/models/architectures with random weights), or "nano:ARM", a shipped one.
 * Latents inside are channels last; files and noise are diffusers' [N,C,h,w].
 */
#ifndef CM_CORE_GENERATOR_PIPELINE_H
#define CM_CORE_GENERATOR_PIPELINE_H

#include "core/generator/settings.h"
#include "core/io/image.h"
#include "core/networks/clip.h"
#include "core/networks/tokenizer.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"

/* Numbers beside Stable Diffusion XL's pooled text: its size, crop and target size; of its refiner size, crop and an
 * aesthetic score (Podell et al. 2024, sec. 2.2 and 2.5). */
enum { CM_XL_SIZES = 6, CM_REFINER_SIZES = 5 };

/* Where a model's parts lie: a row of models.json, or what a folder or file holds. */
typedef struct cm_model_entry {
    const char *name, *about;                                      /* "nano:daring" */
    const char *text_encoder, *unet, *vae, *scheduler, *tokenizer; /* folders, absolute */
    const char *text_encoder2, *tokenizer2;                        /* NULL: one text tower */
    const char *scheduler_class;                                   /* as model_index.json names it, or NULL */
    bool other_unet, other_vae;                                    /* not the model's own */
    const char *unet_weights, *vae_weights; /* files, where those are not in the folders above; or NULL */
    bool open_text;                         /* a single file's text tower has OpenCLIP's names (Stable Diffusion 2) */
    const char *single;             /* a single-file checkpoint: the folders then give configurations only; or NULL */
    bool xl, aesthetic, zero_empty; /* as of a cm_model */
    bool v_pred, ztsnr;             /* a single file's markers: it predicts v; its last training step is noise alone */
    size_t width, height;           /* 0: from the UNet's sample_size */
    bool random;                    /* weights from the seed, configurations only */
    bool present;                   /* every part is there */
} cm_model_entry;

typedef struct cm_model {
    char *name; /* as asked for */
    cm_tokenizer *tokenizer;
    cm_clip_text text;
    bool xl;        /* Stable Diffusion XL: the last tower also gives a pooled text */
    bool aesthetic; /* its refiner: CM_REFINER_SIZES numbers beside it */
    bool two;       /* a second tokenizer and text tower: XL, but not its refiner */
    cm_tokenizer *tokenizer2;
    cm_clip_text text2;
    bool zero_empty; /* force_zeros_for_empty_prompt: where no negative prompt is given, zeros stand for it */
    cm_unet *unet;
    cm_vae *vae;
    json_t *scheduler;           /* its scheduler_config.json, with what diffusers' pipeline corrects in it */
    const char *default_sampler; /* of scheduler_config's _class_name, or the one asked for */
    size_t default_width, default_height;
    char hash[65];        /* SHA-256 over all weights; of a random model: over its configurations and seed */
    cm_params *params[4]; /* text, unet, vae, text2 */
    bool lean;
    cm_model_entry entry; /* what it was opened from */
    cm_arena arena;
} cm_model;

/* How a model is opened beside its name; all zero is a good default. */
typedef struct cm_model_options {
    uint64_t seed;      /* of random weights */
    const char *unet;   /* a UNet that takes the model's place (CosmicMan releases nothing else): a folder, a repository
                         * in the   hub's cache, or a file in diffusers' or the original names; or NULL */
    const char *vae;    /* an autoencoder, likewise; or NULL */
    const char *config; /* of a single-file checkpoint: a diffusers folder for what the file lacks, its tokenizers (and
                         * configurations, where they are not those of Stable Diffusion 1.5 or XL); or NULL */
    const cm_sampler
        *sampler; /* what will be drawn with, which frees from the folder's scheduler class; NULL: the folder's own */
    bool only_weights; /* nothing is drawn: what the scheduler's file says does not matter */
    bool lean; /* little memory for more time: cm_params_lean, and each part is let go when its stage is done; one
                * context at a time */
} cm_model_options;

/* name: a folder, a single-file checkpoint in the original layout (*.safetensors, *.ckpt), or a name of models.json. */
cm_status cm_model_open(cm_model *m, const char *name, const cm_model_options *o);
void cm_model_close(cm_model *m);
/* Lets packed and large weights of these parts go until they are wanted again; no context may be using them. */
enum { CM_PART_TEXT = 1, CM_PART_UNET = 2, CM_PART_VAE = 4 };
void cm_model_rest(const cm_model *m, unsigned parts);

/* Writes the model as a diffusers folder: its configurations and tokenizers, and the weights as `type` (f32, f16,
 * bf16). `folder` must be absent or empty; it appears when it is whole. */
cm_status cm_model_export(const cm_model *m, cm_dtype type, const char *folder);

/* The folder `sub` ("prompts/sets") of the data that ship with the program. The first that exists: under
 * $COSMICMAN_HOME; under the program's folder or the one above it (the source tree); under share/cosmicman of the
 * prefix where the program or the shared library is installed; in the source tree it was built from; in the prefix it
 * was configured for. */
cm_status cm_shipped_folder(const char *sub, cm_arena *out, char **path);
/* The names of files in `folder` that end in `ending`, without it, sorted; at most `max`. Texts live in `out`. */
cm_status cm_names_in(const char *folder, const char *ending, cm_arena *out, char **names, size_t max, size_t *count);
/* Where shipped models lie: $COSMICMAN_MODELS, else core/models there. */
cm_status cm_models_folder(cm_arena *out, char **path);

/* The rows of models.json. */
cm_status cm_models_list(cm_arena *out, cm_model_entry **entries, size_t *count);

typedef struct cm_request {
    const char *prompt;   /* with the settings' suffix */
    cm_settings settings; /* sampler and sides are needed; recipe, suffix and backend are not looked at */
    const float *noise;   /* NULL: from seed; else [C,h,w] */
    const float *clean;   /* NULL; else a latent [C,h,w] to begin from (image to image), noised as far as
                           * strength says: the last strength * steps of the steps are taken */
    const cm_attention_observer *observer; /* NULL; sees both guidance halves: n = 2, the second is the prompt's */
    bool text_once;       /* no later prompt: the text towers' weights are let go when they have read this one */
    size_t compare;       /* with an observer: of so many steps, from the second on, a pass without it is timed too */
    const cm_ops *beside; /* NULL; else the network runs on this backend too at the last step's input: result.apart */
    void (*progress)(void *arg, size_t step, size_t steps, double seconds); /* may be NULL */
    void *progress_arg;
    size_t preview_every; /* 0: never; else after every so many steps `preview` gets the decoded clean latent that the
                           * step predicted; the image is its own until it returns */
    cm_status (*preview)(void *arg, size_t step, const cm_image *picture);
    void *preview_arg;
} cm_request;

/* Seconds of each stage of one image. */
typedef struct cm_timing {
    double tokenize, text, unet_step_median, unet, decode, total;
    double preview;              /* all of them, with what the caller does with each; not in unet */
    double observed, unobserved; /* the fastest pass with and without the observer among the compared steps; those
                                  * without are not in unet */
    size_t unet_steps, previews, compared;
    const double *unet_step; /* [unet_steps], each step's seconds */
} cm_timing;

typedef struct cm_result {
    float *latents; /* [C,h,w], final, before the decoder (scaled) */
    size_t channels, h, w;
    cm_image picture;
    char noise_hash[65]; /* of the starting noise's bytes */
    cm_tokens tokens;    /* of the prompt */
    double apart;        /* relative L2 of the network's output from that on request.beside; 0 without. Not in timing,
                          * but for total */
    cm_timing timing;
} cm_result;

/* Diffusers' force_zeros_for_empty_prompt: an empty text is encoded, no text at all is zeros. */
bool cm_negative_is_zeros(const cm_model *m, const char *negative);

/* Results live in `out`. ctx is reset. A prompt cut at the model's length is a warning naming the words. */
cm_status cm_generate(const cm_model *m, cm_ctx *g, const cm_request *r, cm_arena *out, cm_result *result);

/* The observer that keeps cross-attention: for each captured layer, step and span of tokens the share of every cell's
 * attention that lies on the span's tokens, mean over heads, of the prompt's half. */
typedef struct cm_capture cm_capture;
typedef struct cm_capture_plan {
    size_t factor; /* only layers with height*width == round(H/factor)*round(W/factor) (the paper's rule: 16);
                    * 0: all layers */
    size_t pixel_height, pixel_width; /* H, W */
    size_t keys;                      /* tokens of the encoded prompt: layers with other keys do not count */
    const cm_token_span *spans;       /* borrowed */
    size_t span_count, steps;         /* steps: at most so many are kept */
} cm_capture_plan;
/* NULL: out of memory, which the arena says too. Nothing else may reset the arena while maps are taken. */
cm_capture *cm_capture_new(cm_arena *arena, const cm_capture_plan *plan);
const cm_attention_observer *cm_capture_observer(cm_capture *c);
typedef struct cm_attention_map {
    const char *layer;
    size_t height, width, steps; /* steps seen */
    float *shares;               /* [steps, span_count, height*width] */
} cm_attention_map;
size_t cm_capture_maps(const cm_capture *c, const cm_attention_map **maps);

#endif
