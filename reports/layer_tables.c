// SPDX-License-Identifier: Apache-2.0
/* Attention of each group's words by layer: the arms of a pair side by side. */
#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"
#include "reports/layers.h"

enum { MOST_LAYERS = 9, MOST_COLUMNS = 12 }; /* of more layers a column is a block of the network */

/* Which layers a column is of. */
typedef struct layer_columns {
    size_t count, of[256]; /* of[layer]: its column */
    const char *titles[MOST_COLUMNS];
} layer_columns;

static const char *title_of(const cm_content *c, const json_t *layer, bool block) {
    double height = 0, width = 0;
    const char *title = cm_layer_title(layer, block, &c->d->arena);
    cm_number_of(layer, "height", &height);
    cm_number_of(layer, "width", &width);
    return cm_arena_print(&c->d->arena, "%s%s, %.0fx%.0f", title ? title : "",
                          json_is_true(json_object_get(layer, "watched")) ? "*" : "", height, width);
}

static void find_columns(const cm_content *c, const cm_layer_pair *p, layer_columns *l) {
    l->count = 0;
    for (size_t i = 0; i < p->layer_count && i < 256; i++) {
        const char *title = title_of(c, json_array_get(p->layers, i), p->layer_count > MOST_LAYERS);
        size_t k = 0;
        while (title && k < l->count && strcmp(l->titles[k], title) != 0) k++;
        if (title && k == l->count && l->count < MOST_COLUMNS) l->titles[l->count++] = title;
        l->of[i] = title && k < l->count ? k : SIZE_MAX;
    }
}

/* Mean over the column's layers. */
static double value_of(const cm_content *c, const cm_layer_pair *p, const layer_columns *l, const char *arm,
                       const char *group, size_t column, bool in_region) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < p->layer_count && i < 256; i++) {
        if (l->of[i] != column) continue;
        sum += cm_layer_share(c->r, arm, group, i, in_region);
        n++;
    }
    return sum / n;
}

static void pair_cell(const cm_content *c, cm_table *t, double a, double b) {
    if (!isfinite(a) || !isfinite(b)) {
        cm_table_empty(t);
        return;
    }
    const double times = a / b;
    cm_cell *cell = cm_table_number(t, a);
    if (b <= 0) cell->aside = "of 0";
    else if (times < 0.001) cell->aside = cm_arena_print(&c->d->arena, "of %.2f; x < 0.001", 100 * b);
    else
        cell->aside = cm_arena_print(&c->d->arena, times < 100 ? "of %.2f; x %.2g" : "of %.2f; x %.0f", 100 * b, times);
    cell->strong = b > 0 && (times < 0.5 || times > 2);
}

static const char *sample_of(const cm_content *c, const cm_layer_pair *p, const char *group) {
    double n = 0, lost = 0;
    const json_t *kept = cm_report_model_kept(c->r, p->a, group);
    cm_number_of(kept, "n", &n);
    cm_number_of(kept, "lost", &lost);
    return lost > 0 ? cm_arena_print(&c->d->arena, "%.0f images; in %.0f its region is lost", n, lost)
                    : cm_arena_print(&c->d->arena, "%.0f images", n);
}

static bool has_any(const cm_content *c, const cm_layer_pair *p, const char *group, bool in_region) {
    return isfinite(cm_layer_share(c->r, p->a, group, 0, in_region)) &&
           isfinite(cm_layer_share(c->r, p->b, group, 0, in_region));
}

static void add_table(const cm_content *c, const cm_layer_pair *p, const layer_columns *l, bool in_region) {
    cm_table_column columns[1 + MOST_COLUMNS] = {{.title = "group", .left = true}};
    for (size_t k = 0; k < l->count; k++)
        columns[1 + k] = (cm_table_column){.title = l->titles[k], .style = CM_PERCENT, .digits = 2};
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, in_region ? "layers-inside" : "layers", columns, 1 + l->count);
    t->caption = cm_arena_print(
        &c->d->arena,
        in_region
            ? "Attention that a cell of the group's own region gives to the group's words, by layer: %s, beside %s"
            : "Attention of each group's words, by layer: %s, beside %s",
        p->a, p->b);
    t->note = cm_arena_print(&c->d->arena,
                             "Shares of all attention of the layer%s, in %%. Small: what %s has, and how many times as "
                             "much %s has. Bold: less than half, or more than "
                             "twice as much.%s%s",
                             in_region ? " in the region's cells" : "", p->b, p->a,
                             " *: of the size that the scores HOLA, attn IoU and attn mass look at.",
                             p->layer_count > MOST_LAYERS ? " Means over the layers of a block." : "");
    for (size_t g = 0; g < p->group_count && !cm_interrupted(); g++) {
        if (!has_any(c, p, p->groups[g], in_region)) continue;
        cm_table_row(t);
        cm_table_text(t, p->groups[g])->aside = sample_of(c, p, p->groups[g]);
        for (size_t k = 0; k < l->count; k++)
            pair_cell(c, t, value_of(c, p, l, p->a, p->groups[g], k, in_region),
                      value_of(c, p, l, p->b, p->groups[g], k, in_region));
    }
}

void cm_add_layer_tables(const cm_content *c) {
    cm_layer_pair p;
    layer_columns l;
    if (!c->r->kept.count || cm_layer_pair_find(c->r, &c->d->arena, &p) != CM_OK || !p.layers) return;
    find_columns(c, &p, &l);
    cm_subheading(c->d, "Attention of each group's words by layer");
    add_table(c, &p, &l, false);
    if (c->plots->layers.name) cm_document_plot(c->d, c->plots->layers);
    add_table(c, &p, &l, true);
}
