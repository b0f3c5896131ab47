// SPDX-License-Identifier: Apache-2.0
#include "metrics/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What each bare "CLIP score" computes: prefix, whose tokenizer cleans the text, how it is read, factor, clamps. */
static const cm_text_image mlperf = {"", CM_CLEAN_OPEN_CLIP, CM_READ_START, 100, false, false},
                           torchmetrics = {"", CM_CLEAN_TRANSFORMERS, CM_READ_START, 100, false, true},
                           hessel = {"A photo depicts ", CM_CLEAN_OPENAI, CM_READ_START, 2.5, true, false},
                           t2icomp = {"", CM_CLEAN_OPENAI, CM_READ_START, 1, false, false},
                           hps = {"", CM_CLEAN_OPEN_CLIP, CM_READ_START, 1, false, false},
                           windowed = {"", CM_CLEAN_TRANSFORMERS, CM_READ_WINDOWS, 100, false, false},
                           phrases = {"", CM_CLEAN_TRANSFORMERS, CM_READ_PHRASES, 100, false, false},
                           nano = {"", CM_CLEAN_TRANSFORMERS, CM_READ_START, 100, false, false};

#define FID_PAPER "Heusel et al. 2017, arXiv 1706.08500, "
#define KID_PAPER "Binkowski et al. 2018, arXiv 1801.01401, "
#define INFINITY_PAPER "Chong and Forsyth 2020, arXiv 1911.07023, with dgm-eval's sizes"
#define PRDC_PAPER "Kynkäänniemi et al. 2019, Naeem et al. 2020, "
#define CLIP_PAPER "Hessel et al. 2021, arXiv 2104.08718, "
#define HPS_PAPER "Wu et al. 2023, arXiv 2306.09341, by the hpsv2 package"
#define DSG_PAPER "questions in the manner of DSG (Cho et al. 2024, arXiv 2310.18235), answered by the nano parser"
#define HOLA_PAPER "CosmicMan (Li et al. 2024, arXiv 2404.01294), section 4, over the generator's own cross-attention"

/* Columns that most rows share: network, rule, output, what is needed of a reference. */
#define INCEPTION(rule, output) "inception", rule, output, CM_REFERENCE_STATISTICS
#define DINOV2(network) network, "dinov2", CM_OUT_FEATURES, CM_REFERENCE_STATISTICS, .equal_n = true, .decimals = 1
#define PAIR(network, rule) network, rule, CM_OUT_FEATURES, CM_REFERENCE_NONE, .higher_is_better = true
#define PARSER "nano-parser", "nano", CM_OUT_FEATURES, CM_REFERENCE_NONE

