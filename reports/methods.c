// SPDX-License-Identifier: Apache-2.0
/* The methods of a run in words, from its records alone: what was drawn and how, what it was compared with, by which
 * networks, on which machine. */
#include <string.h>

#include "reports/content.h"

static void paragraph(const cm_content *c, const char *text) {
    cm_paragraph_of(c->d, CM_SMALL, text);
}

/* --- how images were made --------------------------------------------------------------- */

static void say_sampling(const cm_content *c, const json_t *s) {
    double v;
    cm_say(c->d, " Sampler %s", cm_text_of(s, "sampler"));
    if (cm_number_of(s, "steps", &v)) cm_say(c->d, ", %.0f steps", v);
    if (cm_number_of(s, "guidance", &v)) cm_say(c->d, ", classifier-free guidance %g", v);
    const char *negative = cm_text_of(s, "negative");
    cm_say(c->d, ", negative prompt %s%s%s", *negative ? "\"" : "", *negative ? negative : "empty",
           *negative ? "\"" : "");
    if (cm_number_of(s, "width", &v)) cm_say(c->d, ", %.0f", v);
    if (cm_number_of(s, "height", &v)) cm_say(c->d, " x %.0f pixels", v);
    cm_say(c->d, ", backend %s in %s.", cm_text_of(s, "backend"), cm_text_of(s, "dtype"));
}

/* What differs from the suite's settings: "steps 10, sampler ddim". */
static void say_own_settings(const cm_content *c, const json_t *settings) {
    const char *key, *before = " with ";
    json_t *v;
    json_object_foreach((json_t *)settings, key, v) {
        if (json_is_string(v)) cm_say(c->d, "%s%s %s", before, key, json_string_value(v));
        else if (json_is_number(v)) cm_say(c->d, "%s%s %g", before, key, json_number_value(v));
        else continue;
        before = ", ";
    }
}

static void say_training(const cm_content *c, const json_t *trained) {
    double steps, seed, hola;
    if (!trained) return;
    cm_say(c->d, ", trained");
    if (*cm_text_of(trained, "data")) cm_say(c->d, " on %s", cm_text_of(trained, "data"));
    if (cm_number_of(trained, "steps", &steps)) cm_say(c->d, " for %.0f steps", steps);
    if (cm_number_of(trained, "seed", &seed)) cm_say(c->d, ", seed %.0f", seed);
    if (cm_number_of(trained, "hola", &hola)) cm_say(c->d, hola > 0 ? ", HOLA weight %g" : ", without HOLA", hola);
    else if (json_is_true(json_object_get(trained, "hola"))) cm_say(c->d, ", with HOLA");
}

static void say_arm(const cm_content *c, const json_t *arm) {
    const char *kind = cm_text_of(arm, "kind"), *hash = cm_text_of(arm, "hash");
    cm_say(c->d, "%s is ", cm_text_of(arm, "name"));
    if (strcmp(kind, "images") == 0) cm_say(c->d, "a folder of images made elsewhere, %s", cm_text_of(arm, "from"));
    else if (strcmp(kind, "command") == 0) cm_say(c->d, "made by the command %s", cm_text_of(arm, "command"));
    else cm_say(c->d, "%s", *cm_text_of(arm, "model") ? cm_text_of(arm, "model") : "a model");
    if (*hash) cm_say(c->d, " (SHA-256 %.16s)", hash);
    say_own_settings(c, json_object_get(arm, "settings"));
    say_training(c, json_object_get(arm, "trained"));
}

static void say_arms(const cm_content *c) {
    const json_t *arms = json_object_get(c->r->run, "arms");
    const size_t count = json_array_size(arms);
    if (c->r->format < 2 || !count) return;
    cm_say(c->d, "Arms: ");
    for (size_t i = 0; i < count; i++) {
        if (i) cm_say(c->d, "; ");
        say_arm(c, json_array_get(arms, i));
    }
    cm_say(c->d, ".");
    cm_paragraph(c->d, CM_SMALL);
}

static bool any_model(const cm_report_model *r) {
    const json_t *arms = json_object_get(r->run, "arms");
    for (size_t i = 0; i < json_array_size(arms); i++) {
        const char *kind = cm_text_of(json_array_get(arms, i), "kind");
        if (!*kind || strcmp(kind, "model") == 0) return true;
    }
    return false;
}

static void say_reference(const cm_content *c) {
    const json_t *ref = json_object_get(c->r->run, "reference");
    double n;
    if (!ref || !cm_number_of(ref, "count", &n)) return;
    if (c->r->format < 2)
        cm_say(c->d, " The distribution scores compare with %.0f drawn people held out from all training (%s).", n,
               cm_text_of(ref, "name"));
    else
        cm_say(c->d, " The distribution scores compare with %.0f images: %s%s%s.", n, cm_text_of(ref, "name"),
               *cm_text_of(ref, "from") ? ", from " : "", cm_text_of(ref, "from"));
}

