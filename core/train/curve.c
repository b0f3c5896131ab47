// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

/* Quotes end gnuplot's strings, so a folder with one in its name gets no picture. */
static bool plain(const char *path) {
    for (; *path; path++)
        if (*path == '\'' || *path == '"' || *path == '\n') return false;
    return true;
}

static void send_points(FILE *f, const json_t *lines) {
    size_t i;
    json_t *line;
    json_array_foreach(lines, i, line) {
        const double loss = cm_json_number_or(line, "loss", -1);
        if (loss >= 0) fprintf(f, "%zu %.6g\n", cm_json_size_or(line, "step", 0), loss);
    }
    fprintf(f, "e\n");
}

void cm_trainer_plot(const cm_trainer *t) {
    char path[1024];
    json_t *lines;
    snprintf(path, sizeof path, "%s/train.jsonl", t->out);
    if (!plain(t->out) || cm_jsonl_read(path, &lines) != CM_OK) return;
    FILE *f = popen("gnuplot >/dev/null 2>&1", "w");
    if (f) {
        fprintf(f, "set terminal svg size 640,400 font 'sans,12'\nset output '%s/loss.svg'\n", t->out);
        fprintf(f, "set title '%s'\nset xlabel 'step'\nset ylabel 'loss'\nset logscale y\nset grid\nunset key\n",
                t->stage->name);
        fprintf(f, "plot '-' with lines linewidth 2\n");
        send_points(f, lines);
        pclose(f);
    }
    json_decref(lines);
}