const cm_metric cm_metrics[] = {
    /* Drawn references may be of any size, so images and reference need not be equally many. */
    {"fd@nano", "fd@nano", "nano-features", "nano", CM_OUT_FEATURES, CM_REFERENCE_STATISTICS, .decimals = 2,
     .of_sets = cm_score_frechet, .about = "Fréchet distance on the nano feature network, never FID",
     .source = FID_PAPER "on nano features"},
    {"kd@nano", "kd@nano", "nano-features", "nano", CM_OUT_FEATURES, CM_REFERENCE_PICTURES, .decimals = 4,
     .of_sets = cm_score_kernel,
     .about = "kernel distance (unbiased MMD² with KID's cubic kernel) on the same features",
     .source = KID_PAPER "on nano features"},
    {"acc_obj", "Acc_obj", PARSER, .higher_is_better = true, .decimals = 1, .of_questions = CM_QUESTIONS_OBJECT,
     .about = "asked objects that the parser finds, %", .source = DSG_PAPER},
    {"acc_tex", "Acc_tex", PARSER, .higher_is_better = true, .decimals = 1, .of_questions = CM_QUESTIONS_TEXTURE,
     .about = "asked colours, patterns and materials, %", .source = DSG_PAPER},
    {"acc_shape", "Acc_shape", PARSER, .higher_is_better = true, .decimals = 1, .of_questions = CM_QUESTIONS_SHAPE,
     .about = "asked lengths, sleeves, shapes and styles, %", .source = DSG_PAPER},
    {"acc_all", "Acc_all", PARSER, .higher_is_better = true, .decimals = 1, .mean_of = "acc_obj,acc_tex,acc_shape",
     .about = "plain mean of the three", .source = DSG_PAPER},
    {"clip@nano", "clip@nano", PAIR("nano-clip", "nano"), .decimals = 2, .of_text = &nano,
     .about = "100 x cosine of the nano CLIP pair", .source = CLIP_PAPER "without prefix, factor or clamp"},
    {"hola", "HOLA", PARSER, .decimals = 4, .of_attention = CM_ATTENTION_HOLA,
     .about = "squared distance of the prompt groups' attention from their regions", .source = HOLA_PAPER},
    {"attn_share", "attn share", PARSER, .higher_is_better = true, .decimals = 4, .of_attention = CM_ATTENTION_SHARE,
     .about = "attention that a cell of a garment's parsed region gives to the garment's words, of all its attention",
     .source = HOLA_PAPER},
    {"attn_iou", "attn IoU", PARSER, .higher_is_better = true, .decimals = 3, .of_attention = CM_ATTENTION_IOU,
     .about = "overlap of a group's attention with its parsed region", .source = HOLA_PAPER},
    {"attn_mass", "attn mass", PARSER, .higher_is_better = true, .decimals = 3, .of_attention = CM_ATTENTION_MASS,
     .about = "share of a group's own attention inside its parsed region", .source = HOLA_PAPER},

    {"fid@tf1", "FID@tf1", INCEPTION("fid@tf1", CM_OUT_FEATURES), .equal_n = true, .decimals = 2,
     .of_sets = cm_score_frechet, .about = "FID, TensorFlow 1's bilinear resizing",
     .source = FID_PAPER "as TTUR, torch-fidelity, torchmetrics before 1.8"},
    {"fid@pytorch", "FID@pytorch", INCEPTION("fid@pytorch", CM_OUT_FEATURES), .equal_n = true, .decimals = 2,
     .of_sets = cm_score_frechet, .about = "FID, PyTorch's bilinear resizing",
     .source = FID_PAPER "as pytorch-fid and MLPerf"},
    {"fid@clean", "FID@clean", INCEPTION("fid@clean", CM_OUT_FEATURES), .equal_n = true, .decimals = 2,
     .of_sets = cm_score_frechet, .about = "FID, antialiased bicubic resizing",
     .source = FID_PAPER "as clean-fid (Parmar et al. 2022, arXiv 2104.11222)"},
    {"fid@tm18", "FID@tm18", INCEPTION("fid@tm18", CM_OUT_FEATURES), .equal_n = true, .decimals = 2,
     .of_sets = cm_score_frechet, .about = "FID, antialiased bilinear resizing",
     .source = FID_PAPER "as torchmetrics from 1.8 on"},
    {"fid-inf@tf1", "FID-inf@tf1", INCEPTION("fid@tf1", CM_OUT_FEATURES), .decimals = 2,
     .of_sets = cm_score_frechet_infinity, .about = "fid@tf1 carried on to endlessly many images",
     .source = INFINITY_PAPER},
    {"fid-inf@pytorch", "FID-inf@pytorch", INCEPTION("fid@pytorch", CM_OUT_FEATURES), .decimals = 2,
     .of_sets = cm_score_frechet_infinity, .about = "fid@pytorch carried on to endlessly many images",
     .source = INFINITY_PAPER},
    {"fid-inf@clean", "FID-inf@clean", INCEPTION("fid@clean", CM_OUT_FEATURES), .decimals = 2,
     .of_sets = cm_score_frechet_infinity, .about = "fid@clean carried on to endlessly many images",
     .source = INFINITY_PAPER},
    {"sfid", "sFID", INCEPTION("fid@tf1", CM_OUT_SPATIAL), .equal_n = true, .decimals = 2, .of_sets = cm_score_frechet,
     .about = "Fréchet distance of spatial features",
     .source = "Nash et al. 2021, arXiv 2103.03841, as the ADM evaluator"},
    {"kid", "KID", "inception", "fid@tf1", CM_OUT_FEATURES, CM_REFERENCE_PICTURES, .decimals = 5,
     .of_sets = cm_score_kid, .about = "kernel distance, 100 subsets of 1,000",
     .source = KID_PAPER "as torch-fidelity"},
    {"is", "IS", "inception", "fid@tf1", CM_OUT_LOGITS, CM_REFERENCE_NONE, .higher_is_better = true, .decimals = 2,
     .of_sets = cm_score_inception, .about = "inception score, 10 splits",
     .source = "Salimans et al. 2016, arXiv 1606.03498, as torch-fidelity"},
    {"prdc", "PRDC", "inception", "fid@pytorch", CM_OUT_FEATURES, CM_REFERENCE_PICTURES, .higher_is_better = true,
     .decimals = 3, .of_sets = cm_score_prdc, .about = "precision, recall, density, coverage, k = 5",
     .source = PRDC_PAPER "on Inception features"},
    {"prdc@dinov2", "PRDC@DINOv2", "dinov2-vit-l-14", "dinov2", CM_OUT_FEATURES, CM_REFERENCE_PICTURES,
     .higher_is_better = true, .decimals = 3, .of_sets = cm_score_prdc,
     .about = "precision, recall, density, coverage, k = 5", .source = PRDC_PAPER "as dgm-eval"},
    {"fd-dinov2", "FD-DINOv2", DINOV2("dinov2-vit-l-14"), .of_sets = cm_score_frechet,
     .about = "Fréchet distance of DINOv2 features", .source = "Stein et al. 2023, arXiv 2306.04675, as dgm-eval"},
    {"fd-dinov2-reg4", "FD-DINOv2-reg4", DINOV2("dinov2-vit-l-14-reg4"), .of_sets = cm_score_frechet,
     .about = "Fréchet distance of DINOv2 features, with registers",
     .source = "as fd-dinov2; Darcet et al. 2023, arXiv 2309.16588"},
    {"cmmd", "CMMD", "clip-vit-l-14-336", "cmmd", CM_OUT_FEATURES, CM_REFERENCE_PICTURES, .decimals = 3,
     .of_sets = cm_score_cmmd, .about = "Gaussian kernel distance of CLIP embeddings, x 1000",
     .source = "Jayasumana et al. 2024, arXiv 2401.09603"},

    {"clip@mlperf", "CLIP@mlperf", PAIR("clip-vit-b-32", "clip"), .decimals = 2, .of_text = &mlperf,
     .about = "100 x cosine, ViT-B/32", .source = CLIP_PAPER "as MLPerf's SDXL"},
    {"clip@hessel", "CLIP@hessel", PAIR("clip-vit-b-32", "clip"), .decimals = 3, .of_text = &hessel,
     .about = "2.5 x cosine, at least 0, behind \"A photo depicts\"", .source = CLIP_PAPER "as its code"},
    {"clip@tm", "CLIP@tm", PAIR("clip-vit-l-14", "clip"), .decimals = 2, .of_text = &torchmetrics,
     .about = "100 x cosine, ViT-L/14", .source = CLIP_PAPER "as torchmetrics, END kept"},
    {"clip@heim", "CLIP@heim", PAIR("clip-vit-l-14", "clip"), .decimals = 2, .of_text = &torchmetrics,
     .about = "100 x cosine, ViT-L/14, 75 tokens", .source = CLIP_PAPER "as HEIM (Lee et al. 2023, arXiv 2311.04287)"},
    {"clip@humansd", "CLIP@humansd", PAIR("clip-vit-b-16", "clip"), .decimals = 2, .of_text = &torchmetrics,
     .about = "100 x cosine, ViT-B/16", .source = CLIP_PAPER "as HumanSD (Ju et al. 2023, arXiv 2304.04269)"},
    {"clip@t2icomp", "CLIP@t2icomp", PAIR("clip-vit-b-32", "clip"), .decimals = 4, .of_text = &t2icomp,
     .about = "cosine, ViT-B/32", .source = CLIP_PAPER "as T2I-CompBench (Huang et al. 2023, arXiv 2307.06350)"},
    {"clip-windowed", "CLIP-windowed", PAIR("clip-vit-l-14", "clip"), .decimals = 2, .of_text = &windowed,
     .about = "100 x cosine of the whole text, in pieces of 75 tokens", .source = "ours: docs/SCORES.md"},
    {"clip-phrases", "CLIP-phrases", PAIR("clip-vit-l-14", "clip"), .decimals = 2, .of_text = &phrases,
     .about = "100 x cosine of each group's phrase, their mean", .source = "ours: docs/SCORES.md"},
    {"hpsv2@2.0", "HPSv2@2.0", PAIR("hps-v2.0", "hps"), .decimals = 4, .of_text = &hps,
     .about = "human preference, raw cosine, v2.0", .source = HPS_PAPER},
    {"hpsv2@2.1", "HPSv2@2.1", PAIR("hps-v2.1", "hps"), .decimals = 4, .of_text = &hps,
     .about = "human preference, raw cosine, v2.1", .source = HPS_PAPER},
};
const size_t cm_metric_count = sizeof cm_metrics / sizeof *cm_metrics;

