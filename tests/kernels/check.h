// SPDX-License-Identifier: Apache-2.0
/* cm_check: every kernel that a backend replaced, against ref's.
 *
 * A kernel is described by one row: which entry of the table, the shapes to try, a
 * plan (sizes of inputs and outputs for a shape) and a call. The driver does the
 * rest, for 1, 2 and 3 threads and several kinds of inputs: random inputs, poison
 * around every array, equal starting values in both outputs (so that a gradient that
 * does not add is seen), each optional output left out in turn, in place where
 * allowed, and a NaN in each input, which must be NaN wherever ref says NaN.
 */
#ifndef CM_TESTS_KERNELS_CHECK_H
#define CM_TESTS_KERNELS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/tensor/ops.h"

enum { CHECK_ARRAYS = 8, CHECK_NUMBERS = 10 };

/* Kinds of inputs, besides uniform in [-1,1], which is always tried. */
enum {
    CHECK_WIDE = 1,     /* magnitudes 1e-6 to 1e6 */
    CHECK_CONSTANT = 2, /* all values plan.constant */
    CHECK_OFFSET = 4,   /* 10 + uniform: sums of squares cancel */
    CHECK_TINY = 8      /* denormal */
};

typedef struct check_plan {
    size_t in[CHECK_ARRAYS], out[CHECK_ARRAYS]; /* sizes in values; 0 ends the list */
    size_t ins, outs;
    bool adds;     /* outputs are added into, and each may be NULL */
    size_t fresh;  /* with exec.fresh so many outputs are written and never read */
    bool optional; /* outputs after the first may be NULL */
    bool in_place; /* the first output may be the first input */
    bool updates;  /* outputs are read and written, and must be there (adamw, axpy) */
    unsigned kinds;
    float constant; /* 0: 1 */
    double limit;   /* of ||got - want|| / ||want||, each output; the reason stands where it is set */
    double work;    /* operations of one call; 0: the arrays' bytes are what counts */
} check_plan;

typedef struct check_kernel {
    const char *name;
    size_t entry; /* offsetof(cm_ops, ...) */
    const size_t (*shapes)[CHECK_NUMBERS];
    size_t shape_count;
    const size_t (*bench)[CHECK_NUMBERS];
    size_t bench_count;
    void (*plan)(const size_t *shape, check_plan *p);
    /* (optional) makes inputs that depend on others, with ref */
    void (*prepare)(const cm_ops *ref, const cm_exec *e, const size_t *shape, float **in);
    void (*call)(const cm_ops *ops, const cm_exec *e, const size_t *shape, float **in, float **out);
} check_kernel;

#define CHECK_ROWS(table) (table), sizeof(table) / sizeof(table)[0]

/* One array a file, ended by a row without name. */
extern const check_kernel check_matrix[], check_conv[], check_norm[], check_attention[], check_simple[];

#endif
