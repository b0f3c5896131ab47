// SPDX-License-Identifier: Apache-2.0
#include "prompts/human_words.h"

#include <string.h>

#include "core/labels/labels.h"

#define BIT(c) (1u << (c))
#define COLORS "red,orange,yellow,green,blue,purple,pink,brown,black,white,gray,beige"
#define PATTERNS "solid color,floral,plaid,printed,tie-dye,striped,dotted"
#define COLOR                                                                                                          \
    { "color", COLORS }
#define PATTERN                                                                                                        \
    { "pattern", PATTERNS }
enum { ALL = 0, WOMEN = CM_FOR_WOMEN, MEN = CM_FOR_MEN, ADULT = CM_FOR_ADULTS, MINOR = CM_FOR_MINORS };

/* The order of a phrase's words is the order of its slots. */
const cm_human_type cm_human_types[] = {
    {4, "saree", WOMEN | ADULT, BIT(CM_UPPER) | BIT(CM_DRESS), {{"sleeve length", "short sleeve,long sleeve"}}},
    {4, "kimono", ADULT, BIT(CM_UPPER) | BIT(CM_DRESS), {{"sleeve length", "long sleeve"}}},
    {4, "chef uniform", ADULT, BIT(CM_UPPER) | BIT(CM_PANTS), {{"sleeve length", "short sleeve,long sleeve"}}},
    {4, "graduation gown", ADULT, BIT(CM_UPPER) | BIT(CM_DRESS), {{"sleeve length", "long sleeve"}}},
    {4, "school uniform", MINOR, BIT(CM_UPPER) | BIT(CM_PANTS), {{"sleeve length", "short sleeve,long sleeve"}}},
    {4, "soccer uniform", ALL, BIT(CM_UPPER) | BIT(CM_PANTS), {{"sleeve length", "short sleeve,long sleeve"}}},

    {5,
     "dress",
     WOMEN,
     0,
     {COLOR,
      PATTERN,
      {"sleeve length", "sleeveless,short sleeve,long sleeve"},
      {"length", "short,midi,maxi"},
      {"shoulder exposure level", "off-shoulder*"},
      {"collar shape", "round neck,v neck,collar"},
      {"material", "cotton,silk*,woven,knitted,linen,mesh*"}}},
    {5,
     "wedding dress",
     WOMEN | ADULT,
     0,
     {{"color", "white,beige"},
      {"sleeve length", "sleeveless,short sleeve,long sleeve"},
      {"length", "midi,maxi"},
      {"shoulder exposure level", "off-shoulder*"},
      {"collar shape", "round neck,v neck"},
      {"material", "silk*,mesh*"}}},
    {5,
     "jumpsuit",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,floral,striped"},
      {"sleeve length", "sleeveless,short sleeve,long sleeve"},
      {"collar shape", "round neck,v neck,collar"},
      {"material", "cotton,silk*,denim,linen"}}},

    {6,
     "t-shirt",
     ALL,
     0,
     {COLOR,
      PATTERN,
      {"graphic", "graphic"},
      {"top length", "normal,cropped*,longline"},
      {"sleeve length", "short sleeve,long sleeve"},
      {"collar shape", "round neck,v neck"},
      {"material", "cotton,linen,mesh*"}}},
    {6,
     "shirt",
     ALL,
     0,
     {COLOR,
      PATTERN,
      {"top length", "normal,longline"},
      {"sleeve length", "short sleeve,long sleeve"},
      {"collar shape", "collar"},
      {"material", "cotton,silk*,linen,denim,woven"}}},
    {6,
     "polo shirt",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,striped,printed"},
      {"top length", "normal,longline"},
      {"sleeve length", "short sleeve,long sleeve"},
      {"collar shape", "collar"},
      {"material", "cotton,knitted"}}},
    {6,
     "blouse",
     WOMEN | ADULT,
     0,
     {COLOR,
      PATTERN,
      {"top length", "normal,cropped*"},
      {"sleeve length", "sleeveless,short sleeve,long sleeve"},
      {"collar shape", "round neck,v neck,collar"},
      {"material", "cotton,silk,mesh,woven"}}},
    {6,
     "sweater",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,striped,plaid"},
      {"top length", "normal,cropped*,longline"},
      {"sleeve length", "long sleeve"},
      {"collar shape", "round neck,v neck,turtleneck"},
      {"material", "knitted,wool,cotton"}}},
    {6,
     "sweatshirt",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,printed,tie-dye"},
      {"graphic", "graphic"},
      {"top length", "normal,cropped*,longline"},
      {"sleeve length", "long sleeve"},
      {"collar shape", "round neck"},
      {"material", "cotton"}}},
    {6,
     "hoodie",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,printed,tie-dye"},
      {"graphic", "graphic"},
      {"top length", "normal,cropped*,longline"},
      {"sleeve length", "long sleeve"},
      {"material", "cotton"}}},
    {6,
     "camisole",
     WOMEN | ADULT,
     0,
     {COLOR,
      {"pattern", "solid color,floral,dotted"},
      {"top length", "normal,cropped*"},
      {"sleeve length", "sleeveless"},
      {"material", "silk,cotton,knitted"}}},

    {7,
     "jacket",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,plaid,printed"},
      {"graphic", "graphic"},
      {"coat length", "short,normal"},
      {"collar shape", "collar,stand collar"},
      {"material", "leather,denim,cotton,wool,fur*"}}},
    {7,
     "overcoat",
     ALL,
     0,
     {COLOR,
      {"pattern", "solid color,plaid"},
      {"coat length", "normal,knee length,long"},
      {"collar shape", "collar,stand collar"},
      {"material", "wool,cotton,fur*"}}},
    {7,
     "blazer",
     ADULT,
     0,
     {COLOR,
      {"pattern", "solid color,plaid,striped"},
      {"coat length", "short,normal"},
      {"collar shape", "collar"},
      {"material", "wool,linen,cotton"}}},

    {8,
     "pants",
     ALL,
     BIT(CM_PANTS),
     {COLOR,
      {"pattern", "solid color,plaid,striped,printed"},
      {"length", "long,cropped"},
      {"bottom shape", "straight,tapered,close-fitting,flared"},
      {"material", "cotton,linen,wool,leather*,silk*"}}},
    {8,
     "sweatpants",
     ALL,
     BIT(CM_PANTS),
     {COLOR,
      {"pattern", "solid color,tie-dye,printed"},
      {"graphic", "graphic"},
      {"length", "long,cropped"},
      {"bottom shape", "straight,tapered"},
      {"material", "cotton,knitted"}}},
    {8,
     "jeans",
     ALL,
     BIT(CM_PANTS),
     {{"color", "blue,black,gray,white"},
      {"length", "long,cropped"},
      {"bottom shape", "straight,tapered,close-fitting,flared"},
      {"material", "denim"}}},
    {8,
     "shorts",
     ALL,
     BIT(CM_PANTS),
     {COLOR,
      {"pattern", "solid color,plaid,printed"},
      {"bottom shape", "straight"},
      {"material", "cotton,denim,linen"}}},
    {8,
     "skirt",
     WOMEN,
     BIT(CM_SKIRT),
     {COLOR,
      {"pattern", "solid color,floral,plaid,dotted,printed"},
      {"length", "short,midi,maxi"},
      {"bottom shape", "pleated,straight,close-fitting*,flared"},
      {"material", "cotton,silk*,denim,woven,knitted,leather*,mesh*"}}},

    {9, "sneakers", ALL, 0, {COLOR, {"pattern", "solid color,printed"}, {"material", "leather,mesh,cotton"}}},
    {9, "loafers", ALL, 0, {COLOR, {"pattern", "solid color"}, {"material", "leather,woven"}}},
    {9, "high heels", WOMEN | ADULT, 0, {COLOR, {"pattern", "solid color"}, {"material", "leather,silk"}}},
    {9, "oxford shoes", ALL, 0, {{"color", "brown,black,white"}, {"pattern", "solid color"}, {"material", "leather"}}},
    {9,
     "boots",
     ALL,
     0,
     {COLOR, {"pattern", "solid color"}, {"material", "leather,fur"}, {"boots length", "ankle,knee high*"}}},

    {10, "backpack", ALL, 0, {COLOR, {"material", "cotton,leather,woven"}}},
    {10, "handbag", WOMEN | ADULT, 0, {COLOR, {"material", "leather,woven"}}},
    {10, "shoulder bag", ADULT, 0, {COLOR, {"material", "leather,cotton,knitted"}}},

    {11, "hat", ALL, 0, {COLOR, {"material", "cotton,wool,woven,fur,leather"}}},
    {11, "baseball cap", ALL, 0, {COLOR, {"material", "cotton,mesh"}}},
    {11, "beanie", ALL, 0, {COLOR, {"material", "knitted,wool"}}},
    {12, "belt", ALL, 0, {COLOR, {"material", "leather,woven"}}},
    {13,
     "scarf",
     ALL,
     0,
     {COLOR, {"pattern", "solid color,plaid,floral,striped"}, {"material", "silk,wool,knitted,fur"}}},
    {15, "headband", ALL, 0, {COLOR, {"pattern", "solid color,floral,dotted"}, {"material", "cotton,silk,knitted"}}},
    {16,
     "headscarf",
     WOMEN | ADULT,
     0,
     {COLOR, {"pattern", "solid color,floral,printed"}, {"material", "silk,cotton"}}},
    {17,
     "veil",
     WOMEN | ADULT,
     0,
     {{"color", "white,beige,black"}, {"pattern", "solid color,floral"}, {"material", "mesh,silk"}}},
    {18,
     "socks",
     ALL,
     0,
     {COLOR, {"pattern", "solid color,striped,dotted,plaid"}, {"material", "cotton,wool,knitted"}}},
    {19, "tie", ADULT, 0, {COLOR, {"pattern", "solid color,striped,dotted,plaid"}, {"material", "silk,knitted,woven"}}},
};
const int cm_human_type_count = sizeof cm_human_types / sizeof *cm_human_types;

