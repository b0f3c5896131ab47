// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/tensor_file.h"
#include "core/io/torch_file.h"
#include "core/io/zip.h"
#include "tests/unit/scratch.h"

#define FILES CM_TESTS_DIR "/golden/torch/"
enum { ROOM = 16384 };

static void refused(const char *path, const char *says) {
    cm_torch_file *f = NULL;
    cr_assert_eq(cm_torch_file_open(&f, path), CM_EFORMAT, "%s was taken", path);
    cr_assert(strstr(cm_why(), says), "'%s' lacks '%s'", cm_why(), says);
    cr_assert(strncmp(cm_why(), path, strlen(path)) == 0, "%s", cm_why());
    cr_assert_null(strchr(cm_why(), '\n'));
}

/* --- what torch wrote --------------------------------------------------------- */

static void holds_the_values(const char *path) {
    cm_torch_file *f = NULL;
    cm_safetensors *want = NULL;
    cr_assert_eq(cm_torch_file_open(&f, path), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_open(&want, FILES "values.safetensors"), CM_OK);
    cr_assert_eq(cm_torch_file_count(f), cm_safetensors_count(want));
    for (size_t i = 0; i < cm_safetensors_count(want); i++) {
        const cm_stored *w = cm_safetensors_at(want, i), *t = cm_torch_file_find(f, w->name);
        cr_assert(t, "%s", w->name);
        cr_assert(t->dtype == w->dtype && t->ndim == w->ndim && t->count == w->count, "%s", w->name);
        cr_assert(memcmp(t->shape, w->shape, (size_t)t->ndim * sizeof *t->shape) == 0, "%s", w->name);
        cr_assert(memcmp(t->data, w->data, t->count * cm_dtype_size(t->dtype)) == 0, "%s", w->name);
    }
    cr_assert_null(cm_torch_file_find(f, "note"));
    cm_safetensors_close(&want);
    cm_torch_file_close(&f);
    cr_assert_null(f);
}

Test(torch_file, every_type_and_view_has_torchs_values) {
    holds_the_values(FILES "plain.pt");
    holds_the_values(FILES "protocol4.pt");
    holds_the_values(FILES "old_nested.pt");
}

static void has(const char *file, const char *name, size_t tensors) {
    cm_torch_file *f = NULL;
    cr_assert_eq(cm_torch_file_open(&f, file), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_torch_file_count(f), tensors, "%s: %zu", file, cm_torch_file_count(f));
    cr_assert(cm_torch_file_find(f, name), "%s", name);
    cm_torch_file_close(&f);
}

Test(torch_file, the_weights_are_found_among_other_things) {
    has(FILES "module.bin", "1.running_var", 7);
    has(FILES "nested.ckpt", "0.weight", 7);
    has(FILES "hostile.pt", "x", 1);
    has(FILES "old.pt", "x", 1);
    cm_torch_file *f = NULL;
    cr_assert_eq(cm_torch_file_open(&f, FILES "ema.pth"), CM_OK);
    cr_assert_eq(*(const float *)cm_torch_file_find(f, "x")->data, 1, "the averaged weights are preferred");
    cm_torch_file_close(&f);
}

