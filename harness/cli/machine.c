// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/machine.h"

#include <cblas.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cpu_level.h"
#include "core/base/system.h"

/* "abc1234" of the source tree, "" when it is not a git checkout. */
static void find_commit(char *out, size_t size) {
    FILE *f = popen("git -C '" CM_SOURCE_DIR "' rev-parse --short=12 HEAD 2>/dev/null", "r");
    out[0] = '\0';
    if (!f) return;
    if (!fgets(out, (int)size, f)) out[0] = '\0';
    pclose(f);
    out[strcspn(out, "\n")] = '\0';
}

json_t *cm_machine_describe(void) {
    char commit[64];
    find_commit(commit, sizeof commit);
    const cm_cpu *cpu = cm_cpu_get();
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "compiler", __VERSION__, "cpu", cpu->model, "cpu_features",
                          cpu->features, "kernels", cm_cpu_level_name(cm_cpu_level_get()), "core_type",
                          openblas_get_corename());
    if (commit[0]) json_object_set_new(o, "commit", json_string(commit));
    json_object_set_new(o, "libraries",
                        json_pack("{s:s, s:s, s:s}", "OpenBLAS", openblas_get_config(), "jansson", JANSSON_VERSION,
                                  "libcrypto", OpenSSL_version(OPENSSL_VERSION)));
    return o;
}
