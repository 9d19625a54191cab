/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_ECH_H
#define IMAPID_TLS_TLS_ECH_H

#include "tls/tls-flow.h"

#include <imapid/hello.h>

/* Encrypted ClientHello (ECH, RFC 9849). */

/* A ClientHello, n octets behind the message's header, was read as `outer`: opens the one in it, if
 * the key log has what it takes, or may have it later. */
void imapid_tls_read_ech(struct imapid_tls *tls, const uint8_t *body, size_t n,
                         const struct imapid_hello *outer);

/* Is the inner ClientHello open? Then its random is tls->ech.random. Tries again what failed, when
 * the key log has grown. */
bool imapid_tls_find_inner(struct imapid_tls *tls);

/* A record was opened with a secret of the inner ClientHello: the server took that one, and what it
 * names counts. */
void imapid_tls_take_inner(struct imapid_tls *tls);

void imapid_tls_free_ech(struct imapid_tls *tls);

#endif
