// SPDX-License-Identifier: Apache-2.0
/* Model cards: card.json, what a run and its checks said, and README.md, the same for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/acceptance.h"
#include "core/train/trainer.h"

static json_t *criteria_json(const cm_acceptance *criteria) {
    json_t *list = json_array();
    for (size_t i = 0; i < criteria->count; i++) {
        const cm_criterion *g = &criteria->gate[i];
        json_t *line = json_pack("{s:s, s:f, s:I}", "name", g->name, "value", g->value, "n", (json_int_t)g->n);
        if (g->lo < g->hi)
            json_object_set_new(line, "lo", json_real(g->lo)), json_object_set_new(line, "hi", json_real(g->hi));
        if (!isnan(g->least)) {
            json_object_set_new(line, "least", json_real(g->least));
            json_object_set_new(line, "holds", json_boolean(cm_criterion_holds(g)));
        }
        json_array_append_new(list, line);
    }
    return list;
}

static json_t *questions_json(const cm_acceptance *criteria) {
    json_t *slots = json_object();
    for (size_t i = 0; i < criteria->question_count; i++) {
        const cm_question_criterion *q = &criteria->questions[i];
        json_object_set_new(slots, q->slot,
                            json_pack("{s:f, s:f, s:f, s:I, s:b}", "right", q->drawn.right, "commonest",
                                      q->drawn.commonest, "reconstructed", q->reconstructed, "n",
                                      (json_int_t)q->drawn.n, "asked", (int)q->drawn.asked));
    }
    return json_pack("{s:f, s:o}", "margin", CM_ASKING_MARGIN, "slots", slots);
}

static void print_training(const json_t *card, FILE *f) {
    const json_t *recipe = json_object_get(card, "recipe");
    const char *data = cm_json_text_or(recipe, "data", "");
    const size_t width = cm_json_size_or(recipe, "width", 64), height = cm_json_size_or(recipe, "height", 96);
    if (data[0])
        fprintf(f, "- data: people of the folder `%s` (SHA-256 of labels.jsonl: %s), %zux%zu\n", data,
                cm_json_text_or(card, "labels", "?"), width, height);
    else
        fprintf(f, "- data: people drawn by `core/data/people`, %zu of them, seed %zu, %zux%zu\n",
                cm_json_size_or(recipe, "people", 0), cm_json_size_or(recipe, "people_seed", 1), width, height);
    fprintf(f, "- parameters: %zu, kept in f16 (moving average of the weights)\n",
            cm_json_size_or(card, "parameters", 0));
    fprintf(f, "- training: seed %zu, %zu steps, %zu samples, %s products, %.2f hours on %s\n",
            cm_json_size_or(recipe, "seed", 1), cm_json_size_or(card, "steps", 0), cm_json_size_or(card, "samples", 0),
            cm_json_text_or(card, "dtype", "f32"), cm_json_number_or(card, "hours", 0),
            cm_json_text_or(card, "cpu", "?"));
    const json_t *sessions = json_object_get(card, "sessions"), *one;
    size_t i;
    if (json_array_size(sessions) > 1) {
        fprintf(f, "- in %zu sessions, each with the schedule of its own end:", json_array_size(sessions));
        json_array_foreach(sessions, i, one)
            fprintf(f, "%s from step %zu planned for %zu", i ? "," : "", cm_json_size_or(one, "from", 0),
                    cm_json_size_or(one, "planned", 0));
        fprintf(f, "\n");
    }
    fprintf(f, "- last loss: %.5g", cm_json_number_or(card, "loss", 0));
    const char *key;
    const json_t *value;
    json_object_foreach(json_object_get(card, "training"), key, value)
        fprintf(f, ", %s %.5g", key, json_number_value(value));
    fprintf(f, "\n- again: `make nano` (the recipe stands in `card.json`)\n");
}

static void print_criteria(const cm_acceptance *criteria, FILE *f) {
    fprintf(f, "\n| on held-out people | value | 95 %% | n | gate |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < criteria->count; i++) {
        const cm_criterion *g = &criteria->gate[i];
        fprintf(f, "| %s | %.5g | ", g->name, g->value);
        if (g->lo < g->hi) fprintf(f, "%.5g to %.5g", g->lo, g->hi);
        fprintf(f, " | %zu | ", g->n);
        if (!isnan(g->least))
            fprintf(f, "at least %.4g: %s", g->least, cm_criterion_holds(g) ? "holds" : "does not hold");
        fprintf(f, " |\n");
    }
}

static void print_questions(const cm_acceptance *criteria, FILE *f) {
    if (criteria->question_count == 0) return;
    fprintf(f,
            "\nA question is asked where its answers are right on drawings at least %.0f points more often than the "
            "commonest\n"
            "answer; of a thing that is there or not (n: who has it) the mean over those with and those without.\n\n",
            100 * CM_ASKING_MARGIN);
    fprintf(f, "| question | right, %% | commonest answer, %% | right on the autoencoder's images, %% | n | asked |\n"
               "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < criteria->question_count; i++) {
        const cm_question_criterion *q = &criteria->questions[i];
        fprintf(f, "| %s | %.1f | %.1f | %.1f | %zu | %s |\n", q->slot, 100 * q->drawn.right, 100 * q->drawn.commonest,
                100 * q->reconstructed, q->drawn.n, q->drawn.asked ? "yes" : "no");
    }
}

static cm_status write_readme(const char *path, const char *part, const json_t *card, const cm_acceptance *criteria) {
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    if (!f) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    fprintf(f, "# nano: %s\n\nTrained by `cosmicman train`, checked by `cosmicman train check`.\n\n", part);
    print_training(card, f);
    print_criteria(criteria, f);
    print_questions(criteria, f);
    fclose(f);
    const cm_status s = cm_write_whole(path, text, length);
    free(text);
    return s;
}

cm_status cm_model_card_write(const char *folder, const char *part, const cm_acceptance *criteria) {
    char card_path[1024], readme[1024];
    snprintf(card_path, sizeof card_path, "%s/card.json", folder);
    snprintf(readme, sizeof readme, "%s/README.md", folder);
    json_t *card;
    CM_TRY(cm_card_read(card_path, &card));
    json_object_set_new(card, "gates", criteria_json(criteria));
    if (criteria->question_count) json_object_set_new(card, "questions", questions_json(criteria));
    cm_status s = cm_json_write(card_path, card);
    if (s == CM_OK) s = write_readme(readme, part, card, criteria);
    json_decref(card);
    return s;
}
