// SPDX-License-Identifier: Apache-2.0
/* Packs: a weight in the order that a backend's products read it.
 *
 * A weight whose values do not change any more has a cm_packs, its owner's. A
 * backend asks for the kind of pack it wants; what is asked for first is made, and
 * kept as long as the owner keeps the weights. A weight in training has none, and
 * the backend packs it anew each time.
 */
#ifndef CM_CORE_TENSOR_PACK_H
#define CM_CORE_TENSOR_PACK_H

#include <pthread.h>

#include "core/base/arena.h"

typedef struct cm_pack cm_pack;

/* Of all weights of one owner; several contexts may ask at a time. */
typedef struct cm_packs {
    cm_arena memory;
    pthread_mutex_t lock;
} cm_packs;

/* A weight's place in it. */
typedef struct cm_pack_slot {
    cm_packs *packs; /* NULL: none */
    cm_pack *first;
} cm_pack_slot;

void cm_packs_init(cm_packs *p);
void cm_packs_free(cm_packs *p);

typedef void cm_pack_fill(void *arg, void *data);

/* The pack of this kind, 64-byte aligned, filled when it is asked for first. NULL: no slot, or no memory. */
void *cm_pack_get(cm_pack_slot *slot, int kind, size_t bytes, cm_pack_fill *fill, void *arg);

#endif