const cm_human_slot cm_human_person[3] = {{"age", "toddler,child,teenager,young adult,adult,elderly"},
                                          {"country", "caucasian,asian,african,latino,indian"},
                                          {"gender", "female,male"}};
const cm_human_slot cm_human_body = {"body shape", "fit body,slim body,plump body"};
const cm_human_slot cm_human_style = {
    "overall-style", "casual style,formal style*,sporty style,street style*,vintage style*,bohemian style*"};
const char *const cm_human_hair_styles = "straight,wavy,curly,bun,bob,afro-hair,crew cut,bald";
const char *const cm_human_hair_colors = "black,brown,blonde,red,gray,white";

const cm_human_place cm_human_places[] = {
    {"on a", "small road with trees"},
    {"on a", "busy city street"},
    {"in a", "green park"},
    {"on a", "sandy beach"},
    {"in front of a", "brick wall"},
    {"in front of a", "plain white background"},
    {"in front of a", "plain gray background"},
    {"in a", "library with wooden shelves"},
    {"in a", "bright kitchen"},
    {"in a", "modern office"},
    {"in a", "field of sunflowers"},
    {"on a", "snowy mountain path"},
    {"by a", "calm lake"},
    {"in a", "narrow alley with graffiti"},
    {"in a", "crowded market"},
    {"on a", "wooden bridge"},
    {"in a", "forest in autumn"},
    {"on a", "subway platform"},
    {"in a", "flower garden"},
    {"on a", "stone staircase"},
    {"in a", "cozy living room"},
    {"in front of a", "shop window"},
    {"on a", "rooftop at sunset"},
    {"in a", "gym with mirrors"},
};
const int cm_human_place_count = sizeof cm_human_places / sizeof *cm_human_places;

