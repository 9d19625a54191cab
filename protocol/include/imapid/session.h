/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h: what both directions of one IMAP connection say together: which response answers which
 * ID command, in which state, under which protection (RFC 2971, RFC 9051, RFC 2177, RFC 4978).
 *
 * The caller keeps a window for each side (see frame.h) and, for each exchange slot, a copy of its
 * command and response for as long as the exchange is open. It shows octets in the order in which
 * they arrived, and after every call that returns UNIT or PASSED it takes the events:
 *
 *     for (;;) {
 *         switch (imapid_session_read(s, side, window, n, &unit, &n_used)) {
 *         case IMAPID_SESSION_MORE:        drop n_used octets, keep the rest, wait for more
 *         case IMAPID_SESSION_OTHER_SIDE:  read the other side's window, as it is, then this again
 *         case IMAPID_SESSION_PASSED:      n_used octets are no unit (the rest of one whose
 *                                          beginning was told, or noise): take the events, go on
 *         case IMAPID_SESSION_UNIT:        while (imapid_session_event(s, &event)) ...; go on
 *         }
 *     }
 *
 * After the event SWITCH the caller takes the octets behind n_used, and all of the other side's
 * window, through TLS or DEFLATE and shows what comes out of it as new windows; or, if it cannot,
 * shows nothing more. */
#ifndef IMAPID_SESSION_H
#define IMAPID_SESSION_H

#include <imapid/exchanges.h>
#include <imapid/login.h>
#include <imapid/outcome.h>

enum imapid_session_status {
    IMAPID_SESSION_MORE,
    IMAPID_SESSION_UNIT,
    IMAPID_SESSION_PASSED,
    IMAPID_SESSION_OTHER_SIDE,
};

/* All state of one connection: about 6 KiB, no pointers but to static texts. Read what stands before
 * `frame`. */
struct imapid_session {
    struct imapid_exchanges exchanges;   /* and what is known of the connection, see exchanges.h */
    bool spoke_before_tls[2];            /* see imapid_session_note_clear() */
    enum imapid_lack required_by_server; /* a refusal spoke of a missing ID: what it lacked */
    struct imapid_login login;
    struct imapid_outcome outcome;
    struct imapid_frame frame[2];

    bool greeted;         /* the server's first response was seen or missed */
    bool was_other_side;  /* for the server's unit in hand the client's window was asked for */
    bool asked;           /* "+" came and no literal, AUTHENTICATE or IDLE explains it */
    bool may_begin_layer; /* AUTHENTICATE is under way, or was the last that succeeded */
    int n_sasl_asked;     /* "+" of the server in AUTHENTICATE, less the client's lines in it */
};

/* Begins a connection: at its first octets (`from_start`), or anywhere in it. `security` is TLS
 * where the octets come out of TLS from the start, else NONE. All state of before is lost; there is
 * nothing to free. */
void imapid_session_init(struct imapid_session *session, bool from_start,
                         enum imapid_security security);

/* Reads on in the window of `side`. *n_used octets of its front are used, with every status (0 with
 * OTHER_SIDE); do not show them again. UNIT: *unit was read and points into the window. OTHER_SIDE is
 * only returned for the server's side, and at most once for a unit. */
enum imapid_session_status imapid_session_read(struct imapid_session *session,
                                               enum imapid_side side, const uint8_t *window,
                                               size_t n, struct imapid_unit *unit, size_t *n_used);

/* Takes the next event. True: *event is set. False: there is none more, and *event stays as it was. */
bool imapid_session_event(struct imapid_session *session, struct imapid_event *event);

/* `n` octets of `side` (0: unknown how many) are missing behind its window. Then read on with the
 * window as it is until MORE, and begin a new one. The sooner a hole is told the better: a response
 * that is shown before the hole that swallowed its command passes for an unsolicited one. */
void imapid_session_gap(struct imapid_session *session, enum imapid_side side, uint64_t n);

/* `side` ended the connection, and nothing of it is missing: an ID begun is told as far as it goes, as
 * one that is whole. Then read on with the window as it is until MORE. */
void imapid_session_close(struct imapid_session *session, enum imapid_side side);

/* The connection, or the capture, has ended: every open exchange ends. Take the events. Call
 * imapid_session_gap for both sides before where the capture ends in mid-connection and a unit
 * begun shall still be told as a cut one. */
void imapid_session_end(struct imapid_session *session);

/* After a switch: the octets to come are those inside TLS or DEFLATE. Drops what was begun: what is
 * left of both windows is not shown again. */
void imapid_session_resume(struct imapid_session *session);

/* Octets that a side sent behind STARTTLS, or behind its answer, where TLS begins (before imapid_session_resume()). Neither side
 * may speak before TLS is there (RFC 9051 6.2.1). What begins as a command or response was sent by a client that does not wait.
 * Or somebody in between put it there, for a server that takes it for what came encrypted (CVE-2011-0411). Nothing is read of it. */
void imapid_session_note_clear(struct imapid_session *session, enum imapid_side side,
                               const uint8_t *octets, size_t n);

/* The client's next octets look like the start of TLS, and no STARTTLS was answered. Where octets are
 * missing it may be among them: true, `security` is STARTTLS now, and the caller goes on as after
 * the event TLS. False: it cannot be; nothing was changed. */
bool imapid_session_miss_starttls(struct imapid_session *session);

/* Does a response say that it wants an ID first? Pure. */
bool imapid_session_speaks_of_missing_id(const struct imapid_unit *unit);

#endif
