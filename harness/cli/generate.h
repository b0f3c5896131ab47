// SPDX-License-Identifier: Apache-2.0
/* What `cosmicman generate` shares between one prompt and a file of them. */
#ifndef CM_HARNESS_CLI_GENERATE_H
#define CM_HARNESS_CLI_GENERATE_H

#include "core/generator/pipeline.h"
#include "core/generator/recipes.h"
#include "core/generator/trained_for.h"
#include "core/tensor/ops.h"
#include "harness/attention/group_maps.h"

/* What was spent beside the images themselves, in seconds. */
typedef struct cm_generate_costs {
    size_t previews, compared;
    double preview, observed, unobserved, files; /* observed: a step's, the fastest */
} cm_generate_costs;

typedef struct cm_generate_job {
    const char *model_name, *unet, *vae, *config, *out, *latents; /* latents: NULL when not wanted */
    cm_settings settings; /* with the model's own in place of what was not said, once it is open */
    cm_recipe recipe;     /* name NULL: none */
    uint64_t weights_seed;
    size_t images; /* of one prompt, seeds counted up */
    bool capture, capture_all, lean;
    cm_generate_costs costs;
    double apart;             /* of a coarse backend: the first image's result.apart; 0: not known */
    size_t save_every;        /* steps from preview to preview; 0: none */
    const char *from_latents; /* a file of starting noise, or NULL; with a strength of a latent to begin from */
    float *noise;             /* what is in it: [C,h,w] */
    char noise_hash[65];
    cm_arena arena; /* of the options */
    int threads;
    cm_model model;
    cm_ctx ctx;
} cm_generate_job;

/* A request for one prompt with everything of the job in it. */
cm_request cm_generate_request(const cm_generate_job *j, const char *prompt, const char *negative, uint64_t seed);
/* The image with what made it as text beside the pixels; preview: after which step, 0: it is the final one. */
cm_status cm_generate_write_picture(const cm_generate_job *j, const cm_request *q, const cm_image *picture,
                                    size_t preview, const char *path, cm_arena *scratch);

/* "out/one.png" with `what` before its ending: "out/one" what ".png"; or with `ending` in its place. */
char *cm_generate_beside(const char *path, cm_arena *out, const char *what, const char *ending);

/* What is asked for beside an image that will be `path`: previews (NAME.step-0005.png) and attention
 * (NAME.attention.safetensors and .png), and how far a coarse backend is off, once a job. The request is told; all of
 * it must stay until the end. */
typedef struct cm_generate_extras {
    cm_generate_job *job;
    const cm_request *request;
    const char *path;
    cm_arena *arena;
    cm_group_maps maps;
} cm_generate_extras;
cm_status cm_generate_extras_begin(cm_generate_extras *x, cm_generate_job *j, cm_request *q, const char *path,
                                   cm_arena *arena);
cm_status cm_generate_extras_end(cm_generate_extras *x, const cm_result *r);
bool cm_generate_extras_are_there(const cm_generate_job *j, const char *path, cm_arena *scratch);
/* Says what they cost, over all images, and what a coarse backend did. */
void cm_generate_tell_costs(const cm_generate_job *j);

/* A file of prompts: an image and a record each. column: of the prompts, or NULL for the usual names. Opened before
 * the model, so that a wrong file or folder costs no time; the job must stay. */
typedef struct cm_generate_set cm_generate_set;
cm_status cm_generate_set_open(cm_generate_set **out, cm_generate_job *j, const char *prompts, const char *column);
/* Adds the words of all its prompts, negative ones too. */
cm_status cm_generate_set_words(const cm_generate_set *r, cm_unknown_words *u);
/* Images that the records know are not made again. *failed counts the prompts without an image. */
cm_status cm_generate_set_run(cm_generate_set *r, size_t *failed);
void cm_generate_set_close(cm_generate_set **r);

#endif
