// SPDX-License-Identifier: Apache-2.0
/* The swap test and the drop test (no sampling needed): with the same noise, how much does the noise error inside two
 * garments rise when their attributes are exchanged in the caption, and when there is no caption? The drop test asks
 * with captions of the kind the arm was trained on (its card says which); of dense ones the rise is told beside. */
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"
#include "core/train/acceptance.h"
#include "core/train/latents.h"
#include "core/train/trainer.h"

static const int times[] = {300, 500, 700};
enum { DENSE, EXCHANGED, NONE, POOR, TEXTS };
enum { TIMES = sizeof times / sizeof *times };

typedef struct swap_test {
    cm_checking *c;
    cm_unet *unet;
    cm_latents latents;
    cm_schedule schedule;
    int own; /* the kind of captions the arm was trained on: DENSE or POOR */
    double *error, *swap[TIMES], *drop[TIMES], *swap_all, *drop_all, *dense_drop; /* per person that counts */
    size_t n;
} swap_test;

/* Ids of the captions; false when the person has no two garments to exchange. */
static cm_status make_captions(swap_test *t, size_t i, int *ids, float *mask, bool *usable) {
    cm_people_dataset *dataset = &t->c->dataset;
    cm_person p, other;
    cm_caption c[TEXTS];
    int groups[2];
    bool chosen[256] = {false};
    const uint64_t seed = cm_people_dataset_seed(dataset, i);
    cm_people_dataset_person(dataset, i, &p);
    *usable = cm_person_swap(&p, seed, &other, groups);
    if (!*usable) return CM_OK;
    CM_TRY(cm_caption_make(t->latents.tokenizer, &p, CM_CAPTION_DENSE, seed, 0, &t->c->arena, &c[DENSE]));
    CM_TRY(cm_caption_make(t->latents.tokenizer, &other, CM_CAPTION_DENSE, seed, 0, &t->c->arena, &c[EXCHANGED]));
    CM_TRY(cm_tokenize(t->latents.tokenizer, "", &t->c->arena, &c[NONE].tokens));
    CM_TRY(cm_caption_make(t->latents.tokenizer, &p, CM_CAPTION_POOR, seed, 0, &t->c->arena, &c[POOR]));
    for (size_t k = 0; k < TEXTS; k++)
        memcpy(ids + k * t->latents.length, c[k].tokens.ids, t->latents.length * sizeof *ids);
    chosen[1 + groups[0]] = chosen[1 + groups[1]] = true;
    const size_t pixels = dataset->height * dataset->width, factor = cm_vae_factor(t->latents.vae);
    const uint8_t *map = dataset->groups + i * pixels;
    double inside = 0;
    memset(mask, 0, t->latents.height * t->latents.width * sizeof *mask);
    for (size_t k = 0; k < pixels; k++) {
        const size_t y = k / dataset->width / factor, x = k % dataset->width / factor;
        if (chosen[map[k]]) mask[y * t->latents.width + x] += 1.0f / (float)(factor * factor), inside++;
    }
    *usable = inside >= (double)(factor * factor);
    return CM_OK;
}

/* Errors inside the mask for each text, same noise. */
static cm_status errors_at(swap_test *t, const float *z, const int *ids, const float *mask, int time, cm_rng *r,
                           double error[TEXTS]) {
    cm_ctx *g = &t->c->g;
    const cm_latents *l = &t->latents;
    const size_t cells = l->height * l->width, values = cells * l->channels;
    const double alpha = t->schedule.alphas_cumprod[time], keep = sqrt(alpha), add = sqrt(1 - alpha);
    cm_tensor *text = cm_latents_text(l, g, ids, TEXTS);
    cm_tensor *x = cm_tensor_new(g, CM_SHAPE(TEXTS, l->height, l->width, l->channels));
    cm_tensor *noise = cm_tensor_new(g, CM_SHAPE(values));
    CM_TRY(cm_ctx_check(g));
    for (size_t j = 0; j < values; j++) {
        noise->data[j] = (float)cm_rng_normal(r);
        for (size_t k = 0; k < TEXTS; k++)
            x->data[k * values + j] = (float)(keep * (double)z[j] + add * (double)noise->data[j]);
    }
    const float when = (float)time, at[TEXTS] = {when, when, when, when};
    const cm_tensor *eps = cm_unet_forward(g, t->unet, x, at, cm_unet_prepare_text(g, t->unet, text, NULL));
    CM_TRY(cm_ctx_check(g));
    for (size_t k = 0; k < TEXTS; k++) {
        double sum = 0, area = 0;
        for (size_t cell = 0; cell < cells; cell++) {
            area += (double)mask[cell];
            for (size_t c = 0; c < l->channels; c++) {
                const size_t j = cell * l->channels + c;
                const double d = (double)eps->data[k * values + j] - (double)noise->data[j];
                sum += (double)mask[cell] * d * d;
            }
        }
        error[k] = sum / area / (double)l->channels;
    }
    cm_ctx_reset(g);
    return CM_OK;
}

