/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_FLOW_H
#define IMAPID_TLS_TLS_FLOW_H

#include "tls/cipher.h"
#include "tls/tls-info.h"

#include <gcrypt.h>
#include <glib.h>

/* The state of a TLS connection, which the files tls-*.c and tls.c share: keys, early data, handshake,
 * content, records. Nobody else includes this. */

#define IMAPID_TLS_RECORD_MAX (IMAPID_TLS_HEADER + IMAPID_TLS_BODY_MAX)

/* RFC 8446 5.1, RFC 6520. */
enum imapid_tls_type {
    IMAPID_TLS_TYPE_CHANGE_CIPHER_SPEC = 20,
    IMAPID_TLS_TYPE_ALERT = 21,
    IMAPID_TLS_TYPE_HANDSHAKE = 22,
    IMAPID_TLS_TYPE_APPLICATION_DATA = 23,
    IMAPID_TLS_TYPE_HEARTBEAT = 24
};

/* The alert that ends a direction as it should end. */
#define IMAPID_TLS_CLOSE_NOTIFY 0

/* Handshake messages are kept up to this length, 64 KiB, where they are read: a hello with
 * post-quantum key shares and many tickets has some 4 KiB, and OpenSSL takes no more either. All
 * others are passed over without being kept. */
#define IMAPID_TLS_MESSAGE_MAX 65536

enum imapid_tls_epoch {
    IMAPID_TLS_CLEAR,     /* no protection */
    IMAPID_TLS_HANDSHAKE, /* 1.3: handshake traffic keys */
    IMAPID_TLS_TRAFFIC    /* the keys of application data */
};

/* Offered suites without encryption that are kept: there are 20. */
#define IMAPID_TLS_CLEAR_MAX 32

/* One direction. */
struct imapid_tls_flow {
    /* ---- records ---- */
    uint8_t *pending; /* the start of a record, or, while searching, what may hold one */
    size_t n_pending, n_room;
    uint64_t n_pass; /* octets of a record lost in part, still to be passed over */
    bool searching;  /* a gap took the record boundary with it */

    /* ---- keys ---- */
    enum imapid_tls_epoch epoch;
    struct imapid_cipher *cipher; /* NULL in a protected epoch: not found yet */
    struct imapid_secret secret;  /* 1.3, TRAFFIC: what the cipher was made of, for a KeyUpdate */
    uint64_t sequence;            /* of the next record */
    /* The next record may be one of this many more: so many may have been lost. Not 0: keys may
     * have been changed unseen, too. */
    uint32_t slack;
    bool renewing;      /* 1.2: a second handshake has hellos, but no ChangeCipherSpec yet */
    uint32_t n_unfit;   /* records in a row that no key fitted */
    bool damaged;       /* a record was not authentic, with nothing lost before it */
    uint32_t n_changes; /* how often keys were changed */

    /* ---- handshake messages ---- */
    uint8_t head[4]; /* type, length */
    uint8_t n_head;
    bool keeping;     /* the message under way is kept */
    bool broken;      /* octets were lost: what comes is no longer tied to messages */
    uint32_t n_left;  /* octets of its body still to come */
    uint8_t *message; /* the body so far, if it did not come in one piece */
    uint32_t n_message, n_message_room;
};

/* Names a session, as the key log does. */
struct imapid_tls_session {
    bool is_set;
    bool is_kept; /* its secret was given to the key log */
    uint8_t key[IMAPID_TLS_RANDOM];
};

/* Early data that waits for the server's word, in octets: servers take some 16 KiB. */
#define IMAPID_TLS_EARLY_MAX 65536

struct imapid_tls_early {
    GQueue records;
    size_t n_held; /* octets in there */
    struct imapid_cipher *cipher;
    uint64_t sequence;
    bool accepted, refused;        /* known to be */
    bool ended;                    /* EndOfEarlyData was read */
    enum imapid_tls_reason missed; /* why some that was accepted could not be read, or OK */
    bool told_gap;                 /* a gap was given out for what is not read */
};

/* A ClientHello in the ClientHello. */
struct imapid_tls_ech {
    bool is_open, is_taken;
    uint8_t random[IMAPID_TLS_RANDOM]; /* of the inner one, if it is open, with its server name */
    uint8_t *server_name;
    uint8_t n_server_name;
    uint8_t *hello; /* the outer one, n_hello octets, while the key log may grow; NULL: not kept */
    size_t n_hello;
    uint64_t generation; /* of the key log when it was tried last */
};

