// SPDX-License-Identifier: Apache-2.0
/* The sentences of a report: summary and methods, shared by the formats. */
#include <math.h>
#include <string.h>

#include "reports/rows.h"

static const cm_column *column_of(const char *score) {
    for (size_t i = 0; i < cm_column_count; i++)
        if (!strcmp(cm_columns[i].score, score)) return &cm_columns[i];
    return NULL;
}

/* "better", "worse" or "not told apart", at the 5 % level. */
static const char *verdict(const json_t *pair, const cm_column *c) {
    double d, p;
    if (!cm_number_of(pair, "difference", &d) || !cm_number_of(pair, "p", &p)) return "not measured";
    if (p >= 0.05 || d == 0) return "not told apart";
    return (d < 0) == c->lower_is_better ? "better" : "worse";
}

static void write_pair(FILE *f, const json_t *pair, const cm_column *c) {
    double d, lo, hi, p;
    if (!cm_number_of(pair, "difference", &d)) return;
    fprintf(f, "%s %+.*f", c->title, c->decimals, d);
    if (cm_number_of(pair, "lo", &lo) && cm_number_of(pair, "hi", &hi))
        fprintf(f, " [%+.*f, %+.*f]", c->decimals, lo, c->decimals, hi);
    if (cm_number_of(pair, "p", &p)) fprintf(f, p < 0.001 ? ", p < 0.001" : ", p = %.3f", p);
    fprintf(f, " (%s)", verdict(pair, c));
}

static bool told_before(const cm_rows *r, size_t before, const char *a, const char *b) {
    for (size_t i = 0; i < before; i++)
        if (!strcmp(cm_text_of(r->pairs.at[i], "a"), a) && !strcmp(cm_text_of(r->pairs.at[i], "b"), b)) return true;
    return false;
}

void cm_write_summary(FILE *f, const cm_rows *r) {
    static const char *const told[] = {"acc_all", "hola", "attn_iou", "fd@nano"};
    if (!r->done) fputs("This run has not finished: what is missing below was not measured yet.\n\n", f);
    for (size_t i = 0; i < r->pairs.count; i++) {
        const char *a = cm_text_of(r->pairs.at[i], "a"), *b = cm_text_of(r->pairs.at[i], "b");
        if (told_before(r, i, a, b)) continue;
        fprintf(f, "%s against %s, same prompts and noise: ", a, b);
        bool first = true;
        for (size_t t = 0; t < sizeof told / sizeof *told; t++)
            for (size_t j = 0; j < r->pairs.count; j++) {
                const json_t *q = r->pairs.at[j];
                const cm_column *c = column_of(told[t]);
                if (!c || strcmp(cm_text_of(q, "score"), told[t]) || strcmp(cm_text_of(q, "a"), a) ||
                    strcmp(cm_text_of(q, "b"), b))
                    continue;
                if (!first) fputs("; ", f);
                first = false;
                write_pair(f, q, c);
            }
        fputs(first ? "not measured.\n\n" : ".\n\n", f);
    }
    if (!r->pairs.count) fputs("No pair of arms was compared.\n\n", f);
}

static void write_settings(FILE *f, const cm_rows *r) {
    const json_t *s = json_object_get(r->run, "settings"), *ref = json_object_get(r->run, "reference");
    double v;
    fprintf(f, "Suite %s over the fixed prompt set %s", cm_text_of(r->run, "suite"), cm_text_of(r->run, "prompts"));
    if (cm_number_of(r->run, "count", &v)) fprintf(f, " (%.0f prompts)", v);
    fputs(". Every arm draws every prompt once from the same starting noise: its generator is seeded from (run seed, prompt id)", f);
    if (cm_number_of(s, "run_seed", &v)) fprintf(f, " with run seed %.0f", v);
    fputs(", never from the position in the run.", f);
    if (s) {
        fprintf(f, " Sampler %s", cm_text_of(s, "sampler"));
        if (cm_number_of(s, "steps", &v)) fprintf(f, ", %.0f steps", v);
        if (cm_number_of(s, "guidance", &v)) fprintf(f, ", classifier-free guidance %g", v);
        const char *negative = cm_text_of(s, "negative");
        fprintf(f, ", negative prompt %s%s%s", *negative ? "\"" : "", *negative ? negative : "empty", *negative ? "\"" : "");
        if (cm_number_of(s, "width", &v)) fprintf(f, ", %.0f", v);
        if (cm_number_of(s, "height", &v)) fprintf(f, " x %.0f pixels", v);
        fprintf(f, ", backend %s in %s.", cm_text_of(s, "backend"), cm_text_of(s, "dtype"));
    }
    if (ref && cm_number_of(ref, "count", &v))
        fprintf(f, " The distribution scores compare with %.0f drawn people held out from all training (%s).", v,
                cm_text_of(ref, "name"));
    fputs("\n\n", f);
}

void cm_write_peers(FILE *f, const cm_rows *r) {
    const json_t *first = r->peers.at[0];
    double threads = 0;
    cm_number_of(first, "threads", &threads);
    fprintf(f, "The same weights and inputs in each engine, %.0f threads, a process each, in turn round after round on %s: unet is "
               "one step with guidance (a batch of two), decode one latent, picture a whole one by ours alone. x ours is the "
               "median over rounds of their time by ours in the same round: above 1, ours is faster. Relative L2 is against "
               "PyTorch in f32, of a picture's last latents against ours in f32 (openblas); an output that differs by more than "
               "its type's tolerance (1e-4 in f32, 3e-2 in bf16 and int8; of a picture, whose steps amplify, 1e-3, 1e-1 and 2e-1) "
               "is marked. PSNR is of the pixels against the same reference, clipped; equal pixels have none. Peak memory holds the "
               "engine's own libraries.\n\n", threads, cm_text_of(first, "cpu"));
}

