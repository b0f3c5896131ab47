// SPDX-License-Identifier: Apache-2.0
/* Acceptance criteria of the score networks: what they name rightly on held-out drawings, and what the parser names on
 * the images that the autoencoder makes of them, which no generator that works with it can better. */
#include <math.h>
#include <string.h>

#include "core/networks/open_network.h"
#include "core/train/acceptance.h"
#include "core/train/slot_check.h"

typedef struct tally {
    cm_slot_tally slots;
    double hit[CM_CLASSES], either[CM_CLASSES];
} tally;

static cm_tensor *pixels_of(cm_checking *c, size_t person) {
    cm_tensor *x = cm_tensor_new(&c->g, CM_SHAPE(1, c->dataset.height, c->dataset.width, 3));
    if (x) cm_people_dataset_pixels(&c->dataset, person, x->data);
    return x;
}

static void tally_slots(tally *t, const cm_person *p, const float *logits) {
    int seen[CM_MAX_SLOTS];
    for (int k = 0; k < cm_slot_count; logits += cm_slots[k++].count)
        seen[k] = (int)cm_largest_logit(logits, (size_t)cm_slots[k].count);
    cm_slot_tally_add(&t->slots, p, seen);
}

static void tally_classes(tally *t, const uint8_t *truth, const float *logits, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        const size_t seen = cm_largest_logit(logits + i * CM_CLASSES, CM_CLASSES);
        t->either[seen]++;
        if (seen == truth[i]) t->hit[seen]++;
        else t->either[truth[i]]++;
    }
}

/* Of the slots that are asked, the share that is named rightly, kind by kind, and the mean of the kinds. */
static void add_kinds(const cm_slot_tally *t, const bool asked[CM_MAX_SLOTS], const char *const names[4], size_t n,
                      cm_acceptance *out) {
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        const double share = cm_slot_tally_share(t, asked, (cm_slot_kind)k);
        sum += share;
        if (!isnan(share)) cm_acceptance_add(out, names[k], share, NAN, n);
    }
    if (!isnan(sum)) cm_acceptance_add(out, names[3], sum / 3, NAN, n);
}

static void add_classes(const tally *t, size_t n, cm_acceptance *out) {
    double sum = 0, seen = 0;
    for (size_t k = 0; k < CM_CLASSES; k++)
        if (t->either[k] > 0) sum += t->hit[k] / t->either[k], seen++;
    if (seen > 0) cm_acceptance_add(out, "classes, mean intersection/union", sum / seen, NAN, n);
}

/* --- the parser -------------------------------------------------------------------------- */

/* What its questions say, into `out`; asked: the slots that are asked. */
static void add_questions(const cm_slot_tally *drawn, const cm_slot_tally *made, bool asked[CM_MAX_SLOTS],
                          cm_acceptance *out) {
    for (int i = 0; i < cm_slot_count; i++) {
        const cm_slot_check c = cm_slot_check_of(drawn, i);
        asked[i] = c.asked;
        if (cm_slots[i].kind == CM_SLOT_OTHER || c.n == 0) continue;
        out->questions[out->question_count++] =
            (cm_question_criterion){cm_slots[i].name, c, cm_slot_check_of(made, i).right};
    }
}

static void add_parser(const tally *drawn, const tally *made, size_t n, cm_acceptance *out) {
    static const char *const of_drawn[4] = {"objects right, of those asked", "textures right, of those asked",
                                            "shapes right, of those asked", "mean of the three"};
    static const char *const of_made[4] = {"objects right, reconstructed", "textures right, reconstructed",
                                           "shapes right, reconstructed", "mean of the three, reconstructed"};
    bool asked[CM_MAX_SLOTS] = {false};
    add_questions(&drawn->slots, &made->slots, asked, out);
    add_kinds(&drawn->slots, asked, of_drawn, n, out);
    add_kinds(&made->slots, asked, of_made, n, out);
    add_classes(drawn, n, out);
}

/* The autoencoder's image of x, as an image file would hold it. */
static cm_tensor *reconstruct(cm_checking *c, const cm_vae *vae, cm_tensor *x) {
    cm_tensor *mean, *logvar;
    cm_vae_encode(&c->g, vae, x, &mean, &logvar);
    return cm_clamp(&c->g, cm_vae_decode(&c->g, vae, mean), -1, 1);
}

static cm_status parse_person(cm_checking *c, const cm_parser *parser, const cm_vae *vae, size_t i, tally *drawn,
                              tally *made) {
    const size_t pixels = c->dataset.width * c->dataset.height;
    cm_tensor *classes, *slots, *again;
    cm_person p;
    cm_people_dataset_person(&c->dataset, i, &p);
    cm_tensor *x = pixels_of(c, i);
    cm_parser_forward(&c->g, parser, x, &classes, &slots);
    cm_parser_forward(&c->g, parser, reconstruct(c, vae, x), NULL, &again);
    CM_TRY(cm_ctx_check(&c->g));
    tally_slots(drawn, &p, slots->data);
    tally_slots(made, &p, again->data);
    tally_classes(drawn, c->dataset.classes + i * pixels, classes->data, pixels);
    cm_ctx_reset(&c->g);
    return CM_OK;
}

cm_status cm_check_parser(cm_checking *c, cm_acceptance *out) {
    cm_open_network files, vae_files;
    cm_parser *parser;
    cm_vae *vae;
    tally *both = CM_PUSH_ZERO(&c->arena, tally, 2);
    const char *vae_folder = cm_arena_print(&c->arena, "%s/nano/vae", c->models);
    CM_TRY(cm_arena_check(&c->arena));
    CM_TRY(cm_open_parser(&files, cm_in_folder(c->folder), &c->arena, &parser));
    cm_status s = cm_open_vae(&vae_files, cm_in_folder(vae_folder), &c->arena, &vae);
    if (s == CM_OK) {
        for (size_t i = 0; i < c->dataset.count && s == CM_OK; i++)
            s = parse_person(c, parser, vae, i, &both[0], &both[1]);
        cm_ctx_reset(&c->g);
        cm_open_network_close(&vae_files);
    }
    cm_open_network_close(&files);
    if (s == CM_OK) add_parser(&both[0], &both[1], c->dataset.count, out);
    return s;
}

/* --- the feature network -------------------------------------------------------------------- */

cm_status cm_check_features(cm_checking *c, cm_acceptance *out) {
    cm_open_network files;
    cm_feature_net *net;
    static const char *const names[4] = {"objects right", "textures right", "shapes right", "mean of the three"};
    tally *t = CM_PUSH_ZERO(&c->arena, tally, 1);
    bool all[CM_MAX_SLOTS];
    CM_TRY(cm_arena_check(&c->arena));
    CM_TRY(cm_open_features(&files, cm_in_folder(c->folder), &c->arena, &net));
    cm_status s = CM_OK;
    for (size_t i = 0; i < c->dataset.count && s == CM_OK; i++) {
        cm_tensor *pooled, *slots;
        cm_person p;
        cm_people_dataset_person(&c->dataset, i, &p);
        cm_feature_net_forward(&c->g, net, pixels_of(c, i), &pooled, &slots);
        if ((s = cm_ctx_check(&c->g)) != CM_OK) break;
        tally_slots(t, &p, slots->data);
        cm_ctx_reset(&c->g);
    }
    cm_ctx_reset(&c->g);
    cm_open_network_close(&files);
    for (size_t i = 0; i < CM_MAX_SLOTS; i++) all[i] = true;
    if (s == CM_OK) add_kinds(&t->slots, all, names, c->dataset.count, out);
    return s;
}
