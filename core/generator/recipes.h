// SPDX-License-Identifier: Apache-2.0
/* Recipes: settings under a name, from core/models/recipes.json; a setting that is given otherwise wins. */
#ifndef CM_CORE_GENERATOR_RECIPES_H
#define CM_CORE_GENERATOR_RECIPES_H

#include "core/generator/settings.h"

typedef struct cm_recipe {
    const char *name, *about;
    cm_settings settings; /* negative NULL: the recipe gives none */
} cm_recipe;

cm_status cm_recipes_list(cm_arena *out, cm_recipe **recipes, size_t *count);
/* An unknown name is wrong usage that lists what there is. */
cm_status cm_recipe_find(const char *name, cm_arena *out, cm_recipe *recipe);
/* What recipes say takes the place of what s has. */
void cm_recipe_follow(const cm_recipe *recipe, cm_settings *s);

#endif