/* module.bin is the state_dict of what script.pt holds as "in". */
Test(torch_file, modules_of_torchscript_have_their_state_dicts_names_and_values) {
    cm_torch_file *f = NULL, *want = NULL;
    cr_assert_eq(cm_torch_file_open(&f, FILES "script.pt"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_torch_file_open(&want, FILES "module.bin"), CM_OK);
    cr_assert(cm_torch_file_is_script(f) && !cm_torch_file_is_script(want));
    cr_assert_eq(cm_torch_file_count(f), cm_torch_file_count(want));
    for (size_t i = 0; i < cm_torch_file_count(want); i++) {
        char name[64];
        const cm_stored *w = cm_torch_file_at(want, i);
        snprintf(name, sizeof name, "in.%s", w->name);
        const cm_stored *t = cm_torch_file_find(f, name);
        cr_assert(t && t->dtype == w->dtype && t->count == w->count, "%s", name);
        cr_assert(memcmp(t->data, w->data, t->count * cm_dtype_size(t->dtype)) == 0, "%s", name);
    }
    cm_torch_file_close(&f);
    cm_torch_file_close(&want);
}

Test(torch_file, what_cannot_be_read_says_so) {
    refused(FILES "compressed.pt", "compressed");
    refused(FILES "whole.pt", "torch.nn.modules.container.Sequential");
    refused(FILES "hostile_root.pt", "posix.system");
    refused(FILES "values.safetensors", "not a torch checkpoint");
    cm_torch_file *f = NULL;
    cr_assert_eq(cm_torch_file_open(&f, FILES "absent.pt"), CM_EIO);
    cr_assert_neq(access("executed-by-a-pickle", F_OK), 0);
}

/* They harm nobody who does not want them. */
Test(torch_file, tensors_of_types_that_are_not_read_are_there_by_name_only) {
    cm_torch_file *f = NULL;
    cr_assert_eq(cm_torch_file_open(&f, FILES "short.pt"), CM_OK, "%s", cm_why());
    const cm_stored *t = cm_torch_file_find(f, "x");
    cr_assert(t && t->unread && t->count == 0);
    cr_assert_str_eq(t->unread, "torch.ShortStorage");
    cm_torch_file_close(&f);
}

Test(torch_file, floats_of_eight_bits_are_those_of_safetensors) {
    cm_torch_file *f = NULL;
    cm_safetensors *want = NULL;
    cr_assert_eq(cm_torch_file_open(&f, FILES "float8.pt"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_open(&want, FILES "float8.safetensors"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_torch_file_count(f), 4);
    for (size_t i = 0; i < 4; i++) {
        const cm_stored *t = cm_torch_file_at(f, i), *w = cm_safetensors_find(want, t->name);
        cr_assert(w && t->dtype == w->dtype && t->count == w->count && !t->unread, "%s", t->name);
        cr_expect_eq(memcmp(t->data, w->data, t->count), 0, "%s", t->name);
    }
    cm_torch_file_close(&f);
    cm_safetensors_close(&want);
}

Test(torch_file, one_bare_tensor_is_read_without_a_dictionary) {
    has(FILES "bare.pt", "tensor", 1);
    has(FILES "old_bare.pt", "tensor", 1);
}

/* --- check sums ---------------------------------------------------------------- */

Test(torch_file, a_changed_weight_is_seen_by_its_check_sum) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(FILES "plain.pt", bytes, ROOM);
    const float seventh = 1.0f / 7;
    size_t at = 0;
    for (size_t i = 0; i + 4 < n && !at; i++)
        if (memcmp(bytes + i, &seventh, 4) == 0) at = i;
    cr_assert(at);
    bytes[at + 2] ^= 0x40;
    scratch_write("changed.pt", bytes, n);
    refused(scratch("changed.pt"), "check sum (CRC-32)");
    scratch_done();
}

/* torch.serialization.set_crc32_options(False) leaves zeros. */
Test(torch_file, a_file_without_check_sums_is_read) {
    has(FILES "nocrc.pt", "view.turned", 18);
}

Test(torch_file, either_kind_is_known_by_name_or_first_bytes) {
    static unsigned char bytes[ROOM];
    static const char *const files[] = {"plain.pt", "values.safetensors", "old_nested.pt"};
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        snprintf(path, sizeof path, FILES "%s", files[i]);
        cm_tensor_file *f = NULL;
        scratch_write("blob", bytes, read_file(path, bytes, ROOM));
        cr_assert_eq(cm_tensor_file_open(&f, scratch("blob")), CM_OK, "%s", cm_why());
        cr_assert_eq(cm_tensor_file_count(f), 18);
        cr_assert(cm_tensor_file_find(f, cm_tensor_file_at(f, 3)->name) == cm_tensor_file_at(f, 3));
        cm_tensor_file_close(&f);
    }
    cr_assert(cm_tensor_file_is_name("a/b.ckpt") && cm_tensor_file_is_name("x.safetensors"));
    cr_assert(!cm_tensor_file_is_name(".bin") && !cm_tensor_file_is_name("nano:daring"));
    scratch_done();
}

/* --- damage ------------------------------------------------------------------- */

Test(torch_file, every_cut_of_a_good_file_is_refused) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(FILES "plain.pt", bytes, ROOM);
    for (size_t cut = 0; cut < n; cut += cut < n - 700 ? 7 : 1) {
        scratch_write("cut.pt", bytes, cut);
        refused(scratch("cut.pt"), cut < 4 ? "too short" : "truncated");
    }
    scratch_done();
}

