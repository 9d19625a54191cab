/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_INFO_H
#define IMAPID_TLS_TLS_INFO_H

#include "endpoint.h"
#include "tls/keylog.h"

#include <imapid/certificate.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is told of a TLS connection: see tls.h. */

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
    uint16_t newest;        /* of the versions that the client offers; 0 unknown */
    uint16_t n_suites;      /* that it offers: those that are for use */
    bool retried;           /* a HelloRetryRequest was seen */
    bool early_data;        /* the client offered 0-RTT */
    bool resumed;           /* the session of an earlier connection was taken up (1.3: a pre-shared
                               key was selected; 1.2: the server went straight to Finished) */
    bool encrypted_hello;   /* the ClientHello holds another one, encrypted (ECH), or pretends to */
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
    bool finished[2];                  /* its part of the handshake is over */
    bool readable[2];                  /* READABLE was said */
    bool closed[2];                    /* CLOSED was said */
    /* The last alert that is known (in the clear during the handshake, or authenticated); -1 none.
     * Values as in RFC 8446 6. */
    int alert[2];
    int fatal; /* the first alert that ends the connection, -1: none; of which direction, and where */
    int fatal_dir;
    struct imapid_stamp fatal_at;
    int warning; /* the same of the first that does not */
    int warning_dir;
    struct imapid_stamp warning_at;
    struct imapid_stamp hello_at; /* the ClientHello */
    /* The server's certificate, where it could be read; allocated, as the names; NULL: none. And where. */
    const struct imapid_certificate *certificate;
    struct imapid_stamp certificate_at;
    struct imapid_stamp closed_at[2]; /* where `closed` */
    uint64_t n_records[2];            /* decrypted */
    uint64_t n_octets[2];             /* given out */
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

#endif
