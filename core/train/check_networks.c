// SPDX-License-Identifier: Apache-2.0
/* Acceptance criteria of the autoencoder, the text tower and the score networks. */
#include <math.h>
#include <string.h>

#include "core/train/captions.h"
#include "core/train/acceptance.h"
#include "core/networks/open_network.h"

static cm_tensor *pixels_of(cm_checking *c, size_t person) {
    cm_tensor *x = cm_tensor_new(&c->g, CM_SHAPE(1, c->dataset.height, c->dataset.width, 3));
    if (x) cm_people_dataset_pixels(&c->dataset, person, x->data);
    return x;
}

cm_status cm_check_vae(cm_checking *c, cm_acceptance *out) {
    cm_open_network files;
    cm_vae *vae;
    CM_TRY(cm_open_vae(&files, cm_in_folder(c->folder), &c->arena, &vae));
    double error = 0;
    cm_status s = CM_OK;
    for (size_t i = 0; i < c->dataset.count && s == CM_OK; i++) {
        cm_tensor *x = pixels_of(c, i), *mean, *logvar;
        cm_vae_encode(&c->g, vae, x, &mean, &logvar);
        cm_tensor *y = cm_vae_decode(&c->g, vae, mean);
        if ((s = cm_ctx_check(&c->g)) != CM_OK) break;
        double sum = 0;
        for (size_t k = 0; k < cm_count(x); k++) {
            const double v = fmin(1, fmax(-1, (double)y->data[k])) - (double)x->data[k];
            sum += v * v;
        }
        error += sum / (double)cm_count(x);
        cm_ctx_reset(&c->g);
    }
    cm_ctx_reset(&c->g);
    cm_open_network_close(&files);
    if (s == CM_OK)
        cm_acceptance_add(out, "reconstruction, dB", 10 * log10(4 * (double)c->dataset.count / error), 27,
                          c->dataset.count);
    return s;
}

/* --- text tower ---------------------------------------------------------------- */

enum { MAX_WORDS = 64 };

/* Features of garments' last tokens with the value of one attribute. */
typedef struct probe_set {
    float *x;
    int *labels;
    size_t n, width, words;
    const char *word[MAX_WORDS]; /* labels are words: the same colour of a shirt and of a shoe is one */
} probe_set;

static int word_label(probe_set *set, const char *word) {
    for (size_t i = 0; i < set->words; i++)
        if (strcmp(set->word[i], word) == 0) return (int)i;
    if (set->words == MAX_WORDS) return 0;
    set->word[set->words] = word;
    return (int)set->words++;
}

static void add_garments(probe_set *set, const char *key, const cm_description *d, const float *hidden) {
    for (size_t i = 0; i < d->count; i++) {
        const cm_phrase *p = &d->phrases[i];
        const int slot = p->token_end > p->token_begin && p->group >= 0 ? cm_slot_find(p->group, key) : -1;
        for (size_t a = 0; slot >= 0 && a < p->attribute_count; a++) {
            if (strcmp(p->attributes[a].key, key) != 0) continue;
            set->labels[set->n] = word_label(set, p->attributes[a].value);
            memcpy(set->x + set->n++ * set->width, hidden + (p->token_end - 1) * set->width,
                   set->width * sizeof(float));
        }
    }
}

static const char *const probe_keys[] = {"color", "pattern"};

/* Captions need no drawing: four times as many people as pictures. */
static size_t set_people(const cm_checking *c) {
    return 4 * c->dataset.count;
}

static cm_status probe_text(cm_checking *c, const cm_tokenizer *t, const cm_clip_text *text, probe_set sets[2],
                            double *spread) {
    const size_t width = text->config.hidden_size;
    double sum = 0, squares = 0, n = 0;
    for (size_t i = 0; i < set_people(c); i++) {
        cm_person p;
        cm_caption caption;
        cm_tensor *hidden;
        cm_people_dataset_person(&c->dataset, i, &p);
        CM_TRY(
            cm_caption_make(t, &p, CM_CAPTION_DENSE, cm_people_dataset_seed(&c->dataset, i), 0, &c->arena, &caption));
        CM_TRY(cm_clip_text_forward(&c->g, text, caption.tokens.ids, 1, caption.tokens.length, &hidden, NULL, NULL));
        CM_TRY(cm_ctx_check(&c->g));
        for (size_t k = 0; k < 2; k++) add_garments(&sets[k], probe_keys[k], &caption.dense, hidden->data);
        for (size_t k = 0; k < caption.tokens.used * width; k++) {
            sum += (double)hidden->data[k];
            squares += (double)hidden->data[k] * (double)hidden->data[k];
        }
        n += (double)(caption.tokens.used * width);
        cm_ctx_reset(&c->g);
    }
    *spread = sqrt(squares / n - sum / n * (sum / n));
    return CM_OK;
}

