// SPDX-License-Identifier: Apache-2.0
/* The sentences of a report: summary, legends and methods, shared by the formats. */
#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/pages.h"

static void paragraph(cm_writer *w, const char *text) {
    cm_paragraph(w);
    cm_text(w, text);
    cm_paragraph_end(w);
}

void cm_write_p(cm_writer *w, double p) {
    if (p < 0.001) cm_text(w, "< 0.001");
    else cm_textf(w, "%.3f", p);
}

void cm_write_absent(cm_writer *w, const char *note) {
    static const char absent[] = "not measured";
    if (strncmp(note, absent, sizeof absent - 1) == 0) cm_text(w, note);
    else cm_textf(w, "%s%s%s", absent, *note ? ": " : "", note);
}

static void say_unfinished(cm_writer *w, const cm_rows *r) {
    if (!r->done) paragraph(w, "This run has not finished: what is missing below was not measured yet.");
}

/* --- summary ---------------------------------------------------------------------------- */

/* At the 5 % level, by p after Holm's correction for the number of scores. */
static const char *verdict(const json_t *pair, const cm_column *c) {
    double d = 0, p;
    cm_number_of(pair, "difference", &d);
    if (!cm_number_of(pair, "p_holm", &p)) return "not judged: p is not corrected for the number of scores";
    if (!cm_pair_is_apart(pair)) return "not told apart";
    return (d < 0) == c->lower_is_better ? "better" : "worse";
}

static void write_pair(cm_writer *w, const json_t *pair, const cm_column *c, const char *before) {
    double d = 0, lo, hi, p;
    cm_number_of(pair, "difference", &d);
    cm_textf(w, "%s%s%s %+.*f", before, c->title, strcmp(c->score, cm_primary_score) == 0 ? " (the primary score)" : "", c->decimals, d);
    if (cm_number_of(pair, "lo", &lo) && cm_number_of(pair, "hi", &hi)) cm_textf(w, ", 95 %% %+.*f to %+.*f", c->decimals, lo, c->decimals, hi);
    if (cm_number_of(pair, "p_holm", &p)) {
        cm_text(w, p < 0.001 ? ", p by Holm " : ", p by Holm = ");
        cm_write_p(w, p);
    }
    if (cm_number_of(pair, "p", &p)) {
        cm_text(w, p < 0.001 ? ", raw p " : ", raw p = ");
        cm_write_p(w, p);
    }
    cm_textf(w, ": %s", verdict(pair, c));
}

/* The first of the records of a pair of arms tells of both arms' scores. */
static void tell_pair(cm_writer *w, const cm_rows *r, const char *a, const char *b) {
    static const char *const told[] = {cm_primary_score, "hola", "attn_iou", "fd@nano"};
    const char *before = "";
    cm_paragraph(w);
    cm_textf(w, "%s against %s, same prompts and noise. ", a, b);
    for (size_t t = 0; t < sizeof told / sizeof *told; t++) {
        const json_t *pair = cm_rows_pair(r, a, b, told[t]);
        double d;
        if (!cm_number_of(pair, "difference", &d)) continue;
        write_pair(w, pair, cm_column_find(told[t]), before);
        before = "; ";
    }
    cm_text(w, *before ? "." : "Not measured.");
    cm_paragraph_end(w);
}

void cm_write_summary(cm_writer *w, const cm_rows *r) {
    say_unfinished(w, r);
    json_t *seen = json_object(); /* without memory a pair may be told again */
    for (size_t i = 0; i < r->pairs.count && !cm_interrupted(); i++) {
        const char *a = cm_text_of(r->pairs.at[i], "a"), *b = cm_text_of(r->pairs.at[i], "b");
        char key[512];
        snprintf(key, sizeof key, "%s\n%s", a, b);
        if (json_object_get(seen, key)) continue;
        json_object_set_new(seen, key, json_true());
        tell_pair(w, r, a, b);
    }
    json_decref(seen);
    if (!r->pairs.count) paragraph(w, "No pair of arms was compared.");
}

