// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/base/progress.h"
#include "core/base/system.h"

Test(progress, rate_counts_what_this_run_did) {
    cm_progress p;
    cm_log_level(CM_QUIET);
    cm_progress_begin(&p, "unet", "step", 500, 5000);
    cr_expect_eq(cm_progress_rate(&p, p.start + 10), 0);
    cm_progress_step(&p, 520, NULL);
    cr_expect_float_eq(cm_progress_rate(&p, p.start + 10), 2, 1e-9, "20 steps in 10 seconds, not 520");
    cr_expect_eq(cm_progress_rate(&p, p.start), 0, "no time has passed");
}
