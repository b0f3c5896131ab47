// SPDX-License-Identifier: Apache-2.0
/* Speed rows: seconds of each stage of a guided image, one image at a time.
 *
 * Inside the window: what cm_generate times for each stage; a step is both halves of guidance as a batch of two.
 * Outside: opening the model and one warm-up image of two steps (of `warm_up` pixels' side when the row says so).
 * Operations are counted as the networks ask for them (counting.h). Every step of every
 * repeat is a sample of unet_step. Each row runs in a child process, so that its peak memory is its own.
 */
#ifndef CM_HARNESS_SPEED_SPEED_H
#define CM_HARNESS_SPEED_SPEED_H

#include "core/io/jsonl.h"
#include "harness/suite/suite.h"

/* The process that measures: forked before this one has used threads (which a fork does not survive), it forks a child
 * for each row. */
typedef struct cm_speed {
    int pid, to, from; /* pid 0: none */
    bool lean;
} cm_speed;

cm_status cm_speed_open(cm_speed *m, const cm_suite *s, int threads, bool lean);
void cm_speed_close(cm_speed *m);

/* Measures the suite's "speed" rows that are not in `found` yet, and the machine's rate of one large matrix product.
 * A row that fails gets a record with the reason, and a warning. */
cm_status cm_speed_run(cm_speed *m, const cm_suite *s, const json_t *found, cm_records *records);

#endif