/* --- legends ---------------------------------------------------------------------------- */

static const char *note_of(const cm_rows *r, size_t arm, const cm_column *c) {
    return cm_text_of(cm_rows_score(r, r->arms[arm], c->score), "note");
}

/* One note and the arms that have it; told with the first of them. */
static void tell_note(cm_writer *w, const cm_rows *r, size_t arm, const cm_column *c) {
    const char *note = note_of(r, arm, c);
    if (!*note) return;
    for (size_t a = 0; a < arm; a++)
        if (strcmp(note_of(r, a, c), note) == 0) return;
    cm_paragraph(w);
    cm_textf(w, "%s of ", c->title);
    const char *before = "";
    for (size_t a = arm; a < r->arm_count; a++) {
        if (strcmp(note_of(r, a, c), note) != 0) continue;
        cm_textf(w, "%s%s", before, r->arms[a]);
        before = ", ";
    }
    cm_textf(w, ": %s.", note);
    cm_paragraph_end(w);
}

static void tell_ceilings(cm_writer *w, const cm_rows *r) {
    double v;
    const char *before = "Ceilings, measured on held-out drawings: ";
    bool any = false;
    for (size_t i = 0; i < r->ceilings.count && !cm_interrupted(); i++) {
        const json_t *o = r->ceilings.at[i];
        if (cm_column_find(cm_text_of(o, "score")) && !*cm_text_of(o, "note")) continue;
        if (!any) cm_paragraph(w);
        any = true;
        cm_textf(w, "%s%s", before, cm_text_of(o, "score"));
        if (cm_number_of(o, "value", &v)) cm_textf(w, " %.4g", v);
        if (*cm_text_of(o, "note")) cm_textf(w, " (%s)", cm_text_of(o, "note"));
        before = ", ";
    }
    if (!any) return;
    cm_text(w, ".");
    cm_paragraph_end(w);
}

void cm_write_legend(cm_writer *w, const cm_rows *r) {
    paragraph(w, "A value is marked as best where it is told apart from the next: by the pair's p after Holm's correction, or, where the two "
                 "were not compared, by intervals that do not meet. Intervals are 95 % bootstrap intervals over prompts.");
    for (size_t c = 0; c < CM_COLUMNS; c++)
        for (size_t a = 0; a < r->arm_count; a++) tell_note(w, r, a, &cm_columns[c]);
    tell_ceilings(w, r);
    cm_paragraph(w);
    for (size_t c = 0; c < CM_COLUMNS; c++) cm_textf(w, "%s%s %s: %s", c ? "; " : "", cm_columns[c].title, cm_columns[c].arrow, cm_columns[c].about);
    cm_text(w, ".");
    cm_paragraph_end(w);
}

void cm_write_pairs_legend(cm_writer *w) {
    paragraph(w, "Marked: p < 0.05 after Holm's correction for the scores of the pair; raw p (two-sided sign-flip permutation) beside it.");
}

void cm_write_products(cm_writer *w, const cm_rows *r) {
    double v;
    for (size_t i = 0; i < r->sgemms.count && !cm_interrupted(); i++) {
        if (!cm_number_of(r->sgemms.at[i], "gflops", &v)) continue;
        cm_paragraph(w);
        cm_textf(w, "One large single-precision product on %s: %.0f GFLOP/s.", cm_text_of(r->sgemms.at[i], "backend"), v);
        cm_paragraph_end(w);
    }
}

/* --- methods ---------------------------------------------------------------------------- */

