// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/gzip.h"
#include "core/io/jsonl.h"
#include "core/networks/clip_config.h"
#include "core/networks/clip_pair.h"
#include "core/networks/dinov2.h"
#include "core/tensor/ops.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

#define CLIP CM_TESTS_DIR "/golden/clip_pair/"
#define DINO CM_TESTS_DIR "/golden/dinov2/"
enum { ROOM = 1 << 18 };

static const cm_clip_options with_letters = {.tokenizer = CLIP "hf"};

static cm_clip_pair *open_pair(const char *path, const cm_clip_options *o) {
    cm_clip_pair *p = NULL;
    cr_assert_eq(cm_clip_pair_open(&p, path, o), CM_OK, "%s", cm_why());
    return p;
}

static void refuses(const char *path, const cm_clip_options *o, const char *says) {
    cm_clip_pair *p = NULL;
    cr_assert_neq(cm_clip_pair_open(&p, path, o), CM_OK, "%s was taken", path);
    cr_assert_null(p);
    cr_assert(strstr(cm_why(), says), "'%s' lacks '%s'", cm_why(), says);
    cr_assert_null(strchr(cm_why(), '\n'));
}

/* --- architectures -------------------------------------------------------------- */

/* open_clip's own count of each, logit scale included: sum(p.numel() for p in CLIP(**config).parameters()) of 3.3.0 */
Test(clip_pair, named_architectures_have_open_clips_number_of_weights) {
    static const struct {
        const char *name;
        size_t weights;
    } all[] = {{"clip-vit-b-32", 151277313},     {"clip-vit-b-16", 149620737}, {"clip-vit-l-14", 427616513},
               {"clip-vit-l-14-336", 427944193}, {"clip-vit-h-14", 986109441}, {"clip-vit-g-14", 1366678273},
               {"clip-vit-bigg-14", 2539567105}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cm_clip_pair_config c;
        cm_params *p = NULL;
        cm_arena a;
        cm_clip_text text;
        cm_clip_vision vision;
        cm_arena_init(&a, 0);
        cr_assert_eq(cm_clip_named(all[i].name, &c), CM_OK);
        cr_assert_eq(cm_params_plan(&p), CM_OK);
        cm_clip_text_build(&text, &c.text, p, &a);
        cm_clip_vision_build(&vision, &c.vision, p, &a);
        cr_expect_eq(cm_params_values(p) + 1, all[i].weights, "%s: %zu", all[i].name, cm_params_values(p) + 1);
        cr_expect(c.vision.hidden_size % c.vision.heads == 0 && c.text.hidden_size / c.text.heads == 64);
        cm_params_close(&p);
        cm_arena_free(&a);
    }
    refuses("random:clip-vit-b-33", NULL, "'clip-vit-b-33' is none of clip-vit-b-32, clip-vit-b-16");
}

Test(clip_pair, shapes_say_the_architecture) {
    cm_clip_pair *p = open_pair(CLIP "openai.pt", &with_letters);
    const cm_clip_pair_info *i = cm_clip_pair_get_info(p);
    cr_expect_str_eq(i->name, "CLIP 1x64/4@12");
    cr_expect(i->width == 12 && i->height == 12 && i->projection == 10 && i->context == 16 && i->act == CM_QUICK_GELU);
    cr_expect_eq(i->pad, 62); /* the folder's usual one, END */
    cm_clip_pair_close(&p);
    cr_assert_null(p);
}

/* Towers in folders of their own, as the shipped ones lie. */
Test(clip_pair, two_towers_are_a_pair) {
    char whole[65], text[65];
    cm_params *tower;
    cm_clip_pair *p = open_pair(CM_SOURCE_DIR "/core/models/nano", NULL);
    const cm_clip_pair_info *i = cm_clip_pair_get_info(p);
    cr_expect_str_eq(i->name, "CLIP 3x128/8@96");
    cr_expect(i->width == 64 && i->height == 96 && i->projection == 128 && i->context == 77 &&
              i->act == CM_QUICK_GELU && !i->warning);
    cr_expect(i->mean[0] == 0.5f && i->std[2] == 0.5f, "pixels in [-1,1]");
    cr_expect_not_null(cm_clip_pair_tokenizer(p));
    cr_assert_eq(cm_clip_pair_hash(p, whole), CM_OK);
    cr_assert_eq(cm_params_open(&tower, CM_SOURCE_DIR "/core/models/nano/text_encoder"), CM_OK);
    cr_assert_eq(cm_params_hash(tower, text), CM_OK);
    cr_expect_str_neq(whole, text, "the hash is of both");
    cm_params_close(&tower);
    cm_clip_pair_close(&p);
}

