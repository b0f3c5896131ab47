// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/base/closest.h"
#include "core/base/cpu_level.h"
#include "core/tensor/ops.h"

/* One table per thread: it is filled at each call. */
static _Thread_local const cm_ops *table[7];

const cm_ops *const *cm_backends(void) {
    table[0] = cm_ops_ref();
    table[1] = cm_ops_openblas();
    table[2] = cm_ops_f32();
    table[3] = cm_ops_bf16x3();
    table[4] = cm_ops_bf16();
    table[5] = cm_ops_int8();
    return table;
}

const cm_ops *cm_backend_find(const char *name) {
    for (const cm_ops *const *b = cm_backends(); *b; b++)
        if (strcmp((*b)->name, name) == 0) return *b;
    return NULL;
}

cm_status cm_backend_choose(const char *what, const char *name, const cm_ops **backend) {
    const char *names[9] = {"auto"};
    for (size_t i = 0; cm_backends()[i] && i < 7; i++) names[i + 1] = cm_backends()[i]->name;
    *backend = strcmp(name, "auto") == 0 ? cm_backend_default() : cm_backend_find(name);
    return *backend ? CM_OK : cm_unknown_choice(what, name, names);
}

const cm_ops *cm_backend_default(void) {
    if (!cm_ops_bf16x3()->slow_here) return cm_ops_bf16x3();
    return cm_cpu_level_get() > CM_CPU_PORTABLE ? cm_ops_f32() : cm_ops_openblas();
}

bool cm_backend_is_coarse(const cm_ops *ops) {
    return ops->rounding > 0x1p-9;
}

const cm_ops *cm_backend_at_most_bf16(const cm_ops *ops) {
    return cm_backend_is_coarse(ops) ? cm_ops_bf16() : ops;
}
