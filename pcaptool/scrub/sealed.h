/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_SEALED_H
#define IMAPID_SCRUB_SEALED_H

#include "scrub/mask.h"

/* Masks what one side said in TLS, in place, where nothing could be read out of it: of a handshake that failed. Lengths
 * and types stay, of the hellos versions, suites, groups, signature schemes and ALPN, of certificates their form, dates,
 * algorithms and flags, and alerts in the clear (RFC 8446, RFC 5246, RFC 5280). Words of names are masked as they are
 * elsewhere, so that a certificate's name is that of the server, or is not, as before. All else becomes 0: randoms,
 * session ids, keys, tickets, signatures, what is encrypted. Octets that are no TLS become unreadable ones. */
void imapid_sealed_mask(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* The octets from the start that are records of TLS; the last one may be cut. */
size_t imapid_sealed_measure(const uint8_t *octets, size_t n);

/* The octets from the start that tell that a server speaks another protocol; 0: they do not. */
size_t imapid_sealed_measure_other(const uint8_t *octets, size_t n);

#endif
