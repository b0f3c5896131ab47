// SPDX-License-Identifier: Apache-2.0
#include "harness/suite/match_ids.h"

#include <stdlib.h>
#include <string.h>

#include "core/networks/unicode.h"

static bool is_ascii(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) return false;
    return true;
}

/* The id itself where it is ASCII; text that is not UTF-8 is left as it is. */
static cm_status form_c(const char *id, cm_arena *out, const char **key) {
    const size_t n = strlen(id);
    size_t count = 0;
    *key = id;
    if (is_ascii(id)) return CM_OK;
    cm_char *text = CM_PUSH(out, cm_char, n), *composed = CM_PUSH(out, cm_char, CM_NFC_ROOM * n);
    char *made = CM_PUSH(out, char, 4 * CM_NFC_ROOM * n + 1), *to = made;
    CM_TRY(cm_arena_check(out));
    if (cm_unicode_read(id, 0, n, text, &count) != CM_OK) return CM_OK;
    count = cm_unicode_nfc(text, count, composed);
    for (size_t i = 0; i < count; i++) to += cm_unicode_write(composed[i].code, to);
    *to = 0;
    *key = made;
    return CM_OK;
}

static int by_key(const void *a, const void *b) {
    const cm_id_entry *x = a, *y = b;
    const int key = strcmp(x->key, y->key), id = key ? key : strcmp(x->id, y->id);
    return id ? id : x->index < y->index ? -1 : x->index > y->index;
}

cm_status cm_id_index_make(const char *const *ids, size_t count, cm_arena *out, cm_id_index *x) {
    cm_id_entry *entries = CM_PUSH(out, cm_id_entry, count + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < count; i++) {
        entries[i] = (cm_id_entry){.id = ids[i], .index = i};
        CM_TRY(form_c(ids[i], out, &entries[i].key));
    }
    qsort(entries, count, sizeof *entries, by_key);
    *x = (cm_id_index){entries, count};
    return CM_OK;
}

cm_status cm_id_index_find(const cm_id_index *x, const char *id, cm_arena *scratch, bool *found, size_t *index) {
    const char *key;
    size_t low = 0, high = x->count;
    CM_TRY(form_c(id, scratch, &key));
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (strcmp(x->entries[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    *found = low < x->count && strcmp(x->entries[low].key, key) == 0;
    if (!*found) return CM_OK;
    *index = x->entries[low].index;
    for (size_t i = low; i < x->count && strcmp(x->entries[i].key, key) == 0; i++) {
        if (strcmp(x->entries[i].id, id) != 0) continue;
        *index = x->entries[i].index;
        break;
    }
    return CM_OK;
}
