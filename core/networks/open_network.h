// SPDX-License-Identifier: Apache-2.0
/* A network from a folder with its config.json and its weights: every network that lies in one is opened here.
 *
 *     cm_open_network f;
 *     CM_TRY(cm_open_vae(&f, cm_in_folder("sd15/vae"), &arena, &vae));
 *     ...
 *     cm_open_network_close(&f);
 *
 * Every weight that the network asks for must be there and have its shape; afterwards the weights are frozen. What goes
 * wrong is told with the folder in front.
 */
#ifndef CM_CORE_NETWORKS_OPEN_NETWORK_H
#define CM_CORE_NETWORKS_OPEN_NETWORK_H

#include "core/networks/clip.h"
#include "core/networks/nano_scorers.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"

/* How weights lie, and what opens them. */
typedef enum cm_weights_kind {
    CM_WEIGHTS_OWN,        /* cm_params_open */
    CM_WEIGHTS_PART,       /* cm_params_open_part */
    CM_WEIGHTS_CHECKPOINT, /* cm_params_open_original */
    CM_WEIGHTS_RANDOM      /* cm_params_create */
} cm_weights_kind;

typedef struct cm_network_source {
    const char *folder;  /* config.json lies here */
    const char *weights; /* a file or another folder; NULL: in the folder, too */
    cm_weights_kind kind;
    cm_ckpt_part part; /* of a checkpoint */
    uint64_t seed;     /* of random weights */
    bool tells;        /* warns of weights that the network does not use */
} cm_network_source;

cm_network_source cm_in_folder(const char *folder);

typedef struct cm_open_network {
    cm_params *params;
    json_t *config;
} cm_open_network;
void cm_open_network_close(cm_open_network *f);

/* Reads the configuration and asks p for every weight. */
typedef cm_status cm_network_build(void *arg, const json_t *config, cm_params *p);
/* *f is cleared on failure. */
cm_status cm_open_network_from(cm_open_network *f, cm_network_source from, cm_network_build *build, void *arg);

/* Each lives in `out`, its weights in f. */
cm_status cm_open_vae(cm_open_network *f, cm_network_source from, cm_arena *out, cm_vae **vae);
cm_status cm_open_unet(cm_open_network *f, cm_network_source from, cm_arena *out, cm_unet **unet);
cm_status cm_open_text(cm_open_network *f, cm_network_source from, cm_arena *out, cm_clip_text *text);
cm_status cm_open_vision(cm_open_network *f, cm_network_source from, cm_arena *out, cm_clip_vision *vision);
cm_status cm_open_parser(cm_open_network *f, cm_network_source from, cm_arena *out, cm_parser **parser);
cm_status cm_open_features(cm_open_network *f, cm_network_source from, cm_arena *out, cm_feature_net **net);

/* folder/config.json; caller json_decref */
cm_status cm_read_config(const char *folder, json_t **config);

#endif
