// SPDX-License-Identifier: Apache-2.0
/* The directory of a zip file in memory, for entries that are stored as they are (APPNOTE.TXT 6.3.10, with zip64).
 *
 * Nothing is unpacked or copied: an entry's data are borrowed from the file's bytes. Who uses them checks them
 * (cm_zip_check). Compressed and encrypted entries stand in the directory, and asking for their data says what they
 * are.
 */
#ifndef CM_CORE_IO_ZIP_H
#define CM_CORE_IO_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_zip_entry {
    const char *name;
    uint16_t method, flags;
    uint32_t crc;           /* CRC-32 of what is meant */
    uint64_t packed, bytes; /* sizes as stored and as meant */
    uint64_t at;            /* of its local header */
    bool checked;           /* cm_zip_check found it right */
} cm_zip_entry;

typedef struct cm_zip {
    const unsigned char *data;
    size_t bytes;
    cm_zip_entry *entries; /* sorted by name */
    size_t count;
} cm_zip;

cm_status cm_zip_open(cm_zip *z, const unsigned char *data, size_t bytes, cm_arena *arena);
const cm_zip_entry *cm_zip_find(const cm_zip *z, const char *name); /* NULL: absent */
cm_status cm_zip_data(const cm_zip *z, const cm_zip_entry *e, const unsigned char **data);
/* An entry's `packed` bytes as they lie there, whatever its method. */
cm_status cm_zip_packed(const cm_zip *z, const cm_zip_entry *e, const unsigned char **data);

/* CM_EFORMAT when the bytes meant (unpacked) have another check sum than the directory says. Looks at all of them, once
 * an entry. A sum of 0 is none: torch.serialization.set_crc32_options(False). */
cm_status cm_zip_check(cm_zip *z, const cm_zip_entry *e, const unsigned char *data);

#endif
