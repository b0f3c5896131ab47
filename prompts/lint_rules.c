// SPDX-License-Identifier: Apache-2.0
/* Contradictions, as a table of words that exclude each other. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "prompts/human_words.h"
#include "prompts/prompt_lint.h"

enum { ANY_PHRASE = -2, WHOLE = -3, MOST_TEXT = 512 };

/* Words are separated by bars. scope: a group's phrases, every phrase, or the whole prompt. */
static const struct {
    int scope;
    const char *one, *other;
} rules[] = {
    {ANY_PHRASE, "sleeveless", "long sleeve|short sleeve|long sleeves|short sleeves|long sleeved|short sleeved"},
    {ANY_PHRASE, "long sleeve|long sleeves|long sleeved", "short sleeve|short sleeves|short sleeved"},
    {ANY_PHRASE, "solid color", "striped|plaid|floral|dotted|tie dye|printed|graphic|checkered"},
    {ANY_PHRASE, "mini|knee length", "maxi|floor length|ankle length"},
    {ANY_PHRASE, "off shoulder|strapless", "turtleneck|collared"},
    {ANY_PHRASE, "turtleneck", "v neck|round neck"},
    {0, "male|man|boy", "female|woman|girl"},
    {0, "toddler|baby|infant", "teenager|teenage|adult|elderly"},
    {0, "child|teenager|teenage", "elderly"},
    {3, "bald", "long|short|straight|wavy|curly|bun|bob|ponytail|afro hair|crew cut"},
    {3, "straight", "curly|wavy|afro hair"},
    {3, "crew cut", "bun|bob|ponytail|above chest|above shoulders"},
    {8, "pants|trousers|jeans|sweatpants|leggings|shorts", "midi|maxi|mini"},
    {8, "close fitting|tight|skinny", "wide leg|baggy|loose"},
    {9, "sneakers|loafers|high heels|sandals", "knee high"},
    {WHOLE, "toddler|baby|infant", "beard|bearded|mustache|moustache|high heels|wrinkled"},
    {WHOLE, "woman|girl|female", "beard|bearded|mustache|moustache"},
    {WHOLE, "bald", "long hair|curly hair|wavy hair|straight hair|ponytail|hair in a bun|hair in a bob"},
    {WHOLE, "barefoot", "sneakers|boots|loafers|high heels|oxford shoes|sandals"},
    {WHOLE, "shirtless|topless", "t shirt|shirt|sweater|hoodie|blouse|sweatshirt"},
};

static const struct {
    int shot;
    const char *words;
} shots[] = {{CM_SHOT_HEAD, "headshot|head shot"},
             {CM_SHOT_PORTRAIT, "close up portrait|portrait shot"},
             {CM_SHOT_UPPER, "upper body shot|half body shot"}};

static bool in_word(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Does a text have the n letters as whole words? A hyphen in it is a blank. */
static bool has_words(const char *text, const char *words, size_t n) {
    for (const char *at = text; *at; at++) {
        if (at > text && in_word(at[-1])) continue;
        size_t i = 0;
        while (i < n && at[i] && (tolower((unsigned char)at[i]) == words[i] || (at[i] == '-' && words[i] == ' '))) i++;
        if (i == n && !in_word(at[n])) return true;
    }
    return false;
}

/* The first of the list that the text has; *n its bytes, 0: none. */
static const char *find_any(const char *text, const char *list, size_t *n) {
    for (;; list += *n + 1) {
        *n = strcspn(list, "|");
        if (has_words(text, list, *n)) return list;
        if (!list[*n]) break;
    }
    *n = 0;
    return NULL;
}

static void check_rule(size_t rule, const char *text, cm_lint_say *say, void *arg) {
    size_t n, m;
    char line[MOST_TEXT];
    const char *one = find_any(text, rules[rule].one, &n), *other = find_any(text, rules[rule].other, &m);
    if (!one || !other) return;
    if (rules[rule].scope == WHOLE)
        snprintf(line, sizeof line, "'%.*s' and '%.*s' in one prompt", (int)n, one, (int)m, other);
    else snprintf(line, sizeof line, "'%.*s' and '%.*s' in '%.80s'", (int)n, one, (int)m, other, text);
    say(arg, line);
}

/* Garments that the shot cuts off. */
static void check_shot(const char *text, const cm_description *d, cm_lint_say *say, void *arg) {
    static const int hidden[] = {8, 9, 12, 18};
    for (size_t s = 0; s < sizeof shots / sizeof *shots; s++) {
        size_t n;
        const char *words = find_any(text, shots[s].words, &n);
        if (!words) continue;
        for (size_t i = 0; i < d->count; i++)
            for (size_t h = 0; h < sizeof hidden / sizeof *hidden; h++) {
                char line[MOST_TEXT];
                if (d->phrases[i].group != hidden[h]) continue;
                snprintf(line, sizeof line, "'%.*s' does not show '%.80s'", (int)n, words, d->phrases[i].text);
                say(arg, line);
            }
        return;
    }
}

static bool is_garment(int group) {
    return (group >= 4 && group <= 13) || group >= 15;
}

/* A value stands in its phrase by its own words, or by these. */
static bool is_said(const char *text, const cm_attribute *a) {
    static const char *const others[][2] = {
        {"female", "woman|girl|lady"}, {"male", "man|boy|guy"},   {"teenager", "teenage"}, {"ties", "tie"},
        {"toddler", "baby"},           {"child", "boy|girl|kid"}, {"bald", "bald"}};
    const char *word = cm_human_word(a->key, a->value);
    char lower[64];
    size_t n = 0, m;
    for (; word[n] && n + 1 < sizeof lower; n++)
        lower[n] = word[n] == '-' ? ' ' : (char)tolower((unsigned char)word[n]);
    if (has_words(text, lower, n)) return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], a->value) == 0 && find_any(text, others[i][1], &m)) return true;
    return strstr(text, a->value) != NULL;
}

static void check_attributes(const cm_phrase *p, cm_lint_say *say, void *arg) {
    char line[MOST_TEXT];
    for (size_t i = 0; i < p->attribute_count; i++) {
        if (is_said(p->text, &p->attributes[i])) continue;
        snprintf(line, sizeof line, "the phrase '%.80s' does not say its %.40s '%.60s'", p->text, p->attributes[i].key,
                 p->attributes[i].value);
        say(arg, line);
    }
}

/* A group may be said once; by text that was found it may be said by more words. */
static void check_groups(const cm_description *d, cm_lint_say *say, void *arg) {
    char line[MOST_TEXT];
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < i; k++) {
            if (d->phrases[k].group != d->phrases[i].group || !d->phrases[i].attribute_count) continue;
            snprintf(line, sizeof line, "group '%s' stands twice: '%.60s' and '%.60s'",
                     cm_prompt_group_name(d->phrases[i].group), d->phrases[k].text, d->phrases[i].text);
            say(arg, line);
        }
}

void cm_lint_contradictions(const char *text, const cm_description *phrases, cm_lint_say *say, void *arg) {
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        if (rules[r].scope == WHOLE) check_rule(r, text, say, arg);
        for (size_t i = 0; i < phrases->count; i++) {
            const int group = phrases->phrases[i].group;
            if (rules[r].scope == group || (rules[r].scope == ANY_PHRASE && is_garment(group)))
                check_rule(r, phrases->phrases[i].text, say, arg);
        }
    }
    check_shot(text, phrases, say, arg);
    check_groups(phrases, say, arg);
    for (size_t i = 0; i < phrases->count; i++) check_attributes(&phrases->phrases[i], say, arg);
}
