// SPDX-License-Identifier: Apache-2.0
#include "core/networks/clip_pair.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/networks/clip_config.h"
#include "core/networks/open_network.h"

/* A piece: as many images as keep the products busy, few enough that what is between two layers stays in the cache.
 */
enum { PICTURE_TOKENS = 1600, TEXT_TOKENS = 1600 };

struct cm_clip_pair {
    cm_clip_pair_info info;
    cm_clip_pair_config config;
    cm_params *params, *vision_params; /* the image tower's, where it has a file of its own; else NULL */
    cm_clip_text text;
    cm_clip_vision vision;
    cm_tokenizer *tokenizer;
    cm_arena arena;
};

/* --- finding -------------------------------------------------------------------- */

/* What a path turned out to be. */
typedef struct source {
    const char *weights, *folder; /* folder: of the weights, where configuration and vocabulary may lie */
    bool original;                /* open_clip's names */
    bool openai;                  /* an archive of OpenAI's */
    bool says_act;                /* a configuration says the activation */
} source;

/* FOLDER/NAME if there is such a file, else NULL. */
static const char *in_folder(cm_arena *a, const char *folder, const char *name) {
    const char *path = cm_arena_print(a, "%s/%s", folder, name);
    return path && cm_path_exists(path) ? path : NULL;
}

static const char *folder_of(cm_arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return cm_arena_string(a, ".");
    return slash == path ? "/" : cm_arena_print(a, "%.*s", (int)(slash - path), path);
}

