// SPDX-License-Identifier: Apache-2.0
/* The files behind one network, safetensors or torch's: a single file, or the shards of an index.
 *
 * Or one part of a single-file checkpoint in the original layout (checkpoint_keys.h), under diffusers' names.
 * path may be a file, an index ("*.safetensors.index.json"), a folder with one of
 * diffusers' or transformers' usual names in it (fp16 variants last, safetensors before torch's), or a path
 * without its ".safetensors" or ".bin".
 */
#ifndef CM_CORE_NETWORKS_PARAM_FILES_H
#define CM_CORE_NETWORKS_PARAM_FILES_H

#include "core/networks/checkpoint_keys.h"

typedef struct cm_param_files cm_param_files;

cm_status cm_param_files_open(cm_param_files **out, const char *path);
/* As params.h says of cm_params_open_part. */
cm_status cm_param_files_open_part(cm_param_files **out, const char *path, cm_ckpt_part part);
cm_status cm_param_files_open_original(cm_param_files **out, const char *path, cm_ckpt_part part);
void cm_param_files_close(cm_param_files **f);
const cm_stored *cm_param_files_find(const cm_param_files *f, const char *name); /* NULL: absent */
bool cm_param_files_is_spare(const cm_param_files *f,
                             const cm_stored *t); /* usually unused: no word of it when left over */
const cm_stored *cm_param_files_at(const cm_param_files *f, size_t i); /* NULL behind the last */

#endif
