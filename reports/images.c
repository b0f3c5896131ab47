// SPDX-License-Identifier: Apache-2.0
/* The images of a report: the arms of one prompt side by side, each arm's prompts, where the groups look. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"

enum { GRID_FIRST = 12, MOST_LINES = 4 };

/* Has the arm an image of any prompt that is shown? One that was not run has none, and takes no place. */
static bool has_images(const cm_content *c, size_t arm) {
    for (size_t i = 0; i < c->r->shown.count; i++)
        if (cm_report_model_image(c->r, c->r->arms[arm], cm_text_of(c->r->shown.at[i], "id"))) return true;
    return false;
}

const char *cm_arm_anchor(const cm_content *c, size_t arm) {
    if (!c->lists || !has_images(c, arm)) return NULL;
    return cm_arena_print(&c->d->arena, "arm-%zu", arm);
}

const char *cm_prompt_anchor(const cm_content *c, size_t prompt) {
    return cm_arena_print(&c->d->arena, "prompt-%zu", prompt);
}

/* --- answers ---------------------------------------------------------------------------- */

/* "acc_obj 3 of 4, acc_tex 2 of 2"; "" where nothing was asked. */
static const char *answers_of(const cm_content *c, const json_t *image) {
    const char *key, *before = "";
    json_t *pair;
    json_object_foreach((json_t *)json_object_get(image, "counts"), key, pair) {
        const json_t *right = json_array_get(pair, 0), *asked = json_array_get(pair, 1);
        const cm_column *of = cm_column_find(c->r, key);
        if (!json_is_number(right) || !json_is_number(asked) || json_number_value(asked) <= 0) continue;
        cm_say(c->d, "%s%s %.0f of %.0f", before, of ? of->title : key, json_number_value(right),
               json_number_value(asked));
        before = ", ";
    }
    return cm_said(c->d);
}

static size_t misses_of(const json_t *image) {
    return json_array_size(json_object_get(image, "misses"));
}

/* What was asked and seen: the sum, then each miss, the first few. */
static void fill_lines(const cm_content *c, cm_part_image *to, const json_t *image) {
    const json_t *misses = json_object_get(image, "misses");
    const size_t count = json_array_size(misses);
    const char *answers = answers_of(c, image), **lines = CM_PUSH(&c->d->arena, const char *, MOST_LINES + 2);
    if (!lines) return;
    if (*answers) lines[to->line_count++] = answers;
    for (size_t i = 0; i < count && i < MOST_LINES; i++) {
        const char *miss = json_string_value(json_array_get(misses, i));
        if (miss) lines[to->line_count++] = miss;
    }
    if (count > MOST_LINES) lines[to->line_count++] = cm_arena_print(&c->d->arena, "and %zu more", count - MOST_LINES);
    to->lines = lines;
}

/* --- the grid --------------------------------------------------------------------------- */

static void fill_image(const cm_content *c, cm_part_image *to, const char *arm, const char *id, size_t k) {
    const json_t *image = cm_report_model_image_of(c->r, arm, id, k);
    const char *label = k ? cm_arena_print(&c->d->arena, "%s, %zu", arm, k + 1) : arm;
    to->label = label ? label : arm;
    to->alt = "";
    if (!image) return;
    const char *answers = answers_of(c, image);
    to->file = cm_text_of(image, "picture");
    to->alt = cm_arena_print(&c->d->arena, "%s, prompt %s%s%s", to->label, id, *answers ? ": " : "", answers);
    fill_lines(c, to, image);
}

/* Of a prompt's images, how many are shown of each arm. */
static size_t images_each(const cm_content *c) {
    double images = 1;
    cm_number_of(c->r->run, "images", &images);
    return images > CM_SHOWN_EACH ? CM_SHOWN_EACH : images >= 1 ? (size_t)images : 1;
}

static void add_prompt(const cm_content *c, size_t prompt) {
    const json_t *first = c->r->shown.at[prompt];
    const size_t each = images_each(c);
    size_t count = 0;
    for (size_t a = 0; a < c->r->arm_count; a++) count += each * has_images(c, a);
    cm_figure *f = cm_document_figure(c->d, count);
    f->anchor = cm_prompt_anchor(c, prompt);
    f->caption = cm_text_of(first, "prompt");
    f->folded = prompt >= GRID_FIRST;
    count = 0;
    for (size_t a = 0; a < c->r->arm_count; a++)
        for (size_t k = 0; k < each && count < f->count && has_images(c, a); k++)
            fill_image(c, &f->images[count++], c->r->arms[a], cm_text_of(first, "id"), k);
}

