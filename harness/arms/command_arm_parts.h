// SPDX-License-Identifier: Apache-2.0
/* What the files of command arms share: the words of a command, the files it is given, the images it leaves. */
#ifndef CM_HARNESS_ARMS_COMMAND_ARM_PARTS_H
#define CM_HARNESS_ARMS_COMMAND_ARM_PARTS_H

#include <jansson.h>

#include "harness/arms/command_arm.h"

typedef enum cm_placeholder {
    CM_PLACE_PROMPTS,
    CM_PLACE_PROMPTS_CSV,
    CM_PLACE_PROMPTS_TXT,
    CM_PLACE_SEEDS,
    CM_PLACE_NEGATIVE_FILE,
    CM_PLACE_OUT,
    CM_PLACE_COUNT,
    CM_PLACE_STEPS, /* these four in the order of a row */
    CM_PLACE_GUIDANCE,
    CM_PLACE_WIDTH,
    CM_PLACE_HEIGHT,
    CM_PLACES
} cm_placeholder;

typedef struct cm_command_words {
    size_t count;
    const char **words; /* [count + 1], NULL last */
    bool uses[CM_PLACES];
} cm_command_words;

/* values [CM_PLACES]: what stands for each; NULL: nothing, the command is only checked. CM_EUSAGE: not a command. */
cm_status cm_command_split(const char *command, const char *const *values, cm_arena *out, cm_command_words *w);

/* One image that is wanted. */
typedef struct cm_command_image {
    size_t index;      /* of prompts*images */
    const char *file;  /* where it should be, below {out} */
    const char *found; /* where it is, below {out}: the same, or with another ending; NULL: nowhere */
    cm_status status;  /* of the look at `found` */
    bool asked;        /* of the command that is about to run */
} cm_command_image;

typedef struct cm_command_job {
    const cm_command_arm *arm;
    const char *place, *out;  /* FOLDER/commands/ARM and FOLDER/images/ARM, whole paths without links */
    cm_command_image *images; /* [wanted] */
    size_t wanted, asked;
    const char *values[CM_PLACES];
} cm_command_job;

/* The folders, and the list of what is wanted with its files' names. */
cm_status cm_command_prepare(const cm_command_arm *c, cm_arena *out, cm_command_job *j);
/* Which images are not to be asked for again: made by an earlier run of the same command for the same row, and whole.
 * What else lies in a wanted image's place is removed. Notes what is asked for now. */
cm_status cm_command_keep_made(cm_command_job *j, cm_arena *out);
/* The files that `uses` names, and the values of all placeholders. */
cm_status cm_command_write_files(cm_command_job *j, const bool *uses, cm_arena *out);

/* One wanted image as the command sees it; new, NULL: no memory. */
json_t *cm_command_row(const cm_command_arm *c, const cm_command_image *image);

/* Finds each image and reads it whole, on all threads. Only CM_EINTERRUPTED and CM_ENOMEM are failures. */
cm_status cm_command_look(cm_command_job *j, cm_arena *out);
bool cm_command_is_made(const cm_command_image *image);
/* Removes what lies where the image should be, whatever its ending. */
cm_status cm_command_clear(const cm_command_job *j, cm_command_image *image, cm_arena *scratch);
/* Why image->found is none, in words; in `out`. */
const char *cm_command_trouble(const cm_command_job *j, const cm_command_image *image, cm_arena *out);

#endif
