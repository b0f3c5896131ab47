// SPDX-License-Identifier: Apache-2.0
/* Stages `parser` and `features`: the score networks, supervised by what the drawing knows.
 *
 * Generated images are softer and noisier than drawings, so half of the images
 * are blurred and all get some noise and another brightness. */
#include <math.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "core/networks/nano_scorers.h"
#include "core/train/trainer.h"

enum { REGIONS = CM_GROUPS + 1 }; /* a drawing's regions: its groups, and nothing */

typedef struct score_state {
    json_t *config;
    float classes_weight; /* of the maps, classes and regions */
    bool has_regions;
    float *value_weights; /* [sum of slot counts]: of things that are rarely there, more; else 1 */
} score_state;

/* A drawing's region is 1 + its group. No pixel belongs to the build: what shows it is where the background ends. */
static int region_of(const cm_slot *s) {
    enum { BUILD = 1, BACKGROUND = 2 };
    return 1 + (s->group == BUILD ? BACKGROUND : s->group);
}

/* The heads' sizes, and the regions that they see, follow the people, not the recipe. */
static void describe_slots(json_t *config) {
    json_t *slots = json_array(), *names = json_array(), *regions = json_array();
    for (int i = 0; i < cm_slot_count; i++) {
        json_array_append_new(slots, json_integer(cm_slots[i].count));
        json_array_append_new(names, json_string(cm_slots[i].name));
        json_array_append_new(regions, json_integer(region_of(&cm_slots[i])));
    }
    json_object_set_new(config, "slots", slots);
    json_object_set_new(config, "slot_names", names);
    if (json_object_get(config, "regions")) json_object_set_new(config, "slot_regions", regions);
    else json_decref(regions);
}

static cm_status open_one(cm_trainer *t, const char *file, cm_params **p) {
    score_state *s = CM_PUSH_ZERO(&t->arena, score_state, 1);
    CM_TRY(cm_arena_check(&t->arena));
    s->config = json_object_get(t->recipe, "network");
    s->classes_weight = (float)cm_json_number_or(t->recipe, "classes_weight", 2);
    if (!json_is_object(s->config)) return cm_fail(CM_EFORMAT, "the recipe has no 'network'");
    describe_slots(s->config);
    t->state = s;
    CM_TRY(cm_params_create(p, t->seed));
    return cm_trainer_add(t, *p, "", file, s->config);
}

static cm_status check_regions(score_state *s) {
    const size_t regions = cm_json_size_or(s->config, "regions", 0);
    s->has_regions = regions > 0;
    if (regions == 0 || regions == REGIONS) return CM_OK;
    return cm_fail(CM_EUSAGE, "network: \"regions\" %zu: drawings have %d of them, or write 0 for a parser without",
                   regions, REGIONS);
}

/* Square roots of how much rarer than the mean, within bounds: of one slot's values, or of a map's labels. */
static void weigh_rare(const size_t *seen, size_t values, size_t count, float most, float *weights) {
    static const float least = 0.25f;
    for (size_t v = 0; v < values; v++) {
        const float rarer = (float)count / ((float)values * (float)(seen[v] ? seen[v] : 1));
        weights[v] = fminf(most, fmaxf(least, sqrtf(rarer)));
    }
}

/* Hats and belts are there in one of five or ten people: unweighted, a head says "none" long before it looks. */
static cm_status weigh_things(cm_trainer *t) {
    enum { PEOPLE = 1000, MOST_VALUES = 16 };
    score_state *s = t->state;
    size_t at = 0;
    s->value_weights = CM_PUSH(&t->arena, float, CM_MAX_SLOTS *MOST_VALUES);
    CM_TRY(cm_arena_check(&t->arena));
    for (int k = 0; k < cm_slot_count; at += (size_t)cm_slots[k++].count) {
        size_t seen[MOST_VALUES] = {0};
        const bool thing = cm_slots[k].kind == CM_SLOT_OBJECT && strcmp(cm_slots[k].values[0], "none") == 0;
        for (size_t i = 0; i < PEOPLE && thing; i++) {
            cm_person p;
            cm_people_dataset_person(&t->dataset, i, &p);
            seen[p.value[k]]++;
        }
        if (thing) weigh_rare(seen, (size_t)cm_slots[k].count, PEOPLE, 4, s->value_weights + at);
        else
            for (int v = 0; v < cm_slots[k].count; v++) s->value_weights[at + (size_t)v] = 1;
    }
    return CM_OK;
}

