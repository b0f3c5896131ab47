// SPDX-License-Identifier: Apache-2.0
/* A command's words by rules of our own: nothing here is a shell. */
#include <string.h>

#include "core/base/closest.h"
#include "harness/arms/command_arm_parts.h"

static const char *const places[CM_PLACES + 1] = {[CM_PLACE_PROMPTS] = "prompts",
                                                  [CM_PLACE_PROMPTS_CSV] = "prompts_csv",
                                                  [CM_PLACE_PROMPTS_TXT] = "prompts_txt",
                                                  [CM_PLACE_SEEDS] = "seeds",
                                                  [CM_PLACE_NEGATIVE_FILE] = "negative_file",
                                                  [CM_PLACE_OUT] = "out",
                                                  [CM_PLACE_COUNT] = "count",
                                                  [CM_PLACE_STEPS] = "steps",
                                                  [CM_PLACE_GUIDANCE] = "guidance",
                                                  [CM_PLACE_WIDTH] = "width",
                                                  [CM_PLACE_HEIGHT] = "height"};

typedef struct splitter {
    const char *at;
    const char *const *values; /* or NULL */
    char quote;                /* that is open: ', " or 0 */
    char *word, *to;           /* the word that is being made; NULL: between words */
    cm_command_words *w;
} splitter;

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void begin_word(splitter *s) {
    if (!s->word) s->word = s->to;
}

static void put(splitter *s, char c) {
    begin_word(s);
    *s->to++ = c;
}

static void end_word(splitter *s) {
    if (!s->word) return;
    *s->to++ = 0;
    s->w->words[s->w->count++] = s->word;
    s->word = NULL;
}

/* Bytes of "{name}" at `at`, name of letters and _; 0: a brace that means nothing. */
static size_t placeholder_length(const char *at) {
    const size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return n && at[1 + n] == '}' ? n + 2 : 0;
}

static cm_status unknown_placeholder(const char *name) {
    const char *near = cm_closest(name, places);
    if (near) return cm_fail(CM_EUSAGE, "there is no placeholder {%.40s}; the closest is {%s}", name, near);
    return cm_fail(
        CM_EUSAGE,
        "there is no placeholder {%.40s}; there are {prompts}, {prompts_csv}, {prompts_txt}, {seeds}, {negative_file}, "
        "{out}, {count}, {steps}, {guidance}, {width} and {height} (\\{ is a brace)",
        name);
}

static cm_status put_placeholder(splitter *s, size_t length) {
    char name[64] = "";
    memcpy(name, s->at + 1, length - 2 < sizeof name ? length - 2 : sizeof name - 1);
    for (size_t i = 0; i < CM_PLACES; i++) {
        if (strcmp(places[i], name) != 0) continue;
        s->w->uses[i] = true;
        begin_word(s);
        for (const char *v = s->values ? s->values[i] : ""; *v; v++) put(s, *v);
        s->at += length;
        return CM_OK;
    }
    return unknown_placeholder(name);
}

/* Within "..." a backslash is one, but before what it must hide. */
static cm_status put_escaped(splitter *s) {
    const char next = s->at[1];
    if (!next) return cm_fail(CM_EUSAGE, "a backslash at the end hides nothing");
    if (s->quote == '"' && !strchr("\"\\{", next)) put(s, '\\');
    put(s, next);
    s->at += 2;
    return CM_OK;
}

static cm_status refuse_shell(const char *at) {
    return cm_fail(CM_EUSAGE,
                   "'%c' in '%.40s': no shell reads a command; "
                   "quote what is meant as it stands, else write a script",
                   *at, at);
}

static cm_status take_one(splitter *s) {
    const char c = *s->at;
    if (c == '{' && placeholder_length(s->at)) return put_placeholder(s, placeholder_length(s->at));
    if (c == '\\' && s->quote != '\'') return put_escaped(s);
    if (!s->quote && (strchr("|&;<>$`*?", c) || (c == '~' && !s->word))) return refuse_shell(s->at);
    s->at++;
    if (c == s->quote) {
        s->quote = 0;
    } else if (!s->quote && (c == '\'' || c == '"')) {
        s->quote = c;
        begin_word(s);
    } else if (!s->quote && is_blank(c)) {
        end_word(s);
    } else {
        put(s, c);
    }
    return CM_OK;
}

/* Room for the words: each placeholder may become the longest value. */
static size_t room_for(const char *command, const char *const *values) {
    size_t longest = 0, n = 2 * strlen(command) + 2;
    for (size_t i = 0; values && i < CM_PLACES; i++)
        if (strlen(values[i]) > longest) longest = strlen(values[i]);
    for (const char *c = command; *c; c++) n += *c == '{' ? longest : 0;
    return n;
}

static cm_status check_words(const cm_command_words *w) {
    if (w->count == 0) return cm_fail(CM_EUSAGE, "no command");
    if (!w->words[0][0]) return cm_fail(CM_EUSAGE, "the first word, the program, is empty");
    if (!w->uses[CM_PLACE_PROMPTS] && !w->uses[CM_PLACE_PROMPTS_CSV])
        return cm_fail(CM_EUSAGE,
                       "no {prompts}: the command must be told the file of prompts ({prompts} or {prompts_csv})");
    if (!w->uses[CM_PLACE_OUT]) return cm_fail(CM_EUSAGE, "no {out}: the command must be told the folder for images");
    return CM_OK;
}

cm_status cm_command_split(const char *command, const char *const *values, cm_arena *out, cm_command_words *w) {
    splitter s = {.at = command, .values = values, .w = w};
    s.to = CM_PUSH(out, char, room_for(command, values));
    *w = (cm_command_words){.words = CM_PUSH(out, const char *, strlen(command) / 2 + 2)};
    CM_TRY(cm_arena_check(out));
    while (*s.at) CM_TRY(take_one(&s));
    if (s.quote) return cm_fail(CM_EUSAGE, "a quote %c is opened and not closed", s.quote);
    end_word(&s);
    w->words[w->count] = NULL;
    return check_words(w);
}

cm_status cm_command_check(const char *command) {
    cm_arena scratch;
    cm_command_words w;
    cm_arena_init(&scratch, 4096);
    const cm_status s = cm_command_split(command, NULL, &scratch, &w);
    cm_arena_free(&scratch);
    return s == CM_OK ? s : cm_fail_in(s, "command '%.100s'", command);
}
