// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/networks/params.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/progress.h"
#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/networks/param_files.h"
#include "core/networks/param_values.h"

typedef struct entry {
    char *name;
    cm_tensor tensor;
    bool own;                /* its values are ours to write */
    const cm_stored *stored; /* in a file, when reading */
    float *place;            /* of values that can wait, when they stay: memory that is not touched before */
    cm_init init;
    float bound, middle; /* of a random weight's values */
    cm_param_make *make; /* of `from`; else NULL */
    cm_tensor *const *from;
    size_t from_count;
    struct entry *next_made;
} entry;

/* Complaints of one kind: all are counted, the first few are listed. */
enum { LISTED = 8 };
typedef struct complaints {
    size_t count;
    char *text[LISTED];
} complaints;

struct cm_params {
    char *path;            /* for messages */
    cm_param_files *files; /* when reading */
    const cm_params *from; /* when sharing */
    uint64_t seed;         /* when creating */
    bool creating, planning, trainable;
    size_t fan_in;          /* of the last weight, for its bias */
    cm_arena names, values; /* entries and texts; weights and gradients */
    cm_arena waiting;       /* large weights: apart, so that small ones beside them do not touch their huge pages */
    cm_arena staging;       /* one place for the largest of them, when fixed */
    float *staged;
    size_t staged_bytes;
    cm_packs packs;
    entry **entries;
    entry *made; /* a list, apart from the entries */
    size_t count, room;
    uint32_t *slots; /* hash table: index into entries + 1, 0 empty; twice as many as room */
    complaints missing, misshapen, broken, unread;
    bool no_memory;
    cm_tensor spare; /* handed out when not even a tensor can be made */
};

enum { MADE_OF = 32 };

static void fetch_entry(cm_packs *packs, cm_pack_slot *slot);
static void stage_entry(cm_packs *packs, cm_pack_slot *slot);
static void drop_entry(cm_packs *packs, cm_pack_slot *slot);

