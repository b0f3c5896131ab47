// SPDX-License-Identifier: Apache-2.0
/* NumPy's .npz: a zip of .npy arrays (numpy.lib.format, versions 1 to 3), stored or deflated; and one .npy alone.
 *
 * Arrays of f2, f4, f8, u1, i4, i8 and bool, of either byte order (turned to little-endian), in C or Fortran order
 * (turned to C). Arrays of other types, objects among them, are left alone: nothing of theirs is read.
 *
 * Opening reads headers only. Values are there after cm_npz_load, which unpacks, sees to the zip's check sum and turns;
 * stored little-endian C arrays stay mapped. So a wrong shape can be refused before anything of it is unpacked.
 */
#ifndef CM_CORE_IO_NPZ_H
#define CM_CORE_IO_NPZ_H

#include "core/base/arena.h"
#include "core/io/safetensors.h"

typedef struct cm_npz cm_npz;

cm_status cm_npz_open(cm_npz **out, const char *path);
bool cm_npz_is_name(const char *path); /* ends in .npz or .npy, in any case */
void cm_npz_close(cm_npz **f);
size_t cm_npz_count(const cm_npz *f);
const cm_stored *cm_npz_at(const cm_npz *f, size_t i);
const cm_stored *cm_npz_find(const cm_npz *f, const char *name); /* "mu" for mu.npy, "" of a .npy alone; NULL: absent */
/* Fills a->data, which is NULL before; a: one of this file's. */
cm_status cm_npz_load(cm_npz *f, const cm_stored *a);
/* The same from bytes that stay the caller's (tests, fuzzing). */
cm_status cm_npz_read(cm_npz **out, const unsigned char *data, size_t bytes);

/* Items as for cm_safetensors_write, `raw` given; f64, f32, i64 and u8. As numpy.savez, through a temporary name. */
cm_status cm_npz_write(const char *path, const cm_store_item *items, size_t count);

#endif
