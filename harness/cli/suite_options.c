// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/suite_options.h"

#include <errno.h>
#include <stdlib.h>

#include "core/generator/settings.h"

static json_t *value_of(const cm_args *a, const char *option) {
    switch (cm_arg_kind(a, option)) {
    case CM_OPT_SIZE:
    case CM_OPT_U64: return json_integer((json_int_t)cm_arg_u64(a, option));
    case CM_OPT_SEED: return json_integer((json_int_t)cm_arg_seed(a, option));
    case CM_OPT_NUMBER: return json_real(cm_arg_number(a, option));
    case CM_OPT_FLAG: return json_true();
    case CM_OPT_TEXT:
    case CM_OPT_LIST: return json_string(cm_arg_text(a, option));
    }
    return NULL;
}

static cm_status read_option(const cm_args *a, const char *option, const char *key, json_t *changes) {
    if (!cm_arg_given(a, option)) return CM_OK;
    json_t *value = value_of(a, option);
    if (!value) return cm_fail(CM_EUSAGE, "--%s: the text is not UTF-8", option);
    return json_object_set_new(changes, key, value) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

cm_status cm_suite_settings_read(const cm_args *a, json_t *changes) {
    for (const cm_setting *row = cm_settings_table; row->name; row++)
        if (row->where & CM_IN_SUITE) CM_TRY(read_option(a, row->option, row->name, changes));
    return CM_OK;
}

cm_status cm_suite_options_read(const cm_args *a, const cm_suite_option *options, json_t *changes) {
    for (; options->option; options++) CM_TRY(read_option(a, options->option, options->key, changes));
    return CM_OK;
}

cm_status cm_suite_options_add(json_t *changes, const char *key, json_t *row) {
    json_t *list = json_object_get(changes, key);
    if (!list) {
        list = json_array();
        json_object_set_new(changes, key, list);
    }
    return json_array_append_new(list, row) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

cm_status cm_read_shard(const char *text, size_t *shard, size_t *shards) {
    *shard = *shards = 0;
    if (!text) return CM_OK;
    char *slash, *end;
    errno = 0;
    const unsigned long k = strtoul(text, &slash, 10), n = *slash == '/' ? strtoul(slash + 1, &end, 10) : 0;
    if (errno || *slash != '/' || *end || k < 1 || k > n || n > 100000)
        return cm_fail(CM_EUSAGE, "--shard: '%s' is not K/N with K from 1 to N", text);
    *shard = k;
    *shards = n;
    return CM_OK;
}

cm_status cm_read_batch(const cm_args *a, size_t *batch) {
    *batch = cm_arg_size(a, "batch");
    return *batch >= 1 && *batch <= 4096 ? CM_OK : cm_fail(CM_EUSAGE, "--batch: %zu is not within 1 to 4096", *batch);
}
