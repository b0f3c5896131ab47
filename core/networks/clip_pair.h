// SPDX-License-Identifier: Apache-2.0
/* A CLIP pair: image tower, text tower, their projections into one space, and the tokenizer.
 *
 * path is one of
 *     random:clip-vit-b-32     and the other names of clip_config.h: random weights from a seed, for speed runs
 *     a transformers folder    config.json of a CLIPModel, its weights, its vocabulary
 *     a folder of two towers   text_encoder/ and clip/, each with its config.json and weights in transformers' names
 *                              (CLIPTextModelWithProjection, CLIPVisionModelWithProjection), and tokenizer/: the nano
 *                              pair, which takes pixels in [-1,1]
 *     an open_clip file or folder  open_clip_pytorch_model.bin, open_clip_model.safetensors, or any file in the
 *                              original names; open_clip_config.json beside it counts, else shapes say the
 *                              architecture
 *     OpenAI's own archive     ViT-B-32.pt, written by torch.jit.save; a training checkpoint of HPSv2
 *                              (HPS_v2.1_compressed.pt) is the same with its tensors under "state_dict"
 *
 * Images and texts are run in pieces, each by itself: an embedding depends on the size of a batch, and on the number
 * of threads, by at most 1e-5 of its length (a test holds that).
 */
#ifndef CM_CORE_NETWORKS_CLIP_PAIR_H
#define CM_CORE_NETWORKS_CLIP_PAIR_H

#include "core/networks/clip.h"
#include "core/networks/tokenizer.h"

typedef struct cm_clip_pair cm_clip_pair;

typedef enum cm_clip_act { CM_CLIP_ACT_AUTO, CM_CLIP_ACT_GELU, CM_CLIP_ACT_QUICK_GELU } cm_clip_act;

typedef struct cm_clip_options {
    const char *tokenizer; /* a folder, or bpe_simple_vocab_16e6.txt.gz; NULL: the one beside the weights, if any */
    cm_clip_act act; /* AUTO: what the configuration says; OpenAI's archives QuickGELU; other original names GELU */
    uint64_t seed;   /* of random weights */
} cm_clip_options;

typedef struct cm_clip_pair_info {
    const char *name; /* "ViT-L/14@336"; "CLIP 24x1024/14@224" (image layers x width / patch @ size) for others */
    const char *path;
    const char *warning;   /* one line about the activation, or NULL */
    cm_act act;            /* CM_GELU or CM_QUICK_GELU */
    size_t width, height;  /* of the images it looks at */
    size_t projection;     /* P, the length of an embedding */
    size_t context;        /* tokens of a text, START and END included */
    int pad;               /* the id behind END; -1 without a tokenizer */
    float mean[3], std[3]; /* of pixels in [0,1] */
} cm_clip_pair_info;

/* options may be NULL. Every name and shape is checked, and what is missing, misshapen or left over is listed. Without
 * a tokenizer a pair can look at images, and says so when asked for a text. */
cm_status cm_clip_pair_open(cm_clip_pair **out, const char *path, const cm_clip_options *options);
void cm_clip_pair_close(cm_clip_pair **p);
const cm_clip_pair_info *cm_clip_pair_get_info(const cm_clip_pair *p);
const cm_tokenizer *cm_clip_pair_tokenizer(const cm_clip_pair *p); /* NULL: none */
cm_status cm_clip_pair_hash(const cm_clip_pair *p, char out[65]);  /* SHA-256 over the weights; reads all of them */

/* pixels [n,height,width,3], normalised by mean and std -> out [n,P], the projections, not normalised. g is reset.
 * Several threads may call at once, each with its own g. CM_EUNDEFINED when an embedding is not finite. */
cm_status cm_clip_pair_images(const cm_clip_pair *p, cm_ctx *g, const float *pixels, size_t n, float *out);

/* How much of a text was read. Tokens without START and END; what does not fit the context is cut off, and END stands
 * in the last place (OpenAI's truncate=True, and open_clip). */
typedef struct cm_clip_reading {
    size_t tokens, read;
    bool doubtful; /* cm_tokens */
} cm_clip_reading;

/* texts, cleaned as the protocol wants it -> out [n,P]; readings: NULL, or [n]. g is reset. */
cm_status cm_clip_pair_texts(const cm_clip_pair *p, cm_ctx *g, cm_text_cleaning cleaning, const char *const *texts,
                             size_t n, float *out, cm_clip_reading *readings);

#endif
