// SPDX-License-Identifier: Apache-2.0
#include "reports/rows.h"

#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"

const cm_column cm_columns[] = {
    {"fd@nano", "fd@nano", "↓", 2, true, "Fréchet distance on the nano feature network, never FID"},
    {"kd@nano", "kd@nano", "↓", 4, true, "kernel distance (unbiased MMD² with KID's cubic kernel) on the same features"},
    {"acc_obj", "Acc_obj", "↑", 1, false, "asked objects that the parser finds, %"},
    {"acc_tex", "Acc_tex", "↑", 1, false, "asked colours, patterns and materials, %"},
    {"acc_shape", "Acc_shape", "↑", 1, false, "asked lengths, sleeves, shapes and styles, %"},
    {"acc_all", "Acc_all", "↑", 1, false, "plain mean of the three"},
    {"clip@nano", "clip@nano", "↑", 2, false, "100 x cosine of the nano CLIP pair"},
    {"hola", "HOLA", "↓", 4, true, "squared distance of the prompt groups' attention from their regions"},
    {"attn_iou", "attn IoU", "↑", 3, false, "overlap of a group's attention with its parsed region"},
    {"attn_mass", "attn mass", "↑", 3, false, "share of a group's attention inside its parsed region"},
};
const size_t cm_column_count = sizeof cm_columns / sizeof *cm_columns;

const cm_paper_row cm_paper_rows[3] = {
    {"SD 1.5, pretrained", 48.09, 87.3, 77.4, 59.3, 74.6},
    {"+ CosmicMan-HQ fine-tuning", 37.57, 90.8, 83.5, 64.8, 79.7},
    {"+ L_HOLA", 36.78, 91.7, 85.7, 66.1, 81.2},
};

const char *cm_text_of(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

bool cm_number_of(const json_t *o, const char *key, double *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v)) return false;
    *out = json_number_value(v);
    return isfinite(*out);
}

double cm_rows_sgemm(const cm_rows *r, const char *backend) {
    double v = 0;
    for (size_t i = 0; i < r->sgemms.count; i++)
        if (strcmp(cm_text_of(r->sgemms.at[i], "backend"), backend) == 0) cm_number_of(r->sgemms.at[i], "gflops", &v);
    return v;
}

void cm_write_value(FILE *f, const json_t *o, const char *key, int decimals) {
    double v;
    if (o && cm_number_of(o, key, &v)) {
        fprintf(f, "%.*f", decimals, v);
    } else {
        fputs("not measured", f);
    }
}

void cm_write_p(FILE *f, const json_t *o, const char *key, const char *less) {
    double p;
    if (!cm_number_of(o, key, &p)) fputs("not measured", f);
    else if (p < 0.001) fprintf(f, "%s 0.001", less);
    else fprintf(f, "%.3f", p);
}

static void keep(cm_row_list *list, const json_t *row) {
    list->at[list->count++] = row;
}

static void sort_by_kind(cm_rows *r) {
    struct {
        const char *kind;
        cm_row_list *list;
    } kinds[] = {{"image", &r->images}, {"score", &r->scores},   {"pair", &r->pairs},
                 {"ceiling", &r->ceilings}, {"speed", &r->speeds}, {"sgemm", &r->sgemms}};
    size_t i;
    json_t *row;
    json_array_foreach(r->all, i, row) {
        const char *kind = cm_text_of(row, "kind");
        if (!strcmp(kind, "run")) r->run = row;
        if (!strcmp(kind, "done")) r->done = row;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (!strcmp(kind, kinds[k].kind)) keep(kinds[k].list, row);
    }
}

static cm_status open_peers(cm_rows *r, const char *path) {
    if (!path) {
        path = cm_arena_print(&r->arena, "%s/peers/records.jsonl", r->folder);
        CM_TRY(cm_arena_check(&r->arena));
        if (!cm_path_exists(path)) return CM_OK;
    }
    CM_TRY(cm_jsonl_read(path, &r->all_peers));
    r->peers.at = CM_PUSH(&r->arena, const json_t *, json_array_size(r->all_peers) + 1);
    CM_TRY(cm_arena_check(&r->arena));
    size_t i;
    json_t *row;
    json_array_foreach(r->all_peers, i, row)
        if (!strcmp(cm_text_of(row, "kind"), "peer")) keep(&r->peers, row);
    return r->peers.count ? CM_OK : cm_fail(CM_EFORMAT, "%s: has no line of kind \"peer\": not the records of `make peers`", path);
}

static void name_arms(cm_rows *r) {
    const size_t max = sizeof r->arms / sizeof *r->arms;
    size_t i;
    json_t *arm;
    json_array_foreach(json_object_get(r->run, "arms"), i, arm)
        if (r->arm_count < max) r->arms[r->arm_count++] = cm_text_of(arm, "name");
}

