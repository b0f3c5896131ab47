// SPDX-License-Identifier: Apache-2.0
/* Draws one image with the library. Build and run it where cosmicman is installed:
 *
 *     cc generate.c $(pkg-config --cflags --libs cosmicman) -o generate
 *     ./generate nano:hq "a woman in a red coat" 7 coat.png
 */
#include <cosmicman.h>
#include <stdio.h>
#include <stdlib.h>

static void show_step(void *arg, size_t step, size_t steps) {
    (void)arg;
    fprintf(stderr, "step %zu of %zu\n", step, steps);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: generate MODEL PROMPT SEED OUT.png\n");
        return 2;
    }
    cosmicman_settings settings = COSMICMAN_SETTINGS_INIT;
    settings.prompt = argv[2];
    settings.seed = strtoull(argv[3], NULL, 10);
    settings.steps = 10;
    settings.progress = show_step;

    cosmicman_model *model = cosmicman_model_open(argv[1]);
    cosmicman_image *image = model ? cosmicman_generate(model, &settings) : NULL;
    const int failed = !image || cosmicman_image_write(image, argv[4]) != 0;
    if (failed) fprintf(stderr, "generate: %s\n", cosmicman_error());
    else printf("%s: %zu x %zu\n", argv[4], cosmicman_image_width(image), cosmicman_image_height(image));
    cosmicman_image_free(image);
    cosmicman_model_close(model);
    return failed;
}
