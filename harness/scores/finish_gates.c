// SPDX-License-Identifier: Apache-2.0
/* Gates: what a run must show, by the interval's bounds and not by the value alone. */
#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/io/jsonl.h"
#include "harness/records/run_lines.h"
#include "harness/scores/evaluation_finish_parts.h"

/* The record of a score of an arm, or of a pair; NULL: none. */
static const json_t *find_record(const cm_finish *r, const json_t *gate, const char *label) {
    size_t i;
    json_t *o;
    const json_t *pair = json_object_get(gate, "pair");
    json_array_foreach(r->out, i, o) {
        if (!cm_line_is(o, pair ? "pair" : "score") || strcmp(cm_text_of(o, "score"), label) != 0) continue;
        if (pair && json_equal(json_object_get(o, "a"), json_array_get(pair, 0)) &&
            json_equal(json_object_get(o, "b"), json_array_get(pair, 1)))
            return o;
        if (!pair && !strcmp(cm_text_of(o, "arm"), cm_text_of(gate, "arm"))) return o;
    }
    return NULL;
}

/* lo, hi: how good it is, larger being better; at least `bound` is wanted. */
static const char *judge(double lo, double hi, double bound) {
    if (lo >= bound) return "passed";
    return hi < bound ? "failed" : "undecided"; /* a NaN is undecided, too */
}

static cm_status add_gate(cm_finish *r, const json_t *gate) {
    const cm_metric *m = cm_metric_find(cm_text_of(gate, "score"));
    const char *label = cm_finish_label(r, cm_text_of(gate, "score"));
    const json_t *found = find_record(r, gate, label);
    const double lo = cm_json_number_or(found, "lo", (double)NAN), hi = cm_json_number_or(found, "hi", (double)NAN);
    const double bound =
        json_object_get(gate, "pair") ? -cm_json_number_or(gate, "margin", 0) : cm_json_number_or(gate, "bound", 0);
    const bool up = m && m->higher_is_better, pair = json_object_get(gate, "pair") != NULL;
    const char *verdict = up ? judge(lo, hi, bound) : judge(-hi, -lo, pair ? bound : -bound);
    json_t *o = json_copy((json_t *)gate);
    if (!o) return cm_fail(CM_ENOMEM, "out of memory");
    json_object_set_new(o, "kind", json_string("gate"));
    json_object_set_new(o, "verdict", json_string(verdict));
    cm_finish_number(o, "lo", lo);
    cm_finish_number(o, "hi", hi);
    if (!found || isnan(lo) || isnan(hi)) json_object_set_new(o, "note", json_string("no interval to go by"));
    r->counts->gates_failed += !strcmp(verdict, "failed");
    r->counts->gates_undecided += !strcmp(verdict, "undecided");
    return cm_finish_add(r, o);
}

cm_status cm_finish_gates(cm_finish *r) {
    size_t i;
    json_t *gate;
    json_array_foreach(json_object_get(r->header, "gates"), i, gate) CM_TRY(add_gate(r, gate));
    return CM_OK;
}
