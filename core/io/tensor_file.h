// SPDX-License-Identifier: Apache-2.0
/* A file of named tensors of either kind: safetensors, or a torch checkpoint. Which, its name or first bytes say. */
#ifndef CM_CORE_IO_TENSOR_FILE_H
#define CM_CORE_IO_TENSOR_FILE_H

#include "core/io/safetensors.h"

typedef struct cm_tensor_file cm_tensor_file;

cm_status cm_tensor_file_open(cm_tensor_file **out, const char *path);
void cm_tensor_file_close(cm_tensor_file **f);
size_t cm_tensor_file_count(const cm_tensor_file *f);
const cm_stored *cm_tensor_file_at(const cm_tensor_file *f, size_t i);
const cm_stored *cm_tensor_file_find(const cm_tensor_file *f, const char *name); /* NULL: absent */

bool cm_tensor_file_is_script(const cm_tensor_file *f); /* written by torch.jit.save */

/* Does the name end as such files do? */
bool cm_tensor_file_is_name(const char *path);

#endif
