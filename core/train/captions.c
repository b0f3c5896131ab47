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

cm_status cm_caption_make(const cm_tokenizer *t, const cm_person *p, cm_caption_kind kind, uint64_t seed, double drop,
                          cm_arena *out, cm_caption *c) {
    memset(c, 0, sizeof *c);
    const char *text;
    if (kind == CM_CAPTION_DENSE) {
        CM_TRY(cm_person_describe(p, seed, drop, out, &c->dense));
        text = c->dense.text;
    } else {
        text = cm_person_alt_text(p, seed, out);
        CM_TRY(cm_arena_check(out));
    }
    CM_TRY(cm_tokenize(t, text, out, &c->tokens));
    cm_caption_spans(&c->tokens, &c->dense);
    return CM_OK;
}
