// SPDX-License-Identifier: Apache-2.0
/* safetensors: reading by mapping, writing through a temporary name.
 *
 * Format: 8 bytes little-endian header length, a JSON header {name: {dtype, shape,
 * data_offsets}}, then the data. Every length, offset, type and shape is checked
 * before use: truncated files, overlapping or gapped tensors, absurd headers are
 * refused with one line that says what is wrong.
 */
#ifndef CM_CORE_IO_SAFETENSORS_H
#define CM_CORE_IO_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* F8_E4M3 is torch's float8_e4m3fn: no infinity, and one NaN a sign (Micikevicius et al. 2022, table 1). */
typedef enum cm_dtype {
    CM_F32,
    CM_F16,
    CM_BF16,
    CM_F64,
    CM_I64,
    CM_I32,
    CM_U8,
    CM_BOOL,
    CM_F8_E4M3,
    CM_F8_E5M2,
    CM_DTYPE_COUNT
} cm_dtype;

size_t cm_dtype_size(cm_dtype t);
const char *cm_dtype_name(cm_dtype t); /* "F32", as in the header */
bool cm_dtype_is_real(cm_dtype t);     /* of floats: what weights may be */

typedef struct cm_stored {
    const char *name; /* borrowed from the file */
    cm_dtype dtype;
    int ndim;
    size_t shape[8];
    size_t count;       /* number of values */
    const void *data;   /* borrowed from the mapping; little-endian, may be unaligned for its type */
    bool mapped;        /* they are the file's own pages, not a copy in another order */
    const char *unread; /* NULL, or the name of a type that is none of the above: its values cannot be read. dtype is
                         * then U8, and count its bytes, whatever its shape */
} cm_stored;

typedef struct cm_safetensors cm_safetensors;

cm_status cm_safetensors_open(cm_safetensors **out, const char *path);
void cm_safetensors_close(cm_safetensors **f);
size_t cm_safetensors_count(const cm_safetensors *f);
const cm_stored *cm_safetensors_at(const cm_safetensors *f, size_t i);
const cm_stored *cm_safetensors_find(const cm_safetensors *f, const char *name); /* NULL: absent */
const char *cm_safetensors_metadata(const cm_safetensors *f, const char *key);   /* NULL: absent */

/* count values of `type` at data -> float, and back (round to nearest even; f16 and F8_E5M2 overflow becomes infinity,
 * F8_E4M3's its largest, 448, as in torch) */
void cm_to_float(cm_dtype type, const void *data, size_t count, float *out);
void cm_from_float(cm_dtype type, const float *values, size_t count, void *out);

/* Writes all tensors in the order given; f32 input is converted to each one's dtype when `floats` is set. */
typedef struct cm_store_item {
    const char *name;
    cm_dtype dtype;
    int ndim;
    const size_t *shape;
    const float *floats; /* values as f32, converted on the way; or NULL and */
    const void *raw;     /* bytes already in dtype */
} cm_store_item;
/* metadata: key, value, key, value, ..., NULL; or NULL. Written through a cm_part (system.h). */
cm_status cm_safetensors_write(const char *path, const cm_store_item *items, size_t count, const char *const *metadata);

#endif
