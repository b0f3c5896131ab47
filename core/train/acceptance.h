// SPDX-License-Identifier: Apache-2.0
/* Acceptance criteria: is a stage good enough for the next one to build on it?
 *
 *   vae       reconstruction of held-out drawings, in dB
 *   clip      linear probe from a garment's last token to its colour and pattern; spread; retrieval
 *   parser    attributes on drawings and on the autoencoder's images of them; which questions are asked
 *             (slot_check.h); mean intersection over union of the 18 classes
 *   features  attributes
 *   unet      swap test and drop test: with the same noise, the noise error inside two garments must rise when their
 *             attributes are exchanged in the caption, or the caption is left out
 */
#ifndef CM_CORE_TRAIN_ACCEPTANCE_H
#define CM_CORE_TRAIN_ACCEPTANCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/tensor/tensor.h"
#include "core/train/people_dataset.h"
#include "core/train/slot_check.h"

/* One line of results; */
typedef struct cm_criterion {
    const char *name;
    double value, lo, hi; /* lo = hi = value where there is no interval */
    size_t n;
    double least; /* the gate holds when lo (or value) is at least this; NaN: no gate */
} cm_criterion;

/* One question of a parser's, "tops.color". */
typedef struct cm_question_criterion {
    const char *slot;
    cm_slot_check drawn;
    double reconstructed; /* share right on the autoencoder's images */
} cm_question_criterion;

enum { CM_CHECK_MAX_GATES = 24, CM_CARD_PEOPLE = 256 /* the fewest that a parser's card may be written from */ };
typedef struct cm_acceptance {
    size_t count;
    cm_criterion gate[CM_CHECK_MAX_GATES];
    size_t question_count; /* of a parser; else 0 */
    cm_question_criterion questions[CM_MAX_SLOTS];
} cm_acceptance;

typedef struct cm_check_request {
    const char *model; /* "nano:daring": which arm; its autoencoder and text tower are the others' */
    const char *part;  /* "all", or one of the above */
    const char *backend;
    size_t count;                                                    /* held-out people */
    void (*report)(const char *part, const cm_acceptance *criteria); /* called once a part */
    bool write_cards; /* results into <folder>/card.json and README.md, which a note names */
} cm_check_request;

/* A gate that does not hold is no error; failed: how many there are. */
cm_status cm_train_check(const cm_check_request *r, size_t *failed);

void cm_acceptance_add(cm_acceptance *g, const char *name, double value, double least, size_t n);
/* Mean with its 95 % interval (normal) over n values; holds when the interval's low end is above `least`. */
void cm_acceptance_add_mean(cm_acceptance *g, const char *name, const double *values, size_t n, double least);
bool cm_criterion_holds(const cm_criterion *g);

/* What a check works with. */
typedef struct cm_checking {
    cm_ctx g;
    cm_arena arena;
    cm_people_dataset dataset; /* held-out people, drawn */
    const char *folder;        /* of the weights checked */
    const char *models;        /* of all models */
} cm_checking;

cm_status cm_check_vae(cm_checking *c, cm_acceptance *out);
cm_status cm_check_clip(cm_checking *c, cm_acceptance *out);
cm_status cm_check_parser(cm_checking *c, cm_acceptance *out);
cm_status cm_check_features(cm_checking *c, cm_acceptance *out);
cm_status cm_check_unet(cm_checking *c, cm_acceptance *out);

/* Ridge regression on one-hot labels (closed form), features x [n,width], labels [n] in [0,classes): the share of the
 * second half that a fit on the first half names rightly. */
cm_status cm_linear_probe(const float *x, size_t width, const int *labels, size_t n, size_t classes, double ridge,
                          cm_arena *scratch, double *right);

/* card.json and README.md of a weights folder, with the criteria; of a parser also what its questions say, "questions":
 * {"margin": 0.1, "slots": {"tops.color": {"right": 0.97, "commonest": 0.12, "reconstructed": 0.95, "n": 1700,
 * "asked": true}, ...}}, which prompts/asked_slots.h reads. */
cm_status cm_model_card_write(const char *folder, const char *part, const cm_acceptance *criteria);

#endif