static cm_status parser_open(cm_trainer *t) {
    cm_params *p;
    cm_parser *n;
    CM_TRY(open_one(t, "model.safetensors", &p));
    CM_TRY(check_regions(t->state));
    CM_TRY(weigh_things(t));
    CM_TRY(cm_parser_build(&n, ((score_state *)t->state)->config, p, &t->arena));
    return cm_params_check(p, false);
}

static cm_status parser_open_worker(cm_trainer *t, cm_worker *w) {
    cm_parser *n;
    CM_TRY(cm_parser_build(&n, ((score_state *)t->state)->config, w->params[0], &w->networks));
    w->net = n;
    return CM_OK;
}

static cm_status features_open(cm_trainer *t) {
    cm_params *p;
    cm_feature_net *n;
    CM_TRY(open_one(t, "model.safetensors", &p));
    CM_TRY(cm_feature_net_build(&n, ((score_state *)t->state)->config, p, &t->arena));
    return cm_params_check(p, false);
}

static cm_status features_open_worker(cm_trainer *t, cm_worker *w) {
    cm_feature_net *n;
    CM_TRY(cm_feature_net_build(&n, ((score_state *)t->state)->config, w->params[0], &w->networks));
    w->net = n;
    return CM_OK;
}

/* Along one direction: (1 2 1)/4, edges repeated. x [lines][n][3] with strides in values. */
static void blur_lines(float *x, size_t lines, size_t line_stride, size_t n, size_t stride) {
    for (size_t l = 0; l < lines; l++)
        for (size_t c = 0; c < 3; c++) {
            float *p = x + l * line_stride + c, before = p[0];
            for (size_t i = 0; i < n; i++) {
                const float here = p[i * stride], after = i + 1 < n ? p[(i + 1) * stride] : here;
                p[i * stride] = 0.25f * (before + after) + 0.5f * here;
                before = here;
            }
        }
}

static void disturb(float *x, size_t height, size_t width, cm_rng *r) {
    const size_t blurs = cm_rng_uniform(r) < 0.5 ? 1 + cm_rng_below(r, 2) : 0;
    for (size_t i = 0; i < blurs; i++) {
        blur_lines(x, height, width * 3, width, 3);
        blur_lines(x, width, 3, height, width * 3);
    }
    const double noise = 0.08 * cm_rng_uniform(r), gain = cm_rng_range(r, 0.92, 1.08),
                 shift = cm_rng_range(r, -0.05, 0.05);
    for (size_t i = 0; i < height * width * 3; i++) {
        /* a sum of three uniform numbers is normal enough, and quick */
        const double u = cm_rng_uniform(r) + cm_rng_uniform(r) + cm_rng_uniform(r) - 1.5;
        x[i] = (float)((double)x[i] * gain + shift + 2 * noise * u);
    }
}

/* Images, and what is to be named in them. labels: [slots][count]; classes, regions: a pixel's, or NULL. */
static cm_tensor *fill(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place, int *labels,
                       int *classes, int *regions) {
    const size_t pixels = t->dataset.height * t->dataset.width;
    cm_tensor *x = cm_tensor_new(&w->g, CM_SHAPE(count, t->dataset.height, t->dataset.width, 3));
    for (size_t i = 0; x && i < count; i++) {
        const cm_status s = cm_people_dataset_draw(&t->dataset, samples[i], &w->scratch);
        if (s != CM_OK) return cm_ctx_fail(&w->g, s, "%s", cm_why());
        cm_people_dataset_pixels(&t->dataset, samples[i], x->data + i * pixels * 3);
        cm_rng r = cm_trainer_rng(t, place + i);
        disturb(x->data + i * pixels * 3, t->dataset.height, t->dataset.width, &r);
        cm_person p;
        cm_people_dataset_person(&t->dataset, samples[i], &p);
        for (size_t k = 0; k < (size_t)cm_slot_count; k++) labels[k * count + i] = p.value[k];
        for (size_t k = 0; classes && k < pixels; k++)
            classes[i * pixels + k] = t->dataset.classes[samples[i] * pixels + k];
        for (size_t k = 0; regions && k < pixels; k++)
            regions[i * pixels + k] = t->dataset.groups[samples[i] * pixels + k];
    }
    return x;
}

/* What a slot counts that applies to `count` of a batch: one with ten people nearly as much as any, one with a single
 * person a third, whose noise would else drown what the others say. */
static float slot_weight(const int *labels, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += labels[i] >= 0;
    return (float)n / (float)(n + 2);
}

/* Mean over slots of each one's cross entropy, those of few people less; value_weights: of every slot's values, or
 * NULL. Right answers into *right. */
