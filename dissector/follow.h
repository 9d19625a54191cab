/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow.h: Follow > IMAP Stream, and `-z follow,imap,ascii,N`: the conversation inside TLS, SASL and
 * DEFLATE. */
#ifndef IMAPID_DISSECTOR_FOLLOW_H
#define IMAPID_DISSECTOR_FOLLOW_H

#include "records.h"

void imapid_follow_register(void);
void imapid_follow_handoff(void);

/* Tells the window what a call brought, if one is open. On every visit, with or without a tree. `tvb`
 * has the octets of the call; they are used as long as the packet is there. */
void imapid_follow_tell(const struct imapid_call *call, tvbuff_t *tvb, packet_info *pinfo);

#endif
