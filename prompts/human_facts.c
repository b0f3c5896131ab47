// SPDX-License-Identifier: Apache-2.0
/* The values that the prompts about people have, listed from the vocabulary's tables. */
#include <string.h>

#include "core/base/name_table.h"
#include "prompts/human_set.h"

enum { MOST = 1024 };

typedef struct lister {
    cm_human_facts *f;
    cm_name_table seen;
    cm_arena *out;
} lister;

static int last_shot(int group, const char *key) {
    int last = 0;
    for (int s = 0; s < CM_SHOTS; s++)
        if (cm_human_shows(s, group) && (!key || cm_human_shows_key(s, key))) last = s;
    return last;
}

static cm_status add(lister *l, int group, const char *key, const char *value) {
    cm_human_facts *f = l->f;
    if (f->count == MOST) return cm_fail(CM_EUSAGE, "more than %d values", MOST);
    const char *name = cm_arena_print(l->out, "%d/%s/%s", group, key, value);
    CM_TRY(cm_arena_check(l->out));
    if (!cm_name_table_add(&l->seen, name, f->count, NULL)) return CM_OK;
    f->name[f->count] = name;
    f->group[f->count] = group;
    f->last_shot[f->count++] = last_shot(group, key);
    return CM_OK;
}

static cm_status add_list(lister *l, int group, const char *key, const char *list) {
    char value[48];
    for (int i = 0; cm_human_list_at(list, i, value, NULL); i++) CM_TRY(add(l, group, key, value));
    return CM_OK;
}

static cm_status list_garments(lister *l) {
    for (int t = 0; t < cm_human_type_count; t++) {
        const cm_human_type *type = &cm_human_types[t];
        CM_TRY(add(l, type->group, "type", type->value));
        for (int s = 0; s < CM_HUMAN_SLOTS && type->slots[s].key; s++)
            CM_TRY(add_list(l, type->group, type->slots[s].key, type->slots[s].values));
    }
    return CM_OK;
}

static cm_status list_person(lister *l) {
    for (int i = 0; i < 3; i++) CM_TRY(add_list(l, 0, cm_human_person[i].key, cm_human_person[i].values));
    CM_TRY(add_list(l, 1, cm_human_body.key, cm_human_body.values));
    for (int i = 0; i < cm_human_place_count; i++) CM_TRY(add(l, 2, "background", cm_human_places[i].text));
    CM_TRY(add_list(l, 3, "hair color", cm_human_hair_colors));
    CM_TRY(add_list(l, 3, "hair style", cm_human_hair_styles));
    CM_TRY(add_list(l, 3, "hair length", "above eyes,above chin,above shoulders,above chest"));
    return add_list(l, 14, cm_human_style.key, cm_human_style.values);
}

cm_status cm_human_facts_list(cm_arena *out, cm_human_facts *f) {
    lister l = {.f = f, .out = out};
    *f = (cm_human_facts){.name = CM_PUSH(out, const char *, MOST),
                          .last_shot = CM_PUSH(out, int, MOST),
                          .group = CM_PUSH(out, int, MOST)};
    CM_TRY(cm_name_table_init(&l.seen, MOST, out));
    CM_TRY(cm_arena_check(out));
    CM_TRY(list_person(&l));
    return list_garments(&l);
}