Test(clip_pair, a_tower_that_lacks_its_files_is_named) {
    const char *folder = scratch("towers");
    char text[256], clip[256];
    snprintf(text, sizeof text, "%s/text_encoder", folder);
    snprintf(clip, sizeof clip, "%s/clip", folder);
    cr_assert(mkdir(folder, 0755) == 0 && symlink(CM_SOURCE_DIR "/core/models/nano/text_encoder", text) == 0);
    refuses(folder, NULL, "config.json"); /* one tower is no pair */
    cr_assert_eq(symlink(CM_SOURCE_DIR "/core/models/nano/clip", clip), 0);
    refuses(folder, NULL, "towers/tokenizer");
    unlink(clip);
    cr_assert_eq(symlink(CM_SOURCE_DIR "/core/models/nano/text_encoder", clip), 0); /* the wrong one */
    refuses(folder, &(cm_clip_options){.tokenizer = CM_SOURCE_DIR "/core/models/nano/tokenizer"}, "clip");
    scratch_done();
}

/* --- the same values whatever stands around --------------------------------------- */

static float *pictures(const cm_clip_pair_info *i, size_t n) {
    const size_t count = n * i->width * i->height * 3;
    float *x = malloc(count * sizeof *x);
    cr_assert(x);
    for (size_t k = 0; k < count; k++) x[k] = (float)((k * 2654435761u >> 8) % 1000) / 250.0f - 2.0f;
    return x;
}

static double distance(const float *a, const float *b, size_t n) {
    double d = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(d / size);
}

/* Three pieces and a rest, against single pictures by one thread. */
Test(clip_pair, an_embedding_depends_neither_on_the_batch_nor_on_threads) {
    enum { N = 1001, P = 10, STEP = 37 };
    static float together[N * P], alone[P];
    cm_clip_pair *p = open_pair(CLIP "open", &with_letters);
    const cm_clip_pair_info *i = cm_clip_pair_get_info(p);
    float *x = pictures(i, N);
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        cm_ctx two, one;
        cm_ctx_init(&two, *ops, 2);
        cm_ctx_init(&one, *ops, 1);
        cr_assert_eq(cm_clip_pair_images(p, &two, x, N, together), CM_OK, "%s", cm_why());
        for (size_t k = 0; k < N; k += STEP) {
            cr_assert_eq(cm_clip_pair_images(p, &one, x + k * i->width * i->height * 3, 1, alone), CM_OK);
            cr_expect(distance(together + k * P, alone, P) <= 1e-5, "%s: picture %zu", (*ops)->name, k);
        }
        cm_ctx_free(&two);
        cm_ctx_free(&one);
    }
    free(x);
    cm_clip_pair_close(&p);
}

Test(clip_pair, a_text_depends_on_no_other) {
    enum { N = 250, P = 10 };
    static float together[N * P], alone[P];
    static const char *const words[] = {"a", "red shirt", "long hair, red shirt, long long hair", ""};
    static const char *list[N];
    static cm_clip_reading readings[N];
    cm_clip_pair *p = open_pair(CLIP "open", &with_letters);
    cm_ctx g;
    cm_ctx_init(&g, cm_backend_default(), 2);
    for (size_t i = 0; i < N; i++) list[i] = words[i % 4];
    cr_assert_eq(cm_clip_pair_texts(p, &g, CM_CLEAN_TRANSFORMERS, list, N, together, readings), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(cm_clip_pair_texts(p, &g, CM_CLEAN_TRANSFORMERS, list + i, 1, alone, NULL), CM_OK);
        cr_expect(distance(together + (N - N % 4 - 4 + i) * P, alone, P) <= 1e-5, "text %zu", i);
    }
    cr_expect(readings[0].tokens == 1 && readings[0].read == 1 && readings[3].tokens == 0 && readings[2].tokens > 14);
    cr_expect_eq(readings[2].read, 14);
    cr_expect(distance(together, together + P, P) > 1e-2, "texts differ");
    cm_ctx_free(&g);
    cm_clip_pair_close(&p);
}

