// SPDX-License-Identifier: Apache-2.0
/* What `cosmicman generate` shares between one prompt and a file of them. */
#ifndef CM_HARNESS_CLI_GENERATE_H
#define CM_HARNESS_CLI_GENERATE_H

#include "core/generator/pipeline.h"
#include "core/generator/recipes.h"
#include "core/tensor/ops.h"

typedef struct cm_generate_job {
    const char *model_name, *unet, *config, *negative, *out, *latents; /* latents: NULL when not wanted */
    uint64_t seed, weights_seed;
    size_t images;                                     /* of one prompt, seeds counted up */
    size_t save_every;                                 /* steps from preview to preview; 0: none */
    size_t steps, width, height;                       /* width, height 0: the model's */
    const char *from_latents;                          /* a file of starting noise, or NULL */
    float *noise;                                      /* what is in it: [C,h,w] */
    double strength;                                   /* 0: it is noise; else a latent to begin from */
    double start, end;                                 /* share of the schedule; 0: all of it */
    char noise_hash[65];
    cm_recipe recipe;                                  /* name NULL: none */
    cm_arena arena;                                    /* of the options */
    double guidance, guidance_rescale, guidance_from, guidance_to;
    const cm_sampler *sampler;                         /* NULL: the model's */
    const cm_ops *backend;
    int threads;
    cm_model model;
    cm_ctx ctx;
} cm_generate_job;

/* A request for one prompt with everything of the job in it. */
cm_request cm_generate_request(const cm_generate_job *j, const char *prompt, const char *negative, uint64_t seed);
/* The picture with what made it as text beside the pixels; preview: after which step, 0: it is the final one. */
cm_status cm_generate_write_picture(const cm_generate_job *j, const cm_request *q, const cm_image *picture, size_t preview,
                                    const char *path, cm_arena *scratch);

/* "out/one.png" with `what` before its ending: "out/one" what ".png". */
char *cm_generate_beside(const char *path, cm_arena *out, const char *what);

/* Previews of a picture that will be `path`: path's NAME.step-0005.png. Give it to a request; both must stay. */
typedef struct cm_generate_previews {
    const cm_generate_job *job;
    const cm_request *request;
    const char *path;
    cm_arena *scratch;
} cm_generate_previews;
void cm_generate_show(cm_generate_previews *p, cm_request *q);
char *cm_generate_preview_path(const char *path, size_t step, cm_arena *out);
/* Says what the previews of all pictures so far cost. */
void cm_generate_tell_previews(size_t previews, double seconds);

/* One line a prompt, a picture and a record each; pictures that the records know are not made again.
 * *failed counts the prompts without a picture. */
cm_status cm_generate_set(cm_generate_job *j, const char *prompts, size_t *failed);

#endif
