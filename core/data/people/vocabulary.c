// SPDX-License-Identifier: Apache-2.0
/* Every attribute that a drawn person can have, with the words that say it. */
#include "core/data/people/vocabulary.h"

#include <string.h>

#define WORDS(name, ...) static const char *const name[] = {__VA_ARGS__}
WORDS(countries, "caucasian", "asian", "african", "latino", "indian");
WORDS(ages, "young adult", "adult", "elderly");
WORDS(genders, "male", "female");
WORDS(bodies, "slim body", "fit body", "plump body");
WORDS(places, "plain white background", "plain gray background", "indoor room", "city street", "green park",
      "sandy beach");
WORDS(hair_styles, "bald", "straight", "wavy", "curly", "bun", "bob", "afro", "crew cut");
WORDS(hair_colors, "black", "brown", "blonde", "red", "gray", "white");
WORDS(hair_lengths, "above eyes", "above chin", "above shoulders", "above chest");
WORDS(colors, "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray");
WORDS(patterns, "solid", "striped", "plaid", "floral", "dotted", "graphic");
WORDS(materials, "cotton", "silk", "leather", "denim", "knitted", "wool");
WORDS(sleeves, "sleeveless", "short sleeve", "long sleeve");
WORDS(lengths, "short", "midi", "maxi");
WORDS(one_pieces, "none", "dress", "jumpsuit");
WORDS(tops, "none", "t-shirt", "shirt", "sweater", "hoodie", "camisole", "blouse", "polo shirt");
WORDS(top_lengths, "cropped", "regular", "longline");
WORDS(collars, "round neck", "v neck", "turtleneck");
WORDS(coats, "none", "jacket", "overcoat");
WORDS(coat_lengths, "short", "knee length");
WORDS(bottoms, "none", "pants", "jeans", "shorts", "skirt");
WORDS(bottom_shapes, "straight", "tapered", "flared", "pleated");
WORDS(shoes, "sneakers", "boots", "heels", "loafers");
WORDS(boot_lengths, "ankle", "knee high");
WORDS(bags, "none", "backpack", "handbag", "shoulder bag");
WORDS(hats, "none", "hat", "cap", "beanie");
WORDS(belts, "none", "belt");
WORDS(scarves, "none", "scarf");
WORDS(headbands, "none", "headband");
WORDS(socks, "none", "socks");
WORDS(ties, "none", "ties");

