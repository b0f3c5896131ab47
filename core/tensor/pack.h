// SPDX-License-Identifier: Apache-2.0
/* Packs: a weight in the order that a backend's products read it.
 *
 * A weight whose values do not change any more keeps packs. A backend asks for the
 * kind it wants; what is asked for first is made, and kept as long as the owner keeps
 * the weights. The values themselves pass through one staging place that all weights
 * of the owner share, or are let go when they lie elsewhere: their owner can make them
 * again from a file or a seed, when another backend or a file wants them. A weight in
 * training keeps none, and a backend packs it anew each time.
 *
 * A lean owner keeps packs up to a limit only; past it a weight is staged and packed for
 * each operation, and what was read of a file is given back after it. One context at a
 * time may then use these weights.
 */
#ifndef CM_CORE_TENSOR_PACK_H
#define CM_CORE_TENSOR_PACK_H

#include <pthread.h>
#include <stdbool.h>

#include "core/base/arena.h"

typedef struct cm_pack cm_pack;

typedef struct cm_pack_slot cm_pack_slot;

/* Of all weights of one owner; several contexts may ask at a time. */
typedef struct cm_packs {
    cm_arena memory;
    pthread_mutex_t lock;
    void (*fetch)(struct cm_packs *p,
                  cm_pack_slot *slot); /* makes the weight's values, to stay; NULL: they are always there */
    void (*stage)(struct cm_packs *p,
                  cm_pack_slot *slot);                    /* the same in the staging place, until the next one's come */
    void (*drop)(struct cm_packs *p, cm_pack_slot *slot); /* lets them go */
    bool lean;
    size_t most, kept;    /* lean: bytes of packs that may be kept, and are */
    cm_pack_slot *latest; /* lean: whose values were used last */
} cm_packs;

/* A weight's place in it. */
struct cm_pack_slot {
    cm_packs *packs;   /* NULL: values are always there, and no pack is kept */
    bool keeps;        /* packs */
    bool not_resident; /* the values are not in memory now */
    cm_pack *first;
};

void cm_packs_init(cm_packs *p);
void cm_packs_free(cm_packs *p);

/* The weight's values are in memory from here on. */
void cm_pack_fetch(cm_pack_slot *slot);
/* The same, of a lean owner until another weight is used. */
void cm_pack_use(cm_pack_slot *slot);
/* Gives the memory of all packs back; the owner clears `first` of every slot. */
void cm_packs_clear(cm_packs *p);

typedef void cm_pack_fill(void *arg, void *data);

/* The pack of this kind, 64-byte aligned, filled when it is asked for first. NULL: none is kept, or no memory; the
 * values are in memory then, if only staged. */
void *cm_pack_get(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg);

#endif
