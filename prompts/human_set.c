// SPDX-License-Identifier: Apache-2.0
#include "prompts/human_set.h"

#include <ctype.h>
#include <string.h>

#include "core/base/name_table.h"

enum { MOST_ROWS = 100000, TRIES = 4000, FEWEST_WORDS = 24, MOST_WORDS = 90, CELLS = 2 * CM_SHOTS };

/* --- counting values -------------------------------------------------------- */

typedef struct tally {
    cm_human_facts facts;
    cm_name_table by_name;
    size_t *said;
    cm_arena *out;
} tally;

static cm_status begin_tally(tally *t, cm_arena *out) {
    *t = (tally){.out = out};
    CM_TRY(cm_human_facts_list(out, &t->facts));
    CM_TRY(cm_name_table_init(&t->by_name, t->facts.count, out));
    t->said = CM_PUSH_ZERO(out, size_t, t->facts.count);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < t->facts.count; i++) cm_name_table_add(&t->by_name, t->facts.name[i], i, NULL);
    return CM_OK;
}

static const cm_name_entry *find_fact(const tally *t, int group, const cm_attribute *a) {
    const cm_arena_mark mark = cm_arena_get_mark(t->out);
    const char *name = cm_arena_print(t->out, "%d/%s/%s", group, a->key, a->value);
    const cm_name_entry *e = name ? cm_name_table_find(&t->by_name, name) : NULL;
    cm_arena_reset(t->out, mark);
    return e;
}

static void count_row(tally *t, const cm_description *d) {
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->phrases[i].attribute_count; k++) {
            const cm_name_entry *e = find_fact(t, d->phrases[i].group, &d->phrases[i].attributes[k]);
            if (e) t->said[e->value]++;
        }
}

/* The value that was said least, among those that the shot shows. */
static size_t rarest(const tally *t, int shot) {
    size_t best = 0;
    for (size_t i = 1; i < t->facts.count; i++) {
        const bool shown = t->facts.last_shot[i] >= shot, best_shown = t->facts.last_shot[best] >= shot;
        if (shown && (!best_shown || t->said[i] < t->said[best])) best = i;
    }
    return best;
}

static bool says(const cm_human *h, const char *fact) {
    const char *key = strchr(fact, '/') + 1, *value = strchr(key, '/') + 1;
    const size_t n = (size_t)(value - key) - 1;
    const int group = (int)(fact[1] == '/' ? fact[0] - '0' : (fact[0] - '0') * 10 + fact[1] - '0');
    for (size_t i = 0; i < h->count; i++)
        for (size_t k = 0; h->parts[i].group == group && k < h->parts[i].count; k++) {
            const cm_human_fact *f = &h->parts[i].facts[k];
            if (strncmp(f->key, key, n) == 0 && !f->key[n] && strcmp(f->value, value) == 0) return true;
        }
    return false;
}

/* --- making ------------------------------------------------------------------ */

static size_t words_in(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += isalnum((unsigned char)*text) && !isalnum((unsigned char)text[1]);
    return n;
}

/* A person that says the wanted value: a few thousand are looked at, which finds every one that is possible. */
static void sample_with(cm_human *h, cm_rng *r, int shot, const tally *t, size_t want, double rich) {
    for (int i = 0; i < TRIES; i++) {
        cm_human_sample(h, r, shot, t->facts.group[want], rich);
        if (says(h, t->facts.name[want])) return;
    }
}

/* How full of words a prompt is: even over the prompts, and some say all that can be said. */
static double draw_richness(cm_rng *r, int shot) {
    const double u = cm_rng_uniform(r);
    if (shot <= CM_SHOT_NEARLY && u < .2) return 2;
    return shot >= CM_SHOT_PORTRAIT ? .5 + .5 * u : u * u;
}