static cm_params *new_params(const char *path) {
    cm_params *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    cm_arena_init(&p->names, 1 << 16);
    cm_arena_init(&p->values, (size_t)1 << 22);
    cm_arena_init(&p->waiting, (size_t)1 << 22);
    cm_arena_init(&p->staging, 0);
    cm_packs_init(&p->packs);
    p->packs.fetch = fetch_entry;
    p->packs.stage = stage_entry;
    p->packs.drop = drop_entry;
    p->path = cm_arena_string(&p->names, path);
    if (!p->path) cm_params_close(&p);
    return p;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Weights that mean something else than they say: 8-bit floats with a scale beside each, 4-bit numbers with their
 * tables. */
static cm_status refuse_scaled(const cm_params *p) {
    static const char *const ends[] = {"scaled_fp8",     ".scale_weight",     ".weight_scale",
                                       ".weight.absmax", ".weight.quant_map", NULL};
    const cm_stored *t;
    for (size_t i = 0; (t = cm_param_files_at(p->files, i)); i++)
        for (const char *const *end = ends; *end; end++)
            if (ends_with(t->name, *end))
                return cm_fail(
                    CM_EFORMAT,
                    "%s: '%s': weights with scales beside them (quantised) are not read; plain f16, bf16 or 8-bit "
                    "floats are",
                    p->path, t->name);
    return CM_OK;
}

/* p becomes *out when its files could be opened. */
static cm_status hand_over(cm_params *p, cm_status s, cm_params **out) {
    if (s == CM_OK) s = refuse_scaled(p);
    if (s == CM_OK) *out = p;
    else cm_params_close(&p);
    return s;
}

cm_status cm_params_open(cm_params **out, const char *path) {
    cm_params *p = new_params(path);
    if (!p) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    return hand_over(p, cm_param_files_open(&p->files, path), out);
}

cm_status cm_params_open_original(cm_params **out, const char *path, cm_ckpt_part part) {
    cm_params *p = new_params(path);
    if (!p) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    return hand_over(p, cm_param_files_open_original(&p->files, path, part), out);
}

cm_status cm_params_open_part(cm_params **out, const char *path, cm_ckpt_part part) {
    cm_params *p = new_params(path);
    if (!p) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    return hand_over(p, cm_param_files_open_part(&p->files, path, part), out);
}

cm_status cm_params_create(cm_params **out, uint64_t seed) {
    cm_params *p = new_params("random weights");
    if (!p) return cm_fail(CM_ENOMEM, "random weights: out of memory");
    p->creating = true;
    p->seed = seed;
    *out = p;
    return CM_OK;
}

cm_status cm_params_plan(cm_params **out) {
    cm_params *p = new_params("planned weights");
    if (!p) return cm_fail(CM_ENOMEM, "planned weights: out of memory");
    p->planning = true;
    *out = p;
    return CM_OK;
}

void cm_params_close(cm_params **p) {
    if (!*p) return;
    cm_param_files_close(&(*p)->files);
    cm_arena_free(&(*p)->names);
    cm_arena_free(&(*p)->values);
    cm_arena_free(&(*p)->waiting);
    cm_arena_free(&(*p)->staging);
    cm_packs_free(&(*p)->packs);
    free((*p)->entries);
    free((*p)->slots);
    free(*p);
    *p = NULL;
}

static void complain(cm_params *p, complaints *c, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void complain(cm_params *p, complaints *c, const char *format, ...) {
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->count < LISTED) c->text[c->count] = cm_arena_string(&p->names, text);
    c->count++;
}

/* FNV-1a */
static uint32_t hash_name(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* The slot that holds name, or the empty one where it belongs. */
static uint32_t *find_slot(const cm_params *p, const char *name) {
    const size_t mask = 2 * p->room - 1;
    size_t at = hash_name(name) & mask;
    while (p->slots[at] && strcmp(p->entries[p->slots[at] - 1]->name, name) != 0) at = (at + 1) & mask;
    return &p->slots[at];
}

static entry *find_entry(const cm_params *p, const char *name) {
    const uint32_t slot = p->room ? *find_slot(p, name) : 0;
    return slot ? p->entries[slot - 1] : NULL;
}

static bool make_room(cm_params *p) {
    if (p->count < p->room) return true;
    const size_t room = p->room ? 2 * p->room : 256;
    entry **entries = realloc(p->entries, room * sizeof *entries);
    if (!entries) return false;
    p->entries = entries;
    uint32_t *slots = calloc(2 * room, sizeof *slots);
    if (!slots) return false;
    free(p->slots);
    p->slots = slots;
    p->room = room;
    for (size_t i = 0; i < p->count; i++) *find_slot(p, entries[i]->name) = (uint32_t)i + 1;
    return true;
}

static entry *add_entry(cm_params *p, const char *name, int ndim, const size_t *shape) {
    entry *e = make_room(p) ? CM_PUSH_ZERO(&p->names, entry, 1) : NULL;
    if (!e || !(e->name = cm_arena_string(&p->names, name))) return NULL;
    e->tensor.ndim = ndim;
    memcpy(e->tensor.shape, shape, (size_t)ndim * sizeof *shape);
    e->tensor.is_param = true;
    e->tensor.packs.packs = &p->packs;
    *find_slot(p, name) = (uint32_t)p->count + 1;
    p->entries[p->count++] = e;
    return e;
}

static float *push_from(cm_params *p, cm_arena *arena, size_t count) {
    float *x = CM_PUSH(arena, float, count);
    if (!x) p->no_memory = true;
    return x;
}

static float *push_values(cm_params *p, size_t count) {
    return push_from(p, &p->values, count);
}

static void fill_zero(cm_params *p, entry *e) {
    const size_t count = cm_count(&e->tensor);
    e->tensor.data = push_values(p, count);
    e->own = true;
    if (e->tensor.data) memset(e->tensor.data, 0, count * sizeof(float));
}

static size_t fan_in_of(const cm_tensor *t) {
    size_t n = 1;
    for (int i = 1; i < t->ndim; i++) n *= t->shape[i];
    return n;
}

/* The large weights of products, and large tables: made, or widened, not before they are wanted. */
static bool can_wait(const cm_params *p, const entry *e, cm_init init) {
    enum { LARGE = 1 << 16, LARGE_TABLE = 1 << 20 };
    const size_t least = init == CM_INIT_LINEAR ? LARGE : LARGE_TABLE;
    return (init == CM_INIT_LINEAR || init == CM_INIT_EMBEDDING) && e->tensor.ndim >= 2 &&
           cm_count(&e->tensor) >= least && !p->trainable;
}

/* Memory for values; those that can wait are to stay at their place, or pass through staging. */
static void push_place(cm_params *p, entry *e) {
    const bool waits = can_wait(p, e, e->init);
    const size_t half = p->waiting.used / 2; /* few blocks: the first page of each is touched */
    if (p->waiting.block_bytes < half && half < (size_t)1 << 29) p->waiting.block_bytes = half;
    e->tensor.data = push_from(p, waits ? &p->waiting : &p->values, cm_count(&e->tensor));
    e->place = waits ? e->tensor.data : NULL;
    e->own = true;
}

static void make_values(const cm_params *p, const entry *e) {
    cm_rng r = cm_rng_named(p->seed, e->name);
    cm_made_values m = {.normal = e->init == CM_INIT_EMBEDDING, .bound = e->bound, .middle = e->middle};
    m.key[0] = cm_rng_u32(&r);
    m.key[1] = cm_rng_u32(&r);
    cm_values_make(&m, cm_count(&e->tensor), e->tensor.data);
}

static void create(cm_params *p, entry *e) {
    const cm_init init = e->init;
    push_place(p, e);
    if (init == CM_INIT_LINEAR || init == CM_INIT_BIAS) e->bound = p->fan_in ? 1 / sqrtf((float)p->fan_in) : 0;
    if (init == CM_INIT_EMBEDDING) e->bound = 0.02f;
    if (init == CM_INIT_ONE) e->middle = 1;
    if (init == CM_INIT_SCALE || init == CM_INIT_VARIANCE) e->middle = init == CM_INIT_SCALE ? 1.0f : 1.0f / 6.0f;
    if (init == CM_INIT_SCALE || init == CM_INIT_VARIANCE) e->bound = init == CM_INIT_SCALE ? 0.25f : 1.0f / 12.0f;
    if (!e->tensor.data) return;
    if (e->place) e->tensor.packs.not_resident = true;
    else make_values(p, e);
}

/* container_of */
static entry *entry_of(cm_pack_slot *slot) {
    return (entry *)(void *)((char *)slot - offsetof(entry, tensor.packs));
}

static cm_params *params_of(cm_packs *packs) {
    return (cm_params *)(void *)((char *)packs - offsetof(cm_params, packs));
}

/* Whole pages inside are given back; of a mapped file they are read again when touched. */
static bool give_back(const void *data, size_t bytes) {
    const uintptr_t page = 4096, begin = (uintptr_t)data, end = begin + bytes;
    const uintptr_t from = (begin + page - 1) / page * page, to = end / page * page;
    return to > from && madvise((void *)from, to - from, MADV_DONTNEED) == 0;
}

static void give_file_back(const cm_stored *s) {
    if (s->mapped) give_back(s->data, s->count * cm_dtype_size(s->dtype));
}

static void widen(const entry *e) {
    cm_values_widen(e->stored, e->tensor.data);
    give_file_back(e->stored);
}

/* With the packs' lock held. What had to be fetched for it is let go again. */
static void make_of_others(cm_packs *packs, const entry *e) {
    bool absent[MADE_OF];
    for (size_t i = 0; i < e->from_count; i++) {
        cm_pack_slot *slot = &e->from[i]->packs;
        absent[i] = slot->not_resident;
        if (absent[i]) fetch_entry(packs, slot);
        slot->not_resident = false;
    }
    e->make(e->from, e->from_count, e->tensor.data);
    for (size_t i = 0; i < e->from_count; i++)
        if (absent[i]) drop_entry(packs, &e->from[i]->packs);
}

static void fill_entry(cm_packs *packs, const entry *e) {
    if (e->make) make_of_others(packs, e);
    else if (params_of(packs)->creating) make_values(params_of(packs), e);
    else widen(e);
}

static void fetch_entry(cm_packs *packs, cm_pack_slot *slot) {
    entry *e = entry_of(slot);
    if (e->place) e->tensor.data = e->place;
    fill_entry(packs, e);
}

static void stage_entry(cm_packs *packs, cm_pack_slot *slot) {
    cm_params *p = params_of(packs);
    entry *e = entry_of(slot);
    if (e->tensor.data != p->staged) fetch_entry(packs, slot); /* there was no memory for staging */
    else fill_entry(packs, e);
}

static void drop_entry(cm_packs *packs, cm_pack_slot *slot) {
    cm_params *p = params_of(packs);
    entry *e = entry_of(slot);
    if (e->stored && !e->own) {
        give_file_back(e->stored);
    } else if (e->place && e->tensor.data == e->place && give_back(e->place, cm_count(&e->tensor) * sizeof(float))) {
        slot->not_resident = true;
        if (p->staged) e->tensor.data = p->staged;
    }
}

static void print_shape(char *out, size_t bytes, int ndim, const size_t *shape) {
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < ndim && at < bytes; i++) {
        at += (size_t)snprintf(out + at, bytes - at, "%s%zu", i ? "," : "", shape[i]);
    }
}

/* A vector may be stored as a 1x1 convolution or linear layer and the other way round (old diffusers
 * attention): trailing sizes of 1 do not count. */
static bool same_shape(int na, const size_t *a, int nb, const size_t *b) {
    while (na > 0 && a[na - 1] == 1) na--;
    while (nb > 0 && b[nb - 1] == 1) nb--;
    return na == nb && memcmp(a, b, (size_t)na * sizeof *a) == 0;
}

static void note_shape(cm_params *p, const entry *e, int ndim, const size_t *shape) {
    char has[128], wanted[128];
    print_shape(has, sizeof has, ndim, shape);
    print_shape(wanted, sizeof wanted, e->tensor.ndim, e->tensor.shape);
    complain(p, &p->misshapen, "%s is [%s], not [%s]", e->name, has, wanted);
}

/* Floats that lie aligned in the mapping are used there, read-only; all else is widened into memory of ours. */
static void read_stored(cm_params *p, entry *e) {
    const cm_stored *stored = cm_param_files_find(p->files, e->name);
    if (!stored) {
        complain(p, &p->missing, "%s", e->name);
    } else if (!same_shape(stored->ndim, stored->shape, e->tensor.ndim, e->tensor.shape)) {
        note_shape(p, e, stored->ndim, stored->shape);
        stored = NULL;
    } else if (stored->unread) {
        complain(p, &p->unread, "%s (%s)", e->name, stored->unread);
        stored = NULL;
    }
    if (!stored) {
        fill_zero(p, e);
        return;
    }
    e->stored = stored;
    const bool in_place = stored->dtype == CM_F32 && (uintptr_t)stored->data % _Alignof(float) == 0 && !p->trainable;
    if (in_place) e->tensor.data = (float *)(uintptr_t)stored->data;
    else push_place(p, e);
    if (!e->tensor.data) return;
    e->tensor.packs.not_resident = e->place != NULL;
    if (!cm_values_widen(stored, e->tensor.packs.not_resident ? NULL : e->tensor.data))
        complain(p, &p->broken, "%s", e->name);
    if (can_wait(p, e, e->init)) give_file_back(stored);
}

static void read_shared(cm_params *p, entry *e) {
    complain(p, &p->missing, "%s", e->name); /* what `from` has was taken over when sharing */
    fill_zero(p, e);
}

static void add_grad(cm_params *p, entry *e) {
    const size_t count = cm_count(&e->tensor);
    e->tensor.needs_grad = true;
    e->tensor.grad = push_values(p, count);
    if (e->tensor.grad) memset(e->tensor.grad, 0, count * sizeof(float));
}

static bool countable(int ndim, const size_t *shape) {
    size_t bytes = sizeof(float);
    for (int i = 0; i < ndim; i++) {
        if (__builtin_mul_overflow(bytes, shape[i], &bytes)) return false;
    }
    return true;
}

static void fill(cm_params *p, entry *e, cm_init init) {
    if (p->planning) return;
    e->init = init;
    if (init == CM_INIT_LINEAR || init == CM_INIT_EMBEDDING) p->fan_in = fan_in_of(&e->tensor);
    if (p->creating) {
        create(p, e);
    } else if (p->from) {
        read_shared(p, e);
    } else {
        read_stored(p, e);
    }
    if (p->trainable) add_grad(p, e);
}

cm_tensor *cm_param(cm_params *p, cm_init init, int ndim, const size_t *shape, const char *name, ...) {
    char full[512];
    va_list args;
    va_start(args, name);
    vsnprintf(full, sizeof full, name, args);
    va_end(args);
    assert(ndim > 0 && ndim <= CM_MAX_DIMS);
    entry *e = find_entry(p, full);
    if (e) { /* asked for again (tied weights), or taken over when sharing */
        if (!same_shape(e->tensor.ndim, e->tensor.shape, ndim, shape)) {
            char wanted[128];
            print_shape(wanted, sizeof wanted, ndim, shape);
            complain(p, &p->misshapen, "%s is not [%s]", full, wanted);
        }
        return &e->tensor;
    }
    if (!countable(ndim, shape) || !(e = add_entry(p, full, ndim, shape))) {
        p->no_memory = true;
        return &p->spare;
    }
    fill(p, e, init);
    return &e->tensor;
}

cm_tensor *cm_param_made(cm_params *p, int ndim, const size_t *shape, cm_param_make *make, cm_tensor *const *from,
                         size_t count) {
    assert(count <= MADE_OF);
    entry *e = countable(ndim, shape) ? CM_PUSH_ZERO(&p->names, entry, 1) : NULL;
    if (!e) {
        p->no_memory = true;
        return &p->spare;
    }
    e->tensor.ndim = ndim;
    memcpy(e->tensor.shape, shape, (size_t)ndim * sizeof *shape);
    e->tensor.is_param = true;
    e->tensor.packs.packs = &p->packs;
    e->make = make;
    e->from = from;
    e->from_count = count;
    e->next_made = p->made;
    p->made = e;
    if (p->planning) return &e->tensor;
    e->init = CM_INIT_LINEAR;
    push_place(p, e);
    for (size_t i = 0; i < count && e->tensor.data; i++)
        if (!from[i]->data) e->tensor.data = NULL; /* no memory: noted already */
    e->tensor.packs.not_resident = e->tensor.data != NULL;
    if (!e->place) cm_pack_fetch(&e->tensor.packs);
    return &e->tensor;
}

/* Entries and made weights, one after the other; NULL behind the last. */
static entry *next_of_all(const cm_params *p, size_t *i, entry **made) {
    if (*i < p->count) return p->entries[(*i)++];
    entry *e = *made;
    if (e) *made = e->next_made;
    return e;
}

/* From here on values that are not in memory pass through staging, a weight at a time. */
static void make_staging(cm_params *p) {
    size_t most = 0, i = 0;
    entry *made = p->made;
    for (const entry *e; (e = next_of_all(p, &i, &made));)
        if (e->place && cm_count(&e->tensor) > most) most = cm_count(&e->tensor);
    if (most && !p->staged) p->staged = CM_PUSH(&p->staging, float, most);
    p->staged_bytes = most * sizeof(float);
    i = 0;
    made = p->made;
    for (entry *e; p->staged && (e = next_of_all(p, &i, &made));)
        if (e->tensor.packs.not_resident) e->tensor.data = p->staged;
}

void cm_params_freeze(cm_params *p) {
    size_t i = 0;
    entry *made = p->made;
    make_staging(p);
    for (entry *e; (e = next_of_all(p, &i, &made));) e->tensor.packs.keeps = true;
}

size_t cm_params_lean_room(const cm_params *p) {
    return cm_params_values(p) / 2;
}

void cm_params_lean(cm_params *p, size_t bytes) {
    p->packs.lean = true;
    p->packs.most = bytes;
}

void cm_params_release(cm_params *p) {
    size_t i = 0;
    entry *made = p->made;
    for (entry *e; (e = next_of_all(p, &i, &made));) {
        e->tensor.packs.first = NULL;
        drop_entry(&p->packs, &e->tensor.packs);
    }
    cm_packs_clear(&p->packs);
    if (p->staged) give_back(p->staged, p->staged_bytes);
}

bool cm_param_exists(const cm_params *p, const char *name) {
    if (p->from) return cm_param_exists(p->from, name);
    return p->files && cm_param_files_find(p->files, name);
}

cm_status cm_params_make_trainable(cm_params *p) {
    p->trainable = true;
    for (size_t i = 0; i < p->count; i++) {
        entry *e = p->entries[i];
        const size_t count = cm_count(&e->tensor);
        cm_pack_fetch(&e->tensor.packs);
        float *copy = e->own ? e->tensor.data : push_values(p, count);
        if (copy && !e->own) memcpy(copy, e->tensor.data, count * sizeof *copy);
        if (copy) e->tensor.data = copy;
        e->own = true;
        if (!e->tensor.grad) add_grad(p, e);
    }
    return cm_arena_check(&p->values);
}

cm_status cm_params_share(cm_params **out, cm_params *from) {
    cm_params *p = new_params(from->path);
    if (!p) return cm_fail(CM_ENOMEM, "%s: out of memory", from->path);
    p->from = from;
    p->trainable = from->trainable;
    for (size_t i = 0; i < from->count && !p->no_memory; i++) {
        entry *source = from->entries[i];
        cm_pack_fetch(&source->tensor.packs);
        entry *e = add_entry(p, source->name, source->tensor.ndim, source->tensor.shape);
        if (!e) {
            p->no_memory = true;
            continue;
        }
        e->tensor.data = source->tensor.data;
        if (p->trainable) add_grad(p, e);
    }
    if (p->no_memory) {
        cm_params_close(&p);
        return cm_fail(CM_ENOMEM, "%s: out of memory", from->path);
    }
    *out = p;
    return CM_OK;
}

void cm_left_over_add(cm_left_over *all, const char *name) {
    if (all->count < sizeof all->names / sizeof *all->names) all->names[all->count] = name;
    all->count++;
}

/* A whole-number tensor is a buffer (transformers' position_ids), never a weight. */
void cm_params_add_left_over(const cm_params *p, cm_left_over *all) {
    const cm_stored *t;
    for (size_t i = 0; p->files && (t = cm_param_files_at(p->files, i)); i++)
        if ((t->unread || cm_dtype_is_real(t->dtype)) && !cm_param_files_is_spare(p->files, t) &&
            !find_entry(p, t->name))
            cm_left_over_add(all, t->name);
}

static void add_list(char *out, size_t bytes, const char *what, size_t count, size_t listed, const char *const *texts) {
    if (!count) return;
    size_t at = strlen(out);
    at += (size_t)snprintf(out + at, bytes - at, "%s%zu %s: ", at ? "; " : "", count, what);
    for (size_t i = 0; i < count && i < listed && at < bytes; i++) {
        at += (size_t)snprintf(out + at, bytes - at, "%s%s", i ? ", " : "", texts[i] ? texts[i] : "?");
    }
    if (count > listed && at < bytes) snprintf(out + at, bytes - at, " and %zu more", count - listed);
}

static void add_complaints(char *out, size_t bytes, const char *what, const complaints *c) {
    add_list(out, bytes, what, c->count, LISTED, (const char *const *)c->text);
}

void cm_left_over_warn(const cm_left_over *all, const char *path) {
    char text[800] = "";
    add_list(text, sizeof text, all->count == 1 ? "tensor that no network uses" : "tensors that no network uses",
             all->count, sizeof all->names / sizeof *all->names, all->names);
    if (all->count) cm_warn("%s: %s", path, text);
}

cm_status cm_params_check(const cm_params *p, bool all) {
    char text[2560] = "";
    cm_left_over left = {0};
    if (p->no_memory) return cm_fail(CM_ENOMEM, "%s: out of memory for its weights", p->path);
    add_complaints(text, sizeof text, "not a finite number in", &p->broken);
    add_complaints(text, sizeof text, "missing", &p->missing);
    add_complaints(text, sizeof text, "of another shape", &p->misshapen);
    add_complaints(text, sizeof text, "of a type that is not read", &p->unread);
    if (text[0] || all) cm_params_add_left_over(p, &left);
    if (!text[0]) {
        cm_left_over_warn(&left, p->path);
        return CM_OK;
    }
    add_list(text, sizeof text, "left over", left.count, sizeof left.names / sizeof *left.names, left.names);
    return cm_fail(CM_EFORMAT, "%s: weights %s", p->path, text);
}

size_t cm_params_count(const cm_params *p) {
    return p->count;
}

const char *cm_params_name(const cm_params *p, size_t i) {
    return p->entries[i]->name;
}

cm_tensor *cm_params_at(const cm_params *p, size_t i) {
    cm_pack_fetch(&p->entries[i]->tensor.packs);
    return &p->entries[i]->tensor;
}

size_t cm_params_values(const cm_params *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) n += cm_count(&p->entries[i]->tensor);
    return n;
}

