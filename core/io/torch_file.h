// SPDX-License-Identifier: Apache-2.0
/* PyTorch's checkpoints (torch.save: .bin, .pt, .pth, .ckpt): their named tensors, nothing else.
 *
 * Format: before version 1.6 as torch_old.h says; since then a zip of stored entries: NAME/data.pkl, a pickle that
 * names tensors over storages, and NAME/data/KEY, a storage's values. The pickle is read as data (pickle.h): tensors,
 * storages and ordered dictionaries are understood, anything else is left alone. Tensors are those of the outermost
 * dictionary, or of the one under "state_dict", "params_ema", "params" or "model" in it; a file that is one bare tensor
 * (MLPerf's latents.pt) holds "tensor". An archive of TorchScript (torch.jit.save) holds modules instead, whose
 * attributes are taken by their dotted path ("visual.conv1.weight"), as its state_dict() would name them; its code is
 * never looked at. Values stay mapped, their
 * check sums seen to when the file is opened; where strides are not a plain array's they are copied.
 */
#ifndef CM_CORE_IO_TORCH_FILE_H
#define CM_CORE_IO_TORCH_FILE_H

#include "core/io/safetensors.h"

typedef struct cm_torch_file cm_torch_file;

cm_status cm_torch_file_open(cm_torch_file **out, const char *path);
void cm_torch_file_close(cm_torch_file **f);
size_t cm_torch_file_count(const cm_torch_file *f);
const cm_stored *cm_torch_file_at(const cm_torch_file *f, size_t i);
const cm_stored *cm_torch_file_find(const cm_torch_file *f, const char *name); /* NULL: absent */

/* Was it written by torch.jit.save? */
bool cm_torch_file_is_script(const cm_torch_file *f);

/* Do these first bytes of a file (15 at least for the old format) begin such a checkpoint? */
bool cm_torch_file_begins(const unsigned char *data, size_t bytes);

#endif
