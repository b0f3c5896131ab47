// SPDX-License-Identifier: Apache-2.0
/* Networks that a stage or a check reads but does not train: opened from folders with weights and config.json. */
#ifndef CM_CORE_TRAIN_OPEN_NETWORK_H
#define CM_CORE_TRAIN_OPEN_NETWORK_H

#include "core/networks/clip.h"
#include "core/networks/nano_scorers.h"
#include "core/networks/tokenizer.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"

typedef struct cm_open_network {
    cm_params *params;
    json_t *config;
} cm_open_network;
void cm_open_network_close(cm_open_network *f);

/* Each lives in `out`; close with cm_open_network_close. */
cm_status cm_open_vae(cm_open_network *f, const char *folder, cm_arena *out, cm_vae **vae);
cm_status cm_open_text(cm_open_network *f, const char *folder, cm_arena *out, cm_clip_text *text);
cm_status cm_open_unet(cm_open_network *f, const char *folder, cm_arena *out, cm_unet **unet);
cm_status cm_open_parser(cm_open_network *f, const char *folder, cm_arena *out, cm_parser **parser);
cm_status cm_open_features(cm_open_network *f, const char *folder, cm_arena *out, cm_feature_net **net);

/* folder/config.json; caller json_decref */
cm_status cm_read_config(const char *folder, json_t **config);

/* A recipe's folder setting: as it stands when absolute or "./...", else below the shipped models. */
cm_status cm_recipe_folder(const json_t *recipe, const char *key, const char *otherwise, cm_arena *out, char **path);

/* Copies trained weights into fresh ones of the same names and shapes (init from a folder). */
cm_status cm_params_copy(cm_params *to, const char *folder);
/* Sets every parameter whose name ends so to zero. */
void cm_params_clear(cm_params *p, const char *ending);

#endif
