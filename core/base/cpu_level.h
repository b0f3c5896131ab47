// SPDX-License-Identifier: Apache-2.0
/* The level of CPU kernels: which instruction sets they may use. It is chosen here for all kernels, once, when it is
 * first asked for: the best that this CPU and its system have, or what the environment variable CM_KERNELS names. */
#ifndef CM_CORE_BASE_CPU_LEVEL_H
#define CM_CORE_BASE_CPU_LEVEL_H

#include "core/base/status.h"

typedef enum cm_cpu_level {
    CM_CPU_PORTABLE,    /* plain C */
    CM_CPU_AVX2,        /* with FMA */
    CM_CPU_AVX512,      /* F, BW, DQ and VL */
    CM_CPU_AVX512_BF16, /* and BF16 or VNNI: which of them, cm_cpu_get says */
    CM_CPU_AMX          /* and tiles of bf16 or int8 */
} cm_cpu_level;

/* "portable", "avx2", "avx512", "avx512-bf16", "amx" */
const char *cm_cpu_level_name(cm_cpu_level level);
/* The best that this machine has. */
cm_cpu_level cm_cpu_level_best(void);
/* The one in use. */
cm_cpu_level cm_cpu_level_get(void);
/* CM_EUSAGE when CM_KERNELS names no level, or one that this machine lacks. A program calls it once, at its start;
 * without that call such a name is as good as none. */
cm_status cm_cpu_level_check(void);

#endif
