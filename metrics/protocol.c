// SPDX-License-Identifier: Apache-2.0
#include "metrics/protocol.h"

#include <string.h>

/* What each bare "CLIP score" computes: prefix, whose tokenizer cleans the text, how it is read, factor, clamps. */
static const cm_text_image mlperf = {"", CM_CLEAN_OPEN_CLIP, CM_READ_START, 100, false, false},
                           torchmetrics = {"", CM_CLEAN_TRANSFORMERS, CM_READ_START, 100, false, true},
                           hessel = {"A photo depicts ", CM_CLEAN_OPENAI, CM_READ_START, 2.5, true, false},
                           t2icomp = {"", CM_CLEAN_OPENAI, CM_READ_START, 1, false, false},
                           hps = {"", CM_CLEAN_OPEN_CLIP, CM_READ_START, 1, false, false},
                           windowed = {"", CM_CLEAN_TRANSFORMERS, CM_READ_WINDOWS, 100, false, false},
                           phrases = {"", CM_CLEAN_TRANSFORMERS, CM_READ_PHRASES, 100, false, false};

#define FID_PAPER "Heusel et al. 2017, arXiv 1706.08500, "
#define INFINITY_PAPER "Chong and Forsyth 2020, arXiv 1911.07023, with dgm-eval's sizes"
#define CLIP_PAPER "Hessel et al. 2021, arXiv 2104.08718, "
#define HPS_PAPER "Wu et al. 2023, arXiv 2306.09341, by the hpsv2 package"

/* Columns that most rows share. */
#define INCEPTION(of) .network = "inception", .rule = of, .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_STATISTICS
#define PAIR(of) .network = of, .rule = "clip", .output = CM_OUT_FEATURES, .higher_is_better = true