cm_status cm_rows_open(cm_rows *r, const char *folder, const char *peers) {
    *r = (cm_rows){.folder = folder};
    cm_arena_init(&r->arena, 0);
    const char *path = cm_arena_print(&r->arena, "%s/records.jsonl", folder);
    cm_status s = cm_arena_check(&r->arena);
    if (s == CM_OK) s = cm_jsonl_read(path, &r->all);
    if (s != CM_OK) goto out;

    const size_t n = json_array_size(r->all);
    cm_row_list *lists[] = {&r->images, &r->scores, &r->pairs, &r->ceilings, &r->speeds, &r->sgemms};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) lists[i]->at = CM_PUSH(&r->arena, const json_t *, n + 1);
    if ((s = cm_arena_check(&r->arena)) != CM_OK) goto out;
    sort_by_kind(r);
    if (!r->run) {
        s = cm_fail(CM_EFORMAT, "%s: has no line of kind \"run\": not the records of a bench", path);
        goto out;
    }
    name_arms(r);
    s = open_peers(r, peers);
out:
    if (s != CM_OK) cm_rows_close(r);
    return s;
}

void cm_rows_close(cm_rows *r) {
    json_decref(r->all);
    json_decref(r->all_peers);
    cm_arena_free(&r->arena);
    *r = (cm_rows){0};
}

/* The last record wins: a resumed run may have written a score again. */
const json_t *cm_rows_score(const cm_rows *r, const char *arm, const char *score) {
    for (size_t i = r->scores.count; i-- > 0;) {
        const json_t *row = r->scores.at[i];
        if (!strcmp(cm_text_of(row, "arm"), arm) && !strcmp(cm_text_of(row, "score"), score)) return row;
    }
    return NULL;
}

const json_t *cm_rows_image(const cm_rows *r, const char *arm, const char *id) {
    for (size_t i = 0; i < r->images.count; i++) {
        const json_t *row = r->images.at[i];
        if (!strcmp(cm_text_of(row, "arm"), arm) && !strcmp(cm_text_of(row, "id"), id)) return row;
    }
    return NULL;
}

const char *cm_rows_best(const cm_rows *r, const cm_column *c) {
    const char *best = NULL;
    double best_value = 0;
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *row = cm_rows_score(r, r->arms[a], c->score);
        double v;
        if (!row || !cm_number_of(row, "value", &v)) continue;
        if (!best || (c->lower_is_better ? v < best_value : v > best_value)) {
            best = r->arms[a];
            best_value = v;
        }
    }
    return best;
}

bool cm_rows_published(const cm_rows *r) {
    return json_is_object(json_object_get(r->run, "plan"));
}

static bool same_stage(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"model", "backend", "dtype", "stage"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(cm_text_of(a, keys[i]), cm_text_of(b, keys[i])) != 0) return false;
    return true;
}

static void add_size(cm_growth *g, const json_t *row) {
    cm_growth_row new = {0};
    cm_number_of(row, "width", &new.width);
    cm_number_of(row, "height", &new.height);
    cm_number_of(row, "gflop", &new.gflop);
    if (!cm_number_of(row, "median_s", &new.seconds) || new.seconds <= 0 || g->count == CM_GROWTH_SIZES) return;
    size_t at = g->count++;
    for (; at > 0 && g->rows[at - 1].width * g->rows[at - 1].height > new.width * new.height; at--) g->rows[at] = g->rows[at - 1];
    g->rows[at] = new;
}

bool cm_rows_growth(const cm_rows *r, size_t i, cm_growth *g) {
    const json_t *first = r->speeds.at[i];
    *g = (cm_growth){cm_text_of(first, "model"), cm_text_of(first, "backend"), cm_text_of(first, "stage"), 0, {{0}}};
    for (size_t k = 0; k < i; k++)
        if (same_stage(r->speeds.at[k], first)) return false;
    for (size_t k = i; k < r->speeds.count; k++)
        if (same_stage(r->speeds.at[k], first)) add_size(g, r->speeds.at[k]);
    for (size_t k = 0; k < g->count; k++) {
        g->rows[k].more_seconds = g->rows[k].seconds / g->rows[0].seconds;
        g->rows[k].more_gflop = g->rows[0].gflop > 0 ? g->rows[k].gflop / g->rows[0].gflop : 0;
    }
    return g->count > 1;
}

bool cm_rows_grow(const cm_rows *r) {
    cm_growth g;
    for (size_t i = 0; i < r->speeds.count; i++)
        if (cm_rows_growth(r, i, &g)) return true;
    return false;
}
