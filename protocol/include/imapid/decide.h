/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide.h: is a connection IMAP, and which side is the client?
 *
 *     imapid_decide_init(&decide, facts...);
 *     each octet of a direction, with those before it, while undecided:
 *         imapid_decide_begin(&decide, dir, early, &n_drop)     MORE, IMAP or NOT
 *     octets will be missing: imapid_decide_lost(); nothing more will come: imapid_decide_last()
 *     behind IMAP, until an answer to a command proves it:
 *         imapid_decide_unproven(&decide, dir, octets, n)       IMAP, TURNED or NOT
 *
 * A direction is 0 or 1, as the front end counts them. What proxies say (preface.h) and TLS were
 * taken off. */
#ifndef IMAPID_DECIDE_H
#define IMAPID_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IANA's ports of IMAP and of IMAP over TLS. */
#define IMAPID_PORT_IMAP  143
#define IMAPID_PORT_IMAPS 993

static inline bool imapid_decide_is_port(unsigned port)
{
    return port == IMAPID_PORT_IMAP || port == IMAPID_PORT_IMAPS;
}

/* What is kept of a direction until the decision: a greeting or command fits many times. */
#define IMAPID_DECIDE_EARLY_MAX 4096

/* Octets of a connection begun in mid-session, on a port that tells nothing, within which IMAP has
 * to be seen and then to be proven: an attachment of middle size may be under way. */
#define IMAPID_DECIDE_PATIENCE (256 * 1024)

enum imapid_speaker {
    IMAPID_SPEAKER_NOBODY, /* this is no IMAP */
    IMAPID_SPEAKER_CLIENT,
    IMAPID_SPEAKER_SERVER,
    IMAPID_SPEAKER_UNCLEAR, /* too few octets, or the middle of something */
};

/* Who would begin like this? `at_start` says that these are the first octets of a direction, where
 * a server greets (RFC 9051 7.1) and a client sends a command. NOBODY is returned with `at_start`
 * only; anywhere else these octets may be the middle of a line: UNCLEAR. */
enum imapid_speaker imapid_decide_speaker(const uint8_t *octets, size_t n, bool at_start);

/* Which direction is the client's, by the ports of both? 0 or 1; -1: both ports are IMAP's, or
 * neither is. */
int imapid_decide_client_by_port(uint16_t port0, uint16_t port1);

/* Is a connection told that never became IMAP? One to a port of IMAP is: seen from its beginning; or later, with octets
 * of a side, or with a reset where packets of both sides came. */
bool imapid_decide_is_told(unsigned server_port, bool from_start, bool has_octets, bool has_reset);

enum imapid_decide_status {
    IMAPID_DECIDE_MORE,   /* undecided */
    IMAPID_DECIDE_IMAP,   /* so it seems: decide.client is the client's direction */
    IMAPID_DECIDE_TURNED, /* the same, and that of before was the server's */
    IMAPID_DECIDE_NOT,    /* something else, or nothing that can be known to be IMAP */
};

/* Read only, but for decide.c. */
struct imapid_decide {
    bool from_start;     /* both directions are there from their first octet, so far as is known */
    bool is_whole[2];    /* by direction: the same of one; what is lost later does not count */
    bool is_half_seen;   /* the server's SYN was not seen, so its first octets may be missing */
    int by_syn;          /* the direction that sent the SYN; -1: not seen */
    int by_port;         /* as imapid_decide_client_by_port() */
    int client;          /* -1: not known */
    bool is_greeted;     /* for IMAP: the session is read from its first octet; what is lost of the
                            greeting, or of what came before the decision, is a hole in it */
    bool contradicts[2]; /* by direction: it spoke like the other side, unproven */
    uint64_t n_passed;   /* octets looked at in vain */
};

/* The first octets of each direction, as far as they are there and not dropped; n 0: none. */
struct imapid_decide_early {
    const uint8_t *octets;
    size_t n;
};

/* Begins a connection, which is undecided. `by_syn` and `by_port` are directions, -1 where unknown:
 * see struct imapid_decide. */
void imapid_decide_init(struct imapid_decide *decide, bool from_start, bool is_half_seen,
                        int by_syn, int by_port);

/* Octets came in direction `dir`. *n_drop of its first octets are not needed any more, and are not
 * IMAP's. Returns MORE, IMAP or NOT. */
enum imapid_decide_status imapid_decide_begin(struct imapid_decide *decide, int dir,
                                              const struct imapid_decide_early early[2],
                                              size_t *n_drop);

/* Octets of direction `dir` are missing behind those in `early`; `is_plain`: nothing is known to
 * stand before the greeting. Returns MORE: what there is of the direction is to be dropped, and the
 * connection is looked at as one begun in the middle; or IMAP. */
enum imapid_decide_status imapid_decide_lost(struct imapid_decide *decide, int dir,
                                             const struct imapid_decide_early early[2],
                                             bool is_plain);

/* Nobody knows whether the octets that would decide ever come. Returns IMAP, or MORE where there is
 * nothing to go by. */
enum imapid_decide_status imapid_decide_last(struct imapid_decide *decide,
                                             const struct imapid_decide_early early[2]);

/* More octets of a connection that was taken for IMAP and is not proven yet; a direction's octets
 * begin at a line, if they can. Returns IMAP, TURNED (what was read was read for the wrong side) or
 * NOT. */
enum imapid_decide_status imapid_decide_unproven(struct imapid_decide *decide, int dir,
                                                 const uint8_t *octets, size_t n);

#endif
