// SPDX-License-Identifier: Apache-2.0
#include "harness/arms/subject.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/generator/model_sources.h"

enum { MOCK_TOKENS = 77, MOCK_HEIGHT = 6, MOCK_WIDTH = 4, MOCK_PIXELS = 64 };

struct cm_subject {
    bool mock;
    char name[96], hash[65];
    cm_model model;
};

static void hash_text(const char *text, char out[65]) {
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, text, strlen(text));
    cm_sha_end(&h, out);
}

static bool is_mock(const char *model) {
    return strncmp(model, "mock:", 5) == 0;
}

static cm_status check_mock(const char *model, const cm_model_options *o) {
    return o->unet || o->vae
               ? cm_fail(CM_EUSAGE, "model '%s': the mock has no parts that others could take the place of", model)
               : CM_OK;
}

cm_status cm_subject_check(const char *model, const cm_model_options *o) {
    if (is_mock(model)) return check_mock(model, o);
    cm_model_entry e = {0};
    cm_arena scratch;
    cm_arena_init(&scratch, 4096);
    const cm_status s = cm_model_find(model, o, &scratch, &e);
    cm_arena_free(&scratch);
    return s == CM_OK ? CM_OK : cm_fail_in(s, "model '%s'", model);
}

cm_status cm_subject_open(cm_subject **out, const char *model, const cm_model_options *o) {
    if (is_mock(model)) CM_TRY(check_mock(model, o));
    cm_subject *s = calloc(1, sizeof *s);
    if (!s) return cm_fail(CM_ENOMEM, "out of memory");
    strncpy(s->name, model, sizeof s->name - 1);
    s->mock = is_mock(model);
    if (s->mock) {
        hash_text(model, s->hash);
    } else {
        const cm_status status = cm_model_open(&s->model, model, o);
        if (status != CM_OK) {
            free(s);
            return cm_fail_in(status, "model '%s'", model);
        }
        memcpy(s->hash, s->model.hash, sizeof s->hash);
    }
    *out = s;
    return CM_OK;
}

void cm_subject_close(cm_subject **s) {
    if (!*s) return;
    if (!(*s)->mock) cm_model_close(&(*s)->model);
    free(*s);
    *s = NULL;
}

const char *cm_subject_hash(const cm_subject *s) {
    return s->hash;
}

const cm_model *cm_subject_model(const cm_subject *s) {
    return s->mock ? NULL : &s->model;
}

void cm_subject_size(const cm_subject *s, size_t *width, size_t *height) {
    *width = s->mock ? MOCK_PIXELS : s->model.default_width;
    *height = s->mock ? MOCK_PIXELS : s->model.default_height;
}

const char *cm_subject_sampler(const cm_subject *s) {
    return s->mock ? "ddim" : s->model.default_sampler;
}

/* --- the mock --------------------------------------------------------------- */

static const cm_attention_site mock_site = {"mock", 0, 1, 1, MOCK_HEIGHT, MOCK_WIDTH, MOCK_TOKENS};

/* A token a word. */
static cm_status mock_tokens(const char *text, cm_arena *out, cm_tokens *tokens) {
    const size_t n = MOCK_TOKENS;
    cm_tokens t = {
        CM_PUSH_ZERO(out, int, n), CM_PUSH_ZERO(out, size_t, n), CM_PUSH_ZERO(out, size_t, n), n, 1, strlen(text), 2};
    CM_TRY(cm_arena_check(out));
    for (const char *at = text; *at;) {
        const size_t gap = strspn(at, " ,"), word = strcspn(at + gap, " ,");
        at += gap + word;
        if (word == 0) continue;
        t.total++;
        if (t.used == n - 1) {
            if (t.cut_from == strlen(text)) t.cut_from = (size_t)(at - word - text);
            continue;
        }
        t.begin[t.used] = (size_t)(at - word - text);
        t.end[t.used++] = (size_t)(at - text);
    }
    t.used++;
    *tokens = t;
    return CM_OK;
}

static cm_status mock_attention(const cm_request *r, cm_rng *rng, cm_arena *out) {
    const cm_attention_site site = mock_site;
    const size_t cells = MOCK_HEIGHT * MOCK_WIDTH;
    if (!r->observer || !r->observer->wants(r->observer->arg, &site)) return CM_OK;
    float *p = CM_PUSH(out, float, cells *MOCK_TOKENS);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < cells * MOCK_TOKENS; i++) p[i] = (float)cm_rng_uniform(rng) * 2 / MOCK_TOKENS;
    cm_tensor probs = {.data = p, .ndim = 4, .shape = {1, 1, cells, MOCK_TOKENS}};
    r->observer->give(r->observer->arg, &site, &probs);
    return CM_OK;
}

/* $COSMICMAN_MOCK_DELAY: milliseconds an image takes, so that a test can stop a run in its middle. */
static void mock_delay(void) {
    const char *text = getenv("COSMICMAN_MOCK_DELAY");
    const long ms = text ? strtol(text, NULL, 10) : 0;
    if (ms > 0 && ms < 10000) nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static cm_status mock_make(const cm_subject *s, const cm_request *r, cm_arena *out, cm_result *result) {
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    const double start = cm_now();
    cm_result o = {0};
    CM_TRY(mock_tokens(r->prompt, out, &o.tokens));
    cm_rng rng = cm_rng_named(r->settings.seed, cm_arena_print(out, "%s %s", s->name, r->prompt));
    CM_TRY(cm_image_new(out, r->settings.width, r->settings.height, 3, &o.picture));
    const uint32_t base[3] = {cm_rng_below(&rng, 200), cm_rng_below(&rng, 200), cm_rng_below(&rng, 200)};
    for (size_t i = 0; i < r->settings.width * r->settings.height * 3; i++)
        o.picture.pixels[i] = (uint8_t)(base[i % 3] + i / (3 * r->settings.width) % 48 + cm_rng_below(&rng, 8));
    CM_TRY(mock_attention(r, &rng, out));
    hash_text(cm_arena_print(out, "%llu", (unsigned long long)r->settings.seed), o.noise_hash);
    mock_delay();
    o.timing.total = cm_now() - start;
    *result = o;
    return cm_arena_check(out);
}

size_t cm_subject_sites(const cm_subject *s, size_t height, size_t width, size_t max, cm_attention_site *sites,
                        cm_arena *out) {
    const size_t factor = s->mock ? 1 : cm_vae_factor(s->model.vae);
    if (!s->mock) return cm_unet_sites(s->model.unet, height / factor, width / factor, max, sites, out);
    if (max) sites[0] = mock_site;
    return 1;
}

cm_status cm_subject_tokens(const cm_subject *s, const char *text, cm_arena *out, cm_tokens *tokens) {
    return s->mock ? mock_tokens(text, out, tokens) : cm_tokenize(s->model.tokenizer, text, out, tokens);
}

cm_status cm_subject_make(const cm_subject *s, cm_ctx *g, const cm_request *r, cm_arena *out, cm_result *result) {
    return s->mock ? mock_make(s, r, out, result) : cm_generate(&s->model, g, r, out, result);
}
