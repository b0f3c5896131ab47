// SPDX-License-Identifier: Apache-2.0
/* What the functions of nn.h share. Nobody else needs it. */
#ifndef CM_CORE_TENSOR_NN_PARTS_H
#define CM_CORE_TENSOR_NN_PARTS_H

#include "core/tensor/nn.h"
#include "core/tensor/ops.h"
#include "core/tensor/tape_parts.h"
#include "core/tensor/tensor_parts.h"

/* The shape of a convolution of so many channels of x, or of all, by w; padding as cm_pad says. */
cm_conv_shape cm_conv_shape_under(const cm_tensor *x, size_t channels, const cm_tensor *w, size_t stride, cm_pad pad);
cm_conv_shape cm_conv_shape_of(const cm_tensor *x, const cm_tensor *w, size_t stride, cm_pad pad);

/* y's shape is x's with another last dimension. */
cm_tensor *cm_like(cm_ctx *g, const cm_tensor *x, size_t last);

#endif
