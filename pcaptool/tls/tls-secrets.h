/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_SECRETS_H
#define IMAPID_TLS_TLS_SECRETS_H

#include "tls/keylog.h"

struct imapid_tls;

/* The secrets of one connection, for who hands it on. */

/* Appends lines of a key log, each with its end: whatever the key log has for the ClientHellos of the connection, an inner one
 * too; and the master secrets that opened it, as CLIENT_RANDOM, also where they come from a premaster secret or
 * an earlier session. With them it can be read as it is read here. Nothing where nothing is known. The caller
 * wipes them. */
void imapid_tls_spell_secrets(const struct imapid_tls *tls, GString *lines);

/* A master secret opened a record of the handshake under way. */
void imapid_tls_note_master(struct imapid_tls *tls, const struct imapid_secret *master);

/* Wipes and frees what was noted. */
void imapid_tls_free_masters(struct imapid_tls *tls);

#endif
