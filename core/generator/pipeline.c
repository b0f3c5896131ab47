// SPDX-License-Identifier: Apache-2.0
#include "core/generator/pipeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/tensor/nn.h"

enum { MAX_SIDE = 16384, HOLD = 256 << 20 /* bytes of one stage's tensors that may stay for the next */ };

/* What one run of the pipeline passes from stage to stage. */
typedef struct run {
    const cm_model *model;
    cm_ctx *g;
    const cm_request *request;
    const cm_settings *settings; /* the request's */
    cm_arena *out;               /* results */
    cm_arena keep;               /* of this run: text keys and values */
    cm_result *result;
    cm_schedule schedule; /* for the request's sampler */
    size_t batch;         /* 2 with guidance (the empty or negative prompt first), else 1 */
    const cm_unet_text *text;
    const cm_unet_text *text_alone; /* the prompt's half, where guidance covers only some of the steps */
    float *x;                       /* [h,w,C] */
    cm_torch_rng rng;               /* goes on after the starting noise, for samplers that add more */
    float *drawn;                   /* [C,h,w] of fresh noise */
    float *clean;                   /* [h,w,C] of a preview */
    size_t first, end;              /* evaluations to be done: [first, end) */
} run;

/* --- request -------------------------------------------------------------- */

static cm_status check_side(const char *name, size_t side, size_t factor) {
    if (side == 0 || side % factor != 0)
        return cm_fail(CM_EUSAGE, "%s: %zu is not a multiple of %zu", name, side, factor);
    if (side > MAX_SIDE) return cm_fail(CM_EUSAGE, "%s: %zu is more than %d", name, side, MAX_SIDE);
    return CM_OK;
}

static cm_status check_request(const run *r) {
    const size_t factor = cm_vae_factor(r->model->vae);
    const cm_request *q = r->request;
    const cm_settings *s = r->settings;
    CM_TRY(check_side("width", s->width, factor));
    CM_TRY(check_side("height", s->height, factor));
    if (!isfinite(s->guidance)) return cm_fail(CM_EUSAGE, "guidance is not a number");
    if (!(s->guidance_rescale >= 0 && s->guidance_rescale <= 1))
        return cm_fail(CM_EUSAGE, "guidance rescale: %g is not between 0 and 1", s->guidance_rescale);
    if (q->clean && !(s->strength > 0 && s->strength <= 1))
        return cm_fail(CM_EUSAGE, "strength: %g is not above 0 and at most 1", s->strength);
    if (!(s->start >= 0 && s->start < 1)) return cm_fail(CM_EUSAGE, "start: %g is not between 0 and 1", s->start);
    if (!(s->end >= 0 && s->end < 1)) return cm_fail(CM_EUSAGE, "end: %g is not between 0 and 1", s->end);
    if (s->end > 0 && s->end <= s->start)
        return cm_fail(CM_EUSAGE, "end: %g is not behind the start, %g", s->end, s->start);
    if (s->start > 0 && !q->noise) return cm_fail(CM_EUSAGE, "start: a latent to begin from is wanted");
    if (!(s->guidance_from >= 0 && s->guidance_to >= s->guidance_from))
        return cm_fail(CM_EUSAGE, "guidance interval: %g to %g is not one of noise levels", s->guidance_from,
                       s->guidance_to);
    return CM_OK;
}

bool cm_negative_is_zeros(const cm_model *m, const char *negative) {
    return !negative && m->zero_empty;
}

/* --- text ----------------------------------------------------------------- */

static void warn_when_cut(const char *what, const char *text, const cm_tokens *t) {
    if (t->total <= t->length) return;
    const char *rest = text + t->cut_from;
    while (*rest == ' ' || *rest == ',') rest++;
    cm_warn("the %s takes %zu tokens, the model reads %zu; cut off: %s", what, t->total, t->length, rest);
}

/* ids [batch, length]: the negative prompt's first where there is guidance. */
static cm_status tokenize(run *r, const cm_tokenizer *t, bool warn, int *ids, cm_tokens *prompt) {
    const char *negative = r->settings->negative ? r->settings->negative : "";
    const size_t length = cm_tokenizer_length(t);
    CM_TRY(cm_tokenize(t, r->request->prompt, r->out, prompt));
    if (warn) warn_when_cut("prompt", r->request->prompt, prompt);
    if (r->batch == 2) {
        cm_tokens none;
        CM_TRY(cm_tokenize(t, negative, &r->keep, &none));
        if (warn) warn_when_cut("negative prompt", negative, &none);
        memcpy(ids, none.ids, length * sizeof *ids);
    }
    memcpy(ids + (r->batch - 1) * length, prompt->ids, length * sizeof *ids);
    return CM_OK;
}

