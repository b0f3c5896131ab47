// SPDX-License-Identifier: Apache-2.0
#include "core/io/pickle.h"

#include <string.h>

enum { MAX_BYTES = 1 << 25, MAX_NODES = 1 << 20, MAX_PROTOCOL = 5, NODES = 256 };

/* Opcodes, named as in Python's pickletools. */
enum {
    MARK = '(',
    STOP = '.',
    POP = '0',
    POP_MARK = '1',
    DUP = '2',
    NONE = 'N',
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    BINFLOAT = 'G',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    LONG1 = 0x8a,
    LONG4 = 0x8b,
    BINUNICODE = 'X',
    SHORT_BINUNICODE = 0x8c,
    BINUNICODE8 = 0x8d,
    BINSTRING = 'T',
    SHORT_BINSTRING = 'U',
    BINBYTES = 'B',
    SHORT_BINBYTES = 'C',
    BINBYTES8 = 0x8e,
    BYTEARRAY8 = 0x96,
    EMPTY_LIST = ']',
    APPEND = 'a',
    APPENDS = 'e',
    LIST = 'l',
    EMPTY_TUPLE = ')',
    TUPLE = 't',
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    EMPTY_DICT = '}',
    DICT = 'd',
    SETITEM = 's',
    SETITEMS = 'u',
    EMPTY_SET = 0x8f,
    ADDITEMS = 0x90,
    FROZENSET = 0x91,
    BINGET = 'h',
    LONG_BINGET = 'j',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    MEMOIZE = 0x94,
    GLOBAL = 'c',
    STACK_GLOBAL = 0x93,
    REDUCE = 'R',
    NEWOBJ = 0x81,
    NEWOBJ_EX = 0x92,
    BUILD = 'b',
    BINPERSID = 'Q',
    PROTO = 0x80,
    FRAME = 0x95
};

/* The stack machine. A mark on the stack is the depth below which nothing is taken until it is cleared. */
typedef struct machine {
    const unsigned char *begin, *at, *end;
    cm_arena *arena;
    cm_pickled *stack, *memo;
    size_t *marks;
    size_t depth, stack_room, memo_room, puts, mark_count, mark_room, nodes;
    cm_pickle_node *fresh; /* NODES at a time */
    cm_pickled persistent; /* the last one */
} machine;

static cm_status bad(const machine *m, const char *what) {
    return cm_fail(CM_EFORMAT, "byte %zu: %s", (size_t)(m->at - m->begin), what);
}

/* --- bytes ---------------------------------------------------------------- */

static cm_status take(machine *m, uint64_t n, const unsigned char **p) {
    if (n > (uint64_t)(m->end - m->at)) return bad(m, "ends early");
    *p = m->at;
    m->at += n;
    return CM_OK;
}

/* A little-endian number of 1 to 8 bytes. */
static cm_status take_number(machine *m, size_t size, uint64_t *value) {
    const unsigned char *p = NULL;
    CM_TRY(take(m, size, &p));
    *value = 0;
    for (size_t i = size; i-- > 0;) *value = *value << 8 | p[i];
    return CM_OK;
}

static cm_status take_line(machine *m, cm_pickled *text) {
    const unsigned char *p = m->at, *newline = memchr(p, '\n', (size_t)(m->end - p));
    if (!newline) return bad(m, "ends early");
    *text = (cm_pickled){.kind = CM_PICKLE_TEXT, .length = (uint32_t)(newline - p), .is.text = (const char *)p};
    m->at = newline + 1;
    return CM_OK;
}

/* --- stack, marks, memo --------------------------------------------------- */

/* Room for one more of `size` bytes each in *array; grows by doubling, so old copies cost as much again at most. */
static cm_status make_room(cm_arena *arena, void **array, size_t count, size_t *room, size_t size) {
    if (count < *room) return CM_OK;
    const size_t more = *room ? 2 * *room : 4;
    void *bigger = cm_arena_push(arena, more * size);
    CM_TRY(cm_arena_check(arena));
    if (count) memcpy(bigger, *array, count * size);
    *array = bigger;
    *room = more;
    return CM_OK;
}

static cm_status push(machine *m, cm_pickled v) {
    void *stack = m->stack;
    CM_TRY(make_room(m->arena, &stack, m->depth, &m->stack_room, sizeof v));
    m->stack = stack;
    m->stack[m->depth++] = v;
    return CM_OK;
}

static cm_status push_kind(machine *m, cm_pickle_kind kind) {
    return push(m, (cm_pickled){.kind = kind});
}

static cm_status push_mark(machine *m) {
    void *marks = m->marks;
    CM_TRY(make_room(m->arena, &marks, m->mark_count, &m->mark_room, sizeof *m->marks));
    m->marks = marks;
    m->marks[m->mark_count++] = m->depth;
    return CM_OK;
}

