// SPDX-License-Identifier: Apache-2.0
/* Recipes: settings under a name, from core/models/recipes.json; a setting that is given otherwise wins. */
#ifndef CM_CORE_GENERATOR_RECIPES_H
#define CM_CORE_GENERATOR_RECIPES_H

#include <stdint.h>

#include "core/generator/sampler.h"

typedef struct cm_recipe {
    const char *name, *about;
    const cm_sampler *sampler;
    const char *negative,
        *suffix; /* negative NULL: the recipe gives none; suffix: what the prompt ends in, may be "" */
    size_t steps, width, height;
    double guidance;
    uint64_t seed;
} cm_recipe;

cm_status cm_recipes_list(cm_arena *out, cm_recipe **recipes, size_t *count);
/* An unknown name is wrong usage that lists what there is. */
cm_status cm_recipe_find(const char *name, cm_arena *out, cm_recipe *recipe);

#endif