static cm_status test_person(swap_test *t, size_t i) {
    const cm_latents *l = &t->latents;
    const size_t cells = l->height * l->width;
    int *ids = CM_PUSH(&t->c->arena, int, TEXTS * l->length);
    float *mask = CM_PUSH(&t->c->arena, float, cells), *z = CM_PUSH(&t->c->arena, float, cells * l->channels);
    CM_TRY(cm_arena_check(&t->c->arena));
    bool usable;
    CM_TRY(make_captions(t, i, ids, mask, &usable));
    if (!usable) return CM_OK;
    CM_TRY(cm_latents_make(&t->latents, &t->c->g, &i, 1, &t->c->arena));
    cm_latents_get(l, i, z, NULL);
    cm_rng r = cm_rng_make(cm_people_dataset_seed(&t->c->dataset, i), 7);
    t->error[t->n] = t->swap_all[t->n] = t->drop_all[t->n] = t->dense_drop[t->n] = 0;
    for (size_t k = 0; k < TIMES; k++) {
        double error[TEXTS];
        CM_TRY(errors_at(t, z, ids, mask, times[k], &r, error));
        t->error[t->n] += error[t->own] / TIMES;
        t->swap[k][t->n] = error[EXCHANGED] - error[DENSE];
        t->drop[k][t->n] = error[NONE] - error[t->own];
        t->dense_drop[t->n] += (error[NONE] - error[DENSE]) / TIMES;
        t->swap_all[t->n] += t->swap[k][t->n] / TIMES;
        t->drop_all[t->n] += t->drop[k][t->n] / TIMES;
    }
    t->n++;
    return CM_OK;
}

/* What the card of the arm's training says of its captions; dense where there is no card. */
static cm_status read_own(swap_test *t) {
    const char *path = cm_arena_print(&t->c->arena, "%s/card.json", t->c->folder);
    CM_TRY(cm_arena_check(&t->c->arena));
    json_t *card;
    t->own = DENSE;
    if (!cm_path_exists(path)) return CM_OK;
    CM_TRY(cm_card_read(path, &card));
    if (strcmp(cm_json_text_or(json_object_get(card, "recipe"), "captions", "dense"), "poor") == 0) t->own = POOR;
    json_decref(card);
    return CM_OK;
}

static cm_status open_test(swap_test *t) {
    cm_checking *c = t->c;
    json_t *recipe = json_object(), *config;
    cm_status s = cm_latents_open(&t->latents, &c->dataset, recipe, CM_CAPTION_DENSE, &c->g, &c->arena);
    json_decref(recipe);
    CM_TRY(s);
    const char *path = cm_arena_print(&c->arena, "%s/nano/scheduler/scheduler_config.json", c->models);
    double **const arrays[] = {&t->error,   &t->swap_all, &t->drop_all, &t->dense_drop, &t->swap[0],
                               &t->swap[1], &t->swap[2],  &t->drop[0],  &t->drop[1],    &t->drop[2]};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = CM_PUSH(&c->arena, double, c->dataset.count);
    CM_TRY(cm_arena_check(&c->arena));
    CM_TRY(cm_json_read(path, &config));
    s = cm_schedule_configure(config, NULL, &c->arena, &t->schedule);
    json_decref(config);
    return s;
}

cm_status cm_check_unet(cm_checking *c, cm_acceptance *out) {
    static const char *const swaps[TIMES] = {"swap test, t 300", "swap test, t 500", "swap test, t 700"};
    static const char *const drops[TIMES] = {"drop test, t 300", "drop test, t 500", "drop test, t 700"};
    swap_test t = {.c = c};
    cm_open_network files;
    CM_TRY(cm_open_unet(&files, cm_in_folder(c->folder), &c->arena, &t.unet));
    cm_status s = read_own(&t);
    if (s == CM_OK) s = open_test(&t);
    for (size_t i = 0; i < c->dataset.count && s == CM_OK; i++) s = test_person(&t, i);
    if (s == CM_OK && t.n < 2) s = cm_fail(CM_EUNDEFINED, "swap test: %zu people with two garments are too few", t.n);
    if (s == CM_OK) {
        cm_acceptance_add_mean(out, "noise error inside the clothes", t.error, t.n, NAN);
        cm_acceptance_add_mean(out, "swap test", t.swap_all, t.n, 0);
        cm_acceptance_add_mean(out, t.own == POOR ? "drop test, with its poor captions" : "drop test", t.drop_all, t.n,
                               0);
        if (t.own == POOR) cm_acceptance_add_mean(out, "drop test, with dense captions", t.dense_drop, t.n, NAN);
        for (size_t k = 0; k < TIMES; k++) cm_acceptance_add_mean(out, swaps[k], t.swap[k], t.n, NAN);
        for (size_t k = 0; k < TIMES; k++) cm_acceptance_add_mean(out, drops[k], t.drop[k], t.n, NAN);
    }
    cm_ctx_reset(&c->g);
    cm_latents_close(&t.latents);
    cm_open_network_close(&files);
    return s;
}