/* --- what is wrong with files ---------------------------------------------------------- */

static void copy_file(const char *path, const char *name) {
    static unsigned char bytes[ROOM];
    scratch_write(name, bytes, read_file(path, bytes, ROOM));
}

Test(clip_pair, cuts_of_an_archive_are_refused) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(CLIP "openai.pt", bytes, ROOM);
    for (size_t cut = 0; cut < n; cut += 4999) {
        scratch_write("cut.pt", bytes, cut);
        refuses(scratch("cut.pt"), NULL, cut < 4 ? "too short" : "truncated");
    }
    scratch_done();
}

/* The open_clip file as safetensors, with one tensor's name or values changed and "module." before each. */
static void write_changed(const char *name, const char *from, const char *to, float value) {
    enum { MOST = 64, VALUES = 8192 };
    cm_tensor_file *f = NULL;
    cm_store_item items[MOST] = {{0}};
    static float values[MOST][VALUES];
    static char names[MOST][128];
    cr_assert_eq(cm_tensor_file_open(&f, CLIP "open/open_clip_pytorch_model.bin"), CM_OK, "%s", cm_why());
    const size_t n = cm_tensor_file_count(f);
    cr_assert_lt(n, MOST);
    for (size_t i = 0; i < n; i++) {
        const cm_stored *t = cm_tensor_file_at(f, i);
        const bool here = from && strcmp(t->name, from) == 0;
        cr_assert_leq(t->count, VALUES);
        snprintf(names[i], sizeof names[i], "module.%s", here && to ? to : t->name);
        cm_to_float(t->dtype, t->data, t->count, values[i]);
        if (here && !to) values[i][0] = value;
        items[i] =
            (cm_store_item){.name = names[i], .dtype = CM_F32, .ndim = t->ndim, .shape = t->shape, .floats = values[i]};
    }
    cr_assert_eq(cm_safetensors_write(scratch(name), items, n, NULL), CM_OK, "%s", cm_why());
    cm_tensor_file_close(&f);
}

Test(clip_pair, names_behind_module_are_the_same_weights) {
    char one[65], two[65];
    cm_clip_pair *p = open_pair(CLIP "open", NULL), *q = NULL;
    write_changed("hps.safetensors", NULL, NULL, 0);
    copy_file(CLIP "open/open_clip_config.json", "open_clip_config.json");
    q = open_pair(scratch("hps.safetensors"), NULL);
    cr_assert_eq(cm_clip_pair_hash(p, one), CM_OK);
    cr_assert_eq(cm_clip_pair_hash(q, two), CM_OK);
    cr_expect_str_eq(one, two);
    cm_clip_pair_close(&p);
    cm_clip_pair_close(&q);
    scratch_done();
}

Test(clip_pair, weights_that_lack_or_exceed_are_named) {
    copy_file(CLIP "open/open_clip_config.json", "open_clip_config.json");
    write_changed("nan.safetensors", "visual.ln_post.weight", NULL, NAN);
    refuses(scratch("nan.safetensors"), NULL, "not a finite number in: vision_model.post_layernorm.weight");
    write_changed("name.safetensors", "ln_final.bias", "ln_final.beta", 0);
    refuses(scratch("name.safetensors"), NULL, "1 missing: text_model.final_layer_norm.bias");
    write_changed("layer.safetensors", "visual.transformer.resblocks.1.ln_1.weight", "visual.layer1.0.conv1.weight", 0);
    refuses(scratch("layer.safetensors"), NULL, "1 left over: module.visual.layer1.0.conv1.weight");
    scratch_done();
}

Test(clip_pair, without_a_configuration_heads_must_be_known) {
    write_changed("bare.safetensors", NULL, NULL, 0);
    refuses(scratch("bare.safetensors"), NULL, "are of no known number of heads");
    write_changed("text.safetensors", "visual.proj", "visual.projection", 0);
    refuses(scratch("text.safetensors"), NULL, "no image tower");
    scratch_done();
}