static cm_status check_text(cm_checking *c, const cm_tokenizer *t, const cm_clip_text *text, cm_acceptance *out) {
    static const char *const names[2] = {"probe: word to colour", "probe: word to pattern"};
    probe_set sets[2];
    const size_t width = text->config.hidden_size, most = set_people(c) * CM_GROUPS;
    for (size_t k = 0; k < 2; k++)
        sets[k] = (probe_set){.x = CM_PUSH(&c->arena, float, most *width),
                              .labels = CM_PUSH_ZERO(&c->arena, int, most),
                              .width = width};
    CM_TRY(cm_arena_check(&c->arena));
    double spread, right;
    CM_TRY(probe_text(c, t, text, sets, &spread));
    for (size_t k = 0; k < 2; k++) {
        CM_TRY(cm_linear_probe(sets[k].x, width, sets[k].labels, sets[k].n, sets[k].words, 1e-3, &c->arena, &right));
        cm_acceptance_add(out, names[k], right, 0.95, sets[k].n - sets[k].n / 2);
    }
    cm_acceptance_add(out, "spread of features", spread, NAN, set_people(c));
    return CM_OK;
}

/* Unit vectors of a caption and its picture. */
static cm_status embed(cm_checking *c, const cm_clip_text *text, const cm_clip_vision *vision,
                       const cm_caption *caption, size_t person, float *words, float *picture) {
    cm_tensor *pooled;
    CM_TRY(cm_clip_text_forward(&c->g, text, caption->tokens.ids, 1, caption->tokens.length, NULL, NULL, &pooled));
    cm_tensor *a = cm_normalize_last(&c->g, pooled, 1e-6f);
    cm_tensor *b = cm_normalize_last(&c->g, cm_clip_vision_forward(&c->g, vision, pixels_of(c, person)), 1e-6f);
    CM_TRY(cm_ctx_check(&c->g));
    memcpy(words, a->data, cm_count(a) * sizeof(float));
    memcpy(picture, b->data, cm_count(b) * sizeof(float));
    cm_ctx_reset(&c->g);
    return CM_OK;
}

static cm_status check_retrieval(cm_checking *c, const cm_tokenizer *t, const cm_clip_text *text,
                                 const cm_clip_vision *vision, cm_acceptance *out) {
    const size_t n = c->dataset.count, width = vision->config.projection_dim;
    float *words = CM_PUSH(&c->arena, float, n *width), *pictures = CM_PUSH(&c->arena, float, n *width);
    CM_TRY(cm_arena_check(&c->arena));
    for (size_t i = 0; i < n; i++) {
        cm_person p;
        cm_caption caption;
        cm_people_dataset_person(&c->dataset, i, &p);
        CM_TRY(
            cm_caption_make(t, &p, CM_CAPTION_DENSE, cm_people_dataset_seed(&c->dataset, i), 0, &c->arena, &caption));
        CM_TRY(embed(c, text, vision, &caption, i, words + i * width, pictures + i * width));
    }
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        double most = -2;
        for (size_t j = 0; j < n; j++) {
            double dot = 0;
            for (size_t k = 0; k < width; k++) dot += (double)words[i * width + k] * (double)pictures[j * width + k];
            if (dot > most) most = dot, best = j;
        }
        right += best == i;
    }
    cm_acceptance_add(out, "picture found by its caption", (double)right / (double)n, NAN, n);
    return CM_OK;
}

cm_status cm_check_clip(cm_checking *c, cm_acceptance *out) {
    cm_open_network files, vision_files = {0};
    cm_clip_text text;
    cm_clip_vision vision;
    cm_tokenizer *t = NULL;
    const char *tokenizer = cm_arena_print(&c->arena, "%s/nano/tokenizer", c->models);
    const char *folder = cm_arena_print(&c->arena, "%s/nano/clip", c->models);
    CM_TRY(cm_arena_check(&c->arena));
    CM_TRY(cm_open_text(&files, cm_in_folder(c->folder), &c->arena, &text));
    cm_status s = cm_tokenizer_open(&t, tokenizer);
    if (s == CM_OK) s = check_text(c, t, &text, out);
    if (s == CM_OK) s = cm_open_vision(&vision_files, cm_in_folder(folder), &c->arena, &vision);
    if (s == CM_OK) s = check_retrieval(c, t, &text, &vision, out);
    cm_ctx_reset(&c->g);
    cm_tokenizer_close(&t);
    cm_open_network_close(&vision_files);
    cm_open_network_close(&files);
    return s;
}