/* The top n values, which must lie above the last mark, are taken off; they stay readable until the next push. */
static cm_status pop(machine *m, size_t n, cm_pickled **values) {
    const size_t floor = m->mark_count ? m->marks[m->mark_count - 1] : 0;
    if (n > m->depth - floor) return bad(m, "takes more from the stack than lies there");
    m->depth -= n;
    *values = m->stack ? m->stack + m->depth : NULL;
    return CM_OK;
}

/* All above the last mark, and the mark. */
static cm_status pop_mark(machine *m, cm_pickled **values, size_t *n) {
    if (!m->mark_count) return bad(m, "no mark on the stack");
    const size_t floor = m->marks[m->mark_count - 1];
    *n = m->depth - floor;
    CM_TRY(pop(m, *n, values));
    m->mark_count--;
    return CM_OK;
}

static cm_status top(machine *m, cm_pickled **v) {
    CM_TRY(pop(m, 1, v));
    m->depth++;
    return CM_OK;
}

/* Picklers number their memo in order, from 0 or 1. */
static cm_status put(machine *m, uint64_t index) {
    cm_pickled *v = NULL;
    CM_TRY(top(m, &v));
    if (index > m->puts + 1) return bad(m, "a memo index out of order");
    while (index >= m->memo_room) {
        void *memo = m->memo;
        const size_t before = m->memo_room;
        CM_TRY(make_room(m->arena, &memo, before, &m->memo_room, sizeof *m->memo));
        m->memo = memo;
        memset(m->memo + before, 0, (m->memo_room - before) * sizeof *m->memo);
    }
    m->memo[index] = *v;
    m->puts++;
    return CM_OK;
}

static cm_status get(machine *m, uint64_t index) {
    if (index >= m->memo_room || m->memo[index].kind == CM_PICKLE_NONE)
        return bad(m, "a memo index that was never set");
    return push(m, m->memo[index]);
}

/* --- nodes ---------------------------------------------------------------- */

static cm_status new_node(machine *m, cm_pickle_kind kind, cm_pickled *v) {
    if (m->nodes == MAX_NODES) return bad(m, "more than 1048576 objects");
    if (m->nodes++ % NODES == 0) m->fresh = CM_PUSH_ZERO(m->arena, cm_pickle_node, NODES);
    CM_TRY(cm_arena_check(m->arena));
    *v = (cm_pickled){.kind = kind, .is.node = m->fresh++};
    return CM_OK;
}

static cm_status add_items(machine *m, cm_pickle_node *node, const cm_pickled *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        void *items = node->items;
        CM_TRY(make_room(m->arena, &items, node->count, &node->room, sizeof *values));
        node->items = items;
        node->items[node->count++] = values[i];
    }
    return CM_OK;
}

static cm_status push_node(machine *m, cm_pickle_kind kind, const cm_pickled *values, size_t n) {
    cm_pickled v = {0};
    CM_TRY(new_node(m, kind, &v));
    CM_TRY(add_items(m, v.is.node, values, n));
    return push(m, v);
}

static cm_status push_pair(machine *m, cm_pickle_kind kind, cm_pickled first, cm_pickled second) {
    cm_pickled v = {0};
    CM_TRY(new_node(m, kind, &v));
    v.is.node->first = first;
    v.is.node->second = second;
    return push(m, v);
}

/* --- opcodes, by what they make ------------------------------------------- */

/* Two's complement of any size; beyond 64 bits nobody needs its value. */
static cm_status push_long(machine *m, uint64_t size) {
    const unsigned char *p = NULL;
    CM_TRY(take(m, size, &p));
    if (size > 8) return push_kind(m, CM_PICKLE_OTHER);
    uint64_t value = size && p[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = (size_t)size; i-- > 0;) value = value << 8 | p[i];
    return push(m, (cm_pickled){.kind = CM_PICKLE_INT, .is.whole = (int64_t)value});
}

static cm_status push_text(machine *m, uint64_t size) {
    const unsigned char *p = NULL;
    CM_TRY(take(m, size, &p));
    return push(m, (cm_pickled){.kind = CM_PICKLE_TEXT, .length = (uint32_t)size, .is.text = (const char *)p});
}

static cm_status push_bytes(machine *m, uint64_t size) {
    const unsigned char *p = NULL;
    CM_TRY(take(m, size, &p));
    return push_kind(m, CM_PICKLE_OTHER);
}

