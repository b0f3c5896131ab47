// SPDX-License-Identifier: Apache-2.0
/* What OpenAI's CLIP and open_clip do to a text before they split it: ftfy.fix_text (6.3.1), then html.unescape twice
 * (open_clip 3.3.0's basic_clean), then Python's lower case.
 *
 * Done: names and numbers of characters as in HTML, curly quotes, ligatures, narrow and wide forms, C1 controls read as
 * Windows-1252, terminal escapes, control characters, NFC; again until nothing changes. Line breaks of all kinds are
 * blanks to the tokenizer anyway. Not done: repairing text that was decoded wrongly ("Ã©"); where it looks so, that is
 * said.
 */
#ifndef CM_CORE_NETWORKS_TEXT_CLEAN_H
#define CM_CORE_NETWORKS_TEXT_CLEAN_H

#include "core/base/arena.h"
#include "core/networks/unicode.h"

/* *out lives in scratch; characters keep the bytes that they came from. doubtful: has what looks like UTF-8 read as
 * Latin-1 or Windows-1252, or a quote of it read as another, which ftfy would repair. CM_ENOMEM only. */
cm_status cm_text_clean(const cm_char *text, size_t count, cm_arena *scratch, cm_char **out, size_t *mended,
                        bool *doubtful);

/* Is the capital sigma at i the last letter of its word? As str.lower of Python asks. */
bool cm_text_final_sigma(const cm_char *text, size_t count, size_t i);

#endif
