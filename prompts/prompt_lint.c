// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_lint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/name_table.h"
#include "core/data/people/people.h"
#include "prompts/human_words.h"
#include "prompts/read_groups.h"

enum { TOKENS = 77, SHOWN = 60, MOST_TEXT = 512 };

const char *const cm_lint_names[CM_LINT_KINDS] = {"row", "cut off", "contradiction", "unknown", "duplicate", "empty"};

typedef struct linter {
    const char *path;
    const cm_lint_options *o;
    cm_lint_counts *counts;
    cm_lint_words *words;
    cm_name_table texts; /* normalised, with the line */
    cm_name_table slips; /* misspelt words that were told */
    const cm_prompt *prompt;
    bool numbered;
    cm_arena arena, scratch;
} linter;

static void tell(linter *l, cm_lint_kind kind, const char *text) {
    char place[300];
    snprintf(place, sizeof place, l->numbered ? "%s: entry %zu" : "%s:%zu", l->path, l->prompt->line);
    l->counts->found[kind]++;
    l->o->tell(l->o->arg, kind, place, text);
}

/* why begins with the place: "FILE:12: " or "FILE: entry 12: ". */
static void tell_row(void *arg, size_t line, const char *why) {
    linter *l = arg;
    char place[300], number[32];
    snprintf(number, sizeof number, "%zu: ", line);
    const char *end = strstr(why, number);
    const size_t n = end ? (size_t)(end - why) + strlen(number) - 2 : 0;
    snprintf(place, sizeof place, "%.*s", (int)n, why);
    l->counts->found[CM_LINT_ROW]++;
    l->o->tell(l->o->arg, CM_LINT_ROW, n ? place : l->path, n ? why + n + 2 : why);
}

/* --- tokens ------------------------------------------------------------------ */

/* "'black loafers, on a small...'" */
static void quote(const char *text, char *out, size_t size) {
    text += strspn(text, " ,.;");
    size_t n = strlen(text);
    const bool cut = n > SHOWN;
    if (cut)
        for (n = SHOWN; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;) n--;
    snprintf(out, size, "'%.*s%s'", (int)n, text, cut ? "..." : "");
}

/* What a text takes at least: CLIP splits it into words, digits and runs of signs, and each becomes a token or more.
 * *from: the byte where the piece begins that cannot be read any more; the text's length when all may. */
static size_t fewest_tokens(const char *text, size_t *from) {
    size_t n = 2;
    char kind = ' ';
    *from = strlen(text);
    for (size_t i = 0; text[i]; i++) {
        const unsigned char c = (unsigned char)text[i];
        const char is = c >= 0x80 && kind != ' '               ? kind
                        : isspace(c)                           ? ' '
                        : isdigit(c)                           ? '0'
                        : isalpha(c) || c >= 0x80 || c == '\'' ? 'a'
                                                               : '.';
        const bool begins = is != ' ' && (is != kind || is == '0');
        n += begins;
        if (begins && n == TOKENS + 1) *from = i;
        kind = is;
    }
    return n;
}

static cm_status check_tokens(linter *l) {
    const cm_prompt *p = l->prompt;
    char cut[2 * SHOWN], line[MOST_TEXT];
    cm_tokens tokens = {0};
    size_t from, n = fewest_tokens(p->dense.text, &from);
    if (l->o->tokenizer) {
        const cm_status s = cm_tokenize(l->o->tokenizer, p->dense.text, &l->scratch, &tokens);
        if (s != CM_OK) return cm_fail_in(s, "%s:%zu", l->path, p->line);
        n = tokens.total;
        from = tokens.cut_from;
    } else if (p->clip_tokens) n = p->clip_tokens;
    l->counts->counted += l->o->tokenizer || p->clip_tokens;
    if (l->o->tokenizer && p->clip_tokens && p->clip_tokens != tokens.total) {
        snprintf(line, sizeof line, "the row says %zu tokens, the tokenizer makes %zu", p->clip_tokens, tokens.total);
        tell(l, CM_LINT_UNKNOWN, line);
    }
    const size_t room = l->o->tokenizer ? tokens.length : TOKENS;
    if (n <= room) return CM_OK;
    quote(p->dense.text + from, cut, sizeof cut);
    const bool known = l->o->tokenizer || p->clip_tokens;
    snprintf(line, sizeof line, "%s%zu tokens, %zu are read%s%s", known ? "" : "at least ", n, room,
             p->dense.text[from] ? ": lost is " : "", p->dense.text[from] ? cut : "");
    tell(l, CM_LINT_CUT, line);
    return CM_OK;
}