/* Opcodes that are a number of `size` bytes and something that is done with it. */
static const struct numbered {
    unsigned char opcode, size;
    cm_status (*then)(machine *m, uint64_t number);
} numbered[] = {{LONG1, 1, push_long},
                {LONG4, 4, push_long},
                {BINUNICODE, 4, push_text},
                {BINUNICODE8, 8, push_text},
                {SHORT_BINUNICODE, 1, push_text},
                {BINSTRING, 4, push_bytes},
                {BINBYTES, 4, push_bytes},
                {SHORT_BINSTRING, 1, push_bytes},
                {SHORT_BINBYTES, 1, push_bytes},
                {BINBYTES8, 8, push_bytes},
                {BYTEARRAY8, 8, push_bytes},
                {BINGET, 1, get},
                {LONG_BINGET, 4, get},
                {BINPUT, 1, put},
                {LONG_BINPUT, 4, put}};

static const struct numbered *find_numbered(unsigned char opcode) {
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        if (numbered[i].opcode == opcode) return &numbered[i];
    return NULL;
}

static cm_status push_int(machine *m, size_t size) {
    uint64_t value = 0;
    CM_TRY(take_number(m, size, &value));
    const int64_t whole = size == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
    return push(m, (cm_pickled){.kind = CM_PICKLE_INT, .is.whole = whole});
}

static cm_status skip(machine *m, uint64_t size) {
    const unsigned char *p = NULL;
    return take(m, size, &p);
}

static cm_status marked_node(machine *m, cm_pickle_kind kind) {
    cm_pickled *values = NULL;
    size_t n = 0;
    CM_TRY(pop_mark(m, &values, &n));
    if (kind == CM_PICKLE_DICT && n % 2) return bad(m, "a key without a value");
    return kind == CM_PICKLE_OTHER ? push_kind(m, kind) : push_node(m, kind, values, n);
}

static cm_status tuple(machine *m, size_t n) {
    cm_pickled *values = NULL;
    CM_TRY(pop(m, n, &values));
    return push_node(m, CM_PICKLE_LIST, values, n);
}

/* values go into the container below them on the stack; what has no items to see swallows them. */
static cm_status into_top(machine *m, const cm_pickled *values, size_t n, cm_pickle_kind kind) {
    cm_pickled *v = NULL;
    CM_TRY(top(m, &v));
    if (kind == CM_PICKLE_DICT && n % 2) return bad(m, "a key without a value");
    if (v->kind == CM_PICKLE_OTHER) return CM_OK;
    if (v->kind != kind && v->kind != CM_PICKLE_CALL) return bad(m, "adds items to what has none");
    return add_items(m, v->is.node, values, n);
}

static cm_status some_into_top(machine *m, size_t n, cm_pickle_kind kind) {
    cm_pickled *values = NULL;
    CM_TRY(pop(m, n, &values));
    return into_top(m, values, n, kind);
}

static cm_status marked_into_top(machine *m, cm_pickle_kind kind) {
    cm_pickled *values = NULL;
    size_t n = 0;
    CM_TRY(pop_mark(m, &values, &n));
    return into_top(m, values, n, kind);
}

static cm_status named(machine *m) {
    cm_pickled module = {0}, name = {0};
    CM_TRY(take_line(m, &module));
    CM_TRY(take_line(m, &name));
    return push_pair(m, CM_PICKLE_GLOBAL, module, name);
}

static cm_status named_on_stack(machine *m) {
    cm_pickled *v = NULL;
    CM_TRY(pop(m, 2, &v));
    if (v[0].kind != CM_PICKLE_TEXT || v[1].kind != CM_PICKLE_TEXT) return bad(m, "a name that is no text");
    return push_pair(m, CM_PICKLE_GLOBAL, v[0], v[1]);
}

/* n: what is called, its arguments, and perhaps named ones, which nobody reads. */
static cm_status call(machine *m, size_t n) {
    cm_pickled *v = NULL;
    CM_TRY(pop(m, n, &v));
    return push_pair(m, CM_PICKLE_CALL, v[0], v[1]);
}

/* An object's state, for those who look at it. */
static cm_status build(machine *m) {
    cm_pickled *state = NULL, *v = NULL;
    CM_TRY(pop(m, 1, &state));
    const cm_pickled kept = *state;
    CM_TRY(top(m, &v));
    if (v->kind == CM_PICKLE_CALL) v->is.node->state = kept;
    return CM_OK;
}

static cm_status persistent(machine *m) {
    cm_pickled *v = NULL;
    CM_TRY(pop(m, 1, &v));
    CM_TRY(push_pair(m, CM_PICKLE_PERSISTENT, *v, m->persistent));
    m->persistent = m->stack[m->depth - 1];
    return CM_OK;
}

static cm_status duplicate(machine *m) {
    cm_pickled *v = NULL;
    CM_TRY(top(m, &v));
    return push(m, *v);
}

