/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_H
#define IMAPID_TLS_TLS_H

#include "endpoint.h"
#include "tls/keylog.h"

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

/* Why nothing more is given out of a direction: the words and texts are in reasons.def. */
enum imapid_tls_reason {
#define IMAPID_TLS_REASON(name, word, text) IMAPID_TLS_##name,
#include "tls/reasons.def"
#undef IMAPID_TLS_REASON
    IMAPID_TLS_N_REASONS
};

/* "no-key" and the like, for machines; a phrase for people. Constants. */
const char *imapid_tls_reason_word(enum imapid_tls_reason reason);
const char *imapid_tls_reason_text(enum imapid_tls_reason reason);

enum imapid_tls_event {
    IMAPID_TLS_CLIENT_HELLO, /* info has server_name, the offered ALPN, the client's direction */
    IMAPID_TLS_SERVER_HELLO, /* info has version, suite */
    IMAPID_TLS_READABLE,     /* the first record of this direction that was decrypted under the
                                keys application data comes under */
    IMAPID_TLS_CLOSED,       /* close_notify, authenticated: the direction ended as it should */
    IMAPID_TLS_STOPPED       /* info.stopped[dir] says why */
};

#define IMAPID_TLS_NAME_MAX 255 /* octets of a server name or of an ALPN protocol's name kept */
#define IMAPID_TLS_ALPN_MAX 8   /* offered ALPN protocols kept */

/* What is known of a connection so far. Counts and names hold what was seen, unknown is 0 or
 * empty. Names are as sent: any octets. */
struct imapid_tls_info {
    int client;             /* the client's direction; -1 unknown */
    uint16_t version;       /* 0x0304: TLS 1.3; 0 unknown */
    uint16_t suite;         /* IANA number, good when version is not 0 */
    const char *suite_name; /* "TLS_AES_128_GCM_SHA256"; NULL: not in the table */
    bool retried;           /* a HelloRetryRequest was seen */
    bool early_data;        /* the client offered 0-RTT */
    bool resumed;           /* the session of an earlier connection was taken up (1.3: a pre-shared
                               key was selected; 1.2: the server went straight to Finished) */
    bool encrypt_then_mac;  /* RFC 7366 negotiated */
    bool extended_master_secret; /* RFC 7627 negotiated */
    bool has_random;             /* the ClientHello was seen */
    uint8_t client_random[IMAPID_TLS_RANDOM];
    /* Allocated; good until the object is freed; NULL none. */
    const uint8_t *server_name;
    const uint8_t *alpn_offered; /* as in RFC 7301: each a length octet and as many octets; names
                                    beyond IMAPID_TLS_ALPN_MAX left off */
    const uint8_t *alpn;         /* the one selected */
    uint8_t n_server_name;
    uint16_t n_alpn_offered; /* octets */
    uint8_t n_alpn;

    enum imapid_tls_reason stopped[2]; /* IMAPID_TLS_OK: not stopped */
    bool readable[2];                  /* READABLE was said */
    bool closed[2];                    /* CLOSED was said */
    /* The last alert that is known (in the clear during the handshake, or authenticated); -1 none.
     * Values as in RFC 8446 6. */
    int alert[2];
    uint64_t n_records[2]; /* decrypted */
    uint64_t n_octets[2];  /* given out */
    uint64_t n_bad[2];     /* records that failed authentication, of those where it matters */
    uint64_t n_skipped[2]; /* records passed over unread: early data, or what could not be tied
                              to a key after a gap */
    uint64_t n_gaps[2];    /* gaps given out */
    uint32_t n_key_updates[2];
    uint32_t n_renegotiations; /* TLS 1.2: handshakes after the first */
};

/* Callbacks must not call back into the object, but for get_info and get_reason. Any may be NULL.
 * stamp is that of the call that brought a record's last octet, also when the record was held back
 * and is given out later. */
struct imapid_tls_handler {
    /* Application data of direction dir, n > 0 octets, authenticated; good during the call only.
     * In order, and between the directions in the order their records were completed. */
    void (*data)(void *ctx, int dir, const uint8_t *octets, size_t n,
                 const struct imapid_stamp *stamp);
    /* Application data of an unknown number of octets may be missing here. */
    void (*gap)(void *ctx, int dir, const struct imapid_stamp *stamp);
    void (*event)(void *ctx, enum imapid_tls_event event, int dir,
                  const struct imapid_stamp *stamp);
    void *ctx;
};

/* The handler is copied. keylog may be NULL: then the hellos are read and nothing else; it must
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
 * known to be missing. The client's direction goes first. */
enum imapid_tls_reason imapid_tls_get_reason(const struct imapid_tls *tls);

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