static cm_status make_row(tally *t, cm_rng *r, int shot, bool sentence, cm_name_table *texts, size_t place,
                          cm_arena *out, cm_human_row *row) {
    double rich = draw_richness(r, shot);
    for (int i = 0; i<100; i++, rich = rich> 1 ? rich - .1 : rich + .1) {
        const cm_arena_mark mark = cm_arena_get_mark(out);
        cm_human h;
        sample_with(&h, r, shot, t, rarest(t, shot), rich);
        h.sentence = sentence;
        *row = (cm_human_row){.shot = shot, .sentence = sentence};
        CM_TRY(cm_human_describe(&h, r, out, &row->dense));
        const size_t words = words_in(row->dense.text);
        if (words >= FEWEST_WORDS && words <= MOST_WORDS && cm_name_table_add(texts, row->dense.text, place, NULL))
            return CM_OK;
        cm_arena_reset(out, mark);
    }
    return cm_fail(CM_EUNDEFINED, "prompt %zu: a hundred tries gave none of its length that is new", place + 1);
}

/* Each shot's share of `count`, and half of it sentences, so that the sum is right. */
static void share_out(size_t count, size_t cells[CELLS]) {
    size_t given = 0, odd = 0;
    int percent = 0;
    for (int s = 0; s < CM_SHOTS; s++) {
        percent += cm_human_shots[s].percent;
        const size_t until = (count * (size_t)percent + 50) / 100;
        cells[2 * s] = (until - given + odd) / 2;
        cells[2 * s + 1] = until - given - cells[2 * s];
        odd ^= (until - given) & 1;
        given = until;
    }
}

cm_status cm_human_set_make(uint64_t seed, size_t count, cm_arena *out, cm_human_row *rows) {
    size_t cells[CELLS], *order = CM_PUSH(out, size_t, count + 1), n = 0;
    tally t;
    cm_name_table texts;
    if (count > MOST_ROWS) return cm_fail(CM_EUSAGE, "%zu prompts are more than %d", count, MOST_ROWS);
    CM_TRY(begin_tally(&t, out));
    CM_TRY(cm_name_table_init(&texts, count + 1, out));
    CM_TRY(cm_arena_check(out));
    share_out(count, cells);
    for (size_t c = 0; c < CELLS; c++)
        for (size_t i = 0; i < cells[c]; i++) order[n++] = c;
    cm_rng shuffle = cm_rng_named(seed, "human/order");
    cm_rng_shuffle(&shuffle, order, count);
    for (size_t i = 0; i < count; i++) {
        cm_rng r = cm_rng_make(seed, i);
        CM_TRY(make_row(&t, &r, (int)(order[i] / 2), order[i] % 2, &texts, i, out, &rows[i]));
        count_row(&t, &rows[i].dense);
    }
    return CM_OK;
}

/* --- a subset ---------------------------------------------------------------- */

/* The values of a row, as places in the tally. */
typedef struct said_values {
    size_t count, parts, *value;
} said_values;

static cm_status list_values(const tally *t, const cm_description *d, cm_arena *out, said_values *v) {
    *v = (said_values){0, d->count, CM_PUSH(out, size_t, d->count * (CM_MAX_ATTRIBUTES + 1))};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->phrases[i].attribute_count; k++) {
            const cm_name_entry *e = find_fact(t, d->phrases[i].group, &d->phrases[i].attributes[k]);
            if (e) v->value[v->count++] = e->value;
        }
    return CM_OK;
}

/* What a row adds: each of its values counts the less, the more often it was said. */
static double gain(const tally *t, const said_values *v) {
    double sum = 0;
    for (size_t i = 0; i < v->count; i++) sum += t->said[v->value[i]] == 0 ? 1 : t->said[v->value[i]] == 1 ? .05 : 0;
    return sum / (double)(6 + v->parts);
}

static bool is_female(const cm_human_row *row) {
    const cm_phrase *person = NULL;
    for (size_t i = 0; i < row->dense.count; i++)
        if (row->dense.phrases[i].group == 0) person = &row->dense.phrases[i];
    for (size_t k = 0; person && k < person->attribute_count; k++)
        if (strcmp(person->attributes[k].value, "female") == 0) return true;
    return false;
}

static size_t cell_of(const cm_human_row *row) {
    return (size_t)(2 * row->shot + row->sentence);
}

