// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/run/evaluation_parts.h"
#include "prompts/asked_slots.h"

/* --- which metrics ------------------------------------------------------------ */

/* Names what is near, or all protocols that begin so: "fid" has fid@tf1, fid@pytorch, ... */
static cm_status unknown_metric(const char *name, cm_arena *out) {
    const char **names = CM_PUSH_ZERO(out, const char *, cm_metric_count + 4);
    char *family = cm_arena_string(out, "");
    size_t members = 0, n = 0;
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < cm_metric_count; i++) {
        names[n++] = cm_metrics[i].name;
        if (strncmp(cm_metrics[i].name, name, strlen(name)) == 0)
            family = cm_arena_print(out, "%s%s%s", family, members++ ? ", " : "", cm_metrics[i].name);
        CM_TRY(cm_arena_check(out));
    }
    names[n++] = "acc";
    names[n++] = "attention";
    names[n++] = "nano";
    if (members < 2) return cm_unknown_choice("--metric", name, names);
    return cm_fail(CM_EUSAGE, "--metric: '%s' has several protocols; one of %s", name, family);
}

/* by_family: a metric that is there already is no mistake. */
static cm_status add_metric(const char *name, bool by_family, cm_arena *out, cm_plan *p) {
    const cm_metric *m = cm_metric_find(name);
    if (!m) return unknown_metric(name, out);
    for (size_t i = 0; i < p->metric_count; i++)
        if (p->metrics[i] == m) return by_family ? CM_OK : cm_fail(CM_EUSAGE, "metric '%s' is named twice", name);
    if (p->metric_count == CM_EVAL_METRICS) return cm_fail(CM_EUSAGE, "more than %d metrics", CM_EVAL_METRICS);
    p->metrics[p->metric_count++] = m;
    return CM_OK;
}

/* A mean brings the columns that it is of. */
static cm_status add_with_members(const char *name, bool by_family, cm_arena *out, cm_plan *p) {
    const cm_metric *m = cm_metric_find(name), *members[CM_METRIC_MEMBERS];
    for (size_t i = 0, n = m ? cm_metric_members(m, members) : 0; i < n; i++)
        CM_TRY(add_metric(members[i]->name, true, out, p));
    return add_metric(name, by_family, out, p);
}

