// SPDX-License-Identifier: Apache-2.0
/* Opening a model: its parts, held against each other before use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/generator/model_sources.h"
#include "core/io/jsonl.h"
#include "core/networks/open_network.h"

enum { TEXT, UNET, VAE, TEXT2, PARTS }; /* order in cm_model.params */

/* --- the parts ------------------------------------------------------------ */

/* Where a part's weights are: random, its own file (--unet, --vae), its share of a single file, its folder. */
static cm_network_source source_of(const cm_model_entry *e, const char *folder, int which, uint64_t seed) {
    static const cm_ckpt_part parts[] = {
        [TEXT] = CM_ORIGINAL_TEXT, [UNET] = CM_ORIGINAL_UNET, [VAE] = CM_ORIGINAL_VAE, [TEXT2] = CM_ORIGINAL_TEXT2};
    cm_network_source from = {.folder = folder, .part = parts[which], .seed = seed + (uint64_t)which};
    const bool other = (which == UNET && e->other_unet) || (which == VAE && e->other_vae);
    if (which == TEXT && e->single && (e->aesthetic || e->open_text))
        from.part = e->aesthetic ? CM_ORIGINAL_TEXT_REFINER : CM_ORIGINAL_TEXT_OPEN;
    from.weights = other && which == UNET ? e->unet_weights : other ? e->vae_weights : e->single;
    if (e->random) from.kind = CM_WEIGHTS_RANDOM;
    else if (from.weights) from.kind = other ? CM_WEIGHTS_PART : CM_WEIGHTS_CHECKPOINT;
    return from;
}

static cm_status open_part(cm_model *m, cm_open_network *f, cm_network_source from, int which) {
    switch (which) {
    case TEXT: return cm_open_text(f, from, &m->arena, &m->text);
    case TEXT2: return cm_open_text(f, from, &m->arena, &m->text2);
    case UNET: return cm_open_unet(f, from, &m->arena, &m->unet);
    default: return cm_open_vae(f, from, &m->arena, &m->vae);
    }
}

/* One network; its configuration counts for the hash of a random model. */
static cm_status open_network(cm_model *m, const cm_model_entry *e, const char *folder, int which, uint64_t seed,
                              cm_sha *configs) {
    cm_open_network f;
    const cm_network_source from = source_of(e, folder, which, seed);
    const cm_status s = open_part(m, &f, from, which);
    if (s != CM_OK && from.kind == CM_WEIGHTS_PART && strncmp(cm_why(), from.weights, strlen(from.weights)) == 0)
        return cm_fail_in(s, which == UNET ? "--unet" : "--vae");
    CM_TRY(s);
    char *text = json_dumps(f.config, JSON_COMPACT | JSON_SORT_KEYS);
    if (text) cm_sha_add(configs, text, strlen(text));
    free(text);
    json_decref(f.config);
    m->params[which] = f.params;
    return CM_OK;
}

/* What a single file's markers say stands above the scheduler's file, which is of the family, not of these weights. */
static void follow_markers(const cm_model_entry *e, json_t *config) {
    if (e->v_pred) json_object_set_new(config, "prediction_type", json_string("v_prediction"));
    if (!e->ztsnr) return;
    json_object_set_new(config, "rescale_betas_zero_snr", json_true());
    json_object_set_new(config, "timestep_spacing",
                        json_string("trailing")); /* to begin at the last step, as it was trained for */
}

/* diffusers' StableDiffusionPipeline corrects old files when it opens them: steps_offset 1, clip_sample false. SDXL's
 * does not. A wrong type is left, for the reader to refuse. */
static void correct_scheduler(json_t *config) {
    const json_t *offset = json_object_get(config, "steps_offset"), *clip = json_object_get(config, "clip_sample");
    if (!offset || json_is_null(offset) || json_is_integer(offset))
        json_object_set_new(config, "steps_offset", json_integer(1));
    if (!clip || json_is_true(clip)) json_object_set_new(config, "clip_sample", json_false());
}

static cm_status check_scheduler(cm_model *m, const cm_model_entry *e, const cm_sampler *asked) {
    const cm_sampler *sampler;
    cm_schedule schedule;
    CM_TRY(cm_sampler_of_config(m->scheduler, e->scheduler_class, asked, &sampler));
    if (!e->xl) correct_scheduler(m->scheduler);
    m->default_sampler = sampler->name;
    return cm_schedule_configure(m->scheduler, sampler, &m->arena, &schedule);
}