static void say_settings(const cm_content *c) {
    const json_t *run = c->r->run, *s = json_object_get(run, "settings");
    double v;
    cm_say(c->d, "Suite %s on the prompt set %s", cm_text_of(run, "suite"), cm_text_of(run, "prompts"));
    if (cm_number_of(run, "count", &v)) cm_say(c->d, " (%.0f prompts)", v);
    if (any_model(c->r)) {
        if (cm_number_of(run, "images", &v) && v > 1)
            cm_say(c->d, ". Every model makes %.0f images of every prompt", v);
        else cm_say(c->d, ". Every model makes one image of every prompt");
        cm_say(c->d, ", from the same starting noise as the other models. The noise is seeded from the run's seed and "
                     "the prompt's id");
        if (cm_number_of(s, "run_seed", &v)) cm_say(c->d, " (run seed %.0f)", v);
        cm_say(c->d, ", so the place in the run does not matter.");
        if (s) say_sampling(c, s);
    } else {
        cm_say(c->d, ".");
    }
    say_reference(c);
    cm_paragraph(c->d, CM_SMALL);
}

/* --- how they were scored --------------------------------------------------------------- */

static void say_nano_scores(const cm_content *c) {
    paragraph(
        c,
        "fd@nano is the Fréchet distance between Gaussians fitted to features of the shipped nano feature network, "
        "|μ1-μ2|² + tr(Σ1 + Σ2 - 2(Σ1Σ2)^½), moments in double, covariance over N-1, square root by a symmetric form. "
        "kd@nano is the unbiased squared maximum mean discrepancy of the same features under the kernel (x·y/d + 1)³. "
        "Both carry the name of their network. They are not FID and KID, and only scores of the same network can be "
        "compared with them.");
    paragraph(
        c,
        "acc_obj, acc_tex and acc_shape ask about what the prompt's groups say: whether the garment is there, its "
        "colours and patterns, its lengths and shapes. A parser with attribute heads answers from the image. A texture "
        "or shape question counts as failed where its object is absent. acc_all, the primary score, is the plain mean "
        "of the three, as in the paper's tables. The ceiling is the scorers' accuracy on held-out drawings. clip@nano "
        "is 100 times the cosine of the nano CLIP pair's image and text embeddings.");
    paragraph(c,
              "hola, attn_iou and attn_mass compare the generator's own cross-attention, captured during the run, "
              "with the regions that the parser finds in the generated image. hola is the squared error of each "
              "group's token maps and of their mean map (Daring's loss in the closed form of the authors' code). "
              "attn_iou is the overlap of the mean map with the region, attn_mass the share of attention inside it.");
}

/* "FID (fid@clean): inception, weights ...; ..." */
static void say_planned_scores(const cm_content *c) {
    const json_t *metrics = json_object_get(json_object_get(c->r->run, "plan"), "metrics");
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *m = json_array_get(metrics, i);
        const char *title = cm_text_of(m, "title"), *label = cm_text_of(m, "label"),
                   *network = cm_text_of(m, "network"), *rule = cm_text_of(m, "rule");
        cm_say(c->d, "%s%s", i ? "; " : "Scores: ", *title ? title : label);
        if (*title && strcmp(title, label) != 0) cm_say(c->d, " (%s)", label);
        if (*network) cm_say(c->d, " by %s%s%s", network, *rule ? ", images by the rule " : "", rule);
        if (*cm_text_of(m, "weights"))
            cm_say(c->d, ", %s weights: not comparable with published values", cm_text_of(m, "weights"));
    }
    if (json_array_size(metrics))
        cm_say(c->d, ". %s%s", *c->r->primary ? "The primary score, named before the run, is " : "", c->r->primary);
    if (json_array_size(metrics) && *c->r->primary) cm_say(c->d, ".");
    cm_paragraph(c->d, CM_SMALL);
}

/* How much of what the prompts say is asked. */
static void say_questions(const cm_content *c) {
    const json_t *q = json_object_get(c->r->run, "questions"), *left_out = json_object_get(q, "left_out"), *n;
    double asked, of, other = 0;
    const char *slot, *before = "; not asked, because the parser tells them no better than the commonest value would: ";
    if (!cm_number_of(q, "asked", &asked) || !cm_number_of(q, "of", &of)) return;
    cm_say(c->d, "Asked: %.0f of %.0f attributes of the prompts", asked, of);
    json_object_foreach((json_t *)left_out, slot, n) {
        cm_say(c->d, "%s%s (%lld)", before, slot, (long long)json_integer_value(n));
        before = ", ";
    }
    if (cm_number_of(q, "other", &other) && other > 0)
        cm_say(c->d, "; %.0f are of kinds that are never asked, such as age and background", other);
    cm_say(c->d, ".");
    cm_paragraph(c->d, CM_SMALL);
}

