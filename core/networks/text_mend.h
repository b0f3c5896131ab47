// SPDX-License-Identifier: Apache-2.0
/* What OpenAI's CLIP and open_clip do to a text before they split it, as far as captions need it: ftfy.fix_text, then
 * html.unescape twice (open_clip 3.3.0's basic_clean).
 *
 * Done: entities with a semicolon, by number or by one of the usual names; curly quotes made straight; ligatures taken apart;
 * full-width Latin made narrow. Not done: repairing text that was decoded wrongly ("Ã©"), the other 2,000 names.
 */
#ifndef CM_CORE_NETWORKS_TEXT_MEND_H
#define CM_CORE_NETWORKS_TEXT_MEND_H

#include "core/networks/unicode.h"

enum { CM_MEND_ROOM = 3 };
/* out: room for CM_MEND_ROOM * count; returns how many. Characters keep the bytes that they came from. */
size_t cm_text_mend(const cm_char *text, size_t count, cm_char *out);

#endif