static cm_status open_schedule(cm_model *m, const cm_model_entry *e, const cm_model_options *o) {
    const char *path = cm_arena_print(&m->arena, "%s/scheduler_config.json", e->scheduler);
    CM_TRY(cm_arena_check(&m->arena));
    CM_TRY(cm_json_read_config(path, &m->scheduler));
    follow_markers(e, m->scheduler);
    const cm_status s = o->only_weights ? CM_OK : check_scheduler(m, e, o->sampler);
    return s == CM_OK ? s : cm_fail_in(s, "%s", e->scheduler);
}

static cm_status open_parts(cm_model *m, const cm_model_entry *e, const cm_model_options *o, cm_sha *configs) {
    const uint64_t seed = o->seed;
    CM_TRY(cm_tokenizer_open(&m->tokenizer, e->tokenizer));
    CM_TRY(open_schedule(m, e, o));
    CM_TRY(open_network(m, e, e->text_encoder, TEXT, seed, configs));
    m->xl = e->xl;
    m->aesthetic = e->aesthetic;
    m->zero_empty = e->zero_empty;
    if (e->text_encoder2) {
        m->two = true;
        CM_TRY(cm_tokenizer_open(&m->tokenizer2, e->tokenizer2));
        CM_TRY(open_network(m, e, e->text_encoder2, TEXT2, seed, configs));
    }
    CM_TRY(open_network(m, e, e->unet, UNET, seed, configs));
    return open_network(m, e, e->vae, VAE, seed, configs);
}

/* One warning of everything that no network uses. */
static cm_status tell_left_over(const cm_model *m, const cm_model_entry *e) {
    cm_left_over left = {0};
    cm_tensor_file *f = NULL;
    if (e->single) CM_TRY(cm_tensor_file_open(&f, e->single));
    for (int i = 0; i < PARTS; i++)
        if (m->params[i]) cm_params_add_left_over(m->params[i], &left);
    for (size_t i = 0; f && i < cm_tensor_file_count(f); i++)
        if (!cm_ckpt_expects(cm_tensor_file_at(f, i)->name)) cm_left_over_add(&left, cm_tensor_file_at(f, i)->name);
    cm_left_over_warn(&left, e->name);
    cm_tensor_file_close(&f);
    return CM_OK;
}

/* --- held against each other ---------------------------------------------- */

static cm_status check_tower(const cm_tokenizer *tokenizer, const cm_clip_text_config *t) {
    if ((size_t)cm_tokenizer_size(tokenizer) > t->vocab_size) {
        return cm_fail(CM_EFORMAT, "the tokenizer has %d tokens, the text encoder only %zu",
                       cm_tokenizer_size(tokenizer), t->vocab_size);
    }
    if (cm_tokenizer_length(tokenizer) > t->max_positions) {
        return cm_fail(CM_EFORMAT, "the tokenizer's length is %zu, the text encoder has %zu positions",
                       cm_tokenizer_length(tokenizer), t->max_positions);
    }
    return CM_OK;
}

static cm_status check_second(const cm_model *m) {
    CM_TRY(check_tower(m->tokenizer2, &m->text2.config));
    if (cm_tokenizer_length(m->tokenizer) == cm_tokenizer_length(m->tokenizer2)) return CM_OK;
    return cm_fail(CM_EFORMAT, "the two tokenizers' lengths differ: %zu and %zu", cm_tokenizer_length(m->tokenizer),
                   cm_tokenizer_length(m->tokenizer2));
}

static cm_status check_added(const cm_model *m, const cm_unet_config *u) {
    const cm_clip_text_config *t = m->two ? &m->text2.config : &m->text.config;
    const size_t pooled = t->projection_dim ? t->projection_dim : t->hidden_size;
    const size_t sizes = m->aesthetic ? CM_REFINER_SIZES : CM_XL_SIZES;
    if (u->added_width == pooled + sizes * u->added_time_dim) return CM_OK;
    return cm_fail(CM_EFORMAT,
                   "the UNet wants %zu added values, a pooled text of %zu and %zu sizes of %zu give %zu "
                   "(model_index.json: requires_aesthetics_score %s)",
                   u->added_width, pooled, sizes, u->added_time_dim, pooled + sizes * u->added_time_dim,
                   m->aesthetic ? "true" : "false");
}