/* What the text towers say: hidden [batch,L,C], and the pooled text [batch,P] of the second one. */
typedef struct text_states {
    cm_tensor *hidden, *pooled;
} text_states;

/* Stable Diffusion XL: both towers before their last layer, side by side (Podell et al. 2024, sec. 2.1); its refiner:
 * the second one alone. */
static cm_status run_towers(run *r, const int *ids, const int *ids2, text_states *t) {
    const cm_model *m = r->model;
    const size_t length = cm_tokenizer_length(m->tokenizer);
    if (!m->xl) return cm_clip_text_forward(r->g, &m->text, ids, r->batch, length, &t->hidden, NULL, NULL);
    cm_tensor *first, *second;
    CM_TRY(cm_clip_text_forward(r->g, &m->text, ids, r->batch, length, NULL, &first, m->two ? NULL : &t->pooled));
    if (m->two) CM_TRY(cm_clip_text_forward(r->g, &m->text2, ids2, r->batch, length, NULL, &second, &t->pooled));
    t->hidden = m->two ? cm_concat_last(r->g, first, second) : first;
    CM_TRY(cm_ctx_check(r->g));
    if (r->batch == 2 && cm_negative_is_zeros(m, r->settings->negative)) {
        memset(t->hidden->data, 0, cm_count(t->hidden) / 2 * sizeof(float));
        memset(t->pooled->data, 0, cm_count(t->pooled) / 2 * sizeof(float));
    }
    return CM_OK;
}

/* Numbers beside the pooled text, each half's: nothing is cropped; the refiner's scores are diffusers' defaults.
 * Returns how many a half has. */
static size_t list_sizes(const run *r, float sizes[2 * CM_XL_SIZES]) {
    static const float scores[2] = {2.5f, 6};
    const float h = (float)r->settings->height, w = (float)r->settings->width;
    const size_t k = r->model->aesthetic ? CM_REFINER_SIZES : CM_XL_SIZES;
    for (size_t half = 0; half < 2; half++) {
        const float of_half[CM_XL_SIZES] = {h, w, 0, 0, r->model->aesthetic ? scores[half] : h, w};
        memcpy(sizes + half * k, of_half, k * sizeof *sizes);
    }
    return k;
}

/* The last `n` of the batch, ready for the UNet. */
static const cm_unet_text *prepare_text(run *r, const text_states *t, size_t n) {
    cm_ctx *g = r->g;
    float sizes[2 * CM_XL_SIZES];
    const size_t k = list_sizes(r, sizes);
    cm_tensor *hidden = t->hidden, *pooled = t->pooled;
    if (n < r->batch) {
        const size_t each = cm_count(hidden) / r->batch;
        hidden =
            cm_tensor_copy(g, CM_SHAPE(n, hidden->shape[1], hidden->shape[2]), hidden->data + (r->batch - n) * each);
        if (pooled)
            pooled =
                cm_tensor_copy(g, CM_SHAPE(n, cm_dim(pooled, -1)), pooled->data + (r->batch - n) * cm_dim(pooled, -1));
    }
    cm_unet_text *text = cm_unet_prepare_text(g, r->model->unet, hidden, &r->keep);
    text = cm_unet_add_guidance(g, r->model->unet, text, r->settings->guidance, &r->keep);
    if (!r->model->xl) return text;
    return cm_unet_add_conditions(g, r->model->unet, text, pooled, sizes + (2 - n) * k, k, &r->keep);
}

