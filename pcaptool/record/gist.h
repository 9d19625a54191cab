/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_GIST_H
#define IMAPID_RECORD_GIST_H

#include "record/result.h"

/* The gist of a connection, gathered from its records as they come: which of its exchanges tells who a
 * side is, what came of it, where to look. Rows of text and of the report are made of it.
 *
 *     gist = IMAPID_GIST_BEGUN
 *     for each exchange, in order of time:
 *         imapid_gist_look(&exchange, &said)
 *         imapid_gist_add(&gist, &said, its time, its frame, its time of answer)
 *     imapid_gist_close(&gist, session)
 */

/* What an exchange says, without its connection, frames and times. */
struct imapid_gist_said {
    bool is_seen[2], is_good[2]; /* by enum imapid_side; good: well-formed, and not refused */
    bool is_answered, is_complete, is_refused, compressed;
    enum imapid_security security;
    uint64_t codes; /* a bit (1 << code) for each finding */
    unsigned n_errors, n_warnings;
};

struct imapid_gist {
    bool side_is_seen[2], side_is_good[2];                      /* of what tells who a side is */
    bool has_id, is_good, is_answered, is_complete, is_refused; /* of the exchange that counts */
    enum imapid_security security;
    bool compressed;
    int64_t ts_ns;  /* of its first exchange */
    int64_t rtt_ns; /* negative: not known */
    uint64_t frame; /* of the exchange that counts */
    uint64_t codes;
    unsigned n_errors, n_warnings;
};

#define IMAPID_GIST_BEGUN ((struct imapid_gist){.rtt_ns = -1})

void imapid_gist_look(const struct imapid_record_exchange *exchange, struct imapid_gist_said *said);

/* Takes an exchange: `ts_ns` and `frame` as of imapid_record_when(), `rtt_ns` negative where it is not known.
 * Sets tells[side] where it is the one that tells who that side is, from now on. */
void imapid_gist_add(struct imapid_gist *gist, const struct imapid_gist_said *said, int64_t ts_ns,
                     uint64_t frame, int64_t rtt_ns, bool tells[2]);

/* Takes the session, when all exchanges were taken; NULL: its record did not come. Returns what came of it all. */
enum imapid_result imapid_gist_close(struct imapid_gist *gist,
                                     const struct imapid_record_session *session);

/* Where to look: at what went wrong, else at the ID, else at the beginning. 0: nowhere. */
uint64_t imapid_gist_get_frame(const struct imapid_gist *gist,
                               const struct imapid_record_session *session);

/* The mechanism of a login that was accepted, else the last one that was tried; NULL: none. Static. */
const char *imapid_gist_get_login(const struct imapid_record_session *session);

#endif