static cm_status protocol(machine *m) {
    uint64_t version = 0;
    CM_TRY(take_number(m, 1, &version));
    if (version > MAX_PROTOCOL)
        return cm_fail(CM_EFORMAT, "pickle protocol %d; 2 to %d are read", (int)version, MAX_PROTOCOL);
    return CM_OK;
}

static cm_status unknown(const machine *m, unsigned char opcode) {
    return cm_fail(CM_EFORMAT, "byte %zu: opcode 0x%02x is none that pickles of protocol 2 to %d of tensors need",
                   (size_t)(m->at - m->begin) - 1, opcode, MAX_PROTOCOL);
}

static cm_status step(machine *m, unsigned char opcode) {
    cm_pickled *v = NULL;
    size_t n = 0;
    switch (opcode) {
    case PROTO: return protocol(m);
    case FRAME: return skip(m, 8);
    case NONE:
    case NEWTRUE:
    case NEWFALSE:
    case EMPTY_SET: return push_kind(m, CM_PICKLE_OTHER);
    case BINFLOAT: return push_bytes(m, 8);
    case BININT: return push_int(m, 4);
    case BININT2: return push_int(m, 2);
    case BININT1: return push_int(m, 1);
    case MARK: return push_mark(m);
    case POP: return pop(m, 1, &v);
    case POP_MARK: return pop_mark(m, &v, &n);
    case DUP: return duplicate(m);
    case EMPTY_LIST:
    case EMPTY_TUPLE: return push_node(m, CM_PICKLE_LIST, NULL, 0);
    case EMPTY_DICT: return push_node(m, CM_PICKLE_DICT, NULL, 0);
    case LIST:
    case TUPLE: return marked_node(m, CM_PICKLE_LIST);
    case DICT: return marked_node(m, CM_PICKLE_DICT);
    case FROZENSET: return marked_node(m, CM_PICKLE_OTHER);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3: return tuple(m, opcode - TUPLE1 + 1u);
    case APPEND: return some_into_top(m, 1, CM_PICKLE_LIST);
    case APPENDS:
    case ADDITEMS: return marked_into_top(m, CM_PICKLE_LIST);
    case SETITEM: return some_into_top(m, 2, CM_PICKLE_DICT);
    case SETITEMS: return marked_into_top(m, CM_PICKLE_DICT);
    case MEMOIZE: return put(m, m->puts);
    case GLOBAL: return named(m);
    case STACK_GLOBAL: return named_on_stack(m);
    case REDUCE:
    case NEWOBJ: return call(m, 2);
    case NEWOBJ_EX: return call(m, 3);
    case BUILD: return build(m);
    case BINPERSID: return persistent(m);
    default: return unknown(m, opcode);
    }
}

cm_status cm_pickle_read_first(const unsigned char *data, size_t bytes, cm_arena *arena, cm_pickle_first *out) {
    machine m = {.begin = data, .at = data, .end = data + (bytes < MAX_BYTES ? bytes : MAX_BYTES), .arena = arena};
    for (;;) {
        const unsigned char *opcode = NULL;
        uint64_t number = 0;
        CM_TRY(take(&m, 1, &opcode));
        if (*opcode == STOP) break;
        const struct numbered *n = find_numbered(*opcode);
        if (n) CM_TRY(take_number(&m, n->size, &number));
        CM_TRY(n ? n->then(&m, number) : step(&m, *opcode));
    }
    cm_pickled *v = NULL;
    CM_TRY(pop(&m, 1, &v));
    *out = (cm_pickle_first){*v, m.persistent, (size_t)(m.at - data)};
    return CM_OK;
}

cm_status cm_pickle_read(const unsigned char *data, size_t bytes, cm_arena *arena, cm_pickled *root) {
    cm_pickle_first p;
    if (bytes > MAX_BYTES) return cm_fail(CM_EFORMAT, "a pickle of %zu bytes; at most %d are read", bytes, MAX_BYTES);
    CM_TRY(cm_pickle_read_first(data, bytes, arena, &p));
    *root = p.root;
    return CM_OK;
}

/* --- reading the tree ----------------------------------------------------- */

bool cm_pickle_is_text(const cm_pickled *v, const char *text) {
    return v->kind == CM_PICKLE_TEXT && v->length == strlen(text) && memcmp(v->is.text, text, v->length) == 0;
}

bool cm_pickle_is_global(const cm_pickled *v, const char *module, const char *name) {
    return v->kind == CM_PICKLE_GLOBAL && cm_pickle_is_text(&v->is.node->first, module) &&
           cm_pickle_is_text(&v->is.node->second, name);
}

const cm_pickled *cm_pickle_find(const cm_pickle_node *dict, const char *key) {
    for (size_t i = dict->count / 2; i-- > 0;)
        if (cm_pickle_is_text(&dict->items[2 * i], key)) return &dict->items[2 * i + 1];
    return NULL;
}