static void with_config(const char *config, const char *says) {
    scratch_write("open_clip_config.json", config, strlen(config));
    refuses(scratch("hps.safetensors"), NULL, says);
}

Test(clip_pair, open_clips_settings_that_are_off_change_nothing) {
    json_t *config = NULL;
    cm_clip_pair_config c;
    cr_assert_eq(cm_json_read(CLIP "open/open_clip_config.json", &config), CM_OK, "%s", cm_why());
    json_t *model = json_object_get(config, "model_cfg");
    json_object_set_new(model, "custom_text", json_false());
    json_object_set_new(model, "init_logit_bias", json_null());
    json_object_set_new(model, "init_logit_scale", json_real(2.6593));
    json_object_set_new(json_object_get(model, "vision_cfg"), "attentional_pool", json_false());
    json_object_set_new(json_object_get(model, "text_cfg"), "no_causal_mask", json_false());
    cr_assert_eq(cm_clip_configure_open(config, &c), CM_OK, "%s", cm_why());
    json_object_set_new(json_object_get(model, "text_cfg"), "no_causal_mask", json_true());
    cr_assert_neq(cm_clip_configure_open(config, &c), CM_OK);
    cr_assert(strstr(cm_why(), "\"no_causal_mask\" is true"), "%s", cm_why());
    json_decref(config);
}

Test(clip_pair, a_configuration_that_says_what_is_not_built_is_refused) {
#define TEXT                                                                                                           \
    "\"text_cfg\": {\"context_length\": 16, \"vocab_size\": 63, \"width\": 20, \"heads\": 4, \"layers\": 1, "          \
    "\"mlp_ratio\": 1.5}"
#define VISION                                                                                                         \
    "\"vision_cfg\": {\"image_size\": 16, \"layers\": 2, \"width\": 24, \"head_width\": 12, \"mlp_ratio\": 1.5, "      \
    "\"patch_size\": 8"
    write_changed("hps.safetensors", NULL, NULL, 0);
    with_config("{\"model_cfg\": {\"embed_dim\": 10, " VISION ", \"timm_model_name\": \"x\"}, " TEXT "}}",
                "unknown key \"timm_model_name\"");
    with_config("{\"model_cfg\": {\"embed_dim\": 10, " VISION ", \"pool_type\": \"avg\"}, " TEXT "}}",
                "\"pool_type\" is \"avg\"");
    with_config("{\"model_cfg\": {\"embed_dim\": 10, \"custom_text\": true, " VISION "}, " TEXT "}}",
                "\"custom_text\" is true");
    with_config("{\"model_cfg\": {\"embed_dim\": 11, " VISION "}, " TEXT "}}",
                "2 of another shape: text_projection.weight is [10,20], not [11,20]");
    with_config("{\"model_cfg\": {" VISION "}, " TEXT "}}", "no \"embed_dim\"");
    with_config("{\"model_cfg\": {\"embed_dim\": 10, " VISION "}}}", "text_cfg: not a JSON object");
    with_config("{\"model_cfg\": {\"embed_dim\": 10, " VISION "}, " TEXT "}, \"preprocess_cfg\": {\"std\": [1, 0, 1]}}",
                "\"std\" is not above 0");
    with_config("{\"model_cfg\": {\"embed_dim\": 10, " VISION "}, " TEXT "}, \"preprocess_cfg\": {\"mean\": [1, 0]}}",
                "no number, nor three");
    with_config("[", "open_clip_config.json");
    scratch_done();
}

Test(clip_pair, what_is_not_a_pair_says_so) {
    refuses(CLIP "absent.pt", NULL, "no such file or folder");
    refuses(CLIP "values.safetensors", NULL, "neither open_clip's names");
    refuses(DINO "plain", NULL, "\"model_type\" is 'dinov2', not clip");
    refuses(CM_TESTS_DIR "/golden/clip/vision", NULL, "\"model_type\" is 'clip_vision_model', not clip");
    refuses(CLIP "hf", &(cm_clip_options){.tokenizer = CLIP "bpe.txt.gz"}, "the text tower knows 0 to 62");
    refuses(CLIP "hf", &(cm_clip_options){.tokenizer = CLIP "absent"}, "absent");
}

