// SPDX-License-Identifier: Apache-2.0
/* Stage `clip`: text tower and image tower together.
 *
 * Contrastive loss over the batch (Radford et al. 2021), where each image also
 * sees every caption with two garments' attributes exchanged, as a hard negative;
 * and an auxiliary loss on text alone: from the last token of each phrase, name
 * the words of the phrase. The second binds "red" to its "shirt" within minutes,
 * which contrast alone does not. With "text_encoder" the text tower is that one
 * and stays as it is: only the image tower learns. */
#include <math.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "core/train/captions.h"
#include "core/networks/open_network.h"
#include "core/train/init_weights.h"
#include "core/train/trainer.h"

enum { PART_VISION, PART_HEAD, PART_TEXT, PARTS_ALL }; /* text last: absent when frozen */

typedef struct clip_state {
    cm_tokenizer *tokenizer;
    cm_clip_text_config text;
    cm_clip_vision_config vision;
    size_t words;
    float contrast, naming;
    bool frozen; /* the text tower is not trained */
    cm_open_network text_files;
    cm_clip_text frozen_text;
} clip_state;

typedef struct clip_net {
    cm_clip_text text;
    cm_clip_vision vision;
    cm_tensor *logit_scale, *head_w, *head_b;
} clip_net;

static cm_status build(const clip_state *s, cm_params *const *p, cm_arena *a, clip_net *n) {
    if (s->frozen) n->text = s->frozen_text;
    else cm_clip_text_build(&n->text, &s->text, p[PART_TEXT], a);
    cm_clip_vision_build(&n->vision, &s->vision, p[PART_VISION], a);
    n->logit_scale = cm_param(p[PART_HEAD], CM_INIT_ZERO, CM_SHAPE(1), "logit_scale");
    if (s->frozen) return cm_arena_check(a);
    n->head_w = cm_param(p[PART_HEAD], CM_INIT_LINEAR, CM_SHAPE(s->words, s->text.hidden_size), "head.weight");
    n->head_b = cm_param(p[PART_HEAD], CM_INIT_ZERO, CM_SHAPE(s->words), "head.bias");
    return cm_arena_check(a);
}

/* The tower's sizes; what depends on the words comes from the tokenizer. */
static cm_status open_text(cm_trainer *t, clip_state *s) {
    char *folder;
    CM_TRY(cm_recipe_folder(t->recipe, "tokenizer", "nano/tokenizer", &t->arena, &folder));
    CM_TRY(cm_tokenizer_open(&s->tokenizer, folder));
    s->words = (size_t)cm_tokenizer_size(s->tokenizer);
    s->frozen = cm_json_text_or(t->recipe, "text_encoder", NULL) != NULL;
    if (s->frozen) {
        CM_TRY(cm_recipe_folder(t->recipe, "text_encoder", "", &t->arena, &folder));
        CM_TRY(cm_open_text(&s->text_files, cm_in_folder(folder), &t->arena, &s->frozen_text));
        s->text = s->frozen_text.config;
        return CM_OK;
    }
    json_t *text = json_object_get(t->recipe, "text");
    json_object_set_new(text, "vocab_size", json_integer((json_int_t)s->words));
    json_object_set_new(text, "bos_token_id", json_integer(cm_tokenizer_bos(s->tokenizer)));
    json_object_set_new(text, "eos_token_id", json_integer(cm_tokenizer_eos(s->tokenizer)));
    return cm_clip_text_configure(text, &s->text);
}

static cm_status add_parts(cm_trainer *t, clip_state *s, cm_params **p) {
    static const char *const folders[PARTS_ALL] = {"clip", NULL, "text_encoder"};
    json_t *const configs[PARTS_ALL] = {json_object_get(t->recipe, "vision"), NULL, json_object_get(t->recipe, "text")};
    for (size_t k = 0; k < (s->frozen ? PART_TEXT : PARTS_ALL); k++) {
        CM_TRY(cm_params_create(&p[k], t->seed + k));
        CM_TRY(cm_trainer_add(t, p[k], folders[k], "model.safetensors", configs[k]));
    }
    return CM_OK;
}