static cm_tensor *slot_loss(cm_ctx *g, cm_tensor *logits, const int *labels, size_t count, const float *value_weights,
                            double *right) {
    cm_tensor *terms[CM_MAX_SLOTS];
    float weights[CM_MAX_SLOTS];
    size_t from = 0, asked = 0, good = 0;
    if (cm_ctx_check(g) != CM_OK) return NULL;
    for (int k = 0; k < cm_slot_count; k++) {
        const size_t values = (size_t)cm_slots[k].count;
        cm_tensor *one = cm_slice_last(g, logits, from, values);
        terms[k] =
            cm_cross_entropy(g, one, labels + (size_t)k * count, value_weights ? value_weights + from : NULL, NULL);
        weights[k] = slot_weight(labels + (size_t)k * count, count) / (float)cm_slot_count;
        from += values;
        for (size_t i = 0; one && i < count; i++) {
            const int label = labels[(size_t)k * count + i];
            if (label < 0) continue;
            size_t best = 0;
            for (size_t j = 1; j < values; j++)
                if (one->data[i * values + j] > one->data[i * values + best]) best = j;
            asked++;
            good += best == (size_t)label;
        }
    }
    *right = asked ? (double)good / (double)asked : 0;
    return cm_weighted_sum(g, terms, weights, (size_t)cm_slot_count);
}

/* Rare labels weigh more: a belt's pixels are worth looking for, and the background's are not everything. */
static cm_tensor *map_loss(cm_ctx *g, cm_worker *w, cm_tensor *logits, const int *labels, size_t values) {
    static const float most = 16;
    size_t seen[CM_CLASSES + REGIONS] = {0};
    if (!logits) return NULL;
    const size_t count = cm_count(logits) / values;
    float *weights = CM_PUSH(&w->scratch, float, values);
    if (!weights) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) seen[labels[i]]++;
    weigh_rare(seen, values, count, most, weights);
    return cm_cross_entropy(g, logits, labels, weights, NULL);
}

static cm_tensor *parser_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    const score_state *s = t->state;
    cm_ctx *g = &w->g;
    const size_t pixels = count * t->dataset.height * t->dataset.width;
    int *labels = CM_PUSH(&w->scratch, int, count *(size_t)cm_slot_count);
    int *of_class = CM_PUSH(&w->scratch, int, pixels), *of_region = CM_PUSH(&w->scratch, int, pixels);
    if (!labels || !of_class || !of_region) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    cm_tensor *x = fill(t, w, samples, count, place, labels, of_class, of_region), *classes, *regions, *slots;
    cm_tape_open(g);
    cm_parser_forward_all(g, w->net, x, &classes, &regions, &slots);
    cm_tensor *a = slot_loss(g, slots, labels, count, s->value_weights, &w->metrics[2]),
              *b = map_loss(g, w, classes, of_class, CM_CLASSES);
    cm_tensor *c = s->has_regions ? map_loss(g, w, regions, of_region, REGIONS) : NULL;
    cm_tensor *loss = cm_weighted_sum(g, (cm_tensor *const[]){a, b, c},
                                      (const float[]){1, s->classes_weight, s->classes_weight}, s->has_regions ? 3 : 2);
    if (cm_ctx_check(g) != CM_OK) return NULL;
    w->metrics[0] = (double)a->data[0];
    w->metrics[1] = (double)b->data[0];
    w->metrics[3] = c ? (double)c->data[0] : 0;
    return loss;
}

static cm_tensor *features_loss(cm_trainer *t, cm_worker *w, const size_t *samples, size_t count, uint64_t place) {
    cm_ctx *g = &w->g;
    int *labels = CM_PUSH(&w->scratch, int, count *(size_t)cm_slot_count);
    if (!labels) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    cm_tensor *x = fill(t, w, samples, count, place, labels, NULL, NULL), *pooled, *slots;
    cm_tape_open(g);
    cm_feature_net_forward(g, w->net, x, &pooled, &slots);
    cm_tensor *loss = slot_loss(g, slots, labels, count, NULL, &w->metrics[0]);
    return cm_ctx_check(g) == CM_OK ? loss : NULL;
}

const cm_stage cm_stage_parser = {.name = "parser",
                                  .about = "the parser with attribute heads",
                                  .recipe = "parser",
                                  .metrics = {"slots", "classes", "right", "regions"},
                                  .open = parser_open,
                                  .open_worker = parser_open_worker,
                                  .loss = parser_loss};
const cm_stage cm_stage_features = {.name = "features",
                                    .about = "the feature network of fd@nano and kd@nano",
                                    .recipe = "features",
                                    .metrics = {"right"},
                                    .open = features_open,
                                    .open_worker = features_open_worker,
                                    .loss = features_loss};