static cm_status encode_text(run *r) {
    const cm_model *m = r->model;
    const size_t length = cm_tokenizer_length(m->tokenizer);
    int *ids = CM_PUSH(&r->keep, int, r->batch *length), *ids2 = CM_PUSH(&r->keep, int, r->batch *length);
    CM_TRY(cm_arena_check(&r->keep));
    cm_timing *timing = &r->result->timing;
    const double start = cm_now();
    CM_TRY(tokenize(r, m->tokenizer, true, ids, &r->result->tokens));
    cm_tokens second;
    if (m->two) CM_TRY(tokenize(r, m->tokenizer2, false, ids2, &second));
    timing->tokenize = cm_now() - start;
    text_states t = {0};
    cm_ctx_reset(r->g);
    const cm_ops *own = r->g->ops;
    r->g->ops = cm_backend_at_most_bf16(own);
    const cm_status towers = run_towers(r, ids, ids2, &t);
    r->g->ops = own;
    CM_TRY(towers);
    r->text = prepare_text(r, &t, r->batch);
    if (r->batch == 2 && r->settings->guidance_to > 0) r->text_alone = prepare_text(r, &t, 1);
    CM_TRY(cm_ctx_check(r->g));
    CM_TRY(cm_arena_check(&r->keep));
    if (m->lean || r->request->text_once) cm_model_rest(m, CM_PART_TEXT);
    timing->text = cm_now() - start - timing->tokenize;
    return CM_OK;
}

/* --- latents -------------------------------------------------------------- */

/* [C,h,w] <-> [h,w,C] */
static void to_channels_last(const float *from, size_t channels, size_t cells, float *to) {
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < cells; i++) to[i * channels + c] = from[c * cells + i];
    }
}

static void to_channels_first(const float *from, size_t channels, size_t cells, float *to) {
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < cells; i++) to[c * cells + i] = from[i * channels + c];
    }
}

static bool all_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
    }
    return true;
}

/* torch's numbers in diffusers' order [C,h,w]; their hash is of exactly these bytes. */
static cm_status start_noise(run *r) {
    cm_result *o = r->result;
    const size_t cells = o->h * o->w, n = o->channels * cells;
    o->latents = CM_PUSH(r->out, float, n);
    r->x = CM_PUSH(&r->keep, float, n);
    CM_TRY(cm_arena_check(r->out));
    CM_TRY(cm_arena_check(&r->keep));
    cm_torch_seed(&r->rng, r->settings->seed);
    if (r->request->noise) {
        memcpy(o->latents, r->request->noise, n * sizeof *o->latents);
    } else {
        cm_torch_randn(&r->rng, o->latents, n);
    }
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, o->latents, n * sizeof *o->latents);
    cm_sha_end(&h, o->noise_hash);
    to_channels_last(o->latents, o->channels, cells, r->x);
    return CM_OK;
}

/* --- steps ---------------------------------------------------------------- */

/* More noise as torch would draw it next, in diffusers' order, for the sampler's. */
static void draw_noise(void *arg, size_t n, float *out) {
    run *r = arg;
    cm_torch_randn(&r->rng, r->drawn, n);
    to_channels_last(r->drawn, r->result->channels, n / r->result->channels, out);
}

static double spread(const float *x, size_t n) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    for (size_t i = 0; i < n; i++) squares += ((double)x[i] - sum / (double)n) * ((double)x[i] - sum / (double)n);
    return sqrt(squares / (double)(n - 1));
}

static void guide(const cm_settings *s, const float *none, const float *prompt, size_t n, float *eps) {
    const float guidance = (float)s->guidance;
    for (size_t i = 0; i < n; i++) eps[i] = none[i] + guidance * (prompt[i] - none[i]);
    if (s->guidance_rescale == 0 || n < 2) return;
    const double ratio = spread(prompt, n) / spread(eps, n);
    const float keep = (float)(s->guidance_rescale * ratio + 1 - s->guidance_rescale);
    for (size_t i = 0; i < n; i++) eps[i] *= keep;
}

/* Is evaluation i's noise level one at which the request guides? */
static bool guides_at(const run *r, const cm_sampler_state *state, size_t i) {
    const cm_settings *s = r->settings;
    double of_clean, of_noise;
    if (r->batch == 1) return false;
    if (s->guidance_to == 0) return true;
    s->sampler->mix(state, i, &of_clean, &of_noise);
    const double sigma = of_noise / of_clean;
    return sigma > s->guidance_from && sigma <= s->guidance_to;
}

