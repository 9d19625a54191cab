/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_KEYLOG_LINE_H
#define IMAPID_TLS_KEYLOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <imapid/hello.h>

/* One line of a key log: the NSS key log format (draft-ietf-tls-keylogfile), and what Java's tools
 * write. Pure: no state. */

#define IMAPID_TLS_SECRET_LEAST 32 /* octets of the shortest: SHA-256 */
#define IMAPID_TLS_SECRET_MAX   48 /* octets of the longest secret: SHA-384, a master secret */

/* What a secret is. */
enum imapid_secret_kind {
    IMAPID_SECRET_MASTER,           /* CLIENT_RANDOM: TLS 1.2 and before, 48 octets */
    IMAPID_SECRET_CLIENT_HANDSHAKE, /* CLIENT_HANDSHAKE_TRAFFIC_SECRET, 32 or 48 octets */
    IMAPID_SECRET_SERVER_HANDSHAKE, /* SERVER_HANDSHAKE_TRAFFIC_SECRET */
    IMAPID_SECRET_CLIENT_TRAFFIC,   /* CLIENT_TRAFFIC_SECRET_0 */
    IMAPID_SECRET_SERVER_TRAFFIC,   /* SERVER_TRAFFIC_SECRET_0 */
    IMAPID_SECRET_CLIENT_EARLY,     /* CLIENT_EARLY_TRAFFIC_SECRET */
    IMAPID_SECRET_SESSION, /* the master secret of a session that may be resumed, 48 octets: "RSA
                              Session-ID:…", or remembered; see imapid_keylog_remember() */
    IMAPID_N_SECRET_KINDS
};

/* Secrets of any length, of which few logs have any. */
enum imapid_long_kind {
    IMAPID_LONG_PREMASTER,  /* what a master secret is made of: PMS_CLIENT_RANDOM, RSA */
    IMAPID_LONG_ECH_SECRET, /* what an encrypted ClientHello is opened with (RFC 9850), */
    IMAPID_LONG_ECH_CONFIG, /* and the ECHConfig it was made for; both by the outer client random */
    IMAPID_N_LONG_KINDS
};

struct imapid_secret {
    uint8_t n;
    uint8_t octets[IMAPID_TLS_SECRET_MAX];
};

/* What a line is. */
enum imapid_keylog_sort {
    IMAPID_KEYLOG_SECRET,
    IMAPID_KEYLOG_LONG,    /* see enum imapid_long_kind */
    IMAPID_KEYLOG_COMMENT, /* or blank */
    IMAPID_KEYLOG_IGNORED, /* of a known kind that is of no use here: `label` says which */
    IMAPID_KEYLOG_UNKNOWN, /* its label is none that is known */
    IMAPID_KEYLOG_NOT_HEX, /* a word of it should be hexadecimal, and is not */
    IMAPID_KEYLOG_LENGTH   /* words are too long, too short, too many or too few */
};

struct imapid_keylog_line {
    enum imapid_secret_kind kind;
    uint8_t key[IMAPID_TLS_RANDOM]; /* the client random, or imapid_keylog_session_key() */
    struct imapid_secret secret;
    const char *label; /* static; not as the line spells it */
    enum imapid_long_kind long_kind;
    const uint8_t *digits; /* 2 * n_long hexadecimal digits, in the line */
    size_t n_long;
};

/* Reads `n` octets, a line without its line end; any are good. SECRET sets kind, key and secret,
 * LONG key, long_kind and digits, IGNORED the label; the rest of *line is of no meaning, and the
 * caller's to wipe. */
enum imapid_keylog_sort imapid_keylog_line_read(struct imapid_keylog_line *line,
                                                const uint8_t *octets, size_t n);

/* The word a line begins with. SESSION has none: NULL. */
const char *imapid_keylog_line_label(enum imapid_secret_kind kind);
const char *imapid_keylog_line_long_label(enum imapid_long_kind kind);

/* 2 * n hexadecimal digits to n octets. False where one is no digit. */
bool imapid_keylog_unhex(const uint8_t *at, size_t n, uint8_t *out);

/* The premaster secrets of an RSA key exchange are found by the first octets of what it encrypts
 * them to (RFC 5246 7.4.7.1), at the front of a key, with zeros behind. */
#define IMAPID_TLS_EXCHANGE_KEY 8

/* The most octets of a long secret. Diffie-Hellman with 8192 bits has 1,024, an ECHConfig with a
 * post-quantum key some 1,300; a line with more is too long to be kept. */
#define IMAPID_TLS_LONG_MAX 2000

/* Makes of a session's identifier (RFC 5246 7.4.1.2; 1 to IMAPID_TLS_RANDOM octets) what its secret
 * is looked up by, in place of a client random. */
void imapid_keylog_session_key(const uint8_t *id, size_t n, uint8_t key[IMAPID_TLS_RANDOM]);

#endif