const cm_human_shot cm_human_shots[CM_SHOTS] = {{"full_body", "a full-body shot", 40},
                                                {"nearly_full_body", "a nearly full-body shot", 20},
                                                {"upper_body", "an upper body shot", 25},
                                                {"portrait", "a close up portrait shot", 10},
                                                {"headshot", "a headshot", 5}};

bool cm_human_shows(int shot, int group) {
    switch (group) {
    case 8:
    case 12: return shot <= CM_SHOT_NEARLY;
    case 9:
    case 18: return shot == CM_SHOT_FULL;
    case 10:
    case 1: return shot <= CM_SHOT_UPPER;
    case 4:
    case 5: return shot <= CM_SHOT_PORTRAIT;
    default: return true;
    }
}

bool cm_human_shows_key(int shot, const char *key) {
    if (strcmp(key, "length") == 0 || strcmp(key, "top length") == 0 || strcmp(key, "coat length") == 0)
        return shot <= CM_SHOT_NEARLY;
    if (strcmp(key, "sleeve length") == 0) return shot <= CM_SHOT_UPPER;
    return true;
}

const char *cm_human_word(const char *key, const char *value) {
    static const struct {
        const char *key, *value, *word;
    } others[] = {{"top length", "normal", "normal length"},
                  {"coat length", "normal", "normal length"},
                  {"collar shape", "collar", "collared"},
                  {"collar shape", "stand collar", "stand-collar"},
                  {"collar shape", "v neck", "v-neck"},
                  {"country", "caucasian", "Caucasian"},
                  {"country", "asian", "Asian"},
                  {"country", "african", "African"},
                  {"country", "latino", "Latino"},
                  {"country", "indian", "Indian"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(key, others[i].key) == 0 && strcmp(value, others[i].value) == 0) return others[i].word;
    return value;
}

bool cm_human_list_at(const char *list, int i, char out[48], bool *adult) {
    for (; *list && i > 0; i--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    const size_t n = strcspn(list, ",");
    if (n == 0) return false;
    const bool star = list[n - 1] == '*';
    const size_t length = n - star < 47 ? n - star : 47;
    memcpy(out, list, length);
    out[length] = '\0';
    if (adult) *adult = star;
    return true;
}

bool cm_human_list_has(const char *list, const char *value, bool *adult) {
    char one[48];
    for (int i = 0; cm_human_list_at(list, i, one, adult); i++)
        if (strcmp(one, value) == 0) return true;
    return false;
}

static bool in_places(const char *value) {
    for (int i = 0; i < cm_human_place_count; i++)
        if (strcmp(cm_human_places[i].text, value) == 0) return true;
    return false;
}

bool cm_human_knows(int group, const char *key, const char *value) {
    const cm_human_slot of_person[] = {cm_human_person[0], cm_human_person[1], cm_human_person[2]};
    if (group == 1) return cm_human_list_has(cm_human_body.values, value, NULL);
    if (group == 2) return in_places(value);
    if (group == 14) return cm_human_list_has(cm_human_style.values, value, NULL);
    if (group == 3 && strcmp(key, "hair length") == 0)
        return cm_human_list_has("above eyes,above chin,above shoulders,above chest", value, NULL);
    if (group == 3)
        return cm_human_list_has(strcmp(key, "hair style") == 0 ? cm_human_hair_styles : cm_human_hair_colors, value,
                                 NULL);
    for (size_t i = 0; group == 0 && i < 3; i++)
        if (strcmp(of_person[i].key, key) == 0 && cm_human_list_has(of_person[i].values, value, NULL)) return true;
    for (int t = 0; t < cm_human_type_count; t++) {
        const cm_human_type *type = &cm_human_types[t];
        if (type->group != group) continue;
        if (strcmp(key, "type") == 0 && strcmp(type->value, value) == 0) return true;
        for (int s = 0; s < CM_HUMAN_SLOTS && type->slots[s].key; s++)
            if (strcmp(type->slots[s].key, key) == 0 && cm_human_list_has(type->slots[s].values, value, NULL))
                return true;
    }
    return false;
}

bool cm_human_is_plural(const char *noun) {
    const size_t n = strlen(noun);
    return n > 1 && noun[n - 1] == 's' && noun[n - 2] != 's';
}
