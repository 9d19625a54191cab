/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_ENCODED_H
#define IMAPID_SCRUB_ENCODED_H

#include "scrub/value.h"

#include <imapid/unit.h>

/* A message of SASL as it stands on a line (RFC 9051 6.2.2): base64 of as many octets that can be decoded
 * as before. An empty one, "=", "*", and what decodes to ^A alone stay. `n_before` messages of the client
 * came before it: the first may be a user's name, later ones are taken for secrets unless their form says
 * what they are. What is no base64 goes as a whole. */
void imapid_encoded_take(struct imapid_hand *hand, uint8_t *octets, size_t n, enum imapid_side side,
                         unsigned n_before);

/* Is it canonical base64, and no word that a server says in clear? */
bool imapid_encoded_is(const uint8_t *octets, size_t n);

#endif
