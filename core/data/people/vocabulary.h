// SPDX-License-Identifier: Apache-2.0
/* The drawn people's slots by name, and the values that the drawing looks at. Order = cm_slots' order;
 * value enums = order of the tables in vocabulary.c. */
#ifndef CM_CORE_DATA_PEOPLE_VOCABULARY_H
#define CM_CORE_DATA_PEOPLE_VOCABULARY_H

#include "core/data/people/people.h"

enum {
    S_COUNTRY,
    S_AGE,
    S_GENDER,
    S_BODY,
    S_BACKGROUND,
    S_HAIR_STYLE,
    S_HAIR_COLOR,
    S_HAIR_LENGTH,
    S_ONE,
    S_ONE_COLOR,
    S_ONE_PATTERN,
    S_ONE_SLEEVE,
    S_ONE_LENGTH,
    S_ONE_MATERIAL,
    S_TOP,
    S_TOP_COLOR,
    S_TOP_PATTERN,
    S_TOP_LENGTH,
    S_TOP_SLEEVE,
    S_TOP_COLLAR,
    S_TOP_MATERIAL,
    S_COAT,
    S_COAT_COLOR,
    S_COAT_PATTERN,
    S_COAT_LENGTH,
    S_COAT_MATERIAL,
    S_BOTTOM,
    S_BOTTOM_COLOR,
    S_BOTTOM_PATTERN,
    S_BOTTOM_LENGTH,
    S_BOTTOM_SHAPE,
    S_BOTTOM_MATERIAL,
    S_SHOES,
    S_SHOES_COLOR,
    S_SHOES_LENGTH,
    S_BAG,
    S_BAG_COLOR,
    S_HAT,
    S_HAT_COLOR,
    S_BELT,
    S_BELT_COLOR,
    S_SCARF,
    S_SCARF_COLOR,
    S_HEADBAND,
    S_HEADBAND_COLOR,
    S_SOCKS,
    S_SOCKS_COLOR,
    S_TIE,
    S_TIE_COLOR,
    S_COUNT
};

enum { CAUCASIAN, ASIAN, AFRICAN, LATINO, INDIAN };
enum { YOUNG, ADULT, ELDERLY };
enum { MALE, FEMALE };
enum { SLIM, FIT, PLUMP };
enum { BG_WHITE, BG_GRAY, BG_ROOM, BG_STREET, BG_PARK, BG_BEACH };
enum { HAIR_BALD, HAIR_STRAIGHT, HAIR_WAVY, HAIR_CURLY, HAIR_BUN, HAIR_BOB, HAIR_AFRO, HAIR_CREW };
enum { HC_BLACK, HC_BROWN, HC_BLONDE, HC_RED, HC_GRAY, HC_WHITE };
enum { HL_EYES, HL_CHIN, HL_SHOULDERS, HL_CHEST };
enum { RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE, PINK, BROWN, BLACK, WHITE, GRAY, COLORS };
enum { SOLID, STRIPED, PLAID, FLORAL, DOTTED, GRAPHIC };
enum { COTTON, SILK, LEATHER, DENIM, KNITTED, WOOL };
enum { SLEEVELESS, SHORT_SLEEVE, LONG_SLEEVE };
enum { DRESS = 1, JUMPSUIT };
enum { T_SHIRT = 1, SHIRT, SWEATER, HOODIE, CAMISOLE, BLOUSE, POLO };
enum { CROPPED, REGULAR, LONGLINE };
enum { ROUND_NECK, V_NECK, TURTLENECK };
enum { JACKET = 1, OVERCOAT };
enum { PANTS = 1, JEANS, SHORTS, SKIRT };
enum { LEN_SHORT, LEN_MIDI, LEN_MAXI };
enum { STRAIGHT, TAPERED, FLARED, PLEATED };
enum { SNEAKERS, BOOTS, HEELS, LOAFERS };
enum { ANKLE, KNEE };
enum { BACKPACK = 1, HANDBAG, SHOULDER_BAG };
enum { HAT = 1, CAP, BEANIE };

/* Which entries of cm_person.numbers mean what. */
enum {
    N_HEIGHT,
    N_CENTRE,
    N_HEAD,
    N_SHOULDER,
    N_LEAN,
    N_SHIFT,
    N_ARM_LEFT,
    N_ARM_RIGHT,
    N_ARM_LEFT_BEND,
    N_ARM_RIGHT_BEND,
    N_LEGS,
    N_STANCE,
    N_LIGHT,
    N_SIDE,
    N_BAG_SIDE,
    N_PART,
    N_FRINGE,
    N_EYE,
    N_MOUTH,
    N_BEARD,
    N_GLASSES,
    N_BROW,
    N_NOSE,
    N_SIMPLE,
    N_PHASE,
    N_TONE,
    N_IRIS,
    N_OPEN,
    N_TURN,
    N_PLACE,
    N_COUNT
};

/* Arms, in N_ARM_LEFT and N_ARM_RIGHT. */
enum { ARM_DOWN, ARM_OUT, ARM_HIP, ARM_BEHIND, ARM_WAVE, ARM_POSES };

#endif
