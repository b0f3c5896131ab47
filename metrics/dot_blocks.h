// SPDX-License-Identifier: Apache-2.0
/* Tables of dot products between the rows of two sets, a block at a time: memory does not grow with the sets. */
#ifndef CM_METRICS_DOT_BLOCKS_H
#define CM_METRICS_DOT_BLOCKS_H

#include <stddef.h>

#include "core/base/arena.h"

enum { CM_DENSE_BLOCK = 512 }; /* rows and columns of a block, at most */

/* A block of the table: dots[r * columns + c] = x[row + r] . y[column + c], in double. */
typedef struct cm_dot_block {
    size_t row, rows, column, columns;
    const double *dots;
} cm_dot_block;
typedef void cm_dot_visit(void *arg, const cm_dot_block *b);

/* x [n,width], y [m,width]. Every block once, all of a strip of rows before the next. */
cm_status cm_dot_blocks(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *scratch,
                        cm_dot_visit *visit, void *arg);
/* The same of a set with itself, without the blocks below the diagonal: they mirror those above (column >= row). */
cm_status cm_dot_blocks_half(const float *x, size_t n, size_t width, cm_arena *scratch, cm_dot_visit *visit, void *arg);
/* out[i] = |x_i|^2 */
void cm_dot_squares(const float *x, size_t n, size_t width, double *out);
/* out [n,m] = x y' in f32, for tables of many products of the same precision as f32 programs have. */
void cm_dot_product(const float *x, size_t n, const float *y, size_t m, size_t width, float *out);
/* out [n,n] = x x' in f32, on and above the diagonal alone. */
void cm_dot_product_half(const float *x, size_t n, size_t width, float *out);
/* out [n,m] = a [n,k] b [k,m] */
void cm_dot_multiply(const double *a, size_t n, size_t k, const double *b, size_t m, double *out);

/* Call this before computing set scores: it gives OpenBLAS all cores. The CPU backends limit OpenBLAS to one thread,
 * and the number of threads changes the last digits of sums. */
void cm_blas_all_threads(void);

#endif
