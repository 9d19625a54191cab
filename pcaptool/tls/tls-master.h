/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_MASTER_H
#define IMAPID_TLS_TLS_MASTER_H

#include "tls/tls-flow.h"

/* Master secrets of TLS 1.2 and before, made of premaster secrets that the key log has. All of this
 * is for nothing, and costs nothing, where it has none when the handshake begins. */

/* A ClientHello begins: so does what is hashed. */
void imapid_tls_begin_transcript(struct imapid_tls *tls);

/* The next octets of handshake messages, of either direction. */
void imapid_tls_add_transcript(struct imapid_tls *tls, const uint8_t *octets, size_t n);

/* The body of a ClientKeyExchange, the last message that is hashed. */
void imapid_tls_take_key_exchange(struct imapid_tls *tls, const uint8_t *body, size_t n);

/* Master secret number i, from 0. False: there is none any more. The caller wipes it. */
bool imapid_tls_make_master(const struct imapid_tls *tls, unsigned i, struct imapid_secret *master);

/* Gives up what was hashed so far. */
void imapid_tls_end_transcript(struct imapid_tls *tls);

#endif
