/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identity.h: who talks, as generated fields on every packet of a connection, so that a filter for
 * a client selects its whole traffic. */
#ifndef IMAPID_DISSECTOR_IDENTITY_H
#define IMAPID_DISSECTOR_IDENTITY_H

#include <imapid/proxy.h>

#include "stream.h"

void imapid_identity_register(int proto, module_t *preferences);

/* Is it wanted at all? Cheap, as the next one. */
bool imapid_identity_is_wanted(void);

/* Is there anything to add to any packet of this capture that was read? */
bool imapid_identity_is_known(void);

/* Remembers an ID of a connection: called when it is read, before it is shown. */
void imapid_identity_note(struct imapid_stream *stream, struct imapid_ident *ident);

/* An ID (NULL: none) was answered NO or BAD, or turned out to be none: another stands for its side,
 * if there is one. */
void imapid_identity_refuse(struct imapid_stream *stream, struct imapid_ident *ident);

/* Remembers whom the header of a proxy named. */
void imapid_identity_note_proxy(struct imapid_stream *stream,
                                const struct imapid_proxy_header *header);

/* Adds what is known of a connection to one of its packets. `stream`: NULL: nothing was read.
 * `unread`: why it, or the rest of it, was not read; NULL: it was. */
void imapid_identity_add(const struct imapid_stream *stream, const char *unread, tvbuff_t *tvb,
                         packet_info *pinfo, proto_tree *tree);

#endif
