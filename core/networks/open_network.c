// SPDX-License-Identifier: Apache-2.0
#include "core/networks/open_network.h"

#include <string.h>

#include "core/io/jsonl.h"

cm_network_source cm_in_folder(const char *folder) {
    return (cm_network_source){.folder = folder};
}

void cm_open_network_close(cm_open_network *f) {
    cm_params_close(&f->params);
    json_decref(f->config);
    *f = (cm_open_network){0};
}

cm_status cm_read_config(const char *folder, json_t **config) {
    cm_arena a;
    cm_arena_init(&a, 4096);
    const char *path = cm_arena_print(&a, "%s/config.json", folder);
    cm_status s = cm_arena_check(&a);
    if (s == CM_OK) s = cm_json_read_config(path, config);
    cm_arena_free(&a);
    return s;
}

static cm_status open_weights(cm_params **p, const cm_network_source *from) {
    const char *path = from->weights ? from->weights : from->folder;
    switch (from->kind) {
    case CM_WEIGHTS_OWN: return cm_params_open(p, path);
    case CM_WEIGHTS_PART: return cm_params_open_part(p, path, from->part);
    case CM_WEIGHTS_CHECKPOINT: return cm_params_open_original(p, path, from->part);
    case CM_WEIGHTS_RANDOM: return cm_params_create(p, from->seed);
    }
    return CM_OK;
}

static bool begins(const char *text, const char *with) {
    return with && strncmp(text, with, strlen(with)) == 0;
}

cm_status cm_open_network_from(cm_open_network *f, cm_network_source from, cm_network_build *build, void *arg) {
    *f = (cm_open_network){0};
    CM_TRY(cm_read_config(from.folder, &f->config));
    cm_status s = open_weights(&f->params, &from);
    if (s == CM_OK) s = build(arg, f->config, f->params);
    if (s == CM_OK) s = cm_params_check(f->params, from.tells);
    if (s == CM_OK) {
        cm_params_freeze(f->params);
        return s;
    }
    cm_open_network_close(f);
    const bool named =
        begins(cm_why(), from.folder) || (from.kind < CM_WEIGHTS_CHECKPOINT && begins(cm_why(), from.weights));
    return named ? s : cm_fail_in(s, "%s", from.folder);
}

/* --- each kind of network --------------------------------------------------------------------- */

/* Where a network is to be, and the arena in which it lives. */
typedef struct place {
    cm_arena *out;
    void *network;
} place;

static cm_status build_vae(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    cm_vae_config c;
    CM_TRY(cm_vae_configure(config, &c));
    return cm_vae_build(at->network, &c, p, at->out);
}

cm_status cm_open_vae(cm_open_network *f, cm_network_source from, cm_arena *out, cm_vae **vae) {
    return cm_open_network_from(f, from, build_vae, &(place){out, vae});
}

static cm_status build_unet(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    cm_unet_config c;
    CM_TRY(cm_unet_configure(config, &c));
    return cm_unet_build(at->network, &c, p, at->out);
}

cm_status cm_open_unet(cm_open_network *f, cm_network_source from, cm_arena *out, cm_unet **unet) {
    return cm_open_network_from(f, from, build_unet, &(place){out, unet});
}

static cm_status build_text(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    cm_clip_text_config c;
    CM_TRY(cm_clip_text_configure(config, &c));
    cm_clip_text_build(at->network, &c, p, at->out);
    return cm_arena_check(at->out);
}

cm_status cm_open_text(cm_open_network *f, cm_network_source from, cm_arena *out, cm_clip_text *text) {
    return cm_open_network_from(f, from, build_text, &(place){out, text});
}

static cm_status build_vision(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    cm_clip_vision_config c;
    CM_TRY(cm_clip_vision_configure(config, &c));
    cm_clip_vision_build(at->network, &c, p, at->out);
    return cm_arena_check(at->out);
}

cm_status cm_open_vision(cm_open_network *f, cm_network_source from, cm_arena *out, cm_clip_vision *vision) {
    return cm_open_network_from(f, from, build_vision, &(place){out, vision});
}

static cm_status build_parser(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    return cm_parser_build(at->network, config, p, at->out);
}

cm_status cm_open_parser(cm_open_network *f, cm_network_source from, cm_arena *out, cm_parser **parser) {
    return cm_open_network_from(f, from, build_parser, &(place){out, parser});
}

static cm_status build_features(void *arg, const json_t *config, cm_params *p) {
    const place *at = arg;
    return cm_feature_net_build(at->network, config, p, at->out);
}

cm_status cm_open_features(cm_open_network *f, cm_network_source from, cm_arena *out, cm_feature_net **net) {
    return cm_open_network_from(f, from, build_features, &(place){out, net});
}
