// SPDX-License-Identifier: Apache-2.0
#include "core/io/jsonl.h"
#include "tests/fuzz/fuzz.h"

static cm_status read_json(const char *path) {
    json_t *value = NULL;
    CM_TRY(cm_json_read(path, &value));
    json_decref(value);
    return CM_OK;
}

/* Read as lines, then opened for appending and added to, as a run that goes on does. */
static cm_status read_records(const char *path) {
    json_t *lines = NULL, *existing = NULL;
    cm_records *r = NULL;
    const cm_status s = cm_jsonl_read(path, &lines);
    json_decref(lines);
    CM_TRY(cm_records_open(&r, path, &existing));
    const cm_status added = cm_records_add(r, existing);
    cm_records_close(&r);
    json_decref(existing);
    return s != CM_OK ? s : added;
}

static const char *const jsons[] = {"golden/clip/text-sd/config.json", "golden/scores/stats.json", NULL};
static const char *const lines[] = {"fuzz/records.jsonl", NULL};

const fuzz_target fuzz_json = {
    .name = "json", .corpus = jsons, .file = "config.json", .most = 1 << 13, .read = read_json};
const fuzz_target fuzz_records = {
    .name = "records", .corpus = lines, .file = "records.jsonl", .most = 1 << 13, .read = read_records};
