// SPDX-License-Identifier: Apache-2.0
/* cosmicman prompts: makes the prompt sets about people, checks a user's file, counts what is in one. docs/PROMPTS.md
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/name_table.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/networks/tokenizer.h"
#include "harness/cli/choose.h"
#include "harness/cli/command.h"
#include "harness/suite/suite.h"
#include "prompts/human_set.h"
#include "prompts/prompt_lint.h"

/* --- make ------------------------------------------------------------------ */

/* The frozen sets, and "human" of any size. A subset keeps the ids of the set that it is of. */
static const struct {
    const char *name;
    size_t count, few; /* few 0: all of count; count 0: the user's */
    uint64_t seed;
    const char *about;
} sets[] = {
    {"human-2048", 2048, 0, 2048, "people as photographs show them: the paper's test size"},
    {"human-100", 2048, 100, 2048, "a stratified subset of human-2048, with its ids"},
    {"human", 0, 0, 0, "people as photographs show them"},
};
enum { SETS = sizeof sets / sizeof *sets };

typedef struct made_set {
    const char *name, *about, *made; /* made: the command */
    uint64_t seed;
    size_t count, few;
    cm_human_row *rows;
    size_t *places; /* [few] or NULL */
    cm_human_tokenizer tokenizers[2];
    size_t tokenizer_count;
} made_set;

static cm_status choose_set(const cm_args *args, const char *name, cm_arena *a, made_set *m) {
    const char *names[SETS + 1] = {NULL};
    size_t at = SETS;
    for (size_t i = 0; i < SETS; i++) {
        names[i] = sets[i].name;
        if (strcmp(sets[i].name, name) == 0) at = i;
    }
    if (at == SETS) return cm_unknown_choice("prompts make", name, names);
    const bool own = sets[at].count == 0;
    if (!own && (cm_arg_given(args, "seed") || cm_arg_given(args, "count")))
        return cm_fail(CM_EUSAGE, "prompts make: %s is frozen; --seed and --count go with 'human'", name);
    *m = (made_set){.name = name, .about = sets[at].about, .few = sets[at].few};
    m->seed = own ? cm_arg_u64(args, "seed") : sets[at].seed;
    m->count = own ? cm_arg_size(args, "count") : sets[at].count;
    if (m->count == 0) return cm_fail(CM_EUSAGE, "--count: nothing to make");
    if (m->seed >> 63) return cm_fail(CM_EUSAGE, "--seed: below 2^63");
    m->made = own ? cm_arena_print(a, "cosmicman prompts make human --seed %llu --count %zu",
                                   (unsigned long long)m->seed, m->count)
                  : cm_arena_print(a, "cosmicman prompts make %s", name);
    return cm_arena_check(a);
}

/* Nano's own is there always, CLIP's where the user says where it lies. */
static cm_status open_tokenizers(const cm_args *args, cm_arena *a, cm_tokenizer *open[2], made_set *m) {
    char *nano;
    const char *clip = cm_arg_text(args, "tokenizer");
    if (clip) CM_TRY(cm_tokenizer_open(&open[0], clip));
    CM_TRY(cm_shipped_folder("core/models/nano/tokenizer", a, &nano));
    CM_TRY(cm_tokenizer_open(&open[1], nano));
    if (clip) m->tokenizers[m->tokenizer_count++] = (cm_human_tokenizer){"clip", open[0]};
    m->tokenizers[m->tokenizer_count++] = (cm_human_tokenizer){"nano", open[1]};
    return CM_OK;
}

static json_t *head_json(const made_set *m) {
    json_t *o = json_pack("{s:s, s:s, s:i, s:I, s:I, s:s, s:s}", "kind", "set", "set", m->name, "version",
                          CM_HUMAN_SET_VERSION, "count", (json_int_t)(m->places ? m->few : m->count), "seed",
                          (json_int_t)m->seed, "made", m->made, "about", m->about);
    return o;
}

static cm_status add_line(json_t *lines, json_t *line) {
    return line && json_array_append_new(lines, line) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "no memory for the prompts");
}

static cm_status add_rows(json_t *lines, const made_set *m) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    cm_status s = add_line(lines, head_json(m));
    for (size_t i = 0; i < (m->places ? m->few : m->count) && s == CM_OK; i++) {
        const size_t place = m->places ? m->places[i] : i;
        char id[32];
        json_t *line = NULL;
        snprintf(id, sizeof id, "h%04zu", place + 1);
        s = cm_human_row_json(&m->rows[place], id, m->tokenizers, m->tokenizer_count, &scratch, &line);
        if (s == CM_OK) s = add_line(lines, line);
        cm_arena_clear(&scratch);
    }
    cm_arena_free(&scratch);
    return s;
}