static cm_status clip_open(cm_trainer *t) {
    clip_state *s = CM_PUSH_ZERO(&t->arena, clip_state, 1);
    clip_net *n = CM_PUSH_ZERO(&t->arena, clip_net, 1);
    cm_params *p[PARTS_ALL] = {0};
    CM_TRY(cm_arena_check(&t->arena));
    t->state = s;
    CM_TRY(open_text(t, s));
    CM_TRY(cm_clip_vision_configure(json_object_get(t->recipe, "vision"), &s->vision));
    s->contrast = (float)cm_json_number_or(t->recipe, "contrast", 1);
    s->naming = s->frozen ? 0 : (float)cm_json_number_or(t->recipe, "naming", 1);
    CM_TRY(add_parts(t, s, p));
    CM_TRY(build(s, p, &t->arena, n));
    n->logit_scale->data[0] = 2.659f; /* ln(1/0.07) */
    for (size_t k = 0; k < t->parts_count; k++) CM_TRY(cm_params_check(p[k], false));
    return CM_OK;
}

static void clip_close(cm_trainer *t) {
    clip_state *s = t->state;
    cm_tokenizer_close(&s->tokenizer);
    cm_open_network_close(&s->text_files);
}

static cm_status clip_open_worker(cm_trainer *t, cm_worker *w) {
    clip_net *n = CM_PUSH_ZERO(&w->networks, clip_net, 1);
    CM_TRY(cm_arena_check(&w->networks));
    w->net = n;
    return build(t->state, w->params, &w->networks, n);
}

/* Rows of the hidden states where phrases end, and the words to name from each: one row a word. */
typedef struct naming {
    size_t count;
    size_t *rows;
    int *words;
} naming;

static void add_words(naming *n, const cm_caption *c, size_t text, size_t length) {
    for (size_t i = 0; i < c->dense.count; i++) {
        const cm_phrase *p = &c->dense.phrases[i];
        for (size_t j = p->token_begin; j < p->token_end; j++) {
            n->rows[n->count] = text * length + p->token_end - 1;
            n->words[n->count++] = c->tokens.ids[j];
        }
    }
}

/* Ids of the true captions, then of those with attributes exchanged. used: tokens of the longest. */
static cm_status fill_texts(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place, int *ids,
                            size_t *used, naming *n) {
    const clip_state *s = t->state;
    const size_t length = cm_tokenizer_length(s->tokenizer);
    for (size_t i = 0; i < count; i++) {
        cm_rng r = cm_trainer_rng(t, place + i);
        const uint64_t seed = cm_rng_u64(&r);
        cm_person p, other;
        int groups[2];
        cm_caption c;
        cm_people_dataset_person(&t->dataset, samples[i], &p);
        if (!cm_person_swap(&p, seed, &other, groups)) /* nothing to exchange: someone else */
            cm_person_sample(&other, &t->dataset.options, seed);
        const cm_person *both[2] = {&p, &other};
        for (size_t k = 0; k < 2; k++) {
            const double drop = k ? 0 : 0.1 * (cm_rng_uniform(&r) < 0.5);
            CM_TRY(cm_caption_make(s->tokenizer, both[k], CM_CAPTION_DENSE, seed, drop, &w->scratch, &c));
            memcpy(ids + (k * count + i) * length, c.tokens.ids, length * sizeof *ids);
            if (c.tokens.used > *used) *used = c.tokens.used;
            add_words(n, &c, k * count + i, length);
        }
    }
    return CM_OK;
}

static cm_status fill_pictures(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, float *pixels) {
    const size_t each = t->dataset.height * t->dataset.width * 3;
    for (size_t i = 0; i < count; i++) {
        CM_TRY(cm_people_dataset_draw(&t->dataset, samples[i], &w->scratch));
        cm_people_dataset_pixels(&t->dataset, samples[i], pixels + i * each);
    }
    return CM_OK;
}

/* Cuts the padding that no caption of the batch needs: the tower is causal, nothing before it changes. */
static void shorten(int *ids, size_t texts, size_t length, size_t used, naming *n) {
    for (size_t i = 1; i < texts; i++) memmove(ids + i * used, ids + i * length, used * sizeof *ids);
    for (size_t i = 0; i < n->count; i++) n->rows[i] = n->rows[i] / length * used + n->rows[i] % length;
}

static double share_right(const cm_tensor *logits, const int *labels, size_t columns) {
    const size_t rows = logits->shape[0], all = logits->shape[1];
    size_t right = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t best = 0;
        for (size_t j = 1; j < columns; j++)
            if (logits->data[i * all + j] > logits->data[i * all + best]) best = j;
        right += best == (size_t)labels[i];
    }
    return (double)right / (double)rows;
}

