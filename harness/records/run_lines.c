// SPDX-License-Identifier: Apache-2.0
#include "harness/records/run_lines.h"

#include <string.h>

#include "core/io/jsonl.h"

bool cm_line_is(const json_t *line, const char *kind) {
    return line && strcmp(cm_json_text_or(line, "kind", ""), kind) == 0;
}

bool cm_line_is_made(const json_t *line) {
    return line && *cm_json_text_or(line, "picture_hash", "");
}

const char *cm_line_feature(const json_t *line, const char *column) {
    return json_string_value(json_object_get(json_object_get(line, "features"), column));
}

bool cm_line_stays(const json_t *line) {
    static const char *const kinds[] = {"arm", "command", "speed", "sgemm", "pass"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (cm_line_is(line, kinds[i])) return true;
    return false;
}

bool cm_lines_are_done(const json_t *lines) {
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)lines, i, line)
        if (cm_line_is(line, "done")) return true;
    return false;
}
