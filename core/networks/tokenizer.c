// SPDX-License-Identifier: Apache-2.0
#include "core/networks/tokenizer.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/networks/bpe.h"
#include "core/networks/config.h"
#include "core/networks/text_clean.h"
#include "core/networks/unicode.h"

enum { USUAL_LENGTH = 77, LONGEST_LENGTH = 1 << 16, MAX_CONFIG = 1 << 26 };

/* A token that is found in the text before anything is split. */
typedef struct special {
    const char *text;
    uint32_t *codes;
    size_t count;
    int id;
    bool cleaned;            /* looked for in the cleaned text, not in the text as it came */
    bool as_text, as_object; /* how the configuration has named it so far */
} special;

struct cm_tokenizer {
    cm_arena arena;
    cm_bpe *bpe;
    special *specials;
    size_t special_count;
    size_t length;
    int bos, eos, unknown, pad;
};

/* --- cleaning -------------------------------------------------------------------- */

/* Runs of white space as one blank, lower case; sigmas: by their place in the word, as Python has it and Rust's
 * tokenizers do not. Returns NULL when scratch is exhausted. */
static cm_char *lower(const cm_char *text, size_t n, bool sigmas, cm_arena *scratch, size_t *cleaned) {
    enum { SIGMA = 0x3A3, FINAL = 0x3C2 };
    cm_char *out = CM_PUSH(scratch, cm_char, 2 * n + 1);
    size_t kept = 0;
    for (size_t i = 0; out && i < n; i++) {
        uint32_t low[2];
        if (cm_unicode_is_space(text[i].code)) {
            if (kept && out[kept - 1].code == ' ') out[kept - 1].end = text[i].end;
            else out[kept++] = (cm_char){' ', text[i].begin, text[i].end};
            continue;
        }
        const size_t lows = cm_unicode_lower_of(text[i].code, low);
        if (sigmas && text[i].code == SIGMA && cm_text_final_sigma(text, n, i)) low[0] = FINAL;
        for (size_t k = 0; k < lows; k++) out[kept++] = (cm_char){low[k], text[i].begin, text[i].end};
    }
    *cleaned = kept;
    return out;
}

/* NFC, then lower. Returns NULL when scratch is exhausted. */
static cm_char *clean(const cm_char *text, size_t count, cm_arena *scratch, size_t *cleaned) {
    cm_char *composed = CM_PUSH(scratch, cm_char, CM_NFC_ROOM * count + 1);
    if (!composed) return NULL;
    return lower(composed, cm_unicode_nfc(text, count, composed), false, scratch, cleaned);
}

/* --- opening --------------------------------------------------------------------- */

static special *find_special(const cm_tokenizer *t, const char *text) {
    for (size_t i = 0; i < t->special_count; i++)
        if (strcmp(t->specials[i].text, text) == 0) return &t->specials[i];
    return NULL;
}

/* What is looked for: the text's characters, cleaned like the text they are found in. */
static cm_status set_codes(special *s, cm_arena *arena) {
    const size_t bytes = strlen(s->text);
    cm_char *chars = CM_PUSH(arena, cm_char, bytes + 1);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(cm_unicode_read(s->text, 0, bytes, chars, &s->count));
    if (s->cleaned) chars = clean(chars, s->count, arena, &s->count);
    s->codes = CM_PUSH(arena, uint32_t, s->count + 1);
    CM_TRY(cm_arena_check(arena));
    for (size_t i = 0; i < s->count; i++) s->codes[i] = chars[i].code;
    return CM_OK;
}

/* id -1: the vocabulary's. */
static cm_status add_special(cm_tokenizer *t, const char *text, int id, special **out) {
    special *s = find_special(t, text);
    if (!s) {
        s = &t->specials[t->special_count];
        *s = (special){.text = cm_arena_string(&t->arena, text), .id = id >= 0 ? id : cm_bpe_find(t->bpe, text)};
        if (s->id < 0) return cm_fail(CM_EFORMAT, "the token \"%.60s\" is not in the vocabulary", text);
        CM_TRY(cm_arena_check(&t->arena));
        t->special_count++;
    }
    *out = s;
    return CM_OK;
}

