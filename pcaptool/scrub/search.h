/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_SEARCH_H
#define IMAPID_SCRUB_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of a session that were masked, to look for them in what comes out: as they are, whatever
 * their case, in base64 at its three offsets, in modified UTF-7 and in UTF-16. */
struct imapid_search;

/* Shorter values are not looked for: a mask of another may spell them. */
#define IMAPID_SEARCH_MIN 6

/* At most `budget` octets are kept; with more no answer is given any more. */
struct imapid_search *imapid_search_new(size_t budget);
void imapid_search_free(struct imapid_search *search); /* NULL is fine */

/* A value that must not come out. One of words that may stay (words.h), or
 * that such a word holds, is left out. */
void imapid_search_add(struct imapid_search *search, const uint8_t *value, size_t n);

/* What comes out although parts of it may be masked elsewhere: the name of a product, say. No value that it
 * holds is looked for. Of more than 64, or of one of more than 256 octets, this is not so. */
void imapid_search_allow(struct imapid_search *search, const uint8_t *octets, size_t n);

/* A word of somebody's name or password: masked even where it is one of those that stay. */
void imapid_search_learn(struct imapid_search *search, const uint8_t *word, size_t n);
bool imapid_search_has_learned(const struct imapid_search *search, const uint8_t *word, size_t n);

size_t imapid_search_count(const struct imapid_search *search); /* of the values to be looked for */
bool imapid_search_is_over(const struct imapid_search *search); /* the budget? */

/* Is none of the values in these octets? False, and *at is the place, where one is. False, and *at is
 * n, where the budget was too small to know. Values added later are looked for from then on. */
bool imapid_search_is_clean(struct imapid_search *search, const uint8_t *octets, size_t n,
                            size_t *at);

#endif