void cm_params_zero_grad(cm_params *p) {
    for (size_t i = 0; i < p->count; i++) {
        cm_tensor *t = &p->entries[i]->tensor;
        if (t->grad) memset(t->grad, 0, cm_count(t) * sizeof *t->grad);
    }
}

cm_status cm_params_hash(const cm_params *p, char out[65]) {
    CM_TRY(cm_params_check(p, false));
    cm_sha *h = cm_sha_begin();
    if (!h) return cm_fail(CM_ENOMEM, "%s: out of memory", p->path);
    for (size_t i = 0; i < p->count; i++) {
        entry *e = p->entries[i];
        const cm_tensor *t = &e->tensor;
        cm_packs *packs = t->packs.packs;
        const bool absent = t->packs.not_resident;
        char shape[128];
        packs->latest = NULL; /* what is staged is another weight from here on */
        if (absent) stage_entry(packs, &e->tensor.packs);
        print_shape(shape, sizeof shape, t->ndim, t->shape);
        cm_sha_add(h, e->name, strlen(e->name) + 1);
        cm_sha_add(h, shape, strlen(shape) + 1);
        cm_sha_add(h, t->data, cm_count(t) * sizeof *t->data);
        if (absent || !e->own) drop_entry(packs, &e->tensor.packs);
    }
    cm_sha_end(&h, out);
    return out[0] ? CM_OK : cm_fail(CM_ENOMEM, "%s: out of memory", p->path);
}

cm_status cm_params_save(const cm_params *p, const char *path, cm_dtype type, const float *const *values,
                         const char *const *metadata) {
    CM_TRY(cm_params_check(p, false));
    cm_store_item *items = calloc(p->count + 1, sizeof *items);
    if (!items) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < p->count; i++) {
        const cm_tensor *t = &p->entries[i]->tensor;
        cm_pack_fetch(&p->entries[i]->tensor.packs);
        items[i] = (cm_store_item){.name = p->entries[i]->name,
                                   .dtype = type,
                                   .ndim = t->ndim,
                                   .shape = t->shape,
                                   .floats = values ? values[i] : t->data};
    }
    const cm_status s = cm_safetensors_write(path, items, p->count, metadata);
    free(items);
    return s;
}