Test(torch_file, every_cut_of_the_old_format_is_refused) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(FILES "old_nested.pt", bytes, ROOM);
    for (size_t cut = 0; cut < n; cut++) {
        scratch_write("cut.pt", bytes, cut);
        refused(scratch("cut.pt"), cut < 4      ? "too short"
                                   : cut < 15   ? "not a torch checkpoint"
                                   : cut < 2000 ? "ends early"
                                                : "");
    }
    scratch_done();
}

/* Bytes of old.pt that are `from` become `to`, and the file is refused. */
static void changed(const char *from, const char *to, size_t size, const char *says) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(FILES "old.pt", bytes, ROOM);
    unsigned char *at = memmem(bytes, n, from, size);
    cr_assert(at, "%s", says);
    memcpy(at, to, size);
    scratch_write("changed.pt", bytes, n);
    refused(scratch("changed.pt"), says);
    scratch_done();
}

Test(torch_file, the_old_formats_parts_must_fit_each_other) {
    changed("M\xe9\x03.", "M\xe8\x03.", 4, "not version 1001");
    changed("FloatStorage", "GloatStorage", 12, "a storage of a type that is not read");
    changed("\x02\0\0\0\0\0\0\0\0\0\x80\x3f", "\0\0\0\0\0\0\0\x02\0\0\x80\x3f", 12,
            "does not begin with its number of values");
    changed("storage", "stowage", 7, "no storage");
}

Test(torch_file, an_encrypted_entry_is_named) {
    static unsigned char bytes[ROOM];
    const size_t n = read_file(FILES "ema.pth", bytes, ROOM);
    for (size_t i = 0; i + 46 < n; i++)
        if (memcmp(bytes + i, "PK\1\2", 4) == 0) bytes[i + 8] |= 1;
    scratch_write("secret.pt", bytes, n);
    refused(scratch("secret.pt"), "encrypted");
    scratch_done();
}

static size_t put(unsigned char *to, size_t at, const void *from, size_t n) {
    memcpy(to + at, from, n);
    return at + n;
}

static void put32(unsigned char *to, size_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> 8 * i);
}

/* A local header or a directory's record, and the entry's name. */
static size_t put_header(unsigned char *to, size_t at, bool central, const char *name, size_t bytes, size_t local) {
    unsigned char h[46] = "PK\3\4";
    const size_t shift = central ? 2 : 0;
    if (central) memcpy(h, "PK\1\2", 4), put32(h + 42, local);
    put32(h + 18 + shift, bytes), put32(h + 22 + shift, bytes), put32(h + 26 + shift, strlen(name));
    at = put(to, at, h, central ? 46 : 30);
    return put(to, at, name, strlen(name));
}

/* A checkpoint whose pickle is these bytes, with the storage "0" of four floats. */
static void write_checkpoint(const char *name, const char *pickle, size_t n) {
    static unsigned char zip[ROOM];
    static const float values[4] = {1, 2, 3, 4};
    unsigned char end[22] = "PK\5\6";
    const char *const names[] = {"a/data.pkl", "a/data/0"};
    const void *const data[] = {pickle, values};
    const size_t sizes[] = {n, sizeof values};
    size_t at = 0, local[2];
    for (int i = 0; i < 2; i++) {
        local[i] = at;
        at = put_header(zip, at, false, names[i], sizes[i], 0);
        at = put(zip, at, data[i], sizes[i]);
    }
    const size_t directory = at;
    for (int i = 0; i < 2; i++) at = put_header(zip, at, true, names[i], sizes[i], local[i]);
    end[8] = end[10] = 2;
    put32(end + 12, at - directory), put32(end + 16, directory);
    scratch_write(name, zip, put(zip, at, end, sizeof end));
}

#define TEXT(length, text) "\x8c" length text
#define STORAGE(type, key, held)                                                                                       \
    "(" TEXT("\x07", "storage") "ctorch\n" type "\n" TEXT("\x01", key) TEXT("\x03", "cpu") "K" held "tQ"