/* Is this text the token of a role, or of the further special ones? */
static bool has_role(const json_t *config, const char *text) {
    static const char *const roles[] = {"bos_token", "eos_token", "unk_token", "pad_token",
                                        "sep_token", "cls_token", "mask_token"};
    const json_t *more = json_object_get(config, "extra_special_tokens"); /* version 5 looks into this list only */
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        const json_t *token = json_object_get(config, roles[i]);
        const char *named = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
        if (named && strcmp(named, text) == 0) return true;
    }
    for (size_t i = 0; i < json_array_size(more); i++) {
        const char *named = json_string_value(json_array_get(more, i));
        if (named && strcmp(named, text) == 0) return true;
    }
    return false;
}

static bool strips(const json_t *token) {
    return json_is_true(json_object_get(token, "lstrip")) || json_is_true(json_object_get(token, "rstrip")) ||
           json_is_true(json_object_get(token, "single_word"));
}

static cm_status add_object(cm_tokenizer *t, const json_t *token, int id) {
    const char *text = json_string_value(json_object_get(token, "content"));
    special *s;
    if (!text || !*text) return cm_fail(CM_EFORMAT, "an added token without \"content\"");
    if (strips(token))
        return cm_fail(CM_EFORMAT, "the added token \"%.60s\" asks for lstrip, rstrip or single_word", text);
    CM_TRY(add_special(t, text, id, &s));
    s->cleaned = json_is_true(json_object_get(token, "normalized"));
    return CM_OK;
}

/* A role's token, by name or as an object. Where the same token has several roles, each way of naming it
 * counts when it is met first, and the later way wins: so transformers builds its list. */
static cm_status add_role(cm_tokenizer *t, const json_t *config, const char *role, const char *usual, bool listed,
                          int *id) {
    const json_t *token = json_object_get(config, role);
    const bool object = json_is_object(token);
    const char *text = json_string_value(object ? json_object_get(token, "content") : token);
    special *s;
    if (!text) text = usual;
    if (object && strips(token)) return cm_fail(CM_EFORMAT, "%s asks for lstrip, rstrip or single_word", role);
    const bool known = find_special(t, text);
    CM_TRY(add_special(t, text, -1, &s));
    *id = s->id;
    if ((listed && known) || (object ? s->as_object : s->as_text)) return CM_OK;
    s->cleaned = object && json_is_true(json_object_get(token, "normalized"));
    if (object) s->as_object = true;
    else s->as_text = true;
    return CM_OK;
}

/* Tokens listed with their ids: an object by id in tokenizer_config.json, a list in tokenizer.json. added_tokens.json
 * of transformers before 4.34 (textual inversion's new tokens) counts where there is no such object: {text: id}. */
static cm_status add_listed(cm_tokenizer *t, const json_t *config, const json_t *single, const json_t *older) {
    const char *key;
    json_t *token;
    size_t i;
    json_object_foreach(json_object_get(config, "added_tokens_decoder"), key, token) {
        char *end;
        const long id = strtol(key, &end, 10);
        if (*end || id < 0 || id >= 1 << 24) return cm_fail(CM_EFORMAT, "added_tokens_decoder: '%.40s' is no id", key);
        CM_TRY(add_object(t, token, (int)id));
    }
    json_object_foreach((json_t *)older, key, token) {
        const double id = json_number_value(token);
        special *s;
        if (!json_is_number(token) || id < 0 || id >= 1 << 24 || id != (double)(int)id || !*key)
            return cm_fail(CM_EFORMAT, "added_tokens.json: the id of \"%.60s\" is no whole number of 0 or more", key);
        CM_TRY(add_special(t, key, (int)id, &s));
        s->cleaned = !has_role(config, key);
    }
    json_array_foreach(json_object_get(single, "added_tokens"), i, token) {
        const double id = json_number_value(json_object_get(token, "id"));
        CM_TRY(add_object(t, token, id >= 0 && id < 1 << 24 ? (int)id : -1));
    }
    return CM_OK;
}

/* Further special tokens, by name: the vocabulary or one of the lists has them. */
static cm_status add_more(cm_tokenizer *t, const json_t *more) {
    size_t i;
    json_t *token;
    json_array_foreach(more, i, token) {
        const char *text = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
        special *s;
        if (!text || !*text) return cm_fail(CM_EFORMAT, "additional_special_tokens: entry %zu is no token", i);
        if (json_is_object(token) && strips(token))
            return cm_fail(CM_EFORMAT, "the added token \"%.60s\" asks for lstrip, rstrip or single_word", text);
        CM_TRY(add_special(t, text, -1, &s)); /* found as it was listed before, else in the text as it came */
    }
    return CM_OK;
}

