// SPDX-License-Identifier: Apache-2.0
/* Parameters: named weights, read from files or made from a seed.
 *
 * A network's build function asks for each weight by its name (diffusers' and
 * transformers' names) and shape. One such function therefore defines the
 * architecture for loading, for random models, for training and for saving:
 *
 *     n->weight = cm_param(p, CM_INIT_CONV, CM_SHAPE(o, c, 3, 3), "%s.weight", prefix);
 *
 * Reading: a name that is absent or misshapen is noted, and cm_params_check lists
 * all of them in one status; what is in the file and not wanted is one warning. Creating: the weight is made
 * with the given initialisation, from (seed, name), so order does not matter.
 */
#ifndef CM_CORE_NETWORKS_PARAMS_H
#define CM_CORE_NETWORKS_PARAMS_H

#include "core/networks/checkpoint_keys.h"
#include "core/tensor/tensor.h"

typedef enum cm_init {
    CM_INIT_LINEAR, /* uniform +-1/sqrt(fan in), fan in = product of all but the first dimension (PyTorch's default) */
    CM_INIT_BIAS,   /* uniform +-1/sqrt(fan in of the weight asked for just before) */
    CM_INIT_ZERO,
    CM_INIT_ONE,
    CM_INIT_EMBEDDING, /* normal, sd 0.02 */
    CM_INIT_SCALE,     /* uniform in [0.75, 1.25]: of a batch norm, as the next */
    CM_INIT_VARIANCE /* uniform in [1/12, 1/4], around what a layer as above makes of what ReLU leaves of normal values:
                        1/6 */
} cm_init;
#define CM_INIT_CONV CM_INIT_LINEAR

typedef struct cm_params cm_params;

/* From a safetensors file or torch checkpoint, or a folder's usual file, sharded index, or *.fp16 variant
 * (param_files.h). f32 stays mapped; f16 and bf16 are widened when asked for. A NaN or infinity in a weight is an error
 * naming it. */
cm_status cm_params_open(cm_params **out, const char *path);
/* One part of a single-file checkpoint in the original layout. */
cm_status cm_params_open_original(cm_params **out, const char *path, cm_ckpt_part part);
/* A network's own file, in diffusers' names or the original ones, of a whole checkpoint or the part alone
 * ("input_blocks.0.0.weight", as ComfyUI keeps UNets); or a folder, as cm_params_open. */
cm_status cm_params_open_part(cm_params **out, const char *path, cm_ckpt_part part);
/* Fresh weights from a seed. trainable: gradients' storage is made beside each. */
cm_status cm_params_create(cm_params **out, uint64_t seed);
/* Names and shapes only, without values or memory for them: to count. */
cm_status cm_params_plan(cm_params **out);
void cm_params_close(cm_params **p);

/* Makes every parameter own writable storage and a gradient (for training a loaded model). */
cm_status cm_params_make_trainable(cm_params *p);
/* Same values (shared storage), gradients of its own: one per worker. Close before the original. */
cm_status cm_params_share(cm_params **out, cm_params *from);

/* Says that the values do not change any more: backends may keep them in an order of their own, until close. */
void cm_params_freeze(cm_params *p);
/* Little memory for more time: of packs only `bytes` are kept, other large weights are widened (or made) and packed
 * each time an operation wants them, and pages of files are given back after use. After cm_params_freeze; one context
 * at a time. */
void cm_params_lean(cm_params *p, size_t bytes);
size_t cm_params_lean_room(const cm_params *p); /* a good `bytes`: a quarter of the weights, in bf16 */
/* Lets packs and large values go until they are wanted again. No operation may be running. */
void cm_params_release(cm_params *p);

/* The values of a product's large weight, or of a large table, are made or widened when an operation or cm_params_at
 * first wants them, and let go again once a backend has packed them. Pages of a file are given back once they are
 * checked. Never NULL: on trouble a harmless tensor of that shape is returned and the trouble noted. */
cm_tensor *cm_param(cm_params *p, cm_init init, int ndim, const size_t *shape, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
/* A weight that `make` makes of others, for the layers that run: not in the lists below, not saved, not hashed. A large
 * one is made when first wanted and let go as any other. `from`, and what it points to, stay as they are as long as p.
 */
typedef void cm_param_make(cm_tensor *const *from, size_t count, float *values);
cm_tensor *cm_param_made(cm_params *p, int ndim, const size_t *shape, cm_param_make *make, cm_tensor *const *from,
                         size_t count);
/* Is there such a weight in the file? (creating: false) For optional parts. */
bool cm_param_exists(const cm_params *p, const char *name);
/* Lists what was missing, misshapen or not a number, and with it what is in the file but was never asked for. all:
 * where nothing is wrong, that is one warning. */
cm_status cm_params_check(const cm_params *p, bool all);
/* What no network asked for, of one or several files: how many tensors (whole numbers apart: they are buffers), and the
 * first. */
typedef struct cm_left_over {
    size_t count;
    const char *names[3];
} cm_left_over;
void cm_params_add_left_over(const cm_params *p, cm_left_over *all);
void cm_left_over_add(cm_left_over *all, const char *name);        /* borrowed */
void cm_left_over_warn(const cm_left_over *all, const char *path); /* no word where nothing is left */

/* In order of first request. */
size_t cm_params_count(const cm_params *p);
const char *cm_params_name(const cm_params *p, size_t i);
cm_tensor *cm_params_at(const cm_params *p, size_t i);
size_t cm_params_values(const cm_params *p); /* total number of weights */
void cm_params_zero_grad(cm_params *p);
/* SHA-256 over names, shapes and values, hex. */
cm_status cm_params_hash(const cm_params *p, char out[65]);

/* Writes a safetensors file (to a temporary name, then renamed). values: NULL, or one array per
 * parameter to write instead (EMA). metadata: pairs, NULL-terminated, or NULL. */
cm_status cm_params_save(const cm_params *p, const char *path, cm_dtype type, const float *const *values,
                         const char *const *metadata);

#endif
