/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello.h: the first messages of a TLS handshake, which say in the clear what is offered and chosen. */
#ifndef IMAPID_HELLO_H
#define IMAPID_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAPID_TLS_RANDOM 32 /* octets of a client or server random */

/* What a reader needs of ClientHello, ServerHello (RFC 8446 4.1, RFC 5246 7.4.1) and
 * EncryptedExtensions (RFC 8446 4.3.1). Pointers go into the message that was parsed; NULL and 0
 * where it has no such part. */
struct imapid_hello {
    uint16_t version;      /* legacy_version, or a server's choice in supported_versions */
    uint16_t newest;       /* a client's: the newest version that it offers, TLS 1.3 at most */
    const uint8_t *random; /* IMAPID_TLS_RANDOM octets */
    const uint8_t *session_id;
    size_t n_session_id;
    uint16_t suite;        /* a server's */
    const uint8_t *suites; /* a client's, two octets each */
    size_t n_suites;       /* octets */
    uint8_t compression;   /* a server's; 0 none */
    bool is_retry;         /* the ServerHello is a HelloRetryRequest */
    bool encrypt_then_mac;
    bool extended_master_secret;
    bool truncated_mac;
    bool early_data;
    bool pre_shared_key;
    /* A client's: the extension with another ClientHello, encrypted, or what pretends to be one
     * (GREASE). */
    const uint8_t *ech;
    size_t n_ech;
    const uint8_t *ticket; /* SessionTicket (RFC 5077 3.2): a client's, to resume with */
    size_t n_ticket;
    const uint8_t *server_name; /* of the type host_name */
    size_t n_server_name;
    const uint8_t *alpn; /* protocol_name_list: each a length octet and that many octets, >= 1 */
    size_t n_alpn;
};

/* The n octets behind a handshake message's header. False: not well formed; then *hello holds what
 * came before the flaw. Extensions that are not known are passed over, and so is what is malformed
 * inside of a known one that only informs (server name, ALPN). */
bool imapid_hello_read_client(const uint8_t *message, size_t n, struct imapid_hello *hello);
bool imapid_hello_read_server(const uint8_t *message, size_t n, struct imapid_hello *hello);
bool imapid_hello_read_extensions(const uint8_t *message, size_t n, struct imapid_hello *hello);

/* Suites that a client offers, but for those that only signal something: GREASE (RFC 8701), the SCSVs
 * of RFC 5746 and RFC 7507. */
unsigned imapid_hello_count_suites(const struct imapid_hello *hello);

enum imapid_hello_guess {
    IMAPID_HELLO_NOT,
    IMAPID_HELLO_SHORT, /* too few octets; all that are there fit. 11 suffice */
    IMAPID_HELLO_BEGINS,
};

/* Does a record with a ClientHello or a ServerHello begin here: the start of TLS in one direction? */
enum imapid_hello_guess imapid_hello_recognise(const uint8_t *octets, size_t n);

/* Is it a ClientHello, as far as it goes: the record's header and the type of the message, at least? */
bool imapid_hello_is_clients(const uint8_t *octets, size_t n);

/* Does a record with a part of a handshake begin here, as far as its type and version tell? */
bool imapid_hello_is_handshake(const uint8_t *octets, size_t n);

/* Does an alert end the connection, whatever its peer makes of it (RFC 8446 6, RFC 5246 7.2)? */
bool imapid_hello_is_fatal(uint8_t level, uint8_t alert);

#endif
