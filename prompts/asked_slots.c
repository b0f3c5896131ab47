// SPDX-License-Identifier: Apache-2.0
#include "prompts/asked_slots.h"

#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"

static int find_slot(const char *name) {
    for (int i = 0; i < cm_slot_count; i++)
        if (strcmp(cm_slots[i].name, name) == 0) return i;
    return -1;
}

static cm_status unknown_slot(const char *name) {
    const char *names[CM_MAX_SLOTS + 1] = {0};
    for (int i = 0; i < cm_slot_count; i++) names[i] = cm_slots[i].name;
    const char *near = cm_closest(name, names);
    return cm_fail(CM_EFORMAT, "\"questions\": there is no attribute slot '%s'%s%s%s", name,
                   near ? "; the closest is '" : "", near ? near : "", near ? "'" : "");
}

static cm_status read_slots(const json_t *slots, cm_slot_set *asked) {
    cm_slot_set all = CM_ALL_SLOTS;
    const char *name;
    json_t *said;
    if (!json_is_object(slots)) return cm_fail(CM_EFORMAT, "\"questions\": \"slots\" is no object");
    json_object_foreach((json_t *)slots, name, said) {
        const int slot = find_slot(name);
        const json_t *one = json_object_get(said, "asked");
        if (slot < 0) return unknown_slot(name);
        if (!json_is_boolean(one))
            return cm_fail(CM_EFORMAT, "\"questions\": %s: \"asked\" is neither true nor false", name);
        if (json_is_false(one)) all &= ~((cm_slot_set)1 << slot);
    }
    *asked = all;
    return CM_OK;
}

cm_status cm_asked_slots_read(const char *folder, cm_slot_set *asked, bool *known) {
    char path[1024];
    json_t *card;
    *asked = CM_ALL_SLOTS;
    *known = false;
    snprintf(path, sizeof path, "%s/card.json", folder);
    if (!cm_path_exists(path)) return CM_OK;
    CM_TRY(cm_json_read(path, &card));
    const json_t *questions = json_object_get(card, "questions");
    const cm_status s = questions ? read_slots(json_object_get(questions, "slots"), asked) : CM_OK;
    *known = questions != NULL;
    json_decref(card);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

json_t *cm_slots_left_out(cm_slot_set asked) {
    json_t *names = NULL;
    for (int i = 0; i < cm_slot_count; i++) {
        if (cm_slots[i].kind == CM_SLOT_OTHER || (asked >> i & 1)) continue;
        if (!names) names = json_array();
        json_array_append_new(names, json_string(cm_slots[i].name));
    }
    return names;
}