static cm_status check_fit(const cm_model *m) {
    const cm_unet_config *u = cm_unet_get_config(m->unet);
    const cm_vae_config *v = cm_vae_get_config(m->vae);
    const size_t text = m->text.config.hidden_size + (m->two ? m->text2.config.hidden_size : 0);
    CM_TRY(check_tower(m->tokenizer, &m->text.config));
    if (m->two) CM_TRY(check_second(m));
    if (m->xl) CM_TRY(check_added(m, u));
    if (!m->xl && u->added_width)
        return cm_fail(CM_EFORMAT,
                       "the UNet wants a pooled text (text_time), and the model has no second text encoder");
    if (text != u->cross_attention_dim) {
        return cm_fail(CM_EFORMAT, "the text encoder gives %zu channels, the UNet's cross-attention wants %zu", text,
                       u->cross_attention_dim);
    }
    if (u->in_channels != v->latent_channels || u->out_channels != v->latent_channels) {
        return cm_fail(CM_EFORMAT, "the UNet maps %zu channels to %zu, the autoencoder has %zu", u->in_channels,
                       u->out_channels, v->latent_channels);
    }
    return CM_OK;
}

/* Over the weights of the three networks; random ones follow from their configurations and the seed. */
static cm_status hash_model(cm_model *m, bool random, uint64_t seed, const char *configs) {
    char text[(PARTS + 1) * 65 + 32];
    if (random) {
        snprintf(text, sizeof text, "random %llu %s", (unsigned long long)seed, configs);
    } else {
        char part[PARTS][65] = {""};
        for (int i = 0; i < PARTS; i++)
            if (m->params[i]) CM_TRY(cm_params_hash(m->params[i], part[i]));
        snprintf(text, sizeof text, "%s %s %s %s%s", part[TEXT], part[UNET], part[VAE], part[TEXT2], configs);
    }
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, text, strlen(text));
    cm_sha_end(&h, m->hash);
    return CM_OK;
}

static void set_default_size(cm_model *m, const cm_model_entry *e) {
    const cm_unet_config *u = cm_unet_get_config(m->unet);
    const size_t factor = cm_vae_factor(m->vae);
    m->default_width = e->width ? e->width : u->sample_width * factor;
    m->default_height = e->height ? e->height : u->sample_height * factor;
}

cm_status cm_model_open(cm_model *m, const char *name, const cm_model_options *o) {
    *m = (cm_model){0};
    cm_arena_init(&m->arena, 0);
    cm_model_entry e = {0};
    char configs[65] = "";
    cm_status s = cm_model_find(name, o, &m->arena, &e);
    if (s == CM_OK) {
        cm_sha *h = cm_sha_begin();
        s = open_parts(m, &e, o, h);
        cm_sha_end(&h, configs);
    }
    if (s == CM_OK) s = check_fit(m);
    if (s == CM_OK) s = tell_left_over(m, &e);
    for (int i = 0; s == CM_OK && o->lean && i < PARTS; i++)
        if (m->params[i]) cm_params_lean(m->params[i], i == VAE ? SIZE_MAX : cm_params_lean_room(m->params[i]));
    m->lean = o->lean;
    if (s == CM_OK && o->lean) cm_vae_set_band(m->vae, CM_VAE_LEAN_BAND);
    if (s == CM_OK) s = hash_model(m, e.random, o->seed, configs);
    if (s == CM_OK) {
        set_default_size(m, &e);
        m->name = cm_arena_string(&m->arena, name);
        m->entry = e;
        m->entry.name = m->name;
        m->entry.single = e.single ? m->name : NULL;
        s = cm_arena_check(&m->arena);
    }
    if (s != CM_OK) cm_model_close(m);
    return s;
}

void cm_model_rest(const cm_model *m, unsigned parts) {
    static const unsigned part_of[PARTS] = {
        [TEXT] = CM_PART_TEXT, [UNET] = CM_PART_UNET, [VAE] = CM_PART_VAE, [TEXT2] = CM_PART_TEXT};
    for (int i = 0; i < PARTS; i++)
        if (m->params[i] && (parts & part_of[i])) cm_params_release(m->params[i]);
}

void cm_model_close(cm_model *m) {
    cm_tokenizer_close(&m->tokenizer);
    cm_tokenizer_close(&m->tokenizer2);
    json_decref(m->scheduler);
    for (int i = 0; i < PARTS; i++) cm_params_close(&m->params[i]);
    cm_arena_free(&m->arena);
    *m = (cm_model){0};
}