static cm_status find_weights(cm_clip_pair *p, const char *path, source *s) {
    static const char *const names[] = {"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                                        "open_clip_pytorch_model.bin"};
    if (!cm_path_exists(path)) return cm_fail(CM_EIO, "%s: no such file or folder", path);
    s->weights = path;
    if (!cm_path_is_dir(path)) {
        s->folder = folder_of(&p->arena, path);
        return cm_arena_check(&p->arena);
    }
    s->folder = path;
    for (size_t i = 0; i < sizeof names / sizeof *names && !s->original; i++) {
        const char *file = in_folder(&p->arena, path, names[i]);
        if (file) s->weights = file;
        s->original = file != NULL;
    }
    return cm_arena_check(&p->arena);
}

/* --- configuration ------------------------------------------------------------------ */

static cm_status read_open_config(const char *path, cm_clip_pair_config *out) {
    json_t *json = NULL;
    CM_TRY(cm_json_read(path, &json));
    const cm_status s = cm_clip_configure_open(json, out);
    json_decref(json);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

static bool has(const cm_tensor_file *f, const char *name) {
    char behind[80];
    snprintf(behind, sizeof behind, "module.%s", name);
    return cm_tensor_file_find(f, name) || cm_tensor_file_find(f, behind);
}

/* Looks into a file that is given by its own name, or was found in a folder. */
static cm_status look_into(cm_clip_pair *p, source *s) {
    cm_tensor_file *f = NULL;
    const char *config = in_folder(&p->arena, s->folder, "open_clip_config.json");
    CM_TRY(cm_arena_check(&p->arena));
    CM_TRY(cm_tensor_file_open(&f, s->weights));
    s->original = s->original || has(f, "visual.conv1.weight") || has(f, "token_embedding.weight");
    s->openai = cm_tensor_file_is_script(f) || has(f, "input_resolution");
    cm_status status = CM_OK;
    if (s->original && config && !s->openai) {
        status = read_open_config(config, &p->config);
        s->says_act = true;
    } else if (s->original) {
        status = cm_clip_infer(f, &p->config);
        if (status != CM_OK) status = cm_fail_in(status, "%s", s->weights);
    }
    cm_tensor_file_close(&f);
    return status;
}

/* --- activation -------------------------------------------------------------------------- */

static const char *act_name(cm_act act) {
    return act == CM_QUICK_GELU ? "QuickGELU" : "GELU";
}

/* The activation, and a line where it is not the one to expect. */
static void choose_act(cm_clip_pair *p, const source *s, cm_clip_act asked) {
    static const char *const openai[] = {"ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336"};
    const cm_act said = s->openai ? CM_QUICK_GELU : p->config.vision.act;
    const cm_act act = asked == CM_CLIP_ACT_AUTO ? said : asked == CM_CLIP_ACT_GELU ? CM_GELU : CM_QUICK_GELU;
    const bool knows = s->openai || s->says_act;
    bool either = false; /* both OpenAI and LAION have published weights of this architecture */
    for (size_t i = 0; i < sizeof openai / sizeof *openai; i++)
        either |= p->config.name && strcmp(p->config.name, openai[i]) == 0;
    if (knows && act != said)
        p->info.warning = cm_arena_print(&p->arena, "runs with %s as asked, but %s says %s", act_name(act),
                                         s->openai ? "an archive of OpenAI's" : "its configuration", act_name(said));
    else if (!knows && asked == CM_CLIP_ACT_AUTO && either)
        p->info.warning =
            cm_arena_print(&p->arena, "the file does not say its activation: GELU is taken, as open_clip does; weights "
                                      "that OpenAI trained need QuickGELU");
    if (asked != CM_CLIP_ACT_AUTO || s->openai) p->config.text.act = p->config.vision.act = act;
}

/* --- tokenizer ------------------------------------------------------------------------------ */

static const char *find_tokenizer(cm_clip_pair *p, const char *folder) {
    static const char *const files[] = {"vocab.json", "tokenizer.json"};
    static const char *const packed[] = {"bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"};
    for (size_t i = 0; i < 2; i++)
        if (in_folder(&p->arena, folder, files[i])) return folder;
    for (size_t i = 0; i < 2; i++) {
        const char *file = in_folder(&p->arena, folder, packed[i]);
        if (file) return file;
    }
    return NULL;
}

/* After the text tower was built. */
static cm_status open_tokenizer(cm_clip_pair *p, const char *path) {
    cm_clip_text_config *t = &p->text.config;
    CM_TRY(cm_tokenizer_open(&p->tokenizer, path));
    if ((size_t)cm_tokenizer_size(p->tokenizer) > t->vocab_size)
        return cm_fail(CM_EFORMAT, "%s: has ids up to %d, the text tower knows 0 to %zu", path,
                       cm_tokenizer_size(p->tokenizer) - 1, t->vocab_size - 1);
    if (t->eos_token_id == 2) t->eos_token_id = cm_tokenizer_eos(p->tokenizer); /* "the largest id" means END */
    p->info.pad = cm_tokenizer_pad(p->tokenizer);
    return CM_OK;
}

/* --- opening ------------------------------------------------------------------------------------ */

static cm_status check_projections(const cm_clip_pair *p) {
    const size_t text = p->config.text.projection_dim, vision = p->config.vision.projection_dim;
    return text == vision ? CM_OK
                          : cm_fail(CM_EFORMAT, "the image tower projects to %zu, the text tower to %zu", vision, text);
}

/* Asks for the weights of both towers. */
static cm_status ask(cm_clip_pair *p) {
    CM_TRY(check_projections(p));
    cm_clip_text_build(&p->text, &p->config.text, p->params, &p->arena);
    cm_clip_vision_build(&p->vision, &p->config.vision, p->params, &p->arena);
    if (cm_param_exists(p->params, "logit_scale")) cm_param(p->params, CM_INIT_ONE, CM_SHAPE(1), "logit_scale");
    return cm_arena_check(&p->arena);
}

static cm_status build(cm_clip_pair *p) {
    CM_TRY(ask(p));
    CM_TRY(cm_params_check(p->params, true));
    cm_params_freeze(p->params);
    return CM_OK;
}

/* --- two towers --------------------------------------------------------------------------------- */

static bool has_towers(cm_clip_pair *p, const char *folder) {
    return in_folder(&p->arena, folder, "text_encoder/config.json") && in_folder(&p->arena, folder, "clip/config.json");
}

static cm_status open_tower(cm_clip_pair *p, const char *folder, bool vision) {
    cm_open_network f;
    const cm_network_source from = {.folder = folder, .tells = true};
    CM_TRY(vision ? cm_open_vision(&f, from, &p->arena, &p->vision) : cm_open_text(&f, from, &p->arena, &p->text));
    json_decref(f.config);
    if (vision) p->vision_params = f.params, p->config.vision = p->vision.config;
    else p->params = f.params, p->config.text = p->text.config;
    return CM_OK;
}

static cm_status open_towers(cm_clip_pair *p, const char *folder, const char *tokenizer) {
    const char *text = cm_arena_print(&p->arena, "%s/text_encoder", folder),
               *vision = cm_arena_print(&p->arena, "%s/clip", folder);
    if (!tokenizer) tokenizer = cm_arena_print(&p->arena, "%s/tokenizer", folder);
    CM_TRY(cm_arena_check(&p->arena));
    for (int i = 0; i < 3; i++) p->config.mean[i] = p->config.std[i] = 0.5f;
    CM_TRY(open_tower(p, text, false));
    CM_TRY(open_tower(p, vision, true));
    CM_TRY(open_tokenizer(p, tokenizer));
    return check_projections(p);
}

/* --- all of them -------------------------------------------------------------------------------- */

static void fill_info(cm_clip_pair *p, const char *path) {
    const cm_clip_vision_config *v = &p->config.vision;
    cm_clip_pair_info *i = &p->info;
    i->path = cm_arena_string(&p->arena, path);
    i->name = p->config.name;
    if (!i->name)
        i->name = cm_arena_print(&p->arena, "CLIP %zux%zu/%zu@%zu", v->layers, v->hidden_size, v->patch_size,
                                 v->image_height);
    i->act = v->act;
    i->width = v->image_width;
    i->height = v->image_height;
    i->projection = v->projection_dim;
    i->context = p->config.text.max_positions;
    memcpy(i->mean, p->config.mean, sizeof i->mean);
    memcpy(i->std, p->config.std, sizeof i->std);
}

static cm_status open_random(cm_clip_pair *p, const char *name, const cm_clip_options *o) {
    CM_TRY(cm_clip_named(name, &p->config));
    if (o->act != CM_CLIP_ACT_AUTO)
        p->config.text.act = p->config.vision.act = o->act == CM_CLIP_ACT_GELU ? CM_GELU : CM_QUICK_GELU;
    CM_TRY(cm_params_create(&p->params, o->seed));
    CM_TRY(build(p));
    return o->tokenizer ? open_tokenizer(p, o->tokenizer) : CM_OK;
}

/* What a folder with config.json, or a file beside one, is opened with. */
typedef struct opening {
    cm_clip_pair *pair;
    source *source;
    const cm_clip_options *options;
} opening;

static cm_status build_configured(void *arg, const json_t *config, cm_params *params) {
    const opening *o = arg;
    cm_clip_pair *p = o->pair;
    p->params = params;
    o->source->says_act = true;
    CM_TRY(cm_clip_configure(config, &p->config));
    choose_act(p, o->source, o->options->act);
    return ask(p);
}

static cm_status open_configured(cm_clip_pair *p, source *s, const cm_clip_options *o) {
    cm_open_network f;
    const cm_network_source from = {.folder = s->folder, .weights = s->weights, .tells = true};
    if (!in_folder(&p->arena, s->folder, "config.json"))
        return cm_fail(CM_EFORMAT, "%s: neither open_clip's names (visual.conv1.weight) nor a config.json beside it",
                       s->weights);
    const cm_status status = cm_open_network_from(&f, from, build_configured, &(opening){p, s, o});
    p->params = f.params; /* NULL on failure */
    json_decref(f.config);
    return status;
}

static cm_status open_original(cm_clip_pair *p, source *s, const cm_clip_options *o) {
    choose_act(p, s, o->act);
    CM_TRY(cm_params_open_original(&p->params, s->weights, CM_ORIGINAL_CLIP));
    return build(p);
}

static cm_status open_files(cm_clip_pair *p, const char *path, const cm_clip_options *o) {
    source s = {0};
    if (has_towers(p, path)) return open_towers(p, path, o->tokenizer);
    CM_TRY(find_weights(p, path, &s));
    if (!cm_path_is_dir(s.weights)) CM_TRY(look_into(p, &s));
    CM_TRY(s.original ? open_original(p, &s, o) : open_configured(p, &s, o));
    const char *tokenizer = o->tokenizer ? o->tokenizer : find_tokenizer(p, s.folder);
    CM_TRY(cm_arena_check(&p->arena));
    return tokenizer ? open_tokenizer(p, tokenizer) : CM_OK;
}

cm_status cm_clip_pair_open(cm_clip_pair **out, const char *path, const cm_clip_options *options) {
    static const cm_clip_options usual = {0};
    const cm_clip_options *o = options ? options : &usual;
    cm_clip_pair *p = calloc(1, sizeof *p);
    if (!p) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    cm_arena_init(&p->arena, 1 << 16);
    p->info.pad = -1;
    const bool random = strncmp(path, "random:", 7) == 0;
    cm_status s = random ? open_random(p, path + 7, o) : open_files(p, path, o);
    if (s == CM_OK) {
        fill_info(p, path);
        s = cm_arena_check(&p->arena);
    }
    if (s == CM_OK) *out = p;
    else cm_clip_pair_close(&p);
    return s;
}

void cm_clip_pair_close(cm_clip_pair **p) {
    if (!*p) return;
    cm_tokenizer_close(&(*p)->tokenizer);
    cm_params_close(&(*p)->params);
    cm_params_close(&(*p)->vision_params);
    cm_arena_free(&(*p)->arena);
    free(*p);
    *p = NULL;
}

const cm_clip_pair_info *cm_clip_pair_get_info(const cm_clip_pair *p) {
    return &p->info;
}

const cm_tokenizer *cm_clip_pair_tokenizer(const cm_clip_pair *p) {
    return p->tokenizer;
}

cm_status cm_clip_pair_hash(const cm_clip_pair *p, char out[65]) {
    char both[2 * 64 + 1];
    if (!p->vision_params) return cm_params_hash(p->params, out);
    CM_TRY(cm_params_hash(p->params, both));
    CM_TRY(cm_params_hash(p->vision_params, both + 64));
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, both, 128);
    cm_sha_end(&h, out);
    return CM_OK;
}

/* --- running ----------------------------------------------------------------------------------------- */

cm_status cm_clip_pair_images(const cm_clip_pair *p, cm_ctx *g, const float *pixels, size_t n, float *out) {
    const cm_clip_vision_config *v = &p->config.vision;
    const size_t tokens = v->image_height / v->patch_size * (v->image_width / v->patch_size) + 1;
    const size_t values = v->image_height * v->image_width * 3,
                 most = PICTURE_TOKENS / tokens ? PICTURE_TOKENS / tokens : 1;
    cm_status s = CM_OK;
    for (size_t i = 0; i < n && s == CM_OK; i += most) {
        const size_t count = n - i < most ? n - i : most;
        cm_ctx_reset(g);
        cm_tensor *x = cm_tensor_copy(g, CM_SHAPE(count, v->image_height, v->image_width, 3), pixels + i * values);
        s = cm_vit_take(g, cm_clip_vision_forward(g, &p->vision, x), i, out, "the embedding of image");
    }
    cm_ctx_reset(g);
    return s;
}

/* texts [first, first+count) -> ids [count][context], and the tokens of the longest, START and END included */
static cm_status tokenize(const cm_clip_pair *p, cm_text_cleaning cleaning, const char *const *texts, size_t first,
                          size_t count, cm_arena *scratch, int *ids, size_t *longest, cm_clip_reading *readings) {
    const size_t context = p->config.text.max_positions;
    *longest = 2;
    for (size_t i = 0; i < count; i++) {
        cm_tokens t;
        const cm_status s = cm_tokenize_to(p->tokenizer, cleaning, texts[first + i], context, scratch, &t);
        if (s != CM_OK) return cm_fail_in(s, "text %zu", first + i);
        memcpy(ids + i * context, t.ids, context * sizeof *ids);
        if (t.used > *longest) *longest = t.used;
        if (readings) readings[first + i] = (cm_clip_reading){t.total - 2, t.used - 2, t.doubtful};
    }
    return CM_OK;
}

/* What stands behind END does not reach it: attention looks back only. So a piece is run at its longest text's length.
 */
static cm_status run_texts(const cm_clip_pair *p, cm_ctx *g, cm_text_cleaning cleaning, const char *const *texts,
                           size_t first, size_t count, cm_arena *scratch, float *out, cm_clip_reading *readings) {
    const size_t context = p->config.text.max_positions;
    size_t length;
    int *ids = CM_PUSH(scratch, int, count *context);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(tokenize(p, cleaning, texts, first, count, scratch, ids, &length, readings));
    for (size_t i = 1; i < count; i++) memmove(ids + i * length, ids + i * context, length * sizeof *ids);
    cm_tensor *pooled = NULL;
    cm_ctx_reset(g);
    CM_TRY(cm_clip_text_forward(g, &p->text, ids, count, length, NULL, NULL, &pooled));
    return cm_vit_take(g, pooled, first, out, "the embedding of text");
}

cm_status cm_clip_pair_texts(const cm_clip_pair *p, cm_ctx *g, cm_text_cleaning cleaning, const char *const *texts,
                             size_t n, float *out, cm_clip_reading *readings) {
    const size_t context = p->config.text.max_positions, most = TEXT_TOKENS / context ? TEXT_TOKENS / context : 1;
    cm_status s = CM_OK;
    if (!p->tokenizer)
        return cm_fail(
            CM_EUSAGE,
            "%s: no vocabulary beside it (vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz): give one",
            p->info.path);
    cm_arena scratch;
    cm_arena_init(&scratch, 1 << 16);
    for (size_t i = 0; i < n && s == CM_OK; i += most) {
        s = run_texts(p, g, cleaning, texts, i, n - i < most ? n - i : most, &scratch, out, readings);
        cm_arena_clear(&scratch);
    }
    cm_arena_free(&scratch);
    cm_ctx_reset(g);
    return s;
}