cm_status cm_human_set_subset(const cm_human_row *rows, size_t count, size_t few, cm_arena *out, size_t *places) {
    size_t cells[CELLS], n = 0, left[2] = {few / 2, few - few / 2}; /* men, women */
    tally t;
    bool *taken = CM_PUSH_ZERO(out, bool, count + 1);
    said_values *values = CM_PUSH(out, said_values, count + 1);
    CM_TRY(begin_tally(&t, out));
    for (size_t i = 0; i < count; i++) CM_TRY(list_values(&t, &rows[i].dense, out, &values[i]));
    share_out(few, cells);
    for (size_t step = 0; step < few; step++) {
        size_t best = count;
        double most = -1;
        for (size_t i = 0; i < count; i++) {
            const bool full = !cells[cell_of(&rows[i])] || !left[is_female(&rows[i])];
            const double g = taken[i] || full ? -1 : gain(&t, &values[i]);
            if (g > most) most = g, best = i;
        }
        if (best == count)
            return cm_fail(CM_EUNDEFINED, "%zu prompts give no subset of %zu with these shares", count, few);
        taken[best] = true;
        cells[cell_of(&rows[best])]--;
        left[is_female(&rows[best])]--;
        count_row(&t, &rows[best].dense);
    }
    for (size_t i = 0; i < count; i++)
        if (taken[i]) places[n++] = i;
    return CM_OK;
}

/* --- rows as JSON -------------------------------------------------------------- */

static json_t *phrase_json(const cm_phrase *p) {
    json_t *attributes = json_object(),
           *o = json_pack("{s:s, s:s}", "group", cm_groups[p->group].name, "text", p->text);
    for (size_t i = 0; i < p->attribute_count; i++)
        json_object_set_new(attributes, p->attributes[i].key, json_string(p->attributes[i].value));
    if (p->classes != cm_groups[p->group].classes) {
        json_t *classes = json_array();
        for (int c = 0; c < CM_CLASSES; c++)
            if (p->classes >> c & 1) json_array_append_new(classes, json_integer(c));
        json_object_set_new(o, "classes", classes);
    }
    json_object_set_new(o, "attributes", attributes);
    return o;
}

/* Adds a tokenizer's count, and of each phrase the tokens that it became: [first, behind the last], of the encoded text
 * with its BOS at 0; null for a phrase that was cut off. */
static cm_status add_tokens(const cm_human_row *row, const cm_human_tokenizer *t, json_t *counts, json_t *spans,
                            cm_arena *scratch) {
    cm_tokens tokens;
    CM_TRY(cm_tokenize(t->tokenizer, row->dense.text, scratch, &tokens));
    json_t *list = json_array();
    json_object_set_new(counts, t->name, json_integer((json_int_t)tokens.total));
    for (size_t i = 0; i < row->dense.count; i++) {
        const cm_token_span s = cm_tokens_of(&tokens, row->dense.phrases[i].begin, row->dense.phrases[i].end);
        json_array_append_new(list, s.end ? json_pack("[I, I]", (json_int_t)s.begin, (json_int_t)s.end) : json_null());
    }
    json_object_set_new(spans, t->name, list);
    return CM_OK;
}

cm_status cm_human_row_json(const cm_human_row *row, const char *id, const cm_human_tokenizer *tokenizers, size_t count,
                            cm_arena *scratch, json_t **out) {
    json_t *groups = json_array(), *counts = json_object(), *spans = json_object();
    cm_status s = groups && counts && spans ? CM_OK : cm_fail(CM_ENOMEM, "out of memory for a prompt");
    for (size_t i = 0; i < row->dense.count; i++) json_array_append_new(groups, phrase_json(&row->dense.phrases[i]));
    for (size_t i = 0; i < count && s == CM_OK; i++) s = add_tokens(row, &tokenizers[i], counts, spans, scratch);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", id, "prompt", row->dense.text, "shot",
                          cm_human_shots[row->shot].name, "style", row->sentence ? "sentence" : "phrases", "tokens",
                          counts, "groups", groups, "spans", spans, "questions", cm_human_questions(&row->dense));
    if (s == CM_OK && !o) s = cm_fail(CM_ENOMEM, "out of memory for a prompt");
    if (s == CM_OK) *out = o;
    else json_decref(o);
    return s;
}