#define VALUES(a) (int)(sizeof(a) / sizeof(a)[0]), a
const cm_slot cm_slots[] = {
    [S_COUNTRY] = {"person.country", 0, "country", CM_SLOT_OTHER, VALUES(countries), -1},
    [S_AGE] = {"person.age", 0, "age", CM_SLOT_OTHER, VALUES(ages), -1},
    [S_GENDER] = {"person.gender", 0, "gender", CM_SLOT_OBJECT, VALUES(genders), -1},
    [S_BODY] = {"body.shape", 1, "body shape", CM_SLOT_SHAPE, VALUES(bodies), -1},
    [S_BACKGROUND] = {"background", 2, "background", CM_SLOT_OTHER, VALUES(places), -1},
    [S_HAIR_STYLE] = {"hair.style", 3, "hair style", CM_SLOT_SHAPE, VALUES(hair_styles), -1},
    [S_HAIR_COLOR] = {"hair.color", 3, "hair color", CM_SLOT_TEXTURE, VALUES(hair_colors), S_HAIR_STYLE},
    [S_HAIR_LENGTH] = {"hair.length", 3, "hair length", CM_SLOT_SHAPE, VALUES(hair_lengths), S_HAIR_STYLE},
    [S_ONE] = {"one_piece.type", 5, "type", CM_SLOT_OBJECT, VALUES(one_pieces), -1},
    [S_ONE_COLOR] = {"one_piece.color", 5, "color", CM_SLOT_TEXTURE, VALUES(colors), S_ONE},
    [S_ONE_PATTERN] = {"one_piece.pattern", 5, "pattern", CM_SLOT_TEXTURE, VALUES(patterns), S_ONE},
    [S_ONE_SLEEVE] = {"one_piece.sleeve", 5, "sleeve length", CM_SLOT_SHAPE, VALUES(sleeves), S_ONE},
    [S_ONE_LENGTH] = {"one_piece.length", 5, "length", CM_SLOT_SHAPE, VALUES(lengths), S_ONE},
    [S_ONE_MATERIAL] = {"one_piece.material", 5, "material", CM_SLOT_TEXTURE, VALUES(materials), S_ONE},
    [S_TOP] = {"tops.type", 6, "type", CM_SLOT_OBJECT, VALUES(tops), -1},
    [S_TOP_COLOR] = {"tops.color", 6, "color", CM_SLOT_TEXTURE, VALUES(colors), S_TOP},
    [S_TOP_PATTERN] = {"tops.pattern", 6, "pattern", CM_SLOT_TEXTURE, VALUES(patterns), S_TOP},
    [S_TOP_LENGTH] = {"tops.length", 6, "top length", CM_SLOT_SHAPE, VALUES(top_lengths), S_TOP},
    [S_TOP_SLEEVE] = {"tops.sleeve", 6, "sleeve length", CM_SLOT_SHAPE, VALUES(sleeves), S_TOP},
    [S_TOP_COLLAR] = {"tops.collar", 6, "collar shape", CM_SLOT_SHAPE, VALUES(collars), S_TOP},
    [S_TOP_MATERIAL] = {"tops.material", 6, "material", CM_SLOT_TEXTURE, VALUES(materials), S_TOP},
    [S_COAT] = {"coats.type", 7, "type", CM_SLOT_OBJECT, VALUES(coats), -1},
    [S_COAT_COLOR] = {"coats.color", 7, "color", CM_SLOT_TEXTURE, VALUES(colors), S_COAT},
    [S_COAT_PATTERN] = {"coats.pattern", 7, "pattern", CM_SLOT_TEXTURE, VALUES(patterns), S_COAT},
    [S_COAT_LENGTH] = {"coats.length", 7, "coat length", CM_SLOT_SHAPE, VALUES(coat_lengths), S_COAT},
    [S_COAT_MATERIAL] = {"coats.material", 7, "material", CM_SLOT_TEXTURE, VALUES(materials), S_COAT},
    [S_BOTTOM] = {"bottoms.type", 8, "type", CM_SLOT_OBJECT, VALUES(bottoms), -1},
    [S_BOTTOM_COLOR] = {"bottoms.color", 8, "color", CM_SLOT_TEXTURE, VALUES(colors), S_BOTTOM},
    [S_BOTTOM_PATTERN] = {"bottoms.pattern", 8, "pattern", CM_SLOT_TEXTURE, VALUES(patterns), S_BOTTOM},
    [S_BOTTOM_LENGTH] = {"bottoms.length", 8, "length", CM_SLOT_SHAPE, VALUES(lengths), S_BOTTOM},
    [S_BOTTOM_SHAPE] = {"bottoms.shape", 8, "bottom shape", CM_SLOT_SHAPE, VALUES(bottom_shapes), S_BOTTOM},
    [S_BOTTOM_MATERIAL] = {"bottoms.material", 8, "material", CM_SLOT_TEXTURE, VALUES(materials), S_BOTTOM},
    [S_SHOES] = {"shoes.type", 9, "type", CM_SLOT_OBJECT, VALUES(shoes), -1},
    [S_SHOES_COLOR] = {"shoes.color", 9, "color", CM_SLOT_TEXTURE, VALUES(colors), -1},
    [S_SHOES_LENGTH] = {"shoes.length", 9, "boots length", CM_SLOT_SHAPE, VALUES(boot_lengths), -1},
    [S_BAG] = {"bags.type", 10, "type", CM_SLOT_OBJECT, VALUES(bags), -1},
    [S_BAG_COLOR] = {"bags.color", 10, "color", CM_SLOT_TEXTURE, VALUES(colors), S_BAG},
    [S_HAT] = {"hats.type", 11, "type", CM_SLOT_OBJECT, VALUES(hats), -1},
    [S_HAT_COLOR] = {"hats.color", 11, "color", CM_SLOT_TEXTURE, VALUES(colors), S_HAT},
    [S_BELT] = {"belts.type", 12, "type", CM_SLOT_OBJECT, VALUES(belts), -1},
    [S_BELT_COLOR] = {"belts.color", 12, "color", CM_SLOT_TEXTURE, VALUES(colors), S_BELT},
    [S_SCARF] = {"scarf.type", 13, "type", CM_SLOT_OBJECT, VALUES(scarves), -1},
    [S_SCARF_COLOR] = {"scarf.color", 13, "color", CM_SLOT_TEXTURE, VALUES(colors), S_SCARF},
    [S_HEADBAND] = {"headband.type", 15, "type", CM_SLOT_OBJECT, VALUES(headbands), -1},
    [S_HEADBAND_COLOR] = {"headband.color", 15, "color", CM_SLOT_TEXTURE, VALUES(colors), S_HEADBAND},
    [S_SOCKS] = {"socks.type", 18, "type", CM_SLOT_OBJECT, VALUES(socks), -1},
    [S_SOCKS_COLOR] = {"socks.color", 18, "color", CM_SLOT_TEXTURE, VALUES(colors), S_SOCKS},
    [S_TIE] = {"ties.type", 19, "type", CM_SLOT_OBJECT, VALUES(ties), -1},
    [S_TIE_COLOR] = {"ties.color", 19, "color", CM_SLOT_TEXTURE, VALUES(colors), S_TIE},
};
const int cm_slot_count = S_COUNT;
_Static_assert((int)S_COUNT <= (int)CM_MAX_SLOTS, "cm_person.value has a place for every slot");
_Static_assert(N_COUNT <= 48, "cm_person.numbers has a place for every number");

int cm_slot_find(int group, const char *key) {
    for (int i = 0; i < S_COUNT; i++)
        if (cm_slots[i].group == group && strcmp(cm_slots[i].key, key) == 0) return i;
    return -1;
}
