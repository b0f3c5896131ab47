// SPDX-License-Identifier: Apache-2.0
#include "core/train/open_network.h"

#include <string.h>

#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"

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
    if (s == CM_OK) s = cm_json_read(path, config);
    cm_arena_free(&a);
    return s;
}

static cm_status open_both(cm_open_network *f, const char *folder) {
    *f = (cm_open_network){0};
    CM_TRY(cm_read_config(folder, &f->config));
    const cm_status s = cm_params_open(&f->params, folder);
    if (s != CM_OK) cm_open_network_close(f);
    return s;
}

/* After the network has asked for its weights. */
static cm_status finish(cm_open_network *f, const char *folder, cm_status s) {
    if (s == CM_OK) s = cm_params_check(f->params, false);
    if (s == CM_OK) {
        cm_params_freeze(f->params);
        return s;
    }
    cm_open_network_close(f);
    return cm_fail_in(s, "%s", folder);
}

cm_status cm_open_vae(cm_open_network *f, const char *folder, cm_arena *out, cm_vae **vae) {
    cm_vae_config c;
    CM_TRY(open_both(f, folder));
    cm_status s = cm_vae_configure(f->config, &c);
    if (s == CM_OK) s = cm_vae_build(vae, &c, f->params, out);
    return finish(f, folder, s);
}

cm_status cm_open_text(cm_open_network *f, const char *folder, cm_arena *out, cm_clip_text *text) {
    cm_clip_text_config c;
    CM_TRY(open_both(f, folder));
    const cm_status s = cm_clip_text_configure(f->config, &c);
    if (s == CM_OK) cm_clip_text_build(text, &c, f->params, out);
    return finish(f, folder, s);
}

cm_status cm_open_unet(cm_open_network *f, const char *folder, cm_arena *out, cm_unet **unet) {
    cm_unet_config c;
    CM_TRY(open_both(f, folder));
    cm_status s = cm_unet_configure(f->config, &c);
    if (s == CM_OK) s = cm_unet_build(unet, &c, f->params, out);
    return finish(f, folder, s);
}

cm_status cm_open_parser(cm_open_network *f, const char *folder, cm_arena *out, cm_parser **parser) {
    CM_TRY(open_both(f, folder));
    return finish(f, folder, cm_parser_build(parser, f->config, f->params, out));
}

cm_status cm_open_features(cm_open_network *f, const char *folder, cm_arena *out, cm_feature_net **net) {
    CM_TRY(open_both(f, folder));
    return finish(f, folder, cm_feature_net_build(net, f->config, f->params, out));
}

cm_status cm_recipe_folder(const json_t *recipe, const char *key, const char *otherwise, cm_arena *out, char **path) {
    const char *folder = cm_json_text_or(recipe, key, otherwise);
    if (folder[0] == '/' || folder[0] == '.') {
        *path = cm_arena_string(out, folder);
        return cm_arena_check(out);
    }
    char *models;
    CM_TRY(cm_models_folder(out, &models));
    *path = cm_arena_print(out, "%s/%s", models, folder);
    return cm_arena_check(out);
}

cm_status cm_params_copy(cm_params *to, const char *folder) {
    cm_params *from;
    CM_TRY(cm_params_open(&from, folder));
    for (size_t i = 0; i < cm_params_count(to); i++) {
        const cm_tensor *w = cm_params_at(to, i);
        const cm_tensor *read = cm_param(from, CM_INIT_ZERO, w->ndim, w->shape, "%s", cm_params_name(to, i));
        memcpy(w->data, read->data, cm_count(w) * sizeof(float));
    }
    cm_status s = cm_params_check(from, true);
    if (s != CM_OK) s = cm_fail_in(s, "%s", folder);
    cm_params_close(&from);
    return s;
}

void cm_params_clear(cm_params *p, const char *ending) {
    const size_t n = strlen(ending);
    for (size_t i = 0; i < cm_params_count(p); i++) {
        const char *name = cm_params_name(p, i);
        const size_t length = strlen(name);
        cm_tensor *w = cm_params_at(p, i);
        if (length >= n && strcmp(name + length - n, ending) == 0) memset(w->data, 0, cm_count(w) * sizeof(float));
    }
}
