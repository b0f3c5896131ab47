// SPDX-License-Identifier: Apache-2.0
#include "core/train/captions.h"

#include <string.h>

void cm_caption_spans(const cm_tokens *tokens, cm_description *d) {
    for (size_t i = 0; i < d->count; i++) {
        cm_phrase *p = &d->phrases[i];
        p->token_begin = p->token_end = 0;
        if (p->end > tokens->cut_from) continue;
        for (size_t j = 1; j + 1 < tokens->used; j++) {
            if (tokens->begin[j] < p->begin || tokens->end[j] > p->end) continue;
            if (p->token_begin == 0) p->token_begin = j;
            p->token_end = j + 1;
        }
    }
}

/* text: NULL for the dense description that c has already. */
static cm_status finish(const cm_tokenizer *t, const char *text, cm_arena *out, cm_caption *c) {
    CM_TRY(cm_arena_check(out));
    CM_TRY(cm_tokenize(t, text ? text : c->dense.text, out, &c->tokens));
    cm_caption_spans(&c->tokens, &c->dense);
    return CM_OK;
}

cm_status cm_caption_make(const cm_tokenizer *t, const cm_person *p, cm_caption_kind kind, uint64_t seed, double drop,
                          cm_arena *out, cm_caption *c) {
    memset(c, 0, sizeof *c);
    if (kind == CM_CAPTION_POOR) return finish(t, cm_person_alt_text(p, seed, out), out, c);
    CM_TRY(cm_person_describe(p, seed, drop, out, &c->dense));
    return finish(t, NULL, out, c);
}

cm_status cm_caption_of(const cm_tokenizer *t, const cm_people_dataset *dataset, size_t i, cm_caption_kind kind,
                        uint64_t seed, double drop, cm_arena *out, cm_caption *c) {
    cm_person p;
    if (!dataset->data) {
        cm_people_dataset_person(dataset, i, &p);
        return cm_caption_make(t, &p, kind, seed, drop, out, c);
    }
    memset(c, 0, sizeof *c);
    if (kind == CM_CAPTION_POOR) return finish(t, dataset->data->people[i].alt_text, out, c);
    CM_TRY(cm_labelled_describe(dataset->data, i, seed, drop, out, &c->dense));
    return finish(t, NULL, out, c);
}