static cm_status write_set(const char *path, const made_set *m) {
    json_t *lines = json_array();
    cm_status s = lines ? add_rows(lines, m) : cm_fail(CM_ENOMEM, "no memory for the prompts");
    if (s == CM_OK) s = cm_jsonl_write(path, lines);
    json_decref(lines);
    return s;
}

static cm_status make_rows(made_set *m, cm_arena *a) {
    m->rows = CM_PUSH(a, cm_human_row, m->count);
    CM_TRY(cm_arena_check(a));
    CM_TRY(cm_human_set_make(m->seed, m->count, a, m->rows));
    if (!m->few) return CM_OK;
    m->places = CM_PUSH(a, size_t, m->few);
    CM_TRY(cm_arena_check(a));
    return cm_human_set_subset(m->rows, m->count, m->few, a, m->places);
}

static cm_status make(const cm_args *args, const char *name, cm_arena *a) {
    made_set m;
    cm_tokenizer *open[2] = {NULL};
    const char *out = cm_arg_text(args, "out");
    if (!out) return cm_fail(CM_EUSAGE, "prompts make: give --out FILE.jsonl");
    CM_TRY(cm_check_writable(out));
    CM_TRY(choose_set(args, name, a, &m));
    cm_status s = open_tokenizers(args, a, open, &m);
    if (s == CM_OK) s = make_rows(&m, a);
    if (s == CM_OK) s = write_set(out, &m);
    if (s == CM_OK) printf("%s: %zu prompts\n", out, m.places ? m.few : m.count);
    cm_tokenizer_close(&open[0]);
    cm_tokenizer_close(&open[1]);
    return s;
}

/* --- lint ------------------------------------------------------------------ */

static void print_finding(void *arg, cm_lint_kind kind, const char *place, const char *text) {
    (void)arg;
    printf("%s: %s: %s\n", place, cm_lint_names[kind], text);
}

/* "mine.csv: 40 prompts, 3 findings: 2 cut off, 1 duplicate" */
static size_t print_summary(const char *path, const cm_lint_counts *n, bool bounded) {
    size_t all = 0;
    for (int k = 0; k < CM_LINT_KINDS; k++) all += n->found[k];
    printf("%s: ", path);
    if (n->version) printf("version %zu, ", n->version);
    printf("%zu prompts, %zu finding%s", n->prompts, all, all == 1 ? "" : "s");
    const char *between = ": ";
    for (int k = 0; k < CM_LINT_KINDS; k++) {
        if (!n->found[k]) continue;
        printf("%s%zu %s", between, n->found[k], cm_lint_names[k]);
        between = ", ";
    }
    printf("\n");
    if (bounded && n->counted < n->prompts) cm_note("tokens were bounded from below; --tokenizer PATH counts them");
    return all;
}

static cm_status lint(const cm_args *args, const char *name, cm_arena *a, size_t *findings) {
    const char *path, *vocabulary = cm_arg_text(args, "tokenizer");
    cm_tokenizer *tokenizer = NULL;
    cm_lint_counts counts;
    CM_TRY(cm_find_prompts(name, a, &path));
    if (vocabulary) CM_TRY(cm_tokenizer_open(&tokenizer, vocabulary));
    const cm_lint_options o = {.tokenizer = tokenizer,
                               .column = cm_arg_text(args, "prompt-column"),
                               .tell = print_finding};
    const cm_status s = cm_prompt_lint(path, &o, &counts);
    if (s == CM_OK) *findings = print_summary(path, &counts, !tokenizer);
    cm_tokenizer_close(&tokenizer);
    return s;
}

/* --- show ------------------------------------------------------------------ */

typedef struct value_count {
    const char *name; /* "tops color red" */
    size_t count;
} value_count;

static int by_name(const void *a, const void *b) {
    return strcmp(((const value_count *)a)->name, ((const value_count *)b)->name);
}

static cm_status count_values(const cm_prompt_set *set, cm_arena *a, value_count **list, size_t *count) {
    cm_name_table table;
    size_t most = 1, n = 0;
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < set->prompts[i].dense.count; k++)
            most += set->prompts[i].dense.phrases[k].attribute_count;
    *list = CM_PUSH(a, value_count, most);
    CM_TRY(cm_name_table_init(&table, most, a));
    CM_TRY(cm_arena_check(a));
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < set->prompts[i].dense.count; k++) {
            const cm_phrase *p = &set->prompts[i].dense.phrases[k];
            for (size_t v = 0; v < p->attribute_count; v++) {
                const char *name = cm_arena_print(a, "%s\t%s\t%s", cm_prompt_group_name(p->group), p->attributes[v].key,
                                                  p->attributes[v].value);
                cm_name_entry *e = NULL;
                CM_TRY(cm_arena_check(a));
                if (cm_name_table_add(&table, name, n, &e)) (*list)[n++] = (value_count){name, 0};
                (*list)[e->value].count++;
            }
        }
    qsort(*list, n, sizeof **list, by_name);
    *count = n;
    return CM_OK;
}