Test(clip_pair, a_text_needs_a_vocabulary_and_utf8) {
    float out[10];
    static const char *const texts[] = {"a", "b\xff"};
    cm_ctx g;
    cm_ctx_init(&g, cm_backend_default(), 1);
    cm_clip_pair *p = open_pair(CLIP "openai.pt", NULL);
    cr_expect_eq(cm_clip_pair_get_info(p)->pad, -1);
    cr_expect_eq(cm_clip_pair_texts(p, &g, CM_CLEAN_TRANSFORMERS, texts, 1, out, NULL), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "no vocabulary beside it"));
    cm_clip_pair_close(&p);
    p = open_pair(CLIP "openai.pt", &with_letters);
    cr_expect_eq(cm_clip_pair_texts(p, &g, CM_CLEAN_TRANSFORMERS, texts + 1, 1, out, NULL), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "text 0"), "%s", cm_why());
    cm_clip_pair_close(&p);
    cm_ctx_free(&g);
}

Test(clip_pair, pixels_that_are_no_numbers_give_no_embedding) {
    float x[12 * 12 * 3] = {0}, out[10];
    cm_ctx g;
    cm_clip_pair *p = open_pair(CLIP "openai.pt", NULL);
    cm_ctx_init(&g, cm_backend_default(), 1);
    x[5] = NAN;
    cr_expect_eq(cm_clip_pair_images(p, &g, x, 1, out), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "image 0 is not finite"), "%s", cm_why());
    cm_ctx_free(&g);
    cm_clip_pair_close(&p);
}

/* Every allocation of an arena fails once. */
Test(clip_pair, opening_survives_any_allocation_that_fails) {
    static const char *const paths[] = {CLIP "hf", CLIP "open", CLIP "openai.pt", CM_SOURCE_DIR "/core/models/nano"};
    for (size_t i = 0; i < 4; i++) {
        cm_status s = CM_ENOMEM;
        long n = 0;
        for (; s != CM_OK; n++) {
            cm_clip_pair *p = NULL;
            cm_test_fail_once = n;
            s = cm_clip_pair_open(&p, paths[i], NULL);
            cm_test_fail_once = -1;
            cr_assert(s == CM_OK || (s == CM_ENOMEM && !p), "allocation %ld: %s", n, cm_why());
            cm_clip_pair_close(&p);
        }
        cr_expect_gt(n, 2);
    }
}

/* --- the packed vocabulary ------------------------------------------------------------ */

static void no_tokenizer(const char *path, const char *says) {
    cm_tokenizer *t = NULL;
    cr_assert_neq(cm_tokenizer_open(&t, path), CM_OK, "%s was taken", path);
    cr_assert(strstr(cm_why(), says), "'%s' lacks '%s'", cm_why(), says);
}

Test(clip_pair, a_packed_vocabulary_that_is_damaged_is_refused) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(CLIP "bpe.txt.gz", bytes, ROOM);
    for (size_t cut = 2; cut < n; cut += 3) {
        scratch_write("bpe.txt.gz", bytes, cut);
        no_tokenizer(scratch("bpe.txt.gz"), "truncated");
    }
    bytes[n / 2] ^= 0x40;
    scratch_write("bpe.txt.gz", bytes, n);
    no_tokenizer(scratch("bpe.txt.gz"), "bpe.txt.gz");
    scratch_done();
}

static void with_merges(const char *text, const char *says) {
    scratch_write("bpe.txt", text, strlen(text));
    no_tokenizer(scratch("bpe.txt"), says);
}

