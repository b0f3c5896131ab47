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
/* The picture with what made it as text beside the pixels. */
cm_status cm_generate_write_picture(const cm_generate_job *j, const cm_request *q, const cm_result *r, const char *path,
                                    cm_arena *scratch);

/* One line a prompt, a picture and a record each; pictures that the records know are not made again.
 * *failed counts the prompts without a picture. */
cm_status cm_generate_set(cm_generate_job *j, const char *prompts, size_t *failed);

#endif
