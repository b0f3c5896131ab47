// SPDX-License-Identifier: Apache-2.0
#include "metrics/nano_scores.h"

#include <string.h>

#define DSG "questions in the manner of DSG (Cho et al. 2024), answered by the nano parser"
#define HOLA "CosmicMan (Li et al. 2024), section 4, over the generator's own cross-attention"

const cm_nano_metric cm_nano_metrics[CM_SCORES] = {
    [CM_SCORE_FD] = {"fd@nano", "Fréchet distance to drawn people", "Heusel et al. 2017, on nano features", false, true,
                     CM_NEED_FEATURES},
    [CM_SCORE_KD] = {"kd@nano", "kernel distance to drawn people, unbiased", "Binkowski et al. 2018, on nano features", false,
                     true, CM_NEED_FEATURES},
    [CM_SCORE_CLIP] = {"clip@nano", "picture and prompt: 100 x cosine", "Hessel et al. 2021, nano CLIP pair", true, false,
                       CM_NEED_CLIP},
    [CM_SCORE_ACC_OBJ] = {"acc_obj", "objects as asked, percent", DSG, true, false, CM_NEED_PARSER},
    [CM_SCORE_ACC_TEX] = {"acc_tex", "textures as asked, percent", DSG, true, false, CM_NEED_PARSER},
    [CM_SCORE_ACC_SHAPE] = {"acc_shape", "shapes as asked, percent", DSG, true, false, CM_NEED_PARSER},
    [CM_SCORE_ACC_ALL] = {"acc_all", "plain mean of the three", DSG, true, false, CM_NEED_PARSER},
    [CM_SCORE_HOLA] = {"hola", "squared distance of attention from regions", HOLA, false, false,
                       CM_NEED_PARSER | CM_NEED_ATTENTION},
    [CM_SCORE_IOU] = {"attn_iou", "overlap of attention and region", HOLA, true, false, CM_NEED_PARSER | CM_NEED_ATTENTION},
    [CM_SCORE_MASS] = {"attn_mass", "share of attention inside its region", HOLA, true, false,
                       CM_NEED_PARSER | CM_NEED_ATTENTION},
};

const cm_nano_metric *cm_nano_metric_find(const char *name) {
    for (size_t i = 0; i < CM_SCORES; i++)
        if (strcmp(cm_nano_metrics[i].name, name) == 0) return &cm_nano_metrics[i];
    return NULL;
}