const cm_protocol cm_protocols[] = {
    {"fid@tf1", INCEPTION("fid@tf1"), .equal_n = true, .of_sets = cm_score_frechet, .about = "FID, TensorFlow 1's bilinear resizing",
     .source = FID_PAPER "as TTUR, torch-fidelity, torchmetrics before 1.8"},
    {"fid@pytorch", INCEPTION("fid@pytorch"), .equal_n = true, .of_sets = cm_score_frechet, .about = "FID, PyTorch's bilinear resizing",
     .source = FID_PAPER "as pytorch-fid and MLPerf"},
    {"fid@clean", INCEPTION("fid@clean"), .equal_n = true, .of_sets = cm_score_frechet, .about = "FID, antialiased bicubic resizing",
     .source = FID_PAPER "as clean-fid (Parmar et al. 2022, arXiv 2104.11222)"},
    {"fid@tm18", INCEPTION("fid@tm18"), .equal_n = true, .of_sets = cm_score_frechet, .about = "FID, antialiased bilinear resizing",
     .source = FID_PAPER "as torchmetrics from 1.8 on"},
    {"fid-inf@tf1", INCEPTION("fid@tf1"), .of_sets = cm_score_frechet_infinity, .about = "fid@tf1 carried on to endless pictures",
     .source = INFINITY_PAPER},
    {"fid-inf@pytorch", INCEPTION("fid@pytorch"), .of_sets = cm_score_frechet_infinity, .about = "fid@pytorch carried on to endless pictures",
     .source = INFINITY_PAPER},
    {"fid-inf@clean", INCEPTION("fid@clean"), .of_sets = cm_score_frechet_infinity, .about = "fid@clean carried on to endless pictures",
     .source = INFINITY_PAPER},
    {"sfid", .network = "inception", .rule = "fid@tf1", .output = CM_OUT_SPATIAL, .reference = CM_REFERENCE_STATISTICS, .equal_n = true,
     .of_sets = cm_score_frechet, .about = "Fréchet distance of spatial features",
     .source = "Nash et al. 2021, arXiv 2103.03841, as the ADM evaluator"},
    {"kid", .network = "inception", .rule = "fid@tf1", .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_PICTURES,
     .of_sets = cm_score_kid, .about = "kernel distance, 100 subsets of 1,000",
     .source = "Binkowski et al. 2018, arXiv 1801.01401, as torch-fidelity"},
    {"is", .network = "inception", .rule = "fid@tf1", .output = CM_OUT_LOGITS, .higher_is_better = true, .of_sets = cm_score_inception,
     .about = "inception score, 10 splits", .source = "Salimans et al. 2016, arXiv 1606.03498, as torch-fidelity"},
    {"prdc", .network = "inception", .rule = "fid@pytorch", .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_PICTURES,
     .higher_is_better = true, .of_sets = cm_score_prdc, .about = "precision, recall, density, coverage, k = 5",
     .source = "Kynkäänniemi et al. 2019, Naeem et al. 2020, on Inception features"},
    {"prdc@dinov2", .network = "dinov2-vit-l-14", .rule = "dinov2", .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_PICTURES,
     .higher_is_better = true, .of_sets = cm_score_prdc, .about = "precision, recall, density, coverage, k = 5",
     .source = "Kynkäänniemi et al. 2019, Naeem et al. 2020, as dgm-eval"},
    {"fd-dinov2", .network = "dinov2-vit-l-14", .rule = "dinov2", .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_STATISTICS,
     .equal_n = true, .of_sets = cm_score_frechet, .about = "Fréchet distance of DINOv2 features",
     .source = "Stein et al. 2023, arXiv 2306.04675, as dgm-eval"},
    {"fd-dinov2-reg4", .network = "dinov2-vit-l-14-reg4", .rule = "dinov2", .output = CM_OUT_FEATURES,
     .reference = CM_REFERENCE_STATISTICS, .equal_n = true, .of_sets = cm_score_frechet,
     .about = "Fréchet distance of DINOv2 features, with registers", .source = "as fd-dinov2; Darcet et al. 2023, arXiv 2309.16588"},
    {"cmmd", .network = "clip-vit-l-14-336", .rule = "cmmd", .output = CM_OUT_FEATURES, .reference = CM_REFERENCE_PICTURES,
     .of_sets = cm_score_cmmd, .about = "Gaussian kernel distance of CLIP embeddings, x 1000",
     .source = "Jayasumana et al. 2024, arXiv 2401.09603"},
    {"clip@mlperf", PAIR("clip-vit-b-32"), .of_text = &mlperf, .about = "100 x cosine, ViT-B/32", .source = CLIP_PAPER "as MLPerf's SDXL"},
    {"clip@hessel", PAIR("clip-vit-b-32"), .of_text = &hessel, .about = "2.5 x cosine, at least 0, behind \"A photo depicts\"",
     .source = CLIP_PAPER "as its code"},
    {"clip@tm", PAIR("clip-vit-l-14"), .of_text = &torchmetrics, .about = "100 x cosine, ViT-L/14",
     .source = CLIP_PAPER "as torchmetrics, END kept"},
    {"clip@heim", PAIR("clip-vit-l-14"), .of_text = &torchmetrics, .about = "100 x cosine, ViT-L/14, 75 tokens",
     .source = CLIP_PAPER "as HEIM (Lee et al. 2023, arXiv 2311.04287)"},
    {"clip@humansd", PAIR("clip-vit-b-16"), .of_text = &torchmetrics, .about = "100 x cosine, ViT-B/16",
     .source = CLIP_PAPER "as HumanSD (Ju et al. 2023, arXiv 2304.04269)"},
    {"clip@t2icomp", PAIR("clip-vit-b-32"), .of_text = &t2icomp, .about = "cosine, ViT-B/32",
     .source = CLIP_PAPER "as T2I-CompBench (Huang et al. 2023, arXiv 2307.06350)"},
    {"clip-windowed", PAIR("clip-vit-l-14"), .of_text = &windowed, .about = "100 x cosine of the whole text, in pieces of 75 tokens",
     .source = "ours: docs/SCORES.md"},
    {"clip-phrases", PAIR("clip-vit-l-14"), .of_text = &phrases, .about = "100 x cosine of each group's phrase, their mean",
     .source = "ours: docs/SCORES.md"},
    {"hpsv2@2.0", .network = "hps-v2.0", .rule = "hps", .output = CM_OUT_FEATURES, .higher_is_better = true, .of_text = &hps,
     .about = "human preference, raw cosine, v2.0", .source = HPS_PAPER},
    {"hpsv2@2.1", .network = "hps-v2.1", .rule = "hps", .output = CM_OUT_FEATURES, .higher_is_better = true, .of_text = &hps,
     .about = "human preference, raw cosine, v2.1", .source = HPS_PAPER},
};
const size_t cm_protocol_count = sizeof cm_protocols / sizeof *cm_protocols;

const cm_protocol *cm_protocol_find(const char *name) {
    for (size_t i = 0; i < cm_protocol_count; i++)
        if (strcmp(cm_protocols[i].name, name) == 0) return &cm_protocols[i];
    return NULL;
}