/* One pass over the UNet: both halves as one batch; without guidance the prompt's alone. */
static cm_status pass(run *r, float t, float input_scale, bool guides, const cm_attention_observer *observer,
                      const cm_tensor **noise) {
    cm_ctx *g = r->g;
    const cm_result *o = r->result;
    const size_t n = o->h * o->w * o->channels;
    const size_t batch = guides ? 2 : 1;
    const cm_unet_text *text = batch == 2 || r->batch == 1 ? r->text : r->text_alone;
    const float times[2] = {t, t};
    cm_ctx_reset(g);
    cm_tensor *in = cm_tensor_new(g, CM_SHAPE(batch, o->h, o->w, o->channels));
    CM_TRY(cm_ctx_check(g));
    for (size_t b = 0; b < batch; b++) {
        for (size_t i = 0; i < n; i++) in->data[b * n + i] = r->x[i] * input_scale;
    }
    const cm_attention_observer *before = g->observer;
    g->observer = observer;
    *noise = cm_unet_forward(g, r->model->unet, in, times, text);
    g->observer = before;
    return cm_ctx_check(g);
}

/* The pass, then guidance into eps [h,w,C]. */
static cm_status predict(run *r, float t, float input_scale, bool guides, const cm_attention_observer *observer,
                         float *eps) {
    const size_t n = r->result->h * r->result->w * r->result->channels;
    const cm_tensor *noise;
    CM_TRY(pass(r, t, input_scale, guides, observer, &noise));
    if (guides) guide(r->settings, noise->data, noise->data + n, n, eps);
    else memcpy(eps, noise->data, n * sizeof *eps);
    return CM_OK;
}

/* How far the network's output is from that on another backend at the same input. */
static cm_status compare_backends(run *r, float t, float input_scale, bool guides) {
    const cm_ops *own = r->g->ops;
    const cm_tensor *noise;
    const cm_arena_mark mark = cm_arena_get_mark(&r->keep);
    r->g->ops = r->request->beside;
    const cm_status s = pass(r, t, input_scale, guides, NULL, &noise);
    r->g->ops = own;
    if (s != CM_OK) return s;
    const size_t n = cm_count(noise);
    float *want = CM_PUSH(&r->keep, float, n);
    CM_TRY(cm_arena_check(&r->keep));
    memcpy(want, noise->data, n * sizeof *want);
    CM_TRY(pass(r, t, input_scale, guides, NULL, &noise));
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)noise->data[i] - want[i]) * ((double)noise->data[i] - want[i]);
        size += (double)want[i] * want[i];
    }
    r->result->apart = size > 0 ? sqrt(difference / size) : 0;
    cm_arena_reset(&r->keep, mark);
    return CM_OK;
}

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static cm_status record_steps(run *r, const double *seconds, size_t steps) {
    double *sorted = CM_PUSH(&r->keep, double, steps);
    CM_TRY(cm_arena_check(&r->keep));
    memcpy(sorted, seconds, steps * sizeof *sorted);
    qsort(sorted, steps, sizeof *sorted, compare_doubles);
    cm_timing *t = &r->result->timing;
    t->unet_step = seconds;
    t->unet_steps = steps;
    t->unet_step_median = steps % 2 ? sorted[steps / 2] : 0.5 * (sorted[steps / 2 - 1] + sorted[steps / 2]);
    for (size_t i = 0; i < steps; i++) t->unet += seconds[i];
    return CM_OK;
}

/* The noise stands in x, in the latent's order; the clean latent takes its place, noised. */
static cm_status begin_in_the_middle(run *r, cm_sampler_state *state, size_t n, size_t *first) {
    const cm_request *q = r->request;
    const size_t taken = (size_t)((double)r->settings->steps * r->settings->strength);
    if (taken == 0)
        return cm_fail(CM_EUSAGE, "strength %g of %zu steps is none", r->settings->strength, r->settings->steps);
    float *noise = CM_PUSH(&r->keep, float, n);
    CM_TRY(cm_arena_check(&r->keep));
    memcpy(noise, r->x, n * sizeof *noise);
    to_channels_last(q->clean, r->result->channels, n / r->result->channels, r->x);
    *first = r->settings->steps - taken;
    return cm_sampler_begin_at(r->settings->sampler, state, *first, noise, r->x);
}

/* What the decoder is given, as diffusers' pipelines have it: XL's follow the latents' statistics where the autoencoder
 * says them. */
static void unscale(const cm_model *m, const float *latents, size_t n, float *out) {
    const cm_vae_config *v = cm_vae_get_config(m->vae);
    const size_t c = v->latent_channels;
    for (size_t i = 0; i < n; i++)
        out[i] = m->xl && v->has_statistics ? latents[i] * v->std[i % c] / v->scaling_factor + v->mean[i % c]
                                            : latents[i] / v->scaling_factor;
}