static cm_status add_specials(cm_tokenizer *t, const json_t *config, const json_t *single, const json_t *older) {
    const json_t *more[] = {json_object_get(config, "additional_special_tokens"),
                            json_object_get(config, "extra_special_tokens")};
    const size_t listed = json_object_size(json_object_get(config, "added_tokens_decoder")) +
                          json_array_size(json_object_get(single, "added_tokens")) + json_object_size(older);
    t->specials = CM_PUSH_ZERO(&t->arena, special, listed + 4 + json_array_size(more[0]) + json_array_size(more[1]));
    CM_TRY(cm_arena_check(&t->arena));
    CM_TRY(add_listed(t, config, single, older));
    CM_TRY(add_more(t, more[0]));
    CM_TRY(add_more(t, more[1]));
    CM_TRY(add_role(t, config, "bos_token", "<|startoftext|>", listed, &t->bos));
    CM_TRY(add_role(t, config, "eos_token", "<|endoftext|>", listed, &t->eos));
    CM_TRY(add_role(t, config, "unk_token", "<|endoftext|>", listed, &t->unknown));
    CM_TRY(add_role(t, config, "pad_token", "<|endoftext|>", listed, &t->pad));
    for (size_t i = 0; i < t->special_count; i++) CM_TRY(set_codes(&t->specials[i], &t->arena));
    return CM_OK;
}

/* The configuration, an empty object where there is none. transformers writes 10^30 for "no limit", which only
 * fits a real number. */
static cm_status read_config(const char *path, json_t **out) {
    if (!cm_path_exists(path)) {
        *out = json_object();
        return *out ? CM_OK : cm_fail(CM_ENOMEM, "%s: out of memory", path);
    }
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    char *text;
    size_t length;
    json_error_t e;
    cm_status s = cm_read_text(path, MAX_CONFIG, &scratch, &text, &length);
    if (s == CM_OK) {
        const size_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        bool no_memory;
        *out = cm_json_parse(text + mark, length - mark, JSON_DECODE_INT_AS_REAL, &no_memory, &e);
        if (no_memory) s = cm_fail(CM_ENOMEM, "%s: out of memory", path);
        else if (!*out) s = cm_fail(CM_EFORMAT, "%s:%d: not JSON: %s", path, e.line, e.text);
    }
    cm_arena_free(&scratch);
    return s;
}

/* What transformers' CLIPTokenizer would follow and we do not, and what changes nothing here. */
static cm_status check_config(const json_t *config) {
    static const cm_config_rule rules[] = {{"padding_side", "[\"right\"]"},
                                           {"truncation_side", "[\"right\"]"},
                                           {"split_special_tokens", "[false]"},
                                           {"add_prefix_space", "[false]"},
                                           {"tokenizer_class", "[\"CLIPTokenizer\", \"CLIPTokenizerFast\", null]"},
                                           {NULL, NULL}};
    static const char *const known[] = {
        "added_tokens_decoder", "additional_special_tokens", "bos_token", "eos_token", "extra_special_tokens",
        "model_max_length", "pad_token", "unk_token",
        /* roles that this tokenizer has no use for, ways back from ids to text, notes of where it came from */
        "auto_map", "backend", "chat_template", "clean_up_tokenization_spaces", "cls_token", "do_lower_case", "errors",
        "is_local", "language", "local_files_only", "mask_token", "max_length", "merges_file", "model_input_names",
        "model_specific_special_tokens", "name_or_path", "pad_to_multiple_of", "pad_token_type_id", "processor_class",
        "sep_token", "special_tokens_map_file", "stride", "token_type_ids_include_special_tokens", "tokenizer_file",
        "transformers_version", "truncation_strategy", "use_fast", "verbose", "vocab_file", NULL};
    cm_config c = cm_config_begin(config, "tokenizer_config.json");
    return cm_config_end(&c, rules, known);
}

static cm_status read_length(cm_tokenizer *t, const json_t *config) {
    const json_t *value = json_object_get(config, "model_max_length");
    const double length = value ? json_number_value(value) : USUAL_LENGTH;
    t->length = length > LONGEST_LENGTH ? USUAL_LENGTH : (size_t)(length > 0 ? length : 0);
    if (t->length < 2) return cm_fail(CM_EFORMAT, "\"model_max_length\" has no room for the first and the last token");
    return CM_OK;
}

