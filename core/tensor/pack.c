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

void cm_packs_clear(cm_packs *p) {
    cm_arena_free(&p->memory);
    p->kept = 0;
    p->latest = NULL;
}

static cm_pack *find(const cm_pack_slot *slot, int kind) {
    cm_pack *p = slot->first;
    while (p && p->kind != kind) p = p->next;
    return p;
}

static cm_pack *make(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg) {
    cm_packs *owner = slot->packs;
    if (owner->lean && owner->kept + bytes > owner->most) return NULL;
    cm_pack *p = CM_PUSH(&owner->memory, cm_pack, 1);
    void *data = p ? cm_arena_push(&owner->memory, bytes) : NULL;
    if (!data) {
        owner->memory.failed = false; /* the weights themselves are there: whoever asked packs for the one call */
        return NULL;
    }
    owner->kept += bytes;
    fill(arg, data);
    *p = (cm_pack){kind, data, slot->first};
    slot->first = p;
    return p;
}

static void fetch(cm_pack_slot *slot) {
    if (slot->not_resident) slot->packs->fetch(slot->packs, slot);
    slot->not_resident = false;
}

/* What a lean owner read for the weight before is given back first. */
static void use(cm_pack_slot *slot) {
    cm_packs *p = slot->packs;
    if (p->lean && p->latest == slot) return;
    if (p->lean && p->latest && !p->latest->not_resident) p->drop(p, p->latest);
    p->latest = slot;
    if (slot->not_resident) p->stage(p, slot);
}

void cm_pack_fetch(cm_pack_slot *slot) {
    if (!slot || !slot->packs) return;
    pthread_mutex_lock(&slot->packs->lock);
    fetch(slot);
    pthread_mutex_unlock(&slot->packs->lock);
}

void cm_pack_use(cm_pack_slot *slot) {
    if (!slot || !slot->packs) return;
    pthread_mutex_lock(&slot->packs->lock);
    if (slot->packs->lean) use(slot);
    else fetch(slot);
    pthread_mutex_unlock(&slot->packs->lock);
}

static cm_pack *find_or_make(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg) {
    cm_pack *p = find(slot, kind);
    if (p) return p;
    if (!slot->keeps) {
        fetch(slot);
        return NULL;
    }
    use(slot);
    p = make(slot, kind, bytes, fill, arg);
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