static void show_shots(const cm_prompt_set *set) {
    static const int order[] = {CM_SHOT_NEARLY, CM_SHOT_FULL, CM_SHOT_UPPER, CM_SHOT_PORTRAIT,
                                CM_SHOT_HEAD}; /* "full-body shot" is in both */
    size_t counts[CM_SHOTS] = {0};
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < CM_SHOTS; k++) {
            const char *phrase = strchr(cm_human_shots[order[k]].phrase, ' ') + 1;
            if (!strstr(set->prompts[i].dense.text, phrase)) continue;
            counts[order[k]]++;
            break;
        }
    for (int s = 0; s < CM_SHOTS; s++)
        if (counts[s]) printf("shot\t%s\t%zu\n", cm_human_shots[s].name, counts[s]);
}

static void show_tokens(const cm_prompt_set *set) {
    size_t below = 0, within = 0, beyond = 0;
    for (size_t i = 0; i < set->count; i++) {
        const size_t n = set->prompts[i].clip_tokens;
        below += n > 0 && n < 30;
        within += n >= 30 && n <= 77;
        beyond += n > 77;
    }
    if (below + within + beyond)
        printf("tokens of CLIP\tbelow 30\t%zu\ntokens of CLIP\t30 to 77\t%zu\ntokens of CLIP\tbeyond 77\t%zu\n", below,
               within, beyond);
}

static cm_status show(const cm_args *args, const char *name, cm_arena *a) {
    cm_prompt_set set;
    const char *path;
    value_count *list;
    size_t n;
    CM_TRY(cm_find_prompts(name, a, &path));
    CM_TRY(cm_prompt_set_read(path, &(cm_prompt_reading){.column = cm_arg_text(args, "prompt-column")}, a, &set));
    CM_TRY(count_values(&set, a, &list, &n));
    printf("prompts\t%zu\nsha256\t%s\n", set.count, set.hash);
    if (set.version) printf("version\t%zu\n", set.version);
    show_shots(&set);
    show_tokens(&set);
    for (size_t i = 0; i < n; i++) printf("%s\t%zu\n", list[i].name, list[i].count);
    return CM_OK;
}

/* --- the command ----------------------------------------------------------- */

static int run(const cm_args *args) {
    const char *const *words;
    const size_t n = cm_arg_words(args, &words);
    const char *what = words[0];
    size_t findings = 0;
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_status s;
    if (n != 2) s = cm_fail(CM_EUSAGE, "prompts: make NAME, lint FILE or show FILE");
    else if (strcmp(what, "make") == 0) s = make(args, words[1], &a);
    else if (strcmp(what, "lint") == 0) s = lint(args, words[1], &a, &findings);
    else if (strcmp(what, "show") == 0) s = show(args, words[1], &a);
    else s = cm_unknown_choice("prompts", what, (const char *const[]){"make", "lint", "show", NULL});
    cm_arena_free(&a);
    return s != CM_OK ? cm_exit_for(s) : findings ? 3 : 0;
}

static const cm_option options[] = {
    {"out", CM_OPT_TEXT, "FILE", NULL, "make: the file to write, as JSON lines"},
    {"seed", CM_OPT_U64, "N", "0", "make human: the seed; another seed makes another set"},
    {"count", CM_OPT_SIZE, "N", "100", "make human: the number of prompts"},
    {"tokenizer", CM_OPT_TEXT, "PATH", NULL,
     "make, lint: a folder with CLIP's vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz"},
    {"prompt-column", CM_OPT_TEXT, "NAME", NULL,
     "lint, show: the column of FILE with the prompts [prompt, caption or text]"},
    {0},
};

const cm_command cm_command_prompts = {
    "prompts",
    "check a prompt file, count its contents, make prompt sets",
    options,
    "COMMAND FILE...",
    "lint FILE   prints a line for each finding: text that is cut off, contradictions, unknown words, duplicates;\n"
    "            exit status 3 if there is one\n"
    "show FILE   prints a table: prompts, shots, tokens, and how often each attribute has each value\n"
    "make NAME   makes human-2048 or human-100 again, or with the name human a set of your own\n"
    "FILE is a prompt file or the name of a set ('cosmicman list prompts').",
    run};