/* Latents [h,w,C] as an image in `out`. */
static cm_status decode(run *r, const float *latents, cm_arena *out, cm_image *picture) {
    cm_ctx *g = r->g;
    const cm_result *o = r->result;
    const size_t n = o->h * o->w * o->channels;
    cm_ctx_reset(g);
    cm_tensor *in = cm_tensor_new(g, CM_SHAPE(1, o->h, o->w, o->channels));
    CM_TRY(cm_ctx_check(g));
    unscale(r->model, latents, n, in->data);
    const cm_ops *own = g->ops;
    g->ops = cm_backend_at_most_bf16(own);
    const cm_tensor *pixels = cm_vae_decode(g, r->model->vae, in);
    g->ops = own;
    CM_TRY(cm_ctx_check(g));
    if (!all_finite(pixels->data, cm_count(pixels))) return cm_fail(CM_EUNDEFINED, "the decoded image is not numbers");
    CM_TRY(cm_image_new(out, r->settings->width, r->settings->height, 3, picture));
    cm_image_from_float(pixels->data, picture);
    return CM_OK;
}

static bool wants_preview(const cm_request *q, size_t taken) {
    return q->preview_every && taken % q->preview_every == 0;
}

/* r->clean holds the latent before evaluation i. */
static cm_status show_preview(run *r, const cm_sampler_state *state, size_t i, const float *eps, size_t taken) {
    const cm_request *q = r->request;
    cm_timing *t = &r->result->timing;
    const double start = cm_now();
    const cm_arena_mark mark = cm_arena_get_mark(&r->keep);
    cm_image picture;
    cm_sampler_clean(r->settings->sampler, state, i, eps, r->clean);
    CM_TRY(decode(r, r->clean, &r->keep, &picture));
    CM_TRY(q->preview(q->preview_arg, taken, &picture));
    cm_arena_reset(&r->keep, mark);
    t->preview += cm_now() - start;
    t->previews++;
    return CM_OK;
}

/* The first step warms up, unless there is no other. */
static bool is_compared(const cm_request *q, size_t taken, size_t steps) {
    const size_t from = steps > 1 ? 2 : 1;
    return q->observer && taken >= from && taken < from + q->compare;
}

static void note_comparison(cm_timing *t, double unobserved, double observed) {
    t->observed = t->compared ? fmin(t->observed, observed) : observed;
    t->unobserved = t->compared ? fmin(t->unobserved, unobserved) : unobserved;
    t->compared++;
}

static cm_status take_step(run *r, cm_sampler_state *state, size_t i, float *eps, double *seconds) {
    const cm_request *q = r->request;
    const float t = r->settings->sampler->timestep(state, i), scale = r->settings->sampler->input_scale(state, i);
    const size_t n = r->result->h * r->result->w * r->result->channels, taken = i - r->first + 1;
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped before step %zu of %zu", i + 1, r->end);
    if (wants_preview(q, taken)) memcpy(r->clean, r->x, n * sizeof *r->x);
    const bool compared = is_compared(q, taken, r->end - r->first), guides = guides_at(r, state, i);
    if (q->beside && i + 1 == r->end) CM_TRY(compare_backends(r, t, scale, guides));
    const double before = cm_now();
    if (compared) CM_TRY(predict(r, t, scale, guides, NULL, eps));
    const double start = cm_now();
    CM_TRY(predict(r, t, scale, guides, q->observer, eps));
    if (compared) note_comparison(&r->result->timing, start - before, cm_now() - start);
    r->settings->sampler->step(state, i, eps, r->x);
    if (!all_finite(r->x, n))
        return cm_fail(CM_EUNDEFINED, "step %zu of %zu: the latents are not numbers any more", i + 1, r->end);
    *seconds = cm_now() - start;
    return wants_preview(q, taken) ? show_preview(r, state, i, eps, taken) : CM_OK;
}

/* Evaluations before this share of the schedule. */
static size_t evaluations_before(const run *r, const cm_sampler_state *state, double share) {
    const cm_sampler *sampler = r->settings->sampler;
    const double train = (double)r->schedule.train_steps, cutoff = nearbyint(train - share * train);
    size_t i = 0;
    while (i < cm_sampler_evaluations(state) && (double)sampler->timestep(state, i) >= cutoff) i++;
    return i;
}

