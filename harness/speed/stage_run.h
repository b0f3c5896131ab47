// SPDX-License-Identifier: Apache-2.0
/* One stage of the pipeline, or a network that scores, on given inputs, again and again: to be timed beside other
 * programs.
 *
 * Files are safetensors in diffusers' shapes. Inputs: `latents` [n,C,h,w]; for "unet" also `timestep` [n], `text`
 * [n,L,D] and, for Stable Diffusion XL, `pooled` [n,P] and `sizes` [n,6]. Outputs: `noise` [n,C,h,w] of "unet",
 * `pixels` [n,3,H,W] of "decode", whose latents are already divided by the scaling factor. "inception" (the FID
 * network) and "inception-torchvision" make `features` [n,2048] of `pixels` [n,3,299,299] in [-1,1].
 *
 * Inside the window: channels last, the network, channels first. Outside, as once a prompt: text keys and values, added
 * conditions.
 */
#ifndef CM_HARNESS_SPEED_STAGE_RUN_H
#define CM_HARNESS_SPEED_STAGE_RUN_H

#include "core/io/safetensors.h"
#include "core/tensor/ops.h"

typedef struct cm_stage cm_stage;

/* NULL-terminated: "unet", "decode", "inception", "inception-torchvision". */
extern const char *const cm_stage_names[];
/* Opens only the network it needs: from a diffusers folder, or, of an Inception, from a folder or file with its
 * weights. lean: little memory for more time. */
cm_status cm_stage_open(cm_stage **out, const char *model, const char *stage, const char *inputs, const cm_ops *backend,
                        int threads, bool lean);
void cm_stage_close(cm_stage **s);
cm_status cm_stage_run(cm_stage *s, double *seconds);
cm_status cm_stage_write(const cm_stage *s, const char *path); /* the last run's output, f32 */

#endif