#define TENSOR(storage, offset, shape, strides)                                                                        \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset shape strides "\x89Nt"                                   \
    "R"
#define FLOATS STORAGE("FloatStorage", "0", "\x04")
#define NAMED(tensor) "\x80\x02}" TEXT("\x01", "x") tensor "s."

#define MODULE "c__torch__\nM\n)\x81"

typedef struct crafted {
    const char *pickle;
    size_t bytes;
    const char *says; /* NULL: taken */
} crafted;
#define P(text) "" text, sizeof(text) - 1

static const crafted pickles[] = {
    {P(NAMED(TENSOR(FLOATS, "\x00", "K\x04\x85", "K\x01\x85"))), NULL},
    {P(NAMED(TENSOR(FLOATS, "\x01", "K\x03\x85", "K\x01\x85"))), NULL},
    {P(NAMED(TENSOR(FLOATS, "\x00", "K\x02K\x02\x86", "K\x01K\x02\x86"))), NULL},
    {P(NAMED(TENSOR(FLOATS, "\x01", "K\x04\x85", "K\x01\x85"))), "reaches behind the 4 values of data/0"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "K\x03\x85", "K\x02\x85"))), "reaches behind"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "\x8a\x08\0\0\0\0\0\0\0\x40\x85", "\x8a\x08\0\0\0\0\0\0\0\x40\x85"))),
     "reaches behind"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86", "K\x00K\x00\x86"))),
     "overflows"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "\x8a\x05\0\0\0\0\x40\x85", "K\x00\x85"))), "repeat more values"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "K\x04\x85", "J\xff\xff\xff\xff\x85"))), "no whole number"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "N\x85", "K\x01\x85"))), "no whole number"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "K\x04\x85", ")"))), "no shape and strides"},
    {P(NAMED(TENSOR(FLOATS, "\x00", "N", "K\x01\x85"))), "no shape and strides"},
    {P(NAMED(TENSOR("N", "\x00", "K\x04\x85", "K\x01\x85"))), "no storage"},
    {P(NAMED(TENSOR(STORAGE("FloatStorage", "0", "\x05"), "\x00", "K\x05\x85", "K\x01\x85"))),
     "truncated: data/0 has 16 bytes of 5 values"},
    {P(NAMED(TENSOR(STORAGE("FloatStorage", "1", "\x04"), "\x00", "K\x04\x85", "K\x01\x85"))),
     "lacks its values (data/1)"},
    {P(NAMED(TENSOR(STORAGE("FloatStorage", "/", "\x04"), "\x00", "K\x04\x85", "K\x01\x85"))), "key is no number"},
    {P(NAMED(TENSOR(STORAGE("QInt8Storage", "0", "\x04"), "\x00", "K\x04\x85", "K\x01\x85"))), NULL},
    {P("\x80\x02}\x8c\x02x\n" TENSOR(FLOATS, "\x00", "K\x04\x85", "K\x01\x85") "s."), "not a line"},
    {P("\x80\x02}\x8c\x01x" TENSOR(FLOATS, "\x00", "K\x04\x85",
                                   "K\x01\x85") "s\x8c\x01x" TENSOR(FLOATS, "\x00", "K\x04\x85", "K\x01\x85") "s."),
     "two tensors named 'x'"},
    {P("\x80\x02}\x8c\x01x"
       "ctorch._utils\n_rebuild_sparse_tensor\n)Rs."),
     NULL},
    {P("\x80\x02}."), "no named tensors"},
    {P("\x80\x02]."), "holds something else"},
    {P("\x80\x02"
       "cos\nsystem\n\x8c\x04true\x85R."),
     "holds an object of os.system"},
    {P("\x80\x02"
       "cos\x1b\nsys\xff\n)R."),
     "holds an object of os?.sys?"},
    {P("\x80\x06}."), "pickle protocol 6"},
    {P("\x80\x02}"), "ends early"},
    {P("\x80\x02."), "takes more from the stack"},
    {P("\x80\x02}(0."), "takes more from the stack"},
    {P("\x80\x02}u."), "no mark"},
    {P("\x80\x02}(K\x01u."), "a key without a value"},
    {P("\x80\x02K\x01(K\x01K\x01u."), "adds items to what has none"},
    {P("\x80\x02}h\x00."), "never set"},
    {P("\x80\x02}r\xff\xff\xff\x7f."), "out of order"},
    {P("\x80\x02X\xff\xff\xff\xff."), "ends early"},
    {P("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "ends early"},
    {P("\x80\x02"
       "cos."),
     "ends early"},
    {P("\x80\x02K\x01K\x02\x93."), "a name that is no text"},
    {P("\x80\x02" MODULE "}" TEXT("\x01", "x") TENSOR(FLOATS, "\x00", "K\x04\x85", "K\x01\x85") "sb."), NULL},
    {P("\x80\x02" MODULE "q\x01}" TEXT("\x01", "x") "h\x01sb."), "modules more than 32 deep"},
    {P("\x80\x02" MODULE
       "}" TEXT("\x01", "x") "c__torch__\nM\n)\x81}" TEXT("\x01", "y") "ctorch._utils\n_rebuild_qtensor\n)Rsbsb."),
     NULL},
    {P("\x80\x02" MODULE "}b."), "no named tensors"},
    {P("\x80\x02" MODULE "]b."), "holds an object of __torch__.M"},
    {P("\x80\x02"
       "cos\nsystem\n)\x81}b."),
     "holds an object of os.system"},
    {P("\x80\x02}b."), "takes more from the stack"},
    {P("\x80\x02I12\n."), "opcode 0x49"},
    {P("\x80\x02(ios\nsystem\n."), "opcode 0x69"},
    {P("\x80\x02\x82\x01."), "opcode 0x82"},
};

Test(torch_file, hostile_pickles_are_refused_and_nothing_is_executed) {
    for (const crafted *c = pickles; c < pickles + sizeof pickles / sizeof *pickles; c++) {
        cm_torch_file *f = NULL;
        write_checkpoint("crafted.pt", c->pickle, c->bytes);
        if (c->says) {
            refused(scratch("crafted.pt"), c->says);
            continue;
        }
        cr_assert_eq(cm_torch_file_open(&f, scratch("crafted.pt")), CM_OK, "%s", cm_why());
        cm_torch_file_close(&f);
    }
    scratch_done();
}

/* Each module holds the next one twice: 2^20 ways down. */
Test(torch_file, modules_that_hang_in_many_places_are_counted) {
    static char pickle[4096];
    size_t at = 0;
    at = put((unsigned char *)pickle, at, "\x80\x02" MODULE "}b", 4 + sizeof MODULE - 1);
    for (unsigned char i = 0; i < 20; i++) {
        const unsigned char memo[] = {'q', i, '0'}, get[] = {'h', i};
        at = put((unsigned char *)pickle, at, memo, sizeof memo);
        at = put((unsigned char *)pickle, at, MODULE "}(" TEXT("\x01", "a"), sizeof(MODULE "}(" TEXT("\x01", "a")) - 1);
        at = put((unsigned char *)pickle, at, get, sizeof get);
        at = put((unsigned char *)pickle, at, TEXT("\x01", "b"), sizeof(TEXT("\x01", "b")) - 1);
        at = put((unsigned char *)pickle, at, get, sizeof get);
        at = put((unsigned char *)pickle, at, "ub", 2);
    }
    at = put((unsigned char *)pickle, at, ".", 1);
    write_checkpoint("many.pt", pickle, at);
    refused(scratch("many.pt"), "modules with more than 65536 attributes");
    scratch_done();
}

Test(torch_file, a_flood_of_objects_is_refused) {
    static unsigned char file[ROOM];
    enum { FLOOD = 12000 };
    static char pickle[FLOOD];
    memset(pickle, '(', sizeof pickle);
    pickle[FLOOD - 1] = '.';
    write_checkpoint("marks.pt", pickle, sizeof pickle);
    refused(scratch("marks.pt"), "takes more from the stack");
    memset(pickle, ']', sizeof pickle - 1);
    for (size_t i = FLOOD / 2; i < FLOOD - 1; i++) pickle[i] = 'a'; /* a list in a list in a list */
    write_checkpoint("deep.pt", pickle, sizeof pickle);
    refused(scratch("deep.pt"), "holds something else");
    cr_assert(read_file(scratch("deep.pt"), file, ROOM) > FLOOD);
    scratch_done();
}
