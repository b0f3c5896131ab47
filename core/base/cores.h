// SPDX-License-Identifier: Apache-2.0
/* How much of the machine this process may use, and how its threads wait for one another. */
#ifndef CM_CORE_BASE_CORES_H
#define CM_CORE_BASE_CORES_H

/* Cores that the affinity mask allows (taskset, cpusets), at least 1. */
int cm_cores_allowed(void);

/* Cores' worth of processor time that the control groups allow, 0: no limit. Versions 1 (cpu.cfs_quota_us) and 2
 * (cpu.max); of nested groups the least. `root` stands before /proc and before the mount points: "" is this machine. */
double cm_cores_quota(const char *root);

/* How often a thread looks for work or for the others' end before it sleeps. The user's word comes first:
 * GOMP_SPINCOUNT
 * ("2000", "30k", "infinite"), then OMP_WAIT_POLICY ("active", "passive"). */
typedef struct cm_wait {
    long rounds;
    const char *by; /* the variable that says so, "" for the default */
} cm_wait;

/* about 0.1 to 0.2 ms: longer than most pauses between layers, short beside a time slice */
#define CM_SPIN_ROUNDS 5000
cm_wait cm_wait_policy(void);

#endif
