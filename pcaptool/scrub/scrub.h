/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_SCRUB_H
#define IMAPID_SCRUB_SCRUB_H

#include "record/pseudonym.h"
#include "scrub/value.h"

#include <imapid/exchanges.h>

/* Masks what an IMAP session tells of people, devices and networks, octet by octet: what comes out has the
 * same length, lines, literals, base64 and form, and the same value has the same mask wherever the key is.
 *
 * What stays: tags of the usual form, names of commands, responses, mechanisms and known codes, counts of
 * literals, quotes, NIL, numbers and sets, system flags, rights, types and encodings, words of the tables
 * in words.def, INBOX and the names of special use, and of an ID list what --redact lets stay. All else
 * goes, known place or not; what is no unit, and what stands beside a gap, goes as a whole.
 *
 * What comes out is a session in the clear: a STARTTLS or COMPRESS that a reader would follow has "X" for
 * its first letter, but where what follows is kept.
 *
 * Not done here:
 * - what lies below the session: packets, TLS, addresses (the caller's);
 * - a PROXY header, or SOCKS or HTTP CONNECT, before the session: what is no unit goes as a whole;
 * - URL-safe base64 inside a token is masked as text; base64 inside a message is not decoded;
 * - values shorter than IMAPID_SEARCH_MIN (search.h) are masked, but not searched for afterwards;
 * - base64 and punctuation that a message of text has keep their marks, and so does what is no secret;
 * - a keyword, or the value of an item of FETCH that nobody knows, stays where it is a number and no string;
 * - a word that stays does so as the name of a mailbox's level in a text without quotes;
 * - an INTERNALDATE becomes 1 January 2000, whoever's; dates of SEARCH stay. */

/* Octets of one side, in the order in which they came, causes before effects; or a gap. */
struct imapid_scrub_piece {
    enum imapid_side side;
    bool is_gap;     /* `n` octets are missing; 0: nobody knows how many. `octets` means nothing */
    uint8_t *octets; /* masked in place */
    size_t n;
};

struct imapid_scrub_session {
    struct imapid_scrub_piece *pieces; /* the caller's */
    size_t n_pieces;
    bool from_start; /* the first piece is the connection's first */
    enum imapid_security
        security;         /* as imapid_session_init() takes it; of the octets as they are */
    bool is_tls_kept;     /* what follows STARTTLS, if anything, is TLS that nobody could read */
    bool is_deflate_kept; /* what follows COMPRESS will be DEFLATE again */
};

enum imapid_scrub_status {
    IMAPID_SCRUB_DONE,
    IMAPID_SCRUB_OVER,    /* over the budget: all of it was masked whole, and reads otherwise */
    IMAPID_SCRUB_LEAKED,  /* a masked value is still there: never to be written */
    IMAPID_SCRUB_CHANGED, /* it is not read as it was before: not to be written */
};

struct imapid_scrub_result {
    enum imapid_scrub_status status;
    uint64_t n_masked[IMAPID_N_MASKED]; /* values, by their places */
    uint64_t n_searched; /* of those, values that were searched for in what came out */
    uint64_t n_units;
};

/* Masks a session and searches what came out for what was masked. `budget` octets of memory at most are
 * used beside the pieces. The pseudonyms (with the key of --redact) may be used by several threads. Where
 * the status is LEAKED or CHANGED the pieces hold what must not be shown. */
struct imapid_scrub_result imapid_scrub(const struct imapid_pseudonyms *pseudonyms,
                                        const struct imapid_scrub_session *session, size_t budget);

#endif
