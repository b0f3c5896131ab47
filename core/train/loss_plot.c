// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "core/base/gnuplot.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

static const char script[] =
    "set terminal svg size 640,400 font 'sans,12'\nset xlabel 'step'\nset ylabel 'loss'\nset logscale y\nset grid\n"
    "unset key\nplot 'loss.dat' with lines linewidth 2\n";

static cm_status write_points(const char *folder, const json_t *lines) {
    char path[1024];
    cm_part part;
    size_t i;
    json_t *line;
    snprintf(path, sizeof path, "%s/loss.dat", folder);
    CM_TRY(cm_part_open(&part, path));
    json_array_foreach((json_t *)lines, i, line) {
        const double loss = cm_json_number_or(line, "loss", -1);
        if (loss >= 0) fprintf(part.file, "%zu %.6g\n", cm_json_size_or(line, "step", 0), loss);
    }
    return cm_part_finish(&part);
}

/* A run is whole without its image: what fails here is not said. */
void cm_trainer_plot(const cm_trainer *t) {
    char path[1024];
    json_t *lines;
    snprintf(path, sizeof path, "%s/train.jsonl", t->out);
    if (cm_jsonl_read(path, &lines) != CM_OK) return;
    snprintf(path, sizeof path, "%s/loss.gp", t->out);
    cm_status s = write_points(t->out, lines);
    if (s == CM_OK) s = cm_write_whole(path, script, sizeof script - 1);
    if (s == CM_OK) cm_gnuplot_draw(t->out, "loss");
    json_decref(lines);
}
