/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_MASK_H
#define IMAPID_SCRUB_MASK_H

#include "record/pseudonym.h"

#include <stdint.h>

/* Masks of the same length as what they replace: letters become letters of the same case, digits
 * digits, characters of UTF-8 others of the same number of octets. The mask of a word depends on the
 * word and the key alone, so it is the same in every place and session; no letter and no digit stays
 * what it was, but that of such a number may. All work in place, on any octets, in time linear in their number. */
struct imapid_mask {
    uint64_t key[2];
};

/* The key of masks is made of that of the pseudonyms. */
struct imapid_mask imapid_mask_new(const struct imapid_pseudonyms *pseudonyms);

/* Letters, digits and UTF-8; other ASCII stays. The octets are one word: case does not count. A hexadecimal one stays
 * hexadecimal, and a number up to 255 is one again, so that addresses are addresses, and identifiers are. */
void imapid_mask_word(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* Marks and controls, too: all octets but NUL, ^A, CR and LF. What is ASCII is printable then, and no mark of
 * IMAP's. */
void imapid_mask_secret(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* The same for octets of any value: what is no text stays none; NUL and ^A stay, and none is new. */
void imapid_mask_binary(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* All letters become "x", digits "9": of a message of text, or of what is malformed. */
void imapid_mask_whole(uint8_t *octets, size_t n);

/* The same of a message; of one that is no text (it has controls) all octets but NUL, CR and LF go. */
void imapid_mask_message(uint8_t *octets, size_t n);

/* The same; marks and controls that say nothing to who reads lines, strings, lists and announcements become ".". */
void imapid_mask_unreadable(uint8_t *octets, size_t n);

/* The base64 of modified UTF-7 between "&" and "-" (RFC 3501 5.1.3), both left out: other characters. */
void imapid_mask_utf7(const struct imapid_mask *mask, uint8_t *octets, size_t n);

/* The octets that `n` characters of canonical base64 mean, to be freed with g_free(), and their count.
 * NULL where they are none; *n_octets is 0 then. */
uint8_t *imapid_mask_decode(const uint8_t *base64, size_t n, size_t *n_octets);

/* Writes the octets as base64 where as many of them were read by imapid_mask_decode(). */
void imapid_mask_encode(uint8_t *base64, const uint8_t *octets, size_t n_octets);

#endif