Test(clip_pair, a_vocabulary_of_other_lines_is_refused) {
    with_merges("", "its first line is not");
    with_merges("a b\nc d\n", "its first line is not");
    with_merges("#version\na b\nab", "line 3: not two tokens");
    with_merges("#version\na b c\n", "not two tokens");
    with_merges("#version\na \n", "not two tokens");
    with_merges("#version\nab c\n", "or what they join to is not in the vocabulary");
    scratch_done();
    cm_tokenizer *t = NULL;
    static const char good[] = "#version\r\na b\r\nab c</w>\r\n";
    scratch_write("bpe.txt", good, sizeof good - 1);
    cr_assert_eq(cm_tokenizer_open(&t, scratch("bpe.txt")), CM_OK, "%s", cm_why());
    cr_expect(cm_tokenizer_size(t) == 516 && cm_tokenizer_bos(t) == 514 && cm_tokenizer_eos(t) == 515 &&
              cm_tokenizer_pad(t) == 0);
    cr_expect_str_eq(cm_tokenizer_text(t, 513), "abc</w>");
    cr_expect_str_eq(cm_tokenizer_text(t, 0), "!");
    cm_tokenizer_close(&t);
    scratch_done();
}

Test(clip_pair, what_was_mended_keeps_the_bytes_it_came_from) {
    static const char text[] = "x &amp;amp; \xef\xac\x81 y";
    cm_tokenizer *t = NULL;
    cm_tokens k;
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_tokenizer_open(&t, CLIP "bpe.txt.gz"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_tokenize_to(t, CM_CLEAN_OPEN_CLIP, text, 77, &a, &k), CM_OK);
    cr_assert_geq(k.used, 6);
    cr_expect_str_eq(cm_tokenizer_text(t, k.ids[2]), "&</w>");
    cr_expect(k.begin[2] == 2 && k.end[2] == 11, "%zu to %zu", k.begin[2], k.end[2]);
    cr_expect(k.begin[3] == 12 && k.end[k.used - 3] == 15); /* one character became "fi" */
    cr_expect(k.begin[k.used - 2] == 16 && k.end[k.used - 2] == 17);
    cm_tokenizer_close(&t);
    cm_arena_free(&a);
}

static bool finds_end(const cm_tokenizer *t, cm_text_cleaning cleaning, const char *text) {
    cm_tokens k;
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_tokenize_to(t, cleaning, text, 77, &a, &k), CM_OK);
    const bool found = k.used == 4 && k.ids[2] == cm_tokenizer_eos(t) && k.begin[2] == 2 && k.end[2] == strlen(text);
    cm_arena_free(&a);
    return found;
}

Test(clip_pair, each_program_finds_its_own_spelling_of_the_end) {
    static const char theirs[] = "a <|endoftext|>", opens[] = "a <END_of_text>";
    cm_tokenizer *t = NULL;
    cr_assert_eq(cm_tokenizer_open(&t, CLIP "folder"), CM_OK, "%s", cm_why());
    cr_expect(finds_end(t, CM_CLEAN_OPENAI, theirs) && finds_end(t, CM_CLEAN_TRANSFORMERS, theirs));
    cr_expect(finds_end(t, CM_CLEAN_OPEN_CLIP, opens) && !finds_end(t, CM_CLEAN_OPEN_CLIP, theirs));
    cr_expect(!finds_end(t, CM_CLEAN_OPENAI, opens));
    cm_tokenizer_close(&t);
}

Test(clip_pair, nested_names_end) {
    enum { N = 400 };
    char text[5 + 4 * N + 2] = "&";
    cm_tokenizer *t = NULL;
    cm_tokens k;
    cm_arena a;
    cm_arena_init(&a, 0);
    for (int i = 0; i < N; i++) memcpy(text + 1 + 4 * i, "amp;", 5);
    cr_assert_eq(cm_tokenizer_open(&t, CLIP "folder"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_tokenize_to(t, CM_CLEAN_OPEN_CLIP, text, 77, &a, &k), CM_OK);
    cr_expect(k.used == 3 && k.begin[1] == 0 && k.end[1] == strlen(text));
    cm_tokenizer_close(&t);
    cm_arena_free(&a);
}

Test(clip_pair, unpacking_has_a_limit) {
    cm_arena a;
    char *text;
    size_t length = 0;
    cm_arena_init(&a, 0);
    cr_expect_eq(cm_gzip_read(CLIP "bpe.txt.gz", 1 << 20, &a, &text, &length), CM_OK, "%s", cm_why());
    cr_expect(length > 500 && strlen(text) == length);
    cr_expect_eq(cm_gzip_read(CLIP "bpe.txt.gz", length, &a, &text, &length), CM_OK);
    cr_expect_eq(cm_gzip_read(CLIP "bpe.txt.gz", length - 1, &a, &text, &length), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "unpacks to more than"), "%s", cm_why());
    cr_expect_eq(cm_gzip_read(CLIP "hf/vocab.json", 10, &a, &text, &length), CM_EFORMAT);
    cr_expect_eq(cm_gzip_read(CLIP "absent", 10, &a, &text, &length), CM_EIO);
    cm_arena_free(&a);
}

