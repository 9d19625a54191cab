/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_H
#define IMAPID_TLS_TLS_H

#include "tls/keylog.h"
#include "tls/tls-info.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One TLS connection, watched passively: the octets of its two directions in, the application data
 * out, decrypted with secrets from a key log. TLS 1.3 (RFC 8446), 1.2 (RFC 5246), 1.1 and 1.0.
 *
 * No octet is given out of a record that was not authenticated; but for the suites that encrypt
 * nothing, which are read without a secret as well. Directions are 0 and 1 as in
 * net/tcp.h, in no particular order: which of them is the client's is learned from the hellos.
 *
 *     tls = imapid_tls_new(&handler, keylog, 0);
 *     imapid_tls_data(tls, dir, octets, n, stamp);  … as imapid_tcp delivers them …
 *     imapid_tls_gap(tls, dir, n_lost, stamp);
 *     imapid_tls_finish(tls);
 *     imapid_tls_get_info(tls)->stopped[dir]        … why there was no more …
 *     imapid_tls_free(tls);
 *
 * One object is used by one thread at a time; a key log may be shared. Memory: 700 octets, the
 * names in the hellos, and 2 to 4 KiB for each direction that is being decrypted; while a record or
 * a hello is split over segments, its octets so far (at most 18 KiB, 64 KiB), for each direction;
 * and what `n_hold` allows. */
struct imapid_tls;

/* Never NULL. The handler is copied. keylog may be NULL: then the hellos are read and nothing else; it must
 * outlive the object. n_hold: while a connection waits for a secret that is not in the key log,
 * up to this many octets of its records are kept, to be given out once the secret was added; 0: a
 * secret that is not there when it is first needed is not waited for (files whose key log is
 * whole). 65536 is right for live capture. */
struct imapid_tls *imapid_tls_new(const struct imapid_tls_handler *handler,
                                  struct imapid_keylog *keylog, size_t n_hold);

/* The next octets of direction dir. Anything is taken, what is no TLS stops the direction. */
void imapid_tls_data(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n,
                     const struct imapid_stamp *stamp);

/* n_lost octets of direction dir are missing here; 0: nobody knows how many. Within a record that
 * is lost alone, and a gap given out; otherwise the next record that can be authenticated is
 * searched for, within bounds. */
void imapid_tls_gap(struct imapid_tls *tls, int dir, uint64_t n_lost,
                    const struct imapid_stamp *stamp);

/* Looks again for secrets that were missing, and gives out what was held back. imapid_tls_data()
 * does so by itself; this is for connections that are quiet. */
void imapid_tls_retry(struct imapid_tls *tls);

/* No more octets will come: settles the reasons. Nothing but get_info, get_reason and free may be
 * called afterwards. */
void imapid_tls_finish(struct imapid_tls *tls);

/* Good until the object is freed. */
const struct imapid_tls_info *imapid_tls_get_info(const struct imapid_tls *tls);

/* One reason for the whole connection: why it could not be read, or not to its end. OK: nothing is
 * known to be missing. The client's direction goes first, and `client` says which that is: without
 * a handshake only the caller knows it. */
enum imapid_tls_reason imapid_tls_get_reason(const struct imapid_tls *tls, int client);

/* Octets of memory that it holds. */
size_t imapid_tls_count_memory(const struct imapid_tls *tls);

/* Wipes every secret. NULL is allowed. */
void imapid_tls_free(struct imapid_tls *tls);

enum imapid_tls_guess {
    IMAPID_TLS_NOT,   /* no TLS record begins here */
    IMAPID_TLS_SHORT, /* could be; more octets are needed to tell: 11 suffice */
    IMAPID_TLS_HELLO, /* a record with a ClientHello or a ServerHello: the start of TLS */
    IMAPID_TLS_RECORD /* the header of another TLS record: perhaps the middle of TLS. Weak: five
                         octets of which three are compared */
};

/* What the octets at the start of a direction look like. */
enum imapid_tls_guess imapid_tls_recognise(const uint8_t *octets, size_t n);

#endif
