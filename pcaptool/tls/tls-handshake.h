/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_HANDSHAKE_H
#define IMAPID_TLS_TLS_HANDSHAKE_H

#include "tls/tls-flow.h"

/* Handshake messages, and what they change. */

/* The content of a handshake record, in the clear or decrypted. */
void imapid_tls_read_handshake(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n);

#endif
