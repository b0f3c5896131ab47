// SPDX-License-Identifier: Apache-2.0
/* Arms that are any command: it gets the prompts in a file and writes images into a folder.
 *
 *     cm_command_arm c = {.command = "python sd.py --prompts {prompts} --out {out}",
 *                         .folder = "out/mine", .arm = "theirs", ...};
 *     cm_command_result r;
 *     CM_TRY(cm_command_check(c.command));
 *     CM_TRY(cm_command_arm_run(&c, &arena, &r));
 *
 * No shell reads the command. Blanks separate words; '...' takes everything as it stands, "..." all but \" and \\, a
 * backslash outside of quotes the next character. What a shell would read (| & ; < > $ ` * ? and ~ in front) must be
 * quoted, so that nobody believes that one does. In any word, quoted or not, stand for themselves
 *
 *     {prompts}        FOLDER/commands/ARM/prompts.jsonl: an object a line for each image that is to be made: id,
 *                      prompt, negative, seed, file (below {out}: "p0001.png"; "1/p0001.png" of several images a
 *                      prompt), k (then only, from 0), steps, guidance, width, height
 *     {prompts_csv}    the same as CSV with a header
 *     {prompts_txt}    the prompts alone, a line each, line breaks as blanks
 *     {seeds}          the seeds, a line each, in the same order
 *     {negative_file}  the suite's negative prompt
 *     {out}            FOLDER/images/ARM
 *     {count} {steps} {guidance} {width} {height}      numbers; count: of the images to be made
 *
 * {out}, and {prompts} or {prompts_csv}, must be there. Another {word} is refused; \{ stands for a brace. Paths are
 * whole ones. No text of a prompt is in the command's words.
 *
 * The command's own folder is ours; child.h says how it runs, how it is ended and what its time and memory mean.
 */
#ifndef CM_HARNESS_ARMS_COMMAND_ARM_H
#define CM_HARNESS_ARMS_COMMAND_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "prompts/prompt_set.h"

typedef struct cm_command_arm {
    const char *command;
    const char *folder, *arm; /* of the run; images go to FOLDER/images/ARM, the rest to FOLDER/commands/ARM */
    const cm_prompt_set *prompts;
    size_t images;               /* K a prompt, at least 1 */
    const uint64_t *seeds;       /* [prompts*images], of a prompt one after another */
    const bool *wanted;          /* [prompts*images]: which are still to be made */
    bool fresh;                  /* nothing that is there is taken for made */
    size_t steps, width, height; /* what the suite says; width and height 0: nothing, and rows have none */
    double guidance;
    const char *negative; /* for prompts without one of their own; NULL: none */
    double timeout;       /* seconds; 0: none */
    int threads;          /* that look at images afterwards */
} cm_command_arm;

/* made, files: an image that was wanted and that a stopped run of this command has left whole counts, too; the command
 * is not asked for it again. It does not run when there is nothing to ask for. */
typedef struct cm_command_result {
    double seconds, peak_rss_mb;
    int status;                 /* its exit status; 128 + the signal; 124 after the timeout; 127: it could not start */
    size_t wanted, asked, made; /* images: of the caller, of the command, there now */
    const char **files;         /* [prompts*images] below FOLDER; NULL: not wanted, or not made */
    const char *note;           /* in one line what went wrong, with the end of its log; NULL: nothing */
} cm_command_result;

/* CM_EUSAGE with what is wrong in the command's words. */
cm_status cm_command_check(const char *command);

/* CM_OK however the command ended. Other statuses are ours: CM_EINTERRUPTED (what is made stays for the next run),
 * files that cannot be written. A wanted image's place is cleared first, so that a command which leaves files alone
 * makes it. */
cm_status cm_command_arm_run(const cm_command_arm *c, cm_arena *out, cm_command_result *r);

#endif
