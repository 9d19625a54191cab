/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_STATE_H
#define IMAPID_TLS_TLS_STATE_H

#include "tls/cipher.h"
#include "tls/tls.h"

#include <glib.h>

/* What tls.c (octets to records), tls-keys.c (records to content) and tls-handshake.c (messages to
 * state) share. Nobody else includes this. */

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
    /* Suites without encryption that the client offered. Without a secret nothing else vouches for
     * what the ServerHello says. */
    uint16_t clear_suites[IMAPID_TLS_CLEAR_MAX];
    uint8_t n_clear_suites;
    bool saw_done; /* ServerHelloDone or a certificate: a full handshake */

    /* What a later connection may resume this session by, or this one an earlier session by
     * (RFC 5246 7.4.1.2, RFC 5077). */
    struct imapid_tls_session id;      /* of the ServerHello */
    struct imapid_tls_session ticket;  /* issued in this handshake */
    struct imapid_tls_session offered; /* ticket of the ClientHello */

    /* Octets that may still be decrypted in vain, so that no input makes the search for a record
     * after a gap expensive. */
    uint64_t budget;

    struct imapid_tls_held *held, **held_end;
    size_t n_held; /* octets, with what is spent on each record */
    size_t n_hold;
    uint64_t generation; /* of the key log when a key was last missing */
};

/* What came of a record. */
enum imapid_tls_result {
    IMAPID_TLS_TAKEN,  /* read, or passed over */
    IMAPID_TLS_WAIT,   /* no secret fits it, and one may come: nothing was changed */
    IMAPID_TLS_PASSED, /* no secret fits it, but it is one of which that was to be expected, or the
                          first of few: passed over */
    IMAPID_TLS_FAILED  /* no secret fits it, and none is waited for */
};

/* ---- tls.c ---- */

/* Ends a direction, for the first reason given. */
void imapid_tls_stop(struct imapid_tls *tls, int dir, enum imapid_tls_reason reason);
void imapid_tls_say(struct imapid_tls *tls, enum imapid_tls_event event, int dir);
void imapid_tls_say_gap(struct imapid_tls *tls, int dir);

/* ---- tls-keys.c ---- */

/* Makes a protected epoch begin: its keys are to be found with its first record. */
void imapid_tls_change_epoch(struct imapid_tls *tls, int dir, enum imapid_tls_epoch epoch);

/* 1.3: the sender goes on to the next traffic secret. */
void imapid_tls_update_keys(struct imapid_tls *tls, int dir);

/* Names a session by its ticket; by none where n is 0. */
void imapid_tls_set_ticket(struct imapid_tls_session *session, const uint8_t *ticket, size_t n);

/* What a record held. */
struct imapid_tls_content {
    uint8_t *octets; /* room for the record; the caller's */
    size_t n;
    uint8_t type;
};

/* Is the record of n octets, header included, authentic under the keys the direction has or could
 * have by now? True: it is read to *content, the keys are in use and the sequence number counts
 * on. False: nothing was changed; *reason says why. */
bool imapid_tls_try(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n,
                    struct imapid_tls_content *content, enum imapid_tls_reason *reason);

/* The same of a record that stands where one has to stand, in a protected epoch: if it cannot be
 * read the direction takes note. FAILED: *reason says why. */
enum imapid_tls_result imapid_tls_decrypt(struct imapid_tls *tls, int dir, const uint8_t *record,
                                          size_t n, struct imapid_tls_content *content,
                                          enum imapid_tls_reason *reason);

/* That many octets in records of unknown number are missing; 0: nobody knows how many. */
void imapid_tls_lose_records(struct imapid_tls *tls, int dir, uint64_t n_lost);

/* ---- tls-early.c ---- */

/* A record of the client, with its header, that is early data, or may be. */
void imapid_tls_take_early(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n);

/* The server takes early data, or it does not. */
void imapid_tls_accept_early(struct imapid_tls *tls);
void imapid_tls_refuse_early(struct imapid_tls *tls);

/* The server goes on to application data. If nothing tells whether it took early data, what waits
 * is missing to the answers. */
void imapid_tls_pass_early(struct imapid_tls *tls);

/* The client's Finished: there is no more. */
void imapid_tls_end_early(struct imapid_tls *tls);

void imapid_tls_free_early(struct imapid_tls *tls);

/* ---- tls-handshake.c ---- */

/* The content of a handshake record, in the clear or decrypted. */
void imapid_tls_read_handshake(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n);

/* Octets of handshake messages are missing: what comes is read again from a record on that holds
 * whole messages alone. */
void imapid_tls_break_handshake(struct imapid_tls_flow *flow);

#endif