static void write_sampling(cm_writer *w, const json_t *s) {
    double v;
    cm_textf(w, " Sampler %s", cm_text_of(s, "sampler"));
    if (cm_number_of(s, "steps", &v)) cm_textf(w, ", %.0f steps", v);
    if (cm_number_of(s, "guidance", &v)) cm_textf(w, ", classifier-free guidance %g", v);
    const char *negative = cm_text_of(s, "negative");
    cm_textf(w, ", negative prompt %s%s%s", *negative ? "\"" : "", *negative ? negative : "empty", *negative ? "\"" : "");
    if (cm_number_of(s, "width", &v)) cm_textf(w, ", %.0f", v);
    if (cm_number_of(s, "height", &v)) cm_textf(w, " x %.0f pixels", v);
    cm_textf(w, ", backend %s in %s.", cm_text_of(s, "backend"), cm_text_of(s, "dtype"));
}

static void write_settings(cm_writer *w, const cm_rows *r) {
    const json_t *s = json_object_get(r->run, "settings"), *ref = json_object_get(r->run, "reference");
    double v;
    cm_paragraph(w);
    cm_textf(w, "Suite %s over the fixed prompt set %s", cm_text_of(r->run, "suite"), cm_text_of(r->run, "prompts"));
    if (cm_number_of(r->run, "count", &v)) cm_textf(w, " (%.0f prompts)", v);
    cm_text(w, ". Every arm draws every prompt once from the same starting noise: its generator is seeded from (run seed, prompt id)");
    if (cm_number_of(s, "run_seed", &v)) cm_textf(w, " with run seed %.0f", v);
    cm_text(w, ", never from the position in the run.");
    if (s) write_sampling(w, s);
    if (ref && cm_number_of(ref, "count", &v))
        cm_textf(w, " The distribution scores compare with %.0f drawn people held out from all training (%s).", v, cm_text_of(ref, "name"));
    cm_paragraph_end(w);
}

void cm_write_peers(cm_writer *w, const cm_rows *r) {
    const json_t *first = r->peers.at[0];
    double threads = 0;
    cm_number_of(first, "threads", &threads);
    cm_paragraph(w);
    cm_textf(w, "The same weights and inputs in each engine, %.0f threads, a process each, in turn round after round on %s: unet is "
                "one step with guidance (a batch of two), decode one latent, picture a whole one by ours alone. x ours is the "
                "median over rounds of their time by ours in the same round: above 1, ours is faster. Relative L2 is against "
                "PyTorch in f32, of a picture's last latents against ours in f32 (openblas); an output that differs by more than "
                "its type's tolerance (1e-4 in f32, 3e-2 in bf16 and int8; of a picture, whose steps amplify, 1e-3, 1e-1 and 2e-1) "
                "is marked. PSNR is of the pixels against the same reference, clipped; equal pixels have none. Peak memory holds the "
                "engine's own libraries.", threads, cm_text_of(first, "cpu"));
    cm_paragraph_end(w);
}

static void write_scores(cm_writer *w, const cm_rows *r) {
    write_settings(w, r);
    paragraph(w, "fd@nano is the Fréchet distance between Gaussians fitted to features of the shipped nano feature network, "
                 "|μ1-μ2|² + tr(Σ1 + Σ2 - 2(Σ1Σ2)^½), moments in double, covariance over N-1, square root by a symmetric form. "
                 "kd@nano is the unbiased squared maximum mean discrepancy of the same features under the kernel (x·y/d + 1)³. "
                 "Both carry their network's name: they are not FID and KID and compare with nothing but themselves.");
    paragraph(w, "acc_obj, acc_tex and acc_shape ask what the prompt's own groups say (is the garment there, its colours and patterns, "
                 "its lengths and shapes) and a parser with attribute heads answers from the picture; a texture or shape question "
                 "counts as failed where its object is absent; acc_all, the primary score, is the plain mean of the three, as in the "
                 "paper's tables. The scorers' own ceiling, their accuracy on held-out drawings, is printed beside. clip@nano is 100 "
                 "times the cosine of the nano CLIP pair's picture and text embeddings.");
    paragraph(w, "hola, attn_iou and attn_mass look at the generator's own cross-attention, captured during the run, against the "
                 "regions that the parser sees in the generated picture: hola is the squared error of each group's token maps and of "
                 "their mean map (Daring's loss in the closed form of the authors' code), attn_iou the overlap of the mean map with "
                 "the region, attn_mass the share of attention inside it.");
    paragraph(w, "Intervals are 95 % bootstrap intervals over prompts. Differences are paired by prompt; raw p is two-sided, from "
                 "sign-flip permutations. What is called better, worse or best is decided at the 5 % level by p after Holm's "
                 "correction for the number of scores of the pair. Undefined scores are not printed as numbers: what was not measured "
                 "says so.");
}

