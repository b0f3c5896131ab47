// SPDX-License-Identifier: Apache-2.0
/* Python's pickles (protocols 2 to 5) as data. Nothing is imported, called or built: what a pickle asks Python to do
 * becomes a node that says so, and whoever reads the tree decides what it knows. Every byte that is taken costs bounded
 * memory, and no step recurses.
 */
#ifndef CM_CORE_IO_PICKLE_H
#define CM_CORE_IO_PICKLE_H

#include <stdint.h>

#include "core/base/arena.h"

typedef enum cm_pickle_kind {
    CM_PICKLE_NONE,  /* no value here */
    CM_PICKLE_OTHER, /* None, booleans, floats, bytes, sets, whole numbers beyond 64 bits */
    CM_PICKLE_INT,
    CM_PICKLE_TEXT,
    CM_PICKLE_LIST, /* or a tuple */
    CM_PICKLE_DICT,
    CM_PICKLE_GLOBAL,    /* a name in a module */
    CM_PICKLE_CALL,      /* a value called with arguments */
    CM_PICKLE_PERSISTENT /* something outside the pickle, by its id */
} cm_pickle_kind;

typedef struct cm_pickle_node cm_pickle_node;

typedef struct cm_pickled {
    cm_pickle_kind kind;
    uint32_t length; /* of a text, which does not end in 0 */
    union {
        int64_t whole;
        const char *text;     /* borrowed from the pickle's bytes */
        cm_pickle_node *node; /* of all kinds from LIST on */
    } is;
} cm_pickled;

struct cm_pickle_node {
    cm_pickled *items; /* a dictionary's and a call's: keys and values in turn */
    size_t count, room;
    cm_pickled first, second; /* GLOBAL: module, name; CALL: what, with which arguments; PERSISTENT: id */
    cm_pickled state;         /* of a CALL: what the object that it makes is to be filled with; mostly nothing */
};

cm_status cm_pickle_read(const unsigned char *data, size_t bytes, cm_arena *arena, cm_pickled *root);

/* The first of several pickles that stand one after the other. */
typedef struct cm_pickle_first {
    cm_pickled root;
    cm_pickled persistent; /* the last thing outside the pickle that it names; `second` of each is the one before it */
    size_t used;           /* bytes */
} cm_pickle_first;
cm_status cm_pickle_read_first(const unsigned char *data, size_t bytes, cm_arena *arena, cm_pickle_first *out);

bool cm_pickle_is_text(const cm_pickled *v, const char *text);
bool cm_pickle_is_global(const cm_pickled *v, const char *module, const char *name);
/* The value of a text key, the last one set; NULL: absent. */
const cm_pickled *cm_pickle_find(const cm_pickle_node *dict, const char *key);

#endif