const cm_metric *cm_metric_find(const char *name) {
    for (size_t i = 0; i < cm_metric_count; i++)
        if (strcmp(cm_metrics[i].name, name) == 0) return &cm_metrics[i];
    return NULL;
}

const char *const *cm_metric_family(const char *name) {
    static const struct {
        const char *name;
        const char *members[12];
    } families[] = {
        {"acc", {"acc_obj", "acc_tex", "acc_shape", "acc_all"}},
        {"attention", {"hola", "attn_share", "attn_iou", "attn_mass"}},
        {"nano",
         {"fd@nano", "kd@nano", "acc_obj", "acc_tex", "acc_shape", "acc_all", "clip@nano", "hola", "attn_share",
          "attn_iou", "attn_mass"}},
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, name) == 0) return families[i].members;
    return NULL;
}

size_t cm_metric_members(const cm_metric *m, const cm_metric *members[CM_METRIC_MEMBERS]) {
    size_t n = 0;
    for (const char *at = m->mean_of; at && *at && n < CM_METRIC_MEMBERS;) {
        char name[64] = "";
        const size_t length = strcspn(at, ",");
        assert(length < sizeof name);
        memcpy(name, at, length);
        members[n++] = cm_metric_find(name);
        at += length;
        at += *at == ',';
    }
    return n;
}

double cm_metric_of_questions(const cm_metric *m, const cm_accuracy *answers) {
    return m->of_questions ? cm_accuracy_percent(answers, (cm_slot_kind)(m->of_questions - 1)) : (double)NAN;
}

/* What of the scores of attention a metric is: each row the score, what even attention has, and the least there can be.
 */
static double of_attention(const cm_metric *m, double hola, double share, double iou, double mass) {
    switch (m->of_attention) {
    case CM_ATTENTION_HOLA: return hola;
    case CM_ATTENTION_SHARE: return share;
    case CM_ATTENTION_IOU: return iou;
    case CM_ATTENTION_MASS: return mass;
    case CM_ATTENTION_NONE: break;
    }
    return (double)NAN;
}

double cm_metric_of_attention(const cm_metric *m, const cm_refocus_scores *a) {
    return of_attention(m, a->hola, a->share, a->iou, a->mass);
}

double cm_metric_even(const cm_metric *m, const cm_refocus_scores *a) {
    return of_attention(m, a->even, a->share_even, (double)NAN, a->area);
}

double cm_metric_floor(const cm_metric *m, const cm_refocus_scores *a) {
    return of_attention(m, a->floor, (double)NAN, (double)NAN, (double)NAN);
}
