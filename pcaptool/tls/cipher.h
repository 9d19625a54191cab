/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_CIPHER_H
#define IMAPID_TLS_CIPHER_H

#include "tls/keylog.h"
#include "tls/suites.h"

/* The record protection of one direction under one set of keys. */
struct imapid_cipher;

#define IMAPID_TLS_HEADER 5 /* octets of a record's header: type, version, length */

/* The most octets behind a header, RFC 5246 6.2.3; 1.3 allows fewer, RFC 8446 5.2. */
#define IMAPID_TLS_BODY_MAX     (16384 + 2048)
#define IMAPID_TLS_BODY_MAX_1_3 (16384 + 256)

/* TLS 1.3: the keys of a traffic secret (RFC 8446 7.3). NULL: libgcrypt refuses the cipher, or the
 * secret has not the length of the suite's hash. */
struct imapid_cipher *imapid_cipher_new_1_3(const struct imapid_suite *suite,
                                            const struct imapid_secret *secret);

/* The secret after a KeyUpdate (RFC 8446 7.2), in place. False when libgcrypt refuses. */
bool imapid_cipher_update_secret(const struct imapid_suite *suite, struct imapid_secret *secret);

/* What the keys of TLS 1.2 and before come from (RFC 5246 6.3). */
struct imapid_cipher_origin {
    const struct imapid_suite *suite;
    uint16_t version;
    bool encrypt_then_mac; /* negotiated; of no effect on AEAD */
    uint8_t client_random[IMAPID_TLS_RANDOM], server_random[IMAPID_TLS_RANDOM];
};

/* The keys the client (from_client) or the server writes with. NULL: libgcrypt refuses. */
struct imapid_cipher *imapid_cipher_new_1_2(const struct imapid_cipher_origin *origin,
                                            const struct imapid_secret *master, bool from_client);

/* Of a suite without encryption (imapid_suites_is_clear()), where no secret is known: takes the
 * MACs off, and cannot check them. Never NULL. */
struct imapid_cipher *imapid_cipher_new_clear(const struct imapid_suite *suite, uint16_t version);

/* Decrypts a whole record of n octets, header included, of the given sequence number, and checks
 * that it is authentic. True: *type is the type of the content (1.3: the inner one), out has
 * *n_out octets of it (padding and MAC taken off). False: it is not authentic, or not well formed,
 * and out holds nothing to be believed. out has room for n octets and may not overlap. */
bool imapid_cipher_open(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                        size_t n, uint8_t *out, size_t *n_out, uint8_t *type);

/* The fewest octets a record's body may have. */
size_t imapid_cipher_least(const struct imapid_suite *suite, uint16_t version);

/* Can a record be opened whose predecessors were lost, or were not authentic? Not where each one's
 * IV is the end of the one before (CBC in TLS 1.0), and not with a stream cipher. */
bool imapid_cipher_survives_loss(const struct imapid_cipher *cipher);

/* Wipes the keys and frees it. NULL is allowed. */
void imapid_cipher_free(struct imapid_cipher *cipher);

#endif
