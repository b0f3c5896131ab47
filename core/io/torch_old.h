// SPDX-License-Identifier: Apache-2.0
/* torch.save's format from before version 1.6, in which much was published (pt_inception-2015-12-05-6726825d.pth).
 *
 * Five pickles stand one after the other: a magic number, the version 1001, facts of the machine, the object (which
 * names tensors over storages by key), and the list of the storages' keys. Then follow the storages in that order, each
 * a number of values in 8 bytes and the values (torch/serialization.py, _legacy_save). Nothing is copied.
 */
#ifndef CM_CORE_IO_TORCH_OLD_H
#define CM_CORE_IO_TORCH_OLD_H

#include "core/io/pickle.h"

typedef struct cm_torch_storage {
    const char *key; /* borrowed from the file, without a 0 at its end */
    size_t length;
    size_t size;   /* of one value in bytes */
    uint64_t held; /* values */
    const unsigned char *data;
} cm_torch_storage;

typedef struct cm_torch_old {
    cm_torch_storage *storages; /* sorted by key */
    size_t count;
} cm_torch_old;

bool cm_torch_old_begins(const unsigned char *data, size_t bytes);
/* The object's tree lives in scratch, the list of storages in out; both borrow from data. */
cm_status cm_torch_old_read(cm_torch_old *t, const unsigned char *data, size_t bytes, cm_arena *out, cm_arena *scratch,
                            cm_pickled *object);
const cm_torch_storage *cm_torch_old_find(const cm_torch_old *t, const char *key); /* NULL: absent */

#endif