/* "512 pictures from FOLDER" */
static void write_list(cm_writer *w, const cm_rows *r, const char *side, const char *what) {
    const json_t *list = json_object_get(json_object_get(r->run, "lists"), side);
    double n;
    if (list && cm_number_of(list, "count", &n)) cm_textf(w, "%s: %.0f from %s. ", what, n, cm_text_of(list, "from"));
}

void cm_write_published(cm_writer *w, const cm_rows *r) {
    say_unfinished(w, r);
    cm_paragraph(w);
    write_list(w, r, "pictures", "Pictures");
    write_list(w, r, "reference", "Reference");
    if (*cm_text_of(r->run, "statistics")) cm_textf(w, "Reference: statistics in %s. ", cm_text_of(r->run, "statistics"));
    if (*cm_text_of(r->run, "prompts")) cm_textf(w, "Prompts: %s.", cm_text_of(r->run, "prompts"));
    cm_paragraph_end(w);
}

static void write_networks(cm_writer *w, const cm_rows *r) {
    size_t i;
    json_t *network;
    cm_paragraph(w);
    cm_text(w, "Networks, by the SHA-256 of their weights:");
    json_array_foreach(json_object_get(json_object_get(r->run, "plan"), "networks"), i, network) {
        const char *label = cm_text_of(network, "label");
        cm_textf(w, "%s %s %.16s", i ? ";" : "", cm_text_of(network, "name"), cm_text_of(network, "hash"));
        if (*label) cm_textf(w, " (%s weights: its scores compare with nothing published)", label);
    }
    cm_textf(w, ". Backend %s in f32, statistics in double. Intervals are 95 %%. The share of text read is the mean over prompts of "
                "the tokens a scorer has read among those the prompt has.", cm_text_of(json_object_get(r->run, "settings"), "backend"));
    cm_paragraph_end(w);
}

static void write_machine(cm_writer *w, const cm_rows *r) {
    double threads;
    cm_paragraph(w);
    cm_textf(w, "Machine: %s, %s; ", cm_text_of(r->run, "cpu"), cm_text_of(r->run, "cpu_features"));
    if (cm_number_of(r->run, "threads", &threads)) cm_textf(w, "%.0f threads; ", threads);
    cm_textf(w, "OpenBLAS core type %s; cosmicman %s", cm_text_of(r->run, "core_type"), cm_text_of(r->run, "version"));
    if (*cm_text_of(r->run, "commit")) cm_textf(w, " (%s)", cm_text_of(r->run, "commit"));
    cm_textf(w, "; %s; started %s.", cm_text_of(r->run, "compiler"), cm_text_of(r->run, "started"));
    cm_paragraph_end(w);
}

void cm_write_methods(cm_writer *w, const cm_rows *r) {
    if (cm_rows_published(r)) write_networks(w, r);
    else if (r->arm_count) write_scores(w, r);
    if (!cm_rows_published(r))
        paragraph(w, "Times are wall-clock seconds after an untimed warm-up: median, 10th and 90th percentile over n repeats; a step is both "
                     "halves of guidance. Operations are the products that the networks ask for, a multiplication and an addition being two, "
                     "convolutions counted directly. Peak memory is the resident set of a process of its own.");
    write_machine(w, r);
}

const char *cm_report_title(const cm_rows *r) {
    if (cm_rows_published(r)) return "Published scores";
    return r->arm_count ? "People from dense descriptions, with and without Daring" : "Speed and memory";
}