/* x made ready, and which evaluations are to be done. */
static cm_status begin_steps(run *r, cm_sampler_state *state, size_t n) {
    const cm_request *q = r->request;
    r->end = r->settings->end > 0 ? evaluations_before(r, state, r->settings->end) : cm_sampler_evaluations(state);
    if (q->clean) {
        CM_TRY(begin_in_the_middle(r, state, n, &r->first));
    } else if (r->settings->start > 0) {
        r->first = evaluations_before(r, state, r->settings->start);
        CM_TRY(cm_sampler_resume_at(r->settings->sampler, state, r->first));
    } else {
        const float scale = r->settings->sampler->init_scale(state);
        for (size_t i = 0; i < n; i++) r->x[i] *= scale;
    }
    if (r->first >= r->end)
        return cm_fail(CM_EUSAGE, "start %g and end %g of %zu steps leave none", r->settings->start, r->settings->end,
                       r->settings->steps);
    if (q->preview_every > r->end - r->first)
        return cm_fail(CM_EUSAGE, "a preview every %zu steps: there are only %zu", q->preview_every, r->end - r->first);
    cm_sampler_set_noise(state, (cm_noise){draw_noise, r});
    return CM_OK;
}

static cm_status sample(run *r) {
    const cm_request *q = r->request;
    const cm_result *o = r->result;
    const size_t n = o->h * o->w * o->channels;
    cm_sampler_state *state;
    CM_TRY(cm_schedule_configure(r->model->scheduler, r->settings->sampler, &r->keep, &r->schedule));
    CM_TRY(r->settings->sampler->begin(&r->schedule, r->settings->steps, n, &r->keep, &state));
    float *eps = CM_PUSH(&r->keep, float, n);
    double *seconds = CM_PUSH(r->out, double, cm_sampler_evaluations(state));
    if (cm_sampler_draws(state)) r->drawn = CM_PUSH(&r->keep, float, n);
    if (q->preview_every) r->clean = CM_PUSH(&r->keep, float, n);
    CM_TRY(cm_arena_check(&r->keep));
    CM_TRY(cm_arena_check(r->out));
    CM_TRY(begin_steps(r, state, n));
    const size_t steps = r->end - r->first;
    for (size_t k = 0; k < steps; k++) {
        CM_TRY(take_step(r, state, r->first + k, eps, &seconds[k]));
        if (q->progress) q->progress(q->progress_arg, k + 1, steps, seconds[k]);
    }
    return record_steps(r, seconds, steps);
}

static cm_status stages(run *r) {
    const bool lean = r->model->lean;
    CM_TRY(check_request(r));
    CM_TRY(start_noise(r));
    CM_TRY(encode_text(r));
    CM_TRY(sample(r));
    const double start = cm_now();
    if (lean) cm_model_rest(r->model, CM_PART_UNET);
    cm_ctx_rest(r->g, lean ? 0 : HOLD);
    CM_TRY(decode(r, r->x, r->out, &r->result->picture));
    if (lean) cm_model_rest(r->model, CM_PART_VAE);
    r->result->timing.decode = cm_now() - start;
    to_channels_first(r->x, r->result->channels, r->result->h * r->result->w, r->result->latents);
    return CM_OK;
}

cm_status cm_generate(const cm_model *m, cm_ctx *g, const cm_request *request, cm_arena *out, cm_result *result) {
    const double start = cm_now();
    const size_t factor = cm_vae_factor(m->vae);
    cm_result o = {.channels = cm_unet_get_config(m->unet)->in_channels,
                   .h = request->settings.height / factor,
                   .w = request->settings.width / factor};
    const bool one_pass = request->settings.guidance <= 1 ||
                          cm_unet_get_config(m->unet)->guidance_width; /* distilled: the scale is an input */
    run r = {.model = m,
             .g = g,
             .request = request,
             .settings = &request->settings,
             .out = out,
             .result = &o,
             .batch = one_pass ? 1 : 2};
    cm_arena_init(&r.keep, 0);
    const cm_status s = stages(&r);
    cm_ctx_rest(g, m->lean ? 0 : HOLD);
    cm_arena_free(&r.keep);
    if (s != CM_OK) return s;
    o.timing.total = cm_now() - start;
    *result = o;
    return CM_OK;
}