/* special_tokens_map.json names the roles anew, unless the configuration lists its tokens itself: as transformers. */
static cm_status add_map(const char *path, json_t *config) {
    json_t *map = NULL;
    if (json_object_get(config, "added_tokens_decoder")) return CM_OK;
    CM_TRY(read_config(path, &map));
    const bool object = json_is_object(map);
    if (object) json_object_update(config, map);
    json_decref(map);
    return object ? CM_OK : cm_fail(CM_EFORMAT, "%s: not a JSON object", path);
}

static cm_status open_parts(cm_tokenizer *t, const char *folder) {
    json_t *single = NULL, *config = NULL, *older = NULL;
    const char *added = cm_arena_print(&t->arena, "%s/added_tokens.json", folder);
    const char *path = cm_arena_print(&t->arena, "%s/tokenizer_config.json", folder);
    const char *map = cm_arena_print(&t->arena, "%s/special_tokens_map.json", folder);
    CM_TRY(cm_arena_check(&t->arena));
    CM_TRY(cm_bpe_open(&t->bpe, folder, &t->arena, &single));
    cm_status s = read_config(path, &config);
    if (s == CM_OK) s = add_map(map, config);
    if (s == CM_OK && !json_object_get(config, "added_tokens_decoder")) s = read_config(added, &older);
    if (s == CM_OK && older && !json_is_object(older)) s = cm_fail(CM_EFORMAT, "%s: not a JSON object", added);
    if (s == CM_OK) {
        s = check_config(config);
        if (s == CM_OK) s = read_length(t, config);
        if (s == CM_OK) s = add_specials(t, config, single, older);
        if (s != CM_OK) s = cm_fail_in(s, "%s", folder);
    }
    json_decref(older);
    json_decref(config);
    json_decref(single);
    return s;
}

