// SPDX-License-Identifier: Apache-2.0
/* The Hugging Face hub's cache on this machine: models--OWNER--NAME holds snapshots/COMMIT, and refs/main the commit's
 * name. Nothing is fetched. */
#ifndef CM_CORE_IO_HUB_H
#define CM_CORE_IO_HUB_H

#include <stdbool.h>

#include "core/base/arena.h"

/* Is it OWNER/NAME, each of letters, digits, '-', '_' and '.'? */
bool cm_hub_is_name(const char *text);

/* The folder that `path` means: of a repository in the cache ("models--OWNER--NAME" itself, or its name where there is
 * no such path) the snapshot of refs/main, or the only one; else path as it is. CM_EIO where the cache has none of it.
 */
cm_status cm_hub_resolve(const char *path, cm_arena *out, const char **folder);

/* $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub. */
cm_status cm_hub_cache(cm_arena *out, const char **folder);

#endif