static cm_tensor *contrastive(cm_worker *w, cm_tensor *pooled, cm_tensor *pixels, size_t count) {
    cm_ctx *g = &w->g;
    const clip_net *n = w->net;
    cm_tensor *texts = cm_normalize_last(g, pooled, 1e-6f);
    cm_tensor *pictures = cm_normalize_last(g, cm_clip_vision_forward(g, &n->vision, pixels), 1e-6f);
    cm_tensor *scale = cm_exp(g, cm_clamp(g, n->logit_scale, 0, 4.6052f)); /* at most 100, as CLIP */
    size_t *rows = CM_PUSH(&w->scratch, size_t, count);
    int *labels = CM_PUSH(&w->scratch, int, count);
    if (!rows || !labels) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        rows[i] = i;
        labels[i] = (int)i;
    }
    cm_tensor *by_picture = cm_scale_by(g, cm_matmul_nt(g, pictures, texts), scale);
    cm_tensor *by_text = cm_scale_by(g, cm_matmul_nt(g, cm_gather_rows(g, texts, rows, count), pictures), scale);
    cm_tensor *a = cm_cross_entropy(g, by_picture, labels, NULL, NULL),
              *b = cm_cross_entropy(g, by_text, labels, NULL, NULL);
    cm_tensor *loss = cm_weighted_sum(g, (cm_tensor *const[]){a, b}, (const float[]){0.5f, 0.5f}, 2);
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[0] = (double)loss->data[0];
    w->metrics[2] = share_right(by_picture, labels, 2 * count);
    return loss;
}

static cm_tensor *naming_loss(cm_ctx *g, const clip_net *n, cm_tensor *hidden, const naming *words) {
    cm_tensor *ends = cm_gather_rows(g, hidden, words->rows, words->count);
    return cm_cross_entropy(g, cm_linear(g, ends, n->head_w, n->head_b), words->words, NULL, NULL);
}

static cm_tensor *clip_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    const clip_state *s = t->state;
    const clip_net *n = w->net;
    cm_ctx *g = &w->g;
    const size_t length = cm_tokenizer_length(s->tokenizer), texts = 2 * count;
    int *ids = CM_PUSH(&w->scratch, int, texts *length);
    naming words = {0, CM_PUSH(&w->scratch, size_t, texts * length), CM_PUSH(&w->scratch, int, texts *length)};
    cm_tensor *pixels = cm_tensor_new(g, CM_SHAPE(count, t->dataset.height, t->dataset.width, 3));
    if (!pixels || cm_arena_check(&w->scratch) != CM_OK) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    size_t used = 0;
    cm_status status = fill_texts(t, w, samples, count, place, ids, &used, &words);
    if (status == CM_OK) status = fill_pictures(t, w, samples, count, pixels->data);
    if (status != CM_OK) return cm_ctx_fail(g, status, "%s", cm_why());
    shorten(ids, texts, length, used, &words);
    if (!s->frozen) cm_tape_open(g);
    cm_tensor *hidden, *pooled;
    status = cm_clip_text_forward(g, &n->text, ids, texts, used, &hidden, NULL, &pooled);
    if (status != CM_OK) return cm_ctx_fail(g, status, "%s", cm_why());
    if (s->frozen) cm_tape_open(g);
    cm_tensor *named = s->naming > 0 ? naming_loss(g, n, hidden, &words) : cm_tensor_zero(g, CM_SHAPE(1));
    cm_tensor *contrast = s->contrast > 0 ? contrastive(w, pooled, pixels, count) : cm_tensor_zero(g, CM_SHAPE(1));
    cm_tensor *loss =
        cm_weighted_sum(g, (cm_tensor *const[]){contrast, named}, (const float[]){s->contrast, s->naming}, 2);
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[1] = (double)named->data[0];
    return loss;
}

const cm_stage cm_stage_clip = {.name = "clip",
                                .about = "text tower and image tower: contrast with hard negatives, and naming",
                                .recipe = "clip",
                                .metrics = {"contrast", "naming", "rank_one"},
                                .open = clip_open,
                                .open_worker = clip_open_worker,
                                .loss = clip_loss,
                                .close = clip_close};
