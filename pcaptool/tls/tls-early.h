/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_EARLY_H
#define IMAPID_TLS_TLS_EARLY_H

#include "tls/tls-flow.h"

/* Early data (RFC 8446 4.2.10), which waits until the server says whether it takes it. */

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

/* Frees what waits, and wipes its keys. */
void imapid_tls_free_early(struct imapid_tls *tls);

#endif
