// SPDX-License-Identifier: Apache-2.0
#include "core/labels/labels.h"

#define BIT(c) (1u << (c))
#define SKIN (BIT(CM_FACE) | BIT(CM_LEFT_LEG) | BIT(CM_RIGHT_LEG) | BIT(CM_LEFT_ARM) | BIT(CM_RIGHT_ARM))
#define EVERYTHING (((1u << CM_CLASSES) - 1u) & ~BIT(CM_BACKGROUND))

const char *const cm_class_names[CM_CLASSES] = {
    "background", "hat",        "hair", "sunglasses", "upper-clothes", "skirt",    "pants",     "dress", "belt",
    "left-shoe",  "right-shoe", "face", "left-leg",   "right-leg",     "left-arm", "right-arm", "bag",   "scarf",
};

/* Order, keys and nouns are those of the authors' loader; "color" is added where their own captions put the
 * colour into the pattern, because the drawn people always say it. */
const cm_group_info cm_groups[CM_GROUPS] = {
    {"person", {"country", "age"}, NULL, "gender", SKIN},
    {"body shape", {"body shape"}, NULL, NULL, EVERYTHING},
    {"background", {"background"}, NULL, NULL, BIT(CM_BACKGROUND)},
    {"hair", {"hair color", "hair style", "hair length"}, "hair", NULL, BIT(CM_HAIR)},
    {"special clothings", {"sleeve length"}, NULL, "type", BIT(CM_UPPER) | BIT(CM_DRESS)},
    {"one-piece outfits",
     {"color", "pattern", "sleeve length", "length", "shoulder exposure level", "material", "collar shape"},
     NULL,
     "type",
     BIT(CM_DRESS)},
    {"tops",
     {"color", "pattern", "top length", "sleeve length", "collar shape", "material", "graphic"},
     NULL,
     "type",
     BIT(CM_UPPER)},
    {"coats", {"color", "pattern", "coat length", "collar shape", "material", "graphic"}, NULL, "type", BIT(CM_UPPER)},
    {"bottoms",
     {"color", "pattern", "length", "bottom shape", "material", "graphic"},
     NULL,
     "type",
     BIT(CM_SKIRT) | BIT(CM_PANTS)},
    {"shoes", {"color", "pattern", "boots length", "material"}, NULL, "type", BIT(CM_LEFT_SHOE) | BIT(CM_RIGHT_SHOE)},
    {"bags", {"color", "material"}, NULL, "type", BIT(CM_BAG)},
    {"hats", {"color", "material"}, NULL, "type", BIT(CM_HAT)},
    {"belts", {"color", "material"}, "belt", NULL, BIT(CM_BELT)},
    {"scarf", {"color", "pattern", "material"}, "scarf", NULL, BIT(CM_SCARF)},
    {"overall-style", {"overall-style"}, NULL, NULL, EVERYTHING},
    {"headband", {"color", "pattern", "material"}, "headband", NULL, BIT(CM_HAT)},
    {"headscarf", {"color", "pattern", "material"}, "headscarf", NULL, BIT(CM_HAT)},
    {"veil", {"color", "pattern", "material"}, "veil", NULL, BIT(CM_HAT)},
    {"socks", {"color", "pattern", "material"}, "socks", NULL, BIT(CM_LEFT_LEG) | BIT(CM_RIGHT_LEG)},
    {"ties", {"color", "pattern", "material"}, "ties", NULL, BIT(CM_UPPER)},
};