static void say_rest(const cm_content *c, size_t shown, size_t count) {
    if (shown >= count) return;
    cm_say(c->d, "The first %zu of %zu prompts are shown.", shown, count);
    cm_paragraph(c->d, CM_SMALL);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

void cm_add_grid(const cm_content *c, size_t most) {
    const size_t count = least(c->r->shown.count, most);
    cm_heading(c->d, "The same prompts, arm by arm", "prompts");
    double images = 1;
    if (!count) cm_paragraph_of(c->d, CM_PLAIN, "No image was made.");
    if (count && cm_number_of(c->r->run, "images", &images) && images > CM_SHOWN_EACH) {
        cm_say(c->d, "Of the %.0f images of a prompt the first %d are shown.", images, CM_SHOWN_EACH);
        cm_paragraph(c->d, CM_SMALL);
    }
    for (size_t i = 0; i < count && !cm_interrupted(); i++) add_prompt(c, i);
    say_rest(c, count, c->r->image_count);
}

/* --- lists ------------------------------------------------------------------------------ */

static bool image_has(const cm_content *c, const char *arm, const char *score) {
    double v;
    for (size_t i = 0; i < c->r->shown.count; i++)
        if (cm_number_of(json_object_get(cm_report_model_image(c->r, arm, cm_text_of(c->r->shown.at[i], "id")),
                                         "scores"),
                         score, &v))
            return true;
    return false;
}

static void list_row(const cm_content *c, cm_table *t, size_t arm, size_t prompt) {
    const char *id = cm_text_of(c->r->shown.at[prompt], "id");
    const json_t *image = cm_report_model_image(c->r, c->r->arms[arm], id), *scores = json_object_get(image, "scores");
    double v;
    cm_table_row(t);
    cm_table_text(t, id)->link = cm_prompt_anchor(c, prompt);
    if (!image) {
        cm_table_rest(t, "no image");
        return;
    }
    for (size_t k = 1; k + 2 < t->column_count; k++) {
        if (cm_number_of(scores, t->columns[k].key, &v)) cm_table_number(t, v);
        else cm_table_empty(t);
    }
    cm_table_number(t, (double)misses_of(image));
    cm_table_text(t, answers_of(c, image));
}

static void add_list(const cm_content *c, size_t arm) {
    cm_table_column *columns = CM_PUSH_ZERO(&c->d->arena, cm_table_column, c->r->column_count + 3);
    const char *anchor = cm_arm_anchor(c, arm);
    size_t count = 0;
    if (!columns || !anchor || !has_images(c, arm)) return;
    columns[count++] = (cm_table_column){.title = "prompt", .left = true};
    for (size_t i = 0; i < c->r->column_count; i++) {
        const cm_column *of = &c->r->columns[i];
        if (!image_has(c, c->r->arms[arm], of->score)) continue;
        columns[count++] = (cm_table_column){
            .title = of->title, .key = of->score, .better = of->better, .style = of->style, .digits = of->digits};
    }
    columns[count++] = (cm_table_column){.title = "misses"};
    columns[count++] = (cm_table_column){.title = "right of asked", .left = true};
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, anchor, columns, count);
    t->caption = cm_arena_print(&c->d->arena, "%s, prompt by prompt", c->r->arms[arm]);
    for (size_t i = 0; i < c->r->shown.count && !cm_interrupted(); i++) list_row(c, t, arm, i);
}

void cm_add_lists(const cm_content *c) {
    if (!c->lists || !c->r->shown.count) return;
    cm_heading(c->d, "Prompt by prompt", "lists");
    cm_paragraph_of(c->d, CM_SMALL, "A prompt leads to its images above, with what was asked and seen in each.");
    for (size_t a = 0; a < c->r->arm_count && !cm_interrupted(); a++) add_list(c, a);
    say_rest(c, c->r->shown.count, c->r->image_count);
}

/* --- attention -------------------------------------------------------------------------- */

/* One figure a prompt and arm: the image, then each group's attention over it. */
static void add_maps(const cm_content *c, const char *arm, const char *id) {
    const json_t *image = cm_report_model_image(c->r, arm, id), *maps = json_object_get(image, "attention");
    const size_t count = json_array_size(maps);
    if (!count) return;
    cm_figure *f = cm_document_figure(c->d, count + 1);
    f->maps = true;
    for (size_t k = 0; k < f->count; k++) {
        const json_t *map = json_array_get(maps, k - 1); /* of k = 0: NULL */
        const char *text = k ? cm_text_of(map, "text") : arm;
        f->images[k].file = cm_text_of(k ? map : image, "picture");
        f->images[k].label = text;
        f->images[k].alt =
            cm_arena_print(&c->d->arena, k ? "%s: where \"%s\" looks" : "%s, prompt %s", arm, k ? text : id);
    }
}

void cm_add_attention(const cm_content *c, size_t most) {
    const size_t count = least(c->r->illustrated.count, most);
    cm_heading(c->d, "Where the groups look", "attention");
    if (!count) {
        cm_paragraph_of(c->d, CM_PLAIN, "not measured");
        return;
    }
    cm_paragraph_of(
        c->d, CM_PLAIN,
        "Cross-attention of the final model, mean over heads, layers and steps, one map a prompt group, laid over the "
        "image: Daring asks each group to look at its own region.");
    cm_document_colours(c->d);
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0; a < c->r->arm_count && !cm_interrupted(); a++)
            add_maps(c, c->r->arms[a], cm_text_of(c->r->illustrated.at[i], "id"));
    say_rest(c, count, c->r->illustrated_count);
}