static void write_scores(FILE *f, const cm_rows *r) {
    write_settings(f, r);
    fputs("fd@nano is the Fréchet distance between Gaussians fitted to features of the shipped nano feature network, "
          "|μ1-μ2|² + tr(Σ1 + Σ2 - 2(Σ1Σ2)^½), moments in double, covariance over N-1, square root by a symmetric form. "
          "kd@nano is the unbiased squared maximum mean discrepancy of the same features under the kernel (x·y/d + 1)³. "
          "Both carry their network's name: they are not FID and KID and compare with nothing but themselves.\n\n", f);
    fputs("acc_obj, acc_tex and acc_shape ask what the prompt's own groups say (is the garment there, its colours and patterns, "
          "its lengths and shapes) and a parser with attribute heads answers from the picture; a texture or shape question "
          "counts as failed where its object is absent; acc_all is the plain mean of the three, as in the paper's tables. "
          "The scorers' own ceiling, their accuracy on held-out drawings, is printed beside. clip@nano is 100 times the cosine "
          "of the nano CLIP pair's picture and text embeddings.\n\n", f);
    fputs("hola, attn_iou and attn_mass look at the generator's own cross-attention, captured during the run, against the "
          "regions that the parser sees in the generated picture: hola is the squared error of each group's token maps and of "
          "their mean map (Daring's loss in the closed form of the authors' code), attn_iou the overlap of the mean map with "
          "the region, attn_mass the share of attention inside it.\n\n", f);
    fputs("Intervals are 95 % bootstrap intervals over prompts. Differences are paired by prompt; p is two-sided, from "
          "sign-flip permutations; beside it stands p after Holm's correction for the number of scores. Undefined scores are "
          "not printed as numbers: what was not measured says so.\n\n", f);
}

/* "512 pictures from FOLDER" */
static void write_list(FILE *f, const cm_rows *r, const char *side, const char *what) {
    const json_t *list = json_object_get(json_object_get(r->run, "lists"), side);
    double n;
    if (list && cm_number_of(list, "count", &n)) fprintf(f, "%s: %.0f from %s. ", what, n, cm_text_of(list, "from"));
}

void cm_write_published(FILE *f, const cm_rows *r) {
    if (!r->done) fputs("This run has not finished: what is missing below was not measured yet.\n\n", f);
    write_list(f, r, "pictures", "Pictures");
    write_list(f, r, "reference", "Reference");
    if (*cm_text_of(r->run, "statistics")) fprintf(f, "Reference: statistics in %s. ", cm_text_of(r->run, "statistics"));
    if (*cm_text_of(r->run, "prompts")) fprintf(f, "Prompts: %s.", cm_text_of(r->run, "prompts"));
    fputs("\n\n", f);
}

static void write_networks(FILE *f, const cm_rows *r) {
    size_t i;
    json_t *network;
    fputs("Networks, by the SHA-256 of their weights:", f);
    json_array_foreach(json_object_get(json_object_get(r->run, "plan"), "networks"), i, network) {
        const char *label = cm_text_of(network, "label");
        fprintf(f, "%s %s %.16s%s%s%s", i ? ";" : "", cm_text_of(network, "name"), cm_text_of(network, "hash"), *label ? " (" : "",
                label, *label ? " weights: its scores compare with nothing published)" : "");
    }
    fprintf(f, ". Backend %s in f32, statistics in double. Intervals are 95 %%. The share of text read is the mean over prompts of "
               "the tokens a scorer has read among those the prompt has.\n\n", cm_text_of(json_object_get(r->run, "settings"), "backend"));
}

void cm_write_methods(FILE *f, const cm_rows *r) {
    if (cm_rows_published(r)) write_networks(f, r);
    else if (r->arm_count) write_scores(f, r);
    if (!cm_rows_published(r))
        fputs("Times are wall-clock seconds after an untimed warm-up: median, 10th and 90th percentile over n repeats; a step is both "
          "halves of guidance. Operations are the products that the networks ask for, a multiplication and an addition being two, "
          "convolutions counted directly. Peak memory is the resident set of a process of its own.\n\n", f);
    fprintf(f, "Machine: %s, %s; ", cm_text_of(r->run, "cpu"), cm_text_of(r->run, "cpu_features"));
    double threads;
    if (cm_number_of(r->run, "threads", &threads)) fprintf(f, "%.0f threads; ", threads);
    fprintf(f, "OpenBLAS core type %s; cosmicman %s", cm_text_of(r->run, "core_type"), cm_text_of(r->run, "version"));
    if (*cm_text_of(r->run, "commit")) fprintf(f, " (%s)", cm_text_of(r->run, "commit"));
    fprintf(f, "; %s; started %s.\n", cm_text_of(r->run, "compiler"), cm_text_of(r->run, "started"));
}

const char *cm_report_title(const cm_rows *r) {
    if (cm_rows_published(r)) return "Published scores";
    return r->arm_count ? "People from dense descriptions, with and without Daring" : "Speed and memory";
}
