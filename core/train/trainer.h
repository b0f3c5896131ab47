// SPDX-License-Identifier: Apache-2.0
/* The training loop that every stage shares.
 *
 * A stage says what is trained and what the loss of some samples is; the loop does
 * the rest: workers (threads, each with its own context and its own share of the
 * batch), gradients summed in worker order, AdamW, records, checkpoints.
 *
 * What a step sees depends on (seed, step, place in the batch) only, so a run
 * that was stopped continues as if it had not been: bit for bit on `ref`.
 */
#ifndef CM_CORE_TRAIN_TRAINER_H
#define CM_CORE_TRAIN_TRAINER_H

#include <jansson.h>

#include "core/base/folder_lock.h"
#include "core/base/rng.h"
#include "core/networks/params.h"
#include "core/tensor/tape.h"
#include "core/train/people_dataset.h"
#include "core/train/optimizer.h"

enum { CM_TRAIN_PARTS = 4, CM_TRAIN_METRICS = 6 };

/* One file of weights in training. */
typedef struct cm_train_part {
    cm_params *params;
    const char *folder; /* "vae": below the weights' folder; NULL: not shipped (auxiliary heads) */
    const char *file;   /* "diffusion_pytorch_model.safetensors" */
    json_t *config;     /* its config.json */
    size_t first;       /* index of its first parameter in the optimizer */
} cm_train_part;

typedef struct cm_worker {
    cm_ctx g;
    cm_arena networks;                 /* structures of the worker's networks */
    cm_arena scratch;                  /* cleared every step */
    cm_params *params[CM_TRAIN_PARTS]; /* shared weights, gradients of its own */
    void *net;                         /* the stage's */
    double metrics[CM_TRAIN_METRICS];  /* means over its samples */
    double loss;
    cm_status status;
    char why[512];
} cm_worker;

struct cm_stage;

typedef struct cm_trainer {
    const struct cm_stage *stage;
    json_t *recipe;            /* every setting, as recorded */
    cm_folder_lock lock;       /* of out */
    const char *out, *weights; /* folders: the run's, and where finished weights go */
    const cm_ops *ops;
    uint64_t seed;
    size_t batch, workers, parts_count;
    cm_train_part parts[CM_TRAIN_PARTS];
    cm_worker *worker;
    cm_optimizer optimizer;
    cm_people_dataset dataset;
    size_t *order, *samples;                          /* the people in the order of this pass; of this step's batch */
    size_t order_pass;                                /* SIZE_MAX before the first */
    size_t saved;                                     /* the step of the checkpoint; SIZE_MAX: there is none */
    void *state;                                      /* the stage's */
    double seconds;                                   /* trained so far, all sessions of the run */
    double mean_loss, mean_metrics[CM_TRAIN_METRICS]; /* of the last recorded stretch */
    cm_arena arena;
} cm_trainer;

typedef struct cm_stage {
    const char *name, *about, *recipe;     /* recipe: default, a name in the shipped recipes */
    const char *metrics[CM_TRAIN_METRICS]; /* names, in the order of cm_worker.metrics */
    /* (optional) What people from a folder must have, beside images. */
    cm_status (*needs)(const json_t *recipe, cm_labelled_needs *needs);
    /* Adds parts with cm_trainer_add, opens frozen networks. */
    cm_status (*open)(cm_trainer *t);
    cm_status (*open_worker)(cm_trainer *t, cm_worker *w);
    /* Mean loss [1] of count samples (indices into the dataset); place: of the first one in the whole run, for random
     * numbers. Opens the tape itself, after whatever needs no gradient. NULL on failure. */
    cm_tensor *(*loss)(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place);
    cm_status (*finish)(cm_trainer *t); /* (optional) before weights are written: what the configuration must say */
    void (*close)(cm_trainer *t);       /* (optional) */
} cm_stage;

extern const cm_stage *const cm_stages[]; /* NULL-terminated, in the order of training */
const cm_stage *cm_stage_find(const char *name);

/* recipe_keys.c: refuses a key that this stage does not read, a value of another type or out of bounds. */
cm_status cm_recipe_check(const json_t *recipe, const char *stage);
/* CM_EUSAGE for a value that an option ("--steps") gives to a recipe's key and that the key cannot have. */
cm_status cm_recipe_check_option(const char *option, const char *key, const json_t *value);
/* A card.json; the same for its keys and those of its recipe. Caller json_decref. */
cm_status cm_card_read(const char *path, json_t **card);

/* recipe is kept (a new reference). The run's folder is made. */
cm_status cm_trainer_open(cm_trainer *t, const cm_stage *stage, json_t *recipe, const char *out, const char *weights);
/* train_run.c: continues from the folder's checkpoint if there is one; trains up to the recipe's steps. A loss,
 * gradient or weight that is not finite ends it with CM_EUNDEFINED, which names the step, and the checkpoint before
 * stays; any other step that cannot be made ends it too, with what was learned before saved. train.jsonl has the reason
 * in a line of kind "stop". */
cm_status cm_trainer_run(cm_trainer *t);
/* One step: forward, backward, update. */
cm_status cm_trainer_step(cm_trainer *t, double *norm);
void cm_trainer_close(cm_trainer *t);

/* For stages: params become the trainer's. config is borrowed and kept with a new reference. */
cm_status cm_trainer_add(cm_trainer *t, cm_params *params, const char *folder, const char *file, json_t *config);
/* The generator of random numbers for one sample of the run. */
cm_rng cm_trainer_rng(const cm_trainer *t, uint64_t place);

/* checkpoint.c: the whole state in one file, written through a temporary name: the one before stays until it is whole.
 */
cm_status cm_checkpoint_save(const cm_trainer *t);
/* CM_EUSAGE for a checkpoint of another stage, of another network or of other people. */
cm_status cm_checkpoint_load(cm_trainer *t, bool *found);
/* CM_EUSAGE where the weights' folder is a file or holds another network's configuration: they would be written over.
 */
cm_status cm_trainer_check_weights(const cm_trainer *t);
/* The first key whose value differs between two networks' configurations; NULL: none. Numbers with a fraction are
 * measured while it trains; all else is how a network is built. */
const char *cm_config_differs(const json_t *a, const json_t *b);
/* The averaged weights in f16 with config.json and card.json, one folder a part. */
cm_status cm_trainer_export(cm_trainer *t);
/* loss_plot.c: the loss image from train.jsonl, if gnuplot is installed. */
void cm_trainer_plot(const cm_trainer *t);

#endif