/* Master secrets that were of use and are remembered: one for each handshake, the last ones. */
#define IMAPID_TLS_MASTERS_MAX 4

struct imapid_tls_master {
    uint8_t random[IMAPID_TLS_RANDOM]; /* the client's in that handshake */
    struct imapid_secret secret;
};

/* A record that waits for a key. */
struct imapid_tls_held {
    struct imapid_tls_held *next;
    struct imapid_stamp stamp;
    int dir;
    size_t n;
    uint8_t octets[];
};

struct imapid_tls {
    struct imapid_tls_handler handler;
    struct imapid_keylog *keylog;
    struct imapid_tls_info info;
    struct imapid_tls_flow flow[2];
    const struct imapid_stamp *stamp; /* of the call, or of the held record, under way */

    /* The handshake that counts: the last one, where there are several. */
    const struct imapid_suite *suite; /* NULL before the ServerHello */
    struct imapid_cipher_origin origin;
    bool has_random; /* origin.client_random is set */
    bool has_hello;  /* it is that of a ClientHello which no ServerHello answered yet */
    bool hello_lost; /* renegotiation: the ServerHello came, and its ClientHello was lost */
    bool early_data; /* the client offered it in this handshake */
    struct imapid_tls_early early;
    struct imapid_tls_ech ech;
    /* Suites without encryption that the client offered. Without a secret nothing else vouches for
     * what the ServerHello says. */
    uint16_t clear_suites[IMAPID_TLS_CLEAR_MAX];
    uint8_t n_clear_suites;
    bool saw_done; /* ServerHelloDone or a certificate: a full handshake */

    /* Where the key log has premaster secrets: what a master secret is made of beside them. */
    gcry_md_hd_t transcript; /* of the handshake messages so far; NULL: not kept */
    uint8_t session_hash[IMAPID_TLS_SECRET_MAX]; /* RFC 7627 3, with n_session_hash */
    uint8_t n_session_hash;
    bool has_exchange_key;
    uint8_t exchange_key[IMAPID_TLS_RANDOM]; /* the start of what RSA encrypted */

    /* What a later connection may resume this session by, or this one an earlier session by
     * (RFC 5246 7.4.1.2, RFC 5077). */
    struct imapid_tls_session id;      /* of the ServerHello */
    struct imapid_tls_session ticket;  /* issued in this handshake */
    struct imapid_tls_session offered; /* ticket of the ClientHello */

    struct imapid_tls_master *masters; /* NULL: none was of use */
    uint8_t n_masters;

    /* Octets that may still be decrypted in vain, so that no input makes the search for a record
     * after a gap expensive. */
    uint64_t budget;

    struct imapid_tls_held *held, **held_end;
    size_t n_held; /* octets, with what is spent on each record */
    size_t n_hold;
    uint64_t generation; /* of the key log when a key was last missing */
};

/* What a record held. */
struct imapid_tls_content {
    uint8_t *octets; /* room for the record; the caller's */
    size_t n;
    uint8_t type;
};

/* Tells the caller. */
void imapid_tls_say(struct imapid_tls *tls, enum imapid_tls_event event, int dir);
void imapid_tls_say_gap(struct imapid_tls *tls, int dir);

/* Ends a direction, for the first reason given; a direction that has ended stays as it is. */
void imapid_tls_stop(struct imapid_tls *tls, int dir, enum imapid_tls_reason reason);

/* Ends a direction for this reason, even one that was closed. */
void imapid_tls_end(struct imapid_tls *tls, int dir, enum imapid_tls_reason reason);

static inline bool imapid_tls_is_over(const struct imapid_tls *tls, int dir)
{
    return tls->info.stopped[dir] || tls->info.closed[dir];
}

/* The handshake message under way counts no more, or was read. */
void imapid_tls_forget_message(struct imapid_tls_flow *flow);

/* Octets of handshake messages are missing: what comes is read again from a record on that holds
 * whole messages alone. */
void imapid_tls_break_handshake(struct imapid_tls_flow *flow);

#endif