static cm_status choose_metrics(const char *names, cm_arena *out, cm_plan *p) {
    char *text = cm_arena_string(out, names), *rest = NULL;
    CM_TRY(cm_arena_check(out));
    for (char *name = strtok_r(text, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        const char *const *family = cm_metric_family(name);
        if (!family) CM_TRY(add_with_members(name, false, out, p));
        for (size_t i = 0; family && family[i]; i++) CM_TRY(add_with_members(family[i], true, out, p));
    }
    return p->metric_count ? CM_OK : cm_fail(CM_EUSAGE, "no metric was named");
}

/* --- where the weights are -------------------------------------------------------- */

/* The value of "name=..." in a list of such, or NULL. */
static const char *said(const char *list, const char *name, cm_arena *out) {
    const size_t n = strlen(name);
    for (const char *at = list; at && *at;) {
        const size_t length = strcspn(at, ",");
        if (length > n && strncmp(at, name, n) == 0 && at[n] == '=')
            return cm_arena_print(out, "%.*s", (int)(length - n - 1), at + n + 1);
        at += length;
        at += *at == ',';
    }
    return NULL;
}

static cm_status unknown_network(const char *typed, size_t length) {
    const char *names[64] = {NULL};
    char name[64];
    for (size_t i = 0; i < cm_network_count && i < 63; i++) names[i] = cm_networks[i].name;
    snprintf(name, sizeof name, "%.*s", (int)length, typed);
    return cm_unknown_choice("--network", name, names);
}

static cm_status check_said(const char *list) {
    for (const char *at = list; at && *at;) {
        const size_t length = strcspn(at, ","), name = strcspn(at, "=,");
        bool known = false;
        for (size_t i = 0; i < cm_network_count && !known; i++)
            known = strlen(cm_networks[i].name) == name && strncmp(cm_networks[i].name, at, name) == 0;
        if (name == length) return cm_fail(CM_EUSAGE, "--network: '%.*s' is not NAME=PATH", (int)length, at);
        if (!known) return unknown_network(at, name);
        at += length;
        at += *at == ',';
    }
    return CM_OK;
}

static cm_status find_weights(const cm_suite *o, const cm_network_row *row, cm_arena *out, const char **path) {
    *path = said(o->networks, row->name, out);
    CM_TRY(cm_arena_check(out));
    if (*path) return CM_OK;
    const bool mock = o->weights && !strcmp(o->weights, "mock");
    if (mock || (row->shipped)) {
        *path = mock ? "mock" : NULL;
        return CM_OK;
    }
    if (o->weights && (!strcmp(o->weights, "random") || !strcmp(o->weights, "nano"))) {
        *path = o->weights;
        return CM_OK;
    }
    if (!o->weights)
        return cm_fail(CM_EUSAGE, "the weights of %s are needed: --weights DIR with %s in it, or --network %s=PATH",
                       row->name, row->files[0], row->name);
    char *tried = cm_arena_string(out, "");
    for (size_t i = 0; i < sizeof row->files / sizeof *row->files && row->files[i]; i++) {
        *path = cm_arena_print(out, "%s/%s", o->weights, row->files[i]);
        tried = cm_arena_print(out, "%s%s%s", tried ? tried : "", i ? ", " : "", row->files[i]);
        CM_TRY(cm_arena_check(out));
        if (cm_path_exists(*path)) return CM_OK;
    }
    return cm_fail(CM_EUSAGE, "%s: no weights of %s in it, which would be one of: %s; or say --network %s=PATH",
                   o->weights, row->name, tried, row->name);
}

static cm_status open_network(const cm_suite *o, const char *name, cm_arena *out, cm_plan *p, size_t *index) {
    for (*index = 0; *index < p->network_count; ++*index)
        if (!strcmp(p->networks[*index], name)) return CM_OK;
    if (p->network_count == CM_EVAL_NETWORKS) return cm_fail(CM_EUSAGE, "more than %d networks", CM_EVAL_NETWORKS);
    const size_t i = p->network_count;
    CM_TRY(find_weights(o, cm_network_find(name), out, &p->weights[i]));
    CM_TRY(cm_extractor_open(&p->extractors[i], name, p->weights[i], o->tokenizer));
    p->networks[i] = name;
    p->network_count++;
    return CM_OK;
}

/* --- what is looked at --------------------------------------------------------------- */

static cm_status find_feed(cm_plan *p, size_t network, const char *rule, size_t *index) {
    const cm_picture_rule *r = cm_picture_rule_find(rule);
    if (!r) return cm_fail(CM_EUSAGE, "no rule '%s' for images", rule);
    for (*index = 0; *index < p->feed_count; ++*index)
        if (p->feeds[*index].network == network && p->feeds[*index].rule == r) return CM_OK;
    p->feeds[p->feed_count++] = (cm_feed){network, r, 0, 0};
    return CM_OK;
}

static cm_status find_column(cm_plan *p, const cm_metric *m, size_t feed, cm_arena *out, size_t *index) {
    for (*index = 0; *index < p->column_count; ++*index)
        if (p->columns[*index].feed == feed && p->columns[*index].output == m->output) return CM_OK;
    static const char *const outputs[CM_OUTPUTS] = {"features", "spatial", "logits"};
    const cm_extractor *e = p->extractors[p->feeds[feed].network];
    const size_t width = cm_extractor_width(e, m->output);
    if (width == 0)
        return cm_fail(CM_EUSAGE, "%s needs the %s of %s, which these weights (%s) do not have", m->name,
                       outputs[m->output], m->network, p->weights[p->feeds[feed].network]);
    const char *rule = strchr(m->rule, '@') ? strchr(m->rule, '@') + 1 : m->rule;
    char *name = cm_arena_print(out, "%s-%s-%s", m->network, rule, outputs[m->output]);
    CM_TRY(cm_arena_check(out));
    p->feeds[feed].stored |= 1u << m->output;
    p->columns[p->column_count++] = (cm_feature_column){feed, width, m->output, name};
    return CM_OK;
}

cm_status cm_plan_choose(const cm_suite *s, cm_arena *out, cm_plan *p) {
    *p = (cm_plan){.kid_subset = s->kid_subset == CM_KID_SUBSET ? 0 : s->kid_subset};
    CM_TRY(choose_metrics(s->metrics, out, p));
    bool kid = false;
    for (size_t i = 0; i < p->metric_count; i++) kid |= p->metrics[i]->of_sets == cm_score_kid;
    if (p->kid_subset && !kid)
        return cm_fail(CM_EUSAGE, "--kid-subset-size is for the metric kid, which is not asked for");
    return check_said(s->networks);
}

/* Found here, not when all images are made and looked at. */
static cm_status check_vocabulary(const cm_metric *m, const cm_plan *p, size_t network) {
    const cm_extractor *e = p->extractors[network];
    if (cm_extractor_tokenizer(e) || !strcmp(cm_extractor_label(e), "mock")) return CM_OK;
    return cm_fail(
        CM_EUSAGE,
        "%s reads prompts, and no vocabulary is beside the weights of %s (%s): --tokenizer PATH with vocab.json and "
        "merges.txt, or bpe_simple_vocab_16e6.txt.gz",
        m->name, m->network, p->weights[network]);
}

static cm_status plan_metric(const cm_suite *s, size_t i, cm_arena *out, cm_plan *p) {
    const cm_metric *m = p->metrics[i];
    size_t network;
    if (m->mean_of) return CM_OK;
    CM_TRY(open_network(s, m->network, out, p, &network));
    CM_TRY(find_feed(p, network, m->rule, &p->feed_of[i]));
    cm_feed *feed = &p->feeds[p->feed_of[i]];
    if (m->of_questions) feed->parse = true;
    if (m->of_questions || m->of_attention) return CM_OK;
    feed->wanted |= 1u << m->output;
    if (m->of_sets) return find_column(p, m, p->feed_of[i], out, &p->column_of[i]);
    if (cm_extractor_reads(p->extractors[network])) return check_vocabulary(m, p, network);
    return cm_fail(CM_EUSAGE, "%s needs a text tower, which these weights (%s) do not have", m->name,
                   p->weights[network]);
}

/* "fid@clean"; "fid@clean[random]" where the network's weights are not the published ones; "kid(subset=500)" where
 * KID's subsets are not the published ones (0: they are). */
static const char *make_label(const cm_metric *m, const char *weights_label, size_t subset, cm_arena *out) {
    const char *name = subset ? cm_arena_print(out, "%s(subset=%zu)", m->name, subset) : m->name;
    return name && *weights_label ? cm_arena_print(out, "%s[%s]", name, weights_label) : name;
}

static cm_status label_metric(size_t i, cm_arena *out, cm_plan *p) {
    const cm_metric *m = p->metrics[i];
    const size_t subset = m->of_sets == cm_score_kid ? p->kid_subset : 0;
    p->labels[i] = make_label(m, m->mean_of ? "" : cm_extractor_label(p->extractors[p->feeds[p->feed_of[i]].network]),
                              subset, out);
    return cm_arena_check(out);
}

cm_status cm_plan_open(const cm_suite *s, cm_arena *out, cm_plan *p) {
    for (size_t i = 0; i < p->metric_count; i++) {
        CM_TRY(plan_metric(s, i, out, p));
        CM_TRY(label_metric(i, out, p));
    }
    return CM_OK;
}

void cm_plan_close(cm_plan *p) {
    for (size_t i = 0; i < p->network_count; i++) cm_extractor_close(&p->extractors[i]);
    p->network_count = 0;
}

bool cm_plan_of_text(const cm_plan *p) {
    for (size_t i = 0; i < p->metric_count; i++)
        if (!p->metrics[i]->of_sets) return true;
    return false;
}

bool cm_plan_of_sets(const cm_plan *p) {
    for (size_t i = 0; i < p->metric_count; i++)
        if (p->metrics[i]->of_sets) return true;
    return false;
}

bool cm_plan_of_attention(const cm_plan *p) {
    for (size_t i = 0; i < p->metric_count; i++)
        if (p->metrics[i]->of_attention) return true;
    return false;
}

const cm_extractor *cm_plan_parser(const cm_plan *p, size_t *feed) {
    for (size_t i = 0; i < p->metric_count; i++) {
        if (!p->metrics[i]->of_questions && !p->metrics[i]->of_attention) continue;
        *feed = p->feed_of[i];
        return p->extractors[p->feeds[*feed].network];
    }
    return NULL;
}

const char *cm_plan_primary(const cm_suite *s, const cm_plan *p) {
    const char *wanted = s->primary ? s->primary : "acc_all";
    for (size_t i = 0; i < p->metric_count; i++)
        if (strcmp(p->metrics[i]->name, wanted) == 0) return wanted;
    return p->metrics[0]->name;
}

cm_needs_reference cm_plan_needs(const cm_plan *p) {
    cm_needs_reference most = CM_REFERENCE_NONE;
    for (size_t i = 0; i < p->metric_count; i++)
        if (p->metrics[i]->reference > most) most = p->metrics[i]->reference;
    return most;
}

/* --- in records -------------------------------------------------------------------------- */

static json_t *describe_metric(const cm_plan *p, size_t i) {
    const cm_metric *m = p->metrics[i];
    const cm_extractor *x = m->mean_of ? NULL : p->extractors[p->feeds[p->feed_of[i]].network];
    const char *weights = x ? cm_extractor_label(x) : "";
    const size_t subset = m->of_sets == cm_score_kid ? p->kid_subset : 0;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "metric", m->name, "label",
                          p->labels[i] ? p->labels[i] : "", "title", m->title, "better",
                          m->higher_is_better ? "higher" : "lower", "decimals", m->decimals, "weights", weights,
                          "about", m->about, "source", m->source);
    if (x) json_object_set_new(o, "network", json_string(m->network));
    if (x) json_object_set_new(o, "rule", json_string(m->rule));
    if (m->mean_of) json_object_set_new(o, "mean_of", json_string(m->mean_of));
    if (m->of_sets) json_object_set_new(o, "column", json_string(p->columns[p->column_of[i]].name));
    if (m->of_sets == cm_score_kid)
        json_object_set_new(o, "subset", json_integer((json_int_t)(subset ? subset : CM_KID_SUBSET)));
    if (m->of_attention) json_object_set_new(o, "mechanism", json_true());
    return o;
}

static json_t *describe_network(const cm_plan *p, size_t i) {
    const cm_extractor *x = p->extractors[i];
    json_t *o = json_pack("{s:s, s:s, s:s}", "name", p->networks[i], "hash", cm_extractor_hash(x), "label",
                          cm_extractor_label(x));
    json_t *left_out = cm_extractor_parses(x) ? cm_slots_left_out(cm_extractor_asked(x)) : NULL;
    if (left_out) json_object_set_new(o, "not_asked", left_out);
    return o;
}

json_t *cm_plan_describe(const cm_plan *p) {
    json_t *metrics = json_array(), *networks = json_array(), *columns = json_array();
    for (size_t i = 0; i < p->metric_count; i++) json_array_append_new(metrics, describe_metric(p, i));
    for (size_t i = 0; i < p->network_count; i++) json_array_append_new(networks, describe_network(p, i));
    for (size_t i = 0; i < p->column_count; i++)
        json_array_append_new(columns, json_pack("{s:s, s:I}", "name", p->columns[i].name, "width",
                                                 (json_int_t)p->columns[i].width));
    return json_pack("{s:o, s:o, s:o}", "metrics", metrics, "networks", networks, "columns", columns);
}