/* --- words and attributes ------------------------------------------------------ */

static bool is_known_key(int group, const char *key) {
    const cm_group_info *g = &cm_groups[group];
    if (strcmp(key, "type") == 0 || (g->noun_key && strcmp(key, g->noun_key) == 0)) return true;
    for (int i = 0; i < CM_MAX_ATTRIBUTES && g->keys[i]; i++)
        if (strcmp(g->keys[i], key) == 0) return true;
    return false;
}

static bool is_known_value(int group, const char *key, const char *value) {
    const int slot = cm_slot_find(group, key);
    for (int i = 0; slot >= 0 && i < cm_slots[slot].count; i++)
        if (strcmp(cm_slots[slot].values[i], value) == 0) return true;
    return cm_human_knows(group, key, value) || (group == 3 && strcmp(key, "type") == 0) ||
           (group == 2 && strcmp(key, "background") == 0) || (strcmp(key, "type") == 0 && cm_groups[group].noun);
}

static void check_attributes(linter *l, const cm_phrase *p) {
    char line[MOST_TEXT];
    for (size_t i = 0; p->group >= 0 && i < p->attribute_count; i++) {
        const cm_attribute *a = &p->attributes[i];
        const char *names[CM_MAX_ATTRIBUTES + 2] = {NULL}, *near;
        for (int k = 0; k < CM_MAX_ATTRIBUTES && cm_groups[p->group].keys[k]; k++)
            names[k] = cm_groups[p->group].keys[k];
        if (!is_known_key(p->group, a->key)) {
            near = cm_closest(a->key, names);
            snprintf(line, sizeof line, "%s has no attribute '%.60s'%s%s%s", cm_groups[p->group].name, a->key,
                     near ? "; the closest is '" : "", near ? near : "", near ? "'" : "");
        } else if (!is_known_value(p->group, a->key, a->value)) {
            snprintf(line, sizeof line, "%s: '%.60s' is no known %.40s, so no question is asked about it",
                     cm_groups[p->group].name, a->value, a->key);
        } else continue;
        tell(l, CM_LINT_UNKNOWN, line);
    }
}

/* Each misspelt word is told once, where it stands first. */
static cm_status check_words(linter *l) {
    char word[64], line[MOST_TEXT];
    for (const char *at = l->prompt->dense.text; *at;) {
        size_t n = 0;
        while (isalpha((unsigned char)at[n]) && n + 1 < sizeof word) word[n] = (char)tolower((unsigned char)at[n]), n++;
        word[n] = '\0';
        const bool whole = !((unsigned char)at[n] & 0x80) && n + 1 < sizeof word;
        at += n ? n : 1;
        const char *meant = n && whole ? cm_lint_misspelt(l->words, word) : NULL;
        if (!meant || cm_name_table_find(&l->slips, word)) continue;
        if (l->counts->found[CM_LINT_UNKNOWN] < 4096)
            cm_name_table_add(&l->slips, cm_arena_string(&l->arena, word), 0, NULL);
        CM_TRY(cm_arena_check(&l->arena));
        snprintf(line, sizeof line, "'%s': is '%s' meant?", word, meant);
        tell(l, CM_LINT_UNKNOWN, line);
    }
    return CM_OK;
}

/* --- all ------------------------------------------------------------------------ */

