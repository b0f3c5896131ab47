// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/suite_options.h"

#include <errno.h>
#include <stdlib.h>

static json_t *value_of(const cm_args *a, const cm_suite_option *o) {
    switch (o->kind) {
    case CM_OPT_SIZE:
    case CM_OPT_U64: return json_integer((json_int_t)cm_arg_u64(a, o->option));
    case CM_OPT_SEED: return json_integer((json_int_t)cm_arg_seed(a, o->option));
    case CM_OPT_NUMBER: return json_real(cm_arg_number(a, o->option));
    case CM_OPT_FLAG: return json_true();
    case CM_OPT_TEXT:
    case CM_OPT_LIST: return json_string(cm_arg_text(a, o->option));
    }
    return NULL;
}

cm_status cm_suite_options_read(const cm_args *a, const cm_suite_option *options, json_t *changes) {
    for (; options->option; options++) {
        if (!cm_arg_given(a, options->option)) continue;
        json_t *value = value_of(a, options);
        if (!value) return cm_fail(CM_EUSAGE, "--%s: the text is not UTF-8", options->option);
        if (json_object_set_new(changes, options->key, value) != 0) return cm_fail(CM_ENOMEM, "out of memory");
    }
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