static void say_networks(const cm_content *c) {
    size_t i;
    json_t *network;
    const json_t *networks = json_object_get(json_object_get(c->r->run, "plan"), "networks");
    if (json_array_size(networks) == 0) return;
    cm_say(c->d, "Networks, by the SHA-256 of their weights:");
    json_array_foreach(networks, i, network) {
        const char *label = cm_text_of(network, "label");
        cm_say(c->d, "%s %s %.16s", i ? ";" : "", cm_text_of(network, "name"), cm_text_of(network, "hash"));
        if (*label) cm_say(c->d, " (%s weights: its scores are not comparable with published values)", label);
    }
    cm_say(c->d, ".");
    if (cm_report_model_published(c->r))
        cm_say(
            c->d,
            " Backend %s in f32, statistics in double. Intervals are 95 %%. The share of text read is the share of a "
            "prompt's tokens that the scorer has read, averaged over prompts.",
            cm_text_of(json_object_get(c->r->run, "settings"), "backend"));
    cm_paragraph(c->d, CM_SMALL);
}

static void say_statistics(const cm_content *c) {
    if (c->r->format < 2)
        paragraph(c, "Intervals are 95 % bootstrap intervals over prompts. Differences are paired by prompt; raw p is "
                     "two-sided, from "
                     "sign-flip permutations. What is called better, worse or best is decided at the 5 % level by p "
                     "after Holm's "
                     "correction for the number of scores of the pair. Undefined scores are not printed as numbers: "
                     "what was not measured "
                     "says so.");
    else
        paragraph(c,
                  "The unit is the prompt, with all its images. Intervals are 95 %: for scores of single images by BCa "
                  "bootstrap over prompts, for scores of sets by the jackknife over prompts. Differences are paired "
                  "by prompt; p is two-sided, from exchanging the arms' images prompt by prompt. Better, worse and "
                  "leading are decided at the 5 % level: for the primary score, which was named before the run, by "
                  "p as it is, for all other scores by p after Holm's correction over them. HOLA and the attn "
                  "scores are what the loss trains; they do not measure quality. Arms are compared at equal numbers "
                  "of images. A score that is undefined is not printed as a number: its cell says \"not measured\" "
                  "and why.");
}

/* --- published scores ------------------------------------------------------------------- */

/* "512 images from FOLDER" */
static void say_list(const cm_content *c, const char *side, const char *what) {
    const json_t *list = json_object_get(json_object_get(c->r->run, "lists"), side);
    double n;
    if (list && cm_number_of(list, "count", &n)) cm_say(c->d, "%s: %.0f from %s. ", what, n, cm_text_of(list, "from"));
}

static void say_lists(const cm_content *c) {
    const json_t *run = c->r->run;
    say_list(c, "pictures", "Images");
    say_list(c, "reference", "Reference");
    if (*cm_text_of(run, "statistics")) cm_say(c->d, "Reference: statistics in %s. ", cm_text_of(run, "statistics"));
    if (*cm_text_of(run, "prompts")) cm_say(c->d, "Prompts: %s.", cm_text_of(run, "prompts"));
    cm_paragraph(c->d, CM_SMALL);
}

/* --- the machine ------------------------------------------------------------------------ */

static void say_times(const cm_content *c) {
    if (c->r->speeds.count)
        paragraph(
            c, "Times are wall-clock seconds after an untimed warm-up: median, 10th and 90th percentile over n "
               "repeats. A step includes both halves of guidance. Operations are those of the networks' products and "
               "convolutions (counted directly), a multiplication and an addition being two. Peak memory is the "
               "largest resident set of a process that does only this.");
    if (c->r->commands.count)
        paragraph(c, "Commands of other programs are timed from their start to their end, loading included. Their peak "
                     "memory is the largest resident set of their processes.");
}

static void say_machine(const cm_content *c) {
    const json_t *run = c->r->run;
    double threads;
    cm_say(c->d, "Machine: %s, %s; ", cm_text_of(run, "cpu"), cm_text_of(run, "cpu_features"));
    if (cm_number_of(run, "threads", &threads)) cm_say(c->d, "%.0f threads; ", threads);
    cm_say(c->d, "OpenBLAS core type %s; cosmicman %s", cm_text_of(run, "core_type"), cm_text_of(run, "version"));
    if (*cm_text_of(run, "commit")) cm_say(c->d, " (%s)", cm_text_of(run, "commit"));
    cm_say(c->d, "; %s; started %s.", cm_text_of(run, "compiler"), cm_text_of(run, "started"));
    cm_paragraph(c->d, CM_SMALL);
}

void cm_add_methods(const cm_content *c) {
    cm_heading(c->d, "Methods", "methods");
    if (cm_report_model_published(c->r)) {
        say_lists(c);
    } else if (c->r->arm_count) {
        say_settings(c);
        say_arms(c);
        if (c->r->format < 2) say_nano_scores(c);
        else say_planned_scores(c);
        say_questions(c);
        say_statistics(c);
    }
    say_networks(c);
    say_times(c);
    say_machine(c);
}