/* Lower case, blanks joined. */
static const char *normalised(const char *text, cm_arena *a) {
    char *out = CM_PUSH(a, char, strlen(text) + 1);
    size_t n = 0;
    for (; out && *text; text++) {
        const bool blank = isspace((unsigned char)*text);
        if (blank && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = blank ? ' ' : (char)tolower((unsigned char)*text);
    }
    if (out) out[n - (n && out[n - 1] == ' ')] = '\0';
    return out;
}

static cm_status check_duplicate(linter *l) {
    char line[MOST_TEXT];
    cm_name_entry *first;
    const char *text = normalised(l->prompt->dense.text, &l->arena);
    CM_TRY(cm_arena_check(&l->arena));
    if (cm_name_table_add(&l->texts, text, l->prompt->line, &first)) return CM_OK;
    snprintf(line, sizeof line, "the same prompt as %s %zu", l->numbered ? "entry" : "line", first->value);
    tell(l, CM_LINT_DUPLICATE, line);
    return CM_OK;
}

/* An empty negative is drawn as the empty text, which is other than none; one that the prompt asks for works against
 * it. */
static void check_negative(linter *l) {
    const cm_prompt *p = l->prompt;
    char line[MOST_TEXT];
    if (!p->negative) return;
    if (!p->negative[strspn(p->negative, " \t\n")])
        tell(l, CM_LINT_EMPTY, "the negative is empty: leave it out where none is meant");
    for (size_t i = 0; i < p->dense.count; i++)
        if (p->negative[0] && strcmp(p->negative, p->dense.phrases[i].text) == 0) {
            snprintf(line, sizeof line, "the negative '%.80s' is in the prompt", p->negative);
            tell(l, CM_LINT_CONTRADICTION, line);
        }
}

static void say_contradiction(void *arg, const char *text) {
    tell(arg, CM_LINT_CONTRADICTION, text);
}

static cm_status check_prompt(linter *l, const cm_prompt *p) {
    cm_description found = {0};
    l->prompt = p;
    if (!p->dense.text[strspn(p->dense.text, " \t\n")]) {
        tell(l, CM_LINT_EMPTY, "the prompt is empty");
        return CM_OK;
    }
    CM_TRY(check_tokens(l));
    CM_TRY(check_duplicate(l));
    CM_TRY(check_words(l));
    for (size_t i = 0; i < p->dense.count; i++) check_attributes(l, &p->dense.phrases[i]);
    if (p->dense.count == 0) {
        const cm_status s = cm_read_groups(p->dense.text, &l->scratch, &found);
        if (s != CM_OK && s != CM_EUNDEFINED) return s;
    }
    cm_lint_contradictions(p->dense.text, p->dense.count ? &p->dense : &found, say_contradiction, l);
    check_negative(l);
    return CM_OK;
}

static cm_status lint(linter *l) {
    cm_prompt_set set;
    const cm_prompt_reading how = {.column = l->o->column, .fault = tell_row, .fault_arg = l};
    CM_TRY(cm_prompt_set_read(l->path, &how, &l->arena, &set));
    CM_TRY(cm_lint_words_open(&l->words, &l->arena));
    CM_TRY(cm_name_table_init(&l->texts, set.count + 1, &l->arena));
    CM_TRY(cm_name_table_init(&l->slips, 8192, &l->arena));
    l->counts->prompts = set.count;
    l->counts->version = set.version;
    l->numbered = set.numbered;
    for (size_t i = 0; i < set.count; i++) {
        CM_TRY(check_prompt(l, &set.prompts[i]));
        cm_arena_clear(&l->scratch);
    }
    return CM_OK;
}

cm_status cm_prompt_lint(const char *path, const cm_lint_options *o, cm_lint_counts *counts) {
    linter l = {.path = path, .o = o, .counts = counts};
    *counts = (cm_lint_counts){0};
    cm_arena_init(&l.arena, 0);
    cm_arena_init(&l.scratch, 0);
    const cm_status s = lint(&l);
    cm_arena_free(&l.scratch);
    cm_arena_free(&l.arena);
    return s;
}