static cm_status open_merges(cm_tokenizer *t, const char *path) {
    CM_TRY(cm_bpe_open_merges(&t->bpe, path, &t->arena));
    json_t *none = json_object();
    t->length = USUAL_LENGTH;
    cm_status s = none ? add_specials(t, none, none, NULL) : cm_fail(CM_ENOMEM, "out of memory");
    json_decref(none);
    t->pad = 0;
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

cm_status cm_tokenizer_open(cm_tokenizer **out, const char *folder) {
    cm_arena arena;
    cm_arena_init(&arena, 1 << 20);
    cm_tokenizer *t = CM_PUSH_ZERO(&arena, cm_tokenizer, 1);
    if (!t) return cm_fail(CM_ENOMEM, "%s: out of memory", folder);
    t->arena = arena;
    const cm_status s =
        cm_path_is_dir(folder) || !cm_path_exists(folder) ? open_parts(t, folder) : open_merges(t, folder);
    if (s == CM_OK) *out = t;
    else cm_tokenizer_close(&t);
    return s;
}

void cm_tokenizer_close(cm_tokenizer **t) {
    if (!*t) return;
    cm_arena arena = (*t)->arena; /* the tokenizer itself lies in it */
    *t = NULL;
    cm_arena_free(&arena);
}

/* --- splitting ---------------------------------------------------------------------- */

typedef struct run {
    const cm_tokenizer *t;
    cm_tokens *tokens;  /* filled up to `room`, then only counted */
    size_t room, count; /* without the first and the last token */
    cm_arena *scratch;
    cm_text_cleaning cleaning;
} run;

static void add_token(run *r, int id, size_t begin, size_t end) {
    if (r->count < r->room) {
        r->tokens->ids[r->count + 1] = id;
        r->tokens->begin[r->count + 1] = begin;
        r->tokens->end[r->count + 1] = end;
    } else if (r->count == r->room) {
        r->tokens->cut_from = begin;
    }
    r->count++;
}

static void add_word(run *r, const cm_char *c, size_t count) {
    const cm_arena_mark mark = cm_arena_get_mark(r->scratch);
    char *bytes = CM_PUSH(r->scratch, char, 4 * count);
    size_t *from = CM_PUSH(r->scratch, size_t, 4 * count), n = 0; /* which character a byte is of */
    cm_bpe_piece *pieces = CM_PUSH(r->scratch, cm_bpe_piece, 4 * count);
    if (!bytes || !from || !pieces) return;
    for (size_t i = 0; i < count; i++)
        for (size_t end = n + cm_unicode_write(c[i].code, bytes + n); n < end; n++) from[n] = i;
    const size_t made = cm_bpe_encode(r->t->bpe, bytes, n, r->t->unknown, r->scratch, pieces);
    for (size_t i = 0, at = 0; i < made; at += pieces[i++].bytes)
        add_token(r, pieces[i].id, c[from[at]].begin, c[from[at + pieces[i].bytes - 1]].end);
    cm_arena_reset(r->scratch, mark);
}

static bool starts_with(const cm_char *c, size_t count, const char *ascii) {
    for (size_t i = 0; ascii[i]; i++)
        if (i >= count || c[i].code != (unsigned char)ascii[i]) return false;
    return true;
}

/* 's 't 're 've 'm 'll 'd; 0: none of these. */
static size_t contraction(const cm_char *c, size_t count) {
    static const char *const known[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (starts_with(c, count, known[i])) return strlen(known[i]);
    return 0;
}

/* Python's pattern asks without regard to case, and the long s is an s. */
static bool is_long_s(const cm_char *c, size_t count) {
    return count > 1 && c[0].code == '\'' && c[1].code == 0x17F;
}

/* OpenAI's CLIP and open_clip find START and END in the cleaned text, each by its own spelling. */
static size_t spelled_special(run *r, const cm_char *c, size_t count) {
    const bool open = r->cleaning == CM_CLEAN_OPEN_CLIP;
    const char *const spelled[] = {open ? "<start_of_text>" : "<|startoftext|>",
                                   open ? "<end_of_text>" : "<|endoftext|>"};
    for (int i = 0; i < 2; i++) {
        const size_t n = strlen(spelled[i]);
        if (!starts_with(c, count, spelled[i])) continue;
        add_token(r, i == 0 ? r->t->bos : r->t->eos, c[0].begin, c[n - 1].end);
        return n;
    }
    return 0;
}

/* The pattern names the special tokens too, and then splits them like any text: <| endoftext |> */
static size_t special_words(run *r, const cm_char *c, size_t count) {
    if (r->cleaning != CM_CLEAN_TRANSFORMERS) return spelled_special(r, c, count);
    const size_t inner = starts_with(c, count, "<|startoftext|>") ? 11 : starts_with(c, count, "<|endoftext|>") ? 9 : 0;
    if (!inner) return 0;
    add_word(r, c, 2);
    add_word(r, c + 2, inner);
    add_word(r, c + 2 + inner, 2);
    return inner + 4;
}

static bool is_other(uint32_t code) {
    return !cm_unicode_is_space(code) && !cm_unicode_is_letter(code) && !cm_unicode_is_number(code);
}

/* How many characters the word at c has; 0 for white space. */
static size_t word_length(const cm_char *c, size_t count) {
    size_t n = contraction(c, count);
    if (n) return n;
    if (cm_unicode_is_space(c->code)) return 0;
    if (cm_unicode_is_number(c->code)) return 1;
    bool (*kind)(uint32_t) = cm_unicode_is_letter(c->code) ? cm_unicode_is_letter : is_other;
    while (n < count && kind(c[n].code)) n++;
    return n;
}

static void add_words(run *r, const cm_char *c, size_t count) {
    for (size_t i = 0; i < count;) {
        const size_t skipped = special_words(r, c + i, count - i);
        if (skipped) {
            i += skipped;
            continue;
        }
        const bool long_s = r->cleaning != CM_CLEAN_TRANSFORMERS && is_long_s(c + i, count - i);
        const size_t n = long_s ? 2 : word_length(c + i, count - i);
        if (n) add_word(r, c + i, n);
        i += n ? n : 1;
    }
}

/* The longest special token that stands at c. */
static const special *special_at(const cm_tokenizer *t, const cm_char *c, size_t count, bool cleaned) {
    const special *best = NULL;
    for (size_t i = 0; i < t->special_count; i++) {
        const special *s = &t->specials[i];
        if (s->cleaned != cleaned || s->count == 0 || s->count > count || (best && s->count <= best->count)) continue;
        size_t k = 0;
        while (k < s->count && s->codes[k] == c[k].code) k++;
        if (k == s->count) best = s;
    }
    return best;
}

static void add_text(run *r, const cm_char *c, size_t count, bool cleaned);

/* Text between special tokens: cleaned, searched again, split. */
static void add_between(run *r, const cm_char *c, size_t count, bool cleaned) {
    if (count == 0) return;
    if (cleaned) {
        add_words(r, c, count);
        return;
    }
    size_t n = 0;
    const cm_char *clear = clean(c, count, r->scratch, &n);
    if (clear) add_text(r, clear, n, true);
}

static void add_text(run *r, const cm_char *c, size_t count, bool cleaned) {
    size_t from = 0;
    for (size_t i = 0; i < count;) {
        const special *s = special_at(r->t, c + i, count - i, cleaned);
        if (!s) {
            i++;
            continue;
        }
        add_between(r, c + from, i - from, cleaned);
        add_token(r, s->id, c[i].begin, c[i + s->count - 1].end);
        from = i += s->count;
    }
    add_between(r, c + from, count - from, cleaned);
}

/* The text as OpenAI's CLIP and open_clip clean it, split. */
static cm_status add_mended(run *r, const cm_char *chars, size_t count) {
    cm_char *mended;
    CM_TRY(cm_text_clean(chars, count, r->scratch, &mended, &count, &r->tokens->doubtful));
    mended = lower(mended, count, true, r->scratch, &count);
    if (mended) add_words(r, mended, count);
    return CM_OK;
}

static cm_status make_tokens(const cm_tokenizer *t, cm_text_cleaning cleaning, const char *text, size_t bytes,
                             size_t length, cm_arena *out, cm_tokens *tokens) {
    *tokens = (cm_tokens){.length = length, .cut_from = bytes};
    tokens->ids = CM_PUSH(out, int, length);
    tokens->begin = CM_PUSH(out, size_t, length);
    tokens->end = CM_PUSH(out, size_t, length);
    CM_TRY(cm_arena_check(out));
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    run r = {.t = t, .tokens = tokens, .room = length - 2, .scratch = &scratch, .cleaning = cleaning};
    cm_char *chars = CM_PUSH(&scratch, cm_char, bytes + 1);
    size_t count = 0;
    cm_status s = cm_arena_check(&scratch);
    if (s == CM_OK) s = cm_unicode_read(text, 0, bytes, chars, &count);
    if (s == CM_OK && cleaning != CM_CLEAN_TRANSFORMERS) s = add_mended(&r, chars, count);
    else if (s == CM_OK) add_text(&r, chars, count, false);
    if (s == CM_OK) s = cm_arena_check(&scratch);
    cm_arena_free(&scratch);
    tokens->total = r.count + 2;
    tokens->used = (r.count < r.room ? r.count : r.room) + 2;
    return s;
}

cm_status cm_tokenize(const cm_tokenizer *t, const char *text, cm_arena *out, cm_tokens *tokens) {
    return cm_tokenize_to(t, CM_CLEAN_TRANSFORMERS, text, t->length, out, tokens);
}

cm_status cm_tokenize_to(const cm_tokenizer *t, cm_text_cleaning cleaning, const char *text, size_t length,
                         cm_arena *out, cm_tokens *tokens) {
    const size_t bytes = strlen(text);
    cm_tokens made;
    assert(length >= 2);
    CM_TRY(make_tokens(t, cleaning, text, bytes, length, out, &made));
    made.ids[0] = t->bos;
    made.begin[0] = made.end[0] = 0;
    for (size_t i = made.used - 1; i < made.length; i++) {
        made.ids[i] = i == made.used - 1 ? t->eos : t->pad;
        made.begin[i] = made.end[i] = bytes;
    }
    *tokens = made;
    return CM_OK;
}

cm_token_span cm_tokens_of(const cm_tokens *t, size_t begin, size_t end) {
    cm_token_span s = {0, 0};
    for (size_t i = 0; i < t->used; i++) {
        if (t->begin[i] >= t->end[i] || t->end[i] <= begin || t->begin[i] >= end) continue;
        if (s.end == 0) s.begin = i;
        s.end = i + 1;
    }
    return s;
}

/* --- asking --------------------------------------------------------------------------- */

size_t cm_tokenizer_length(const cm_tokenizer *t) {
    return t->length;
}

int cm_tokenizer_eos(const cm_tokenizer *t) {
    return t->eos;
}

int cm_tokenizer_pad(const cm_tokenizer *t) {
    return t->pad;
}

int cm_tokenizer_bos(const cm_tokenizer *t) {
    return t->bos;
}

int cm_tokenizer_size(const cm_tokenizer *t) {
    int size = cm_bpe_size(t->bpe);
    for (size_t i = 0; i < t->special_count; i++)
        if (t->specials[i].id >= size) size = t->specials[i].id + 1;
    return size;
}

const char *cm_tokenizer_text(const cm_tokenizer *t, int id) {
    const char *text = cm_bpe_text(t->bpe, id);
    for (size_t i = 0; !text && i < t->special_count; i++)
        if (t->specials[i].id == id) text = t->specials[i].text;
    return text;
}