/* --- DINOv2 ------------------------------------------------------------------------------ */

static void no_dino(const char *path, const cm_dinov2_options *o, const char *says) {
    cm_dinov2 *n = NULL;
    cr_assert_neq(cm_dinov2_open(&n, path, o), CM_OK, "%s was taken", path);
    cr_assert(strstr(cm_why(), says), "'%s' lacks '%s'", cm_why(), says);
}

Test(dinov2, what_is_not_one_says_so) {
    no_dino("random:dinov2-vit-g-14", NULL, "is none of dinov2-vit-s-14");
    no_dino("random:dinov2-vit-l-14-reg5", NULL, "is none of");
    no_dino(CLIP "openai.pt", NULL, "not a DINOv2 of facebookresearch's");
    no_dino(CLIP "hf", NULL, "\"model_type\" is \"clip\"");
    no_dino(DINO "plain", &(cm_dinov2_options){.size = 30}, "not a multiple of the patches' 7");
    no_dino(DINO "absent", NULL, "absent");
}

static void with_dino(const char *config, const char *says) {
    scratch_write("config.json", config, strlen(config));
    no_dino(scratch_folder, &(cm_dinov2_options){.size = 28}, says);
}

Test(dinov2, a_configuration_that_does_not_fit_is_refused) {
#define SIZES "\"hidden_size\": 24, \"num_hidden_layers\": 2, \"image_size\": 28, \"patch_size\": 7, "
    copy_file(DINO "plain/model.safetensors", "model.safetensors");
    with_dino("{\"model_type\": \"dinov2\", \"use_swiglu_ffn\": true}", "\"use_swiglu_ffn\" is true");
    with_dino("{" SIZES "\"num_attention_heads\": 5, \"mlp_ratio\": 2}", "do not fit");
    with_dino("{" SIZES "\"num_attention_heads\": 3, \"mlp_ratio\": 3}",
              "encoder.layer.0.mlp.fc1.weight is [48,24], not [72,24]");
    with_dino("{" SIZES "\"num_attention_heads\": 3, \"mlp_ratio\": 2, \"model_type\": \"dinov2_with_registers\"}",
              "1 missing: embeddings.register_tokens");
    scratch_done();
}

Test(dinov2, a_feature_depends_neither_on_the_batch_nor_on_threads) {
    enum { N = 211, C = 24, SIZE = 28, VALUES = SIZE * SIZE * 3 };
    static float together[N * C], alone[C], x[N * VALUES];
    for (size_t k = 0; k < N * VALUES; k++) x[k] = (float)((k * 2654435761u >> 8) % 1000) / 250.0f - 2.0f;
    cm_dinov2 *n = NULL;
    cr_assert_eq(cm_dinov2_open(&n, DINO "registers", &(cm_dinov2_options){.size = SIZE}), CM_OK, "%s", cm_why());
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        cm_ctx two, one;
        cm_ctx_init(&two, *ops, 2);
        cm_ctx_init(&one, *ops, 1);
        cr_assert_eq(cm_dinov2_images(n, &two, x, N, together), CM_OK, "%s", cm_why());
        for (size_t k = 0; k < N; k += 30) {
            cr_assert_eq(cm_dinov2_images(n, &one, x + k * VALUES, 1, alone), CM_OK);
            cr_expect(distance(together + k * C, alone, C) <= 1e-5, "%s: picture %zu", (*ops)->name, k);
        }
        cm_ctx_free(&two);
        cm_ctx_free(&one);
    }
    x[7] = INFINITY;
    cm_ctx g;
    cm_ctx_init(&g, cm_backend_default(), 1);
    cr_expect_eq(cm_dinov2_images(n, &g, x, 1, alone), CM_EUNDEFINED);
    cm_ctx_free(&g);
    cm_dinov2_close(&n);
}

