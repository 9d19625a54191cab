/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sessions.h: what the library knows of all connections. Most of it is 0, and most connections are not read
 * at the time: so the sessions of a few are in hand, and the others are packed. */
#ifndef IMAPID_DISSECTOR_SESSIONS_H
#define IMAPID_DISSECTOR_SESSIONS_H

#include <imapid/session.h>

#include "ws-compat.h"

/* That of one connection. */
struct imapid_kept_session {
    struct imapid_session *session; /* in hand; NULL: it is packed */
    uint8_t *packed;                /* NULL: never so far; file scope */
    size_t n_packed;                /* for so many octets there is room */
    unsigned place;                 /* among those in hand */
};

/* A new one in file scope, all 0. */
struct imapid_kept_session *imapid_sessions_new(void);

/* To be read; or to be changed. Good until one of these is called for another connection. */
const struct imapid_session *imapid_sessions_get(struct imapid_kept_session *kept);
struct imapid_session *imapid_sessions_change(struct imapid_kept_session *kept);

/* The file is closed. */
void imapid_sessions_drop(const struct imapid_kept_session *kept);

#endif
