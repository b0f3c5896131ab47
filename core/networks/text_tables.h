// SPDX-License-Identifier: Apache-2.0
/* Tables of text_clean.c, sorted; made by text_tables.py. */
#ifndef CM_CORE_NETWORKS_TEXT_TABLES_H
#define CM_CORE_NETWORKS_TEXT_TABLES_H

#include "core/networks/unicode_tables.h"

typedef enum cm_name_kind {
    CM_NAME_CLOSED, /* needs its semicolon */
    CM_NAME_BARE,   /* does without, for html.unescape */
    CM_NAME_FTFY    /* in capitals: ftfy alone knows it */
} cm_name_kind;

/* An HTML name of a character; codes end with 0 or the array. */
typedef struct cm_text_name {
    const char *name;
    cm_name_kind kind;
    uint32_t codes[3];
} cm_text_name;

/* What a narrow or a wide form becomes; full-width ASCII is not listed. */
typedef struct cm_text_width {
    uint32_t from, to[3];
} cm_text_width;

extern const cm_text_name cm_text_names[];
extern const size_t cm_text_names_count;
extern const cm_text_width cm_text_widths[];
extern const size_t cm_text_widths_count;
extern const cm_unicode_range cm_text_cased[]; /* letters that have a case; not those that are passed over */
extern const size_t cm_text_cased_count;
extern const cm_unicode_range cm_text_passed_over[]; /* marks and signs that a sigma looks past */
extern const size_t cm_text_passed_over_count;

#endif