/* One layer of 64 channels for pictures of 14x130 pixels a side: positions of over a million values, that are widened
 * when they are first wanted. */
static void with_large_positions(cm_dtype type) {
    enum { C = 64, SIDE = 130 };
    static const char config[] =
        "{\"model_type\": \"dinov2\", \"hidden_size\": 64, \"num_hidden_layers\": 1, \"image_size\": 1820, "
        "\"patch_size\": 14, \"num_attention_heads\": 4, \"mlp_ratio\": 1}";
    static const struct {
        const char *name;
        size_t rows, columns; /* columns 0: a vector */
    } layer[] = {{"norm1.weight", C, 0},
                 {"norm1.bias", C, 0},
                 {"attention.attention.query.weight", C, C},
                 {"attention.attention.query.bias", C, 0},
                 {"attention.attention.key.weight", C, C},
                 {"attention.attention.key.bias", C, 0},
                 {"attention.attention.value.weight", C, C},
                 {"attention.attention.value.bias", C, 0},
                 {"attention.output.dense.weight", C, C},
                 {"attention.output.dense.bias", C, 0},
                 {"norm2.weight", C, 0},
                 {"norm2.bias", C, 0},
                 {"mlp.fc1.weight", C, C},
                 {"mlp.fc1.bias", C, 0},
                 {"mlp.fc2.weight", C, C},
                 {"mlp.fc2.bias", C, 0},
                 {"layer_scale1.lambda1", C, 0},
                 {"layer_scale2.lambda1", C, 0}};
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1, 1, C), "embeddings.cls_token");
    cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1, SIDE * SIDE + 1, C), "embeddings.position_embeddings");
    cm_param(p, CM_INIT_CONV, CM_SHAPE(C, 3, 14, 14), "embeddings.patch_embeddings.projection.weight");
    cm_param(p, CM_INIT_BIAS, CM_SHAPE(C), "embeddings.patch_embeddings.projection.bias");
    cm_param(p, CM_INIT_ONE, CM_SHAPE(C), "layernorm.weight");
    cm_param(p, CM_INIT_ZERO, CM_SHAPE(C), "layernorm.bias");
    for (size_t i = 0; i < sizeof layer / sizeof *layer; i++)
        cm_param(p, layer[i].columns ? CM_INIT_LINEAR : CM_INIT_SCALE, layer[i].columns ? 2 : 1, (size_t[]){C, C},
                 "encoder.layer.0.%s", layer[i].name);
    cr_assert_eq(cm_params_save(p, scratch("model.safetensors"), type, NULL, NULL), CM_OK, "%s", cm_why());
    cm_params_close(&p);
    scratch_write("config.json", config, sizeof config - 1);
}

Test(dinov2, large_positions_are_read_whatever_their_type) {
    enum { C = 64, SIZE = 56 };
    static const cm_dtype types[] = {CM_F32, CM_F16, CM_BF16, CM_F64};
    static float x[SIZE * SIZE * 3];
    float features[4][C];
    for (size_t k = 0; k < SIZE * SIZE * 3; k++) x[k] = (float)((k * 2654435761u >> 8) % 1000) / 250.0f - 2.0f;
    for (size_t i = 0; i < 4; i++) {
        cm_dinov2 *n = NULL;
        cm_ctx g;
        with_large_positions(types[i]);
        cr_assert_eq(cm_dinov2_open(&n, scratch_folder, &(cm_dinov2_options){.size = SIZE}), CM_OK, "%s", cm_why());
        cm_ctx_init(&g, cm_ops_ref(), 1);
        cr_assert_eq(cm_dinov2_images(n, &g, x, 1, features[i]), CM_OK, "%s", cm_why());
        cr_expect(distance(features[i], features[0], C) <= 0.01, "%s: %g from f32", cm_dtype_name(types[i]),
                  distance(features[i], features[0], C));
        cm_ctx_free(&g);
        cm_dinov2_close(&n);
        scratch_done();
    }
}
