// SPDX-License-Identifier: Apache-2.0
/* Scores of an image and its prompt from a CLIP pair's embeddings: the protocols that a bare "CLIP score" may mean,
 * and two that read long descriptions whole (docs/SCORES.md).
 *
 * Every score tells how much of the text was read: CLIP's text tower reads 75 tokens, and a dense description has more.
 */
#ifndef CM_METRICS_TEXT_IMAGE_H
#define CM_METRICS_TEXT_IMAGE_H

#include "core/labels/labels.h"
#include "metrics/extractor.h"

typedef enum cm_text_reading {
    CM_READ_START,   /* the prompt as one text, what does not fit cut off */
    CM_READ_WINDOWS, /* in pieces that fit, cut behind phrases: mean of the pieces' cosines by their tokens */
    CM_READ_PHRASES  /* each group's phrase by itself: plain mean of the phrases' cosines */
} cm_text_reading;

typedef struct cm_text_image {
    const char *prefix;        /* before the prompt */
    cm_text_cleaning cleaning; /* of the package that the protocol is of */
    cm_text_reading reading;
    double factor;   /* of the cosine */
    bool clamp_each; /* an image's negative score is 0 */
    bool clamp_mean; /* the mean over images is at least 0 */
} cm_text_image;

typedef struct cm_text_score {
    double value;
    double read;   /* share of the text's tokens, START and END not counted; 1: all */
    bool doubtful; /* some text looks wrongly decoded: the protocol's package would repair it, we do not */
} cm_text_score;

/* e has a text tower. images: its embeddings [n,width of CM_OUT_FEATURES]; one prompt each; all texts in one pass.
 * out [n]: value NaN where there is nothing to read: no phrase (CM_READ_PHRASES), a blank prompt (CM_READ_WINDOWS). g
 * is reset. CM_EUNDEFINED: an embedding that is zero or not finite. */
cm_status cm_text_image_scores(const cm_text_image *t, const cm_extractor *e, cm_ctx *g, const float *pictures,
                               const cm_description *const *prompts, size_t n, cm_arena *scratch, cm_text_score *out);

/* What a protocol makes of the mean over images. */
double cm_text_image_total(const cm_text_image *t, double mean);

/* The pieces of a text that fit `room` tokens each: cut behind the last ", " that fits, else the last blank, else the
 * last token. pieces: at least one, unless the text is blank; live in `out`. */
cm_status cm_text_windows(const cm_tokenizer *t, const char *text, cm_arena *out, const char ***pieces, size_t *count);

/* a.b / |a||b| in double; CM_EUNDEFINED when it is not finite */
cm_status cm_cosine(const float *a, const float *b, size_t n, double *cosine);

#endif
