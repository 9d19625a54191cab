/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_SEALED_H
#define IMAPID_SCRUB_SEALED_H

#include "scrub/mask.h"

/* Masks what one side said in TLS, in place, where nothing could be read out of it: of a handshake that failed. Lengths
 * and types stay, of the hellos versions, suites, groups, signature schemes and ALPN, of certificates their form, dates,
 * algorithms and flags, and alerts in the clear (RFC 8446, RFC 5246, RFC 5280). Words of names are masked as they are
 * elsewhere, so that a certificate's name is that of the server, or is not, as before. All else becomes 0: randoms,
 * session ids, keys, tickets, signatures, what is encrypted. Of a hello in the form of SSL 2.0, which may come first, the
 * same stays. Octets that are no TLS become unreadable ones. */
void imapid_sealed_mask(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* The same behind a gap: the first `n_rest` octets belong to a record that begins before it. Behind these a record begins, or
 * all of it becomes 0. */
void imapid_sealed_mask_behind(const struct imapid_mask *mask, uint8_t *octets, size_t n,
                               size_t n_rest);

/* Octets of the last record that are not there. */
size_t imapid_sealed_measure_rest(const uint8_t *octets, size_t n);

/* A header of the PROXY protocol, of either version: its form and ports stay, addresses are masked, and of what else it has
 * nothing is left. */
void imapid_sealed_mask_proxy(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* Before imapid_sealed_mask(): all of it was read, and is of a handshake. What was encrypted becomes records of that with
 * nothing in them, so that nobody misses a key. `version` is the connection's. Returns the octets of whole records. */
size_t imapid_sealed_reveal_handshake(uint8_t *octets, size_t n, uint16_t version);

/* Before imapid_sealed_mask(): the record that ends `n_behind` octets before the end, which is encrypted, was an alert. It
 * becomes that alert in the clear, behind records of a handshake: so all that stood before it is read as such, without a
 * key. `version` is the connection's. Does nothing where such a record is not there, or too short. */
void imapid_sealed_reveal_alert(uint8_t *octets, size_t n, size_t n_behind, uint16_t version,
                                uint8_t alert);

/* The octets from the start that are records of TLS; the last one may be cut. A hello of SSL 2.0 (RFC 5246 E.2) is one. */
size_t imapid_sealed_measure(const uint8_t *octets, size_t n);

/* The octets from the start that tell that a server speaks another protocol; 0: they do not. */
size_t imapid_sealed_measure_other(const uint8_t *octets, size_t n);

#endif
