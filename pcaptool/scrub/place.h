/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_PLACE_H
#define IMAPID_SCRUB_PLACE_H

#include "scrub/value.h"

#include <imapid/unit.h>

/* Which places of a command or response hold values, and of which kind. */
struct imapid_places {
    struct imapid_hand *hand;
    const struct imapid_pseudonyms *pseudonyms;
    GHashTable *tags;   /* of the client's commands: a set of GBytes */
    GHashTable *shapes; /* of those of known commands: letters, and the number of digits */
    GHashTable *fields; /* of IDs: a mask -> the name that has it, in small letters; GBytes */
    bool has_lost;      /* octets of the client are missing: tags in answers may be its own */
    bool is_in_auth;    /* AUTHENTICATE waits for its answer */
    struct imapid_tag auth_tag;
    unsigned n_sasl; /* messages of the client in it */
};

/* Takes the places of a unit. Its octets, `n` from unit->data on, its literals and further lines among
 * them, are changed in the second pass. Units come in the order in which they were read. */
void imapid_places_take(struct imapid_places *places, const struct imapid_unit *unit,
                        enum imapid_side side, uint8_t *octets, size_t n);

#endif
