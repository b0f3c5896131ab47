// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/pack.h"

struct cm_pack {
    int kind;
    void *data;
    cm_pack *next;
};

void cm_packs_init(cm_packs *p) {
    *p = (cm_packs){0};
    cm_arena_init(&p->memory, (size_t)32 << 20);
    pthread_mutex_init(&p->lock, NULL);
}

void cm_packs_free(cm_packs *p) {
    cm_arena_free(&p->memory);
    pthread_mutex_destroy(&p->lock);
}

static cm_pack *find(const cm_pack_slot *slot, int kind) {
    cm_pack *p = slot->first;
    while (p && p->kind != kind) p = p->next;
    return p;
}

static cm_pack *make(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg) {
    cm_arena *memory = &slot->packs->memory;
    cm_pack *p = CM_PUSH(memory, cm_pack, 1);
    void *data = p ? cm_arena_push(memory, bytes) : NULL;
    if (!data) {
        memory->failed = false; /* the weights themselves are there: whoever asked packs for the one call */
        return NULL;
    }
    fill(arg, data);
    *p = (cm_pack){kind, data, slot->first};
    slot->first = p;
    return p;
}

static void fetch(cm_pack_slot *slot) {
    if (slot->absent) slot->packs->fetch(slot->packs, slot);
    slot->absent = false;
}

void cm_pack_fetch(cm_pack_slot *slot) {
    if (!slot || !slot->packs) return;
    pthread_mutex_lock(&slot->packs->lock);
    fetch(slot);
    pthread_mutex_unlock(&slot->packs->lock);
}

static cm_pack *find_or_make(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg) {
    cm_pack *p = find(slot, kind);
    if (p) return p;
    fetch(slot);
    p = slot->keeps ? make(slot, kind, bytes, fill, arg) : NULL;
    if (p && slot->packs->drop) slot->packs->drop(slot->packs, slot);
    return p;
}

void *cm_pack_get(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg) {
    if (!slot || !slot->packs) return NULL;
    pthread_mutex_lock(&slot->packs->lock);
    cm_pack *p = find_or_make(slot, kind, bytes, fill, arg);
    pthread_mutex_unlock(&slot->packs->lock);
    return p ? p->data : NULL;
}
