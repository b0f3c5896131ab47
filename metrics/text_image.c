// SPDX-License-Identifier: Apache-2.0
#include "metrics/text_image.h"

#include <math.h>
#include <string.h>

cm_status cm_cosine(const float *a, const float *b, size_t n, double *cosine) {
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    const double c = dot / sqrt(aa * bb);
    if (!isfinite(c)) return cm_fail(CM_EUNDEFINED, "a CLIP embedding is zero or not finite");
    *cosine = c;
    return CM_OK;
}

/* --- pieces of a long text ------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Where to cut text[0..limit): behind the last comma and blank, else the last blank, else at the limit. */
static size_t cut_at(const char *text, size_t limit) {
    size_t blank = 0;
    for (size_t i = limit; i-- > 1;) {
        if (!is_blank(text[i])) continue;
        if (text[i - 1] == ',') return i;
        if (!blank) blank = i;
    }
    return blank ? blank : limit;
}

cm_status cm_text_windows(const cm_tokenizer *t, const char *text, cm_arena *out, const char ***pieces, size_t *count) {
    const size_t most = strlen(text) + 1; /* a piece has at least a byte */
    const char **list = CM_PUSH(out, const char *, most);
    CM_TRY(cm_arena_check(out));
    *count = 0;
    for (const char *at = text;;) {
        while (is_blank(*at) || *at == ',') at++;
        if (!*at) break;
        cm_tokens tokens;
        CM_TRY(cm_tokenize(t, at, out, &tokens)); /* the scores that read so are ours, and clean as transformers */
        const size_t length = strlen(at), end = tokens.cut_from < length ? cut_at(at, tokens.cut_from) : length;
        if (end == 0) return cm_fail(CM_EFORMAT, "a single word does not fit the text tower");
        size_t n = end;
        while (n > 1 && (is_blank(at[n - 1]) || at[n - 1] == ',')) n--;
        list[(*count)++] = cm_arena_print(out, "%.*s", (int)n, at);
        CM_TRY(cm_arena_check(out));
        at += end;
    }
    *pieces = list;
    return CM_OK;
}

/* --- scores -------------------------------------------------------------------------- */

static cm_status list_texts(const cm_text_image *t, const cm_extractor *e, const cm_description *prompt,
                            cm_arena *scratch, const char ***texts, size_t *count) {
    if (t->reading == CM_READ_WINDOWS) {
        if (!cm_extractor_tokenizer(e))
            return cm_fail(CM_EUSAGE, "texts need the tokenizer's files beside the weights");
        return cm_text_windows(cm_extractor_tokenizer(e), prompt->text, scratch, texts, count);
    }
    const char **list = CM_PUSH(scratch, const char *, prompt->count + 1);
    CM_TRY(cm_arena_check(scratch));
    *texts = list;
    *count = 0;
    if (t->reading == CM_READ_PHRASES)
        for (size_t i = 0; i < prompt->count; i++) list[(*count)++] = prompt->phrases[i].text;
    else list[(*count)++] = *t->prefix ? cm_arena_print(scratch, "%s%s", t->prefix, prompt->text) : prompt->text;
    return cm_arena_check(scratch);
}

/* The texts of one image among all: their embeddings [n,width], and what was read of them. */
typedef struct reading {
    const char **texts;
    size_t n, first;
} reading;

static cm_status score_one(const cm_text_image *t, const float *picture, const float *embeddings,
                           const cm_clip_reading *readings, size_t n, size_t width, cm_text_score *out) {
    double sum = 0, weights = 0, tokens = 0, seen = 0;
    *out = (cm_text_score){.value = (double)NAN, .read = 1};
    if (n == 0) return CM_OK;
    for (size_t i = 0; i < n; i++) {
        double cosine = 0;
        CM_TRY(cm_cosine(picture, embeddings + i * width, width, &cosine));
        const double weight = t->reading == CM_READ_WINDOWS ? (double)readings[i].read : 1;
        sum += weight * cosine;
        weights += weight;
        tokens += (double)readings[i].tokens;
        seen += (double)readings[i].read;
        if (readings[i].doubtful) out->doubtful = true;
    }
    const double value = t->factor * sum / weights;
    out->value = t->clamp_each && value < 0 ? 0 : value;
    if (tokens > 0) out->read = seen / tokens;
    return CM_OK;
}

cm_status cm_text_image_scores(const cm_text_image *t, const cm_extractor *e, cm_ctx *g, const float *pictures,
                               const cm_description *const *prompts, size_t n, cm_arena *scratch, cm_text_score *out) {
    const size_t width = cm_extractor_width(e, CM_OUT_FEATURES);
    reading *each = CM_PUSH(scratch, reading, n + 1);
    size_t total = 0;
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) {
        CM_TRY(list_texts(t, e, prompts[i], scratch, &each[i].texts, &each[i].n));
        each[i].first = total;
        total += each[i].n;
    }
    const char **texts = CM_PUSH(scratch, const char *, total + 1);
    float *embeddings = CM_PUSH(scratch, float, total *width + 1);
    cm_clip_reading *readings = CM_PUSH(scratch, cm_clip_reading, total + 1);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++)
        if (each[i].n) memcpy(texts + each[i].first, each[i].texts, each[i].n * sizeof *texts);
    if (total) CM_TRY(cm_extractor_read(e, g, t->cleaning, texts, total, embeddings, readings));
    for (size_t i = 0; i < n; i++)
        CM_TRY(score_one(t, pictures + i * width, embeddings + each[i].first * width, readings + each[i].first,
                         each[i].n, width, &out[i]));
    return CM_OK;
}

double cm_text_image_total(const cm_text_image *t, double mean) {
    return t->clamp_mean && mean < 0 ? 0 : mean;
}
