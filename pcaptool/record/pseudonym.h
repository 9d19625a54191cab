/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_PSEUDONYM_H
#define IMAPID_RECORD_PSEUDONYM_H

#include "endpoint.h"

#include <glib.h>
#include <stdbool.h>

/* Pseudonyms: a part of HMAC-SHA-256 of a value under a key. The same value of the same kind has the
 * same pseudonym wherever the key is, and nobody without the key can try values out. */
struct imapid_pseudonyms;

/* With the key that stands in a file, octet for octet, or, NULL, with a random one. NULL with a
 * message, to be freed, where the file cannot be read or has less than 16 octets or more than 64
 * KiB. */
struct imapid_pseudonyms *imapid_pseudonyms_new(const char *key_file, char **message);
void imapid_pseudonyms_free(struct imapid_pseudonyms *pseudonyms); /* NULL is fine */

/* Appends 16 hexadecimal digits. Equal octets of two kinds have different ones. */
void imapid_pseudonyms_add_hex(const struct imapid_pseudonyms *pseudonyms, GString *out,
                               const char *kind, const void *octets, size_t n);

/* Appends "redacted-" and the digits; nothing of no octets. */
void imapid_pseudonyms_add_token(const struct imapid_pseudonyms *pseudonyms, GString *out,
                                 const void *octets, size_t n);

/* Puts an address that nobody has in place of the endpoint's: of fd04::/16 for IPv4, of fd06::/16 for
 * IPv6, so that counts stay right for as many as there are. The port stays. */
void imapid_pseudonyms_replace_endpoint(const struct imapid_pseudonyms *pseudonyms,
                                        struct imapid_endpoint *endpoint);

/* Appends the pseudonym of an address in text. False, and nothing is appended, where the text is no
 * address. */
bool imapid_pseudonyms_add_address(const struct imapid_pseudonyms *pseudonyms, GString *out,
                                   const void *text, size_t n);

#endif
